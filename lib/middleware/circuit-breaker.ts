import { monotonicNow, wallNow } from '../clock';
import { KernelError, MiddlewareError, messageOf } from '../errors';
import { native } from '../native/index';
import type { BreakerPolicy } from '../native/policy';
import { callBack } from '../observability/guard';
import { createPort } from '../observability/port';
import type { ObservabilityPort } from '../observability/port';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireString,
} from '../validate';
import { Cancellation, signalOf } from './cancel';
import type { Cancel } from './cancel';
import { timers } from '../timers';

/** What a circuit does: lets all calls through; refuses them; tries a few. */
export const CircuitState = { CLOSED: 'CLOSED', OPEN: 'OPEN', HALF_OPEN: 'HALF_OPEN' } as const;
export type CircuitState = (typeof CircuitState)[keyof typeof CircuitState];

/** The core's numbers of the states. */
const STATES: readonly CircuitState[] = ['CLOSED', 'OPEN', 'HALF_OPEN'];

/** Configuration of a {@link CircuitBreaker}. */
export interface CircuitBreakerConfig {
  /** Names it in errors and logs. */
  name: string;
  /** Failures in a row that open it, at least 1. Default 3; without a default if `failureRateThreshold` is given. */
  failureThreshold?: number;
  /** Failures per call in the sliding window that open it, above 0 to 1. Default: off. */
  failureRateThreshold?: number;
  /** Calls in the window before the rate counts. Default 10. */
  minimumCalls?: number;
  /** The window: the last so many calls. Default 100. */
  slidingWindowSize?: number;
  /** The window: the last so many milliseconds, instead of `slidingWindowSize`. */
  slidingWindowMs?: number;
  /** Milliseconds that it stays open. Default 180,000. */
  recoveryTimeout?: number;
  /** Successful probes that close it, and the most that run at a time while half-open. Default 2. */
  successThreshold?: number;
  /** Limit of one operation in milliseconds; longer counts as failed. Default 180,000. */
  operationTimeout?: number;
  /** False: every operation runs, and nothing is counted against it. Default true. */
  enabled?: boolean;
  /** Told of each change of state. */
  onStateChange?: (state: CircuitState, previous: CircuitState) => void;
  /** Told of each failed operation. */
  onFailure?: (error: Error, context?: unknown) => void;
  /** Told of each successful operation. */
  onSuccess?: (result: unknown, context?: unknown) => void;
}

/** How an operation went. */
export interface CircuitResult<T = unknown> {
  result?: T;
  error?: Error;
  /** The state afterwards. */
  state: CircuitState;
  /** Whether the operation was called. */
  executed: boolean;
  /** Whether it was refused. */
  rejected: boolean;
  /** Milliseconds. */
  duration: number;
}

/** Counts of a circuit since its creation or reset. */
export interface CircuitMetrics {
  state: CircuitState;
  /** Refused ones included. */
  totalCalls: number;
  successfulCalls: number;
  failedCalls: number;
  rejectedCalls: number;
  /** Share of `totalCalls`, 0 to 1. */
  successRate: number;
  failureRate: number;
  /** `timestamp`: milliseconds since the epoch. */
  lastFailure?: { timestamp: number; error: string };
  lastSuccess?: { timestamp: number };
  /** Milliseconds. */
  timeInCurrentState: number;
  /** While open: when the next call may be a probe, in milliseconds since the epoch. */
  nextAttempt?: number;
}

type Operation<T> = (signal: AbortSignal) => Promise<T> | T;

/**
 * Stops calling what keeps failing. Closed, it lets all calls through; failures in a row or a failure rate open it; after
 * `recoveryTimeout` the first calls are probes, and enough successful ones close it.
 */
export class CircuitBreaker {
  readonly #config: ReturnType<typeof readBreaker>;
  readonly #port: ObservabilityPort;
  readonly #policy: BreakerPolicy;
  #state: CircuitState = 'CLOSED';
  #lastFailure: CircuitMetrics['lastFailure'];
  #lastSuccess: CircuitMetrics['lastSuccess'];

  /** @throws RuntimeError INVALID_CONFIGURATION naming the option */
  constructor(observability: unknown, config: CircuitBreakerConfig) {
    this.#config = readBreaker('CircuitBreaker', config);
    this.#port = createPort(observability, true);
    this.#policy = native.createBreaker(this.#config.policy, monotonicNow());
    this.execute = this.execute.bind(this);
  }

  /** Its name. */
  get name(): string {
    return this.#config.name;
  }

  /**
   * Runs `operation`, or refuses to. Never rejects: the result says what happened. An operation that declares a parameter
   * gets a signal, aborted when `operationTimeout` is over.
   */
  execute<T>(operation: Operation<T>, context?: unknown): Promise<CircuitResult<T>> {
    const run = (cancel: Cancel): unknown =>
      requireFunction('operation', operation).length >= 1
        ? operation(signalOf(cancel)!)
        : (operation as () => unknown)();
    return this.guard<T>(run, undefined, context);
  }

  /** As {@link execute}, for an operation that takes our kind of signal. */
  async guard<T>(
    run: (cancel: Cancel) => unknown,
    outer: Cancel | undefined,
    context: unknown,
  ): Promise<CircuitResult<T>> {
    const startedAt = monotonicNow();
    const ticket = this.#config.enabled ? this.#policy.admit(startedAt) : -1;
    this.#noticeState();
    if (ticket < 0 && this.#config.enabled) return this.#refusal(startedAt);
    const outcome = await this.#attempt(run, outer, startedAt);
    const now = monotonicNow();
    if ('error' in outcome) this.#onFailure(ticket, now, outcome.error, context);
    else this.#onSuccess(ticket, now, outcome.result, context);
    const state = this.#state;
    return { ...(outcome as { result: T }), state, executed: true, rejected: false, duration: now - startedAt };
  }

  /** Opens it; nothing if it is open. */
  readonly forceOpen = (): void => {
    this.#policy.forceOpen(monotonicNow());
    this.#noticeState();
  };

  /** Closes it; nothing if it is closed. */
  readonly forceClose = (): void => {
    this.#policy.forceClose(monotonicNow());
    this.#noticeState();
  };

  /** Closes it and forgets all counts; tells `onStateChange` also if it was closed. */
  readonly reset = (): void => {
    const previous = this.#state;
    this.#policy.reset(monotonicNow());
    this.#lastFailure = undefined;
    this.#lastSuccess = undefined;
    this.#state = 'CLOSED';
    this.#announce(previous);
  };

  readonly getState = (): CircuitState => this.#state;
  readonly isOpen = (): boolean => this.#state === 'OPEN';
  readonly isClosed = (): boolean => this.#state === 'CLOSED';
  readonly isHalfOpen = (): boolean => this.#state === 'HALF_OPEN';

  /** Counts since creation or reset. */
  readonly getMetrics = (): CircuitMetrics => {
    const policy = this.#policy;
    const now = monotonicNow();
    const totalCalls = policy.calls();
    const share = (calls: number): number => (totalCalls === 0 ? 0 : calls / totalCalls);
    const openUntil = policy.openUntil();
    return {
      state: this.#state,
      totalCalls,
      successfulCalls: policy.succeeded(),
      failedCalls: policy.failed(),
      rejectedCalls: policy.rejected(),
      successRate: share(policy.succeeded()),
      failureRate: share(policy.failed()),
      ...(this.#lastFailure && { lastFailure: this.#lastFailure }),
      ...(this.#lastSuccess && { lastSuccess: this.#lastSuccess }),
      timeInCurrentState: now - policy.since(),
      ...(!Number.isNaN(openUntil) && { nextAttempt: wallNow() + (openUntil - now) }),
    };
  };

  #refusal<T>(startedAt: number): CircuitResult<T> {
    const message = `Circuit breaker is OPEN for ${this.#config.name}`;
    const error = new MiddlewareError('MIDDLEWARE_CIRCUIT_BREAKER_OPEN', message, {
      context: { name: this.#config.name },
    });
    return { error, state: this.#state, executed: false, rejected: true, duration: monotonicNow() - startedAt };
  }

  #attempt(
    run: (cancel: Cancel) => unknown,
    outer: Cancel | undefined,
    startedAt: number,
  ): Promise<{ result: unknown } | { error: unknown }> {
    const limitMs = this.#config.operationTimeout;
    const cancellation = new Cancellation(outer);
    return new Promise((resolve) => {
      const alarm = {
        ring: () => {
          const error = new KernelError('KERNEL_OPERATION_TIMEOUT', `Operation timeout after ${limitMs}ms`);
          end({ error });
          cancellation.abort(error);
        },
      };
      const deadline = timers.start(alarm, startedAt, limitMs);
      const end = (outcome: { result: unknown } | { error: unknown }): void => {
        timers.stop(deadline, alarm);
        cancellation.release();
        resolve(outcome);
      };
      callAsync(run, cancellation).then(
        (result) => end({ result }),
        (error: unknown) => end({ error }),
      );
    });
  }

  #onSuccess(ticket: number, now: number, result: unknown, context: unknown): void {
    this.#lastSuccess = { timestamp: wallNow() };
    if (this.#config.enabled) this.#policy.succeed(ticket, now);
    this.#noticeState();
    this.#tell('onSuccess', () => this.#config.onSuccess?.(result, context));
  }

  #onFailure(ticket: number, now: number, error: unknown, context: unknown): void {
    this.#lastFailure = { timestamp: wallNow(), error: messageOf(error) };
    if (this.#config.enabled) this.#policy.fail(ticket, now);
    this.#noticeState();
    this.#tell('onFailure', () => this.#config.onFailure?.(error as Error, context));
  }

  #noticeState(): void {
    const previous = this.#state;
    this.#state = STATES[this.#policy.state()]!;
    if (this.#state !== previous) this.#announce(previous);
  }

  #announce(previous: CircuitState): void {
    const state = this.#state;
    this.#port.log(state === 'OPEN' ? 'warn' : 'info', `Circuit breaker ${this.#config.name} is ${state}`, {
      previous,
    });
    this.#tell('onStateChange', () => this.#config.onStateChange?.(state, previous));
  }

  /** Calls a callback of the user; what it throws or rejects with is logged. */
  #tell(name: string, callback: () => unknown): void {
    callBack(callback, (error) => {
      const message = `${name} of circuit breaker ${this.#config.name} failed`;
      this.#port.flood(`circuit.${name}`, 'error', message, () => ({ error: messageOf(error) }));
    });
  }
}

/** An operation that throws at once rejects like any other. */
async function callAsync(run: (cancel: Cancel) => unknown, cancel: Cancel): Promise<unknown> {
  return run(cancel);
}

/** Checks a configuration; `path` names what it belongs to. */
export function readBreaker(path: string, config: CircuitBreakerConfig) {
  requireObject(`${path} config`, config);
  const count = (name: keyof CircuitBreakerConfig, fallback: number): number =>
    requireInteger(`${path}.${name}`, config[name] ?? fallback, { min: 1, max: 2 ** 32 - 1 });
  const rate = config.failureRateThreshold;
  const windowMs = config.slidingWindowMs;
  const noConsecutive = rate !== undefined && config.failureThreshold === undefined;
  for (const name of ['onStateChange', 'onFailure', 'onSuccess'] as const) {
    if (config[name] !== undefined) requireFunction(`${path}.${name}`, config[name]);
  }
  return {
    name: requireString(`${path}.name`, config.name),
    enabled: requireBoolean(`${path}.enabled`, config.enabled ?? true),
    operationTimeout: requireNumber(`${path}.operationTimeout`, config.operationTimeout ?? 180_000, { min: 1 }),
    onStateChange: config.onStateChange,
    onFailure: config.onFailure,
    onSuccess: config.onSuccess,
    policy: {
      failureThreshold: noConsecutive ? 0 : count('failureThreshold', 3),
      recoveryMs: requireNumber(`${path}.recoveryTimeout`, config.recoveryTimeout ?? 180_000, { min: 0 }),
      successThreshold: count('successThreshold', 2),
      failureRate:
        rate === undefined ? 0 : requireNumber(`${path}.failureRateThreshold`, rate, { min: 0.0001, max: 1 }),
      minimumCalls: count('minimumCalls', 10),
      windowCalls: count('slidingWindowSize', 100),
      windowMs: windowMs === undefined ? 0 : requireNumber(`${path}.slidingWindowMs`, windowMs, { min: 1 }),
    },
  };
}

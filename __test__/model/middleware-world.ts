import { vi } from 'vitest';
import { composeMiddleware, createEvent, createRuntime } from '../../lib/index';
import {
  withCache,
  withCircuitBreaker,
  withConcurrency,
  withFallback,
  withRateLimit,
  withRetry,
  withTimeout,
} from '../../lib/middleware/index';
import { pass, turn, watched } from './surroundings';
import type { Attempt, MiddlewareCase, MiddlewarePlan, MiddlewareStep } from './middleware-case';
import type { Middleware } from '../../lib/middleware/types';
import type { AnyEvent } from '../../lib/events';
import type { Runtime } from '../../lib/runtime-types';

type CallStep = Extract<MiddlewareStep, { step: 'call' }>;

/** One event, and what is known of it. */
interface Call {
  step: CallStep;
  event: AnyEvent;
  abort: AbortController | undefined;
  /** Handler runs that have begun. */
  runs: number;
  isSettled: boolean;
}

/** Longer than everything that a case waits for. */
const LONG_MS = 4_000;
const STEPS = 80;

/** Errors that middleware answers with, besides those of the handler. */
const KNOWN_CODES = new Set([
  'TIMEOUT_EXCEEDED',
  'RETRY_EXCEEDED',
  'CONCURRENCY_DROP',
  'CONCURRENCY_TIMEOUT',
  'MIDDLEWARE_CIRCUIT_BREAKER_OPEN',
  'MIDDLEWARE_RATE_LIMIT_EXCEEDED',
  'ABORTED',
  'NETWORK_ERROR',
  'FOR_GOOD',
  'ACK_TIMEOUT',
  'EVENT_CANCELLED',
  'KERNEL_OPERATION_TIMEOUT',
]);

const PROBE = 'probe';

/** Plays calls through a list of middleware, by hand or in a runtime, and watches what must be true whatever the list is. */
export class MiddlewareWorld {
  readonly #case: MiddlewareCase;
  readonly #wrong: string[] = [];
  readonly #calls: Call[] = [];
  readonly #runtime: Runtime | undefined;
  readonly #byHand: ((event: AnyEvent, signal?: AbortSignal) => unknown) | undefined;
  /** Handlers that run, by key. */
  readonly #running = new Map<string, number>();
  #probes = 0;

  constructor(given: MiddlewareCase) {
    this.#case = given;
    const { list, inRuntime, maxConcurrent, ackTimeout } = given.settings;
    const handler = (event: AnyEvent, signal?: AbortSignal): unknown => this.#handle(event, signal);
    if (!inRuntime) {
      this.#byHand = composeMiddleware(...[...list].reverse().map(middlewareOf))(handler);
      return;
    }
    this.#runtime = createRuntime({}, undefined, {
      middleware: list.map(middlewareOf),
      maxConcurrent,
      maxMemoryUsage: 1,
      maxCpuUsage: 1,
      onError: (error, event) => this.#settled(event, error),
      ...(ackTimeout !== undefined && { enableAcks: true, ackTimeout, maxRetries: 0 }),
    });
    this.#runtime.on('call', handler);
    this.#runtime.start();
  }

  async play(): Promise<string[]> {
    const wrong = await watched(this.#wrong, async () => {
      for (const step of this.#case.steps) await this.#do(step);
      await pass(LONG_MS, STEPS);
      this.#checkEnds();
      await this.#probe();
      await this.#end();
    });
    vi.clearAllTimers();
    return wrong;
  }

  async #do(step: MiddlewareStep): Promise<void> {
    if (step.step === 'advance') return pass(step.ms, STEPS);
    if (step.step === 'abort') return this.#calls[step.n]?.abort?.abort();
    this.#call(step);
  }

  #call(step: CallStep): void {
    const abort = step.hasSignal ? new AbortController() : undefined;
    const event = createEvent('call', { call: this.#calls.length, key: step.key });
    const call = { step, event, abort, runs: 0, isSettled: false };
    this.#calls.push(call);
    const signal = abort?.signal;
    if (this.#runtime !== undefined) this.#runtime.emitEvent(event, signal === undefined ? {} : { signal });
    else this.#callByHand(call, signal);
  }

  #callByHand(call: Call, signal: AbortSignal | undefined): void {
    const startedAt = performance.now();
    const limit = this.#outermostLimit;
    const settled = (error: unknown): void => {
      const took = performance.now() - startedAt;
      if (took > limit) this.#wrong.push(`call ${this.#calls.indexOf(call)} took ${took} ms, allowed ${limit}`);
      this.#settled(call.event, error);
    };
    try {
      Promise.resolve(this.#byHand!(call.event, signal)).then((value) => {
        this.#checkValue(call, value);
        settled(undefined);
      }, settled);
    } catch (error) {
      settled(error);
    }
  }

  /** How long a call may take where the timeout is around all others. */
  get #outermostLimit(): number {
    const outermost = this.#case.settings.list.at(-1)!;
    return outermost.name === 'timeout' ? outermost.timeoutMs : Infinity;
  }

  #checkValue(call: Call, value: unknown): void {
    const isCached = this.#has('cache');
    const own = `value of ${call.step.key}`;
    if (value === own || (value === 'fallback' && this.#has('fallback'))) return;
    this.#wrong.push(
      `call ${this.#calls.indexOf(call)} was answered ${String(value)}${isCached ? ' by the cache?' : ''}`,
    );
  }

  #has(name: MiddlewarePlan['name']): boolean {
    return this.#case.settings.list.some((plan) => plan.name === name);
  }

  #settled(event: AnyEvent, error: unknown): void {
    const call = this.#calls.find((one) => one.event.id === event.id);
    if (call === undefined) return;
    if (call.isSettled) this.#wrong.push('an event has ended twice');
    call.isSettled = true;
    const { code } = (error ?? {}) as { code?: string };
    if (error !== undefined && !KNOWN_CODES.has(String(code))) this.#wrong.push(`ended with ${String(error)}`);
  }

  // ── The handler ──────────────────────────────────────────────────────────────────────────────────────

  #handle(event: AnyEvent, signal: AbortSignal | undefined): unknown {
    const { call: n, key } = event.data as { call: number | typeof PROBE; key: string };
    if (n === PROBE) {
      this.#probes++;
      return sleep(3);
    }
    const call = this.#calls[n]!;
    const attempt = call.step.attempts[Math.min(call.runs++, call.step.attempts.length - 1)]!;
    if (call.runs > this.#mostRuns) this.#wrong.push(`call ${n} ran ${call.runs} times`);
    if (call.isSettled) this.#wrong.push(`call ${n} began to run after it had ended`);
    this.#enter(key);
    return this.#behave(attempt, key, signal);
  }

  get #mostRuns(): number {
    return this.#case.settings.list.reduce(
      (most, plan) => (plan.name === 'retry' ? most * (1 + plan.maxRetries) : most),
      1,
    );
  }

  #enter(key: string): void {
    const count = (this.#running.get(key) ?? 0) + 1;
    this.#running.set(key, count);
    for (const [index, plan] of this.#case.settings.list.entries()) {
      if (plan.name === 'concurrency' && this.#runsEndInside(index) && count > plan.maxConcurrent) {
        this.#wrong.push(`${count} run with the key ${key}, allowed ${plan.maxConcurrent}`);
      }
    }
  }

  /** Whether a run that holds the permit cannot be given up while its handler goes on. */
  #runsEndInside(index: number): boolean {
    const inner = this.#case.settings.list.slice(0, index);
    return inner.every(({ name }) => name !== 'timeout' && name !== 'breaker');
  }

  #behave({ ms, fails, obeys }: Attempt, key: string, signal: AbortSignal | undefined): unknown {
    const end = (): string => {
      this.#running.set(key, this.#running.get(key)! - 1);
      if (fails === 'no') return `value of ${key}`;
      throw Object.assign(new Error(fails), { code: fails === 'again' ? 'NETWORK_ERROR' : 'FOR_GOOD' });
    };
    if (ms < 0) return end();
    return (obeys ? sleep(ms, signal) : sleep(ms)).then(end, (error: unknown) => {
      this.#running.set(key, this.#running.get(key)! - 1);
      throw error;
    });
  }

  // ── What must be true ────────────────────────────────────────────────────────────────────────────────

  #checkEnds(): void {
    if (this.#runtime !== undefined) return this.#checkStats(this.#runtime);
    for (const [n, call] of this.#calls.entries()) if (!call.isSettled) this.#wrong.push(`call ${n} has never ended`);
  }

  #checkStats(runtime: Runtime): void {
    const { emitted, waiting, ready, running, waitQueueSize, availablePermits } = runtime.getStats().queue;
    if (emitted !== this.#calls.length) this.#wrong.push(`emitted ${emitted} of ${this.#calls.length}`);
    if (waiting + ready + running > 0) this.#wrong.push(`left: ${waiting} wait, ${ready} ready, ${running} running`);
    if (waitQueueSize > 0) this.#wrong.push(`parked: ${waitQueueSize}`);
    if (availablePermits !== this.#case.settings.maxConcurrent) this.#wrong.push(`permits: ${availablePermits}`);
  }

  /** All permits have come back: as many as are allowed can run at once. A breaker may still be open, of course. */
  async #probe(): Promise<void> {
    if (this.#has('breaker') || this.#wrong.length > 0) return;
    const { list, maxConcurrent, inRuntime } = this.#case.settings;
    const limits = list.map((plan) =>
      plan.name === 'concurrency' ? plan.maxConcurrent : plan.name === 'rateLimit' ? plan.limit : 3,
    );
    const most = Math.min(...limits, inRuntime ? maxConcurrent : 3);
    for (let n = 0; n < most; n++) this.#callProbe(createEvent('call', { call: PROBE, key: 'x', n }));
    await vi.advanceTimersByTimeAsync(0);
    if (this.#probes !== most) this.#wrong.push(`of ${most} that could run at once ${this.#probes} do`);
    await pass(100, STEPS);
  }

  #callProbe(event: AnyEvent): void {
    if (this.#runtime !== undefined) this.#runtime.emitEvent(event);
    else Promise.resolve(this.#byHand!(event)).catch((error: unknown) => this.#wrong.push(`probe: ${String(error)}`));
  }

  async #end(): Promise<void> {
    let isOver = this.#runtime === undefined;
    void this.#runtime?.cleanup().then(() => (isOver = true));
    await pass(LONG_MS, STEPS);
    if (!isOver) this.#wrong.push('cleanup does not end');
    await turn();
    if (vi.getTimerCount() > 0) this.#wrong.push(`timers left: ${vi.getTimerCount()}`);
  }
}

function middlewareOf(plan: MiddlewarePlan): Middleware {
  const getKey = (event: AnyEvent): unknown => (event.data as { key: string }).key;
  switch (plan.name) {
    case 'timeout':
      return withTimeout(plan);
    case 'retry':
      return withRetry({ ...plan, jitter: false });
    case 'concurrency':
      return withConcurrency({ ...plan, getKey });
    case 'breaker':
      return withCircuitBreaker(plan);
    case 'cache':
      return withCache({
        ...plan,
        keyFn: (event: AnyEvent) => `${String(getKey(event))} ${String((event.data as { n?: number }).n)}`,
      });
    case 'rateLimit':
      return withRateLimit(plan);
    case 'fallback':
      return withFallback(() => 'fallback');
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(
        signal.reason instanceof DOMException
          ? Object.assign(new Error('aborted'), { code: 'ABORTED' })
          : (signal.reason as Error),
      );
    });
  });
}

import { monotonicNow } from '../clock';
import { KernelError } from '../errors';
import type { AnyEvent } from '../events';
import { native } from '../native/index';
import type { RetryPolicy } from '../native/policy';
import {
  refuse,
  requireFunction,
  requireInteger,
  requireList,
  requireNumber,
  requireObject,
  warnOfUnknown,
} from '../validate';
import type { Cancel } from './cancel';
import { defineMiddleware, withDefaults } from './define';
import { DEFAULT_RETRYABLE_CODES, DEFAULT_RETRYABLE_STATUSES, retryTest } from './retryable';
import { askedDelay } from './retry-after';
import { promiseIn } from './run';
import type { Run } from './run';
import { freshSeed } from './seed';
import type { Middleware, MiddlewareScope } from './types';
import { sleep, throwIfAborted } from './wait';

/** How much chance goes into a wait: anything up to it (full); between half of it and all of it (equal); none. */
export type RetryJitter = 'full' | 'equal' | 'none';

/** Options of {@link withRetry}. */
export interface RetryOptions {
  /** Retries after the first attempt. Default 3. */
  maxRetries?: number;
  /** Milliseconds before the first retry. Default 100. */
  initialDelayMs?: number;
  /** Another name of `initialDelayMs`, which wins. */
  backoffMs?: number;
  /** Multiplier from one wait to the next, at least 1. Default 2. */
  backoffFactor?: number;
  /** No wait is longer, in milliseconds. Default 5000. */
  maxDelayMs?: number;
  /** No attempt begins later than this after the first, in milliseconds. Default 60,000. */
  maxTotalMs?: number;
  /** Default true: full jitter. */
  jitter?: boolean | RetryJitter;
  /**
   * Errors that are tried again, by `code`, `name` or whole message, looked for along the `cause`s. Default
   * `['NETWORK_ERROR', 'TIMEOUT_ERROR', 'TIMEOUT_EXCEEDED']`; the last two mean each other.
   */
  retryableErrorCodes?: readonly string[];
  /** Another name of `retryableErrorCodes`. */
  retryableErrors?: readonly string[];
  /** HTTP statuses (`error.status` or `error.statusCode`) that are tried again. Default 408, 429, 500, 502, 503, 504. */
  retryableStatusCodes?: readonly number[];
  /** True: the error is tried again, whatever its code. */
  retryPredicate?: (error: unknown) => boolean;
}

const OPTION_NAMES: Record<keyof RetryOptions, true> = {
  maxRetries: true,
  initialDelayMs: true,
  backoffMs: true,
  backoffFactor: true,
  maxDelayMs: true,
  maxTotalMs: true,
  jitter: true,
  retryableErrorCodes: true,
  retryableErrors: true,
  retryableStatusCodes: true,
  retryPredicate: true,
};

/**
 * Tries a failed handler again: the same event, after a growing wait, which keeps the process alive and which the signal
 * cuts short (`KernelError` ABORTED). An error that asks for a delay (`retryAfterMs`, an HTTP Retry-After) is given it, up
 * to `maxDelayMs`. When attempts or time are used up it throws `KernelError` RETRY_EXCEEDED with the last error as `cause`
 * and `context.attempt`; an error that is not to be retried passes as it is. Validation errors are never retried.
 *
 * @example
 * const handler = withRetry({ maxRetries: 3, backoffMs: 1000, retryableErrors: ['NETWORK_ERROR'] })(save);
 */
export const withRetry = withDefaults((options: RetryOptions = {}): Middleware => {
  warnOfUnknown('withRetry', requireObject('withRetry options', options), OPTION_NAMES);
  const config = readPolicy(options);
  const mayRetry = retryTest(readCodes(options), readStatuses(options), readPredicate(options));
  return defineMiddleware({
    kind: 'pipeline',
    displayName: 'withRetry',
    create: (scope) => {
      const retrier = new Retrier(native.createRetryPolicy({ ...config, seed: freshSeed() }), mayRetry, scope);
      return (run) => (event, cancel) => {
        const startedAt = monotonicNow();
        let result: unknown;
        try {
          result = run(event, cancel);
        } catch (error) {
          return retrier.again(run, event, cancel, startedAt, error);
        }
        const promise = promiseIn(result);
        if (promise === undefined) return result;
        return promise.then(undefined, (error: unknown) => retrier.again(run, event, cancel, startedAt, error));
      };
    },
  });
});

class Retrier {
  readonly #policy: RetryPolicy;
  readonly #mayRetry: (error: unknown) => boolean;
  readonly #scope: MiddlewareScope;

  constructor(policy: RetryPolicy, mayRetry: (error: unknown) => boolean, scope: MiddlewareScope) {
    this.#policy = policy;
    this.#mayRetry = mayRetry;
    this.#scope = scope;
  }

  /** Goes on after the first attempt has failed. */
  async again(
    run: Run,
    event: AnyEvent,
    cancel: Cancel | undefined,
    startedAt: number,
    first: unknown,
  ): Promise<unknown> {
    let error = first;
    for (let failed = 1; ; failed++) {
      if (!this.#mayRetry(error)) throw error;
      const delayMs = this.#policy.nextDelay(failed, monotonicNow() - startedAt, askedDelay(error));
      if (delayMs < 0) throw exceeded(event, failed, error);
      throwIfAborted(cancel);
      if (delayMs > 0) {
        await this.#scope.park(event, sleep(delayMs, cancel));
        throwIfAborted(cancel);
      }
      countRetry(event);
      this.#scope.port.currentSpan()?.setAttribute('retry.attempt', failed);
      try {
        return await run(event, cancel);
      } catch (next) {
        error = next;
      }
    }
  }
}

function exceeded(event: AnyEvent, failed: number, cause: unknown): KernelError {
  const context = { eventType: event?.type, attempt: failed };
  return new KernelError('RETRY_EXCEEDED', 'Max attempts exceeded', { cause, context });
}

/** `event.ctx.cost.retries`, for events that carry a context object. */
function countRetry(event: AnyEvent): void {
  const ctx = Object.hasOwn(Object(event), 'ctx')
    ? (event as { ctx?: { cost?: Record<string, number> } }).ctx
    : undefined;
  if (typeof ctx !== 'object' || ctx === null) return;
  try {
    const cost = (ctx.cost ??= {});
    cost.retries = (cost.retries ?? 0) + 1;
  } catch {
    // A frozen context is the caller's choice.
  }
}

function readPolicy(options: RetryOptions): Omit<Parameters<typeof native.createRetryPolicy>[0], 'seed'> {
  const initial = options.initialDelayMs ?? options.backoffMs ?? 100;
  const initialName =
    options.initialDelayMs === undefined && options.backoffMs !== undefined ? 'backoffMs' : 'initialDelayMs';
  return {
    maxAttempts: 1 + requireInteger('withRetry.maxRetries', options.maxRetries ?? 3, { min: 0, max: 1_000_000 }),
    initialDelayMs: requireNumber(`withRetry.${initialName}`, initial, { min: 0 }),
    backoffFactor: requireNumber('withRetry.backoffFactor', options.backoffFactor ?? 2, { min: 1, max: 1000 }),
    maxDelayMs: requireNumber('withRetry.maxDelayMs', options.maxDelayMs ?? 5000, { min: 0 }),
    maxTotalMs: requireNumber('withRetry.maxTotalMs', options.maxTotalMs ?? 60_000, { min: 0 }),
    jitter: readJitter(options.jitter ?? true),
  };
}

function readJitter(jitter: boolean | RetryJitter): RetryJitter {
  if (jitter === true || jitter === 'full') return 'full';
  if (jitter === false || jitter === 'none') return 'none';
  return jitter === 'equal' ? 'equal' : refuse('withRetry.jitter', jitter, 'true, false, "full", "equal", "none"');
}

function readCodes({ retryableErrorCodes, retryableErrors }: RetryOptions): readonly string[] {
  const lists = [
    requireList('withRetry.retryableErrorCodes', retryableErrorCodes ?? [], 'string'),
    requireList('withRetry.retryableErrors', retryableErrors ?? [], 'string'),
  ];
  return retryableErrorCodes === undefined && retryableErrors === undefined ? DEFAULT_RETRYABLE_CODES : lists.flat();
}

function readStatuses({ retryableStatusCodes }: RetryOptions): readonly number[] {
  return requireList('withRetry.retryableStatusCodes', retryableStatusCodes ?? DEFAULT_RETRYABLE_STATUSES, 'number');
}

function readPredicate({ retryPredicate }: RetryOptions): ((error: unknown) => boolean) | undefined {
  return retryPredicate == null ? undefined : requireFunction('withRetry.retryPredicate', retryPredicate);
}

import { monotonicNow } from '../clock';
import { KernelError } from '../errors';
import { timers } from '../timers';
import type { Alarm } from '../timers';
import { requireNumber, requireObject, warnOfUnknown } from '../validate';
import { Cancellation } from './cancel';
import type { Cancel } from './cancel';
import { DEFAULT_TIMEOUT_MS } from './defaults';
import { defineMiddleware, withDefaults } from './define';
import { promiseIn } from './run';
import type { Middleware } from './types';

/** Options of {@link withTimeout}. */
export interface TimeoutOptions {
  /** Limit of one attempt in milliseconds, at least 1. Default 180,000. */
  timeoutMs?: number;
}

/** What a timeout middleware has seen, in all runtimes and by hand. */
export interface TimeoutStats {
  /** Attempts that took too long. */
  timeouts: number;
  /** Results and errors that came after their timeout and were ignored. */
  lateResults: number;
}

/** A middleware that tells its counts. */
export type TimeoutMiddleware = Middleware & { getStats(): TimeoutStats };

/**
 * Ends an attempt that takes longer than `timeoutMs` with `KernelError` TIMEOUT_EXCEEDED, and aborts the handler's signal
 * with that error. What the handler gives afterwards is ignored. A handler that is not asynchronous cannot be interrupted.
 * Pending timeouts share one timer, which does not keep the process alive.
 *
 * @example
 * const handler = withTimeout({ timeoutMs: 50 })(async (event, signal) => fetch(url, { signal }));
 */
export const withTimeout = withDefaults((options: TimeoutOptions = {}): TimeoutMiddleware => {
  warnOfUnknown('withTimeout', requireObject('withTimeout options', options), { timeoutMs: true });
  const timeoutMs = requireNumber('withTimeout.timeoutMs', options.timeoutMs ?? DEFAULT_TIMEOUT_MS, { min: 1 });
  const stats: TimeoutStats = { timeouts: 0, lateResults: 0 };
  const limit = { timeoutMs, stats };
  const middleware = defineMiddleware({
    kind: 'pipeline',
    displayName: 'withTimeout',
    create: () => (run) => (event, cancel) => {
      const startedAt = monotonicNow();
      const attempt = new Attempt(cancel, limit);
      let result: unknown;
      try {
        result = run(event, attempt);
      } catch (error) {
        attempt.release();
        throw error;
      }
      const promise = promiseIn(result);
      if (promise !== undefined) return attempt.watch(promise, startedAt);
      attempt.release();
      return result;
    },
  });
  return Object.assign(middleware, { getStats: () => ({ ...stats }) });
});

interface Limit {
  readonly timeoutMs: number;
  readonly stats: TimeoutStats;
}

/** The functions of the promise that was made last: one function takes them for all, instead of a new one for each. */
const captured = { resolve: (_value: unknown): void => undefined, reject: (_error: unknown): void => undefined };
const capture = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
  captured.resolve = resolve;
  captured.reject = reject;
};

/** One attempt: its abort, its deadline, its outcome. Whichever of outcome and deadline comes first decides. */
class Attempt extends Cancellation implements Alarm {
  readonly #limit: Limit;
  /** -1: it is settled. */
  #deadline = -1;
  #reject: ((error: unknown) => void) | undefined;

  constructor(outer: Cancel | undefined, limit: Limit) {
    super(outer);
    this.#limit = limit;
  }

  watch(promise: Promise<unknown>, startedAt: number): Promise<unknown> {
    this.#deadline = timers.start(this, startedAt, this.#limit.timeoutMs);
    const outcome = new Promise(capture);
    const { resolve, reject } = captured;
    this.#reject = reject;
    promise.then(
      (value) => this.#settle() && resolve(value),
      (error: unknown) => this.#settle() && reject(error),
    );
    return outcome;
  }

  ring(): void {
    const { timeoutMs, stats } = this.#limit;
    this.#deadline = -1;
    stats.timeouts++;
    const error = new KernelError('TIMEOUT_EXCEEDED', `Handler timed out after ${timeoutMs}ms`, {
      context: { timeoutMs },
    });
    this.#reject!(error);
    this.abort(error);
    this.release();
  }

  /** Whether the outcome that has come counts. */
  #settle(): boolean {
    const deadline = this.#deadline;
    if (deadline < 0) {
      this.#limit.stats.lateResults++;
      return false;
    }
    this.#deadline = -1;
    timers.stop(deadline, this);
    this.release();
    return true;
  }
}

import { monotonicNow } from '../clock';
import { KernelError } from '../errors';
import { withLimit } from '../limit';
import type { Limited } from '../limit';
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
      try {
        const result = run(event, attempt);
        const promise = promiseIn(result);
        if (promise !== undefined) return withLimit(promise, timeoutMs, startedAt, attempt);
        attempt.release();
        return result;
      } catch (error) {
        attempt.release();
        throw error;
      }
    },
  });
  return Object.assign(middleware, { getStats: () => ({ ...stats }) });
});

interface Limit {
  readonly timeoutMs: number;
  readonly stats: TimeoutStats;
}

/** One attempt, and its abort. */
class Attempt extends Cancellation implements Limited {
  readonly #limit: Limit;

  constructor(outer: Cancel | undefined, limit: Limit) {
    super(outer);
    this.#limit = limit;
  }

  overdue(): Error {
    const { timeoutMs, stats } = this.#limit;
    stats.timeouts++;
    const message = `Handler timed out after ${timeoutMs}ms`;
    const error = new KernelError('TIMEOUT_EXCEEDED', message, { context: { timeoutMs } });
    this.abort(error);
    this.release();
    return error;
  }

  ended(isLate: boolean): void {
    if (isLate) this.#limit.stats.lateResults++;
    else this.release();
  }
}

import { MiddlewareError } from '../errors';
import type { AnyEvent } from '../events';
import { requireFunction, requireObject, requireOneOf, warnOfUnknown } from '../validate';
import { defineMiddleware, needsArguments } from './define';
import { RateLimiter, readRateLimit } from './rate-limiter';
import type { RateLimit } from './rate-limiter';
import type { Middleware } from './types';
import { throwIfAborted } from './wait';

/** Options of {@link withRateLimit}. */
export interface RateLimitOptions extends RateLimit {
  /** What shares a limit: any value, compared as a key of a Map. Default: all events share one. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  getKey?: (event: any) => unknown;
  /** What an event over the limit does: wait for its turn, or be refused. Default 'wait'. */
  onLimit?: 'wait' | 'reject';
}

const OPTION_NAMES: Record<keyof RateLimitOptions, true> = {
  limit: true,
  intervalMs: true,
  burst: true,
  getKey: true,
  onLimit: true,
};

/**
 * Lets `limit` runs pass in each `intervalMs`, steadily (token bucket), up to `burst` of them at once. Over the limit a
 * run waits for its turn, first come, first served, or is refused with `MiddlewareError` MIDDLEWARE_RATE_LIMIT_EXCEEDED,
 * whose `retryAfterMs` a `withRetry` outside of it honours.
 *
 * @example
 * const handler = withRateLimit({ limit: 100, intervalMs: 60_000, getKey: (event) => event.data.apiKey })(call);
 */
export const withRateLimit = needsArguments('withRateLimit', (options: RateLimitOptions): Middleware => {
  warnOfUnknown('withRateLimit', requireObject('withRateLimit options', options), OPTION_NAMES);
  const limit = readRateLimit('withRateLimit', options);
  const getKey = options.getKey == null ? undefined : requireFunction('withRateLimit.getKey', options.getKey);
  const waits = requireOneOf('withRateLimit.onLimit', options.onLimit ?? 'wait', ['wait', 'reject']) === 'wait';
  return defineMiddleware({
    kind: 'pipeline',
    displayName: 'withRateLimit',
    create: (scope) => {
      const limiter = new RateLimiter(limit, waits);
      return (run) => (event, cancel) => {
        const turn = limiter.enter(getKey?.(event), cancel);
        if (turn === undefined) return run(event, cancel);
        if (typeof turn === 'number') throw rateLimitError(turn);
        return scope.park(event as AnyEvent, turn).then(() => {
          throwIfAborted(cancel);
          return run(event, cancel);
        });
      };
    },
  });
});

/** The refusal of an event over its limit; it says in how many milliseconds another is let in. */
export function rateLimitError(retryAfterMs: number): MiddlewareError & { retryAfterMs: number } {
  const error = new MiddlewareError('MIDDLEWARE_RATE_LIMIT_EXCEEDED', 'Rate limit exceeded', {
    context: { retryAfterMs },
  });
  return Object.assign(error, { retryAfterMs });
}

import { requireFunction, requireInteger, requireNumber, requireObject, requirePositive } from '../validate';
import { withCache } from './cache';
import { CircuitBreaker } from './circuit-breaker';
import { composeMiddleware } from './compose';
import { withConcurrency } from './concurrency';
import { withFallback } from './fallback';
import { defineMiddleware } from './define';
import { withRateLimit } from './rate-limit';
import { withRetry } from './retry';
import type { RetryOptions } from './retry';
import { withTimeout } from './timeout';
import type { Middleware, MiddlewareHandler } from './types';
import { MiddlewareError } from '../errors';

/** Options of {@link createStandardMiddleware}. */
export interface StandardMiddlewareOptions {
  /** Permits for each event type. Default: no limit. */
  concurrency?: number;
  /** Limit of all attempts together, in milliseconds. Default: none. */
  timeout?: number;
  /** False: no retries; true or not given: the defaults of `withRetry`. */
  retry?: boolean | RetryOptions;
  /** Accepted for old callers; has no effect. */
  monitoring?: boolean;
}

/** The usual stack: concurrency outside, then one timeout around all attempts, then retry next to the handler. */
export function createStandardMiddleware(options: StandardMiddlewareOptions = {}): Middleware {
  requireObject('createStandardMiddleware options', options);
  const { concurrency, timeout, retry = true } = options;
  const stack: Middleware[] = [];
  if (concurrency !== undefined) stack.push(withConcurrency({ maxConcurrent: concurrency }));
  if (timeout !== undefined) stack.push(withTimeout({ timeoutMs: timeout }));
  if (retry !== false) stack.push(withRetry(retry === true ? {} : retry));
  return composeMiddleware(...stack);
}

/** Options of {@link createResilientHandler}. */
export interface ResilientHandlerOptions {
  /** Retries after the first attempt. Default 3. */
  maxRetries?: number;
  /** Limit of all attempts together, in milliseconds. Default 180,000. */
  timeout?: number;
  /** Called with the event when all has failed; its result counts. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  fallback?: (event: any) => unknown;
}

/** A handler with retries, one timeout around all of them, and a fallback. */
export function createResilientHandler(
  handler: MiddlewareHandler,
  options: ResilientHandlerOptions = {},
): MiddlewareHandler {
  requireObject('createResilientHandler options', options);
  const { maxRetries, timeout, fallback } = options;
  const resilient = composeMiddleware(withTimeout({ timeoutMs: timeout }), withRetry({ maxRetries }))(handler);
  if (fallback === undefined) return resilient;
  requireFunction('createResilientHandler.fallback', fallback);
  return withFallback((event: unknown) => fallback(event))(resilient);
}

/** A handler that refuses what exceeds `maxPerSecond`: `Rate limit exceeded`. */
export function createRateLimitedHandler(
  handler: MiddlewareHandler,
  options: { maxPerSecond: number; burstSize?: number },
): MiddlewareHandler {
  requireObject('createRateLimitedHandler options', options);
  const path = 'createRateLimitedHandler';
  const limit = requirePositive(`${path}.maxPerSecond`, options.maxPerSecond);
  const burst =
    options.burstSize == null ? undefined : requireInteger(`${path}.burstSize`, options.burstSize, { min: 1 });
  return withRateLimit({ limit, burst, onLimit: 'reject' })(handler);
}

/** A handler whose results are remembered, see `withCache`. */
export function createCachedHandler(
  handler: MiddlewareHandler,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  options: { ttl?: number; keyFn?: (event: any) => unknown; maxSize?: number } = {},
): MiddlewareHandler {
  return withCache(options)(handler);
}

/** Options of {@link createCircuitBreakerHandler}. */
export interface CircuitBreakerHandlerOptions {
  /** Failures in a row that open it. Default 5. */
  failureThreshold?: number;
  /** Milliseconds that it stays open. Default 60,000. */
  resetTimeout?: number;
  /** Probes at a time while half-open; so many successes close it. Default 1. */
  halfOpenRequests?: number;
}

/** The longest limit there is: these handlers have none of their own. */
const NO_LIMIT_MS = Number.MAX_SAFE_INTEGER;

/** A handler behind a circuit breaker; refusals read `Circuit breaker is open`. */
export function createCircuitBreakerHandler(
  handler: MiddlewareHandler,
  options: CircuitBreakerHandlerOptions = {},
): MiddlewareHandler {
  requireObject('createCircuitBreakerHandler options', options);
  const path = 'createCircuitBreakerHandler';
  const breaker = new CircuitBreaker(undefined, {
    name: path,
    failureThreshold: requireInteger(`${path}.failureThreshold`, options.failureThreshold ?? 5, { min: 1 }),
    recoveryTimeout: requireNumber(`${path}.resetTimeout`, options.resetTimeout ?? 60_000, { min: 0 }),
    successThreshold: requireInteger(`${path}.halfOpenRequests`, options.halfOpenRequests ?? 1, { min: 1 }),
    operationTimeout: NO_LIMIT_MS,
  });
  return defineMiddleware({
    kind: 'pipeline',
    displayName: 'circuitBreaker',
    create: () => (run) => async (event, cancel) => {
      const outcome = await breaker.guard((inner) => run(event, inner), cancel, event);
      if (outcome.rejected) throw new MiddlewareError('MIDDLEWARE_CIRCUIT_BREAKER_OPEN', 'Circuit breaker is open');
      if ('error' in outcome) throw outcome.error;
      return outcome.result;
    },
  })(handler);
}

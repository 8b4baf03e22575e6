import { refuse, requireFunction, requireInteger, requireList, requireNumber, requireOneOf } from './validate';
import type { RedeliveryConfig } from './native/engine';

/** How much chance goes into a delay: none; anything up to it (full); between half of it and all of it (equal). */
export type Jitter = 'none' | 'full' | 'equal';

/** The default redelivery policy of a runtime, in one object. Giving it switches redelivery on, also without acks. */
export interface RetryConfig {
  /** Attempts in all, the first included. Default 3. */
  maxAttempts?: number;
  /** Milliseconds before the first redelivery. Default 1000. */
  initialDelayMs?: number;
  /** No delay is longer, in milliseconds. Default 30,000. */
  maxDelayMs?: number;
  /** Multiplier from one delay to the next. Default 2. */
  factor?: number;
  /** Default 'full'. */
  jitter?: Jitter;
  /**
   * Which errors may be tried again: a predicate, or lists of `error.code` (or `error.name`) and `error.status`. An
   * error that any of them names is retryable. Default: all but those that will fail again (validation, loops).
   */
  retryable?: ((error: unknown) => boolean) | { codes?: readonly string[]; statuses?: readonly number[] };
}

/** `retryPolicy` of `emit`: replaces the runtime's redelivery policy for one event. */
export interface EventRetryPolicy {
  /** Redeliveries after the first attempt. */
  maxRetries?: number;
  /** linear: `initialDelay × n`; exponential: `initialDelay × 2^(n-1)`. Default 'exponential'. */
  backoff?: 'linear' | 'exponential';
  /** Milliseconds. Default 1000. */
  initialDelay?: number;
}

/** Errors that would come again, whatever the delay. */
const HOPELESS_CODES = new Set([
  'VALIDATION_ERROR',
  'EVENT_LOOP_DETECTED',
  'EVENT_CHAIN_TOO_LONG',
  'CIRCUIT_BREAKER_OPEN',
]);

export const NEVER_AGAIN: RedeliveryConfig = {
  maxAttempts: 1,
  initialDelayMs: 0,
  maxDelayMs: 0,
  factor: 0,
  jitter: 0,
  jitterRatio: 0,
};

const MAX_DELAY_MS = 2 ** 53;
const JITTERS: Record<Jitter, RedeliveryConfig['jitter']> = { none: 0, full: 1, equal: 2 };

/** Checks a `retry` object and turns it into what the core takes. */
export function readRetry(path: string, retry: RetryConfig): RedeliveryConfig {
  const initialDelayMs = requireNumber(`${path}.initialDelayMs`, retry.initialDelayMs ?? 1000, { min: 0 });
  return {
    maxAttempts: requireInteger(`${path}.maxAttempts`, retry.maxAttempts ?? 3, { min: 1, max: 1_000_000 }),
    initialDelayMs,
    maxDelayMs: requireNumber(`${path}.maxDelayMs`, retry.maxDelayMs ?? 30_000, { min: 0 }),
    factor: requireNumber(`${path}.factor`, retry.factor ?? 2, { min: 1, max: 1000 }),
    jitter: JITTERS[requireOneOf(`${path}.jitter`, retry.jitter ?? 'full', ['none', 'full', 'equal'])],
    jitterRatio: 0,
  };
}

/** Checks the `retryPolicy` of one event. */
export function readEventPolicy(policy: EventRetryPolicy): RedeliveryConfig {
  const path = 'options.retryPolicy';
  const linear =
    requireOneOf(`${path}.backoff`, policy.backoff ?? 'exponential', ['linear', 'exponential']) === 'linear';
  return {
    maxAttempts: 1 + requireInteger(`${path}.maxRetries`, policy.maxRetries ?? 1, { min: 0, max: 1_000_000 }),
    initialDelayMs: requireNumber(`${path}.initialDelay`, policy.initialDelay ?? 1000, { min: 0 }),
    maxDelayMs: MAX_DELAY_MS,
    factor: linear ? 0 : 2,
    jitter: 0,
    jitterRatio: 0,
  };
}

interface ErrorLike {
  code?: unknown;
  name?: unknown;
  status?: unknown;
  retryAfterMs?: unknown;
}

const asErrorLike = (error: unknown): ErrorLike =>
  typeof error === 'object' && error !== null ? (error as ErrorLike) : {};

/** The test for errors that may be tried again. */
export function readRetryable(path: string, retryable: RetryConfig['retryable']): (error: unknown) => boolean {
  if (retryable === undefined) return (error) => !HOPELESS_CODES.has(String(asErrorLike(error).code));
  if (typeof retryable === 'function') return (error) => Boolean(retryable(error));
  if (typeof retryable !== 'object' || retryable === null || Array.isArray(retryable)) {
    return refuse(path, retryable, 'a function, or an object with lists of codes and statuses');
  }
  const codes = new Set(requireList(`${path}.codes`, retryable.codes ?? [], 'string'));
  const statuses = new Set(requireList(`${path}.statuses`, retryable.statuses ?? [], 'number'));
  return (error) => {
    const { code, name, status } = asErrorLike(error);
    return codes.has(code as string) || codes.has(name as string) || statuses.has(status as number);
  };
}

/** The delay that an error asks for in milliseconds, or NaN. */
export function askedDelay(error: unknown): number {
  const { retryAfterMs } = asErrorLike(error);
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : NaN;
}

/** Checks that a value is a function, if it is given at all. */
export function optionalFunction<T>(path: string, value: T | undefined): T | undefined {
  return value === undefined ? undefined : requireFunction(path, value);
}

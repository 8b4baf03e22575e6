import { numberOr } from './persistors/snapshot-writer';
import { readEventPolicy } from './retry-policy';
import type { DLQContext } from './dead-letter-types';
import type { RedeliveryConfig } from './native/engine';
import type { EventRetryPolicy } from './retry-policy';
import type { Submission } from './submission';

/** What an event was emitted with and is delivered with again when it is put back. Its priority and key are told elsewhere. */
type Terms = Pick<DLQContext, 'orderingKey' | 'ttlMs' | 'timeout' | 'retryPolicy'>;

/** Whether a submission has something that its dead letter has to tell, and that nobody else knows. */
export const hasTerms = ({ ttlMs, timeoutMs, policy }: Submission): boolean =>
  (ttlMs ?? timeoutMs ?? policy) !== undefined;

/** What of a submission a dead letter tells. */
export function termsOf(brings: Submission | undefined, orderingKey: string | undefined): Terms {
  if (brings === undefined) return { orderingKey };
  const { ttlMs, wholeTtlMs = ttlMs, timeoutMs, policy } = brings;
  return {
    orderingKey,
    // JSON has no infinity, and no limit is the same.
    ttlMs: numberOr(wholeTtlMs, undefined),
    timeout: numberOr(timeoutMs, undefined),
    retryPolicy: policy && policyText(policy),
  };
}

/** What a dead letter tells, as a submission. The context may have been stored, or made by hand: what makes no sense is no term. */
export function submissionOf({ orderingKey, ttlMs, timeout, retryPolicy }: DLQContext): Partial<Submission> {
  return {
    orderingKey: typeof orderingKey === 'string' && orderingKey !== '' ? orderingKey : undefined,
    ttlMs: durationOf(ttlMs),
    timeoutMs: durationOf(timeout),
    policy: policyOf(retryPolicy),
  };
}

const durationOf = (value: unknown): number | undefined => {
  const duration = numberOr(value, undefined);
  return duration !== undefined && duration >= 0 ? duration : undefined;
};

/** In the words of `emit`. */
const policyText = ({ maxAttempts, factor, initialDelayMs }: RedeliveryConfig): EventRetryPolicy => ({
  maxRetries: maxAttempts - 1,
  backoff: factor === 0 ? 'linear' : 'exponential',
  initialDelay: initialDelayMs,
});

function policyOf(given: EventRetryPolicy | undefined): RedeliveryConfig | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  try {
    return readEventPolicy(given);
  } catch {
    return undefined;
  }
}

import type { MintedIds } from './ids';
import type { RedeliveryConfig } from './native/engine';

/** What an event brings along. */
export interface Submission {
  priority: number;
  tenantId?: string | undefined;
  orderingKey?: string | undefined;
  idempotencyKey?: string | undefined;
  delayMs?: number | undefined;
  ttlMs?: number | undefined;
  /** What `ttlMs` was when the event was emitted, of one that was brought back. */
  wholeTtlMs?: number | undefined;
  timeoutMs?: number | undefined;
  policy?: RedeliveryConfig | undefined;
  signal?: AbortSignal | undefined;
  queuedAt?: number | undefined;
  causeNode?: number | undefined;
  onEnd?: (() => void) | undefined;
  /** Somebody waits for it to be durable, and learns if it is not. */
  awaited?: boolean | undefined;
  /** Where the ids stand of an event that the emitter has made; there is a log that wants to know. */
  ids?: MintedIds | undefined;
}

/** A submission that brings nothing. */
export const PLAIN: Submission = Object.freeze({ priority: 0 });

/** One that brings nothing but somebody who waits for it to be durable. */
export const PLAIN_AWAITED: Submission = Object.freeze({ priority: 0, awaited: true });

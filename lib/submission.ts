import type { MintedIds } from './ids';
import type { RedeliveryConfig } from './native/engine';
import type { EmitResult } from './runtime-types';

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
  /** What its emitter is to be answered, when it is durable or given up; set by a log that tells each event apart. */
  settled?: Promise<EmitResult> | undefined;
  /** Where the ids stand of an event that the emitter has made; there is a log that wants to know. */
  ids?: MintedIds | undefined;
}

import type { Submission } from '../delivery-queue';
import type { RedeliveryConfig } from '../native/engine';

/** What an event brings along, as it is kept in the journal. Everything is optional. */
interface Header {
  /** A number, or 'Infinity' and '-Infinity', which JSON does not know. */
  priority?: number | string;
  tenantId?: string;
  orderingKey?: string;
  idempotencyKey?: string;
  delayMs?: number;
  /** Milliseconds since the epoch, and how long that was when the event was accepted. */
  expiresAt?: number;
  ttlMs?: number;
  timeoutMs?: number;
  policy?: RedeliveryConfig;
  queuedAt?: number;
}

/** JSON of what an event brings; '' for nothing. */
export function writeHeader(brings: Submission): string {
  const { priority, tenantId, orderingKey, idempotencyKey, delayMs, ttlMs, timeoutMs, policy, queuedAt } = brings;
  const isPlain = priority === 0 && (tenantId ?? orderingKey ?? idempotencyKey) === undefined;
  if (isPlain && (delayMs ?? ttlMs ?? timeoutMs ?? policy ?? queuedAt) === undefined) return '';
  const header: Header = {
    ...(priority !== 0 && { priority: Number.isFinite(priority) ? priority : String(priority) }),
    ...(tenantId !== undefined && { tenantId }),
    ...(orderingKey !== undefined && { orderingKey }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(delayMs !== undefined && { delayMs }),
    ...(ttlMs !== undefined && { ttlMs, expiresAt: Date.now() + ttlMs }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(policy !== undefined && { policy }),
    ...(queuedAt !== undefined && { queuedAt }),
  };
  return JSON.stringify(header);
}

/** What an event brings back. */
export function readHeader(header: Header, now: number): Submission {
  const { priority, expiresAt, ttlMs, ...rest } = header;
  const brings: Submission = { ...rest, priority: Number(priority ?? 0) };
  if (expiresAt === undefined) return brings;
  // However the clock was set: no event lives longer than it was given.
  return { ...brings, ttlMs: Math.min(Math.max(expiresAt - now, 0), ttlMs ?? Infinity), wholeTtlMs: ttlMs };
}

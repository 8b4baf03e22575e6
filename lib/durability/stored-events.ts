import { fieldsOf, listOf, numberOr, textsOf } from '../persistors/snapshot-writer';
import { readableCopy } from '../readable';
import type { Submission } from '../delivery-queue';
import type { AnyEvent } from '../events';
import type { RedeliveryConfig } from '../native/engine';
import type { RecoveredEvent } from './durable-log';

export const RETRY = 'event-retry';
export const DONE = 'event-done';
const DEAD = 'dlq-item';

/** Hashes of releases before 2.0 had 32 bits. */
const OWN_HASH = /^[0-9a-f]{64}$/;

/** A copy of an event that its handlers cannot change. What cannot be cloned becomes readable text. */
export function copyOfEvent(event: AnyEvent): AnyEvent {
  try {
    return structuredClone(event);
  } catch {
    return readableCopy(event) as AnyEvent;
  }
}

/** What of a submission must survive; undefined if it is nothing out of the ordinary. */
export function storedDelivery(event: AnyEvent, brings: Submission, now: number): Record<string, unknown> | undefined {
  const { priority, tenantId, orderingKey, idempotencyKey, delayMs, ttlMs, timeoutMs, policy } = brings;
  const delivery = {
    // JSON has no infinity, so it is stored as text.
    ...(priority !== 0 && { priority: Number.isFinite(priority) ? priority : String(priority) }),
    ...(tenantId !== undefined && tenantId !== event.metadata?.tenantId && { tenantId }),
    ...(orderingKey !== undefined && { orderingKey }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(delayMs !== undefined && delayMs > 0 && { dueAt: now + delayMs }),
    ...(ttlMs !== undefined && Number.isFinite(ttlMs) && { ttlMs, expiresAt: now + ttlMs }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(policy !== undefined && { policy }),
  };
  return Object.keys(delivery).length === 0 ? undefined : delivery;
}

/** A stored event that has not ended, and the hashes of what is stored of it. */
export interface Unfinished {
  recovered: RecoveredEvent;
  hashes: string[];
}

/** What a persistor has given back: events, and what later snapshots say of them. */
export class StoredEvents {
  /** By event id, in the order of their acceptance. */
  readonly unfinished = new Map<string, Unfinished>();
  readonly seenIds: string[] = [];
  readonly seenKeys: string[] = [];
  /** Hashes of snapshots that say that events are done. */
  readonly notes: string[] = [];
  /** Hashes of snapshots that say nothing any more. */
  readonly stale: string[] = [];
  /** Snapshots that ought to be events and are none. */
  rubbish = 0;
  /** Events that a release before 2.0 has stored. It never noted which of them were handled, so they are left alone. */
  legacy = 0;
  readonly #idByHash = new Map<string, string>();
  readonly #now = Date.now();

  /** Takes in the next snapshot; those of others are passed over. */
  read(snapshot: unknown): void {
    const { state, hash, events } = fieldsOf(snapshot);
    const fields = fieldsOf(state);
    if (typeof hash !== 'string') return;
    if (fields.type === DONE) this.#readDone(hash, fields);
    else if (fields.type === RETRY) this.#readRetry(hash, fields);
    else if (fields.type === DEAD) this.#end(fieldsOf(fields.dlqItem).id);
    else if (typeof fields.eventId === 'string' && typeof fields.eventType === 'string') {
      this.#readAccepted(hash, fields, listOf(events)[0]);
    }
  }

  #readAccepted(hash: string, fields: Record<string, unknown>, stored: unknown): void {
    const event = fieldsOf(stored) as Partial<AnyEvent>;
    if (typeof event.id !== 'string' || event.id === '' || typeof event.type !== 'string') {
      this.rubbish++;
      this.stale.push(hash);
      return;
    }
    if (!OWN_HASH.test(hash)) return void this.legacy++;
    this.#idByHash.set(hash, event.id);
    const known = this.unfinished.get(event.id);
    if (known !== undefined) return void known.hashes.push(hash);
    const recovered = this.#recovered(event as AnyEvent, fieldsOf(fields.delivery));
    this.unfinished.set(event.id, { recovered, hashes: [hash] });
  }

  #recovered(stored: AnyEvent, delivery: Record<string, unknown>): RecoveredEvent {
    const now = this.#now;
    const event: AnyEvent = { ...stored, ts: numberOr(stored.ts, now), threadId: stored.threadId ?? stored.id };
    const priority = Number(delivery.priority ?? 0) || 0;
    const dueAt = numberOr(delivery.dueAt, undefined);
    const expiresAt = numberOr(delivery.expiresAt, undefined);
    const timeoutMs = numberOr(delivery.timeoutMs, undefined);
    const policy = storedPolicy(delivery.policy);
    const brings: Submission = { priority };
    const tenantId = delivery.tenantId ?? event.metadata?.tenantId;
    if (typeof tenantId === 'string') brings.tenantId = tenantId;
    if (typeof delivery.orderingKey === 'string') brings.orderingKey = delivery.orderingKey;
    if (typeof delivery.idempotencyKey === 'string') brings.idempotencyKey = delivery.idempotencyKey;
    if (dueAt !== undefined) brings.delayMs = Math.max(dueAt - now, 0);
    if (expiresAt !== undefined) {
      brings.ttlMs = Math.max(expiresAt - now, 0);
      brings.wholeTtlMs = numberOr(delivery.ttlMs, undefined);
    }
    if (timeoutMs !== undefined) brings.timeoutMs = timeoutMs;
    if (policy !== undefined) brings.policy = policy;
    return { event, priority, attempts: 0, brings, ...(dueAt !== undefined && { dueAt }) };
  }

  #readRetry(hash: string, fields: Record<string, unknown>): void {
    const known = this.unfinished.get(fields.eventId as string);
    if (known === undefined) return void this.stale.push(hash);
    const { recovered } = known;
    const dueAt = numberOr(fields.dueAt, this.#now);
    recovered.attempts = Math.max(Math.trunc(numberOr(fields.attempts, 1)), 0);
    recovered.dueAt = dueAt;
    recovered.brings = { ...recovered.brings, delayMs: Math.max(dueAt - this.#now, 0) };
    const retry = fields.retry;
    if (typeof retry === 'object' && retry !== null) {
      recovered.event.metadata = { ...recovered.event.metadata, isRetry: true, retry };
    }
    known.hashes.push(hash);
  }

  #readDone(hash: string, fields: Record<string, unknown>): void {
    for (const done of textsOf(fields.hashes)) {
      this.#end(this.#idByHash.get(done));
      this.stale.push(done);
    }
    // One by one: a note may name more than a call can take.
    for (const id of textsOf(fields.ids)) this.seenIds.push(id);
    for (const key of textsOf(fields.keys)) this.seenKeys.push(key);
    this.notes.push(hash);
  }

  #end(id: unknown): void {
    const ended = this.unfinished.get(id as string);
    if (ended === undefined) return;
    this.stale.push(...ended.hashes);
    this.unfinished.delete(id as string);
  }
}

/** A redelivery policy as it was stored; undefined if any of it is missing. */
function storedPolicy(value: unknown): RedeliveryConfig | undefined {
  const { maxAttempts, initialDelayMs, maxDelayMs, factor, jitter, jitterRatio } = fieldsOf(value);
  const policy = { maxAttempts, initialDelayMs, maxDelayMs, factor, jitter, jitterRatio };
  return Object.values(policy).every(Number.isFinite) ? (policy as RedeliveryConfig) : undefined;
}

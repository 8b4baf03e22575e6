import { randomUUID } from 'node:crypto';
import { RuntimeError, messageOf } from '../errors';
import { SnapshotWriter, contentHash } from '../persistors/snapshot-writer';
import { asksForGuarantee, isKept, persistencePolicy } from './persistence-policy';
import { NewestTexts } from './newest-texts';
import { DONE, RETRY, StoredEvents, copyOfEvent, storedDelivery } from './stored-events';
import type { EventQueueConfig } from '../config';
import type { Submission } from '../delivery-queue';
import type { AnyEvent } from '../events';
import type { ObservabilityPort } from '../observability/port';
import type { Failed } from '../persistors/snapshot-writer';
import type { Persistor } from '../persistor-types';
import type { PersistenceStats, RecoveredEvent } from './durable-log';
import type { PersistencePolicy } from './persistence-policy';

/** Snapshots about completions that may lie about before they are put together into one. */
const MAX_NOTES = 64;
/** One more for each so many ids that are remembered: putting together many ids must be worth its while. */
const IDS_PER_NOTE = 8;

/** An event that is kept. */
interface Kept {
  /** Of the snapshots that tell of it. */
  hashes: string[];
  /** What is remembered when it has been handled; undefined: nothing. */
  once: { key: string | undefined } | undefined;
  /** Whether the persistor has been told of it. */
  isTold: boolean;
  hasEnded: boolean;
}

/** Completions that go out together. */
interface Completions {
  hashes: string[];
  ids: string[];
  keys: string[];
}

/** What a log is made of. */
export interface PersistorLogOptions {
  persistor: Persistor;
  /** Key of everything that is stored: the execution id. */
  xcId: string;
  config: EventQueueConfig;
  /** Where `criticalEventPrefixes` is not given. */
  defaultPrefixes?: readonly string[];
  port: ObservabilityPort;
}

/**
 * Waiting events in a user's persistor. An event is a snapshot; when it has ended, the snapshot is deleted, or, where the
 * persistor cannot, another one says so. Writes go out one after another, together with those of the dead letters, so that
 * an event is a dead letter before it is forgotten. A persistor that fails is logged and counted; nothing here throws.
 */
export class PersistorLog {
  /** Events that should be put back into the queue at a time. */
  readonly recoveryBatchSize: number;
  readonly #writer: SnapshotWriter;
  readonly #policy: PersistencePolicy;
  readonly #port: ObservabilityPort;
  readonly #xcId: string;
  /** Makes hashes differ from those of other runs. */
  readonly #run = randomUUID();
  readonly #kept = new Map<string, Kept>();
  readonly #seenIds: NewestTexts;
  readonly #seenKeys: NewestTexts;
  /** Hashes written while an earlier run's are being read; those are not of an earlier run. */
  #hashesWhileLoading: Set<string> | undefined;
  #hashes = 0;
  /** Hashes of snapshots that say that events are done, oldest first, where they may be put together. */
  #notes: string[] = [];
  #completions: { batch: Completions; write: Promise<void> } | undefined;
  #isClosed = false;
  readonly #counts = {
    persistedEvents: 0,
    recoveredEventCount: 0,
    unpersistedEvents: 0,
    refusedEvents: 0,
    recoveryErrors: 0,
  };
  #lastRecoveryAt: number | undefined;

  constructor({ persistor, xcId, config, defaultPrefixes, port }: PersistorLogOptions) {
    this.#writer = new SnapshotWriter(persistor, xcId, this.#onStoreError);
    this.#policy = persistencePolicy(config, defaultPrefixes);
    this.#seenIds = new NewestTexts(this.#policy.maxSeen);
    this.#seenKeys = new NewestTexts(this.#policy.maxSeen);
    this.#xcId = xcId;
    this.#port = port;
    this.recoveryBatchSize = config.recoveryBatchSize ?? 100;
  }

  // ── Events ───────────────────────────────────────────────────────────────────────────────────────────

  refusal(event: AnyEvent): RuntimeError | undefined {
    const { maxEvents, isStrict } = this.#policy;
    if (this.#kept.size < maxEvents || !isKept(event, this.#policy) || this.#kept.has(event.id)) return undefined;
    if (!isStrict && !asksForGuarantee(event)) return undefined;
    this.#counts.refusedEvents++;
    return new RuntimeError(
      'PERSISTOR_FULL',
      `${maxEvents} unfinished events are persisted; process events, or raise maxPersistedEvents`,
      { context: { eventId: event.id, eventType: event.type, maxPersistedEvents: maxEvents } },
    );
  }

  accept(event: AnyEvent, brings: Submission, awaited: boolean): Promise<void> | undefined {
    if (this.#isClosed || !isKept(event, this.#policy)) return undefined;
    // A recovered event, back in the queue: it is stored already.
    if (this.#kept.has(event.id)) return awaited ? Promise.resolve() : undefined;
    if (this.#kept.size >= this.#policy.maxEvents) {
      this.#tellUnpersisted(event);
      return undefined;
    }
    const kept: Kept = {
      hashes: [this.#newHash(event.id)],
      once: onceOf(event, brings),
      isTold: false,
      hasEnded: false,
    };
    this.#kept.set(event.id, kept);
    const stored = this.#store(event, brings, kept);
    return awaited ? stored.then((failed) => rejectIf(failed, event)) : undefined;
  }

  #store(event: AnyEvent, brings: Submission, kept: Kept): Promise<Failed | undefined> {
    const writer = this.#writer;
    const delivery = storedDelivery(event, brings, Date.now());
    const state = { eventId: event.id, eventType: event.type, ...(delivery !== undefined && { delivery }) };
    const snapshot = writer.snapshot(state, [copyOfEvent(event)], kept.hashes[0]!);
    return writer.queue(async () => {
      // Handled before its turn came: there is nothing left to keep.
      if (kept.hasEnded) return undefined;
      kept.isTold = true;
      const failed = await writer.append(snapshot, { isUnfinished: true });
      if (failed === undefined) this.#counts.persistedEvents++;
      else if (this.#kept.get(event.id) === kept) this.#kept.delete(event.id);
      return failed;
    });
  }

  #tellUnpersisted(event: AnyEvent): void {
    this.#counts.unpersistedEvents++;
    const { maxEvents } = this.#policy;
    this.#port.flood(
      'persistor.full',
      'warn',
      `${maxEvents} unfinished events are persisted; ${event.type} is kept in memory only. Raise maxPersistedEvents`,
      () => ({ eventId: event.id, eventType: event.type }),
    );
  }

  /** Whether an event is stored and has not ended. */
  keeps(eventId: string): boolean {
    return this.#kept.has(eventId);
  }

  done(event: AnyEvent): void {
    const kept = this.#take(event.id);
    if (kept === undefined) return;
    const { once } = kept;
    const keys = once?.key === undefined ? [] : [once.key];
    this.#complete(kept, once === undefined ? [] : [event.id], keys);
  }

  gone(event: AnyEvent): void {
    const kept = this.#take(event.id);
    if (kept !== undefined) this.#complete(kept, [], []);
  }

  #take(id: string): Kept | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    kept.hasEnded = true;
    this.#kept.delete(id);
    return kept;
  }

  retry(event: AnyEvent, attempts: number, dueAtMs: number, error: unknown): void {
    const kept = this.#kept.get(event.id);
    if (kept === undefined || this.#isClosed) return;
    const writer = this.#writer;
    const hash = this.#newHash(event.id);
    const [accepted, ...superseded] = kept.hashes;
    const retry = event.metadata?.retry as unknown;
    const state = {
      type: RETRY,
      eventId: event.id,
      attempts,
      dueAt: dueAtMs,
      error: messageOf(error),
      ...(retry !== undefined && { retry }),
    };
    const snapshot = writer.snapshot(state, [], hash);
    kept.hashes = writer.canDelete ? [accepted!, hash] : [...kept.hashes, hash];
    void writer.queue(async () => {
      if (kept.hasEnded) return;
      await writer.append(snapshot, { isUnfinished: true });
      await writer.delete(superseded);
    });
  }

  // ── Completions ──────────────────────────────────────────────────────────────────────────────────────

  /** Puts a completion into the last write, if that is one of completions that has not begun: never before what it ends. */
  #complete({ hashes, isTold }: Kept, ids: string[], keys: string[]): void {
    if (!isTold && ids.length === 0) return;
    let open = this.#completions;
    if (open === undefined || !this.#writer.isLast(open.write)) {
      const batch: Completions = { hashes: [], ids: [], keys: [] };
      open = { batch, write: this.#writer.queue(() => this.#writeCompletions(batch)) };
      this.#completions = open;
    }
    open.batch.hashes.push(...hashes);
    open.batch.ids.push(...ids);
    open.batch.keys.push(...keys);
  }

  async #writeCompletions(batch: Completions): Promise<void> {
    if (this.#completions?.batch === batch) this.#completions = undefined;
    const writer = this.#writer;
    const { hashes, ids, keys } = batch;
    if (writer.canDelete && ids.length === 0) return void (await writer.delete(hashes));
    // Completion, ids and keys are one snapshot, so that they are stored together or not at all.
    await this.#note({ hashes, ids, keys });
    if (await writer.delete(hashes)) await this.#joinNotes();
  }

  async #note({ hashes, ids, keys }: Completions): Promise<boolean> {
    const state = { type: DONE, hashes, ...(ids.length > 0 && { ids }), ...(keys.length > 0 && { keys }) };
    const hash = this.#newHash(DONE);
    const failed = await this.#writer.append(this.#writer.snapshot(state, [], hash));
    if (failed !== undefined) return false;
    this.#notes.push(hash);
    this.#seenIds.add(ids);
    this.#seenKeys.add(keys);
    return true;
  }

  /** Ids and keys of events that are done, the newest last. */
  get seen(): { ids: string[]; keys: string[] } {
    return { ids: this.#seenIds.all(), keys: this.#seenKeys.all() };
  }

  #resetSeen({ ids, keys }: { ids: string[]; keys: string[] }): void {
    this.#seenIds.reset(ids);
    this.#seenKeys.reset(keys);
  }

  /** Many notes become one, with the ids and keys that are still remembered. */
  async #joinNotes(): Promise<void> {
    if (this.#notes.length < MAX_NOTES + this.#seenIds.size / IDS_PER_NOTE) return;
    const earlier = this.#notes;
    this.#notes = [];
    const { seen } = this;
    this.#resetSeen({ ids: [], keys: [] });
    const isJoined = await this.#note({ hashes: [], ...seen });
    if (isJoined && (await this.#writer.delete(earlier))) return;
    this.#notes = [...earlier, ...this.#notes];
    if (!isJoined) this.#resetSeen(seen);
  }

  // ── Recovery ─────────────────────────────────────────────────────────────────────────────────────────

  async recover(): Promise<RecoveredEvent[]> {
    const stored = new StoredEvents();
    const own = new Set<string>();
    this.#hashesWhileLoading = own;
    try {
      for await (const snapshot of this.#writer.load()) {
        if (!own.has(snapshot?.hash)) stored.read(snapshot);
      }
    } catch {
      // The writer has told of it. What is left unread may say that events are done, so none comes back.
      this.#counts.recoveryErrors++;
      return [];
    } finally {
      this.#hashesWhileLoading = undefined;
    }
    return this.#adopt(stored);
  }

  #adopt(stored: StoredEvents): RecoveredEvent[] {
    const recovered: RecoveredEvent[] = [];
    for (const [id, { recovered: found, hashes }] of stored.unfinished) {
      // Emitted again meanwhile, under the same id: that one counts.
      if (this.#kept.has(id)) {
        stored.stale.push(...hashes);
        continue;
      }
      this.#kept.set(id, { hashes, once: onceOf(found.event, found.brings), isTold: true, hasEnded: false });
      recovered.push(found);
    }
    this.#counts.recoveryErrors += stored.rubbish;
    if (stored.legacy > 0) this.#tellLegacy(stored.legacy);
    this.#counts.recoveredEventCount += recovered.length;
    this.#lastRecoveryAt = Date.now();
    this.#notes = [...stored.notes, ...this.#notes];
    const { ids, keys } = this.seen;
    this.#resetSeen({ ids: [...stored.seenIds, ...ids], keys: [...stored.seenKeys, ...keys] });
    void this.#writer.queue(async () => {
      if (await this.#writer.delete(stored.stale)) await this.#joinNotes();
    });
    return recovered;
  }

  #tellLegacy(count: number): void {
    const message =
      `${count} events under ${this.#xcId} were stored by a release before 2.0, which did not note what was handled; ` +
      'they are not brought back. Read them with persistor.load(), and emit again what is still wanted';
    this.#port.log('warn', message, { executionId: this.#xcId, legacyEvents: count });
  }

  // ── Statistics and end ───────────────────────────────────────────────────────────────────────────────

  stats(): PersistenceStats {
    return {
      enabled: true,
      ...this.#counts,
      unfinishedEvents: this.#kept.size,
      errors: this.#writer.errors,
      ...(this.#lastRecoveryAt !== undefined && { lastRecoveryAt: this.#lastRecoveryAt }),
    };
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.flush();
  }

  #newHash(name: string): string {
    const hash = contentHash(JSON.stringify([this.#xcId, name, this.#run, this.#hashes++]));
    this.#hashesWhileLoading?.add(hash);
    return hash;
  }

  readonly #onStoreError = (operation: string, error: unknown): void => {
    const message = `The persistor failed (${operation}): ${messageOf(error)}`;
    this.#port.flood('persistor.failed', 'error', message, () => ({ error: error as Error }));
  };
}

function onceOf(event: AnyEvent, { idempotencyKey: key }: Submission): Kept['once'] {
  return event.metadata?.deliveryGuarantee === 'exactly-once' ? { key } : undefined;
}

function rejectIf(failed: Failed | undefined, event: AnyEvent): void {
  if (failed === undefined) return;
  throw new RuntimeError('PERSISTOR_FAILED', `the persistor could not store the event: ${messageOf(failed.error)}`, {
    cause: failed.error,
    context: { eventId: event.id, eventType: event.type },
  });
}

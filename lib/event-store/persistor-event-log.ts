import { randomUUID } from 'node:crypto';
import { copyOfEvent } from '../durability/stored-events';
import { SnapshotWriter, contentHash, fieldsOf, listOf, numberOr, textsOf } from '../persistors/snapshot-writer';
import { StoredIndex } from './stored-index';
import type { AnyEvent } from '../events';
import type { Failed, OnStoreError } from '../persistors/snapshot-writer';
import type { Persistor } from '../persistor-types';
import type { EventLog, EventMetadata, EventStoreStats, ReplayQuery } from './event-log';
import type { Marks } from './stored-index';

const MARKS = 'event-marks';
/** Snapshots of marks that may lie about before they are put together into one, and one more for so many events. */
const MAX_NOTES = 64;
const EVENTS_PER_NOTE = 8;

/**
 * Events for replay in a persistor: a snapshot for each call of `append`, and snapshots of marks. Which events are there and
 * what has become of them is read once, at the first use; the events themselves are read when they are replayed.
 */
export class PersistorEventLog implements EventLog {
  readonly #persistor: Persistor;
  readonly #xcId: string;
  readonly #writer: SnapshotWriter;
  readonly #index: StoredIndex;
  readonly #run = randomUUID();
  readonly #ownsPersistor: boolean;
  #hashes = 0;
  /** Events that are being stored: how often, and their deliveries since they were last appended. */
  readonly #early = new Map<string, { appends: number; attempts: number }>();
  /** Calls of `append`. */
  #order = 0;
  #loading: Promise<void> | undefined;
  #isLoaded = false;
  /** Hashes of snapshots of marks, oldest first. */
  #notes: string[] = [];
  #openNote: Promise<Failed | undefined> | undefined;

  /** @param ownsPersistor whether `close` closes the persistor */
  constructor(persistor: Persistor, xcId: string, maxEvents: number, onError: OnStoreError, ownsPersistor = false) {
    this.#persistor = persistor;
    this.#xcId = xcId;
    this.#writer = new SnapshotWriter(persistor, xcId, onError);
    this.#index = new StoredIndex(maxEvents);
    this.#ownsPersistor = ownsPersistor;
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────

  async append(events: readonly AnyEvent[]): Promise<void> {
    if (events.length === 0) return;
    const copies = events.map(copyOfEvent);
    const order = ++this.#order;
    for (const { id } of copies) this.#early.set(id, { appends: (this.#early.get(id)?.appends ?? 0) + 1, attempts: 0 });
    void this.#ready();
    const failed = await this.#writer.queue(() => this.#append(copies, order));
    if (failed !== undefined) throw failed.error;
  }

  async #append(events: AnyEvent[], order: number): Promise<Failed | undefined> {
    const eventMetadata: EventMetadata[] = events.map(({ id, type, ts }) => ({
      eventId: id,
      eventType: type,
      timestamp: ts,
      processed: false,
      processingAttempts: 0,
    }));
    const sequenceNumber = this.#index.appended + events.length;
    const snapshot = this.#writer.snapshot({ eventMetadata, sequenceNumber }, events, this.#newHash());
    const failed = await this.#writer.append(snapshot);
    if (failed === undefined) this.#index.add(snapshot.hash, events, order);
    for (const { id } of events) this.#catchUp(id);
    if (failed !== undefined) return failed;
    await this.#writer.delete(this.#index.takeEmptied());
    return undefined;
  }

  /** Counts the deliveries that came before the event was stored, once it has been as often as it was appended. */
  #catchUp(eventId: string): void {
    const early = this.#early.get(eventId)!;
    if (--early.appends > 0) return;
    for (let left = early.attempts; left > 0; left--) this.#index.attempted(eventId);
    this.#early.delete(eventId);
  }

  attempted(eventId: string): void {
    const early = this.#early.get(eventId);
    if (early !== undefined) early.attempts++;
    else if (this.#isLoaded) this.#index.attempted(eventId);
    else this.#attemptedLater(eventId);
  }

  /** Whether it is stored is known once that has been read. */
  #attemptedLater(eventId: string): void {
    void this.#ready();
    void this.#writer.queue(async () => this.#index.attempted(eventId));
  }

  async mark(eventIds: readonly string[]): Promise<void> {
    const now = Date.now();
    // Appended a moment ago, or not read yet, it is not in the index, or an older one of this id is: its turn comes later.
    const isHere = (id: string): boolean => this.#isLoaded && !this.#early.has(id) && this.#index.mark(id, now);
    const late = eventIds.filter((id) => !isHere(id));
    if (late.length > 0) await this.#late(late, now);
    const written = await this.#writeNote();
    if (written !== undefined) throw written.error;
  }

  async #late(ids: readonly string[], now: number): Promise<void> {
    void this.#ready();
    // In its turn among the appends: what is appended after this call is another event.
    await this.#writer.queue(async () => {
      for (const id of ids) this.#index.mark(id, now);
    });
  }

  /** All that wants to be stored and has not begun to be goes out together. */
  #writeNote(): Promise<Failed | undefined> {
    const open = this.#openNote;
    if (open !== undefined && this.#writer.isLast(open)) return open;
    const write = this.#writer.queue(() => this.#note());
    this.#openNote = write;
    return write;
  }

  async #note(): Promise<Failed | undefined> {
    this.#openNote = undefined;
    const changes = this.#index.takeChanges();
    if (changes === undefined) return undefined;
    const failed = await this.#storeMarks(changes.marks);
    if (failed !== undefined) changes.restore();
    else await this.#joinNotes();
    return failed;
  }

  async #storeMarks(marks: Marks): Promise<Failed | undefined> {
    const snapshot = this.#writer.snapshot({ type: MARKS, ...marks }, [], this.#newHash());
    const failed = await this.#writer.append(snapshot);
    if (failed === undefined) this.#notes.push(snapshot.hash);
    return failed;
  }

  /** Many snapshots of marks become one, where the persistor can delete. */
  async #joinNotes(): Promise<void> {
    const earlier = this.#notes;
    if (!this.#writer.canDelete || earlier.length < MAX_NOTES + this.#index.size / EVENTS_PER_NOTE) return;
    this.#notes = [];
    const isJoined = (await this.#storeMarks(this.#index.allMarks())) === undefined;
    if (!isJoined || !(await this.#writer.delete(earlier))) this.#notes = [...earlier, ...this.#notes];
  }

  async cleanup(beforeMs: number): Promise<number> {
    await this.#ready();
    return this.#writer.queue(async () => {
      await this.#reconcile();
      const forgotten = this.#index.forgetBefore(beforeMs);
      if (forgotten === 0) return 0;
      // First what says that they are gone: parts of a batch may stay.
      const failed = await this.#note();
      if (failed === undefined) await this.#writer.delete(this.#index.takeEmptied());
      return forgotten;
    });
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────

  /** Reads what is stored, in the same row as the writes. After a failure the next use tries again. */
  #ready(): Promise<void> {
    return (this.#loading ??= this.#writer.queue(async () => {
      try {
        await this.#load();
        this.#isLoaded = true;
      } catch {
        // The writer has told of it.
        this.#loading = undefined;
      }
    }));
  }

  async #load(): Promise<void> {
    const notes: string[] = [];
    for await (const snapshot of this.#writer.load()) {
      const { hash, state, events } = fieldsOf(snapshot);
      const fields = fieldsOf(state);
      if (typeof hash !== 'string' || this.#index.hasBatch(hash)) continue;
      if (fields.type === MARKS) {
        this.#index.apply(storedMarks(fields));
        notes.push(hash);
      } else if (Array.isArray(fields.eventMetadata)) {
        this.#index.add(hash, listOf(events).filter(isEvent), 0, numberOr(fields.sequenceNumber, undefined));
      }
    }
    this.#notes = [...notes, ...this.#notes];
    await this.#writer.delete(this.#index.takeEmptied());
  }

  replay(query: ReplayQuery): AsyncGenerator<AnyEvent[]> {
    return this.#replay(query, this.#order);
  }

  async *#replay(query: ReplayQuery, upToOrder: number): AsyncGenerator<AnyEvent[]> {
    await this.#ready();
    await this.#writer.queue(async () => undefined);
    let batch: AnyEvent[] = [];
    for await (const snapshot of this.#persistor.load(this.#xcId)) {
      const { hash, events } = fieldsOf(snapshot);
      const found = listOf(events)
        .filter(isEvent)
        .filter(({ id }, index) => this.#index.matches(hash as string, index, id, upToOrder, query));
      for (const event of found) {
        batch.push(event);
        if (batch.length < query.batchSize) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  async metadata(eventId: string): Promise<EventMetadata | undefined> {
    await this.#ready();
    await this.#writer.queue(async () => undefined);
    const entry = this.#index.get(eventId);
    if (entry === undefined) return undefined;
    const { batch: _batch, index: _index, order: _order, ...metadata } = entry;
    return metadata;
  }

  async stats(): Promise<EventStoreStats> {
    await this.#ready();
    return this.#writer.queue(async () => {
      await this.#reconcile();
      return this.#index.stats();
    });
  }

  /** A persistor may have made room on its own: then what is gone is gone. */
  async #reconcile(): Promise<void> {
    if (typeof this.#persistor.listHashes !== 'function') return;
    try {
      this.#index.keepOnly(new Set(await this.#persistor.listHashes(this.#xcId)));
    } catch {
      // The figures are what they were.
    }
  }

  async flush(): Promise<void> {
    await this.#writeNote();
    await this.#writer.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    if (this.#ownsPersistor) await this.#persistor.close?.();
  }

  #newHash(): string {
    return contentHash(JSON.stringify([this.#xcId, this.#run, this.#hashes++]));
  }
}

const isEvent = (value: unknown): value is AnyEvent => {
  const { id, type } = fieldsOf(value);
  return typeof id === 'string' && typeof type === 'string';
};

function storedMarks({ marks, forgotten }: Record<string, unknown>): Marks {
  const valid = listOf(marks)
    .map(listOf)
    .filter((mark) => typeof mark[0] === 'string')
    .map(([id, at, attempts]): Marks['marks'][number] => [id as string, numberOr(at, 0), numberOr(attempts, 0)]);
  return { marks: valid, forgotten: textsOf(forgotten) };
}

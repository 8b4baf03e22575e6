import { AgedMap } from '../aged-map';
import type { AnyEvent } from '../events';
import type { EventMetadata, EventStoreStats, ReplayQuery } from './event-log';

/** A snapshot of events. */
interface Batch {
  hash: string;
  /** Events in it that are stored still. */
  live: number;
  /** Ids of events in it that were forgotten on purpose. */
  forgotten: string[];
}

/** An event that is stored. */
export interface StoredEvent extends EventMetadata {
  readonly batch: Batch;
  /** Its place in the batch. */
  readonly index: number;
  /** When it was appended: counts the calls of this run; 0: by an earlier run. */
  readonly order: number;
}

/** What is stored beyond the events: marks of processed ones `[id, lastProcessedAt, attempts]`, and ids of forgotten ones. */
export interface Marks {
  marks: [id: string, lastProcessedAt: number, attempts: number][];
  forgotten: string[];
}

/** Which events a persistor holds, in the order of appending, at most `maxEvents`. Knows no persistor. */
export class StoredIndex {
  readonly #maxEvents: number;
  readonly #events = new AgedMap<string, StoredEvent>();
  readonly #batches = new Map<string, Batch>();
  /** Events whose marks have changed since `takeChanges`. */
  #changed = new Set<StoredEvent>();
  #forgotten: string[] = [];
  #emptied: string[] = [];
  #appended = 0;
  #dropped = 0;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
  }

  get size(): number {
    return this.#events.size;
  }

  /** Events ever appended. */
  get appended(): number {
    return this.#appended;
  }

  hasBatch(hash: string): boolean {
    return this.#batches.has(hash);
  }

  get(id: string): StoredEvent | undefined {
    return this.#events.get(id);
  }

  /** Takes in a batch; the oldest events fall out. `appended`: how many there were with the last of these, if that is known. */
  add(hash: string, events: readonly AnyEvent[], order: number, appended?: number): void {
    // All of them at first: one that comes again later in the batch must not make it look empty.
    const batch: Batch = { hash, live: events.length, forgotten: [] };
    this.#batches.set(hash, batch);
    events.forEach(({ id: eventId, type: eventType, ts: timestamp }, index) => {
      this.#leave(this.#events.get(eventId));
      const entry = { eventId, eventType, timestamp, processed: false, processingAttempts: 0, batch, index, order };
      this.#events.set(eventId, entry);
    });
    this.#appended = Math.max(appended ?? 0, this.#appended + events.length);
    this.#fallOut();
    if (batch.live === 0) this.#empty(batch);
  }

  #fallOut(): void {
    while (this.#events.size > this.#maxEvents) {
      this.#dropped++;
      this.#leave(this.#events.oldest!.value);
    }
  }

  #leave(entry: StoredEvent | undefined): void {
    if (entry === undefined) return;
    this.#events.delete(entry.eventId);
    this.#changed.delete(entry);
    entry.batch.live--;
    if (entry.batch.live === 0) this.#empty(entry.batch);
  }

  #empty(batch: Batch): void {
    if (this.#batches.delete(batch.hash)) this.#emptied.push(batch.hash);
  }

  /** Hashes of batches that hold nothing any more, since the last call. */
  takeEmptied(): string[] {
    return this.#emptied.splice(0);
  }

  /** Drops the batches that are not among these: the persistor has lost them. */
  keepOnly(hashes: ReadonlySet<string>): void {
    const lost = new Set(Array.from(this.#batches.values()).filter(({ hash }) => !hashes.has(hash)));
    if (lost.size === 0) return;
    for (const entry of Array.from(this.#events.values())) {
      if (!lost.has(entry.batch)) continue;
      this.#dropped++;
      this.#leave(entry);
    }
    this.#emptied = this.#emptied.filter((hash) => hashes.has(hash));
  }

  // ── Marks ────────────────────────────────────────────────────────────────────────────────────────────

  attempted(id: string): void {
    const entry = this.#events.get(id);
    if (entry === undefined) return;
    entry.processingAttempts++;
    this.#changed.add(entry);
  }

  /** False: there is no such event. */
  mark(id: string, now: number): boolean {
    const entry = this.#events.get(id);
    if (entry === undefined) return false;
    entry.processed = true;
    entry.lastProcessedAt = now;
    this.#changed.add(entry);
    return true;
  }

  /** Forgets processed events from before a time; answers how many. */
  forgetBefore(timeMs: number): number {
    const old = Array.from(this.#events.values()).filter((entry) => entry.processed && entry.timestamp < timeMs);
    for (const entry of old) {
      entry.batch.forgotten.push(entry.eventId);
      this.#forgotten.push(entry.eventId);
      this.#leave(entry);
    }
    return old.length;
  }

  /** Marks that have changed since the last call; `restore` gives them back if they could not be stored. */
  takeChanges(): { marks: Marks; restore: () => void } | undefined {
    if (this.#changed.size === 0 && this.#forgotten.length === 0) return undefined;
    const changed = this.#changed;
    const forgotten = this.#forgotten;
    this.#changed = new Set();
    this.#forgotten = [];
    const restore = (): void => {
      for (const entry of changed) if (this.#events.get(entry.eventId) === entry) this.#changed.add(entry);
      this.#forgotten = [...forgotten, ...this.#forgotten];
    };
    return { marks: { marks: Array.from(changed, marksOf), forgotten }, restore };
  }

  /** All marks. */
  allMarks(): Marks {
    const told = Array.from(this.#events.values()).filter((entry) => entry.processed || entry.processingAttempts > 0);
    const forgotten = Array.from(this.#batches.values()).flatMap((batch) => batch.forgotten);
    return { marks: told.map(marksOf), forgotten };
  }

  /** Takes in marks that an earlier run has stored. */
  apply({ marks, forgotten }: Marks): void {
    for (const [id, lastProcessedAt, attempts] of marks) {
      const entry = this.#events.get(id);
      if (entry === undefined) continue;
      entry.processingAttempts = attempts;
      if (lastProcessedAt <= 0) continue;
      entry.processed = true;
      entry.lastProcessedAt = lastProcessedAt;
    }
    for (const id of forgotten) {
      const entry = this.#events.get(id);
      entry?.batch.forgotten.push(id);
      this.#leave(entry);
    }
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────

  /** Whether the event at this place of a batch is stored, was appended by then, and matches. */
  matches(hash: string, index: number, id: string, upToOrder: number, query: ReplayQuery): boolean {
    const entry = this.#events.get(id);
    if (entry === undefined || entry.batch.hash !== hash || entry.index !== index || entry.order > upToOrder)
      return false;
    const { fromMs, toMs, onlyUnprocessed, types } = query;
    const { timestamp, processed, eventType } = entry;
    return (
      timestamp >= fromMs &&
      timestamp <= toMs &&
      !(onlyUnprocessed && processed) &&
      (types === undefined || types.includes(eventType))
    );
  }

  stats(): EventStoreStats {
    let unprocessedEvents = 0;
    let oldest = Infinity;
    let newest = -Infinity;
    for (const { processed, timestamp } of this.#events.values()) {
      if (!processed) unprocessedEvents++;
      oldest = Math.min(oldest, timestamp);
      newest = Math.max(newest, timestamp);
    }
    return {
      totalStoredEvents: this.#appended,
      storedEvents: this.#events.size,
      unprocessedEvents,
      droppedEvents: this.#dropped,
      ...(this.#events.size > 0 && { oldestEventTimestamp: oldest, newestEventTimestamp: newest }),
    };
  }
}

const marksOf = ({ eventId, processed, lastProcessedAt, processingAttempts }: StoredEvent): Marks['marks'][number] => [
  eventId,
  processed ? (lastProcessedAt ?? 1) : 0,
  processingAttempts,
];

import { codecs } from '../durability/codec';
import {
  AWAITED,
  BINARY,
  REPLAY_ONLY,
  acceptLine,
  field,
  namesOf,
  numbersOf,
  forgetLine,
  markLine,
} from '../durability/ops';
import type { Journal } from '../durability/journal';
import type { AnyEvent } from '../events';
import type { EventLog, EventMetadata, EventStoreStats, ReplayQuery } from './event-log';

/** Rows read at a time, at least. */
const MIN_PAGE = 256;
/** The longest time that a date can name: journals have no infinite ones. */
const MAX_TIME_MS = 8.64e15;
/** Events whose deliveries are remembered. */
const MAX_ATTEMPTS = 10_000;

const EVERYTHING = { fromMs: -Infinity, toMs: Infinity, onlyUnprocessed: false, types: undefined, batchSize: 1000 };

/** A journal, and the one who numbers its events. */
export interface JournalSource {
  readonly journal: Journal;
  /** Whether events are kept as structured clones. */
  readonly isBinary: boolean;
  /** The number of the newest event. */
  readonly lastSeq: number;
  /** The number of the next event; it is taken. */
  takeSeq(): number;
}

/** A row of `replay`. */
type Row = [seq: number, state: number, flags: number, ts: number, body: unknown];

/**
 * The events that a journal keeps, for replay: those that a runtime has accepted are there already, so `append` is for events
 * from elsewhere. What is kept how long is decided by the journal (`retentionMs`, `maxStoredEvents`).
 */
export class JournalEventLog implements EventLog {
  readonly #source: JournalSource;
  /** Deliveries of this run, newest last. */
  readonly #attempts = new Map<string, number>();

  constructor(source: JournalSource) {
    this.#source = source;
  }

  async append(events: readonly AnyEvent[]): Promise<void> {
    if (events.length === 0) return;
    const { journal, isBinary } = this.#source;
    if (journal.refusal !== undefined) throw journal.refusal;
    const codec = codecs[isBinary ? 'v8' : 'json'];
    const bodies = events.map((event) => codec.encode(event));
    const flags = REPLAY_ONLY | AWAITED | (isBinary ? BINARY : 0);
    const lines = events.map((event, index) => {
      const numbers = numbersOf(this.#source.takeSeq(), flags, event.ts, 0);
      return acceptLine(numbers, event, namesOf(field(event.type), undefined), '', bodies[index]!);
    });
    // One write, so that they are stored together or not at all.
    journal.writeAll(lines);
    const error = await journal.settled();
    if (error !== undefined) throw error;
  }

  attempted(eventId: string): void {
    const count = (this.#attempts.get(eventId) ?? 0) + 1;
    this.#attempts.delete(eventId);
    this.#attempts.set(eventId, count);
    if (this.#attempts.size <= MAX_ATTEMPTS) return;
    for (const oldest of this.#attempts.keys()) return void this.#attempts.delete(oldest);
  }

  async mark(eventIds: readonly string[]): Promise<void> {
    if (eventIds.length === 0) return;
    const now = Date.now();
    const { journal } = this.#source;
    journal.writeAll(eventIds.map((id) => markLine(id, now)));
    await journal.flush();
  }

  replay(query: ReplayQuery): AsyncGenerator<AnyEvent[]> {
    return this.#replay(query, this.#source.lastSeq);
  }

  async *#replay(query: ReplayQuery, upToSeq: number): AsyncGenerator<AnyEvent[]> {
    let batch: AnyEvent[] = [];
    for await (const row of this.#rows(query, upToSeq)) {
      batch.push(eventOf(row));
      if (batch.length < query.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  async *#rows(query: ReplayQuery, upToSeq: number): AsyncGenerator<Row> {
    const { journal } = this.#source;
    // Only what is committed can be read; if the disk fails, that is all there is.
    await journal.flush().catch(() => undefined);
    const { fromMs, toMs, onlyUnprocessed, types, batchSize } = query;
    const limit = Math.max(batchSize, MIN_PAGE);
    const bounds = { fromTs: Math.max(fromMs, -MAX_TIME_MS), toTs: Math.min(toMs, MAX_TIME_MS), upToSeq, limit };
    const filter = { ...bounds, onlyUnprocessed, ...(types !== undefined && { types: [...types] }) };
    for (let afterSeq = 0; ;) {
      const rows = JSON.parse(await journal.handle.replay({ ...filter, afterSeq })) as Row[];
      yield* rows;
      if (rows.length === 0) return;
      afterSeq = rows.at(-1)![0];
    }
  }

  async metadata(eventId: string): Promise<EventMetadata | undefined> {
    const { lastSeq } = this.#source;
    const find = async (onlyUnprocessed: boolean): Promise<AnyEvent | undefined> => {
      for await (const row of this.#rows({ ...EVERYTHING, onlyUnprocessed }, lastSeq)) {
        const event = eventOf(row);
        if (event.id === eventId) return event;
      }
      return undefined;
    };
    const open = await find(true);
    const event = open ?? (await find(false));
    return event === undefined
      ? undefined
      : {
          eventId,
          eventType: event.type,
          timestamp: event.ts,
          processed: open === undefined,
          processingAttempts: this.#attempts.get(eventId) ?? 0,
        };
  }

  async stats(): Promise<EventStoreStats> {
    const { lastSeq } = this.#source;
    let [storedEvents, unprocessedEvents, oldest, newest] = [0, 0, Infinity, -Infinity];
    for await (const [, , , ts] of this.#rows(EVERYTHING, lastSeq)) {
      storedEvents++;
      oldest = Math.min(oldest, ts);
      newest = Math.max(newest, ts);
    }
    for await (const _row of this.#rows({ ...EVERYTHING, onlyUnprocessed: true }, lastSeq)) unprocessedEvents++;
    return {
      totalStoredEvents: lastSeq,
      storedEvents,
      unprocessedEvents,
      droppedEvents: 0,
      ...(storedEvents > 0 && { oldestEventTimestamp: oldest, newestEventTimestamp: newest }),
    };
  }

  async cleanup(beforeMs: number): Promise<number> {
    const { journal } = this.#source;
    await journal.flush();
    const before = journal.handle.stats().kept;
    journal.write(forgetLine(beforeMs));
    await journal.flush();
    return Math.max(before - journal.handle.stats().kept, 0);
  }

  flush(): Promise<void> {
    return this.#source.journal.flush().catch(() => undefined);
  }

  /** The journal belongs to its runtime. */
  close(): Promise<void> {
    return this.flush();
  }
}

const eventOf = ([, , flags, , body]: Row): AnyEvent => codecs[flags & BINARY ? 'v8' : 'json'].decode(body);

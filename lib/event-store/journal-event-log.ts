import { AgedMap } from '../aged-map';
import { codecs } from '../durability/codec';
import {
  AWAITED,
  BINARY,
  REPLAY_ONLY,
  acceptLine,
  attemptLine,
  field,
  namesOf,
  numbersOf,
  forgetLine,
  markLine,
} from '../durability/ops';
import { RuntimeError, messageOf } from '../errors';
import { journalError } from '../durability/journal';
import type { Journal } from '../durability/journal';
import type { JournalHandle } from '../native/journal';
import type { AnyEvent } from '../events';
import type { EventLog, EventMetadata, EventStoreStats, ReplayQuery } from './event-log';

/** Rows read at a time, at least. */
const MIN_PAGE = 256;
/** The longest time that a date can name: journals have no infinite ones. */
const MAX_TIME_MS = 8.64e15;
/** Events whose deliveries of this run are remembered. */
const MAX_ATTEMPTS = 10_000;

/** A journal, and the one who numbers its events. */
export interface JournalSource {
  readonly journal: Journal;
  /** Whether events are kept as structured clones. */
  readonly isBinary: boolean;
  /** The number of the newest event. */
  readonly lastSeq: number;
  /** The number of the next event; it is taken. */
  takeSeq(): number;
  /** Whether damaged records are left out; else the first one is an error. */
  readonly skipsDamage: boolean;
  /** Records were damaged and left out: a line for each. */
  tellLost(details: readonly string[]): void;
}

/** A row of `replay`. */
type Row = [seq: number, state: number, flags: number, ts: number, body: unknown];

/** A page of `replay`. */
interface Page {
  rows: Row[];
  /** The number of the last record that was looked at; 0: there are no more. */
  last: number;
  /** What is wrong with those that were left out. */
  lost: string[];
}

/** What `keptFigures` answers. */
interface Figures {
  stored: number;
  unprocessed: number;
  oldest: number | null;
  newest: number | null;
  dropped: number;
  forgotten: number;
}

/** What `keptEvent` answers. */
interface Found {
  type: string;
  ts: number;
  state: number;
  attempts: number;
  ended: number;
}

/** States of an event that has been processed: it has ended, or waits all the same. */
const PROCESSED: readonly number[] = [2, 3];

/**
 * The events that a journal keeps, for replay: those that a runtime has accepted are there already, so `append` is for events
 * from elsewhere. What is kept how long is decided by the journal (`retentionMs`, `maxStoredEvents`).
 */
export class JournalEventLog implements EventLog {
  readonly #source: JournalSource;
  /** Deliveries of this run, newest last. */
  readonly #attempts = new AgedMap<string, number>();
  #cleanups: Promise<unknown> = Promise.resolve();

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
    const now = Date.now();
    const lines = events.map((event, index) => {
      const numbers = numbersOf(this.#source.takeSeq(), flags, event.ts, now);
      return acceptLine(numbers, event, namesOf(field(event.type), undefined), '', bodies[index]!);
    });
    // One write, so that they are stored together or not at all.
    journal.writeAll(lines);
    const error = await journal.settled();
    if (error !== undefined) throw error;
  }

  noteAttempt(eventId: string): void {
    this.attempted(eventId);
    this.#source.journal.write(attemptLine(eventId));
  }

  attempted(eventId: string): void {
    this.#attempts.set(eventId, (this.#attempts.get(eventId) ?? 0) + 1);
    if (this.#attempts.size > MAX_ATTEMPTS) this.#attempts.delete(this.#attempts.oldest!.key);
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
    for await (const event of this.#events(query, upToSeq)) {
      batch.push(event);
      if (batch.length < query.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  async *#events(query: ReplayQuery, upToSeq: number): AsyncGenerator<AnyEvent> {
    const { skipsDamage } = this.#source;
    // Only what is committed can be read; if the disk fails, that is all there is.
    await this.flush();
    const { fromMs, toMs, onlyUnprocessed, types, batchSize } = query;
    const limit = Math.max(batchSize, MIN_PAGE);
    const bounds = { fromTs: Math.max(fromMs, -MAX_TIME_MS), toTs: Math.min(toMs, MAX_TIME_MS), upToSeq, limit };
    const which = { onlyUnprocessed, ...(types !== undefined && { types: [...types] }), skipDamaged: skipsDamage };
    for (let afterSeq = 0; ;) {
      const page = await this.#read<Page>((handle) => handle.replay({ ...bounds, ...which, afterSeq }));
      if (page.lost.length > 0) this.#source.tellLost(page.lost);
      for (const row of page.rows) {
        const event = this.#readable(row);
        if (event !== undefined) yield event;
      }
      if (page.last === 0) return;
      afterSeq = page.last;
    }
  }

  /** A structured clone may be of a newer version of Node.js. */
  #readable(row: Row): AnyEvent | undefined {
    try {
      return eventOf(row);
    } catch (error) {
      const detail = `event ${row[0]}: this version of Node.js cannot read it (${messageOf(error)})`;
      const { journal, skipsDamage } = this.#source;
      if (!skipsDamage) throw new RuntimeError('JOURNAL_CORRUPT', `journal ${journal.path}: ${detail}`);
      this.#source.tellLost([detail]);
      return undefined;
    }
  }

  /** What the addon answers in JSON; its errors with their codes. */
  async #read<T>(ask: (journal: JournalHandle) => Promise<string | null>): Promise<T> {
    const { journal } = this.#source;
    // Another runtime may have it open by now.
    if (journal.isClosed) throw journal.closedError;
    const text = await ask(journal.handle).catch((error: unknown) => {
      throw journalError(error, journal.path);
    });
    return JSON.parse(text ?? 'null') as T;
  }

  async metadata(eventId: string): Promise<EventMetadata | undefined> {
    await this.flush();
    const found = await this.#read<Found | null>((handle) => handle.keptEvent(eventId));
    if (found === null) return undefined;
    const { type, ts, state, attempts, ended } = found;
    const processed = PROCESSED.includes(state);
    return {
      eventId,
      eventType: type,
      timestamp: ts,
      processed,
      // Those that have ended are stored; a delivery that goes on is known here only.
      processingAttempts: Math.max(attempts, this.#attempts.get(eventId) ?? 0),
      ...(processed && { lastProcessedAt: ended }),
    };
  }

  async stats(): Promise<EventStoreStats> {
    await this.flush();
    const { stored, unprocessed, oldest, newest, dropped, forgotten } = await this.#figures();
    return {
      totalStoredEvents: stored + dropped + forgotten,
      storedEvents: stored,
      unprocessedEvents: unprocessed,
      droppedEvents: dropped,
      ...(oldest !== null && newest !== null && { oldestEventTimestamp: oldest, newestEventTimestamp: newest }),
    };
  }

  /** One after another, so that no event is counted twice. */
  cleanup(beforeMs: number): Promise<number> {
    const forgotten = this.#cleanups.then(() => this.#forget(beforeMs));
    this.#cleanups = forgotten.catch(() => undefined);
    return forgotten;
  }

  async #forget(beforeMs: number): Promise<number> {
    const { journal } = this.#source;
    // Not what was kept before and after: events end meanwhile, and retention takes some.
    const { forgotten } = await this.#figures();
    journal.write(forgetLine(beforeMs));
    await journal.flush();
    return (await this.#figures()).forgotten - forgotten;
  }

  #figures(): Promise<Figures> {
    return this.#read<Figures>((handle) => handle.keptFigures());
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

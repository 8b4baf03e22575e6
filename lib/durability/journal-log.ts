import { RuntimeError, messageOf } from '../errors';
import { codecs, dataJson } from './codec';
import { Journal, journalError } from './journal';
import {
  AWAITED,
  BINARY,
  REMEMBERED,
  acceptLine,
  field,
  hasHalf,
  letterGoneLine,
  letterLine,
  markLine,
  membersBeside,
  metadataField,
  namesOf,
  numbersOf,
  retryLine,
  stateLine,
} from './ops';
import { KnownHeaders, readHeader, writeHeader } from './header';
import { emitResult, refusedResult } from '../emit-result';
import { EventMaker } from '../drafts';
import type { Draft } from '../drafts';
import type { AnyEvent } from '../events';
import type { MintedIds } from '../ids';
import type { EmitResult } from '../runtime-types';
import type { Submission } from '../submission';
import type { ObservabilityPort } from '../observability/port';
import type { Codec } from './codec';
import type { More } from './frame';
import type { JournalCompaction, CompressionStats, DurableLog, PersistenceStats, RecoveredEvent } from './durable-log';
import type { JournalSettings } from './journal-config';

/** What `onCorruption: 'skip'` is to the addon. */
const SKIP = 1;
/** Damaged records that are told one by one. */
const MAX_DETAILS = 20;
/** Types whose text as a field is remembered. */
const MAX_TYPES = 1000;

/** A row of `nextPage`. */
type Row = [
  seq: number,
  attempts: number,
  dueAt: number,
  ts: number,
  flags: number,
  header: object | null,
  body: unknown,
  error: AnyEvent['metadata'] | null,
];

/** An idempotency key, or the id of an event, that must not come a second time. */
export interface RememberedKey {
  kind: 'id' | 'key';
  name: string;
  state: string;
}

type Resolve = (result: EmitResult) => void;

/** An event; or its number, as long as nobody has looked at it; or `ENDED`. */
type Awaited = AnyEvent | number;
const ENDED = 0;

/** Awaited events that are in one frame, and what is to be answered about each, to whom. */
interface AwaitedFrame {
  frame: number;
  events: Awaited[];
  results: EmitResult[];
  resolves: Resolve[];
}

let lastResolve: Resolve;
/** One function for all promises, instead of a closure for each. */
const keepResolve = (resolve: Resolve): void => {
  lastResolve = resolve;
};

/** The transitions of a queue's events as operations of a journal. */
export class JournalLog implements DurableLog {
  readonly journal: Journal;
  /** Whether damaged records are left out; else the first one is an error. */
  readonly skipsDamage: boolean;
  readonly #codec: Codec;
  readonly #port: ObservabilityPort;
  readonly #maker: EventMaker;
  /** Sequence numbers of the events that have been made and have not ended. */
  readonly #seqs = new Map<AnyEvent, number>();
  /** All that have not ended. */
  #unfinished = 0;
  /** Events that were released before they ran, where they are kept for replay: whether they were processed is told later. */
  readonly #released = new WeakSet<AnyEvent>();
  readonly #keepsEvents: boolean;
  /** Awaited events by the frame that they are written in. */
  #awaited: AwaitedFrame[] = [];
  #nextSeq: number;
  readonly #typeFields = new Map<string, string>();
  readonly #headers = new KnownHeaders();
  /** Whether there ever was a type with half a character in it. */
  #hasHalves = false;
  #persisted = 0;
  #recovered = 0;
  /** Takes an event that could not be made durable out of the queue, unless it has ended already. */
  onWithdraw: (event: AnyEvent) => void = () => undefined;
  /** What is to be told of an event that could not be made durable; of one that has ended the id is known, at least. */
  truthOf: (event: AnyEvent | string, error: RuntimeError) => RuntimeError = (_event, error) => error;
  /** The events with these numbers are needed: those that have not been made are to be, so that `onMade` is called. */
  onWanted: (seqs: ReadonlySet<number>) => void = () => undefined;
  settledDraft: Promise<EmitResult> | undefined;

  /** @throws RuntimeError what opening a journal may throw */
  constructor(settings: JournalSettings, port: ObservabilityPort, maker = new EventMaker(undefined, false)) {
    this.#maker = maker;
    this.#codec = codecs[settings.codec];
    this.skipsDamage = settings.native.onCorruption === SKIP;
    this.#keepsEvents = settings.native.keepEvents;
    this.#port = port;
    this.journal = new Journal(settings.native, {
      onGivenUp: (frames) => this.#onGivenUp(frames),
      onHealth: (failure) => tellHealth(port, failure),
    });
    const { nextSeq, skipped, details } = this.journal.handle.recovered();
    this.#nextSeq = nextSeq;
    if (skipped > 0) {
      const message = `journal ${this.journal.path}: ${skipped} records were damaged; the details say what was done with each`;
      port.log('error', message, { skipped, details });
    }
  }

  /** The number of the newest event. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  /** The number of the next event; it is taken. */
  takeSeq(): number {
    return this.#nextSeq++;
  }

  /** Records were damaged and left out: a line for each. */
  tellLost(details: readonly string[]): void {
    const message = `journal ${this.journal.path}: ${details.length} damaged records were left out`;
    this.#port.log('error', message, { skipped: details.length, details: details.slice(0, MAX_DETAILS) });
  }

  /** Whether events are kept as structured clones. */
  get isBinary(): boolean {
    return this.#codec.isBinary;
  }

  accept(event: AnyEvent, brings: Submission): RuntimeError | undefined {
    const { journal } = this;
    if (journal.refusal !== undefined) return journal.refusal;
    // A type with half a character in it survives in JSON of the whole event only.
    const ids = this.#codec.isBinary || this.#hasHalf(event.type) ? undefined : brings.ids;
    return ids === undefined ? this.#acceptLine(event, brings) : this.#acceptMade(event, brings, ids);
  }

  #acceptLine(event: AnyEvent, brings: Submission): RuntimeError | undefined {
    const body = tried(() => this.#codec.encode(event));
    if (typeof body !== 'string') return body;
    const { frame } = this.journal;
    this.journal.write(this.#line(this.#nextSeq, event, brings, body));
    this.#accepted(event, brings, frame);
    return undefined;
  }

  #acceptMade(event: AnyEvent, brings: Submission, ids: MintedIds): RuntimeError | undefined {
    const { journal } = this;
    const flags = flagsOf(event, brings);
    const typeField = this.#typeField(event.type);
    const more = moreOf(event, brings, ids, flags, this.#headers.of(brings));
    let { frame } = journal;
    if (!journal.writeEvent(this.#nextSeq, flags, event.ts, ids, typeField, more, event.data)) {
      const json = tried(() => dataJson(event));
      if (typeof json !== 'string') return json;
      ({ frame } = journal);
      journal.writeEvent(this.#nextSeq, flags, event.ts, ids, typeField, more, undefined, json);
    }
    this.#accepted(event, brings, frame);
    return undefined;
  }

  /** An event has been written, into this frame. */
  #accepted(event: AnyEvent, brings: Submission, frame: number): void {
    this.#seqs.set(event, this.#takeNumber());
    if (brings.awaited === true) brings.settled = this.#settledOf(event, emitResult(event, undefined), frame);
  }

  #takeNumber(): number {
    this.#unfinished++;
    this.#persisted++;
    return this.#nextSeq++;
  }

  acceptDraft(draft: Draft, awaited: EmitResult | undefined): number | RuntimeError {
    const { journal } = this;
    if (journal.refusal !== undefined) return journal.refusal;
    const flags = awaited === undefined ? 0 : AWAITED;
    let { frame } = journal;
    if (!this.#writeDraft(draft, flags, draft.data)) {
      // Data with more to it, or a type that only JSON of the whole event can carry.
      const isWhole = this.#codec.isBinary || this.#hasHalf(draft.type);
      const event = this.#maker.make(draft);
      const body = tried(() => (isWhole ? this.#codec.encode(event) : dataJson(event)));
      if (typeof body !== 'string') return body;
      ({ frame } = journal);
      const brings = { priority: draft.priority, ...draft.brings, awaited: flags === AWAITED };
      if (isWhole) journal.write(this.#line(this.#nextSeq, event, brings, body));
      else this.#writeDraft(draft, flags, undefined, body);
    }
    const seq = this.#takeNumber();
    this.settledDraft = awaited && this.#settledOf(seq, awaited, frame);
    return seq;
  }

  #writeDraft(draft: Draft, flags: number, data: unknown, json?: string): boolean {
    const seq = this.#nextSeq;
    const { type, ts } = draft;
    const typeField = this.#typeField(type);
    if (this.#codec.isBinary || (this.#hasHalves && hasHalf(type))) return false;
    return this.journal.writeEvent(seq, flags, ts, draft, typeField, this.#moreOf(draft), data, json);
  }

  /** What a draft brings, undefined for nothing. */
  #moreOf(draft: Draft): More | undefined {
    const { ts, priority, tenantId, brings } = draft;
    const metadata = this.#maker.membersAt(ts, tenantId);
    if (priority === 0 && metadata === '' && brings === undefined) return undefined;
    const dueAt = brings === undefined ? 0 : dueAtOf(brings);
    return { dueAt, header: this.#headers.of(brings ?? draft), metadata, key: undefined };
  }

  onMade(event: AnyEvent, seq: number): void {
    this.#seqs.set(event, seq);
  }

  /** Resolves with `result` when the frame is durable, or with the truth if it is not. */
  #settledOf(event: Awaited, result: EmitResult, frame: number): Promise<EmitResult> {
    const last = this.#awaited.at(-1);
    const awaited = last?.frame === frame ? last : this.#awaitFrame(frame);
    const settled = new Promise<EmitResult>(keepResolve);
    awaited.events.push(event);
    awaited.results.push(result);
    awaited.resolves.push(lastResolve);
    return settled;
  }

  #awaitFrame(frame: number): AwaitedFrame {
    const awaited: AwaitedFrame = { frame, events: [], results: [], resolves: [] };
    this.#awaited.push(awaited);
    // Frames that are durable need no list any more.
    while (this.#awaited.length > 1 && this.#awaited[0]!.frame <= this.journal.durable) this.#awaited.shift();
    void (this.settled() ?? Promise.resolve(undefined)).then((error) => this.#answer(awaited, error));
    return awaited;
  }

  #answer(awaited: AwaitedFrame, error: RuntimeError | undefined): void {
    if (error !== undefined) this.#look([awaited]);
    const { events, results, resolves } = awaited;
    for (let index = 0; index < resolves.length; index++) {
      const result = results[index]!;
      const event = events[index]!;
      const known = typeof event === 'number' ? result.eventId : event;
      resolves[index]!(error === undefined ? result : refusedResult(result, this.truthOf(known, error)));
    }
  }

  /** Looks at the awaited events that have not been looked at: from now on each is there as an event, or has ended. */
  #look(frames: readonly AwaitedFrame[]): void {
    const wanted = new Set(frames.flatMap(({ events }) => events.filter((event) => typeof event === 'number')));
    wanted.delete(ENDED);
    if (wanted.size === 0) return;
    this.onWanted(wanted);
    const made = new Map<number, AnyEvent>();
    for (const [event, seq] of this.#seqs) if (wanted.has(seq)) made.set(seq, event);
    for (const awaited of frames) {
      awaited.events = awaited.events.map((event) => (typeof event === 'number' ? (made.get(event) ?? ENDED) : event));
    }
  }

  /** Hardly ever has any. */
  #hasHalf(type: string): boolean {
    this.#typeField(type);
    return this.#hasHalves && hasHalf(type);
  }

  /** Types come again and again. */
  #typeField(type: string): string {
    const known = this.#typeFields.get(type);
    if (known !== undefined) return known;
    const made = field(type);
    this.#hasHalves ||= hasHalf(type);
    if (this.#typeFields.size < MAX_TYPES) this.#typeFields.set(type, made);
    return made;
  }

  #line(seq: number, event: AnyEvent, brings: Submission, body: string): string {
    const flags = flagsOf(event, brings) | (this.#codec.isBinary ? BINARY : 0);
    const names = namesOf(this.#typeField(event.type), brings.idempotencyKey);
    return acceptLine(numbersOf(seq, flags, event.ts, dueAtOf(brings)), event, names, writeHeader(brings), body);
  }

  /** The journal has dropped the awaited events of these frames: they were never accepted. */
  #onGivenUp(frames: readonly number[]): void {
    const failed = new Set(frames);
    const given = this.#awaited.filter(({ frame }) => failed.has(frame));
    this.#awaited = this.#awaited.filter(({ frame }) => !failed.has(frame));
    this.#look(given);
    for (const { events } of given) {
      for (const event of events) {
        if (typeof event === 'number') continue;
        this.#take(event);
        this.onWithdraw(event);
      }
    }
  }

  settled(): Promise<RuntimeError | undefined> | undefined {
    return this.journal.settled();
  }

  holds(event: AnyEvent): boolean {
    return this.#seqs.has(event);
  }

  done(event: AnyEvent, isProcessed: boolean): void {
    const seq = this.#take(event);
    if (seq > 0) this.journal.writeDone(seq, isProcessed, Date.now());
    else if (isProcessed && this.#released.delete(event)) this.journal.write(markLine(event.id, Date.now()));
  }

  retried(event: AnyEvent, attempts: number, dueAt: number): void {
    const seq = this.#seqs.get(event);
    if (seq === undefined) return;
    const { retry } = event.metadata ?? {};
    this.journal.write(retryLine(seq, attempts, dueAt, retry === undefined ? '' : JSON.stringify(retry)));
  }

  gone(event: AnyEvent): void {
    const seq = this.#take(event);
    if (seq > 0) this.journal.writeGone(seq, Date.now());
  }

  async release(event: AnyEvent): Promise<void> {
    // It is remembered like one that is done: its key must not bring it a second time.
    const seq = this.#take(event);
    if (seq > 0) this.journal.writeDone(seq, false, Date.now());
    if (this.#keepsEvents) this.#released.add(event);
    // What of its frame is given up are events that somebody waits for; this line is tried again until it is written.
    for (let error = await this.settled(); error !== undefined; error = await this.settled()) {
      if (this.journal.isClosed) throw error;
    }
  }

  /** Files a dead letter; if its event is still waiting here, it waits no more, in the same commit. */
  letter(event: AnyEvent, key: string, body: string): void {
    this.journal.write(letterLine(event.id, this.#take(event), Date.now(), key, body));
  }

  letterGone(id: string): void {
    this.journal.write(letterGoneLine(id));
  }

  /** The sequence number of an event that ends now, or 0. */
  #take(event: AnyEvent): number {
    const seq = this.#seqs.get(event);
    if (seq === undefined) return 0;
    this.#seqs.delete(event);
    this.#unfinished--;
    return seq;
  }

  /** Small texts by name. */
  readonly memory = {
    get: (name: string): string | undefined => this.journal.handle.getState(name) ?? undefined,
    set: (name: string, value: string | undefined): void => this.journal.write(stateLine(name, value ?? '')),
  };

  get behind(): Promise<void> | undefined {
    return this.journal.behind;
  }

  // ── Recovery ─────────────────────────────────────────────────────────────────────────────────────────

  /** The events that did not end, in the order in which they were accepted. To be read once, before anything is accepted. */
  *recover(maxRetryDelayMs: number): Generator<RecoveredEvent> {
    for (let page = this.journal.handle.nextPage(); page !== ''; page = this.journal.handle.nextPage()) {
      for (const row of JSON.parse(page) as Row[]) {
        const recovered = this.#readable(row, maxRetryDelayMs);
        if (recovered === undefined) continue;
        this.#seqs.set(recovered.event, row[0]);
        this.#unfinished++;
        this.#recovered++;
        yield recovered;
      }
    }
  }

  /** A structured clone may be of a newer version of Node.js; such an event stays where it is, for that one. */
  #readable(row: Row, maxRetryDelayMs: number): RecoveredEvent | undefined {
    try {
      return this.#fromRow(row, maxRetryDelayMs);
    } catch (error) {
      const detail = `event ${row[0]}: this version of Node.js cannot read it (${messageOf(error)})`;
      if (!this.skipsDamage) throw new RuntimeError('JOURNAL_CORRUPT', `journal ${this.journal.path}: ${detail}`);
      this.tellLost([detail]);
      return undefined;
    }
  }

  #fromRow([, attempts, dueAt, , flags, header, body, retry]: Row, maxRetryDelayMs: number): RecoveredEvent {
    const stored = codecs[flags & BINARY ? 'v8' : 'json'].decode(body);
    // JSON leaves out what is undefined; handlers see the same shape as before.
    const event = Object.hasOwn(stored, 'data') ? stored : withoutData(stored);
    if (retry !== null) event.metadata = { ...event.metadata, isRetry: true, retry };
    const brings = readHeader(header ?? {}, Date.now());
    // The clock may have been set back since: no event waits longer than it would have from now on.
    const longest = attempts > 0 ? (lastDelay(retry) ?? maxRetryDelayMs) : (brings.delayMs ?? 0);
    const delayMs = dueAt > 0 ? Math.min(Math.max(dueAt - Date.now(), 0), longest) : 0;
    return { event, priority: brings.priority, attempts, brings: { ...brings, delayMs } };
  }

  /** Keys and ids that must not come again, oldest first. */
  keys(): RememberedKey[] {
    const rows = JSON.parse(this.journal.handle.keys()) as [string, string][];
    return rows.map(([text, state]) => {
      const kind = text.startsWith('id:') ? 'id' : 'key';
      return { kind, name: text.slice(text.indexOf(':') + 1), state };
    });
  }

  stats(): PersistenceStats {
    return {
      enabled: true,
      persistedEvents: this.#persisted,
      unfinishedEvents: this.#unfinished,
      recoveredEventCount: this.#recovered,
      unpersistedEvents: 0,
      refusedEvents: 0,
      errors: this.journal.failures,
      recoveryErrors: this.journal.handle.recovered().skipped,
    };
  }

  compression(): CompressionStats {
    const { compressedEvents, originalBytes, storedBytes } = this.journal.handle.stats();
    return { events: compressedEvents, originalBytes, storedBytes };
  }

  flush(): Promise<void> {
    return this.journal.flush();
  }

  async compact(): Promise<JournalCompaction> {
    const { journal } = this;
    await journal.flush();
    try {
      return await journal.handle.compact();
    } catch (error) {
      throw journalError(error, journal.path);
    }
  }

  close(): Promise<void> {
    return this.journal.close();
  }
}

function flagsOf({ metadata }: AnyEvent, { idempotencyKey, awaited }: Submission): number {
  const isRemembered = idempotencyKey !== undefined || metadata?.deliveryGuarantee === 'exactly-once';
  return (awaited === true ? AWAITED : 0) | (isRemembered ? REMEMBERED : 0);
}

function moreOf(event: AnyEvent, brings: Submission, ids: MintedIds, flags: number, header: string): More {
  const metadata = event.metadata!;
  return {
    dueAt: dueAtOf(brings),
    header,
    metadata: ids.correlationIndex < 0 ? metadataField(metadata) : membersBeside(metadata),
    key: (flags & REMEMBERED) === 0 ? undefined : field(brings.idempotencyKey ?? ''),
  };
}

/** What making a text has come to. */
function tried(make: () => string): string | RuntimeError {
  try {
    return make();
  } catch (error) {
    return error as RuntimeError;
  }
}

const dueAtOf = ({ delayMs = 0 }: Submission): number => (delayMs > 0 ? Date.now() + delayMs : 0);

/** The delay of the last redelivery, in milliseconds, where it has been noted. */
function lastDelay(retry: Row[7]): number | undefined {
  const history = (retry as { retryHistory?: { delay?: number }[] } | null)?.retryHistory;
  return history?.at(-1)?.delay;
}

function withoutData({ id, type, ...rest }: AnyEvent): AnyEvent {
  const { data: _none, ...others } = rest;
  return { id, type, data: undefined, ...others };
}

function tellHealth(port: ObservabilityPort, failure: RuntimeError | undefined): void {
  // A journal at its bound goes to and fro.
  if (failure === undefined) port.flood('journal.works', 'info', 'The journal works again; events are accepted');
  else {
    const message = `No events are accepted: ${failure.message}`;
    port.flood('journal.failed', 'error', message, { code: failure.code, error: failure });
  }
}

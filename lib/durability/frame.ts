import { LineWriter } from './line-writer';
import type { MintedIds } from '../ids';

/** What the numbers of a frame mean; the grammar is in docs/journal-format.md, and `src/journal/compact.rs` reads it. */
const LINE = 0;
const OWN = 1;
const DONE = 2;
const GONE = 3;
const CALLS = 4;
const CORRELATIONS = 5;
const TYPE = 6;
const HEADER = 7;
const METADATA = 8;
const EVENT = 9;

/** Numbers that one operation needs at most, with what it refers to. */
const MOST_NUMBERS = 16;
const FIRST_CAPACITY = 4096;
const BYTES_OF_NUMBER = 8;
/** Longer texts differ from event to event, most of the time: nobody looks whether they have been there. */
const MAX_NAMED = 64;

/** What an event that is not quite plain brings. */
export interface More {
  /** When it is due, in milliseconds since the epoch; 0: at once. */
  dueAt: number;
  /** JSON of what it brings along, '' for nothing. */
  header: string;
  /** JSON members beside the correlation id, '' for none; of one that was given an id, all metadata as a field. */
  metadata: string;
  /** Its idempotency key as a field, '' for none; undefined: its end is not remembered. */
  key: string | undefined;
}

/** Lines that are referred to by their number in the frame. */
class Named {
  readonly #code: number;
  readonly #first: number;
  readonly #numbers = new Map<string, number>();
  #count: number;
  #last: string | undefined;
  #lastNumber = 0;

  /** @param first the number of the first one */
  constructor(code: number, first: number) {
    this.#code = code;
    this.#first = first;
    this.#count = first;
  }

  clear(): void {
    this.#count = this.#first;
    this.#last = undefined;
    this.#numbers.clear();
  }

  /** The number of a line; `add` is told one that is new. */
  numberOf(line: string, add: (code: number, line: string) => void): number {
    if (line === this.#last) return this.#lastNumber;
    const isNamed = line.length <= MAX_NAMED;
    let number = isNamed ? this.#numbers.get(line) : undefined;
    if (number === undefined) {
      number = this.#count++;
      if (isNamed) this.#numbers.set(line, number);
      add(this.#code, line);
    }
    this.#last = line;
    this.#lastNumber = number;
    return number;
  }
}

/** What the journal's thread is given at a time. */
export interface Frame {
  /** Lines of UTF-8. */
  text: Uint8Array;
  numbers: Float64Array;
}

/**
 * Gathers the operations of a turn. What every event brings is numbers; text is what differs: payloads, and once in a frame
 * what the ids of its events begin with. Joining many short texts is most of what a durable event would cost otherwise.
 */
export class FrameWriter {
  #numbers = new Float64Array(FIRST_CAPACITY);
  #count = 0;
  readonly #lines = new LineWriter();
  #calls = '';
  #correlations = '';
  readonly #types = new Named(TYPE, 0);
  /** Number 0 is none. */
  readonly #headers = new Named(HEADER, 1);
  readonly #metadata = new Named(METADATA, 1);
  readonly #add = (code: number, line: string): void => this.#addLine(code, line);

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Bytes that were gathered. */
  get size(): number {
    return this.#lines.length + this.#count * BYTES_OF_NUMBER;
  }

  /** Operations that are lines. */
  lines(lines: readonly string[]): void {
    this.#reserve(lines.length);
    for (const line of lines) this.#addLine(LINE, line);
  }

  line(line: string): void {
    this.#reserve(1);
    this.#addLine(LINE, line);
  }

  /**
   * An event that the emitter has made, with ids of one block each. False: its data is not plain JSON, or out of the ordinary; nothing
   * was written.
   *
   * @param typeField its type as a field
   * @param more undefined: it brings nothing
   * @param json the JSON of its data, where somebody has made it; '' for undefined
   */
  event(
    seq: number,
    flags: number,
    ts: number,
    ids: MintedIds,
    typeField: string,
    more: More | undefined,
    data: unknown,
    json?: string,
  ): boolean {
    const type = this.#begin(ids, typeField);
    const header = this.#numberOf(this.#headers, more?.header);
    const metadata = this.#numberOf(this.#metadata, more?.metadata);
    if (!this.#addData(data, json)) return false;
    if (more?.key !== undefined) this.#lines.line(more.key);
    const numbers = this.#numbers;
    let at = this.#count;
    numbers[at++] = more === undefined ? OWN : EVENT;
    numbers[at++] = seq;
    numbers[at++] = flags;
    numbers[at++] = ts;
    if (more !== undefined) numbers[at++] = more.dueAt;
    numbers[at++] = ids.callIndex;
    numbers[at++] = ids.correlationIndex;
    numbers[at++] = type;
    if (more !== undefined) {
      numbers[at++] = header;
      numbers[at++] = metadata;
    }
    this.#count = at;
    return true;
  }

  #numberOf(named: Named, line: string | undefined): number {
    return line === undefined || line === '' ? 0 : named.numberOf(line, this.#add);
  }

  /** A getter in the data may add operations of its own: then this is not it, and what was defined may be gone. */
  #addData(data: unknown, json: string | undefined): boolean {
    if (json === undefined && data !== undefined) return this.#lines.json(data);
    if (json === undefined || json === '') this.#lines.emptyLine();
    else this.#lines.line(json);
    return true;
  }

  /** Makes room for an event, and defines what it refers to. Answers the number of its type. */
  #begin({ callBlock, correlationBlock }: MintedIds, typeField: string): number {
    this.#reserve(MOST_NUMBERS);
    if (callBlock !== this.#calls) this.#addLine(CALLS, (this.#calls = callBlock));
    if (correlationBlock !== this.#correlations) this.#addLine(CORRELATIONS, (this.#correlations = correlationBlock));
    return this.#types.numberOf(typeField, this.#add);
  }

  done(seq: number, isProcessed: boolean, at: number): void {
    this.#reserve(MOST_NUMBERS);
    const numbers = this.#numbers;
    numbers[this.#count++] = DONE;
    numbers[this.#count++] = seq;
    numbers[this.#count++] = isProcessed ? 1 : 0;
    numbers[this.#count++] = at;
  }

  gone(seq: number, at: number): void {
    this.#reserve(MOST_NUMBERS);
    const numbers = this.#numbers;
    numbers[this.#count++] = GONE;
    numbers[this.#count++] = seq;
    numbers[this.#count++] = at;
  }

  /** What was gathered; valid until the next operation. */
  take(): Frame {
    const frame = { text: this.#lines.take(), numbers: this.#numbers.subarray(0, this.#count) };
    this.#count = 0;
    this.#calls = '';
    this.#correlations = '';
    this.#types.clear();
    this.#headers.clear();
    this.#metadata.clear();
    return frame;
  }

  #addLine(code: number, line: string): void {
    this.#numbers[this.#count++] = code;
    this.#lines.line(line);
  }

  #reserve(count: number): void {
    const needed = this.#count + count;
    if (needed <= this.#numbers.length) return;
    const larger = new Float64Array(Math.max(needed, this.#numbers.length * 2));
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}

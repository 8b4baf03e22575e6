import type { MintedIds } from '../ids';

/** What the numbers of a frame mean; the grammar is in docs/journal-format.md, and `src/journal/compact.rs` reads it. */
const LINE = 0;
const OWN = 1;
const DONE = 2;
const GONE = 3;
const CALLS = 4;
const CORRELATIONS = 5;
const TYPE = 6;

/** Numbers that one operation needs at most, with what it refers to. */
const MOST_NUMBERS = 16;
const FIRST_CAPACITY = 4096;
/** What the numbers of an operation count for beside characters: as many as they have bytes. */
const CHARS_OF_EVENT = 56;
const CHARS_OF_END = 32;

/** What the journal's thread is given at a time. */
export interface Frame {
  text: string;
  numbers: Float64Array;
}

/**
 * Gathers the operations of a turn. What every event brings is numbers; text is what differs: payloads, and once in a frame
 * what the ids of its events begin with. Joining many short texts is most of what a durable event would cost otherwise.
 */
export class FrameWriter {
  #numbers = new Float64Array(FIRST_CAPACITY);
  #count = 0;
  #lines: string[] = [];
  /** How much was gathered: characters, and what numbers count for. */
  chars = 0;
  #calls = '';
  #correlations = '';
  #lastType: string | undefined;
  #lastTypeIndex = 0;
  readonly #types = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#count === 0;
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
   * An event that the emitter has made, with ids of one block each.
   *
   * @param typeField its type as a field
   * @param data JSON, '' for undefined
   */
  own(seq: number, flags: number, ts: number, ids: MintedIds, typeField: string, data: string): void {
    this.#reserve(MOST_NUMBERS);
    if (ids.callBlock !== this.#calls) this.#addLine(CALLS, (this.#calls = ids.callBlock));
    if (ids.correlationBlock !== this.#correlations) {
      this.#addLine(CORRELATIONS, (this.#correlations = ids.correlationBlock));
    }
    const type = typeField === this.#lastType ? this.#lastTypeIndex : this.#indexOfType(typeField);
    const numbers = this.#numbers;
    const at = this.#count;
    numbers[at] = OWN;
    numbers[at + 1] = seq;
    numbers[at + 2] = flags;
    numbers[at + 3] = ts;
    numbers[at + 4] = ids.callIndex;
    numbers[at + 5] = ids.correlationIndex;
    numbers[at + 6] = type;
    this.#count = at + 7;
    this.#lines.push(data);
    this.chars += data.length + CHARS_OF_EVENT;
  }

  done(seq: number, isProcessed: boolean, at: number): void {
    this.#reserve(MOST_NUMBERS);
    const numbers = this.#numbers;
    numbers[this.#count++] = DONE;
    numbers[this.#count++] = seq;
    numbers[this.#count++] = isProcessed ? 1 : 0;
    numbers[this.#count++] = at;
    this.chars += CHARS_OF_END;
  }

  gone(seq: number, at: number): void {
    this.#reserve(MOST_NUMBERS);
    const numbers = this.#numbers;
    numbers[this.#count++] = GONE;
    numbers[this.#count++] = seq;
    numbers[this.#count++] = at;
    this.chars += CHARS_OF_END;
  }

  /** What was gathered; the numbers are valid until the next operation. */
  take(): Frame {
    const frame = { text: this.#lines.join('\n'), numbers: this.#numbers.subarray(0, this.#count) };
    this.#count = 0;
    this.#lines = [];
    this.chars = 0;
    this.#calls = '';
    this.#correlations = '';
    this.#lastType = undefined;
    this.#types.clear();
    return frame;
  }

  #addLine(code: number, line: string): void {
    this.#numbers[this.#count++] = code;
    this.#lines.push(line);
    this.chars += line.length;
  }

  #indexOfType(typeField: string): number {
    let index = this.#types.get(typeField);
    if (index === undefined) {
      index = this.#types.size;
      this.#types.set(typeField, index);
      this.#addLine(TYPE, typeField);
    }
    this.#lastType = typeField;
    this.#lastTypeIndex = index;
    return index;
  }

  #reserve(count: number): void {
    const needed = this.#count + count;
    if (needed <= this.#numbers.length) return;
    const larger = new Float64Array(Math.max(needed, this.#numbers.length * 2));
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}

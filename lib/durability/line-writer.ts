import { Buffer } from 'node:buffer';

const FIRST_CAPACITY = 128 * 1024;
/** What a number, a literal and the characters between members need at most. */
const SLACK = 64;
/** Longer texts are left to the engine: a call costs less than a step for each character. */
const MAX_STEPPED = 256;
/** Deeper values are taken for circular ones; somebody else tells. */
const MAX_DEPTH = 200;
/** Names of members whose bytes are remembered, and how long they may be. */
const MAX_NAMES = 1000;
const MAX_NAME = 64;
/** Bytes that a character of JavaScript has at most in UTF-8. */
const MAX_BYTES = 3;

const NEWLINE = 10;
const QUOTE = 34;
const COMMA = 44;
const ZERO = 48;
const OPENING_BRACKET = 91;
const BACKSLASH = 92;
const CLOSING_BRACKET = 93;
const OPENING_BRACE = 123;
const CLOSING_BRACE = 125;

/** 1: the character stands for itself in JSON, and is one byte. */
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) =>
  Number(code >= 32 && code < 127 && code !== QUOTE && code !== BACKSLASH),
);

/** Members that all objects have; nothing, unless somebody has added one. */
const NOTHING = {};

/**
 * Lines of UTF-8, one after another. JSON is written without a string in between, and checked on the way: of the usual event
 * (short texts and numbers) that takes half of the time of a check and `JSON.stringify`, and leaves the collector nothing to do.
 */
export class LineWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #length = 0;
  /** Where the last whole line ends. What is behind it was given up, or a getter has interrupted it with lines of its own. */
  #whole = 0;
  /** The bytes of a member's name, its quotes and the colon. */
  readonly #names = new Map<string, Uint8Array>();
  /** Lines that were begun, and takings: whoever is interrupted by one of them sees it. */
  #begun = 0;

  /** Bytes of whole lines. */
  get length(): number {
    return this.#whole;
  }

  emptyLine(): void {
    this.#length = this.#whole;
    this.#reserve(1);
    this.#endLine();
  }

  line(text: string): void {
    this.#length = this.#whole;
    this.#reserve(text.length * MAX_BYTES + 1);
    this.#length += this.#bytes.write(text, this.#length);
    this.#endLine();
  }

  /**
   * A line with the JSON of plain data. False: nothing was written, because it is something else, throws when it is read, or is out of
   * the ordinary; whoever asks has to look closer.
   */
  json(value: unknown): boolean {
    const begun = ++this.#begun;
    this.#length = this.#whole;
    for (const _added in NOTHING) return false;
    try {
      if (!this.#value(value, 0)) return false;
    } catch {
      return false;
    }
    // Also one that was given up: it began where this one did.
    if (this.#begun !== begun) return false;
    this.#reserve(1);
    this.#endLine();
    return true;
  }

  /** The lines; valid until the next one. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#whole);
    this.#length = this.#whole = 0;
    this.#begun++;
    return taken;
  }

  #endLine(): void {
    this.#bytes[this.#length++] = NEWLINE;
    this.#whole = this.#length;
    this.#begun++;
  }

  #value(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
        this.#text(value);
        return true;
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.#literal(value ? 'true' : 'false');
      case 'object':
        if (value === null) return this.#literal('null');
        if (depth === MAX_DEPTH) return false;
        return Array.isArray(value) ? this.#list(value, depth + 1) : this.#object(value, depth + 1);
      default:
        return false;
    }
  }

  #object(object: object, depth: number): boolean {
    const prototype = Object.getPrototypeOf(object) as object | null;
    if (prototype !== Object.prototype && prototype !== null) return false;
    let between = OPENING_BRACE;
    for (const key in object) {
      const value = (object as Record<string, unknown>)[key];
      if (value === undefined) continue;
      this.#name(key, between);
      between = COMMA;
      if (!this.#value(value, depth)) return false;
    }
    this.#reserve(SLACK);
    if (between === OPENING_BRACE) this.#bytes[this.#length++] = OPENING_BRACE;
    this.#bytes[this.#length++] = CLOSING_BRACE;
    return true;
  }

  #list(list: readonly unknown[], depth: number): boolean {
    this.#reserve(SLACK);
    this.#bytes[this.#length++] = OPENING_BRACKET;
    for (let index = 0; index < list.length; index++) {
      this.#reserve(SLACK);
      if (index > 0) this.#bytes[this.#length++] = COMMA;
      if (!this.#value(list[index], depth)) return false;
    }
    this.#reserve(SLACK);
    this.#bytes[this.#length++] = CLOSING_BRACKET;
    return true;
  }

  /** The name of a member, with the character before it and the colon. Names come again and again. */
  #name(name: string, before: number): void {
    const known = this.#names.get(name) ?? this.#nameBytes(name);
    this.#reserve(known.length + 1);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = before;
    for (let index = 0; index < known.length; index++) bytes[at++] = known[index]!;
    this.#length = at;
  }

  #nameBytes(name: string): Uint8Array {
    const made = Buffer.from(`${JSON.stringify(name)}:`);
    if (name.length <= MAX_NAME && this.#names.size < MAX_NAMES) this.#names.set(name, made);
    return made;
  }

  /** A text and its quotes. */
  #text(text: string): void {
    const { length } = text;
    this.#reserve(length + SLACK);
    if (length > MAX_STEPPED) return this.#anyText(text);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = QUOTE;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 128 || PLAIN[code] === 0) return this.#anyText(text);
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.#length = at;
  }

  #anyText(text: string): void {
    const json = JSON.stringify(text);
    this.#reserve(json.length * MAX_BYTES + SLACK);
    this.#length += this.#bytes.write(json, this.#length);
  }

  #number(value: number): boolean {
    if ((value | 0) === value && value >= 0) {
      this.#whole32(value);
      return true;
    }
    return Number.isFinite(value) && this.#literal(String(value));
  }

  /** The digits of a whole number below 2^31, from the last one on. */
  #whole32(value: number): void {
    this.#reserve(SLACK);
    const bytes = this.#bytes;
    let end = this.#length + 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
    this.#length = end;
    let rest = value;
    do {
      const tens = (rest / 10) | 0;
      bytes[--end] = ZERO + rest - tens * 10;
      rest = tens;
    } while (rest > 0);
  }

  /** A few characters that need no quotes. */
  #literal(text: string): true {
    this.#reserve(SLACK);
    for (let index = 0; index < text.length; index++) this.#bytes[this.#length++] = text.charCodeAt(index);
    return true;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

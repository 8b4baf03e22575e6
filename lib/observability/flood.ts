/** Names for the keys of the native flood gate, and the last message of each. */
import { monotonicNow } from '../clock';
import { native } from '../native';
import type { FloodGate } from '../native/flood';
import type { LogLevel } from './types';

/** How often it is looked for counts that no message has told. */
const TELL_EVERY_MS = 1000;

/** Kinds of one key, over all keys, that are told apart; the rest shares the key. */
const MAX_KINDS = 100;

interface FloodKey {
  readonly number: number;
  level: LogLevel;
  message: string;
  /** Those that are told apart. */
  kinds?: Map<string, FloodKey>;
}

/** Writes that so many messages were left out, of which `message` was the last. */
export type TellSuppressed = (level: LogLevel, message: string, suppressed: number) => void;

/**
 * Decides which of many equal messages are told. Counts are told with the next message of their key, or by themselves when none
 * comes: that takes a timer, armed by what is left out, which keeps no process alive.
 */
export class FloodControl {
  readonly #tell: TellSuppressed;
  /** Made on first use: most runtimes never see a flood. */
  #gate: FloodGate | undefined;
  readonly #keys = new Map<string, FloodKey>();
  readonly #all: FloodKey[] = [];
  #kinds = 0;
  #overflow: FloodKey | undefined;
  /** Keys with a count that nothing has told yet. */
  readonly #untold = new Set<FloodKey>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: TellSuppressed) {
    this.#tell = tell;
  }

  /**
   * Messages of this key that were suppressed since the last one, or -1 if this one is suppressed, too.
   *
   * @param kind told apart within the key, so that a flood of one does not silence another
   */
  pass(key: string, level: LogLevel, message: string, now: number, kind?: string): number {
    const gate = (this.#gate ??= native.createFloodGate());
    let known = this.#keys.get(key);
    if (known === undefined) this.#keys.set(key, (known = this.#add(gate, level, message)));
    if (kind !== undefined) known = this.#kindOf(gate, known, kind, level, message);
    known.level = level;
    known.message = message;
    const suppressed = gate.pass(known.number, now);
    if (suppressed >= 0) {
      this.#untold.delete(known);
    } else {
      this.#untold.add(known);
      if (this.#timer === undefined) this.#arm(gate);
    }
    return suppressed;
  }

  /** Tells all counts that nothing has told yet, and stops the timer. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tellUntold(({ number }) => this.#gate!.take(number));
  }

  #arm(gate: FloodGate): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tellUntold(({ number }) => gate.overdue(number, monotonicNow()));
      if (this.#untold.size > 0) this.#arm(gate);
    }, TELL_EVERY_MS);
    this.#timer.unref?.();
  }

  #tellUntold(count: (key: FloodKey) => number): void {
    for (const key of [...this.#untold]) {
      const suppressed = count(key);
      if (suppressed === 0) continue;
      this.#untold.delete(key);
      this.#tell(key.level, key.message, suppressed);
    }
  }

  #kindOf(gate: FloodGate, key: FloodKey, name: string, level: LogLevel, message: string): FloodKey {
    const known = key.kinds?.get(name);
    if (known !== undefined) return known;
    if (this.#kinds >= MAX_KINDS) return key;
    this.#kinds++;
    const kind = this.#add(gate, level, message);
    (key.kinds ??= new Map<string, FloodKey>()).set(name, kind);
    return kind;
  }

  /** The gate bounds the keys: once it answers with a number that is taken, all further ones are that key. */
  #add(gate: FloodGate, level: LogLevel, message: string): FloodKey {
    if (this.#overflow !== undefined) return this.#overflow;
    const number = gate.add();
    if (number < this.#all.length) return (this.#overflow = this.#all[number]!);
    const key = { number, level, message };
    this.#all.push(key);
    return key;
  }
}

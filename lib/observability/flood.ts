/** Names for the keys of the native flood gate, and the last message of each. */
import { monotonicNow } from '../clock';
import { native } from '../native';
import type { FloodGate } from '../native/flood';
import type { LogLevel } from './types';

/** How often it is looked for counts that no message has told. */
const TELL_EVERY_MS = 1000;

interface FloodKey {
  readonly number: number;
  level: LogLevel;
  message: string;
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
  #overflow: FloodKey | undefined;
  /** Keys with a count that nothing has told yet. */
  readonly #untold = new Set<FloodKey>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: TellSuppressed) {
    this.#tell = tell;
  }

  /** Messages of this key that were suppressed since the last one, or -1 if this one is suppressed, too. */
  pass(key: string, level: LogLevel, message: string, now: number): number {
    const gate = (this.#gate ??= native.createFloodGate());
    const known = this.#keys.get(key) ?? this.#add(gate, key, level, message);
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

  /** The gate bounds the keys: once it answers with a number that is taken, all further names share that key. */
  #add(gate: FloodGate, name: string, level: LogLevel, message: string): FloodKey {
    if (this.#overflow !== undefined) return this.#overflow;
    const number = gate.add();
    if (number < this.#keys.size) {
      this.#overflow = [...this.#keys.values()].at(number) as FloodKey;
      return this.#overflow;
    }
    const key = { number, level, message };
    this.#keys.set(name, key);
    return key;
  }
}

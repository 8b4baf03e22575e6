/** Names for the keys of the native flood gate, and the last message of each. */
import { native } from '../native';
import type { FloodGate } from '../native/flood';
import type { LogLevel } from './types';

interface FloodKey {
  readonly number: number;
  level: LogLevel;
  message: string;
}

/** Decides which of many equal messages are told. Holds no timer. */
export class FloodControl {
  /** Made on first use: most runtimes never see a flood. */
  #gate: FloodGate | undefined;
  readonly #keys = new Map<string, FloodKey>();
  #overflow: FloodKey | undefined;

  /** Messages of this key that were suppressed since the last one, or -1 if this one is suppressed, too. */
  pass(key: string, level: LogLevel, message: string, now: number): number {
    const gate = (this.#gate ??= native.createFloodGate());
    const known = this.#keys.get(key) ?? this.#add(gate, key, level, message);
    known.level = level;
    known.message = message;
    return gate.pass(known.number, now);
  }

  /** Takes the counts that no message has told yet. */
  takeAll(): { level: LogLevel; message: string; suppressed: number }[] {
    const gate = this.#gate;
    if (gate === undefined) return [];
    return [...this.#keys.values()]
      .map(({ number, level, message }) => ({ level, message, suppressed: gate.take(number) }))
      .filter(({ suppressed }) => suppressed > 0);
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

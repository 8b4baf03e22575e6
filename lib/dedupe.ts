import { native } from './native/index';
import type { DedupeWindowHandle } from './native/engine';

/**
 * The deduplication window. Ids of events that are done are noted in a ring and handed to the core only when somebody asks:
 * events that nobody emits by id cost one array write.
 */
export class Deduplicator {
  readonly #capacity: number;
  readonly #done: DedupeWindowHandle;
  readonly #keys: DedupeWindowHandle;
  readonly #ring: string[] = [];
  #next = 0;
  #noted = 0;
  #handedOver = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#done = new native.DedupeWindow(capacity);
    this.#keys = new native.DedupeWindow(capacity);
  }

  /** An event with this id is done. */
  noteDone(id: string): void {
    if (this.#capacity === 0) return;
    this.#ring[this.#next] = id;
    this.#next = this.#next + 1 === this.#capacity ? 0 : this.#next + 1;
    this.#noted++;
  }

  /** Whether an event with this id is done, as far back as the window goes. */
  isDone(id: string): boolean {
    this.#handOver();
    return this.#done.has(id);
  }

  /** Takes an idempotency key; false if it has been taken. */
  takeKey(key: string): boolean {
    return this.#keys.insert(key);
  }

  /** Gives a key back, of an event that never was. */
  returnKey(key: string): void {
    this.#keys.remove(key);
  }

  /** Ids in the window. */
  size(): number {
    this.#handOver();
    return this.#done.size();
  }

  clear(): void {
    this.#handedOver = this.#noted;
    this.#ring.length = 0;
    this.#done.clear();
    this.#keys.clear();
  }

  #handOver(): void {
    const first = Math.max(this.#handedOver, this.#noted - this.#capacity);
    if (first === this.#noted) return;
    const names: string[] = [];
    for (let index = first; index < this.#noted; index++) names.push(this.#ring[index % this.#capacity]!);
    this.#done.insertAll(names);
    this.#handedOver = this.#noted;
  }
}

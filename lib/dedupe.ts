import { AgedMap } from './aged-map';
import { native } from './native/index';
import type { DedupeWindowHandle } from './native/engine';

/** The event that has taken an idempotency key. */
export interface KeyOwner {
  eventId: string;
  /** How it has ended; undefined: its own state says. */
  state: string | undefined;
}

/**
 * The deduplication window. Ids of events that are done are noted in a ring and handed to the core only when somebody asks:
 * events that nobody emits by id cost one array write.
 */
export class Deduplicator {
  readonly #capacity: number;
  readonly #done: DedupeWindowHandle;
  readonly #keys: DedupeWindowHandle;
  /** By key; never more than the window holds. */
  readonly #owners = new AgedMap<string, KeyOwner>();
  /** Keys of these owners by event. */
  readonly #keyOf = new Map<string, string>();
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

  /** Takes an idempotency key for an event; false if it has been taken. `state`: how that event has ended, if it has. */
  takeKey(key: string, eventId: string, state?: string): boolean {
    if (!this.#keys.insert(key)) return false;
    this.#disown(key);
    this.#owners.set(key, { eventId, state });
    if (eventId !== '') this.#keyOf.set(eventId, key);
    if (this.#owners.size > this.#capacity) this.#disown(this.#owners.oldest!.key);
    return true;
  }

  #disown(key: string): void {
    const owner = this.#owners.get(key);
    if (owner === undefined) return;
    this.#owners.delete(key);
    if (this.#keyOf.get(owner.eventId) === key) this.#keyOf.delete(owner.eventId);
  }

  /** The key that an event has taken, as far as that is remembered. */
  keyOf(eventId: string): string | undefined {
    return this.#keyOf.get(eventId);
  }

  /** Who has taken a key, as far as that is remembered. */
  ownerOf(key: string): KeyOwner | undefined {
    return this.#owners.get(key);
  }

  /** Gives a key back, of an event that never was. False if nobody had it. */
  returnKey(key: string): boolean {
    const wasTaken = this.#keys.has(key);
    this.#keys.remove(key);
    this.#disown(key);
    return wasTaken;
  }

  /** Gives back what key an event has taken: it has left without having been handled. */
  returnKeyOf(eventId: string): void {
    const key = this.#keyOf.get(eventId);
    if (key !== undefined) this.returnKey(key);
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
    this.#owners.clear();
    this.#keyOf.clear();
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

import { wallNow } from '../clock';
import { batchOf } from './stream-batch';
import type { BufferStats } from './scope';
import type { StreamBatch } from './stream-batch';

/** Keeps the items that a timed operator holds. Which are kept and when they go is decided by the core. */
export interface Keeper<T, R> {
  /** Whether another item may be held; while not, the source is not asked. */
  readonly hasRoom: boolean;
  hold(item: T): void;
  /** Forgets the oldest item. */
  evict(): void;
  release(): R;
}

/** Keeps the latest item. */
export class LatestKeeper<T> implements Keeper<T, T> {
  readonly hasRoom = true;
  #item: T | undefined;

  hold(item: T): void {
    this.#item = item;
  }

  evict(): void {
    this.#item = undefined;
  }

  release(): T {
    const item = this.#item as T;
    this.#item = undefined;
    return item;
  }
}

/** Keeps items until they go together. */
export class BatchKeeper<T> implements Keeper<T, StreamBatch<T>> {
  readonly hasRoom = true;
  #items: T[] = [];
  #startedAt = 0;

  hold(item: T): void {
    if (this.#items.length === 0) this.#startedAt = wallNow();
    this.#items.push(item);
  }

  evict(): void {
    this.#items.shift();
  }

  release(): StreamBatch<T> {
    const items = this.#items;
    this.#items = [];
    return batchOf(items, this.#startedAt);
  }
}

/** Keeps the items of windows that overlap. `window` says of the one that closes how many belong to it and how many go. */
export class SlidingKeeper<T> implements Keeper<T, StreamBatch<T>> {
  readonly hasRoom = true;
  readonly #window: () => { taken: number; outdated: number };
  readonly #stats: BufferStats;
  #items: { item: T; cameAt: number }[] = [];

  constructor(window: () => { taken: number; outdated: number }, stats: BufferStats) {
    this.#window = window;
    this.#stats = stats;
  }

  hold(item: T): void {
    this.#items.push({ item, cameAt: wallNow() });
  }

  evict(): void {
    this.#items.shift();
    this.#stats.dropped++;
  }

  release(): StreamBatch<T> {
    const { taken, outdated } = this.#window();
    const members = this.#items.slice(0, taken);
    this.#items.splice(0, outdated);
    return batchOf(
      members.map(({ item }) => item),
      members[0]?.cameAt ?? wallNow(),
    );
  }
}

/** Keeps up to `capacity` items that go one by one. */
export class QueueKeeper<T> implements Keeper<T, T> {
  readonly #capacity: number;
  #items: T[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get hasRoom(): boolean {
    return this.#items.length < this.#capacity;
  }

  hold(item: T): void {
    this.#items.push(item);
  }

  evict(): void {
    this.#items.shift();
  }

  release(): T {
    return this.#items.shift()!;
  }
}

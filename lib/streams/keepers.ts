import { wallNow } from '../clock';
import { Fifo } from './fifo';
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
  /** Forgets all: the run is over. */
  discard?(): void;
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
  readonly #stats: BufferStats;
  #items: T[] = [];
  #startedAt = 0;

  constructor(stats: BufferStats) {
    this.#stats = stats;
  }

  hold(item: T): void {
    if (this.#items.length === 0) this.#startedAt = wallNow();
    this.#items.push(item);
    this.#stats.buffered++;
  }

  evict(): void {
    this.#items.shift();
    this.#stats.dropped++;
    this.#stats.buffered--;
  }

  release(): StreamBatch<T> {
    const items = this.#items;
    this.#items = [];
    this.#stats.buffered -= items.length;
    return batchOf(items, this.#startedAt);
  }

  discard(): void {
    this.#stats.buffered -= this.#items.length;
    this.#items = [];
  }
}

/** Keeps the items of windows that overlap. `window` says of the one that closes how many belong to it and how many go. */
export class SlidingKeeper<T> implements Keeper<T, StreamBatch<T>> {
  readonly hasRoom = true;
  readonly #window: () => { taken: number; outdated: number };
  readonly #stats: BufferStats;
  readonly #items = new Fifo<{ item: T; cameAt: number }>();

  constructor(window: () => { taken: number; outdated: number }, stats: BufferStats) {
    this.#window = window;
    this.#stats = stats;
  }

  hold(item: T): void {
    this.#items.push({ item, cameAt: wallNow() });
    this.#stats.buffered++;
  }

  evict(): void {
    this.#items.shift();
    this.#stats.dropped++;
    this.#stats.buffered--;
  }

  release(): StreamBatch<T> {
    const { taken, outdated } = this.#window();
    const members = this.#items.first(taken);
    for (let count = 0; count < outdated; count++) this.#items.shift();
    this.#stats.buffered -= outdated;
    return batchOf(
      members.map(({ item }) => item),
      members[0]?.cameAt ?? wallNow(),
    );
  }

  discard(): void {
    this.#stats.buffered -= this.#items.length;
    this.#items.clear();
  }
}

/** Keeps up to `capacity` items that go one by one. */
export class QueueKeeper<T> implements Keeper<T, T> {
  readonly #capacity: number;
  readonly #stats: BufferStats;
  readonly #items = new Fifo<T>();

  constructor(capacity: number, stats: BufferStats) {
    this.#capacity = capacity;
    this.#stats = stats;
  }

  get hasRoom(): boolean {
    return this.#items.length < this.#capacity;
  }

  hold(item: T): void {
    this.#items.push(item);
    this.#stats.buffered++;
  }

  evict(): void {
    this.release();
  }

  release(): T {
    this.#stats.buffered--;
    return this.#items.shift();
  }

  discard(): void {
    this.#stats.buffered -= this.#items.length;
    this.#items.clear();
  }
}

import { wallNow } from '../clock';
import { nextCallId } from '../ids';

/** What `batch`, `window` and `combineLatest` say about the items together. */
export interface BatchData<T, Items extends readonly T[] = T[]> {
  /** The items themselves, in order. */
  events: Items;
  /** Their number, under two names. */
  size: number;
  count: number;
  /** When they were handed on, in milliseconds since the epoch. */
  timestamp: number;
}

/** Times of a batch or window, in milliseconds since the epoch. */
export interface BatchTimes {
  /** When its first item came. */
  batchStartTime: number;
  /** `timestamp - batchStartTime` */
  batchDuration: number;
}

/**
 * The item that several items become: an event of type `stream.batch`. It can be read like the array `data.events`
 * as well (`length`, iteration, `map` ...); those members are not enumerable.
 */
export class StreamBatch<T, Data extends BatchData<T, readonly T[]> = BatchData<T> & BatchTimes> {
  readonly type = 'stream.batch' as const;
  readonly data: Data;
  /** The same as `data.timestamp`. */
  readonly ts: number;
  readonly id: string;
  readonly threadId: string;

  constructor(data: Data) {
    this.data = data;
    this.ts = data.timestamp;
    this.id = nextCallId();
    this.threadId = nextCallId();
  }

  /** How many items. */
  get length(): number {
    return this.data.events.length;
  }

  /** The items in order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.data.events[Symbol.iterator]();
  }

  /** As of an array. */
  map<R>(mapper: (item: T, index: number, items: readonly T[]) => R): R[] {
    return this.data.events.map(mapper);
  }

  /** As of an array. */
  filter<S extends T>(predicate: (item: T, index: number, items: readonly T[]) => item is S): S[];
  filter(predicate: (item: T, index: number, items: readonly T[]) => unknown): T[];
  filter(predicate: (item: T, index: number, items: readonly T[]) => unknown): T[] {
    return this.data.events.filter(predicate);
  }

  /** As of an array. */
  forEach(visit: (item: T, index: number, items: readonly T[]) => void): void {
    this.data.events.forEach(visit);
  }

  /** As of an array. */
  reduce<R>(reducer: (state: R, item: T, index: number, items: readonly T[]) => R, seed: R): R;
  reduce(reducer: (state: T, item: T, index: number, items: readonly T[]) => T): T;
  reduce(...args: unknown[]): unknown {
    return (this.data.events.reduce as (...args: unknown[]) => unknown).apply(this.data.events, args);
  }

  /** As of an array. */
  some(predicate: (item: T, index: number, items: readonly T[]) => unknown): boolean {
    return this.data.events.some(predicate);
  }

  /** As of an array. */
  every(predicate: (item: T, index: number, items: readonly T[]) => unknown): boolean {
    return this.data.events.every(predicate);
  }

  /** As of an array. */
  find<S extends T>(predicate: (item: T, index: number, items: readonly T[]) => item is S): S | undefined;
  find(predicate: (item: T, index: number, items: readonly T[]) => unknown): T | undefined;
  find(predicate: (item: T, index: number, items: readonly T[]) => unknown): T | undefined {
    return this.data.events.find(predicate);
  }

  /** As of an array. */
  at(index: number): T | undefined {
    return this.data.events.at(index);
  }

  /** As of an array. */
  slice(start?: number, end?: number): T[] {
    return this.data.events.slice(start, end);
  }
}

/** What `combineLatest` emits: one item of each source, as a tuple. */
export type CombinedBatch<Tuple extends readonly unknown[]> = StreamBatch<
  Tuple[number],
  BatchData<Tuple[number], Tuple>
>;

/** The item of a batch whose first item came at `startedAt` (milliseconds since the epoch). */
export function batchOf<T>(events: T[], startedAt: number): StreamBatch<T> {
  const timestamp = wallNow();
  const { length } = events;
  return new StreamBatch({
    events,
    size: length,
    count: length,
    timestamp,
    batchStartTime: startedAt,
    batchDuration: timestamp - startedAt,
  });
}

/** The item of a combination. */
export function combinationOf<Tuple extends readonly unknown[]>(events: Tuple): CombinedBatch<Tuple> {
  return new StreamBatch<Tuple[number], BatchData<Tuple[number], Tuple>>({
    events,
    size: events.length,
    count: events.length,
    timestamp: wallNow(),
  });
}

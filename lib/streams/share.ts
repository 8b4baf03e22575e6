import { native } from '../native/index';
import { EVICT, OVERFLOW } from '../native/stream';
import { DONE, READY, WaitingCursor } from './cursor';
import { Fifo } from './fifo';
import { Pump, PumpState } from './pump';
import { bufferFull } from './subscription';
import type { RoomHandle } from '../native/stream';
import type { Cursor, Pulled } from './cursor';
import type { BufferStats, OperatorStats, StreamScope } from './scope';
import type { ShareOverflow } from './types';

/** What the readers of a shared stream have agreed on. */
export interface SharePlan {
  buffer: number;
  overflow: ShareOverflow;
}

/** The run that several readers share. It begins with the first of them and ends with the last. */
export class SharedRun<T> {
  readonly #scope: StreamScope;
  readonly #plan: SharePlan;
  readonly #open: () => Cursor<T>;
  #source: SharedSource<T> | undefined;

  constructor(open: () => Cursor<T>, plan: SharePlan, scope: StreamScope) {
    this.#open = open;
    this.#plan = plan;
    this.#scope = scope;
  }

  /** One more reader; it gets what comes from now on. */
  join(): Cursor<T> {
    if (this.#source === undefined || this.#source.isOver) {
      this.#source = new SharedSource(this.#open(), this.#plan, this.#scope);
    }
    return this.#source.join();
  }
}

class SharedSource<T> {
  isOver = false;
  readonly counter: OperatorStats;
  /** Resolves when readers that join in the same turn are all there: then the source is first asked. */
  readonly begun = Promise.resolve();
  readonly #pump: Pump<T>;
  readonly #plan: SharePlan;
  readonly #room: RoomHandle;
  readonly #stats: BufferStats;
  readonly #readers = new Set<ReaderCursor<T>>();
  readonly #items = new Fifo<T>();
  /** The number of the oldest item in the buffer. */
  #first = 0;

  constructor(source: Cursor<T>, plan: SharePlan, scope: StreamScope) {
    this.#plan = plan;
    this.#pump = new Pump(source, () => this.#onArrival());
    this.#room = native.createRoom(plan.buffer, plan.overflow === 'drop-oldest' ? 0 : 2);
    this.#stats = scope.buffer('share');
    this.counter = scope.operator('share');
  }

  get end(): number {
    return this.#first + this.#items.length;
  }

  join(): ReaderCursor<T> {
    const reader = new ReaderCursor(this, this.end);
    this.#readers.add(reader);
    return reader;
  }

  /** The last reader closes the source. */
  leave(reader: ReaderCursor<T>): Promise<unknown> | undefined {
    if (!this.#readers.delete(reader)) return undefined;
    if (this.#readers.size > 0) {
      this.#forgetRead();
      return undefined;
    }
    this.isOver = true;
    this.#forget(this.#items.length);
    return this.#pump.close();
  }

  read(reader: ReaderCursor<T>): T {
    const item = this.#items.at(reader.position - this.#first);
    reader.position++;
    if (reader.position - 1 === this.#first) this.#forgetRead();
    return item;
  }

  /** Asks the source for an item that a reader waits for. Answers how the source stands. */
  ask(): PumpState {
    if (this.#pump.state !== PumpState.Idle) return this.#pump.state;
    const mustWait = this.#plan.overflow === 'wait' && this.#items.length >= this.#plan.buffer;
    if (!mustWait) this.#pump.request();
    return this.#pump.state;
  }

  get error(): unknown {
    return this.#pump.error;
  }

  #onArrival(): void {
    if (this.#pump.state === PumpState.Item) {
      this.counter.in++;
      const verdict = this.#room.offer();
      if (verdict === EVICT || verdict === OVERFLOW) this.#passOver(verdict === OVERFLOW);
      this.#items.push(this.#pump.take());
      this.#stats.buffered++;
    } else {
      this.isOver = true;
    }
    for (const reader of this.#readers) reader.look();
  }

  /** The slowest readers miss the oldest item, or fail. */
  #passOver(fails: boolean): void {
    for (const reader of this.#readers) {
      if (reader.position !== this.#first) continue;
      reader.position++;
      this.#stats.dropped++;
      if (fails) reader.fall(bufferFull('share', this.#plan.buffer));
    }
    this.#items.shift();
    this.#stats.buffered--;
    this.#first++;
  }

  /** Forgets what all have read; who waits for room looks again. */
  #forgetRead(): void {
    let oldest = this.end;
    for (const reader of this.#readers) oldest = Math.min(oldest, reader.position);
    const count = oldest - this.#first;
    if (count === 0) return;
    const wasFull = this.#items.length >= this.#plan.buffer;
    this.#forget(count);
    if (wasFull) for (const reader of this.#readers) reader.look();
  }

  #forget(count: number): void {
    for (let index = 0; index < count; index++) {
      this.#items.shift();
      this.#room.taken();
    }
    this.#stats.buffered -= count;
    this.#first += count;
  }
}

class ReaderCursor<T> extends WaitingCursor<T> {
  /** The number of the item that this reader gets next. */
  position: number;
  readonly #source: SharedSource<T>;
  #hasBegun = false;
  #error: { error: unknown } | undefined;

  constructor(source: SharedSource<T>, position: number) {
    super();
    this.#source = source;
    this.position = position;
  }

  override pull(): Pulled {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return this.#source.begun;
    }
    if (this.#error !== undefined) throw this.#error.error;
    if (this.position === this.#source.end) {
      const state = this.#source.ask();
      if (this.position === this.#source.end) {
        if (state === PumpState.Failed) throw this.#source.error;
        return state === PumpState.Ended ? DONE : this.wait();
      }
    }
    this.#source.counter.out++;
    this.value = this.#source.read(this);
    return READY;
  }

  override close(): Promise<unknown> | undefined {
    return this.#source.leave(this);
  }

  look(): void {
    this.wake();
  }

  fall(error: unknown): void {
    this.#error ??= { error };
  }
}

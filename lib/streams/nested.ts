/** Operators whose function makes a stream of each item, or another stream after an error. */
import { native } from '../native/index';
import { Cursor, DONE, READY, WaitingCursor, closeAll, isThenable, promiseOf } from './cursor';
import { Pump, PumpState } from './pump';
import type { TurnsHandle } from '../native/stream';
import type { Pulled } from './cursor';
import type { OperatorStats } from './scope';

/** Opens what a user's function has made. */
export type Opener = (made: unknown) => Cursor;

/** A cursor of something that is still to come. */
export class DeferredCursor extends Cursor {
  readonly #made: Promise<unknown>;
  readonly #open: Opener;
  #cursor: Cursor | undefined;
  #isClosed = false;

  constructor(made: PromiseLike<unknown>, open: Opener) {
    super();
    this.#made = promiseOf(made);
    this.#open = open;
  }

  override pull(): Pulled {
    return this.#cursor === undefined ? this.#made : this.#take(this.#cursor.pull());
  }

  override settle(raw: unknown): Pulled {
    if (this.#isClosed) return DONE;
    if (this.#cursor !== undefined) return this.#take(this.#cursor.settle(raw));
    this.#cursor = this.#open(raw);
    return this.pull();
  }

  override fail(error: unknown): Pulled {
    if (this.#cursor === undefined) throw error;
    return this.#take(this.#cursor.fail(error));
  }

  override close(): Promise<unknown> | undefined {
    this.#isClosed = true;
    return this.#cursor?.close();
  }

  #take(pulled: Pulled): Pulled {
    if (pulled === READY) this.value = this.#cursor!.value;
    return pulled;
  }
}

/** Opens the result of a user's function, which may be a promise. */
export function openMade(made: unknown, open: Opener): Cursor {
  return isThenable(made) ? new DeferredCursor(made, open) : open(made);
}

/** All items of what the function makes of one item, then those of the next. */
export class ConcatMapCursor extends Cursor {
  readonly #source: Cursor;
  readonly #make: (item: unknown) => unknown;
  readonly #open: Opener;
  readonly #counter: OperatorStats;
  #inner: Cursor | undefined;

  constructor(source: Cursor, make: (item: unknown) => unknown, open: Opener, counter: OperatorStats) {
    super();
    this.#source = source;
    this.#make = make;
    this.#open = open;
    this.#counter = counter;
  }

  override pull(): Pulled {
    return this.#advance((this.#inner ?? this.#source).pull());
  }

  override settle(raw: unknown): Pulled {
    return this.#advance((this.#inner ?? this.#source).settle(raw));
  }

  override fail(error: unknown): Pulled {
    return this.#advance((this.#inner ?? this.#source).fail(error));
  }

  override close(): Promise<unknown> | undefined {
    return closeAll(this.#inner === undefined ? [this.#source] : [this.#inner, this.#source]);
  }

  #advance(first: Pulled): Pulled {
    let pulled = first;
    for (;;) {
      if (typeof pulled !== 'number') return pulled;
      if (this.#inner === undefined) {
        if (pulled === DONE) return DONE;
        this.#counter.in++;
        this.#inner = openMade(this.#make(this.#source.value), this.#open);
      } else if (pulled === READY) {
        this.#counter.out++;
        this.value = this.#inner.value;
        return READY;
      } else {
        this.#inner = undefined;
      }
      pulled = (this.#inner ?? this.#source).pull();
    }
  }
}

/** Items of what the function makes of several items, as they come. */
export class FlatMapCursor extends WaitingCursor<unknown> {
  readonly #outer: Pump<unknown>;
  readonly #make: (item: unknown) => unknown;
  readonly #open: Opener;
  readonly #concurrency: number;
  readonly #counter: OperatorStats;
  readonly #turns: TurnsHandle = native.createTurns();
  readonly #inner = new Map<number, Pump<unknown>>();
  readonly #freeIndexes: number[] = [];
  #toAsk: Pump<unknown> | undefined;

  constructor(
    source: Cursor,
    make: (item: unknown) => unknown,
    open: Opener,
    concurrency: number,
    counter: OperatorStats,
  ) {
    super();
    this.#outer = new Pump(source, () => this.wake());
    this.#make = make;
    this.#open = open;
    this.#concurrency = concurrency;
    this.#counter = counter;
  }

  /** Before another inner stream is begun, those that have items at hand are read: so arrays come out whole. */
  override pull(): Pulled {
    for (;;) {
      const asked = this.#toAsk;
      this.#toAsk = undefined;
      asked?.request();
      const next = this.#turns.next();
      if (next >= 0) return this.#take(this.#inner.get(next)!);
      if (this.#outer.state === PumpState.Failed) throw this.#outer.error;
      if (this.#outer.state === PumpState.Ended && this.#inner.size === 0) return DONE;
      const hasRoom = this.#inner.size < this.#concurrency;
      if (this.#outer.state === PumpState.Item && hasRoom) this.#begin(this.#outer.take());
      else if (this.#outer.state === PumpState.Idle && hasRoom) this.#outer.request();
      else return this.wait();
    }
  }

  override close(): Promise<unknown> | undefined {
    return closeAll([...this.#inner.values(), this.#outer]);
  }

  #take(pump: Pump<unknown>): Pulled {
    if (pump.state === PumpState.Failed) throw pump.error;
    this.#counter.out++;
    this.value = pump.take();
    this.#toAsk = pump;
    return READY;
  }

  #begin(item: unknown): void {
    this.#counter.in++;
    const cursor = openMade(this.#make(item), this.#open);
    const index = this.#freeIndexes.pop() ?? this.#inner.size;
    const pump = new Pump(cursor, this.#onArrival, index);
    this.#inner.set(index, pump);
    this.#toAsk = pump;
  }

  readonly #onArrival = (pump: Pump<unknown>): void => {
    if (pump.state === PumpState.Ended) {
      this.#inner.delete(pump.index);
      this.#freeIndexes.push(pump.index);
    } else {
      this.#turns.arrive(pump.index);
    }
    this.wake();
  };
}

/** Joins other than merge and combineLatest: zip, race, withLatestFrom. */
import { DONE, READY, WaitingCursor, closeAll } from './cursor';
import { HeldItems } from './held-items';
import { Pump, PumpState } from './pump';
import type { Cursor, Pulled } from './cursor';
import type { OperatorStats, StreamScope } from './scope';

/** The first items of all together, then the second ones ... until one source has no more. */
export class ZipCursor extends WaitingCursor<unknown[]> {
  readonly #pumps: readonly Pump<unknown>[];
  readonly #counter: OperatorStats;
  readonly #held: HeldItems;

  constructor(sources: readonly Cursor[], scope: StreamScope) {
    super();
    this.#pumps = sources.map((source, index) => new Pump(source, () => this.wake(), index));
    this.#counter = scope.operator('zip');
    this.#held = new HeldItems(scope, 'zip', this.#pumps);
  }

  override pull(): Pulled {
    let isComplete = true;
    for (const pump of this.#pumps) {
      if (pump.state === PumpState.Idle) pump.request();
    }
    for (const pump of this.#pumps) {
      if (pump.state === PumpState.Failed) throw pump.error;
      if (pump.state === PumpState.Ended) return this.#end();
      isComplete &&= pump.state === PumpState.Item;
    }
    if (!isComplete) return this.wait();
    this.#counter.in += this.#pumps.length;
    this.#counter.out++;
    this.value = this.#pumps.map((pump) => pump.take());
    return READY;
  }

  override close(): Promise<unknown> | undefined {
    this.#held.leave();
    return closeAll(this.#pumps);
  }

  #end(): Pulled {
    return this.close()?.then(() => undefined) ?? DONE;
  }
}

/** The source that is first to have an item, to end or to fail; the others are closed. */
export class RaceCursor extends WaitingCursor<unknown> {
  readonly #pumps: readonly Pump<unknown>[];
  readonly #counter: OperatorStats;
  #winner: Pump<unknown> | undefined;
  #hasStarted = false;

  constructor(sources: readonly Cursor[], counter: OperatorStats) {
    super();
    this.#counter = counter;
    this.#pumps = sources.map((source, index) => new Pump(source, this.#onArrival, index));
  }

  override pull(): Pulled {
    if (!this.#hasStarted) this.#start();
    const winner = this.#winner;
    if (winner === undefined) return this.wait();
    if (winner.state === PumpState.Idle) winner.request();
    switch (winner.state) {
      case PumpState.Item:
        this.#counter.in++;
        this.#counter.out++;
        this.value = winner.take();
        return READY;
      case PumpState.Failed:
        throw winner.error;
      case PumpState.Ended:
        return DONE;
      default:
        return this.wait();
    }
  }

  override close(): Promise<unknown> | undefined {
    return closeAll(this.#pumps);
  }

  #start(): void {
    this.#hasStarted = true;
    for (const pump of this.#pumps) {
      if (this.#winner === undefined) pump.request();
    }
  }

  readonly #onArrival = (pump: Pump<unknown>): void => {
    if (this.#winner === undefined) {
      this.#winner = pump;
      const others = this.#pumps.filter((one) => one !== pump);
      // The race is over; nobody waits for the losers to close.
      closeAll(others)?.catch(() => undefined);
    }
    this.wake();
  };
}

/** So many items that are there at once are taken in a row: a source that never waits must not hold up everything. */
const MAX_BURST = 1000;

/** Items of the source with the latest item of each other one, once all others have had one. */
export class WithLatestFromCursor extends WaitingCursor<unknown[]> {
  readonly #source: Pump<unknown>;
  readonly #others: readonly Pump<unknown>[];
  readonly #latest: { item: unknown }[] = [];
  readonly #counter: OperatorStats;
  #isPulling = false;
  /** Whether another source has brought an item since that was last asked. */
  #hasTaken = false;
  #missing: number;

  constructor(source: Cursor, others: readonly Cursor[], counter: OperatorStats) {
    super();
    this.#source = new Pump(source, () => this.wake());
    this.#others = others.map((other, index) => new Pump(other, this.#onOther, index));
    this.#missing = others.length;
    this.#counter = counter;
  }

  override pull(): Pulled {
    for (;;) {
      this.#askOthers();
      if (this.#source.state === PumpState.Idle) this.#source.request();
      for (const other of this.#others) if (other.state === PumpState.Failed) throw other.error;
      switch (this.#source.state) {
        case PumpState.Item: {
          const item = this.#source.take();
          this.#counter.in++;
          if (this.#missing > 0) break;
          this.#counter.out++;
          this.value = [item, ...this.#latest.map((latest) => latest.item)];
          return READY;
        }
        case PumpState.Failed:
          throw this.#source.error;
        case PumpState.Ended:
          return closeAll(this.#others)?.then(() => undefined) ?? DONE;
        default:
          return this.wait();
      }
    }
  }

  override close(): Promise<unknown> | undefined {
    return closeAll([this.#source, ...this.#others]);
  }

  /** One item of each for each item of the source, if they are there; those that take time bring theirs when it comes. */
  #askOthers(): void {
    this.#isPulling = true;
    for (const other of this.#others) if (other.state === PumpState.Idle) other.request();
    this.#isPulling = false;
  }

  readonly #onOther = (other: Pump<unknown>): void => {
    if (other.state !== PumpState.Item) return this.wake();
    if (this.#latest[other.index] === undefined) this.#missing--;
    this.#latest[other.index] = { item: other.take() };
    this.#hasTaken = true;
    if (!this.#isPulling) this.#catchUp();
  };

  /** An item that took its time may have brought more with it, and what comes later waits behind those. */
  #catchUp(): void {
    for (let left = MAX_BURST; this.#hasTaken && left > 0; left--) {
      this.#hasTaken = false;
      this.#askOthers();
    }
  }
}

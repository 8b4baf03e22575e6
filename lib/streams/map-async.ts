import { DONE, READY, WaitingCursor, isThenable } from './cursor';
import { Fifo } from './fifo';
import { Pump, PumpState } from './pump';
import type { Cursor, Pulled } from './cursor';
import type { BufferStats, OperatorStats } from './scope';

/** A call of the function: under way, or what came of it. */
interface Call {
  outcome: { value: unknown } | { error: unknown } | undefined;
}

/**
 * Calls of an asynchronous function side by side. At most `concurrency` are under way or wait to be read, so a slow reader
 * stops the source.
 */
export class MapAsyncCursor extends WaitingCursor<unknown> {
  readonly #pump: Pump<unknown>;
  readonly #call: (item: unknown) => unknown;
  readonly #concurrency: number;
  readonly #isOrdered: boolean;
  readonly #counter: OperatorStats;
  readonly #buffer: BufferStats;
  /** In order of the items; or, unordered, those that have ended. */
  readonly #line = new Fifo<Call>();
  #size = 0;
  #isFilling = false;
  #isClosed = false;

  constructor(
    source: Cursor,
    call: (item: unknown) => unknown,
    options: { concurrency: number; isOrdered: boolean },
    counter: OperatorStats,
    buffer: BufferStats,
  ) {
    super();
    this.#pump = new Pump(source, () => this.#onArrival());
    this.#call = call;
    this.#concurrency = options.concurrency;
    this.#isOrdered = options.isOrdered;
    this.#counter = counter;
    this.#buffer = buffer;
  }

  override pull(): Pulled {
    this.#fill();
    if (this.#line.length > 0) {
      const { outcome } = this.#line.at(0);
      if (outcome === undefined) return this.wait();
      this.#line.shift();
      this.#leave(1);
      if ('error' in outcome) throw outcome.error;
      this.#counter.out++;
      this.value = outcome.value;
      return READY;
    }
    if (this.#size > 0) return this.wait();
    if (this.#pump.state === PumpState.Failed) throw this.#pump.error;
    return this.#pump.state === PumpState.Ended ? DONE : this.wait();
  }

  override close(): Promise<unknown> | undefined {
    this.#isClosed = true;
    this.#leave(this.#size);
    this.#line.clear();
    return this.#pump.close();
  }

  /** Keeps as many calls under way as may be, also while the reader is busy. */
  #fill(): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (!this.#isClosed && this.#size < this.#concurrency) {
      if (this.#pump.state === PumpState.Idle) this.#pump.request();
      if (this.#pump.state !== PumpState.Item) break;
      this.#begin(this.#pump.take());
    }
    this.#isFilling = false;
  }

  #begin(item: unknown): void {
    this.#counter.in++;
    this.#size++;
    this.#buffer.buffered++;
    const call: Call = { outcome: undefined };
    if (this.#isOrdered) this.#line.push(call);
    let result: unknown;
    try {
      result = this.#call(item);
    } catch (error) {
      return this.#end(call, { error });
    }
    if (!isThenable(result)) return this.#end(call, { value: result });
    result.then(
      (value) => this.#end(call, { value }),
      (error: unknown) => this.#end(call, { error }),
    );
  }

  #end(call: Call, outcome: NonNullable<Call['outcome']>): void {
    if (this.#isClosed) return;
    call.outcome = outcome;
    if (!this.#isOrdered) this.#line.push(call);
    this.wake();
  }

  #onArrival(): void {
    if (this.#isFilling) return;
    this.#fill();
    this.wake();
  }

  #leave(count: number): void {
    this.#size -= count;
    this.#buffer.buffered -= count;
  }
}

import { native } from '../native/index';
import { DONE, READY, WaitingCursor, closeAll } from './cursor';
import { Pump, PumpState } from './pump';
import type { TurnsHandle } from '../native/stream';
import type { Cursor, Pulled } from './cursor';
import type { OperatorStats } from './scope';

/** A run of several sources side by side; the core's line says whose item is next, so that none starves. */
export abstract class FanInCursor<T, R> extends WaitingCursor<R> {
  protected readonly pumps: readonly Pump<T>[];
  readonly #counter: OperatorStats;
  readonly #turns: TurnsHandle = native.createTurns();
  /** Sources to be asked: at first all, then the one whose item was taken. */
  #toAsk: Pump<T>[];
  #open: number;
  #isClosed = false;

  constructor(sources: readonly Cursor<T>[], counter: OperatorStats) {
    super();
    this.#counter = counter;
    this.#open = sources.length;
    this.pumps = sources.map((source, index) => new Pump(source, this.#onArrival, index));
    this.#toAsk = [...this.pumps].reverse();
  }

  /** Takes in an item of source `index`. Answers whether `value` is set for the consumer. */
  protected abstract accept(item: T, index: number): boolean;

  override pull(): Pulled {
    for (;;) {
      while (this.#toAsk.length > 0) this.#toAsk.pop()!.request();
      if (this.#isClosed) return DONE;
      const next = this.#turns.next();
      if (next < 0) return this.#open === 0 ? DONE : this.wait();
      const pump = this.pumps[next]!;
      if (pump.state === PumpState.Failed) throw pump.error;
      const item = pump.take();
      this.#toAsk.push(pump);
      this.#counter.in++;
      if (this.accept(item, next)) {
        this.#counter.out++;
        return READY;
      }
    }
  }

  override close(): Promise<unknown> | undefined {
    if (this.#isClosed) return undefined;
    this.#isClosed = true;
    this.#toAsk = [];
    return closeAll(this.pumps);
  }

  readonly #onArrival = (pump: Pump<T>): void => {
    // A failure gets in line too, so that what came before it is handed on before it.
    if (pump.state === PumpState.Ended) this.#open--;
    else this.#turns.arrive(pump.index);
    this.wake();
  };
}

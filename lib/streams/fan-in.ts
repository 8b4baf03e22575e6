import { native } from '../native/index';
import { DONE, READY, WaitingCursor, closeAll } from './cursor';
import { HeldItems } from './held-items';
import { Pump, PumpState } from './pump';
import type { TurnsHandle } from '../native/stream';
import type { Cursor, Pulled } from './cursor';
import type { OperatorStats, StreamScope } from './scope';

/** A run of several sources side by side; the core's line says whose item is next, so that none starves. */
export abstract class FanInCursor<T, R> extends WaitingCursor<R> {
  protected readonly pumps: readonly Pump<T>[];
  readonly #counter: OperatorStats;
  readonly #turns: TurnsHandle = native.createTurns();
  readonly #held: HeldItems;
  /** Sources to be asked: at first all, then the one whose item was taken. */
  #toAsk: Pump<T>[];
  #open: number;
  #isClosed = false;

  constructor(sources: readonly Cursor<T>[], name: string, scope: StreamScope) {
    super();
    this.#counter = scope.operator(name);
    this.#open = sources.length;
    this.pumps = sources.map((source, index) => new Pump(source, this.#onArrival, index));
    this.#toAsk = [...this.pumps].reverse();
    this.#held = new HeldItems(scope, name, this.pumps);
  }

  /** Takes in an item of source `index`. Answers whether `value` is set for the consumer. */
  protected abstract accept(item: T, index: number): boolean;

  override pull(): Pulled {
    for (;;) {
      while (this.#toAsk.length > 0) this.#toAsk.pop()!.request();
      if (this.#isClosed) return DONE;
      const next = this.#turns.next();
      if (next < 0) return this.#open === 0 ? this.#end() : this.wait();
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
    this.#held.leave();
    return closeAll(this.pumps);
  }

  #end(): typeof DONE {
    this.#held.leave();
    return DONE;
  }

  readonly #onArrival = (pump: Pump<T>): void => {
    // A failure gets in line too, so that what came before it is handed on before it.
    if (pump.state === PumpState.Ended) this.#open--;
    else this.#turns.arrive(pump.index);
    this.wake();
  };
}

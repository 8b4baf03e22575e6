import { monotonicNow } from '../clock';
import { EVICT, HOLD, HOLD_AND_RELEASE, LATE, PASS, RELEASE } from '../native/stream';
import { DONE, READY, WaitingCursor } from './cursor';
import { Pump, PumpState } from './pump';
import type { Verdict } from '../native/stream';
import type { Cursor, Pulled } from './cursor';
import type { Keeper } from './keepers';
import type { OperatorStats, StreamScope } from './scope';
import type { StreamTimers, TimedOperator } from './timers';

/** A run of an operator that the core decides for: debounce, throttle, batch, window, delay. */
export class TimedCursor<T, R> extends WaitingCursor<R> implements TimedOperator {
  readonly #pump: Pump<T>;
  readonly #timers: StreamTimers;
  readonly #id: number;
  readonly #keeper: Keeper<T, R>;
  readonly #counter: OperatorStats;
  /** What is to be handed on. More than one item only if the source was ahead of the timer. */
  readonly #outbox: R[] = [];
  #isPulling = false;
  #isHolding = false;
  #isClosed = false;

  /** `open` makes the operator in the core's table and gives its id. */
  constructor(source: Cursor<T>, name: string, keeper: Keeper<T, R>, open: (timers: StreamTimers) => number, scope: StreamScope) {
    super();
    this.#timers = scope.timers;
    this.#id = open(this.#timers);
    this.#timers.attach(this.#id, this);
    this.#keeper = keeper;
    this.#counter = scope.operator(name);
    this.#pump = new Pump(source, this.#onArrival);
  }

  override pull(): Pulled {
    this.#isPulling = true;
    try {
      return this.#pullUntilWaiting();
    } finally {
      this.#isPulling = false;
    }
  }

  override close(): Promise<unknown> | undefined {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#timers.close(this.#id);
      this.#stopHolding();
      this.wake();
    }
    return this.#pump.close();
  }

  onDue(now: number): void {
    this.#apply(this.#timers.table.overdue(this.#id, now), undefined as T);
    if (this.#outbox.length > 0) this.wake();
  }

  protected override wait(): Promise<void> {
    this.#timers.arm();
    this.#isHolding = true;
    this.#timers.hold();
    return super.wait();
  }

  protected override wake(): void {
    this.#stopHolding();
    super.wake();
  }

  #stopHolding(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#timers.release();
  }

  #pullUntilWaiting(): Pulled {
    for (;;) {
      if (this.#outbox.length > 0) {
        this.#counter.out++;
        this.value = this.#outbox.shift()!;
        return READY;
      }
      if (this.#isClosed) return DONE;
      switch (this.#pump.state) {
        case PumpState.Idle:
          if (!this.#keeper.hasRoom) return this.wait();
          this.#pump.request();
          break;
        case PumpState.Item:
          this.#offer(this.#pump.take());
          break;
        case PumpState.Busy:
          return this.wait();
        default: {
          const verdict = this.#timers.table.end(this.#id);
          if (verdict === HOLD) return this.wait();
          this.#apply(verdict, undefined as T);
          if (verdict !== RELEASE) return this.#finish();
        }
      }
    }
  }

  #finish(): Pulled {
    const { state, error } = this.#pump;
    void this.close();
    if (state === PumpState.Failed) throw error;
    return DONE;
  }

  /** An item that comes while the consumer is busy is taken in at once, for its time counts from now. */
  readonly #onArrival = (): void => {
    if (this.#isPulling) return;
    if (this.#pump.state === PumpState.Item) {
      this.#offer(this.#pump.take());
      this.#timers.arm();
    }
    this.wake();
  };

  #offer(item: T): void {
    this.#counter.in++;
    const now = monotonicNow();
    const { table } = this.#timers;
    let verdict = table.item(this.#id, now);
    while (verdict === LATE) {
      this.#apply(table.overdue(this.#id, now), item);
      verdict = table.item(this.#id, now);
    }
    this.#apply(verdict, item);
  }

  #apply(verdict: Verdict, item: T): void {
    const keeper = this.#keeper;
    switch (verdict) {
      case PASS:
        this.#outbox.push(item as unknown as R);
        return;
      case EVICT:
        keeper.evict();
        keeper.hold(item);
        return;
      case HOLD:
        keeper.hold(item);
        return;
      case HOLD_AND_RELEASE:
        keeper.hold(item);
        this.#outbox.push(keeper.release());
        return;
      case RELEASE:
        this.#outbox.push(keeper.release());
        return;
    }
  }
}

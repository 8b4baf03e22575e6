import { monotonicNow } from '../clock';
import { EVICT, EXPIRED, HOLD, HOLD_AND_RELEASE, LATE, PASS, RELEASE } from '../native/stream';
import { DONE, READY, WaitingCursor } from './cursor';
import { Fifo } from './fifo';
import { Pump, PumpState } from './pump';
import type { Verdict } from '../native/stream';
import type { Cursor, Pulled } from './cursor';
import type { Keeper } from './keepers';
import type { OperatorStats, StreamScope } from './scope';
import type { StreamTimers, TimedOperator } from './timers';

/** A cursor with an operator in the core's table, whose deadlines keep the process alive while its consumer waits. */
abstract class TimerCursor<R> extends WaitingCursor<R> implements TimedOperator {
  protected readonly timers: StreamTimers;
  protected readonly id: number;
  #isHolding = false;

  constructor(timers: StreamTimers, id: number) {
    super();
    this.timers = timers;
    this.id = id;
    timers.attach(id, this);
  }

  abstract onDue(now: number): void;

  protected override wait(): Promise<void> {
    this.timers.arm();
    this.#isHolding = true;
    this.timers.hold();
    return super.wait();
  }

  protected override wake(): void {
    this.#stopHolding();
    super.wake();
  }

  /** Gives the operator up; what waits is woken. */
  protected leave(): void {
    this.timers.close(this.id);
    this.wake();
  }

  #stopHolding(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.timers.release();
  }
}

/** A run of an operator that the core decides for: debounce, throttle, batch, window, delay. */
export class TimedCursor<T, R> extends TimerCursor<R> {
  readonly #pump: Pump<T>;
  readonly #keeper: Keeper<T, R>;
  readonly #counter: OperatorStats;
  /** What is to be handed on. More than one item only if the source was ahead of the timer. */
  readonly #outbox = new Fifo<R>();
  #isPulling = false;
  #isClosed = false;

  /** `id` is that of the operator in the core's table; the cursor closes it. */
  constructor(source: Cursor<T>, name: string, keeper: Keeper<T, R>, id: number, scope: StreamScope) {
    super(scope.timers, id);
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
      this.#keeper.discard?.();
      this.leave();
    }
    return this.#pump.close();
  }

  override onDue(now: number): void {
    this.#apply(this.timers.table.overdue(this.id, now), undefined as T);
    if (this.#outbox.length > 0) this.wake();
  }

  #pullUntilWaiting(): Pulled {
    for (;;) {
      if (this.#outbox.length > 0) {
        this.#counter.out++;
        this.value = this.#outbox.shift();
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
          const verdict = this.timers.table.end(this.id);
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
      this.timers.arm();
    }
    this.wake();
  };

  #offer(item: T): void {
    this.#counter.in++;
    const now = monotonicNow();
    const { table } = this.timers;
    let verdict = table.item(this.id, now);
    while (verdict === LATE) {
      this.#apply(table.overdue(this.id, now), item);
      verdict = table.item(this.id, now);
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
      default:
        // The core drops the item: nothing to keep, nothing to pass on.
        return;
    }
  }
}

/** Fails if an item takes longer than the core's `Idle` operator allows. The time counts from when it was asked for. */
export class TimeoutCursor<T> extends TimerCursor<T> {
  readonly #pump: Pump<T>;
  readonly #counter: OperatorStats;
  readonly #error: () => Error;
  #isExpired = false;

  constructor(source: Cursor<T>, id: number, error: () => Error, scope: StreamScope) {
    super(scope.timers, id);
    this.#pump = new Pump(source, () => this.#onArrival());
    this.#counter = scope.operator('timeout');
    this.#error = error;
  }

  override pull(): Pulled {
    if (this.#isExpired) throw this.#error();
    if (this.#pump.state === PumpState.Idle) this.#pump.request();
    switch (this.#pump.state) {
      case PumpState.Item:
        this.#counter.in++;
        this.#counter.out++;
        this.value = this.#pump.take();
        return READY;
      case PumpState.Failed:
        this.leave();
        throw this.#pump.error;
      case PumpState.Busy:
        this.timers.table.begin(this.id, monotonicNow());
        return this.wait();
      default:
        this.leave();
        return DONE;
    }
  }

  override close(): Promise<unknown> | undefined {
    this.leave();
    return this.#pump.close();
  }

  override onDue(now: number): void {
    if (this.timers.table.overdue(this.id, now) !== EXPIRED) return;
    this.#isExpired = true;
    this.wake();
  }

  #onArrival(): void {
    this.timers.table.item(this.id, monotonicNow());
    this.wake();
  }
}

import { monotonicNow } from '../clock';
import { native } from '../native/index';
import type { StreamTableHandle } from '../native/stream';

const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** An operator that waits for time. */
export interface TimedOperator {
  /** Its deadline is over. */
  onDue(now: number): void;
}

/**
 * The one timer of a stream manager, armed for the earliest deadline in the core's table. It keeps the process alive only
 * while a consumer waits for an operator that waits for it.
 */
export class StreamTimers {
  readonly table: StreamTableHandle = native.createStreamTable();
  readonly #operators = new Map<number, TimedOperator>();
  #timeout: NodeJS.Timeout | undefined;
  #armedAt = Infinity;
  #holders = 0;

  /** Says whom the deadlines of `id` are for. */
  attach(id: number, operator: TimedOperator): void {
    this.#operators.set(id, operator);
  }

  /** Forgets an operator. */
  close(id: number): void {
    if (!this.#operators.delete(id)) return;
    this.table.close(id);
    if (this.#timeout !== undefined && this.table.nextDeadline() === Infinity) this.#disarm();
  }

  /** To be called when a deadline may have come nearer. One that has moved away is seen when the timer fires. */
  arm(): void {
    const deadline = this.table.nextDeadline();
    if (deadline >= this.#armedAt) return;
    clearTimeout(this.#timeout);
    this.#armedAt = deadline;
    this.#timeout = setTimeout(this.#fire, Math.min(Math.max(deadline - monotonicNow(), 0), MAX_TIMEOUT_MS));
    if (this.#holders === 0) this.#timeout.unref();
  }

  /** A consumer waits: the timer keeps the process alive until as many `release` calls. */
  hold(): void {
    if (this.#holders++ === 0) this.#timeout?.ref();
  }

  release(): void {
    if (--this.#holders === 0) this.#timeout?.unref();
  }

  /** A pause that keeps the process alive. One that is cancelled never ends. */
  pause(ms: number): { over: Promise<void>; cancel(): void } {
    const id = this.table.openIdle(ms);
    this.table.begin(id, monotonicNow());
    this.hold();
    const cancel = (): void => {
      if (!this.#operators.has(id)) return;
      this.release();
      this.close(id);
    };
    const over = new Promise<void>((resolve) => {
      const onDue = (): void => {
        cancel();
        resolve();
      };
      this.attach(id, { onDue });
    });
    this.arm();
    return { over, cancel };
  }

  /** A timer that fires is believed: clocks may say that it is a fraction of a millisecond early. */
  readonly #fire = (): void => {
    const wanted = this.#armedAt - monotonicNow();
    const now = wanted > 1 ? monotonicNow() : Math.max(monotonicNow(), this.#armedAt);
    this.#disarm();
    for (let id = this.table.nextDue(now); id >= 0; id = this.table.nextDue(now)) {
      this.#operators.get(id)?.onDue(now);
    }
    this.arm();
  };

  #disarm(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
    this.#armedAt = Infinity;
  }
}

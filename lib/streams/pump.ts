import { DONE, READY, promiseOf } from './cursor';
import type { Cursor, Pulled } from './cursor';

/** Where a pump is. */
export const enum PumpState {
  /** It has not been asked. */
  Idle,
  /** Its source is at work. */
  Busy,
  /** It has an item. */
  Item,
  /** Its source has ended. */
  Ended,
  /** Its source has failed. */
  Failed,
}

/**
 * Drives a cursor for an operator that waits for other things too. It asks for one item at a time, when told to, and so
 * holds at most one.
 */
export class Pump<T> {
  state = PumpState.Idle;
  /** What the source failed with. */
  error: unknown;
  /** Its number among the pumps of an operator. */
  readonly index: number;
  readonly #cursor: Cursor<T>;
  /** Told of an item, the end or an error; perhaps inside `request`. */
  readonly #onArrival: (pump: Pump<T>) => void;
  #isClosed = false;

  constructor(cursor: Cursor<T>, onArrival: (pump: Pump<T>) => void, index = 0) {
    this.#cursor = cursor;
    this.#onArrival = onArrival;
    this.index = index;
  }

  /** Asks for an item. Only when idle. */
  request(): void {
    this.state = PumpState.Busy;
    let pulled: Pulled;
    try {
      pulled = this.#cursor.pull();
    } catch (error) {
      return this.#fail(error);
    }
    this.#follow(pulled);
  }

  /** The item; the pump is idle then. */
  take(): T {
    this.state = PumpState.Idle;
    return this.#cursor.value;
  }

  close(): Promise<unknown> | undefined {
    this.#isClosed = true;
    if (this.state !== PumpState.Failed) this.state = PumpState.Ended;
    return this.#cursor.close();
  }

  #follow(pulled: Pulled): void {
    if (pulled === READY) this.#arrive(PumpState.Item);
    else if (pulled === DONE) this.#arrive(PumpState.Ended);
    else promiseOf(pulled).then(this.#settle, this.#refuse);
  }

  readonly #settle = (raw: unknown): void => {
    if (this.#isClosed) return;
    let pulled: Pulled;
    try {
      pulled = this.#cursor.settle(raw);
    } catch (error) {
      return this.#fail(error);
    }
    this.#follow(pulled);
  };

  readonly #refuse = (error: unknown): void => {
    if (this.#isClosed) return;
    let pulled: Pulled;
    try {
      pulled = this.#cursor.fail(error);
    } catch (raised) {
      return this.#fail(raised);
    }
    this.#follow(pulled);
  };

  #fail(error: unknown): void {
    this.error = error;
    this.#arrive(PumpState.Failed);
  }

  #arrive(state: PumpState): void {
    this.state = state;
    this.#onArrival(this);
  }
}

import { onAbort } from '../middleware/cancel';
import { DONE, READY, WaitingCursor } from './cursor';
import { Pump, PumpState } from './pump';
import type { Cursor, Pulled } from './cursor';

/** Ends when a signal aborts, even while its source is stuck. */
export class AbortableCursor<T> extends WaitingCursor<T> {
  readonly #pump: Pump<T>;
  readonly #signal: AbortSignal;
  readonly #detach: () => void;

  constructor(source: Cursor<T>, signal: AbortSignal) {
    super();
    this.#signal = signal;
    this.#pump = new Pump(source, () => this.wake());
    this.#detach = onAbort(signal, () => this.wake());
  }

  override pull(): Pulled {
    if (this.#signal.aborted) return this.#end();
    if (this.#pump.state === PumpState.Idle) this.#pump.request();
    switch (this.#pump.state) {
      case PumpState.Item:
        this.value = this.#pump.take();
        return READY;
      case PumpState.Busy:
        return this.wait();
      case PumpState.Failed:
        this.#detach();
        throw this.#pump.error;
      default:
        this.#detach();
        return DONE;
    }
  }

  override close(): Promise<unknown> | undefined {
    this.#detach();
    this.wake();
    return this.#pump.close();
  }

  #end(): Pulled {
    return this.close()?.then(() => undefined) ?? DONE;
  }
}

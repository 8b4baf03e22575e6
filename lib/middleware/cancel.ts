/**
 * What our wrappers pass inwards instead of a signal. An `AbortSignal` costs half a microsecond to make, so one is made
 * only when a handler takes it.
 */
export type Cancel = AbortSignal | Cancellation;

type Listener = () => void;

/** An abort of its own that also follows an outer one; a signal is made of it when first asked for. */
export class Cancellation {
  readonly #outer: Cancel | undefined;
  #isAborted = false;
  #reason: unknown;
  #listeners: Set<Listener> | undefined;
  #controller: AbortController | undefined;
  #leaveOuter: Listener | undefined;

  constructor(outer: Cancel | undefined) {
    this.#outer = outer;
  }

  get aborted(): boolean {
    return this.#isAborted || (this.#outer?.aborted ?? false);
  }

  get reason(): unknown {
    return this.#isAborted ? this.#reason : this.#outer?.reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
      else this.#followOuter();
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#tell();
  }

  /** Calls `listener` once at the abort; answers how to prevent it. */
  onAbort(listener: Listener): Listener {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    this.#followOuter();
    return () => void this.#listeners?.delete(listener);
  }

  /** What it was for is over: the outer one keeps nothing of it. */
  release(): void {
    this.#leaveOuter?.();
    this.#leaveOuter = undefined;
  }

  #followOuter(): void {
    if (this.#outer === undefined || this.#leaveOuter !== undefined) return;
    this.#leaveOuter = onAbort(this.#outer, () => this.#tell());
  }

  #tell(): void {
    this.release();
    this.#controller?.abort(this.reason);
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener();
  }
}

/** All our listeners of one signal: thousands of waits share a runtime's signal, which gets one listener of us. */
class SignalHub {
  readonly #listeners = new Set<Listener>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(listener: Listener): Listener {
    if (this.#listeners.size === 0) this.#signal.addEventListener('abort', this.#tell, { once: true });
    this.#listeners.add(listener);
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) {
        this.#signal.removeEventListener('abort', this.#tell);
      }
    };
  }

  readonly #tell = (): void => {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  };
}

const hubs = new WeakMap<AbortSignal, SignalHub>();

/** Calls `listener` once when `cancel`, not aborted yet, aborts; answers how to prevent it. */
export function onAbort(cancel: Cancel, listener: Listener): Listener {
  if (cancel instanceof Cancellation) return cancel.onAbort(listener);
  let hub = hubs.get(cancel);
  if (hub === undefined) hubs.set(cancel, (hub = new SignalHub(cancel)));
  return hub.add(listener);
}

/** The signal that a handler gets. */
export function signalOf(cancel: Cancel | undefined): AbortSignal | undefined {
  return cancel instanceof Cancellation ? cancel.signal : cancel;
}

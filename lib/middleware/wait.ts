import { monotonicNow } from '../clock';
import { KernelError } from '../errors';
import { timers } from '../timers';
import type { Alarm } from '../timers';
import { onAbort } from './cancel';
import type { Cancel } from './cancel';

/** The error of a wait that was cut short. */
export function abortedError(cancel: Cancel): KernelError {
  return new KernelError('ABORTED', 'ABORTED', { cause: cancel.reason });
}

/** After a wait: it may be over, and whoever waited may be no longer wanted all the same. */
export function throwIfAborted(cancel: Cancel | undefined): void {
  if (cancel?.aborted) throw abortedError(cancel);
}

/** Something that is waited for: it comes, or its time is over, or it is cancelled. Whichever is first decides. */
export class Waiter<T> implements Alarm {
  readonly promise: Promise<T>;
  readonly #onGiveUp: () => void;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #deadline = -1;
  #timedOut: (() => unknown) | undefined;
  #leaveCancel: (() => void) | undefined;
  #isOver = false;
  #hasArrived = false;

  /** @param onGiveUp called when it is not waited for any longer, before the promise is rejected */
  constructor(cancel: Cancel | undefined, onGiveUp: () => void) {
    this.#onGiveUp = onGiveUp;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (cancel === undefined) return;
    if (cancel.aborted) this.#giveUp(abortedError(cancel));
    else this.#leaveCancel = onAbort(cancel, () => this.#giveUp(abortedError(cancel)));
  }

  /** Whether it has come or was given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it has come. */
  get hasArrived(): boolean {
    return this.#hasArrived;
  }

  /** Waits no longer than `limitMs`; then it ends with what `makeError` makes. Does not keep the process alive. */
  limit(limitMs: number, makeError: () => unknown): this {
    if (this.#isOver) return this;
    this.#timedOut = makeError;
    this.#deadline = timers.start(this, monotonicNow(), limitMs);
    return this;
  }

  /** What was waited for is here. */
  arrive(value: T): void {
    if (this.#isOver) return;
    this.#end();
    this.#hasArrived = true;
    this.#resolve(value);
  }

  /** It will never come. */
  fail(error: unknown): void {
    this.#giveUp(error);
  }

  ring(): void {
    this.#deadline = -1;
    this.#giveUp(this.#timedOut!());
  }

  #giveUp(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#onGiveUp();
    this.#reject(error);
  }

  #end(): void {
    this.#isOver = true;
    if (this.#deadline >= 0) timers.stop(this.#deadline, this);
    this.#leaveCancel?.();
  }
}

/**
 * Resolves in `delayMs` and keeps the process alive until then: somebody awaits what comes after.
 *
 * @throws KernelError ABORTED when `cancel` aborts, or has aborted already
 */
export function sleep(delayMs: number, cancel: Cancel | undefined): Promise<void> {
  let deadline = -1;
  const alarm: Alarm = { ring: () => waiter.arrive() };
  const waiter = new Waiter<void>(cancel, () => {
    if (deadline >= 0) timers.stop(deadline, alarm);
  });
  if (!waiter.isOver) deadline = timers.start(alarm, monotonicNow(), delayMs, true);
  return waiter.promise;
}

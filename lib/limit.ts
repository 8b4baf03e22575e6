import { timers } from './timers';
import type { Alarm } from './timers';

/** Whose run is limited, and what that means. */
export interface Limited {
  /** The limit has passed: answers what the run ends with. */
  overdue(): Error;
  /** The outcome of the run has come all the same, or in time. */
  ended?(isLate: boolean): void;
}

/** The functions of the promise that was made last: one function takes them for all, instead of a new one for each. */
const captured = { resolve: (_value: unknown): void => undefined, reject: (_error: unknown): void => undefined };
const capture = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
  captured.resolve = resolve;
  captured.reject = reject;
};

/** A run with a deadline. Whichever of outcome and deadline comes first decides. */
class LimitedRun implements Alarm {
  readonly #owner: Limited;
  #reject: ((error: unknown) => void) | undefined;
  /** -1: it is settled. */
  #deadline = -1;

  constructor(owner: Limited) {
    this.#owner = owner;
  }

  watch(promise: Promise<unknown>, limitMs: number, startedAt: number): Promise<unknown> {
    const outcome = new Promise(capture);
    const { resolve, reject } = captured;
    this.#reject = reject;
    promise.then(
      (value) => this.#settles() && resolve(value),
      (error: unknown) => this.#settles() && reject(error),
    );
    // Last: a promise of somebody's own may throw before, and then nobody would see the deadline's error.
    this.#deadline = timers.start(this, startedAt, limitMs);
    return outcome;
  }

  ring(): void {
    this.#deadline = -1;
    this.#reject!(this.#owner.overdue());
  }

  /** Whether the outcome that has come counts. */
  #settles(): boolean {
    const deadline = this.#deadline;
    const isLate = deadline < 0;
    this.#deadline = -1;
    if (!isLate) timers.stop(deadline, this);
    this.#owner.ended?.(isLate);
    return !isLate;
  }
}

/** What `promise` comes to, or the error of `owner` when `limitMs` have passed since `startedAt` on the monotonic clock. */
export const withLimit = (
  promise: Promise<unknown>,
  limitMs: number,
  startedAt: number,
  owner: Limited,
): Promise<unknown> => new LimitedRun(owner).watch(promise, limitMs, startedAt);

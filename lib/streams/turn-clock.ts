import { monotonicNow } from '../clock';

/** A stream that never waits gives the event loop a turn after this many milliseconds, for timers, signals and I/O. */
const TURN_BUDGET_MS = 8;

/** Kept from before a test could replace it: it measures turns of the real event loop. */
const realSetImmediate = setImmediate;
const realNextTick = process.nextTick;

/** The time at which each turn of the event loop first asked: so a pull costs no clock reading of its own. */
export class TurnClock {
  /** Counts turns; only those in which somebody asked. */
  turn = 0;
  /**
   * While sources go on after their pause: resolves when all of them can be read again. A run that went on at once would
   * use up the turn with the first of them, and the others would starve.
   */
  resuming: Promise<void> | undefined;
  #time = 0;
  #isFresh = false;
  #pause: Promise<void> | undefined;

  now(): number {
    return this.#isFresh ? this.#time : this.#read();
  }

  /** Whether this turn has lasted so long that others should have one. */
  isOverBudget(): boolean {
    return monotonicNow() - this.now() > TURN_BUDGET_MS;
  }

  /** Resolves after the event loop has had a turn: for all who wait for it together. */
  pause(): Promise<void> {
    return (this.#pause ??= new Promise((goOn) => realSetImmediate(() => this.#resume(goOn))));
  }

  #resume(goOn: () => void): void {
    this.#pause = undefined;
    this.#expire();
    this.resuming = new Promise((resolve) => {
      const end = (): void => {
        this.resuming = undefined;
        resolve();
      };
      // Asked for inside a microtask, nextTick comes after all microtasks: so after every layer has passed on its wake.
      void Promise.resolve().then(() => realNextTick(end));
    });
    goOn();
  }

  readonly #expire = (): void => {
    this.#isFresh = false;
    this.turn++;
  };

  #read(): number {
    this.#isFresh = true;
    realSetImmediate(this.#expire).unref();
    return (this.#time = monotonicNow());
  }
}

/** One for all streams, as there is one event loop: also streams of several managers may be joined. */
export const turnClock = new TurnClock();

import { monotonicNow } from '../clock';

/** A stream that never waits gives the event loop a turn after this many milliseconds, for timers, signals and I/O. */
const TURN_BUDGET_MS = 8;

/** Kept from before a test could replace it: it measures turns of the real event loop. */
const realSetImmediate = setImmediate;

/** The time at which each turn of the event loop first asked: so a pull costs no clock reading of its own. */
export class TurnClock {
  /** Counts turns; only those in which somebody asked. */
  turn = 0;
  #time = 0;
  #isFresh = false;
  readonly #expire = (): void => {
    this.#isFresh = false;
    this.turn++;
  };

  now(): number {
    return this.#isFresh ? this.#time : this.#read();
  }

  /** Whether this turn has lasted so long that others should have one. */
  isOverBudget(): boolean {
    return monotonicNow() - this.now() > TURN_BUDGET_MS;
  }

  #read(): number {
    this.#isFresh = true;
    realSetImmediate(this.#expire).unref();
    return (this.#time = monotonicNow());
  }
}

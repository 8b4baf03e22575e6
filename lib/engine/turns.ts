import { monotonicNow } from '../clock';
import { eventLoopTurn, onRest } from './real-timers';

/** A long drain gives the event loop a turn after this many milliseconds of its own. */
const TURN_BUDGET_MS = 4;
/** A pause longer than this means that the event loop has had a turn anyway. */
const QUIET_GAP_MS = 1;
/** The clock is read after at most this many handlers; fewer when they are slow. */
const MAX_STRIDE = 8;

/** What turns tell the engine. */
export interface TurnListener {
  /** The clock has been read. */
  onNow(now: number): void;
  /** Things may start again. */
  onOpen(): void;
}

/** Sees to it that the event loop has its turns while many events are run, and that the clock is read often enough, and not more often. */
export class Turns {
  readonly #listener: TurnListener;
  /** Handlers that may share a reading of the clock. */
  readonly #maxStride: number;
  /** Resolves when the event loop has had its turn; nothing starts before that. Undefined: things may start. */
  gate: Promise<void> | undefined;
  /** Handlers until the clock is to be read; the engine counts them. */
  untilCheck = 1;
  #stride = 1;
  #start = 0;
  #lastCheck = 0;
  /** Whether somebody waits for the moment when nothing computes any more, after which the clock is to be read again. */
  #watchesRest = false;
  /** Whether that has come: what runs now was brought by a timer or by I/O. */
  #hasRested = false;
  /**
   * For readings that stay off the hot path: called once a turn of a drain that computes (true), and otherwise (false) once a full ring of
   * emits, and when an event ends after `lookAt`.
   */
  onLook: ((computes: boolean) => void) | undefined;
  lookAt = Infinity;

  /** @param isPrecise whether each handler has a reading of its own */
  constructor(isPrecise: boolean, listener: TurnListener) {
    this.#maxStride = isPrecise ? 1 : MAX_STRIDE;
    this.#listener = listener;
  }

  /** Begins to start things. What follows a moment ago belongs to the same turn, so that chains of short drains end too. */
  begin(): void {
    const now = monotonicNow();
    if (now - this.#lastCheck > QUIET_GAP_MS) this.#start = now;
    this.#listener.onNow(now);
    this.#lastCheck = now;
    this.#stride = 1;
    this.untilCheck = 1;
    if (now - this.#start >= TURN_BUDGET_MS) this.#end();
  }

  /** Reads the clock; when the turn has lasted long enough, timers and I/O are served before anything else starts. */
  check(): void {
    const now = monotonicNow();
    const sinceLast = now - this.#lastCheck;
    this.#lastCheck = now;
    this.#listener.onNow(now);
    this.#stride = sinceLast > 1 ? 1 : Math.min(this.#maxStride, this.#stride * 2);
    this.untilCheck = this.#stride;
    if (now >= this.lookAt) this.onLook?.(false);
    this.watchRest();
    if (this.#hasRested) this.#start = now;
    this.#hasRested = false;
    if (now - this.#start >= TURN_BUDGET_MS && this.gate === undefined) this.#end();
  }

  /** Handlers that end later must not be given the time of now, and what they waited for is no time that was computed. */
  watchRest(): void {
    if (this.#watchesRest) return;
    this.#watchesRest = true;
    onRest(() => {
      this.#watchesRest = false;
      this.#hasRested = true;
      this.untilCheck = 1;
    });
  }

  #end(): void {
    this.onLook?.(true);
    this.gate = eventLoopTurn().then(() => {
      this.gate = undefined;
      this.#start = monotonicNow();
      this.#lastCheck = this.#start;
      this.#listener.onOpen();
    });
  }
}

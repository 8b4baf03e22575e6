import type { AnyEvent } from '../events';
import type { EngineHandle } from '../native/engine';
import type { LimiterPermits } from '../native/policy';

/** A middleware that lets only so many runs of a key go on at a time, as the engine sees it before it starts an event. */
export interface EngineLimiter {
  /** Its number in the core. */
  readonly number: number;
  /**
   * Whether the event, whose turn has come, may go on: true: ask the next limiter; false: it waits in the queue, or has gone.
   *
   * @param key the core's key that it has waited for here, or -1
   */
  look(event: AnyEvent, slot: number, key: number): boolean;
  /** As `look`, for the outermost limiter: takes a permit, which the run finds, and starts the event in the core. */
  admit(event: AnyEvent, slot: number, key: number): boolean;
  /** The run has begun. If it did not ask for the permit that was taken for it, it goes back. */
  settle(): void;
}

/** The limiters that events pass before they start, so that one without a permit waits in the queue and costs nothing here. */
export class Limiters {
  /** Starts an event in the core without a permit; false: it has gone. */
  readonly begin: EngineHandle['begin'];
  readonly #createPermits: EngineHandle['createPermits'];
  /** May the engine start something that waited? */
  readonly #onRoused: () => void;
  /** These only keep their lines short: something outside of them may be meant to run while an event waits. */
  readonly #inner: EngineLimiter[] = [];
  #outermost: EngineLimiter | undefined;
  /** Whether there are any: then the core offers events instead of starting them. */
  isOn = false;

  constructor({ begin, createPermits }: EngineHandle, onRoused: () => void) {
    this.begin = begin;
    this.#createPermits = createPermits;
    this.#onRoused = onRoused;
  }

  /** Permits in the core of the engine. */
  createPermits(maxConcurrent: number): LimiterPermits {
    this.isOn = true;
    return this.#createPermits(maxConcurrent);
  }

  /** @param isOutermost whether nothing that is outside of it in the run could tell when the permit is taken */
  add(limiter: EngineLimiter, isOutermost: boolean): void {
    if (isOutermost) this.#outermost = limiter;
    else this.#inner.push(limiter);
  }

  /** A permit has come back for which an event of the queue has waited. */
  roused(): void {
    this.#onRoused();
  }

  /**
   * Starts the event of `slot` if it may start.
   *
   * @param waitedFor the limiter, plus one, that it has waited for under `key`; 0: for none
   */
  start(event: AnyEvent, slot: number, waitedFor: number, key: number): boolean {
    for (const limiter of this.#inner) {
      if (!limiter.look(event, slot, limiter.number === waitedFor - 1 ? key : -1)) return false;
    }
    const limiter = this.#outermost;
    if (limiter === undefined) return this.begin(slot);
    return limiter.admit(event, slot, limiter.number === waitedFor - 1 ? key : -1);
  }

  settle(): void {
    this.#outermost?.settle();
  }
}

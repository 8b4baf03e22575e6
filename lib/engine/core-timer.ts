import { monotonicNow } from '../clock';
import { DEADLINE } from './layout';
import type { EngineHandle } from '../native/engine';

const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The one timer of the core: set for the earliest deadline that it has written down. */
export class CoreTimer {
  readonly #doubles: Float64Array;
  readonly #onDue: (now: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #armedAt = Infinity;
  #isDue = false;

  /** @param onDue called when the deadline has come, with the time */
  constructor(doubles: Float64Array, onDue: (now: number) => void) {
    this.#doubles = doubles;
    this.#onDue = onDue;
  }

  /** To be called when the core may have written an earlier deadline. */
  keepUp(): void {
    if (this.#doubles[DEADLINE]! < this.#armedAt) this.#arm();
  }

  /** To be called when the core has been told the time. */
  served(): void {
    if (this.#armedAt !== this.#doubles[DEADLINE]!) this.#arm();
  }

  /** What was due is being served: it need not be once more. */
  forget(): void {
    this.#isDue = false;
  }

  /** Nothing is due any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#armedAt = -Infinity;
  }

  #arm(): void {
    const deadline = this.#doubles[DEADLINE]!;
    clearTimeout(this.#timer);
    this.#armedAt = deadline;
    if (deadline === Infinity) return;
    const delay = Math.min(Math.max(Math.ceil(deadline - monotonicNow()), 0), MAX_TIMEOUT_MS);
    this.#timer = setTimeout(() => this.#onTimer(), delay);
    this.#timer.unref?.();
  }

  /** What is due becomes ready a microtask later, never inside the turn of the timer itself. */
  #onTimer(): void {
    const armedAt = this.#armedAt;
    this.#timer = undefined;
    this.#armedAt = Infinity;
    this.#isDue = true;
    // A timer is trusted: under fake timers the clock may stand still.
    const now = Math.max(monotonicNow(), Math.min(armedAt, this.#doubles[DEADLINE]!));
    queueMicrotask(() => {
      if (this.#isDue) this.#onDue(now);
    });
  }
}

/** Calls that are due some time. All of them together cost the core's one timer. */
export class Alarms {
  readonly #core: EngineHandle;
  readonly #timer: CoreTimer;
  readonly #alarms = new Map<number, { ring: () => void; handle: number }>();
  #last = 0;

  constructor(core: EngineHandle, timer: CoreTimer) {
    this.#core = core;
    this.#timer = timer;
  }

  /** Calls `ring` after `delayMs`; answers how to prevent it. */
  after(delayMs: number, ring: () => void): () => void {
    const token = (this.#last = (this.#last + 1) >>> 0);
    const handle = this.#core.alarm(monotonicNow(), delayMs, token);
    this.#alarms.set(token, { ring, handle });
    this.#timer.keepUp();
    return () => {
      const alarm = this.#alarms.get(token);
      if (alarm === undefined) return;
      this.#alarms.delete(token);
      this.#core.cancelAlarm(alarm.handle, token);
    };
  }

  /** The core says that this one is due. */
  ring(token: number): void {
    const alarm = this.#alarms.get(token);
    this.#alarms.delete(token);
    alarm?.ring();
  }
}

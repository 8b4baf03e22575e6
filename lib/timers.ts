import { monotonicNow } from './clock';
import { native } from './native/index';

/** `setTimeout` knows no longer delay. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * A real timer that is not needed any more stays armed: the next deadline uses it, or it fires once, unref'd, and finds
 * nothing. (To clear and set it for each event would cost more than all the rest.) A fake one is cleared: tests count them.
 */
const realSetTimeout = setTimeout;

/** What a deadline is for. */
export interface Alarm {
  /** The deadline has passed. Must not throw. */
  ring(): void;
}

/**
 * The deadlines of this library: waits, timeouts, schedules. However many there are, they cost one `setTimeout`, which
 * does not keep the process alive unless somebody awaits what a deadline brings.
 *
 * Timers and clock are the global ones of the moment, so that fake timers drive everything. A timer that fires is
 * trusted even if the clock says that it is early: somebody may have faked only one of the two.
 */
class TimerService {
  readonly #deadlines = native.createDeadlines();
  /** By the core's id. */
  readonly #alarms: (Alarm | undefined)[] = [];
  readonly #awaited = new Set<Alarm>();
  #pending = 0;
  #armedFor = Infinity;
  #timer: NodeJS.Timeout | undefined;
  /** The functions that made the armed timer: a fake timer cannot be cleared by a real function, nor fired. */
  #set: typeof setTimeout | undefined;
  #clear: typeof clearTimeout | undefined;

  /**
   * Rings `alarm` in `delayMs`; answers the deadline's id.
   *
   * @param isAwaited whether this deadline keeps the process alive
   */
  start(alarm: Alarm, now: number, delayMs: number, isAwaited = false): number {
    const id = this.#deadlines.arm(now, delayMs);
    this.#alarms[id] = alarm;
    this.#pending++;
    if (now + delayMs < this.#armedFor || setTimeout !== this.#set) this.#arm(now);
    if (isAwaited) {
      this.#awaited.add(alarm);
      this.#timer?.ref?.();
    }
    return id;
  }

  /** Gives up a deadline; nothing if it has passed. */
  stop(id: number, alarm: Alarm): void {
    if (this.#alarms[id] !== alarm) return;
    this.#alarms[id] = undefined;
    this.#deadlines.cancel(id);
    this.#unawait(alarm);
    if (--this.#pending === 0 && this.#set !== realSetTimeout) this.#disarm();
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clear!(this.#timer);
    this.#timer = undefined;
    this.#armedFor = Infinity;
  }

  #unawait(alarm: Alarm): void {
    if (this.#awaited.size > 0 && this.#awaited.delete(alarm) && this.#awaited.size === 0) this.#timer?.unref?.();
  }

  #arm(now: number): void {
    this.#disarm();
    const deadline = this.#deadlines.nextDeadline();
    if (deadline === Infinity) return;
    const delay = Math.min(Math.max(Math.ceil(deadline - now), 0), MAX_TIMEOUT_MS);
    const armedFor = Math.min(deadline, now + MAX_TIMEOUT_MS);
    this.#armedFor = armedFor;
    this.#set = setTimeout;
    this.#clear = clearTimeout;
    this.#timer = setTimeout(() => this.#ring(armedFor), delay);
    if (this.#awaited.size === 0) this.#timer.unref?.();
  }

  #ring(armedFor: number): void {
    this.#timer = undefined;
    this.#armedFor = Infinity;
    const now = Math.max(monotonicNow(), armedFor);
    try {
      for (let id = this.#deadlines.expire(now); id >= 0; id = this.#deadlines.expire(now)) {
        const alarm = this.#alarms[id]!;
        this.#alarms[id] = undefined;
        this.#pending--;
        this.#unawait(alarm);
        alarm.ring();
      }
    } finally {
      this.#arm(monotonicNow());
    }
  }
}

export const timers = new TimerService();

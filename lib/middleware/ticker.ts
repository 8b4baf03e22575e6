import { monotonicNow, wallNow } from '../clock';
import { messageOf } from '../errors';
import type { AnyEvent } from '../events';
import { nextCallId } from '../ids';
import { native } from '../native/index';
import type { SchedulePolicy } from '../native/policy';
import type { ObservabilityPort } from '../observability/port';
import { timers } from '../timers';
import type { Alarm } from '../timers';
import { promiseIn } from './run';
import type { ReadSchedule } from './schedule-options';
import { freshSeed } from './seed';

/** Where a schedule's events go; a promise says when the run that an event led to is over. */
export type SendEvent = (event: AnyEvent) => unknown;

/** A schedule that runs: it makes events like the original one and sends them. It keeps no process alive. */
export class Ticker implements Alarm {
  readonly #schedule: ReadSchedule;
  readonly #original: AnyEvent;
  readonly #send: SendEvent;
  readonly #port: ObservabilityPort;
  readonly #policy: SchedulePolicy;
  readonly #readsWallClock: boolean;
  #deadline = -1;
  /** When the armed deadline passes, on the monotonic clock. */
  #wakeAt = 0;

  /** Called after each trigger. */
  onTrigger: (() => void) | undefined;

  constructor(
    schedule: ReadSchedule,
    original: AnyEvent,
    send: SendEvent,
    port: ObservabilityPort,
    resumed?: { triggered: number; sinceLastMs: number },
  ) {
    this.#schedule = schedule;
    this.#original = original;
    this.#send = send;
    this.#port = port;
    const policy = { ...schedule.policy, seed: freshSeed(), ...(resumed !== undefined && { resumed }) };
    this.#policy = new native.Schedule(policy, monotonicNow(), wallNow());
    this.#readsWallClock = schedule.policy.everyMs === undefined;
  }

  /** The event that its events are made like. */
  get original(): AnyEvent {
    return this.#original;
  }

  /** Triggers so far. */
  get triggered(): number {
    return this.#policy.triggered();
  }

  /** Begins; a first trigger that is due at once happens inside this call. */
  start(): this {
    this.#advance(this.#readsWallClock ? wallNow() : monotonicNow());
    return this;
  }

  /** Ends it; may be called any time, also twice. */
  stop(): void {
    this.#policy.stop();
    if (this.#deadline >= 0) timers.stop(this.#deadline, this);
    this.#deadline = -1;
  }

  ring(): void {
    this.#deadline = -1;
    // The timer is trusted for intervals; the wall clock may have been set, so it is read.
    this.#advance(this.#readsWallClock ? wallNow() : Math.max(monotonicNow(), this.#wakeAt));
  }

  #advance(now: number): void {
    let next = this.#policy.poll(now);
    while (next === -1) {
      this.#trigger();
      next = this.#policy.poll(now);
    }
    if (next < 0) return;
    const clock = monotonicNow();
    this.#wakeAt = clock + next;
    this.#deadline = timers.start(this, clock, next);
  }

  #trigger(): void {
    let sent: unknown;
    try {
      sent = this.#send(this.#nextEvent());
    } catch (error) {
      this.#failed(error);
    }
    this.onTrigger?.();
    const promise = promiseIn(sent);
    if (promise === undefined) this.#policy.runEnded();
    else promise.catch((error: unknown) => this.#failed(error)).finally(() => this.#policy.runEnded());
  }

  #nextEvent(): AnyEvent {
    const { type, threadId, metadata } = this.#original;
    const data = this.#schedule.generateData(this.#policy.triggered() - 1, this.#original);
    const event: AnyEvent = { id: nextCallId(), type, data, ts: wallNow(), threadId };
    if (metadata !== undefined) event.metadata = { ...metadata };
    return event;
  }

  #failed(error: unknown): void {
    this.#port.log('error', 'A scheduled trigger failed', {
      eventType: this.#original.type,
      error: messageOf(error),
    });
  }
}

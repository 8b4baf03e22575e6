import { RuntimeError } from './errors';
import { timers } from './timers';
import type { AnyEvent } from './events';
import type { Alarm } from './timers';

/** The functions of the promise that was made last: one function takes them for all, instead of a new one for each. */
const captured = { resolve: (_value: unknown): void => undefined, reject: (_error: unknown): void => undefined };
const capture = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
  captured.resolve = resolve;
  captured.reject = reject;
};

/** A handler's run with a limit. Whichever of outcome and deadline comes first decides. */
class TimedRun implements Alarm {
  readonly #event: AnyEvent;
  readonly #limitMs: number;
  readonly #controller: AbortController | undefined;
  #reject: ((error: unknown) => void) | undefined;
  /** -1: it is settled. */
  #deadline = -1;

  constructor(event: AnyEvent, limitMs: number, controller: AbortController | undefined) {
    this.#event = event;
    this.#limitMs = limitMs;
    this.#controller = controller;
  }

  watch(promise: Promise<unknown>, startedAt: number): Promise<unknown> {
    const outcome = new Promise(capture);
    const { resolve, reject } = captured;
    this.#reject = reject;
    promise.then(
      (value) => this.#settles() && resolve(value),
      (error: unknown) => this.#settles() && reject(error),
    );
    // Last: a promise of somebody's own may throw before.
    this.#deadline = timers.start(this, startedAt, this.#limitMs);
    return outcome;
  }

  ring(): void {
    this.#deadline = -1;
    const { id: eventId, type: eventType } = this.#event;
    const timeoutMs = this.#limitMs;
    const message = `Handler for ${eventType} exceeded ${timeoutMs}ms; raise operationTimeoutMs or the event's timeout`;
    const context = { eventId, eventType, timeoutMs };
    const error = new RuntimeError('RUNTIME_EVENT_PROCESSING_TIMEOUT', message, { context });
    this.#reject!(error);
    this.#controller?.abort(error);
  }

  /** Whether the outcome that has come counts. */
  #settles(): boolean {
    const deadline = this.#deadline;
    if (deadline < 0) return false;
    this.#deadline = -1;
    timers.stop(deadline, this);
    return true;
  }
}

/**
 * What `promise` comes to, or RUNTIME_EVENT_PROCESSING_TIMEOUT `limitMs` after `startedAt`.
 *
 * @param controller aborted at that moment
 * @param startedAt on the monotonic clock
 */
export const withLimit = (
  promise: Promise<unknown>,
  limitMs: number,
  startedAt: number,
  event: AnyEvent,
  controller: AbortController | undefined,
): Promise<unknown> => new TimedRun(event, limitMs, controller).watch(promise, startedAt);

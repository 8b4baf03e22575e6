import type { AnyEvent } from '../events';
import { requireFunction } from '../validate';
import { onAbort } from './cancel';
import type { Cancel } from './cancel';
import { HAND_SCOPE, needsArguments } from './define';
import { handlerOf, promiseIn, runOf } from './run';
import type { Run } from './run';
import { readSchedule } from './schedule-options';
import type { ReadSchedule, ScheduleOptions, ScheduleSpec } from './schedule-options';
import { wallNow } from '../clock';
import { ScheduleMemory } from './schedule-memory';
import { Ticker } from './ticker';
import type { SendEvent } from './ticker';
import { BIND } from './types';
import type { Middleware, MiddlewareHandler, MiddlewareScope } from './types';

/** Starts a schedule for an event; answers how to stop it. A `signal` stops it, too. */
export type ScheduleSetup = (event: AnyEvent, sendEvent: SendEvent, signal?: AbortSignal) => () => void;

/** What {@link withSchedule} makes: a middleware, and a setup when called with an event. */
export type ScheduleMiddleware = Middleware &
  ScheduleSetup & {
    /** Stops all its schedules, in all runtimes and by hand, for good. */
    stop(): void;
  };

/**
 * Makes a setup `(event, sendEvent) => stop`: `sendEvent` is called with events like the one given, on the schedule.
 * Intervals do not drift; cron expressions follow their time zone through daylight saving. The schedule does not keep the
 * process alive.
 *
 * @example
 * const stop = schedule({ every: '5s', maxTriggers: 3 })(event, (next) => runtime.emit(next.type, next.data));
 */
export function schedule(options: ScheduleOptions): ScheduleSetup {
  return setupOf(readSchedule('schedule', options));
}

/**
 * As a middleware: the first event of each type is handled and then handled again on the schedule, until `maxTriggers`,
 * `stop()`, or the runtime's `clear()` or `cleanup()`. Called with `(event, sendEvent)` it is {@link schedule}.
 *
 * @example
 * const runtime = createRuntime(context, observability, { middleware: [withSchedule({ schedule: '@hourly' })] });
 */
export const withSchedule = needsArguments('withSchedule', (spec: ScheduleSpec): ScheduleMiddleware => {
  const read = readSchedule('withSchedule', spec);
  const setup = setupOf(read);
  const groups = new Set<TickerGroup>();
  let isStopped = false;
  const open = (scope: MiddlewareScope): TickerGroup => {
    const group = new TickerGroup(read, scope, () => isStopped);
    groups.add(group);
    scope.onClear(() => group.clear());
    scope.onCleanup(() => {
      group.stop();
      groups.delete(group);
    });
    return group;
  };
  const byHand = (handler: MiddlewareHandler): MiddlewareHandler => {
    // By hand a trigger runs this handler, so each handler has schedules of its own.
    const group = open(HAND_SCOPE);
    const run = runOf(handler);
    return handlerOf(group.around(run, (event) => run(event)));
  };
  const bind = (scope: MiddlewareScope): Middleware => {
    // In a runtime a trigger is an event for all handlers of its type: one schedule a type.
    const group = open(scope);
    scope.onMemory((memory) =>
      group.remember(new ScheduleMemory(memory, read.policy, scope.port), (event) => scope.enqueueEvent(event)),
    );
    const middleware = (handler: MiddlewareHandler): MiddlewareHandler =>
      handlerOf(group.around(runOf(handler), (event) => scope.enqueueEvent(event)));
    return Object.assign(middleware, { kind: 'handler' as const, displayName: 'withSchedule' });
  };
  const dual = (first: MiddlewareHandler | AnyEvent, ...rest: [SendEvent, AbortSignal?]): unknown =>
    typeof first === 'function' ? byHand(first) : setup(first, ...rest);
  return Object.assign(dual, {
    kind: 'handler',
    displayName: 'withSchedule',
    [BIND]: bind,
    stop: () => {
      isStopped = true;
      for (const group of groups) group.stop();
    },
  }) as unknown as ScheduleMiddleware;
});

function setupOf(read: ReadSchedule): ScheduleSetup {
  return (event, sendEvent, signal) => {
    requireFunction('sendEvent', sendEvent);
    const ticker = new Ticker(read, event, sendEvent, HAND_SCOPE.port);
    if (signal?.aborted) return () => undefined;
    const leave = signal && onAbort(signal, () => ticker.stop());
    ticker.start();
    return () => {
      leave?.();
      ticker.stop();
    };
  };
}

/** The running schedules of one scope, by event type. */
class TickerGroup {
  readonly #read: ReadSchedule;
  readonly #scope: MiddlewareScope;
  readonly #isOver: () => boolean;
  readonly #tickers = new Map<string, Ticker>();
  #memory: ScheduleMemory | undefined;

  constructor(read: ReadSchedule, scope: MiddlewareScope, isOver: () => boolean) {
    this.#read = read;
    this.#scope = scope;
    this.#isOver = isOver;
  }

  /** The handler, after whose first run for a type that type's schedule begins. */
  around(run: Run, send: SendEvent): Run {
    return (event: AnyEvent, cancel) => {
      if (this.#tickers.has(event.type) || this.#isOver() || cancel?.aborted) return run(event, cancel);
      const ticker = new Ticker(this.#read, event, send, this.#scope.port);
      this.#add(ticker);
      if (cancel !== undefined && !this.#scope.inRuntime) onAbort(cancel, () => ticker.stop());
      return this.#runFirst(run, event, cancel, ticker);
    };
  }

  #runFirst(run: Run, event: AnyEvent, cancel: Cancel | undefined, ticker: Ticker): unknown {
    // Cleared in the meantime: the ticker is stopped, and starting it does nothing.
    const begin = (): unknown => ticker.start();
    let result: unknown;
    try {
      result = run(event, cancel);
    } catch (error) {
      begin();
      throw error;
    }
    const promise = promiseIn(result);
    if (promise === undefined) {
      begin();
      return result;
    }
    return promise.finally(begin);
  }

  #add(ticker: Ticker): void {
    this.#tickers.set(ticker.original.type, ticker);
    ticker.onTrigger = (): void => this.#memory?.note(ticker);
    this.#memory?.note(ticker);
  }

  /** From now on the schedules survive the process; those of an earlier one go on. */
  remember(memory: ScheduleMemory, send: SendEvent): void {
    this.#memory = memory;
    for (const ticker of this.#tickers.values()) memory.note(ticker);
    if (this.#isOver()) return;
    for (const { event, ...resumed } of memory.resumable(wallNow())) {
      if (this.#tickers.has(event.type)) continue;
      const ticker = new Ticker(this.#read, event, send, this.#scope.port, resumed);
      this.#add(ticker);
      ticker.start();
    }
  }

  /** Stops them, and forgets them. */
  clear(): void {
    this.stop();
    this.#memory?.clear();
  }

  stop(): void {
    for (const ticker of this.#tickers.values()) ticker.stop();
    this.#tickers.clear();
  }
}

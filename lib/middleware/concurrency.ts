import { MiddlewareError } from '../errors';
import type { EngineLimiter } from '../engine/limiters';
import type { AnyEvent } from '../events';
import { native } from '../native/index';
import type { LimiterPermits, Permits } from '../native/policy';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  warnOfUnknown,
} from '../validate';
import type { Cancel } from './cancel';
import { defineMiddleware, withDefaults } from './define';
import { promiseIn } from './run';
import type { Run } from './run';
import type { Middleware, MiddlewareScope } from './types';
import { Waiter, abortedError } from './wait';

/** Options of {@link withConcurrency}. */
export interface ConcurrencyOptions {
  /** Handler runs at a time for each key, at least 1. Default 5. */
  maxConcurrent?: number;
  /** What shares a limit: any value, compared as a key of a Map. Default the event's type. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  getKey?: (event: any) => unknown;
  /**
   * Milliseconds that a run waits for a permit; 0: it is refused at once. Default: in a runtime's list it waits without
   * limit, by hand 0.
   */
  queueTimeoutMs?: number;
  /** Without a `queueTimeoutMs` above 0: 'wait' waits without limit, 'drop' refuses at once. */
  mode?: 'drop' | 'wait';
  /** Count refusals in `context.cost.concurrencyDrops`. Default true. */
  emitMetrics?: boolean;
  /** The caller's object that gets this count. */
  context?: object;
}

const OPTION_NAMES: Record<keyof ConcurrencyOptions, true> = {
  maxConcurrent: true,
  getKey: true,
  queueTimeoutMs: true,
  mode: true,
  emitMetrics: true,
  context: true,
};

/** What a run without a permit does: it is refused, or waits so many milliseconds (Infinity: without limit). */
type WhenFull = { waits: false } | { waits: true; limitMs: number };

/**
 * Lets at most `maxConcurrent` runs of one key go on at a time. The others wait for a permit, first come, first served, or
 * are refused: `MiddlewareError` CONCURRENCY_DROP (not waited) or CONCURRENCY_TIMEOUT (waited in vain). In a runtime's
 * list a waiting run holds none of the runtime's own permits, so that one hot key does not starve the others.
 *
 * @example
 * const handler = withConcurrency({ maxConcurrent: 10, getKey: (event) => event.data.userId, mode: 'wait' })(save);
 */
export const withConcurrency = withDefaults((options: ConcurrencyOptions = {}): Middleware => {
  warnOfUnknown('withConcurrency', requireObject('withConcurrency options', options), OPTION_NAMES);
  const maxConcurrent = requireInteger('withConcurrency.maxConcurrent', options.maxConcurrent ?? 5, {
    min: 1,
    max: 2 ** 32 - 1,
  });
  const getKey = requireFunction(
    'withConcurrency.getKey',
    options.getKey ?? ((event: AnyEvent): unknown => event?.type),
  );
  const whenFull = readWhenFull(options);
  const onRefusal = readMetrics(options);
  return defineMiddleware({
    kind: 'pipeline',
    displayName: 'withConcurrency',
    create: (scope) => {
      const limiter = new Limiter(maxConcurrent, getKey, whenFull(scope), scope, onRefusal);
      return (run) => (event, cancel) => limiter.run(run, event, cancel);
    },
  });
});

/** Stands for no event where one may be `undefined`. */
const NOBODY = {};
/** Instead of a permit: the event has waited too long. */
const OVERDUE = -1;

/** What the core's keys and waiters stand for. */
class Limiter implements EngineLimiter {
  readonly #permits: Permits;
  readonly #getKey: (event: AnyEvent) => unknown;
  readonly #limitMs: number;
  readonly #scope: MiddlewareScope;
  readonly #onRefusal: () => void;
  readonly #ids = new Map<unknown, number>();
  /** By the core's id of the key. */
  readonly #keys: unknown[] = [];
  /** By the core's id of the waiter. */
  readonly #waiters: (Waiter<void> | undefined)[] = [];
  /** In a runtime's queue. */
  readonly #queued: LimiterPermits | undefined;
  /** The event that is being started with a permit, and of which key that is. */
  #admitted: unknown = NOBODY;
  #permit = OVERDUE;

  constructor(
    maxConcurrent: number,
    getKey: (event: AnyEvent) => unknown,
    whenFull: WhenFull,
    scope: MiddlewareScope,
    onRefusal: () => void,
  ) {
    this.#getKey = getKey;
    this.#limitMs = whenFull.waits ? whenFull.limitMs : 0;
    this.#scope = scope;
    this.#onRefusal = onRefusal;
    const limiters = whenFull.waits ? scope.limiters : undefined;
    this.#queued = limiters?.createPermits(maxConcurrent);
    this.#permits = this.#queued ?? native.createPermits(maxConcurrent, whenFull.waits);
    limiters?.add(this, scope.isOutermost === true);
  }

  // ── Before an event starts ───────────────────────────────────────────────────────────────────────────

  get number(): number {
    return this.#queued!.number;
  }

  look(event: AnyEvent, slot: number, known: number): boolean {
    if (!this.#queued!.isCrowded()) return true;
    const id = known >= 0 ? known : this.#idOf(event);
    return id === undefined || this.#queued!.look(slot, id);
  }

  admit(event: AnyEvent, slot: number, known: number): boolean {
    let id: number | undefined = known;
    if (known < 0) {
      let key: unknown;
      try {
        key = this.#getKey(event);
      } catch {
        // It will throw again inside the run, and the event fails.
        return this.#scope.limiters!.begin(slot);
      }
      id = this.#ids.get(key);
      if (id === undefined) {
        this.#grant(event, this.#open(key));
        if (this.#scope.limiters!.begin(slot)) return true;
        this.settle();
        return false;
      }
    }
    const answer = this.#queued!.admit(slot, id, this.#limitMs);
    if (answer === 1) this.#grant(event, id);
    else if (answer === 3) this.#grant(event, OVERDUE);
    return (answer & 1) === 1;
  }

  #idOf(event: AnyEvent): number | undefined {
    try {
      return this.#ids.get(this.#getKey(event));
    } catch {
      return undefined;
    }
  }

  #grant(event: AnyEvent, permit: number): void {
    this.#admitted = event;
    this.#permit = permit;
  }

  settle(): void {
    if (this.#admitted === NOBODY) return;
    this.#admitted = NOBODY;
    if (this.#permit >= 0) this.#leave(this.#permit);
  }

  // ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────

  run(run: Run, event: AnyEvent, cancel: Cancel | undefined): unknown {
    if (this.#admitted === event) {
      this.#admitted = NOBODY;
      if (this.#permit === OVERDUE) throw this.#refusal('CONCURRENCY_TIMEOUT');
      return this.#hold(this.#permit, run, event, cancel);
    }
    const key = this.#getKey(event);
    const id = this.#ids.get(key);
    if (id === undefined) return this.#hold(this.#open(key), run, event, cancel);
    const place = this.#permits.enter(id);
    if (place === -1) return this.#hold(id, run, event, cancel);
    if (place === -2) throw this.#refusal('CONCURRENCY_DROP');
    return this.#runLater(id, place, run, event, cancel);
  }

  #open(key: unknown): number {
    if (this.#queued !== undefined) this.#forgetIdle();
    const id = this.#permits.open();
    this.#ids.set(key, id);
    this.#keys[id] = key;
    return id;
  }

  /** Two old ones at most for each new one: they become fewer, and no event pays for all. */
  #forgetIdle(): void {
    for (let count = 0; count < 2; count++) {
      const idle = this.#permits.closeIdle();
      if (idle < 0) return;
      this.#forget(idle);
    }
  }

  #forget(id: number): void {
    this.#ids.delete(this.#keys[id]);
    this.#keys[id] = undefined;
  }

  /** Runs with a permit of `id`, which goes back whatever happens. */
  #hold(id: number, run: Run, event: AnyEvent, cancel: Cancel | undefined): unknown {
    let result: unknown;
    try {
      result = run(event, cancel);
    } catch (error) {
      this.#leave(id);
      throw error;
    }
    const promise = promiseIn(result);
    if (promise === undefined) {
      this.#leave(id);
      return result;
    }
    return promise.then(
      (value) => {
        this.#leave(id);
        return value;
      },
      (error: unknown) => {
        this.#leave(id);
        throw error;
      },
    );
  }

  #leave(id: number): void {
    const next = this.#permits.leave(id);
    if (next >= 0) {
      const waiter = this.#waiters[next]!;
      this.#waiters[next] = undefined;
      waiter.arrive();
    } else if (next === -2) {
      this.#forget(id);
    } else if (next === -3) {
      this.#scope.limiters!.roused();
    }
  }

  async #runLater(id: number, place: number, run: Run, event: AnyEvent, cancel: Cancel | undefined): Promise<unknown> {
    if (cancel?.aborted) {
      this.#permits.abandon(place);
      throw abortedError(cancel);
    }
    const waiter = new Waiter<void>(cancel, () => {
      this.#waiters[place] = undefined;
      this.#permits.abandon(place);
    });
    this.#waiters[place] = waiter;
    if (this.#limitMs !== Infinity) waiter.limit(this.#limitMs, () => this.#refusal('CONCURRENCY_TIMEOUT'));
    try {
      await this.#scope.park(event, waiter.promise);
    } catch (error) {
      // The runtime gave the run up after it had its permit, or before: in both cases no permit may be lost.
      if (waiter.hasArrived) this.#leave(id);
      else {
        waiter.promise.catch(() => undefined);
        waiter.fail(error);
      }
      throw error;
    }
    if (cancel?.aborted) {
      this.#leave(id);
      throw abortedError(cancel);
    }
    return this.#hold(id, run, event, cancel);
  }

  #refusal(code: 'CONCURRENCY_DROP' | 'CONCURRENCY_TIMEOUT'): MiddlewareError {
    this.#onRefusal();
    return new MiddlewareError(code, code);
  }
}

function readWhenFull({ queueTimeoutMs, mode }: ConcurrencyOptions): (scope: MiddlewareScope) => WhenFull {
  if (mode !== undefined) requireOneOf('withConcurrency.mode', mode, ['drop', 'wait']);
  if (queueTimeoutMs !== undefined) requireNumber('withConcurrency.queueTimeoutMs', queueTimeoutMs, { min: 0 });
  if (queueTimeoutMs !== undefined && queueTimeoutMs > 0) return () => ({ waits: true, limitMs: queueTimeoutMs });
  if (mode === 'wait') return () => ({ waits: true, limitMs: Infinity });
  if (mode === 'drop' || queueTimeoutMs === 0) return () => ({ waits: false });
  return (scope) => (scope.inRuntime ? { waits: true, limitMs: Infinity } : { waits: false });
}

function readMetrics({ emitMetrics = true, context }: ConcurrencyOptions): () => void {
  requireBoolean('withConcurrency.emitMetrics', emitMetrics);
  if (context !== undefined) requireObject('withConcurrency.context', context);
  return () => {
    if (!emitMetrics || context === undefined) return;
    try {
      const cost = ((context as { cost?: Record<string, number> }).cost ??= {});
      cost.concurrencyDrops = (cost.concurrencyDrops ?? 0) + 1;
    } catch {
      // A frozen context is the caller's choice.
    }
  };
}

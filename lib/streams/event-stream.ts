import { wallNow } from '../clock';
import { refuse, requireFunction } from '../validate';
import { AbortableCursor } from './abortable';
import { bindOnRead } from './bind';
import { FusedCursor } from './fused';
import { CombineLatestCursor, MergeCursor } from './merge';
import { optionalBoolean, optionalMs, optionalSignal, requireMs, requireSize } from './options';
import { Run } from './run';
import { isSource, openSource } from './source';
import * as steps from './steps';
import { batchOf } from './stream-batch';
import { openBatch, openDebounce, openThrottle } from './time-plans';
import { middlewareHandler } from './with-middleware';
import type { StreamMiddleware } from './with-middleware';
import type { AnyEvent } from '../events';
import type { Cursor } from './cursor';
import type { StepPlan } from './fused';
import type { StreamScope } from './scope';
import type { CombinedBatch, StreamBatch } from './stream-batch';
import type { Awaitable, DebounceOptions, SignalOptions, StreamSource, ThrottleOptions } from './types';

/** Makes a layer of a run. */
type Open<T> = () => Cursor<T>;

/** Anything that `merge` and its like take beside the stream itself: a stream or a source of one. */
export type StreamLike<T> = EventStream<T> | StreamSource<T>;

/** The items of a `StreamLike`. */
export type ItemOf<S> = S extends AsyncIterable<infer T> ? T : S extends () => infer I ? ItemOf<I> : S extends Iterable<infer T> ? T : unknown;

/** The items of several, as a tuple. */
export type ItemsOf<S extends readonly unknown[]> = { [K in keyof S]: ItemOf<S[K]> };

const NO_STEPS: readonly StepPlan[] = [];

/**
 * A sequence of items that comes over time. Operators give new streams; nothing runs before a stream is iterated, and each
 * iteration is a run of its own that calls the generator function anew.
 *
 * A consumer pulls: a slow one slows the source. Whatever ends a run (the end, an error, `break`, a signal, `cleanup`)
 * closes its sources.
 */
export class EventStream<T = AnyEvent> implements AsyncIterable<T> {
  /** @internal */
  readonly scope: StreamScope;
  readonly #open: Open<unknown>;
  readonly #steps: readonly StepPlan[];

  /** @internal */
  constructor(scope: StreamScope, open: Open<unknown>, chain: readonly StepPlan[] = NO_STEPS) {
    this.scope = scope;
    this.#open = open;
    this.#steps = chain;
  }

  /** Begins a run: what `for await` calls. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return this.run();
  }

  /** @internal */
  run(signal?: AbortSignal): Run<T> {
    return new Run<T>(() => this.openCursor(), this.scope, signal);
  }

  /** @internal */
  openCursor(): Cursor<T> {
    const source = this.#open();
    return (this.#steps.length === 0 ? source : new FusedCursor(source, this.#steps, this.scope)) as Cursor<T>;
  }

  /** @internal A stream with one more synchronous operator. */
  withStep<R>(step: StepPlan): EventStream<R> {
    return new EventStream<R>(this.scope, this.#open, [...this.#steps, step]);
  }

  /** @internal A stream with a layer of another kind. */
  withLayer<R>(layer: (source: Cursor<T>) => Cursor<R>, signal?: AbortSignal): EventStream<R> {
    return derive(this.scope, () => layer(this.openCursor()), signal);
  }

  // ── One item at a time ───────────────────────────────────────────────────────────────────────────────

  /** Items for which `predicate` is truthy. A type guard narrows the type. */
  filter<S extends T>(predicate: (item: T) => item is S): EventStream<S>;
  filter(predicate: (item: T) => Awaitable<unknown>): EventStream<T>;
  filter(predicate: (item: T) => unknown): EventStream<T> {
    return this.withStep(steps.filterStep(requireFunction('filter.predicate', predicate)));
  }

  /** `mapper(item)`; a promise is awaited. */
  map<R>(mapper: (item: T) => R): EventStream<Awaited<R>> {
    return this.withStep(steps.mapStep(requireFunction('map.mapper', mapper)));
  }

  /** Items up to and including the first match. */
  until(predicate: (item: T) => Awaitable<unknown>): EventStream<T> {
    return this.withStep(steps.untilStep(requireFunction('until.predicate', predicate)));
  }

  /** Items before the first match. */
  takeUntil(predicate: (item: T) => Awaitable<unknown>): EventStream<T> {
    return this.withStep(steps.takeUntilStep('takeUntil', requireFunction('takeUntil.predicate', predicate), true));
  }

  /**
   * Each item goes through `middleware` wrapped around a handler that returns it. What comes back is handed on, no result
   * drops the item, an error ends the stream.
   */
  withMiddleware(middleware: StreamMiddleware): EventStream<T> {
    return this.withStep(steps.handlerStep(middlewareHandler(requireFunction('withMiddleware.middleware', middleware))));
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Of items that follow each other closely only the last, once there has been none for `ms` milliseconds. When the source
   * ends, the item that waits goes at once.
   */
  debounce(ms: number, options: DebounceOptions = {}): EventStream<T> {
    const signal = optionalSignal('debounce', options);
    const waitMs = requireMs('debounce.ms', ms);
    const leading = optionalBoolean('debounce.leading', options.leading, false);
    const maxWaitMs = optionalMs('debounce.maxWaitMs', options.maxWaitMs);
    return this.withLayer((source) => openDebounce(source, this.scope, { waitMs, leading, maxWaitMs }), signal);
  }

  /** At most one item in `ms` milliseconds: by default the first, and what comes until they have passed is dropped. */
  throttle(ms: number, options: ThrottleOptions = {}): EventStream<T> {
    const signal = optionalSignal('throttle', options);
    const intervalMs = requireMs('throttle.ms', ms);
    const leading = optionalBoolean('throttle.leading', options.leading, true);
    const trailing = optionalBoolean('throttle.trailing', options.trailing, false);
    if (!leading && !trailing) refuse('throttle.trailing', trailing, 'true when leading is false');
    return this.withLayer((source) => openThrottle(source, this.scope, { intervalMs, leading, trailing }), signal);
  }

  /**
   * Items together, as an event `stream.batch` that can be read like an array too. A batch goes when it has `size` items,
   * when `timeoutMs` milliseconds have passed since its first item, and at the end of the source. Never empty.
   *
   * @param size below 1 counts as 1
   */
  batch(size: number, timeoutMs?: number, options: SignalOptions = {}): EventStream<StreamBatch<T>> {
    const signal = optionalSignal('batch', options);
    const limit = requireSize('batch.size', size);
    const timeout = optionalMs('batch.timeoutMs', timeoutMs);
    if (timeout === Infinity && signal === undefined) {
      return this.withStep(steps.groupStep('batch', limit, batchOf, wallNow));
    }
    return this.withLayer((source) => openBatch(source, this.scope, { size: limit, timeoutMs: timeout }), signal);
  }

  // ── Several streams ──────────────────────────────────────────────────────────────────────────────────

  /** Items of this stream and the others as they come. Ends when all have ended; the first error ends it. */
  merge<S extends readonly StreamLike<unknown>[]>(...streams: S): EventStream<T | ItemOf<S[number]>>;
  merge(...streams: StreamLike<unknown>[]): EventStream<unknown> {
    const all = [this, ...streams.map((stream, index) => toStream(this.scope, stream, `merge[${index}]`))];
    return derive(this.scope, () => new MergeCursor(all.map((one) => one.openCursor()), this.scope.operator('merge')));
  }

  /**
   * Once each stream has had an item: with each new one, the latest item of each, in the order of the streams, as an event
   * `stream.batch`. A stream that has ended keeps its last item; ends when all have ended.
   */
  combineLatest<S extends readonly StreamLike<unknown>[]>(...streams: S): EventStream<CombinedBatch<[T, ...ItemsOf<S>]>>;
  combineLatest(...streams: StreamLike<unknown>[]): EventStream<unknown> {
    const all = [this, ...streams.map((stream, index) => toStream(this.scope, stream, `combineLatest[${index}]`))];
    const counter = this.scope.operator('combineLatest');
    return derive(this.scope, () => new CombineLatestCursor(all.map((one) => one.openCursor()), counter));
  }

  // ── Consumers ────────────────────────────────────────────────────────────────────────────────────────

  /** All items. When the signal aborts: those so far. */
  async toArray(options?: SignalOptions): Promise<T[]> {
    const items: T[] = [];
    await this.run(optionalSignal('toArray', options)).each((item) => void items.push(item));
    return items;
  }
}

bindOnRead(EventStream.prototype);

/** A stream of a layer of its own; with a signal, one that ends when it aborts. */
export function derive<R>(scope: StreamScope, open: Open<R>, signal?: AbortSignal): EventStream<R> {
  return new EventStream<R>(scope, signal === undefined ? open : () => new AbortableCursor(open(), signal));
}

/** The stream itself, or a stream of the source. */
export function toStream<T>(scope: StreamScope, source: StreamLike<T>, path: string): EventStream<T> {
  if (source instanceof EventStream) return source as EventStream<T>;
  if (!isSource(source)) return refuse(path, source, 'a stream, an async iterable, an iterable or a function that makes one');
  return new EventStream<T>(scope, () => openSource(source, scope));
}

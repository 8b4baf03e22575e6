import { wallNow } from '../clock';
import { refuse, requireFunction, requireInteger } from '../validate';
import { AbortableCursor } from './abortable';
import { bindOnRead } from './bind';
import { closeAll, isThenable } from './cursor';
import { FusedCursor } from './fused';
import { RaceCursor, WithLatestFromCursor, ZipCursor } from './join';
import { MapAsyncCursor } from './map-async';
import { CombineLatestCursor, MergeCursor } from './merge';
import { ConcatMapCursor, FlatMapCursor } from './nested';
import {
  optionalBoolean,
  optionalMs,
  optionalSignal,
  requireSize,
  retryPlan,
  sharePlan,
  splitOptions,
} from './options';
import { toReadable } from './readable';
import { CatchErrorCursor, RetryCursor } from './recover';
import { Run, STOP } from './run';
import { SharedRun } from './share';
import { isSource, openSource } from './source';
import * as steps from './steps';
import { batchOf } from './stream-batch';
import { TracedCursor } from './traced';
import * as plans from './time-plans';
import { middlewareHandler } from './with-middleware';
import type { Readable } from 'node:stream';
import type { AnyEvent } from '../events';
import type { MiddlewareFactoryType } from '../middleware/types';
import type { Cursor } from './cursor';
import type { StepPlan } from './fused';
import type { Opener } from './nested';
import type { StreamScope } from './scope';
import type { CombinedBatch, StreamBatch } from './stream-batch';
import type { Layer } from './time-plans';
import type {
  Awaitable,
  DebounceOptions,
  DelayOptions,
  DistinctOptions,
  FlatMapOptions,
  ItemOf,
  ItemsOf,
  JoinArguments,
  MapAsyncOptions,
  ReadableOptions,
  RetryStreamOptions,
  ShareOptions,
  SignalOptions,
  StreamLike,
  ThrottleOptions,
  WindowOptions,
} from './types';
import type { StreamMiddleware } from './with-middleware';

/** Makes a layer of a run. */
type Open<T> = () => Cursor<T>;
/** Makes a layer of the layers of several streams. */
type Join<R> = (cursors: Cursor[]) => Cursor<R>;
/** What `first` and `last` take. */
type OptionalPredicate<T> = [
  predicate?: SignalOptions | ((item: T) => Awaitable<unknown>),
  options?: SignalOptions | undefined,
];
/** What `pipe` puts a stream through. */
type Operator<A, B> = (stream: A) => B;

const NO_STEPS: readonly StepPlan[] = [];
const DEFAULT_CONCURRENCY = 16;
const DEFAULT_DISTINCT_KEYS = 10_000;

/**
 * A sequence of items that comes over time. Operators give new streams; nothing runs before a stream is iterated, and each
 * iteration is a run of its own that calls the generator function anew.
 *
 * A consumer pulls: a slow one slows the source. Whatever ends a run (the end, an error, `break`, a signal, `cleanup`)
 * closes its sources. Functions that are passed get exactly one argument; a promise that they return is awaited. An error
 * that they throw ends the stream, after the items before it. Every operator and consumer takes `{ signal }` last: when it
 * aborts, that stream ends as if its source had ended.
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
    return new Run<T>(() => this.#openRun(), this.scope, signal);
  }

  #openRun(): Cursor<T> {
    const trace = this.scope.traceRun?.();
    return trace === undefined ? this.openCursor() : new TracedCursor(() => this.openCursor(), trace);
  }

  /** @internal */
  openCursor(): Cursor<T> {
    const source = this.#open();
    return (this.#steps.length === 0 ? source : new FusedCursor(source, this.#steps, this.scope)) as Cursor<T>;
  }

  /** One more synchronous operator; without a signal it is fused with those before it. */
  #step<R>(step: StepPlan, options?: SignalOptions): EventStream<R> {
    const signal = optionalSignal(step.name, options);
    const stream = withSteps<R>(this.scope, this.#open, [...this.#steps, step]);
    return signal === undefined ? stream : derive(this.scope, () => stream.openCursor(), signal);
  }

  /** A layer of another kind. */
  #layer<R>(name: string, layer: Layer<T, R>, options?: SignalOptions): EventStream<R> {
    return derive(this.scope, () => layer(this.openCursor()), optionalSignal(name, options));
  }

  /** This stream with others. */
  #join<R>(name: string, args: readonly unknown[], join: Join<R>): EventStream<R> {
    const { streams, options } = splitOptions(args);
    const all = [this, ...streams.map((stream, index) => toStream(this.scope, stream, `${name}[${index}]`))];
    return derive(this.scope, () => join(openAll(all)), optionalSignal(name, options));
  }

  /** Opens what a user's function has made. */
  #opener(name: string): Opener {
    return (made) => toStream(this.scope, made, `${name}: the result of the function`).openCursor();
  }

  // ── One item at a time ───────────────────────────────────────────────────────────────────────────────

  /** Items for which `predicate` is truthy. A type guard narrows the type. */
  filter<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): EventStream<S>;
  filter(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T>;
  filter(predicate: (item: T) => unknown, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.filterStep(requireFunction('filter.predicate', predicate)), options);
  }

  /** Two streams: of the items for which `predicate` is truthy, and of the others. Each runs the source for itself. */
  partition<S extends T>(
    predicate: (item: T) => item is S,
    options?: SignalOptions,
  ): [EventStream<S>, EventStream<Exclude<T, S>>];
  partition(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): [EventStream<T>, EventStream<T>];
  partition(predicate: (item: T) => unknown, options?: SignalOptions): [EventStream<T>, EventStream<T>] {
    requireFunction('partition.predicate', predicate);
    const part = (wanted: boolean): EventStream<T> => this.#step(steps.partitionStep(predicate, wanted), options);
    return [part(true), part(false)];
  }

  /** `mapper(item)` */
  map<R>(mapper: (item: T) => R, options?: SignalOptions): EventStream<Awaited<R>> {
    return this.#step(steps.mapStep(requireFunction('map.mapper', mapper)), options);
  }

  /** The items unchanged, after `visit` has seen them. */
  tap(visit: (item: T) => unknown, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.tapStep(requireFunction('tap.visit', visit)), options);
  }

  /** Each state of a reduction: `reducer(state, item)`, beginning with `seed`. */
  scan<S>(reducer: (state: S, item: T) => Awaitable<S>, seed: S, options?: SignalOptions): EventStream<S> {
    return this.#step(steps.scanStep(requireFunction('scan.reducer', reducer), seed), options);
  }

  /** Items up to and including the first match. */
  until(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.untilStep(requireFunction('until.predicate', predicate)), options);
  }

  /** Items before the first match. */
  takeUntil(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.endAtStep('takeUntil', requireFunction('takeUntil.predicate', predicate), true), options);
  }

  /** Items before the first that does not match. */
  takeWhile<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): EventStream<S>;
  takeWhile(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T>;
  takeWhile(predicate: (item: T) => unknown, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.endAtStep('takeWhile', requireFunction('takeWhile.predicate', predicate), false), options);
  }

  /** The first `count` items. */
  take(count: number, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.takeStep(requireInteger('take.count', count, { min: 0 })), options);
  }

  /** All but the first `count` items. */
  skip(count: number, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.skipStep(requireInteger('skip.count', count, { min: 0 })), options);
  }

  /**
   * Items whose key has not been seen. The keys seen last are remembered (`capacity`, default 10,000); those forgotten are
   * counted in the statistics.
   *
   * @param keyOf default: the item itself
   */
  distinct(keyOf: (item: T) => unknown = (item) => item, options: DistinctOptions = {}): EventStream<T> {
    requireFunction('distinct.keyOf', keyOf);
    const capacity = requireInteger('distinct.capacity', options.capacity ?? DEFAULT_DISTINCT_KEYS, { min: 1 });
    return this.#step(steps.distinctStep(keyOf, capacity, this.scope.buffer('distinct')), options);
  }

  /** Items that differ from the one before. `equals` defaults to `Object.is`. */
  distinctUntilChanged(
    equals: (previous: T, item: T) => Awaitable<unknown> = Object.is,
    options?: SignalOptions,
  ): EventStream<T> {
    return this.#step(steps.distinctUntilChangedStep(requireFunction('distinctUntilChanged.equals', equals)), options);
  }

  /**
   * Arrays of `size` items; one begins with every `every`-th item (default `size`: one after the other). With a smaller
   * `every` they overlap, with a larger one items between them are left out. At the end those that have begun come as they
   * are.
   */
  bufferCount(size: number, every?: number, options?: SignalOptions): EventStream<T[]> {
    const limit = requireInteger('bufferCount.size', size, { min: 1 });
    const stride = requireInteger('bufferCount.every', every ?? limit, { min: 1 });
    if (stride !== limit) return this.#step(steps.overlappingStep(limit, stride), options);
    return this.#step(
      steps.groupStep('bufferCount', limit, (items) => items),
      options,
    );
  }

  /**
   * Each item goes through `middleware` wrapped around a handler that returns it. What comes back is handed on, no result
   * drops the item, an error ends the stream. As in a runtime's list a factory that is not called (`withRetry`) means its
   * defaults.
   */
  withMiddleware(middleware: StreamMiddleware, options?: SignalOptions): EventStream<T>;
  withMiddleware(factory: MiddlewareFactoryType, options?: SignalOptions): EventStream<T>;
  withMiddleware(middleware: StreamMiddleware | MiddlewareFactoryType, options?: SignalOptions): EventStream<T> {
    return this.#step(steps.handlerStep(middlewareHandler(middleware)), options);
  }

  // ── Functions that take time or make streams ─────────────────────────────────────────────────────────

  /** `mapper(item)` for up to `concurrency` items side by side; results in order of the items, or as they come. */
  mapAsync<R>(mapper: (item: T) => R, options: MapAsyncOptions = {}): EventStream<Awaited<R>> {
    const call = requireFunction('mapAsync.mapper', mapper) as (item: unknown) => unknown;
    const concurrency = requireInteger('mapAsync.concurrency', options.concurrency ?? DEFAULT_CONCURRENCY, { min: 1 });
    const isOrdered = optionalBoolean('mapAsync.ordered', options.ordered, true);
    const [counter, buffer] = [this.scope.operator('mapAsync'), this.scope.buffer('mapAsync')];
    const layer = (source: Cursor<T>): Cursor =>
      new MapAsyncCursor(source, call, { concurrency, isOrdered }, counter, buffer);
    return this.#layer('mapAsync', layer, options);
  }

  /** All items of the stream (iterable, array ...) that `mapper` makes of one item, then those of the next. */
  concatMap<S extends StreamLike<unknown>>(
    mapper: (item: T) => Awaitable<S>,
    options?: SignalOptions,
  ): EventStream<ItemOf<S>> {
    const make = requireFunction('concatMap.mapper', mapper) as (item: unknown) => unknown;
    const [open, counter] = [this.#opener('concatMap'), this.scope.operator('concatMap')];
    return this.#layer('concatMap', (source) => new ConcatMapCursor(source, make, open, counter), options);
  }

  /** Items of the streams (iterables, arrays ...) that `mapper` makes, up to `concurrency` of them at a time, as they come. */
  flatMap<S extends StreamLike<unknown>>(
    mapper: (item: T) => Awaitable<S>,
    options: FlatMapOptions = {},
  ): EventStream<ItemOf<S>> {
    const make = requireFunction('flatMap.mapper', mapper) as (item: unknown) => unknown;
    const concurrency = requireInteger('flatMap.concurrency', options.concurrency ?? DEFAULT_CONCURRENCY, { min: 1 });
    const [open, counter] = [this.#opener('flatMap'), this.scope.operator('flatMap')];
    const layer = (source: Cursor<T>): Cursor<ItemOf<S>> =>
      new FlatMapCursor(source, make, open, concurrency, counter) as Cursor;
    return this.#layer('flatMap', layer, options);
  }

  /** After an error: the items of the stream that `handler` makes of it; nothing more if it makes none. */
  catchError<S extends StreamLike<unknown> = never>(
    handler: (error: unknown) => Awaitable<S | void | null>,
    options?: SignalOptions,
  ): EventStream<T | ItemOf<S>> {
    const handle = requireFunction('catchError.handler', handler) as (error: unknown) => unknown;
    const open = this.#opener('catchError');
    const layer = (source: Cursor<T>): Cursor => new CatchErrorCursor(source, handle, open, this.scope);
    return this.#layer('catchError', layer, options);
  }

  /**
   * After an error the stream runs again from its beginning, up to `maxAttempts` times in all; items that have been handed
   * on come again.
   */
  retry(options: number | RetryStreamOptions = {}): EventStream<T> {
    const given = typeof options === 'number' ? { maxAttempts: options } : options;
    const plan = retryPlan(given);
    const open = (): Cursor => new RetryCursor(() => this.openCursor(), plan, this.scope);
    return derive(this.scope, open, optionalSignal('retry', given));
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Of items that follow each other closely only the last, once there has been none for `ms` milliseconds. When the source
   * ends, the item that waits goes at once.
   */
  debounce(ms: number, options: DebounceOptions = {}): EventStream<T> {
    return this.#layer('debounce', plans.debounceLayer(this.scope, ms, options), options);
  }

  /** At most one item in `ms` milliseconds: by default the first, and what comes until they have passed is dropped. */
  throttle(ms: number, options: ThrottleOptions = {}): EventStream<T> {
    return this.#layer('throttle', plans.throttleLayer(this.scope, ms, options), options);
  }

  /**
   * Items together, as an event `stream.batch` that can be read like an array too. A batch goes when it has `size` items,
   * when `timeoutMs` milliseconds have passed since its first item, and at the end of the source. Never empty.
   *
   * @param size below 1 counts as 1
   */
  batch(size: number, timeoutMs?: number, options?: SignalOptions): EventStream<StreamBatch<T>> {
    const limit = requireSize('batch.size', size);
    const timeout = optionalMs('batch.timeoutMs', timeoutMs);
    if (timeout === Infinity) return this.#step(steps.groupStep('batch', limit, batchOf, wallNow), options);
    return this.#layer('batch', plans.batchLayer(this.scope, limit, timeout), options);
  }

  /** The items of a window of time together, as an event `stream.batch`: tumbling, sliding or session windows. */
  window(options: WindowOptions): EventStream<StreamBatch<T>> {
    return this.#layer('window', plans.windowLayer(this.scope, options), options);
  }

  /** Each item `ms` milliseconds later. */
  delay(ms: number, options: DelayOptions = {}): EventStream<T> {
    return this.#layer('delay', plans.delayLayer(this.scope, ms, options), options);
  }

  /** Fails with `KernelError` TIMEOUT_EXCEEDED when an item that is waited for takes longer than `ms` milliseconds. */
  timeout(ms: number, options?: SignalOptions): EventStream<T> {
    return this.#layer('timeout', plans.timeoutLayer(this.scope, ms), options);
  }

  // ── Several streams ──────────────────────────────────────────────────────────────────────────────────

  /** Items of this stream and the others as they come. Ends when all have ended; the first error ends it. */
  merge<S extends JoinArguments>(...streams: S): EventStream<T | ItemsOf<S>[number]> {
    return this.#join('merge', streams, (cursors) => new MergeCursor(cursors, 'merge', this.scope));
  }

  /**
   * Once each stream has had an item: with each new one, the latest item of each, in the order of the streams, as an event
   * `stream.batch`. A stream that has ended keeps its last item; ends when all have ended.
   */
  combineLatest<S extends JoinArguments>(...streams: S): EventStream<CombinedBatch<[T, ...ItemsOf<S>]>> {
    const join = (cursors: Cursor[]): Cursor => new CombineLatestCursor(cursors, 'combineLatest', this.scope);
    return this.#join('combineLatest', streams, join);
  }

  /** The first items of all as a tuple, then the second ones. Ends with the first stream that ends. */
  zip<S extends JoinArguments>(...streams: S): EventStream<[T, ...ItemsOf<S>]> {
    return this.#join('zip', streams, (cursors) => new ZipCursor(cursors, this.scope) as Cursor);
  }

  /** The stream that is first to have an item, to end or to fail; the others are closed. */
  race<S extends JoinArguments>(...streams: S): EventStream<T | ItemsOf<S>[number]> {
    return this.#join('race', streams, (cursors) => new RaceCursor(cursors, this.scope.operator('race')) as Cursor);
  }

  /**
   * Each item of this stream with the latest item of each other one, as a tuple. Items that come before all others have had
   * one are dropped. Ends with this stream.
   */
  withLatestFrom<S extends JoinArguments>(...streams: S): EventStream<[T, ...ItemsOf<S>]> {
    const counter = this.scope.operator('withLatestFrom');
    const join: Join<[T, ...ItemsOf<S>]> = ([source, ...others]) =>
      new WithLatestFromCursor(source!, others, counter) as Cursor;
    return this.#join('withLatestFrom', streams, join);
  }

  /**
   * One run for all readers: it begins with the first of them and ends with the last. A reader gets what comes after it has
   * joined; readers that begin in the same turn of the event loop get all.
   */
  share(options: ShareOptions = {}): EventStream<T> {
    const shared = new SharedRun<T>(() => this.openCursor(), sharePlan(options), this.scope);
    return derive(this.scope, () => shared.join(), optionalSignal('share', options));
  }

  /** `stream.pipe(a, b)` is `b(a(stream))`: for operators of your own. */
  pipe<A>(a: Operator<this, A>): A;
  pipe<A, B>(a: Operator<this, A>, b: Operator<A, B>): B;
  pipe<A, B, C>(a: Operator<this, A>, b: Operator<A, B>, c: Operator<B, C>): C;
  pipe<A, B, C, D>(a: Operator<this, A>, b: Operator<A, B>, c: Operator<B, C>, d: Operator<C, D>): D;
  pipe(...operators: Operator<unknown, unknown>[]): unknown;
  pipe(...operators: Operator<never, unknown>[]): unknown {
    return operators.reduce<unknown>(
      (stream, operator, index) => requireFunction(`pipe[${index}]`, operator)(stream as never),
      this,
    );
  }

  // ── Consumers ────────────────────────────────────────────────────────────────────────────────────────

  /** All items. When the signal aborts: those so far. */
  async toArray(options?: SignalOptions): Promise<T[]> {
    const items: T[] = [];
    await this.#consume('toArray', (item) => void items.push(item), options);
    return items;
  }

  /** Calls `visit` for each item, one after the other. */
  async forEach(visit: (item: T) => unknown, options?: SignalOptions): Promise<void> {
    requireFunction('forEach.visit', visit);
    await this.#consume('forEach', (item) => visit(item), options);
  }

  /** `reducer(state, item)` for all items, beginning with `seed`. */
  async reduce<S>(reducer: (state: S, item: T) => Awaitable<S>, seed: S, options?: SignalOptions): Promise<S> {
    requireFunction('reduce.reducer', reducer);
    let state = seed;
    const keep = (next: S): void => {
      state = next;
    };
    const visit = (item: T): unknown => {
      const next = reducer(state, item);
      return isThenable(next) ? next.then(keep as (next: unknown) => void) : keep(next);
    };
    await this.#consume('reduce', visit, options);
    return state;
  }

  /** The first item (for which `predicate` is truthy), or undefined if there is none. The source is closed then. */
  first<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): Promise<S | undefined>;
  first(predicate?: (item: T) => Awaitable<unknown>, options?: SignalOptions): Promise<T | undefined>;
  first(options?: SignalOptions): Promise<T | undefined>;
  async first(...args: OptionalPredicate<T>): Promise<T | undefined> {
    let first: T | undefined;
    const { stream, options } = this.#where('first', args);
    const keep = (item: T): typeof STOP => {
      first = item;
      return STOP;
    };
    await stream.#consume('first', keep, options);
    return first;
  }

  /** The last item (for which `predicate` is truthy), or undefined if there is none. */
  last<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): Promise<S | undefined>;
  last(predicate?: (item: T) => Awaitable<unknown>, options?: SignalOptions): Promise<T | undefined>;
  last(options?: SignalOptions): Promise<T | undefined>;
  async last(...args: OptionalPredicate<T>): Promise<T | undefined> {
    let last: T | undefined;
    const { stream, options } = this.#where('last', args);
    await stream.#consume('last', (item) => void (last = item), options);
    return last;
  }

  /** How many items there are. */
  async count(options?: SignalOptions): Promise<number> {
    let count = 0;
    await this.#consume('count', () => void count++, options);
    return count;
  }

  /** A Node `Readable` in object mode. Destroying it closes the source. */
  toReadable(options: ReadableOptions = {}): Readable {
    const highWaterMark = requireInteger('toReadable.highWaterMark', options.highWaterMark ?? 16, { min: 1 });
    return toReadable(this.run(optionalSignal('toReadable', options)), highWaterMark);
  }

  /** Takes the arguments of `first` and `last` apart. */
  #where(name: string, args: OptionalPredicate<T>): { stream: EventStream<T>; options: SignalOptions | undefined } {
    const [predicate, options] = args;
    if (predicate === undefined) return { stream: this, options };
    if (typeof predicate === 'object') return { stream: this, options: predicate };
    return { stream: this.#step(steps.filterStep(requireFunction(`${name}.predicate`, predicate))), options };
  }

  #consume(name: string, visit: (item: T) => unknown, options?: SignalOptions): Promise<void> {
    return this.run(optionalSignal(name, options)).each(visit);
  }
}

bindOnRead(EventStream.prototype);

/** Outside of the class: a class that names itself inside is renamed by the bundler. */
function withSteps<R>(scope: StreamScope, open: Open<unknown>, steps: StepPlan[]): EventStream<R> {
  return new EventStream<R>(scope, open, steps);
}

/** A stream of a layer of its own; with a signal, one that ends when it aborts. */
export function derive<R>(scope: StreamScope, open: Open<R>, signal?: AbortSignal): EventStream<R> {
  return new EventStream<R>(scope, openerOf(open, signal));
}

/** Opens all, or none if one cannot be opened. */
function openAll(streams: readonly EventStream<unknown>[]): Cursor[] {
  const cursors: Cursor[] = [];
  try {
    for (const stream of streams) cursors.push(stream.openCursor());
  } catch (error) {
    closeAll(cursors)?.catch(() => undefined);
    throw error;
  }
  return cursors;
}

/** Opens a layer; with a signal, one that ends when it aborts. */
export function openerOf<R>(open: Open<R>, signal: AbortSignal | undefined): Open<R> {
  return signal === undefined ? open : () => new AbortableCursor(open(), signal);
}

/** The stream itself, or a stream of the source. */
export function toStream(scope: StreamScope, source: unknown, path: string): EventStream<unknown> {
  if (source instanceof EventStream) return source as EventStream<unknown>;
  if (!isSource(source))
    return refuse(path, source, 'a stream, an async iterable, an iterable or a function that makes one');
  return new EventStream<unknown>(scope, () => openSource(source, scope));
}

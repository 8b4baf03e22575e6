import { RuntimeError } from '../errors';
import { printValue } from '../validate';
import { Cursor, DONE, READY, isThenable, promiseOf } from './cursor';
import { isReadable, readerOf } from './readable-source';
import type { Pulled } from './cursor';
import type { OperatorStats, RunningSource, StreamScope } from './scope';
import type { TurnClock } from './turn-clock';
import type { StreamSource } from './types';

/** A source looks at the clock after this many items. */
const CHECK_STRIDE = 64;

/** Iterators and readables that have been run: they cannot start again. */
const used = new WeakSet<object>();

/** Begins a run of a source. */
export function openSource<T>(source: StreamSource<T>, scope: StreamScope): Cursor<T> {
  const input = typeof source === 'function' ? source() : source;
  if (Array.isArray(input)) return new ArrayCursor<T>(input as readonly T[], scope);
  if (isReadable(input)) {
    const { iterator, free } = readerOf<T>(markUsed(input));
    return new AsyncCursor(iterator, scope, free);
  }
  const asyncMaker = (input as Partial<AsyncIterable<T>> | undefined)?.[Symbol.asyncIterator];
  if (typeof asyncMaker === 'function') return new AsyncCursor(markUsed(asyncMaker.call(input)), scope);
  const syncMaker = (input as Partial<Iterable<T>> | undefined)?.[Symbol.iterator];
  if (typeof syncMaker === 'function') return new SyncCursor(markUsed(syncMaker.call(input)), scope);
  if (isIterator<T>(input)) return new AsyncCursor(markUsed(input), scope);
  throw new RuntimeError(
    'INVALID_ARGUMENT',
    `createStream: the function returned ${printValue(input)}; allowed: an async iterable, an iterable, an iterator or a readable stream`,
  );
}

/** Whether something can be the source of a stream. */
export function isSource(source: unknown): source is StreamSource<unknown> {
  if (typeof source === 'function') return true;
  if (typeof source !== 'object' || source === null) return false;
  return Symbol.asyncIterator in source || Symbol.iterator in source || isIterator(source);
}

function isIterator<T>(input: unknown): input is AsyncIterator<T> {
  return typeof (input as Partial<AsyncIterator<T>> | null | undefined)?.next === 'function';
}

function markUsed<I extends object>(iterator: I): I {
  if (used.has(iterator)) throw runsOnce('This source');
  used.add(iterator);
  return iterator;
}

const RUNS_ONCE = 'runs-once';

/** The error of a second run of something that cannot start again. */
export function runsOnce(what: string): RuntimeError {
  return new RuntimeError(
    'STREAM_ERROR',
    `${what} can be run only once, and it has been: pass a function that makes a new one for each run, or use share()`,
    { context: { reason: RUNS_ONCE } },
  );
}

/** The same error when it came in place of another run after `cause`; any other error as it is. */
export function afterFailure(error: unknown, cause: unknown): unknown {
  if (!(error instanceof RuntimeError) || error.context?.['reason'] !== RUNS_ONCE) return error;
  return new RuntimeError('STREAM_ERROR', error.message, { context: error.context, cause });
}

const enum SourceState {
  /** Between two items. */
  Resting,
  /** An item has been asked for. */
  Busy,
  /** The event loop has its turn. */
  Yielding,
  Ended,
}

/** What the cursors of all kinds of sources have in common. */
abstract class SourceCursor<T> extends Cursor<T> implements RunningSource {
  pulledAt: number;
  protected state = SourceState.Resting;
  protected readonly counter: OperatorStats;
  readonly #scope: StreamScope;
  readonly #clock: TurnClock;
  #pulledTurn: number;
  #untilCheck = CHECK_STRIDE;

  constructor(scope: StreamScope) {
    super();
    this.#scope = scope;
    this.#clock = scope.clock;
    this.counter = scope.operator('source');
    this.pulledAt = scope.clock.now();
    this.#pulledTurn = scope.clock.turn;
    scope.sources.add(this);
  }

  override pull(): Pulled {
    if (this.state === SourceState.Ended) return DONE;
    if (this.#clock.turn !== this.#pulledTurn) this.#noteTurn();
    if (--this.#untilCheck === 0 && this.#isTurnOver()) {
      this.state = SourceState.Yielding;
      return this.#clock.pause();
    }
    return this.request();
  }

  override settle(raw: unknown): Pulled {
    if (this.state === SourceState.Busy) return this.receive(raw);
    return this.state === SourceState.Yielding ? this.request() : DONE;
  }

  override fail(error: unknown): Pulled {
    this.leave();
    throw error;
  }

  protected abstract request(): Pulled;
  protected abstract receive(raw: unknown): Pulled;

  protected emit(value: T): typeof READY {
    this.state = SourceState.Resting;
    this.counter.out++;
    this.value = value;
    return READY;
  }

  /** A promise of an item. */
  protected promise(item: PromiseLike<unknown>): Promise<unknown> {
    this.state = SourceState.Busy;
    return promiseOf(item);
  }

  protected leave(): void {
    this.state = SourceState.Ended;
    this.#scope.sources.delete(this);
  }

  protected end(): typeof DONE {
    this.leave();
    return DONE;
  }

  #noteTurn(): void {
    this.pulledAt = this.#clock.now();
    this.#pulledTurn = this.#clock.turn;
  }

  #isTurnOver(): boolean {
    this.#untilCheck = CHECK_STRIDE;
    return this.#clock.isOverBudget();
  }
}

class ArrayCursor<T> extends SourceCursor<T> {
  readonly #items: readonly T[];
  #index = 0;

  constructor(items: readonly T[], scope: StreamScope) {
    super(scope);
    this.#items = items;
  }

  protected request(): Pulled {
    if (this.#index >= this.#items.length) return this.end();
    const item = this.#items[this.#index++]!;
    return isThenable(item) ? this.promise(item) : this.emit(item);
  }

  protected receive(raw: unknown): Pulled {
    return this.emit(raw as T);
  }

  override close(): undefined {
    this.leave();
  }
}

class SyncCursor<T> extends SourceCursor<T> {
  readonly #iterator: Iterator<T>;
  /** The iterator's own code runs; it cannot be closed from inside itself. */
  #isInside = false;

  constructor(iterator: Iterator<T>, scope: StreamScope) {
    super(scope);
    this.#iterator = iterator;
  }

  protected request(): Pulled {
    let result: IteratorResult<T>;
    this.#isInside = true;
    try {
      result = this.#iterator.next();
    } catch (error) {
      this.leave();
      throw error;
    } finally {
      this.#isInside = false;
    }
    if (result.done) return this.end();
    if (this.state === SourceState.Ended) {
      this.#iterator.return?.();
      return DONE;
    }
    return isThenable(result.value) ? this.promise(result.value) : this.emit(result.value);
  }

  protected receive(raw: unknown): Pulled {
    return this.emit(raw as T);
  }

  /** An item that is a rejected promise: the iterator itself has not failed. */
  override fail(error: unknown): Pulled {
    throw error;
  }

  override close(): undefined {
    if (this.state === SourceState.Ended) return;
    this.leave();
    if (!this.#isInside) this.#iterator.return?.();
  }
}

class AsyncCursor<T> extends SourceCursor<T> {
  readonly #iterator: AsyncIterator<T>;
  /** Looked up once, as `for await` does. */
  readonly #next: AsyncIterator<T>['next'];
  /** Frees what the iterator reads from, also while it waits for data. */
  readonly #free: (() => void) | undefined;

  constructor(iterator: AsyncIterator<T>, scope: StreamScope, free?: () => void) {
    super(scope);
    this.#iterator = iterator;
    this.#next = iterator.next;
    this.#free = free;
  }

  protected request(): Pulled {
    this.state = SourceState.Busy;
    try {
      // Whoever drives the run awaits it, or makes a promise of it; so what it is need not be looked at here.
      return this.#next.call(this.#iterator) as Promise<unknown>;
    } catch (error) {
      return this.fail(error);
    }
  }

  /** The base class's way for items that come, without its detours: this is the hottest path of asynchronous streams. */
  override settle(raw: unknown): Pulled {
    if (this.state !== SourceState.Busy) return super.settle(raw);
    const result = raw as IteratorResult<T>;
    if (result.done) return this.end();
    this.state = SourceState.Resting;
    this.counter.out++;
    this.value = result.value;
    return READY;
  }

  protected receive(raw: unknown): Pulled {
    return this.settle(raw);
  }

  /** A source in the middle of an await is told to close, and not waited for: it might never come back. */
  override close(): Promise<unknown> | undefined {
    if (this.state === SourceState.Ended) return undefined;
    const isBusy = this.state === SourceState.Busy;
    this.leave();
    const closing = this.#iterator.return?.();
    this.#free?.();
    if (!isThenable(closing)) return undefined;
    if (!isBusy) return promiseOf(closing);
    promiseOf(closing).catch(() => undefined);
    return undefined;
  }
}

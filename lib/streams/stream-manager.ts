import { monotonicNow } from '../clock';
import { refuse, requireInteger, requireOneOf } from '../validate';
import { bindOnRead } from './bind';
import { EventStream, derive } from './event-stream';
import { optionalSignal } from './options';
import { StreamScope } from './scope';
import { isSource, openSource } from './source';
import { SubscribedStream } from './subscribed-stream';
import { OVERFLOW_CODES, PushCursor } from './subscription';
import type { AnyEvent } from '../events';
import type { Cursor } from './cursor';
import type { RunTrace, StreamStats } from './scope';
import type {
  ItemsOf,
  JoinArguments,
  OverflowPolicy,
  SignalOptions,
  StreamLike,
  StreamSource,
  Subscription,
  SubscriptionOptions,
} from './types';

const OVERFLOW_POLICIES = Object.keys(OVERFLOW_CODES) as OverflowPolicy[];
/** `cleanup` waits this long for sources that are slow to close. */
const CLOSE_TIMEOUT_MS = 1000;

/** Makes streams, counts what they do and ends them all together. */
export class StreamManager {
  readonly #scope = new StreamScope();

  /**
   * Makes a stream. Nothing runs before it is iterated.
   *
   * @param source a function that is called for each iteration and returns an async iterable or an iterable; or such an
   *   object itself: an async iterable, iterable, iterator, array, Node `Readable` or Web `ReadableStream`. What cannot be
   *   read twice gives an error at the second iteration.
   * @throws RuntimeError INVALID_CONFIGURATION if `source` is none of these
   * @example
   * const ticks = manager.createStream(async function* () {
   *   yield createEvent('tick', { n: 1 });
   * });
   */
  createStream<T = AnyEvent>(source: StreamSource<T>, options?: SignalOptions): EventStream<T> {
    const signal = optionalSignal('createStream', options);
    if (!isSource(source)) {
      return refuse('createStream.source', source, 'a function, an async iterable, an iterable or a readable stream');
    }
    const scope = this.#scope;
    const open = (): Cursor<T> => (source instanceof EventStream ? source.openCursor() : openSource(source, scope));
    return derive(scope, open, signal);
  }

  /** The same as `base.merge(...streams)`. */
  createMerge<T, S extends JoinArguments>(base: StreamLike<T>, ...streams: S): EventStream<T | ItemsOf<S>[number]> {
    return this.createStream(base as StreamSource<T>).merge<S>(...streams);
  }

  /** The same as `base.combineLatest(...streams)`. */
  createCombineLatest<T, S extends JoinArguments>(base: StreamLike<T>, ...streams: S) {
    return this.createStream<T>(base as StreamSource<T>).combineLatest<S>(...streams);
  }

  /**
   * Makes a stream that somebody pushes to, for one reader. What comes before it is read is buffered, up to a limit.
   *
   * @throws RuntimeError INVALID_CONFIGURATION for an option that is not allowed
   */
  createSubscription<T = AnyEvent>(options: SubscriptionOptions = {}): Subscription<T> {
    const signal = optionalSignal('createSubscription', options);
    const capacity = requireInteger('createSubscription.buffer', options.buffer ?? 1024, { min: 1, max: 2 ** 31 });
    const policy = options.overflow ?? 'drop-oldest';
    const overflow = requireOneOf('createSubscription.overflow', policy, OVERFLOW_POLICIES);
    const cursor = new PushCursor<T>(this.#scope, capacity, overflow, options.onClose);
    return {
      stream: new SubscribedStream(this.#scope, cursor, signal),
      push: (item) => cursor.push(item),
      end: (error) => cursor.end(error === undefined ? undefined : { error }),
      getStats: () => cursor.stats(),
    };
  }

  /**
   * From now on `begin` is asked at the start of each run whether it is traced.
   * @internal
   */
  traceRuns(begin: () => RunTrace | undefined): void {
    this.#scope.traceRun = begin;
  }

  /** What runs and what has gone through. */
  getStats(): StreamStats {
    return this.#scope.stats(monotonicNow());
  }

  /**
   * Ends all streams that run: pending `next()` calls end with "done", sources are closed. Waits for sources to close, but
   * not for one that is in the middle of an `await`, and no longer than a second. The manager can be used on.
   */
  async cleanup(): Promise<void> {
    const closing = Array.from(this.#scope.runs, (run) => closeQuietly(run));
    if (closing.length === 0) return;
    const timeUp = this.#scope.timers.pause(CLOSE_TIMEOUT_MS);
    await Promise.race([Promise.all(closing), timeUp.over]);
    timeUp.cancel();
  }
}

/** What fails while closing is no reason not to close the others. */
async function closeQuietly(run: { interrupt(): Promise<unknown> | undefined }): Promise<void> {
  try {
    await run.interrupt();
  } catch {
    // The error of a generator's own `finally`; nobody reads that stream any more.
  }
}

bindOnRead(StreamManager.prototype);

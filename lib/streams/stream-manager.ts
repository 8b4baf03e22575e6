import { monotonicNow } from '../clock';
import { refuse } from '../validate';
import { bindOnRead } from './bind';
import { EventStream, derive } from './event-stream';
import { optionalSignal } from './options';
import { StreamScope } from './scope';
import { isSource, openSource } from './source';
import type { AnyEvent } from '../events';
import type { Cursor } from './cursor';
import type { ItemOf, ItemsOf, StreamLike } from './event-stream';
import type { StreamStats } from './scope';
import type { CombinedBatch } from './stream-batch';
import type { SignalOptions, StreamSource } from './types';

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
  createMerge<T, S extends readonly StreamLike<unknown>[]>(
    base: StreamLike<T>,
    ...streams: S
  ): EventStream<T | ItemOf<S[number]>> {
    return this.createStream(base as StreamSource<T>).merge(...streams);
  }

  /** The same as `base.combineLatest(...streams)`. */
  createCombineLatest<T, S extends readonly StreamLike<unknown>[]>(
    base: StreamLike<T>,
    ...streams: S
  ): EventStream<CombinedBatch<[T, ...ItemsOf<S>]>> {
    return this.createStream(base as StreamSource<T>).combineLatest(...streams);
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
    await this.#scope.timers.settledWithin(Promise.all(closing), CLOSE_TIMEOUT_MS);
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

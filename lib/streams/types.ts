import type { EventStream } from './event-stream';
import type { SubscribedStream } from './subscribed-stream';

/** What a stream can be read from: the first four can be run again if they give a new iterator each time. */
export type StreamInput<T> =
  AsyncIterable<T> | Iterable<T> | AsyncIterator<T> | NodeJS.ReadableStream | ReadableStreamLike<T>;

/** A Web `ReadableStream`. */
export interface ReadableStreamLike<T> {
  readonly locked: boolean;
  /** There on every readable stream. */
  getReader(): unknown;
  /** Reads it to its end. */
  [Symbol.asyncIterator](): AsyncIterator<T>;
}

/** An input, or a function that makes one for each run. */
export type StreamSource<T> = (() => StreamInput<T>) | StreamInput<T>;

/** Anything that `merge` and its like take: a stream or a source of one. */
export type StreamLike<T> = EventStream<T> | StreamSource<T>;

/** The streams that a stream is joined with; `{ signal }` may come last. */
export type JoinArguments = readonly (StreamLike<unknown> | SignalOptions)[];

/** The items of a `StreamLike`. */
export type ItemOf<S> =
  S extends AsyncIterable<infer T>
    ? T
    : S extends () => infer I
      ? ItemOf<I>
      : S extends Iterable<infer T>
        ? Awaited<T>
        : S extends AsyncIterator<infer T>
          ? T
          : unknown;

/** The items of several streams, as a tuple; options at the end are left out. */
export type ItemsOf<S extends readonly unknown[]> = S extends readonly [...infer Streams, infer Last]
  ? Last extends StreamLike<unknown>
    ? { [K in keyof S]: ItemOf<S[K]> }
    : { [K in keyof Streams]: ItemOf<Streams[K]> }
  : { [K in keyof S]: ItemOf<S[K]> };

/** Options of everything that runs or waits. */
export interface SignalOptions {
  /** When it aborts, the stream ends as if its source had ended; it is not an error. */
  signal?: AbortSignal | undefined;
}

/** Options of `debounce`. */
export interface DebounceOptions extends SignalOptions {
  /** The first item after a quiet time goes at once. Default false. */
  leading?: boolean | undefined;
  /** An item is held no longer than this many milliseconds, however busy the source stays. Default: no limit. */
  maxWaitMs?: number | undefined;
}

/** Options of `throttle`; at least one of the two is on. */
export interface ThrottleOptions extends SignalOptions {
  /** The first item of an interval goes at once. Default true. */
  leading?: boolean | undefined;
  /** The last item of an interval goes when it is over. Default false. */
  trailing?: boolean | undefined;
}

/** Options of `delay`. */
export interface DelayOptions extends SignalOptions {
  /** At most this many items wait; then the source is not asked for more. Default 1024. */
  buffer?: number | undefined;
}

/**
 * Windows in time, by the clock when the items come. They close by themselves; empty ones are left out.
 *
 * - tumbling: windows of `sizeMs` one after the other, from the first item on.
 * - sliding: a window of `sizeMs` begins every `everyMs` (at most `sizeMs`), so an item may be in several.
 * - session: a window ends when no item has come for `gapMs`.
 */
export type WindowOptions = SignalOptions & {
  /**
   * Items of a window at most, default 10,000. A tumbling or session window that is full closes at once; a sliding one
   * loses its oldest item, counted in the statistics.
   */
  maxItems?: number | undefined;
} & (
    | { kind: 'tumbling'; sizeMs: number }
    | { kind: 'sliding'; sizeMs: number; everyMs: number }
    | { kind: 'session'; gapMs: number }
  );

/** Options of `flatMap`. */
export interface FlatMapOptions extends SignalOptions {
  /** Inner streams that are read at the same time. Default 16. */
  concurrency?: number | undefined;
}

/** Options of `mapAsync`. */
export interface MapAsyncOptions extends SignalOptions {
  /** Calls that are under way, or whose results wait to be read, at the same time. Default 16. */
  concurrency?: number | undefined;
  /** Results in the order of their items, or as they come. Default true. */
  ordered?: boolean | undefined;
}

/** Options of `distinct`. */
export interface DistinctOptions extends SignalOptions {
  /** Keys that are remembered, those seen last. Default 10,000. */
  capacity?: number | undefined;
}

/** Options of `retry`; a number alone is `maxAttempts`. */
export interface RetryStreamOptions extends SignalOptions {
  /** Runs in all, the first included. Default 3. */
  maxAttempts?: number | undefined;
  /** Milliseconds before the second run. Default 0. */
  delayMs?: number | undefined;
  /** By how much the delay grows each time. Default 2. */
  factor?: number | undefined;
  /** Longest delay in milliseconds. Default 30,000. */
  maxDelayMs?: number | undefined;
  /** Share of the delay by which chance changes it, from 0 to 1. Default 0. */
  jitterRatio?: number | undefined;
}

/** What a shared stream does when its slowest reader is `buffer` items behind. */
export type ShareOverflow = 'wait' | 'drop-oldest' | 'error' | 'fail';

/** Options of `share`. */
export interface ShareOptions extends SignalOptions {
  /** Items by which the slowest reader may be behind the fastest. Default 256. */
  buffer?: number | undefined;
  /**
   * wait: the source is not asked until the slowest reader has caught up; drop-oldest: that reader misses items, counted;
   * error: that reader gets an error (`fail` means the same). Default 'wait'.
   */
  overflow?: ShareOverflow | undefined;
}

/**
 * What gives way when a subscription's buffer is full. drop-oldest: the item that has waited longest; drop-newest: the one
 * that comes; error: the stream, with RuntimeError RUNTIME_STREAM_BUFFER_FULL after what is buffered (`fail` means the same);
 * wait: whoever pushes gets a promise and waits for the reader.
 */
export type OverflowPolicy = 'drop-oldest' | 'drop-newest' | 'error' | 'fail' | 'wait';

/** Options of `createSubscription`. */
export interface SubscriptionOptions extends SignalOptions {
  /** Items that wait for the reader at most. Default 1024. */
  buffer?: number | undefined;
  /** What gives way when the buffer is full. Default 'drop-oldest'. */
  overflow?: OverflowPolicy | undefined;
  /** Called once when no further item is wanted: the reader has left, or the stream has ended. */
  onClose?: (() => void) | undefined;
}

/** Counters of one subscription. */
export interface SubscriptionStats {
  /** Items that wait for the reader now. */
  buffered: number;
  /** Pushes that wait for room now; only with overflow 'wait'. */
  waiting: number;
  /** Items that have come. */
  pushed: number;
  /** Items that the reader has got. */
  delivered: number;
  /** Items that gave way because the buffer was full. */
  dropped: number;
  /** The most items that have waited for the reader at the same time. */
  highWater: number;
}

/** A stream that is pushed to. */
export interface Subscription<T> {
  /** For one reader; use `share()` for several. */
  readonly stream: SubscribedStream<T>;
  /**
   * Puts an item in; it is buffered until it is read. Answers whether it was accepted; with overflow 'wait', while the buffer
   * is full, a promise of that. Never throws.
   */
  push(item: T): boolean | Promise<boolean>;
  /** Ends the stream after what is buffered; with an error, it fails then. */
  end(error?: unknown): void;
  /** What has come, and what became of it. */
  getStats(): SubscriptionStats;
}

/** Options of `toReadable`. */
export interface ReadableOptions extends SignalOptions {
  /** Items that the Readable holds. Default 16. */
  highWaterMark?: number | undefined;
}

/** A value, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>;

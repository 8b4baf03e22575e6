/** What a stream can be read from: the first four can be run again if they give a new iterator each time. */
export type StreamInput<T> = AsyncIterable<T> | Iterable<T> | AsyncIterator<T> | NodeJS.ReadableStream | ReadableStreamLike<T>;

/** A Web `ReadableStream`. */
export interface ReadableStreamLike<T> {
  readonly locked: boolean;
  getReader(): unknown;
  [Symbol.asyncIterator](): AsyncIterator<T>;
}

/** An input, or a function that makes one for each run. */
export type StreamSource<T> = (() => StreamInput<T>) | StreamInput<T>;

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

/** A value, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>;

/** Node Readables and Web ReadableStreams as sources: left in the middle of a wait for data, they are freed all the same. */

/** What a readable stream is read with. */
export interface ReadableReader<T> {
  iterator: AsyncIterator<T>;
  /** Ends a wait for data: an iterator's `return` is served after the wait only. */
  free?: () => void;
}

/** Readable streams; what was read of them is gone, also if they give a fresh iterator each time. */
export function isReadable(input: unknown): input is object {
  return isNodeReadable(input) || isWebReadable(input);
}

export function readerOf<T>(input: object): ReadableReader<T> {
  if (isWebReadable<T>(input)) return { iterator: new WebIterator<T>(input.getReader()) };
  const readable = input as AsyncIterable<T> & { destroy?: () => void };
  return { iterator: readable[Symbol.asyncIterator](), free: () => readable.destroy?.() };
}

function isNodeReadable(input: unknown): boolean {
  return (
    typeof input === 'object' &&
    input !== null &&
    'pipe' in input &&
    'readable' in input &&
    Symbol.asyncIterator in input
  );
}

interface WebReader<T> {
  read(): Promise<IteratorResult<T, undefined>>;
  cancel(): Promise<void>;
  releaseLock(): void;
}

function isWebReadable<T>(input: unknown): input is { getReader(): WebReader<T> } {
  return typeof input === 'object' && input !== null && 'getReader' in input && 'locked' in input;
}

/** Unlike the iterator of the stream itself, it can cancel a stream that waits for data. */
class WebIterator<T> implements AsyncIterator<T> {
  readonly #reader: WebReader<T>;

  constructor(reader: WebReader<T>) {
    this.#reader = reader;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const result = await this.#reader.read();
    if (result.done) this.#reader.releaseLock();
    return result;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    const cancelled = this.#reader.cancel();
    this.#reader.releaseLock();
    await cancelled;
    return { done: true, value: undefined };
  }
}

/** An item is in `value`. */
export const READY = 0;
/** There are no more items. */
export const DONE = 1;

/** What a pull answers: a code at once, or a promise whose result goes to `settle` (its error to `fail`). */
export type Pulled = typeof READY | typeof DONE | Promise<unknown>;

/**
 * One run of one layer of a stream.
 *
 * A pull that has to wait hands the *source's own promise* up through all layers; whoever drives the run awaits it once
 * and hands the result down again with `settle`. So an item costs one await however many layers it passes, and none
 * where it is there already.
 *
 * The rules: after `DONE` the layers below are closed; after an error thrown by `pull`, `settle` or `fail` the holder
 * closes the cursor; `close` may come at any time, also twice, and what is awaited then is never settled.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export abstract class Cursor<T = any> {
  /** The item, after `READY`. */
  value!: T;

  /** Asks for the next item. Not before the last pull has been settled. */
  abstract pull(): Pulled;

  /** Takes in the result of the promise that was awaited. */
  abstract settle(raw: unknown): Pulled;

  /** Takes in its error. */
  fail(error: unknown): Pulled {
    throw error;
  }

  /** Ends the run and closes what is below. A promise is that of an idle source which takes time to close. */
  abstract close(): Promise<unknown> | undefined;
}

/** A cursor that waits for more than one thing: whatever happens wakes it, and it looks again. */
export abstract class WaitingCursor<T> extends Cursor<T> {
  #wake: (() => void) | undefined;

  protected wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  protected wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  override settle(): Pulled {
    return this.pull();
  }
}

/** Whether a value has to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function';
}

/** A promise of ours for any thenable. */
export function promiseOf<T>(value: PromiseLike<T>): Promise<T> {
  return value instanceof Promise ? value : Promise.resolve(value);
}

/** Closes several; the promise of those that take time. The first error is thrown after all have been closed. */
export function closeAll(cursors: Iterable<{ close(): Promise<unknown> | undefined }>): Promise<unknown> | undefined {
  const pending: Promise<unknown>[] = [];
  for (const cursor of cursors) {
    try {
      const closing = cursor.close();
      if (closing !== undefined) pending.push(closing);
    } catch (error) {
      pending.push(Promise.reject(error as Error));
    }
  }
  if (pending.length === 0) return undefined;
  return Promise.allSettled(pending).then((results) => {
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  });
}

import { onAbort } from '../middleware/cancel';
import { DONE, READY, isThenable } from './cursor';
import { TracedCursor } from './traced';
import { turnClock } from './turn-clock';
import type { Cursor, Pulled } from './cursor';
import type { RunningRun, StreamScope } from './scope';

/** A visitor's answer that ends the run. */
export const STOP = Symbol('stop');

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const finished = (): IteratorResult<never, undefined> => ({ value: undefined, done: true });

/**
 * A consumer's run of a stream: what `for await` gets, and what `toArray` and its like drive themselves. The stream's
 * layers are made when the first item is asked for.
 */
export class Run<T> implements AsyncIterableIterator<T, undefined>, RunningRun {
  readonly #open: () => Cursor<T>;
  readonly #scope: StreamScope;
  #signal: AbortSignal | undefined;
  #leaveSignal: (() => void) | undefined;
  #cursor: Cursor<T> | undefined;
  #isEnded = false;
  /** The consumer that waits. */
  #waiter: Waiter<T> | undefined;
  /** Calls of `next` that came while one was pending: they are served in order. */
  #queue: Promise<unknown> | undefined;

  constructor(open: () => Cursor<T>, scope: StreamScope, signal?: AbortSignal) {
    this.#open = open;
    this.#scope = scope;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#waiter !== undefined || this.#queue !== undefined ? this.#nextInLine() : this.#advance();
  }

  #advance(): Promise<IteratorResult<T, undefined>> {
    if (this.#isEnded) return Promise.resolve(finished());
    let pulled: Pulled;
    try {
      const cursor = this.#cursor ?? this.#start();
      if (cursor === undefined) return Promise.resolve(finished());
      pulled = cursor.pull();
      if (pulled === READY) return Promise.resolve({ value: cursor.value, done: false });
    } catch (error) {
      return this.#failed(error);
    }
    if (pulled === DONE) {
      this.#leave();
      return Promise.resolve(finished());
    }
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      void this.#await(pulled);
    });
  }

  /** Ends the run; sources that are at rest are waited for until they have closed. */
  async return(value?: unknown): Promise<IteratorResult<T, undefined>> {
    await this.interrupt();
    return { value: value as undefined, done: true };
  }

  /** Ends the run and rejects with `error`. */
  async throw(error?: unknown): Promise<IteratorResult<T, undefined>> {
    await this.interrupt();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.interrupt();
  }

  interrupt(): Promise<unknown> | undefined {
    if (this.#isEnded) return undefined;
    const waiter = this.#waiter;
    this.#leave();
    waiter?.resolve(finished());
    return this.#cursor?.close();
  }

  /** Hands each item to `visit` until it answers `STOP`; a promise that it answers is awaited. For a run of its own. */
  each(visit: (item: T) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve: () => resolve(), reject };
      void this.#visitAll(visit);
    });
  }

  async #visitAll(visit: (item: T) => unknown): Promise<void> {
    try {
      const cursor = this.#start();
      const see = cursor instanceof TracedCursor ? cursor.visitor(visit) : visit;
      let pulled = cursor === undefined ? DONE : cursor.pull();
      while (pulled !== DONE) {
        if (pulled !== READY) {
          let raw: unknown;
          let failure: { error: unknown } | undefined;
          try {
            raw = await pulled;
          } catch (error) {
            failure = { error };
          }
          if (turnClock.resuming !== undefined) await turnClock.resuming;
          if (this.#isEnded) return;
          pulled = failure === undefined ? cursor!.settle(raw) : cursor!.fail(failure.error);
          continue;
        }
        const answer = see(cursor!.value);
        if (answer === STOP || (isThenable(answer) && (await answer) === STOP)) {
          await this.#close();
          break;
        }
        if (this.#isEnded) return;
        pulled = cursor!.pull();
      }
      this.#finish((waiter) => waiter.resolve(finished()));
    } catch (error) {
      await this.#closeAfterError();
      this.#finish((waiter) => waiter.reject(error));
    }
  }

  async #await(first: Pulled): Promise<void> {
    const cursor = this.#cursor!;
    try {
      let pulled = first;
      while (typeof pulled !== 'number') {
        let raw: unknown;
        let failure: { error: unknown } | undefined;
        try {
          raw = await pulled;
        } catch (error) {
          failure = { error };
        }
        if (turnClock.resuming !== undefined) await turnClock.resuming;
        if (this.#isEnded) return;
        pulled = failure === undefined ? cursor.settle(raw) : cursor.fail(failure.error);
      }
      if (pulled === DONE) return this.#finish((waiter) => waiter.resolve(finished()));
      const waiter = this.#waiter;
      this.#waiter = undefined;
      waiter?.resolve({ value: cursor.value, done: false });
    } catch (error) {
      await this.#closeAfterError();
      this.#finish((waiter) => waiter.reject(error));
    }
  }

  #start(): Cursor<T> | undefined {
    const signal = this.#signal;
    if (signal?.aborted) {
      this.#isEnded = true;
      return undefined;
    }
    this.#cursor = this.#open();
    this.#scope.runs.add(this);
    if (signal !== undefined) this.#leaveSignal = onAbort(signal, this.#onAbort);
    return this.#cursor;
  }

  /** The reader is answered when the sources that are at rest have closed, as one is that leaves a loop. */
  readonly #onAbort = (): void => {
    const waiter = this.#waiter;
    this.#leave();
    this.#close().then(
      () => waiter?.resolve(finished()),
      (error: unknown) => waiter?.reject(error),
    );
  };

  #nextInLine(): Promise<IteratorResult<T, undefined>> {
    const before = this.#queue ?? new Promise<void>((resolve) => this.#afterWaiter(resolve));
    const proceed = (): Promise<IteratorResult<T, undefined>> => {
      if (this.#queue === mine) this.#queue = undefined;
      return this.#advance();
    };
    const mine = before.then(proceed, proceed);
    this.#queue = mine;
    return mine;
  }

  /** Calls `proceed` once the pending `next` has been answered. */
  #afterWaiter(proceed: () => void): void {
    const waiter = this.#waiter!;
    this.#waiter = {
      resolve: (result) => {
        waiter.resolve(result);
        proceed();
      },
      reject: (error) => {
        waiter.reject(error);
        proceed();
      },
    };
  }

  async #failed(error: unknown): Promise<never> {
    this.#isEnded = true;
    await this.#closeAfterError();
    this.#leave();
    throw error;
  }

  #finish(answer: (waiter: Waiter<T>) => void): void {
    const waiter = this.#waiter;
    this.#leave();
    if (waiter !== undefined) answer(waiter);
  }

  #leave(): void {
    this.#isEnded = true;
    this.#waiter = undefined;
    this.#scope.runs.delete(this);
    this.#leaveSignal?.();
    this.#signal = undefined;
  }

  async #close(): Promise<void> {
    await this.#cursor?.close();
  }

  /** The error that ended the run is the one that counts. */
  async #closeAfterError(): Promise<void> {
    try {
      await this.#cursor?.close();
    } catch {
      // Of two errors the first is told.
    }
  }
}

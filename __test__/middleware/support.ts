import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createEvent } from '../../lib/events';
import type { AnyEvent } from '../../lib/events';

/** An event of a type, with data. */
export const eventOf = (type = 'test', data: unknown = {}): AnyEvent => createEvent(type, data);

/** A promise to be settled by hand. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** An error with a code. */
export const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

/** What a promise rejects with; fails if it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<any> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${String(value)}`);
    },
    (error: unknown) => error,
  );
}

const nextTurn = setImmediate;

/** Runs the garbage collector, a turn of the event loop after what is awaited now: weak references are cleared by then. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  await new Promise((resolve) => nextTurn(resolve));
  (runInNewContext('gc') as () => void)();
}

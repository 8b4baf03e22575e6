import type { AnyEvent } from '../events';
import { requireFunction } from '../validate';
import { signalOf } from './cancel';
import type { Cancel } from './cancel';
import { RUN } from './types';
import type { MiddlewareHandler } from './types';

/**
 * A handler as our wrappers call each other: the outcome of a handler that is not asynchronous comes without a promise (an
 * error is thrown), and the abort comes as a {@link Cancel}.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Run = (event: any, cancel?: Cancel) => unknown;

type OurHandler = MiddlewareHandler & { [RUN]?: Run };

/**
 * The inside of a handler. One that we made is entered directly. A user's gets the signal if it declares two parameters,
 * else exactly one argument: callers pass functions such as `list.push.bind(list)`.
 */
export function runOf(handler: MiddlewareHandler): Run {
  requireFunction('handler', handler);
  const ours = (handler as OurHandler)[RUN];
  if (ours !== undefined) return ours;
  if (handler.length >= 2) return (event, cancel) => handler(event, signalOf(cancel));
  return (event) => handler(event);
}

/** The handler that callers get; it always gives a promise. */
export function handlerOf(run: Run): MiddlewareHandler {
  const handler: OurHandler = async (event: AnyEvent, signal?: AbortSignal) => run(event, signal);
  handler[RUN] = run;
  return handler;
}

/** The result as a promise if it is one (or another thenable), else undefined. */
export function promiseIn(result: unknown): Promise<unknown> | undefined {
  if (result instanceof Promise) return result;
  const isThenable = typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function';
  return isThenable ? Promise.resolve(result) : undefined;
}

import { wallNow } from '../clock';
import type { AnyEvent } from '../events';
import { requireFunction } from '../validate';
import type { MiddlewareContext } from './conditional';
import { apply, bind, inside, middlewareIn } from './resolve';
import { handlerOf, promiseIn, runOf } from './run';
import { BIND } from './types';
import type { Middleware, MiddlewareEntry, MiddlewareScope } from './types';

/** What a condition of {@link when} looks at: the event's own fields and those of {@link MiddlewareContext}. */
export type WhenContext = AnyEvent & MiddlewareContext;

/** Whether a middleware is for this event. */
export type WhenCondition = (context: WhenContext) => boolean | Promise<boolean>;

/**
 * Puts a middleware around a handler for those events for which the condition holds; it is asked at each run. Conditions of
 * `conditionUtils` and plain functions of the event both fit.
 *
 * @example
 * when((event) => event.type.startsWith('api.'), withTimeout({ timeoutMs: 500 }))
 */
export function when(condition: WhenCondition, middleware: MiddlewareEntry): Middleware {
  requireFunction('when.condition', condition);
  const inner = middlewareIn(middleware, 'when.middleware');
  const around =
    (part: Middleware): Middleware =>
    (handler) => {
      const plain = runOf(handler);
      const wrapped = runOf(apply(part, handler));
      return handlerOf((event, cancel) => {
        const holds = condition(contextOf(event));
        const promise = promiseIn(holds);
        if (promise === undefined) return (holds ? wrapped : plain)(event, cancel);
        return promise.then((answer) => (answer ? wrapped : plain)(event, cancel));
      });
    };
  const displayName = `when(${inner.displayName ?? inner.name})`;
  return Object.assign(around(inner), {
    ...(inner.kind !== undefined && { kind: inner.kind }),
    displayName,
    [BIND]: (scope: MiddlewareScope): Middleware =>
      Object.assign(around(bind(inner, inside(scope))), {
        ...(inner.kind !== undefined && { kind: inner.kind }),
        displayName,
      }),
  });
}

function contextOf(event: AnyEvent): WhenContext {
  const metadata = event?.metadata ?? {};
  return { ...event, event, metadata, startTime: wallNow(), middlewareChain: [], observability: undefined };
}

import { refuse } from '../validate';
import { runOf } from './run';
import type { Run } from './run';
import { BIND, FACTORY_DEFAULTS } from './types';
import type { Middleware, MiddlewareHandler, MiddlewareScope } from './types';

type Bindable = Middleware & {
  [BIND]?: (scope: MiddlewareScope) => Middleware;
  [FACTORY_DEFAULTS]?: () => Middleware;
};

/**
 * Makes one wrapper of a runtime's list. Handler kinds go around the handler first, then pipeline kinds, each in list
 * order: so the last of its kind is the outermost.
 *
 * What the wrapper answers is for the runtime: it throws, or answers without a promise, where the handler does. A handler
 * that declares two parameters gets the signal, every other exactly one argument.
 *
 * @throws RuntimeError INVALID_CONFIGURATION for an entry that is no middleware, with its index
 */
export function resolveMiddlewareList(
  list: readonly unknown[],
  scope: MiddlewareScope,
): (handler: MiddlewareHandler) => Run {
  const middlewares = list.map((entry, index) => middlewareIn(entry, `middleware[${index}]`));
  const inOrder = [
    ...middlewares.filter((middleware) => middleware.kind !== 'pipeline'),
    ...middlewares.filter((middleware) => middleware.kind === 'pipeline'),
  ].map((middleware, index) => bind(middleware, index === list.length - 1 ? scope : inside(scope)));
  return (handler) => runOf(inOrder.reduce((inner, middleware) => apply(middleware, inner), handler));
}

/** An entry of a list: a middleware, or a factory that means its defaults. */
export function middlewareIn(entry: unknown, path: string): Middleware {
  if (typeof entry !== 'function') return refuse(path, entry, 'a middleware: a function (handler) => handler');
  const factory = entry as Bindable;
  return factory[FACTORY_DEFAULTS]?.() ?? factory;
}

/** The middleware with its state in `scope`. */
export function bind(middleware: Bindable, scope: MiddlewareScope): Middleware {
  return middleware[BIND]?.(scope) ?? middleware;
}

/** The scope of what something else is, or may be, around. */
export function inside(scope: MiddlewareScope): MiddlewareScope {
  return scope.isOutermost ? { ...scope, isOutermost: false } : scope;
}

/** Wraps `inner`, and refuses a middleware that does not answer a handler. */
export function apply(middleware: Middleware, inner: MiddlewareHandler): MiddlewareHandler {
  const wrapped: unknown = middleware(inner);
  if (typeof wrapped === 'function') return wrapped as MiddlewareHandler;
  return refuse(
    `middleware ${middleware.displayName ?? middleware.name}`,
    wrapped,
    'a middleware that returns a function',
  );
}

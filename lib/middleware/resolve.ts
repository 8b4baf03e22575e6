import { refuse } from '../validate';
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
 * @throws RuntimeError INVALID_CONFIGURATION for an entry that is no middleware, with its index
 */
export function resolveMiddlewareList(
  list: readonly unknown[],
  scope: MiddlewareScope,
): (handler: MiddlewareHandler) => MiddlewareHandler {
  const bound = list.map((entry, index) => bindEntry(entry, index, scope));
  const inOrder = [
    ...bound.filter((middleware) => middleware.kind !== 'pipeline'),
    ...bound.filter((middleware) => middleware.kind === 'pipeline'),
  ];
  return (handler) => inOrder.reduce((inner, middleware) => wrap(middleware, inner), handler);
}

function bindEntry(entry: unknown, index: number, scope: MiddlewareScope): Middleware {
  const path = `middleware[${index}]`;
  if (typeof entry !== 'function') return refuse(path, entry, 'a middleware: a function (handler) => handler');
  const factory = entry as Bindable;
  const middleware: Bindable = factory[FACTORY_DEFAULTS]?.() ?? factory;
  return middleware[BIND]?.(scope) ?? middleware;
}

function wrap(middleware: Middleware, inner: MiddlewareHandler): MiddlewareHandler {
  const wrapped: unknown = middleware(inner);
  if (typeof wrapped === 'function') return wrapped as MiddlewareHandler;
  return refuse(`middleware ${middleware.displayName ?? middleware.name}`, wrapped, 'a middleware that returns a function');
}

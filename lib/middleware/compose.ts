import { apply, bind, inside, middlewareIn } from './resolve';
import { BIND } from './types';
import type { Middleware, MiddlewareEntry, MiddlewareScope } from './types';

/**
 * One middleware of several; **the first is the outermost**: `composeMiddleware(a, b)(h)` is `a(b(h))`. (In a runtime's
 * list it is the other way round.) Without any it changes nothing. The result has no kind, so in a list it counts as a
 * 'handler' middleware whatever it is made of.
 *
 * @throws RuntimeError INVALID_CONFIGURATION for an argument that is no middleware, with its index
 */
export function composeMiddleware(...middlewares: MiddlewareEntry[]): Middleware {
  const parts = middlewares.map((part, index) => middlewareIn(part, `middleware[${index}]`));
  return Object.assign(chain(parts), {
    [BIND]: (scope: MiddlewareScope): Middleware =>
      chain(parts.map((part, index) => bind(part, index === 0 ? scope : inside(scope)))),
  });
}

function chain(parts: readonly Middleware[]): Middleware {
  return (handler) => parts.reduceRight((inner, part) => apply(part, inner), handler);
}

import { requireFunction } from '../validate';
import { apply, middlewareIn } from '../middleware/resolve';
import { runOf } from '../middleware/run';
import type { MiddlewareFactoryType } from '../middleware/types';

/** A middleware as streams use it: a wrapper around a handler. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type StreamMiddleware = (handler: (event: any) => any) => (event: any) => any;

/** The middleware around a handler that returns its event. What does not wait answers without a promise. */
export function middlewareHandler(middleware: StreamMiddleware | MiddlewareFactoryType): (item: unknown) => unknown {
  const path = 'withMiddleware.middleware';
  const given = middlewareIn(requireFunction(path, middleware), path);
  const run = runOf(apply(given, (event: unknown) => event));
  return (item) => run(item);
}

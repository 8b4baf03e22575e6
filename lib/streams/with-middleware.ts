import { requireFunction } from '../validate';

/** A middleware as streams use it: a wrapper around a handler. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type StreamMiddleware = (handler: (event: any) => any) => (event: any) => any;

/** The middleware around a handler that returns its event. */
export function middlewareHandler(middleware: StreamMiddleware): (item: unknown) => unknown {
  const handler = requireFunction(
    'withMiddleware: the result of the middleware',
    middleware((event: unknown) => event),
  );
  return (item) => handler(item) as unknown;
}

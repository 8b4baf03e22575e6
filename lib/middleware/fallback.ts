import type { AnyEvent } from '../events';
import { requireFunction, warnOfUnknown } from '../validate';
import { defineMiddleware, needsArguments } from './define';
import { promiseIn } from './run';
import type { Middleware } from './types';

/** Options of {@link withFallback}. */
export interface FallbackOptions {
  /** Called with the event and the error; its result, sync or async, counts as the handler's. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  fallback: (event: any, error: unknown) => unknown;
  /** Errors that it is for. Default: all. */
  shouldFallback?: (error: unknown) => boolean;
}

/**
 * Answers with a fallback when the handler fails; an error of the fallback itself passes.
 *
 * @example
 * const handler = withFallback((event) => readStale(event))(readFresh);
 */
export const withFallback = needsArguments(
  'withFallback',
  (options: FallbackOptions['fallback'] | FallbackOptions): Middleware => {
    const given: FallbackOptions = typeof options === 'function' ? { fallback: options } : (options ?? {});
    warnOfUnknown('withFallback', given, { fallback: true, shouldFallback: true });
    const { fallback, shouldFallback } = given;
    requireFunction('withFallback.fallback', fallback);
    if (shouldFallback !== undefined) requireFunction('withFallback.shouldFallback', shouldFallback);
    const rescue = (event: AnyEvent, error: unknown): unknown => {
      if (shouldFallback !== undefined && !shouldFallback(error)) throw error;
      // A fallback that declares the event alone gets it alone, as handlers do.
      return fallback.length >= 2 ? fallback(event, error) : (fallback as (event: AnyEvent) => unknown)(event);
    };
    return defineMiddleware({
      kind: 'pipeline',
      displayName: 'withFallback',
      create: () => (run) => (event, cancel) => {
        let result: unknown;
        try {
          result = run(event, cancel);
        } catch (error) {
          return rescue(event, error);
        }
        return promiseIn(result)?.then(undefined, (error: unknown) => rescue(event, error)) ?? result;
      },
    });
  },
);

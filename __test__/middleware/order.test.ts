import { describe, expect, it } from 'vitest';
import {
  composeMiddleware,
  withCache,
  withConcurrency,
  withFallback,
  withRateLimit,
  withRetry,
  withTimeout,
  withValidate,
} from '../../lib/middleware/index';
import type { Middleware, MiddlewareKind } from '../../lib/middleware/index';
import { HAND_SCOPE } from '../../lib/middleware/define';
import { resolveMiddlewareList } from '../../lib/middleware/resolve';
import { eventOf } from './support';

const noting = (log: string[], name: string, kind?: MiddlewareKind): Middleware =>
  Object.assign(
    (handler: (event: unknown) => unknown) => async (event: unknown) => {
      log.push(name);
      return handler(event);
    },
    kind && { kind },
  );

describe('the order of middleware', () => {
  it('in a list the last of a kind is the outermost, and pipeline kinds are outside of handler kinds', async () => {
    const log: string[] = [];
    const list = [
      noting(log, 'p1', 'pipeline'),
      noting(log, 'h1'),
      noting(log, 'p2', 'pipeline'),
      noting(log, 'h2', 'handler'),
    ];
    await resolveMiddlewareList(list, HAND_SCOPE)(() => log.push('handler'))(eventOf());
    expect(log).toEqual(['p2', 'p1', 'h2', 'h1', 'handler']);
  });

  it('composed, the first is the outermost', async () => {
    const log: string[] = [];
    await composeMiddleware(noting(log, 'a'), noting(log, 'b'))(() => log.push('handler'))(eventOf());
    expect(log).toEqual(['a', 'b', 'handler']);
    const handler = (): void => undefined;
    expect(composeMiddleware()(handler)).toBe(handler);
  });

  it('takes factories uncalled for their defaults', async () => {
    const wrap = resolveMiddlewareList([withRetry, withTimeout, withConcurrency, withCache], HAND_SCOPE);
    expect(await wrap(() => 'ran')(eventOf())).toBe('ran');
    expect(await composeMiddleware(withRetry as unknown as Middleware)(() => 'ran')(eventOf())).toBe('ran');
  });

  it.each([
    ['withValidate', withValidate],
    ['withRateLimit', withRateLimit],
    ['withFallback', withFallback],
  ])('refuses %s uncalled, by its name', (name, factory) => {
    expect(() => resolveMiddlewareList([factory], HAND_SCOPE)).toThrow(`got ${name} uncalled`);
  });

  it('refuses entries that are no functions, by their index', () => {
    expect(() => resolveMiddlewareList([withRetry, {}], HAND_SCOPE)).toThrow('middleware[1]: got {}');
  });

  it('each middleware has its kind and name', () => {
    expect([withRetry(), withTimeout(), withConcurrency()].map((m) => [m.kind, m.displayName])).toEqual([
      ['pipeline', 'withRetry'],
      ['pipeline', 'withTimeout'],
      ['pipeline', 'withConcurrency'],
    ]);
    const validate = withValidate({ schema: { parse: (data) => data } });
    expect([validate.kind, validate.displayName]).toEqual(['handler', 'withValidate']);
    expect(composeMiddleware(withRetry()).kind).toBeUndefined();
  });

  it('hands the signal through the whole stack, and frozen handlers stay as they are', async () => {
    let seen: AbortSignal | undefined;
    const handler = Object.freeze((_event: unknown, signal?: AbortSignal) => void (seen = signal));
    const controller = new AbortController();
    await composeMiddleware(withConcurrency(), withRetry(), withCache())(handler)(eventOf(), controller.signal);
    expect(seen).toBe(controller.signal);
  });

  it('refuses a handler that is none', () => {
    expect(() => withRetry()(undefined as never)).toThrow('handler: got undefined; allowed: a function');
  });
});

describe('a permit whose run the runtime gives up', () => {
  it.each([
    ['after it was granted', true],
    ['before', false],
  ])('is not lost: %s', async (_when, isGranted) => {
    let handled = 0;
    const park = async <T>(_event: unknown, wait: Promise<T>): Promise<T> => {
      if (isGranted) await wait;
      throw new Error('given up');
    };
    const run = resolveMiddlewareList([withConcurrency({ maxConcurrent: 1 })], {
      ...HAND_SCOPE,
      inRuntime: true,
      park,
    })(async () => void handled++);
    const [first, second] = [run(eventOf()), run(eventOf())] as Promise<unknown>[];
    await first;
    await expect(second).rejects.toThrow('given up');
    await run(eventOf());
    expect(handled).toBe(2);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createCachedHandler,
  createRateLimitedHandler,
  createResilientHandler,
  createStandardMiddleware,
  composeMiddleware,
  withCache,
  withFallback,
  withRateLimit,
  withRetry,
} from '../../lib/middleware/index';
import { RateLimiter } from '../../lib/middleware/rate-limiter';
import { coded, deferred, eventOf, failureOf } from './support';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('withRateLimit', () => {
  it('lets waiting runs pass in order at the rate', async () => {
    const times: [number, number][] = [];
    const startedAt = performance.now();
    const handler = withRateLimit({ limit: 10, intervalMs: 1000, burst: 2 })((event: { data: number }) => {
      times.push([event.data, Math.round(performance.now() - startedAt)]);
    });
    const all = Promise.all([0, 1, 2, 3, 4].map((n) => handler(eventOf('t', n))));
    await vi.advanceTimersByTimeAsync(300);
    await all;
    expect(times).toEqual([
      [0, 0],
      [1, 0],
      [2, 100],
      [3, 200],
      [4, 300],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('refuses with a delay that a retry honours', async () => {
    const limit = withRateLimit({ limit: 1, intervalMs: 500, onLimit: 'reject' });
    const handler = limit(() => 'ran');
    await handler(eventOf());
    const error = await failureOf(handler(eventOf()));
    expect(error).toMatchObject({
      message: 'Rate limit exceeded',
      code: 'MIDDLEWARE_RATE_LIMIT_EXCEEDED',
      retryAfterMs: 500,
    });
    const patient = composeMiddleware(
      withRetry({ retryableErrors: ['MIDDLEWARE_RATE_LIMIT_EXCEEDED'] }),
      limit,
    )(() => 'ran');
    const pending = patient(eventOf());
    await vi.advanceTimersByTimeAsync(500);
    expect(await pending).toBe('ran');
  });

  it('limits each key by itself, and a wait can be aborted', async () => {
    const handler = withRateLimit({ limit: 1, getKey: (event) => event.data })((event: { data: string }) => event.data);
    expect(await Promise.all([handler(eventOf('t', 'a')), handler(eventOf('t', 'b'))])).toEqual(['a', 'b']);
    const controller = new AbortController();
    const waiting = failureOf(handler(eventOf('t', 'a'), controller.signal));
    controller.abort();
    expect(await waiting).toMatchObject({ code: 'ABORTED' });
    const next = handler(eventOf('t', 'a'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await next).toBe('a');
  });

  it('forgets idle keys', async () => {
    const limiter = new RateLimiter({ limit: 1, intervalMs: 10, burst: 1 }, false);
    for (let key = 0; key < 10_000; key++) {
      void limiter.enter(key);
      if (key % 100 === 0) await vi.advanceTimersByTimeAsync(10);
    }
    expect(limiter.size).toBeLessThan(250);
  });

  it.each([{ limit: 0 }, { limit: 1, intervalMs: 0 }, { limit: 1, burst: 0 }, { limit: 1, onLimit: 'drop' }, {}])(
    'refuses %j',
    (options) => {
      expect(() => withRateLimit(options as never)).toThrow(/withRateLimit\.\w+: got .*; allowed: /);
    },
  );
});

describe('withCache', () => {
  it('runs the handler once for equal events, until the result is too old', async () => {
    const handler = vi.fn(async (event: { data: unknown }) => ({ seen: event.data }));
    const cached = withCache({ ttlMs: 100 })(handler);
    const first = await cached(eventOf('t', { id: 1 }));
    await vi.advanceTimersByTimeAsync(99);
    expect(await cached(eventOf('t', { id: 1 }))).toBe(first);
    await cached(eventOf('other', { id: 1 }));
    expect(handler).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1);
    await cached(eventOf('t', { id: 1 }));
    expect(handler).toHaveBeenCalledTimes(3);
  });

  it('shares one run among concurrent equal events, and keeps no failure', async () => {
    const gate = deferred<number>();
    const handler = vi.fn(() => gate.promise);
    const cached = withCache()(handler);
    const both = [cached(eventOf()), cached(eventOf())].map((promise) => failureOf(promise));
    gate.reject(coded('DOWN'));
    expect((await Promise.all(both)).map((error) => error.code)).toEqual(['DOWN', 'DOWN']);
    expect(handler).toHaveBeenCalledTimes(1);
    handler.mockResolvedValue(7);
    expect(await cached(eventOf())).toBe(7);
  });

  it('keeps no more than maxSize results: the oldest goes', async () => {
    const handler = vi.fn((event: { data: number }) => event.data);
    const cached = withCache({ maxSize: 2 })(handler);
    for (const n of [1, 2, 3, 2, 3]) await cached(eventOf('t', n));
    expect(handler).toHaveBeenCalledTimes(3);
    await cached(eventOf('t', 1));
    expect(handler).toHaveBeenCalledTimes(4);
  });

  it('does not cache without a ttl, nor what has no JSON form, nor undefined keys', async () => {
    const handler = vi.fn(() => 1);
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    for (const [cached, data] of [
      [withCache({ ttlMs: 0 })(handler), 1],
      [withCache()(handler), circular],
      [withCache()(handler), 5n],
      [withCache({ keyFn: () => undefined })(handler), 1],
      [createCachedHandler(handler, { ttl: 0 }), 1],
    ] as const) {
      handler.mockClear();
      await cached(eventOf('t', data));
      await cached(eventOf('t', data));
      expect(handler).toHaveBeenCalledTimes(2);
    }
  });

  it('two handlers of one middleware do not share results', async () => {
    const middleware = withCache();
    expect(await middleware(() => 1)(eventOf())).toBe(1);
    expect(await middleware(() => 2)(eventOf())).toBe(2);
  });
});

describe('withFallback', () => {
  it('answers when the handler fails, and passes errors that it is not for', async () => {
    const fail = (): never => {
      throw coded('DOWN');
    };
    expect(await withFallback((event, error) => [event.type, (error as any).code])(fail)(eventOf('t'))).toEqual([
      't',
      'DOWN',
    ]);
    expect(await withFallback(async () => 'stale')(async () => fail())(eventOf())).toBe('stale');
    expect(await withFallback(() => 'unused')(() => 'fine')(eventOf())).toBe('fine');
    const picky = withFallback({ fallback: () => 'stale', shouldFallback: (error) => (error as any).code === 'OTHER' });
    expect(await failureOf(picky(fail)(eventOf()))).toMatchObject({ code: 'DOWN' });
    const args: unknown[] = [];
    await withFallback(args.push.bind(args))(fail)(eventOf());
    expect(args).toHaveLength(1);
  });
});

describe('composite handlers', () => {
  it('createStandardMiddleware: one permit, in it one timeout around all attempts', async () => {
    const stack = createStandardMiddleware({
      concurrency: 1,
      timeout: 150,
      retry: { initialDelayMs: 100, jitter: false },
      monitoring: true,
    });
    const handler = vi.fn(async () => {
      throw coded('NETWORK_ERROR');
    });
    const wrapped = stack(handler);
    const first = failureOf(wrapped(eventOf()));
    expect(await failureOf(wrapped(eventOf()))).toMatchObject({ code: 'CONCURRENCY_DROP' });
    await vi.advanceTimersByTimeAsync(150);
    expect(await first).toMatchObject({ code: 'TIMEOUT_EXCEEDED' });
    expect(handler).toHaveBeenCalledTimes(2);
    const plain = (): number => 1;
    expect(createStandardMiddleware({ retry: false })(plain)).toBe(plain);
    expect(stack.kind).toBeUndefined();
  });

  it('createResilientHandler: retries, then the fallback', async () => {
    const handler = vi.fn(async () => {
      throw coded('NETWORK_ERROR');
    });
    const pending = createResilientHandler(handler, {
      maxRetries: 1,
      timeout: undefined,
      fallback: (event) => event.type,
    })(eventOf('t'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await pending).toBe('t');
    expect(handler).toHaveBeenCalledTimes(2);
  });

  it('createRateLimitedHandler: starts full and keeps the stated rate', async () => {
    const handler = createRateLimitedHandler(() => 'ran', { maxPerSecond: 10, burstSize: 2 });
    let ran = 0;
    for (let n = 0; n < 100; n++) {
      await handler(eventOf()).then(
        () => ran++,
        (error: Error) => expect(error.message).toBe('Rate limit exceeded'),
      );
      await vi.advanceTimersByTimeAsync(30);
    }
    // A token each 100 ms, asked for every 30: two at the start and one in each 100 ms of the 2970 that follow.
    expect(ran).toBe(2 + 29);
  });
});

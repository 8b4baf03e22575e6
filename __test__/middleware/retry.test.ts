import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { composeMiddleware, withRetry, withTimeout, withValidate } from '../../lib/middleware/index';
import { coded, eventOf, failureOf } from './support';

/** A handler that fails with these in turn, then succeeds. */
const failing = (...errors: unknown[]) =>
  vi.fn(async () => {
    if (errors.length > 0) throw errors.shift();
    return 'done';
  });

describe('withRetry', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const outcome = async (promise: Promise<unknown>, ms = 100_000): Promise<unknown> => {
    const settled = promise.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(ms);
    return settled;
  };

  it('tries the same event again after waits that grow from the initial one up to the longest', async () => {
    const times: number[] = [];
    const events: unknown[] = [];
    const handler = withRetry({ maxRetries: 4, initialDelayMs: 100, maxDelayMs: 300, jitter: false })(async (event) => {
      times.push(performance.now());
      events.push(event);
      throw coded('NETWORK_ERROR');
    });
    await outcome(handler(eventOf()));
    expect(times.map((time) => time - times[0]!)).toEqual([0, 100, 300, 600, 900]);
    expect(new Set(events).size).toBe(1);
  });

  it('ends with RETRY_EXCEEDED, the attempts and the last error as cause', async () => {
    const last = coded('NETWORK_ERROR', 'third');
    const handler = failing(coded('NETWORK_ERROR'), coded('NETWORK_ERROR'), last);
    const error = await outcome(withRetry({ maxRetries: 2 })(handler)(eventOf('order.paid')));
    expect(error).toMatchObject({
      name: 'KernelError',
      code: 'RETRY_EXCEEDED',
      message: 'Max attempts exceeded',
      context: { eventType: 'order.paid', attempt: 3 },
    });
    expect((error as Error).cause).toBe(last);
  });

  it('rethrows an error that is not to be retried as it is, on every attempt', async () => {
    const odd = coded('ODD');
    expect(await outcome(withRetry({ maxRetries: 0 })(failing(odd))(eventOf()))).toBe(odd);
    expect(await outcome(withRetry({ maxRetries: 1 })(failing(coded('NETWORK_ERROR'), odd))(eventOf()))).toBe(odd);
    const retryable = await outcome(withRetry({ maxRetries: 0 })(failing(coded('NETWORK_ERROR')))(eventOf()));
    expect(retryable).toMatchObject({ code: 'RETRY_EXCEEDED', context: { attempt: 1 } });
  });

  it.each([
    ['code', coded('FLAKY')],
    ['name', Object.assign(new Error('x'), { name: 'FLAKY' })],
    ['message', new Error('FLAKY')],
    ['code of a cause', new Error('outer', { cause: new Error('middle', { cause: coded('FLAKY') }) })],
    ['text that was thrown', 'FLAKY'],
  ])('finds a retryable error by its %s', async (_what, error) => {
    for (const option of ['retryableErrors', 'retryableErrorCodes']) {
      expect(await outcome(withRetry({ [option]: ['FLAKY'] })(failing(error))(eventOf()))).toBe('done');
    }
  });

  it('retries statuses and what the predicate says, and a predicate that throws says no', async () => {
    const teapot = Object.assign(new Error('teapot'), { status: 418 });
    const busy = Object.assign(new Error('busy'), { status: 503 });
    expect(await outcome(withRetry()(failing(busy))(eventOf()))).toBe('done');
    expect(await outcome(withRetry()(failing(teapot))(eventOf()))).toBe(teapot);
    expect(await outcome(withRetry({ retryableStatusCodes: [418] })(failing(teapot))(eventOf()))).toBe('done');
    expect(await outcome(withRetry({ retryPredicate: () => true })(failing(teapot))(eventOf()))).toBe('done');
    const broken = withRetry({
      retryPredicate: () => {
        throw new Error('oops');
      },
    });
    expect(await outcome(broken(failing(teapot))(eventOf()))).toBe(teapot);
  });

  it('takes TIMEOUT_ERROR and TIMEOUT_EXCEEDED for each other', async () => {
    let attempts = 0;
    const slowOnce = (): Promise<string> => (attempts++ === 0 ? new Promise(() => undefined) : Promise.resolve('done'));
    const stack = composeMiddleware(withRetry({ retryableErrors: ['TIMEOUT_ERROR'] }), withTimeout({ timeoutMs: 50 }));
    expect(await outcome(stack(slowOnce)(eventOf()))).toBe('done');
  });

  it('does not retry what an inner retry has given up, nor validation errors', async () => {
    const handler = vi.fn(async () => {
      throw coded('NETWORK_ERROR');
    });
    await outcome(composeMiddleware(withRetry({ maxRetries: 2 }), withRetry({ maxRetries: 2 }))(handler)(eventOf()));
    expect(handler).toHaveBeenCalledTimes(3);
    const parse = vi.fn(() => {
      throw coded('NETWORK_ERROR');
    });
    const validated = composeMiddleware(withRetry({ retryPredicate: () => true }), withValidate({ schema: { parse } }));
    await outcome(validated(() => 1)(eventOf()));
    expect(parse).toHaveBeenCalledTimes(1);
  });

  it('honours a delay that the error asks for, up to the longest', async () => {
    const waits = async (error: object): Promise<number> => {
      const times: number[] = [];
      const errors = [Object.assign(coded('NETWORK_ERROR'), error)];
      const handler = withRetry({ maxDelayMs: 5000 })(async () => {
        times.push(performance.now());
        if (errors.length > 0) throw errors.pop();
      });
      await outcome(handler(eventOf()));
      return times[1]! - times[0]!;
    };
    expect(await waits({ retryAfterMs: 1234 })).toBe(1234);
    expect(await waits({ retryAfterMs: 99_999 })).toBe(5000);
    expect(await waits({ headers: { 'retry-after': '2' } })).toBe(2000);
    expect(await waits({ response: { headers: new Headers({ 'Retry-After': '3' }) } })).toBe(3000);
    const soon = Math.floor(Date.now() / 1000) * 1000 + 4000;
    const wait = await waits({ headers: { 'Retry-After': new Date(soon).toUTCString() } });
    expect(wait).toBeGreaterThan(2900);
    expect(wait).toBeLessThanOrEqual(4000);
  });

  it('does not begin a wait that would pass maxTotalMs', async () => {
    const handler = vi.fn(async () => {
      throw coded('NETWORK_ERROR');
    });
    const error = await outcome(
      withRetry({ maxRetries: 10, initialDelayMs: 400, backoffFactor: 1, maxTotalMs: 1000, jitter: 'none' })(handler)(
        eventOf(),
      ),
    );
    expect(error).toMatchObject({ code: 'RETRY_EXCEEDED', context: { attempt: 3 } });
  });

  it.each([
    ['full', 0, 1000],
    ['equal', 500, 1000],
    ['none', 1000, 1000],
  ] as const)('keeps the %s jitter in its bounds', async (jitter, low, high) => {
    for (let round = 0; round < 20; round++) {
      const times: number[] = [];
      const errors = [coded('NETWORK_ERROR')];
      const handler = withRetry({ initialDelayMs: 1000, jitter })(async () => {
        times.push(performance.now());
        if (errors.length > 0) throw errors.pop();
      });
      await outcome(handler(eventOf()), 2000);
      expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(low);
      expect(times[1]! - times[0]!).toBeLessThanOrEqual(high + 1);
    }
  });

  it('ends a wait when the signal aborts, also if it had aborted before', async () => {
    const handler = failing(coded('NETWORK_ERROR'), coded('NETWORK_ERROR'));
    const controller = new AbortController();
    const wrapped = withRetry({ initialDelayMs: 1000, jitter: false })(handler);
    const pending = failureOf(wrapped(eventOf(), controller.signal));
    await vi.advanceTimersByTimeAsync(500);
    controller.abort();
    expect(await pending).toMatchObject({ code: 'ABORTED', message: 'ABORTED' });
    expect(vi.getTimerCount()).toBe(0);
    expect(await failureOf(wrapped(eventOf(), controller.signal))).toMatchObject({ code: 'ABORTED' });
    expect(handler).toHaveBeenCalledTimes(2);
  });

  it('ends its waits when a timeout around it is over', async () => {
    const handler = vi.fn(async () => {
      throw coded('NETWORK_ERROR');
    });
    const stack = composeMiddleware(withTimeout({ timeoutMs: 250 }), withRetry({ initialDelayMs: 100, jitter: false }));
    expect(await outcome(stack(handler)(eventOf()))).toMatchObject({ code: 'TIMEOUT_EXCEEDED' });
    expect(handler).toHaveBeenCalledTimes(2);
  });

  it('retries handlers that throw synchronously', async () => {
    let attempts = 0;
    const handler = withRetry()(() => {
      if (attempts++ < 2) throw coded('NETWORK_ERROR');
      return attempts;
    });
    expect(await outcome(handler(eventOf()))).toBe(3);
  });

  it('counts retries in the context of the event, and survives an undefined or frozen one', async () => {
    const ctx: { cost?: { retries?: number } } = {};
    await outcome(withRetry()(failing(coded('NETWORK_ERROR')))({ ...eventOf(), ctx }));
    expect(ctx.cost!.retries).toBe(1);
    for (const odd of [undefined, null, Object.freeze({})]) {
      expect(await outcome(withRetry()(failing(coded('NETWORK_ERROR')))({ ...eventOf(), ctx: odd }))).toBe('done');
    }
  });

  it('lets initialDelayMs win over backoffMs', async () => {
    const times: number[] = [];
    const handler = withRetry({ maxRetries: 1, backoffMs: 50, initialDelayMs: 70, jitter: false })(async () => {
      times.push(performance.now());
      throw coded('NETWORK_ERROR');
    });
    await outcome(handler(eventOf()));
    expect(times[1]! - times[0]!).toBe(70);
  });

  it.each([
    { maxRetries: -1 },
    { maxRetries: 1.5 },
    { backoffMs: -1 },
    { backoffFactor: 0.5 },
    { maxDelayMs: NaN },
    { maxTotalMs: '1' },
    { jitter: 'some' },
    { retryableErrors: 'NETWORK_ERROR' },
    { retryPredicate: 1 },
  ])('refuses %j', (options) => {
    const [name] = Object.keys(options);
    expect(() => withRetry(options as never)).toThrow(new RegExp(`withRetry\\.${name}.*: got .*; allowed: `));
  });
});

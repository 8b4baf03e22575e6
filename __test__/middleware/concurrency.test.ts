import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_CONCURRENCY_OPTIONS, withConcurrency } from '../../lib/middleware/index';
import { collectGarbage, deferred, eventOf, failureOf } from './support';

describe('withConcurrency by hand', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('refuses at once by default when no permit is free', async () => {
    const gate = deferred();
    const context: { cost?: { concurrencyDrops?: number } } = {};
    const handler = withConcurrency({ maxConcurrent: 2, context })(() => gate.promise);
    const running = [handler(eventOf()), handler(eventOf())];
    expect(await failureOf(handler(eventOf()))).toMatchObject({
      code: 'CONCURRENCY_DROP',
      message: 'CONCURRENCY_DROP',
    });
    expect(context.cost!.concurrencyDrops).toBe(1);
    gate.resolve();
    await Promise.all(running);
    await expect(handler(eventOf())).resolves.toBeUndefined();
  });

  it('waits first come, first served, no longer than queueTimeoutMs', async () => {
    const gates = [deferred(), deferred()];
    const order: number[] = [];
    const handler = withConcurrency({ maxConcurrent: 1, queueTimeoutMs: 100 })(async (event: { data: number }) => {
      order.push(event.data);
      await gates[event.data]?.promise;
    });
    const first = handler(eventOf('t', 0));
    const second = handler(eventOf('t', 1));
    const third = failureOf(handler(eventOf('t', 2)));
    await vi.advanceTimersByTimeAsync(60);
    gates[0]!.resolve();
    await first;
    await vi.advanceTimersByTimeAsync(40);
    expect(await third).toMatchObject({ code: 'CONCURRENCY_TIMEOUT', message: 'CONCURRENCY_TIMEOUT' });
    gates[1]!.resolve();
    await second;
    expect(order).toEqual([0, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives permits back whatever the handler does, and keys do not touch each other', async () => {
    const handler = withConcurrency({ maxConcurrent: 1, getKey: (event) => event.data })(async (event: {
      data: string;
    }) => {
      if (event.data === 'bad') throw new Error('bad');
      return event.data;
    });
    const throwing = withConcurrency({ maxConcurrent: 1 })(() => {
      throw new Error('sync');
    });
    for (let round = 0; round < 3; round++) {
      await failureOf(handler(eventOf('t', 'bad')));
      expect(await failureOf(throwing(eventOf()))).toMatchObject({ message: 'sync' });
      await expect(Promise.all([handler(eventOf('t', 'a')), handler(eventOf('t', 'b'))])).resolves.toEqual(['a', 'b']);
    }
  });

  it('waits without limit with mode wait, and 16 of 16 come through one permit', async () => {
    let running = 0;
    let most = 0;
    const handler = withConcurrency({ maxConcurrent: 1, mode: 'wait' })(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
    });
    const all = Promise.all(Array.from({ length: 16 }, () => handler(eventOf())));
    await vi.advanceTimersByTimeAsync(160);
    await all;
    expect(most).toBe(1);
  });

  it('a wait that is aborted leaves the line and takes no permit with it', async () => {
    const gate = deferred();
    const controller = new AbortController();
    const handler = withConcurrency({ maxConcurrent: 1, mode: 'wait' })(() => gate.promise);
    const first = handler(eventOf());
    const aborted = failureOf(handler(eventOf(), controller.signal));
    const last = handler(eventOf());
    controller.abort('enough');
    expect(await aborted).toMatchObject({ code: 'ABORTED', cause: 'enough' });
    gate.resolve();
    await Promise.all([first, last]);
    expect(
      await failureOf(handler(eventOf(), controller.signal).then(() => Promise.reject(new Error('ran')))),
    ).toMatchObject({ message: 'ran' });
  });

  it('each call of the factory has permits of its own', async () => {
    const gate = deferred();
    const one = withConcurrency({ maxConcurrent: 1 })(() => gate.promise);
    const other = withConcurrency({ maxConcurrent: 1 })(() => 'free');
    const running = one(eventOf());
    await expect(other(eventOf())).resolves.toBe('free');
    gate.resolve();
    await running;
  });

  it('forgets idle keys', async () => {
    const handler = withConcurrency({ maxConcurrent: 1, getKey: (event) => event.data })(() => undefined);
    const keys = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const key = {};
        await handler({ data: key });
        return new WeakRef(key);
      }),
    );
    await collectGarbage();
    expect(keys.filter((key) => key.deref() !== undefined)).toEqual([]);
  });

  it('waits as told when the default options are spread in', async () => {
    const gate = deferred();
    const handler = withConcurrency({ ...DEFAULT_CONCURRENCY_OPTIONS, maxConcurrent: 1, queueTimeoutMs: 50 })(
      () => gate.promise,
    );
    const first = handler(eventOf());
    const second = handler(eventOf());
    gate.resolve();
    await Promise.all([first, second]);
  });

  it('a getKey that throws fails the event and costs no permit', async () => {
    let fails = true;
    const getKey = (): string => {
      if (fails) throw new Error('no key');
      return 'key';
    };
    const handler = withConcurrency({ maxConcurrent: 1, getKey })(() => 'ran');
    expect(await failureOf(handler(eventOf()))).toMatchObject({ message: 'no key' });
    fails = false;
    await expect(handler(eventOf())).resolves.toBe('ran');
  });

  it.each([
    { maxConcurrent: 0 },
    { maxConcurrent: 1.5 },
    { queueTimeoutMs: -1 },
    { mode: 'maybe' },
    { getKey: 'type' },
  ])('refuses %j', (options) => {
    const [name] = Object.keys(options);
    expect(() => withConcurrency(options as never)).toThrow(new RegExp(`withConcurrency\\.${name}: got .*; allowed: `));
  });
});

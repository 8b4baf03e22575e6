import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { composeMiddleware, withConcurrency, withRetry, withTimeout } from '../../lib/middleware/index';
import type { Runtime } from '../../lib/runtime-types';
import { addsUp, cleanUpAll, quiet } from '../helpers';
import { collectGarbage, deferred } from './support';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (count = 5): Promise<void> => {
  for (let n = 0; n < count; n++) await turn();
};
const queueOf = (runtime: Runtime): { ready: number; running: number; failed: number; done: number } =>
  runtime.getStats().queue;

describe('permits before the start', () => {
  afterEach(cleanUpAll);

  it('an event without a permit is not started: it is ready, in the queue', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 2 })] });
    const gate = deferred();
    let begun = 0;
    runtime.on('t', () => (begun++, gate.promise));
    for (let n = 0; n < 100; n++) runtime.emit('t', n);
    const processing = runtime.process();
    await turns();
    expect(begun).toBe(2);
    expect(queueOf(runtime)).toMatchObject({ ready: 98, running: 2 });
    expect(runtime.getQueueSnapshot(200)).toHaveLength(98);
    gate.resolve();
    await processing;
    expect(begun).toBe(100);
    expect(addsUp(runtime)).toBe(true);
  });

  it('is the same when the limit is the outermost of a composition', async () => {
    const stack = composeMiddleware(withConcurrency({ maxConcurrent: 1 }), withTimeout({ timeoutMs: 1000 }));
    const runtime = quiet({ middleware: [stack] });
    const gate = deferred();
    runtime.on('t', () => gate.promise);
    for (let n = 0; n < 3; n++) runtime.emit('t', n);
    const processing = runtime.process();
    await turns();
    expect(queueOf(runtime)).toMatchObject({ ready: 2, running: 1 });
    gate.resolve();
    await processing;
  });

  it('the most urgent of a key is next, then the oldest; other keys pass', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1, getKey: (event) => event.data[0] })] });
    const gates: (() => void)[] = [];
    const begun: string[] = [];
    runtime.on('t', (event) => {
      begun.push(event.data);
      return new Promise<void>((resolve) => gates.push(resolve));
    });
    for (const data of ['a1', 'a2', 'a3']) runtime.emit('t', data);
    const processing = runtime.process();
    await turns();
    runtime.emit('t', 'a-urgent', { priority: 9 });
    runtime.emit('t', 'b1');
    await turns();
    expect(begun).toEqual(['a1', 'b1']);
    for (let n = 0; n < 5; n++) {
      gates[n]!();
      await turns();
    }
    await processing;
    expect(begun).toEqual(['a1', 'b1', 'a-urgent', 'a2', 'a3']);
  });

  it('a redelivery takes a permit anew and gives the old one back', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1 })] });
    const attempts = new Map<number, number>();
    let running = 0;
    runtime.on('t', async (event) => {
      expect(++running).toBe(1);
      await turn();
      running--;
      attempts.set(event.data, (attempts.get(event.data) ?? 0) + 1);
      if (attempts.get(event.data)! < 2) throw Object.assign(new Error('once more'), { code: 'NETWORK_ERROR' });
    });
    for (let n = 0; n < 5; n++) runtime.emit('t', n, { retryPolicy: { maxRetries: 2, initialDelay: 1 } });
    await runtime.drain();
    expect([...attempts.values()]).toEqual([2, 2, 2, 2, 2]);
  });

  it('a waiting event can be cancelled, and its place goes to the next', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1 })] });
    const gate = deferred();
    const begun: number[] = [];
    runtime.on('t', (event) => (begun.push(event.data), gate.promise));
    const ids = [0, 1, 2].map((n) => runtime.emit('t', n).eventId);
    const processing = runtime.process();
    await turns();
    expect(runtime.cancel(ids[1]!)).toBe(true);
    gate.resolve();
    await processing;
    expect(begun).toEqual([0, 2]);
    expect(addsUp(runtime)).toBe(true);
  });

  it('clear takes out what waits; the permits that are out come back', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1 })] });
    const gate = deferred();
    const begun: number[] = [];
    const handler = (event: { data: number }): Promise<void> => (begun.push(event.data), gate.promise);
    runtime.on('t', handler);
    for (let n = 0; n < 3; n++) runtime.emit('t', n);
    const processing = runtime.process();
    await turns();
    runtime.clear();
    runtime.on('t', handler);
    runtime.emit('t', 9);
    await turns();
    expect(begun).toEqual([0]);
    gate.resolve();
    await processing;
    expect(begun).toEqual([0, 9]);
  });

  it('cleanup drops what waits and ends', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1 })] });
    runtime.on('t', () => new Promise(() => undefined));
    for (let n = 0; n < 3; n++) runtime.emit('t', n);
    void runtime.process();
    await turns();
    await runtime.cleanup({ timeoutMs: 5 });
    expect(queueOf(runtime)).toMatchObject({ ready: 0, running: 0, givenUp: 3 });
  });

  it('events of one ordering key still run in order', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 2 })] });
    const seen: number[] = [];
    runtime.on('t', async (event) => {
      await turns(event.data % 3);
      seen.push(event.data);
    });
    for (let n = 0; n < 30; n++) runtime.emit('t', n, { orderingKey: n % 2 === 0 ? 'even' : 'odd' });
    await runtime.process();
    for (const parity of [0, 1]) {
      const ours = seen.filter((n) => n % 2 === parity);
      expect(ours).toEqual([...ours].sort((a, b) => a - b));
    }
    expect(seen).toHaveLength(30);
  });

  it('two handlers, no handler, and an event that a handler returns all come through one permit', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1, getKey: () => 'one' })] });
    const seen: string[] = [];
    let running = 0;
    const handle = async (name: string): Promise<void> => {
      expect(++running).toBe(1);
      await turn();
      running--;
      seen.push(name);
    };
    runtime.on('two', () => handle('first'));
    runtime.on('two', () => handle('second'));
    runtime.on('returns', async () => {
      await handle('returns');
      return { type: 'returned' };
    });
    runtime.on('returned', () => handle('returned'));
    for (const type of ['none', 'two', 'returns', 'none', 'two', 'returns']) runtime.emit(type);
    await runtime.process();
    expect(seen.sort()).toEqual(['first', 'first', 'returned', 'returned', 'returns', 'returns', 'second', 'second']);
    expect(queueOf(runtime).done).toBe(6);
  });

  it('a getKey that throws fails the event; one that takes the event out costs no permit', async () => {
    const runtime = quiet({
      middleware: [
        withConcurrency({
          maxConcurrent: 1,
          getKey: (event) => {
            if (event.data === 'throw') throw new Error('no key');
            if (event.data === 'cancel') runtime.cancel(event.id);
            return 'key';
          },
        }),
      ],
    });
    const seen: unknown[] = [];
    runtime.on('t', async (event) => void seen.push(event.data));
    for (const data of ['cancel', 'throw', 'a', 'cancel', 'b']) runtime.emit('t', data);
    await runtime.process();
    expect(seen).toEqual(['a', 'b']);
    expect(queueOf(runtime)).toMatchObject({ cancelled: 2, failed: 1, done: 2 });
  });

  it('asks getKey once for an event that waits, even if its answer changes', async () => {
    let asked = 0;
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1, getKey: () => (asked++ < 3 ? 1 : 2) })] });
    let running = 0;
    runtime.on('t', async () => {
      expect(++running).toBe(1);
      await turns(2);
      running--;
    });
    for (let n = 0; n < 3; n++) runtime.emit('t', n);
    await runtime.process();
    expect(asked).toBe(3);
  });

  it('process({ maxEvents }) counts what starts, not what waits', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1, getKey: (event) => event.data })] });
    const gate = deferred();
    const begun: string[] = [];
    runtime.on('t', (event) => (begun.push(event.data), gate.promise));
    for (const key of ['a', 'a', 'a', 'b']) runtime.emit('t', key);
    const processing = runtime.process({ maxEvents: 2 });
    await vi.waitFor(() => expect(begun).toEqual(['a', 'b']));
    gate.resolve();
    await processing;
    expect(begun).toHaveLength(2);
    await runtime.process();
    expect(begun).toHaveLength(4);
  });

  it('works with causes tracked, start() and a rate limit of the runtime', async () => {
    const runtime = quiet({
      trackCauses: true,
      rateLimit: { limit: 1000, burst: 2, intervalMs: 10 },
      middleware: [withConcurrency({ maxConcurrent: 1 })],
    });
    let running = 0;
    let done = 0;
    runtime.on('t', async () => {
      expect(++running).toBe(1);
      await turn();
      running--;
      done++;
    });
    runtime.start();
    for (let n = 0; n < 20; n++) runtime.emit('t', n);
    await vi.waitFor(() => expect(done).toBe(20));
    await runtime.stop();
  });

  it('keys are forgotten when their events have ended, also when they were cancelled while they waited', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1, getKey: (event) => event.data.key })] });
    runtime.on('t', async () => turn());
    const keys: WeakRef<object>[] = [];
    const fill = (): void => {
      for (let n = 0; n < 200; n++) {
        const key = {};
        keys.push(new WeakRef(key));
        for (let copy = 0; copy < 3; copy++) {
          const { eventId } = runtime.emit('t', { key });
          if (copy === 2) setImmediate(() => runtime.cancel(eventId));
        }
      }
    };
    fill();
    await runtime.process();
    // Keys that became idle without a permit given back are swept up by new ones.
    for (let n = 0; n < 200; n++) runtime.emit('t', { key: `new-${n}` });
    await runtime.process();
    await collectGarbage();
    await turn();
    expect(keys.filter((key) => key.deref() !== undefined)).toEqual([]);
  });
});

describe('permits inside of something else', () => {
  afterEach(cleanUpAll);

  it('runs wait in line, but of a hot key no more than a thousand are started; other keys pass', async () => {
    const runtime = quiet({
      queueSize: 10_000,
      middleware: [withConcurrency({ maxConcurrent: 1, getKey: (event) => event.data }), withRetry({ maxRetries: 1 })],
    });
    const gate = deferred();
    const seen: string[] = [];
    runtime.on('t', async (event) => {
      if (event.data === 'hot') await gate.promise;
      seen.push(event.data);
    });
    for (let n = 0; n < 3000; n++) runtime.emit('t', 'hot');
    runtime.emit('t', 'cold');
    runtime.emit('t', 'cold');
    const processing = runtime.process();
    await vi.waitFor(() => expect(seen).toEqual(['cold', 'cold']));
    const { running, ready } = queueOf(runtime);
    expect(running).toBe(1 + 1024);
    expect(running + ready).toBe(3000);
    gate.resolve();
    await processing;
    expect(seen).toHaveLength(3002);
  });
});

describe('queueTimeoutMs before the start', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(async () => {
    await cleanUpAll();
    vi.useRealTimers();
  });

  it('fails what has waited too long with CONCURRENCY_TIMEOUT, and the handler does not run', async () => {
    const context: { cost?: { concurrencyDrops?: number } } = {};
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1, queueTimeoutMs: 100, context })] });
    const gates: (() => void)[] = [];
    runtime.on('t', () => new Promise<void>((resolve) => gates.push(resolve)));
    for (let n = 0; n < 3; n++) runtime.emit('t', n);
    let isDone = false;
    void runtime.process().then(() => (isDone = true));
    await vi.advanceTimersByTimeAsync(60);
    gates[0]!();
    await vi.advanceTimersByTimeAsync(39);
    expect(queueOf(runtime)).toMatchObject({ done: 1, failed: 0, running: 1, ready: 1 });
    await vi.advanceTimersByTimeAsync(2);
    expect(queueOf(runtime)).toMatchObject({ failed: 1, dead: 1 });
    expect(context.cost!.concurrencyDrops).toBe(1);
    expect(JSON.stringify(runtime.deadLetters.list().items[0])).toContain('CONCURRENCY_TIMEOUT');
    gates[1]!();
    await vi.advanceTimersByTimeAsync(0);
    expect([isDone, gates.length]).toEqual([true, 2]);
  });

  it('the time to live of a waiting event goes on', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1 })] });
    const gates: (() => void)[] = [];
    runtime.on('t', () => new Promise<void>((resolve) => gates.push(resolve)));
    runtime.emit('t', 0);
    runtime.emit('t', 1, { ttlMs: 50 });
    const processing = runtime.process();
    await vi.advanceTimersByTimeAsync(51);
    expect(queueOf(runtime)).toMatchObject({ expired: 1, running: 1, ready: 0 });
    gates[0]!();
    await processing;
    expect(gates).toHaveLength(1);
  });

  it('leaves no timer behind', async () => {
    const runtime = quiet({ middleware: [withConcurrency({ maxConcurrent: 1, queueTimeoutMs: 1000 })] });
    runtime.on('t', () => new Promise<void>((resolve) => setTimeout(resolve, 10)));
    for (let n = 0; n < 5; n++) runtime.emit('t', n);
    const processing = runtime.process();
    await vi.advanceTimersByTimeAsync(50);
    await processing;
    expect(queueOf(runtime)).toMatchObject({ done: 5, failed: 0 });
    await runtime.cleanup();
    expect(vi.getTimerCount()).toBe(0);
  });
});

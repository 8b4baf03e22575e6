import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HandlerTable } from '../lib/handlers';
import { waitForEvent } from '../lib/wait-for';
import { addsUp, cleanUpAll, deferred, quiet, sleep } from './helpers';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpAll();
});

describe('process', () => {
  it('drains what waits and what is emitted meanwhile', async () => {
    const runtime = quiet();
    const seen: unknown[] = [];
    runtime.on('a', async (event) => {
      await sleep(1);
      seen.push(event.data);
      if (event.data < 5) runtime.emit('a', event.data + 1);
    });
    runtime.emit('a', 1);
    await runtime.process();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('gives undefined, or numbers when asked', async () => {
    const runtime = quiet();
    runtime.on('bad', () => {
      throw new Error('no');
    });
    runtime.emit('ok');
    expect(await runtime.process()).toBeUndefined();
    runtime.emit('ok');
    runtime.emit('bad');
    expect(await runtime.process(true)).toEqual({ processed: 1, acked: 0, failed: 1 });
    runtime.emit('ok');
    expect(await runtime.processWithAcks()).toEqual({ processed: 1, acked: 0, failed: 0 });
    runtime.emit('bad');
    expect(await runtime.process({})).toEqual({ processed: 0, acked: 0, failed: 1, retried: 0, deadLettered: 1 });
  });

  it('counts an event that nobody handles as processed', async () => {
    const runtime = quiet();
    runtime.emit('unheard');
    expect(await runtime.process(true)).toEqual({ processed: 1, acked: 0, failed: 0 });
  });

  it('returns at once with zeros while another call runs, also inside a handler', async () => {
    const runtime = quiet();
    let inner: unknown;
    runtime.on('a', async () => {
      inner = await runtime.process(true);
    });
    runtime.emit('a');
    const first = runtime.process(true);
    expect(await runtime.process(true)).toEqual({ processed: 0, acked: 0, failed: 0 });
    expect(await runtime.process()).toBeUndefined();
    expect(await first).toEqual({ processed: 1, acked: 0, failed: 0 });
    expect(inner).toEqual({ processed: 0, acked: 0, failed: 0 });
  });

  it('goes on after a failure', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    const seen: unknown[] = [];
    runtime.on('a', async (event) => {
      if (event.data === 2) throw new Error('no');
      seen.push(event.data);
    });
    for (const data of [1, 2, 3]) runtime.emit('a', data);
    await runtime.process();
    expect(seen).toEqual([1, 3]);
  });

  it('slides: a slow handler holds up nobody, and never more run than maxConcurrent', async () => {
    const runtime = quiet({ maxConcurrent: 3 });
    const slow = deferred();
    let running = 0;
    let most = 0;
    const ended: unknown[] = [];
    runtime.on('a', async (event) => {
      most = Math.max(most, ++running);
      if (event.data === 0) await slow.promise;
      else await sleep(1);
      running--;
      ended.push(event.data);
    });
    for (let data = 0; data < 20; data++) runtime.emit('a', data);
    const processing = runtime.process();
    await vi.waitUntil(() => ended.length === 19);
    expect(most).toBe(3);
    slow.resolve();
    await processing;
    expect(ended.at(-1)).toBe(0);
  });

  it('starts more when something is emitted while there are permits', async () => {
    const runtime = quiet({ maxConcurrent: 2 });
    const gate = deferred();
    const started: unknown[] = [];
    runtime.on('a', async (event) => {
      started.push(event.data);
      await gate.promise;
    });
    runtime.emit('a', 1);
    const processing = runtime.process();
    await sleep(1);
    runtime.emit('a', 2);
    runtime.emit('a', 3);
    await sleep(1);
    expect(started).toEqual([1, 2]);
    gate.resolve();
    await processing;
    expect(started).toEqual([1, 2, 3]);
  });

  it('can be bounded in events', async () => {
    const runtime = quiet();
    for (let n = 0; n < 5; n++) runtime.emit('a', n);
    expect((await runtime.process({ maxEvents: 2 })).processed).toBe(2);
    expect((await runtime.process({ maxEvents: 0 })).processed).toBe(0);
    expect(runtime.getStats().queue.size).toBe(3);
    expect((await runtime.process({ maxEvents: 10 })).processed).toBe(3);
  });

  it('can be bounded in time and cancelled; what runs goes on to its end', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    const gate = deferred();
    let ended = 0;
    runtime.on('a', async () => {
      await gate.promise;
      ended++;
    });
    runtime.emit('a');
    runtime.emit('a');
    expect((await runtime.process({ timeoutMs: 10 })).processed).toBe(0);
    const controller = new AbortController();
    const cancelled = runtime.process({ signal: controller.signal });
    controller.abort();
    expect((await cancelled).processed).toBe(0);
    gate.resolve();
    await sleep(2);
    expect(ended).toBe(1);
    expect(runtime.getStats().queue).toMatchObject({ done: 1, ready: 1, running: 0 });
    expect((await runtime.process({ signal: AbortSignal.abort() })).processed).toBe(0);
    expect((await runtime.process({})).processed).toBe(1);
  });

  it('refuses bad bounds by name', async () => {
    const runtime = quiet();
    await expect(runtime.process({ maxEvents: -1 })).rejects.toThrow(
      'options.maxEvents: got -1; allowed: a whole number of at least 0',
    );
    await expect(runtime.drain({ signal: 5 as never })).rejects.toThrow(
      /options.signal: got 5; allowed: an AbortSignal/,
    );
  });

  it('serves timers and I/O during a long drain', async () => {
    const runtime = quiet({ queueSize: 200_000 });
    runtime.on('a', () => {
      const end = performance.now() + 0.2;
      while (performance.now() < end);
    });
    for (let n = 0; n < 400; n++) runtime.emit('a', n);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await runtime.process();
    clearInterval(timer);
    // 80 ms of handlers: without turns of the event loop none of these would have fired before the end.
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('serves timers while chains of synchronous handlers emit each other', async () => {
    const runtime = quiet();
    let stop = false;
    runtime.on('a', () => {
      if (!stop) runtime.emit('a');
    });
    setTimeout(() => (stop = true), 20);
    runtime.emit('a');
    await runtime.process();
    expect(stop).toBe(true);
  });
});

describe('delays and time to live', () => {
  it('hold an event back, and drain waits for them', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    const seen: unknown[] = [];
    runtime.on('a', (event) => void seen.push(event.data));
    runtime.emit('a', 'later', { delayMs: 1000 });
    runtime.emit('a', 'now');
    await runtime.process();
    expect(seen).toEqual(['now']);
    const drained = runtime.drain();
    await vi.advanceTimersByTimeAsync(999);
    expect(seen).toEqual(['now']);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen).toEqual(['now', 'later']);
    expect(await drained).toMatchObject({ processed: 1, remaining: 0 });
  });

  it('let process find what is due by the clock', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    let count = 0;
    runtime.on('a', () => void count++);
    runtime.emit('a', 1, { delayMs: 100 });
    vi.advanceTimersByTime(100);
    await runtime.process();
    expect(count).toBe(1);
  });

  it('expire events that were not started in time', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    let count = 0;
    runtime.on('a', () => void count++);
    runtime.emit('a', 1, { ttlMs: 50 });
    runtime.emit('a', 2, { ttlMs: 500 });
    await vi.advanceTimersByTimeAsync(100);
    await runtime.process();
    expect(count).toBe(1);
    expect(runtime.getStats().queue).toMatchObject({ expired: 1, done: 1 });
    expect(addsUp(runtime)).toBe(true);
  });

  it('never start a stale event, even when its timer could not be served', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    let ran = false;
    runtime.on('block', () => {
      const end = performance.now() + 20;
      while (performance.now() < end);
    });
    runtime.on('stale', () => void (ran = true));
    runtime.emit('block', 0, { priority: 1 });
    runtime.emit('stale', 0, { ttlMs: 5 });
    await runtime.process();
    expect(ran).toBe(false);
    expect(runtime.getStats().queue.expired).toBe(1);
  });

  it('end drain at its timeout', async () => {
    const runtime = quiet();
    runtime.emit('a', 1, { delayMs: 60_000 });
    expect(await runtime.drain({ timeoutMs: 10 })).toMatchObject({ processed: 0, remaining: 1 });
  });
});

describe('start, stop, idle', () => {
  it('process continuously until stop', async () => {
    const runtime = quiet();
    const seen: unknown[] = [];
    runtime.on('a', async (event) => void seen.push(event.data));
    runtime.start();
    runtime.emit('a', 1);
    await runtime.idle();
    runtime.emit('a', 2);
    await runtime.idle();
    expect(seen).toEqual([1, 2]);
    await runtime.stop();
    runtime.emit('a', 3);
    await sleep(5);
    expect(seen).toEqual([1, 2]);
    await runtime.process();
    expect(seen).toEqual([1, 2, 3]);
  });

  it('stop waits for what runs', async () => {
    const runtime = quiet();
    let ended = false;
    runtime.on('a', async () => {
      await sleep(10);
      ended = true;
    });
    runtime.start();
    runtime.emit('a');
    await sleep(1);
    await runtime.stop();
    expect(ended).toBe(true);
  });

  it('idle resolves at once when nothing waits', async () => {
    await quiet().idle();
  });
});

describe('waitFor', () => {
  it('resolves with the next event that passes the filter', async () => {
    const runtime = quiet();
    const waiting = runtime.waitFor('a', { filter: (event) => event.data > 1 });
    runtime.emit('a', 1);
    runtime.emit('a', 2);
    await runtime.process();
    expect((await waiting).data).toBe(2);
  });

  it('rejects at the timeout, on abort, for a filter that throws, and at the end', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    const late = runtime.waitFor('a', { timeoutMs: 100 });
    const controller = new AbortController();
    const aborted = runtime.waitFor('a', { signal: controller.signal });
    const broken = runtime.waitFor('b', {
      filter: () => {
        throw new Error('filter');
      },
    });
    const ended = runtime.waitFor('c');
    const checks = [
      expect(late).rejects.toMatchObject({ code: 'WAIT_TIMEOUT', stack: expect.stringContaining('process.test.ts') }),
      expect(aborted).rejects.toThrow('stop'),
      expect(broken).rejects.toThrow('filter'),
      expect(ended).rejects.toMatchObject({ code: 'RUNTIME_SHUTTING_DOWN' }),
    ];
    await vi.advanceTimersByTimeAsync(100);
    controller.abort(new Error('stop'));
    runtime.emit('b');
    await runtime.process();
    await runtime.cleanup();
    await Promise.all(checks);
  });
});

describe('what waits for an event', () => {
  it('is let go when the event has come', async () => {
    const handlers = new HandlerTable();
    const held = new Set<() => void>();
    const hold = (release: () => void): (() => void) => {
      held.add(release);
      return () => void held.delete(release);
    };
    const waiting = [1, 2].map(() => waitForEvent('a', {}, handlers, undefined as never, hold));
    expect(held.size).toBe(2);
    const event = quiet().createEvent('a');
    for (const observe of handlers.planFor('a').observers) observe(event);
    expect(await Promise.all(waiting)).toEqual([event, event]);
    expect(held.size).toBe(0);
    expect(handlers.planFor('a').observers).toEqual([]);
  });
});

describe('one signal for many', () => {
  const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

  it('gets one listener of all events that wait, and none when they have ended', async () => {
    const runtime = quiet();
    const { signal } = new AbortController();
    for (let n = 0; n < 50; n++) runtime.emit('a', n, { signal });
    const waits = [1, 2, 3].map(() => runtime.waitFor('a', { signal }));
    expect(listeners(signal)).toBe(1);
    await runtime.process();
    await Promise.all(waits);
    expect(listeners(signal)).toBe(0);
  });

  it('cancels all of them', async () => {
    const runtime = quiet();
    const controller = new AbortController();
    const { signal } = controller;
    for (let n = 0; n < 50; n++) runtime.emit('a', n, { signal });
    controller.abort(new Error('enough'));
    expect(runtime.getStats().queue).toMatchObject({ cancelled: 50, size: 0 });
  });

  it('gets one listener of all emits that wait for room', async () => {
    const runtime = quiet({ queueSize: 1, overflow: 'wait' });
    const controller = new AbortController();
    const { signal } = controller;
    const data: unknown[] = [];
    runtime.on('a', (event) => void data.push(event.data));
    const single = new AbortController();
    const emits = [0, 1, 2, 3].map((n) => runtime.emitAsync('a', n, { signal: n === 2 ? single.signal : signal }));
    expect(listeners(signal)).toBe(1);
    single.abort();
    await runtime.process();
    expect((await Promise.all(emits)).map(({ queued }) => queued)).toEqual([true, true, false, true]);
    expect(data).toEqual([0, 1, 3]);
    expect([listeners(signal), listeners(single.signal)]).toEqual([0, 0]);
    runtime.emit('a', 4);
    const late = [5, 6].map((n) => runtime.emitAsync('a', n, { signal }));
    controller.abort();
    expect((await Promise.all(late)).map(({ error }) => error)).toMatchObject([
      { code: 'EVENT_CANCELLED' },
      { code: 'EVENT_CANCELLED' },
    ]);
  });
});

describe('cancel', () => {
  it('takes a waiting event out and aborts a running one', async () => {
    const runtime = quiet();
    const seen: unknown[] = [];
    runtime.on('a', (event) => void seen.push(event.data));
    runtime.on(
      'long',
      (_event, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const waiting = runtime.emit('a', 1);
    expect(runtime.cancel(waiting.eventId)).toBe(true);
    expect(runtime.cancel(waiting.eventId)).toBe(false);
    const long = runtime.emit('long');
    const processing = runtime.process(true);
    await sleep(1);
    expect(runtime.cancel(long.eventId)).toBe(true);
    expect(await processing).toEqual({ processed: 0, acked: 0, failed: 1 });
    expect(seen).toEqual([]);
    expect(runtime.getStats().queue.cancelled).toBe(1);
  });

  it('refuses an event whose signal has aborted already: it does not run, however soon it could', async () => {
    const runtime = quiet();
    let count = 0;
    runtime.on('a', () => void count++);
    const result = runtime.emit('a', 1, { signal: AbortSignal.abort(), idempotencyKey: 'k' });
    expect(result).toMatchObject({ queued: false, error: { code: 'EVENT_CANCELLED', context: { reason: 'aborted' } } });
    await runtime.process();
    expect(count).toBe(0);
    expect(runtime.getStats().queue).toMatchObject({ dropped: 1, emitted: 0, refusals: { aborted: 1 } });
    expect(runtime.emit('a', 1, { idempotencyKey: 'k' }).queued).toBe(true);
  });

  it('of a running event keeps it from being delivered again', async () => {
    const runtime = quiet({ retry: { maxAttempts: 3, initialDelayMs: 0 } });
    const abort = new AbortController();
    const runs: string[] = [];
    runtime.on('*', (event, signal) => {
      runs.push(event.type);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const { eventId } = runtime.emit('cancelled');
    runtime.emit('aborted', 1, { signal: abort.signal });
    const drained = runtime.drain();
    expect(runtime.cancel(eventId)).toBe(true);
    abort.abort();
    expect(await drained).toMatchObject({ failed: 2, retried: 0, deadLettered: 2 });
    expect(runs).toEqual(['cancelled', 'aborted']);
  });

  it('follows the signal of an emit', async () => {
    const runtime = quiet();
    let count = 0;
    runtime.on('a', () => void count++);
    const controller = new AbortController();
    runtime.emit('a', 1, { signal: controller.signal });
    runtime.emit('a', 2, { signal: AbortSignal.abort() });
    runtime.emit('a', 3);
    controller.abort();
    await sleep(0);
    await runtime.process();
    expect(count).toBe(1);
  });
});

describe('ordering keys', () => {
  it('never run at the same time and never overtake each other, redeliveries included', async () => {
    const runtime = quiet({ retry: { maxAttempts: 3, initialDelayMs: 1, jitter: 'none' } });
    const log: string[] = [];
    let running = 0;
    runtime.on('a', async (event) => {
      expect(++running).toBe(1);
      await sleep(1);
      running--;
      log.push(`${event.data}${event.metadata?.isRetry ? 'r' : ''}`);
      if (event.data === 1 && !event.metadata?.isRetry) throw new Error('once');
    });
    for (const [data, priority] of [
      [1, 0],
      [2, 9],
      [3, 5],
    ] as const)
      runtime.emit('a', data, { orderingKey: 'k', priority });
    await runtime.drain();
    expect(log).toEqual(['1', '1r', '2', '3']);
  });

  it('run side by side when they differ', async () => {
    const runtime = quiet();
    let most = 0;
    let running = 0;
    runtime.on('a', async () => {
      most = Math.max(most, ++running);
      await sleep(2);
      running--;
    });
    for (let n = 0; n < 10; n++) runtime.emit('a', n, { orderingKey: `k${n % 5}` });
    await runtime.process();
    expect(most).toBe(5);
  });
});

describe('tenants', () => {
  it('share one priority fairly', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    const order: unknown[] = [];
    runtime.on('a', async (event) => void order.push(event.metadata!.tenantId));
    for (let n = 0; n < 20; n++) runtime.emit('a', n, { tenantId: 'loud' });
    runtime.emit('a', 0, { tenantId: 'small' });
    await runtime.process();
    expect(order.indexOf('small')).toBe(1);
  });

  it('are limited one by one', async () => {
    const runtime = quiet({ maxConcurrentPerTenant: 2, maxConcurrentPerEventType: 3 });
    const running: Record<string, number> = {};
    const most: Record<string, number> = {};
    runtime.on('*', async (event) => {
      const keys = [String(event.metadata!.tenantId), event.type];
      for (const key of keys) most[key] = Math.max(most[key] ?? 0, (running[key] = (running[key] ?? 0) + 1));
      await sleep(1);
      for (const key of keys) running[key]!--;
    });
    for (let n = 0; n < 30; n++) runtime.emit(n % 2 ? 'a' : 'b', n, { tenantId: `t${n % 3}` });
    expect(await runtime.process(true)).toMatchObject({ processed: 30 });
    expect(most).toEqual({ t0: 2, t1: 2, t2: 2, a: 3, b: 3 });
  });

  it('have runtimes of their own', async () => {
    const parent = quiet({ queueSize: 7, retry: { maxAttempts: 4 } }, { tenantId: 'p' });
    const [one, two] = [parent.forTenant('one'), parent.forTenant('one')];
    let handled = 0;
    parent.on('a', () => void handled++);
    one.emit('a');
    await Promise.all([one.process(), parent.process()]);
    expect(handled).toBe(0);
    const stats = one.getStats();
    expect(stats.runtime.tenantId).toBe('one');
    expect(stats.runtime.executionId).toMatch(/^tenant_one_\d+$/);
    expect(stats.runtime.executionId).not.toBe(two.getStats().runtime.executionId);
    expect([stats.queue.maxQueueDepth, stats.delivery.maxRetries]).toEqual([7, 3]);
    await Promise.all([one.cleanup(), two.cleanup()]);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createRuntime } from '../../lib/runtime';
import {
  circuitBreakerMiddleware,
  withCache,
  withConcurrency,
  withRateLimit,
  withRetry,
  withSchedule,
  withTimeout,
  withValidate,
} from '../../lib/middleware/index';
import { coded, deferred } from './support';

const context = { executionId: 'e', tenantId: 't' };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('middleware in a runtime', () => {
  it('the README example runs: timeout, retry, concurrency and validation around each handler', async () => {
    const runtime = createRuntime(context, undefined, {
      queueSize: 1000,
      batchSize: 100,
      middleware: [
        withTimeout({ timeoutMs: 3000 }),
        withRetry({ maxRetries: 3, backoffMs: 1, retryableErrors: ['NETWORK_ERROR', 'TIMEOUT_ERROR'] }),
        withConcurrency({ maxConcurrent: 10, getKey: (ev) => ev.type, queueTimeoutMs: 5000 }),
        withValidate({ schema: z.object({ userId: z.string() }) }),
      ],
    });
    const saved: unknown[] = [];
    let failures = 2;
    runtime.on('user.created', async (event) => {
      if (failures-- > 0) throw new Error('NETWORK_ERROR');
      saved.push(event.data);
    });
    runtime.emit('user.created', { userId: '123', name: 'John' });
    runtime.emit('user.created', { name: 'nobody' });
    await runtime.process();
    expect(saved).toEqual([{ userId: '123', name: 'John' }]);
    await runtime.cleanup();
  });

  it('the README example runs: [withRetry] uncalled, and per-user fan-out', async () => {
    const runtime = createRuntime(context, undefined, {
      middleware: [
        withRetry as never,
        withTimeout({ timeoutMs: 30_000 }),
        withConcurrency({ maxConcurrent: 10, getKey: (ev) => ev.data.userId }),
      ],
    });
    const seen: unknown[] = [];
    runtime.on('user.action', async (event) => void seen.push(event.data.action));
    runtime.emit('user.action', { userId: '123', action: 'create' });
    await runtime.process();
    expect(seen).toEqual(['create']);
    await runtime.cleanup();
  });

  it('withConcurrency waits by default: no event is dropped', async () => {
    const runtime = createRuntime(context, undefined, { middleware: [withConcurrency({ maxConcurrent: 2 })] });
    let running = 0;
    let most = 0;
    let done = 0;
    runtime.on('t', async () => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      done++;
    });
    for (let n = 0; n < 200; n++) runtime.emit('t', n);
    await runtime.process();
    expect([most, done]).toEqual([2, 200]);
    await runtime.cleanup();
  });

  it('an explicit queueTimeoutMs 0 drops', async () => {
    const runtime = createRuntime(context, undefined, {
      middleware: [withConcurrency({ maxConcurrent: 1, queueTimeoutMs: 0 })],
    });
    let done = 0;
    let isOver = false;
    runtime.on('t', async () => {
      while (!isOver) await turn();
      done++;
    });
    for (let n = 0; n < 5; n++) runtime.emit('t', n);
    const processing = runtime.process();
    while (runtime.getStats().queue.failed < 4) await turn();
    isOver = true;
    await processing;
    expect(done).toBe(1);
    await runtime.cleanup();
  });

  it('a hot key that waits for permits does not starve the others of the slots of the runtime', async () => {
    const runtime = createRuntime(context, undefined, {
      maxConcurrent: 2,
      middleware: [withConcurrency({ maxConcurrent: 1, getKey: (event) => event.data.key })],
    });
    const gate = deferred();
    const done: string[] = [];
    runtime.on('t', async (event) => {
      if (event.data.key === 'hot') await gate.promise;
      done.push(event.data.key);
    });
    for (let n = 0; n < 50; n++) runtime.emit('t', { key: 'hot' });
    runtime.emit('t', { key: 'cold' });
    const processing = runtime.process();
    for (let n = 0; n < 5; n++) await turn();
    expect(done).toEqual(['cold']);
    gate.resolve();
    await processing;
    expect(done).toHaveLength(51);
    await runtime.cleanup();
  });

  it('keeps order of list and kinds, and state in the runtime: two runtimes share none', async () => {
    const breaker = circuitBreakerMiddleware({ failureThreshold: 2 });
    const counts = await Promise.all(
      [1, 2].map(async () => {
        const runtime = createRuntime(context, undefined, { middleware: [breaker] });
        let calls = 0;
        runtime.on('t', () => {
          calls++;
          throw new Error('down');
        });
        for (let n = 0; n < 5; n++) {
          runtime.emit('t', n);
          await runtime.process();
        }
        await runtime.cleanup();
        return calls;
      }),
    );
    expect(counts).toEqual([2, 2]);
    expect(breaker.manager.getAllMetrics().t).toMatchObject({ state: 'OPEN', rejectedCalls: 3 });
  });

  it('gives the signal to handlers that take it, and one argument to the others', async () => {
    const runtime = createRuntime(context, undefined, { middleware: [withTimeout({ timeoutMs: 1000 }), withRetry()] });
    const args: unknown[][] = [];
    runtime.on('t', (...list: unknown[]) => void args.push(list));
    runtime.on('t', (event: unknown, signal: AbortSignal) => void args.push([event, signal]));
    runtime.on('t', (...list: unknown[]) => void args.push(list), { signal: true });
    runtime.emit('t', 1);
    await runtime.process();
    expect(args.map((list) => list.length)).toEqual([1, 2, 2]);
    for (const list of args.slice(1)) expect(list[1]).toBeInstanceOf(AbortSignal);
    await runtime.cleanup();
  });

  it('refuses entries that are no middleware, by index, and factories that need arguments, by name', () => {
    expect(() => createRuntime(context, undefined, { middleware: [withRetry(), 5 as never] })).toThrow('middleware[1]');
    expect(() => createRuntime(context, undefined, { middleware: [withValidate as never] })).toThrow('withValidate');
  });

  it('cleanup ends the waits of retries and permits', async () => {
    const runtime = createRuntime(context, undefined, {
      middleware: [
        withRetry({ initialDelayMs: 60_000, jitter: false, maxDelayMs: 60_000 }),
        withConcurrency({ maxConcurrent: 1 }),
      ],
    });
    runtime.on('t', () => {
      throw coded('NETWORK_ERROR');
    });
    runtime.emit('t', 1);
    runtime.emit('t', 2);
    void runtime.process();
    await turn();
    const startedAt = Date.now();
    await runtime.cleanup({ timeoutMs: 50 } as never);
    expect(Date.now() - startedAt).toBeLessThan(30_000);
  });
});

describe('middleware in a runtime, with fake timers', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('retries and times out as the clock is moved', async () => {
    const runtime = createRuntime(context, undefined, {
      middleware: [withTimeout({ timeoutMs: 100 }), withRetry({ maxRetries: 2, initialDelayMs: 1000, jitter: false })],
    });
    let attempts = 0;
    let isDone = false;
    runtime.on('t', () => (++attempts < 3 ? new Promise(() => undefined) : undefined));
    runtime.emit('t', 1);
    void runtime.process().then(() => (isDone = true));
    await vi.advanceTimersByTimeAsync(3199);
    expect([attempts, isDone]).toEqual([2, false]);
    await vi.advanceTimersByTimeAsync(10);
    expect([attempts, isDone]).toEqual([3, true]);
    await runtime.cleanup();
  });

  it('rate limits wait, caches answer', async () => {
    const runtime = createRuntime(context, undefined, {
      middleware: [
        withCache({ ttlMs: 60_000, keyFn: (event) => event.data }),
        withRateLimit({ limit: 1, intervalMs: 100 }),
      ],
    });
    let runs = 0;
    runtime.on('t', () => void runs++);
    for (const data of ['a', 'b', 'a', 'b', 'a']) runtime.emit('t', data);
    let isDone = false;
    void runtime.process().then(() => (isDone = true));
    await vi.advanceTimersByTimeAsync(399);
    expect(isDone).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect([runs, isDone]).toEqual([2, true]);
    await runtime.cleanup();
  });

  it('withSchedule handles the first event of a type again until cleanup', async () => {
    const runtime = createRuntime(context, undefined, { middleware: [withSchedule({ schedule: '5s' })] });
    const seen: unknown[] = [];
    runtime.on('tick', (event) => void seen.push(event.data));
    runtime.emit('tick', 'a');
    await runtime.process();
    expect(seen).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(5000);
    await runtime.process();
    await vi.advanceTimersByTimeAsync(5000);
    await runtime.process();
    expect(seen).toEqual(['a', 'a', 'a']);
    await runtime.cleanup();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('waits of middleware', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  /** Time for timers, and turns of the event loop, which a long drain waits for. */
  const pass = async (): Promise<void> => {
    for (let step = 0; step < 50; step++) {
      await vi.advanceTimersByTimeAsync(10);
      await turn();
    }
  };

  it('for a result that another run makes hold no permit that this one may need', async () => {
    const runtime = createRuntime(context, undefined, {
      maxConcurrent: 1,
      middleware: [withRetry({ initialDelayMs: 10, jitter: false }), withCache()],
    });
    let runs = 0;
    runtime.on('t', () => {
      if (++runs === 1) throw coded('NETWORK_ERROR');
    });
    for (let n = 0; n < 3; n++) runtime.emit('t', 'the same');
    void runtime.process();
    await pass();
    expect([runs, runtime.getStats().queue.done]).toEqual([2, 3]);
    await runtime.cleanup();
  });

  it('that a timeout cuts short give way to the next wait of the run', async () => {
    const runtime = createRuntime(context, undefined, {
      maxConcurrent: 1,
      middleware: [
        withRateLimit({ limit: 1, intervalMs: 50 }),
        withTimeout({ timeoutMs: 5 }),
        withConcurrency({ maxConcurrent: 1 }),
        withRetry({ maxRetries: 2, initialDelayMs: 0, jitter: false }),
      ],
    });
    runtime.on('t', () => new Promise((resolve) => setTimeout(resolve, 3)));
    for (let n = 0; n < 6; n++) runtime.emit('t', n);
    void runtime.process();
    await pass();
    const { done, dead, waitQueueSize, availablePermits } = runtime.getStats().queue;
    expect([done + dead, waitQueueSize, availablePermits]).toEqual([6, 0, 1]);
    await runtime.cleanup();
  });

  it('belong to one delivery: what was given up is not tried again beside the next', async () => {
    const runtime = createRuntime(context, undefined, {
      maxConcurrent: 1,
      enableAcks: true,
      ackTimeout: 50,
      retry: { maxAttempts: 2, initialDelayMs: 0 },
      middleware: [withRetry({ initialDelayMs: 10, jitter: false })],
    });
    let [runs, running, most] = [0, 0, 0];
    runtime.on('*', async () => {
      runs++;
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 60)).finally(() => running--);
      throw coded('NETWORK_ERROR');
    });
    runtime.emit('t');
    void runtime.drain();
    await pass();
    expect(runs).toBe(2);
    expect(most).toBe(2);
    expect(runtime.getStats().queue).toMatchObject({ dead: 1, ackTimeouts: 2, waitQueueSize: 0, availablePermits: 1 });
    await runtime.cleanup();
  });
});

describe('rateLimit of a runtime', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('lets each tenant run at its rate: the others wait, and lose nothing', async () => {
    const runtime = createRuntime(context, undefined, { rateLimit: { limit: 2, intervalMs: 100 }, maxConcurrent: 1 });
    const seen: string[] = [];
    runtime.on('t', (event) => void seen.push(event.metadata!.tenantId!));
    for (let n = 0; n < 4; n++) runtime.emit('t', n, { tenantId: 'loud' });
    runtime.emit('t', 0, { tenantId: 'quiet' });
    let isDone = false;
    void runtime.process().then(() => (isDone = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(seen.sort()).toEqual(['loud', 'loud', 'quiet']);
    await vi.advanceTimersByTimeAsync(50);
    expect([seen.length, isDone]).toEqual([4, false]);
    await vi.advanceTimersByTimeAsync(51);
    expect([seen.length, isDone]).toEqual([5, true]);
    await runtime.cleanup();
  });

  it('starts nothing whose delivery was given up while it waited for its turn', async () => {
    const runtime = createRuntime(context, undefined, {
      rateLimit: { limit: 1, intervalMs: 100 },
      enableAcks: true,
      ackTimeout: 50,
      maxRetries: 0,
    });
    const seen: unknown[] = [];
    runtime.on('t', (event) => void seen.push(event.data));
    runtime.emit('t', 1);
    runtime.emit('t', 2);
    void runtime.process();
    await vi.advanceTimersByTimeAsync(500);
    expect(seen).toEqual([1]);
    expect(runtime.getStats().queue).toMatchObject({ done: 1, dead: 1 });
    await runtime.cleanup();
  });

  it('forgets what is cancelled while it waits for its turn', async () => {
    const runtime = createRuntime(context, undefined, { rateLimit: { limit: 1, intervalMs: 100 } });
    const seen: unknown[] = [];
    runtime.on('t', (event) => void seen.push(event.data));
    runtime.emit('t', 1);
    const { eventId } = runtime.emit('t', 2);
    runtime.emit('t', 3);
    void runtime.process();
    await vi.advanceTimersByTimeAsync(10);
    expect(runtime.cancel(eventId)).toBe(true);
    await vi.advanceTimersByTimeAsync(100);
    expect(seen).toEqual([1, 3]);
    await runtime.cleanup();
  });

  it('refuses at emit when told to, by tenant', async () => {
    const runtime = createRuntime(context, undefined, { rateLimit: { limit: 1, onLimit: 'reject' } });
    expect(runtime.emit('t').queued).toBe(true);
    const refused = runtime.emit('t');
    expect(refused).toMatchObject({
      queued: false,
      error: { code: 'RATE_LIMITED', context: { reason: 'rate-limited' } },
    });
    expect(runtime.emit('t', {}, { tenantId: 'other' }).queued).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(runtime.emit('t').queued).toBe(true);
    await runtime.cleanup();
  });

  it('is checked when the runtime is made', () => {
    expect(() => createRuntime(context, undefined, { rateLimit: { limit: 0 } })).toThrow('rateLimit.limit: got 0');
    expect(() => createRuntime(context, undefined, { rateLimit: { limit: 1, onLimit: 'drop' as never } })).toThrow(
      'rateLimit.onLimit',
    );
  });
});

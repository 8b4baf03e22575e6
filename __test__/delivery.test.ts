import { afterEach, describe, expect, it, vi } from 'vitest';
import { addsUp, cleanUpAll, deferred, quiet } from './helpers';
import type { AnyEvent } from '../lib/index';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpAll();
});

const failing = (times: number, error: unknown = new Error('no')): ((event: AnyEvent) => void) => {
  let left = times;
  return () => {
    if (left-- > 0) throw error;
  };
};

describe('redelivery', () => {
  it('is off by default: a failed event goes to the dead letters, once', async () => {
    const runtime = quiet();
    let runs = 0;
    runtime.on('a', () => {
      runs++;
      throw new Error('no');
    });
    runtime.emit('a', 1, { priority: 4 });
    expect(await runtime.process({})).toMatchObject({ failed: 1, retried: 0, deadLettered: 1 });
    await runtime.drain();
    expect(runs).toBe(1);
    const [item] = runtime.deadLetters.list().items;
    expect(item).toMatchObject({
      attempts: 1,
      originalPriority: 4,
      canReprocess: true,
      errors: [{ message: 'no', attempt: 1 }],
    });
    expect(addsUp(runtime)).toBe(true);
  });

  it('comes after the delays of `retry`, with the event and its history', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ retry: { maxAttempts: 3, initialDelayMs: 100, factor: 3, jitter: 'none' } });
    const seen: unknown[] = [];
    const fail = failing(2);
    runtime.on('a', (event) => {
      seen.push(event.metadata?.isRetry, event.metadata?.retry?.retryCount);
      fail(event);
    });
    runtime.emit('a');
    await runtime.process();
    expect(runtime.getStats().queue).toMatchObject({ waiting: 1, retry: { pendingRetries: 1, totalRetries: 1 } });
    await vi.advanceTimersByTimeAsync(99);
    await runtime.process();
    expect(seen).toEqual([undefined, undefined]);
    await vi.advanceTimersByTimeAsync(1);
    await runtime.process();
    expect(seen).toEqual([undefined, undefined, true, 1]);
    await vi.advanceTimersByTimeAsync(300);
    await runtime.process();
    expect(seen.slice(4)).toEqual([true, 2]);
    const { retry, done } = runtime.getStats().queue;
    expect(done).toBe(1);
    expect(retry).toMatchObject({
      successfulRetries: 1,
      averageRetryDelay: 200,
      retrysByEventType: { a: 2 },
      pendingRetries: 0,
    });
  });

  it('holds no concurrency slot while it waits', async () => {
    const runtime = quiet({ maxConcurrent: 1, retry: { maxAttempts: 2, initialDelayMs: 10_000, jitter: 'none' } });
    const seen: unknown[] = [];
    runtime.on('bad', failing(1));
    runtime.on('a', (event) => void seen.push(event.data));
    runtime.emit('bad');
    runtime.emit('a', 1);
    await runtime.process();
    expect(seen).toEqual([1]);
  });

  it('asks which errors may be tried again', async () => {
    const runtime = quiet({
      retry: { maxAttempts: 2, initialDelayMs: 0, retryable: { codes: ['NET', 'TypeError'], statuses: [503] } },
    });
    const errors: Record<string, unknown> = {
      code: Object.assign(new Error('a'), { code: 'NET' }),
      name: new TypeError('b'),
      status: Object.assign(new Error('c'), { status: 503 }),
      other: new Error('d'),
    };
    const runs: Record<string, number> = {};
    runtime.on('*', (event) => {
      runs[event.type] = (runs[event.type] ?? 0) + 1;
      throw errors[event.type];
    });
    for (const type of Object.keys(errors)) runtime.emit(type);
    await runtime.drain();
    expect(runs).toEqual({ code: 2, name: 2, status: 2, other: 1 });
  });

  it('survives a predicate that throws', async () => {
    const runtime = quiet({
      retry: {
        retryable: () => {
          throw new Error('predicate');
        },
      },
    });
    runtime.on('a', failing(9));
    runtime.emit('a');
    expect(await runtime.process({})).toMatchObject({ deadLettered: 1 });
  });

  it('honours the delay that an error asks for, up to the cap', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ retry: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 500 } });
    runtime.on('a', failing(1, Object.assign(new Error('busy'), { retryAfterMs: 10_000 })));
    runtime.emit('a');
    await runtime.process();
    await vi.advanceTimersByTimeAsync(499);
    expect(runtime.getStats().queue.ready).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(runtime.getStats().queue.ready).toBe(1);
  });

  it('can be replaced for one event, and refused by its guarantee', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    const runs: Record<string, number> = {};
    runtime.on('*', (event) => {
      runs[event.type] = (runs[event.type] ?? 0) + 1;
      throw new Error('no');
    });
    runtime.emit('linear', 1, { retryPolicy: { maxRetries: 2, backoff: 'linear', initialDelay: 100 } });
    runtime.emit('once', 1, { retryPolicy: { maxRetries: 2 }, deliveryGuarantee: 'at-most-once' });
    runtime.start();
    await vi.advanceTimersByTimeAsync(100);
    expect(runs).toEqual({ linear: 2, once: 1 });
    await vi.advanceTimersByTimeAsync(199);
    expect(runs.linear).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(runs.linear).toBe(3);
  });

  it('is never made for critical errors and for what fails again anyway', async () => {
    const runtime = quiet({ retry: { maxAttempts: 5, initialDelayMs: 0 } });
    let runs = 0;
    runtime.on('critical', (event) => {
      runs++;
      event.metadata!.criticalError = true;
      throw new Error('no');
    });
    runtime.on('loop', (event) => event);
    runtime.emit('critical');
    runtime.emit('loop');
    expect(await runtime.drain()).toMatchObject({ failed: 2, retried: 0, deadLettered: 2 });
    expect(runs).toBe(1);
  });

  it('is switched on by acks with one redelivery, and by the old names', async () => {
    const withAcks = quiet({ enableAcks: true, baseRetryDelay: 0, enableJitter: false });
    const oldNames = quiet({ queueConfig: { enableRetry: true, maxRetries: 2, baseRetryDelay: 0 } });
    const alone = quiet({ maxRetries: 5 });
    for (const [runtime, attempts] of [
      [withAcks, 2],
      [oldNames, 3],
      [alone, 1],
    ] as const) {
      runtime.on('a', failing(99));
      runtime.emit('a');
      expect(await runtime.drain()).toMatchObject({ failed: attempts, deadLettered: 1 });
    }
    expect(withAcks.getStats().delivery).toEqual({
      pendingAcks: 0,
      enableAcks: true,
      ackTimeout: 180_000,
      maxRetries: 1,
    });
  });
});

describe('acknowledgement', () => {
  it('is given by success, and counted', async () => {
    const runtime = quiet({ enableAcks: true });
    runtime.emit('a');
    expect(runtime.getStats().delivery.pendingAcks).toBe(1);
    expect(await runtime.process(true)).toEqual({ processed: 1, acked: 1, failed: 0 });
    expect(runtime.getStats().delivery.pendingAcks).toBe(0);
  });

  it('stamps the time on events', async () => {
    const runtime = quiet({ enableAcks: true });
    let stamp: unknown;
    runtime.on('a', (event) => void (stamp = event.metadata!.timestamp === event.ts));
    runtime.emit('a');
    await runtime.process();
    expect(stamp).toBe(true);
  });

  it('can be left to the owner', async () => {
    const runtime = quiet({
      enableAcks: true,
      autoAck: false,
      retry: { maxAttempts: 2, initialDelayMs: 0, jitter: 'none' },
    });
    let runs = 0;
    runtime.on('a', () => void runs++);
    const acked = runtime.emit('a').eventId;
    const nacked = runtime.emit('a').eventId;
    expect(await runtime.process(true)).toEqual({ processed: 2, acked: 0, failed: 0 });
    expect(runtime.getStats().queue).toMatchObject({ unacked: 2, running: 2, done: 0 });
    await runtime.ack(acked);
    await runtime.nack(nacked, new Error('not good'));
    expect(addsUp(runtime)).toBe(true);
    expect(await runtime.drain()).toMatchObject({ processed: 1 });
    expect(runs).toBe(3);
    await runtime.nack(nacked, new Error('still not'));
    expect(runtime.deadLetters.get(nacked)).toMatchObject({ attempts: 2, errors: [{ message: 'still not' }] });
    await runtime.ack('unknown');
    await runtime.nack('unknown');
  });

  it('inside the handler decides about its end', async () => {
    const runtime = quiet({ enableAcks: true });
    runtime.on('ack', async (event) => {
      await runtime.ack(event.id);
      throw new Error('after the ack');
    });
    runtime.on('nack', (event) => runtime.nack(event.id));
    runtime.emit('ack');
    runtime.emit('nack', 1, { retryPolicy: { maxRetries: 0 } });
    await runtime.process();
    expect(runtime.getStats().queue).toMatchObject({ done: 1, dead: 1, failed: 2 });
    expect(addsUp(runtime)).toBe(true);
  });

  it('that does not come in time aborts the run and delivers again; a late result changes nothing', async () => {
    vi.useFakeTimers();
    const runtime = quiet({
      enableAcks: true,
      ackTimeout: 1000,
      retry: { maxAttempts: 2, initialDelayMs: 10, jitter: 'none' },
    });
    const hang = deferred();
    const reasons: unknown[] = [];
    let runs = 0;
    runtime.on('a', async (_event, signal) => {
      if (++runs > 1) return;
      signal.addEventListener('abort', () => reasons.push((signal.reason as { code: string }).code));
      await hang.promise;
    });
    runtime.emit('a');
    const drained = runtime.drain();
    await vi.advanceTimersByTimeAsync(1000);
    expect(reasons).toEqual(['ACK_TIMEOUT']);
    await vi.advanceTimersByTimeAsync(10);
    expect(await drained).toMatchObject({ processed: 1, failed: 1, retried: 1 });
    hang.resolve();
    await vi.advanceTimersByTimeAsync(1);
    expect(runtime.getStats().queue).toMatchObject({ done: 1, ackTimeouts: 1, lateResults: 1, running: 0 });
    expect(addsUp(runtime)).toBe(true);
  });

  it('that does not come in time ends the run: no further handler of it begins', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ enableAcks: true, ackTimeout: 50, maxRetries: 0 });
    let seen = 0;
    runtime.on('a', () => new Promise((resolve) => setTimeout(resolve, 100)));
    runtime.on('a', () => void seen++);
    runtime.emit('a');
    void runtime.process();
    await vi.advanceTimersByTimeAsync(200);
    expect(runtime.getStats().queue).toMatchObject({ dead: 1, lateResults: 1 });
    expect(seen).toBe(0);
  });

  it('that does not come in time may be answered by taking the event out', async () => {
    vi.useFakeTimers();
    const onError = (_error: unknown, event: AnyEvent): void => void runtime.cancel(event.id);
    const runtime = quiet({ enableAcks: true, autoAck: false, ackTimeout: 100, onError });
    runtime.emit('a');
    await runtime.process();
    await vi.advanceTimersByTimeAsync(150);
    expect(runtime.getStats().queue).toMatchObject({ ackTimeouts: 1, cancelled: 1 });
    expect(addsUp(runtime)).toBe(true);
  });

  it('that is said while the handler runs counts for that delivery, and the last word holds', async () => {
    const runtime = quiet({ retry: { maxAttempts: 2, initialDelayMs: 0 } });
    let runs = 0;
    runtime.on('refused once', (event) => (++runs === 1 ? runtime.nack(event.id) : undefined));
    runtime.on('taken back', async (event) => {
      await runtime.nack(event.id);
      await runtime.ack(event.id);
    });
    const events = ['refused once', 'taken back'].map((type) => runtime.createEvent(type));
    for (const event of events) runtime.emitEvent(event);
    await runtime.drain();
    expect(runs).toBe(2);
    expect(runtime.getStats().queue).toMatchObject({ done: 2, failed: 1 });
    expect(events.map(({ id }) => runtime.explain(id)?.outcome)).toEqual(['done', 'done']);
    expect(events.map((event) => runtime.emitEvent(event).queued)).toEqual([false, false]);
  });

  it('that was given before the handler failed makes the event a known one', async () => {
    const runtime = quiet({ enableAcks: true, autoAck: false });
    runtime.on('a', async (event) => {
      await runtime.ack(event.id);
      throw new Error('after the ack');
    });
    const event = runtime.createEvent('a');
    runtime.emitEvent(event);
    expect(await runtime.process(true)).toEqual({ processed: 0, acked: 1, failed: 1 });
    expect(runtime.emitEvent(event)).toMatchObject({ queued: false, error: { code: 'DUPLICATE' } });
  });

  it('that is refused or missing brings no event back that is to be delivered at most once', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ enableAcks: true, autoAck: false, ackTimeout: 50, maxRetries: 5 });
    const runs: string[] = [];
    runtime.on('*', (event) => void runs.push(event.type));
    runtime.emit('missing', 1, { deliveryGuarantee: 'at-most-once' });
    const refused = runtime.emit('refused', 1, { deliveryGuarantee: 'at-most-once' });
    runtime.emitEvent({ ...runtime.createEvent('critical'), metadata: { criticalError: true } });
    await runtime.process();
    await runtime.nack(refused.eventId);
    const drained = runtime.drain();
    await vi.advanceTimersByTimeAsync(10_000);
    await drained;
    expect(runs).toEqual(['missing', 'refused', 'critical']);
    expect(runtime.getStats().queue.dead).toBe(3);
  });

  it('does not time out for events that merely wait in a long queue', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ enableAcks: true, ackTimeout: 100 });
    runtime.emit('a');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await runtime.process(true)).toEqual({ processed: 1, acked: 1, failed: 0 });
  });

  it('frees the slot of a handler that never settles', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ enableAcks: true, ackTimeout: 50, maxConcurrent: 1, maxRetries: 0 });
    const seen: unknown[] = [];
    runtime.on('hang', () => new Promise(() => undefined));
    runtime.on('a', (event) => void seen.push(event.data));
    runtime.emit('hang');
    runtime.emit('a', 1);
    const processing = runtime.process(true);
    await vi.advanceTimersByTimeAsync(50);
    expect(await processing).toEqual({ processed: 1, acked: 1, failed: 1 });
    expect(seen).toEqual([1]);
  });
});

describe('dead letters', () => {
  it('go back into the queue with their priority and fresh attempts', async () => {
    const runtime = quiet({ retry: { maxAttempts: 2, initialDelayMs: 0 } });
    const fail = failing(2);
    const metadata: unknown[] = [];
    runtime.on('a', (event) => {
      metadata.push(event.metadata?.isRetry);
      fail(event);
    });
    const { eventId } = runtime.emit('a', 1, { priority: 3 });
    await runtime.drain();
    expect(await runtime.reprocessFromDLQ(eventId)).toBe(true);
    expect(await runtime.reprocessFromDLQ(eventId)).toBe(false);
    expect(runtime.getQueueSnapshot()).toMatchObject([{ eventId, priority: 3, retryCount: 0 }]);
    await runtime.drain();
    expect(metadata).toEqual([undefined, true, undefined]);
    expect(runtime.getStats().queue).toMatchObject({ done: 1, dead: 1, emitted: 2 });
    expect(addsUp(runtime)).toBe(true);
  });

  it('stay when the queue is full, and when they are poisoned', async () => {
    const runtime = quiet({ queueSize: 1 });
    runtime.on('bad', failing(9));
    const { eventId } = runtime.emit('bad');
    await runtime.process();
    runtime.emit('other');
    expect(await runtime.deadLetters.reprocess(eventId)).toBe(false);
    runtime.clear();
    await runtime.deadLetters.markAsPoison(eventId, 'hopeless');
    expect(await runtime.deadLetters.reprocess(eventId)).toBe(false);
    expect(runtime.deadLetters.get(eventId)).toMatchObject({
      canReprocess: false,
      tags: expect.arrayContaining(['poison']),
    });
  });

  it('are listed in pages, selected, purged and counted', async () => {
    const runtime = quiet();
    runtime.on('*', (event) => {
      throw new Error(`${event.type} failed`);
    });
    for (let n = 0; n < 5; n++) runtime.emit(n % 2 ? 'odd' : 'even', n);
    await runtime.process();
    const first = runtime.deadLetters.list({ limit: 2 });
    const second = runtime.deadLetters.list({ limit: 2, cursor: first.nextCursor! });
    const third = runtime.deadLetters.list({ limit: 2, cursor: second.nextCursor! });
    const data = [first, second, third].flatMap((page) => page.items.map((item) => item.event.data));
    expect(data).toEqual([0, 1, 2, 3, 4]);
    expect(third.nextCursor).toBeUndefined();
    expect(runtime.deadLetters.list({ type: 'odd' }).items).toHaveLength(2);
    expect(await runtime.reprocessDLQByCriteria({ eventType: 'none' })).toEqual({ reprocessedCount: 0, events: [] });
    expect(await runtime.deadLetters.purge({ errorType: 'odd failed', limit: 1 })).toBe(1);
    const back = await runtime.deadLetters.reprocessWhere((item) => item.event.data === 4);
    expect(back.map((event) => event.data)).toEqual([4]);
    expect(runtime.deadLetters.stats()).toMatchObject({ totalItems: 3, itemsByEventType: { even: 2, odd: 1 } });
    expect(runtime.getStats().dlq).toMatchObject({ totalItems: 3 });
    expect(() => runtime.deadLetters.list({ limit: 0 })).toThrow(/options.limit: got 0/);
  });

  it('are bounded in number and in age', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ deadLetter: { maxSize: 2, retentionMs: 7_200_000 } });
    runtime.on('a', failing(9));
    for (const data of [1, 2, 3]) runtime.emit('a', data);
    await runtime.process();
    expect(runtime.deadLetters.list().items.map((item) => item.event.data)).toEqual([2, 3]);
    await vi.advanceTimersByTimeAsync(3_600_000 * 2);
    expect(runtime.deadLetters.list().items).toEqual([]);
  });
});

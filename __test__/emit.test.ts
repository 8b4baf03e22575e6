import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRuntime } from '../lib/index';
import { quiet, sleep } from './helpers';
import { directory, durable, removeAll } from './durability/helpers';
import type { AnyEvent } from '../lib/events';
import type { EmitResult } from '../lib/runtime-types';

afterEach(async () => {
  vi.useRealTimers();
  await removeAll();
});

describe('emit', () => {
  it('queues synchronously: emit, then process, handles the event', async () => {
    const runtime = quiet();
    const seen: unknown[] = [];
    runtime.on('a', (event) => void seen.push(event.data));
    const result = runtime.emit('a', 1);
    expect(result).toMatchObject({ success: true, queued: true });
    expect(result.eventId).toMatch(/^call_[A-Za-z0-9]{6}_[a-z0-9]+$/);
    expect(result.correlationId).toMatch(/^corr_\d+_\d+$/);
    await runtime.process();
    expect(seen).toEqual([1]);
  });

  it('hands over the very data and event, never a copy', async () => {
    const runtime = quiet();
    const cyclic: Record<string, unknown> = { big: 10n, run: () => 1, buffer: Buffer.alloc(50 * 1024 * 1024) };
    cyclic.self = cyclic;
    let seen: unknown;
    runtime.on('a', (event) => void (seen = event.data));
    expect(runtime.emit('a', cyclic).queued).toBe(true);
    await runtime.process();
    expect(seen).toBe(cyclic);
  });

  it('makes plain events with own properties in the documented order', async () => {
    const runtime = quiet({ tenantId: 't1' });
    let keys: string[] = [];
    runtime.on('a', (event) => void (keys = Object.keys(event)));
    runtime.emit('a');
    await runtime.process();
    expect(keys).toEqual(['id', 'type', 'data', 'ts', 'threadId', 'metadata']);
  });

  it('puts correlation, tenant and guarantee on the event, acks or not', async () => {
    const runtime = quiet({ tenantId: 'own' });
    const metadata: unknown[] = [];
    runtime.on('a', (event) => void metadata.push(event.metadata));
    const lifted = runtime.emit('a', { correlationId: 'from-data' });
    const given = runtime.emit('a', {}, { correlationId: 'c', tenantId: 'other', deliveryGuarantee: 'at-most-once' });
    const made = runtime.emit('a');
    await runtime.process();
    expect(metadata).toContainEqual({ correlationId: 'from-data', tenantId: 'own' });
    expect(metadata).toContainEqual({ correlationId: 'c', tenantId: 'other', deliveryGuarantee: 'at-most-once' });
    expect(metadata).toContainEqual({ correlationId: made.correlationId, tenantId: 'own' });
    expect([lifted.correlationId, given.correlationId]).toEqual(['from-data', 'c']);
  });

  it('takes any string as a type', async () => {
    const runtime = quiet();
    const types = ['', 'ü.🙂', 'x'.repeat(1000), 'agent.started'];
    const seen: string[] = [];
    runtime.on('*', (event) => void seen.push(event.type));
    for (const type of types) expect(runtime.emit(type).queued).toBe(true);
    await runtime.process();
    expect(seen).toEqual(types);
  });

  it('refuses truthfully when the queue is full, and exactly as many fit as there is room', () => {
    const runtime = quiet({ queueSize: 3 });
    const results = Array.from({ length: 5 }, () => runtime.emit('a'));
    expect(results.map((r) => r.queued)).toEqual([true, true, true, false, false]);
    expect(results[4]).toMatchObject({
      success: false,
      error: { code: 'RUNTIME_EVENT_QUEUE_FULL', context: { reason: 'full' } },
    });
    expect(runtime.getStats().queue).toMatchObject({ size: 3, dropped: 2, backpressureActive: true });
  });

  it('accepts nothing with a queue size of 0', () => {
    expect(quiet({ queueSize: 0 }).emit('a')).toMatchObject({ success: false, queued: false });
  });

  it('never throws: bad arguments are in the result', () => {
    const runtime = quiet();
    const bad = [
      runtime.emit(5 as never),
      runtime.emit('a', 1, { priority: NaN }),
      runtime.emit('a', 1, { priority: 'high' as never }),
      runtime.emit('a', 1, { delayMs: -1 }),
      runtime.emit('a', 1, { orderingKey: '' }),
      runtime.emit('a', 1, 7 as never),
      runtime.emit('a', 1, { deliveryGuarantee: 'twice' as never }),
      runtime.emit('a', 1, { retryPolicy: { maxRetries: -1 } }),
    ];
    for (const result of bad) {
      expect(result).toMatchObject({ success: false, queued: false, error: { code: 'INVALID_ARGUMENT' } });
    }
    expect(bad[3]!.error!.message).toContain('options.delayMs: got -1; allowed: a number of at least 0');
  });

  it.each([
    ['as it is', () => quiet()],
    ['that waits for room', () => quiet({ overflow: 'wait' })],
    ['with a journal', () => durable(directory())],
  ])('never throws and never rejects, whatever its options are, on a runtime %s', async (_, create) => {
    const runtime = create();
    const hostile = (): never => {
      throw new Error('of the options themselves');
    };
    const members = { get: hostile, enumerable: true };
    const odd: unknown[] = [
      ...[[], ['a'], 7, 'x', () => undefined],
      ...[Object.defineProperty({}, 'priority', members), Object.defineProperty({}, 'batch', members)],
      ...[new Proxy({}, { get: hostile }), new Proxy({}, { ownKeys: hostile, get: hostile })],
    ];
    for (const options of odd as object[]) {
      const results = [runtime.emit('a', 1, options), await runtime.emitAsync('a', 1, options)];
      for (const result of results) {
        expect(result).toMatchObject({ success: false, queued: false, error: { code: 'INVALID_ARGUMENT' } });
      }
    }
    expect(runtime.getStats().queue.size).toBe(0);
  });

  it('reads options that are getters of a class', async () => {
    const runtime = quiet();
    class Later {
      get delayMs(): number {
        return 60_000;
      }
    }
    runtime.emit('a', 1, new Later());
    expect(runtime.getStats().queue).toMatchObject({ waiting: 1, ready: 0 });
  });

  it('runs higher priorities first, then in order of arrival; negatives and fractions count', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    const order: unknown[] = [];
    runtime.on('a', async (event) => void order.push(event.data));
    for (const [data, priority] of [
      ['low', -1],
      ['a', 0],
      ['half', 0.5],
      ['high', 9],
      ['b', 0],
      ['high2', 9],
    ] as const) {
      runtime.emit('a', data, { priority });
    }
    await runtime.process();
    expect(order).toEqual(['high', 'high2', 'half', 'a', 'b', 'low']);
  });

  it('lets an event with a higher priority, emitted by a handler, run next', async () => {
    const runtime = quiet();
    const order: unknown[] = [];
    runtime.on('a', (event) => {
      order.push(event.data);
      if (event.data === 1) runtime.emit('a', 'urgent', { priority: 10 });
    });
    for (const data of [1, 2, 3]) runtime.emit('a', data);
    await runtime.process();
    expect(order).toEqual([1, 'urgent', 2, 3]);
  });
});

describe('emitAsync and overflow', () => {
  it("waits for room with overflow 'wait', first come, first served", async () => {
    const runtime = quiet({ queueSize: 2, overflow: 'wait', maxConcurrent: 1 });
    const seen: unknown[] = [];
    runtime.on('a', async (event) => void seen.push(event.data));
    const results = [1, 2, 3, 4, 5].map((data) => runtime.emitAsync('a', data));
    await sleep(5);
    expect(runtime.getStats().queue.size).toBe(2);
    expect(runtime.emit('a', 'sync').queued).toBe(false);
    await runtime.process();
    expect((await Promise.all(results)).every((r) => r.queued)).toBe(true);
    await runtime.process();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('stops waiting for room when the signal aborts or the runtime ends', async () => {
    const runtime = quiet({ queueSize: 1, overflow: 'wait' });
    runtime.emit('a');
    const controller = new AbortController();
    const aborted = runtime.emitAsync('a', 1, { signal: controller.signal });
    const ended = runtime.emitAsync('a', 2);
    controller.abort();
    expect(await aborted).toMatchObject({ queued: false, error: { code: 'EVENT_CANCELLED' } });
    await runtime.cleanup();
    expect(await ended).toMatchObject({ queued: false, error: { code: 'RUNTIME_SHUTTING_DOWN' } });
  });

  it('tells and counts what was aborted while it waited for room, or before', async () => {
    const runtime = quiet({ queueSize: 1, overflow: 'wait' });
    runtime.emit('a');
    const controller = new AbortController();
    const results = [1, 2].map((data) => runtime.emitAsync('a', data, { signal: controller.signal }));
    controller.abort();
    results.push(runtime.emitAsync('a', 3, { signal: controller.signal }));
    const refused = { queued: false, error: { code: 'EVENT_CANCELLED' } };
    expect(await Promise.all(results)).toMatchObject([refused, refused, refused]);
    expect(runtime.getStats().queue).toMatchObject({ dropped: 3, size: 1 });
  });

  it('keeps guarantee and cause of an event that has to wait for room', async () => {
    const runtime = quiet({ queueSize: 1, overflow: 'wait', trackCauses: true, retry: { maxAttempts: 3 } });
    const seen: AnyEvent[] = [];
    runtime.on('child', (event) => {
      seen.push(event);
      throw new Error('once is enough');
    });
    const waits: Promise<EmitResult>[] = [];
    runtime.on('parent', () => {
      runtime.emit('filler');
      waits.push(runtime.emitAsync('child', 1, { deliveryGuarantee: 'at-most-once' }));
    });
    const { eventId } = runtime.emit('parent');
    await runtime.drain();
    await Promise.all(waits);
    await runtime.drain();
    expect(seen).toHaveLength(1);
    expect(seen[0]!.metadata).toMatchObject({ deliveryGuarantee: 'at-most-once', causationId: eventId, chainDepth: 2 });
  });

  it("gives up the oldest of the lowest priority with 'drop-oldest'", async () => {
    const runtime = quiet({ queueSize: 3, overflow: 'drop-oldest' });
    const seen: unknown[] = [];
    runtime.on('a', (event) => void seen.push(event.data));
    runtime.emit('a', 'important', { priority: 5 });
    for (const data of [1, 2, 3]) expect(runtime.emit('a', data).queued).toBe(true);
    await runtime.process();
    expect(seen).toEqual(['important', 2, 3]);
    expect(runtime.getStats().queue).toMatchObject({ givenUp: 1, dropped: 1 });
  });

  it('never rejects', async () => {
    const runtime = quiet({ queueSize: 0 });
    expect(await runtime.emitAsync('a')).toMatchObject({
      success: false,
      queued: false,
      error: { code: 'RUNTIME_EVENT_QUEUE_FULL' },
    });
  });
});

describe('emitMany and emitEvent', () => {
  it('emits many, each with its own result', async () => {
    const runtime = quiet({ queueSize: 2 });
    const results = runtime.emitMany([{ type: 'a', data: 1 }, { type: 'b', options: { priority: 2 } }, { type: 'c' }]);
    expect(results.map((r) => r.queued)).toEqual([true, true, false]);
    expect(runtime.getQueueSnapshot().map((item) => item.eventType)).toEqual(['b', 'a']);
    expect(() => runtime.emitMany('x' as never)).toThrow(/entries: got "x"/);
  });

  it('takes 10,000 events at once', async () => {
    const runtime = quiet({ queueSize: 20_000 });
    let count = 0;
    runtime.on('a', () => void count++);
    runtime.emitMany(Array.from({ length: 10_000 }, () => ({ type: 'a' })));
    await runtime.process();
    expect(count).toBe(10_000);
  });

  it('refuses an event that waits, runs or is done already', async () => {
    const runtime = quiet();
    let inside: unknown;
    runtime.on('a', (event) => void (inside = runtime.emitEvent(event)));
    const event = runtime.createEvent('a', 1);
    expect(runtime.emitEvent(event).queued).toBe(true);
    expect(runtime.emitEvent(event)).toMatchObject({ queued: false, error: { code: 'DUPLICATE' } });
    await runtime.process();
    expect(inside).toMatchObject({ queued: false, error: { code: 'DUPLICATE' } });
    expect(runtime.emitEvent(event)).toMatchObject({ queued: false, error: { code: 'DUPLICATE' } });
    expect(runtime.getStats().queue).toMatchObject({ duplicates: 3, processedEventsCount: 1 });
  });

  it('knows emitted events by id too', async () => {
    const runtime = quiet();
    let seen: Parameters<Parameters<typeof runtime.on>[1]>[0] | undefined;
    runtime.on('a', (event) => void (seen = event));
    runtime.emit('a');
    await runtime.process();
    expect(runtime.emitEvent(seen!).error).toMatchObject({ code: 'DUPLICATE' });
  });

  it('forgets the oldest ids of the window', async () => {
    const runtime = quiet({ maxProcessedEvents: 5 });
    const events = Array.from({ length: 6 }, () => runtime.createEvent('a'));
    for (const event of events) runtime.emitEvent(event);
    await runtime.process();
    expect(runtime.emitEvent(events[0]!).queued).toBe(true);
    expect(runtime.emitEvent(events[5]!).queued).toBe(false);
  });

  it('refuses an idempotency key that has been seen, and gives it back when the event was refused', () => {
    const runtime = quiet({ queueSize: 2 });
    expect(runtime.emit('a', 1, { idempotencyKey: 'k' }).queued).toBe(true);
    expect(runtime.emit('a', 2, { idempotencyKey: 'k' }).error).toMatchObject({ code: 'DUPLICATE' });
    runtime.emit('a');
    expect(runtime.emit('a', 1, { idempotencyKey: 'k2' }).error).toMatchObject({ code: 'RUNTIME_EVENT_QUEUE_FULL' });
    runtime.clear();
    expect(runtime.emit('a', 1, { idempotencyKey: 'k2' }).queued).toBe(true);
  });

  it('says what is wrong with an event', () => {
    const runtime = quiet();
    expect(runtime.emitEvent(null as never).error!.message).toContain('event: got null');
    expect(runtime.emitEvent({ type: 'a' } as never).error!.message).toContain('event.id');
  });
});

describe('sizes', () => {
  it('refuses events that are too large, and counts large ones', () => {
    const runtime = quiet({ maxEventSize: 5000, largeEventThreshold: 1000 });
    expect(runtime.emit('a', 'x'.repeat(6000)).error).toMatchObject({ code: 'EVENT_TOO_LARGE' });
    expect(runtime.emit('a', 'x'.repeat(2000)).queued).toBe(true);
    expect(runtime.getStats().queue).toMatchObject({ largeEvents: 1, dropped: 1, size: 1 });
  });

  it('bounds the bytes that wait', async () => {
    const runtime = quiet({ maxQueueBytes: 5000 });
    runtime.on('a', () => undefined);
    expect(runtime.emit('a', 'x'.repeat(3000)).queued).toBe(true);
    expect(runtime.emit('a', 'x'.repeat(3000)).error).toMatchObject({ code: 'RUNTIME_EVENT_QUEUE_FULL' });
    await runtime.process();
    expect(runtime.getStats().queue.totalEventSize).toBe(0);
    expect(runtime.emit('a', 'x'.repeat(3000)).queued).toBe(true);
  });

  it('marks large events and leaves their data alone', async () => {
    const runtime = quiet({ largeEventThreshold: 1000 });
    const data = { text: 'x'.repeat(2000) };
    let seen: { data: unknown; metadata?: Record<string, unknown> } | undefined;
    runtime.on('a', (event) => void (seen = event));
    runtime.emit('a', data);
    await runtime.process();
    expect(seen!.data).toBe(data);
    expect(seen!.metadata).toMatchObject({
      compressed: true,
      originalSize: expect.any(Number),
      compressedAt: expect.any(Number),
    });
  });
});

describe('batched emits', () => {
  it('flush by size, by type, by option and by time', async () => {
    vi.useFakeTimers();
    const runtime = quiet({
      batching: { enabled: true, defaultBatchSize: 3, defaultBatchTimeout: 50, flushOnEventTypes: ['now'] },
    });
    const size = (): number => runtime.getStats().queue.size;
    expect(runtime.emit('a')).toMatchObject({ success: true, queued: true });
    runtime.emit('a');
    expect(size()).toBe(0);
    runtime.emit('a');
    expect(size()).toBe(3);
    runtime.emit('now');
    expect(size()).toBe(4);
    runtime.emit('a', 1, { flushBatch: true });
    expect(size()).toBe(5);
    runtime.emit('a');
    await vi.advanceTimersByTimeAsync(49);
    expect(size()).toBe(5);
    await vi.advanceTimersByTimeAsync(1);
    expect(size()).toBe(6);
  });

  it('are flushed by process, and dropped by clear', async () => {
    const runtime = quiet({ batching: { enabled: true } });
    let count = 0;
    runtime.on('a', () => void count++);
    runtime.emit('a');
    await runtime.process();
    expect(count).toBe(1);
    runtime.emit('a');
    runtime.clear();
    await runtime.process();
    expect(count).toBe(1);
  });

  it('keep each event its priority and tell emitAsync of a flush that failed', async () => {
    const runtime = quiet({ queueSize: 1, batching: { maxBatchSize: 2 } });
    runtime.emit('a', 1, { batch: true, batchSize: 50 });
    const result = await runtime.emitAsync('b', 2, { batch: true, batchSize: 50 });
    expect(result.success).toBe(false);
    expect(result.error!.message).toMatch(/^Failed to enqueue 1 batched events\. First error: /);
  });
});

it('has methods that work without their object', async () => {
  const { on, emit, process, getStats } = createRuntime();
  let count = 0;
  on('a', () => void count++);
  emit('a');
  await process();
  expect([count, getStats().queue.processed]).toEqual([1, 1]);
});

describe('rateLimit', () => {
  it('refuses what a tenant emits above its rate, and no other tenant', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ rateLimit: { limit: 2, intervalMs: 1000, onLimit: 'reject' } });
    const emit = (tenantId: string): string | undefined =>
      (runtime.emit('a', 1, { tenantId }).error as { code?: string } | undefined)?.code;
    expect([emit('loud'), emit('loud'), emit('loud'), emit('small')]).toEqual([
      undefined,
      undefined,
      'RATE_LIMITED',
      undefined,
    ]);
    expect(runtime.getStats().queue.dropped).toBe(1);
    await vi.advanceTimersByTimeAsync(500);
    expect(emit('loud')).toBeUndefined();
    expect(() => quiet({ rateLimit: { limit: 0 } })).toThrow(/rateLimit.limit: got 0/);
  });
});

describe('a time to live', () => {
  it('counts from the emit, however late the queue is looked at', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    runtime.emit('a', 1, { ttlMs: 10 });
    await vi.advanceTimersByTimeAsync(8);
    runtime.emit('b');
    await vi.advanceTimersByTimeAsync(8);
    expect(await runtime.process(true)).toMatchObject({ processed: 1 });
    expect(runtime.getStats().queue.expired).toBe(1);
  });

  it('belongs to the event that brings it, also when another one ends at that moment', async () => {
    vi.useFakeTimers();
    // As many as are handed to the core at a time: the emit in onError makes room first, and that frees a slot.
    const atATime = 1024;
    const onError = (): void => void runtime.emit('short', 1, { ttlMs: 10 });
    const runtime = quiet({ queueSize: 2 * atATime, onError });
    runtime.on('fails', () => {
      for (let n = 0; n < atATime; n++) runtime.emit('long');
      throw new Error('no');
    });
    runtime.emit('fails');
    await runtime.process({ maxEvents: 1 });
    await vi.advanceTimersByTimeAsync(20);
    expect(runtime.getStats().queue).toMatchObject({ expired: 1, ready: atATime });
  });
});

describe('alarms that ring together', () => {
  it('may put each other off', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ operationTimeoutMs: 10, batching: { defaultBatchTimeout: 10 } });
    let result: unknown;
    runtime.on('slow', (_event, signal) => {
      signal.addEventListener('abort', () => (result = runtime.emit('b', 2, { flushBatch: true })));
      return new Promise(() => undefined);
    });
    runtime.emit('slow');
    void runtime.process();
    runtime.emit('a', 1, { batch: true });
    await vi.advanceTimersByTimeAsync(20);
    expect(result).toMatchObject({ queued: true });
    expect(runtime.getStats().queue).toMatchObject({ emitted: 3, failed: 1 });
  });
});

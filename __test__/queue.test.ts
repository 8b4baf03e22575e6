import { afterEach, describe, expect, it, vi } from 'vitest';
import { EnhancedEventQueue, EventQueue, OptimizedEventProcessor, createEvent } from '../lib/index';
import { sleep } from './helpers';
import type { AnyEvent } from '../lib/index';

afterEach(() => {
  vi.useRealTimers();
});

const events = (count: number, type = 'a'): AnyEvent[] => Array.from({ length: count }, (_, n) => createEvent(type, n));

describe('EventQueue', () => {
  it('orders by priority, then arrival; negatives count', async () => {
    const queue = new EventQueue();
    const [a, b, c, d] = events(4);
    await queue.enqueue(a!, -5);
    await queue.enqueue(b!);
    await queue.enqueue(c!, 10);
    await queue.enqueue(d!);
    expect(queue.peek()).toBe(c);
    expect(queue.peek()).toBe(c);
    expect([queue.dequeue(), queue.dequeue(), queue.dequeue(), queue.dequeue(), queue.dequeue()]).toEqual([
      c,
      b,
      d,
      a,
      null,
    ]);
    expect(queue.isEmpty()).toBe(true);
  });

  it('answers false, and never rejects, when it cannot take an event', async () => {
    const queue = new EventQueue(undefined, { maxQueueDepth: 1 });
    const [a, b] = events(2);
    expect(await queue.enqueue(a!)).toBe(true);
    expect(await queue.enqueue(a!)).toBe(false);
    expect(await queue.enqueue(b!)).toBe(false);
    expect(await queue.enqueue(null as never)).toBe(false);
    expect(await queue.enqueue(b!, NaN)).toBe(false);
    for (const id of [undefined, 1, Symbol('id')]) expect(await queue.enqueue({ ...b!, id } as never)).toBe(false);
    expect(await new EventQueue(undefined, { maxQueueDepth: 0 }).enqueue(b!)).toBe(false);
    expect(queue.isFull()).toBe(true);
    expect(queue.getStats()).toMatchObject({
      size: 1,
      maxSize: 1,
      duplicates: 1,
      dropped: 1,
      backpressureActive: true,
    });
  });

  it('takes exactly as many of many concurrent enqueues as there is room', async () => {
    const queue = new EventQueue(undefined, { maxQueueDepth: 10 });
    const taken = await Promise.all(events(50).map((event) => queue.enqueue(event)));
    expect(taken.filter(Boolean)).toHaveLength(10);
  });

  it('lets a dequeued event come again, a processed one not', async () => {
    const queue = new EventQueue();
    const [event] = events(1);
    await queue.enqueue(event!);
    queue.dequeue();
    expect(await queue.enqueue(event!)).toBe(true);
    expect(await queue.processAll(() => undefined)).toBe(1);
    expect(await queue.enqueue(event!)).toBe(false);
    queue.clear();
    expect(await queue.enqueue(event!)).toBe(true);
  });

  it('processes batches and all, counts attempts, gives one argument, survives failures', async () => {
    const queue = new EventQueue(undefined, { batchSize: 3 });
    for (const event of events(7)) await queue.enqueue(event);
    const seen: unknown[] = [];
    const fn = (...args: unknown[]): void => {
      seen.push(args.length);
      if (seen.length === 2) throw new Error('no');
    };
    expect(await queue.processBatch(fn)).toBe(3);
    const both = await Promise.all([queue.processAll(fn), queue.processAll(fn)]);
    expect(both).toEqual([4, 0]);
    expect(seen).toEqual(Array(7).fill(1));
    expect(queue.getStats()).toMatchObject({ processed: 6, failed: 1, dead: 1, size: 0 });
    await expect(queue.processAll(5 as never)).rejects.toThrow('fn: got 5; allowed: a function');
  });

  it('runs as many at once as maxConcurrent says, not five', async () => {
    const queue = new EventQueue(undefined, { maxConcurrent: 12 });
    for (const event of events(30)) await queue.enqueue(event);
    let running = 0;
    let most = 0;
    await queue.processAll(async () => {
      most = Math.max(most, ++running);
      await sleep(1);
      running--;
    });
    expect(most).toBe(12);
  });

  it('takes events that JSON cannot carry, and refuses those that are too large', async () => {
    const queue = new EventQueue(undefined, { maxEventSize: 1000, hugeEventThreshold: 500, dropHugeEvents: true });
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    expect(await queue.enqueue(createEvent('a', cyclic))).toBe(true);
    expect(await queue.enqueue(createEvent('a', 5n))).toBe(true);
    expect(await queue.enqueue(createEvent('a', () => 1))).toBe(true);
    expect(await queue.enqueue(createEvent('a', 'x'.repeat(600)))).toBe(false);
    expect(await queue.enqueue(createEvent('a', 'x'.repeat(2000)))).toBe(false);
    expect(queue.getStats()).toMatchObject({ size: 3, hugeEvents: 2 });
    expect(queue.getStats().avgEventSize).toBeGreaterThan(0);
  });

  it('refuses bad configuration and works with detached methods', async () => {
    expect(() => new EventQueue(undefined, { batchSize: 0 })).toThrow(/batchSize: got 0/);
    const { enqueue, processAll, getQueueSnapshot } = new EventQueue();
    await enqueue(createEvent('a', 1), 3);
    expect(getQueueSnapshot()).toMatchObject([{ eventType: 'a', priority: 3, retryCount: 0 }]);
    expect(await processAll(() => undefined)).toBe(1);
  });

  it('accepts nothing after destroy', async () => {
    const queue = new EventQueue();
    await queue.enqueue(createEvent('a'));
    queue.destroy();
    queue.destroy();
    expect(queue.isEmpty()).toBe(true);
    expect(await queue.enqueue(createEvent('a'))).toBe(false);
  });
});

describe('EnhancedEventQueue', () => {
  it('makes one attempt for each processAll, and the retry is for a later one', async () => {
    vi.useFakeTimers();
    const queue = new EnhancedEventQueue(undefined, undefined, 'x', { baseRetryDelay: 50, enableJitter: false });
    const [event] = events(1);
    event!.metadata = { agentId: 'agent-1' };
    await queue.enqueue(event!);
    const metadata: unknown[] = [];
    const fail = (seen: AnyEvent): void => {
      metadata.push(seen.metadata);
      throw new Error('first');
    };
    expect(await queue.processAll(fail)).toBe(1);
    expect(queue.getStats().retry).toMatchObject({ totalRetries: 1, pendingRetries: 1 });
    expect(await queue.processAll(fail)).toBe(0);
    vi.advanceTimersByTime(200);
    // In the very turn of the timer the event is not back yet.
    expect(await queue.processAll(fail)).toBe(0);
    expect(await queue.processAll(fail)).toBe(1);
    expect(metadata[0]).toEqual({ agentId: 'agent-1' });
    expect(metadata[1]).toMatchObject({
      agentId: 'agent-1',
      isRetry: true,
      retry: {
        retryCount: 1,
        originalError: 'first',
        lastError: 'first',
        retryHistory: [{ attempt: 1, error: 'first', delay: 50 }],
      },
    });
  });

  it('waits 1000, 2000, 3000 and 3000 ms with a cap of 3000', async () => {
    vi.useFakeTimers();
    const queue = new EnhancedEventQueue(undefined, undefined, 'x', {
      maxRetries: 4,
      maxRetryDelay: 3000,
      enableJitter: false,
    });
    await queue.enqueue(createEvent('a'));
    const fail = (): never => {
      throw new Error('no');
    };
    await queue.processAll(fail);
    for (const delay of [1000, 2000, 3000, 3000]) {
      await vi.advanceTimersByTimeAsync(delay - 1);
      expect(await queue.processAll(fail)).toBe(0);
      await vi.advanceTimersByTimeAsync(1);
      expect(await queue.processAll(fail)).toBe(1);
    }
    expect(queue.getDLQ().getDLQStats()).toMatchObject({ totalItems: 1, averageAttempts: 5 });
    queue.destroy();
  });

  it('gives dead letters back to the queue', async () => {
    const queue = new EnhancedEventQueue(undefined, undefined, 'x', { maxRetries: 0 });
    const [one, two] = events(2, 'agent.x');
    await queue.enqueue(one!, 7);
    await queue.enqueue(two!);
    await queue.processAll(() => Promise.reject(new Error('NetworkError: down')));
    expect(await queue.reprocessFromDLQ(one!.id)).toBe(true);
    expect(await queue.reprocessFromDLQ('unknown')).toBe(false);
    expect(queue.getQueueSnapshot()).toMatchObject([{ eventId: one!.id, priority: 7 }]);
    expect(await queue.reprocessDLQByCriteria({ tag: 'error:networkerror' })).toEqual({
      reprocessedCount: 1,
      events: [two],
    });
    expect(await queue.reprocessDLQByCriteria({ eventType: 'none' })).toEqual({ reprocessedCount: 0, events: [] });
    expect(queue.getRecoveryStats()).toMatchObject({ recoveredEventCount: 0 });
    queue.destroy();
  });
});

describe('OptimizedEventProcessor', () => {
  it('runs handlers without a queue and rejects with the first failure', async () => {
    const processor = new OptimizedEventProcessor({}, undefined, {});
    const log: string[] = [];
    processor.registerWildcardHandler(() => void log.push('all'));
    processor.registerHandler('a', async () => void log.push('a'));
    const extra = (): void => void log.push('extra');
    processor.registerHandler('a', extra);
    processor.removeHandler('a', extra);
    await processor.processEvent(createEvent('a'));
    expect(log).toEqual(['a', 'all']);
    processor.registerHandler('bad', () => Promise.reject(new Error('no')));
    await expect(processor.processEvent(createEvent('bad'))).rejects.toThrow('no');
    expect(processor.getStats()).toMatchObject({ registeredHandlers: 2, wildcardHandlers: 1, processedEvents: 2 });
    expect(processor.getRecentEvents(1)).toMatchObject([{ eventType: 'bad' }]);
    processor.clearHandlers();
    await processor.processEvent(createEvent('bad'));
    await processor.cleanup();
    expect(processor.getRecentEvents()).toEqual([]);
  });

  it('follows returned events and stops loops', async () => {
    const { registerHandler, processEvent } = new OptimizedEventProcessor();
    const log: unknown[] = [];
    registerHandler('a', () => ({ type: 'b', data: 1 }));
    registerHandler('b', (event) => void log.push(event.data));
    registerHandler('loop', (event) => event);
    await processEvent(createEvent('a'));
    expect(log).toEqual([1]);
    await expect(processEvent(createEvent('loop'))).rejects.toMatchObject({ code: 'EVENT_LOOP_DETECTED' });
  });

  it('resolves although some of many handlers failed', async () => {
    const logs: unknown[][] = [];
    const processor = new OptimizedEventProcessor(
      {},
      { log: (...args: unknown[]) => void logs.push(args) },
      { batchSize: 1 },
    );
    processor.registerHandler('a', () => Promise.reject(new Error('no')));
    processor.registerHandler('a', () => undefined);
    await processor.processEvent(createEvent('a'));
    expect(logs).toMatchObject([['warn', '1/2 handlers failed', { errors: ['no'] }]]);
  });

  it('limits each handler in time, if asked to', async () => {
    vi.useFakeTimers();
    const processor = new OptimizedEventProcessor({}, undefined, { operationTimeoutMs: 100 });
    processor.registerHandler('a', () => new Promise(() => undefined));
    const result = expect(processor.processEvent(createEvent('a'))).rejects.toMatchObject({
      code: 'RUNTIME_EVENT_PROCESSING_TIMEOUT',
    });
    await vi.advanceTimersByTimeAsync(100);
    await result;
    await processor.cleanup();
  });
});

describe('the breaker of a queue', () => {
  it('opens after failures in a row, spares attempts, and lets one through after half a minute', async () => {
    vi.useFakeTimers();
    const queue = new EnhancedEventQueue(undefined, undefined, 'x', {
      maxRetries: 0,
      maxConcurrent: 1,
      enableCircuitBreaker: true,
      circuitBreakerThreshold: 3,
    });
    let attempts = 0;
    let isDown = true;
    const attempt = async (): Promise<void> => {
      attempts++;
      if (isDown) throw new Error('down');
    };
    for (const event of events(10)) await queue.enqueue(event);
    await queue.processAll(attempt);
    expect(attempts).toBe(3);
    expect(queue.getStats().circuitBreaker).toEqual({ state: 'open', failureCount: 3, threshold: 3 });
    expect(queue.getDLQ().getDLQStats().totalItems).toBe(10);
    isDown = false;
    await vi.advanceTimersByTimeAsync(30_000);
    await queue.enqueue(createEvent('probe'));
    await queue.processAll(attempt);
    expect(attempts).toBe(4);
    expect(queue.getStats().circuitBreaker).toMatchObject({ state: 'closed', failureCount: 0 });
    queue.destroy();
  });
});

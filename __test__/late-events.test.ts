import { afterEach, describe, expect, it } from 'vitest';
import { addsUp, quiet } from './helpers';
import { directory, durable, removeAll } from './durability/helpers';
import type { RuntimeConfig } from '../lib/config';
import type { AnyEvent, Runtime } from '../lib/index';

afterEach(removeAll);

/** Brings more than a priority: such an event is made when it is emitted. */
const EAGER = { ttlMs: 60_000 };

/** The events that are handled from now on. */
function handledBy(runtime: Runtime, types: readonly string[] = ['a']): AnyEvent[] {
  const events: AnyEvent[] = [];
  for (const type of types) runtime.on(type, (event: AnyEvent) => void events.push(event));
  return events;
}

const dataOf = (events: readonly AnyEvent[]): unknown[] => events.map(({ data }) => data as unknown);
const idsOf = (events: readonly AnyEvent[]): string[] => events.map(({ id }) => id);

/** The names of all that an event has, in order. */
const shapeOf = ({ metadata, ...event }: AnyEvent): string[][] => [Object.keys(event), Object.keys(metadata!)];

describe('an event that is made late', () => {
  it('is the one that was seen before', async () => {
    const runtime = quiet();
    const events = handledBy(runtime);
    const ids = [1, 2, 3].map((n) => runtime.emit('a', n).eventId);
    const queue = runtime.getEnhancedQueue();
    const first = queue.peek()!;
    expect(queue.peek()).toBe(first);
    expect(queue.getQueueSnapshot().map(({ eventId }) => eventId)).toEqual(ids);
    const explained = runtime.explain(ids[2]!)!;
    expect(explained).toMatchObject({ eventId: ids[2], eventType: 'a', state: 'ready', ahead: 2 });
    await runtime.process();
    expect(events[0]).toBe(first);
    expect(idsOf(events)).toEqual(ids);
    expect(events[2]!.ts).toBe(explained.timestamp);
  });

  it('is taken out of the queue by its id', async () => {
    const runtime = quiet();
    const events = handledBy(runtime);
    const [kept, cancelled, taken] = [1, 2, 3].map((n) => runtime.emit('a', n, { priority: n }).eventId);
    expect(runtime.cancel(cancelled!)).toBe(true);
    expect(runtime.cancel(cancelled!)).toBe(false);
    expect(runtime.getEnhancedQueue().dequeue()).toMatchObject({ id: taken, data: 3 });
    await runtime.process();
    expect(idsOf(events)).toEqual([kept]);
    expect(runtime.explain(cancelled!)).toMatchObject({ state: 'ended', outcome: 'cancelled' });
  });

  it('stays the same when it is refused and redelivered, and as a dead letter', async () => {
    const retry = { maxAttempts: 2, initialDelayMs: 0 };
    const runtime = quiet({ enableAcks: true, autoAck: false, retry });
    const events = handledBy(runtime);
    const { eventId } = runtime.emit('a', 1);
    await runtime.ack(eventId);
    await runtime.nack(eventId);
    expect(runtime.explain(eventId)!.state).toBe('ready');
    await runtime.process();
    await runtime.nack(eventId, new Error('no'));
    await runtime.drain({ timeoutMs: 20 });
    await runtime.nack(eventId, new Error('no'));
    expect(idsOf(events)).toEqual([eventId, eventId]);
    expect(events[1]).toBe(events[0]);
    expect(runtime.deadLetters.get(eventId)!.event).toBe(events[0]);
  });

  it.each<RuntimeConfig>([{}, { tenantId: 't' }, { enableAcks: true }, { tenantId: 't', enableAcks: true }])(
    'looks like one that was made when it was emitted: %o',
    async (config) => {
      const runtime = quiet(config);
      const events = handledBy(runtime);
      const results = [undefined, { priority: 0 }, EAGER].map((options) => runtime.emit('a', 1, options));
      await runtime.process();
      const shapes = events.map(shapeOf);
      expect(shapes).toEqual([shapes[2], shapes[2], shapes[2]]);
      for (const [index, { id, ts, threadId, metadata }] of events.entries()) {
        const { eventId, correlationId } = results[index]!;
        expect(id).toBe(eventId);
        expect(threadId).toMatch(/^call_/);
        expect(threadId).not.toBe(id);
        const { tenantId, enableAcks } = config;
        const timestamp = enableAcks === true ? ts : undefined;
        expect(metadata).toEqual({ correlationId, tenantId, timestamp });
        expect(Math.abs(Date.now() - ts)).toBeLessThan(10_000);
      }
    },
  );

  it('answers as one that was made when it was emitted', () => {
    const runtime = quiet({ queueSize: 2 });
    const [late, eager] = [runtime.emit('a', 1), runtime.emit('a', 1, EAGER)];
    expect(Object.keys(late)).toEqual(Object.keys(eager));
    const [lateRefused, eagerRefused] = [runtime.emit('a', 1), runtime.emit('a', 1, EAGER)];
    expect(Object.keys(lateRefused)).toEqual(Object.keys(eagerRefused));
    expect(lateRefused).toMatchObject({ success: false, queued: false });
    expect(lateRefused.error).toMatchObject({
      code: 'RUNTIME_EVENT_QUEUE_FULL',
      context: { eventId: lateRefused.eventId, eventType: 'a' },
    });
  });

  it('starts in the order of priorities and emits, whatever else waits', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    const events = handledBy(runtime);
    runtime.emit('a', 'third');
    runtime.emit('a', 'first', { priority: 2 });
    runtime.emit('a', 'fourth', EAGER);
    runtime.emit('a', 'last', { priority: -1 });
    runtime.emit('a', 'fifth');
    runtime.emit('a', 'second', { priority: 2, ...EAGER });
    await runtime.process();
    expect(dataOf(events)).toEqual(['first', 'second', 'third', 'fourth', 'fifth', 'last']);
  });

  it('is known by its id while it waits: another one with that id is refused', async () => {
    const runtime = quiet();
    const events = handledBy(runtime);
    const { eventId } = runtime.emit('a', 1);
    const again = { id: eventId, type: 'a', data: 2, ts: 0, threadId: 't' };
    const duplicate = { code: 'DUPLICATE', context: { state: 'waiting' } };
    expect(runtime.emitEvent(again).error).toMatchObject(duplicate);
    // The index by id is there by now, and is kept up.
    const { eventId: next } = runtime.emit('a', 3);
    expect(runtime.emitEvent({ ...again, id: next }).error).toMatchObject(duplicate);
    await runtime.process();
    expect(dataOf(events)).toEqual([1, 3]);
  });

  it('is one of many, in their order, in slots that others had', async () => {
    const runtime = quiet({ queueSize: 10_000 });
    const events = handledBy(runtime, ['a', 'b']);
    const numbers = Array.from({ length: 5000 }, (_, n) => n);
    for (let round = 0; round < 2; round++) {
      const ids = numbers.map((n) => runtime.emit(n % 3 === 0 ? 'b' : 'a', n).eventId);
      // What is taken out frees slots in the middle.
      for (const n of numbers) if (n % 7 === 0) runtime.cancel(ids[n]!);
      ids.push(...numbers.map((n) => runtime.emit('a', 5000 + n).eventId));
      await runtime.process();
      const left = ids.map((_, n) => n).filter((n) => n >= 5000 || n % 7 !== 0);
      expect(dataOf(events)).toEqual(left);
      expect(idsOf(events)).toEqual(left.map((n) => ids[n]));
      expect(events.every(({ type, data }) => (type === 'b') === (data < 5000 && data % 3 === 0))).toBe(true);
      events.length = 0;
    }
  });
});

describe('late events that do not run', () => {
  it('are cleared, and counted as cancelled', async () => {
    const runtime = quiet();
    const events = handledBy(runtime);
    const { eventId } = runtime.emit('a', 1);
    runtime.emit('a', undefined);
    runtime.getEnhancedQueue().clear();
    expect(runtime.getStats().queue).toMatchObject({ size: 0, cancelled: 2 });
    expect(runtime.explain(eventId)).toMatchObject({ eventType: 'a', outcome: 'cancelled' });
    runtime.emit('a', 2);
    await runtime.process();
    expect(dataOf(events)).toEqual([2]);
    expect(addsUp(runtime)).toBe(true);
  });

  it('make room, oldest first, where that is asked for', async () => {
    const runtime = quiet({ queueSize: 2, overflow: 'drop-oldest' });
    const events = handledBy(runtime);
    const ids = [1, 2, 3].map((n) => runtime.emit('a', n).eventId);
    expect(runtime.explain(ids[0]!)).toMatchObject({ eventType: 'a', outcome: 'dropped' });
    await runtime.process();
    expect(dataOf(events)).toEqual([2, 3]);
    expect(runtime.getStats().queue.dropped).toBe(1);
    expect(addsUp(runtime)).toBe(true);
  });

  it('are dropped at the end of their runtime, or kept in its journal', async () => {
    const runtime = quiet();
    const { eventId } = runtime.emit('a', 1);
    runtime.emit('a', 2, EAGER);
    await runtime.cleanup();
    expect(runtime.getStats().queue.dropped).toBe(2);
    expect(runtime.explain(eventId)).toMatchObject({ outcome: 'dropped' });
    const first = durable(directory());
    const kept = first.emit('a', 1);
    await first.cleanup();
    expect(first.explain(kept.eventId)).toMatchObject({ outcome: 'kept' });
  });

  it('are refused by a runtime that their own data has ended', () => {
    const runtime = quiet();
    const data = {
      get correlationId(): undefined {
        void runtime.cleanup();
        return undefined;
      },
    };
    expect(runtime.emit('a', data)).toMatchObject({ queued: false, error: { code: 'RUNTIME_SHUTTING_DOWN' } });
  });
});

describe('ids', () => {
  it.each([
    ['without a journal', () => quiet()],
    ['with a journal', () => durable(directory())],
  ])('are those of the results, also when a getter in the data emits others, %s', async (_, create) => {
    const runtime = create();
    const events = handledBy(runtime);
    const results: unknown[] = [];
    const emitting = (depth: number): object => ({
      get correlationId(): undefined {
        if (depth > 0) emit(depth - 1);
        return undefined;
      },
      depth,
    });
    const emit = (depth: number): void => {
      const { eventId, correlationId } = runtime.emit('a', emitting(depth));
      results.push([eventId, correlationId, depth]);
    };
    for (const depth of [2, 0, 1]) emit(depth);
    await runtime.process();
    const seen = events.map(({ id, metadata, data }) => [
      id,
      metadata!.correlationId,
      (data as { depth: number }).depth,
    ]);
    expect(seen).toEqual(results);
    expect(new Set(events.flatMap(({ id, threadId }) => [id, threadId])).size).toBe(2 * events.length);
  });
});

describe('late events in a journal', () => {
  it.each<RuntimeConfig>([
    {},
    { tenantId: 't "\u001f\ud800' },
    { enableAcks: true },
    { tenantId: 't', enableAcks: true },
  ])('come back as events that were made when they were emitted: %o', async (config) => {
    const path = directory();
    const first = durable(path, config);
    const types = ['a', 'half \ud800'];
    const options = [undefined, { priority: 2.5 }, { priority: -1 }, EAGER, { ...EAGER, priority: 2.5 }];
    const results = await Promise.all([
      ...options.map((one, n) => first.emitAsync('a', { n }, one)),
      first.emitAsync(types[1]!, { n: 5 }, { priority: -2 }),
    ]);
    const emitted = first.emit('a', { n: 6 }, { priority: -3 });
    await first.cleanup();
    const second = durable(path, config);
    const events = handledBy(second, types);
    const priorities = second.getQueueSnapshot().map(({ priority }) => priority);
    await second.process();
    expect(priorities).toEqual([2.5, 2.5, 0, 0, -1, -2, -3]);
    expect(dataOf(events)).toEqual([1, 4, 0, 3, 2, 5, 6].map((n) => ({ n })));
    const all = [...results, emitted];
    const eager = shapeOf(events[3]!);
    for (const event of events) {
      const { eventId, correlationId } = all[(event.data as { n: number }).n]!;
      const timestamp = config.enableAcks === true ? event.ts : undefined;
      expect(event.id).toBe(eventId);
      expect(event.metadata).toEqual({ correlationId, tenantId: config.tenantId, timestamp });
      expect(shapeOf(event)).toEqual(eager);
    }
  });

  it.each(['json', 'v8'] as const)('are counted until they end, whatever their end (%s)', async (codec) => {
    const path = directory();
    const first = durable(path, { queueSize: 4, overflow: 'drop-oldest', retry: { maxAttempts: 1 } }, { codec });
    const unfinished = (): number => first.getStats().persistence.unfinishedEvents;
    const events = handledBy(first);
    first.on('bad', () => {
      throw new Error('no');
    });
    const { eventId } = first.emit('a', 1);
    await first.emitAsync('a', 2);
    first.emit('bad', 3);
    first.emit('a', 4);
    expect(unfinished()).toBe(4);
    first.emit('a', 5);
    expect([unfinished(), first.explain(eventId)!.outcome]).toEqual([4, 'dropped']);
    await first.process({ maxEvents: 1 });
    expect([unfinished(), dataOf(events)]).toEqual([3, [2]]);
    await first.process({ maxEvents: 1 });
    expect([unfinished(), first.deadLetters.list().items.length]).toEqual([2, 1]);
    first.cancel(first.getEnhancedQueue().peek()!.id);
    expect(unfinished()).toBe(1);
    expect(await first.emitAsync('a', () => 'no data')).toMatchObject({ error: { code: 'NOT_SERIALIZABLE' } });
    expect(unfinished()).toBe(1);
    await first.flush();
    expect(first.getStats().journal!.pending).toBe(1);
    first.clear();
    expect(unfinished()).toBe(0);
    first.emit('a', 6);
    await first.cleanup();
    expect(unfinished()).toBe(1);
    expect(durable(path).recovered).toBe(1);
  });
});

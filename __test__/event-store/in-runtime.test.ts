import { afterEach, describe, expect, test } from 'vitest';
import { EventQueue, createEvent, createEventStore, createRuntime } from '../../lib/index';
import { directory, durable, removeAll } from '../durability/helpers';
import { quiet, sleep } from '../helpers';
import { ListPersistor } from '../persistors/support';
import type { AnyEvent } from '../../lib/events';
import type { RuntimeConfig } from '../../lib/config';
import type { Runtime } from '../../lib/runtime-types';

afterEach(removeAll);

async function replayed(runtime: Runtime, options = {}): Promise<unknown[]> {
  const data: unknown[] = [];
  for await (const events of runtime.replayEvents(0, options))
    data.push(...events.map((event: AnyEvent) => event.data));
  return data;
}

const kinds: [string, () => (config?: RuntimeConfig) => Runtime][] = [
  [
    'a journal',
    () => {
      const path = directory();
      return (config = {}) => durable(path, { executionId: 'x', enableEventStore: true, ...config });
    },
  ],
  [
    'a persistor',
    () => {
      const persistor = new ListPersistor();
      return (config = {}) => quiet({ executionId: 'x', enableEventStore: true, persistor, ...config });
    },
  ],
];

describe.each(kinds)('a runtime with an event store in %s', (_name, make) => {
  test('keeps an event that became a dead letter before any other has ended', async () => {
    const runtime = make()();
    runtime.on('bad', () => {
      throw new Error('no');
    });
    runtime.on('good', () => undefined);
    for (const type of ['bad', 'good', 'good']) {
      runtime.emit(type, type);
      await runtime.process();
      await runtime.flush();
      // What is too old is looked for between commits.
      await sleep(5);
    }
    expect(await replayed(runtime)).toEqual(['bad', 'good', 'good']);
  });

  test('keeps accepted events; with acks off they stay unprocessed', async () => {
    const runtime = make()();
    runtime.on('a', () => undefined);
    for (let n = 0; n < 5; n++) runtime.emit('a', n);
    await runtime.process();
    await runtime.flush();
    expect(await replayed(runtime)).toEqual([0, 1, 2, 3, 4]);
    const sizes = [];
    for await (const events of runtime.replayEvents(0, { batchSize: 2 })) sizes.push(events.length);
    expect(sizes).toEqual([2, 2, 1]);
    expect(await runtime.getEventStore()!.getStats()).toMatchObject({ totalStoredEvents: 5, unprocessedEvents: 5 });
    expect(runtime.getEnhancedQueue().getEventStore()).toBe(runtime.getEventStore());
  });

  test('an ack marks the event as processed, also for the next process', async () => {
    const open = make();
    const first = open({ enableAcks: true });
    first.on('good', () => undefined);
    first.on('bad', () => {
      throw new Error('no');
    });
    first.emit('good', 1);
    first.emit('bad', 2, { retryPolicy: { maxRetries: 0 } });
    await first.process();
    await first.flush();
    expect(await replayed(first)).toEqual([2]);
    await first.cleanup();
    const second = open({ enableAcks: true });
    expect(second.recovered).toBe(0);
    expect(await replayed(second)).toEqual([2]);
    expect(await replayed(second, { onlyUnprocessed: false })).toEqual([1, 2]);
  });

  test('an event that is put back from the dead letters is kept once, and processed when it has been', async () => {
    const open = make();
    const first = open({ enableAcks: true });
    let fails = true;
    first.on('late', () => {
      if (fails) throw new Error('no');
    });
    await first.emitAsync('late', 1, { retryPolicy: { maxRetries: 0 } });
    await first.process();
    await first.flush();
    expect(await replayed(first)).toEqual([1]);
    fails = false;
    expect(await first.reprocessDLQByCriteria()).toMatchObject({ reprocessedCount: 1 });
    await first.process();
    await first.flush();
    expect(await replayed(first)).toEqual([]);
    expect(await replayed(first, { onlyUnprocessed: false })).toEqual([1]);
    expect(await first.getEventStore()!.getStats()).toMatchObject({ storedEvents: 1, unprocessedEvents: 0 });
    await first.cleanup();
    const second = open({ enableAcks: true });
    expect(second.recovered).toBe(0);
    expect(await replayed(second, { onlyUnprocessed: false })).toEqual([1]);
  });

  test('an event that is put back is unprocessed again', async () => {
    const open = make();
    const first = open();
    first.on('bad', () => {
      throw new Error('no');
    });
    const { eventId } = await first.emitAsync('bad', 1, { retryPolicy: { maxRetries: 0 } });
    await first.process();
    await first.getEventStore()!.markEventsProcessed([eventId]);
    expect(await replayed(first)).toEqual([]);
    expect(await first.reprocessDLQByCriteria()).toMatchObject({ reprocessedCount: 1 });
    await first.flush();
    expect(await replayed(first)).toEqual([1]);
    await first.process();
    await first.cleanup();
    const second = open();
    expect(await replayed(second)).toEqual([1]);
  });

  test('cleanups at the same time, while events end, count each forgotten event once', async () => {
    const runtime = make()({ enableAcks: true });
    runtime.on('good', () => undefined);
    for (let n = 0; n < 10; n++) runtime.emit('good', n);
    await runtime.process();
    await runtime.flush();
    await sleep(5);
    const store = runtime.getEventStore()!;
    const cleanups = [store.cleanup(0), store.cleanup(0)];
    for (let n = 0; n < 20; n++) runtime.emit('good', n);
    await runtime.process();
    const counts = await Promise.all(cleanups);
    const { totalStoredEvents, storedEvents } = await store.getStats();
    expect(counts[0]! + counts[1]!).toBe(totalStoredEvents - storedEvents);
    expect(counts[0]).toBeGreaterThanOrEqual(10);
  });

  test('an event that waits can be marked, is handled all the same, and stays marked', async () => {
    const open = make();
    const first = open();
    const waiting = first.emit('good', 1, { delayMs: 60_000 });
    const next = first.emit('good', 2);
    await first.getEventStore()!.markEventsProcessed([waiting.eventId, next.eventId]);
    expect(await replayed(first)).toEqual([]);
    const seen: unknown[] = [];
    first.on('good', (event) => void seen.push(event.data));
    await first.process();
    expect(seen).toEqual([2]);
    const isMarked = { processed: true, lastProcessedAt: expect.any(Number) as number };
    expect(await first.getEventStore()!.getEventMetadata(next.eventId)).toMatchObject(isMarked);
    await first.cleanup();

    const second = open();
    expect(await replayed(second)).toEqual([]);
    expect(await replayed(second, { onlyUnprocessed: false })).toEqual([1, 2]);
    const events = second.getEventStore()!;
    expect(await events.getStats()).toMatchObject({ totalStoredEvents: 2, unprocessedEvents: 0 });
    expect(await events.getEventMetadata(waiting.eventId)).toMatchObject(isMarked);
    await second.ready();
    expect(second.recovered).toBe(second.getStats().journal === null ? 0 : 1);
    expect(second.cancel(waiting.eventId)).toBe(second.recovered === 1);
    expect(await replayed(second)).toEqual([]);
  });

  test('an ack marks an event that is delivered at most once, too', async () => {
    const open = make();
    const first = open({ enableAcks: true });
    first.on('good', () => undefined);
    first.on('bad', () => {
      throw new Error('no');
    });
    first.emit('good', 1, { deliveryGuarantee: 'at-most-once' });
    first.emit('bad', 2, { deliveryGuarantee: 'at-most-once' });
    await first.process();
    expect(await replayed(first)).toEqual([2]);
    await first.cleanup();
    expect(await replayed(open({ enableAcks: true }))).toEqual([2]);
  });

  test('what is emitted while a replay goes on is no part of it, and the types can be chosen', async () => {
    const runtime = make()();
    for (let n = 0; n < 4; n++) runtime.emit(n % 2 ? 'odd' : 'even', n);
    await runtime.flush();
    const seen: unknown[] = [];
    for await (const [event] of runtime.replayEvents(0, { batchSize: 1, types: ['odd'] })) {
      seen.push(event!.data);
      runtime.emit('odd', 'later');
      await runtime.flush();
    }
    expect(seen).toEqual([1, 3]);
  });
});

test('with a journal, events leave when there are more than maxStoredEvents', async () => {
  const path = directory();
  const config: RuntimeConfig = { executionId: 'x', enableEventStore: true, eventStoreConfig: { maxStoredEvents: 10 } };
  const runtime = durable(path, config);
  runtime.on('a', () => undefined);
  for (let n = 0; n < 50; n++) runtime.emit('a', n);
  await runtime.process();
  await runtime.flush();
  await expect.poll(() => runtime.getStats().journal!.kept).toBe(10);
  expect(await replayed(runtime)).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
});

test('without an event store a replay yields nothing, and says so', async () => {
  const lines: string[] = [];
  const runtime = createRuntime({}, { log: (_: string, line: string) => lines.push(line) });
  expect(await replayed(runtime)).toEqual([]);
  expect(runtime.getEventStore()).toBeNull();
  expect(lines).toContainEqual(expect.stringContaining('enableEventStore'));
  await runtime.cleanup();
});

test('a queue that is used alone tells its event store', async () => {
  const eventStore = createEventStore(undefined, { executionId: 'q' });
  const queue = new EventQueue(undefined, { enableEventStore: true, eventStore });
  await queue.enqueue(createEvent('a', 1));
  await sleep(5);
  expect(queue.getEventStore()).toBe(eventStore);
  const lists: unknown[] = [];
  for await (const events of queue.replayEvents(0)) lists.push(events.map(({ data }) => data));
  expect(lists).toEqual([[1]]);
  queue.destroy();
});

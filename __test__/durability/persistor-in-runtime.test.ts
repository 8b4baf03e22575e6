import { afterEach, describe, expect, test, vi } from 'vitest';
import { DurableEventQueue, EnhancedEventQueue, createEvent } from '../../lib/index';
import { cleanUpAll, quiet, sleep } from '../helpers';
import { DeletingPersistor, ListPersistor } from '../persistors/support';
import type { RuntimeConfig } from '../../lib/config';
import type { Runtime } from '../../lib/runtime-types';

afterEach(cleanUpAll);

const kept = (persistor: ListPersistor, config: RuntimeConfig = {}): Runtime =>
  quiet({ persistor, executionId: 'run-1', enablePersistence: true, persistAllEvents: true, ...config });

const seenBy = (runtime: Runtime): unknown[] => {
  const seen: unknown[] = [];
  runtime.on('*', (event) => void seen.push(event.data));
  return seen;
};

describe.each([
  ['a persistor that appends only', ListPersistor],
  ['a persistor that deletes', DeletingPersistor],
])('a runtime with %s', (_name, PersistorClass) => {
  test('brings back what was not handled, once, in its order and by its priority, before anything newer', async () => {
    const persistor = new PersistorClass();
    const first = kept(persistor);
    first.on('done', () => undefined);
    first.emit('done', 0);
    await first.process();
    for (let n = 1; n < 4; n++) first.emit('a', n);
    first.emit('a', 'urgent', { priority: 9 });
    await first.cleanup();

    const second = kept(persistor, { recoveryBatchSize: 1 });
    const seen = seenBy(second);
    expect(second.emit('a', 'newer')).toMatchObject({ queued: true });
    await second.process();
    expect(second.recovered).toBe(4);
    expect(seen).toEqual(['urgent', 1, 2, 3, 'newer']);
    await second.cleanup();

    const third = kept(persistor);
    await third.ready();
    expect(third.recovered).toBe(0);
  });

  test('brings back the attempts that have failed', async () => {
    const persistor = new PersistorClass();
    const config: RuntimeConfig = { retry: { maxAttempts: 3, initialDelayMs: 1, jitter: 'none' } };
    const first = kept(persistor, config);
    first.on('a', () => {
      throw new Error('no');
    });
    first.emit('a', 1);
    await first.process();
    await first.cleanup();
    const second = kept(persistor, config);
    let attempts = 0;
    second.on('a', () => {
      attempts++;
      throw new Error('no');
    });
    await second.ready();
    await second.drain();
    expect(attempts).toBe(2);
    expect(second.deadLetters.stats().totalItems).toBe(1);
  });

  test('emitAsync answers when the event is stored, and says so when it is not', async () => {
    const persistor = new PersistorClass();
    const runtime = kept(persistor);
    await runtime.ready();
    expect(await runtime.emitAsync('a', 1)).toMatchObject({ success: true });
    expect(persistor.rows.length).toBe(1);
    vi.spyOn(persistor, 'append').mockRejectedValueOnce(new Error('disk full'));
    const result = await runtime.emitAsync('a', 2);
    expect(result).toMatchObject({ success: false, queued: false, error: { code: 'PERSISTOR_FAILED' } });
    const seen = seenBy(runtime);
    await runtime.process();
    expect(seen).toEqual([1]);
    expect(runtime.getStats().persistence).toMatchObject({ enabled: true, errors: 1 });
  });
});

test('what an old release has stored stays where it is, and is told: nobody knows what of it was handled', async () => {
  const persistor = new DeletingPersistor();
  const event = { ...createEvent('agent.started', 1), id: 'old' };
  const state = { eventId: 'old', eventType: 'agent.started' };
  await persistor.append({ xcId: 'run-1', ts: 1, events: [event], state, hash: '1a2b3c4d' });
  const lines: string[] = [];
  const { createRuntime } = await import('../../lib/index');
  const logger = { log: (_: string, line: string): void => void lines.push(line) };
  const config = { persistor, executionId: 'run-1', enablePersistence: true };
  const runtime = createRuntime({}, logger, config);
  await runtime.ready();
  expect(runtime.recovered).toBe(0);
  expect(lines).toContainEqual(expect.stringMatching(/1 events under run-1 were stored by a release before 2\.0/));
  await runtime.cleanup();
  expect(persistor.snapshots.map(({ hash }) => hash)).toEqual(['1a2b3c4d']);
});

test('a persistor that gives back rubbish does not stop a runtime', async () => {
  const persistor = new ListPersistor();
  persistor.load = () => {
    throw new Error('gone');
  };
  const runtime = kept(persistor);
  runtime.emit('a', 1);
  const seen = seenBy(runtime);
  await runtime.process();
  expect(seen).toEqual([1]);
});

test('a persistor is enough: giving one switches persistence on', async () => {
  const persistor = new ListPersistor();
  const first = quiet({ persistor, executionId: 'run-1' });
  first.emit('agent.started', 1);
  await first.cleanup();
  const second = quiet({ persistor, executionId: 'run-1' });
  expect(second.getStats().persistence).toMatchObject({ enabled: true });
  const seen = seenBy(second);
  await second.process();
  expect(seen).toEqual([1]);
  await second.cleanup();
});

test('with enablePersistence false, or without a persistor, nothing is stored; the latter is said', async () => {
  const persistor = new ListPersistor();
  const first = quiet({ persistor, executionId: 'run-1', enablePersistence: false });
  first.emit('agent.started', 1);
  await first.cleanup();
  expect(persistor.rows).toEqual([]);
  const lines: string[] = [];
  const { createRuntime } = await import('../../lib/index');
  const second = createRuntime({}, { log: (_: string, line: string) => lines.push(line) }, { enablePersistence: true });
  await second.cleanup();
  expect(lines).toContainEqual(expect.stringContaining('kept in memory only'));
  expect(second.getStats().persistence).toMatchObject({ enabled: false });
});

test('only critical events are kept where not all are asked for', async () => {
  const persistor = new ListPersistor();
  const config: RuntimeConfig = { persistAllEvents: false, criticalEventTypes: ['order.paid'] };
  const first = kept(persistor, config);
  for (const type of ['kernel.up', 'agent.started', 'order.paid', 'order.seen']) first.emit(type, type);
  first.emit('order.sure', 'sure', { deliveryGuarantee: 'at-least-once' });
  await first.cleanup();
  const second = kept(persistor, config);
  const seen = seenBy(second);
  await second.process();
  expect(seen).toEqual(['kernel.up', 'agent.started', 'order.paid', 'sure']);
});

test('an EnhancedEventQueue with a persistor keeps critical events by itself, and tells what it has brought back', async () => {
  const persistor = new DeletingPersistor();
  const first = new EnhancedEventQueue(undefined, persistor, 'queue-1');
  expect(first.getRecoveryStats()).toEqual({ recoveredEventCount: 0, recoveryErrors: 0 });
  await first.enqueue(createEvent('agent.started', { n: 1 }));
  await first.enqueue(createEvent('other', { n: 2 }));
  first.destroy();
  await sleep(0);
  const second = new EnhancedEventQueue(undefined, persistor, 'queue-1');
  const seen: unknown[] = [];
  expect(await second.processAll((event) => void seen.push(event.data))).toBe(1);
  expect(seen).toEqual([{ n: 1 }]);
  expect(second.getRecoveryStats()).toMatchObject({ recoveredEventCount: 1, recoveryErrors: 0 });
  expect(second.getStats().persistence).toMatchObject({ enabled: true, unfinishedEvents: 0 });
  second.destroy();
});

test('a DurableEventQueue keeps events, without redelivery', async () => {
  const persistor = new ListPersistor();
  const config = { persistAllEvents: true };
  const first = new DurableEventQueue(undefined, persistor, 'queue-2', config);
  await first.enqueue(createEvent('a', 1));
  first.destroy();
  await sleep(0);
  const second = new DurableEventQueue(undefined, persistor, 'queue-2', config);
  expect(
    await second.processAll(() => {
      throw new Error('no');
    }),
  ).toBe(1);
  expect(second.getRecoveryStats().recoveredEventCount).toBe(1);
  expect(second.isEmpty()).toBe(true);
  second.destroy();
});

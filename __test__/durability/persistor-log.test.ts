import { beforeEach, describe, expect, test, vi } from 'vitest';
import { PersistorLog } from '../../lib/durability/persistor-log';
import { DeadLetterQueue } from '../../lib/dead-letter-queue';
import { createPort } from '../../lib/observability/port';
import { DeletingPersistor, ListPersistor, eventOf } from '../persistors/support';
import type { EventQueueConfig } from '../../lib/config';
import type { Submission } from '../../lib/delivery-queue';
import type { RecoveredEvent } from '../../lib/durability/durable-log';
import type { AnyEvent } from '../../lib/events';
import type { Snapshot } from '../../lib/persistor-types';

const PLAIN: Submission = { priority: 0 };
const ALL: EventQueueConfig = { persistAllEvents: true };

const guaranteed = (id: string, deliveryGuarantee: 'at-least-once' | 'exactly-once', type = 'x'): AnyEvent => ({
  ...eventOf(id, type),
  metadata: { deliveryGuarantee },
});

const idsOf = (recovered: RecoveredEvent[]): string[] => recovered.map(({ event }) => event.id);

describe.each([
  ['a persistor that appends only', ListPersistor],
  ['a persistor that deletes', DeletingPersistor],
])('a log in %s', (_name, PersistorClass) => {
  let persistor: ListPersistor;
  let log: PersistorLog;

  function open(config: EventQueueConfig = ALL, logger?: object): PersistorLog {
    return new PersistorLog({ persistor, xcId: 'x1', config, port: createPort(logger, true) });
  }

  async function recovered(config: EventQueueConfig = ALL): Promise<RecoveredEvent[]> {
    await log.flush();
    log = open(config);
    return log.recover();
  }

  beforeEach(() => {
    persistor = new PersistorClass();
    log = open();
  });

  test('stores an event in the shape that readers know', async () => {
    await log.accept(eventOf('e1'), PLAIN, true);
    const [snapshot] = persistor.snapshots;
    expect(snapshot).toEqual({
      xcId: 'x1',
      ts: expect.any(Number) as number,
      events: [eventOf('e1')],
      state: { eventId: 'e1', eventType: 'agent.started' },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  test('stores the event as it was accepted', async () => {
    const event = eventOf('e1', 'agent.started', { list: [1] });
    const stored = log.accept(event, PLAIN, true);
    (event.data as { list: number[] }).list.push(2);
    await stored;
    expect(persistor.snapshots[0]!.events[0]!.data).toEqual({ list: [1] });
  });

  test('brings back what has not ended, in the order of acceptance', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) log.accept(eventOf(id), PLAIN, false);
    await log.flush();
    log.done(eventOf('b'));
    log.gone(eventOf('d'));
    expect(idsOf(await recovered())).toEqual(['a', 'c', 'e']);
    expect(log.stats()).toMatchObject({ recoveredEventCount: 3, unfinishedEvents: 3, recoveryErrors: 0 });
  });

  test('brings back nothing twice', async () => {
    await log.accept(eventOf('a'), PLAIN, true);
    const [{ event }] = (await recovered()) as [RecoveredEvent];
    log.accept(event, PLAIN, false);
    log.done(event);
    expect(await recovered()).toEqual([]);
  });

  test('keeps what an event brings along', async () => {
    const policy = { maxAttempts: 3, initialDelayMs: 1, maxDelayMs: 2, factor: 1, jitter: 0 as const, jitterRatio: 0 };
    const brings = { priority: -Infinity, orderingKey: 'k', idempotencyKey: 'i', tenantId: 't', timeoutMs: 5, policy };
    await log.accept(eventOf('a'), { ...brings, delayMs: 60_000, ttlMs: 90_000 }, true);
    const [first] = await recovered();
    expect(first!.brings).toMatchObject(brings);
    expect(first!.priority).toBe(-Infinity);
    expect(first!.brings.delayMs).toBeGreaterThan(50_000);
    expect(first!.brings.delayMs).toBeLessThanOrEqual(60_000);
    expect(first!.brings.ttlMs).toBeGreaterThan(80_000);
    expect(first!.dueAt).toBeGreaterThan(Date.now());
  });

  test('an event that waits for a redelivery keeps its place, its attempts, its time and its history', async () => {
    const event = eventOf('b');
    for (const one of [eventOf('a'), event, eventOf('c')]) await log.accept(one, { priority: 2 }, true);
    const dueAt = Date.now() + 60_000;
    log.retry(event, 1, dueAt - 1000, new Error('first'));
    event.metadata = { isRetry: true, retry: { retryCount: 2, lastError: 'second' } };
    log.retry(event, 2, dueAt, new Error('second'));
    const found = await recovered();
    expect(idsOf(found)).toEqual(['a', 'b', 'c']);
    expect(found[1]).toMatchObject({ attempts: 2, dueAt, priority: 2 });
    expect(found[1]!.event.metadata).toEqual({ isRetry: true, retry: { retryCount: 2, lastError: 'second' } });
    log.done(found[1]!.event);
    expect(idsOf(await recovered())).toEqual(['a', 'c']);
  });

  test('an id that is used again after its end is another event', async () => {
    await log.accept(eventOf('a', 'x', 1), PLAIN, true);
    log.done(eventOf('a'));
    await log.accept(eventOf('a', 'x', 2), PLAIN, true);
    const found = await recovered();
    expect(found.map(({ event }) => event.data as number)).toEqual([2]);
  });

  test('an event that is handled before its turn to be stored leaves nothing', async () => {
    const first = log.accept(eventOf('a'), PLAIN, true);
    log.accept(eventOf('b'), PLAIN, false);
    log.done(eventOf('b'));
    await first;
    expect(idsOf(await recovered())).toEqual(['a']);
    expect(persistor.appended).toBe(1);
  });

  test('completions that come together are written together', async () => {
    const events = Array.from({ length: 50 }, (_, index) => eventOf(`e${index}`));
    for (const event of events) log.accept(event, PLAIN, false);
    await log.flush();
    const before = persistor.appended;
    for (const event of events) log.done(event);
    expect(await recovered()).toEqual([]);
    expect(persistor.appended - before).toBeLessThanOrEqual(1);
  });

  test('ids and keys of events delivered exactly once are known in the next run', async () => {
    const events = [guaranteed('a', 'exactly-once'), guaranteed('b', 'at-least-once'), guaranteed('c', 'exactly-once')];
    for (const event of events) await log.accept(event, { priority: 0, idempotencyKey: `key-${event.id}` }, true);
    log.done(events[0]!);
    log.done(events[1]!);
    log.gone(events[2]!);
    expect(await recovered()).toEqual([]);
    expect(log.seen).toEqual({ ids: ['a'], keys: ['key-a'] });
  });

  test('remembers no more ids than the deduplication window holds', async () => {
    const config = { ...ALL, maxProcessedEvents: 10 };
    log = open(config);
    for (let index = 0; index < 200; index++) {
      const event = guaranteed(`e${index}`, 'exactly-once');
      await log.accept(event, PLAIN, true);
      log.done(event);
      await log.flush();
    }
    await recovered(config);
    expect(log.seen.ids).toEqual(Array.from({ length: 10 }, (_, index) => `e${190 + index}`));
    if (persistor instanceof DeletingPersistor) expect(persistor.rows.length).toBeLessThan(80);
  });

  test('a dead letter is stored before its event is forgotten, and does not come back as an event', async () => {
    const dlq = new DeadLetterQueue(undefined, persistor, 'x1');
    await dlq.ready();
    for (const id of ['a', 'b']) await log.accept(eventOf(id), PLAIN, true);
    const steps: string[] = [];
    const append = persistor.append.bind(persistor);
    vi.spyOn(persistor, 'append').mockImplementation(async (snapshot: Snapshot) => {
      steps.push(String(snapshot.state.type));
      await append(snapshot);
    });
    if (persistor instanceof DeletingPersistor) {
      const remove = persistor.delete.bind(persistor);
      vi.spyOn(persistor, 'delete').mockImplementation(async (xcId, hashes) => {
        if (hashes.length > 0) steps.push('event-done');
        await remove(xcId, hashes);
      });
    }
    // A completion that is on its way must not take this one along.
    log.done(eventOf('b'));
    void dlq.sendToDLQ(eventOf('a'), new Error('broken'), 1);
    log.gone(eventOf('a'));
    expect(await recovered()).toEqual([]);
    expect(steps).toEqual(['event-done', 'dlq-item', 'event-done']);
    dlq.destroy();
  });

  test('a crash between a dead letter and the end of its event leaves the dead letter alone', async () => {
    await log.accept(eventOf('a'), PLAIN, true);
    const dlq = new DeadLetterQueue(undefined, persistor, 'x1');
    await dlq.ready();
    await dlq.sendToDLQ(eventOf('a'), new Error('broken'), 1);
    await dlq.flush();
    expect(await recovered()).toEqual([]);
    dlq.destroy();
  });

  describe('which events', () => {
    const cases: [string, EventQueueConfig, AnyEvent, boolean][] = [
      ['critical prefixes by default', {}, eventOf('e', 'workflow.step'), true],
      ['not the others', {}, eventOf('e', 'order.paid'), false],
      ['exact types', { criticalEventTypes: ['order.paid'] }, eventOf('e', 'order.paid'), true],
      ['given prefixes', { criticalEventPrefixes: ['order.'] }, eventOf('e', 'order.paid'), true],
      ['given prefixes replace the others', { criticalEventPrefixes: ['order.'] }, eventOf('e'), false],
      ['none of them if switched off', { persistCriticalEvents: false }, eventOf('e'), false],
      ['all', ALL, eventOf('e', 'order.paid'), true],
      ['a guarantee', { persistCriticalEvents: false }, guaranteed('e', 'at-least-once'), true],
      ['exactly once', { persistCriticalEvents: false }, guaranteed('e', 'exactly-once'), true],
    ];

    test.each(cases)('%s', async (_case, config, event, isStored) => {
      log = open(config);
      await log.accept(event, PLAIN, true);
      await log.flush();
      expect(persistor.rows).toHaveLength(isStored ? 1 : 0);
      expect(log.stats().persistedEvents).toBe(isStored ? 1 : 0);
    });
  });

  describe('at the limit', () => {
    test('events that ask for a guarantee are refused, with what to do', async () => {
      log = open({ maxPersistedEvents: 2 });
      for (const id of ['a', 'b']) expect(log.refusal(eventOf(id))).toBeUndefined();
      for (const id of ['a', 'b']) await log.accept(eventOf(id), PLAIN, true);
      expect(log.refusal(guaranteed('c', 'at-least-once'))).toMatchObject({
        code: 'PERSISTOR_FULL',
        message: expect.stringContaining('raise maxPersistedEvents') as string,
      });
      expect(log.refusal(eventOf('c'))).toBeDefined();
      expect(log.refusal(eventOf('c', 'order.paid'))).toBeUndefined();
      log.done(eventOf('a'));
      expect(log.refusal(guaranteed('c', 'at-least-once'))).toBeUndefined();
      expect(log.stats().refusedEvents).toBe(2);
    });

    test('a limit that nobody has set lets critical events go on in memory, and says so', async () => {
      const warn = vi.fn();
      log = open({}, { debug() {}, info() {}, warn, error() {} });
      for (let index = 0; index < 1000; index++) log.accept(eventOf(`e${index}`), PLAIN, false);
      expect(log.refusal(eventOf('more'))).toBeUndefined();
      expect(log.refusal(guaranteed('more', 'exactly-once'))).toBeDefined();
      expect(log.accept(eventOf('more'), PLAIN, true)).toBeUndefined();
      expect(log.stats()).toMatchObject({ unfinishedEvents: 1000, unpersistedEvents: 1 });
      expect(warn).toHaveBeenCalledTimes(1);
    });
  });

  describe('a persistor that fails', () => {
    test('is logged and counted; who waits is told, and the event is not kept', async () => {
      const error = vi.fn();
      log = open(ALL, { debug() {}, info() {}, warn() {}, error });
      persistor.failures = [new Error('disk full'), new Error('disk full')];
      await expect(log.accept(eventOf('a'), PLAIN, true)).rejects.toMatchObject({
        code: 'PERSISTOR_FAILED',
        cause: { message: 'disk full' },
      });
      expect(log.accept(eventOf('b'), PLAIN, false)).toBeUndefined();
      await log.accept(eventOf('c'), PLAIN, true);
      expect(log.stats()).toMatchObject({ errors: 2, persistedEvents: 1, unfinishedEvents: 1 });
      expect(error).toHaveBeenCalled();
      expect(idsOf(await recovered())).toEqual(['c']);
    });

    test('while it is read brings nothing back, and throws nothing', async () => {
      await log.accept(eventOf('a'), PLAIN, true);
      vi.spyOn(persistor, 'load').mockImplementation(() => {
        throw new Error('no connection');
      });
      expect(await log.recover()).toEqual([]);
      expect(log.stats()).toMatchObject({ recoveryErrors: 1, errors: 1 });
    });

    test('and gives back rubbish is read as far as it makes sense', async () => {
      await log.accept(eventOf('a'), PLAIN, true);
      const rubbish: unknown[] = [
        null,
        7,
        'text',
        {},
        { hash: 'h', state: null },
        { hash: 'h1', state: { eventId: 'x', eventType: 'y' }, events: 'none' },
        { hash: 'h2', state: { eventId: 'x', eventType: 'y' }, events: [{ id: 1 }] },
        { hash: 'h3', state: { type: 'event-done', hashes: 'all', ids: [1, 'ok'] } },
        { hash: 'h4', state: { type: 'event-retry', eventId: {}, attempts: 'many' } },
      ];
      const stored = persistor.snapshots;
      vi.spyOn(persistor, 'load').mockImplementation(async function* () {
        yield* rubbish as Snapshot[];
        yield* stored;
      });
      log = open();
      expect(idsOf(await log.recover())).toEqual(['a']);
      expect(log.stats().recoveryErrors).toBe(2);
      expect(log.seen.ids).toEqual(['ok']);
    });
  });

  test('what is emitted while an earlier run is read is not taken for an event of that run', async () => {
    await log.accept(eventOf('old'), PLAIN, true);
    log = open();
    const reading = log.recover();
    log.accept(eventOf('new'), PLAIN, false);
    log.accept(eventOf('brief'), PLAIN, false);
    log.done(eventOf('brief'));
    expect(idsOf(await reading)).toEqual(['old']);
    expect(idsOf(await recovered())).toEqual(['old', 'new']);
  });

  test('events that cannot be cloned are stored in a readable form', async () => {
    const event = eventOf('a', 'agent.x', { run: () => 1, many: 2n });
    await log.accept(event, PLAIN, true);
    const [first] = await recovered();
    expect(first!.event.data).toEqual({ run: '[function run]', many: '2n' });
  });
});

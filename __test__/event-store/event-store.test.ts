import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createEventStore, createPersistor } from '../../lib/index';
import { DeletingPersistor, ListPersistor, collect, eventOf } from '../persistors/support';
import type { AnyEvent, EventStore, EventStoreConfig, Persistor, ReplayOptions, Snapshot } from '../../lib/index';

const HOUR_MS = 3_600_000;
const EVERYTHING: ReplayOptions = { onlyUnprocessed: false };

const at = (id: string, ts: number, type = 'order.paid'): AnyEvent => ({ ...eventOf(id, type), ts });

const numbered = (count: number, from = 0): AnyEvent[] =>
  Array.from({ length: count }, (_, index) => eventOf(`e${from + index}`));

async function idsOf(replay: AsyncIterable<AnyEvent[]>): Promise<string[]> {
  return (await collect(replay)).flat().map(({ id }) => id);
}

const open = (persistor: Persistor | undefined, config: Partial<EventStoreConfig> = {}): EventStore =>
  createEventStore(undefined, { executionId: 'x1', persistor, ...config });

describe.each([
  ['a persistor with the first three methods only', (): Persistor => new ListPersistor()],
  ['a persistor that deletes', (): Persistor => new DeletingPersistor()],
  ['the built-in one in memory', (): Persistor => createPersistor('memory', { maxSnapshots: 100_000 })],
])('an event store in %s', (_name, make) => {
  let persistor: Persistor;
  let store: EventStore;

  beforeEach(() => {
    persistor = make();
    store = open(persistor);
  });

  async function reopened(config?: Partial<EventStoreConfig>): Promise<EventStore> {
    await store.flush();
    return (store = open(persistor, config));
  }

  const snapshots = (): Promise<Snapshot[]> => collect(persistor.load('events_x1'));

  test('an event that comes twice in a list does not take the others with it', async () => {
    await store.appendEvents([eventOf('a'), eventOf('a'), eventOf('b')]);
    expect(await idsOf((await reopened()).replayFromTimestamp(0))).toEqual(['a', 'b']);
  });

  test('a mark belongs to what was appended before it, waited for or not', async () => {
    await store.appendEvents([eventOf('a')]);
    void store.appendEvents([eventOf('a')]);
    void store.markEventsProcessed(['a', 'b']);
    await store.appendEvents([eventOf('b')]);
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(['b']);
  });

  test('a delivery and a mark that come while the store is being read are not lost', async () => {
    await store.appendEvents([eventOf('a')]);
    await store.appendEvents([eventOf('a')]);
    const next = await reopened();
    next.recordAttempt('a');
    void next.getStats();
    for (let turns = 0; turns < 4; turns++) await Promise.resolve();
    await next.markEventsProcessed(['a']);
    expect(await next.getEventMetadata('a')).toMatchObject({ processed: true, processingAttempts: 1 });
  });

  test('stores a snapshot for each call', async () => {
    await store.appendEvents([at('a', 5), at('b', 6)]);
    await store.appendEvents([]);
    await store.appendEvents([at('c', 7)]);
    const metadata = { eventType: 'order.paid', processed: false, processingAttempts: 0 };
    expect(await snapshots()).toEqual([
      {
        xcId: 'events_x1',
        ts: expect.any(Number) as number,
        events: [at('a', 5), at('b', 6)],
        state: {
          eventMetadata: [
            { eventId: 'a', timestamp: 5, ...metadata },
            { eventId: 'b', timestamp: 6, ...metadata },
          ],
          sequenceNumber: 2,
        },
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
      expect.objectContaining({ events: [at('c', 7)] }),
    ]);
  });

  test('replays in the order of appending, in lists of the size asked for', async () => {
    for (const event of numbered(7)) await store.appendEvents([event]);
    await store.appendEvents(numbered(5, 7));
    const lists = await collect(store.replayFromTimestamp(0, { batchSize: 5 }));
    expect(lists.map((list) => list.length)).toEqual([5, 5, 2]);
    expect(lists.flat()).toEqual(numbered(12));
  });

  test('replays what is asked for: both bounds belong to it', async () => {
    await store.appendEvents([at('a', 10), at('b', 20, 'order.sent'), at('c', 30), at('d', 40)]);
    expect(await idsOf(store.replayFromTimestamp(20, { toTimestamp: 30 }))).toEqual(['b', 'c']);
    expect(await idsOf(store.replayFromTimestamp(-Infinity, { types: ['order.sent'] }))).toEqual(['b']);
    expect(await idsOf(store.replayFromTimestamp(41))).toEqual([]);
    const future = at('e', Date.now() + HOUR_MS);
    await store.appendEvents([future]);
    expect(await idsOf(store.replayFromTimestamp(41))).toEqual([]);
    expect(await idsOf(store.replayFromTimestamp(41, { toTimestamp: Infinity }))).toEqual(['e']);
  });

  test('an event that lies behind is found by its own time, whenever it was appended', async () => {
    await store.appendEvents([at('late', 1)]);
    expect(await idsOf(store.replayFromTimestamp(0, { toTimestamp: 1 }))).toEqual(['late']);
  });

  test('replays the unprocessed of the last hour', async () => {
    const now = Date.now();
    await store.appendEvents([at('old', now - HOUR_MS - 1000), at('new', now - 1000), at('done', now)]);
    await store.markEventsProcessed(['done']);
    expect(await idsOf(store.replayUnprocessed())).toEqual(['new']);
    expect(await collect(store.replayUnprocessed(1))).toHaveLength(1);
  });

  test('processed events are left out, unless they are asked for; also after a restart', async () => {
    await store.appendEvents(numbered(5));
    await store.markEventsProcessed(['e1', 'unknown', 'e3']);
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(['e0', 'e2', 'e4']);
    await reopened();
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(['e0', 'e2', 'e4']);
    expect(await idsOf(store.replayFromTimestamp(0, EVERYTHING))).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
    expect(await store.getStats()).toMatchObject({ totalStoredEvents: 5, storedEvents: 5, unprocessedEvents: 3 });
  });

  test('handled events stay handled, however many', async () => {
    const events = numbered(3000);
    for (let from = 0; from < 3000; from += 500) await store.appendEvents(events.slice(from, from + 500));
    await store.markEventsProcessed(events.map(({ id }) => id));
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual([]);
    await reopened();
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual([]);
    expect(await idsOf(store.replayFromTimestamp(0, EVERYTHING))).toHaveLength(3000);
  });

  test('an event marked while it is being stored is marked', async () => {
    const appended = store.appendEvents(numbered(1));
    await store.markEventsProcessed(['e0']);
    await appended;
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual([]);
  });

  test('what is being stored belongs to a replay; what is appended during it does not', async () => {
    void store.appendEvents(numbered(2));
    const replay = store.replayFromTimestamp(0, { batchSize: 1 });
    void store.appendEvents(numbered(1, 2));
    const seen: string[] = [];
    for await (const [event] of replay) {
      seen.push(event!.id);
      await store.appendEvents([eventOf(`more-${event!.id}`)]);
    }
    expect(seen).toEqual(['e0', 'e1']);
  });

  test('a consumer that stops ends the reading', async () => {
    for (const event of numbered(10)) await store.appendEvents([event]);
    let read = 0;
    const stored = await snapshots();
    vi.spyOn(persistor, 'load').mockImplementation(async function* () {
      for (const snapshot of stored) {
        read++;
        yield snapshot;
      }
    });
    for await (const _events of store.replayFromTimestamp(0, { batchSize: 1 })) break;
    expect(read).toBe(1);
  });

  test('keeps maxStoredEvents: the oldest fall out and are counted', async () => {
    store = open(persistor, { maxStoredEvents: 10 });
    await store.appendEvents(numbered(3));
    for (const event of numbered(12, 3)) await store.appendEvents([event]);
    const kept = numbered(10, 5).map(({ id }) => id);
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(kept);
    expect(await store.getStats()).toMatchObject({ totalStoredEvents: 15, storedEvents: 10, droppedEvents: 5 });
    await reopened({ maxStoredEvents: 10 });
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(kept);
    expect(await store.getStats()).toMatchObject({ totalStoredEvents: 15, storedEvents: 10 });
    if (persistor.delete !== undefined) expect(await snapshots()).toHaveLength(10);
  });

  test('a store for no events keeps none', async () => {
    store = open(persistor, { maxStoredEvents: 0 });
    await store.appendEvents(numbered(2));
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual([]);
    expect(await store.getStats()).toEqual({
      totalStoredEvents: 2,
      storedEvents: 0,
      unprocessedEvents: 0,
      droppedEvents: 2,
    });
  });

  test('figures cover all that is stored', async () => {
    expect(await store.getStats()).toEqual({
      totalStoredEvents: 0,
      storedEvents: 0,
      unprocessedEvents: 0,
      droppedEvents: 0,
    });
    await store.appendEvents([at('a', 30), at('b', 10), at('c', 20)]);
    await store.markEventsProcessed(['a']);
    expect(await store.getStats()).toEqual({
      totalStoredEvents: 3,
      storedEvents: 3,
      unprocessedEvents: 2,
      droppedEvents: 0,
      oldestEventTimestamp: 10,
      newestEventTimestamp: 30,
    });
  });

  test('cleanup forgets old processed events and frees them; they stay away after a restart', async () => {
    const now = Date.now();
    const week = 7 * 24 * HOUR_MS;
    await store.appendEvents([at('old', now - week - 1000), at('old, open', now - week - 1000)]);
    await store.appendEvents([at('older', now - 2 * week)]);
    await store.appendEvents([at('new', now - 1000)]);
    await store.markEventsProcessed(['old', 'older', 'new']);
    expect(await store.cleanup()).toBe(2);
    expect(await store.cleanup()).toBe(0);
    expect(await idsOf(store.replayFromTimestamp(0, EVERYTHING))).toEqual(['old, open', 'new']);
    await reopened();
    expect(await idsOf(store.replayFromTimestamp(0, EVERYTHING))).toEqual(['old, open', 'new']);
    if (persistor.delete !== undefined) {
      const batches = (await snapshots()).filter(({ events }) => events.length > 0);
      expect(batches.map(({ events }) => events.map(({ id }) => id))).toEqual([['old', 'old, open'], ['new']]);
    }
    expect(await store.cleanup(0)).toBe(1);
    expect(await idsOf(store.replayFromTimestamp(0, EVERYTHING))).toEqual(['old, open']);
  });

  test('deliveries are counted, and known after a restart', async () => {
    await store.appendEvents(numbered(2));
    const appended = store.appendEvents(numbered(1, 2));
    for (const id of ['e0', 'e1', 'e0', 'unknown', 'e2']) store.recordAttempt(id);
    await appended;
    await store.markEventsProcessed(['e1']);
    await reopened();
    expect(await store.getEventMetadata('e0')).toEqual({
      eventId: 'e0',
      eventType: 'agent.started',
      timestamp: 1,
      processed: false,
      processingAttempts: 2,
    });
    expect(await store.getEventMetadata('e1')).toMatchObject({ processed: true, processingAttempts: 1 });
    expect((await store.getEventMetadata('e1'))!.lastProcessedAt).toBeGreaterThan(0);
    expect(await store.getEventMetadata('e2')).toMatchObject({ processed: false, processingAttempts: 1 });
    expect(await store.getEventMetadata('unknown')).toBeUndefined();
  });

  test('an event that is appended again is stored once, at its new place, unprocessed', async () => {
    await store.appendEvents(numbered(3));
    await store.markEventsProcessed(['e0']);
    await store.appendEvents([eventOf('e0')]);
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(['e1', 'e2', 'e0']);
    await reopened();
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(['e1', 'e2', 'e0']);
    expect(await store.getStats()).toMatchObject({ totalStoredEvents: 4, storedEvents: 3, unprocessedEvents: 3 });
  });

  test('events are stored as they were when they were appended', async () => {
    const event = eventOf('a', 'x', { list: [1] });
    const appended = store.appendEvents([event]);
    (event.data as { list: number[] }).list.push(2);
    await appended;
    expect((await collect(store.replayFromTimestamp(0)))[0]![0]!.data).toEqual({ list: [1] });
  });

  test('stores of different executions do not see each other', async () => {
    await store.appendEvents(numbered(1));
    const other = open(persistor, { executionId: 'x2' });
    expect(await idsOf(other.replayFromTimestamp(0))).toEqual([]);
  });
});

test('marks do not pile up where they can be deleted', async () => {
  const persistor = new DeletingPersistor();
  const store = open(persistor);
  const events = numbered(500);
  await store.appendEvents(events);
  for (const { id } of events) await store.markEventsProcessed([id]);
  expect(persistor.rows.length).toBeLessThan(200);
  expect(await idsOf(open(persistor).replayFromTimestamp(0))).toEqual([]);
});

test('marks that come together are stored together', async () => {
  const persistor = new ListPersistor();
  const store = open(persistor);
  await store.appendEvents(numbered(100));
  await Promise.all(numbered(100).map(({ id }) => store.markEventsProcessed([id])));
  expect(persistor.rows.length).toBeLessThan(5);
});

test('1,500 events in a store of its own are all replayed', async () => {
  const store = createEventStore(undefined, { executionId: 'x1' });
  for (const event of numbered(1500)) await store.appendEvents([event]);
  expect(await idsOf(store.replayFromTimestamp(0))).toHaveLength(1500);
});

test('what the persistor has thrown out is not in the figures', async () => {
  const store = open(createPersistor('memory', { maxSnapshots: 10 }));
  for (const event of numbered(25)) await store.appendEvents([event]);
  expect(await store.getStats()).toMatchObject({ totalStoredEvents: 25, storedEvents: 10, droppedEvents: 15 });
  expect(await idsOf(store.replayFromTimestamp(0))).toHaveLength(10);
});

describe('a persistor that fails', () => {
  test('makes appending fail; what follows is stored', async () => {
    const persistor = new ListPersistor();
    const store = open(persistor);
    persistor.failures = [new Error('disk full')];
    await expect(store.appendEvents(numbered(1))).rejects.toThrow('disk full');
    await store.appendEvents(numbered(1, 1));
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(['e1']);
  });

  test('makes marking fail; the mark is stored with the next one', async () => {
    const persistor = new ListPersistor();
    const store = open(persistor);
    await store.appendEvents(numbered(2));
    persistor.failures = [new Error('disk full')];
    await expect(store.markEventsProcessed(['e0'])).rejects.toThrow('disk full');
    await store.markEventsProcessed(['e1']);
    expect(await idsOf(open(persistor).replayFromTimestamp(0))).toEqual([]);
  });

  test('while it is read is asked again', async () => {
    const persistor = new ListPersistor();
    await open(persistor).appendEvents(numbered(2));
    const error = vi.fn();
    const store = createEventStore({ debug() {}, info() {}, warn() {}, error }, { executionId: 'x1', persistor });
    vi.spyOn(persistor, 'load').mockImplementationOnce(() => {
      throw new Error('no connection');
    });
    await store.appendEvents(numbered(1, 2));
    expect(error).toHaveBeenCalledTimes(1);
    expect(await idsOf(store.replayFromTimestamp(0))).toHaveLength(3);
  });

  test('and rubbish in it is passed over', async () => {
    const persistor = new ListPersistor();
    const store = open(persistor);
    await store.appendEvents(numbered(1));
    const stored = persistor.snapshots;
    vi.spyOn(persistor, 'load').mockImplementation(async function* () {
      yield* [null, {}, { hash: 'h', state: { eventMetadata: [] }, events: [7, null] }] as never[];
      yield* [
        { hash: 'n', state: { type: 'event-marks', marks: [1, ['e0', 'x', null]], forgotten: 'all' } },
      ] as never[];
      yield* stored;
    });
    expect(await idsOf(open(persistor).replayFromTimestamp(0))).toEqual(['e0']);
  });
});

test('switched off, it does nothing', async () => {
  const persistor = new ListPersistor();
  const store = open(persistor, { enableReplay: false });
  await store.appendEvents(numbered(1));
  await store.markEventsProcessed(['e0']);
  expect(await collect(store.replayFromTimestamp(0))).toEqual([]);
  expect(await store.cleanup()).toBe(0);
  expect(await store.getStats()).toMatchObject({ totalStoredEvents: 0 });
  expect(persistor.appended).toBe(0);
});

test('undefined means not given', async () => {
  const store = createEventStore(undefined, {
    executionId: 'x',
    enableReplay: undefined,
    replayBatchSize: undefined,
    maxStoredEvents: undefined,
    persistorOptions: { maxSnapshots: undefined },
  });
  await store.appendEvents(numbered(150));
  expect((await collect(store.replayFromTimestamp(0, { batchSize: undefined }))).map((list) => list.length)).toEqual([
    100, 50,
  ]);
});

test('methods work without their object', async () => {
  const { appendEvents, replayFromTimestamp, replayUnprocessed } = createEventStore(undefined, { executionId: 'x' });
  await appendEvents([at('a', Date.now())]);
  expect(await idsOf(replayFromTimestamp(0))).toEqual(['a']);
  expect(await idsOf(replayUnprocessed())).toEqual(['a']);
});

test.each([
  [{}, 'executionId'],
  [{ executionId: '' }, 'executionId'],
  [{ executionId: 'x', replayBatchSize: 0 }, 'replayBatchSize'],
  [{ executionId: 'x', maxStoredEvents: -1 }, 'maxStoredEvents'],
  [{ executionId: 'x', enableReplay: 'yes' }, 'enableReplay'],
  [{ executionId: 'x', persistor: {} }, 'persistor'],
  [{ executionId: 'x', persistorType: 'mongodb' }, 'pass a persistor object'],
])('%j is refused', (config, message) => {
  expect(() => createEventStore(undefined, config as never)).toThrow(message);
});

test.each([
  [Number.NaN, {}, 'from'],
  [0, { toTimestamp: 'now' }, 'options.toTimestamp'],
  [0, { batchSize: 0 }, 'options.batchSize'],
  [0, { types: 'x' }, 'options.types'],
])('a replay from %s with %j is refused', (from, options, message) => {
  const store = createEventStore(undefined, { executionId: 'x' });
  expect(() => store.replayFromTimestamp(from, options as never)).toThrow(message);
});

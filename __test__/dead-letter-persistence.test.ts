import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DeadLetterQueue } from '../lib/dead-letter-queue';
import type { DLQConfig, DLQItem } from '../lib/dead-letter-queue';
import type { AnyEvent } from '../lib/events';
import type { Persistor, Snapshot } from '../lib/persistor-types';

const START = 1_000_000;
const DAY_MS = 86_400_000;

let queues: DeadLetterQueue[];

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  queues = [];
});

afterEach(() => {
  for (const queue of queues) queue.destroy();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const eventOf = (id: string, type = 'order.paid'): AnyEvent => ({ id, type, data: { of: id }, ts: 1, threadId: 't' });

async function fill(queue: DeadLetterQueue, ids: readonly string[]): Promise<void> {
  for (const id of ids) await queue.sendToDLQ(eventOf(id), new Error('broken'), 1);
}

const idsOf = (queue: DeadLetterQueue): string[] => queue.page(1000, 0, null).items.map((item) => item.id);

/** Stores text, as a store would, and the same hash once. */
class ListPersistor implements Persistor {
  rows: string[] = [];
  appended = 0;

  async append(snapshot: Snapshot): Promise<void> {
    this.appended++;
    if (!(await this.has(snapshot.hash))) this.rows.push(JSON.stringify(snapshot));
  }

  async *load(xcId: string): AsyncGenerator<Snapshot> {
    for (const snapshot of this.snapshots) if (snapshot.xcId === xcId) yield snapshot;
  }

  async has(hash: string): Promise<boolean> {
    return this.snapshots.some((snapshot) => snapshot.hash === hash);
  }

  get snapshots(): Snapshot[] {
    return this.rows.map((row) => JSON.parse(row) as Snapshot);
  }
}

class DeletingPersistor extends ListPersistor {
  async delete(xcId: string, hashes: readonly string[]): Promise<void> {
    this.rows = this.rows.filter((row) => {
      const snapshot = JSON.parse(row) as Snapshot;
      return snapshot.xcId !== xcId || !hashes.includes(snapshot.hash);
    });
  }
}

describe.each([
  ['a persistor that appends only', ListPersistor],
  ['a persistor that deletes', DeletingPersistor],
])('with %s', (_name, PersistorClass) => {
  let persistor: ListPersistor;

  beforeEach(() => {
    persistor = new PersistorClass();
  });

  function open(config: DLQConfig = {}, xcId = 'x1'): DeadLetterQueue {
    const queue = new DeadLetterQueue(undefined, persistor, xcId, config);
    queues.push(queue);
    return queue;
  }

  async function reopened(config: DLQConfig = {}): Promise<DeadLetterQueue> {
    for (const queue of queues) await queue.flush();
    const queue = open(config);
    await queue.ready();
    return queue;
  }

  test('an item is stored as it was', async () => {
    const queue = open();
    await queue.sendToDLQ(eventOf('e1'), new Error('broken'), 2);
    const hash = createHash('sha256').update(`dlq-${JSON.stringify({ id: 'e1', dlqTimestamp: START, attempts: 2 })}`);
    expect(persistor.snapshots).toEqual([
      {
        xcId: 'x1',
        ts: START,
        events: [eventOf('e1')],
        state: { type: 'dlq-item', dlqItem: JSON.parse(JSON.stringify(queue.get('e1'))) as DLQItem },
        hash: hash.digest('hex').slice(0, 16),
      },
    ]);
  });

  test('items come back with everything, in their order', async () => {
    const queue = open();
    await queue.sendToDLQ(eventOf('e1'), Object.assign(new Error('late'), { name: 'TimeoutError' }), 2, {
      originalPriority: 3,
    });
    await queue.sendToDLQ(eventOf('e2'), new Error('broken'), 1);
    await queue.markAsPoison('e2', 'bad data');
    const again = await reopened();
    expect(idsOf(again)).toEqual(['e1', 'e2']);
    for (const id of ['e1', 'e2']) expect(again.get(id)).toEqual(queue.get(id));
    expect(again.getDLQStats()).toEqual(queue.getDLQStats());
    expect(again.getCounters()).toMatchObject({ restored: 2, filed: 0 });
  });

  test('a poisoned item is poisoned after a restart', async () => {
    const queue = open();
    await fill(queue, ['e1']);
    await queue.markAsPoison('e1', 'bad data');
    const again = await reopened();
    expect(await again.reprocessFromDLQ('e1')).toBeNull();
    expect(again.get('e1')).toMatchObject({ canReprocess: false });
  });

  test('the newest state of an item counts, also when nothing but the errors has changed', async () => {
    const queue = open();
    for (let n = 0; n < 20; n++) await queue.sendToDLQ(eventOf('e1'), new Error(`m${n}`), 1);
    const again = await reopened();
    expect(again.get('e1')?.errors.at(-1)?.message).toBe('m19');
  });

  test('what has been reprocessed, evicted, expired, purged or cleared does not come back', async () => {
    let queue = open({ maxDLQSize: 5, cleanupInterval: 1000 });
    await fill(queue, ['evicted', 'old', 'single', 'some', 'purged', 'kept']);
    await queue.reprocessFromDLQ('single');
    await queue.sendToDLQ(eventOf('some', 'other'), new Error('x'), 1);
    await queue.reprocessByCriteria({ eventType: 'other' });
    await queue.sendToDLQ(eventOf('purged'), new Error('special'), 1);
    await queue.purge({ errorType: 'special' });
    queue = await reopened({ maxDLQSize: 5 });
    expect(idsOf(queue)).toEqual(['old', 'kept']);
    vi.setSystemTime(START + 7 * DAY_MS);
    queue = await reopened();
    expect(idsOf(queue)).toEqual([]);
    vi.setSystemTime(START);
    queue = await reopened();
    expect(idsOf(queue)).toEqual([]);
    await fill(queue, ['a', 'b']);
    await queue.clearDLQ();
    expect(idsOf(await reopened())).toEqual([]);
  });

  test('an item that leaves and returns in the same millisecond comes back', async () => {
    const queue = open();
    await fill(queue, ['e1']);
    await queue.reprocessFromDLQ('e1');
    await fill(queue, ['e1']);
    expect(idsOf(await reopened())).toEqual(['e1']);
  });

  test('a smaller queue takes the newest', async () => {
    const queue = open();
    for (const id of ['e1', 'e2', 'e3']) {
      await fill(queue, [id]);
      vi.setSystemTime(Date.now() + 1);
    }
    expect(idsOf(await reopened({ maxDLQSize: 2 }))).toEqual(['e2', 'e3']);
    expect(idsOf(await reopened())).toEqual(['e2', 'e3']);
  });

  test('what arrives while loading is not overwritten, and stands after what was stored', async () => {
    await fill(open(), ['e1', 'e2']);
    const queue = open();
    void queue.sendToDLQ(eventOf('e3'), new Error('new'), 1);
    void queue.sendToDLQ(eventOf('e1'), new Error('new'), 9);
    await queue.ready();
    expect(queue.get('e1')).toMatchObject({ attempts: 9, errors: [{ message: 'new' }] });
    expect(idsOf(queue)).toEqual(['e2', 'e3', 'e1']);
    const again = await reopened();
    expect(again.get('e1')).toMatchObject({ attempts: 9 });
  });

  test('reprocessing, marking and clearing wait for the load', async () => {
    await fill(open(), ['e1', 'e2', 'e3', 'e4']);
    const queue = open();
    const answers = Promise.all([
      queue.reprocessFromDLQ('e1'),
      queue.markAsPoison('e2', 'x'),
      queue.reprocessByCriteria({ limit: 1 }),
      queue.clearDLQ(),
    ]);
    expect(await answers).toEqual([eventOf('e1'), undefined, [eventOf('e3')], 2]);
    expect(idsOf(await reopened())).toEqual([]);
  });

  test('queues of other ids and snapshots of other kinds are left alone', async () => {
    await fill(open({}, 'x2'), ['other']);
    await persistor.append({
      xcId: 'x1',
      ts: 1,
      events: [eventOf('q')],
      state: { eventId: 'q', eventType: 'order.paid' },
      hash: 'q',
    });
    const queue = open();
    await fill(queue, ['e1']);
    await queue.reprocessFromDLQ('e1');
    expect(idsOf(await reopened())).toEqual([]);
    expect(persistor.snapshots.map((snapshot) => snapshot.xcId)).toContain('x2');
    expect(await persistor.has('q')).toBe(true);
  });

  test('rubbish in the store is passed over', async () => {
    await fill(open(), ['e1']);
    const rubbish = [
      null,
      { xcId: 'x1' },
      { xcId: 'x1', state: { type: 'dlq-removed', ids: 'e1' }, hash: 'a' },
      { xcId: 'x1', state: { type: 'dlq-item', dlqItem: null }, hash: 'b' },
      { xcId: 'x1', state: { type: 'dlq-item', dlqItem: { id: 5, event: { type: 'x' } } }, hash: 'c' },
      {
        xcId: 'x1',
        state: {
          type: 'dlq-item',
          dlqItem: { id: 'thin', event: { type: 'x' }, attempts: -1.5, tags: [5], errors: [null] },
        },
        hash: 'd',
      },
    ];
    vi.spyOn(persistor, 'load').mockImplementation(async function* () {
      yield* rubbish.slice(0, 2) as never[];
      yield* persistor.snapshots;
      yield* rubbish.slice(2) as never[];
    } as never);
    const queue = open();
    await queue.ready();
    expect(idsOf(queue)).toEqual(['e1', 'thin']);
    expect(queue.get('thin')).toMatchObject({ attempts: 0, tags: [], errors: [{ message: '' }], canReprocess: true });
    expect(queue.getCounters().persistenceErrors).toBe(0);
  });

  test('data that JSON cannot carry becomes readable', async () => {
    const data: Record<string, unknown> = {
      big: 10n,
      run: () => 1,
      when: new Date(5),
      failed: new TypeError('no'),
      map: new Map([['a', 1n]]),
      set: new Set([1]),
      blob: new Uint8Array(100_000),
      short: Buffer.from('ab'),
      nan: NaN,
      text: /a+/g,
      list: [undefined, Symbol('s')],
      get bad(): never {
        throw new Error('trap');
      },
    };
    data.self = data;
    const queue = open();
    const event = { ...eventOf('e1'), data };
    await queue.sendToDLQ(event, new Error('broken'), 1);
    expect(queue.get('e1')?.event).toBe(event);
    const again = await reopened();
    expect(again.get('e1')?.errors[0]?.stack).toContain('broken');
    expect(again.get('e1')?.event.data).toMatchObject({
      big: '10n',
      run: '[function run]',
      when: '1970-01-01T00:00:00.005Z',
      failed: { name: 'TypeError', message: 'no', stack: expect.stringContaining('TypeError') as string },
      map: [['a', '1n']],
      set: [1],
      blob: '[100000 bytes]',
      short: { type: 'Buffer', data: [97, 98] },
      nan: 'NaN',
      text: '/a+/g',
      list: [null, 'Symbol(s)'],
      bad: '[unreadable]',
      self: '[circular]',
    });
  });

  test('the stored copy does not change with the event', async () => {
    const queue = open();
    const event = { ...eventOf('e1'), data: { amount: 1 } };
    const stored = queue.sendToDLQ(event, new Error('broken'), 1);
    event.data.amount = 2;
    await stored;
    expect((await reopened()).get('e1')?.event.data).toEqual({ amount: 1 });
  });

  test('removal follows its item even if appending takes its time', async () => {
    const append = persistor.append.bind(persistor);
    let delayMs = 30;
    vi.spyOn(persistor, 'append').mockImplementation(async (snapshot) => {
      await new Promise((resolve) => setTimeout(resolve, (delayMs -= 10)));
      await append(snapshot);
    });
    const queue = open({ enableAutoCleanup: false });
    void queue.sendToDLQ(eventOf('e1'), new Error('broken'), 1);
    void queue.reprocessFromDLQ('e1');
    await vi.runAllTimersAsync();
    expect(idsOf(await reopened())).toEqual([]);
  });

  test('nothing is loaded into a destroyed queue', async () => {
    await fill(open(), ['e1']);
    const queue = open();
    queue.destroy();
    await queue.ready();
    expect(idsOf(queue)).toEqual([]);
    expect(vi.getTimerCount()).toBe(1);
  });

  test('without an id, or with enablePersistence: false, nothing is stored', async () => {
    await fill(open({ enablePersistence: false }), ['e1']);
    const queue = new DeadLetterQueue(undefined, persistor);
    queues.push(queue);
    await fill(queue, ['e1']);
    expect(persistor.appended).toBe(0);
  });
});

describe('a persistor that fails', () => {
  const broken = (): Persistor => ({
    append: () => Promise.reject(new Error('disk full')),
    load: () => {
      throw new Error('no file');
    },
    has: () => Promise.reject(new Error('no')),
  });

  test('is logged and counted, and the items are here all the same', async () => {
    const log = vi.fn();
    const queue = new DeadLetterQueue({ log }, broken(), 'x1', { enableDetailedLogging: false });
    queues.push(queue);
    await queue.ready();
    await fill(queue, ['e1', 'e2']);
    expect(await queue.reprocessFromDLQ('e1')).toEqual(eventOf('e1'));
    expect(idsOf(queue)).toEqual(['e2']);
    expect(queue.getCounters().persistenceErrors).toBe(4);
    expect(log).toHaveBeenCalledWith(
      'error',
      'Dead letters: the persistor failed to load',
      expect.objectContaining({ error: 'no file' }),
    );
  });

  test('that breaks off while reading gives nothing back, as removals may be unread', async () => {
    const persistor = new ListPersistor();
    const first = new DeadLetterQueue(undefined, persistor, 'x1');
    queues.push(first);
    await fill(first, ['e1']);
    await first.reprocessFromDLQ('e1');
    const load = persistor.load.bind(persistor);
    vi.spyOn(persistor, 'load').mockImplementationOnce(async function* (xcId: string) {
      for await (const snapshot of load(xcId)) {
        yield snapshot;
        throw new Error('torn');
      }
    });
    const queue = new DeadLetterQueue(undefined, persistor, 'x1');
    queues.push(queue);
    await queue.ready();
    expect(idsOf(queue)).toEqual([]);
    expect(queue.getCounters().persistenceErrors).toBe(1);
  });

  test('to delete is told of removals by appending', async () => {
    const persistor = new DeletingPersistor();
    const queue = new DeadLetterQueue(undefined, persistor, 'x1');
    queues.push(queue);
    await fill(queue, ['e1']);
    vi.spyOn(persistor, 'delete').mockRejectedValueOnce(new Error('locked'));
    await queue.reprocessFromDLQ('e1');
    expect(persistor.snapshots.map(({ state }) => state.type)).toEqual(['dlq-item', 'dlq-removed']);
    const again = new DeadLetterQueue(undefined, persistor, 'x1');
    queues.push(again);
    await again.ready();
    await again.flush();
    expect(idsOf(again)).toEqual([]);
    expect(persistor.snapshots).toEqual([]);
  });

  test('to append an item that replaces another keeps the other', async () => {
    const persistor = new DeletingPersistor();
    const queue = new DeadLetterQueue(undefined, persistor, 'x1');
    queues.push(queue);
    await fill(queue, ['e1']);
    vi.spyOn(persistor, 'append').mockRejectedValueOnce(new Error('disk full'));
    await queue.markAsPoison('e1', 'x');
    expect(persistor.rows).toHaveLength(1);
    await fill(queue, ['e1']);
    expect(persistor.rows).toHaveLength(1);
    expect(persistor.snapshots[0]?.state.dlqItem).toMatchObject({ canReprocess: false });
    await queue.reprocessByCriteria({});
    await queue.clearDLQ();
    expect(persistor.rows).toHaveLength(0);
  });
});

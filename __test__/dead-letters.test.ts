import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DeadLetterQueue } from '../lib/dead-letter-queue';
import { deadLettersOf } from '../lib/dead-letters';
import { cleanUpAll, quiet } from './helpers';
import type { DLQItem } from '../lib/dead-letter-queue';
import type { DeadLetters } from '../lib/dead-letters';
import type { AnyEvent } from '../lib/events';

const START = 1_000_000;

let queue: DeadLetterQueue;
let deadLetters: DeadLetters;
/** Ids that have been queued again, and the room for more. */
let queued: [string, number][];
let room: number;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  queue = new DeadLetterQueue();
  queued = [];
  room = Infinity;
  deadLetters = deadLettersOf(queue, (event, priority) => {
    if (queued.length >= room) return false;
    queued.push([event.id, priority]);
    return true;
  });
});

afterEach(() => {
  queue.destroy();
  vi.useRealTimers();
});

const eventOf = (id: string, type = 'order.paid'): AnyEvent => ({ id, type, data: null, ts: 1, threadId: 't' });

async function fill(ids: readonly string[], type?: string): Promise<void> {
  for (const id of ids) await queue.sendToDLQ(eventOf(id, type), new Error(`broken ${id}`), 1, { originalPriority: 4 });
}

const idsIn = (items: readonly { id: string }[]): string[] => items.map((item) => item.id);
const left = (): string[] => idsIn(deadLetters.list({ limit: 10_000 }).items);

describe('list', () => {
  test('gives 50 items a page in the order in which they were filed', async () => {
    const ids = Array.from({ length: 120 }, (_, n) => `e${n}`);
    await fill(ids);
    const first = deadLetters.list();
    const second = deadLetters.list({ cursor: first.nextCursor });
    const third = deadLetters.list({ cursor: second.nextCursor });
    expect([first, second, third].map((page) => page.items.length)).toEqual([50, 50, 20]);
    expect(idsIn([first, second, third].flatMap((page) => page.items))).toEqual(ids);
    expect(third.nextCursor).toBeUndefined();
  });

  test('has no further page when the last one is full', async () => {
    await fill(['e1', 'e2']);
    expect(deadLetters.list({ limit: 2 }).nextCursor).toBeUndefined();
  });

  test('neither repeats nor skips items while others come and go', async () => {
    await fill(['e1', 'e2', 'e3', 'e4', 'e5']);
    const { items, nextCursor } = deadLetters.list({ limit: 2 });
    expect(idsIn(items)).toEqual(['e1', 'e2']);
    await deadLetters.reprocess('e2');
    await deadLetters.reprocess('e3');
    await fill(['e6']);
    expect(idsIn(deadLetters.list({ limit: 9, cursor: nextCursor }).items)).toEqual(['e4', 'e5', 'e6']);
  });

  test('can be of one type', async () => {
    await fill(['e1', 'e3'], 'a');
    await fill(['e2', 'e4'], 'b');
    await fill(['e5'], 'a');
    const first = deadLetters.list({ type: 'a', limit: 2 });
    expect(idsIn(first.items)).toEqual(['e1', 'e3']);
    expect(idsIn(deadLetters.list({ type: 'a', limit: 2, cursor: first.nextCursor }).items)).toEqual(['e5']);
    expect(deadLetters.list({ type: 'c' })).toEqual({ items: [], nextCursor: undefined });
  });

  test.each([
    [{ limit: 0 }, 'options.limit: got 0'],
    [{ limit: 10_001 }, 'options.limit: got 10001'],
    [{ limit: '5' }, 'options.limit: got "5"'],
    [{ cursor: 'e1' }, 'options.cursor: got "e1"'],
    [{ cursor: '' }, 'options.cursor: got ""'],
    [{ cursor: 3 }, 'options.cursor: got 3'],
    [{ type: 3 }, 'options.type: got 3'],
    [null, 'options: got null'],
  ])('refuses %j', (options, message) => {
    expect(() => deadLetters.list(options as never)).toThrow(message);
  });
});

describe('get', () => {
  test('gives the item of an event, or nothing', async () => {
    await fill(['e1']);
    expect(deadLetters.get('e1')).toMatchObject({ id: 'e1', attempts: 1 });
    expect(deadLetters.get('e2')).toBeUndefined();
    expect(() => deadLetters.get(5 as never)).toThrow('eventId: got 5');
  });
});

describe('reprocess', () => {
  test('queues the event again with its priority', async () => {
    await fill(['e1', 'e2']);
    expect(await deadLetters.reprocess('e1')).toBe(true);
    expect(queued).toEqual([['e1', 4]]);
    expect(left()).toEqual(['e2']);
  });

  test('is false for an unknown and for a poisoned event', async () => {
    await fill(['e1']);
    await deadLetters.markAsPoison('e1', 'bad data');
    expect(await deadLetters.reprocess('e1')).toBe(false);
    expect(await deadLetters.reprocess('e2')).toBe(false);
    expect(queued).toEqual([]);
    expect(left()).toEqual(['e1']);
  });

  test('leaves an event that is refused where it was', async () => {
    await fill(['e1', 'e2']);
    room = 0;
    expect(await deadLetters.reprocess('e1')).toBe(false);
    expect(left()).toEqual(['e1', 'e2']);
    expect(deadLetters.get('e1')).toMatchObject({ dlqTimestamp: START, attempts: 1 });
    room = 1;
    expect(await deadLetters.reprocess('e1')).toBe(true);
  });

  test('queues an event once however often it is called at once', async () => {
    await fill(['e1']);
    const answers = await Promise.all([deadLetters.reprocess('e1'), deadLetters.reprocess('e1')]);
    expect(answers).toEqual([true, false]);
    expect(queued).toHaveLength(1);
  });

  test('does not lose an event that fails again while it is being queued', async () => {
    await fill(['e1']);
    const again = deadLettersOf(queue, (event) => {
      queue.add(event, new Error('breaker is open'), 0, {});
      return true;
    });
    expect(await again.reprocess('e1')).toBe(true);
    expect(deadLetters.get('e1')?.errors.at(-1)?.message).toBe('breaker is open');
  });

  test('refuses what is no id', async () => {
    await expect(deadLetters.reprocess('' as never)).rejects.toThrow('eventId: got ""');
  });
});

describe('reprocessWhere', () => {
  test('queues what matches the criteria', async () => {
    await fill(['e1', 'e2'], 'a');
    await fill(['e3'], 'b');
    expect(idsIn(await deadLetters.reprocessWhere({ eventType: 'a' }))).toEqual(['e1', 'e2']);
    expect(queued).toEqual([
      ['e1', 4],
      ['e2', 4],
    ]);
    expect(left()).toEqual(['e3']);
  });

  test('queues what a predicate is true for, poisoned items never', async () => {
    await fill(['e1', 'e2', 'e3', 'e4']);
    await deadLetters.markAsPoison('e4', 'x');
    const seen: DLQItem[] = [];
    const events = await deadLetters.reprocessWhere((item) => {
      seen.push(item);
      return item.id !== 'e2';
    });
    expect(idsIn(seen)).toEqual(['e1', 'e2', 'e3']);
    expect(idsIn(events)).toEqual(['e1', 'e3']);
    expect(left()).toEqual(['e2', 'e4']);
  });

  test('answers only what the queue had room for; the rest stays in its order', async () => {
    await fill(['e1', 'e2', 'e3', 'e4']);
    room = 2;
    expect(idsIn(await deadLetters.reprocessWhere({}))).toEqual(['e1', 'e2']);
    expect(left()).toEqual(['e3', 'e4']);
  });

  test('with a predicate that throws queues nothing', async () => {
    await fill(['e1', 'e2']);
    const predicate = (item: DLQItem): boolean => {
      if (item.id === 'e2') throw new Error('my mistake');
      return true;
    };
    await expect(deadLetters.reprocessWhere(predicate)).rejects.toThrow('my mistake');
    expect(queued).toEqual([]);
    expect(left()).toEqual(['e1', 'e2']);
  });

  test('with an async predicate, for which all would match, queues nothing', async () => {
    await fill(['e1']);
    const predicate = (async () => false) as never;
    await expect(deadLetters.reprocessWhere(predicate)).rejects.toThrow(
      'allowed: criteria, or a function that answers at once',
    );
    expect(left()).toEqual(['e1']);
  });

  test('removes what has been queued even if the queue then throws', async () => {
    await fill(['e1', 'e2', 'e3']);
    const failing = deadLettersOf(queue, (event) => {
      if (event.id === 'e2') throw new Error('broken queue');
      return true;
    });
    await expect(failing.reprocessWhere({})).rejects.toThrow('broken queue');
    expect(left()).toEqual(['e2', 'e3']);
  });

  test('refuses what are no criteria', async () => {
    await expect(deadLetters.reprocessWhere(7 as never)).rejects.toThrow('criteria: got 7');
    await expect(deadLetters.reprocessWhere({ limit: -1 })).rejects.toThrow('criteria.limit: got -1');
  });
});

describe('markAsPoison', () => {
  test('needs an id and a reason', async () => {
    await expect(deadLetters.markAsPoison('', 'x')).rejects.toThrow('eventId: got ""');
    await expect(deadLetters.markAsPoison('e1', undefined as never)).rejects.toThrow('reason: got undefined');
  });
});

describe('purge', () => {
  test('removes everything, poisoned items too, and answers how many', async () => {
    await fill(['e1', 'e2']);
    await deadLetters.markAsPoison('e1', 'x');
    expect(await deadLetters.purge()).toBe(2);
    expect(left()).toEqual([]);
    expect(queued).toEqual([]);
  });

  test('removes what matches', async () => {
    await fill(['e1', 'e2'], 'a');
    await fill(['e3'], 'b');
    expect(await deadLetters.purge({ eventType: 'a', limit: 1 })).toBe(1);
    expect(left()).toEqual(['e2', 'e3']);
    await expect(deadLetters.purge({ maxAge: -1 })).rejects.toThrow('criteria.maxAge: got -1');
  });
});

describe('stats', () => {
  test('tell what is there and what has happened, and add up', async () => {
    await fill(['e1', 'e2', 'e3']);
    await deadLetters.reprocess('e1');
    const stats = deadLetters.stats();
    expect(stats).toMatchObject({
      totalItems: 2,
      itemsByEventType: { 'order.paid': 2 },
      filed: 3,
      restored: 0,
      evicted: 0,
      expired: 0,
      removed: 1,
      persistenceErrors: 0,
    });
    expect(stats.filed + stats.restored).toBe(stats.evicted + stats.expired + stats.removed + stats.totalItems);
  });
});

test('methods work without their object', async () => {
  const { list, get, reprocess, reprocessWhere, markAsPoison, purge, stats } = deadLetters;
  await fill(['e1']);
  await markAsPoison('e1', 'x');
  expect(list().items).toEqual([get('e1')]);
  expect(await reprocess('e1')).toBe(false);
  expect(await reprocessWhere({})).toEqual([]);
  expect(stats().totalItems).toBe(1);
  expect(await purge()).toBe(1);
});

describe('of a runtime', () => {
  afterEach(cleanUpAll);

  const broken = (): never => {
    throw new Error('broken');
  };

  test('take what has finally failed, and give it back with its priority and a fresh count of attempts', async () => {
    vi.useRealTimers();
    const runtime = quiet();
    let isBroken = true;
    const seen: string[] = [];
    runtime.on('job', (event) => {
      if (isBroken) broken();
      seen.push(String(event.data));
    });
    runtime.emit('job', 'a', { priority: 9 });
    await runtime.process();
    const [item] = runtime.deadLetters.list().items;
    expect(item).toMatchObject({ originalPriority: 9, attempts: 1, errors: [{ message: 'broken' }] });
    isBroken = false;
    runtime.emit('job', 'b', { priority: 1 });
    expect(await runtime.deadLetters.reprocess(item!.id)).toBe(true);
    await runtime.process();
    expect(seen).toEqual(['a', 'b']);
    expect(runtime.deadLetters.stats()).toMatchObject({ totalItems: 0, filed: 1, removed: 1 });
  });

  test('stay when the queue is full', async () => {
    vi.useRealTimers();
    const runtime = quiet({ queueSize: 1 });
    runtime.on('job', broken);
    const { eventId } = runtime.emit('job');
    await runtime.process();
    runtime.emit('other');
    expect(await runtime.reprocessFromDLQ(eventId)).toBe(false);
    expect(await runtime.reprocessDLQByCriteria({})).toEqual({ reprocessedCount: 0, events: [] });
    expect(runtime.deadLetters.get(eventId)).toBeDefined();
    await runtime.process();
    expect(await runtime.reprocessDLQByCriteria({})).toMatchObject({ reprocessedCount: 1, events: [{ id: eventId }] });
  });

  test('are bounded by deadLetter.maxSize and deadLetter.retentionMs', async () => {
    const runtime = quiet({
      deadLetter: { maxSize: 2, retentionMs: 1000 },
      queueConfig: { dlq: { cleanupInterval: 100 } },
    });
    runtime.on('job', broken);
    for (let n = 0; n < 3; n++) runtime.emit('job', n);
    const done = runtime.process();
    await vi.advanceTimersByTimeAsync(1);
    await done;
    expect(runtime.deadLetters.list().items.map((item) => item.event.data)).toEqual([1, 2]);
    await vi.advanceTimersByTimeAsync(1100);
    expect(runtime.deadLetters.stats()).toMatchObject({ totalItems: 0, evicted: 1, expired: 2 });
  });

  test.each([
    [{ maxSize: 0 }, 'deadLetter.maxSize'],
    [{ maxSize: 1.5 }, 'deadLetter.maxSize'],
    [{ retentionMs: 0 }, 'deadLetter.retentionMs'],
    [{ retentionMs: -5 }, 'deadLetter.retentionMs'],
  ])('refuse the configuration %j', (deadLetter, path) => {
    expect(() => quiet({ deadLetter })).toThrow(path);
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DeadLetterQueue } from '../lib/dead-letter-queue';
import { KernelError, RuntimeError } from '../lib/errors';
import type { DLQConfig } from '../lib/dead-letter-queue';
import type { AnyEvent } from '../lib/events';

const START = 1_000_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

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

function create(config: DLQConfig = {}, observability?: unknown): DeadLetterQueue {
  const queue = new DeadLetterQueue(observability, undefined, undefined, config);
  queues.push(queue);
  return queue;
}

function eventOf(id: string, type = 'order.paid', metadata?: Record<string, unknown>): AnyEvent {
  return { id, type, data: { of: id }, ts: 1, threadId: 't', ...(metadata && { metadata }) };
}

async function fill(queue: DeadLetterQueue, ids: readonly string[], message = 'broken'): Promise<void> {
  for (const id of ids) await queue.sendToDLQ(eventOf(id), new Error(message), 1);
}

function revokedList(): unknown[] {
  const { proxy, revoke } = Proxy.revocable<unknown[]>([], {});
  revoke();
  return proxy;
}

const idsOf = (queue: DeadLetterQueue): string[] => queue.page(1000, 0, null).items.map((item) => item.id);

describe('an item', () => {
  test('has the documented fields', async () => {
    const queue = create();
    const event = eventOf('e1', 'agent.step.failed', { agentId: 'a1', workflowId: 'w1' });
    const error = new Error('broken');
    const context = {
      handlerName: 'h',
      correlationId: 'c',
      traceId: 't',
      agentId: 'a1',
      workflowId: 'w1',
      originalPriority: 7,
    };
    await queue.sendToDLQ(event, error, 3, context);
    expect(queue.get('e1')).toStrictEqual({
      id: 'e1',
      event,
      errors: [{ message: 'broken', stack: error.stack, timestamp: START, attempt: 3 }],
      attempts: 3,
      firstFailedAt: START,
      lastFailedAt: START,
      dlqTimestamp: START,
      originalPriority: 7,
      processingContext: context,
      tags: ['type:agent', 'error:unknown', 'agent:a1', 'workflow:w1'],
      canReprocess: true,
    });
    expect(queue.get('e1')?.event).toBe(event);
  });

  test('has priority 0 and an empty context when none is given', async () => {
    const queue = create();
    await queue.sendToDLQ(eventOf('e1'), new Error('broken'), 1);
    expect(queue.get('e1')).toMatchObject({ originalPriority: 0, processingContext: {} });
  });

  test('that fails again gathers errors and keeps its entry time, first failure, priority and place', async () => {
    const queue = create();
    await queue.sendToDLQ(eventOf('e1'), new Error('first'), 2, { originalPriority: 5 });
    await fill(queue, ['e2']);
    vi.setSystemTime(START + 50);
    await queue.sendToDLQ(eventOf('e1'), new Error('second'), 4);
    expect(queue.get('e1')).toMatchObject({
      errors: [
        { message: 'first', timestamp: START, attempt: 2 },
        { message: 'second', timestamp: START + 50, attempt: 4 },
      ],
      attempts: 4,
      firstFailedAt: START,
      dlqTimestamp: START,
      lastFailedAt: START + 50,
      originalPriority: 5,
    });
    expect(idsOf(queue)).toEqual(['e1', 'e2']);
    expect(queue.getCounters()).toMatchObject({ filed: 2 });
  });

  test('keeps the first and the newest nine errors', async () => {
    const queue = create();
    for (let n = 0; n < 30; n++) await queue.sendToDLQ(eventOf('e1'), new Error(`m${n}`), n);
    const messages = queue.get('e1')?.errors.map((error) => error.message);
    expect(messages).toEqual(['m0', 'm21', 'm22', 'm23', 'm24', 'm25', 'm26', 'm27', 'm28', 'm29']);
    for (let n = 0; n < 30; n++) await queue.markAsPoison('e1', 'again');
    expect(queue.get('e1')?.errors).toHaveLength(10);
  });

  test('is tagged with the first kind of error found in message, name or code', async () => {
    const queue = create();
    const timeout = Object.assign(new Error('too late'), { name: 'TimeoutError' });
    const cyclic = new Error('broken');
    cyclic.cause = cyclic;
    const cases: [string, unknown, string][] = [
      ['message', new Error('upstream said: VALIDATIONERROR'), 'error:validationerror'],
      ['name', timeout, 'error:timeouterror'],
      ['code', new KernelError('TIMEOUT_EXCEEDED', 'Handler timed out after 5ms'), 'error:timeouterror'],
      ['system', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'error:networkerror'],
      ['abort', AbortSignal.abort(new DOMException('late', 'TimeoutError')).reason, 'error:timeouterror'],
      ['cause', new KernelError('RETRY_EXCEEDED', 'Max attempts exceeded', { cause: timeout }), 'error:timeouterror'],
      [
        'many',
        new RuntimeError('HANDLERS_FAILED', '1/2', { cause: new AggregateError([new Error('a'), timeout]) }),
        'error:timeouterror',
      ],
      ['none', new Error('broken'), 'error:unknown'],
      ['cycle', cyclic, 'error:unknown'],
    ];
    for (const [id, error] of cases) await queue.sendToDLQ(eventOf(id), error, 1);
    for (const [id, , tag] of cases) expect(queue.get(id)?.tags).toEqual(['type:order', tag]);
  });

  test.each([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a string', 'plain text', 'plain text'],
    ['a number', 7, '7'],
    ['an object with a message', { message: 'as an error' }, 'as an error'],
    ['an object without a text', Object.create(null), 'something that has no text was thrown'],
    ['an error with a list that cannot be read', Object.assign(new Error('odd'), { errors: revokedList() }), 'odd'],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('trap');
          },
        },
      ),
      'something that has no text was thrown',
    ],
  ])('is made of %s that was thrown', async (_name, thrown, message) => {
    const queue = create();
    await queue.sendToDLQ(eventOf('e1'), thrown, 1);
    expect(queue.get('e1')?.errors).toMatchObject([{ message }]);
  });

  test('may have an id that is no proper Unicode', async () => {
    const queue = create();
    await queue.sendToDLQ(eventOf('\ud800'), new Error('broken'), 1);
    await queue.sendToDLQ(eventOf('\ud801'), new Error('broken'), 1);
    expect((await queue.reprocessByCriteria({})).map((event) => event.id)).toEqual(['\ud801']);
    expect(queue.getDLQStats().totalItems).toBe(0);
  });
});

describe('bounds', () => {
  test('the oldest by entry time leave when a new one comes', async () => {
    const queue = create({ maxDLQSize: 3 });
    await fill(queue, ['e1', 'e2', 'e3', 'e4', 'e5']);
    expect(idsOf(queue)).toEqual(['e3', 'e4', 'e5']);
    expect(queue.getCounters()).toMatchObject({ filed: 5, evicted: 2, expired: 0, removed: 0 });
  });

  test('1000 items are kept by default', async () => {
    const queue = create();
    await fill(
      queue,
      Array.from({ length: 1005 }, (_, n) => `e${n}`),
    );
    expect(queue.getDLQStats().totalItems).toBe(1000);
  });

  test('items leave after seven days, at the next hourly sweep', async () => {
    const queue = create();
    await fill(queue, ['e1']);
    vi.advanceTimersByTime(30 * 60_000);
    await fill(queue, ['e2']);
    vi.advanceTimersByTime(7 * DAY_MS - 30 * 60_000 - 1);
    expect(idsOf(queue)).toEqual(['e1', 'e2']);
    vi.advanceTimersByTime(1);
    expect(idsOf(queue)).toEqual(['e2']);
    vi.advanceTimersByTime(HOUR_MS);
    expect(idsOf(queue)).toEqual([]);
    expect(queue.getCounters()).toMatchObject({ expired: 2 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the sweep keeps to cleanupInterval', async () => {
    const queue = create({ maxRetentionDays: 100 / DAY_MS, cleanupInterval: 60 });
    await fill(queue, ['e1']);
    vi.advanceTimersByTime(119);
    expect(idsOf(queue)).toEqual(['e1']);
    vi.advanceTimersByTime(1);
    expect(idsOf(queue)).toEqual([]);
  });

  test('a retention longer than a timer can wait is kept', async () => {
    const queue = create({ maxRetentionDays: 60 });
    await fill(queue, ['e1']);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(idsOf(queue)).toEqual(['e1']);
    vi.advanceTimersByTime(HOUR_MS);
    expect(idsOf(queue)).toEqual([]);
  });

  test('one timer serves all items, and none is armed without items, without cleanup or after destroy', async () => {
    const queue = create();
    expect(vi.getTimerCount()).toBe(0);
    await fill(queue, ['e1', 'e2', 'e3']);
    expect(vi.getTimerCount()).toBe(1);
    queue.destroy();
    queue.destroy();
    expect(vi.getTimerCount()).toBe(0);
    await fill(queue, ['e4']);
    await fill(create({ enableAutoCleanup: false }), ['e1']);
    expect(vi.getTimerCount()).toBe(0);
    expect(queue.getDLQStats().totalItems).toBe(4);
  });

  test('the timer stops when the last item leaves', async () => {
    const queue = create();
    await fill(queue, ['e1']);
    await queue.reprocessFromDLQ('e1');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the timer does not keep the process alive', async () => {
    vi.useRealTimers();
    const setTimeoutSpy = vi.spyOn(globalThis, 'setTimeout');
    await fill(create(), ['e1']);
    const timer = setTimeoutSpy.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
  });
});

describe('reprocessFromDLQ', () => {
  test('removes and returns the event itself', async () => {
    const queue = create();
    const event = eventOf('e1');
    await queue.sendToDLQ(event, new Error('broken'), 1);
    expect(await queue.reprocessFromDLQ('e1')).toBe(event);
    expect(queue.get('e1')).toBeUndefined();
    expect(await queue.reprocessFromDLQ('e1')).toBeNull();
  });

  test('returns null for an unknown event', async () => {
    expect(await create().reprocessFromDLQ('nobody')).toBeNull();
  });

  test('returns null for a poisoned event, which stays', async () => {
    const queue = create();
    await fill(queue, ['e1']);
    await queue.markAsPoison('e1', 'bad data');
    expect(await queue.reprocessFromDLQ('e1')).toBeNull();
    expect(queue.get('e1')).toBeDefined();
  });

  test('does not believe an item that a reader has changed', async () => {
    const queue = create();
    await fill(queue, ['e1']);
    await queue.markAsPoison('e1', 'bad data');
    queue.get('e1')!.canReprocess = true;
    expect(await queue.reprocessFromDLQ('e1')).toBeNull();
  });
});

describe('reprocessByCriteria', () => {
  async function mixed(): Promise<DeadLetterQueue> {
    const queue = create();
    await queue.sendToDLQ(eventOf('e1', 'order.paid', { agentId: 'a' }), new Error('NetworkError: down'), 1);
    vi.setSystemTime(START + 100);
    await queue.sendToDLQ(eventOf('e2', 'order.sent'), new Error('NetworkError: away'), 1);
    vi.setSystemTime(START + 200);
    await queue.sendToDLQ(eventOf('e3', 'order.paid'), new Error('broken'), 1);
    await queue.sendToDLQ(eventOf('e4', 'order.paid'), new Error('NetworkError: down'), 1);
    vi.setSystemTime(START + 300);
    return queue;
  }

  test.each([
    ['nothing given', {}, ['e1', 'e2', 'e3', 'e4']],
    ['eventType, equal', { eventType: 'order.paid' }, ['e1', 'e3', 'e4']],
    ['eventType, no prefix', { eventType: 'order' }, []],
    ['errorType, part of a message', { errorType: 'Error: d' }, ['e1', 'e4']],
    ['errorType, in its case', { errorType: 'networkerror' }, []],
    ['tag', { tag: 'agent:a' }, ['e1']],
    ['maxAge, at least that old', { maxAge: 200 }, ['e1', 'e2']],
    ['limit', { limit: 2 }, ['e1', 'e2']],
    ['limit 0, no limit', { limit: 0 }, ['e1', 'e2', 'e3', 'e4']],
    [
      'all of them',
      { eventType: 'order.paid', errorType: 'down', tag: 'error:networkerror', maxAge: 50, limit: 1 },
      ['e1'],
    ],
    [
      'keys that are undefined',
      { eventType: undefined, tag: undefined, limit: undefined, maxAge: undefined },
      ['e1', 'e2', 'e3', 'e4'],
    ],
  ])('takes out what matches: %s', async (_name, criteria, ids) => {
    const queue = await mixed();
    const events = await queue.reprocessByCriteria(criteria);
    expect(events.map((event) => event.id)).toEqual(ids);
    expect(idsOf(queue)).toEqual(['e1', 'e2', 'e3', 'e4'].filter((id) => !ids.includes(id)));
  });

  test('searches all messages of an item', async () => {
    const queue = await mixed();
    await queue.sendToDLQ(eventOf('e3', 'order.paid'), new Error('then this'), 2);
    expect(await queue.reprocessByCriteria({ errorType: 'broken' })).toHaveLength(1);
  });

  test('skips poisoned items', async () => {
    const queue = await mixed();
    await queue.markAsPoison('e1', 'bad data');
    expect((await queue.reprocessByCriteria({ limit: 1 })).map((event) => event.id)).toEqual(['e2']);
    expect(queue.get('e1')).toBeDefined();
  });

  test.each([
    [{ limit: -1 }, 'criteria.limit: got -1'],
    [{ limit: 1.5 }, 'criteria.limit: got 1.5'],
    [{ maxAge: NaN }, 'criteria.maxAge: got NaN'],
    [{ eventType: 7 }, 'criteria.eventType: got 7'],
    [null, 'criteria: got null'],
  ])('refuses %j', async (criteria, message) => {
    await expect(create().reprocessByCriteria(criteria as never)).rejects.toThrow(message);
  });
});

describe('markAsPoison', () => {
  test('bars the item, tags it and adds an error entry', async () => {
    const queue = create();
    await fill(queue, ['e1']);
    vi.setSystemTime(START + 10);
    await queue.markAsPoison('e1', 'bad data');
    expect(queue.get('e1')).toMatchObject({
      canReprocess: false,
      tags: ['type:order', 'error:unknown', 'poison'],
      errors: [{ message: 'broken' }, { message: 'Marked as poison: bad data', timestamp: START + 10, attempt: -1 }],
    });
  });

  test('does nothing for an unknown event', async () => {
    const queue = create();
    await expect(queue.markAsPoison('nobody', 'x')).resolves.toBeUndefined();
    expect(queue.getDLQStats().totalItems).toBe(0);
  });

  test('lasts when the event fails again', async () => {
    const queue = create();
    await fill(queue, ['e1']);
    await queue.markAsPoison('e1', 'bad data');
    await fill(queue, ['e1']);
    expect(queue.get('e1')).toMatchObject({ canReprocess: false, tags: ['type:order', 'error:unknown', 'poison'] });
    expect(await queue.reprocessFromDLQ('e1')).toBeNull();
  });
});

describe('getDLQStats', () => {
  test('of an empty queue are zeros', () => {
    expect(create().getDLQStats()).toStrictEqual({
      totalItems: 0,
      itemsByEventType: {},
      itemsByErrorType: {},
      averageAttempts: 0,
      oldestItem: undefined,
      recentItems: [],
    });
  });

  test('count items by type and error entries by kind', async () => {
    const queue = create();
    await queue.sendToDLQ(eventOf('e1'), new Error('ParseError'), 1);
    vi.setSystemTime(START + 10);
    await queue.sendToDLQ(eventOf('e2', 'x'), new Error('broken'), 2);
    await queue.sendToDLQ(eventOf('e1'), new Error('TimeoutError'), 4);
    vi.setSystemTime(START + 15);
    expect(queue.getDLQStats()).toStrictEqual({
      totalItems: 2,
      itemsByEventType: { 'order.paid': 1, x: 1 },
      itemsByErrorType: { parseerror: 1, timeouterror: 1, unknown: 1 },
      averageAttempts: 3,
      oldestItem: { id: 'e1', age: 15, eventType: 'order.paid' },
      recentItems: [
        { id: 'e2', eventType: 'x', errorMessage: 'broken', attempts: 2, age: 5 },
        { id: 'e1', eventType: 'order.paid', errorMessage: 'TimeoutError', attempts: 4, age: 15 },
      ],
    });
  });

  test('name the ten newest items', async () => {
    const queue = create();
    await fill(
      queue,
      Array.from({ length: 12 }, (_, n) => `e${n}`),
    );
    const { recentItems } = queue.getDLQStats();
    expect(recentItems.map((item) => item.id)).toEqual(Array.from({ length: 10 }, (_, n) => `e${11 - n}`));
  });

  test('stand a type with the name of a property of every object', async () => {
    const queue = create();
    await queue.sendToDLQ(eventOf('e1', '__proto__'), new Error('broken'), 1);
    expect(Object.entries(queue.getDLQStats().itemsByEventType)).toEqual([['__proto__', 1]]);
  });
});

describe('clearDLQ', () => {
  test('removes everything, poisoned items too, and answers how many', async () => {
    const queue = create();
    await fill(queue, ['e1', 'e2', 'e3']);
    await queue.markAsPoison('e2', 'x');
    expect(await queue.clearDLQ()).toBe(3);
    expect(await queue.clearDLQ()).toBe(0);
    expect(queue.getDLQStats().totalItems).toBe(0);
    expect(queue.getCounters()).toMatchObject({ filed: 3, removed: 3 });
  });
});

describe('logs', () => {
  test('an error for an item, with what is needed to find it, and of a flood the first and a count', async () => {
    const log = vi.fn();
    const queue = create({}, { log });
    const event = eventOf('e1', 'order.paid', { correlationId: 'c1', tenantId: 'acme' });
    await queue.sendToDLQ(event, Object.assign(new Error('broken'), { code: 'E_BROKEN' }), 3);
    await fill(queue, ['e2', 'e3']);
    expect(log).toHaveBeenCalledExactlyOnceWith(
      'error',
      expect.stringContaining('order.paid'),
      expect.objectContaining({
        eventId: 'e1',
        eventType: 'order.paid',
        correlationId: 'c1',
        tenantId: 'acme',
        attempt: 3,
        code: 'E_BROKEN',
        queueSize: 1,
        error: 'broken',
      }),
    );
    queue.destroy();
    expect(log).toHaveBeenLastCalledWith('error', expect.stringContaining('Dead letter'), { suppressed: 2 });
  });

  test('a warning from alertThreshold on', async () => {
    const log = vi.fn();
    const queue = create({ enableDetailedLogging: false, alertThreshold: 2 }, { log });
    await fill(queue, ['e1']);
    expect(log).not.toHaveBeenCalled();
    await fill(queue, ['e2']);
    expect(log).toHaveBeenCalledExactlyOnceWith('warn', 'There are 2 dead letters', { queueSize: 2 });
  });

  test('a log that throws breaks nothing', async () => {
    const log = vi.fn(() => {
      throw new Error('disk full');
    });
    const queue = create({ alertThreshold: 1 }, { log });
    await fill(queue, ['e1']);
    expect(queue.getDLQStats().totalItems).toBe(1);
    expect(log).toHaveBeenCalled();
  });
});

describe('arguments', () => {
  test.each([
    [{ maxDLQSize: 0 }, 'dlq.maxDLQSize: got 0'],
    [{ maxDLQSize: 1.5 }, 'dlq.maxDLQSize: got 1.5'],
    [{ maxDLQSize: '10' }, 'dlq.maxDLQSize'],
    [{ maxRetentionDays: 0 }, 'dlq.maxRetentionDays: got 0'],
    [{ maxRetentionDays: -1 }, 'dlq.maxRetentionDays: got -1'],
    [{ maxRetentionDays: Infinity }, 'dlq.maxRetentionDays'],
    [{ cleanupInterval: 0 }, 'dlq.cleanupInterval: got 0'],
    [{ cleanupInterval: NaN }, 'dlq.cleanupInterval: got NaN'],
    [{ alertThreshold: 0 }, 'dlq.alertThreshold: got 0'],
    [{ enableAutoCleanup: 'yes' }, 'dlq.enableAutoCleanup'],
    [{ enablePersistence: 1 }, 'dlq.enablePersistence'],
    [{ enableDetailedLogging: 1 }, 'dlq.enableDetailedLogging'],
    [7, 'dlq: got 7'],
  ])('configuration %j is refused', (config, message) => {
    expect(() => create(config as never)).toThrow(message);
    expect(() => create(config as never)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIGURATION' }));
  });

  test('undefined means not given', async () => {
    const queue = create({ maxDLQSize: undefined, maxRetentionDays: undefined, cleanupInterval: undefined });
    await fill(queue, ['e1']);
    vi.advanceTimersByTime(7 * DAY_MS);
    expect(queue.getDLQStats().totalItems).toBe(0);
  });

  test('a misspelt key is warned of', () => {
    const log = vi.fn();
    create({ maxDlqSize: 5 } as never, { log });
    expect(log).toHaveBeenCalledExactlyOnceWith(
      'warn',
      "unknown configuration key 'dlq.maxDlqSize'; did you mean 'maxDLQSize'?",
    );
  });

  test.each([
    ['no event', [null, new Error('x'), 1], 'event: got null'],
    ['an event without an id', [{ type: 'x' }, new Error('x'), 1], 'event.id: got undefined'],
    ['an event without a type', [{ id: 'x' }, new Error('x'), 1], 'event.type: got undefined'],
    ['no attempts', [{ id: 'x', type: 'x' }, new Error('x'), undefined], 'attempts: got undefined'],
    ['negative attempts', [{ id: 'x', type: 'x' }, new Error('x'), -1], 'attempts: got -1'],
  ])('sendToDLQ refuses %s', async (_name, args, message) => {
    await expect(create().sendToDLQ(...(args as [AnyEvent, Error, number]))).rejects.toThrow(message);
  });

  test('methods work without their object', async () => {
    const { sendToDLQ, reprocessFromDLQ, reprocessByCriteria, markAsPoison, getDLQStats, clearDLQ, destroy, ready } =
      create();
    await ready();
    await sendToDLQ(eventOf('e1'), new Error('broken'), 1);
    await markAsPoison('e1', 'x');
    expect(await reprocessFromDLQ('e1')).toBeNull();
    expect(await reprocessByCriteria({})).toEqual([]);
    expect(getDLQStats().totalItems).toBe(1);
    expect(await clearDLQ()).toBe(1);
    destroy();
  });
});

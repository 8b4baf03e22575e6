import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ConditionalMiddlewareExecutor,
  ConditionalMiddlewareFactory,
  conditionUtils,
  when,
  withTimeout,
} from '../../lib/middleware/index';
import type { ConditionalMiddleware, MiddlewareContext } from '../../lib/middleware/index';
import { coded, deferred, eventOf, failureOf } from './support';

const contextOf = (type = 'test', data: unknown = {}, metadata: Record<string, unknown> = {}): MiddlewareContext => {
  const event = eventOf(type, data);
  return { startTime: 0, middlewareChain: [], data, event, observability: undefined, metadata };
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('ConditionalMiddlewareExecutor', () => {
  it('runs by priority, ties in list order, 0 before 5, and skips where the condition is false', async () => {
    const log: string[] = [];
    const part = (name: string, more: Partial<ConditionalMiddleware> = {}): ConditionalMiddleware => ({
      middleware: async (_context, next) => {
        log.push(name);
        await next();
      },
      name,
      ...more,
    });
    const executor = new ConditionalMiddlewareExecutor(undefined);
    const list = [
      part('late', { priority: 9 }),
      part('a'),
      part('skipped', { condition: async () => false }),
      part('b'),
      part('zero', { priority: 0 }),
    ];
    await executor.execute(list, contextOf());
    expect(log).toEqual(['zero', 'a', 'b', 'late']);
    expect(executor.getStats()).toMatchObject({
      a: { applied: 1, skipped: 0, errors: 0 },
      skipped: { applied: 0, skipped: 1, errors: 0 },
    });
    executor.clearStats();
    expect(executor.getStats()).toEqual({});
  });

  it('counts an error for the one that threw it, and not calling next ends the chain', async () => {
    const executor = new ConditionalMiddlewareExecutor();
    const pass: ConditionalMiddleware = { middleware: (_context, next) => next(), name: 'outer' };
    for (const thrown of [new Error('x'), 'text']) {
      const list = [
        pass,
        {
          middleware: () => {
            throw thrown;
          },
        },
      ];
      expect(await failureOf(executor.execute(list, contextOf()))).toBe(thrown);
    }
    expect(executor.getStats()).toEqual({
      outer: { applied: 2, skipped: 0, errors: 0 },
      anonymous: { applied: 2, skipped: 0, errors: 2 },
    });
    const never = vi.fn();
    await executor.execute([{ middleware: () => undefined }, { middleware: never }], contextOf());
    expect(never).not.toHaveBeenCalled();
  });

  it('runs the rest again when next is called again: a failed event is not reported as fine', async () => {
    const factory = new ConditionalMiddlewareFactory();
    const executor = new ConditionalMiddlewareExecutor();
    const work = vi
      .fn()
      .mockRejectedValueOnce(new Error('1'))
      .mockRejectedValueOnce(new Error('2'))
      .mockResolvedValue(undefined);
    const retry = factory.createRetryMiddleware({ maxAttempts: 3, backoffMs: 100, condition: () => true });
    const times: number[] = [];
    const list = [
      retry,
      {
        middleware: async () => {
          times.push(performance.now());
          await work();
        },
      },
    ];
    const run = executor.execute(list, contextOf());
    await vi.advanceTimersByTimeAsync(300);
    await run;
    expect(times.map((time) => Math.round(time - times[0]!))).toEqual([0, 100, 300]);
    work.mockRejectedValue(new Error('down'));
    const failing = failureOf(executor.execute(list, contextOf()));
    await vi.advanceTimersByTimeAsync(300);
    expect(await failing).toMatchObject({ message: 'down' });
  });
});

describe('ConditionalMiddlewareFactory', () => {
  const factory = new ConditionalMiddlewareFactory(undefined);
  const run = (part: ConditionalMiddleware, next: () => Promise<void>, context = contextOf()): Promise<void> =>
    Promise.resolve(part.middleware(context, next));

  it('names and orders what it makes, and lets everything be overridden', () => {
    const described = [
      factory.createRetryMiddleware(),
      factory.createTimeoutMiddleware(),
      factory.createConcurrencyMiddleware(),
      factory.createObservabilityMiddleware(),
      factory.createCustomMiddleware(() => undefined),
      factory.createValidationMiddleware(),
    ].map(({ name, priority }) => [name, priority]);
    expect(described).toEqual([
      ['conditional-retry', 1],
      ['conditional-timeout', 2],
      ['conditional-concurrency', 3],
      ['conditional-observability', 10],
      ['custom-conditional', 5],
      ['conditional-validation', 0],
    ]);
    const condition = (): boolean => true;
    expect(factory.createRetryMiddleware({ name: 'mine', priority: 7, condition })).toMatchObject({
      name: 'mine',
      priority: 7,
      condition,
    });
  });

  it('retry gives up on errors that are named', async () => {
    const next = vi.fn(async () => {
      throw Object.assign(new Error('x'), { name: 'Fatal' });
    });
    await failureOf(run(factory.createRetryMiddleware({ nonRetryableErrors: ['Fatal'] }), next));
    expect(next).toHaveBeenCalledTimes(1);
  });

  it('timeout ends and leaves no timer', async () => {
    const part = factory.createTimeoutMiddleware({ timeoutMs: 50 });
    const slow = failureOf(run(part, () => new Promise(() => undefined)));
    await vi.advanceTimersByTimeAsync(50);
    expect(await slow).toMatchObject({ message: 'Operation timed out', code: 'TIMEOUT_EXCEEDED' });
    await run(part, async () => undefined);
    expect(
      await failureOf(
        run(part, async () => {
          throw coded('X');
        }),
      ),
    ).toMatchObject({ code: 'X' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('concurrency refuses what is over the limit of its key, and its count goes down', async () => {
    const part = factory.createConcurrencyMiddleware({ maxConcurrent: 1, key: (context) => context.event.type });
    const gate = deferred();
    const first = run(part, () => gate.promise);
    expect(await failureOf(run(part, async () => undefined))).toMatchObject({ message: 'CONCURRENCY_LIMIT_EXCEEDED' });
    await run(part, async () => undefined, contextOf('other'));
    gate.resolve();
    await first;
    await failureOf(
      run(part, async () => {
        throw new Error();
      }),
    );
    await run(part, async () => undefined);
  });

  it('validation validates', async () => {
    const part = factory.createValidationMiddleware({
      schema: { type: 'object', required: ['id'] },
      validateEvent: (event) => event.type !== 'bad',
    });
    const next = vi.fn(async () => undefined);
    expect(await failureOf(run(part, next))).toMatchObject({
      code: 'VALIDATION_ERROR',
      context: { issues: [{ path: 'id' }] },
    });
    expect(await failureOf(run(part, next, contextOf('bad', { id: 1 })))).toMatchObject({ code: 'VALIDATION_ERROR' });
    await run(part, next, contextOf('good', { id: 1 }));
    expect(next).toHaveBeenCalledTimes(1);
  });

  it('observability logs begin, end and failure', async () => {
    const log = vi.fn();
    const part = new ConditionalMiddlewareFactory({ log }).createObservabilityMiddleware({ level: 'warn' });
    await run(part, async () => undefined);
    await failureOf(
      run(part, async () => {
        throw new Error('x');
      }),
    );
    expect(log.mock.calls.map(([level]) => level)).toEqual(['warn', 'warn', 'warn', 'error']);
  });
});

describe('conditionUtils', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const u = conditionUtils;

  it.each([
    ['type', u.forEventTypes(['a']), contextOf('a'), contextOf('b')],
    ['priority of the data', u.forPriority(5, 6), contextOf('a', { priority: 5 }), contextOf('a', { priority: 7 })],
    ['priority of the metadata', u.forPriority(5), contextOf('a', {}, { priority: 5 }), contextOf('a')],
    ['priority 0 by default', u.forPriority(0, 0), contextOf(), contextOf('a', { priority: 1 })],
    ['size', u.forEventSize(10), contextOf(), contextOf('a', circular)],
    ['metadata', u.forMetadata('k', 1), contextOf('a', {}, { k: 1 }), contextOf('a', {}, { k: 2 })],
    ['context', u.forContext(({ data }) => data === 1), contextOf('a', 1), contextOf('a', 2)],
    ['origin', u.forOrigin(['web']), contextOf('a', { origin: 'web' }), contextOf('a', undefined)],
    [
      'tenant of the metadata',
      u.forTenant(['t']),
      contextOf('a', {}, { tenant: 't' }),
      contextOf('a', { tenant: 'x' }),
    ],
    ['critical by priority', u.forCriticalEvents(), contextOf('a', { priority: 8 }), contextOf('a', { priority: 7 })],
    ['critical by metadata', u.forCriticalEvents(), contextOf('a', {}, { critical: true }), contextOf()],
    ['debug', u.forDebugEvents(), contextOf('my.debug.event'), contextOf()],
    ['production', u.forProductionEvents(), contextOf('a', {}, { environment: 'production' }), contextOf()],
    ['probability', u.withProbability(1), contextOf(), undefined],
  ] as const)('%s', async (_name, condition, yes, no) => {
    expect(await condition(yes)).toBe(true);
    if (no !== undefined) expect(await condition(no)).toBe(false);
  });

  it('time windows may go over midnight', () => {
    const at = (hour: number): void => void vi.setSystemTime(new Date(2026, 0, 1, hour));
    const holds = (hour: number, start: number, end: number): unknown => (
      at(hour),
      u.forTimeWindow(start, end)(contextOf())
    );
    expect([holds(9, 9, 17), holds(17, 9, 17), holds(18, 9, 17)]).toEqual([true, true, false]);
    expect([holds(23, 22, 6), holds(6, 22, 6), holds(7, 22, 6)]).toEqual([true, true, false]);
  });

  it('logic goes from left to right and stops when it knows', async () => {
    const yes = vi.fn(async () => true);
    const no = vi.fn(async () => false);
    const unused = vi.fn(() => true);
    expect(await u.and(yes, no, unused)(contextOf())).toBe(false);
    expect(await u.or(no, yes, unused)(contextOf())).toBe(true);
    expect(await u.not(yes)(contextOf())).toBe(false);
    expect(unused).not.toHaveBeenCalled();
  });
});

describe('when', () => {
  it('wraps only the events for which the condition holds', async () => {
    const slow = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve('slow'), 100));
    const limited = when((event) => event.type === 'api', withTimeout({ timeoutMs: 50 }));
    expect([limited.kind, limited.displayName]).toEqual(['pipeline', 'when(withTimeout)']);
    const results = [failureOf(limited(slow)(eventOf('api'))), limited(slow)(eventOf('other'))];
    await vi.advanceTimersByTimeAsync(100);
    expect(await results[0]).toMatchObject({ code: 'TIMEOUT_EXCEEDED' });
    expect(await results[1]).toBe('slow');
  });

  it('takes the conditions of conditionUtils, asynchronous ones too', async () => {
    const shout = (handler: any) => async (event: any) => `${await handler(event)}!`;
    const loud = when(
      conditionUtils.and(conditionUtils.forEventTypes(['a']), conditionUtils.forMetadata('loud', true)),
      shout,
    );
    expect(await loud(() => 'hey')({ ...eventOf('a'), metadata: { loud: true } })).toBe('hey!');
    expect(await loud(() => 'hey')(eventOf('a'))).toBe('hey');
  });
});

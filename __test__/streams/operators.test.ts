import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createEvent } from '../../lib/events';
import { withRetry, withSchedule, withTimeout } from '../../lib/middleware/index';
import { StreamManager } from '../../lib/streams/index';
import { numbered, numbersOf, watched } from './helpers';
import type { NumberedEvent } from './helpers';

const manager = new StreamManager();
const upTo = (count: number) => manager.createStream(watched(count).source);

describe('operators on one item at a time', () => {
  it('filter keeps what the predicate calls truthy', async () => {
    const seen: unknown[][] = [];
    const kept = upTo(6).filter((...args: [NumberedEvent]) => {
      seen.push(args);
      return args[0].data.n % 2 === 0;
    });
    expect(numbersOf(await kept.toArray())).toEqual([0, 2, 4]);
    expect(seen.every((args) => args.length === 1)).toBe(true);
  });

  it('map hands on any object, also without an id', async () => {
    expect(
      await upTo(2)
        .map((event) => ({ double: event.data.n * 2 }))
        .toArray(),
    ).toEqual([{ double: 0 }, { double: 2 }]);
  });

  it('predicates and mappers that return promises are awaited', async () => {
    const stream = upTo(5)
      .filter(async (event) => event.data.n !== 1)
      .map(async (event) => event.data.n)
      .until(async (n) => n === 3);
    expect(await stream.toArray()).toEqual([0, 2, 3]);
  });

  it('until includes the first match and takeUntil excludes it', async () => {
    expect(
      numbersOf(
        await upTo(9)
          .until((event) => event.data.n === 2)
          .toArray(),
      ),
    ).toEqual([0, 1, 2]);
    expect(
      numbersOf(
        await upTo(9)
          .takeUntil((event) => event.data.n === 2)
          .toArray(),
      ),
    ).toEqual([0, 1]);
  });

  it('nothing runs before iteration, and the source is pulled one item at a time', async () => {
    const { source, seen } = watched(100);
    const stream = manager.createStream(source).map((event) => event.data.n);
    expect(seen).toEqual({ runs: 0, produced: 0, closed: 0 });
    const run = stream[Symbol.asyncIterator]();
    await run.next();
    await run.next();
    expect(seen.produced).toBe(2);
    await run.return!();
    expect(seen).toEqual({ runs: 1, produced: 2, closed: 1 });
  });

  it('withMiddleware hands on what the wrapped handler returns and drops what has no result', async () => {
    const stream = upTo(4).withMiddleware(
      (next) => async (event: NumberedEvent) =>
        event.data.n % 2 === 0 ? { ...(await next(event)), wrapped: true } : undefined,
    );
    const items = (await stream.toArray()) as (NumberedEvent & { wrapped?: boolean })[];
    expect(numbersOf(items)).toEqual([0, 2]);
    expect(items.every((item) => item.wrapped)).toBe(true);
    const failing = upTo(4).withMiddleware(() => () => {
      throw new Error('refused');
    });
    await expect(failing.toArray()).rejects.toThrow('refused');
  });

  it('withMiddleware takes the middleware of a runtime, also a factory that is not called', async () => {
    let failures = 0;
    const flaky = (next: (event: NumberedEvent) => unknown) => (event: NumberedEvent) => {
      if (event.data.n === 1 && failures++ < 1) throw Object.assign(new Error('flaky'), { status: 503 });
      return next(event);
    };
    const retry = withRetry({ maxRetries: 2, initialDelayMs: 1 });
    const stream = upTo(3).withMiddleware((next) => retry(flaky(next)));
    expect(numbersOf(await stream.toArray())).toEqual([0, 1, 2]);
    expect(failures).toBe(2);
    expect(numbersOf(await upTo(2).withMiddleware(withRetry).withMiddleware(withTimeout).toArray())).toEqual([0, 1]);
    expect(() => upTo(1).withMiddleware(withSchedule as never)).toThrow(/withSchedule uncalled/);
    expect(() => upTo(1).withMiddleware((() => 7) as never)).toThrow(/middleware that returns a function/);
  });

  it('methods work without their object', async () => {
    const { createStream } = new StreamManager();
    const { filter } = createStream([1, 2, 3]);
    const { toArray } = filter((n) => n > 1);
    expect(await toArray()).toEqual([2, 3]);
  });

  it('bad arguments are refused at the call, with the name of the argument', () => {
    expect(() => manager.createStream(42 as never)).toThrow(/createStream\.source: got 42/);
    expect(() => upTo(1).filter('x' as never)).toThrow(/filter\.predicate/);
    expect(() => upTo(1).batch('10' as never)).toThrow(/batch\.size/);
    expect(() => upTo(1).batch(Number.NaN)).toThrow(/batch\.size/);
    expect(() => upTo(1).debounce(-1)).toThrow(/debounce\.ms/);
    expect(() => upTo(1).throttle(10, { leading: false })).toThrow(/throttle\.trailing/);
    expect(() => upTo(1).merge(7 as never)).toThrow(/merge\[0\]/);
  });
});

describe('sources', () => {
  const read = async (source: Parameters<typeof manager.createStream>[0]) =>
    manager.createStream<unknown>(source as never).toArray();

  it('may be functions, iterables, arrays, iterators and readable streams', async () => {
    expect(await read([1, 2, 3] as never)).toEqual([1, 2, 3]);
    expect(await read(new Set([1, 2]) as never)).toEqual([1, 2]);
    expect(await read((() => [1, 2]) as never)).toEqual([1, 2]);
    expect(
      await read(function* () {
        yield* [1, 2];
      } as never),
    ).toEqual([1, 2]);
    expect(await read(Readable.from([1, 2]))).toEqual([1, 2]);
    expect(await read(new ReadableStream({ start: (c) => (c.enqueue(1), c.close()) }) as never)).toEqual([1]);
    expect(await read([Promise.resolve(1), 2] as never)).toEqual([1, 2]);
    let n = 0;
    expect(await read({ next: async () => ({ done: n === 2, value: n++ }) } as never)).toEqual([0, 1]);
  });

  it.each([
    [
      'a generator object',
      () =>
        (async function* () {
          yield 1;
        })(),
    ],
    ['a Readable', () => Readable.from([1])],
    ['a ReadableStream', () => new ReadableStream({ start: (c) => (c.enqueue(1), c.close()) })],
    [
      'a function that returns the same generator',
      () => {
        const one = [1].values();
        return () => one;
      },
    ],
  ])('%s gives a clear error the second time, never silence', async (_name, make) => {
    const stream = manager.createStream<unknown>(make() as never);
    expect(await stream.toArray()).toEqual([1]);
    await expect(stream.toArray()).rejects.toMatchObject({
      code: 'STREAM_ERROR',
      message: expect.stringContaining('only once'),
    });
  });

  it('a function that returns no source is an error that says so', async () => {
    await expect(manager.createStream((async () => 1) as never).toArray()).rejects.toThrow(/the function returned/);
  });

  it('each iteration calls the function anew, also at the same time', async () => {
    const { source, seen } = watched(3);
    const stream = manager.createStream(source);
    const runs = await Promise.all([stream.toArray(), stream.toArray()]);
    expect(runs.map(numbersOf)).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    expect(seen).toMatchObject({ runs: 2, closed: 2 });
  });
});

describe('batch', () => {
  it('of ten items by three: 3, 3, 3, 1', async () => {
    const batches = await upTo(10).batch(3).toArray();
    expect(batches.map((batch) => batch.data.size)).toEqual([3, 3, 3, 1]);
    expect(batches.flatMap((batch) => numbersOf(batch))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('has the shape of an event and reads like an array, without enumerable extras', async () => {
    const [batch] = await upTo(3).batch(5).toArray();
    expect(Object.keys(batch!).sort()).toEqual(['data', 'id', 'threadId', 'ts', 'type']);
    expect(Object.keys(batch!.data).sort()).toEqual([
      'batchDuration',
      'batchStartTime',
      'count',
      'events',
      'size',
      'timestamp',
    ]);
    const { data } = batch!;
    expect(batch).toMatchObject({ type: 'stream.batch', ts: data.timestamp });
    expect(data.batchDuration).toBe(data.timestamp - data.batchStartTime);
    expect(batch!.length).toBe(3);
    expect(batch!.map((event) => event.data.n)).toEqual([0, 1, 2]);
    expect(batch!.filter((event) => event.data.n > 1)).toHaveLength(1);
    expect(batch!.reduce((sum, event) => sum + event.data.n, 0)).toBe(3);
    expect(batch!.some((event) => event.data.n === 2) && batch!.every((event) => event.data.n < 3)).toBe(true);
    expect(batch!.find((event) => event.data.n === 1)).toBe(batch!.at(1));
    expect(batch!.slice(1)).toEqual(data.events.slice(1));
    const visited: number[] = [];
    batch!.forEach((event) => visited.push(event.data.n));
    expect(visited).toEqual([0, 1, 2]);
    expect([...batch!]).toEqual(data.events);
    expect(Object.keys({ ...batch })).not.toContain('map');
  });

  it('a size below 1 counts as 1', async () => {
    expect((await upTo(2).batch(0).toArray()).map((batch) => batch.length)).toEqual([1, 1]);
    expect((await upTo(2).batch(-3, 50).toArray()).map((batch) => batch.length)).toEqual([1, 1]);
  });

  it.each([undefined, 50])('hands on what it has before the error of its source (timeout %s)', async (timeoutMs) => {
    const stream = manager.createStream(watched(9, { failAt: 5 }).source).batch(3, timeoutMs);
    const sizes: number[] = [];
    await expect(
      (async () => {
        for await (const batch of stream) sizes.push(batch.length);
      })(),
    ).rejects.toThrow('failed at 5');
    expect(sizes).toEqual([3, 2]);
  });
});

describe('merge and combineLatest', () => {
  it('merge takes from all sources as they come, in the order of each', async () => {
    const items = await manager
      .createStream([1, 2, 3])
      .merge(manager.createStream(['a', 'b']), new Set([true]))
      .toArray();
    expect(items).toEqual([1, 'a', true, 2, 'b', 3]);
  });

  it('the same streams merged and then combined both have all their items', async () => {
    const [users, orders] = [upTo(4), upTo(2)];
    expect(await users.merge(orders).toArray()).toHaveLength(6);
    const combined = await users.combineLatest(orders).toArray();
    expect(combined.at(-1)!.data.events.map((event) => event.data.n)).toEqual([3, 1]);
    expect(combined).toHaveLength(5);
  });

  it('a source that only yields to itself does not starve one that waits for I/O', async () => {
    const endless = manager.createStream(function* () {
      for (let n = 0; ; n++) yield n;
    });
    const waiting = manager.createStream(async function* () {
      await new Promise((resolve) => setTimeout(resolve, 5));
      yield 'timer';
    });
    const seen: unknown[] = [];
    for await (const item of endless.merge(waiting)) {
      seen.push(item);
      if (item === 'timer') break;
    }
    expect(seen.at(-1)).toBe('timer');
  });

  it('combineLatest has the shape of an event with the latest items in order', async () => {
    const stream = manager.createStream([1]).combineLatest(['a', 'b'], [true]);
    const items = await stream.toArray();
    expect(items.map((item) => item.data.events)).toEqual([
      [1, 'a', true],
      [1, 'b', true],
    ]);
    expect(items[0]).toMatchObject({ type: 'stream.batch', data: { count: 3, size: 3, timestamp: items[0]!.ts } });
    expect(Object.keys(items[0]!).sort()).toEqual(['data', 'id', 'threadId', 'ts', 'type']);
    expect(items[0]!.map(String)).toEqual(['1', 'a', 'true']);
  });

  it('combineLatest with a source that ends empty emits nothing and ends', async () => {
    expect(await upTo(3).combineLatest([]).toArray()).toEqual([]);
  });

  it('when one source fails the others are closed', async () => {
    for (const join of ['merge', 'combineLatest'] as const) {
      const [good, bad] = [watched(100), watched(3, { failAt: 2 })];
      const stream = manager.createStream(good.source)[join](manager.createStream(bad.source));
      await expect(stream.toArray()).rejects.toThrow('failed at 2');
      expect([good.seen.closed, bad.seen.closed]).toEqual([1, 1]);
    }
  });

  it('when the consumer leaves all sources are closed', async () => {
    const sources = [watched(100), watched(100), watched(100)];
    const [first, ...others] = sources.map(({ source }) => manager.createStream(source));
    for await (const _ of first!.merge(...others)) break;
    await new Promise((resolve) => setImmediate(resolve));
    expect(sources.map(({ seen }) => seen.closed)).toEqual([1, 1, 1]);
  });

  it('the manager has them as functions too', async () => {
    expect(await manager.createMerge([1], [2]).toArray()).toEqual([1, 2]);
    expect((await manager.createCombineLatest([1], [2]).toArray())[0]!.data.events).toEqual([1, 2]);
  });
});

describe('errors and leaving', () => {
  it('an error comes as it is, after the items before it', async () => {
    const error = new Error('mapper');
    const stream = upTo(9).map((event) => {
      if (event.data.n === 2) throw error;
      return event.data.n;
    });
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const n of stream) seen.push(n);
      })(),
    ).rejects.toBe(error);
    expect(seen).toEqual([0, 1]);
  });

  it.each(['filter', 'map', 'until'] as const)('a throwing %s closes the source once', async (operator) => {
    const { source, seen } = watched(5);
    const refuse = (): never => {
      throw new Error('no');
    };
    const stream = manager.createStream(source);
    const chained = { filter: stream.filter(refuse), map: stream.map(refuse), until: stream.until(refuse) }[operator];
    await expect(chained.toArray()).rejects.toThrow('no');
    expect(seen.closed).toBe(1);
  });

  it('return is called once on an iterator that is left', async () => {
    let returned = 0;
    const iterable = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: createEvent('x') }),
        return: async () => (returned++, { done: true as const, value: undefined }),
      }),
    };
    const run = manager
      .createStream(iterable)
      .map((x) => x)
      [Symbol.asyncIterator]();
    await run.next();
    await run.return!();
    await run.return!();
    expect(returned).toBe(1);
    expect(await run.next()).toEqual({ done: true, value: undefined });
  });

  it('calls of next that overlap are answered in order', async () => {
    const run = manager.createStream(watched(3, { pauseMs: 2 }).source)[Symbol.asyncIterator]();
    const results = await Promise.all([run.next(), run.next(), run.next(), run.next(), run.next()]);
    expect(results.map(({ value }) => value?.data.n)).toEqual([0, 1, 2, undefined, undefined]);
    expect(results.map(({ done }) => done)).toEqual([false, false, false, true, true]);
  });

  it('numbered events keep their identity', async () => {
    const event = numbered(1);
    expect(
      (
        await manager
          .createStream([event])
          .filter(() => true)
          .toArray()
      )[0],
    ).toBe(event);
  });
});

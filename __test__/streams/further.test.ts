import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { StreamManager } from '../../lib/streams/index';
import { marbles, sleep, timeline, watched } from './helpers';
import type { EventStream, StreamBatch } from '../../lib/streams/index';

const manager = new StreamManager();
const of = <T>(...items: T[]): EventStream<T> => manager.createStream<T>(items);
const failing = (items: number[], error: unknown = new Error('broken')): EventStream<number> =>
  manager.createStream(async function* () {
    yield* items;
    throw error;
  });

describe('operators that look at one item at a time', () => {
  it('take, skip and takeWhile', async () => {
    const { source, seen } = watched(100);
    expect(
      await manager
        .createStream(source)
        .skip(2)
        .take(2)
        .map((event) => event.data.n)
        .toArray(),
    ).toEqual([2, 3]);
    expect(seen).toEqual({ runs: 1, produced: 4, closed: 1 });
    expect(
      await of(1, 2, 3, 1)
        .takeWhile((n) => n < 3)
        .toArray(),
    ).toEqual([1, 2]);
    expect(await of(1, 2).take(0).toArray()).toEqual([]);
    expect(await of(1, 2).skip(5).toArray()).toEqual([]);
  });

  it('scan and tap, with functions that are asynchronous too', async () => {
    const seen: number[] = [];
    const sums = of(1, 2, 3)
      .tap(async (n) => void seen.push(n))
      .scan(async (sum, n) => sum + n, 10);
    expect(await sums.toArray()).toEqual([11, 13, 16]);
    expect(await sums.toArray()).toEqual([11, 13, 16]);
    expect(seen).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('distinct and distinctUntilChanged', async () => {
    expect(await of(1, 2, 1, 3, 2).distinct().toArray()).toEqual([1, 2, 3]);
    expect(
      await of('a', 'bb', 'c')
        .distinct((text) => text.length)
        .toArray(),
    ).toEqual(['a', 'bb']);
    expect(
      await of(1, 2, 3, 1)
        .distinct((n) => n, { capacity: 2 })
        .toArray(),
    ).toEqual([1, 2, 3, 1]);
    expect(await of(1, 1, 2, 2, 1).distinctUntilChanged().toArray()).toEqual([1, 2, 1]);
    expect(
      await of(1, 2, 5)
        .distinctUntilChanged((a, b) => b - a < 2)
        .toArray(),
    ).toEqual([1, 5]);
  });

  it('bufferCount makes arrays, and stopping behind it keeps what is held from passing', async () => {
    expect(await of(1, 2, 3, 4, 5).bufferCount(2).toArray()).toEqual([[1, 2], [3, 4], [5]]);
    expect(await of(1, 2, 3, 4, 5).bufferCount(2).take(1).bufferCount(5).toArray()).toEqual([[[1, 2]]]);
    expect(await of(1, 2, 3).bufferCount(2).take(1).toArray()).toEqual([[1, 2]]);
    expect(await of(1, 2, 3).take(1).bufferCount(2).toArray()).toEqual([[1]]);
  });

  it('bufferCount may overlap, or leave gaps', async () => {
    expect(await of(0, 1, 2, 3, 4).bufferCount(3, 2).toArray()).toEqual([[0, 1, 2], [2, 3, 4], [4]]);
    expect(await of(0, 1, 2, 3, 4).bufferCount(3, 1).toArray()).toEqual([[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4], [4]]);
    expect(await of(0, 1, 2, 3, 4, 5, 6).bufferCount(2, 3).toArray()).toEqual([[0, 1], [3, 4], [6]]);
    const slow = of(0, 1, 2, 3)
      .bufferCount(2, 1)
      .map(async (items) => items.length)
      .filter((n) => n === 1);
    expect(await slow.toArray()).toEqual([1]);
    expect(() => of(1).bufferCount(2, 0)).toThrow(/bufferCount\.every: got 0/);
  });

  it('partition gives both halves', async () => {
    const [even, odd] = of(1, 2, 3, 4).partition((n) => n % 2 === 0);
    expect(await even.toArray()).toEqual([2, 4]);
    expect(await odd.toArray()).toEqual([1, 3]);
  });

  it('a step that waits in the middle of a chain does not change the order', async () => {
    const slow = of(3, 1, 2)
      .map(async (n) => (await sleep(n), n))
      .filter((n) => n !== 1)
      .map((n) => n * 10);
    expect(await slow.toArray()).toEqual([30, 20]);
    await expect(
      of(1)
        .map(async () => Promise.reject(new Error('late')))
        .toArray(),
    ).rejects.toThrow('late');
  });
});

describe('mapAsync, flatMap, concatMap', () => {
  it('mapAsync keeps the order, or not, and never runs more than allowed', async () => {
    let running = 0;
    let most = 0;
    const work = async (n: number): Promise<number> => {
      most = Math.max(most, ++running);
      await sleep(n === 1 ? 20 : 1);
      running--;
      return n;
    };
    expect(await of(1, 2, 3, 4, 5).mapAsync(work, { concurrency: 2 }).toArray()).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
    const unordered = await of(1, 2, 3).mapAsync(work, { concurrency: 3, ordered: false }).toArray();
    expect(unordered.at(-1)).toBe(1);
    expect(unordered.sort()).toEqual([1, 2, 3]);
  });

  it('mapAsync is stopped by a slow reader', async () => {
    const { source, seen } = watched(1000);
    const run = manager
      .createStream(source)
      .mapAsync(async (event) => event.data.n, { concurrency: 4 })
      [Symbol.asyncIterator]();
    await run.next();
    await sleep(5);
    expect(seen.produced).toBeLessThanOrEqual(6);
    await run.return!();
    expect(seen.closed).toBe(1);
    expect(manager.getStats().buffers.mapAsync!.buffered).toBe(0);
  });

  it('an error of mapAsync comes in its turn, after the items before it', async () => {
    const { source, seen } = watched(9);
    const stream = manager.createStream(source).mapAsync(async (event) => {
      if (event.data.n === 2) throw new Error('third');
      return event.data.n;
    });
    const items: number[] = [];
    await expect(stream.forEach((n) => items.push(n))).rejects.toThrow('third');
    expect(items).toEqual([0, 1]);
    expect(seen.closed).toBe(1);
  });

  it('concatMap and flatMap take streams, arrays, generators and promises of them', async () => {
    expect(
      await of(1, 2)
        .concatMap((n) => of(n, n * 10))
        .toArray(),
    ).toEqual([1, 10, 2, 20]);
    expect(
      await of(1, 2)
        .concatMap(async (n) => [n, n])
        .toArray(),
    ).toEqual([1, 1, 2, 2]);
    expect(
      await of(1, 2)
        .flatMap((n) => [n, n * 10])
        .toArray(),
    ).toEqual([1, 10, 2, 20]);
    expect(
      await of(1, 2)
        .flatMap(async (n) => [n])
        .toArray(),
    ).toEqual([1, 2]);
    await expect(
      of(1)
        .concatMap((() => 7) as never)
        .toArray(),
    ).rejects.toThrow(/concatMap/);
  });

  it('flatMap reads inner streams side by side up to its limit, and closes all when left', async () => {
    const inner = [watched(3, { pauseMs: 3 }), watched(3, { pauseMs: 3 }), watched(3, { pauseMs: 3 })];
    const stream = of(0, 1, 2).flatMap((n) => inner[n]!.source(), { concurrency: 2 });
    const run = stream[Symbol.asyncIterator]();
    await run.next();
    expect(inner.map(({ seen }) => seen.runs)).toEqual([1, 1, 0]);
    await run.return!();
    await sleep(10);
    expect(inner.map(({ seen }) => seen.closed)).toEqual([1, 1, 0]);
    expect(
      await of(0, 1, 2)
        .flatMap((n) => [n, n], { concurrency: 1 })
        .count(),
    ).toBe(6);
  });

  it('an error of an inner stream closes the outer one', async () => {
    for (const operator of ['concatMap', 'flatMap'] as const) {
      const { source, seen } = watched(5);
      const stream = manager.createStream(source);
      await expect(stream[operator](() => failing([])).toArray()).rejects.toThrow('broken');
      expect(seen.closed).toBe(1);
    }
  });
});

describe('errors', () => {
  it('catchError goes on with another stream, or ends', async () => {
    expect(
      await failing([1, 2])
        .catchError((error) => [(error as Error).message])
        .toArray(),
    ).toEqual([1, 2, 'broken']);
    expect(
      await failing([1])
        .catchError(async () => of(9))
        .toArray(),
    ).toEqual([1, 9]);
    expect(
      await failing([1])
        .catchError(() => undefined)
        .toArray(),
    ).toEqual([1]);
    await expect(
      failing([1])
        .catchError(() => failing([2], new Error('again')))
        .toArray(),
    ).rejects.toThrow('again');
    await expect(
      failing([1])
        .catchError(() => {
          throw new Error('handler');
        })
        .toArray(),
    ).rejects.toThrow('handler');
  });

  it('retry runs the stream again and gives the last error', async () => {
    let runs = 0;
    const flaky = manager.createStream(async function* () {
      runs++;
      yield runs;
      if (runs < 3) throw new Error(`run ${runs}`);
    });
    expect(await flaky.retry(3).toArray()).toEqual([1, 2, 3]);
    runs = -100;
    await expect(flaky.retry({ maxAttempts: 2 }).toArray()).rejects.toThrow('run -98');
  });
});

describe('joins', () => {
  it('zip ends with the shortest and closes the others', async () => {
    const { source, seen } = watched(100);
    const zipped = of('a', 'b').zip(manager.createStream(source), [true, false, true]);
    expect((await zipped.toArray()).map(([text, event, flag]) => [text, event.data.n, flag])).toEqual([
      ['a', 0, true],
      ['b', 1, false],
    ]);
    expect(seen.closed).toBe(1);
  });

  it('race goes on with the first and closes the others', async () => {
    const [slow, fast] = [watched(3, { pauseMs: 30 }), watched(3, { pauseMs: 2 })];
    const winner = manager.createStream(slow.source).race(manager.createStream(fast.source).map(() => 'fast'));
    expect(await winner.toArray()).toEqual(['fast', 'fast', 'fast']);
    await sleep(40);
    expect(slow.seen).toEqual({ runs: 1, produced: 1, closed: 1 });
  });

  it('withLatestFrom takes all that another source brings at once', async () => {
    const ticks = manager.createStream(async function* () {
      await sleep(20);
      yield 'tick';
    });
    const burst = manager.createStream(async function* () {
      await sleep(1);
      yield* [1, 2, 3, 4];
      await sleep(1000);
    });
    expect(await ticks.withLatestFrom(burst.delay(2)).toArray()).toEqual([['tick', 4]]);
  });

  it('an operator that ends with what was held before an error keeps that error back', async () => {
    const { source, seen } = watched(10, { failAt: 3 });
    const held = manager.createStream(source).bufferCount(2).skip(1);
    expect(await held.take(1).count()).toBe(1);
    await expect(held.take(2).count()).rejects.toThrow('failed at 3');
    const thrown = manager.createStream([1, 2, 3]).map((n) => {
      if (n === 3) throw new Error('three');
      return n;
    });
    expect(
      await thrown
        .bufferCount(4)
        .until(() => true)
        .toArray(),
    ).toEqual([[1, 2]]);
    expect(seen).toMatchObject({ runs: 2, closed: 2 });
  });

  it('withLatestFrom pairs each item with the latest of the others', async () => {
    expect(await of(1, 2, 3).withLatestFrom(['a', 'b']).toArray()).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'b'],
    ]);
    const { source, seen } = watched(100);
    expect(await of(1).withLatestFrom(manager.createStream(source)).count()).toBe(0);
    expect(
      await of(1, 2)
        .map(async (n) => (await sleep(3), n))
        .withLatestFrom(manager.createStream(source))
        .count(),
    ).toBe(2);
    await sleep(5);
    expect(seen.closed).toBe(2);
    await expect(of(1).withLatestFrom(failing([])).toArray()).resolves.toEqual([]);
  });

  it('share runs the source once for readers that begin together', async () => {
    const { source, seen } = watched(600);
    const shared = manager.createStream(source).share();
    const [all, odd] = await Promise.all([shared.toArray(), shared.filter((event) => event.data.n % 2 === 1).count()]);
    expect([all.length, odd]).toEqual([600, 300]);
    expect(seen).toEqual({ runs: 1, produced: 600, closed: 1 });
    await shared.first();
    expect(seen.runs).toBe(2);
  });

  it.each([
    ['wait', 20, { dropped: 0 }],
    ['drop-oldest', 4, { dropped: 16 }],
  ] as const)('a shared stream with %s gives its slow reader %i items', async (overflow, expected, { dropped }) => {
    const own = new StreamManager();
    const shared = own.createStream(Array.from({ length: 20 }, (_, n) => n)).share({ buffer: 4, overflow });
    const slow = shared[Symbol.asyncIterator]();
    const first = slow.next();
    const fast = shared.count();
    const items = [(await first).value];
    if (overflow !== 'wait') expect(await fast).toBe(20);
    for (let next = await slow.next(); !next.done; next = await slow.next()) items.push(next.value);
    expect(await fast).toBe(20);
    expect(items.length + own.getStats().buffers.share!.dropped).toBe(20);
    expect(Math.abs(items.length - expected)).toBeLessThanOrEqual(1);
    expect(Math.abs(own.getStats().buffers.share!.dropped - dropped)).toBeLessThanOrEqual(1);
    expect(own.getStats().buffers.share!.buffered).toBe(0);
  });

  it('a shared stream with fail gives its slow reader an error and the fast one all', async () => {
    const shared = of(...Array.from({ length: 20 }, (_, n) => n)).share({ buffer: 4, overflow: 'fail' });
    const slow = shared[Symbol.asyncIterator]();
    await Promise.all([slow.next(), shared.count()]);
    await expect(slow.next()).rejects.toMatchObject({ code: 'RUNTIME_STREAM_BUFFER_FULL' });
  });

  it('a join takes a signal last', async () => {
    const controller = new AbortController();
    const { source, seen } = watched(1000, { pauseMs: 1 });
    const merged = manager.createStream(source).merge([1], { signal: controller.signal });
    expectTypeOf(await merged.first()).not.toBeUnknown();
    setTimeout(() => controller.abort(), 20);
    expect((await merged.toArray()).length).toBeLessThan(200);
    await sleep(5);
    expect(seen.closed).toBe(2);
  });
});

describe('consumers', () => {
  it('first, last, count, reduce, forEach', async () => {
    expect([await of(1, 2, 3).first(), await of(1, 2, 3).last(), await of(1, 2, 3).count()]).toEqual([1, 3, 3]);
    expect([await of().first(), await of().last(), await of().count()]).toEqual([undefined, undefined, 0]);
    expect(await of(1, 2, 3).reduce(async (sum, n) => sum + n, 0)).toBe(6);
    expect(await of(1).reduce(() => null, 7 as number | null)).toBeNull();
    const seen: number[] = [];
    await of(1, 2).forEach(async (n) => {
      await sleep(1);
      seen.push(n);
    });
    expect(seen).toEqual([1, 2]);
    const { source, seen: watch } = watched(9);
    await manager.createStream(source).first();
    expect(watch).toMatchObject({ produced: 1, closed: 1 });
  });

  it('first and last of those that a predicate wants', async () => {
    const { source, seen } = watched(9);
    const events = manager.createStream(source);
    expect((await events.first((event) => event.data.n > 3))?.data.n).toBe(4);
    expect(seen).toMatchObject({ produced: 5, closed: 1 });
    expect((await events.last(async (event) => event.data.n < 6, {}))?.data.n).toBe(5);
    expect(await events.first((event) => event.data.n > 90)).toBeUndefined();
    expect(await of(1, 2).last({ signal: AbortSignal.abort() })).toBeUndefined();
    await expect(of(1).first('x' as never)).rejects.toThrow(/first\.predicate: got/);
  });

  it('a visitor that throws ends the run and closes the source', async () => {
    const { source, seen } = watched(9);
    await expect(
      manager.createStream(source).forEach(async () => Promise.reject(new Error('visitor'))),
    ).rejects.toThrow('visitor');
    expect(seen.closed).toBe(1);
  });

  it('an endless stream that never waits can be aborted by a timer', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    const endless = manager.createStream(function* () {
      for (let n = 0; ; n++) yield n;
    });
    expect(await endless.filter(() => false).count({ signal: controller.signal })).toBe(0);
    expect(await endless.count({ signal: AbortSignal.abort() })).toBe(0);
    expect(manager.getStats().activeGenerators).toBe(0);
  });

  it('toReadable reads and closes', async () => {
    expect(await Readable.from(of(1, 2, 3).toReadable()).toArray()).toEqual([1, 2, 3]);
    const { source, seen } = watched(1000);
    for await (const _ of manager.createStream(source).toReadable({ highWaterMark: 2 })) break;
    await sleep(2);
    expect(seen.closed).toBe(1);
    expect(seen.produced).toBeLessThan(6);
    await expect(failing([1]).toReadable().toArray()).rejects.toThrow('broken');
  });

  it('pipe puts a stream through operators of your own', async () => {
    const double = (stream: EventStream<number>): EventStream<number> => stream.map((n) => n * 2);
    expect(await of(1, 2).pipe(double, double, (stream) => stream.count())).toBe(2);
    expect(await of(1, 2).pipe(double, double).toArray()).toEqual([4, 8]);
  });
});

describe('subscriptions', () => {
  it('buffers from the beginning, hands on in order and ends', async () => {
    const { stream, push, end } = manager.createSubscription<number>();
    expect([push(1), push(2)]).toEqual([true, true]);
    const reading = stream.toArray();
    await sleep(1);
    push(3);
    end();
    expect(push(4)).toBe(false);
    expect(await reading).toEqual([1, 2, 3]);
    await expect(stream.toArray()).rejects.toMatchObject({ code: 'STREAM_ERROR' });
  });

  it.each([
    ['drop-oldest', [true, true, true], [2, 3]],
    ['drop-newest', [true, true, false], [1, 2]],
  ] as const)('a full buffer with %s', async (overflow, accepted, items) => {
    const own = new StreamManager();
    const { stream, push, end } = own.createSubscription<number>({ buffer: 2, overflow });
    expect([push(1), push(2), push(3)]).toEqual(accepted);
    expect(own.getStats().buffers.subscribe).toEqual({ buffered: 2, dropped: 1 });
    end();
    expect(await stream.toArray()).toEqual(items);
    expect(own.getStats().buffers.subscribe!.buffered).toBe(0);
  });

  it('a full buffer with fail hands on what it has, then the error', async () => {
    const onClose = vi.fn();
    const { stream, push } = manager.createSubscription<number>({ buffer: 1, overflow: 'fail', onClose });
    expect([push(1), push(2)]).toEqual([true, false]);
    const items: number[] = [];
    await expect(stream.forEach((n) => items.push(n))).rejects.toMatchObject({ code: 'RUNTIME_STREAM_BUFFER_FULL' });
    expect(items).toEqual([1]);
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it('a reader that leaves and cleanup both end it, once', async () => {
    const onClose = vi.fn();
    const left = manager.createSubscription<number>({ onClose });
    left.push(1);
    for await (const _ of left.stream) break;
    expect(left.push(2)).toBe(false);
    const own = new StreamManager();
    const unread = own.createSubscription<number>({ onClose });
    const read = own.createSubscription<number>({ onClose });
    const reading = read.stream.toArray();
    read.push(1);
    await sleep(1);
    await own.cleanup();
    expect(await reading).toEqual([1]);
    expect(unread.push(1)).toBe(false);
    expect(onClose).toHaveBeenCalledTimes(3);
  });
});

describe('statistics', () => {
  it('say what went into and came out of each operator, also while it runs', async () => {
    const own = new StreamManager();
    const stream = own
      .createStream([1, 2, 3, 4, 5])
      .filter((n) => n > 1)
      .map((n) => n)
      .bufferCount(3);
    const run = stream[Symbol.asyncIterator]();
    await run.next();
    expect(own.getStats().operators).toMatchObject({
      filter: { in: 4, out: 3 },
      map: { in: 3, out: 3 },
      bufferCount: { in: 3, out: 1 },
    });
    await run.next();
    await run.next();
    expect(own.getStats()).toMatchObject({
      activeGenerators: 0,
      operators: {
        source: { out: 5 },
        filter: { in: 5, out: 4 },
        map: { in: 4, out: 4 },
        bufferCount: { in: 4, out: 2 },
      },
    });
  });
});

describe('time', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
  const at = (times: Record<number, unknown>, end?: number | Error) => manager.createStream(marbles(times, end));
  const eventsOf = (batch: unknown): unknown => (batch as StreamBatch<unknown>).data.events;

  it('delay shifts every item, also after the end', async () => {
    const { items, ended } = await timeline(at({ 1: 'a', 10: 'b', 11: 'c' }).delay(100));
    expect(items).toEqual([
      [101, 'a'],
      [110, 'b'],
      [111, 'c'],
    ]);
    expect(ended).toEqual([111, 'end']);
  });

  it('delay holds no more than its buffer', async () => {
    const { source, seen } = watched(50);
    const run = manager.createStream(source).delay(100, { buffer: 3 })[Symbol.asyncIterator]();
    const next = run.next();
    await vi.advanceTimersByTimeAsync(50);
    expect(seen.produced).toBe(3);
    await vi.advanceTimersByTimeAsync(50);
    await next;
    await run.return!();
    expect(manager.getStats().buffers.delay!.buffered).toBe(0);
  });

  it('timeout fails when an item takes too long, and not when the consumer does', async () => {
    const slow = at({ 10: 'a', 100: 'b' }).timeout(50);
    const { items, ended } = await timeline(slow);
    expect(items).toEqual([[10, 'a']]);
    expect(ended).toMatchObject([60, { code: 'TIMEOUT_EXCEEDED' }]);
    const run = at({ 1: 'a', 2: 'b' }).timeout(50)[Symbol.asyncIterator]();
    const first = run.next();
    await vi.advanceTimersByTimeAsync(500);
    await first;
    const second = run.next();
    await vi.advanceTimersByTimeAsync(1);
    expect((await second).value).toBe('b');
    await run.return!();
    await vi.advanceTimersByTimeAsync(100);
  });

  it('tumbling windows', async () => {
    const stream = at({ 10: 'a', 50: 'b', 115: 'c', 350: 'd' }, 360).window({ kind: 'tumbling', sizeMs: 100 });
    expect((await timeline(stream, eventsOf)).items).toEqual([
      [110, ['a', 'b']],
      [210, ['c']],
      [360, ['d']],
    ]);
  });

  it('sliding windows', async () => {
    const stream = at({ 1: 'a', 41: 'b', 61: 'c', 121: 'd' }, 900).window({
      kind: 'sliding',
      sizeMs: 100,
      everyMs: 50,
    });
    expect((await timeline(stream, eventsOf)).items).toEqual([
      [101, ['a', 'b', 'c']],
      [151, ['c', 'd']],
      [201, ['d']],
    ]);
  });

  it('session windows', async () => {
    const stream = at({ 1: 'a', 20: 'b', 45: 'c', 100: 'd' }, 900).window({ kind: 'session', gapMs: 30 });
    expect((await timeline(stream, eventsOf)).items).toEqual([
      [75, ['a', 'b', 'c']],
      [130, ['d']],
    ]);
  });

  it('a full window closes at once, a full sliding one loses its oldest item', async () => {
    const full = at({ 1: 'a', 2: 'b', 3: 'c' }, 90).window({ kind: 'session', gapMs: 30, maxItems: 2 });
    expect((await timeline(full, eventsOf)).items).toEqual([
      [2, ['a', 'b']],
      [33, ['c']],
    ]);
    const sliding = at({ 1: 'a', 2: 'b', 3: 'c' }).window({ kind: 'sliding', sizeMs: 30, everyMs: 30, maxItems: 2 });
    expect((await timeline(sliding, eventsOf)).items).toEqual([[3, ['b', 'c']]]);
    expect(manager.getStats().buffers.window).toMatchObject({ dropped: 1, buffered: 0 });
  });

  it('windows are checked', () => {
    const stream = manager.createStream([1]);
    expect(() => stream.window({ kind: 'hopping' } as never)).toThrow(/window\.kind/);
    expect(() => stream.window({ kind: 'sliding', sizeMs: 10, everyMs: 20 })).toThrow(/window\.everyMs/);
    expect(() => stream.window({ kind: 'tumbling', sizeMs: 0 })).toThrow(/window\.sizeMs/);
  });

  it('retry waits longer each time, and a signal ends the wait', async () => {
    const starts: number[] = [];
    const broken = manager.createStream<number>(async function* () {
      starts.push(performance.now());
      throw new Error('always');
    });
    const { ended } = await timeline(broken.retry({ maxAttempts: 3, delayMs: 10 }));
    expect(ended).toMatchObject([30, { message: 'always' }]);
    expect(starts.map((start) => start - starts[0]!)).toEqual([0, 10, 30]);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    const aborted = await timeline(broken.retry({ delayMs: 1000, signal: controller.signal }));
    expect(aborted.ended).toEqual([5, 'end']);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StreamManager } from '../../lib/streams/index';
import { marbles, timeline } from './helpers';
import type { StreamBatch } from '../../lib/streams/index';

const eventsOf = (batch: unknown): unknown => (batch as StreamBatch<unknown>).data.events;

describe('time', () => {
  let manager: StreamManager;

  beforeEach(() => {
    vi.useFakeTimers();
    manager = new StreamManager();
  });

  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const at = (times: Record<number, unknown>, end?: number | Error) => manager.createStream(marbles(times, end));

  it('debounce hands on the last item of a burst once it is quiet', async () => {
    const { items, ended } = await timeline(at({ 1: 'a', 10: 'b', 20: 'c', 100: 'd' }, 300).debounce(50));
    expect(items).toEqual([
      [70, 'c'],
      [150, 'd'],
    ]);
    expect(ended).toEqual([300, 'end']);
  });

  it('debounce hands on the waiting item when the source ends, once', async () => {
    const { items, ended } = await timeline(at({ 1: 'a' }).debounce(1000));
    expect(items).toEqual([[1, 'a']]);
    expect(ended).toEqual([1, 'end']);
    expect((await timeline(at({}).debounce(10))).items).toEqual([]);
  });

  it('debounce with leading and a longest wait', async () => {
    const leading = await timeline(at({ 1: 'a', 100: 'b', 110: 'c' }, 300).debounce(50, { leading: true }));
    expect(leading.items).toEqual([
      [1, 'a'],
      [100, 'b'],
      [160, 'c'],
    ]);
    const busy = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [n * 10 + 1, n]));
    const { items } = await timeline(at(busy, 400).debounce(50, { maxWaitMs: 100 }));
    expect(items).toEqual([
      [101, 9],
      [201, 19],
    ]);
  });

  it('debounce hands on what it holds before the error of its source', async () => {
    const error = new Error('source');
    const { items, ended } = await timeline(at({ 1: 'a', 5: 'b' }, error).debounce(50));
    expect(items).toEqual([[5, 'b']]);
    expect(ended).toEqual([5, error]);
  });

  it('throttle hands on the first item of each interval', async () => {
    const { items } = await timeline(at({ 1: 0, 20: 1, 40: 2, 60: 3, 80: 4 }).throttle(50));
    expect(items).toEqual([
      [1, 0],
      [60, 3],
    ]);
  });

  it('throttle with a trailing edge hands on the last one too', async () => {
    const { items } = await timeline(at({ 1: 0, 20: 1, 40: 2, 60: 3 }, 200).throttle(50, { trailing: true }));
    expect(items).toEqual([
      [1, 0],
      [51, 2],
      [101, 3],
    ]);
    const trailing = await timeline(at({ 1: 0, 20: 1 }, 200).throttle(50, { leading: false, trailing: true }));
    expect(trailing.items).toEqual([[51, 1]]);
  });

  it('a batch closes by itself when its first item has waited, with no further item', async () => {
    const { items, ended } = await timeline(at({ 100: 'a', 120: 'b', 300: 'c' }, 900).batch(10, 50), eventsOf);
    expect(items).toEqual([
      [150, ['a', 'b']],
      [350, ['c']],
    ]);
    expect(ended).toEqual([900, 'end']);
  });

  it('a batch says when its first item came and how long it took', async () => {
    vi.setSystemTime(1_000_000);
    const { items } = await timeline(at({ 100: 'a', 120: 'b' }).batch(2, 500));
    const batch = items[0]![1] as StreamBatch<string>;
    expect(batch.data).toMatchObject({ batchStartTime: 1_000_100, batchDuration: 20, timestamp: 1_000_120 });
    expect(batch.ts).toBe(1_000_120);
  });

  it('a batch that is full does not wait, and the time of the next begins with its first item', async () => {
    const { items } = await timeline(at({ 10: 1, 20: 2, 55: 3 }, 500).batch(2, 50), eventsOf);
    expect(items).toEqual([
      [20, [1, 2]],
      [105, [3]],
    ]);
  });

  it('a batch closes on time also while the consumer is busy with the one before', async () => {
    const run = at({ 10: 'a', 100: 'b' }, 900).batch(5, 50)[Symbol.asyncIterator]();
    const first = run.next();
    await vi.advanceTimersByTimeAsync(400);
    expect(eventsOf((await first).value)).toEqual(['a']);
    const second = (await run.next()).value as StreamBatch<string>;
    expect(second.data).toMatchObject({ events: ['b'], batchDuration: 50 });
    await run.return!();
  });

  it('a signal ends a stream as if its source had ended', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 105);
    const endless = async function* () {
      for (let n = 0; ; n++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        yield n;
      }
    };
    const stream = manager.createStream(endless, { signal: controller.signal }).batch(4, 1000);
    const { items, ended } = await timeline(stream, eventsOf);
    expect(items).toEqual([
      [40, [0, 1, 2, 3]],
      [80, [4, 5, 6, 7]],
      [105, [8, 9]],
    ]);
    expect(ended).toEqual([105, 'end']);
    await vi.advanceTimersByTimeAsync(20);
  });

  it('a signal ends an operator whose source is stuck', async () => {
    const controller = new AbortController();
    const stuck = manager.createStream(async function* () {
      yield 1;
      await new Promise(() => undefined);
    });
    setTimeout(() => controller.abort(), 50);
    const { items, ended } = await timeline(stuck.debounce(10, { signal: controller.signal }));
    expect(items).toEqual([[10, 1]]);
    expect(ended).toEqual([50, 'end']);
    expect(manager.getStats().activeGenerators).toBe(0);
  });

  it('toArray with a signal answers what has come so far', async () => {
    const controller = new AbortController();
    const reading = at({ 10: 1, 20: 2, 90: 3 }).toArray({ signal: controller.signal });
    await vi.advanceTimersByTimeAsync(50);
    controller.abort();
    expect(await reading).toEqual([1, 2]);
    await vi.advanceTimersByTimeAsync(100);
  });

  it('a timer that fires is believed though the clock stands still', async () => {
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { stream, push, end } = manager.createSubscription<number>();
    const items = stream.debounce(60_000).take(1).toArray();
    push(7);
    await Promise.resolve();
    await vi.advanceTimersByTimeAsync(61_000);
    end();
    expect(await items).toEqual([7]);
  });

  it('a thousand operators share one timer', async () => {
    const runs = Array.from({ length: 1000 }, (_, n) => {
      const source = manager.createStream(async function* () {
        yield n;
        await new Promise(() => undefined);
      });
      return source.debounce(1000 + n)[Symbol.asyncIterator]();
    });
    const pending = runs.map((run) => run.next());
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect((await Promise.all(pending)).map(({ value }) => value)).toEqual(runs.map((_, n) => n));
    await manager.cleanup();
  });

  it('sources that have not been pulled for five minutes are stale, finished ones are gone', async () => {
    const run = manager.createStream([1, 2, 3])[Symbol.asyncIterator]();
    await run.next();
    expect(manager.getStats()).toMatchObject({ activeGenerators: 1, staleGenerators: 0, totalTracked: 1 });
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(manager.getStats()).toMatchObject({ activeGenerators: 1, staleGenerators: 1 });
    await run.next();
    expect(manager.getStats().staleGenerators).toBe(0);
    await run.return!();
    expect(manager.getStats()).toMatchObject({ activeGenerators: 0, totalTracked: 0 });
  });

  it('cleanup ends what is pending and is not blocked by a generator that is stuck', async () => {
    const stuck = manager.createStream(async function* () {
      await new Promise(() => undefined);
      yield 1;
    });
    const next = stuck[Symbol.asyncIterator]().next();
    const all = stuck.merge([1, 2]).toArray();
    const slow = manager
      .createStream(async function* () {
        try {
          yield 1;
        } finally {
          await new Promise(() => undefined);
        }
      })
      [Symbol.asyncIterator]();
    await slow.next();
    await vi.advanceTimersByTimeAsync(0);
    const cleanup = manager.cleanup();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await all).toEqual([1, 2]);
    await vi.advanceTimersByTimeAsync(1000);
    await cleanup;
    expect(manager.getStats().activeGenerators).toBe(0);
  });
});

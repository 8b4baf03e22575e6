import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { getEventListeners } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fifo } from '../../lib/streams/fifo';
import { StreamManager } from '../../lib/streams/index';
import { cleanUpAll, quiet } from '../helpers';
import { bundleRuntime } from '../bundle';
import { sleep } from './helpers';
import type { OverflowPolicy } from '../../lib/streams/index';

const manager = new StreamManager();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a signal that many runs share', () => {
  it('gets one listener of them, and none when they have ended', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const endless = manager.createStream(async function* () {
      yield 1;
      await new Promise(() => undefined);
    });
    const runs = Array.from({ length: 20 }, () => endless.tap(() => undefined, { signal }).toArray({ signal }));
    await turn();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort();
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 20 }, () => [1]));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('what is held in order', () => {
  it('can be read from its beginning without being taken', () => {
    const fifo = new Fifo<number>();
    for (let n = 0; n < 200; n++) fifo.push(n);
    for (let n = 0; n < 150; n++) expect(fifo.shift()).toBe(n);
    expect(fifo.first(3)).toEqual([150, 151, 152]);
    expect(fifo.first(1000)).toHaveLength(50);
    expect(fifo.length).toBe(50);
    fifo.clear();
    expect(fifo.first(3)).toEqual([]);
  });
});

describe('subscriptions', () => {
  /** Two fit, four come. */
  function filled(overflow?: OverflowPolicy) {
    const subscription = manager.createSubscription<number>({ buffer: 2, overflow });
    return { ...subscription, answers: [1, 2, 3, 4].map((n) => subscription.push(n)) };
  }

  it('drop the oldest by default, and count', async () => {
    const { stream, end, answers, getStats } = filled();
    expect(answers).toEqual([true, true, true, true]);
    expect(getStats()).toEqual({ buffered: 2, waiting: 0, pushed: 4, delivered: 0, dropped: 2, highWater: 2 });
    end();
    expect(await stream.toArray()).toEqual([3, 4]);
    expect(stream.getStats()).toEqual({ buffered: 0, waiting: 0, pushed: 4, delivered: 2, dropped: 2, highWater: 2 });
  });

  it('may drop the newest', async () => {
    const { stream, end, answers } = filled('drop-newest');
    expect(answers).toEqual([true, true, false, false]);
    end();
    expect(await stream.toArray()).toEqual([1, 2]);
    expect(stream.getStats()).toMatchObject({ pushed: 4, delivered: 2, dropped: 2 });
  });

  it.each(['error', 'fail'] as const)('may fail, after what they hold (%s)', async (overflow) => {
    const seen: number[] = [];
    const { stream, answers } = filled(overflow);
    expect(answers).toEqual([true, true, false, false]);
    await expect(stream.forEach((n) => seen.push(n))).rejects.toMatchObject({ code: 'RUNTIME_STREAM_BUFFER_FULL' });
    expect(seen).toEqual([1, 2]);
  });

  it('may make whoever pushes wait', async () => {
    const { stream, answers, end, getStats } = filled('wait');
    expect(answers.map((answer) => answer instanceof Promise)).toEqual([false, false, true, true]);
    expect(getStats()).toMatchObject({ buffered: 2, waiting: 2, pushed: 4, dropped: 0 });
    const run = stream[Symbol.asyncIterator]();
    expect((await run.next()).value).toBe(1);
    expect(await answers[2]).toBe(true);
    expect(getStats()).toMatchObject({ buffered: 2, waiting: 1, delivered: 1 });
    end();
    expect(await answers[3]).toBe(true);
    expect([(await run.next()).value, (await run.next()).value, (await run.next()).value]).toEqual([2, 3, 4]);
    expect((await run.next()).done).toBe(true);
  });

  it('that are left let whoever waits go', async () => {
    const { stream, answers, push } = filled('wait');
    expect(await stream.take(1).toArray()).toEqual([1]);
    expect(await Promise.all(answers.map(async (answer) => answer))).toEqual([true, true, true, false]);
    expect(push(5)).toBe(false);
  });

  it('of a runtime with wait slow it down to the pace of the reader', async () => {
    const runtime = quiet();
    let handled = 0;
    runtime.on('a', () => void handled++);
    const stream = runtime.subscribe('a', { buffer: 2, overflow: 'wait' });
    const run = stream[Symbol.asyncIterator]();
    for (let n = 0; n < 10; n++) runtime.emit('a', n);
    const processed = runtime.process();
    await sleep(10);
    expect(handled).toBe(2);
    expect(stream.getStats()).toMatchObject({ buffered: 2, dropped: 0 });
    expect((await run.next()).value?.data).toBe(0);
    await sleep(10);
    expect(handled).toBe(3);
    await run.return?.();
    await processed;
    expect(handled).toBe(10);
    await cleanUpAll();
  });
});

describe('bounds', () => {
  it('a slow consumer stops the source', async () => {
    let pulled = 0;
    const stream = manager.createStream(async function* () {
      for (;;) yield pulled++;
    });
    let ahead = 0;
    const slowly = async (n: number): Promise<void> => {
      await turn();
      ahead = Math.max(ahead, pulled - n);
    };
    await stream
      .map((n) => n)
      .merge([])
      .take(20)
      .forEach(slowly);
    expect(ahead).toBeLessThanOrEqual(2);
  });

  it('share waits for the slowest reader, or lets it miss items and counts them', async () => {
    const pulledAhead = async (overflow: 'wait' | 'drop-oldest'): Promise<[number, number]> => {
      const own = new StreamManager();
      let pulled = 0;
      const shared = own
        .createStream(async function* () {
          for (;;) yield pulled++;
        })
        .share({ buffer: 4, overflow });
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const slow = shared.take(20).forEach(() => gate);
      const fast = shared.take(50).count();
      await sleep(10);
      const ahead = pulled;
      release();
      await Promise.all([slow, fast]);
      expect(own.getStats().buffers['share']!.buffered).toBe(0);
      return [ahead, own.getStats().buffers['share']!.dropped];
    };
    const [waited, nothing] = await pulledAhead('wait');
    expect(waited).toBeLessThanOrEqual(6);
    expect(nothing).toBe(0);
    const [ran, dropped] = await pulledAhead('drop-oldest');
    expect(ran).toBeGreaterThanOrEqual(50);
    expect(dropped).toBeGreaterThanOrEqual(40);
  });

  it('everything that holds items says how many', async () => {
    const own = new StreamManager();
    const endless = async function* (): AsyncGenerator<number, void> {
      for (let n = 0; ; n++) {
        yield n;
        if (n === 2) await new Promise(() => undefined);
      }
    };
    const source = own.createStream(endless);
    const waiting = [
      source.merge(endless, endless),
      source.zip([1], () => endless()),
      source.mapAsync(() => new Promise(() => undefined)),
      source.window({ kind: 'tumbling', sizeMs: 60_000 }),
      source.batch(10, 60_000),
      source.delay(60_000),
    ].map((stream: AsyncIterable<unknown>) => stream[Symbol.asyncIterator]());
    const first = waiting.map((run) => run.next());
    await turn();
    const buffered = Object.entries(own.getStats().buffers).map(([name, stats]) => [name, stats.buffered]);
    expect(Object.fromEntries(buffered)).toEqual({ merge: 2, zip: 0, mapAsync: 3, window: 3, batch: 3, delay: 3 });
    await own.cleanup();
    await Promise.all(first);
    expect(Object.values(own.getStats().buffers).every((stats) => stats.buffered === 0)).toBe(true);
  });
});

describe('fair turns', () => {
  const endless = (name: string) =>
    function* (): Generator<string, void> {
      for (;;) yield name;
    };

  async function countsOf(run: (count: (name: string) => void, signal: AbortSignal) => Promise<void>) {
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    const controller = new AbortController();
    let turns = 0;
    const countTurns = (): unknown => (++turns < 6 ? setTimeout(countTurns, 1) : controller.abort());
    setTimeout(countTurns, 1);
    await run((name) => void counts[name]!++, controller.signal);
    return counts;
  }

  it('merge starves no synchronous source, also after the event loop has had its turn', async () => {
    const counts = await countsOf((count, signal) =>
      manager.createStream(endless('a')).merge(endless('b'), endless('c')).forEach(count, { signal }),
    );
    const [least, most] = [Math.min(...Object.values(counts)), Math.max(...Object.values(counts))];
    expect(least).toBeGreaterThan(1000);
    expect(most - least).toBeLessThan(1000);
  });

  it('nor one that is joined, filtered and shared deeper down, or of another manager', async () => {
    const other = new StreamManager();
    const counts = await countsOf((count, signal) => {
      const deep = other.createStream(endless('c')).merge([]).share().merge([]);
      const filtered = manager.createStream(endless('b')).filter(() => true);
      return manager.createStream(endless('a')).merge(filtered, deep).forEach(count, { signal });
    });
    const [least, most] = [Math.min(...Object.values(counts)), Math.max(...Object.values(counts))];
    expect(least).toBeGreaterThan(most / 2);
  });
});

describe('memory', () => {
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kodus-flow-streams-'));
    await bundleRuntime(join(folder, 'runtime.cjs'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Megabytes that are in use after a first and after a further, longer run of the pipeline. */
  async function heapAfterRuns(pipeline: string): Promise<[number, number]> {
    const file = join(folder, `memory-${Math.random().toString(36).slice(2)}.cjs`);
    const program = `
      const { StreamManager } = require('./runtime.cjs');
      const manager = new StreamManager();
      const silent = async function* () { await new Promise(() => {}); };
      const items = (count) => async function* () { for (let n = 0; n < count; n++) yield { n }; };
      const pipeline = ${pipeline};
      const used = () => { for (let i = 0; i < 4; i++) gc(); return process.memoryUsage().heapUsed / 1e6; };
      (async () => {
        const run = async (count) => {
          const readings = [];
          let seen = 0;
          // In the middle of the run: what it would keep of its items is in use then.
          await pipeline(count).forEach(() => { if (++seen === Math.floor(count * 0.9)) readings.push(used()); });
          return readings[0];
        };
        console.log(JSON.stringify([await run(20_000), await run(400_000)]));
      })();`;
    writeFileSync(file, program);
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file], { timeout: 60_000 });
    return JSON.parse(stdout) as [number, number];
  }

  it.each([
    ['a pipeline', '(count) => manager.createStream(items(count)).filter((x) => x.n >= 0).map((x) => ({ ...x }))'],
    ['a merge with a silent source', '(count) => manager.createStream(items(count)).merge(silent).take(count)'],
    ['a combination', '(count) => manager.createStream(items(count)).combineLatest([{ n: 0 }]).take(count)'],
    [
      'time',
      '(count) => manager.createStream(items(count)).timeout(10_000).throttle(0).batch(3, 1000).window({ kind: "tumbling", sizeMs: 1000, maxItems: 5 }).concatMap((w) => w.data.events).concatMap((b) => b.data.events)',
    ],
    [
      'calls side by side',
      '(count) => manager.createStream(items(count)).mapAsync(async (x) => x).flatMap((x) => [x])',
    ],
    ['a shared stream', '(count) => manager.createStream(items(count)).share()'],
  ])('does not grow with the items of %s', async (_what, pipeline) => {
    const [before, after] = await heapAfterRuns(pipeline);
    expect(before).toBeGreaterThan(1);
    // Ten bytes an item would be 4 MB; a promise reaction an item some 60 MB.
    expect(after - before).toBeLessThan(3);
  });
});

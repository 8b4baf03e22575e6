import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StreamManager } from '../../lib/streams/index';
import type { EventStream } from '../../lib/streams/index';

const manager = new StreamManager();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = (): Promise<never> => new Promise(() => undefined);

function boom(): never {
  throw new Error('boom');
}

/** An endless source that counts how often it was pulled and closed. */
function watched(isAsync = true) {
  const seen = { pulled: 0, returned: 0, finished: 0 };
  async function* asynchronous(): AsyncGenerator<number, void> {
    try {
      for (;;) yield seen.pulled++;
    } finally {
      await Promise.resolve();
      seen.finished++;
    }
  }
  function* synchronous(): Generator<number, void> {
    try {
      for (;;) yield seen.pulled++;
    } finally {
      seen.finished++;
    }
  }
  const source = (): AsyncGenerator<number, void> => {
    const generator = (isAsync ? asynchronous() : synchronous()) as AsyncGenerator<number, void>;
    const close = generator.return.bind(generator);
    generator.return = (value) => {
      seen.returned++;
      return close(value);
    };
    return generator;
  };
  return { seen, stream: manager.createStream<number>(source) };
}

const quietly = (run: Promise<unknown>): Promise<unknown> => run.catch(() => undefined);

async function* failing(): AsyncGenerator<number, void> {
  await Promise.resolve();
  yield 1;
  boom();
}

afterEach(async () => {
  vi.useRealTimers();
  await turn();
  // Nothing that a test has run is left in the tables or in the buffers.
  const stats = manager.getStats();
  expect(stats).toMatchObject({ activeGenerators: 0 });
  for (const buffer of Object.values(stats.buffers)) expect(buffer.buffered).toBe(0);
});

describe.each([true, false])('sources are closed once (asynchronous: %s)', (isAsync) => {
  it.each<[string, (stream: EventStream<number>) => Promise<unknown>]>([
    ['when take has enough', (s) => s.take(3).toArray()],
    ['when until has matched', (s) => s.until((n) => n === 2).toArray()],
    ['when takeUntil has matched', (s) => s.takeUntil((n) => n === 2).toArray()],
    ['when first has found', (s) => s.first((n) => n === 5)],
    ['when a mapper throws', (s) => quietly(s.map((n) => (n === 3 ? boom() : n)).toArray())],
    ['when a promise of a predicate rejects', (s) => quietly(s.filter(async (n) => n < 3 || boom()).toArray())],
    ['when a middleware throws', (s) => quietly(s.withMiddleware(() => boom).toArray())],
    ['when forEach throws', (s) => quietly(s.forEach((n) => n === 3 && boom()))],
    [
      'when the loop is left',
      async (s) => {
        for await (const n of s.map((x) => x)) if (n === 3) break;
      },
    ],
    [
      'when the loop throws',
      async (s) => {
        try {
          for await (const n of s) if (n === 3) boom();
        } catch {
          // The closing is what counts.
        }
      },
    ],
    ['when zip ends with another', (s) => s.zip([1, 2]).toArray()],
    ['when another source of a merge fails', (s) => quietly(s.merge(failing).toArray())],
    ['when another source of combineLatest fails', (s) => quietly(s.combineLatest(failing).toArray())],
    ['when the first source of withLatestFrom ends', (s) => manager.createStream([1, 2]).withLatestFrom(s).toArray()],
    [
      'when flatMap is left',
      (s) =>
        s
          .flatMap((n) => [n, n])
          .take(5)
          .toArray(),
    ],
    [
      'when concatMap is left',
      (s) =>
        s
          .concatMap((n) => [n, n])
          .take(5)
          .toArray(),
    ],
    ['when mapAsync fails', (s) => quietly(s.mapAsync(async (n) => (n === 4 ? boom() : n)).toArray())],
    ['when a batch in time is left', (s) => s.batch(2, 1000).take(2).toArray()],
    ['when a window is left', (s) => s.window({ kind: 'tumbling', sizeMs: 60_000, maxItems: 3 }).take(2).toArray()],
    [
      'when a shared stream is left by all',
      async (s) => {
        const shared = s.share();
        await Promise.all([shared.take(3).toArray(), shared.take(5).toArray()]);
      },
    ],
    [
      'when it is read by a Readable that is destroyed',
      async (s) => {
        for await (const n of s.toReadable()) if (n === 3) break;
      },
    ],
  ])('%s', async (_what, run) => {
    const { seen, stream } = watched(isAsync);
    await run(stream);
    await turn();
    expect(seen).toMatchObject({ returned: 1, finished: 1 });
    // At least one was asked for, and none after the end.
    const { pulled } = seen;
    await turn();
    expect(seen.pulled).toBe(pulled);
  });

  it('when another source of a merge cannot be opened', async () => {
    const { seen, stream } = watched(isAsync);
    await expect(stream.merge(boom).toArray()).rejects.toThrow('boom');
    expect(seen).toMatchObject({ pulled: 0, returned: 1 });
  });

  it('when a signal aborts inside a function, and the answer comes after the finally', async () => {
    const { seen, stream } = watched(isAsync);
    const controller = new AbortController();
    const items = await stream.tap((n) => n === 4 && controller.abort()).toArray({ signal: controller.signal });
    expect(items.slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect(items.length).toBeLessThanOrEqual(5);
    expect(seen).toMatchObject({ returned: 1, finished: 1 });
  });

  it('when a signal of an operator aborts inside a function', async () => {
    const { seen, stream } = watched(isAsync);
    const controller = new AbortController();
    const tapped = stream.tap((n) => n === 4 && controller.abort(), { signal: controller.signal });
    expect((await tapped.batch(10).toArray()).map((batch) => batch.slice(0, 4))).toEqual([[0, 1, 2, 3]]);
    expect(seen).toMatchObject({ returned: 1, finished: 1 });
  });

  it('when the manager is cleaned up inside a function, and the stream ends normally', async () => {
    const { seen, stream } = watched(isAsync);
    const items = await stream.tap((n) => n === 400 && void manager.cleanup()).toArray();
    expect(items.length).toBeGreaterThanOrEqual(400);
    await turn();
    expect(seen).toMatchObject({ returned: 1, finished: 1 });
  });
});

describe('a source that ends its own stream', () => {
  it('by a signal, inside a synchronous generator, is closed all the same', async () => {
    const controller = new AbortController();
    let finished = 0;
    const stream = manager.createStream(function* () {
      try {
        for (let n = 0; ; n++) {
          if (n === 3) controller.abort();
          yield n;
        }
      } finally {
        finished++;
      }
    });
    expect(await stream.toArray({ signal: controller.signal })).toEqual([0, 1, 2]);
    expect(finished).toBe(1);
  });
});

describe('errors of closing', () => {
  const bad = (): EventStream<number> =>
    manager.createStream(async function* () {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        boom();
      }
    });

  it('reach whoever leaves the loop', async () => {
    const leave = async (): Promise<void> => {
      for await (const _ of bad()) break;
    };
    await expect(leave()).rejects.toThrow('boom');
  });

  it('reach whoever aborts', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    await expect(
      bad()
        .tap(() => controller.abort())
        .toArray({ signal }),
    ).rejects.toThrow('boom');
  });

  it('do not hide the error that has ended the stream', async () => {
    const first = new Error('first');
    const fail = (): never => {
      throw first;
    };
    await expect(bad().map(fail).toArray()).rejects.toBe(first);
  });
});

describe('readable streams that wait for data', () => {
  const silent = (): Readable => new Readable({ objectMode: true, read: () => undefined });
  /** A web stream with these items, and then silence. */
  function web(...items: number[]) {
    const seen = { cancelled: 0 };
    const stream = new ReadableStream<number>({
      start: (controller) => items.forEach((item) => controller.enqueue(item)),
      cancel: () => void seen.cancelled++,
    });
    return { seen, stream };
  }

  it('are destroyed when the stream is left', async () => {
    const readable = silent();
    expect(await manager.createStream(readable).merge([1]).take(1).toArray()).toEqual([1]);
    expect(readable.destroyed).toBe(true);
  });

  it('are destroyed when a signal aborts', async () => {
    const readable = silent();
    readable.push(1);
    const controller = new AbortController();
    const items = manager.createStream<number>(readable).toArray({ signal: controller.signal });
    await turn();
    controller.abort();
    expect(await items).toEqual([1]);
    expect(readable.destroyed).toBe(true);
  });

  it('are destroyed by cleanup', async () => {
    const readable = silent();
    const items = manager.createStream(readable).toArray();
    await turn();
    await manager.cleanup();
    expect(await items).toEqual([]);
    expect(readable.destroyed).toBe(true);
  });

  it('are destroyed though nothing has been read of them', async () => {
    const readable = silent();
    await quietly(manager.createStream(readable).merge(boom).toArray());
    expect(readable.destroyed).toBe(true);
  });

  it('are cancelled if they are of the web', async () => {
    const waiting = web();
    expect(await manager.createStream(waiting.stream).merge([1]).take(1).toArray()).toEqual([1]);
    expect(waiting.seen.cancelled).toBe(1);
    const resting = web(1, 2, 3);
    for await (const n of manager.createStream(resting.stream)) if (n === 2) break;
    expect(resting.seen.cancelled).toBe(1);
    expect(resting.stream.locked).toBe(false);
  });

  it('are given free when they have ended', async () => {
    const { readable, writable } = new TransformStream<number, number>();
    const writer = writable.getWriter();
    void writer.write(1);
    void writer.close();
    expect(await manager.createStream(readable).toArray()).toEqual([1]);
    expect(readable.locked).toBe(false);
  });

  it('hand on their errors', async () => {
    const readable = silent();
    const items = manager.createStream(readable).toArray();
    readable.destroy(new Error('boom'));
    await expect(items).rejects.toThrow('boom');
    const stream = new ReadableStream({ start: (controller) => controller.error(new Error('boom')) });
    await expect(manager.createStream(stream).toArray()).rejects.toThrow('boom');
  });
});

describe('running again', () => {
  it.each<[string, () => unknown]>([
    ['a Readable', () => Readable.from([1, 2])],
    ['a ReadableStream', () => new Blob(['ab']).stream()],
    ['an async generator object', () => failing()],
    ['a generator object', () => [1, 2].values()],
    [
      'a bare iterator',
      () => {
        let n = 0;
        return { next: () => ({ done: n++ > 1, value: n }) };
      },
    ],
  ])('%s can be read once, and the second time says so', async (_what, make) => {
    const stream = manager.createStream(make() as Iterable<unknown>);
    expect(await stream.first()).toBeDefined();
    const message = expect.stringContaining('only once') as string;
    await expect(stream.toArray()).rejects.toMatchObject({ code: 'STREAM_ERROR', message });
  });

  it.each([0, 5])('retry of a source that can be read once tells the first error (delay %i ms)', async (delayMs) => {
    const stream = manager.createStream(failing());
    await expect(stream.retry({ delayMs }).toArray()).rejects.toMatchObject({
      code: 'STREAM_ERROR',
      cause: { message: 'boom' },
    });
  });
});

describe('ending', () => {
  it('a pending next() is done when the manager is cleaned up, though a finally never ends', async () => {
    vi.useFakeTimers();
    const stuck = manager.createStream(async function* () {
      try {
        yield 1;
      } finally {
        await never();
      }
    });
    async function* silent(): AsyncGenerator<never> {
      yield await never();
    }
    const items = stuck.merge(silent).toArray();
    await vi.advanceTimersByTimeAsync(0);
    const cleaned = manager.cleanup();
    expect(await items).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1000);
    await cleaned;
  });

  it('a signal that has aborted already runs nothing', async () => {
    const { seen, stream } = watched();
    expect(await stream.toArray({ signal: AbortSignal.abort() })).toEqual([]);
    expect(seen.pulled).toBe(0);
  });

  it('a signal ends an operator whose function is stuck', async () => {
    const controller = new AbortController();
    const stuck = manager.createStream([1]).mapAsync(never, { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    expect(await stuck.toArray()).toEqual([]);
  });

  it('a run is disposed of when its block is left', async () => {
    const { seen, stream } = watched();
    const run = stream.run();
    await run.next();
    await run[Symbol.asyncDispose]();
    expect(seen).toMatchObject({ returned: 1, finished: 1 });
  });
});

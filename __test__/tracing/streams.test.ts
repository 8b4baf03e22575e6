import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanUpAll, quiet, sleep } from '../helpers';
import { inSpan, startTracing } from './sdk';
import type { RuntimeConfig } from '../../lib/index';

let sdk: ReturnType<typeof startTracing>;
beforeEach(() => void (sdk = startTracing()));
afterEach(async () => {
  await cleanUpAll();
  await sdk.stop();
});

async function* numbers(count = 3): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    await sleep(1);
    yield n;
  }
}

const luckless = (n: number): number => {
  if (n === 2) throw Object.assign(new Error('no luck'), { code: 'E_LUCK' });
  return n;
};

const spans = () => sdk.named('process stream');
const attributes = () => spans().map(({ attributes: a }) => [a['kodus_flow.stream.end'], a['kodus_flow.stream.items']]);
const activeId = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;

describe('the span of a stream', () => {
  it('is a child of the active one and tells how many items its reader got', async () => {
    const runtime = quiet();
    const stream = runtime.createStream(() => numbers(10)).filter((n) => n % 2 === 0);
    expect(await inSpan(() => stream.toArray())).toHaveLength(5);
    const [span] = spans();
    expect(span!.kind).toBe(SpanKind.INTERNAL);
    expect(span!.parentSpanContext?.spanId).toBe(sdk.named('app')[0]!.spanContext().spanId);
    expect(span!.attributes).toEqual({
      'messaging.system': 'kodus_flow',
      'kodus_flow.stream.items': 5,
      'kodus_flow.stream.end': 'done',
    });
    expect(span!.status.code).toBe(SpanStatusCode.UNSET);
    expect(spans()).toHaveLength(1);
  });

  it('is one for each run, however many streams are joined in it', async () => {
    const runtime = quiet();
    const [a, b] = [runtime.createStream(() => numbers()), runtime.createStream(() => numbers())];
    const joined = a.merge(b).flatMap((n) => [n, n]);
    await inSpan(async () => {
      await joined.toArray();
      expect(await joined.count()).toBe(12);
    });
    expect(attributes()).toEqual([
      ['done', 12],
      ['done', 12],
    ]);
  });

  it('is active in the source, the operators and the visitor, so that what they emit belongs to it', async () => {
    const runtime = quiet();
    runtime.on('seen', () => undefined);
    const active: (string | undefined)[] = [];
    const note = (): void => void active.push(activeId());
    const source = async function* (): AsyncGenerator<number> {
      note();
      for await (const n of numbers(1)) {
        note();
        yield n;
      }
      note();
    };
    const stream = runtime
      .createStream(source)
      .tap(note)
      .mapAsync(async (n) => {
        await sleep(1);
        note();
        return n;
      });
    await inSpan(() =>
      stream.forEach((n) => {
        note();
        runtime.emit('seen', n);
      }),
    );
    const id = spans()[0]!.spanContext().spanId;
    expect(active).toEqual(Array.from({ length: 6 }, () => id));
    expect(sdk.named('send seen')[0]!.parentSpanContext?.spanId).toBe(id);
    expect(activeId()).toBeUndefined();
  });

  it.each([
    [
      'an operator',
      (runtime: ReturnType<typeof quiet>) =>
        runtime
          .createStream(() => numbers())
          .map(luckless)
          .toArray(),
      2,
    ],
    ['a visitor', (runtime: ReturnType<typeof quiet>) => runtime.createStream(() => numbers()).forEach(luckless), 3],
    [
      'a visitor that waits',
      (runtime: ReturnType<typeof quiet>) => runtime.createStream(() => numbers()).forEach(async (n) => luckless(n)),
      3,
    ],
    [
      'the source',
      (runtime: ReturnType<typeof quiet>) =>
        runtime
          .createStream(async function* () {
            for await (const n of numbers()) yield luckless(n);
          })
          .toArray(),
      2,
    ],
  ])('has the error of %s', async (_what, fail, items) => {
    const runtime = quiet();
    await expect(inSpan<unknown>(() => fail(runtime))).rejects.toThrow('no luck');
    const [span] = spans();
    expect(span!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no luck' });
    expect(span!.attributes).toMatchObject({ 'error.type': 'E_LUCK', 'kodus_flow.stream.end': 'failed' });
    expect(span!.attributes['kodus_flow.stream.items']).toBe(items);
    expect(span!.events.map(({ name }) => name)).toEqual(['exception']);
  });

  it('ends when the reader leaves, a signal aborts, or the runtime is cleaned up', async () => {
    const runtime = quiet();
    const endless = runtime.createStream(() => numbers(Infinity));
    await inSpan(async () => {
      for await (const n of endless) if (n === 1) break;
    });
    const stop = new AbortController();
    await inSpan(() => endless.forEach((n) => void (n === 2 && stop.abort()), { signal: stop.signal }));
    const iterator = endless[Symbol.asyncIterator]();
    await inSpan(() => iterator.next());
    const pending = iterator.next();
    expect(spans()).toHaveLength(2);
    await runtime.cleanup();
    expect((await pending).done).toBe(true);
    expect(attributes()).toEqual([
      ['left', 2],
      ['left', 3],
      ['left', 1],
    ]);
  });

  it('ends well when an operator needs no more', async () => {
    const runtime = quiet();
    const stream = runtime.createStream(() => numbers(Infinity)).take(2);
    await inSpan(() => stream.toArray());
    expect(attributes()).toEqual([['done', 2]]);
  });

  it('is there for subscriptions, too', async () => {
    const runtime = quiet();
    const reading = inSpan(() => runtime.subscribe('a').take(2).toArray());
    for (let n = 0; n < 2; n++) runtime.emit('a', n);
    await runtime.process();
    expect((await reading).map(({ data }) => data)).toEqual([0, 1]);
    expect(attributes()).toEqual([['done', 2]]);
  });

  it.each<[string, RuntimeConfig['telemetry'], number, number]>([
    ['child, the default', true, 0, 1],
    ['all', { streams: 'all' }, 1, 1],
    ['off', { streams: 'off' }, 0, 0],
    ['all, where spans are off', { streams: 'all', spans: 'off' }, 0, 0],
    ['nothing, where telemetry is off', false, 0, 0],
  ])('is made as the setting says: %s', async (_name, telemetry, alone, inside) => {
    const runtime = quiet({ telemetry: telemetry! });
    const stream = runtime.createStream(() => numbers());
    await stream.toArray();
    expect(spans()).toHaveLength(alone);
    await inSpan(() => stream.toArray());
    expect(spans()).toHaveLength(alone + inside);
  });

  it('is not made for an SDK that is not there, and of one that is broken nobody notices', async () => {
    await sdk.stop();
    const runtime = quiet({ telemetry: { streams: 'all' } });
    const stream = runtime.createStream(() => numbers());
    expect(await stream.toArray()).toEqual([0, 1, 2]);
    const broken = (): never => {
      throw new Error('broken tracer');
    };
    const span = { setAttributes: broken, recordException: broken, setStatus: broken, end: broken };
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: () => span }) } as never);
    expect(await stream.toArray()).toEqual([0, 1, 2]);
    trace.disable();
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: broken }) } as never);
    expect(await stream.toArray()).toEqual([0, 1, 2]);
    sdk = startTracing();
  });

  it('is refused a setting that does not exist', () => {
    expect(() => quiet({ telemetry: { streams: true as never } })).toThrow(/telemetry\.streams/);
  });
});

describe('the span of a batch', () => {
  it('harms no processing when it is broken', async () => {
    await sdk.stop();
    const broken = (): never => {
      throw new Error('broken span');
    };
    const span = { spanContext: broken, setAttribute: broken, setAttributes: broken, end: broken };
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: () => span }) } as never);
    const runtime = quiet();
    runtime.on('a', () => undefined);
    runtime.emit('a');
    expect((await runtime.process(true)).processed).toBe(1);
    trace.disable();
    sdk = startTracing();
  });
});

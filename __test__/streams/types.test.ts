/** What the compiler knows of streams: `npm run typecheck` fails if one of these is wrong. */
import { Readable } from 'node:stream';
import { describe, expectTypeOf, it } from 'vitest';
import { createRuntime } from '../../lib/index';
import { StreamManager } from '../../lib/streams/index';
import type { AnyEvent, TEvent } from '../../lib/index';
import type { CombinedBatch, EventStream, StreamBatch, SubscribedStream } from '../../lib/streams/index';

const manager = new StreamManager();
const numbers = manager.createStream([1, 2]);
const words = manager.createStream(['a']);
const flags = manager.createStream([true]);
const isString = (item: unknown): item is string => typeof item === 'string';

describe('types of streams', () => {
  it('follow the source', () => {
    async function* letters(): AsyncGenerator<string, void> {
      yield 'a';
    }
    expectTypeOf(numbers).toEqualTypeOf<EventStream<number>>();
    expectTypeOf(manager.createStream(letters)).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(manager.createStream(letters())).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(
      manager.createStream(async function* () {
        yield 1;
      }),
    ).toEqualTypeOf<EventStream<number>>();
    expectTypeOf(manager.createStream(() => [1])).toEqualTypeOf<EventStream<number>>();
    expectTypeOf(manager.createStream(new Set([true]))).toEqualTypeOf<EventStream<boolean>>();
    expectTypeOf(manager.createStream<Buffer>(Readable.from([]))).toEqualTypeOf<EventStream<Buffer>>();
  });

  it('follow operators on one item', () => {
    const mixed = manager.createStream<string | number>([1, 'a']);
    expectTypeOf(mixed.filter(isString)).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(mixed.filter((item) => typeof item === 'string')).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(mixed.filter(async () => true)).toEqualTypeOf<EventStream<string | number>>();
    expectTypeOf(mixed.takeWhile(isString)).toEqualTypeOf<EventStream<string>>();
    const [strings, others] = mixed.partition(isString);
    expectTypeOf(strings).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(others).toEqualTypeOf<EventStream<number>>();
    expectTypeOf(mixed.map(async (item) => [item])).toEqualTypeOf<EventStream<(string | number)[]>>();
    expectTypeOf(numbers.scan((text, n) => text + String(n), '')).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(numbers.bufferCount(2, 1)).toEqualTypeOf<EventStream<number[]>>();
  });

  it('follow functions that make streams', () => {
    expectTypeOf(numbers.flatMap((n) => [String(n)])).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(numbers.concatMap(() => words)).toEqualTypeOf<EventStream<string>>();
    expectTypeOf(numbers.mapAsync(async (n) => n > 1)).toEqualTypeOf<EventStream<boolean>>();
    expectTypeOf(numbers.catchError(() => ['a'])).toEqualTypeOf<EventStream<number | string>>();
  });

  it('know the items of a batch', () => {
    expectTypeOf(numbers.batch(2)).toEqualTypeOf<EventStream<StreamBatch<number>>>();
    expectTypeOf(numbers.window({ kind: 'session', gapMs: 1 })).toEqualTypeOf<EventStream<StreamBatch<number>>>();
    const texts = numbers.batch(10).map((batch) => {
      expectTypeOf(batch.data.events).toEqualTypeOf<number[]>();
      expectTypeOf(batch.data.batchDuration).toEqualTypeOf<number>();
      return batch.map((n) => n.toFixed());
    });
    expectTypeOf(texts).toEqualTypeOf<EventStream<string[]>>();
  });

  it('know the tuple of a combination', () => {
    const combined = numbers.combineLatest(words, flags);
    expectTypeOf(combined).toEqualTypeOf<EventStream<CombinedBatch<[number, string, boolean]>>>();
    const tuples = combined.map((item) => item.data.events);
    expectTypeOf(tuples).toEqualTypeOf<EventStream<[number, string, boolean]>>();
    expectTypeOf(numbers.zip(['a'])).toEqualTypeOf<EventStream<[number, string]>>();
    expectTypeOf(numbers.withLatestFrom(words)).toEqualTypeOf<EventStream<[number, string]>>();
    expectTypeOf(numbers.merge(words, [true])).toEqualTypeOf<EventStream<number | string | boolean>>();
    expectTypeOf(numbers.race(words)).toEqualTypeOf<EventStream<number | string>>();
    const { signal } = new AbortController();
    expectTypeOf(numbers.merge(words, { signal })).toEqualTypeOf<EventStream<number | string>>();
  });

  it('follow consumers', async () => {
    const mixed = manager.createStream<string | number>([1, 'a']);
    expectTypeOf(await mixed.toArray()).toEqualTypeOf<(string | number)[]>();
    expectTypeOf(await mixed.first()).toEqualTypeOf<string | number | undefined>();
    expectTypeOf(await mixed.first(isString)).toEqualTypeOf<string | undefined>();
    expectTypeOf(await mixed.last(async (item) => item === 1, {})).toEqualTypeOf<string | number | undefined>();
    expectTypeOf(await mixed.reduce((sum, item) => sum + Number(item), 0)).toEqualTypeOf<number>();
    for await (const item of mixed) expectTypeOf(item).toEqualTypeOf<string | number>();
  });

  it('know the events of a runtime', async () => {
    const runtime = createRuntime<{ 'user.created': { name: string } }>();
    expectTypeOf(runtime.subscribe('user.created')).toEqualTypeOf<
      SubscribedStream<TEvent<'user.created', { name: string }>>
    >();
    expectTypeOf(runtime.subscribe('user.*')).toEqualTypeOf<SubscribedStream<AnyEvent>>();
    await runtime.cleanup();
  });
});

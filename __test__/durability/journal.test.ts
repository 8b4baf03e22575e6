import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { deferred, quiet, sleep } from '../helpers';
import * as library from '../../lib/index';
import { directory, durable, handled, removeAll } from './helpers';
import type { RuntimeError } from '../../lib/errors';
import type { EmitResult, Runtime } from '../../lib/runtime-types';

afterEach(removeAll);

const contextOf = ({ error }: EmitResult): Record<string, unknown> | undefined =>
  (error as RuntimeError | undefined)?.context;

describe('what was accepted survives', () => {
  test('events that were not handled are there at the next start, in their order, by priority', async () => {
    const path = directory();
    const first = durable(path);
    expect(first.recovered).toBe(0);
    for (let n = 0; n < 5; n++) first.emit('a', n);
    first.emit('a', 'urgent', { priority: 5 });
    await first.cleanup();
    const second = durable(path);
    expect(second.recovered).toBe(6);
    expect(second.getStats().queue.size).toBe(6);
    expect(await handled(second, ['a'])).toEqual(['urgent', 0, 1, 2, 3, 4]);
  });

  test('events that were handled are not run again', async () => {
    const path = directory();
    const first = durable(path);
    first.on('a', () => undefined);
    first.emit('a', 1);
    await first.process();
    first.emit('b', 2);
    await first.cleanup();
    const second = durable(path);
    expect(second.recovered).toBe(1);
    expect(await handled(second, ['a', 'b'])).toEqual([2]);
    await second.cleanup();
    expect(durable(path).recovered).toBe(0);
  });

  test('a recovered event has its id, type, data, time, thread and metadata', async () => {
    const path = directory();
    const first = durable(path, { tenantId: 'acme' });
    first.emit('ünï.✓\n"quoted"\\', { deep: [{ x: null }, 'é\u2028'] }, { correlationId: 'c-1', priority: 2 });
    first.emit('no.data');
    const before = first.getQueueSnapshot().map(({ eventId }) => eventId);
    await first.cleanup();
    const second = durable(path, { tenantId: 'acme' });
    const events: Record<string, unknown>[] = [];
    second.on('*', (event) => void events.push(event as never));
    await second.process();
    expect(events.map(({ id }) => id)).toEqual(before);
    expect(events[0]).toMatchObject({
      type: 'ünï.✓\n"quoted"\\',
      data: { deep: [{ x: null }, 'é\u2028'] },
      metadata: { correlationId: 'c-1', tenantId: 'acme' },
    });
    expect(Object.keys(events[1]!)).toEqual(['id', 'type', 'data', 'ts', 'threadId', 'metadata']);
  });

  test('redeliveries come back with the attempts that have failed', async () => {
    const path = directory();
    const config = { retry: { maxAttempts: 3, initialDelayMs: 1, jitter: 'none' as const } };
    const first = durable(path, config);
    first.on('a', () => {
      throw new Error('not yet');
    });
    first.emit('a', 1);
    await first.process();
    expect(first.getStats().retry?.pendingRetries).toBe(1);
    await first.cleanup();
    const second = durable(path, config);
    const seen: unknown[] = [];
    second.on('a', (event) => {
      const retry = event.metadata?.retry as { retryCount: number; originalError: string } | undefined;
      seen.push([retry?.retryCount, retry?.originalError]);
      throw new Error('still not');
    });
    await second.drain();
    expect(seen).toEqual([
      [1, 'not yet'],
      [2, 'not yet'],
    ]);
  });

  test('the key of an event that ran at most once and died says so, whatever its letter holds', async () => {
    const path = directory();
    const options = { deliveryGuarantee: 'at-most-once', idempotencyKey: 'k' } as const;
    const first = durable(path);
    first.on('a', () => {
      throw new Error('half a character: \ud800');
    });
    await first.emitAsync('a', { text: '\ud800' }, options);
    await first.process();
    await first.cleanup();
    const second = durable(path);
    await second.ready();
    expect(second.deadLetters.stats().totalItems).toBe(1);
    expect(second.emit('a', 1, options).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'dead' } });
  });

  test('what waits at the end is explained as kept', async () => {
    const runtime = durable(directory(), { retry: { maxAttempts: 2, initialDelayMs: 60_000 } });
    runtime.on('a', () => {
      throw new Error('not yet');
    });
    const { eventId } = runtime.emit('a', 1);
    const waiting = runtime.emit('b', 1).eventId;
    await runtime.process({ maxEvents: 1 });
    await runtime.cleanup();
    expect(runtime.explain(eventId)).toMatchObject({
      state: 'ended',
      outcome: 'kept',
      attempts: 1,
      lastError: 'not yet',
    });
    expect(runtime.explain(waiting)).toMatchObject({
      outcome: 'kept',
      summary: expect.stringContaining('next start') as string,
    });
  });

  test('a redelivery that was to come late comes no earlier after a restart, however short delays are now', async () => {
    const path = directory();
    const first = durable(path);
    first.on('a', () => {
      throw new Error('not yet');
    });
    first.emit('a', 1, { retryPolicy: { initialDelay: 3_600_000 } });
    await first.process();
    await first.cleanup();
    const second = durable(path, { retry: { maxAttempts: 3, initialDelayMs: 1, maxDelayMs: 5 } });
    await sleep(20);
    expect(await handled(second, ['a'])).toEqual([]);
    expect(second.getStats().queue.waiting).toBe(1);
  });

  test('a clock that is set back makes nobody wait longer than was asked for', async () => {
    const path = directory();
    const first = durable(path, { retry: { maxAttempts: 3, initialDelayMs: 20, jitter: 'none' } });
    first.on('failed', () => {
      throw new Error('not yet');
    });
    first.emit('failed', 1);
    await first.process();
    first.emit('late', 2, { delayMs: 20 });
    await first.cleanup();
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
    const second = durable(path, { retry: { maxAttempts: 3 } });
    clock.mockRestore();
    const seen: unknown[] = [];
    second.on('*', (event) => void seen.push(event.data));
    await second.drain();
    expect(seen.sort()).toEqual([1, 2]);
  });

  test('delays and times to live go on counting while nothing runs', async () => {
    const path = directory();
    const first = durable(path);
    first.emit('soon', 1, { delayMs: 30 });
    first.emit('late', 2, { delayMs: 60_000 });
    first.emit('short', 3, { ttlMs: 10, delayMs: 5 });
    await first.cleanup();
    await sleep(40);
    const second = durable(path);
    expect(second.recovered).toBe(3);
    expect(await handled(second, ['soon', 'late', 'short'])).toEqual([1]);
    expect(second.getStats().queue).toMatchObject({ waiting: 1, expired: 1 });
  });

  test('events of an ordering key keep their order through a restart', async () => {
    const path = directory();
    const first = durable(path);
    for (let n = 0; n < 4; n++) first.emit('a', n, { orderingKey: 'k' });
    await first.cleanup();
    const second = durable(path);
    second.emit('a', 4, { orderingKey: 'k' });
    const seen: unknown[] = [];
    second.on('a', async (event: { data: number }) => {
      await sleep(event.data === 0 ? 5 : 0);
      seen.push(event.data);
    });
    await second.process();
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  test('events that were cancelled, expired or cleared do not come back', async () => {
    const path = directory();
    const first = durable(path);
    const { eventId } = first.emit('a', 1, { delayMs: 1000 });
    expect(first.cancel(eventId)).toBe(true);
    first.emit('b', 2, { ttlMs: 0, delayMs: 1 });
    await sleep(10);
    await first.process();
    first.emit('c', 3);
    first.clear();
    first.emit('d', 4);
    await first.cleanup();
    const second = durable(path);
    expect(second.recovered).toBe(1);
    expect(await handled(second, ['a', 'b', 'c', 'd'])).toEqual([4]);
  });

  test('what waits at cleanup is kept, and is not counted as lost', async () => {
    const path = directory();
    const lines: string[] = [];
    const { createRuntime } = await import('../../lib/index');
    const runtime = createRuntime({}, { log: (_: string, message: string) => lines.push(message) }, { journal: path });
    runtime.emit('a', 1);
    await runtime.cleanup();
    expect(lines.filter((line) => /dropped/i.test(line))).toEqual([]);
  });

  test('more events come back than the queue takes now', async () => {
    const path = directory();
    const first = durable(path, { queueSize: 100 });
    for (let n = 0; n < 100; n++) first.emit('a', n);
    await first.cleanup();
    const second = durable(path, { queueSize: 10 });
    expect(second.recovered).toBe(100);
    expect(second.emit('a', 100)).toMatchObject({ queued: false, error: { code: 'RUNTIME_EVENT_QUEUE_FULL' } });
    expect(await handled(second, ['a'])).toHaveLength(100);
  });

  test('dead letters are there at the next start, and are gone when they were put back', async () => {
    const path = directory();
    const first = durable(path);
    first.on('*', (event) => {
      throw new Error(`no ${event.type}`);
    });
    first.emit('a', { n: 1 });
    first.emit('b', { n: 2 });
    await first.process();
    await first.cleanup();
    const second = durable(path);
    expect(second.recovered).toBe(0);
    await sleep(0);
    expect(second.deadLetters.list().items.map(({ event, errors }) => [event.data, errors[0]!.message])).toEqual([
      [{ n: 1 }, 'no a'],
      [{ n: 2 }, 'no b'],
    ]);
    expect(await second.reprocessFromDLQ(second.deadLetters.list().items[0]!.id)).toBe(true);
    await second.cleanup();
    const third = durable(path);
    expect(third.recovered).toBe(1);
    await sleep(0);
    expect(third.deadLetters.stats().totalItems).toBe(1);
  });

  test('tenants have journals of their own', async () => {
    const path = directory();
    const first = durable(path);
    const tenant = first.forTenant('acme/../x');
    tenant.emit('a', 'theirs');
    first.emit('a', 'ours');
    await tenant.cleanup();
    await first.cleanup();
    const second = durable(path);
    const other = second.forTenant('acme/../x');
    expect([second.recovered, other.recovered]).toEqual([1, 1]);
    expect(await handled(other, ['a'])).toEqual(['theirs']);
    await other.cleanup();
  });

  test('the codec v8 keeps dates, maps and bytes', async () => {
    const path = directory();
    const first = durable(path, {}, { codec: 'v8' });
    const data = { when: new Date(5), map: new Map([[1, { a: 2 }]]), bytes: new Uint8Array([1, 2, 3]), big: 5n };
    first.emit('a', data);
    first.on('dead', () => {
      throw new Error('no');
    });
    first.emit('dead', data);
    first.off('a', () => undefined);
    await first.process({ maxEvents: 0 });
    await first.cleanup();
    const second = durable(path, {}, { codec: 'v8' });
    second.on('dead', () => {
      throw new Error('no');
    });
    expect(await handled(second, ['a'])).toEqual([data]);
    await second.cleanup();
    const third = durable(path);
    await sleep(0);
    expect(third.deadLetters.list().items[0]!.event.data).toEqual(data);
  });
});

describe('acceptance', () => {
  test('emitAsync resolves when the event is durable', async () => {
    const path = directory();
    const runtime = durable(path, {}, { groupMs: 5 });
    const result = await runtime.emitAsync('a', 1);
    expect(result).toMatchObject({ success: true, queued: true });
    expect(runtime.getStats().journal).toMatchObject({ pending: 1 });
  });

  test('flush makes what went before durable, completions too', async () => {
    const runtime = durable(directory(), {}, { groupMs: 10_000, groupEvents: 1_000_000 });
    runtime.emit('a', 1);
    runtime.emit('a', 2);
    await runtime.flush();
    expect(runtime.getStats().journal).toMatchObject({ pending: 2 });
    expect(await handled(runtime, ['a'])).toEqual([1, 2]);
    await runtime.flush();
    expect(runtime.getStats().journal).toMatchObject({ pending: 0 });
  });

  test('flush without a journal resolves at once', async () => {
    await expect(quiet().flush()).resolves.toBeUndefined();
  });

  test.each(['group', 'always', 'os', 'off'] as const)('sync %s takes events and gives them back', async (sync) => {
    const path = directory();
    const first = durable(path, {}, { sync });
    for (let n = 0; n < 50; n++) first.emit('a', n);
    expect(await first.emitAsync('a', 50)).toMatchObject({ success: true });
    await first.cleanup();
    expect(durable(path).recovered).toBe(51);
  });

  test('events that arrive together share a commit', async () => {
    const runtime = durable(directory(), {}, { groupMs: 2 });
    await Promise.all(Array.from({ length: 500 }, (_, n) => runtime.emitAsync('a', n)));
    const { groups, pending } = runtime.getStats().journal!;
    expect(pending).toBe(500);
    expect(groups).toBeLessThan(50);
  });

  test.each([
    ['a function', { f: () => 1 }, 'event.data.f is a function'],
    ['a date', { list: [1, { when: new Date(0) }] }, 'event.data.list[1].when is a Date'],
    ['a map', new Map(), 'event.data is a Map'],
    ['NaN', { n: NaN }, 'event.data.n is NaN'],
    ['a BigInt', [1n], 'event.data[0] is a bigint'],
    ['undefined in a list', [undefined], 'event.data[0] is undefined in a list'],
    ['a class instance', { 'strange key': new URL('http://localhost') }, 'event.data["strange key"] is a URL'],
  ])('what JSON cannot carry is refused, with its path: %s', async (_, data, problem) => {
    const runtime = durable(directory());
    const result = runtime.emit('a', data);
    expect(result).toMatchObject({ success: false, queued: false, error: { code: 'NOT_SERIALIZABLE' } });
    expect(result.error!.message).toContain(problem);
    expect(await runtime.emitAsync('a', data)).toMatchObject({ success: false, error: { code: 'NOT_SERIALIZABLE' } });
    expect(runtime.getStats().queue.size).toBe(0);
  });

  test('a circular value, and one whose getter throws, are refused', () => {
    const runtime = durable(directory());
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(runtime.emit('a', circular).error).toMatchObject({ code: 'NOT_SERIALIZABLE' });
    const hostile = {
      get x(): never {
        throw new Error('hands off');
      },
    };
    expect(runtime.emit('a', hostile).error).toMatchObject({ code: 'NOT_SERIALIZABLE', cause: new Error('hands off') });
  });

  test('the handler gets the very object that was emitted', async () => {
    const runtime = durable(directory());
    const data = { a: 1 };
    runtime.emit('a', data);
    expect((await handled(runtime, ['a']))[0]).toBe(data);
  });
});

describe('events of strange shape', () => {
  test.each([
    ['without a time', 'json', {}],
    ['without a time', 'v8', {}],
    ['whose time is NaN', 'v8', { ts: NaN }],
    ['whose time is a text', 'json', { ts: 'yesterday' }],
  ] as const)('an event %s is written like others (%s)', async (_, codec, fields) => {
    const path = directory();
    const first = durable(path, {}, { codec });
    const strange = { id: 'strange', type: 'a', data: 1, threadId: 't', ...fields };
    expect(first.emitEvent(strange as never)).toMatchObject({ queued: true });
    expect(await first.emitAsync('a', 2)).toMatchObject({ success: true });
    await first.flush();
    await first.cleanup();
    expect(await handled(durable(path, {}, { codec }), ['a'])).toEqual([1, 2]);
  });

  test('ids with quotes, newlines, separators and halves of characters do no harm', async () => {
    const path = directory();
    const first = durable(path);
    const ids = ['"', 'a\nb', 'a\x1fb', '\\', '\ud83d\ude00', 'half \ud800', '\u2028'];
    for (const [n, id] of ids.entries()) {
      const event = { id, type: 'a', data: n, ts: 1, threadId: `t${id}`, metadata: { correlationId: id } };
      expect(first.emitEvent(event, { orderingKey: id, idempotencyKey: id })).toMatchObject({ queued: true });
    }
    await first.cleanup();
    expect(await handled(durable(path), ['a'])).toEqual(ids.map((_, n) => n));
  });

  test.each(['json', 'v8'] as const)('types with halves of characters come back as they were (%s)', async (codec) => {
    const path = directory();
    const types = ['a\ud800b', '\udc00', 'a\ufffdb', 'a\u0000b', '\\ud800', ''];
    const first = durable(path, {}, { codec });
    for (const type of types) {
      first.emit(type, 'plain');
      expect(await first.emitAsync(type, 'awaited')).toMatchObject({ success: true });
      first.emit(type, 'with options', { orderingKey: type || 'none' });
    }
    await first.cleanup();
    const second = durable(path, {}, { codec });
    const seen: [string, unknown][] = [];
    second.on('*', (event) => void seen.push([event.type, event.data]));
    await second.process();
    expect(seen).toEqual(types.flatMap((type) => ['plain', 'awaited', 'with options'].map((data) => [type, data])));
  });

  test('a key with half a character in it is known after a restart, too', async () => {
    const path = directory();
    const first = durable(path);
    const keys = ['a\ud800', 'a\u0000b', '\u001f', '"\\'];
    for (const key of keys) await first.emitAsync('a', key, { idempotencyKey: key });
    expect(await handled(first, ['a'])).toEqual(keys);
    await first.cleanup();
    const second = durable(path);
    for (const key of keys) {
      expect(contextOf(second.emit('a', key, { idempotencyKey: key }))).toMatchObject({ state: 'done' });
    }
  });

  test('an event of ten megabytes comes back as it was', async () => {
    const path = directory();
    const config = { queueConfig: { maxEventSize: 64 * 2 ** 20, hugeEventThreshold: 32 * 2 ** 20 } };
    const data = { text: Array.from({ length: 1_000_000 }, (_, n) => n.toString(36)).join(' ') + 'é'.repeat(2 ** 21) };
    const first = durable(path, config);
    expect(await first.emitAsync('a', data)).toMatchObject({ success: true });
    await first.cleanup();
    const [found] = await handled(durable(path, config), ['a']);
    expect((found as typeof data).text === data.text).toBe(true);
  });
});

describe('delivery guarantees', () => {
  test('at-most-once: the event has left the journal before its handler starts', async () => {
    const path = directory();
    const runtime = durable(path);
    let pending = -1;
    runtime.on('a', () => {
      pending = runtime.getStats().journal!.pending;
    });
    await runtime.emitAsync('a', 1, { deliveryGuarantee: 'at-most-once' });
    expect(runtime.getStats().journal!.pending).toBe(1);
    await runtime.process();
    expect(pending).toBe(0);
  });

  test('at-most-once: an event that has begun leaves its key to nobody, also after a restart', async () => {
    const path = directory();
    const once = { deliveryGuarantee: 'at-most-once' as const, idempotencyKey: 'k' };
    const first = durable(path);
    await first.emitAsync('a', 1, once);
    expect(await handled(first, ['a'])).toEqual([1]);
    expect(contextOf(first.emit('a', 1, once))).toMatchObject({ state: 'done' });
    await first.cleanup();
    expect(contextOf(durable(path).emit('a', 1, once))).toMatchObject({ state: 'done' });
  });

  test('at-least-once, the default: the event is in the journal while its handler runs', async () => {
    const runtime = durable(directory());
    let pending = -1;
    runtime.on('a', () => {
      pending = runtime.getStats().journal!.pending;
    });
    await runtime.emitAsync('a', 1);
    await runtime.process();
    expect(pending).toBe(1);
    await runtime.flush();
    expect(runtime.getStats().journal!.pending).toBe(0);
  });

  test('with acknowledgements by hand the event stays until ack', async () => {
    const path = directory();
    const config = { enableAcks: true, autoAck: false };
    const first = durable(path, config);
    first.on('a', () => undefined);
    const { eventId } = first.emit('a', 1);
    const other = first.emit('a', 2);
    await first.process();
    await first.ack(other.eventId);
    await first.cleanup();
    const second = durable(path, config);
    expect(second.recovered).toBe(1);
    second.on('a', () => undefined);
    await second.process();
    await second.ack(eventId);
    await second.cleanup();
    expect(durable(path, config).recovered).toBe(0);
  });

  test('the key of an event that ran at most once and is a dead letter tells so, also after a restart', async () => {
    const path = directory();
    const options = { idempotencyKey: 'k', deliveryGuarantee: 'at-most-once' } as const;
    const first = durable(path);
    first.on('a', () => {
      throw new Error('no');
    });
    first.emit('a', 1, options);
    await first.process();
    expect(contextOf(first.emit('a', 2, options))).toMatchObject({ state: 'dead' });
    await first.cleanup();
    const second = durable(path);
    expect(contextOf(second.emit('a', 2, options))).toMatchObject({ state: 'dead' });
  });

  test('exactly-once: a duplicate is refused, also after a restart, and told what became of the first', async () => {
    const path = directory();
    const once = { deliveryGuarantee: 'exactly-once' as const, idempotencyKey: 'order-7' };
    const first = durable(path);
    await first.emitAsync('a', 1, once);
    expect(first.emit('a', 1, once).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'waiting' } });
    expect(await handled(first, ['a'])).toEqual([1]);
    expect(first.emit('a', 1, once).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'done' } });
    await first.cleanup();
    const second = durable(path);
    expect(second.emit('a', 1, once).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'done' } });
  });

  test('a key of a waiting event, and of a dead one, is known after a restart', async () => {
    const path = directory();
    const first = durable(path);
    first.on('bad', () => {
      throw new Error('no');
    });
    first.emit('bad', 1, { idempotencyKey: 'k1' });
    await first.process();
    first.emit('later', 2, { idempotencyKey: 'k2' });
    await first.cleanup();
    const second = durable(path);
    expect(second.emit('x', 1, { idempotencyKey: 'k1' }).error).toMatchObject({ context: { state: 'dead' } });
    expect(second.emit('x', 1, { idempotencyKey: 'k2' }).error).toMatchObject({ context: { state: 'waiting' } });
    expect(second.emit('x', 1, { idempotencyKey: 'k3' })).toMatchObject({ queued: true });
  });

  test('keys are remembered as far back as the window goes, also after a restart', async () => {
    const path = directory();
    const config = { queueConfig: { maxProcessedEvents: 1000 } };
    const once = (n: number) => ({ deliveryGuarantee: 'exactly-once' as const, idempotencyKey: `k${n}` });
    const first = durable(path, config);
    for (let n = 0; n < 1000; n++) first.emit('a', n, once(n));
    await handled(first, ['a']);
    await first.cleanup();
    const second = durable(path, config);
    for (const n of [0, 1, 500, 999]) expect(second.emit('a', n, once(n)).error).toMatchObject({ code: 'DUPLICATE' });
  });

  test.each([false, true])('a dead letter that goes back keeps its key (restart between: %s)', async (restarts) => {
    const path = directory();
    const once = { deliveryGuarantee: 'exactly-once' as const, idempotencyKey: 'k' };
    let runtime = durable(path);
    let fails = true;
    const handle = (): void => {
      if (fails) throw new Error('no');
    };
    runtime.on('a', handle);
    runtime.emit('a', 1, once);
    await runtime.process();
    if (restarts) {
      await runtime.cleanup();
      runtime = durable(path);
      runtime.on('a', handle);
      await sleep(0);
    }
    const state = (of: Runtime): unknown => contextOf(of.emit('a', 1, once));
    expect(state(runtime)).toMatchObject({ state: 'dead' });
    fails = false;
    expect(await runtime.reprocessFromDLQ(runtime.deadLetters.list().items[0]!.id)).toBe(true);
    expect(state(runtime)).toMatchObject({ state: 'waiting' });
    await runtime.process();
    expect(state(runtime)).toMatchObject({ state: 'done' });
    await runtime.cleanup();
    expect(state(durable(path))).toMatchObject({ state: 'done' });
  });

  test('an event that left without having been handled leaves its key to the next one', async () => {
    const runtime = durable(directory());
    const { eventId } = runtime.emit('a', 1, { idempotencyKey: 'k', delayMs: 1000 });
    expect(runtime.cancel(eventId)).toBe(true);
    expect(runtime.emit('a', 2, { idempotencyKey: 'k', ttlMs: 0, delayMs: 1 })).toMatchObject({ queued: true });
    await sleep(5);
    await runtime.process();
    expect(runtime.emit('a', 3, { idempotencyKey: 'k' })).toMatchObject({ queued: true });
  });

  test('exactly-once by id: an event that was handled is refused after a restart', async () => {
    const path = directory();
    const first = durable(path);
    const event = first.createEvent('a', 1);
    expect(first.emitEvent(event, { deliveryGuarantee: 'exactly-once' })).toMatchObject({ queued: true });
    await handled(first, ['a']);
    await first.cleanup();
    const second = durable(path);
    expect(second.emitEvent({ ...event }).error).toMatchObject({ code: 'DUPLICATE' });
  });
});

describe('one owner', () => {
  test('a journal that is open is refused, and can be opened when it is closed', async () => {
    const path = directory();
    const first = durable(path);
    expect(() => durable(path)).toThrow(expect.objectContaining({ code: 'JOURNAL_LOCKED' }));
    expect(() => durable(path)).toThrow(String(process.pid));
    await first.cleanup();
    await durable(path).cleanup();
  });

  test('a configuration that is refused leaves no lock behind', async () => {
    const path = directory();
    expect(() => durable(path, { deadLetter: { maxSize: -1 } })).toThrow(/maxSize/);
    expect(() => durable(path, { queueConfig: { dlq: { maxDLQSize: -1 } } })).toThrow(/maxDLQSize/);
    expect(() => durable(path, { memoryMonitor: { thresholds: 5 } as never })).toThrow();
    await durable(path).cleanup();
  });

  test('the files are for their owner only', async () => {
    const path = join(directory(), 'deep', 'journal');
    const runtime = durable(path);
    await runtime.emitAsync('a', 1);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(path))
      expect([name, statSync(join(path, name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(readFileSync(join(path, 'journal.db')).subarray(0, 15).toString()).toBe('SQLite format 3');
  });
});

describe('bounds', () => {
  test('a journal that has reached maxBytes refuses events, and takes them again when some are done', async () => {
    const runtime = durable(directory(), { queueSize: 100_000 }, { maxBytes: 1024 * 1024 });
    const big = 'x'.repeat(50_000);
    const results = [];
    for (let n = 0; n < 60; n++) results.push(await runtime.emitAsync('a', { n, big }));
    const refused = results.filter(({ success }) => !success);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]!.error).toMatchObject({ code: 'JOURNAL_FULL' });
    const accepted = results.length - refused.length;
    expect(await handled(runtime, ['a'])).toHaveLength(accepted);
    await runtime.flush();
    await expect.poll(async () => (await runtime.emitAsync('a', 1)).success).toBe(true);
  });

  test('what was not accepted was not run, or its emitter is told that it was; its key is free again', async () => {
    const runtime = durable(directory(), { queueSize: 1000 }, { maxBytes: 1024 * 1024 });
    const seen = new Set<number>();
    runtime.on('a', (event: { data: { n: number } }) => void seen.add(event.data.n));
    const pad = 'x'.repeat(100_000);
    const emitted = Array.from({ length: 60 }, (_, n) => ({
      n,
      result: runtime.emitAsync('a', { n, pad }, { idempotencyKey: `k${n}`, ...(n % 2 === 0 && { delayMs: 60_000 }) }),
    }));
    await runtime.process();
    const results = await Promise.all(emitted.map(async ({ n, result }) => ({ n, ...(await result) })));
    const refused = results.filter(({ success }) => !success);
    expect(refused.length).toBeGreaterThan(0);
    for (const { n, error } of refused) {
      expect(error).toMatchObject({ code: 'JOURNAL_FULL', context: { ran: seen.has(n) } });
    }
    for (const { eventId } of results) runtime.cancel(eventId);
    await runtime.flush();
    await expect.poll(async () => (await runtime.emitAsync('b', 1)).success).toBe(true);
    for (const { n } of refused) {
      const again = await runtime.emitAsync('a', { n }, { idempotencyKey: `k${n}` });
      expect([n, contextOf(again)?.state]).toEqual([n, seen.has(n) ? 'done' : undefined]);
    }
  });

  test('large events are compressed in the journal, and the statistics tell by how much', async () => {
    const path = directory();
    const first = durable(path, { queueConfig: { largeEventThreshold: 10_000 } });
    const data = { text: 'abc '.repeat(5000) };
    await first.emitAsync('a', data);
    await first.emitAsync('a', { small: true });
    const { compressedEvents, compressionRatio } = first.getStats().queue;
    expect(compressedEvents).toBe(1);
    expect(parseFloat(compressionRatio)).toBeGreaterThan(90);
    await first.cleanup();
    expect(await handled(durable(path), ['a'])).toEqual([data, { small: true }]);
  });

  test('the process waits for what an awaited emit needs, and for nothing else', async () => {
    const gate = deferred();
    const runtime = durable(directory());
    void runtime.emitAsync('a', 1).then(() => gate.resolve());
    await gate.promise;
  });

  test.each([
    ['a number', 5, 'journal: got 5'],
    ['an empty path', { path: '' }, 'journal.path: got ""'],
    ['an unknown key', { path: 'x', sinc: 'os' }, "did you mean 'sync'"],
    ['an unknown sync', { path: 'x', sync: 'never' }, 'journal.sync: got "never"'],
    ['a negative group', { path: 'x', groupMs: -1 }, 'journal.groupMs: got -1'],
    ['few bytes', { path: 'x', maxBytes: 10 }, 'journal.maxBytes: got 10'],
    ['an unknown codec', { path: 'x', codec: 'xml' }, 'journal.codec: got "xml"'],
    ['a policy', { path: 'x', onCorruption: 'ignore' }, 'journal.onCorruption: got "ignore"'],
  ])('a configuration that makes no sense is refused: %s', (_, journal, message) => {
    expect(() => quiet({ journal: journal as never })).toThrow(message);
  });
});

describe('schedules', () => {
  const scheduled = (path: string, options: object): Runtime => {
    const { withSchedule } = library;
    return durable(path, { middleware: [withSchedule({ intervalMs: 20, ...options })] });
  };

  test('a schedule goes on in the next process without another event, with the triggers that are left', async () => {
    const path = directory();
    const first = scheduled(path, { maxTriggers: 3 });
    const seen: unknown[] = [];
    first.on('tick', (event) => void seen.push(event.data));
    first.emit('tick', 'first life');
    first.start();
    await expect.poll(() => seen.length).toBeGreaterThanOrEqual(2);
    await first.cleanup();
    const before = seen.length;
    expect(before).toBeLessThan(4);
    const second = scheduled(path, { maxTriggers: 3 });
    second.on('tick', (event) => void seen.push(event.data));
    second.start();
    await expect.poll(() => seen.length).toBe(4);
    await sleep(60);
    expect(seen).toEqual(Array(4).fill('first life'));
  });

  test('another schedule, and one that was cleared, do not go on', async () => {
    const path = directory();
    const first = scheduled(path, {});
    first.on('tick', () => undefined);
    first.emit('tick', 1);
    await first.process();
    await first.cleanup();
    const other = scheduled(path, { intervalMs: 10 });
    let runs = 0;
    other.on('tick', () => void runs++);
    other.start();
    await sleep(50);
    expect(runs).toBe(0);
    await other.cleanup();
    const second = scheduled(path, {});
    second.on('tick', () => void runs++);
    second.start();
    await expect.poll(() => runs).toBeGreaterThan(0);
    second.clear();
    await second.cleanup();
    runs = 0;
    const third = scheduled(path, {});
    third.on('tick', () => void runs++);
    third.start();
    await sleep(50);
    expect(runs).toBe(0);
  });
});

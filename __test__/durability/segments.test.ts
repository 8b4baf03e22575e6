import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { native } from '../../lib/native/index';
import { sleep } from '../helpers';
import { directory, durable, handled, removeAll } from './helpers';
import type { AnyEvent } from '../../lib/events';
import type { RuntimeConfig } from '../../lib/config';
import type { EmitOptions, EmitResult, Runtime } from '../../lib/runtime-types';

afterEach(removeAll);

/** Enough for many frames, and so for many segments. */
const BURST = 2000;
const ROOMY = { queueSize: 10 * BURST };
const text = (n: number): string => `${n} ünï "quoted" 😀 ${'x'.repeat(n % 90)}`;

/** A burst whose events share segments. Answers the ids in order. */
async function burst(runtime: Runtime, count = BURST): Promise<string[]> {
  const results = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      runtime.emitAsync('burst', n % 10 === 9 ? undefined : { n, text: text(n) }),
    ),
  );
  expect(results.every(({ success }) => success)).toBe(true);
  return results.map(({ eventId }) => eventId);
}

/** The events that a runtime handles now. */
async function events(runtime: Runtime): Promise<AnyEvent[]> {
  const seen: AnyEvent[] = [];
  runtime.on('burst', (event) => void seen.push(event));
  await runtime.process();
  return seen;
}

/**
 * Flips a bit where `found` stands in the database of a journal: the first place that matters, for the database also holds
 * remains of what it has moved.
 */
async function flip(path: string, found: string | Buffer): Promise<void> {
  const file = join(path, 'journal.db');
  const whole = readFileSync(file);
  for (let at = whole.indexOf(found); at >= 0; at = whole.indexOf(found, at + 1)) {
    const bytes = Buffer.from(whole);
    bytes[at] = bytes[at]! ^ 1;
    writeFileSync(file, bytes);
    const { ok } = JSON.parse(await native.journalVerify(path)) as { ok: boolean };
    if (!ok) return;
  }
  throw new Error('nothing depends on it');
}

describe('events of a burst', () => {
  test.each([true, false])('come back as they were, compressed or not (compression: %s)', async (compression) => {
    const path = directory();
    const first = durable(path, ROOMY, { compression });
    const ids = await burst(first);
    await first.cleanup();

    const second = durable(path, ROOMY, { compression });
    expect(second.recovered).toBe(BURST);
    const found = await events(second);
    expect(found.map(({ id }) => id)).toEqual(ids);
    expect(found[7]!.data).toEqual({ n: 7, text: text(7) });
    expect(Object.keys(found[9]!)).toEqual(['id', 'type', 'data', 'ts', 'threadId', 'metadata']);
    expect(found[9]!.data).toBeUndefined();
    expect(found[0]!.threadId).toMatch(/^call_/);
    expect(found[0]!.threadId).not.toBe(found[0]!.id);
    expect(found[0]!.metadata!.correlationId).toMatch(/^corr_\d+_\d+$/);
    expect(new Set(found.map(({ metadata }) => metadata!.correlationId)).size).toBe(BURST);
  });

  test('do not come back one by one as they end', async () => {
    const path = directory();
    const first = durable(path, ROOMY);
    await burst(first);
    first.on('burst', () => undefined);
    await first.process({ maxEvents: 1234 });
    await first.cleanup();

    const second = durable(path, ROOMY);
    expect(second.recovered).toBe(BURST - 1234);
    const found = await events(second);
    expect(found[0]!.data).toEqual({ n: 1234, text: text(1234) });
    await second.cleanup();
    expect(durable(path).recovered).toBe(0);
  });

  test('keep their attempts when some of them fail', async () => {
    const path = directory();
    const config = { ...ROOMY, enableAcks: true, maxRetries: 5, queueConfig: { baseRetryDelay: 50_000 } };
    const first = durable(path, config);
    await burst(first, 300);
    first.on('burst', ({ data }) => {
      if (data?.n % 3 === 0) throw new Error('not now');
    });
    await first.process();
    await first.cleanup();
    const report = JSON.parse(await native.journalInspect(path)) as { pending: number; retrying: number };
    expect(report).toMatchObject({ pending: 90, retrying: 90 });

    const second = durable(path, config);
    expect(second.recovered).toBe(90);
    const [waiting] = second.getQueueSnapshot!(1);
    expect(waiting).toMatchObject({ eventType: 'burst', retryCount: 1 });
    expect(second.getStats().queue.waiting).toBe(90);
  });

  test('become dead letters, and nothing else, when they fail for good', async () => {
    const path = directory();
    const first = durable(path, ROOMY);
    await burst(first, 100);
    first.on('burst', () => {
      throw new Error('never');
    });
    await first.process();
    await first.cleanup();
    const second = durable(path, ROOMY);
    expect(second.recovered).toBe(0);
    await sleep(0);
    expect(second.deadLetters.list({ limit: 1000 }).items).toHaveLength(100);
  });

  test('are seen by the tools, also while a runtime has the journal open', async () => {
    const path = directory();
    const runtime = durable(path, ROOMY);
    const ids = await burst(runtime);
    const inspected = JSON.parse(await native.journalInspect(path)) as object;
    expect(inspected).toMatchObject({ pending: BURST, types: [{ type: 'burst', events: BURST, pending: BURST }] });
    expect(JSON.parse(await native.journalVerify(path))).toEqual({ ok: true, records: BURST, problems: [] });
    const exported: { kind: string; id: string }[] = [];
    for (let cursor = ''; ;) {
      const page = JSON.parse(await native.journalExport(path, cursor, 300)) as { rows: []; next: string };
      exported.push(...page.rows);
      if (page.next === '') break;
      cursor = page.next;
    }
    expect(exported.map(({ id }) => id)).toEqual(ids);
  });

  test('move into rows when an event store is to keep them', async () => {
    const path = directory();
    const first = durable(path, ROOMY);
    const ids = await burst(first, 100);
    await first.cleanup();
    const second = durable(path, { ...ROOMY, enableEventStore: true, enableAcks: true });
    expect((await handled(second, ['burst'])).length).toBe(100);
    const replayed: string[] = [];
    for await (const batch of second.replayEvents!(0, { onlyUnprocessed: false }))
      replayed.push(...batch.map(({ id }) => id));
    expect(replayed).toEqual(ids);
  });
});

describe('events of a burst that bring something', () => {
  const KINDS: Record<string, EmitOptions> = {
    nothing: {},
    'a priority': { priority: 7 },
    'the highest priority': { priority: Number.MAX_VALUE },
    'a tenant': { tenantId: 'té"n' },
    'an ordering key': { orderingKey: 'a\\b\n' },
    'an idempotency key': { idempotencyKey: 'k\u0000"1' },
    'exactly-once': { deliveryGuarantee: 'exactly-once' },
    'a delay': { delayMs: 60_000 },
    'a time to live': { ttlMs: 90_000 },
    'a timeout': { timeout: 1234.5 },
    'a policy': { retryPolicy: { maxRetries: 2, initialDelay: 10 } },
    'a correlation id': { correlationId: 'mine "{}"' },
    'a correlation id like JSON': { correlationId: '{' },
    everything: { priority: -1.5, tenantId: 't', orderingKey: 'o', ttlMs: 5e5, deliveryGuarantee: 'at-most-once' },
  };

  /** What the journal has of events, without what is another's each time: ids, times, numbers. */
  async function exported(path: string): Promise<object[]> {
    const { rows } = JSON.parse(await native.journalExport(path, '', 1000)) as { rows: object[] };
    const text = JSON.stringify(rows).replace(/(call|corr)_[^"]+/g, '$1');
    const masked = text.replace(/(?<="(ts|timestamp|expiresAt|dueAt|seq)":)\d+(\.\d+)?/g, '1');
    return JSON.parse(masked) as object[];
  }

  const many = (options: EmitOptions): EmitOptions[] =>
    Array.from({ length: 20 }, (_, n) => {
      const { idempotencyKey } = options;
      return idempotencyKey === undefined ? options : { ...options, idempotencyKey: `${idempotencyKey}${n}` };
    });

  async function emitted(options: readonly EmitOptions[], isBurst: boolean, config: RuntimeConfig): Promise<object[]> {
    const path = directory();
    const runtime = durable(path, { ...ROOMY, ...config });
    const results: EmitResult[] = [];
    if (isBurst) results.push(...(await Promise.all(options.map((one) => runtime.emitAsync('burst', { n: 1 }, one)))));
    else for (const one of options) results.push(await runtime.emitAsync('burst', { n: 1 }, one));
    expect(results.map(({ error }) => error)).toEqual(options.map(() => undefined));
    await runtime.cleanup();
    return exported(path);
  }

  test.each(Object.entries(KINDS))('are stored as those that come alone: %s', async (_name, options) => {
    const burst = await emitted(many(options), true, {});
    expect(burst).toHaveLength(20);
    expect(burst).toEqual(await emitted(many(options), false, {}));
  });

  test.each<[string, RuntimeConfig]>([
    ['a tenant of the runtime', { tenantId: 'acme' }],
    ['timestamps', { enableEventTimestamp: true } as RuntimeConfig],
    ['sizes', { maxEventSize: 1e6 }],
  ])('are stored as those that come alone: %s', async (_name, config) => {
    expect(await emitted(many({}), true, config)).toEqual(await emitted(many({}), false, config));
  });

  test('come back with it, in the order of their priorities', async () => {
    const path = directory();
    const first = durable(path, ROOMY);
    await Promise.all(Array.from({ length: 50 }, (_, n) => first.emitAsync('burst', { n }, { priority: n % 5 })));
    await first.cleanup();
    const found = await events(durable(path, ROOMY));
    const inOrder = [4, 3, 2, 1, 0].flatMap((rest) => Array.from({ length: 10 }, (_, n) => 5 * n + rest));
    expect(found.map(({ data }) => (data as { n: number }).n)).toEqual(inOrder);
  });

  test('are refused as duplicates when they have ended, in the next process and in the one after it', async () => {
    const path = directory();
    const keys = Array.from({ length: 30 }, (_, n) => ({ idempotencyKey: `key ${n}` }));
    const emitAll = (runtime: Runtime): Promise<EmitResult[]> =>
      Promise.all(keys.map((options) => runtime.emitAsync('burst', 1, options)));
    const first = durable(path, ROOMY);
    await emitAll(first);
    await first.cleanup();
    const second = durable(path, ROOMY);
    expect((await emitAll(second)).every(({ success }) => !success)).toBe(true);
    expect(await events(second)).toHaveLength(30);
    await second.cleanup();
    const third = durable(path, ROOMY);
    expect(third.recovered).toBe(0);
    for (const { error } of await emitAll(third))
      expect(error).toMatchObject({ code: 'DUPLICATE', context: { state: 'done' } });
  });

  test('come back as they were when somebody else has made them', async () => {
    const path = directory();
    const first = durable(path, ROOMY);
    const made = Array.from({ length: 30 }, (_, n) => ({
      ...first.createEvent('burst', { n, text: text(n) }),
      id: `id "${n}"`,
    }));
    for (const event of made) first.emitEvent(event);
    await first.flush();
    await first.cleanup();
    expect(await events(durable(path, ROOMY))).toEqual(JSON.parse(JSON.stringify(made)));
  });
});

describe('a flipped bit in a segment', () => {
  test('costs its own event where nothing is compressed', async () => {
    const path = directory();
    const first = durable(path, ROOMY, { compression: false });
    const ids = await burst(first, 100);
    await first.cleanup();
    await flip(path, '42 ünï');
    expect(() => durable(path, ROOMY)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_CORRUPT', message: expect.stringContaining('event 43') as string }),
    );
    const second = durable(path, ROOMY, { onCorruption: 'skip' });
    expect(second.recovered).toBe(99);
    expect((await events(second)).map(({ id }) => id)).toEqual(ids.filter((_, n) => n !== 42));
    await second.cleanup();
    expect(JSON.parse(await native.journalVerify(path))).toMatchObject({ ok: true });
  });

  test('costs the events of the segment where it is compressed, and each is told', async () => {
    const path = directory();
    const first = durable(path, ROOMY);
    const ids = await burst(first);
    await first.cleanup();
    // The magic number of a frame of Zstandard.
    await flip(path, Buffer.from([0x28, 0xb5, 0x2f, 0xfd]));
    expect(() => durable(path, ROOMY)).toThrow(expect.objectContaining({ code: 'JOURNAL_CORRUPT' }));
    const second = durable(path, ROOMY, { onCorruption: 'skip' });
    const found = (await events(second)).map(({ id }) => id);
    expect(found.length).toBeGreaterThan(BURST / 2);
    expect(found.length).toBeLessThan(BURST);
    expect(found).toEqual(ids.filter((id) => found.includes(id)));
    expect(second.getStats().journal!.skipped).toBe(BURST - found.length);
  });
});

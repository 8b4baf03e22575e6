import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { native } from '../../lib/native/index';
import { sleep } from '../helpers';
import { directory, durable, handled, removeAll } from './helpers';
import type { AnyEvent } from '../../lib/events';
import type { Runtime } from '../../lib/runtime-types';

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

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { journalSettings } from '../../lib/durability/journal-config';
import { JournalLog } from '../../lib/durability/journal-log';
import { EventStore } from '../../lib/event-store';
import { JournalEventLog } from '../../lib/event-store/journal-event-log';
import { createPort } from '../../lib/observability/port';
import { createRuntime } from '../../lib/index';
import { sleep } from '../helpers';
import { collect, eventOf } from '../persistors/support';
import type { JournalConfig } from '../../lib/durability/journal-config';
import type { AnyEvent, Runtime } from '../../lib/index';

const HOUR_MS = 3_600_000;
const EVERYTHING = { onlyUnprocessed: false };

let path: string;
let log: JournalLog;
let store: EventStore;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kodus-flow-store-'));
});

afterEach(async () => {
  await log.close();
  rmSync(path, { recursive: true, force: true });
});

const at = (id: string, ts: number, type = 'order.paid'): AnyEvent => ({ ...eventOf(id, type), ts });

const numbered = (count: number, from = 0): AnyEvent[] =>
  Array.from({ length: count }, (_, index) => eventOf(`e${from + index}`));

async function idsOf(replay: AsyncIterable<AnyEvent[]>): Promise<string[]> {
  return (await collect(replay)).flat().map(({ id }) => id);
}

describe.each(['json', 'v8'] as const)('an event store in a journal (%s)', (codec) => {
  function open(maxKeptEvents = 10_000): void {
    const around = { largeEventThreshold: 1000, maxKeys: 100, keepsEvents: true, maxKeptEvents };
    log = new JournalLog(journalSettings({ path, codec }, around), createPort(undefined, true));
    for (const _recovered of log.recover(1000)) throw new Error('a replay record is not to be handled');
    store = new EventStore(undefined, { executionId: 'x1' }, new JournalEventLog(log));
  }

  async function reopen(): Promise<void> {
    await store.close();
    await log.close();
    open();
  }

  beforeEach(() => open());

  test('replays in the order of appending, in lists of the size asked for', async () => {
    for (const event of numbered(7)) await store.appendEvents([event]);
    await store.appendEvents(numbered(505, 7));
    const lists = await collect(store.replayFromTimestamp(0, { batchSize: 500 }));
    expect(lists.map((list) => list.length)).toEqual([500, 12]);
    expect(lists.flat()).toEqual(numbered(512));
  });

  test('replays what is asked for: both bounds belong to it', async () => {
    await store.appendEvents([at('a', 10), at('b', 20, 'order.sent'), at('c', 30), at('d', 40)]);
    expect(await idsOf(store.replayFromTimestamp(20, { toTimestamp: 30 }))).toEqual(['b', 'c']);
    expect(await idsOf(store.replayFromTimestamp(-Infinity, { types: ['order.sent'] }))).toEqual(['b']);
    expect(await idsOf(store.replayFromTimestamp(41, { toTimestamp: Infinity }))).toEqual([]);
  });

  test('processed events are left out, unless they are asked for; also after a restart', async () => {
    await store.appendEvents(numbered(5));
    await store.markEventsProcessed(['e1', 'unknown', 'e3']);
    await reopen();
    expect(await idsOf(store.replayFromTimestamp(0))).toEqual(['e0', 'e2', 'e4']);
    expect(await idsOf(store.replayFromTimestamp(0, EVERYTHING))).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
    expect(await store.getStats()).toMatchObject({ totalStoredEvents: 5, storedEvents: 5, unprocessedEvents: 3 });
    expect(await store.getEventMetadata('e1')).toMatchObject({ eventId: 'e1', timestamp: 1, processed: true });
    expect(await store.getEventMetadata('e2')).toMatchObject({ processed: false });
    expect(await store.getEventMetadata('unknown')).toBeUndefined();
  });

  test('what is being stored belongs to a replay; what is appended during it does not', async () => {
    void store.appendEvents(numbered(2));
    const replay = store.replayFromTimestamp(0, { batchSize: 1 });
    void store.appendEvents(numbered(1, 2));
    const seen: string[] = [];
    for await (const [event] of replay) {
      seen.push(event!.id);
      await store.appendEvents([eventOf(`more-${event!.id}`)]);
    }
    expect(seen).toEqual(['e0', 'e1']);
  });

  test('figures cover all that is stored', async () => {
    expect(await store.getStats()).toMatchObject({ storedEvents: 0, unprocessedEvents: 0 });
    await store.appendEvents([at('a', 30), at('b', 10), at('c', 20)]);
    expect(await store.getStats()).toMatchObject({
      totalStoredEvents: 3,
      storedEvents: 3,
      oldestEventTimestamp: 10,
      newestEventTimestamp: 30,
    });
  });

  test('cleanup forgets old processed events', async () => {
    const now = Date.now();
    await store.appendEvents([at('old', now - 3 * HOUR_MS), at('old, open', now - 3 * HOUR_MS), at('new', now)]);
    await store.markEventsProcessed(['old']);
    expect(await store.cleanup()).toBe(0);
    expect(await store.cleanup(HOUR_MS)).toBe(1);
    const everything = { ...EVERYTHING, toTimestamp: Infinity };
    expect(await idsOf(store.replayFromTimestamp(0, everything))).toEqual(['old, open', 'new']);
    await reopen();
    expect(await idsOf(store.replayFromTimestamp(0, everything))).toEqual(['old, open', 'new']);
  });

  test('deliveries are counted', async () => {
    await store.appendEvents(numbered(1));
    for (let delivery = 0; delivery < 3; delivery++) store.recordAttempt('e0');
    expect(await store.getEventMetadata('e0')).toMatchObject({ processingAttempts: 3 });
  });

  test('deliveries that were counted by hand are known after a restart', async () => {
    await store.appendEvents(numbered(2));
    for (let delivery = 0; delivery < 3; delivery++) store.recordAttempt('e0');
    store.recordAttempt('unknown');
    await reopen();
    expect(await store.getEventMetadata('e0')).toMatchObject({ processingAttempts: 3 });
    expect(await store.getEventMetadata('e1')).toMatchObject({ processingAttempts: 0 });
    store.recordAttempt('e0');
    expect(await store.getEventMetadata('e0')).toMatchObject({ processingAttempts: 4 });
  });
});

describe('what is kept how long', () => {
  function open(maxKeptEvents: number, journal: Partial<JournalConfig> = {}, keepsEvents = true): EventStore {
    const around = { largeEventThreshold: 1000, maxKeys: 100, keepsEvents, maxKeptEvents };
    log = new JournalLog(journalSettings({ path, ...journal }, around), createPort(undefined, true));
    for (const _recovered of log.recover(1000)) throw new Error('a replay record is not to be handled');
    store = new EventStore(undefined, { executionId: 'x1' }, new JournalEventLog(log));
    return store;
  }

  const storedIds = (): Promise<string[]> =>
    idsOf(store.replayFromTimestamp(-Infinity, { ...EVERYTHING, toTimestamp: Infinity }));

  test('the newest so many; what falls out is counted, also after a restart', async () => {
    open(10);
    for (let n = 0; n < 25; n += 5) await store.appendEvents(numbered(5, n));
    await expect.poll(storedIds).toEqual(numbered(10, 15).map(({ id }) => id));
    await store.markEventsProcessed(['e15', 'e16']);
    expect(await store.cleanup(0)).toBe(2);
    const figures = { totalStoredEvents: 25, storedEvents: 8, unprocessedEvents: 8, droppedEvents: 15 };
    expect(await store.getStats()).toMatchObject(figures);
    await log.close();
    open(10);
    expect(await store.getStats()).toMatchObject(figures);
  });

  test('age counts from the end of an event, or from when it was appended; its own time says nothing', async () => {
    open(100, { retentionMs: 3_600_000 });
    await store.appendEvents([at('long ago', 5), at('far away', 8e15), at('today', Date.now())]);
    await log.close();
    open(100, { retentionMs: 3_600_000 });
    await store.appendEvents([at('more', 7)]);
    await expect.poll(() => log.journal.handle.stats().groups).toBeGreaterThan(0);
    await sleep(60);
    expect(await storedIds()).toEqual(['long ago', 'far away', 'today', 'more']);
  });

  test('what is older than retentionMs goes when newer ones come', async () => {
    open(100, { retentionMs: 50 });
    await store.appendEvents(numbered(3));
    await sleep(60);
    await store.appendEvents(numbered(1, 3));
    await expect.poll(storedIds).toEqual(['e3']);
    expect(await store.getStats()).toMatchObject({ droppedEvents: 3 });
  });

  test('bytes: kept events give way before anything is refused', async () => {
    const runtime = createRuntime({}, undefined, {
      enableEventStore: true,
      journal: { path, maxBytes: 1024 * 1024, groupMs: 0 },
    });
    log = { close: () => runtime.cleanup() } as never;
    runtime.on('a', () => undefined);
    const pad = 'x'.repeat(20_000);
    for (let n = 0; n < 150; n++) {
      expect(await runtime.emitAsync('a', { n, pad })).toMatchObject({ success: true });
      await runtime.process();
    }
    const { totalStoredEvents, storedEvents, droppedEvents } = await runtime.getEventStore()!.getStats();
    expect(totalStoredEvents).toBe(150);
    expect(storedEvents + droppedEvents).toBe(150);
    expect(storedEvents).toBeGreaterThan(10);
    expect(runtime.getStats().journal!.bytes).toBeLessThanOrEqual(1024 * 1024);
  });

  test('deliveries that the runtime has made are counted beyond a restart', async () => {
    const make = (): Runtime =>
      createRuntime({}, undefined, {
        enableEventStore: true,
        retry: { maxAttempts: 3, initialDelayMs: 1, jitter: 'none' },
        journal: { path, groupMs: 0 },
      });
    const first = make();
    let failures = 2;
    first.on('a', () => {
      if (failures-- > 0) throw new Error('not yet');
    });
    const { eventId } = first.emit('a', 1);
    const waiting = first.emit('b', 1, { delayMs: 60_000 });
    await first.process();
    await sleep(20);
    await first.process();
    await sleep(20);
    await first.process();
    await first.cleanup();
    const second = make();
    log = { close: () => second.cleanup() } as never;
    const events = second.getEventStore()!;
    expect(await events.getEventMetadata(eventId)).toMatchObject({ processingAttempts: 3 });
    expect(await events.getEventMetadata(waiting.eventId)).toMatchObject({ processingAttempts: 0, processed: false });
  });
});

describe('a kept record that is damaged', () => {
  const around = { largeEventThreshold: 1000, maxKeys: 100, keepsEvents: true, maxKeptEvents: 1000 };

  async function damaged(onCorruption: 'fail' | 'skip', lines: unknown[]): Promise<void> {
    log = new JournalLog(journalSettings({ path }, around), createPort(undefined, true));
    store = new EventStore(undefined, { executionId: 'x1' }, new JournalEventLog(log));
    await store.appendEvents(Array.from({ length: 600 }, (_, n) => eventOf(`e${n}`, 'a', { mark: `<<${n}>>` })));
    await log.close();
    const file = join(path, 'journal.db');
    const bytes = readFileSync(file);
    for (const n of [0, 300, 301, 599]) bytes.write('!', bytes.indexOf(`<<${n}>>`) + 2);
    writeFileSync(file, bytes);
    const port = createPort({ log: (_: string, line: string, fields: unknown) => lines.push([line, fields]) }, true);
    log = new JournalLog(journalSettings({ path, onCorruption }, around), port);
    store = new EventStore(undefined, { executionId: 'x1' }, new JournalEventLog(log));
  }

  test('fails a replay that meets it', async () => {
    await damaged('fail', []);
    await expect(idsOf(store.replayFromTimestamp(0))).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      message: expect.stringContaining('event 1'),
    });
  });

  test("with onCorruption 'skip' it is left out and told", async () => {
    const lines: unknown[] = [];
    await damaged('skip', lines);
    const ids = await idsOf(store.replayFromTimestamp(0, { batchSize: 50 }));
    expect(ids).toHaveLength(596);
    expect(ids).not.toContain('e300');
    expect(ids.at(-1)).toBe('e598');
    expect(lines.flat()).toContainEqual(expect.stringMatching(/damaged records were left out/));
    expect(JSON.stringify(lines)).toContain('event 302');
  });
});

test('an event that the codec cannot carry is refused', async () => {
  const around = { largeEventThreshold: 1000, maxKeys: 100, keepsEvents: true, maxKeptEvents: 100 };
  log = new JournalLog(journalSettings({ path }, around), createPort(undefined, true));
  store = new EventStore(undefined, { executionId: 'x1' }, new JournalEventLog(log));
  await expect(store.appendEvents([eventOf('a', 'x', { at: new Date() })])).rejects.toMatchObject({
    code: 'NOT_SERIALIZABLE',
  });
});

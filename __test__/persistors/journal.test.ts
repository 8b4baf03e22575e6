import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PersistorLog } from '../../lib/durability/persistor-log';
import { createEventStore, createPersistor, createPersistorFromConfig } from '../../lib/index';
import { createPort } from '../../lib/observability/port';
import { collect, eventOf } from './support';
import type { Snapshot, StoragePersistorAdapter } from '../../lib/index';

let folder: string;
let path: string;
let open: StoragePersistorAdapter[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kodus-flow-persistor-'));
  path = join(folder, 'snapshots');
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((persistor) => persistor.close()));
  rmSync(folder, { recursive: true, force: true });
});

function journal(): StoragePersistorAdapter {
  const persistor = createPersistorFromConfig({ type: 'journal', path });
  open.push(persistor);
  return persistor;
}

async function reopened(persistor: StoragePersistorAdapter): Promise<StoragePersistorAdapter> {
  await persistor.close();
  return journal();
}

const snapshotOf = (hash: string, state: Record<string, unknown> = {}, xcId = 'x1'): Snapshot => ({
  xcId,
  ts: 1,
  events: [eventOf(hash)],
  state,
  hash,
});

test('snapshots of an owner whose name has half a character in it are found again', async () => {
  const persistor = createPersistor('journal', { path });
  open.push(persistor);
  const snapshot: Snapshot = { xcId: 'a\ud800\u0000', ts: 1, events: [], state: {}, hash: 'h\udc00' };
  await persistor.append(snapshot);
  expect(await collect(persistor.load('a\ud800\u0000'))).toEqual([snapshot]);
  expect(await persistor.has('h\udc00')).toBe(true);
  await persistor.delete!(snapshot.xcId, [snapshot.hash]);
  expect(await collect(persistor.load('a\ud800\u0000'))).toEqual([]);
});

test('snapshots come back as they were, in order, also after a restart', async () => {
  const persistor = journal();
  const snapshots = ['c', 'a', 'b'].map((hash, index) => snapshotOf(hash, { index, text: 'é\n"\\\u001f' }));
  for (const snapshot of snapshots) await persistor.append(snapshot);
  const again = await reopened(persistor);
  expect(await collect(again.load('x1'))).toEqual(snapshots);
  expect(await again.getByHash('a')).toEqual(snapshots[1]);
  expect(await again.getByHash('z')).toBeNull();
  expect(await again.listHashes('x1')).toEqual(['c', 'a', 'b']);
  expect([await again.has('a'), await again.has('z')]).toEqual([true, false]);
  expect(await collect(again.load('nobody'))).toEqual([]);
});

test('a snapshot is kept once by xcId and hash; names may hold anything', async () => {
  const persistor = journal();
  const [xcId, hash] = ['x\u001f"\\\n', 'h\u0000é'];
  await persistor.append(snapshotOf(hash, { of: 1 }, xcId));
  await persistor.append(snapshotOf(hash, { of: 2 }, xcId));
  await persistor.append(snapshotOf(hash, { of: 3 }, 'other'));
  expect((await collect(persistor.load(xcId))).map(({ state }) => state.of)).toEqual([1]);
  await persistor.delete(xcId, [hash, 'unknown']);
  expect(await collect(persistor.load(xcId))).toEqual([]);
  expect(await persistor.listHashes('other')).toEqual([hash]);
});

test('hundreds of snapshots are read in pages; what is appended meanwhile is not among them', async () => {
  const persistor = journal();
  const hashes = Array.from({ length: 300 }, (_, index) => `h${index}`);
  await Promise.all(hashes.map((hash) => persistor.append(snapshotOf(hash))));
  const seen: string[] = [];
  for await (const { hash } of persistor.load('x1')) {
    seen.push(hash);
    if (seen.length % 50 === 0) await persistor.append(snapshotOf(`more${seen.length}`));
  }
  expect(seen).toEqual(hashes);
  expect(await persistor.getStats()).toMatchObject({ snapshotCount: 306 });
  expect((await persistor.getStats()).avgSnapshotSizeBytes).toBeGreaterThan(10);
});

test('what JSON cannot carry is stored as readable text', async () => {
  const persistor = journal();
  await persistor.append(snapshotOf('a', { map: new Map([[1, 2]]), many: 2n, run: () => 1 }));
  expect((await persistor.getByHash('a'))!.state).toEqual({ map: [[1, 2]], many: '2n', run: '[function run]' });
});

test('what is asked for with a snapshot is done', async () => {
  const persistor = journal();
  const large = snapshotOf('large', { text: 'x'.repeat(2000) });
  await expect(persistor.append(large, { maxSize: 1000 })).rejects.toMatchObject({ code: 'PERSISTOR_FULL' });
  for (const hash of ['a', 'b', 'c']) await persistor.append(snapshotOf(hash), { maxSnapshots: 2 });
  expect(await persistor.listHashes('x1')).toEqual(['b', 'c']);
  await expect(persistor.append({ xcId: 'x' } as Snapshot)).rejects.toThrow('snapshot.hash');
});

test('above maxBytes snapshots are refused, until room is made', async () => {
  const persistor = createPersistor('journal', { path, maxBytes: 2 ** 20 });
  open.push(persistor);
  const stored: string[] = [];
  const fill = async (): Promise<void> => {
    for (let index = 0; index < 1000; index++) {
      await persistor.append(snapshotOf(`h${index}`, { text: 'x'.repeat(5000) }));
      stored.push(`h${index}`);
    }
  };
  await expect(fill()).rejects.toMatchObject({ code: 'JOURNAL_FULL' });
  expect(stored.length).toBeGreaterThan(100);
  expect(await persistor.listHashes('x1')).toEqual(expect.arrayContaining(stored));
  await persistor.delete('x1', await persistor.listHashes('x1'));
  await persistor.append(snapshotOf('again'));
  expect(await persistor.listHashes('x1')).toEqual(['again']);
});

test('one persistor at a time has the directory', async () => {
  journal();
  expect(() => journal()).toThrow(expect.objectContaining({ code: 'JOURNAL_LOCKED' }) as Error);
});

test('a closed one says so', async () => {
  const persistor = journal();
  await persistor.close();
  await persistor.close();
  await expect(persistor.append(snapshotOf('a'))).rejects.toThrow('closed');
  await expect(persistor.has('a')).rejects.toThrow('closed');
});

test('it is configured with a path', () => {
  expect(() => createPersistor('journal')).toThrow('path');
  expect(() => createPersistor('journal', { path, maxBytes: 1024 })).toThrow('maxBytes');
});

test('it keeps waiting events', async () => {
  const logOf = (persistor: StoragePersistorAdapter): PersistorLog =>
    new PersistorLog({ persistor, xcId: 'x1', config: { persistAllEvents: true }, port: createPort(undefined, true) });
  const persistor = journal();
  const log = logOf(persistor);
  const events = ['a', 'b', 'c'].map((id) => eventOf(id));
  for (const event of events) await log.accept(event, { priority: 1 }, true);
  log.done(events[1]!);
  await log.flush();
  const recovered = await logOf(await reopened(persistor)).recover();
  expect(recovered.map(({ event }) => event)).toEqual([events[0], events[2]]);
});

test('an event store over it remembers what has been processed', async () => {
  const persistorOptions = { path };
  const config = { executionId: 'x1', persistorType: 'journal', persistorOptions } as const;
  const store = createEventStore(undefined, config);
  await store.appendEvents([eventOf('a'), eventOf('b')]);
  await store.markEventsProcessed(['a']);
  await store.close();
  const again = createEventStore(undefined, config);
  const events = (await collect(again.replayFromTimestamp(0))).flat();
  expect(events).toEqual([eventOf('b')]);
  await again.close();
});

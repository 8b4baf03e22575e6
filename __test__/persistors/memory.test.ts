import { afterEach, describe, expect, test } from 'vitest';
import {
  StoragePersistorAdapter,
  createPersistor,
  createPersistorFromConfig,
  getGlobalPersistor,
  resetGlobalPersistor,
  setGlobalPersistor,
} from '../../lib/index';
import { ListPersistor, collect, eventOf } from './support';
import type { Persistor, PersistorConfig, Snapshot, SnapshotOptions } from '../../lib/index';

const KIB = 1024;

const snapshotOf = (hash: string, state: Record<string, unknown> = {}, xcId = 'x1'): Snapshot => ({
  xcId,
  ts: 1,
  events: [eventOf(hash)],
  state,
  hash,
});

const memory = (config: Partial<Extract<PersistorConfig, { type: 'memory' }>> = {}): StoragePersistorAdapter =>
  createPersistorFromConfig({ type: 'memory', ...config });

async function all(persistor: Persistor, xcId = 'x1'): Promise<Snapshot[]> {
  return collect(persistor.load(xcId));
}

async function hashes(persistor: Persistor, xcId = 'x1'): Promise<string[]> {
  return (await all(persistor, xcId)).map(({ hash }) => hash);
}

async function fill(persistor: Persistor, names: readonly string[], options?: SnapshotOptions): Promise<void> {
  for (const name of names) await persistor.append(snapshotOf(name), options);
}

afterEach(resetGlobalPersistor);

describe('what is stored', () => {
  test('comes back as it was, in the order in which it was appended', async () => {
    const persistor = memory();
    const snapshots = ['c', 'a', 'b'].map((hash, index) => snapshotOf(hash, { index, list: [{ deep: null }] }));
    for (const snapshot of snapshots) await persistor.append(snapshot);
    expect(await all(persistor)).toEqual(snapshots);
    expect(await persistor.getByHash('a')).toEqual(snapshots[1]);
    expect(await persistor.listHashes('x1')).toEqual(['c', 'a', 'b']);
    expect([await persistor.has('a'), await persistor.has('z')]).toEqual([true, false]);
    expect(await persistor.getByHash('z')).toBeNull();
    expect(await all(persistor, 'nobody')).toEqual([]);
  });

  test('does not change with what was appended, nor with what was loaded', async () => {
    const persistor = memory();
    const snapshot = snapshotOf('a', { list: [1] });
    const appended = persistor.append(snapshot);
    (snapshot.state.list as number[]).push(2);
    await appended;
    for (const loaded of await all(persistor)) (loaded.state.list as number[]).push(3);
    expect((await all(persistor))[0]!.state).toEqual({ list: [1] });
  });

  test('keeps dates, maps, big numbers, bytes and cycles', async () => {
    const persistor = memory();
    const state: Record<string, unknown> = {
      at: new Date(5),
      map: new Map([[1, new Set([2n])]]),
      bytes: new Uint8Array([1, 2]),
    };
    state.self = state;
    await persistor.append(snapshotOf('a', state));
    const loaded = (await persistor.getByHash('a'))!.state;
    expect(loaded).toMatchObject({ at: new Date(5), map: new Map([[1, new Set([2n])]]) });
    expect(Array.from(loaded.bytes as Uint8Array)).toEqual([1, 2]);
    expect(loaded.self).toBe(loaded);
  });

  test('of what cannot be cloned is something readable', async () => {
    const persistor = memory();
    await persistor.append(snapshotOf('a', { run: () => 1, other: 2 }));
    expect((await persistor.getByHash('a'))!.state).toEqual({ run: '[function run]', other: 2 });
  });

  test('is stored once by xcId and hash', async () => {
    const persistor = memory();
    await persistor.append(snapshotOf('a', { of: 1 }));
    await persistor.append(snapshotOf('a', { of: 2 }));
    await persistor.append(snapshotOf('a', { of: 3 }, 'x2'));
    expect((await all(persistor)).map(({ state }) => state.of)).toEqual([1]);
    expect((await all(persistor, 'x2')).map(({ state }) => state.of)).toEqual([3]);
    await persistor.delete('x1', ['a', 'unknown']);
    expect(await hashes(persistor)).toEqual([]);
    expect(await hashes(persistor, 'x2')).toEqual(['a']);
  });

  test('a snapshot made as a difference is kept as it is', async () => {
    const persistor = memory();
    const delta = { ...snapshotOf('a'), isDelta: true, baseHash: 'b', stateDelta: { n: [1, 2] } };
    await persistor.append(delta);
    expect(await persistor.getByHash('a')).toEqual(delta);
  });

  test.each([null, {}, { xcId: 'x' }, { xcId: 'x', hash: '' }, { xcId: 1, hash: 'h' }])(
    '%j is refused',
    async (bad) => {
      await expect(memory().append(bad as Snapshot)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    },
  );

  test('loading does not see what is appended meanwhile, and goes on when something is deleted', async () => {
    const persistor = memory();
    await fill(persistor, ['a', 'b', 'c']);
    const seen: string[] = [];
    for await (const { hash } of persistor.load('x1')) {
      seen.push(hash);
      await persistor.append(snapshotOf(`${hash}${hash}`));
      await persistor.delete('x1', ['b']);
    }
    expect(seen).toEqual(['a', 'c']);
  });
});

describe('each persistor', () => {
  test('has its own snapshots and figures', async () => {
    const [one, other] = [memory(), createPersistor()];
    await fill(one, ['a', 'b']);
    expect(await hashes(other)).toEqual([]);
    expect((await one.getStats()).snapshotCount).toBe(2);
    expect((await other.getStats()).snapshotCount).toBe(0);
  });

  test('is an instance of StoragePersistorAdapter, whose methods work alone', async () => {
    const { append, load, has, constructor } = createPersistor();
    expect(constructor.name).toBe('StoragePersistorAdapter');
    expect(constructor).toBe(StoragePersistorAdapter);
    await append(snapshotOf('a'));
    expect(await has('a')).toBe(true);
    expect(await collect(load('x1'))).toHaveLength(1);
  });
});

describe('room', () => {
  test.each([1, 3, 10])('of %i snapshots: the oldest leave and are counted', async (maxSnapshots) => {
    const persistor = memory({ maxSnapshots });
    const names = Array.from({ length: 25 }, (_, index) => `h${index}`);
    await fill(persistor, names);
    expect(await hashes(persistor)).toEqual(names.slice(-maxSnapshots));
    expect(await persistor.getStats()).toMatchObject({
      snapshotCount: maxSnapshots,
      evictedSnapshots: 25 - maxSnapshots,
      evictedUnfinished: 0,
    });
  });

  test('unfinished ones stay as long as finished ones are there', async () => {
    const persistor = memory({ maxSnapshots: 4 });
    await fill(persistor, ['open1', 'open2'], { isUnfinished: true });
    await fill(persistor, ['a', 'b', 'c', 'd', 'e']);
    expect(await hashes(persistor)).toEqual(['open1', 'open2', 'd', 'e']);
    await fill(persistor, ['open3', 'open4', 'open5'], { isUnfinished: true });
    expect(await hashes(persistor)).toEqual(['open2', 'open3', 'open4', 'open5']);
    expect(await persistor.getStats()).toMatchObject({ evictedUnfinished: 1 });
  });

  test('of bytes is kept, and larger snapshots are refused', async () => {
    const persistor = memory({ maxMemoryUsage: 64 * KIB, enableCompression: false, enableDeltaCompression: false });
    const noise = (index: number): string => String(index).repeat(5 * KIB);
    for (let index = 0; index < 10; index++) await persistor.append(snapshotOf(`h${index}`, { text: noise(index) }));
    for (let index = 10; index < 40; index++) await persistor.append(snapshotOf(`h${index}`, { text: noise(index) }));
    const { totalSizeBytes, snapshotCount } = await persistor.getStats();
    expect(totalSizeBytes).toBeLessThanOrEqual(64 * KIB);
    expect(snapshotCount).toBe(6);
    const huge = snapshotOf('huge', { text: 'x'.repeat(64 * KIB) });
    await expect(persistor.append(huge)).rejects.toMatchObject({ code: 'PERSISTOR_FULL' });
    expect(await persistor.has('h39')).toBe(true);
  });

  test('can be asked for with each snapshot', async () => {
    const persistor = memory();
    const large = snapshotOf('large', { text: 'x'.repeat(10_000) });
    await expect(persistor.append(large, { maxSize: 1000 })).rejects.toMatchObject({ code: 'PERSISTOR_FULL' });
    await fill(persistor, ['a', 'b', 'c', 'd'], { maxSnapshots: 2 });
    expect(await hashes(persistor)).toEqual(['c', 'd']);
  });
});

describe('compression', () => {
  const bigState = (turn: number): Record<string, unknown> => ({
    turn,
    messages: Array.from({ length: 200 }, (_, index) => ({ id: `m${(index * 7919) % 1013}`, role: 'user', index })),
  });

  async function sizeWith(config: Parameters<typeof memory>[0], options?: SnapshotOptions): Promise<number> {
    const persistor = memory(config);
    for (let turn = 0; turn < 20; turn++) await persistor.append(snapshotOf(`h${turn}`, bigState(turn)), options);
    const loaded = await all(persistor);
    expect(loaded.map(({ state }) => state)).toEqual(Array.from({ length: 20 }, (_, turn) => bigState(turn)));
    return (await persistor.getStats()).totalSizeBytes;
  }

  test('makes what is kept shorter; differences make it much shorter', async () => {
    const whole = await sizeWith({ enableCompression: false, enableDeltaCompression: false });
    const compressed = await sizeWith({ enableDeltaCompression: false });
    const deltas = await sizeWith({});
    expect(compressed).toBeLessThan(whole / 2);
    expect(deltas).toBeLessThan(compressed / 4);
    expect(await sizeWith({}, { useDelta: false, compression: false })).toBe(whole);
  });

  test('is told as it is', async () => {
    const persistor = memory();
    await persistor.append(snapshotOf('h0', bigState(0)));
    expect((await persistor.getStats()).deltaCompressionRatio).toBe(0);
    const { totalSizeBytes: before } = await persistor.getStats();
    await persistor.append(snapshotOf('h1', bigState(1)));
    const stats = await persistor.getStats();
    const delta = stats.totalSizeBytes - before;
    expect(stats.deltaSnapshotCount).toBe(1);
    expect(stats.deltaCompressionRatio).toBeCloseTo(1 - delta / (stats.originalSizeBytes! / 2), 3);
    expect(stats.deltaCompressionRatio).toBeGreaterThan(0.9);
    expect(stats.avgSnapshotSizeBytes).toBe(stats.totalSizeBytes / 2);
  });

  test('differences outlive the snapshot that they are the difference to', async () => {
    const persistor = memory({ maxSnapshots: 3 });
    for (let turn = 0; turn < 10; turn++) await persistor.append(snapshotOf(`h${turn}`, bigState(turn)));
    expect((await all(persistor)).map(({ state }) => state)).toEqual([7, 8, 9].map(bigState));
    await persistor.delete('x1', ['h7', 'h8', 'h9']);
    expect(await persistor.getStats()).toMatchObject({ snapshotCount: 0, totalSizeBytes: 0, avgSnapshotSizeBytes: 0 });
  });
});

describe('making one', () => {
  test('an unknown type is refused', () => {
    expect(() => createPersistorFromConfig({ type: 'cloud' } as never)).toThrow('Unknown persistor type: cloud');
    expect(() => createPersistorFromConfig({} as never)).toThrow('Unknown persistor type: undefined');
    expect(() => createPersistorFromConfig(null as never)).toThrow('config: got null');
  });

  test.each(['mongodb', 'redis', 'temporal'])('%s is refused with what to do', (type) => {
    expect(() => createPersistor(type as never, { connectionString: 'mongodb://' } as never)).toThrow(
      'pass a persistor object of your own',
    );
  });

  test.each([
    { maxSnapshots: 0 },
    { maxSnapshots: -1 },
    { maxSnapshots: 1.5 },
    { maxSnapshots: '5' },
    { maxMemoryUsage: 10 },
    { maxMemoryUsage: Number.NaN },
    { cleanupInterval: 0 },
    { enableCompression: 'yes' },
    { enableDeltaCompression: 1 },
  ])('%j is refused, with the key in the message', (bad) => {
    expect(() => createPersistorFromConfig({ type: 'memory', ...bad } as never)).toThrow(Object.keys(bad)[0]);
  });

  test('undefined means not given, and unknown keys are ignored', async () => {
    const config = { type: 'memory', maxSnapshots: undefined, enableCompression: undefined, database: 'x' } as const;
    const persistor = createPersistorFromConfig(config);
    await fill(
      persistor,
      Array.from({ length: 1001 }, (_, index) => `h${index}`),
    );
    expect((await persistor.getStats()).snapshotCount).toBe(1000);
  });

  test('the global one is made at the first call, can be set and reset', async () => {
    const first = getGlobalPersistor();
    expect(first.constructor.name).toBe('StoragePersistorAdapter');
    expect(getGlobalPersistor()).toBe(first);
    const own = new ListPersistor();
    setGlobalPersistor(own);
    expect(getGlobalPersistor()).toBe(own);
    resetGlobalPersistor();
    expect(getGlobalPersistor()).not.toBe(first);
    expect(() => setGlobalPersistor({ append() {} } as never)).toThrow('append, load and has');
  });
});

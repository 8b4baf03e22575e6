import { deserialize, serialize } from 'node:v8';
import { native } from '../native/index';
import { SNAPSHOT_TOO_LARGE } from '../native/snapshots';
import { readableCopy } from '../readable';
import { requireSnapshot, tooLarge } from './snapshot-checks';
import type { SnapshotStoreHandle } from '../native/snapshots';
import type { Persistor, PersistorStats, Snapshot, SnapshotOptions } from '../persistor-types';

/** Statistics of a memory persistor. The last two count from its beginning. */
export interface MemoryPersistorStats extends PersistorStats {
  /** Bytes of the snapshots before compression. */
  originalSizeBytes: number;
  /** Snapshots stored as the difference to an earlier one. */
  deltaSnapshotCount: number;
  /** Snapshots that have left to make room. */
  evictedSnapshots: number;
  /** Of these, such as stood for work that was not done. */
  evictedUnfinished: number;
}

/** How a memory persistor keeps its snapshots; all values are checked already. */
export interface MemorySettings {
  maxSnapshots: number;
  /** Bytes. */
  maxMemoryUsage: number;
  enableCompression: boolean;
  enableDeltaCompression: boolean;
}

/**
 * Snapshots in the memory of this process, outside the JavaScript heap. Each instance has its own; a snapshot is kept once
 * by `xcId` and hash, as it was when it was appended. When there is no room the oldest leaves, unfinished ones last.
 */
export class MemoryPersistor implements Persistor {
  readonly #store: SnapshotStoreHandle;
  readonly #settings: MemorySettings;

  constructor(settings: MemorySettings) {
    this.#settings = settings;
    this.#store = new native.SnapshotStore(settings.maxSnapshots, settings.maxMemoryUsage);
  }

  append = async (snapshot: Snapshot, options: SnapshotOptions = {}): Promise<void> => {
    requireSnapshot(snapshot);
    const bytes = encode(snapshot);
    const { maxSize = Infinity, maxSnapshots = 0 } = options;
    if (bytes.length > maxSize) throw tooLarge(bytes.length, `maxSize ${maxSize}`);
    const { enableCompression, enableDeltaCompression, maxMemoryUsage } = this.#settings;
    const stored = this.#store.insert(snapshot.xcId, snapshot.hash, bytes, {
      compress: options.compression ?? enableCompression,
      delta: options.useDelta ?? enableDeltaCompression,
      unfinished: options.isUnfinished ?? false,
      ofOwner: maxSnapshots,
    });
    if (stored === SNAPSHOT_TOO_LARGE) throw tooLarge(bytes.length, `maxMemoryUsage ${maxMemoryUsage}`);
  };

  load = (xcId: string): AsyncGenerator<Snapshot> => this.#load(xcId);

  /** What is appended meanwhile is not part of it. */
  async *#load(xcId: string): AsyncGenerator<Snapshot> {
    const last = this.#store.last();
    for (let after = 0; ;) {
      const found = this.#store.next(xcId, after);
      if (found === null || found.place > last) return;
      yield decode(found.bytes);
      after = found.place;
    }
  }

  has = async (hash: string): Promise<boolean> => this.#store.has(hash);

  getByHash = async (hash: string): Promise<Snapshot | null> => {
    const bytes = this.#store.get(hash);
    return bytes === null ? null : decode(bytes);
  };

  listHashes = async (xcId: string): Promise<string[]> => this.#store.hashes(xcId);

  delete = async (xcId: string, hashes: readonly string[]): Promise<void> => {
    for (const hash of hashes) this.#store.remove(xcId, hash);
  };

  getStats = async (): Promise<MemoryPersistorStats> => {
    const stats = this.#store.stats();
    const { count, storedBytes, deltaStoredBytes, deltaOriginalBytes } = stats;
    return {
      snapshotCount: count,
      totalSizeBytes: storedBytes,
      avgSnapshotSizeBytes: count === 0 ? 0 : storedBytes / count,
      deltaCompressionRatio: deltaOriginalBytes === 0 ? 0 : 1 - deltaStoredBytes / deltaOriginalBytes,
      originalSizeBytes: stats.originalBytes,
      deltaSnapshotCount: stats.deltas,
      evictedSnapshots: stats.evicted,
      evictedUnfinished: stats.evictedUnfinished,
    };
  };

  flush = async (): Promise<void> => undefined;

  close = async (): Promise<void> => this.#store.clear();
}

/** Keeps dates, maps, big numbers and the like; what cannot be cloned becomes readable text. */
function encode(snapshot: Snapshot): Uint8Array {
  try {
    return serialize(snapshot);
  } catch {
    return serialize(readableCopy(snapshot));
  }
}

const decode = (bytes: Uint8Array): Snapshot => deserialize(bytes) as Snapshot;

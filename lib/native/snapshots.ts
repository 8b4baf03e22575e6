/** How a snapshot is to be stored. */
export interface SnapshotWishes {
  /** If that makes it shorter. */
  compress: boolean;
  /** As the difference to an earlier one of its owner, where that is much shorter. */
  delta: boolean;
  /** It leaves after all that are finished. */
  unfinished: boolean;
  /** So many of its owner stay at most; 0: no such limit. */
  ofOwner: number;
}

/** What `insert` did: it is there now; it was there already; it alone is larger than all room. */
export const SNAPSHOT_NEW = 0;
export const SNAPSHOT_KNOWN = 1;
export const SNAPSHOT_TOO_LARGE = 2;

/** What there is; the last two count from the beginning. Bytes as stored, and of what that was made of. */
export interface SnapshotStats {
  count: number;
  unfinished: number;
  deltas: number;
  storedBytes: number;
  originalBytes: number;
  deltaStoredBytes: number;
  deltaOriginalBytes: number;
  evicted: number;
  evictedUnfinished: number;
}

/** Snapshots as bytes, outside the V8 heap: each once by owner and hash, the oldest leave when room is short. */
export interface SnapshotStoreHandle {
  insert(owner: string, hash: string, bytes: Uint8Array, wishes: SnapshotWishes): number;
  /** False: there is none. */
  remove(owner: string, hash: string): boolean;
  /** Whether any owner has it. */
  has(hash: string): boolean;
  /** The first with this hash. */
  get(hash: string): Uint8Array | null;
  /** The first of an owner after a place; 0: from the beginning. */
  next(owner: string, after: number): { place: number; bytes: Uint8Array } | null;
  /** The place of the one that was stored last; 0: none has been. */
  last(): number;
  /** In the order in which they were stored. */
  hashes(owner: string): string[];
  stats(): SnapshotStats;
  clear(): void;
}

export interface SnapshotNative {
  SnapshotStore: new (maxSnapshots: number, maxBytes: number) => SnapshotStoreHandle;
}

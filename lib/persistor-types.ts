import type { AnyEvent } from './events';

/** What is appended to a persistor. */
export interface Snapshot {
  /** Whose it is. */
  xcId: string;
  /** Milliseconds since the epoch. */
  ts: number;
  events: AnyEvent[];
  state: Record<string, unknown>;
  /** Name of the content. */
  hash: string;
}

/** A snapshot that its owner has made as the difference to another one. Persistors keep it as it is. */
export interface DeltaSnapshot extends Snapshot {
  isDelta: true;
  /** Hash of the snapshot that it is the difference to. */
  baseHash: string;
  eventsDelta?: unknown;
  stateDelta?: unknown;
}

/** Wishes for `append`; a persistor may leave any of them aside. */
export interface SnapshotOptions {
  /** No effect: snapshots are stored whole. */
  includeMetadata?: boolean;
  /** Compress this one. Default: as the persistor is configured. */
  compression?: boolean;
  /** Bytes; a larger snapshot is refused. Default: no limit but the persistor's own. */
  maxSize?: number;
  /** Keep at most so many of this `xcId`; the oldest leave. Default: no limit but the persistor's own. */
  maxSnapshots?: number;
  /** Store it as the difference to an earlier one where that is shorter. Default: as the persistor is configured. */
  useDelta?: boolean;
  /** It stands for work that is not done: where room is short, it leaves last. Default false. */
  isUnfinished?: boolean;
}

/** Statistics of a persistor. */
export interface PersistorStats {
  snapshotCount: number;
  /** As stored. */
  totalSizeBytes: number;
  /** As stored. */
  avgSnapshotSizeBytes: number;
  /** Share of their bytes that snapshots stored as differences save, 0 to 1; 0 if there are none. */
  deltaCompressionRatio?: number;
}

/** Where snapshots go. Three methods are enough; the others are used when they are there. */
export interface Persistor {
  /** Keeps a snapshot. Rejects if it could not. */
  append(snapshot: Snapshot, options?: SnapshotOptions): Promise<void>;
  /** Snapshots of `xcId` in the order in which they were appended. */
  load(xcId: string): AsyncIterable<Snapshot>;
  /** Whether a snapshot with this hash is kept. */
  has(hash: string): Promise<boolean>;
  /** The snapshot with this hash, or null. */
  getByHash?(hash: string): Promise<Snapshot | null>;
  /** Hashes of the snapshots of `xcId`, in the order in which they were appended. */
  listHashes?(xcId: string): Promise<string[]>;
  /** How much is kept. */
  getStats?(): Promise<PersistorStats>;
  /** Forgets snapshots; unknown hashes are ignored. Where it is missing, removals are appended as snapshots of their own. */
  delete?(xcId: string, hashes: readonly string[]): Promise<void>;
  /** Resolves when everything appended so far is as safe as it can be. */
  flush?(): Promise<void>;
  /** Releases files and memory; nothing is appended any more. */
  close?(): Promise<void>;
}

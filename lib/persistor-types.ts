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

/** Hints for `append`. */
export interface SnapshotOptions {
  includeMetadata?: boolean;
  compression?: boolean;
  maxSize?: number;
  maxSnapshots?: number;
  useDelta?: boolean;
}

/** Statistics of a persistor. */
export interface PersistorStats {
  snapshotCount: number;
  totalSizeBytes: number;
  avgSnapshotSizeBytes: number;
  deltaCompressionRatio?: number;
}

/** Where snapshots go. Three methods are enough; the others are used when they are there. */
export interface Persistor {
  append(snapshot: Snapshot, options?: SnapshotOptions): Promise<void>;
  /** Snapshots of `xcId` in the order in which they were appended. */
  load(xcId: string): AsyncIterable<Snapshot>;
  has(hash: string): Promise<boolean>;
  getByHash?(hash: string): Promise<Snapshot | null>;
  listHashes?(xcId: string): Promise<string[]>;
  getStats?(): Promise<PersistorStats>;
  /** Forgets snapshots; unknown hashes are ignored. Where it is missing, removals are appended as snapshots of their own. */
  delete?(xcId: string, hashes: readonly string[]): Promise<void>;
}

import { journalSettings, memorySettings, requirePersistorConfig } from './config';
import { JournalPersistor } from './journal-persistor';
import { MemoryPersistor } from './memory-persistor';
import type { Persistor, PersistorStats, Snapshot, SnapshotOptions } from '../persistor-types';
import type { PersistorConfig } from './config';
import type { MemoryPersistorStats } from './memory-persistor';

/** A built-in persistor: with every method that a persistor may have. */
type BuiltIn = Required<Persistor>;

function storageOf(config: PersistorConfig): BuiltIn {
  return config.type === 'journal'
    ? new JournalPersistor(journalSettings(config))
    : new MemoryPersistor(memorySettings(config));
}

/**
 * A built-in persistor, as the configuration says. Each one has its own snapshots. No method depends on `this`.
 *
 * @example
 * const persistor = new StoragePersistorAdapter({ type: 'memory', maxSnapshots: 5000 });
 * const runtime = createRuntime({}, undefined, { persistor, persistAllEvents: true });
 */
export class StoragePersistorAdapter implements Persistor {
  readonly #storage: BuiltIn;

  /**
   * @throws RuntimeError INVALID_CONFIGURATION for unknown types, and values that are not allowed; for files JOURNAL_LOCKED,
   *   JOURNAL_CORRUPT, JOURNAL_VERSION or JOURNAL_FAILED
   */
  constructor(config: PersistorConfig) {
    this.#storage = storageOf(requirePersistorConfig(config));
  }

  /** Stores a snapshot, unless this `xcId` has one with this hash already. Rejects if it is too large. */
  append = (snapshot: Snapshot, options?: SnapshotOptions): Promise<void> => this.#storage.append(snapshot, options);

  /** Snapshots of `xcId` in the order in which they were appended; those appended meanwhile are not among them. */
  load = (xcId: string): AsyncIterable<Snapshot> => this.#storage.load(xcId);

  /** Whether there is a snapshot with this hash, whosever it is. */
  has = (hash: string): Promise<boolean> => this.#storage.has(hash);

  /** The first snapshot with this hash, whosever it is; null: there is none. */
  getByHash = (hash: string): Promise<Snapshot | null> => this.#storage.getByHash(hash);

  /** Hashes of `xcId` in the order in which their snapshots were appended. */
  listHashes = (xcId: string): Promise<string[]> => this.#storage.listHashes(xcId);

  /** Forgets snapshots; unknown hashes are ignored. */
  delete = (xcId: string, hashes: readonly string[]): Promise<void> => this.#storage.delete(xcId, hashes);

  /** Figures of all snapshots; in memory also what has left to make room. */
  getStats = (): Promise<PersistorStats & Partial<MemoryPersistorStats>> => this.#storage.getStats();

  /** Resolves when everything appended so far is as safe as it can be. */
  flush = (): Promise<void> => this.#storage.flush();

  /** Releases memory and files. */
  close = (): Promise<void> => this.#storage.close();
}

import { journalSettings, memorySettings, requirePersistorConfig } from './config';
import { JournalPersistor } from './journal-persistor';
import { MemoryPersistor } from './memory-persistor';
import { requireSnapshotOptions } from './snapshot-checks';
import { requireList, requireText } from '../validate';
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
  append = async (snapshot: Snapshot, options: SnapshotOptions = {}): Promise<void> => {
    requireSnapshotOptions(options);
    await this.#storage.append(snapshot, options);
  };

  /** Snapshots of `xcId` in the order in which they were appended; those appended meanwhile are not among them. */
  load = (xcId: string): AsyncIterable<Snapshot> => this.#storage.load(requireText('xcId', xcId));

  /** Whether there is a snapshot with this hash, whosever it is. */
  has = async (hash: string): Promise<boolean> => this.#storage.has(requireText('hash', hash));

  /** The first snapshot with this hash, whosever it is; null: there is none. */
  getByHash = async (hash: string): Promise<Snapshot | null> => this.#storage.getByHash(requireText('hash', hash));

  /** Hashes of `xcId` in the order in which their snapshots were appended. */
  listHashes = async (xcId: string): Promise<string[]> => this.#storage.listHashes(requireText('xcId', xcId));

  /** Forgets snapshots; unknown hashes are ignored. */
  delete = async (xcId: string, hashes: readonly string[]): Promise<void> =>
    this.#storage.delete(requireText('xcId', xcId), requireList('hashes', hashes, 'string'));

  /** Figures of all snapshots; in memory also what has left to make room. */
  getStats = (): Promise<PersistorStats & Partial<MemoryPersistorStats>> => this.#storage.getStats();

  /** Resolves when everything appended so far is as safe as it can be. */
  flush = (): Promise<void> => this.#storage.flush();

  /** Releases memory and files. */
  close = (): Promise<void> => this.#storage.close();
}

import { resolve } from 'node:path';
import { isJson } from '../durability/json-check';
import { Journal } from '../durability/journal';
import { snapshotGoneLine, snapshotLine } from '../durability/ops';
import { RuntimeError } from '../errors';
import { readableCopy } from '../readable';
import { requireSnapshot, tooLarge } from './snapshot-checks';
import type { NativeJournalOptions } from '../native/journal';
import type { Persistor, PersistorStats, Snapshot, SnapshotOptions } from '../persistor-types';
import type { JournalSettings } from './config';

/** Snapshots read at a time. */
const PAGE = 64;

/** A row of `snapshots`. */
type Row = [position: number, hash: string, ts: number, body: Snapshot];

const openOptions = ({ path, maxBytes }: JournalSettings): NativeJournalOptions => ({
  // The working directory may change later.
  path: resolve(path),
  sync: 0,
  groupMs: 2,
  groupEvents: 1000,
  maxBytes: maxBytes === Infinity ? 0 : maxBytes,
  keepEvents: false,
  retentionMs: Infinity,
  retentionEvents: Infinity,
  maxKeys: 0,
  compressAbove: Infinity,
  onCorruption: 0,
});

/**
 * Snapshots in a journal of their own: files in a folder, one owner at a time. `append` resolves when the snapshot is on the
 * disk. Snapshots are kept as JSON; what JSON cannot carry becomes readable text.
 */
export class JournalPersistor implements Persistor {
  readonly #journal: Journal;
  /** Hashes that were appended while somebody reads, for each reader. */
  readonly #readers = new Set<Set<string>>();
  #flushing: Promise<void> | undefined;
  #isClosed = false;

  /** @throws RuntimeError JOURNAL_LOCKED, JOURNAL_CORRUPT, JOURNAL_VERSION or JOURNAL_FAILED */
  constructor(settings: JournalSettings) {
    this.#journal = new Journal(openOptions(settings), { onGivenUp: () => undefined, onHealth: () => undefined });
  }

  append = async (snapshot: Snapshot, options: SnapshotOptions = {}): Promise<void> => {
    requireSnapshot(snapshot);
    this.#requireOpen();
    const { refusal } = this.#journal;
    if (refusal !== undefined) throw refusal;
    const body = JSON.stringify(isJson(snapshot) ? snapshot : readableCopy(snapshot));
    const { maxSize = Infinity, maxSnapshots } = options;
    if (body.length > maxSize) throw tooLarge(body.length, `maxSize ${maxSize}`);
    const { xcId, hash, ts } = snapshot;
    for (const appended of this.#readers) appended.add(hash);
    this.#journal.write(snapshotLine(xcId, hash, ts, body));
    await this.#durable();
    if (maxSnapshots !== undefined) await this.#keepNewest(xcId, maxSnapshots);
  };

  async #keepNewest(xcId: string, count: number): Promise<void> {
    const hashes = await this.listHashes(xcId);
    await this.delete(xcId, hashes.slice(0, Math.max(hashes.length - count, 0)));
  }

  /** Everything of this turn is made durable together. */
  #durable(): Promise<void> {
    this.#flushing ??= Promise.resolve().then(() => {
      this.#flushing = undefined;
      return this.#journal.flush();
    });
    return this.#flushing;
  }

  load = (xcId: string): AsyncGenerator<Snapshot> => this.#load(xcId, new Set());

  /** What is appended meanwhile, and so everything after it, is not part of it. */
  async *#load(xcId: string, appended: Set<string>): AsyncGenerator<Snapshot> {
    this.#readers.add(appended);
    try {
      for await (const [, hash, , body] of this.#rows(xcId)) {
        if (appended.has(hash)) return;
        yield body;
      }
    } finally {
      this.#readers.delete(appended);
    }
  }

  async *#rows(xcId: string): AsyncGenerator<Row> {
    for (let after = 0; ;) {
      this.#requireOpen();
      const rows = JSON.parse(await this.#journal.handle.snapshots(xcId, after, PAGE)) as Row[];
      yield* rows;
      if (rows.length === 0) return;
      after = rows.at(-1)![0];
    }
  }

  has = async (hash: string): Promise<boolean> => (await this.getByHash(hash)) !== null;

  getByHash = async (hash: string): Promise<Snapshot | null> => {
    this.#requireOpen();
    const body = await this.#journal.handle.snapshot(hash);
    return body === null ? null : (JSON.parse(body) as Snapshot);
  };

  listHashes = async (xcId: string): Promise<string[]> => {
    const hashes: string[] = [];
    for await (const [, hash] of this.#rows(xcId)) hashes.push(hash);
    return hashes;
  };

  delete = async (xcId: string, hashes: readonly string[]): Promise<void> => {
    this.#requireOpen();
    if (hashes.length === 0) return;
    this.#journal.writeAll(hashes.map((hash) => snapshotGoneLine(xcId, hash)));
    await this.#durable();
  };

  getStats = async (): Promise<PersistorStats> => {
    this.#requireOpen();
    const { snapshots, snapshotBytes } = this.#journal.handle.stats();
    return {
      snapshotCount: snapshots,
      totalSizeBytes: snapshotBytes,
      avgSnapshotSizeBytes: snapshots === 0 ? 0 : snapshotBytes / snapshots,
      deltaCompressionRatio: 0,
    };
  };

  flush = (): Promise<void> => this.#journal.flush();

  close = (): Promise<void> => {
    this.#isClosed = true;
    return this.#journal.close();
  };

  #requireOpen(): void {
    if (!this.#isClosed) return;
    const { path } = this.#journal;
    throw new RuntimeError('JOURNAL_FAILED', `persistor ${path}: it has been closed`, { context: { path } });
  }
}

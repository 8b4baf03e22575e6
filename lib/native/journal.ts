/** How a journal is opened; checked by the facade before it crosses. */
export interface NativeJournalOptions {
  /** The directory; it is made if it is not there. */
  path: string;
  /** 0 group, 1 always, 2 os, 3 off. */
  sync: 0 | 1 | 2 | 3;
  /** A group is committed this many milliseconds after its first frame. */
  groupMs: number;
  /** Or when it has this many operations. */
  groupEvents: number;
  /** Bytes in use; 0: no limit. */
  maxBytes: number;
  /** Whether finished events stay until retention takes them. */
  keepEvents: boolean;
  /** Milliseconds; Infinity: for ever. */
  retentionMs: number;
  /** Finished events that stay; Infinity: all. */
  retentionEvents: number;
  /** Idempotency keys that are remembered. */
  maxKeys: number;
  /** Bytes of a body above which it is compressed; Infinity: never. */
  compressAbove: number;
  /** 0 fail, 1 skip. */
  onCorruption: 0 | 1;
}

/** What was there when the journal was opened. */
export interface NativeRecovered {
  /** Events to be handled. */
  pending: number;
  letters: number;
  keys: number;
  /** Records that were damaged and left out. */
  skipped: number;
  /** The number of the next event. */
  nextSeq: number;
  /** What was left out, a line each. */
  details: string[];
}

/** What a commit, or its failure, comes to. */
export interface GroupReport {
  /** Frames up to this one are committed. */
  durable: number;
  /** Frames whose awaited events were given up. */
  failed: number[];
  code: '' | 'JOURNAL_FAILED' | 'JOURNAL_FULL';
  message: string;
  /** False from a failed commit to the next one that succeeds. */
  healthy: boolean;
  /** Bytes in use. */
  bytes: number;
  /** Whether the journal takes no further events. */
  full: boolean;
}

/** Which kept events to read. */
export interface NativeReplayQuery {
  fromTs: number;
  toTs: number;
  onlyUnprocessed: boolean;
  types?: string[];
  afterSeq: number;
  upToSeq: number;
  limit: number;
  /** Whether damaged records are left out and told; else the first one is an error. */
  skipDamaged: boolean;
}

/** Figures of a journal; counters begin when it is opened. */
export interface NativeJournalStats {
  /** Events that have not ended. */
  pending: number;
  /** Finished events that are kept. */
  kept: number;
  /** Dead letters. */
  letters: number;
  /** Ids and idempotency keys that are remembered. */
  keys: number;
  /** Snapshots. */
  snapshots: number;
  /** Their bytes. */
  snapshotBytes: number;
  /** Bytes in use. */
  bytes: number;
  /** Bytes of the write-ahead log. */
  walBytes: number;
  /** Groups committed. */
  groups: number;
  /** Batches of operations that came from the runtime. */
  frames: number;
  /** Operations committed. */
  ops: number;
  /** Events that were accepted and ended within one group, and never touched the disk. */
  coalesced: number;
  /** Commits that failed. */
  failures: number;
  /** Events whose body was compressed. */
  compressedEvents: number;
  /** Bytes of these before. */
  originalBytes: number;
  /** Bytes of these as stored. */
  storedBytes: number;
  /** Damaged records that were left out at the start. */
  skipped: number;
  /** How long the last commit took. */
  lastCommitMs: number;
  /** How long the slowest took. */
  maxCommitMs: number;
}

/** An open journal. Frames are numbered 1, 2, 3 ... in the order of `write`. */
export interface JournalHandle {
  recovered(): NativeRecovered;
  /** JSON: `[[seq, attempts, dueAt, ts, flags, header, body, error], ...]` in order; '' after the last page. */
  nextPage(): string;
  /** JSON: the bodies of the dead letters in order of entry. */
  letters(): string;
  /** JSON: `[[key, state], ...]`, oldest first. */
  keys(): string;
  getState(key: string): string | null;
  /** Hands a frame to the journal's thread, lines of UTF-8 and numbers; returns at once. `turnOver`: nothing more comes for the moment. */
  write(text: Uint8Array, numbers: Float64Array, turnOver: boolean): void;
  /** Lets the present group wait no longer. */
  commit(): void;
  /**
   * JSON: `rows`, `[[seq, state, flags, ts, body], ...]` in order; `last`, the number of the last record that was looked at,
   * 0 if there are no more; `lost`, what is wrong with those that were left out.
   */
  replay(query: NativeReplayQuery): Promise<string>;
  /** JSON: `{ stored, unprocessed, oldest, newest, dropped, forgotten }`, of events that are kept or wait. */
  keptFigures(): Promise<string>;
  /** JSON: `{ type, ts, state, attempts, ended }`; null: there is none with this id. */
  keptEvent(id: string): Promise<string | null>;
  /** JSON: `[[position, hash, ts, body], ...]`. */
  snapshots(xcId: string, afterPosition: number, limit: number): Promise<string>;
  snapshot(hash: string, xcId?: string): Promise<string | null>;
  compact(): Promise<{ bytesBefore: number; bytesAfter: number }>;
  stats(): NativeJournalStats;
  /** Commits everything and lets go of the files. */
  close(): Promise<void>;
  /** As `close`, here and now: for the end of the process. */
  closeNow(): void;
}

export interface JournalNative {
  /** Opens a journal; throws errors with a code. */
  openJournal(options: NativeJournalOptions, onGroup: (report: GroupReport) => void): JournalHandle;
  /** JSON of what is in a journal; also while a runtime has it open. */
  journalInspect(path: string): Promise<string>;
  journalVerify(path: string): Promise<string>;
  journalExport(path: string, cursor: string, limit: number): Promise<string>;
  journalCompact(path: string): Promise<string>;
}

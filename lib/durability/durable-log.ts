import type { RuntimeError } from '../errors';
import type { Submission } from '../delivery-queue';
import type { AnyEvent } from '../events';
import type { Draft } from '../drafts';
import type { EmitResult } from '../runtime-types';

/** How an event left without having been handled. */
export type Departure = 'cancelled' | 'expired' | 'dropped' | 'dead' | 'started';

/** An event that was accepted by an earlier run and has not ended. */
export interface RecoveredEvent {
  event: AnyEvent;
  priority: number;
  /** Attempts that have failed. */
  attempts: number;
  /** When it is due, in milliseconds since the epoch; absent: at once. */
  dueAt?: number;
  /** What it brought along; `delayMs` and `ttlMs` count from now. */
  brings: Submission;
}

/** Statistics of what keeps waiting events. Counters never fall. */
export interface PersistenceStats {
  enabled: boolean;
  /** Events stored on acceptance. */
  persistedEvents: number;
  /** Events stored that have not ended. */
  unfinishedEvents: number;
  /** Events brought back at the start. */
  recoveredEventCount: number;
  /** Events accepted in memory only, because `maxPersistedEvents` were unfinished. */
  unpersistedEvents: number;
  /** Events refused for the same reason. */
  refusedEvents: number;
  /** Calls that have failed. */
  errors: number;
  /** What could not be read at the start: a failed load, or records that make no sense. */
  recoveryErrors: number;
  /** When events were brought back, in milliseconds since the epoch. */
  lastRecoveryAt?: number;
}

/** What compression has done to the stored form of large events. */
export interface CompressionStats {
  events: number;
  originalBytes: number;
  storedBytes: number;
}

/** What a compaction has come to: bytes of the journal's database before and after. */
export interface JournalCompaction {
  bytesBefore: number;
  bytesAfter: number;
}

/** Nothing is kept. */
export const NO_PERSISTENCE: PersistenceStats = Object.freeze({
  enabled: false,
  persistedEvents: 0,
  unfinishedEvents: 0,
  recoveredEventCount: 0,
  unpersistedEvents: 0,
  refusedEvents: 0,
  errors: 0,
  recoveryErrors: 0,
});

/** Where a queue writes down what happens to its events, so that they survive the process. */
export interface DurableLog {
  /**
   * Writes down an event that is about to be accepted. An error: it cannot be kept, and is not to be accepted. For one that is awaited it
   * sets `brings.settled`, if it tells each event apart.
   */
  accept(event: AnyEvent, brings: Submission): RuntimeError | undefined;
  /**
   * As `accept`, for an event that has yet to be made. Answers its number, which `onMade` brings back. Absent: there is no such way.
   *
   * @param awaited what to answer when it is durable; undefined: nobody waits for that
   */
  acceptDraft?(draft: Draft, awaited: EmitResult | undefined): number | RuntimeError;
  /** Of the last event that `acceptDraft` has accepted, if it is awaited: what to answer, when it is durable or given up. */
  readonly settledDraft?: Promise<EmitResult> | undefined;
  /** The event with this number has been made. */
  onMade?(event: AnyEvent, seq: number): void;
  /**
   * Resolves when what has been accepted so far is durable, with an error if it is not; undefined: there is nothing to
   * wait for. To be called right after `accept`.
   */
  settled(): Promise<RuntimeError | undefined> | undefined;
  /** Whether `event` is written down and has not ended. */
  holds(event: AnyEvent): boolean;
  /** Handled; `isProcessed`: and acknowledged. */
  done(event: AnyEvent, isProcessed: boolean): void;
  /** Failed; it will be tried again at `dueAt` (milliseconds since the epoch). */
  retried(event: AnyEvent, attempts: number, dueAt: number, error: unknown): void;
  /** Left without having been handled. */
  gone(event: AnyEvent, how: Departure): void;
  /** The event is to be lost rather than run twice: resolves when it is out of the log for good, before it is run. */
  release(event: AnyEvent): Promise<void>;
  /** More is on its way to the disk than should be: resolves when it has got there. undefined: all is well. */
  readonly behind: Promise<void> | undefined;
  stats(): PersistenceStats;
  /** Absent where nothing is compressed. */
  compression?(): CompressionStats;
  /** Makes everything so far durable; rejects if that fails. */
  flush(): Promise<void>;
  /** Gives unused room back to the file system. Absent where there is no file. */
  compact?(): Promise<JournalCompaction>;
  close(): Promise<void>;
}

import type { Submission } from '../delivery-queue';
import type { AnyEvent } from '../events';

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

/** Keeps events from their acceptance to their end, so that the next run finds those that have not ended. */
export interface DurableLog {
  /** Why an event cannot be accepted, if it cannot; to be asked before it is queued. */
  refusal(event: AnyEvent): Error | undefined;
  /**
   * Stores an event that has been accepted, if events such as it are stored.
   *
   * @param awaited whether somebody waits for it
   * @returns for awaited events that are stored: a promise that resolves when they are, and rejects if they cannot be; the
   *   log knows nothing of such an event any more
   */
  accept(event: AnyEvent, brings: Submission, awaited: boolean): Promise<void> | undefined;
  /** The event has been handled. */
  done(event: AnyEvent): void;
  /** It failed and comes back at `dueAtMs` (milliseconds since the epoch). `attempts`: those that have failed. */
  retry(event: AnyEvent, attempts: number, dueAtMs: number, error: unknown): void;
  /** It has left without having been handled, or (`'started'`) is delivered at most once and has just started. */
  gone(event: AnyEvent, how: Departure): void;
  /** Events of earlier runs that have not ended, in the order of their acceptance. To be called once. Never rejects. */
  recover(): Promise<RecoveredEvent[]>;
  /** Ids and idempotency keys of the events delivered exactly once that `recover` has found done, oldest first. */
  readonly seen: { readonly ids: readonly string[]; readonly keys: readonly string[] };
  stats(): PersistenceStats;
  /** Resolves when everything so far has been stored. Never rejects. */
  flush(): Promise<void>;
  /** As `flush`; nothing is stored any more. */
  close(): Promise<void>;
}

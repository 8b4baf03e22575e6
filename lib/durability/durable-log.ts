import type { RuntimeError } from '../errors';
import type { Submission } from '../delivery-queue';
import type { AnyEvent } from '../events';

/** An event that was accepted in an earlier life of the process and did not end there. */
export interface RecoveredEvent {
  event: AnyEvent;
  brings: Submission;
  /** Attempts that have failed. */
  attempts: number;
}

/** Figures about what is kept of waiting events. */
export interface PersistenceStats {
  enabled: boolean;
  /** Events written since the start. */
  persistedEvents: number;
  /** Events that are written and have not ended. */
  unfinishedEvents: number;
  recoveredEventCount: number;
  /** Writes and reads that have failed. */
  errors: number;
}

/** Nothing is kept. */
export const NO_PERSISTENCE: PersistenceStats = Object.freeze({
  enabled: false,
  persistedEvents: 0,
  unfinishedEvents: 0,
  recoveredEventCount: 0,
  errors: 0,
});

/** Where a queue writes down what happens to its events, so that they survive the process. */
export interface DurableLog {
  /** Writes down an event that is about to be accepted. An error: it cannot be kept, and is not to be accepted. */
  accept(event: AnyEvent, brings: Submission): RuntimeError | undefined;
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
  retried(event: AnyEvent, attempts: number, dueAt: number): void;
  /** Left without having been handled. */
  gone(event: AnyEvent): void;
  /** The event is to be lost rather than run twice: resolves when it is out of the log for good, before it is run. */
  release(event: AnyEvent): Promise<void>;
  /** More is on its way to the disk than should be: resolves when it has got there. undefined: all is well. */
  readonly behind: Promise<void> | undefined;
  stats(): PersistenceStats;
  /** Makes everything so far durable; rejects if that fails. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

import type { AnyEvent } from './events';
import type { EventRetryPolicy } from './retry-policy';

/** Configuration of a `DeadLetterQueue`. */
export interface DLQConfig {
  /** Keep items in the persistor, if there are a persistor and an id. Default true. */
  enablePersistence?: boolean | undefined;
  /** Items kept, at least 1; the oldest leave when a new one comes. Default 1000. */
  maxDLQSize?: number | undefined;
  /** Days an item is kept, more than 0. Default 7. */
  maxRetentionDays?: number | undefined;
  /** Sweep out items that have been kept for their time. Default true. */
  enableAutoCleanup?: boolean | undefined;
  /** Milliseconds between sweeps, at least 1. Default one hour. */
  cleanupInterval?: number | undefined;
  /** Log an error for each item; of a flood the first, then at most one a second with the number of the others. Default true. */
  enableDetailedLogging?: boolean | undefined;
  /** Size from which a warning is logged, at most one a second. At least 1. Default 100. */
  alertThreshold?: number | undefined;
}

/** Where an event came from, for those who look at a dead letter. */
export interface DLQContext {
  handlerName?: string | undefined;
  correlationId?: string | undefined;
  traceId?: string | undefined;
  agentId?: string | undefined;
  workflowId?: string | undefined;
  /** Priority with which it goes back. Default 0. */
  originalPriority?: number | undefined;
  /** What it was emitted with, as the five below: it keeps that when it goes back. */
  idempotencyKey?: string | undefined;
  orderingKey?: string | undefined;
  /** Limit of each handler in milliseconds. */
  timeout?: number | undefined;
  /** Milliseconds; they begin anew when it goes back. */
  ttlMs?: number | undefined;
  retryPolicy?: EventRetryPolicy | undefined;
}

/** One failure of a dead letter. */
export interface DLQError {
  message: string;
  stack?: string | undefined;
  /** Milliseconds since the epoch. */
  timestamp: number;
  /** Number of the attempt; -1: marked by its owner. */
  attempt: number;
}

/** A dead letter. */
export interface DLQItem {
  /** Id of the event. */
  id: string;
  /** The event as it failed last; what was loaded from a persistor is a copy. */
  event: AnyEvent;
  /** Its failures, oldest first; the first and the newest nine are kept. */
  errors: DLQError[];
  /** Attempts made. */
  attempts: number;
  /** Milliseconds since the epoch, as the two below. */
  firstFailedAt: number;
  lastFailedAt: number;
  /** When it became a dead letter. */
  dlqTimestamp: number;
  originalPriority: number;
  processingContext: DLQContext;
  /** `type:…`, `error:…`, and where known `agent:…`, `workflow:…`, `poison`. */
  tags: string[];
  /** Whether it may go back into the queue. */
  canReprocess: boolean;
}

/** Statistics of dead letters. Ages in milliseconds. */
export interface DLQStats {
  totalItems: number;
  itemsByEventType: Record<string, number>;
  /** Counts error entries by kind: `timeouterror` … `unknown`. */
  itemsByErrorType: Record<string, number>;
  averageAttempts: number;
  oldestItem: { id: string; age: number; eventType: string } | undefined;
  /** Up to ten, newest first. */
  recentItems: { id: string; eventType: string; errorMessage: string; attempts: number; age: number }[];
}

/**
 * What has happened to dead letters since the start. Nothing is forgotten:
 * `filed + restored = evicted + expired + removed + totalItems`.
 */
export interface DeadLetterCounters {
  /** Events filed for the first time. */
  filed: number;
  /** Brought back from the persistor. */
  restored: number;
  /** Left to make room. */
  evicted: number;
  /** Left because of their age. */
  expired: number;
  /** Taken out: reprocessed, purged, cleared. */
  removed: number;
  /** Calls of the persistor that failed. */
  persistenceErrors: number;
}

/** Which dead letters are meant; all that is given must match. */
export interface DeadLetterCriteria {
  /** Milliseconds: items that are at least that old (the name is historical). */
  maxAge?: number | undefined;
  /** 0 or absent: no limit. */
  limit?: number | undefined;
  /** Exactly this type. */
  eventType?: string | undefined;
  /** Part of any error message. */
  errorType?: string | undefined;
  /** One of the tags. */
  tag?: string | undefined;
}

/** Takes an event back, with what it was emitted with; false if it is refused. */
export type Requeue = (event: AnyEvent, priority: number, context: DLQContext) => boolean;

import { NO_PERSISTENCE } from './durability/durable-log';
import type { CompressionStats, PersistenceStats } from './durability/durable-log';
import type { DLQStats } from './dead-letter-queue';
import type { DeliveryQueue } from './delivery-queue';
import type { QueueBreakerStats } from './queue-breaker';

/** Redeliveries. */
export interface RetryStats {
  totalRetries: number;
  successfulRetries: number;
  failedRetries: number;
  /** Mean of the scheduled delays, in milliseconds. */
  averageRetryDelay: number;
  retriesByEventType: Record<string, number>;
  /** The old spelling of `retriesByEventType`. */
  retrysByEventType: Record<string, number>;
  pendingRetries: number;
}

/** Statistics of a queue. Counters never fall; the rest is the state at the call. */
export interface QueueStats {
  /** Events that wait: ready, delayed, or for redelivery. */
  size: number;
  maxQueueDepth: number | undefined;
  /** The same as `maxQueueDepth`. */
  maxSize: number | undefined;
  /** Whether a drain is going on. */
  processing: boolean;
  /** Bytes, estimated; 0 where sizes are off. */
  avgEventSize: number;
  totalEventSize: number;
  backpressureActive: boolean;
  /** How many more could run now. */
  availablePermits: number;
  /** Events that have started and wait inside a middleware. */
  waitQueueSize: number;
  largeEvents: number;
  hugeEvents: number;
  compressedEvents: number;
  totalOriginalSize: number;
  /** Share of bytes saved in the stored form, as `12.34%`. */
  compressionRatio: string;
  largeEventThreshold: number;
  hugeEventThreshold: number;
  maxEventSize: number;
  enableCompression: boolean;
  dropHugeEvents: boolean;
  /** Ids in the deduplication window. */
  processedEventsCount: number;
  maxProcessedEvents: number;

  /** Events accepted. `emitted = done + dead + expired + cancelled + givenUp + waiting + ready + running` */
  emitted: number;
  /** Events handled successfully. */
  done: number;
  /** The same as `done`. */
  processed: number;
  /** Attempts that failed. */
  failed: number;
  /** Events that finally failed. */
  dead: number;
  /** Events whose time to live passed before they started. */
  expired: number;
  /** Events taken out by their owner. */
  cancelled: number;
  /** Accepted events given up for room, or at the end. */
  givenUp: number;
  /**
   * Events refused (full, too large, not durable, shut down) and those given up; duplicates are counted apart, and what waits
   * at the end in a journal or persistor is not lost.
   */
  dropped: number;
  duplicates: number;
  /** Events refused since creation, by reason: 'full', 'too-large', 'duplicate', 'rate-limited' ... */
  refusals: Record<string, number>;
  /** Events that wait for a time or a turn. */
  waiting: number;
  /** Events that could start now. */
  ready: number;
  /** Events delivered and not ended. */
  running: number;
  /** Of these, events whose acknowledgement is outstanding. */
  unacked: number;
  /** Deliveries whose acknowledgement did not come in time. */
  ackTimeouts: number;
  /** Results that came after their run had been given up. */
  lateResults: number;

  retry: RetryStats;
  dlq: DLQStats | null;
  /** What is kept of waiting events, so that they survive the process. */
  persistence: PersistenceStats;
  /** Null without a breaker. */
  circuitBreaker: QueueBreakerStats | null;
}

/** Collects a queue's statistics. */
export function queueStats(queue: DeliveryQueue): QueueStats {
  const { engine, settings } = queue;
  const refusals = queue.refusals.counts;
  const core = engine.stats();
  const depth = Number.isFinite(settings.maxQueueDepth) ? settings.maxQueueDepth : undefined;
  const stored = queue.log?.compression?.();
  const byType = Object.fromEntries(queue.retriesByType);
  const refused =
    refusals.full +
    refusals.memory +
    refusals['rate-limited'] +
    refusals['too-large'] +
    refusals['shutting-down'] +
    refusals.invalid +
    refusals.aborted +
    refusals['not-durable'];
  return {
    size: engine.depth,
    maxQueueDepth: depth,
    maxSize: depth,
    processing: engine.isProcessing,
    avgEventSize: core.averageBytes,
    totalEventSize: core.totalBytes,
    backpressureActive: queue.isUnderPressure,
    availablePermits: Math.max(core.width - core.executing, 0),
    waitQueueSize: core.parked,
    largeEvents: core.largeEvents,
    hugeEvents: core.hugeEvents,
    compressedEvents: stored?.events ?? queue.compressedEvents,
    totalOriginalSize: core.totalBytes,
    compressionRatio: ratioOf(stored),
    largeEventThreshold: settings.largeEventThreshold,
    hugeEventThreshold: settings.hugeEventThreshold,
    maxEventSize: settings.maxEventSize,
    enableCompression: settings.enableCompression,
    dropHugeEvents: settings.dropHugeEvents,
    processedEventsCount: queue.dedupe.size(),
    maxProcessedEvents: settings.maxProcessedEvents,
    emitted: core.emitted,
    done: core.done,
    processed: core.done,
    failed: core.failed,
    dead: core.dead,
    expired: core.expired,
    cancelled: core.cancelled,
    givenUp: core.dropped,
    dropped: refused + core.dropped - queue.keptAtEnd,
    duplicates: refusals.duplicate,
    refusals: { ...refusals },
    waiting: core.waiting,
    ready: core.ready,
    running: core.running,
    unacked: core.unacked,
    ackTimeouts: core.ackTimeouts,
    lateResults: engine.lateResults,
    retry: {
      totalRetries: core.retried,
      successfulRetries: core.recovered,
      failedRetries: core.dead,
      averageRetryDelay: core.retried === 0 ? 0 : core.retryDelayMs / core.retried,
      retriesByEventType: byType,
      retrysByEventType: byType,
      pendingRetries: core.retrying,
    },
    dlq: queue.deadLetters?.getDLQStats() ?? null,
    persistence: queue.log?.stats() ?? NO_PERSISTENCE,
    circuitBreaker: queue.breaker?.stats() ?? null,
  };
}

/** Share of the bytes that compression saves. */
function ratioOf(stored: CompressionStats | undefined): string {
  const saved = stored === undefined || stored.originalBytes === 0 ? 0 : 1 - stored.storedBytes / stored.originalBytes;
  return `${(saved * 100).toFixed(2)}%`;
}

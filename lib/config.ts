import {
  refuse,
  rejectUnknownKeys,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireList,
  requireNumber,
  requireObject,
  requireOneOf,
  requireSignal,
  requireString,
} from './validate';
import type { AnyEvent } from './events';
import type { DLQConfig } from './dead-letter-queue';
import type { MemoryMonitorConfig } from './memory-monitor';
import type { MiddlewareEntry } from './middleware/types';
import { checkJournalConfig } from './durability/journal-config';
import type { JournalConfig } from './durability/journal-config';
export type { JournalConfig };
import { checkTenantRate } from './tenant-rate';
import { requirePersistor } from './persistors/factory';
import type { TenantRateLimit } from './tenant-rate';
import type { Persistor } from './persistor-types';
import type { NativeLogLevel } from './observability/native-logs';
import type { EventStore, EventStoreConfig } from './event-store';
import type { LatencyMode } from './delivery-queue';
import type { RetryConfig } from './retry-policy';
import { checkTelemetry } from './tracing/config';
import type { TelemetryConfig } from './tracing/config';
export type { TelemetryConfig };

/** What happens to an event that finds the queue full. */
export type Overflow = 'reject' | 'wait' | 'drop-oldest';

/** Configuration of a queue. Every key has a default; `undefined` means "not given". */
export interface EventQueueConfig {
  /** Events that may wait; 0 refuses all. Default: no limit (a runtime: `queueSize`). */
  maxQueueDepth?: number;
  /** Events taken by `processBatch`. Default 20. */
  batchSize?: number;
  /** A further upper bound on what runs at once. Default: none. */
  chunkSize?: number;
  /** Events that run at once. Default 25. */
  maxConcurrent?: number;
  /** The same for each tenant. Default: none. */
  maxConcurrentPerTenant?: number;
  /** The same for each event type. Default: none. */
  maxConcurrentPerEventType?: number;
  /** Accepted for old callers; the limit always holds. */
  enableGlobalConcurrency?: boolean;
  /** Logs. Default true. */
  enableObservability?: boolean;
  /**
   * Histograms of queue wait, handler time and end-to-end time, in `getStats().latency`. `'shared'`: events that are handled
   * together share readings of the clock; `'precise'`: each has its own; `'off'`. Default `'shared'`, and `'off'` without
   * observability.
   */
  latency?: LatencyMode;
  /**
   * Share of the machine's (or the container's) memory that this process may fill before fewer run at once, 0 to 1. Three quarters
   * of the way from there to 1, no event is taken in while another waits. 1 switches both off. Default 0.8.
   */
  maxMemoryUsage?: number;
  /**
   * Share of the machine's processors in use, by all processes, above which fewer run at once while the handlers compute, 0 to 1.
   * Default 0.85.
   */
  maxCpuUsage?: number;
  /** Bytes from which an event counts as large. Default 1 MiB. */
  largeEventThreshold?: number;
  /** Bytes from which an event counts as huge. Default 10 MiB. */
  hugeEventThreshold?: number;
  /** Larger events are refused, in bytes. Default 100 MiB. */
  maxEventSize?: number;
  /** Refuse huge events. Default false. */
  dropHugeEvents?: boolean;
  /** Bytes that may wait in all (estimated). Default: no limit. */
  maxQueueBytes?: number;
  /** Mark large events as compressed in their stored form. Default true. */
  enableCompression?: boolean;
  /** Ids that the deduplication window remembers. Default 10,000. */
  maxProcessedEvents?: number;
  /** Redeliver failed events. Default false. */
  enableRetry?: boolean;
  /** Redeliveries after the first attempt. Default 3 (a runtime: 1). */
  maxRetries?: number;
  /** Milliseconds before the first redelivery. Default 1000. */
  baseRetryDelay?: number;
  /** No delay is longer, in milliseconds. Default 30,000. */
  maxRetryDelay?: number;
  /** Multiplier from one delay to the next. Default 2. */
  retryBackoffMultiplier?: number;
  /** Spread delays. Default true. */
  enableJitter?: boolean;
  /** By which share, up or down. Default 0.1. */
  jitterRatio?: number;
  /** Keep failed events as dead letters. Default: false in `EventQueue`, true in `EnhancedEventQueue` and runtimes. */
  enableDLQ?: boolean;
  /** Their keeping. */
  dlq?: DLQConfig;
  /** After so many failures in a row, send events to the dead letters without an attempt. Default false. */
  enableCircuitBreaker?: boolean;
  /** Failures in a row that open the breaker. Default 5. */
  circuitBreakerThreshold?: number;
  /** Accepted for old callers: the old queue changed its sizes by guesses. No effect. */
  enableAutoScaling?: boolean;
  /** No effect. */
  autoScalingInterval?: number;
  /** No effect. */
  learningRate?: number;
  /** No effect: snapshots are whole. */
  enableDeltaCompression?: boolean;
  /** Persist accepted events with `persistor`. Default false; in a runtime that has a persistor, true. */
  enablePersistence?: boolean;
  persistor?: Persistor;
  /** Key of everything persisted. */
  executionId?: string;
  /** Persist events of the critical types and prefixes. Default true. */
  persistCriticalEvents?: boolean;
  /** Persist every event. Default false. */
  persistAllEvents?: boolean;
  /** Exact types that are critical. Default none. */
  criticalEventTypes?: readonly string[];
  /** Prefixes of critical types. Default `['agent.', 'workflow.']`; a runtime adds `'kernel.'`. */
  criticalEventPrefixes?: readonly string[];
  /** Unfinished events kept in the persistor at most. Default 1000. */
  maxPersistedEvents?: number;
  /** Bring unfinished events of the same `executionId` back at the start. Default true. */
  enableAutoRecovery?: boolean;
  /** Events brought back at a time. Default 100. */
  recoveryBatchSize?: number;
  /** Tell `eventStore` of every accepted event. Default false. */
  enableEventStore?: boolean;
  /** A store of your own, for a queue that is used alone. A runtime makes its own, see `eventStoreConfig`. */
  eventStore?: EventStore;
}

/** Batched emits. */
export interface BatchingConfig {
  /** Batch all emits. Default false. */
  enabled?: boolean;
  /** Events that make a batch. Default 10. */
  defaultBatchSize?: number;
  /** Milliseconds after its first event when a batch is flushed. Default 200. */
  defaultBatchTimeout?: number;
  /** Upper bound for every batch size. Default 100. */
  maxBatchSize?: number;
  /** Exact types that flush the batch at once. Default none. */
  flushOnEventTypes?: readonly string[];
}

/** Configuration of `createRuntime`. Every key has a default; `undefined` means "not given". */
export interface RuntimeConfig extends Omit<EventQueueConfig, 'batchSize' | 'maxQueueDepth' | 'dlq'> {
  /** Events that may wait; 0 refuses all. Default 1000. */
  queueSize?: number;
  /** What happens to an event that finds the queue full: refused; `emitAsync` waits for room; the oldest goes. Default 'reject'. */
  overflow?: Overflow;
  /** Handlers of one event above which they run in parallel groups of this size. Default 100. */
  batchSize?: number;
  /** Logs and spans. Default true. */
  enableObservability?: boolean;
  /** Depth of a chain of returned events. Default 100. */
  maxEventDepth?: number;
  /** Events in one chain. Default 1000. */
  maxEventChainLength?: number;
  /** Milliseconds; for reporting only. Default 120,000. */
  cleanupInterval?: number;
  /** Milliseconds; for reporting only. Default 600,000. */
  staleThreshold?: number;
  /** Limit of one handler run in milliseconds. Default: none. */
  operationTimeoutMs?: number;
  /** Put around every handler; the first is closest to it. Default none. */
  middleware?: readonly MiddlewareEntry[];
  /** How many events of each tenant may run: the others wait for their turn, or are refused. Default: no limit. */
  rateLimit?: TenantRateLimit;
  /** Watches memory when given. */
  memoryMonitor?: MemoryMonitorConfig;
  /** Track deliveries. Default false. */
  enableAcks?: boolean;
  /** Milliseconds until a delivery without acknowledgement counts as failed. Default 180,000. */
  ackTimeout?: number;
  /** Acknowledge after success. false: events stay pending until `ack` or `nack`. Default true. */
  autoAck?: boolean;
  /** The default redelivery policy; switches redelivery on. */
  retry?: RetryConfig;
  /** Dead letters: how many (default 1000) and for how long in milliseconds (default 7 days). */
  deadLetter?: { maxSize?: number; retentionMs?: number };
  /** Put on events, and in statistics. */
  tenantId?: string;
  /** Any key of a queue; wins over the keys above. */
  queueConfig?: EventQueueConfig;
  batching?: BatchingConfig;
  /**
   * Keeps every accepted event until it is handled, so that it survives the end of the process: the path of a directory,
   * or an object with it. Default: none, events are in memory only.
   */
  journal?: string | JournalConfig;
  /** Of the event store; `persistor` is the runtime's if it has none of its own. With a journal, that is the store. */
  eventStoreConfig?: Omit<EventStoreConfig, 'executionId'>;
  /** Spans and metrics through `@opentelemetry/api`, if it is installed and an SDK is registered. Default true. */
  telemetry?: boolean | TelemetryConfig;
  /**
   * Hands the logs of the native code from this level on to the logger. Default: `KODUS_FLOW_LOG` of the environment, else `'off'`.
   * They are those of the process, not of one runtime.
   */
  nativeLogLevel?: NativeLogLevel;
  /** When it aborts, running handlers get their signal aborted and nothing more is started. */
  signal?: AbortSignal;
  /** Told of every failed attempt. */
  onError?: (error: unknown, event: AnyEvent) => void;
  /** Know which event was emitted inside which handler, and limit such chains. Default false. */
  trackCauses?: boolean;
  /** Refuse unknown keys instead of one warning: in the log, or without a logger by the process. Default false. */
  strict?: boolean;
}

type Check = (path: string, value: never) => unknown;

const count: Check = (path, value) => requireInteger(path, value, { min: 0 });
const positive: Check = (path, value) => requireInteger(path, value, { min: 1, max: 2 ** 31 - 1 });
const milliseconds: Check = (path, value) => requireNumber(path, value, { min: 0 });
const duration: Check = (path, value) => requireNumber(path, value, { min: 1 });
const bytes: Check = (path, value) => requireNumber(path, value, { min: 1 });
const share: Check = (path, value) => requireNumber(path, value, { min: 0, max: 1 });
const flag: Check = requireBoolean;
const anything: Check = () => undefined;
const strings: Check = (path, value) => requireList(path, value, 'string');
const text: Check = requireString;
const object: Check = requireObject;

const QUEUE_CHECKS: Record<keyof EventQueueConfig, Check> = {
  maxQueueDepth: count,
  batchSize: positive,
  chunkSize: positive,
  maxConcurrent: positive,
  maxConcurrentPerTenant: positive,
  maxConcurrentPerEventType: positive,
  enableGlobalConcurrency: flag,
  enableObservability: flag,
  latency: (path, value) => requireOneOf<LatencyMode>(path, value, ['shared', 'precise', 'off']),
  maxMemoryUsage: share,
  maxCpuUsage: share,
  largeEventThreshold: bytes,
  hugeEventThreshold: bytes,
  maxEventSize: bytes,
  dropHugeEvents: flag,
  maxQueueBytes: bytes,
  enableCompression: flag,
  maxProcessedEvents: count,
  enableRetry: flag,
  maxRetries: count,
  baseRetryDelay: milliseconds,
  maxRetryDelay: milliseconds,
  retryBackoffMultiplier: (path, value) => requireNumber(path, value, { min: 1, max: 1000 }),
  enableJitter: flag,
  jitterRatio: share,
  enableDLQ: flag,
  dlq: object,
  enableCircuitBreaker: flag,
  circuitBreakerThreshold: positive,
  enableAutoScaling: anything,
  autoScalingInterval: anything,
  learningRate: anything,
  enableDeltaCompression: anything,
  enablePersistence: flag,
  persistor: requirePersistor,
  executionId: text,
  persistCriticalEvents: flag,
  persistAllEvents: flag,
  criticalEventTypes: strings,
  criticalEventPrefixes: strings,
  maxPersistedEvents: positive,
  enableAutoRecovery: flag,
  recoveryBatchSize: positive,
  enableEventStore: flag,
  eventStore: object,
};

const RUNTIME_CHECKS: Record<keyof RuntimeConfig, Check> = {
  ...(QUEUE_CHECKS as Omit<typeof QUEUE_CHECKS, 'batchSize' | 'maxQueueDepth' | 'dlq'>),
  queueSize: count,
  overflow: (path, value) => requireOneOf<Overflow>(path, value, ['reject', 'wait', 'drop-oldest']),
  batchSize: positive,
  maxEventDepth: positive,
  maxEventChainLength: positive,
  cleanupInterval: duration,
  staleThreshold: duration,
  operationTimeoutMs: duration,
  middleware: (path, value) => (Array.isArray(value) ? value : refuse(path, value, 'a list of middleware')),
  rateLimit: checkTenantRate,
  memoryMonitor: object,
  enableAcks: flag,
  ackTimeout: duration,
  autoAck: flag,
  retry: object,
  deadLetter: object,
  tenantId: text,
  queueConfig: object,
  batching: object,
  journal: checkJournalConfig,
  eventStoreConfig: object,
  telemetry: checkTelemetry,
  nativeLogLevel: (path, value) => requireOneOf<NativeLogLevel>(path, value, ['off', 'debug', 'info', 'warn', 'error']),
  signal: requireSignal,
  onError: requireFunction,
  trackCauses: flag,
  strict: flag,
};

const BATCHING_CHECKS: Record<keyof BatchingConfig, Check> = {
  enabled: flag,
  defaultBatchSize: positive,
  defaultBatchTimeout: milliseconds,
  maxBatchSize: positive,
  flushOnEventTypes: strings,
};

const DEAD_LETTER_CHECKS: Record<keyof NonNullable<RuntimeConfig['deadLetter']>, Check> = {
  maxSize: positive,
  retentionMs: duration,
};

/** Names of parts whose values are checked by what they configure. */
const RETRY_NAMES: Record<keyof RetryConfig, Check> = {
  maxAttempts: anything,
  initialDelayMs: anything,
  maxDelayMs: anything,
  factor: anything,
  jitter: anything,
  retryable: anything,
};

const RATE_NAMES: Record<keyof TenantRateLimit, Check> = {
  limit: anything,
  intervalMs: anything,
  burst: anything,
  onLimit: anything,
};

const MONITOR_NAMES: Record<keyof MemoryMonitorConfig, Check> = {
  enabled: anything,
  intervalMs: anything,
  thresholds: anything,
  leakDetection: anything,
  onAlert: anything,
};

const STORE_NAMES: Record<keyof EventStoreConfig, Check> = {
  executionId: anything,
  enableReplay: anything,
  replayBatchSize: anything,
  maxStoredEvents: anything,
  persistor: anything,
  persistorType: anything,
  persistorOptions: anything,
  enableObservability: anything,
};

/** What is done with keys that nobody knows. */
export type OnUnknownKey = (message: string) => void;

function check<T extends object>(prefix: string, config: T, checks: Record<string, Check>, onUnknown: OnUnknownKey): T {
  requireObject(prefix || 'config', config);
  rejectUnknownKeys(config, Object.keys(checks), (key, closest) => {
    const hint = closest === undefined ? '' : `; did you mean '${closest}'?`;
    onUnknown(`unknown configuration key '${prefix ? `${prefix}.` : ''}${key}'${hint}`);
  });
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  for (const [key, value] of given) checks[key]?.(prefix ? `${prefix}.${key}` : key, value as never);
  return Object.fromEntries(given) as T;
}

/** Checks a queue's configuration and leaves out what is not given. */
export function checkQueueConfig(config: EventQueueConfig, prefix: string, onUnknown: OnUnknownKey): EventQueueConfig {
  return check(prefix, config, QUEUE_CHECKS, onUnknown);
}

/** Checks a runtime's configuration, the parts of it as well, and leaves out what is not given. */
export function checkRuntimeConfig(config: RuntimeConfig, onUnknown: OnUnknownKey): RuntimeConfig {
  const known = check('', config, RUNTIME_CHECKS, onUnknown);
  if (known.journal !== undefined) known.journal = checkJournalConfig('journal', known.journal);
  if (known.queueConfig) known.queueConfig = checkQueueConfig(known.queueConfig, 'queueConfig', onUnknown);
  const part = <K extends keyof RuntimeConfig>(name: K, checks: Record<string, Check>): void => {
    const value = known[name];
    if (value !== undefined) known[name] = check(name, value as object, checks, onUnknown) as RuntimeConfig[K];
  };
  part('batching', BATCHING_CHECKS);
  part('deadLetter', DEAD_LETTER_CHECKS);
  part('retry', RETRY_NAMES);
  part('rateLimit', RATE_NAMES);
  part('memoryMonitor', MONITOR_NAMES);
  part('eventStoreConfig', STORE_NAMES);
  return known;
}

/** Options that do nothing, because of what another one says. */
export function idleOptions(config: RuntimeConfig): string[] {
  const { enableAcks, autoAck, ackTimeout, enableDLQ, deadLetter, eventStore } = config;
  const idle: [boolean, string][] = [
    [autoAck === false && !enableAcks, 'autoAck has no effect without enableAcks: true'],
    [ackTimeout !== undefined && !enableAcks, 'ackTimeout has no effect without enableAcks: true'],
    [deadLetter !== undefined && enableDLQ === false, 'deadLetter has no effect with enableDLQ: false'],
    [eventStore !== undefined, 'eventStore has no effect in a runtime, which makes its own: see eventStoreConfig'],
  ];
  return idle.filter(([isIdle]) => isIdle).map(([, message]) => message);
}

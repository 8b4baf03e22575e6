import { version } from '../package.json';
import type { EventQueueConfig, RuntimeConfig } from './config';

/** Kept for callers that read or spread it; `withRetry` has its own defaults. Delays in milliseconds. */
export const DEFAULT_RETRY_CONFIG = {
  maxRetries: 1,
  baseDelay: 1000,
  maxDelay: 30_000,
  backoffMultiplier: 2,
  enableJitter: true,
  jitterRatio: 0.1,
};

/** A configuration for `EnhancedEventQueue`: redelivery, and dead letters for a week. */
export const DEFAULT_ENHANCED_CONFIG = {
  persistCriticalEvents: true,
  enableAutoRecovery: true,
  maxPersistedEvents: 1000,
  criticalEventPrefixes: ['agent.', 'workflow.', 'kernel.'],
  maxRetries: 3,
  baseRetryDelay: 1000,
  maxRetryDelay: 30_000,
  enableJitter: true,
  jitterRatio: 0.1,
  enableDLQ: true,
  dlq: {
    enablePersistence: true,
    maxDLQSize: 500,
    enableDetailedLogging: true,
    alertThreshold: 50,
    maxRetentionDays: 7,
    enableAutoCleanup: true,
  },
  maxQueueDepth: 10_000,
  enableObservability: true,
  batchSize: 100,
  chunkSize: 50,
  maxConcurrent: 10,
  enableAutoScaling: false,
} satisfies EventQueueConfig;

/** The version of this package. */
export const RUNTIME_CORE_VERSION: string = version;

/** What this build can do. */
export const RUNTIME_FEATURES = {
  /** Events that survive the process. */
  DURABILITY: true,
  /** Dead letters. */
  DLQ: true,
  /** Redelivery with backoff, jitter and limits. */
  ENHANCED_RETRY: true,
  /** Circuit breakers. */
  CIRCUIT_BREAKER: true,
  /** Ordering keys: events of one key in order, keys side by side. */
  PARTITIONING: true,
  /** Spans around events, through the caller's tracer. */
  TRACING: true,
};

/** For many events: spread it into `createRuntime`'s configuration. */
export const HIGH_PERFORMANCE_CONFIG = {
  maxConcurrent: 100,
  maxConcurrentPerTenant: 50,
  maxConcurrentPerEventType: 25,
  queueSize: 10_000,
  batchSize: 500,
  chunkSize: 100,
  maxMemoryUsage: 0.85,
  maxCpuUsage: 0.8,
  enableCompression: true,
  enableDeltaCompression: true,
  maxRetries: 2,
  baseRetryDelay: 500,
  maxRetryDelay: 10_000,
  enablePersistence: true,
  persistCriticalEvents: true,
  maxPersistedEvents: 5000,
  cleanupInterval: 60_000,
  staleThreshold: 300_000,
  maxEventDepth: 200,
  maxEventChainLength: 2000,
  operationTimeoutMs: 15_000,
} satisfies RuntimeConfig;

/** For very many short events: spread it into `createRuntime`'s configuration. */
export const ULTRA_HIGH_PERFORMANCE_CONFIG = {
  maxConcurrent: 500,
  maxConcurrentPerTenant: 100,
  maxConcurrentPerEventType: 50,
  queueSize: 50_000,
  batchSize: 1000,
  chunkSize: 200,
  maxMemoryUsage: 0.9,
  maxCpuUsage: 0.85,
  enableCompression: true,
  enableDeltaCompression: true,
  maxRetries: 1,
  baseRetryDelay: 200,
  maxRetryDelay: 5000,
  enablePersistence: true,
  persistCriticalEvents: true,
  maxPersistedEvents: 10_000,
  cleanupInterval: 30_000,
  staleThreshold: 180_000,
  maxEventDepth: 500,
  maxEventChainLength: 5000,
  operationTimeoutMs: 10_000,
} satisfies RuntimeConfig;

/** For many tenants: spread it into `createRuntime`'s configuration. */
export const ENTERPRISE_CONFIG = {
  maxConcurrent: 200,
  maxConcurrentPerTenant: 75,
  maxConcurrentPerEventType: 35,
  queueSize: 25_000,
  batchSize: 750,
  chunkSize: 150,
  maxMemoryUsage: 0.8,
  maxCpuUsage: 0.75,
  enableCompression: true,
  enableDeltaCompression: true,
  maxRetries: 1,
  baseRetryDelay: 1000,
  maxRetryDelay: 20_000,
  enablePersistence: true,
  persistCriticalEvents: true,
  maxPersistedEvents: 7500,
  cleanupInterval: 90_000,
  staleThreshold: 300_000,
  maxEventDepth: 300,
  maxEventChainLength: 3000,
  operationTimeoutMs: 20_000,
} satisfies RuntimeConfig;

/**
 * Configurations by purpose.
 *
 * @example
 * const runtime = createRuntime(context, observability, { ...RUNTIME_PRESETS.production, queueSize: 5000 });
 */
export const RUNTIME_PRESETS = {
  development: { maxConcurrent: 10, queueSize: 1000, batchSize: 100, enablePersistence: false },
  testing: { maxConcurrent: 5, queueSize: 500, batchSize: 50, enablePersistence: false, operationTimeoutMs: 5000 },
  production: ENTERPRISE_CONFIG,
  highPerformance: HIGH_PERFORMANCE_CONFIG,
  ultraHighPerformance: ULTRA_HIGH_PERFORMANCE_CONFIG,
} satisfies Record<string, RuntimeConfig>;

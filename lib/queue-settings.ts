import { NEVER_AGAIN, readRetry, readRetryable } from './retry-policy';
import type { DeliverySettings } from './delivery-queue';
import type { EventQueueConfig, RuntimeConfig } from './config';
import type { RedeliveryConfig } from './native/engine';

const MIB = 1024 * 1024;
const DEFAULT_ACK_TIMEOUT_MS = 180_000;
const MAX_RETRIES_LIMIT = 1_000_000;
const SIZE_KEYS = [
  'largeEventThreshold',
  'hugeEventThreshold',
  'maxEventSize',
  'maxQueueBytes',
  'dropHugeEvents',
] as const satisfies readonly (keyof EventQueueConfig)[];

/** The redelivery policy that the old names describe. */
function redeliveryOf(config: EventQueueConfig, maxRetries: number): RedeliveryConfig {
  const jitters = config.enableJitter ?? true;
  return {
    maxAttempts: 1 + Math.min(config.maxRetries ?? maxRetries, MAX_RETRIES_LIMIT),
    initialDelayMs: config.baseRetryDelay ?? 1000,
    maxDelayMs: config.maxRetryDelay ?? 30_000,
    factor: config.retryBackoffMultiplier ?? 2,
    jitter: jitters ? 3 : 0,
    jitterRatio: config.jitterRatio ?? 0.1,
  };
}

/** Settings of a queue that is used alone: sizes are always known there, as before. */
export function queueSettings(config: EventQueueConfig, retries: boolean): DeliverySettings {
  const maxConcurrent = Math.min(config.maxConcurrent ?? 25, config.chunkSize ?? Infinity);
  return {
    maxQueueDepth: config.maxQueueDepth ?? Infinity,
    overflow: 'reject',
    maxConcurrent,
    maxConcurrentPerTenant: config.maxConcurrentPerTenant,
    maxConcurrentPerEventType: config.maxConcurrentPerEventType,
    maxMemoryUsage: config.maxMemoryUsage ?? 0.8,
    maxCpuUsage: config.maxCpuUsage ?? 0.85,
    acks: 'off',
    ackTimeoutMs: DEFAULT_ACK_TIMEOUT_MS,
    redelivery: retries ? redeliveryOf(config, 3) : NEVER_AGAIN,
    retryable: readRetryable('retry.retryable', undefined),
    knowsSizes: true,
    latency: config.enableObservability === false ? 'off' : (config.latency ?? 'shared'),
    largeEventThreshold: config.largeEventThreshold ?? MIB,
    hugeEventThreshold: config.hugeEventThreshold ?? 10 * MIB,
    maxEventSize: config.maxEventSize ?? 100 * MIB,
    maxQueueBytes: config.maxQueueBytes ?? Infinity,
    dropHugeEvents: config.dropHugeEvents ?? false,
    enableCompression: config.enableCompression ?? true,
    maxProcessedEvents: config.maxProcessedEvents ?? 10_000,
    breakerThreshold: config.enableCircuitBreaker ? (config.circuitBreakerThreshold ?? 5) : undefined,
    tenantId: undefined,
    stampsTime: false,
    onError: undefined,
  };
}

/** Settings of a runtime's queue. Keys of `queueConfig` win; sizes are known only if a key asks for them. */
export function runtimeSettings(config: RuntimeConfig): DeliverySettings {
  const { batchSize: _batchSize, ...inner } = config.queueConfig ?? {};
  const { maxConcurrent, chunkSize } = { ...config, ...inner };
  const merged: EventQueueConfig & RuntimeConfig = { ...config, ...inner } as EventQueueConfig & RuntimeConfig;
  const acks = !config.enableAcks ? 'off' : (config.autoAck ?? true) ? 'auto' : 'manual';
  const redelivers = acks !== 'off' || merged.enableRetry === true;
  const base = queueSettings({ ...merged, maxConcurrent, chunkSize }, false);
  return {
    ...base,
    maxQueueDepth: inner.maxQueueDepth ?? config.queueSize ?? 1000,
    overflow: config.overflow ?? 'reject',
    acks,
    ackTimeoutMs: config.ackTimeout ?? DEFAULT_ACK_TIMEOUT_MS,
    redelivery: config.retry ? readRetry('retry', config.retry) : redelivers ? redeliveryOf(merged, 1) : NEVER_AGAIN,
    retryable: readRetryable('retry.retryable', config.retry?.retryable),
    knowsSizes: SIZE_KEYS.some((key) => merged[key] !== undefined),
    tenantId: config.tenantId,
    stampsTime: config.enableAcks ?? false,
    onError: config.onError,
  };
}

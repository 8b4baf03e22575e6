import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  DEFAULT_CONCURRENCY_OPTIONS,
  DEFAULT_ENHANCED_CONFIG,
  DEFAULT_RETRY_CONFIG,
  DEFAULT_TIMEOUT_MS,
  ENTERPRISE_CONFIG,
  EnhancedEventQueue,
  HIGH_PERFORMANCE_CONFIG,
  MIDDLEWARE_PRESETS,
  RUNTIME_CORE_VERSION,
  RUNTIME_FEATURES,
  RUNTIME_PRESETS,
  ULTRA_HIGH_PERFORMANCE_CONFIG,
  createRuntime,
} from '../lib/index';
import * as core from '../lib/core';
import type { RuntimeConfig } from '../lib/index';

const open: { cleanup(): Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((runtime) => runtime.cleanup())));

describe('the constants', () => {
  it('have the values that callers know', () => {
    expect(DEFAULT_TIMEOUT_MS).toBe(180_000);
    expect(DEFAULT_RETRY_CONFIG).toEqual({
      maxRetries: 1,
      baseDelay: 1000,
      maxDelay: 30_000,
      backoffMultiplier: 2,
      enableJitter: true,
      jitterRatio: 0.1,
    });
    expect(DEFAULT_CONCURRENCY_OPTIONS).toEqual({ maxConcurrent: 5, mode: 'drop' });
    expect(MIDDLEWARE_PRESETS).toEqual({
      standard: ['timeout', 'retry', 'concurrency', 'validation'],
      highPerformance: ['timeout', 'concurrency', 'retry'],
      ultraHighPerformance: ['timeout', 'concurrency'],
    });
    expect(DEFAULT_ENHANCED_CONFIG).toMatchObject({
      criticalEventPrefixes: ['agent.', 'workflow.', 'kernel.'],
      maxRetries: 3,
      maxRetryDelay: 30_000,
      dlq: { maxDLQSize: 500, alertThreshold: 50, maxRetentionDays: 7 },
      maxQueueDepth: 10_000,
      batchSize: 100,
      chunkSize: 50,
      maxConcurrent: 10,
      enableAutoScaling: false,
    });
  });

  it('name the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(RUNTIME_CORE_VERSION).toBe(version);
  });

  it('say what the build can do', () => {
    expect(Object.keys(RUNTIME_FEATURES).sort()).toEqual(
      ['CIRCUIT_BREAKER', 'DLQ', 'DURABILITY', 'ENHANCED_RETRY', 'PARTITIONING', 'TRACING'].sort(),
    );
    expect(Object.values(RUNTIME_FEATURES).every((value) => typeof value === 'boolean')).toBe(true);
    expect(RUNTIME_FEATURES).toMatchObject({ DLQ: true, ENHANCED_RETRY: true });
  });

  it('are found at the entry point of the core', () => {
    expect(core).toMatchObject({ DEFAULT_ENHANCED_CONFIG, RUNTIME_CORE_VERSION, RUNTIME_FEATURES });
  });
});

describe('DEFAULT_ENHANCED_CONFIG', () => {
  it('is a configuration of an EnhancedEventQueue, without a word of warning', () => {
    const log = vi.fn();
    const queue = new EnhancedEventQueue({ log }, undefined, undefined, DEFAULT_ENHANCED_CONFIG);
    expect(queue.getStats()).toMatchObject({ maxSize: 10_000 });
    expect(log).not.toHaveBeenCalled();
  });
});

describe('the presets', () => {
  it('are gathered by purpose', () => {
    expect(RUNTIME_PRESETS.production).toBe(ENTERPRISE_CONFIG);
    expect(RUNTIME_PRESETS.highPerformance).toBe(HIGH_PERFORMANCE_CONFIG);
    expect(RUNTIME_PRESETS.ultraHighPerformance).toBe(ULTRA_HIGH_PERFORMANCE_CONFIG);
    expect(RUNTIME_PRESETS.development).toEqual({
      maxConcurrent: 10,
      queueSize: 1000,
      batchSize: 100,
      enablePersistence: false,
    });
    expect(RUNTIME_PRESETS.testing).toMatchObject({ maxConcurrent: 5, queueSize: 500, operationTimeoutMs: 5000 });
  });

  const column = (config: object): unknown[] => Object.values(config);

  it('have the values that callers know', () => {
    expect(column(HIGH_PERFORMANCE_CONFIG)).toEqual([
      100,
      50,
      25,
      10_000,
      500,
      100,
      0.85,
      0.8,
      true,
      true,
      2,
      500,
      10_000,
      true,
      true,
      5000,
      60_000,
      300_000,
      200,
      2000,
      15_000,
    ]);
    expect(column(ULTRA_HIGH_PERFORMANCE_CONFIG)).toEqual([
      500,
      100,
      50,
      50_000,
      1000,
      200,
      0.9,
      0.85,
      true,
      true,
      1,
      200,
      5000,
      true,
      true,
      10_000,
      30_000,
      180_000,
      500,
      5000,
      10_000,
    ]);
    expect(column(ENTERPRISE_CONFIG)).toEqual([
      200,
      75,
      35,
      25_000,
      750,
      150,
      0.8,
      0.75,
      true,
      true,
      1,
      1000,
      20_000,
      true,
      true,
      7500,
      90_000,
      300_000,
      300,
      3000,
      20_000,
    ]);
  });

  it.each(Object.keys(RUNTIME_PRESETS))(
    '%s can be spread into a strict configuration, and events run',
    async (name) => {
      const preset: RuntimeConfig = RUNTIME_PRESETS[name as keyof typeof RUNTIME_PRESETS];
      const runtime = createRuntime({}, undefined, { ...preset, queueSize: 3, strict: true });
      open.push(runtime);
      let runs = 0;
      runtime.on('a', () => void runs++);
      const results = Array.from({ length: 4 }, () => runtime.emit('a').success);
      await runtime.process();
      expect(results).toEqual([true, true, true, false]);
      expect(runs).toBe(3);
    },
  );
});

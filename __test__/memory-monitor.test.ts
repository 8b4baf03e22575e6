import v8 from 'node:v8';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryMonitor } from '../lib/memory-monitor';
import type { MemoryAlert, MemoryMonitorConfig } from '../lib/memory-monitor';

const MIB = 1024 * 1024;
const NO_THRESHOLDS = { heapUsed: 0, rss: 0, external: 0, heapTotal: 0 };

interface Memory {
  heapUsed: number;
  heapTotal: number;
  rss: number;
  external: number;
}

let memory: Memory;
let heapLimit: number;
let monitors: MemoryMonitor[];

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  memory = { heapUsed: 50, heapTotal: 60, rss: 100, external: 10 };
  heapLimit = 4096;
  monitors = [];
  vi.spyOn(process, 'memoryUsage').mockImplementation((() => ({
    heapUsed: memory.heapUsed * MIB,
    heapTotal: memory.heapTotal * MIB,
    rss: memory.rss * MIB,
    external: memory.external * MIB,
    arrayBuffers: 3 * MIB,
  })) as never);
  const statistics = v8.getHeapStatistics();
  vi.spyOn(v8, 'getHeapStatistics').mockImplementation(() => ({
    ...statistics,
    heap_size_limit: heapLimit * MIB,
  }));
});

afterEach(() => {
  for (const monitor of monitors) monitor.stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function create(config: MemoryMonitorConfig = {}, observability?: unknown): MemoryMonitor {
  const monitor = new MemoryMonitor(observability, config);
  monitors.push(monitor);
  return monitor;
}

function startWithAlerts(config: MemoryMonitorConfig): MemoryAlert[] {
  const alerts: MemoryAlert[] = [];
  create({ ...config, onAlert: (alert) => alerts.push(alert) }).start();
  return alerts;
}

describe('running', () => {
  test('without measurements all statistics are zeros', () => {
    expect(create().getStats()).toEqual({
      totalMeasurements: 0,
      totalAlerts: 0,
      peakUsage: { heapUsed: 0, rss: 0, external: 0, timestamp: 0 },
      averageUsage: { heapUsed: 0, rss: 0, external: 0 },
      leaksDetected: 0,
      isRunning: false,
      nextMeasurementIn: 0,
    });
  });

  test('start measures at once and then every 30 s by default', () => {
    const monitor = create();
    monitor.start();
    expect(monitor.getStats()).toMatchObject({ totalMeasurements: 1, isRunning: true, nextMeasurementIn: 30_000 });
    vi.advanceTimersByTime(29_000);
    expect(monitor.getStats()).toMatchObject({ totalMeasurements: 1, nextMeasurementIn: 1_000 });
    vi.advanceTimersByTime(1_000);
    expect(monitor.getStats().totalMeasurements).toBe(2);
    vi.advanceTimersByTime(90_000);
    expect(monitor.getStats().totalMeasurements).toBe(5);
  });

  test('a second start does nothing', () => {
    const monitor = create();
    monitor.start();
    monitor.start();
    expect(monitor.getStats().totalMeasurements).toBe(1);
    expect(vi.getTimerCount()).toBe(1);
  });

  test('stop ends the measurements and start resumes them', () => {
    const monitor = create({ intervalMs: 1_000 });
    monitor.start();
    monitor.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(10_000);
    expect(monitor.getStats()).toMatchObject({ totalMeasurements: 1, isRunning: false, nextMeasurementIn: 0 });
    monitor.start();
    expect(monitor.getStats()).toMatchObject({ totalMeasurements: 2, isRunning: true });
  });

  test('enabled: false makes start do nothing, enabled: undefined does not', () => {
    const off = create({ enabled: false });
    off.start();
    expect(off.getStats().isRunning).toBe(false);
    const on = create({ enabled: undefined });
    on.start();
    expect(on.getStats().isRunning).toBe(true);
  });

  test('methods work without their object', () => {
    const { start, stop, getStats, getRecentAlerts, clearHistory, forceGC } = create();
    start();
    expect(getStats().isRunning).toBe(true);
    expect(getRecentAlerts()).toEqual([]);
    clearHistory();
    forceGC();
    stop();
    expect(getStats().isRunning).toBe(false);
  });

  test('its timer does not keep the process alive', () => {
    vi.useRealTimers();
    const setTimeoutSpy = vi.spyOn(globalThis, 'setTimeout');
    create().start();
    const timer = setTimeoutSpy.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
  });

  test('memory that cannot be read is logged and read again at the next interval', () => {
    const log = vi.fn();
    const monitor = create({ intervalMs: 1_000 }, { log });
    vi.mocked(process.memoryUsage).mockImplementationOnce(() => {
      throw new Error('EMFILE');
    });
    monitor.start();
    expect(monitor.getStats()).toMatchObject({ totalMeasurements: 0, isRunning: true, nextMeasurementIn: 1_000 });
    expect(log).toHaveBeenCalledWith('warn', expect.any(String), { error: 'EMFILE' });
    vi.advanceTimersByTime(1_000);
    expect(monitor.getStats().totalMeasurements).toBe(1);
  });
});

describe('shapes', () => {
  test('a measurement has bytes, rounded MB and the used share of the heap', () => {
    memory = { heapUsed: 50.6, heapTotal: 60, rss: 100.4, external: 10 };
    const monitor = create();
    monitor.start();
    expect(monitor.getStats().lastMeasurement).toEqual({
      timestamp: 1_000_000,
      heapUsed: 50.6 * MIB,
      heapTotal: 60 * MIB,
      heapFree: 60 * MIB - 50.6 * MIB,
      rss: 100.4 * MIB,
      external: 10 * MIB,
      arrayBuffers: 3 * MIB,
      heapUsedMb: 51,
      heapTotalMb: 60,
      rssMb: 100,
      externalMb: 10,
      heapUsagePercent: 84,
    });
  });

  test('an alert names its rule, limit and measurement', () => {
    const alerts = startWithAlerts({ thresholds: { ...NO_THRESHOLDS, rss: 90 * MIB } });
    expect(alerts).toEqual([
      {
        type: 'THRESHOLD_EXCEEDED',
        severity: 'ERROR',
        message: 'RSS exceeded threshold: 100MB > 90MB',
        metrics: expect.objectContaining({ rssMb: 100, timestamp: 1_000_000 }),
        threshold: 90 * MIB,
        timestamp: 1_000_000,
      },
    ]);
  });

  test('peak and average describe what was measured', () => {
    const monitor = create({ intervalMs: 1_000 });
    monitor.start();
    memory.heapUsed = 150;
    vi.advanceTimersByTime(1_000);
    memory.heapUsed = 100;
    vi.advanceTimersByTime(1_000);
    expect(monitor.getStats()).toMatchObject({
      peakUsage: { heapUsed: 150 * MIB, rss: 100 * MIB, external: 10 * MIB, timestamp: 1_001_000 },
      averageUsage: { heapUsed: 100 * MIB, rss: 100 * MIB, external: 10 * MIB },
    });
  });

  test('the average covers the last 10 minutes', () => {
    const monitor = create({ intervalMs: 400_000 });
    memory.heapUsed = 900;
    monitor.start();
    memory.heapUsed = 100;
    vi.advanceTimersByTime(800_000);
    expect(monitor.getStats().averageUsage.heapUsed).toBe(100 * MIB);
  });

  test('100 measurements and 50 alerts are kept, the last ones are given oldest first', () => {
    const monitor = create({ thresholds: { ...NO_THRESHOLDS, rss: 1 } });
    monitor.start();
    vi.advanceTimersByTime(150 * 30_000);
    expect(monitor.getStats()).toMatchObject({ totalMeasurements: 100, totalAlerts: 50 });
    expect(monitor.getRecentAlerts()).toHaveLength(10);
    expect(monitor.getRecentAlerts(1_000)).toHaveLength(50);
    const timestamps = monitor.getRecentAlerts(3).map((alert) => alert.timestamp);
    const last = 1_000_000 + 150 * 30_000;
    expect(timestamps).toEqual([last - 60_000, last - 30_000, last]);
  });

  test('clearHistory forgets measurements, alerts and peak', () => {
    const monitor = create({ thresholds: { ...NO_THRESHOLDS, rss: 1 } });
    monitor.start();
    monitor.clearHistory();
    expect(monitor.getRecentAlerts()).toEqual([]);
    expect(monitor.getStats()).toMatchObject({ totalMeasurements: 0, totalAlerts: 0, peakUsage: { heapUsed: 0 } });
    expect(monitor.getStats().lastMeasurement).toBeUndefined();
    expect(monitor.getStats().isRunning).toBe(true);
  });
});

describe('rules', () => {
  test('thresholds are 512 MiB by default, and partial ones are merged over them', () => {
    memory = { heapUsed: 513, heapTotal: 513, rss: 513, external: 513 };
    const byDefault = startWithAlerts({});
    expect(byDefault.map((alert) => [alert.severity, alert.message])).toEqual([
      ['ERROR', 'Heap usage exceeded threshold: 513MB > 512MB'],
      ['ERROR', 'RSS exceeded threshold: 513MB > 512MB'],
      ['WARNING', 'External memory exceeded threshold: 513MB > 512MB'],
      ['WARNING', 'Total heap exceeded threshold: 513MB > 512MB'],
    ]);
    const partial = startWithAlerts({ thresholds: { rss: 0, external: undefined } });
    expect(partial.map((alert) => alert.message.split(' exceeded')[0])).toEqual([
      'Heap usage',
      'External memory',
      'Total heap',
    ]);
  });

  test('heap and RSS are critical above 1.5 times their threshold', () => {
    memory = { heapUsed: 769, heapTotal: 100, rss: 768, external: 0 };
    const severities = startWithAlerts({}).map((alert) => alert.severity);
    expect(severities).toEqual(['CRITICAL', 'ERROR']);
  });

  test('a threshold that stays exceeded alerts once in 30 s', () => {
    const alerts = startWithAlerts({ intervalMs: 1_000, thresholds: { ...NO_THRESHOLDS, rss: 1 } });
    vi.advanceTimersByTime(29_000);
    expect(alerts).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(alerts).toHaveLength(2);
    vi.advanceTimersByTime(30_000);
    expect(alerts).toHaveLength(3);
  });

  test('high usage is measured against the heap limit of V8', () => {
    memory.heapUsed = 59;
    expect(startWithAlerts({ thresholds: NO_THRESHOLDS })).toEqual([]);
    heapLimit = 70;
    expect(startWithAlerts({ thresholds: NO_THRESHOLDS })).toMatchObject([
      { type: 'HIGH_USAGE', severity: 'WARNING', message: 'High heap usage: 84%', threshold: 80 },
    ]);
    heapLimit = 60;
    expect(startWithAlerts({ thresholds: NO_THRESHOLDS })).toMatchObject([
      { type: 'HIGH_USAGE', severity: 'CRITICAL', message: 'High heap usage: 98%' },
    ]);
  });

  test('growth of the used heap is a leak, if leak detection is on', () => {
    const leakDetection = { enabled: true, samples: 3, minGrowthMb: 10, sampleIntervalMs: 1_000 };
    const config = { intervalMs: 1_000, thresholds: NO_THRESHOLDS };
    const alerts = startWithAlerts({ ...config, leakDetection });
    const silent = startWithAlerts({ ...config, leakDetection: { ...leakDetection, enabled: undefined } });
    for (const heapUsed of [60, 70]) {
      memory.heapUsed = heapUsed;
      vi.advanceTimersByTime(1_000);
    }
    expect(alerts).toMatchObject([
      {
        type: 'MEMORY_LEAK_DETECTED',
        severity: 'ERROR',
        message: 'Memory leak detected: 20MB growth (40%) over 3 samples',
        growth: { samples: 3, growthMb: 20, growthPercent: 40 },
      },
    ]);
    expect(alerts[0]).not.toHaveProperty('threshold');
    expect(monitors[0]?.getStats().leaksDetected).toBe(1);
    expect(silent).toEqual([]);
  });
});

describe('callbacks and logs', () => {
  const thresholds = { ...NO_THRESHOLDS, rss: 90 * MIB, heapTotal: 1 };

  test('alerts are logged at a level that fits', () => {
    const log = vi.fn();
    create({ thresholds }, { log }).start();
    expect(log.mock.calls.map(([level, message]) => [level, message])).toEqual([
      ['error', 'RSS exceeded threshold: 100MB > 90MB'],
      ['warn', 'Total heap exceeded threshold: 60MB > 0MB'],
    ]);
  });

  test('an onAlert that throws or rejects is logged, and the other alerts still come', async () => {
    const log = vi.fn();
    const onAlert = vi
      .fn<(alert: MemoryAlert) => unknown>()
      .mockImplementationOnce(() => {
        throw new Error('thrown');
      })
      .mockImplementationOnce(() => Promise.reject(new Error('rejected')));
    const monitor = create({ thresholds, onAlert }, { log });
    monitor.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(onAlert).toHaveBeenCalledTimes(2);
    const failures = log.mock.calls.filter(([, message]) => /onAlert/.test(message as string));
    expect(failures.map(([level, , context]) => [level, (context as { error: string }).error])).toEqual([
      ['error', 'thrown'],
      ['error', 'rejected'],
    ]);
    expect(monitor.getStats()).toMatchObject({ totalAlerts: 2, isRunning: true, nextMeasurementIn: 30_000 });
  });

  test('onAlert may stop or restart the monitor', () => {
    const stopping = create({ thresholds, onAlert: () => stopping.stop() });
    stopping.start();
    expect(stopping.getStats().isRunning).toBe(false);
    expect(vi.getTimerCount()).toBe(0);

    const restarting = create({
      thresholds,
      onAlert: () => {
        restarting.stop();
        restarting.start();
      },
    });
    restarting.start();
    expect(vi.getTimerCount()).toBe(1);
    expect(restarting.getStats().isRunning).toBe(true);
  });

  test('forceGC runs the collector if it is exposed, else warns, and never throws', () => {
    const log = vi.fn();
    const monitor = create({}, { log });
    vi.stubGlobal('gc', undefined);
    monitor.forceGC();
    expect(log).toHaveBeenCalledWith('warn', expect.stringContaining('--expose-gc'));
    const gc = vi.fn();
    vi.stubGlobal('gc', gc);
    monitor.forceGC();
    expect(gc).toHaveBeenCalledOnce();
    gc.mockImplementation(() => {
      throw new Error('no');
    });
    expect(() => monitor.forceGC()).not.toThrow();
    vi.unstubAllGlobals();
  });
});

describe('configuration', () => {
  test.each<[string, MemoryMonitorConfig]>([
    ['memoryMonitor.intervalMs', { intervalMs: 0 }],
    ['memoryMonitor.intervalMs', { intervalMs: 2 ** 31 }],
    ['memoryMonitor.intervalMs', { intervalMs: Number.NaN }],
    ['memoryMonitor.enabled', { enabled: 'yes' as never }],
    ['memoryMonitor.thresholds', { thresholds: 512 as never }],
    ['memoryMonitor.leakDetection', { leakDetection: true as never }],
    ['memoryMonitor.thresholds.rss', { thresholds: { rss: -1 } }],
    ['memoryMonitor.leakDetection.samples', { leakDetection: { samples: 1 } }],
    ['memoryMonitor.leakDetection.samples', { leakDetection: { samples: 101 } }],
    ['memoryMonitor.leakDetection.minGrowthMb', { leakDetection: { minGrowthMb: -5 } }],
    ['memoryMonitor.onAlert', { onAlert: 'log' as never }],
  ])('a bad %s is refused by name', (path, config) => {
    expect(() => create(config)).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIGURATION', message: expect.stringContaining(path) }),
    );
  });

  test('a bad limit of getRecentAlerts is refused', () => {
    expect(() => create().getRecentAlerts(-1)).toThrow(/limit/);
  });
});

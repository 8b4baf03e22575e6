/** Watches the memory of the process: measures, and alerts when it grows beyond its limits. */
import v8 from 'node:v8';
import { monotonicNow } from './clock';
import { native } from './native';
import type { MemoryAlert, MemoryMetrics, MemoryMonitorStats, MemoryReading, MemoryWatch } from './native/memory';
import { messageOf } from './errors';
import { callBack } from './observability/guard';
import { createPort } from './observability/port';
import type { ObservabilityPort } from './observability/port';
import { requireBoolean, requireFunction, requireInteger, requireNumber, requireObject } from './validate';

export type { MemoryAlert, MemoryMetrics, MemoryMonitorStats };

const MIB = 1024 * 1024;
/** `setTimeout` knows no longer delay. */
const MAX_INTERVAL_MS = 2 ** 31 - 1;
/** Measurements that are kept, so no leak check can look at more. */
const MAX_SAMPLES = 100;

/** Configuration of a {@link MemoryMonitor}. Fields that are absent or undefined have their default. */
export interface MemoryMonitorConfig {
  /** False: `start()` does nothing. Default true. */
  enabled?: boolean;
  /** Milliseconds between measurements. Default 30 000. */
  intervalMs?: number;
  /** Limits in bytes; 0 switches a check off. Default 512 MiB each. */
  thresholds?: {
    /** Used V8 heap. Above: 'ERROR', above 1.5 times: 'CRITICAL'. */
    heapUsed?: number;
    /** Resident set size of the process. Above: 'ERROR', above 1.5 times: 'CRITICAL'. */
    rss?: number;
    /** Memory held outside the heap. Above: 'WARNING'. */
    external?: number;
    /** Reserved V8 heap. Above: 'WARNING'. */
    heapTotal?: number;
  };
  /** Growth of the used heap over the last measurements, by more than 10 % and more than `minGrowthMb`. */
  leakDetection?: {
    /** Default false. */
    enabled?: boolean;
    /** Measurements compared, first with last, 2 to 100. Default 5. */
    samples?: number;
    /** Growth in MiB that is still no leak. Default 100. */
    minGrowthMb?: number;
    /** Milliseconds between checks. Default 60 000. */
    sampleIntervalMs?: number;
  };
  /** Called with each alert. One that throws or rejects is logged. */
  onAlert?: (alert: MemoryAlert) => void;
}

/**
 * Measures the memory of the process at an interval and alerts when a limit is exceeded, the used heap comes near the limit
 * that V8 sets it, or it keeps growing. A rule that stays broken alerts once in 30 s. Its timer does not keep the process
 * alive. All methods are bound.
 *
 * @example
 * const monitor = new MemoryMonitor(getObservability(), {
 *   thresholds: { rss: 2 * 1024 ** 3 },
 *   onAlert: (alert) => pager.notify(alert.message),
 * });
 * monitor.start();
 */
export class MemoryMonitor {
  readonly #port: ObservabilityPort;
  readonly #watch: MemoryWatch;
  readonly #enabled: boolean;
  readonly #onAlert: ((alert: MemoryAlert) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param observability where alerts are logged; see `createRuntime`
   * @throws RuntimeError INVALID_CONFIGURATION naming the field, its value and what is allowed
   */
  constructor(observability?: unknown, config: MemoryMonitorConfig = {}) {
    requireObject('memoryMonitor', config);
    this.#port = createPort(observability, true);
    this.#enabled = requireBoolean('memoryMonitor.enabled', config.enabled ?? true);
    this.#onAlert = config.onAlert === undefined ? undefined : requireFunction('memoryMonitor.onAlert', config.onAlert);
    this.#watch = createWatch(config);
  }

  /** Measures at once and then at the interval. A second call does nothing. */
  readonly start = (): void => {
    if (this.#enabled && this.#watch.start(monotonicNow())) this.#measureAndWait();
  };

  /** Stops measuring; the history stays. */
  readonly stop = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#watch.stop();
  };

  /** What is known now; a fresh object. Zeros before the first measurement. */
  readonly getStats = (): MemoryMonitorStats => this.#watch.stats(monotonicNow());

  /** The last `limit` alerts, oldest first; 50 are kept. */
  readonly getRecentAlerts = (limit = 10): MemoryAlert[] =>
    this.#watch.recentAlerts(requireInteger('limit', limit, { min: 0, max: 2 ** 32 - 1 }));

  /** Forgets measurements, alerts and peak. */
  readonly clearHistory = (): void => this.#watch.clearHistory();

  /** Runs the garbage collector if Node was started with `--expose-gc`, else logs a warning. Never throws. */
  readonly forceGC = (): void => {
    const { gc } = globalThis;
    if (typeof gc !== 'function') {
      this.#port.log('warn', 'Garbage collection is not exposed; start Node with --expose-gc');
      return;
    }
    try {
      gc();
    } catch (error) {
      this.#port.log('warn', 'Garbage collection failed', { error });
    }
  };

  #measureAndWait(): void {
    this.#measure();
    // An alert's callback may have stopped (and restarted) the monitor.
    const { isRunning, nextMeasurementIn } = this.getStats();
    if (!isRunning || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#measureAndWait();
    }, nextMeasurementIn);
    this.#timer.unref?.();
  }

  #measure(): void {
    let reading: MemoryReading;
    try {
      reading = readMemory();
    } catch (error) {
      this.#watch.skip(monotonicNow());
      this.#port.log('warn', 'Memory could not be measured', { error });
      return;
    }
    for (const alert of this.#watch.observe(monotonicNow(), reading)) this.#raise(alert);
  }

  #raise(alert: MemoryAlert): void {
    const { type, severity, metrics } = alert;
    const { heapUsedMb, heapTotalMb, rssMb, externalMb } = metrics;
    const level = severity === 'WARNING' ? 'warn' : 'error';
    this.#port.log(level, alert.message, { type, severity, heapUsedMb, heapTotalMb, rssMb, externalMb });
    callBack(() => this.#onAlert?.(alert), this.#callbackFailed);
  }

  readonly #callbackFailed = (error: unknown): void => {
    this.#port.log('error', 'onAlert of the memory monitor failed', { error: messageOf(error) });
  };
}

function createWatch({ intervalMs, ...config }: MemoryMonitorConfig): MemoryWatch {
  const thresholds = requireObject('memoryMonitor.thresholds', config.thresholds ?? {});
  const leakDetection = requireObject('memoryMonitor.leakDetection', config.leakDetection ?? {});
  const bytes = (name: keyof typeof thresholds): number =>
    requireNumber(`memoryMonitor.thresholds.${name}`, thresholds[name] ?? 512 * MIB, { min: 0 });
  const leak = 'memoryMonitor.leakDetection';
  const delay = { min: 1, max: MAX_INTERVAL_MS };

  return new native.MemoryWatch({
    intervalMs: requireNumber('memoryMonitor.intervalMs', intervalMs ?? 30_000, delay),
    heapUsedThreshold: bytes('heapUsed'),
    rssThreshold: bytes('rss'),
    externalThreshold: bytes('external'),
    heapTotalThreshold: bytes('heapTotal'),
    leakDetectionEnabled: requireBoolean(`${leak}.enabled`, leakDetection.enabled ?? false),
    leakSamples: requireInteger(`${leak}.samples`, leakDetection.samples ?? 5, { min: 2, max: MAX_SAMPLES }),
    leakMinGrowthMb: requireNumber(`${leak}.minGrowthMb`, leakDetection.minGrowthMb ?? 100, { min: 0 }),
    leakSampleIntervalMs: requireNumber(`${leak}.sampleIntervalMs`, leakDetection.sampleIntervalMs ?? 60_000, delay),
  });
}

function readMemory(): MemoryReading {
  const { heapUsed, heapTotal, rss, external, arrayBuffers } = process.memoryUsage();
  const heapLimit = v8.getHeapStatistics().heap_size_limit;
  return { timestamp: Date.now(), heapUsed, heapTotal, heapLimit, rss, external, arrayBuffers };
}

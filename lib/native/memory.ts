/** Configuration of a {@link MemoryWatch}: every field given, sizes in bytes, times in milliseconds. */
export interface MemoryWatchConfig {
  intervalMs: number;
  /** Thresholds of 0 are off. */
  heapUsedThreshold: number;
  rssThreshold: number;
  externalThreshold: number;
  heapTotalThreshold: number;
  leakDetectionEnabled: boolean;
  /** 2 to 100. */
  leakSamples: number;
  leakMinGrowthMb: number;
  leakSampleIntervalMs: number;
}

/** One measurement in bytes; `timestamp` is wall-clock time. */
export interface MemoryReading {
  timestamp: number;
  heapUsed: number;
  heapTotal: number;
  /** Size to which V8 lets the heap grow. */
  heapLimit: number;
  rss: number;
  external: number;
  arrayBuffers: number;
}

/** A measurement with its derived figures. */
export interface MemoryMetrics {
  /** `Date.now()` of the measurement. */
  timestamp: number;
  /** Bytes used on the V8 heap. */
  heapUsed: number;
  /** Bytes that V8 has reserved for its heap. */
  heapTotal: number;
  /** `heapTotal - heapUsed`, bytes. */
  heapFree: number;
  /** Bytes of the process in physical memory. */
  rss: number;
  /** Bytes held outside the heap by objects on it. */
  external: number;
  /** The part of `external` that belongs to array buffers, bytes. */
  arrayBuffers: number;
  /** `heapUsed` in MiB, rounded. */
  heapUsedMb: number;
  /** `heapTotal` in MiB, rounded. */
  heapTotalMb: number;
  /** `rss` in MiB, rounded. */
  rssMb: number;
  /** `external` in MiB, rounded. */
  externalMb: number;
  /** `heapUsed / heapTotal` in percent, rounded. High in any healthy process; alerts look at the heap's limit instead. */
  heapUsagePercent: number;
}

/** A rule of the memory monitor that was broken. */
export interface MemoryAlert {
  type: 'THRESHOLD_EXCEEDED' | 'MEMORY_LEAK_DETECTED' | 'HIGH_USAGE';
  severity: 'WARNING' | 'ERROR' | 'CRITICAL';
  /** One sentence for people. */
  message: string;
  /** The measurement that broke the rule. */
  metrics: MemoryMetrics;
  /** The limit: bytes for 'THRESHOLD_EXCEEDED', percent of the heap's limit for 'HIGH_USAGE', absent for leaks. */
  threshold?: number;
  /** Growth of the used heap, for leaks only. */
  growth?: {
    /** Measurements looked at. */
    samples: number;
    /** Growth in MiB, rounded. */
    growthMb: number;
    /** Growth in percent of the first of them, rounded. */
    growthPercent: number;
  };
  /** `Date.now()` of the measurement. */
  timestamp: number;
}

/** What a memory monitor knows; zeros before the first measurement. */
export interface MemoryMonitorStats {
  /** Measurements kept (at most 100). */
  totalMeasurements: number;
  /** Alerts kept (at most 50). */
  totalAlerts: number;
  /** The last measurement. */
  lastMeasurement?: MemoryMetrics;
  /** Largest values since creation or `clearHistory()`, in bytes; `timestamp` is that of the largest used heap. */
  peakUsage: { heapUsed: number; rss: number; external: number; timestamp: number };
  /** Means over the last 10 minutes, in bytes. */
  averageUsage: { heapUsed: number; rss: number; external: number };
  /** Leak alerts among those kept. */
  leaksDetected: number;
  /** Whether it measures. */
  isRunning: boolean;
  /** Milliseconds to the next measurement; 0 when stopped. */
  nextMeasurementIn: number;
}

/** Decides when memory is measured and which measurements are alarming. Owned by one `MemoryMonitor`. */
export interface MemoryWatch {
  /** Starts; true if the first measurement is now due, false if it runs already. */
  start(now: number): boolean;
  /** Stops; the history stays. */
  stop(): void;
  /** The measurement that was due could not be taken: the next is due an interval later. */
  skip(now: number): void;
  /** Takes in a measurement that was due and gives the alerts that it raises. */
  observe(now: number, reading: MemoryReading): MemoryAlert[];
  /** The last `limit` alerts, oldest first. */
  recentAlerts(limit: number): MemoryAlert[];
  /** Forgets measurements, alerts and peak. */
  clearHistory(): void;
  /** What is known at `now`. */
  stats(now: number): MemoryMonitorStats;
}

/** Decides how many handlers may run side by side while the machine is short. Owned by one `PressureSampler`. */
export interface PressureGauge {
  /**
   * Takes in a reading (fractions of the machine, cumulative CPU times) and gives the time of the next. `computes`: whether the
   * runtime itself does, so that a short CPU is a reason to run fewer.
   */
  sample(
    now: number,
    memoryFraction: number,
    cpuBusyMs: number,
    cpuTotalMs: number,
    costMs: number,
    computes: boolean,
  ): number;
  /** The machine could not be read: nothing changes. Gives the time of the next sample. */
  skip(now: number): number;
  /** Whether memory or CPU is above its limit. */
  isActive(): boolean;
  /** Whether so little memory is left that nothing more should be taken in. */
  isExhausted(): boolean;
  /** The share of the CPU time that was used between the last two readings. */
  cpuFraction(): number;
  /** How many of `full` may run side by side; at least 1 unless `full` is 0. */
  width(full: number): number;
}

export interface MemoryNative {
  MemoryWatch: new (config: MemoryWatchConfig) => MemoryWatch;
  PressureGauge: new (memoryFraction: number, cpuFraction: number) => PressureGauge;
}

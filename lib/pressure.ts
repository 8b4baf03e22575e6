/** Reads how busy the machine is and narrows the width of dispatch while memory or CPU is short. */
import os from 'node:os';
import { monotonicNow } from './clock';
import { native } from './native';
import type { PressureGauge } from './native/memory';

/** Limits of a {@link PressureSampler}; checked by whoever reads the user's configuration. */
export interface PressureOptions {
  /** Width without pressure: handlers that may run side by side. */
  maxConcurrent: number;
  /** Share of the memory of the machine (or of the container) that the process may fill, 0 to 1. */
  maxMemoryUsage: number;
  /** Share of the machine's CPU time, all processes together, 0 to 1. */
  maxCpuUsage: number;
}

/** What the machine is short of, and what follows from it. */
export interface Pressure {
  /** Whether memory or CPU is above its limit, or not yet clearly below it again. */
  isActive: boolean;
  /** Whether memory is above its hard bound, or not yet clearly below it again. */
  isExhausted: boolean;
  /** Shares of what there is, 0 to 1. */
  memoryUsage: number;
  cpuUsage: number;
  /** How many may run at once now. */
  width: number;
}

/** A sample is forgotten when it should have been renewed so long ago. */
const STALE_MS = 1000;

/**
 * Backpressure from the machine. The engine calls `maybeSample` once per drain turn, and between events that wait for I/O; that
 * reads the machine at most every 100 ms, less often where reading is slow. There is no timer.
 */
export class PressureSampler {
  readonly #gauge: PressureGauge;
  readonly #maxConcurrent: number;
  readonly #memoryBytes = availableMemoryBytes();
  readonly #onChange: ((pressure: Pressure) => void) | undefined;
  #nextSampleAt = -Infinity;
  #isActive = false;
  #isExhausted = false;
  #width: number;

  /** @param onChange told when pressure begins or ends, or memory is exhausted or no longer so */
  constructor(options: PressureOptions, onChange?: (pressure: Pressure) => void) {
    const { maxConcurrent, maxMemoryUsage, maxCpuUsage } = options;
    this.#onChange = onChange;
    this.#gauge = new native.PressureGauge(maxMemoryUsage, maxCpuUsage);
    this.#maxConcurrent = maxConcurrent;
    this.#width = maxConcurrent;
  }

  /**
   * Samples if it is time, and gives the width that now holds: 1 to `maxConcurrent`.
   *
   * @param computes whether the runtime itself does; if it only waits, a short CPU narrows nothing
   */
  maybeSample(now: number, computes = true): number {
    if (now >= this.#nextSampleAt) this.#sample(now, computes);
    return this.#width;
  }

  /** The width of the last sample; full before the first. */
  get width(): number {
    return this.#width;
  }

  /** The width for work that begins now, without reading the machine: a sample from before a pause says nothing any more. */
  widthAtStart(now: number): number {
    return now > this.#nextSampleAt + STALE_MS ? this.#maxConcurrent : this.#width;
  }

  /** Whether memory was above its hard bound at the last sample, or not yet clearly below it again. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** Whether memory or CPU was above its limit at the last sample, or not yet clearly below it again. */
  get isActive(): boolean {
    return this.#isActive;
  }

  #sample(now: number, computes: boolean): void {
    const startedAt = monotonicNow();
    const machine = readMachine();
    if (machine === undefined) {
      this.#nextSampleAt = this.#gauge.skip(now);
      return;
    }
    const { rss, busyMs, totalMs } = machine;
    const costMs = monotonicNow() - startedAt;
    const memoryUsage = rss / this.#memoryBytes;
    this.#nextSampleAt = this.#gauge.sample(now, memoryUsage, busyMs, totalMs, costMs, computes);
    this.#width = this.#gauge.width(this.#maxConcurrent);
    this.#notice(memoryUsage);
  }

  #notice(memoryUsage: number): void {
    const isActive = this.#gauge.isActive();
    const isExhausted = this.#gauge.isExhausted();
    if (isActive === this.#isActive && isExhausted === this.#isExhausted) return;
    this.#isActive = isActive;
    this.#isExhausted = isExhausted;
    const cpuUsage = this.#gauge.cpuFraction();
    this.#onChange?.({ isActive, isExhausted, memoryUsage, cpuUsage, width: this.#width });
  }
}

/** The container's limit where there is one below the machine's memory; without a limit Node answers 0 or a huge number. */
function availableMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}

/** Undefined if the system refuses, as it does when the process has run out of file descriptors. */
function readMachine(): { rss: number; busyMs: number; totalMs: number } | undefined {
  try {
    return { rss: process.memoryUsage.rss(), ...readCpuTimes() };
  } catch {
    return undefined;
  }
}

/** Times of all cores since the machine started. */
function readCpuTimes(): { busyMs: number; totalMs: number } {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of os.cpus()) {
    const working = times.user + times.nice + times.sys + times.irq;
    busyMs += working;
    totalMs += working + times.idle;
  }
  return { busyMs, totalMs };
}

import { requireNumber, requireObject, requireSignal } from '../validate';
import type { RuntimeStats } from '../runtime-types';

/** Options of `runtime.stats`. */
export interface StatsOptions {
  /** Milliseconds from one snapshot to the next. Default 1000. */
  intervalMs?: number;
  /** Ends the iteration when it aborts. */
  signal?: AbortSignal;
}

/** What `stats` asks of a runtime. */
export interface StatsSource {
  read(): RuntimeStats;
  /** Aborts at the end of the runtime. */
  readonly ended: AbortSignal;
}

const DEFAULT_INTERVAL_MS = 1000;

/**
 * Snapshots of statistics: one at once, then one in each interval, and a last one at the end of the runtime. A reader that is
 * slow gets fewer, never old ones. The timer keeps no process alive.
 */
export function snapshots(source: StatsSource, options: StatsOptions = {}): AsyncGenerator<RuntimeStats, void, void> {
  requireObject('options', options);
  const { intervalMs = DEFAULT_INTERVAL_MS, signal } = options;
  requireNumber('options.intervalMs', intervalMs, { min: 1, max: 2 ** 31 - 1 });
  if (signal !== undefined) requireSignal('options.signal', signal);
  const signals = signal === undefined ? [source.ended] : [source.ended, signal];
  return iterate(source, intervalMs, signals);
}

async function* iterate(
  source: StatsSource,
  intervalMs: number,
  signals: readonly AbortSignal[],
): AsyncGenerator<RuntimeStats, void, void> {
  const isOver = (): boolean => signals.some(({ aborted }) => aborted);
  while (!isOver()) {
    yield source.read();
    await pause(intervalMs, signals);
  }
  if (source.ended.aborted) yield source.read();
}

/** Resolves after `ms`, or when one of the signals aborts. */
function pause(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    timer.unref?.();
    for (const signal of signals) signal.addEventListener('abort', end, { once: true });
    if (signals.some(({ aborted }) => aborted)) end();
  });
}

import { StreamTimers } from './timers';
import { turnClock } from './turn-clock';
import type { TurnClock } from './turn-clock';

/** A source that has not been pulled for this long is stale. */
const STALE_MS = 5 * 60_000;

/** Items that went into an operator and came out of it, over all its runs. */
export interface OperatorStats {
  in: number;
  out: number;
}

/** Counters of a buffer, over all runs. */
export interface BufferStats {
  /** Items in it now. */
  buffered: number;
  /** Items that gave way because it was full. */
  dropped: number;
}

/** A source that runs. */
export interface RunningSource {
  /** When it was last pulled, on the monotonic clock. */
  readonly pulledAt: number;
}

/** A consumer's run of a stream. */
export interface RunningRun {
  /** Ends it as if the source had ended. The promise is that of idle sources that take time to close. */
  interrupt(): Promise<unknown> | undefined;
}

/** A run of a stream, as somebody sees it who traces. */
export interface RunTrace {
  /** Calls `fn` inside of it. */
  inside<R>(fn: () => R): R;
  /**
   * It is over; told once.
   *
   * @param how done: its source has ended, or an operator needed no more; left: the reader, a signal or `cleanup` has ended it
   * @param items what it has handed to its reader
   */
  end(how: 'done' | 'failed' | 'left', items: number, error?: unknown): void;
}

/** A run that counts for itself and tells from time to time. */
export interface Meter {
  /** Brings the counters of operators and buffers up to date with it. */
  count(): void;
}

/** What the streams of one manager share: clock, timer, counters, and the table of what runs. */
export class StreamScope {
  readonly clock: TurnClock = turnClock;
  readonly sources = new Set<RunningSource>();
  readonly runs = new Set<RunningRun>();
  readonly meters = new Set<Meter>();
  /** Begins the trace of a run; it answers undefined where this one is not traced. */
  traceRun: (() => RunTrace | undefined) | undefined;
  readonly #operators = new Map<string, OperatorStats>();
  readonly #buffers = new Map<string, BufferStats>();
  #timers: StreamTimers | undefined;

  /** Made when the first operator needs time. */
  get timers(): StreamTimers {
    return (this.#timers ??= new StreamTimers());
  }

  /** The counters of the operators of a name; the same object each time. */
  operator(name: string): OperatorStats {
    return entryOf(this.#operators, name, () => ({ in: 0, out: 0 }));
  }

  /** The counters of the buffers of a name; the same object each time. */
  buffer(name: string): BufferStats {
    return entryOf(this.#buffers, name, () => ({ buffered: 0, dropped: 0 }));
  }

  stats(now: number): StreamStats {
    for (const meter of this.meters) meter.count();
    let staleGenerators = 0;
    for (const source of this.sources) if (now - source.pulledAt >= STALE_MS) staleGenerators++;
    return {
      activeGenerators: this.sources.size,
      staleGenerators,
      totalTracked: this.sources.size,
      operators: copyOf(this.#operators),
      buffers: copyOf(this.#buffers),
    };
  }
}

/** What `StreamManager.getStats()` answers. */
export interface StreamStats {
  /** Sources that run. */
  activeGenerators: number;
  /** Of these, the ones that have not been pulled for five minutes. */
  staleGenerators: number;
  /** The same as `activeGenerators`: what has finished is not kept. */
  totalTracked: number;
  /** By operator name: items in and out since the manager was made. `source` has what came from all sources. */
  operators: Record<string, OperatorStats>;
  /** By operator name, for those that buffer. */
  buffers: Record<string, BufferStats>;
}

function entryOf<V>(map: Map<string, V>, name: string, make: () => V): V {
  let entry = map.get(name);
  if (entry === undefined) map.set(name, (entry = make()));
  return entry;
}

function copyOf<V extends object>(map: Map<string, V>): Record<string, V> {
  return Object.fromEntries(Array.from(map, ([name, entry]) => [name, { ...entry }]));
}

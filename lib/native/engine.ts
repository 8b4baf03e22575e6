import type { LimiterPermits } from './policy';

/** What an engine is made of. Checked by the facade before it crosses; 0 or Infinity mean "no limit" as noted. */
export interface EngineConfig {
  maxConcurrent: number;
  /** 0: no limit. */
  maxConcurrentPerTenant: number;
  /** 0: no limit. */
  maxConcurrentPerKind: number;
  /** Milliseconds; 0: deliveries need no acknowledgement in time. */
  ackTimeoutMs: number;
  redelivery: RedeliveryConfig;
  largeEventBytes: number;
  hugeEventBytes: number;
  maxEventBytes: number;
  dropHugeEvents: boolean;
  maxQueueBytes: number;
  /** 0: times are not recorded. 1: readings of the clock are shared. 2: one for each event. */
  latency: 0 | 1 | 2;
  /** Seed of the jitter; a whole number. */
  seed: number;
}

/** A redelivery policy as it crosses. */
export interface RedeliveryConfig {
  /** Attempts in all; 1: never again. */
  maxAttempts: number;
  initialDelayMs: number;
  maxDelayMs: number;
  /** Multiplier of exponential growth; 0: linear. */
  factor: number;
  /** 0 none, 1 full, 2 equal, 3 ratio. */
  jitter: 0 | 1 | 2 | 3;
  jitterRatio: number;
}

/** Counters (they never fall) and gauges of an engine. */
export interface EngineStats {
  emitted: number;
  done: number;
  failed: number;
  retried: number;
  recovered: number;
  dead: number;
  expired: number;
  cancelled: number;
  dropped: number;
  ackTimeouts: number;
  retryDelayMs: number;
  waiting: number;
  retrying: number;
  ready: number;
  running: number;
  executing: number;
  parked: number;
  unacked: number;
  width: number;
  totalBytes: number;
  averageBytes: number;
  largeEvents: number;
  hugeEvents: number;
}

/** Figures of one time, in milliseconds, exact to two digits. */
export interface LatencySummary {
  /** Values recorded. */
  count: number;
  sumMs: number;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** The three times of a group of events. */
export interface LatencyTimings {
  /** For each attempt: from when it could have started (accepted; delay or redelivery due) to its start. */
  queueWait: LatencySummary;
  /** For each attempt: from the start of the handlers to their end, waits inside middleware included. */
  handler: LatencySummary;
  /** For each event that was handled: from acceptance to its end, delays and redeliveries included. */
  endToEnd: LatencySummary;
}

/** All times; the lists are in the order of the groups. */
export interface LatencyReport {
  total: LatencyTimings;
  byType: LatencyTimings[];
  byTenant: LatencyTimings[];
}

/**
 * One engine. Each function is bound to it and keeps it alive; the engine keeps the ring buffer alive.
 * After each call marked *notices*, the notice ring must be read before the next call.
 */
export interface EngineHandle {
  /** Takes in the submission and completion rings, fills the dispatch ring. *notices* */
  advance(): void;
  /** Lets happen what is due. *notices* */
  tick(now: number): void;
  /**
   * Keeps what the next submission of `slot` brings besides. `ttlMs` Infinity: none; `bytes` 0: sizes are off;
   * `attempts`: the ones that it has failed before.
   */
  prepare(slot: number, ttlMs: number, policy: number, bytes: number, attempts: number): void;
  /** 0 normal, 1 large, 2 refused as too large, 3 refused because too many bytes wait. */
  admitBytes(bytes: number): 0 | 1 | 2 | 3;
  returnBytes(bytes: number): void;
  /** *notices* */
  cancel(now: number, slot: number): boolean;
  /** *notices* */
  ack(now: number, slot: number): boolean;
  /** *notices* */
  nack(now: number, slot: number): boolean;
  /** Makes permits in this core. From then on an event to start is only offered until `begin` or `admit` starts it. */
  createPermits(maxConcurrent: number): LimiterPermits;
  /** Starts an event whose turn has come; false: it has gone. */
  begin(slot: number): boolean;
  park(slot: number): boolean;
  unpark(slot: number): boolean;
  /** *notices* */
  abandon(now: number, slot: number): void;
  /** *notices* */
  dropOldest(now: number): boolean;
  /** Takes out everything that does not run; `dropped` 1 counts it as dropped, 0 as cancelled. *notices* */
  clear(now: number, dropped: 0 | 1): void;
  /** Gives back the memory of a burst; nothing while any event lives. */
  shrink(): void;
  setWidth(width: number): void;
  /** The index of an equal policy, or -1 when too many different ones are in use. */
  internPolicy(
    maxAttempts: number,
    initialDelayMs: number,
    maxDelayMs: number,
    factor: number,
    jitter: number,
    jitterRatio: number,
  ): number;
  /** Arms a deadline of the facade's own; `token` comes back in a notice when it rings. Answers its name. */
  alarm(now: number, delayMs: number, token: number): number;
  /** Disarms the alarm that was armed with `token`; nothing if it has rung. */
  cancelAlarm(alarm: number, token: number): void;
  /** 0 free, 1 delayed, 2 retrying, 3 blocked, 4 ready, 5 running, 6 unacked. */
  state(slot: number): number;
  attempts(slot: number): number;
  priority(slot: number): number;
  /** When what waits for its delay or redelivery may start, on the monotonic clock; NaN for what waits for neither. */
  dueAt(slot: number): number;
  /** Waiting slots in the order in which they would start. */
  snapshot(limit: number): Uint32Array;
  stats(): EngineStats;
  /** A latency group for a type that has none; 0, that of all others, when there are enough. */
  addTypeGroup(): number;
  /** The same for a tenant. */
  addTenantGroup(): number;
  /** Milliseconds that the handlers of the last attempt had run at `at`; NaN where no times are recorded. */
  runTime(at: number, slot: number): number;
  latency(): LatencyReport | null;
}

/** Chains of events that cause each other; a node is one event of a chain. */
export interface ChainsHandle {
  open(type: string): number;
  /** A node, or -1 loop, -2 too deep, -3 too long. `returned` refuses a type that is on the path already. */
  enter(parent: number, type: string, returned: boolean): number;
  leave(node: number): void;
  depth(node: number): number;
  /** Records in use. */
  size(): number;
}

/** Batched emits: when the collected events go into the queue together. */
export interface CollectorHandle {
  /** Counts an event in; true: flush the batch now. */
  add(now: number, size: number, timeoutMs: number, flush: 0 | 1): boolean;
  /** When the batch is to be flushed at the latest; Infinity when it is empty. */
  deadline(): number;
  reset(): void;
}

/** Names that have been seen; the oldest fifth leaves when it is full. */
export interface DedupeWindowHandle {
  has(name: string): boolean;
  /** True if the name is new. */
  insert(name: string): boolean;
  insertAll(names: string[]): void;
  remove(name: string): void;
  size(): number;
  clear(): void;
}

export interface EngineNative {
  Chains: new (maxDepth: number, maxLength: number) => ChainsHandle;
  createCollector(): CollectorHandle;
  DedupeWindow: new (capacity: number) => DedupeWindowHandle;
  /** Bytes of the buffer that `createEngine` takes. */
  ringBytes(): number;
  createEngine(buffer: ArrayBuffer, config: EngineConfig): EngineHandle;
}

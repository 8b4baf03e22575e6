/** Deadlines of one timer service. An id belongs to whoever armed it until it expires or is cancelled, no longer. */
export interface Deadlines {
  /** Arms a deadline `delayMs` from `now` and names it. */
  arm(now: number, delayMs: number): number;
  /** Disarms an armed deadline. */
  cancel(id: number): void;
  /** Takes one deadline that is not after `now`; -1: there is none. */
  expire(now: number): number;
  /** The earliest deadline, or Infinity. */
  nextDeadline(): number;
}

/** Configuration of a {@link RetryPolicy}: every field given, times in milliseconds. */
export interface RetryPolicyConfig {
  /** Attempts in all, the first included. */
  maxAttempts: number;
  initialDelayMs: number;
  backoffFactor: number;
  maxDelayMs: number;
  maxTotalMs: number;
  jitter: 'full' | 'equal' | 'none';
  /** Whole number. */
  seed: number;
}

/** Whether and when a failed operation is tried again. Owned by one retrying wrapper. */
export interface RetryPolicy {
  /**
   * The wait before the next attempt when `failed` attempts have failed, `elapsedMs` after the first began; -1: give up.
   * `askedMs`: what the error asks for, or NaN.
   */
  nextDelay(failed: number, elapsedMs: number, askedMs: number): number;
}

/** Permits of one limited wrapper. */
export interface Permits {
  /** Names a key that nobody uses and takes one of its permits. */
  open(): number;
  /** Closes and names a key that has become idle without a permit given back; -1: there is none. */
  closeIdle(): number;
  /** Asks for a permit of an open key. -1: taken; -2: refused; else: in line, under this number. */
  enter(key: number): number;
  /**
   * Gives a permit back. -1: free again; -2: the key is idle and closed; -3: free again, and an event of the queue may
   * start; else: it belongs to this waiter now.
   */
  leave(key: number): number;
  /** A waiter leaves the line. */
  abandon(waiter: number): void;
  /** Permits in use, of all keys. */
  inUse(): number;
  /** Waiters in line, of all keys. */
  waiting(): number;
}

/** Permits of one limited wrapper in the core of an engine, where events of the queue wait for them too. */
export interface LimiterPermits extends Permits {
  /** The limiter's number in that core. */
  readonly number: number;
  /**
   * Starts an event whose turn has come with a permit of an open key, or lets it wait in the queue, no longer than
   * `limitMs` in all. 0: it has gone; 1: started; 2: it waits; 3: started without a permit, it has waited too long.
   */
  admit(slot: number, key: number, limitMs: number): 0 | 1 | 2 | 3;
  /** False: the key has no permit, and so many runs are in line that the event waits in the queue. */
  look(slot: number, key: number): boolean;
  /** Whether so many runs are in line. */
  isCrowded(): boolean;
}

/** Configuration of a {@link BreakerPolicy}; zero switches a threshold or a window off. */
export interface BreakerPolicyConfig {
  /** Failures in a row that open it; 0: they never do. */
  failureThreshold: number;
  recoveryMs: number;
  successThreshold: number;
  /** Failures per call that open it; 0: they never do. */
  failureRate: number;
  minimumCalls: number;
  /** Size of the window in calls, if `windowMs` is 0. */
  windowCalls: number;
  windowMs: number;
}

/** One circuit. A call keeps the ticket of its admission and brings it back with its outcome. */
export interface BreakerPolicy {
  /** A ticket, or -1: refused. */
  admit(now: number): number;
  succeed(ticket: number, now: number): void;
  fail(ticket: number, now: number): void;
  /** 0 closed, 1 open, 2 half-open. */
  state(): number;
  /** Until when it refuses every call; NaN unless open. */
  openUntil(): number;
  /** When it came into this state. */
  since(): number;
  /** Calls, refused ones included. */
  calls(): number;
  succeeded(): number;
  failed(): number;
  rejected(): number;
  forceOpen(now: number): void;
  forceClose(now: number): void;
  reset(now: number): void;
}

/** Token buckets of one limited wrapper. */
export interface RateLimiterPolicy {
  /** Names a new key, its bucket full. */
  open(now: number): number;
  /**
   * Asks for a token of an open key. -1: taken; 0 or more: in line, under this number; -2 or less: refused, the next
   * token comes after `-2 - answer` milliseconds.
   */
  take(key: number, now: number): number;
  /** Gives a token to the longest waiter of the key; -1: there is none, or no token. */
  grant(key: number, now: number): number;
  /** When the longest waiter of the key gets its token, or Infinity. */
  nextGrant(key: number): number;
  /** A waiter leaves the line. */
  abandon(waiter: number): void;
  /** Closes and names the least recently used key if it is idle; else -1. */
  closeIdle(now: number): number;
}

/** Which cached results may be used and which go. Owned by one caching wrapper. */
export interface CachePolicy {
  /** Names an entry whose result is about to be made. */
  open(): number;
  /** 0: its result is being made; 1: it may be used; 2: it is too old, the entry is closed. */
  look(id: number, now: number): number;
  /** The result of the entry is there. */
  store(id: number, now: number): void;
  /** The entry is not wanted any more. */
  close(id: number): void;
  /** Closes and names one entry that must go; -1: there is none. */
  evict(now: number): number;
  /** Results kept. */
  size(): number;
}

/** Configuration of a {@link SchedulePolicy}; exactly one of the first three is given. */
export interface SchedulePolicyConfig {
  everyMs?: number;
  cron?: string;
  /** Milliseconds since the epoch. */
  at?: number;
  /** Name in the IANA database; for `cron`. */
  timezone: string;
  maxTriggers?: number;
  triggerImmediately: boolean;
  jitterMs: number;
  missed: 'once' | 'skip';
  overlap: 'skip' | 'allow';
  /** Whole number. */
  seed: number;
  /** Of a schedule that goes on from an earlier process: runs begun there, and how long ago the last one (or the start) was. */
  resumed?: { triggered: number; sinceLastMs: number };
}

/** One running schedule. Intervals read the monotonic clock, cron expressions and dates the wall clock. */
export interface SchedulePolicy {
  /** -1: run now and poll again; -2: ended; else: poll again in so many milliseconds. */
  poll(now: number): number;
  /** A run has ended. */
  runEnded(): void;
  /** No more runs. */
  stop(): void;
  /** Runs begun. */
  triggered(): number;
  /** Planned times without a run: missed, or the run before had not ended. */
  leftOut(): number;
}

export interface PolicyNative {
  createDeadlines(): Deadlines;
  createRetryPolicy(config: RetryPolicyConfig): RetryPolicy;
  /** `waits`: whether there is a line, or who finds no permit is refused. */
  createPermits(maxConcurrent: number, waits: boolean): Permits;
  createBreaker(config: BreakerPolicyConfig, now: number): BreakerPolicy;
  createRateLimiter(limit: number, intervalMs: number, burst: number, waits: boolean): RateLimiterPolicy;
  createCache(ttlMs: number, maxSize: number): CachePolicy;
  /** Throws if the cron expression or the time zone is none. */
  Schedule: new (config: SchedulePolicyConfig, monotonic: number, wall: number) => SchedulePolicy;
  /** The first occurrence after `wall` in milliseconds since the epoch; null if there is none. */
  cronNext(expression: string, timezone: string, wall: number): number | null;
}

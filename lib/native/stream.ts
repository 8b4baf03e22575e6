/** What to do with an item of a stream, or with those that are held. The codes of `verdict_code` in `src/node/streams.rs`. */
export const NOTHING = 0;
/** Hand this item on. */
export const PASS = 1;
/** Forget this item. */
export const DROP = 2;
/** Keep this item. */
export const HOLD = 3;
/** Hand on what is held. */
export const RELEASE = 4;
/** Keep this item, then hand on what is held. */
export const HOLD_AND_RELEASE = 5;
/** Forget the oldest held item and keep this one. */
export const EVICT = 6;
/** No room: the stream fails. */
export const OVERFLOW = 7;
/** The time is up. */
export const EXPIRED = 8;
/** Serve the operator's deadline with `overdue`, then offer the item again. */
export const LATE = 9;

/** No room: wait with this item, and offer it again when one has left. */
export const WAIT = 10;

export type Verdict = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/**
 * The timed operators of one stream manager. Each `open…` gives an id, which is the caller's until `close`; an unknown id
 * answers `NOTHING`. Times are milliseconds of the monotonic clock.
 */
export interface StreamTableHandle {
  /** `maxWaitMs` may be Infinity. */
  openDebounce(waitMs: number, leading: number, maxWaitMs: number): number;
  openThrottle(intervalMs: number, leading: number, trailing: number): number;
  /** `timeoutMs` may be Infinity. */
  openBatch(size: number, timeoutMs: number): number;
  openTumbling(sizeMs: number, maxItems: number): number;
  openSession(gapMs: number, maxItems: number): number;
  openSliding(sizeMs: number, everyMs: number, maxItems: number): number;
  openDelay(delayMs: number): number;
  openIdle(timeoutMs: number): number;
  /** An item has come. */
  item(id: number, now: number): Verdict;
  /** Serves the deadline of one operator if it is over. */
  overdue(id: number, now: number): Verdict;
  /** The source has ended; to be asked again after each `RELEASE`. `HOLD`: what is held waits for its time. */
  end(id: number): Verdict;
  /** The wait of an `openIdle` operator begins. */
  begin(id: number, now: number): void;
  close(id: number): void;
  /** An operator whose deadline is over, to be asked with `overdue`; -1 when there is none. */
  nextDue(now: number): number;
  /** Infinity when there is none. */
  nextDeadline(): number;
  /** After a `RELEASE` of a sliding window: how many held items belong to it, from the oldest on. */
  taken(id: number): number;
  /** After a `RELEASE` of a sliding window: how many held items are needed no longer, from the oldest on. */
  outdated(id: number): number;
  /** Operators that are open. */
  size(): number;
}

/** Room in a bounded buffer whose items the caller keeps. */
export interface RoomHandle {
  /** `HOLD`, or what the policy says when it is full: `EVICT`, `DROP`, `OVERFLOW`, `WAIT`. */
  offer(): Verdict;
  /** An item has left. */
  taken(): void;
}

/** The line of joined sources that have an item ready. */
export interface TurnsHandle {
  /** `source` has an item ready and is not in line. */
  arrive(source: number): void;
  /** The source whose turn it is, or -1. */
  next(): number;
}

/** The attempts of one run of a stream. */
export interface StreamRetryHandle {
  /** An attempt has failed: milliseconds before the next, or -1 when they are used up. */
  next(): number;
}

export interface StreamNative {
  createStreamTable(): StreamTableHandle;
  /** `overflow`: 0 drops the oldest, 1 the newest, 2 fails, 3 waits. */
  createRoom(capacity: number, overflow: 0 | 1 | 2 | 3): RoomHandle;
  createTurns(): TurnsHandle;
  /** `jitterRatio`: share of a delay by which it varies; `seed`: a whole number. */
  createStreamRetry(
    maxAttempts: number,
    initialDelayMs: number,
    maxDelayMs: number,
    factor: number,
    jitterRatio: number,
    seed: number,
  ): StreamRetryHandle;
}

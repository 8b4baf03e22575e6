/** A failure as the book files it. */
export interface LetterFailure {
  eventType: string;
  message: string;
  /** Of the error and of what caused it, outermost first; so are the codes. */
  errorNames: string[];
  errorCodes: string[];
  /** A whole number. */
  attempts: number;
  agentId: string | null;
  workflowId: string | null;
}

/** What filing did. */
export interface LetterFiled {
  /** Whether the event is here for the first time. */
  isNew: boolean;
  tags: string[];
  /** Index of the error entry that left to make room; null: none did. */
  droppedError: number | null;
  /** Ids of letters that left to make room. */
  evicted: string[];
}

/** Which letters are meant; null matches all. */
export interface LetterCriteria {
  eventType: string | null;
  errorType: string | null;
  tag: string | null;
  minAgeMs: number | null;
  /** 0: no limit. */
  limit: number;
  /** Poisoned ones too. */
  poisoned: boolean;
}

/** A letter that was kept elsewhere. */
export interface StoredLetter {
  id: string;
  eventType: string;
  messages: string[];
  tags: string[];
  /** Milliseconds since the epoch. */
  enteredAt: number;
  attempts: number;
  poisoned: boolean;
}

/** How many there are under a name. */
export interface LetterCount {
  name: string;
  count: number;
}

/** What there is; letters are named by their ids. */
export interface LetterStats {
  byEventType: LetterCount[];
  /** Counts error entries. */
  byErrorKind: LetterCount[];
  averageAttempts: number;
  oldest: string | null;
  /** Up to ten, newest first. */
  recent: string[];
}

/** What has happened; `filed + restored = evicted + expired + removed + letters`. */
export interface LetterCounters {
  filed: number;
  restored: number;
  evicted: number;
  expired: number;
  removed: number;
}

/**
 * What is kept, what leaves and what matches. The letters themselves are JavaScript's, by event id: whoever calls drops
 * those that the book names as evicted or expired. Times are milliseconds since the epoch.
 */
export interface DeadLetterBookHandle {
  file(now: number, id: string, failure: LetterFailure): LetterFiled;
  /** Puts a kept letter back unless it is here; answers the ids that left to make room (its own, if it is the oldest). */
  restore(letter: StoredLetter): string[];
  /** Takes a letter out if it may go back into a queue. */
  take(id: string): boolean;
  isReprocessable(id: string): boolean;
  /** Takes a letter out, whatever its standing. */
  remove(id: string): boolean;
  /** Bars a letter from going back; null: there is no such letter. */
  poison(id: string, message: string): Pick<LetterFiled, 'tags' | 'droppedError'> | null;
  /** Ids in the order in which they were filed. */
  select(now: number, criteria: LetterCriteria): string[];
  /** `next`: `after` of the next page; null: this was the last. */
  page(limit: number, after: number, eventType: string | null): { ids: string[]; next: number | null };
  /** Takes out what has been kept for its time; answers the ids. */
  expire(now: number): string[];
  /** Milliseconds until the next sweep that finds something, a multiple of the interval; null: there is nothing. */
  sweepDelay(now: number, intervalMs: number): number | null;
  stats(): LetterStats;
  counters(): LetterCounters;
  /** Takes everything out; answers how many there were. */
  clear(): number;
}

export interface DeadLettersNative {
  DeadLetterBook: new (maxSize: number, retentionMs: number) => DeadLetterBookHandle;
}

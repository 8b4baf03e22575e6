/** A failure as the book files it. */
export interface LetterFailure {
  eventType: string;
  message: string;
  errorName: string;
  errorCode: string;
  attempts: number;
  /** After the tags of type and error. */
  tags: string[];
}

/** Which letters are meant; null matches all. */
export interface LetterCriteria {
  eventType?: string | undefined;
  errorType?: string | undefined;
  tag?: string | undefined;
  minAgeMs?: number | undefined;
  /** 0: no limit. */
  limit?: number | undefined;
  poisoned: boolean;
}

/** What is kept, what leaves and what matches; the letters themselves are JavaScript's. */
export interface DeadLetterBookHandle {
  /** Files a failure: whether it is new, which error entry left (-1: none), which letters left. */
  file(now: number, id: string, failure: LetterFailure): { isNew: boolean; droppedError: number; evicted: string[] };
  /** Puts a kept letter back; answers the ids of letters that left to make room. */
  restore(letter: {
    id: string;
    eventType: string;
    messages: string[];
    tags: string[];
    enteredAt: number;
    attempts: number;
    poisoned: boolean;
  }): string[];
  tags(id: string): string[];
  remove(id: string): boolean;
  poison(id: string, message: string): boolean;
  select(now: number, criteria: LetterCriteria): string[];
  /** `next` -1: this was the last page. */
  page(limit: number, after: number, eventType?: string): { ids: string[]; next: number };
  expire(now: number): string[];
  size(): number;
  evicted(): number;
  clear(): number;
}

export interface DeadLettersNative {
  DeadLetterBook: new (maxSize: number, retentionMs: number) => DeadLetterBookHandle;
}

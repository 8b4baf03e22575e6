import { requireFunction, requireInteger, requireString } from './validate';
import type { DLQItem, DLQStats, DeadLetterCriteria, DeadLetterQueue, Requeue } from './dead-letter-queue';
import type { AnyEvent } from './events';

/** A page of dead letters. */
export interface DeadLetterPage {
  items: DLQItem[];
  /** Give this to `list` for the next page; undefined: this was the last. */
  nextCursor: string | undefined;
}

/** The dead letters of a runtime. */
export interface DeadLetters {
  /**
   * A page of dead letters in the order in which they were filed.
   *
   * @param options `limit` 1 to 10,000, default 50; `cursor` of the page before; `type` exactly
   */
  list(options?: { limit?: number; cursor?: string; type?: string }): DeadLetterPage;
  /** The dead letter of an event. */
  get(eventId: string): DLQItem | undefined;
  /** Puts an event back into the queue; false if it is unknown, poisoned, or refused by a full queue (then it stays). */
  reprocess(eventId: string): Promise<boolean>;
  /** Puts back what matches the criteria, or what the predicate is true for. Answers the events. */
  reprocessWhere(which: DeadLetterCriteria | ((item: DLQItem) => boolean)): Promise<AnyEvent[]>;
  /** Bars an event from going back. */
  markAsPoison(eventId: string, reason: string): Promise<void>;
  /** Removes what matches (everything without criteria), poisoned ones too. Answers how many. */
  purge(criteria?: DeadLetterCriteria): Promise<number>;
  /** Statistics of what is kept. */
  stats(): DLQStats;
}

/** Makes the `deadLetters` object of a runtime. Its methods work without it. */
export function deadLettersOf(queue: DeadLetterQueue, requeue: Requeue): DeadLetters {
  return {
    list({ limit = 50, cursor, type } = {}) {
      requireInteger('options.limit', limit, { min: 1, max: 10_000 });
      const after = cursor === undefined ? 0 : requireInteger('options.cursor', Number(cursor), { min: 0 });
      const { items, next } = queue.page(limit, after, type);
      return { items, nextCursor: next < 0 ? undefined : String(next) };
    },
    get: (eventId) => queue.get(requireString('eventId', eventId)),
    reprocess: (eventId) => queue.requeue(requireString('eventId', eventId), requeue),
    reprocessWhere(which) {
      if (typeof which !== 'function') return queue.requeueWhere(which, requeue);
      requireFunction('which', which);
      return queue.requeueItems(queue.select({}).filter((item) => which(item)), requeue);
    },
    markAsPoison: (eventId, reason) => queue.markAsPoison(requireString('eventId', eventId), reason),
    purge: (criteria = {}) => queue.purge(criteria),
    stats: () => queue.getDLQStats(),
  };
}

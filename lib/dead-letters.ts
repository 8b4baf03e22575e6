import { refuse, requireInteger, requireObject, requireText, warnOfUnknown } from './validate';
import type {
  DLQItem,
  DLQStats,
  DeadLetterCounters,
  DeadLetterCriteria,
  DeadLetterQueue,
  Requeue,
} from './dead-letter-queue';
import type { AnyEvent } from './events';

/** Which page of dead letters. */
export interface DeadLetterListOptions {
  /** Items of a page, 1 to 10,000. Default 50. */
  limit?: number | undefined;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
  /** Exactly this event type. */
  type?: string | undefined;
}

/** A page of dead letters. */
export interface DeadLetterPage {
  items: DLQItem[];
  /** Give this to `list` for the next page; undefined: this was the last. It stays right while items come and go. */
  nextCursor: string | undefined;
}

/** The dead letters of a runtime. Its methods work without it. */
export interface DeadLetters {
  /** A page of dead letters in the order in which they were filed. */
  list(options?: DeadLetterListOptions): DeadLetterPage;
  /** The dead letter of an event. */
  get(eventId: string): DLQItem | undefined;
  /**
   * Puts an event back into the queue, as it was first emitted and with a fresh count of attempts; its time to live begins
   * anew. False if it is unknown, poisoned, or refused by the queue (then it stays a dead letter).
   */
  reprocess(eventId: string): Promise<boolean>;
  /** Puts back what matches the criteria, or what the predicate is true for. Answers the events that are queued again. */
  reprocessWhere(which: DeadLetterCriteria | ((item: DLQItem) => boolean)): Promise<AnyEvent[]>;
  /** Bars an event from going back. Unknown ids are ignored. */
  markAsPoison(eventId: string, reason: string): Promise<void>;
  /** Removes what matches (everything without criteria), poisoned ones too. Answers how many. */
  purge(criteria?: DeadLetterCriteria): Promise<number>;
  /** What is kept, and what has happened since the start. */
  stats(): DLQStats & DeadLetterCounters;
}

/** Makes the `deadLetters` object of a runtime. */
export function deadLettersOf(queue: DeadLetterQueue, requeue: Requeue): DeadLetters {
  return {
    list(options = {}) {
      warnOfUnknown('deadLetters.list', requireObject('options', options), { limit: true, cursor: true, type: true });
      const limit = requireInteger('options.limit', options.limit ?? 50, { min: 1, max: 10_000 });
      const type = options.type === undefined ? null : requireText('options.type', options.type);
      const { items, next } = queue.page(limit, placeOf(options.cursor), type);
      return { items, nextCursor: next === null ? undefined : String(next) };
    },
    get: (eventId) => queue.get(eventId),
    reprocess: (eventId) => queue.requeue(eventId, requeue),
    async reprocessWhere(which) {
      if (typeof which !== 'function') return queue.requeueWhere(which, requeue);
      return queue.requeueIf((item) => requireVerdict(which(item)), requeue);
    },
    markAsPoison: (eventId, reason) => queue.markAsPoison(eventId, reason),
    purge: (criteria = {}) => queue.purge(criteria),
    stats: () => ({ ...queue.getDLQStats(), ...queue.getCounters() }),
  };
}

function placeOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const isOurs = typeof cursor === 'string' && /^\d{1,16}$/.test(cursor);
  return isOurs ? Number(cursor) : refuse('options.cursor', cursor, 'the nextCursor of an earlier page');
}

/** A promise is true, whatever it comes to: with an async predicate everything would match. */
function requireVerdict(verdict: unknown): boolean {
  const isPromise = typeof (verdict as PromiseLike<unknown> | null | undefined)?.then === 'function';
  return isPromise ? refuse('which', verdict, 'criteria, or a function that answers at once') : Boolean(verdict);
}

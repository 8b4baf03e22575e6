import type { AnyEvent } from '../events';

/** What is known of a stored event. Times are milliseconds since the epoch. */
export interface EventMetadata {
  eventId: string;
  eventType: string;
  /** The event's `ts`. */
  timestamp: number;
  processed: boolean;
  /** Deliveries. */
  processingAttempts: number;
  lastProcessedAt?: number;
}

/** Which events are replayed. */
export interface ReplayQuery {
  /** Bounds of the event's `ts`, both included, in milliseconds since the epoch. */
  fromMs: number;
  toMs: number;
  onlyUnprocessed: boolean;
  /** Only these types; undefined: all. */
  types: readonly string[] | undefined;
  /** Events in each list but the last. */
  batchSize: number;
}

/** Figures of an event store. Times are milliseconds since the epoch. */
export interface EventStoreStats {
  /** Events ever appended. */
  totalStoredEvents: number;
  /** Events that are there. */
  storedEvents: number;
  /** Of these, such as have not been marked as processed. */
  unprocessedEvents: number;
  /** Events that have fallen out because there were more than `maxStoredEvents`, or because the persistor has lost them. */
  droppedEvents: number;
  /** The least and the greatest `ts`; absent if nothing is stored. */
  oldestEventTimestamp?: number;
  newestEventTimestamp?: number;
}

/** Keeps events for replay, with what has become of them. */
export interface EventLog {
  /** Stores events; resolves when they are stored, rejects if they cannot be. */
  append(events: readonly AnyEvent[]): Promise<void>;
  /** The event is being delivered once more, by its runtime. Unknown ids are ignored. */
  attempted(eventId: string): void;
  /** The same by somebody else, where that has to be stored in another way. */
  noteAttempt?(eventId: string): void;
  /** The events have been processed; unknown ids are ignored. Resolves when that is stored, rejects if it cannot be. */
  mark(eventIds: readonly string[]): Promise<void>;
  /** Lists of the events that match, in the order of appending; those appended after the call are not among them. */
  replay(query: ReplayQuery): AsyncGenerator<AnyEvent[]>;
  /** What is known of an event; undefined: it is not there. */
  metadata(eventId: string): Promise<EventMetadata | undefined>;
  stats(): Promise<EventStoreStats>;
  /** Forgets processed events whose `ts` is before this time; answers how many. */
  cleanup(beforeMs: number): Promise<number>;
  /** Resolves when everything so far is stored. Never rejects. */
  flush(): Promise<void>;
  /** As `flush`, and releases what the log has opened itself. */
  close(): Promise<void>;
}

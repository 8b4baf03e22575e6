import type { DeadLetters } from './dead-letters';
import type { EventStore, ReplayOptions } from './event-store';
import type { JournalCompaction, PersistenceStats } from './durability/durable-log';
import type { LatencyStats } from './engine/latency-groups';
import type { NativeJournalStats } from './native/journal';
import type { AnyEvent, DeliveryGuarantee, TEvent } from './events';
import type { EventPayloads, EventType } from './event-types';
import type { EventExplanation } from './explain';
import type { EventPattern, OnOptions } from './handlers';
import type { MemoryMonitorStats } from './memory-monitor';
import type { StatsOptions } from './metrics/snapshots';
import type { EnhancedEventQueue, QueueItemSnapshot } from './queue';
import type { QueueStats, RetryStats } from './queue-stats';
import type { DLQStats, DeadLetterCriteria } from './dead-letter-queue';
import type { RecentEvent } from './recent-events';
import type { EventRetryPolicy } from './retry-policy';
import type { EventStream } from './streams/event-stream';
import type { SubscribedStream } from './streams/subscribed-stream';
import type { StreamStats } from './streams/scope';
import type { WaitOptions } from './wait-for';
import type { SignalOptions, StreamSource, SubscriptionOptions } from './streams/types';

/** Event types without declared data: any name, any data. */
export type LooseEvents = EventPayloads;

type IsLoose<Events> = [Events] extends [LooseEvents] ? true : false;
/** Names of event types. */
export type NameIn<Events> = IsLoose<Events> extends true ? EventType : keyof Events & string;
/** Data of an event type, as a handler gets it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type DataIn<Events, T extends string> = T extends keyof Events ? Events[T] : any;
/** Data of an event type, as `emit` takes it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type DataToEmit<Events, T extends string> = IsLoose<Events> extends true ? any : DataIn<Events, T>;

/** Names of event types whose data may be left out. */
export type NameWithoutData<Events> =
  IsLoose<Events> extends true
    ? EventType
    : { [Name in NameIn<Events>]-?: undefined extends DataIn<Events, Name> ? Name : never }[NameIn<Events>];

/** The `type` of the events that a name or pattern stands for: those of a pattern have many. */
export type TypeIn<T extends string> = T extends `${string}*${string}` ? EventType : T;

/** An event as `on`, `waitFor` and `subscribe` give it for a name or pattern. */
export type EventIn<Events, T extends string> = TEvent<TypeIn<T>, DataIn<Events, T>>;

/** What `on` takes besides names. Where events are declared, text without a `*` that is none of their names is a mistake. */
export type PatternIn<Events> = IsLoose<Events> extends true ? EventPattern : `${string}*${string}` | RegExp;

/** A handler of a runtime. With a second parameter it gets a signal that aborts at a timeout, cancellation and shutdown. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type RuntimeHandler<E extends AnyEvent> = (event: E, signal: AbortSignal) => any;

/** Options of `emit`. */
export interface EmitOptions {
  /** Higher runs first; any number. Default 0. */
  priority?: number;
  correlationId?: string;
  /** Default: the runtime's. Tenants of one priority take turns. */
  tenantId?: string;
  deliveryGuarantee?: DeliveryGuarantee;
  /** Limit of each handler run of this event, in milliseconds. */
  timeout?: number;
  /** Replaces the runtime's redelivery policy. */
  retryPolicy?: EventRetryPolicy;
  /** Milliseconds before which it does not start. */
  delayMs?: number;
  /** Milliseconds after which it does not start any more. */
  ttlMs?: number;
  /** Events of one key never run at the same time and never overtake each other, redeliveries included. */
  orderingKey?: string;
  /** An event with a key that has been seen is refused. */
  idempotencyKey?: string;
  /** Takes the event out when it aborts; aborts its handlers if they run, and then it is not delivered again. */
  signal?: AbortSignal;
  /** Collect it with others. */
  batch?: boolean;
  /** Events that make a batch. */
  batchSize?: number;
  /** Milliseconds after its first event when the batch is flushed. */
  batchTimeout?: number;
  /** Flush the batch with this event. */
  flushBatch?: boolean;
}

/** What became of an emitted event. */
export interface EmitResult {
  success: boolean;
  eventId: string;
  /** Whether it is in the queue. */
  queued: boolean;
  correlationId?: string;
  /** Why it was refused: an error with `code` and `context.reason`. */
  error?: Error;
}

/** One event of `emitMany`. */
export type EmitEntry<Events = LooseEvents, T extends string = NameIn<Events>> =
  IsLoose<Events> extends true
    ? EmitEntryOf<T, { data?: DataToEmit<Events, T> }>
    : T extends NameWithoutData<Events>
      ? EmitEntryOf<T, { data?: DataToEmit<Events, T> }>
      : T extends unknown
        ? EmitEntryOf<T, { data: DataToEmit<Events, T> }>
        : never;

type EmitEntryOf<T extends string, Data> = { type: T; options?: EmitOptions } & Data;

/** What a call of `process` has done. */
export interface ProcessResult {
  /** Events whose handlers succeeded. */
  processed: number;
  /** Events acknowledged. */
  acked: number;
  /** Attempts that failed. */
  failed: number;
  /** Redeliveries scheduled. */
  retried: number;
  /** Events given up. */
  deadLettered: number;
}

/** Options of `process`. */
export interface ProcessOptions {
  withStats?: boolean;
  /** Starts no more events than this. */
  maxEvents?: number;
  /** Resolves after so many milliseconds; handlers that run go on. */
  timeoutMs?: number;
  /** Resolves when it aborts; handlers that run go on. */
  signal?: AbortSignal;
}

/**
 * Options of `subscribe`: `buffer` events wait for the reader at most (1024); `overflow` says what gives way ('drop-oldest').
 * With 'wait' the handlers of an event wait until the buffer has room for it: a slow reader slows the runtime.
 */
export type SubscribeOptions = Omit<SubscriptionOptions, 'onClose'>;

/** Options of `drain`. */
export interface DrainCallOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Statistics of a runtime. Counters never fall; the rest is the state at the call. */
export interface RuntimeStats {
  queue: QueueStats;
  processor: {
    /** Exact types that have handlers. */
    registeredHandlers: number;
    wildcardHandlers: number;
    patternHandlers: number;
    /** Registrations of handlers. */
    activeHandlers: number;
    /** Root events whose handlers have begun. */
    processedEvents: number;
    /** Returned events that are being run now. */
    currentDepth: number;
    /** Recent events remembered, and how many can be. */
    bufferSize: number;
    bufferCapacity: number;
    operationTimeoutMs: number;
  };
  stream: StreamStats;
  memory: MemoryMonitorStats;
  /** Queue wait, handler time and end-to-end time; null where they are not recorded. */
  latency: LatencyStats | null;
  delivery: { pendingAcks: number; enableAcks: boolean; ackTimeout: number; maxRetries: number };
  runtime: { executionId: string; persistorType: string; tenantId: string };
  dlq: DLQStats | null;
  retry: RetryStats | null;
  /** What is kept of waiting events. */
  persistence: PersistenceStats;
  /** Figures of the journal; null without one. */
  journal: JournalStats | null;
  circuitBreaker: QueueStats['circuitBreaker'];
}

/** Figures of a journal. */
export type JournalStats = NativeJournalStats;

/** Events and workflows in this process. Made by `createRuntime`. No method depends on `this`. */
export interface Runtime<Events = LooseEvents> {
  /**
   * Runs `handler` for events of a type, or of a pattern: `'*'`, `'user.*'`, a regular expression. Patterns run after the
   * exact handlers.
   *
   * @returns a function that removes this registration
   */
  on<T extends NameIn<Events>>(type: T, handler: RuntimeHandler<EventIn<Events, T>>, options?: OnOptions): () => void;
  on<T extends NameIn<Events>>(
    type: T,
    handler: (event: EventIn<Events, T>) => unknown,
    options?: OnOptions,
  ): () => void;
  on(type: PatternIn<Events>, handler: RuntimeHandler<AnyEvent>, options?: OnOptions): () => void;
  /** As `on`, until the handler has succeeded once. */
  once<T extends NameIn<Events>>(type: T, handler: RuntimeHandler<EventIn<Events, T>>, options?: OnOptions): () => void;
  once<T extends NameIn<Events>>(
    type: T,
    handler: (event: EventIn<Events, T>) => unknown,
    options?: OnOptions,
  ): () => void;
  once(type: PatternIn<Events>, handler: RuntimeHandler<AnyEvent>, options?: OnOptions): () => void;
  /** Removes every registration of `handler` for `type`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  off(type: NameIn<Events> | PatternIn<Events>, handler: (...args: any[]) => unknown): void;

  /** Queues an event whose data may be left out. */
  emit(type: NameWithoutData<Events>): EmitResult;
  /** Queues an event; it is in the queue when this returns. Never throws: a refusal is in the result. */
  emit<T extends NameIn<Events>>(type: T, data: DataToEmit<Events, T>, options?: EmitOptions): EmitResult;
  /** As `emit` of an event whose data may be left out. */
  emitAsync(type: NameWithoutData<Events>): Promise<EmitResult>;
  /**
   * As `emit`; with `overflow: 'wait'` it waits for room. With a journal it resolves when the event is durable; if that
   * fails, the event is not accepted and `error.code` is JOURNAL_FAILED. Never rejects.
   */
  emitAsync<T extends NameIn<Events>>(type: T, data: DataToEmit<Events, T>, options?: EmitOptions): Promise<EmitResult>;
  /** Emits many events at once. */
  emitMany(entries: readonly EmitEntry<Events>[]): EmitResult[];
  /** Queues an event that exists; one whose id is known already is refused. */
  emitEvent(event: AnyEvent, options?: EmitOptions): EmitResult;

  /** Runs what is ready, and what comes meanwhile; resolves when nothing is ready or running. */
  process(): Promise<void>;
  process(withStats: false): Promise<void>;
  process(withStats: true): Promise<{ processed: number; acked: number; failed: number }>;
  process(options: ProcessOptions): Promise<ProcessResult>;
  process(withStats?: boolean): Promise<void | { processed: number; acked: number; failed: number }>;
  /** The same as `process(true)`. */
  processWithAcks(): Promise<{ processed: number; acked: number; failed: number }>;
  /** Processes until nothing waits, delays and redeliveries included. `remaining`: events that still wait. */
  drain(options?: DrainCallOptions): Promise<ProcessResult & { remaining: number }>;
  /** Processes continuously, from now until `stop`. */
  start(): void;
  /** Starts nothing more; resolves when what runs has ended. */
  stop(): Promise<void>;
  /** Resolves when nothing is ready or running. */
  idle(): Promise<void>;
  /** Makes everything so far durable, completions too. At once without a journal. @throws RuntimeError JOURNAL_FAILED */
  flush(): Promise<void>;
  /**
   * Gives room that a journal has in its file and does not use back to the file system, in pieces between which events go on being
   * accepted. It also happens by itself, but for the last 4 MiB. Zeros without a journal. @throws RuntimeError JOURNAL_FAILED
   */
  compactJournal(): Promise<JournalCompaction>;
  /**
   * Events that an earlier process had accepted and not finished, and that are in the queue again: those of a journal at
   * once, those of a persistor when `ready()` has resolved.
   */
  readonly recovered: number;
  /** Resolves when what a persistor keeps is back. `process()` waits for it by itself. */
  ready(): Promise<void>;
  /** Resolves with the next event of a type (or pattern) that is processed and passes `filter`. */
  waitFor<T extends NameIn<Events>>(type: T, options?: WaitOptions<EventIn<Events, T>>): Promise<EventIn<Events, T>>;
  waitFor(pattern: PatternIn<Events>, options?: WaitOptions): Promise<AnyEvent>;
  /**
   * Takes a waiting event out, or aborts the handlers of a running one that take a signal: true if it could. A running one is
   * not delivered again, whatever becomes of it.
   */
  cancel(eventId: string): boolean;

  /** Acknowledges a delivery. Resolves for unknown ids too. */
  ack(eventId: string): Promise<void>;
  /** Refuses a delivery: it counts as failed. Resolves for unknown ids too. */
  nack(eventId: string, error?: Error): Promise<void>;

  /** A stream of what `source` yields: a generator function, an iterable, an array, a readable stream. Nothing runs before it is iterated. */
  createStream<T = AnyEvent>(source: StreamSource<T>, options?: SignalOptions): EventStream<T>;
  /** A stream, for one reader, of the events of a type or pattern that the runtime processes from now on. */
  subscribe<T extends NameIn<Events>>(type: T, options?: SubscribeOptions): SubscribedStream<EventIn<Events, T>>;
  subscribe(pattern: PatternIn<Events>, options?: SubscribeOptions): SubscribedStream<AnyEvent>;
  /** Makes an event. */
  createEvent<T extends NameIn<Events>>(type: T, data?: DataToEmit<Events, T>): TEvent<T, DataIn<Events, T>>;
  /** A new runtime of the same configuration for a tenant: own queue, handlers, statistics, middleware state. */
  forTenant(tenantId: string): Runtime<Events>;

  /** Statistics as they are now; a copy. */
  getStats(): RuntimeStats;
  /** The statistics for scrapers. */
  readonly metrics: {
    /** Counters, gauges and times in the text format of Prometheus; content type `text/plain; version=0.0.4`. */
    prometheus(): string;
  };
  /**
   * Statistics at once, then every `intervalMs` (1000), and once more when the runtime has been cleaned up, which ends the
   * iteration, as `signal` does. Keeps no process alive.
   */
  stats(options?: StatsOptions): AsyncGenerator<RuntimeStats, void, void>;
  /**
   * Where an event is and what has happened to it: for live events, dead letters, and the 10,000 that began processing last;
   * undefined for others. For people: the first call makes each later event a little dearer, as `cancel` does.
   */
  explain(eventId: string): EventExplanation | undefined;
  /** Events that have begun processing, newest first. */
  getRecentEvents(limit?: number): RecentEvent[];
  /** Waiting events in the order in which they would run. */
  getQueueSnapshot(limit?: number): QueueItemSnapshot[];
  /** The runtime's queue. */
  getEnhancedQueue(): EnhancedEventQueue;
  /** The event store, or null. */
  getEventStore(): EventStore | null;
  /** Events kept for replay, in batches. */
  replayEvents(from: number, options?: ReplayOptions): AsyncGenerator<AnyEvent[]>;

  /** The dead letters. */
  readonly deadLetters: DeadLetters;
  /** Puts a dead letter back into the queue. */
  reprocessFromDLQ(eventId: string): Promise<boolean>;
  /** Puts back the dead letters that match. */
  reprocessDLQByCriteria(criteria?: DeadLetterCriteria): Promise<{ reprocessedCount: number; events: AnyEvent[] }>;

  /** Empties the queue, the deduplication window, the pending acks and the handlers. The runtime stays usable. */
  clear(): void;
  /** Ends the runtime: waits up to `timeoutMs` (default 5000) for what runs, then aborts it. May be called again. */
  cleanup(options?: { timeoutMs?: number }): Promise<void>;
  /** `cleanup()`, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

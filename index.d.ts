// Generated from lib/ by `npm run build:types`. Change the sources, not this file.

import { Readable } from 'node:stream';

declare class Cancellation {
  #private;
  constructor(outer: Cancel | undefined);
  get aborted(): boolean;
  get reason(): unknown;
  get signal(): AbortSignal;
  abort(reason: unknown): void;
  /** Calls `listener` once at the abort; answers how to prevent it. */
  onAbort(listener: Listener): Listener;
  /** What it was for is over: the outer one keeps nothing of it. */
  release(): void;
}
declare const ENGINE_CODES: readonly [
  "AGENT_ERROR",
  "TOOL_ERROR",
  "WORKFLOW_ERROR",
  "STEP_FAILED",
  "TOOL_NOT_FOUND",
  "INVALID_TOOL_INPUT",
  "AGENT_TIMEOUT",
  "WORKFLOW_CYCLE_DETECTED",
  "EXECUTION_TIMEOUT",
  "AGENT_LOOP_DETECTED",
  "ENGINE_AGENT_INITIALIZATION_FAILED",
  "ENGINE_TOOL_EXECUTION_TIMEOUT",
  "ENGINE_WORKFLOW_VALIDATION_FAILED",
  "ENGINE_PLANNING_FAILED",
  "ENGINE_ROUTING_FAILED",
  "ENGINE_COORDINATION_FAILED",
  "LLM_ERROR"
];
declare const FACTORY_DEFAULTS: unique symbol;
declare const KERNEL_CODES: readonly [
  "RETRY_EXCEEDED",
  "TIMEOUT_EXCEEDED",
  "ABORTED",
  "VALIDATION_ERROR",
  "UNKNOWN",
  "INTERNAL_ERROR",
  "KERNEL_QUOTA_EXCEEDED",
  "KERNEL_CONTEXT_CORRUPTION",
  "KERNEL_STATE_SYNC_FAILED",
  "KERNEL_INITIALIZATION_FAILED",
  "KERNEL_SHUTDOWN_FAILED",
  "KERNEL_OPERATION_TIMEOUT"
];
declare const MIDDLEWARE_CODES: readonly [
  "CONCURRENCY_DROP",
  "CONCURRENCY_TIMEOUT",
  "CONCURRENCY_LIMIT_EXCEEDED",
  "SCHEDULE_ERROR",
  "STATE_ERROR",
  "MIDDLEWARE_INIT_ERROR",
  "MIDDLEWARE_VALIDATION_FAILED",
  "MIDDLEWARE_RETRY_EXCEEDED",
  "MIDDLEWARE_CIRCUIT_BREAKER_OPEN",
  "MIDDLEWARE_TIMEOUT_ERROR",
  "MIDDLEWARE_RATE_LIMIT_EXCEEDED"
];
declare const ORCHESTRATION_CODES: readonly [
  "ORCHESTRATION_AGENT_NOT_FOUND",
  "ORCHESTRATION_TOOL_NOT_FOUND",
  "ORCHESTRATION_WORKFLOW_NOT_FOUND",
  "ORCHESTRATION_INVALID_CONFIGURATION",
  "ORCHESTRATION_TENANT_NOT_FOUND",
  "ORCHESTRATION_PERMISSION_DENIED",
  "ORCHESTRATION_RESOURCE_LIMIT_EXCEEDED",
  "ORCHESTRATION_OPERATION_FAILED"
];
declare const RUNTIME_CODES: readonly [
  "EVENT_LOOP_DETECTED",
  "EVENT_CHAIN_TOO_LONG",
  "CIRCULAR_EVENT_DETECTED",
  "CONTEXT_NOT_INITIALIZED",
  "WORKFLOW_ABORTED",
  "BUFFER_OVERFLOW",
  "HANDLER_NOT_FOUND",
  "STREAM_ERROR",
  "RUNTIME_EVENT_PROCESSING_TIMEOUT",
  "RUNTIME_MIDDLEWARE_CHAIN_BROKEN",
  "RUNTIME_STREAM_BUFFER_FULL",
  "RUNTIME_EVENT_QUEUE_FULL",
  "RUNTIME_MEMORY_EXCEEDED",
  "RUNTIME_PROCESSING_FAILED",
  "INVALID_CONFIGURATION",
  "INVALID_ARGUMENT",
  "EVENT_TOO_LARGE",
  "DUPLICATE",
  "EVENT_EXPIRED",
  "EVENT_CANCELLED",
  "RUNTIME_SHUTTING_DOWN",
  "RATE_LIMITED",
  "ACK_TIMEOUT",
  "NACKED",
  "HANDLERS_FAILED",
  "WAIT_TIMEOUT",
  "CIRCUIT_BREAKER_OPEN",
  "NOT_SERIALIZABLE",
  "JOURNAL_FAILED",
  "JOURNAL_FULL",
  "JOURNAL_LOCKED",
  "JOURNAL_CORRUPT",
  "JOURNAL_VERSION",
  "PERSISTOR_FAILED",
  "PERSISTOR_FULL"
];
declare const SPANS: readonly [
  "parent",
  "link",
  "off"
];
declare const STATES: readonly [
  "closed",
  "open",
  "half-open"
];
declare const STREAMS: readonly [
  "child",
  "all",
  "off"
];
declare function keyByEventType(event: any): string;
/** The base of all errors that the runtime raises itself: a stable `code`, a message that says what to do, `cause`. */
export declare abstract class BaseSDKError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly context: Record<string, unknown> | undefined;
  readonly recoverable: boolean;
  readonly retryable: boolean;
  /** When it was made, in milliseconds since the epoch. */
  readonly timestamp: number;
  readonly cause: unknown;
  constructor(options: {
    code: Code;
    message?: string;
  } & SDKErrorOptions);
  /** A plain object for logs; a `cause` that is an Error becomes its name, message and stack. */
  toJSON(): Record<string, unknown>;
}
/**
 * Stops calling what keeps failing. Closed, it lets all calls through; failures in a row or a failure rate open it; after
 * `recoveryTimeout` the first calls are probes, and enough successful ones close it.
 */
export declare class CircuitBreaker {
  #private;
  /** @throws RuntimeError INVALID_CONFIGURATION naming the option */
  constructor(observability: unknown, config: CircuitBreakerConfig);
  /** Its name. */
  get name(): string;
  /**
   * Runs `operation`, or refuses to. Never rejects: the result says what happened. An operation that declares a parameter
   * gets a signal, aborted when `operationTimeout` is over.
   */
  execute<T>(operation: Operation<T>, context?: unknown): Promise<CircuitResult<T>>;
  /** As {@link execute}, for an operation that takes our kind of signal. */
  guard<T>(run: (cancel: Cancel) => unknown, outer: Cancel | undefined, context: unknown): Promise<CircuitResult<T>>;
  /** Opens it; nothing if it is open. */
  readonly forceOpen: () => void;
  /** Closes it; nothing if it is closed. */
  readonly forceClose: () => void;
  /** Closes it and forgets all counts; tells `onStateChange` also if it was closed. */
  readonly reset: () => void;
  readonly getState: () => CircuitState;
  readonly isOpen: () => boolean;
  readonly isClosed: () => boolean;
  readonly isHalfOpen: () => boolean;
  /** Counts since creation or reset. */
  readonly getMetrics: () => CircuitMetrics;
}
/** Circuits by name. At most 1000: the least recently used closed one goes first. */
export declare class CircuitBreakerManager {
  #private;
  constructor(observability?: unknown);
  /** The circuit of this name, made if there is none; the configuration of one that exists stays. */
  readonly getCircuit: (config: CircuitBreakerConfig) => CircuitBreaker;
  /** All circuits by name. */
  readonly getAllCircuits: () => Map<string, CircuitBreaker>;
  /** Closes all and forgets their counts. */
  readonly resetAll: () => void;
  /** Counts of all by name. */
  readonly getAllMetrics: () => Record<string, CircuitMetrics>;
}
/** Conditions for conditional middleware; {@link conditionUtils} is one. */
export declare class ConditionUtilsImpl implements ConditionUtils {
  readonly forEventTypes: (types: readonly string[]) => MiddlewareCondition;
  readonly forPriority: (min: number, max?: number) => MiddlewareCondition;
  readonly forEventSize: (min: number, max?: number) => MiddlewareCondition;
  readonly forMetadata: (key: string, value: unknown) => MiddlewareCondition;
  readonly forContext: (predicate: (context: MiddlewareContext) => boolean | Promise<boolean>) => MiddlewareCondition;
  readonly forTimeWindow: (start: number, end: number) => MiddlewareCondition;
  readonly forOrigin: (origins: readonly string[]) => MiddlewareCondition;
  readonly forTenant: (tenants: readonly string[]) => MiddlewareCondition;
  readonly and: (...conditions: MiddlewareCondition[]) => MiddlewareCondition;
  readonly or: (...conditions: MiddlewareCondition[]) => MiddlewareCondition;
  readonly not: (condition: MiddlewareCondition) => MiddlewareCondition;
  readonly withProbability: (probability: number) => MiddlewareCondition;
  readonly forCriticalEvents: () => MiddlewareCondition;
  readonly forDebugEvents: () => MiddlewareCondition;
  readonly forProductionEvents: () => MiddlewareCondition;
}
/** Runs lists of conditional middleware. */
export declare class ConditionalMiddlewareExecutor {
  #private;
  constructor(observability?: unknown);
  /**
   * Runs those whose conditions hold, lower priority numbers first. `next` may be called again and runs the rest again.
   *
   * @throws what a middleware throws and nobody around it catches
   */
  execute(list: readonly ConditionalMiddleware[], context: MiddlewareContext): Promise<void>;
  /** Counts by name. */
  getStats(): Record<string, ConditionalStats>;
  /** Forgets the counts. */
  clearStats(): void;
}
/** Makes the usual conditional middleware. */
export declare class ConditionalMiddlewareFactory {
  #private;
  constructor(observability?: unknown);
  /** Tries the rest of the chain again when it fails. For critical events. */
  createRetryMiddleware(config?: ConditionalRetryConfig): Made;
  /** Ends the rest of the chain when it takes too long. For types `api` and `external`. */
  createTimeoutMiddleware(config?: ConditionalTimeoutConfig): Made;
  /** Refuses what exceeds the limit: `CONCURRENCY_LIMIT_EXCEEDED`. For types `database` and `external`. */
  createConcurrencyMiddleware(config?: ConditionalConcurrencyConfig): Made;
  /** Logs begin, end and failure of the rest of the chain. For a tenth of the events, by chance. */
  createObservabilityMiddleware(config?: ConditionalObservabilityConfig): Made;
  /** Refuses events whose data the schema, or which `validateEvent`, does not accept. For types `user-input` and `api`. */
  createValidationMiddleware(config?: ConditionalValidationConfig): Made;
  /** Any middleware, always unless told otherwise. */
  createCustomMiddleware(middleware: MiddlewareFunction, config?: MiddlewareConfig): Made;
}
/**
 * Events that have finally failed, bounded in number and age. What is kept, what leaves and what matches is decided in
 * the core; this class holds the events. No method depends on `this`.
 *
 * @example
 * const dlq = new DeadLetterQueue(observability, persistor, 'orders', { maxDLQSize: 500 });
 * await dlq.ready();
 * await dlq.sendToDLQ(event, error, 3, { originalPriority: 1 });
 * const events = await dlq.reprocessByCriteria({ tag: 'error:timeouterror', limit: 10 });
 */
export declare class DeadLetterQueue {
  #private;
  /**
   * @param observability any logger; see `createRuntime`
   * @param persistor where items are kept between runs
   * @param xcId whose items they are; without it nothing is persisted
   * @throws RuntimeError INVALID_CONFIGURATION
   */
  constructor(observability?: unknown, persistor?: Persistor | null, xcId?: string | null, config?: DLQConfig);
  /**
   * Files an event that has failed for good. It is here when this returns; the promise resolves when it is stored, where
   * there is a persistor, also if storing fails (that is logged and counted).
   *
   * @param attempts attempts made
   */
  sendToDLQ(event: AnyEvent, error: unknown, attempts: number, context?: DLQContext): Promise<void>;
  /** Bars an event from going back. Unknown ids are ignored. */
  markAsPoison(eventId: string, reason: string): Promise<void>;
  /** Removes and returns an event; it is not queued. Null if it is unknown, or poisoned (then it stays). */
  reprocessFromDLQ(eventId: string): Promise<AnyEvent | null>;
  /** Removes and returns the events that match all criteria, in the order in which they were filed. */
  reprocessByCriteria(criteria?: DeadLetterCriteria): Promise<AnyEvent[]>;
  /** Removes everything; answers how many items there were. */
  clearDLQ(): Promise<number>;
  /** Statistics of what is kept. */
  getDLQStats(): DLQStats;
  /** What has happened since the start. */
  getCounters(): DeadLetterCounters;
  /** Resolves when what was stored earlier is here. Never rejects. Methods that take out or mark wait for it by themselves. */
  ready(): Promise<void>;
  /** Resolves when everything so far has been written to the persistor. Never rejects. */
  flush(): Promise<void>;
  /** Stops the sweep. Items stay and can be read. May be called again. */
  destroy(): void;
}
/** An `EventQueue` whose waiting events are kept in a persistor and come back; without redelivery and dead letters. */
export declare class DurableEventQueue extends EventQueue {
  constructor(observability?: unknown, persistor?: Persistor, executionId?: string, config?: EventQueueConfig);
  protected withDefaults(config: EventQueueConfig): EventQueueConfig;
  /** What was brought back from the persistor. */
  getRecoveryStats(): RecoveryStats;
}
/** Raised by engines of the framework. */
export declare class EngineError extends BaseSDKError<EngineErrorCode> {
  constructor(code: EngineErrorCode, message?: string, options?: SDKErrorOptions);
}
/**
 * An `EventQueue` with redelivery and dead letters. `processAll` makes one attempt for each waiting event; what fails comes
 * back when its delay is over, for a later `processAll`.
 */
export declare class EnhancedEventQueue extends EventQueue {
  #private;
  constructor(observability?: unknown, persistor?: Persistor, executionId?: string, config?: EventQueueConfig);
  protected withDefaults(config: EventQueueConfig): EventQueueConfig;
  /** The queue's dead letters. */
  getDLQ(): DeadLetterQueue;
  /** Puts a dead letter back with its priority and a fresh attempt count. False if unknown, poisoned or refused. */
  reprocessFromDLQ(eventId: string): Promise<boolean>;
  /** Puts back the dead letters that match all criteria. */
  reprocessDLQByCriteria(criteria?: DeadLetterCriteria): Promise<{
    reprocessedCount: number;
    events: AnyEvent[];
  }>;
  /** What was brought back from the persistor. */
  getRecoveryStats(): RecoveryStats;
}
/**
 * A queue of events by priority, bounded and deduplicated, on the core of the runtime. Usable alone.
 *
 * @example
 * const queue = new EventQueue(undefined, { maxQueueDepth: 1000 });
 * await queue.enqueue(createEvent('user.created', { id: 1 }), 5);
 * await queue.processAll(async (event) => save(event.data));
 */
export declare class EventQueue {
  #private;
  protected readonly batchSize: number;
  protected readonly config: EventQueueConfig;
  constructor(observability?: unknown, config?: EventQueueConfig);
  /** Defaults of a kind of queue. */
  protected withDefaults(config: EventQueueConfig): EventQueueConfig;
  /**
   * Puts an event in; it is in the queue when this returns.
   *
   * @param priority higher runs first; any number, default 0
   * @returns whether it was accepted: false when the queue is full, the event too large or known already, or no event with
   *   an id and a type. Never rejects.
   */
  enqueue(event: AnyEvent, priority?: number): Promise<boolean>;
  /** Removes and returns the first event, or null. It may be enqueued again. */
  dequeue(): AnyEvent | null;
  /** The first event, or null; it stays. */
  peek(): AnyEvent | null;
  /** Runs one batch. Answers how many events were attempted; 0 if none waits or another batch or drain runs. */
  processBatch(fn: QueueProcessor): Promise<number>;
  /** Runs what is ready, and what comes meanwhile. Answers how many attempts were made; at once 0 if a drain runs. */
  processAll(fn: QueueProcessor): Promise<number>;
  /** Empties the queue and the deduplication window. */
  clear(): void;
  /** Empties the queue and releases what it holds; nothing is accepted any more. */
  destroy(): void;
  /** The event store, if there is one. */
  getEventStore(): EventStore | undefined;
  /** Events kept by the event store, in lists; none without one. */
  replayEvents(from: number, options?: ReplayOptions): AsyncGenerator<AnyEvent[]>;
  /** Whether nothing waits. */
  isEmpty(): boolean;
  /** Whether emitters should slow down: memory, processors or depth are at their limit. */
  isFull(): boolean;
  /** Statistics; cheap to call. */
  getStats(): QueueStats;
  /** Up to `limit` waiting events in the order in which they would run. */
  getQueueSnapshot(limit?: number): QueueItemSnapshot[];
}
/**
 * Events kept for replay, and what has become of them. No method depends on `this`.
 *
 * @example
 * const store = createEventStore(observability, { executionId: 'orders', persistor });
 * await store.appendEvents([event]);
 * await store.markEventsProcessed([event.id]);
 * for await (const events of store.replayFromTimestamp(0, { onlyUnprocessed: false })) again(events);
 */
export declare class EventStore {
  #private;
  /** @throws RuntimeError INVALID_CONFIGURATION */
  constructor(observability: unknown, config: EventStoreConfig);
  /** Whether events are stored at all. */
  get isEnabled(): boolean;
  /** Stores events; resolves when they are stored, rejects as the persistor does. They are stored as they are now. */
  appendEvents: (events: readonly AnyEvent[]) => Promise<void>;
  /** Marks events as processed; unknown ids are ignored. Resolves when that is stored. */
  markEventsProcessed: (eventIds: readonly string[]) => Promise<void>;
  /**
   * Counts a delivery of an event, and stores that a moment later. Unknown ids are ignored. The deliveries of a runtime's own
   * queue are counted by themselves.
   */
  recordAttempt: (eventId: string) => void;
  /** What is known of an event; undefined: it is not there. */
  getEventMetadata: (eventId: string) => Promise<EventMetadata | undefined>;
  /**
   * Lists of the events whose `ts` is `from` or later, in the order of appending. They are given back, nothing is queued.
   * Events appended after the call are not among them.
   *
   * @param from milliseconds since the epoch
   */
  replayFromTimestamp: (from: number, options?: ReplayOptions) => AsyncGenerator<AnyEvent[]>;
  /** The unprocessed events of the last hour. */
  replayUnprocessed: (batchSize?: number) => AsyncGenerator<AnyEvent[]>;
  /** Figures of all stored events. */
  getStats: () => Promise<EventStoreStats>;
  /** Forgets processed events that are older than that many milliseconds (default 7 days); answers how many. */
  cleanup: (olderThanMs?: number) => Promise<number>;
  /** Resolves when everything so far is stored. Never rejects. */
  flush: () => Promise<void>;
  /** As `flush`, and releases the persistor, if the store has made it itself. */
  close: () => Promise<void>;
}
/**
 * A sequence of items that comes over time. Operators give new streams; nothing runs before a stream is iterated, and each
 * iteration is a run of its own that calls the generator function anew.
 *
 * A consumer pulls: a slow one slows the source. Whatever ends a run (the end, an error, `break`, a signal, `cleanup`)
 * closes its sources. Functions that are passed get exactly one argument; a promise that they return is awaited. An error
 * that they throw ends the stream, after the items before it. Every operator and consumer takes `{ signal }` last: when it
 * aborts, that stream ends as if its source had ended.
 */
export declare class EventStream<T = AnyEvent> implements AsyncIterable<T> {
  #private;
  /** Begins a run: what `for await` calls. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>;
  /** Items for which `predicate` is truthy. A type guard narrows the type. */
  filter<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): EventStream<S>;
  filter(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T>;
  /** Two streams: of the items for which `predicate` is truthy, and of the others. Each runs the source for itself. */
  partition<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): [
    EventStream<S>,
    EventStream<Exclude<T, S>>
  ];
  partition(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): [
    EventStream<T>,
    EventStream<T>
  ];
  /** `mapper(item)` */
  map<R>(mapper: (item: T) => R, options?: SignalOptions): EventStream<Awaited<R>>;
  /** The items unchanged, after `visit` has seen them. */
  tap(visit: (item: T) => unknown, options?: SignalOptions): EventStream<T>;
  /** Each state of a reduction: `reducer(state, item)`, beginning with `seed`. */
  scan<S>(reducer: (state: S, item: T) => Awaitable<S>, seed: S, options?: SignalOptions): EventStream<S>;
  /** Items up to and including the first match. */
  until(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T>;
  /** Items before the first match. */
  takeUntil(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T>;
  /** Items before the first that does not match. */
  takeWhile<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): EventStream<S>;
  takeWhile(predicate: (item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T>;
  /** The first `count` items. */
  take(count: number, options?: SignalOptions): EventStream<T>;
  /** All but the first `count` items. */
  skip(count: number, options?: SignalOptions): EventStream<T>;
  /**
   * Items whose key has not been seen. The keys seen last are remembered (`capacity`, default 10,000); those forgotten are
   * counted in the statistics.
   *
   * @param keyOf default: the item itself
   */
  distinct(keyOf?: (item: T) => unknown, options?: DistinctOptions): EventStream<T>;
  /** Items that differ from the one before. `equals` defaults to `Object.is`. */
  distinctUntilChanged(equals?: (previous: T, item: T) => Awaitable<unknown>, options?: SignalOptions): EventStream<T>;
  /**
   * Arrays of `size` items; one begins with every `every`-th item (default `size`: one after the other). With a smaller
   * `every` they overlap, with a larger one items between them are left out. At the end those that have begun come as they
   * are.
   */
  bufferCount(size: number, every?: number, options?: SignalOptions): EventStream<T[]>;
  /**
   * Each item goes through `middleware` wrapped around a handler that returns it. What comes back is handed on, no result
   * drops the item, an error ends the stream. As in a runtime's list a factory that is not called (`withRetry`) means its
   * defaults.
   */
  withMiddleware(middleware: StreamMiddleware, options?: SignalOptions): EventStream<T>;
  withMiddleware(factory: MiddlewareFactoryType, options?: SignalOptions): EventStream<T>;
  /** `mapper(item)` for up to `concurrency` items side by side; results in order of the items, or as they come. */
  mapAsync<R>(mapper: (item: T) => R, options?: MapAsyncOptions): EventStream<Awaited<R>>;
  /** All items of the stream (iterable, array ...) that `mapper` makes of one item, then those of the next. */
  concatMap<S extends StreamLike<unknown>>(mapper: (item: T) => Awaitable<S>, options?: SignalOptions): EventStream<ItemOf<S>>;
  /** Items of the streams (iterables, arrays ...) that `mapper` makes, up to `concurrency` of them at a time, as they come. */
  flatMap<S extends StreamLike<unknown>>(mapper: (item: T) => Awaitable<S>, options?: FlatMapOptions): EventStream<ItemOf<S>>;
  /** After an error: the items of the stream that `handler` makes of it; nothing more if it makes none. */
  catchError<S extends StreamLike<unknown> = never>(handler: (error: unknown) => Awaitable<S | void | null>, options?: SignalOptions): EventStream<T | ItemOf<S>>;
  /**
   * After an error the stream runs again from its beginning, up to `maxAttempts` times in all; items that have been handed
   * on come again.
   */
  retry(options?: number | RetryStreamOptions): EventStream<T>;
  /**
   * Of items that follow each other closely only the last, once there has been none for `ms` milliseconds. When the source
   * ends, the item that waits goes at once.
   */
  debounce(ms: number, options?: DebounceOptions): EventStream<T>;
  /** At most one item in `ms` milliseconds: by default the first, and what comes until they have passed is dropped. */
  throttle(ms: number, options?: ThrottleOptions): EventStream<T>;
  /**
   * Items together, as an event `stream.batch` that can be read like an array too. A batch goes when it has `size` items,
   * when `timeoutMs` milliseconds have passed since its first item, and at the end of the source. Never empty.
   *
   * @param size below 1 counts as 1
   */
  batch(size: number, timeoutMs?: number, options?: SignalOptions): EventStream<StreamBatch<T>>;
  /** The items of a window of time together, as an event `stream.batch`: tumbling, sliding or session windows. */
  window(options: WindowOptions): EventStream<StreamBatch<T>>;
  /** Each item `ms` milliseconds later. */
  delay(ms: number, options?: DelayOptions): EventStream<T>;
  /** Fails with `KernelError` TIMEOUT_EXCEEDED when an item that is waited for takes longer than `ms` milliseconds. */
  timeout(ms: number, options?: SignalOptions): EventStream<T>;
  /** Items of this stream and the others as they come. Ends when all have ended; the first error ends it. */
  merge<S extends JoinArguments>(...streams: S): EventStream<T | ItemsOf<S>[number]>;
  /**
   * Once each stream has had an item: with each new one, the latest item of each, in the order of the streams, as an event
   * `stream.batch`. A stream that has ended keeps its last item; ends when all have ended.
   */
  combineLatest<S extends JoinArguments>(...streams: S): EventStream<CombinedBatch<[
    T,
    ...ItemsOf<S>
  ]>>;
  /** The first items of all as a tuple, then the second ones. Ends with the first stream that ends. */
  zip<S extends JoinArguments>(...streams: S): EventStream<[
    T,
    ...ItemsOf<S>
  ]>;
  /** The stream that is first to have an item, to end or to fail; the others are closed. */
  race<S extends JoinArguments>(...streams: S): EventStream<T | ItemsOf<S>[number]>;
  /**
   * Each item of this stream with the latest item of each other one, as a tuple. Items that come before all others have had
   * one are dropped. Ends with this stream.
   */
  withLatestFrom<S extends JoinArguments>(...streams: S): EventStream<[
    T,
    ...ItemsOf<S>
  ]>;
  /**
   * One run for all readers: it begins with the first of them and ends with the last. A reader gets what comes after it has
   * joined; readers that begin in the same turn of the event loop get all.
   */
  share(options?: ShareOptions): EventStream<T>;
  /** `stream.pipe(a, b)` is `b(a(stream))`: for operators of your own. */
  pipe<A>(a: Operator<this, A>): A;
  pipe<A, B>(a: Operator<this, A>, b: Operator<A, B>): B;
  pipe<A, B, C>(a: Operator<this, A>, b: Operator<A, B>, c: Operator<B, C>): C;
  pipe<A, B, C, D>(a: Operator<this, A>, b: Operator<A, B>, c: Operator<B, C>, d: Operator<C, D>): D;
  pipe(...operators: Operator<unknown, unknown>[]): unknown;
  /** All items. When the signal aborts: those so far. */
  toArray(options?: SignalOptions): Promise<T[]>;
  /** Calls `visit` for each item, one after the other. */
  forEach(visit: (item: T) => unknown, options?: SignalOptions): Promise<void>;
  /** `reducer(state, item)` for all items, beginning with `seed`. */
  reduce<S>(reducer: (state: S, item: T) => Awaitable<S>, seed: S, options?: SignalOptions): Promise<S>;
  /** The first item (for which `predicate` is truthy), or undefined if there is none. The source is closed then. */
  first<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): Promise<S | undefined>;
  first(predicate?: (item: T) => Awaitable<unknown>, options?: SignalOptions): Promise<T | undefined>;
  first(options?: SignalOptions): Promise<T | undefined>;
  /** The last item (for which `predicate` is truthy), or undefined if there is none. */
  last<S extends T>(predicate: (item: T) => item is S, options?: SignalOptions): Promise<S | undefined>;
  last(predicate?: (item: T) => Awaitable<unknown>, options?: SignalOptions): Promise<T | undefined>;
  last(options?: SignalOptions): Promise<T | undefined>;
  /** How many items there are. */
  count(options?: SignalOptions): Promise<number>;
  /** A Node `Readable` in object mode. Destroying it closes the source. */
  toReadable(options?: ReadableOptions): Readable;
}
/** Ids of the framework's shapes: a prefix, then parts divided by underscores. */
export declare class IdGenerator {
  /** `call_<6 random base62>_<base36>`: event ids, thread ids. */
  static callId(): string;
  /** `exec_<base36 ms>_<8 base62>_<base36 counter mod 1000>` */
  static executionId(): string;
  /** `corr_<12 base62>_<base36 ms>` */
  static correlationId(): string;
  /** `sess_<10 base62>_<base36 ms>` */
  static sessionId(): string;
  /** `tenant_<8 base62>` */
  static tenantId(): string;
  /** `evt_<8 base62>_<base36 ms>` */
  static eventId(): string;
  /** `trace_<12 base62>_<base36 ms>` */
  static traceId(): string;
  /** `span_<8 base62>` */
  static spanId(): string;
  /** `msg_<base36 ms>_<9 base62>` */
  static messageId(): string;
  /** `trace_<base36 ms>_<6 base62>` */
  static generateTraceId(): string;
  /** `span_<base36 ms>_<6 base62>` */
  static generateSpanId(): string;
  /** Whether `id` has the shape of `kind`. */
  static validateId(id: string, kind: IdKind): boolean;
  /** The time in an id in milliseconds since the epoch, or null where its shape has none (call, tenant and span ids). */
  static extractTimestamp(id: string): number | null;
}
/** Raised by policies around handlers: timeouts, retries, validation. */
export declare class KernelError extends BaseSDKError<KernelErrorCode> {
  constructor(code: KernelErrorCode, message?: string, options?: SDKErrorOptions);
}
/**
 * Measures the memory of the process at an interval and alerts when a limit is exceeded, the used heap comes near the limit
 * that V8 sets it, or it keeps growing. A rule that stays broken alerts once in 30 s. Its timer does not keep the process
 * alive. All methods are bound.
 *
 * @example
 * const monitor = new MemoryMonitor(getObservability(), {
 *   thresholds: { rss: 2 * 1024 ** 3 },
 *   onAlert: (alert) => pager.notify(alert.message),
 * });
 * monitor.start();
 */
export declare class MemoryMonitor {
  #private;
  /**
   * @param observability where alerts are logged; see `createRuntime`
   * @throws RuntimeError INVALID_CONFIGURATION naming the field, its value and what is allowed
   */
  constructor(observability?: unknown, config?: MemoryMonitorConfig);
  /** Measures at once and then at the interval. A second call does nothing. */
  readonly start: () => void;
  /** Stops measuring; the history stays. */
  readonly stop: () => void;
  /** What is known now; a fresh object. Zeros before the first measurement. */
  readonly getStats: () => MemoryMonitorStats;
  /** The last `limit` alerts, oldest first; 50 are kept. */
  readonly getRecentAlerts: (limit?: number) => MemoryAlert[];
  /** Forgets measurements, alerts and peak. */
  readonly clearHistory: () => void;
  /** Runs the garbage collector if Node was started with `--expose-gc`, else logs a warning. Never throws. */
  readonly forceGC: () => void;
}
/**
 * Raised by middleware. Two forms are in use and both work: `(code, message?, options?)` and
 * `(middleware, message, context?)`, whose message reads `[<middleware>] <message>`.
 */
export declare class MiddlewareError extends BaseSDKError<string> {
  /** Name of the middleware, in the second form. */
  readonly middleware: string | undefined;
  constructor(code: MiddlewareErrorCode, message?: string, options?: SDKErrorOptions);
  constructor(middleware: string, message: string, context?: Record<string, unknown>);
}
/** Named middleware that share a context; the first added is the outermost. */
export declare class MiddlewarePipelineClass<C = unknown> {
  #private;
  constructor(context?: C);
  /** Adds one inside of those that are there. */
  add(name: string, middleware: PipelineMiddleware<C>): this;
  /** One middleware of all. */
  build(): Middleware;
}
/** Tagged middleware by name. */
export declare class MiddlewareRegistry {
  #private;
  /** @throws MiddlewareError if the name is taken */
  register(tagged: TaggedMiddleware): void;
  /**
   * These and all that they depend on: a dependency before its dependants, else higher priority first, else in the order
   * of asking.
   *
   * @throws MiddlewareError for an unknown name and for dependencies in a circle
   */
  resolve(names: readonly string[]): TaggedMiddleware[];
  /** Those with a tag. */
  findByTag(tag: string): TaggedMiddleware[];
  /** Those for an event type. */
  findByEventType(type: string): TaggedMiddleware[];
}
/**
 * Runs the handlers of events that its caller hands over, without a queue: which handlers, in which order, and the events
 * that they return.
 *
 * @example
 * const processor = new OptimizedEventProcessor({}, undefined);
 * processor.registerHandler('user.created', async (event) => save(event.data));
 * await processor.processEvent(createEvent('user.created', { id: 1 }));
 */
export declare class OptimizedEventProcessor {
  #private;
  constructor(context?: unknown, observability?: unknown, config?: OptimizedEventProcessorConfig);
  /** Runs `handler` for events of exactly this type. */
  registerHandler(type: string, handler: EventHandler): void;
  /** Runs `handler` for every event, after the exact handlers. */
  registerWildcardHandler(handler: EventHandler): void;
  /** Removes every registration of `handler` for `type`. */
  removeHandler(type: string, handler: EventHandler): void;
  /** Runs the handlers of an event. Rejects with the error of the first that fails, unless there are more than `batchSize`. */
  processEvent(event: AnyEvent): Promise<void>;
  /** Removes all handlers. */
  clearHandlers(): void;
  /** The figures that `runtime.getStats().processor` has. */
  getStats(): RuntimeStats["processor"];
  /** Events that have begun processing, newest first. */
  getRecentEvents(limit?: number): RecentEvent[];
  /** Drops handlers and what is remembered. */
  cleanup(): Promise<void>;
}
/** Raised by the framework's orchestration. */
export declare class OrchestrationError extends BaseSDKError<OrchestrationErrorCode> {
  constructor(code: OrchestrationErrorCode, message?: string, options?: SDKErrorOptions);
}
/** Raised by the runtime itself: refusals, chains, configuration, shutdown. */
export declare class RuntimeError extends BaseSDKError<RuntimeErrorCode> {
  constructor(code: RuntimeErrorCode, message?: string, options?: SDKErrorOptions);
}
/**
 * A built-in persistor, as the configuration says. Each one has its own snapshots. No method depends on `this`.
 *
 * @example
 * const persistor = new StoragePersistorAdapter({ type: 'memory', maxSnapshots: 5000 });
 * const runtime = createRuntime({}, undefined, { persistor, persistAllEvents: true });
 */
export declare class StoragePersistorAdapter implements Persistor {
  #private;
  /**
   * @throws RuntimeError INVALID_CONFIGURATION for unknown types, and values that are not allowed; for files JOURNAL_LOCKED,
   *   JOURNAL_CORRUPT, JOURNAL_VERSION or JOURNAL_FAILED
   */
  constructor(config: PersistorConfig);
  /** Stores a snapshot, unless this `xcId` has one with this hash already. Rejects if it is too large. */
  append: (snapshot: Snapshot, options?: SnapshotOptions) => Promise<void>;
  /** Snapshots of `xcId` in the order in which they were appended; those appended meanwhile are not among them. */
  load: (xcId: string) => AsyncIterable<Snapshot>;
  /** Whether there is a snapshot with this hash, whosever it is. */
  has: (hash: string) => Promise<boolean>;
  /** The first snapshot with this hash, whosever it is; null: there is none. */
  getByHash: (hash: string) => Promise<Snapshot | null>;
  /** Hashes of `xcId` in the order in which their snapshots were appended. */
  listHashes: (xcId: string) => Promise<string[]>;
  /** Forgets snapshots; unknown hashes are ignored. */
  delete: (xcId: string, hashes: readonly string[]) => Promise<void>;
  /** Figures of all snapshots; in memory also what has left to make room. */
  getStats: () => Promise<PersistorStats & Partial<MemoryPersistorStats>>;
  /** Resolves when everything appended so far is as safe as it can be. */
  flush: () => Promise<void>;
  /** Releases memory and files. */
  close: () => Promise<void>;
}
/**
 * The item that several items become: an event of type `stream.batch`. It can be read like the array `data.events`
 * as well (`length`, iteration, `map` ...); those members are not enumerable.
 */
export declare class StreamBatch<T, Data extends BatchData<T, readonly T[]> = BatchData<T> & BatchTimes> {
  readonly type: "stream.batch";
  readonly data: Data;
  /** The same as `data.timestamp`. */
  readonly ts: number;
  readonly id: string;
  readonly threadId: string;
  constructor(data: Data);
  /** How many items. */
  get length(): number;
  /** The items in order. */
  [Symbol.iterator](): IterableIterator<T>;
  /** As of an array. */
  map<R>(mapper: (item: T, index: number, items: readonly T[]) => R): R[];
  /** As of an array. */
  filter<S extends T>(predicate: (item: T, index: number, items: readonly T[]) => item is S): S[];
  filter(predicate: (item: T, index: number, items: readonly T[]) => unknown): T[];
  /** As of an array. */
  forEach(visit: (item: T, index: number, items: readonly T[]) => void): void;
  /** As of an array. */
  reduce<R>(reducer: (state: R, item: T, index: number, items: readonly T[]) => R, seed: R): R;
  reduce(reducer: (state: T, item: T, index: number, items: readonly T[]) => T): T;
  /** As of an array. */
  some(predicate: (item: T, index: number, items: readonly T[]) => unknown): boolean;
  /** As of an array. */
  every(predicate: (item: T, index: number, items: readonly T[]) => unknown): boolean;
  /** As of an array. */
  find<S extends T>(predicate: (item: T, index: number, items: readonly T[]) => item is S): S | undefined;
  find(predicate: (item: T, index: number, items: readonly T[]) => unknown): T | undefined;
  /** As of an array. */
  at(index: number): T | undefined;
  /** As of an array. */
  slice(start?: number, end?: number): T[];
}
/** Makes streams, counts what they do and ends them all together. */
export declare class StreamManager {
  #private;
  /**
   * Makes a stream. Nothing runs before it is iterated.
   *
   * @param source a function that is called for each iteration and returns an async iterable or an iterable; or such an
   *   object itself: an async iterable, iterable, iterator, array, Node `Readable` or Web `ReadableStream`. What cannot be
   *   read twice gives an error at the second iteration.
   * @throws RuntimeError INVALID_CONFIGURATION if `source` is none of these
   * @example
   * const ticks = manager.createStream(async function* () {
   *   yield createEvent('tick', { n: 1 });
   * });
   */
  createStream<T = AnyEvent>(source: StreamSource<T>, options?: SignalOptions): EventStream<T>;
  /** The same as `base.merge(...streams)`. */
  createMerge<T, S extends JoinArguments>(base: StreamLike<T>, ...streams: S): EventStream<T | ItemsOf<S>[number]>;
  /** The same as `base.combineLatest(...streams)`. */
  createCombineLatest<T, S extends JoinArguments>(base: StreamLike<T>, ...streams: S): EventStream<CombinedBatch<[
    T,
    ...ItemsOf<S>
  ]>>;
  /**
   * Makes a stream that somebody pushes to, for one reader. What comes before it is read is buffered, up to a limit.
   *
   * @throws RuntimeError INVALID_CONFIGURATION for an option that is not allowed
   */
  createSubscription<T = AnyEvent>(options?: SubscriptionOptions): Subscription<T>;
  /** What runs and what has gone through. */
  getStats(): StreamStats;
  /**
   * Ends all streams that run: pending `next()` calls end with "done", sources are closed. Waits for sources to close, but
   * not for one that is in the middle of an `await`, and no longer than a second. The manager can be used on.
   */
  cleanup(): Promise<void>;
}
/** A stream that is pushed to, for one reader; use `share()` for several. */
export declare class SubscribedStream<T = AnyEvent> extends EventStream<T> {
  #private;
  /** What has come, and what became of it. */
  getStats(): SubscriptionStats;
}
/** All values of `EVENT_TYPES`. */
export declare const ALL_EVENT_TYPES: readonly string[];
/** What a circuit does: lets all calls through; refuses them; tries a few. */
export declare const CircuitState: {
  readonly CLOSED: "CLOSED";
  readonly OPEN: "OPEN";
  readonly HALF_OPEN: "HALF_OPEN";
};
/** Kept for callers that spread it into `withConcurrency`. */
export declare const DEFAULT_CONCURRENCY_OPTIONS: {
  readonly maxConcurrent: 5;
  readonly mode: "drop";
};
/** A configuration for `EnhancedEventQueue`: redelivery, and dead letters for a week. */
export declare const DEFAULT_ENHANCED_CONFIG: {
  persistCriticalEvents: true;
  enableAutoRecovery: true;
  maxPersistedEvents: number;
  criticalEventPrefixes: string[];
  maxRetries: number;
  baseRetryDelay: number;
  maxRetryDelay: number;
  enableJitter: true;
  jitterRatio: number;
  enableDLQ: true;
  dlq: {
    enablePersistence: true;
    maxDLQSize: number;
    enableDetailedLogging: true;
    alertThreshold: number;
    maxRetentionDays: number;
    enableAutoCleanup: true;
  };
  maxQueueDepth: number;
  enableObservability: true;
  batchSize: number;
  chunkSize: number;
  maxConcurrent: number;
  enableAutoScaling: false;
};
/** Kept for callers that read or spread it; `withRetry` has its own defaults. Delays in milliseconds. */
export declare const DEFAULT_RETRY_CONFIG: {
  maxRetries: number;
  baseDelay: number;
  maxDelay: number;
  backoffMultiplier: number;
  enableJitter: boolean;
  jitterRatio: number;
};
/** Limit of `withTimeout` in milliseconds unless told otherwise. */
export declare const DEFAULT_TIMEOUT_MS = 180000;
/** For many tenants: spread it into `createRuntime`'s configuration. */
export declare const ENTERPRISE_CONFIG: {
  maxConcurrent: number;
  maxConcurrentPerTenant: number;
  maxConcurrentPerEventType: number;
  queueSize: number;
  batchSize: number;
  chunkSize: number;
  maxMemoryUsage: number;
  maxCpuUsage: number;
  enableCompression: true;
  enableDeltaCompression: true;
  maxRetries: number;
  baseRetryDelay: number;
  maxRetryDelay: number;
  enablePersistence: true;
  persistCriticalEvents: true;
  maxPersistedEvents: number;
  cleanupInterval: number;
  staleThreshold: number;
  maxEventDepth: number;
  maxEventChainLength: number;
  operationTimeoutMs: number;
};
/** The event types that the framework knows. Any other string is a valid type as well. */
export declare const EVENT_TYPES: {
  readonly AGENT_STARTED: "agent.started";
  readonly AGENT_INPUT: "agent.input";
  readonly AGENT_THINKING: "agent.thinking";
  readonly AGENT_THOUGHT: "agent.thought";
  readonly AGENT_COMPLETED: "agent.completed";
  readonly AGENT_FAILED: "agent.failed";
  readonly AGENT_QUESTION: "agent.question";
  readonly AGENT_ERROR: "agent.error";
  readonly AGENT_LIFECYCLE_STARTED: "agent.lifecycle.started";
  readonly AGENT_LIFECYCLE_STOPPED: "agent.lifecycle.stopped";
  readonly AGENT_LIFECYCLE_PAUSED: "agent.lifecycle.paused";
  readonly AGENT_LIFECYCLE_RESUMED: "agent.lifecycle.resumed";
  readonly AGENT_LIFECYCLE_SCHEDULED: "agent.lifecycle.scheduled";
  readonly AGENT_LIFECYCLE_ERROR: "agent.lifecycle.error";
  readonly AGENT_LIFECYCLE_STATUS_CHANGED: "agent.lifecycle.status_changed";
  readonly TOOL_CALLED: "tool.called";
  readonly TOOL_CALL: "tool.call";
  readonly TOOL_RESULT: "tool.result";
  readonly TOOL_ERROR: "tool.error";
  readonly TOOL_COMPLETED: "tool.completed";
  readonly WORKFLOW_STARTED: "workflow.started";
  readonly WORKFLOW_START: "workflow.start";
  readonly WORKFLOW_COMPLETED: "workflow.completed";
  readonly WORKFLOW_COMPLETE: "workflow.complete";
  readonly WORKFLOW_FAILED: "workflow.failed";
  readonly WORKFLOW_ERROR: "workflow.error";
  readonly WORKFLOW_PAUSED: "workflow.paused";
  readonly WORKFLOW_RESUMED: "workflow.resumed";
  readonly WORKFLOW_CANCELED: "workflow.canceled";
  readonly WORKFLOW_RUN: "workflow.run";
  readonly CONTEXT_CREATED: "context.created";
  readonly CONTEXT_UPDATED: "context.updated";
  readonly CONTEXT_DESTROYED: "context.destroyed";
  readonly CONTEXT_TIMEOUT: "context.timeout";
  readonly STATE_UPDATED: "state.updated";
  readonly STATE_DELETED: "state.deleted";
  readonly STEP_STARTED: "step.started";
  readonly STEP_COMPLETED: "step.completed";
  readonly STEP_FAILED: "step.failed";
  readonly STEP_SKIPPED: "step.skipped";
  readonly KERNEL_STARTED: "kernel.started";
  readonly KERNEL_PAUSED: "kernel.paused";
  readonly KERNEL_RESUMED: "kernel.resumed";
  readonly KERNEL_COMPLETED: "kernel.completed";
  readonly EXECUTION_COMPLETED: "execution.completed";
  readonly EXECUTION_RUN: "execution.run";
  readonly KERNEL_QUOTA_EXCEEDED: "kernel.quota.exceeded";
  readonly ROUTER_ROUTE: "router.route";
  readonly MCP_CONNECTED: "mcp.connected";
  readonly MCP_DISCONNECTED: "mcp.disconnected";
  readonly MCP_TOOL_CALLED: "mcp.tool.called";
  readonly MCP_TOOL_RESULT: "mcp.tool.result";
  readonly MCP_ERROR: "mcp.error";
  readonly PLANNER_STARTED: "planner.started";
  readonly PLANNER_COMPLETED: "planner.completed";
  readonly PLANNER_FAILED: "planner.failed";
  readonly PLANNER_STEP_COMPLETED: "planner.step.completed";
  readonly ECOSYSTEM_DISCOVER: "ecosystem.discover";
  readonly ECOSYSTEM_BROADCAST: "ecosystem.broadcast";
  readonly AGENT_DELEGATE: "agent.delegate";
  readonly SYSTEM_ERROR: "system.error";
  readonly SYSTEM_WARNING: "system.warning";
  readonly SYSTEM_INFO: "system.info";
  readonly STREAM_ERROR: "stream.error";
  readonly STREAM_BATCH: "stream.batch";
  readonly ERROR: "error";
  readonly HUMAN_INTERVENTION_REQUESTED: "human.intervention.requested";
  readonly HUMAN_INTERVENTION_COMPLETED: "human.intervention.completed";
  readonly MEMORY_HEAP: "memory.heap";
  readonly MEMORY_UTILIZATION: "memory.utilization";
  readonly RESOURCES_CONTEXTS: "resources.contexts";
  readonly RESOURCES_GENERATORS: "resources.generators";
  readonly PERFORMANCE_EVENT_RATE: "performance.eventRate";
  readonly PERFORMANCE_AVG_PROCESSING_TIME: "performance.avgProcessingTime";
  readonly PERFORMANCE_ERROR_RATE: "performance.errorRate";
  readonly AGENT_CALL: "agent.call";
  readonly START: "start";
  readonly BENCHMARK: "benchmark";
  readonly DONE: "done";
  readonly HIGH_VOLUME: "high-volume";
  readonly START_LIFECYCLE: "START_LIFECYCLE";
  readonly PROCESS_LIFECYCLE: "PROCESS_LIFECYCLE";
  readonly STOP_LIFECYCLE: "STOP_LIFECYCLE";
  readonly AFTER_STOP_LIFECYCLE: "AFTER_STOP_LIFECYCLE";
  readonly STEP_PREFIX: "step.";
  readonly CONCURRENT: "concurrent";
  readonly METRIC: "metric";
  readonly STEP_EVENT: "step.event";
  readonly WORKFLOW_STEP: "workflow.step";
};
/** The functions above under one name. */
export declare const ErrorUtils: {
  readonly isRecoverable: typeof isErrorRecoverable;
  readonly isRetryable: typeof isErrorRetryable;
  readonly wrap: typeof wrapError;
};
/** For many events: spread it into `createRuntime`'s configuration. */
export declare const HIGH_PERFORMANCE_CONFIG: {
  maxConcurrent: number;
  maxConcurrentPerTenant: number;
  maxConcurrentPerEventType: number;
  queueSize: number;
  batchSize: number;
  chunkSize: number;
  maxMemoryUsage: number;
  maxCpuUsage: number;
  enableCompression: true;
  enableDeltaCompression: true;
  maxRetries: number;
  baseRetryDelay: number;
  maxRetryDelay: number;
  enablePersistence: true;
  persistCriticalEvents: true;
  maxPersistedEvents: number;
  cleanupInterval: number;
  staleThreshold: number;
  maxEventDepth: number;
  maxEventChainLength: number;
  operationTimeoutMs: number;
};
/** Names of middleware that go together, as data. */
export declare const MIDDLEWARE_PRESETS: {
  readonly standard: readonly [
    "timeout",
    "retry",
    "concurrency",
    "validation"
  ];
  readonly highPerformance: readonly [
    "timeout",
    "concurrency",
    "retry"
  ];
  readonly ultraHighPerformance: readonly [
    "timeout",
    "concurrency"
  ];
};
/** The version of this package. */
export declare const RUNTIME_CORE_VERSION: string;
/** What this build can do. */
export declare const RUNTIME_FEATURES: {
  /** Events that survive the process. */
  DURABILITY: boolean;
  /** Dead letters. */
  DLQ: boolean;
  /** Redelivery with backoff, jitter and limits. */
  ENHANCED_RETRY: boolean;
  /** Circuit breakers. */
  CIRCUIT_BREAKER: boolean;
  /** Ordering keys: events of one key in order, keys side by side. */
  PARTITIONING: boolean;
  /** Spans around events, through the caller's tracer. */
  TRACING: boolean;
};
/**
 * Configurations by purpose.
 *
 * @example
 * const runtime = createRuntime(context, observability, { ...RUNTIME_PRESETS.production, queueSize: 5000 });
 */
export declare const RUNTIME_PRESETS: {
  development: {
    maxConcurrent: number;
    queueSize: number;
    batchSize: number;
    enablePersistence: false;
  };
  testing: {
    maxConcurrent: number;
    queueSize: number;
    batchSize: number;
    enablePersistence: false;
    operationTimeoutMs: number;
  };
  production: {
    maxConcurrent: number;
    maxConcurrentPerTenant: number;
    maxConcurrentPerEventType: number;
    queueSize: number;
    batchSize: number;
    chunkSize: number;
    maxMemoryUsage: number;
    maxCpuUsage: number;
    enableCompression: true;
    enableDeltaCompression: true;
    maxRetries: number;
    baseRetryDelay: number;
    maxRetryDelay: number;
    enablePersistence: true;
    persistCriticalEvents: true;
    maxPersistedEvents: number;
    cleanupInterval: number;
    staleThreshold: number;
    maxEventDepth: number;
    maxEventChainLength: number;
    operationTimeoutMs: number;
  };
  highPerformance: {
    maxConcurrent: number;
    maxConcurrentPerTenant: number;
    maxConcurrentPerEventType: number;
    queueSize: number;
    batchSize: number;
    chunkSize: number;
    maxMemoryUsage: number;
    maxCpuUsage: number;
    enableCompression: true;
    enableDeltaCompression: true;
    maxRetries: number;
    baseRetryDelay: number;
    maxRetryDelay: number;
    enablePersistence: true;
    persistCriticalEvents: true;
    maxPersistedEvents: number;
    cleanupInterval: number;
    staleThreshold: number;
    maxEventDepth: number;
    maxEventChainLength: number;
    operationTimeoutMs: number;
  };
  ultraHighPerformance: {
    maxConcurrent: number;
    maxConcurrentPerTenant: number;
    maxConcurrentPerEventType: number;
    queueSize: number;
    batchSize: number;
    chunkSize: number;
    maxMemoryUsage: number;
    maxCpuUsage: number;
    enableCompression: true;
    enableDeltaCompression: true;
    maxRetries: number;
    baseRetryDelay: number;
    maxRetryDelay: number;
    enablePersistence: true;
    persistCriticalEvents: true;
    maxPersistedEvents: number;
    cleanupInterval: number;
    staleThreshold: number;
    maxEventDepth: number;
    maxEventChainLength: number;
    operationTimeoutMs: number;
  };
};
/** For very many short events: spread it into `createRuntime`'s configuration. */
export declare const ULTRA_HIGH_PERFORMANCE_CONFIG: {
  maxConcurrent: number;
  maxConcurrentPerTenant: number;
  maxConcurrentPerEventType: number;
  queueSize: number;
  batchSize: number;
  chunkSize: number;
  maxMemoryUsage: number;
  maxCpuUsage: number;
  enableCompression: true;
  enableDeltaCompression: true;
  maxRetries: number;
  baseRetryDelay: number;
  maxRetryDelay: number;
  enablePersistence: true;
  persistCriticalEvents: true;
  maxPersistedEvents: number;
  cleanupInterval: number;
  staleThreshold: number;
  maxEventDepth: number;
  maxEventChainLength: number;
  operationTimeoutMs: number;
};
/** Makers of the events of an agent's life. */
export declare const agentLifecycleEvents: {
  readonly started: (data: {
    agentName: string;
    tenantId: string;
    executionId: string;
    status: string;
    startedAt: number;
  }) => TEvent<"agent.lifecycle.started", {
    agentName: string;
    tenantId: string;
    executionId: string;
    status: string;
    startedAt: number;
  }>;
  readonly stopped: (data: {
    agentName: string;
    tenantId: string;
    status: string;
    stoppedAt: number;
    reason?: string;
  }) => TEvent<"agent.lifecycle.stopped", {
    agentName: string;
    tenantId: string;
    status: string;
    stoppedAt: number;
    reason?: string;
  }>;
  readonly paused: (data: {
    agentName: string;
    tenantId: string;
    status: string;
    pausedAt: number;
    snapshotId?: string;
    reason?: string;
  }) => TEvent<"agent.lifecycle.paused", {
    agentName: string;
    tenantId: string;
    status: string;
    pausedAt: number;
    snapshotId?: string;
    reason?: string;
  }>;
  readonly resumed: (data: {
    agentName: string;
    tenantId: string;
    status: string;
    resumedAt: number;
    snapshotId?: string;
  }) => TEvent<"agent.lifecycle.resumed", {
    agentName: string;
    tenantId: string;
    status: string;
    resumedAt: number;
    snapshotId?: string;
  }>;
  readonly scheduled: (data: {
    agentName: string;
    tenantId: string;
    status: string;
    scheduleTime: number;
    scheduleConfig: unknown;
  }) => TEvent<"agent.lifecycle.scheduled", {
    agentName: string;
    tenantId: string;
    status: string;
    scheduleTime: number;
    scheduleConfig: unknown;
  }>;
  readonly error: (data: {
    agentName: string;
    tenantId: string;
    operation: string;
    error: string;
    details?: unknown;
    timestamp: number;
  }) => TEvent<"agent.lifecycle.error", {
    agentName: string;
    tenantId: string;
    operation: string;
    error: string;
    details?: unknown;
    timestamp: number;
  }>;
  readonly statusChanged: (data: {
    agentName: string;
    tenantId: string;
    fromStatus: string;
    toStatus: string;
    reason?: string;
    timestamp: number;
  }) => TEvent<"agent.lifecycle.status_changed", {
    agentName: string;
    tenantId: string;
    fromStatus: string;
    toStatus: string;
    reason?: string;
    timestamp: number;
  }>;
};
/**
 * Puts a circuit breaker around handlers. A refused event fails with `MiddlewareError` MIDDLEWARE_CIRCUIT_BREAKER_OPEN; the
 * handler's own errors pass as they are.
 *
 * @example
 * const breaker = circuitBreakerMiddleware({ failureThreshold: 5, recoveryTimeout: 30_000 });
 * breaker.manager.getAllMetrics();
 */
export declare const circuitBreakerMiddleware: ((config?: CircuitBreakerMiddlewareConfig) => CircuitBreakerMiddleware) & UncalledFactory;
/** Keys, filters and a log for {@link circuitBreakerMiddleware}. */
export declare const circuitBreakerUtils: {
  /** The event's type, or 'default'. */
  readonly keyByEventType: typeof keyByEventType;
  /** Top-level fields of the event that are defined, joined by ':'; without any, 'default'. */
  readonly keyByFields: (fields: readonly string[]) => (event: any) => string;
  /** Whether the event's type is in the list. */
  readonly protectByType: (types: readonly string[]) => (event: any) => boolean;
  /** Whether the event's numeric `latency` is above the threshold. */
  readonly protectByLatency: (threshold: number) => (event: any) => boolean;
  /** Writes a warning; at most one a second. */
  readonly defaultOnRejected: (event: any, result: CircuitResult) => void;
};
/** The conditions, ready to use. */
export declare const conditionUtils: ConditionUtils;
/** Whether an event is an `agent.completed`. */
export declare const isAgentCompletedEvent: (event: AnyEvent) => event is TEvent<"agent.completed", {
  result: unknown;
  agent: string;
  reasoning: string;
}>;
/** Whether an event is an `agent.error`. */
export declare const isAgentErrorEvent: (event: AnyEvent) => event is TEvent<"agent.error", {
  error: string;
  agent: string;
  correlationId?: string;
}>;
/** Whether an event is an `agent.lifecycle.error`. */
export declare const isAgentLifecycleErrorEvent: (event: AnyEvent) => event is TEvent<"agent.lifecycle.error", {
  agentName: string;
  tenantId: string;
  operation: string;
  error: string;
  details?: unknown;
  timestamp: number;
}>;
/** Whether an event is an `agent.lifecycle.paused`. */
export declare const isAgentLifecyclePausedEvent: (event: AnyEvent) => event is TEvent<"agent.lifecycle.paused", {
  agentName: string;
  tenantId: string;
  status: string;
  pausedAt: number;
  snapshotId?: string;
  reason?: string;
}>;
/** Whether an event is an `agent.lifecycle.resumed`. */
export declare const isAgentLifecycleResumedEvent: (event: AnyEvent) => event is TEvent<"agent.lifecycle.resumed", {
  agentName: string;
  tenantId: string;
  status: string;
  resumedAt: number;
  snapshotId?: string;
}>;
/** Whether an event is an `agent.lifecycle.scheduled`. */
export declare const isAgentLifecycleScheduledEvent: (event: AnyEvent) => event is TEvent<"agent.lifecycle.scheduled", {
  agentName: string;
  tenantId: string;
  status: string;
  scheduleTime: number;
  scheduleConfig: unknown;
}>;
/** Whether an event is an `agent.lifecycle.started`. */
export declare const isAgentLifecycleStartedEvent: (event: AnyEvent) => event is TEvent<"agent.lifecycle.started", {
  agentName: string;
  tenantId: string;
  executionId: string;
  status: string;
  startedAt: number;
}>;
/** Whether an event is an `agent.lifecycle.status_changed`. */
export declare const isAgentLifecycleStatusChangedEvent: (event: AnyEvent) => event is TEvent<"agent.lifecycle.status_changed", {
  agentName: string;
  tenantId: string;
  fromStatus: string;
  toStatus: string;
  reason?: string;
  timestamp: number;
}>;
/** Whether an event is an `agent.lifecycle.stopped`. */
export declare const isAgentLifecycleStoppedEvent: (event: AnyEvent) => event is TEvent<"agent.lifecycle.stopped", {
  agentName: string;
  tenantId: string;
  status: string;
  stoppedAt: number;
  reason?: string;
}>;
/** Whether an event is an `mcp.connected`. */
export declare const isMcpConnectedEvent: (event: AnyEvent) => event is TEvent<"mcp.connected", {
  threadId: string;
}>;
/** Whether an event is an `mcp.disconnected`. */
export declare const isMcpDisconnectedEvent: (event: AnyEvent) => event is TEvent<"mcp.disconnected", {
  threadId: string;
}>;
/** Whether an event is an `mcp.error`. */
export declare const isMcpErrorEvent: (event: AnyEvent) => event is TEvent<"mcp.error", {
  error: string;
  threadId: string;
  correlationId?: string;
}>;
/** Whether an event is an `mcp.tool.called`. */
export declare const isMcpToolCalledEvent: (event: AnyEvent) => event is TEvent<"mcp.tool.called", {
  toolName: string;
  input: unknown;
  threadId: string;
  correlationId?: string;
}>;
/** Whether an event is an `mcp.tool.result`. */
export declare const isMcpToolResultEvent: (event: AnyEvent) => event is TEvent<"mcp.tool.result", {
  result: unknown;
  toolName: string;
  threadId: string;
  correlationId?: string;
}>;
/** Whether an event is a `planner.completed`. */
export declare const isPlannerCompletedEvent: (event: AnyEvent) => event is TEvent<"planner.completed", {
  plannerName: string;
  result: unknown;
  correlationId?: string;
}>;
/** Whether an event is a `planner.failed`. */
export declare const isPlannerFailedEvent: (event: AnyEvent) => event is TEvent<"planner.failed", {
  plannerName: string;
  error: string;
  correlationId?: string;
}>;
/** Whether an event is a `planner.started`. */
export declare const isPlannerStartedEvent: (event: AnyEvent) => event is TEvent<"planner.started", {
  plannerName: string;
  input: unknown;
  correlationId?: string;
}>;
/** Whether an event is a `planner.step.completed`. */
export declare const isPlannerStepCompletedEvent: (event: AnyEvent) => event is TEvent<"planner.step.completed", {
  plannerName: string;
  stepName: string;
  result: unknown;
  correlationId?: string;
}>;
/** Whether an event is a `tool.error`. */
export declare const isToolErrorEvent: (event: AnyEvent) => event is TEvent<"tool.error", {
  error: string;
  toolName: string;
  agent: string;
  reasoning?: string;
}>;
/** Whether an event is a `tool.result`. */
export declare const isToolResultEvent: (event: AnyEvent) => event is TEvent<"tool.result", {
  result: unknown;
  agent: string;
  reasoning: string;
  toolName: string;
}>;
/** Whether an event is a `workflow.completed`. */
export declare const isWorkflowCompletedEvent: (event: AnyEvent) => event is TEvent<"workflow.completed", {
  workflowName: string;
  result: unknown;
  correlationId?: string;
}>;
/** Whether an event is a `workflow.error`. */
export declare const isWorkflowErrorEvent: (event: AnyEvent) => event is TEvent<"workflow.error", {
  error: Error;
  step: string;
}>;
/**
 * Remembers results by key. While one run of a key is under way, others of the same key share its outcome (its error,
 * too); failures are not kept. Data that has no JSON form is not cached.
 *
 * @example
 * const handler = withCache({ ttlMs: 5000, keyFn: (event) => event.data.userId })(load);
 */
export declare const withCache: ((options?: CacheOptions) => Middleware) & UncalledFactory;
/** The other name of {@link circuitBreakerMiddleware}. */
export declare const withCircuitBreaker: ((config?: CircuitBreakerMiddlewareConfig) => CircuitBreakerMiddleware) & UncalledFactory;
/**
 * Lets at most `maxConcurrent` runs of one key go on at a time. The others wait for a permit, first come, first served, or
 * are refused: `MiddlewareError` CONCURRENCY_DROP (not waited) or CONCURRENCY_TIMEOUT (waited in vain). In a runtime's
 * list a waiting run holds none of the runtime's own permits, so that one hot key does not starve the others.
 *
 * @example
 * const handler = withConcurrency({ maxConcurrent: 10, getKey: (event) => event.data.userId, mode: 'wait' })(save);
 */
export declare const withConcurrency: ((options?: ConcurrencyOptions) => Middleware) & UncalledFactory;
/**
 * Answers with a fallback when the handler fails; an error of the fallback itself passes.
 *
 * @example
 * const handler = withFallback((event) => readStale(event))(readFresh);
 */
export declare const withFallback: (options: FallbackOptions["fallback"] | FallbackOptions) => Middleware;
/**
 * Puts a span around each handler run. In a runtime it uses the runtime's observability, by hand the process-wide one;
 * without a tracer the handler just runs.
 */
export declare const withObservability: ((options?: ObservabilityOptions) => Middleware) & UncalledFactory;
/**
 * Lets `limit` runs pass in each `intervalMs`, steadily (token bucket), up to `burst` of them at once. Over the limit a
 * run waits for its turn, first come, first served, or is refused with `MiddlewareError` MIDDLEWARE_RATE_LIMIT_EXCEEDED,
 * whose `retryAfterMs` a `withRetry` outside of it honours.
 *
 * @example
 * const handler = withRateLimit({ limit: 100, intervalMs: 60_000, getKey: (event) => event.data.apiKey })(call);
 */
export declare const withRateLimit: (options: RateLimitOptions) => Middleware;
/**
 * Tries a failed handler again: the same event, after a growing wait, which keeps the process alive and which the signal
 * cuts short (`KernelError` ABORTED). An error that asks for a delay (`retryAfterMs`, an HTTP Retry-After) is given it, up
 * to `maxDelayMs`. When attempts or time are used up it throws `KernelError` RETRY_EXCEEDED with the last error as `cause`
 * and `context.attempt`; an error that is not to be retried passes as it is. Validation errors are never retried.
 *
 * @example
 * const handler = withRetry({ maxRetries: 3, backoffMs: 1000, retryableErrors: ['NETWORK_ERROR'] })(save);
 */
export declare const withRetry: ((options?: RetryOptions) => Middleware) & UncalledFactory;
/**
 * As a middleware: the first event of each type is handled and then handled again on the schedule, until `maxTriggers`,
 * `stop()`, or the runtime's `clear()` or `cleanup()`. Called with `(event, sendEvent)` it is {@link schedule}.
 *
 * @example
 * const runtime = createRuntime(context, observability, { middleware: [withSchedule({ schedule: '@hourly' })] });
 */
export declare const withSchedule: (spec: ScheduleSpec) => ScheduleMiddleware;
/**
 * Ends an attempt that takes longer than `timeoutMs` with `KernelError` TIMEOUT_EXCEEDED, and aborts the handler's signal
 * with that error. What the handler gives afterwards is ignored. A handler that is not asynchronous cannot be interrupted.
 * Pending timeouts share one timer, which does not keep the process alive.
 *
 * @example
 * const handler = withTimeout({ timeoutMs: 50 })(async (event, signal) => fetch(url, { signal }));
 */
export declare const withTimeout: ((options?: TimeoutOptions) => TimeoutMiddleware) & UncalledFactory;
/**
 * Checks `event.data` before the handler runs. An invalid event fails with `KernelError` VALIDATION_ERROR, whose
 * `context.issues` lists each `{ path, message }` and whose `context.validationError` is the schema's own error; it is
 * never retried.
 *
 * @example
 * const middleware = withValidate({ schema: z.object({ userId: z.string() }) });
 * const handler = withValidate(z.object({ userId: z.string() }), save);
 */
export declare const withValidate: WithValidate;
/** The middleware of a schema. */
export declare const withValidateMiddleware: (schema: AnySchema, options?: ValidateOptions) => Middleware;
/**
 * One middleware of several; **the first is the outermost**: `composeMiddleware(a, b)(h)` is `a(b(h))`. (In a runtime's
 * list it is the other way round.) Without any it changes nothing. The result has no kind, so in a list it counts as a
 * 'handler' middleware whatever it is made of.
 *
 * @throws RuntimeError INVALID_CONFIGURATION for an argument that is no middleware, with its index
 */
export declare function composeMiddleware(...middlewares: MiddlewareEntry[]): Middleware;
/** Copies the marks of older runtimes, where there are some. */
export declare function copyTrackedProperties<T extends object>(source: object, target: T): T;
/** A handler whose results are remembered, see `withCache`. */
export declare function createCachedHandler(handler: MiddlewareHandler, options?: {
  ttl?: number;
  keyFn?: (event: any) => unknown;
  maxSize?: number;
}): MiddlewareHandler;
/** A handler behind a circuit breaker; refusals read `Circuit breaker is open`. */
export declare function createCircuitBreakerHandler(handler: MiddlewareHandler, options?: CircuitBreakerHandlerOptions): MiddlewareHandler;
/** A validator of two functions. */
export declare function createConfigValidator<T>(functions: {
  validate: (config: unknown) => boolean;
  parse: (config: unknown) => T;
}): ConfigValidator<T>;
/** Makes an event with a fresh id. A string `correlationId` in the data is lifted into the metadata. Never throws. */
export declare function createEvent<T extends EventType, D = PayloadOf<T>>(type: T, data?: D, options?: CreateEventOptions): TEvent<T, D>;
/** The same as `new EventStore(observability, config)`. */
export declare function createEventStore(observability: unknown, config: EventStoreConfig): EventStore;
/**
 * Connects a kernel and a runtime both ways. Events that the runtime processes go to the kernel's sink; events of the kernel
 * are queued in the runtime. `state.updated` and `state.deleted` events of the runtime change the kernel's state; changes
 * of the kernel's state become such events. What came from one side never goes back to it.
 *
 * @throws RuntimeError INVALID_CONFIGURATION if `kernel` is no object
 * @example
 * const link = createKernelIntegration(kernel, runtime);
 * runtime.emit('state.updated', { namespace: 'review', key: 'status', value: 'done' });
 * await runtime.process(); // kernel.setState('review', 'status', 'done')
 * link.disconnect();
 */
export declare function createKernelIntegration(kernel: KernelLike, runtime: ConnectedRuntime, options?: KernelIntegrationOptions): KernelIntegration;
/**
 * A logger that writes through the process's observability object and names `component` in each message's context.
 *
 * @example
 * const log = createLogger('billing');
 * log.error('charge failed', error, { tenantId });
 */
export declare function createLogger(component: string): Logger;
/** A builder with the defaults: version 1.0.0, priority 50, all event types. */
export declare function createMiddlewareBuilder(): MiddlewareBuilder;
/** An empty chain. */
export declare function createMiddlewareChain(): MiddlewareChain;
/** As `createPersistorFromConfig`; `createPersistor()` makes one in memory, for 1000 snapshots. */
export declare function createPersistor(type?: PersistorType, options?: PersistorOptions): StoragePersistorAdapter;
/**
 * Makes a built-in persistor.
 *
 * @throws RuntimeError INVALID_CONFIGURATION for unknown types, and values that are not allowed
 * @example
 * const persistor = createPersistorFromConfig({ type: 'journal', path: './snapshots' });
 */
export declare function createPersistorFromConfig(config: PersistorConfig): StoragePersistorAdapter;
/** Checks a priority. @throws Error unless it is from 0 to 100 */
export declare function createPriority(priority: number): number;
/** A handler that refuses what exceeds `maxPerSecond`: `Rate limit exceeded`. */
export declare function createRateLimitedHandler(handler: MiddlewareHandler, options: {
  maxPerSecond: number;
  burstSize?: number;
}): MiddlewareHandler;
/** A handler with retries, one timeout around all of them, and a fallback. */
export declare function createResilientHandler(handler: MiddlewareHandler, options?: ResilientHandlerOptions): MiddlewareHandler;
/**
 * Makes a runtime: handlers with `on`, events with `emit`, work with `process`.
 *
 * @param context a workflow context or any object; its `tenantId`, `executionId` and `signal` are used
 * @param observability an observability object, a logger, or nothing
 * @throws RuntimeError INVALID_CONFIGURATION for values that are not allowed, naming the key
 * @example
 * const runtime = createRuntime({}, undefined, { queueSize: 1000 });
 * runtime.on('user.created', async (event) => save(event.data));
 * runtime.emit('user.created', { userId: '123' });
 * await runtime.process();
 */
export declare function createRuntime<Events = LooseEvents>(context?: unknown, observability?: unknown, config?: RuntimeConfig): Runtime<Events>;
/** The usual stack: concurrency outside, then one timeout around all attempts, then retry next to the handler. */
export declare function createStandardMiddleware(options?: StandardMiddlewareOptions): Middleware;
/** A factory that refuses an invalid configuration and makes a {@link safeMiddleware}. */
export declare function createTypedMiddlewareFactory<T>(name: string, validator: ConfigValidator<T>, factory: (config: T) => Middleware): (config: T) => Middleware;
/**
 * As `createEvent`, for payloads that must be objects.
 *
 * @throws Error `Invalid payload for event type: <type>` for anything that is no object
 */
export declare function createValidatedEvent<T extends EventType, D = PayloadOf<T>>(type: T, payload: D, options?: CreateEventOptions): TEvent<T, D>;
export declare function createWorkflowContext(workflowName: string, executionId: string, tenantId: string, options?: WorkflowContextOptions): WorkflowContext;
/**
 * Makes a workflow context for `createRuntime`, of three names or of one object. `undefined` means "not given".
 *
 * @example
 * const context = createWorkflowContext('code-review', 'execution-1', 'tenant-1', { inputs });
 * const same = createWorkflowContext({ workflowName: 'code-review', executionId: 'execution-1', tenantId: 'tenant-1' });
 */
export declare function createWorkflowContext<Given extends Partial<WorkflowContext>>(given: Given): WorkflowContext & Omit<Given, keyof WorkflowContext>;
/** The data of an event of this type; `{}` if it has none; undefined if the type differs. */
export declare function extractEventData<T extends string>(event: AnyEvent, type: T): PayloadOf<T> | undefined;
/** The process's own persistor: the one that was set, else one in memory, made at the first call. */
export declare function getGlobalPersistor(): Persistor;
/**
 * The observability object of this process, made on the first call. It logs to the console at 'warn' and above, and
 * installs no handlers on the process.
 *
 * @param config used by the first call only; `initObservability` and `updateConfig` change it later
 * @throws RuntimeError INVALID_CONFIGURATION
 * @example
 * const runtime = createRuntime(context, getObservability({ logging: { level: 'info' } }));
 */
export declare function getObservability(config?: ObservabilityConfig): ObservabilitySystem;
/**
 * Replaces the observability object of this process. Who holds the old one keeps it.
 *
 * @throws RuntimeError INVALID_CONFIGURATION
 */
export declare function initObservability(config?: ObservabilityConfig): ObservabilitySystem;
/** SDK errors: their flag; others: whether the code is one of a broken connection. */
export declare function isErrorRecoverable(error: unknown): boolean;
/** SDK errors: their flag; others: whether the HTTP status is one of a passing fault. */
export declare function isErrorRetryable(error: unknown): boolean;
/** Whether an event is of exactly this type. */
export declare function isEventType<T extends string>(event: AnyEvent, type: T): event is TEvent<T>;
/** Whether an event is of exactly one of these types. */
export declare function isEventTypeGroup<T extends string>(event: AnyEvent, types: readonly T[]): event is TEvent<T>;
/** `validator(value)`. */
export declare function isMiddlewareConfig<T>(value: unknown, validator: (value: unknown) => value is T): value is T;
/** Whether a function carries the marks that older runtimes wrote; this one writes none. */
export declare function isTrackedEventHandler(handler: unknown): boolean;
/** Whether a type is one of `EVENT_TYPES`. Other types are allowed everywhere; this tells them apart. */
export declare function isValidEventType(type: string): type is KnownEventType;
/** Forgets the process's own persistor; the next `getGlobalPersistor` makes one. */
export declare function resetGlobalPersistor(): void;
/**
 * Wraps a middleware so that every error comes out as a {@link MiddlewareError} named after it, with the original as
 * `cause`.
 */
export declare function safeMiddleware(name: string, middleware: Middleware): Middleware;
/**
 * Makes a setup `(event, sendEvent) => stop`: `sendEvent` is called with events like the one given, on the schedule.
 * Intervals do not drift; cron expressions follow their time zone through daylight saving. The schedule does not keep the
 * process alive.
 *
 * @example
 * const stop = schedule({ every: '5s', maxTriggers: 3 })(event, (next) => runtime.emit(next.type, next.data));
 */
export declare function schedule(options: ScheduleOptions): ScheduleSetup;
/** Sets the process's own persistor. */
export declare function setGlobalPersistor(persistor: Persistor): void;
/** Kept for older callers: functions are not marked any more, so the handler is answered as it is. */
export declare function updateTrackedHandler<T>(handler: T): T;
/** Whether a payload is an object, which is all that is asked of the payloads of `createValidatedEvent`. */
export declare function validateEventPayload(payload: unknown): payload is object;
/**
 * Puts a middleware around a handler for those events for which the condition holds; it is asked at each run. Conditions of
 * `conditionUtils` and plain functions of the event both fit.
 *
 * @example
 * when((event) => event.type.startsWith('api.'), withTimeout({ timeoutMs: 500 }))
 */
export declare function when(condition: WhenCondition, middleware: MiddlewareEntry): Middleware;
/** Defines a kind of event; without a name its type is made up. */
export declare function workflowEvent<D = unknown, T extends string = string>(name?: T): EventDef<D, T>;
/** Makes an error of the family of anything: SDK errors are returned as they are, others become the `cause`. */
export declare function wrapError(error: unknown, code?: ErrorCode, context?: Record<string, unknown>): BaseSDKError;
/** A thought of an agent. */
export interface AgentThought {
  reasoning?: string;
  [key: string]: any;
}
/** What travels with an event besides its data. Any other key may be added. */
export interface AnyEventMetadata {
  correlationId?: string;
  deliveryGuarantee?: DeliveryGuarantee;
  tenantId?: string;
  executionId?: string;
  /** When it was emitted, in milliseconds since the epoch; with acks. */
  timestamp?: number;
  /** Id of the event whose handler emitted this one; with `trackCauses`. */
  causationId?: string;
  [key: string]: any;
}
/** What `batch`, `window` and `combineLatest` say about the items together. */
export interface BatchData<T, Items extends readonly T[] = T[]> {
  /** The items themselves, in order. */
  events: Items;
  /** Their number, under two names. */
  size: number;
  count: number;
  /** When they were handed on, in milliseconds since the epoch. */
  timestamp: number;
}
/** Times of a batch or window, in milliseconds since the epoch. */
export interface BatchTimes {
  /** When its first item came. */
  batchStartTime: number;
  /** `timestamp - batchStartTime` */
  batchDuration: number;
}
/** Batched emits. */
export interface BatchingConfig {
  /** Batch all emits. Default false. */
  enabled?: boolean;
  /** Events that make a batch. Default 10. */
  defaultBatchSize?: number;
  /** Milliseconds after its first event when a batch is flushed. Default 200. */
  defaultBatchTimeout?: number;
  /** Upper bound for every batch size. Default 100. */
  maxBatchSize?: number;
  /** Exact types that flush the batch at once. Default none. */
  flushOnEventTypes?: readonly string[];
}
/** Counters of a buffer, over all runs. */
export interface BufferStats {
  /** Items in it now. */
  buffered: number;
  /** Items that gave way because it was full. */
  dropped: number;
}
/** Options of {@link withCache}. */
export interface CacheOptions {
  /** Milliseconds that a result is good for; 0: nothing is cached. Default 60,000. */
  ttlMs?: number;
  /** Another name of `ttlMs`, which wins. */
  ttl?: number;
  /** Results kept, at least 1; the oldest goes. Default 1000. */
  maxSize?: number;
  /**
   * What makes events equal: any value, compared as a key of a Map; undefined: this event is not cached. Default type and
   * data, the latter as JSON.
   */
  keyFn?: (event: any) => unknown;
}
/** Configuration of a {@link CircuitBreaker}. */
export interface CircuitBreakerConfig {
  /** Names it in errors and logs. */
  name: string;
  /** Failures in a row that open it, at least 1. Default 3; without a default if `failureRateThreshold` is given. */
  failureThreshold?: number;
  /** Failures per call in the sliding window that open it, above 0 to 1. Default: off. */
  failureRateThreshold?: number;
  /** Calls in the window before the rate counts. Default 10. */
  minimumCalls?: number;
  /** The window: the last so many calls. Default 100. */
  slidingWindowSize?: number;
  /** The window: the last so many milliseconds, instead of `slidingWindowSize`. */
  slidingWindowMs?: number;
  /** Milliseconds that it stays open. Default 180,000. */
  recoveryTimeout?: number;
  /** Successful probes that close it, and the most that run at a time while half-open. Default 2. */
  successThreshold?: number;
  /** Limit of one operation in milliseconds; longer counts as failed. Default 180,000. */
  operationTimeout?: number;
  /** False: every operation runs, and nothing is counted against it. Default true. */
  enabled?: boolean;
  /** Told of each change of state. */
  onStateChange?: (state: CircuitState, previous: CircuitState) => void;
  /** Told of each failed operation. */
  onFailure?: (error: Error, context?: unknown) => void;
  /** Told of each successful operation. */
  onSuccess?: (result: unknown, context?: unknown) => void;
}
/** Options of {@link createCircuitBreakerHandler}. */
export interface CircuitBreakerHandlerOptions {
  /** Failures in a row that open it. Default 5. */
  failureThreshold?: number;
  /** Milliseconds that it stays open. Default 60,000. */
  resetTimeout?: number;
  /** Probes at a time while half-open; so many successes close it. Default 1. */
  halfOpenRequests?: number;
}
/** Options of {@link circuitBreakerMiddleware}: those of a circuit, and which circuit an event belongs to. */
export interface CircuitBreakerMiddlewareConfig extends Omit<CircuitBreakerConfig, "name"> {
  /** Not needed: the key names the circuit. */
  name?: string;
  /** One circuit for all events. */
  circuitKey?: string;
  /** The circuit of an event. Default: its type. */
  keyGenerator?: (event: any) => string;
  /** False: the handler runs without protection. */
  shouldProtect?: (event: any) => boolean;
  /** Told of each refused event. */
  onRejected?: (event: any, result: CircuitResult) => void;
}
/** Counts of a circuit since its creation or reset. */
export interface CircuitMetrics {
  state: CircuitState;
  /** Refused ones included. */
  totalCalls: number;
  successfulCalls: number;
  failedCalls: number;
  rejectedCalls: number;
  /** Share of `totalCalls`, 0 to 1. */
  successRate: number;
  failureRate: number;
  /** `timestamp`: milliseconds since the epoch. */
  lastFailure?: {
    timestamp: number;
    error: string;
  };
  lastSuccess?: {
    timestamp: number;
  };
  /** Milliseconds. */
  timeInCurrentState: number;
  /** While open: when the next call may be a probe, in milliseconds since the epoch. */
  nextAttempt?: number;
}
/** How an operation went. */
export interface CircuitResult<T = unknown> {
  result?: T;
  error?: Error;
  /** The state afterwards. */
  state: CircuitState;
  /** Whether the operation was called. */
  executed: boolean;
  /** Whether it was refused. */
  rejected: boolean;
  /** Milliseconds. */
  duration: number;
}
/** Options of {@link withConcurrency}. */
export interface ConcurrencyOptions {
  /** Handler runs at a time for each key, at least 1. Default 5. */
  maxConcurrent?: number;
  /** What shares a limit: any value, compared as a key of a Map. Default the event's type. */
  getKey?: (event: any) => unknown;
  /**
   * Milliseconds that a run waits for a permit; 0: it is refused at once. Default: in a runtime's list it waits without
   * limit, by hand 0.
   */
  queueTimeoutMs?: number;
  /** Without a `queueTimeoutMs` above 0: 'wait' waits without limit, 'drop' refuses at once. */
  mode?: "drop" | "wait";
  /** Count refusals in `context.cost.concurrencyDrops`. Default true. */
  emitMetrics?: boolean;
  /** The caller's object that gets this count. */
  context?: object;
}
/** Ready-made conditions. All take a context and none throws. */
export interface ConditionUtils {
  /** The type is in the list. */
  forEventTypes(types: readonly string[]): MiddlewareCondition;
  /** `data.priority`, else `metadata.priority`, else 0, is within the bounds, both included. */
  forPriority(min: number, max?: number): MiddlewareCondition;
  /** The length of the event's JSON is within the bounds; an event without a JSON form has no size. */
  forEventSize(min: number, max?: number): MiddlewareCondition;
  /** `context.metadata[key]` is `value`. */
  forMetadata(key: string, value: unknown): MiddlewareCondition;
  /** What `predicate` says. */
  forContext(predicate: (context: MiddlewareContext) => boolean | Promise<boolean>): MiddlewareCondition;
  /** The local hour is from `start` to `end`, both included; 22 to 6 goes over midnight. */
  forTimeWindow(start: number, end: number): MiddlewareCondition;
  /** `data.origin`, else `metadata.origin`, is in the list. */
  forOrigin(origins: readonly string[]): MiddlewareCondition;
  /** `data.tenant`, else `metadata.tenant`, is in the list. */
  forTenant(tenants: readonly string[]): MiddlewareCondition;
  /** All hold; asked from left to right until one does not. */
  and(...conditions: MiddlewareCondition[]): MiddlewareCondition;
  /** One holds; asked from left to right until one does. */
  or(...conditions: MiddlewareCondition[]): MiddlewareCondition;
  /** It does not hold. */
  not(condition: MiddlewareCondition): MiddlewareCondition;
  /** By chance, with this probability from 0 to 1. */
  withProbability(probability: number): MiddlewareCondition;
  /** The priority is at least 8, or `metadata.critical` is true. */
  forCriticalEvents(): MiddlewareCondition;
  /** The type has 'debug' in it, or `metadata.debug` is true. */
  forDebugEvents(): MiddlewareCondition;
  /** `metadata.environment` is 'production'. */
  forProductionEvents(): MiddlewareCondition;
}
/** Options of `createConcurrencyMiddleware`. */
export interface ConditionalConcurrencyConfig extends MiddlewareConfig {
  /** Runs at a time for each key. Default 10. */
  maxConcurrent?: number;
  /** What shares a limit. Default: all share one. */
  key?: string | ((context: MiddlewareContext) => unknown);
}
/** A middleware with its condition. */
export interface ConditionalMiddleware {
  middleware: MiddlewareFunction;
  /** Default: always. */
  condition?: MiddlewareCondition;
  /** In statistics. Default 'anonymous'. */
  name?: string;
  /** Lower first. Default 5. */
  priority?: number;
}
/** Options of `createObservabilityMiddleware`. */
export interface ConditionalObservabilityConfig extends MiddlewareConfig {
  /** Level of the messages. Default 'info'. */
  level?: LogLevel;
  /** Another name of `level`, which wins. */
  logLevel?: LogLevel;
  /** Log the stack of errors. Default false. */
  includeStack?: boolean;
  /** Log the context's metadata. Default false. */
  includeMetadata?: boolean;
}
/** Options of `createRetryMiddleware`. */
export interface ConditionalRetryConfig extends MiddlewareConfig {
  /** Attempts in all. Default 3. */
  maxAttempts?: number;
  /** Milliseconds before the second attempt; doubles with each. Default 1000. */
  backoffMs?: number;
  /** No wait is longer, in milliseconds. Default 30,000. */
  maxBackoffMs?: number;
  /** Names (`error.name`) of errors that are not tried again. Default: none. */
  nonRetryableErrors?: readonly string[];
}
/** Counts of one name. */
export interface ConditionalStats {
  /** Runs. */
  applied: number;
  /** Times that its condition was false. */
  skipped: number;
  /** Errors that it threw itself. */
  errors: number;
}
/** Options of `createTimeoutMiddleware`. */
export interface ConditionalTimeoutConfig extends MiddlewareConfig {
  /** Milliseconds. Default 30,000. */
  ms?: number;
  /** Another name of `ms`, which wins. */
  timeoutMs?: number;
  /** Default 'Operation timed out'. */
  errorMessage?: string;
}
/** Options of `createValidationMiddleware`. */
export interface ConditionalValidationConfig extends MiddlewareConfig {
  /** Checks the event's data. */
  schema?: AnySchema;
  /** Checks the event: false refuses it. */
  validateEvent?: (event: MiddlewareContext["event"]) => boolean | Promise<boolean>;
}
/** Judges a configuration. */
export interface ConfigValidator<T = unknown> {
  /** Whether it is valid. */
  validate(config: unknown): config is T;
  /** The valid configuration, with its defaults. */
  parse(config: unknown): T;
}
/** Options of `createEvent`. Empty strings and zero count as not given. */
export interface CreateEventOptions {
  id?: string;
  /** Milliseconds since the epoch. Default: now. */
  timestamp?: number;
  threadId?: string;
}
/** Configuration of a `DeadLetterQueue`. */
export interface DLQConfig {
  /** Keep items in the persistor, if there are a persistor and an id. Default true. */
  enablePersistence?: boolean | undefined;
  /** Items kept, at least 1; the oldest leave when a new one comes. Default 1000. */
  maxDLQSize?: number | undefined;
  /** Days an item is kept, more than 0. Default 7. */
  maxRetentionDays?: number | undefined;
  /** Sweep out items that have been kept for their time. Default true. */
  enableAutoCleanup?: boolean | undefined;
  /** Milliseconds between sweeps, at least 1. Default one hour. */
  cleanupInterval?: number | undefined;
  /** Log an error for each item; of a flood the first, then at most one a second with the number of the others. Default true. */
  enableDetailedLogging?: boolean | undefined;
  /** Size from which a warning is logged, at most one a second. At least 1. Default 100. */
  alertThreshold?: number | undefined;
}
/** Where an event came from, for those who look at a dead letter. */
export interface DLQContext {
  handlerName?: string | undefined;
  correlationId?: string | undefined;
  traceId?: string | undefined;
  agentId?: string | undefined;
  workflowId?: string | undefined;
  /** Priority with which it goes back. Default 0. */
  originalPriority?: number | undefined;
  /** What it was emitted with, as the five below: it keeps that when it goes back. */
  idempotencyKey?: string | undefined;
  orderingKey?: string | undefined;
  /** Limit of each handler in milliseconds. */
  timeout?: number | undefined;
  /** Milliseconds; they begin anew when it goes back. */
  ttlMs?: number | undefined;
  retryPolicy?: EventRetryPolicy | undefined;
}
/** One failure of a dead letter. */
export interface DLQError {
  message: string;
  stack?: string | undefined;
  /** Milliseconds since the epoch. */
  timestamp: number;
  /** Number of the attempt; -1: marked by its owner. */
  attempt: number;
}
/** A dead letter. */
export interface DLQItem {
  /** Id of the event. */
  id: string;
  /** The event as it failed last; what was loaded from a persistor is a copy. */
  event: AnyEvent;
  /** Its failures, oldest first; the first and the newest nine are kept. */
  errors: DLQError[];
  /** Attempts made. */
  attempts: number;
  /** Milliseconds since the epoch, as the two below. */
  firstFailedAt: number;
  lastFailedAt: number;
  /** When it became a dead letter. */
  dlqTimestamp: number;
  originalPriority: number;
  processingContext: DLQContext;
  /** `type:…`, `error:…`, and where known `agent:…`, `workflow:…`, `poison`. */
  tags: string[];
  /** Whether it may go back into the queue. */
  canReprocess: boolean;
}
/** Statistics of dead letters. Ages in milliseconds. */
export interface DLQStats {
  totalItems: number;
  itemsByEventType: Record<string, number>;
  /** Counts error entries by kind: `timeouterror` … `unknown`. */
  itemsByErrorType: Record<string, number>;
  averageAttempts: number;
  oldestItem: {
    id: string;
    age: number;
    eventType: string;
  } | undefined;
  /** Up to ten, newest first. */
  recentItems: {
    id: string;
    eventType: string;
    errorMessage: string;
    attempts: number;
    age: number;
  }[];
}
/**
 * What has happened to dead letters since the start. Nothing is forgotten:
 * `filed + restored = evicted + expired + removed + totalItems`.
 */
export interface DeadLetterCounters {
  /** Events filed for the first time. */
  filed: number;
  /** Brought back from the persistor. */
  restored: number;
  /** Left to make room. */
  evicted: number;
  /** Left because of their age. */
  expired: number;
  /** Taken out: reprocessed, purged, cleared. */
  removed: number;
  /** Calls of the persistor that failed. */
  persistenceErrors: number;
}
/** Which dead letters are meant; all that is given must match. */
export interface DeadLetterCriteria {
  /** Milliseconds: items that are at least that old (the name is historical). */
  maxAge?: number | undefined;
  /** 0 or absent: no limit. */
  limit?: number | undefined;
  /** Exactly this type. */
  eventType?: string | undefined;
  /** Part of any error message. */
  errorType?: string | undefined;
  /** One of the tags. */
  tag?: string | undefined;
}
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
/** Options of `debounce`. */
export interface DebounceOptions extends SignalOptions {
  /** The first item after a quiet time goes at once. Default false. */
  leading?: boolean | undefined;
  /** An item is held no longer than this many milliseconds, however busy the source stays. Default: no limit. */
  maxWaitMs?: number | undefined;
}
/** Options of `delay`. */
export interface DelayOptions extends SignalOptions {
  /** At most this many items wait; then the source is not asked for more. Default 1024. */
  buffer?: number | undefined;
}
/** A snapshot that its owner has made as the difference to another one. Persistors keep it as it is. */
export interface DeltaSnapshot extends Snapshot {
  isDelta: true;
  /** Hash of the snapshot that it is the difference to. */
  baseHash: string;
  eventsDelta?: unknown;
  stateDelta?: unknown;
}
/** Options of `distinct`. */
export interface DistinctOptions extends SignalOptions {
  /** Keys that are remembered, those seen last. Default 10,000. */
  capacity?: number | undefined;
}
/** Options of `drain`. */
export interface DrainCallOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}
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
/** A kind of event, to make and recognise events of it. */
export interface EventDef<D = unknown, T extends string = string> {
  readonly type: T;
  /** An event of this kind; absent data becomes `{}`. */
  with(data?: D | null): TEvent<T, D>;
  /** Whether an event is of this kind. */
  include(event: AnyEvent): event is TEvent<T, D>;
}
/** What is known of an event. */
export interface EventExplanation {
  eventId: string;
  eventType: string;
  state: EventState;
  /** How it has ended; undefined while it lives, and where nobody remembers. */
  outcome?: EventOutcome;
  /** When it was made, in milliseconds since the epoch. */
  timestamp: number;
  correlationId?: string;
  tenantId?: string;
  priority?: number;
  /** Attempts begun; undefined where nobody remembers. */
  attempts?: number;
  /** The attempts that failed, oldest first; the last 20. */
  failures: ExplainedFailure[];
  /** What the last attempt failed with. */
  lastError?: string;
  /** When its delay or redelivery is due, in milliseconds since the epoch. */
  dueAt?: number;
  /** Milliseconds since it was made. */
  ageMs: number;
  /** Milliseconds that redeliveries made it wait. */
  retryWaitMs: number;
  /** How many waiting events would start before it; undefined where that is not known. */
  ahead?: number;
  /** One sentence. */
  summary: string;
}
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
/** Data by event type, for the types of the framework. Never checked at run time. */
export interface EventPayloads {
  "agent.started": {
    agentName: string;
    input: unknown;
    correlationId?: string;
  };
  "agent.input": {
    input: unknown;
    agent: string;
    correlationId?: string;
  };
  "agent.thinking": {
    agentName: string;
    input: unknown;
    correlationId?: string;
  };
  "agent.thought": {
    agentName: string;
    thought: AgentThought;
    correlationId?: string;
  };
  "agent.completed": {
    result: unknown;
    agent: string;
    reasoning: string;
  };
  "agent.failed": {
    error: string;
    agent: string;
    reasoning?: string;
  };
  "agent.question": {
    question: string;
    agent: string;
    correlationId?: string;
  };
  "agent.error": {
    error: string;
    agent: string;
    correlationId?: string;
  };
  "agent.lifecycle.started": {
    agentName: string;
    tenantId: string;
    executionId: string;
    status: string;
    startedAt: number;
  };
  "agent.lifecycle.stopped": {
    agentName: string;
    tenantId: string;
    status: string;
    stoppedAt: number;
    reason?: string;
  };
  "agent.lifecycle.paused": {
    agentName: string;
    tenantId: string;
    status: string;
    pausedAt: number;
    snapshotId?: string;
    reason?: string;
  };
  "agent.lifecycle.resumed": {
    agentName: string;
    tenantId: string;
    status: string;
    resumedAt: number;
    snapshotId?: string;
  };
  "agent.lifecycle.scheduled": {
    agentName: string;
    tenantId: string;
    status: string;
    scheduleTime: number;
    scheduleConfig: unknown;
  };
  "agent.lifecycle.error": {
    agentName: string;
    tenantId: string;
    operation: string;
    error: string;
    details?: unknown;
    timestamp: number;
  };
  "agent.lifecycle.status_changed": {
    agentName: string;
    tenantId: string;
    fromStatus: string;
    toStatus: string;
    reason?: string;
    timestamp: number;
  };
  "tool.called": {
    toolName: string;
    input: unknown;
    agent: string;
    correlationId?: string;
  };
  "tool.call": {
    toolName: string;
    input: unknown;
    agent: string;
    correlationId?: string;
  };
  "tool.result": {
    result: unknown;
    agent: string;
    reasoning: string;
    toolName: string;
  };
  "tool.error": {
    error: string;
    toolName: string;
    agent: string;
    reasoning?: string;
  };
  "tool.completed": {
    toolName: string;
    result: unknown;
    agent: string;
  };
  "workflow.started": {
    workflowName: string;
    input: unknown;
    correlationId?: string;
  };
  "workflow.start": {
    input: unknown;
  };
  "workflow.completed": {
    workflowName: string;
    result: unknown;
    correlationId?: string;
  };
  "workflow.complete": {
    result: unknown;
  };
  "workflow.failed": {
    workflowName: string;
    error: string;
    correlationId?: string;
  };
  "workflow.error": {
    error: Error;
    step: string;
  };
  "workflow.paused": {
    workflowName: string;
    reason: string;
    snapshotId: string;
  };
  "workflow.resumed": {
    workflowName: string;
    snapshotId: string;
  };
  "workflow.canceled": {
    workflowName: string;
    reason: string;
    correlationId?: string;
  };
  "workflow.run": {
    input: unknown;
  };
  "context.created": {
    executionId: string;
    tenantId: string;
  };
  "context.updated": {
    executionId: string;
    updates: Record<string, unknown>;
  };
  "context.destroyed": {
    executionId: string;
    reason?: string;
  };
  "context.timeout": {
    executionId: string;
    timeoutMs: number;
  };
  "state.updated": {
    namespace: string;
    key: string;
    value: unknown;
  };
  "state.deleted": {
    namespace: string;
    key: string;
  };
  "step.started": {
    stepName: string;
    input: unknown;
    correlationId?: string;
  };
  "step.completed": {
    stepName: string;
    result: unknown;
    correlationId?: string;
  };
  "step.failed": {
    stepName: string;
    error: string;
    correlationId?: string;
  };
  "step.skipped": {
    stepName: string;
    reason: string;
    correlationId?: string;
  };
  "kernel.started": {
    kernelId: string;
    tenantId: string;
  };
  "kernel.paused": {
    kernelId: string;
    reason: string;
    snapshotId: string;
  };
  "kernel.resumed": {
    kernelId: string;
    snapshotId: string;
  };
  "kernel.completed": {
    kernelId: string;
    result: unknown;
  };
  "execution.completed": {
    executionId: string;
    result: unknown;
  };
  "execution.run": {
    input: unknown;
  };
  "kernel.quota.exceeded": {
    kernelId: string;
    type: string;
  };
  "router.route": {
    routerName: string;
    input: unknown;
    route: string;
    correlationId?: string;
  };
  "mcp.connected": {
    threadId: string;
  };
  "mcp.disconnected": {
    threadId: string;
  };
  "mcp.tool.called": {
    toolName: string;
    input: unknown;
    threadId: string;
    correlationId?: string;
  };
  "mcp.tool.result": {
    result: unknown;
    toolName: string;
    threadId: string;
    correlationId?: string;
  };
  "mcp.error": {
    error: string;
    threadId: string;
    correlationId?: string;
  };
  "planner.started": {
    plannerName: string;
    input: unknown;
    correlationId?: string;
  };
  "planner.completed": {
    plannerName: string;
    result: unknown;
    correlationId?: string;
  };
  "planner.failed": {
    plannerName: string;
    error: string;
    correlationId?: string;
  };
  "planner.step.completed": {
    plannerName: string;
    stepName: string;
    result: unknown;
    correlationId?: string;
  };
  "ecosystem.discover": {
    criteria: {
      capability?: string;
      specialization?: string;
      availability?: boolean;
    };
    results: string[];
    correlationId?: string;
  };
  "ecosystem.broadcast": {
    event: string;
    data: unknown;
    recipients?: string[];
    correlationId?: string;
  };
  "agent.delegate": {
    targetAgent: string;
    input: unknown;
    correlationId?: string;
  };
  "system.error": {
    error: string;
    context?: Record<string, unknown>;
  };
  "system.warning": {
    warning: string;
    context?: Record<string, unknown>;
  };
  "system.info": {
    message: string;
    context?: Record<string, unknown>;
  };
  "stream.error": {
    originalEvent: AnyEvent;
    handler: string;
    error: unknown;
    timestamp: number;
    attempt: number;
    recoverable: boolean;
  };
  "stream.batch": {
    events: AnyEvent[];
    size: number;
  };
  error: {
    originalEvent: AnyEvent;
    handler: string;
    error: unknown;
    timestamp: number;
    attempt: number;
    recoverable: boolean;
  };
  "human.intervention.requested": {
    reason: string;
    context: unknown;
    correlationId?: string;
  };
  "human.intervention.completed": {
    result: unknown;
    correlationId?: string;
  };
  "memory.heap": {
    used: number;
    total: number;
    percentage: number;
  };
  "memory.utilization": {
    percentage: number;
    details: Record<string, number>;
  };
  "resources.contexts": {
    active: number;
    total: number;
    details: Record<string, number>;
  };
  "resources.generators": {
    active: number;
    total: number;
    details: Record<string, number>;
  };
  "performance.eventRate": {
    eventsPerSecond: number;
    window: number;
  };
  "performance.avgProcessingTime": {
    avgTimeMs: number;
    samples: number;
  };
  "performance.errorRate": {
    errorRate: number;
    totalEvents: number;
    errorEvents: number;
  };
  "agent.call": {
    agentName: string;
    input: unknown;
    correlationId?: string;
  };
  start: void;
  benchmark: {
    id: number;
  };
  done: void;
  "high-volume": {
    id: number;
  };
  START_LIFECYCLE: void;
  PROCESS_LIFECYCLE: {
    id: number;
  };
  STOP_LIFECYCLE: void;
  AFTER_STOP_LIFECYCLE: void;
  "step.": {
    stepName: string;
    input: unknown;
    correlationId?: string;
  };
  concurrent: {
    id: string;
    key: string;
  };
  metric: {
    id: string;
    key: string;
  };
  "step.event": {
    stepName: string;
    input: unknown;
  };
  "workflow.step": {
    stepName: string;
    input: unknown;
  };
}
/** Configuration of a queue. Every key has a default; `undefined` means "not given". */
export interface EventQueueConfig {
  /** Events that may wait; 0 refuses all. Default: no limit (a runtime: `queueSize`). */
  maxQueueDepth?: number;
  /** Events taken by `processBatch`. Default 20. */
  batchSize?: number;
  /** A further upper bound on what runs at once. Default: none. */
  chunkSize?: number;
  /** Events that run at once. Default 25. */
  maxConcurrent?: number;
  /** The same for each tenant. Default: none. */
  maxConcurrentPerTenant?: number;
  /** The same for each event type. Default: none. */
  maxConcurrentPerEventType?: number;
  /** Accepted for old callers; the limit always holds. */
  enableGlobalConcurrency?: boolean;
  /** Logs. Default true. */
  enableObservability?: boolean;
  /**
   * Histograms of queue wait, handler time and end-to-end time, in `getStats().latency`. `'shared'`: events that are handled
   * together share readings of the clock; `'precise'`: each has its own; `'off'`. Default `'shared'`, and `'off'` without
   * observability.
   */
  latency?: LatencyMode;
  /**
   * Share of the machine's (or the container's) memory that this process may fill before fewer run at once, 0 to 1. Three quarters
   * of the way from there to 1, no event is taken in while another waits. 1 switches both off. Default 0.8.
   */
  maxMemoryUsage?: number;
  /**
   * Share of the machine's processors in use, by all processes, above which fewer run at once while the handlers compute, 0 to 1.
   * Default 0.85.
   */
  maxCpuUsage?: number;
  /** Bytes from which an event counts as large. Default 1 MiB. */
  largeEventThreshold?: number;
  /** Bytes from which an event counts as huge. Default 10 MiB. */
  hugeEventThreshold?: number;
  /** Larger events are refused, in bytes. Default 100 MiB. */
  maxEventSize?: number;
  /** Refuse huge events. Default false. */
  dropHugeEvents?: boolean;
  /** Bytes that may wait in all (estimated). Default: no limit. */
  maxQueueBytes?: number;
  /** Mark large events as compressed in their stored form. Default true. */
  enableCompression?: boolean;
  /** Ids that the deduplication window remembers. Default 10,000. */
  maxProcessedEvents?: number;
  /** Redeliver failed events. Default false. */
  enableRetry?: boolean;
  /** Redeliveries after the first attempt. Default 3 (a runtime: 1). */
  maxRetries?: number;
  /** Milliseconds before the first redelivery. Default 1000. */
  baseRetryDelay?: number;
  /** No delay is longer, in milliseconds. Default 30,000. */
  maxRetryDelay?: number;
  /** Multiplier from one delay to the next. Default 2. */
  retryBackoffMultiplier?: number;
  /** Spread delays. Default true. */
  enableJitter?: boolean;
  /** By which share, up or down. Default 0.1. */
  jitterRatio?: number;
  /** Keep failed events as dead letters. Default: false in `EventQueue`, true in `EnhancedEventQueue` and runtimes. */
  enableDLQ?: boolean;
  /** Their keeping. */
  dlq?: DLQConfig;
  /** After so many failures in a row, send events to the dead letters without an attempt. Default false. */
  enableCircuitBreaker?: boolean;
  /** Failures in a row that open the breaker. Default 5. */
  circuitBreakerThreshold?: number;
  /** Accepted for old callers: the old queue changed its sizes by guesses. No effect. */
  enableAutoScaling?: boolean;
  /** No effect. */
  autoScalingInterval?: number;
  /** No effect. */
  learningRate?: number;
  /** No effect: snapshots are whole. */
  enableDeltaCompression?: boolean;
  /** Persist accepted events with `persistor`. Default false; in a runtime that has a persistor, true. */
  enablePersistence?: boolean;
  persistor?: Persistor;
  /** Key of everything persisted. */
  executionId?: string;
  /** Persist events of the critical types and prefixes. Default true. */
  persistCriticalEvents?: boolean;
  /** Persist every event. Default false. */
  persistAllEvents?: boolean;
  /** Exact types that are critical. Default none. */
  criticalEventTypes?: readonly string[];
  /** Prefixes of critical types. Default `['agent.', 'workflow.']`; a runtime adds `'kernel.'`. */
  criticalEventPrefixes?: readonly string[];
  /** Unfinished events kept in the persistor at most. Default 1000. */
  maxPersistedEvents?: number;
  /** Bring unfinished events of the same `executionId` back at the start. Default true. */
  enableAutoRecovery?: boolean;
  /** Events brought back at a time. Default 100. */
  recoveryBatchSize?: number;
  /** Tell `eventStore` of every accepted event. Default false. */
  enableEventStore?: boolean;
  /** A store of your own, for a queue that is used alone. A runtime makes its own, see `eventStoreConfig`. */
  eventStore?: EventStore;
}
/** `retryPolicy` of `emit`: replaces the runtime's redelivery policy for one event. */
export interface EventRetryPolicy {
  /** Redeliveries after the first attempt. */
  maxRetries?: number;
  /** linear: `initialDelay × n`; exponential: `initialDelay × 2^(n-1)`. Default 'exponential'. */
  backoff?: "linear" | "exponential";
  /** Milliseconds. Default 1000. */
  initialDelay?: number;
}
/** Configuration of an event store. `undefined` means "not given". */
export interface EventStoreConfig {
  /** Whose events they are: they are stored under `events_<executionId>`. */
  executionId: string;
  /** Default true; false: nothing is stored, marked or replayed. */
  enableReplay?: boolean | undefined;
  /** Events in each list of a replay. Default 100. */
  replayBatchSize?: number | undefined;
  /** Events kept; the oldest fall out. Default 10,000. */
  maxStoredEvents?: number | undefined;
  /** Where they are kept; wins over the two below. */
  persistor?: Persistor | undefined;
  /** Kind of the built-in persistor that is made otherwise. Default 'memory'. */
  persistorType?: PersistorType | undefined;
  /** Its options. */
  persistorOptions?: PersistorOptions | undefined;
  /** Log. Default true. */
  enableObservability?: boolean | undefined;
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
/** An attempt that failed. */
export interface ExplainedFailure {
  attempt: number;
  /** Milliseconds since the epoch. */
  at: number;
  error: string;
  /** Milliseconds until the redelivery that followed; undefined if none did. */
  delayMs?: number;
}
/** Options of {@link withFallback}. */
export interface FallbackOptions {
  /** Called with the event and the error; its result, sync or async, counts as the handler's. */
  fallback: (event: any, error: unknown) => unknown;
  /** Errors that it is for. Default: all. */
  shouldFallback?: (error: unknown) => boolean;
}
/** Options of `flatMap`. */
export interface FlatMapOptions extends SignalOptions {
  /** Inner streams that are read at the same time. Default 16. */
  concurrency?: number | undefined;
}
/** A persistor in files, without a server. Its folder belongs to it: a runtime's journal needs another one. */
export interface JournalPersistorConfig {
  type: "journal";
  /** The folder; it is made if it is not there. */
  path: string;
  /** Bytes of the files, from 1 MiB; what is appended beyond them is refused. Default: no limit. */
  maxBytes?: number | undefined;
}
/** A kernel and a runtime that are connected. */
export interface KernelIntegration {
  /** What has passed since the connection was made; a copy. */
  getStats(): KernelIntegrationStats;
  /** Ends the connection; kernel and runtime go on. May be called again. */
  disconnect(): void;
}
/** Options of `createKernelIntegration`. */
export interface KernelIntegrationOptions {
  /** Types and patterns whose events the kernel gets. Default: all. */
  events?: readonly EventPattern[];
  /**
   * Told of what the kernel's functions throw or reject with, and of events that the runtime refuses. They never fail an
   * event. Default: they are only counted.
   */
  onError?: (error: unknown, event?: AnyEvent) => void;
}
/** Counters of a connection. */
export interface KernelIntegrationStats {
  /** Events of the runtime that the kernel got. */
  toKernel: number;
  /** Events of the kernel that the runtime took. */
  toRuntime: number;
  /** Changes of state, both ways. */
  stateChanges: number;
  /** Calls that failed, and events that the runtime refused. */
  failures: number;
}
/** What a kernel may have to be connected. Each member is optional: what is missing is not connected. */
export interface KernelLike {
  /** Shown in `metadata.origin` of the kernel's events. Default `'kernel'`. */
  id?: string;
  /** The kernel's event sink: gets the events that the runtime processes, in the order in which they begin. */
  handleEvent?(event: AnyEvent): unknown;
  /** Calls `listener` with each event of the kernel; may answer a function that ends it. */
  onEvent?(listener: (event: {
    type: string;
    data?: unknown;
    id?: string;
  }) => void): unknown;
  /** Sets a value of the kernel's state. */
  setState?(namespace: string, key: string, value: unknown): unknown;
  /** Deletes a value of the kernel's state. */
  deleteState?(namespace: string, key: string): unknown;
  /** Calls `listener` after each change of the kernel's state; may answer a function that ends it. */
  onStateChange?(listener: (change: KernelStateChange) => void): unknown;
}
/** A value of a kernel's state that has changed. */
export interface KernelStateChange {
  namespace: string;
  key: string;
  /** The new value; absent for a deletion. */
  value?: unknown;
  deleted?: boolean;
}
/** Times of a queue's events. */
export interface LatencyStats extends LatencyTimings {
  /** By event type: the first 100 types, the rest as `(other)`. Returned events count as part of the event that caused them. */
  byType: Record<string, LatencyTimings>;
  /** By tenant, for events of others than the runtime's own: the first 100, the rest as `(other)`. */
  byTenant: Record<string, LatencyTimings>;
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
/**
 * The runtime as earlier releases declared it, for classes that implement it and for mocks. A {@link Runtime} is one; who only
 * calls a runtime needs `Runtime`.
 */
export interface LegacyRuntime {
  on(eventType: string, handler: EventHandler): unknown;
  off?(eventType: string, handler: EventHandler): void;
  emit(eventType: string, data?: unknown, options?: EmitOptions): EmitResult;
  emitAsync(eventType: string, data?: unknown, options?: EmitOptions): Promise<EmitResult>;
  process(withStats?: boolean): Promise<void | {
    processed: number;
    acked: number;
    failed: number;
  }>;
  ack(eventId: string): Promise<void>;
  nack(eventId: string, error?: Error): Promise<void>;
  createEvent(type: string, data?: unknown): AnyEvent;
  createStream(generator: () => AsyncGenerator<AnyEvent>): EventStream;
  forTenant(tenantId: string): LegacyRuntime;
  /** Any statistics. */
  getStats(): object;
  getRecentEvents?(limit?: number): object[];
  getQueueSnapshot?(limit?: number): object[];
  getEnhancedQueue?(): unknown;
  getEventStore?(): unknown;
  replayEvents?(from: number, options?: Record<string, unknown>): AsyncGenerator<AnyEvent[]>;
  reprocessFromDLQ?(eventId: string): Promise<boolean>;
  reprocessDLQByCriteria?(criteria?: object): Promise<{
    reprocessedCount: number;
    events: AnyEvent[];
  }>;
  clear(): void;
  cleanup(): Promise<void>;
}
/** Structured fields of a log message. Those named here are the ones that the runtime fills in. */
export interface LogContext {
  eventId?: string;
  eventType?: string;
  correlationId?: string;
  tenantId?: string;
  queueSize?: number;
  attempt?: number;
  /** The error's message (an `Error` may be given to the runtime's own log calls, and reaches you as its message). */
  error?: unknown;
  /** How many equal messages were left out since the last one. */
  suppressed?: number;
  [key: string]: unknown;
}
/** A logger with one method a level, message first. */
export interface Logger {
  debug(message: string, context?: LogContext): void;
  info(message: string, context?: LogContext): void;
  warn(message: string, context?: LogContext): void;
  error(message: string, error?: unknown, context?: LogContext): void;
}
/** Options of `mapAsync`. */
export interface MapAsyncOptions extends SignalOptions {
  /** Calls that are under way, or whose results wait to be read, at the same time. Default 16. */
  concurrency?: number | undefined;
  /** Results in the order of their items, or as they come. Default true. */
  ordered?: boolean | undefined;
}
/** A rule of the memory monitor that was broken. */
export interface MemoryAlert {
  type: "THRESHOLD_EXCEEDED" | "MEMORY_LEAK_DETECTED" | "HIGH_USAGE";
  severity: "WARNING" | "ERROR" | "CRITICAL";
  /** One sentence for people. */
  message: string;
  /** The measurement that broke the rule. */
  metrics: MemoryMetrics;
  /** The limit: bytes for 'THRESHOLD_EXCEEDED', percent of the heap's limit for 'HIGH_USAGE', absent for leaks. */
  threshold?: number;
  /** Growth of the used heap, for leaks only. */
  growth?: {
    /** Measurements looked at. */
    samples: number;
    /** Growth in MiB, rounded. */
    growthMb: number;
    /** Growth in percent of the first of them, rounded. */
    growthPercent: number;
  };
  /** `Date.now()` of the measurement. */
  timestamp: number;
}
/** A measurement with its derived figures. */
export interface MemoryMetrics {
  /** `Date.now()` of the measurement. */
  timestamp: number;
  /** Bytes used on the V8 heap. */
  heapUsed: number;
  /** Bytes that V8 has reserved for its heap. */
  heapTotal: number;
  /** `heapTotal - heapUsed`, bytes. */
  heapFree: number;
  /** Bytes of the process in physical memory. */
  rss: number;
  /** Bytes held outside the heap by objects on it. */
  external: number;
  /** The part of `external` that belongs to array buffers, bytes. */
  arrayBuffers: number;
  /** `heapUsed` in MiB, rounded. */
  heapUsedMb: number;
  /** `heapTotal` in MiB, rounded. */
  heapTotalMb: number;
  /** `rss` in MiB, rounded. */
  rssMb: number;
  /** `external` in MiB, rounded. */
  externalMb: number;
  /** `heapUsed / heapTotal` in percent, rounded. High in any healthy process; alerts look at the heap's limit instead. */
  heapUsagePercent: number;
}
/** Configuration of a {@link MemoryMonitor}. Fields that are absent or undefined have their default. */
export interface MemoryMonitorConfig {
  /** False: `start()` does nothing. Default true. */
  enabled?: boolean;
  /** Milliseconds between measurements. Default 30 000. */
  intervalMs?: number;
  /** Limits in bytes; 0 switches a check off. Default 512 MiB each. */
  thresholds?: {
    /** Used V8 heap. Above: 'ERROR', above 1.5 times: 'CRITICAL'. */
    heapUsed?: number;
    /** Resident set size of the process. Above: 'ERROR', above 1.5 times: 'CRITICAL'. */
    rss?: number;
    /** Memory held outside the heap. Above: 'WARNING'. */
    external?: number;
    /** Reserved V8 heap. Above: 'WARNING'. */
    heapTotal?: number;
  };
  /** Growth of the used heap over the last measurements, by more than 10 % and more than `minGrowthMb`. */
  leakDetection?: {
    /** Default false. */
    enabled?: boolean;
    /** Measurements compared, first with last, 2 to 100. Default 5. */
    samples?: number;
    /** Growth in MiB that is still no leak. Default 100. */
    minGrowthMb?: number;
    /** Milliseconds between checks. Default 60 000. */
    sampleIntervalMs?: number;
  };
  /** Called with each alert. One that throws or rejects is logged. */
  onAlert?: (alert: MemoryAlert) => void;
}
/** What a memory monitor knows; zeros before the first measurement. */
export interface MemoryMonitorStats {
  /** Measurements kept (at most 100). */
  totalMeasurements: number;
  /** Alerts kept (at most 50). */
  totalAlerts: number;
  /** The last measurement. */
  lastMeasurement?: MemoryMetrics;
  /** Largest values since creation or `clearHistory()`, in bytes; `timestamp` is that of the largest used heap. */
  peakUsage: {
    heapUsed: number;
    rss: number;
    external: number;
    timestamp: number;
  };
  /** Means over the last 10 minutes, in bytes. */
  averageUsage: {
    heapUsed: number;
    rss: number;
    external: number;
  };
  /** Leak alerts among those kept. */
  leaksDetected: number;
  /** Whether it measures. */
  isRunning: boolean;
  /** Milliseconds to the next measurement; 0 when stopped. */
  nextMeasurementIn: number;
}
/** A persistor in memory. */
export interface MemoryPersistorConfig {
  type: "memory";
  /** Snapshots kept at most, 1 to 10,000,000; the oldest leave. Default 1000. */
  maxSnapshots?: number | undefined;
  /** Bytes kept at most, as stored, from 1 KiB. Default 100 MiB. */
  maxMemoryUsage?: number | undefined;
  /** Compress what becomes shorter. Default true. */
  enableCompression?: boolean | undefined;
  /** Store a snapshot as the difference to an earlier one of its `xcId` where that is much shorter. Default true. */
  enableDeltaCompression?: boolean | undefined;
  /** Milliseconds. No effect: nothing here has to be swept. */
  cleanupInterval?: number | undefined;
}
/** Statistics of a memory persistor. The last two count from its beginning. */
export interface MemoryPersistorStats extends PersistorStats {
  /** Bytes of the snapshots before compression. */
  originalSizeBytes: number;
  /** Snapshots stored as the difference to an earlier one. */
  deltaSnapshotCount: number;
  /** Snapshots that have left to make room. */
  evictedSnapshots: number;
  /** Of these, such as stood for work that was not done. */
  evictedUnfinished: number;
}
/** A wrapper around handlers. Works in a runtime's list and by hand. */
export interface Middleware {
  (handler: MiddlewareHandler): MiddlewareHandler;
  /** Default 'handler'. */
  kind?: MiddlewareKind;
  /** The name that logs and errors show. */
  displayName?: string;
}
/** Collects metadata, then builds. */
export interface MiddlewareBuilder {
  /** Sets any of the metadata. */
  withMetadata(metadata: Partial<MiddlewareMetadata>): MiddlewareBuilder;
  /** Higher comes first. */
  withPriority(priority: number): MiddlewareBuilder;
  /** Adds names of middleware that must be there, too. */
  withDependencies(...names: (string | string[])[]): MiddlewareBuilder;
  /** Adds tags. */
  withTags(...tags: (string | string[])[]): MiddlewareBuilder;
  /** The middleware, a function of its own, with name and metadata. */
  build(name: string, middleware: Middleware): TaggedMiddleware;
}
/** Middleware collected one by one. */
export interface MiddlewareChain {
  /** Adds one; the first added is the outermost. */
  use(middleware: Middleware): MiddlewareChain;
  /** Wraps a handler with all. */
  apply(handler: MiddlewareHandler): MiddlewareHandler;
}
/** What every configuration may override. */
export interface MiddlewareConfig {
  condition?: MiddlewareCondition;
  name?: string;
  priority?: number;
}
/** What conditional middleware and conditions look at. */
export interface MiddlewareContext {
  /** Milliseconds since the epoch. */
  startTime: number;
  /** Names of those that ran. */
  middlewareChain: string[];
  data: any;
  event: AnyEvent;
  observability: unknown;
  metadata?: Record<string, unknown>;
}
/** What is known of a middleware besides its function. */
export interface MiddlewareMetadata {
  name: string;
  version: string;
  /** 0 to 100; higher first. */
  priority: number;
  /** Types that it is for; '*' is all. */
  eventTypes: string[];
  /** Names of middleware that come before it. */
  dependencies: string[];
  tags: string[];
}
/** Configuration of `getObservability` and `initObservability`. */
export interface ObservabilityConfig {
  /** Off: nothing is logged, no span is recorded. Default true. */
  enabled?: boolean;
  /**
   * 'production' writes log messages as one line of JSON, the others as readable text. Default: `NODE_ENV` if it is one of
   * the three, else 'development'.
   */
  environment?: "development" | "production" | "test";
  /** Log messages to the console. Default: on, from 'warn' up. */
  logging?: {
    enabled?: boolean;
    level?: LogLevel;
  };
  /** Spans. Default: on, every trace. */
  telemetry?: {
    enabled?: boolean;
    sampling?: {
      /** Share of traces that is recorded, 0 to 1. Default 1. A trace is recorded whole or not at all. */
      rate?: number;
      /** 'always' and 'never' pass over the rate; any other name samples by it. Default 'probabilistic'. */
      strategy?: "probabilistic" | "always" | "never" | (string & {});
    };
  };
}
/** What the current asynchronous flow is about; its ids are added to log messages and spans. */
export interface ObservabilityContext {
  correlationId: string;
  /** '' if unknown. */
  tenantId: string;
  /** `Date.now()` when it was made. */
  startTime: number;
  [key: string]: unknown;
}
/** Options of {@link withObservability}. */
export interface ObservabilityOptions {
  /** Types that get a span. Default: all. */
  includeEventTypes?: readonly string[];
  /** Types that get none. Default: none. */
  excludeEventTypes?: readonly string[];
  /** The span is named `<namePrefix>.<type>`. Default: `workflow.step` for all. */
  namePrefix?: string;
  /** Accepted for old callers; the data of events is never recorded. */
  includeSensitiveData?: boolean;
}
/** Counts of an observability object since it was made. */
export interface ObservabilityStats {
  enabled: boolean;
  environment: string;
  /** Messages written, by level. */
  logs: Record<LogLevel, number>;
  spans: {
    /** Recorded spans that were started. */
    started: number;
    /** Recorded spans that have ended. */
    ended: number;
    /** Traces left out by sampling. */
    unsampled: number;
    /** Trace processors in place. */
    processors: number;
    /** Calls of trace processors that threw or rejected. */
    processorErrors: number;
  };
}
/** The light observability object of `getObservability`: console logging, spans handed to processors. */
export interface ObservabilitySystem {
  log(level: LogLevel, message: string, context?: LogContext): void;
  /** Whether a message of this level is written. */
  isLevelEnabled(level: LogLevel): boolean;
  readonly logger: Logger;
  /** Whether `trace` records spans now: telemetry is on, and asked for in the configuration or received by a processor. */
  isTraceEnabled(): boolean;
  /** Runs `fn` inside a new span, which ends with it; result and error of `fn` pass through. */
  trace<T>(name: string, fn: () => T | Promise<T>, options?: SpanOptions): Promise<T>;
  startSpan(name: string, options?: SpanOptions): Span;
  /** Runs `fn` with `span` as the current one, and ends the span when `fn` has settled. */
  withSpan<T>(span: Span, fn: () => T | Promise<T>): Promise<T>;
  getCurrentSpan(): Span | undefined;
  readonly telemetry: {
    startSpan(name: string, options?: SpanOptions): Span;
    withSpan<T>(span: Span, fn: () => T | Promise<T>): Promise<T>;
    /** Replaces the receivers of spans that have ended. */
    setTraceProcessors(processors: TraceProcessor[]): void;
  };
  /** Makes a context; it applies once it is set. Default id: a random UUID. */
  createContext(correlationId?: string): ObservabilityContext;
  /** Sets the context of the current asynchronous flow. */
  setContext(context: ObservabilityContext): void;
  getContext(): ObservabilityContext | undefined;
  clearContext(): void;
  /** Merges `partial` over the configuration in force. */
  updateConfig(partial: ObservabilityConfig): void;
  getStats(): ObservabilityStats;
  /** Resolves when the trace processors are done with what they were given. */
  flush(): Promise<void>;
  /** Flushes, then switches logs and spans off for good. */
  shutdown(): Promise<void>;
}
/** Options of `on`. */
export interface OnOptions {
  /**
   * Call the handler as `(event, signal)`. Default: whether it declares two parameters. The signal aborts at a
   * timeout, at cancellation and at shutdown.
   */
  signal?: boolean;
}
/** Items that went into an operator and came out of it, over all its runs. */
export interface OperatorStats {
  in: number;
  out: number;
}
/** Configuration of an `OptimizedEventProcessor`. */
export interface OptimizedEventProcessorConfig {
  /** Events on the path from the root of a chain. Default 100. */
  maxEventDepth?: number;
  /** Events of one chain. Default 1000. */
  maxEventChainLength?: number;
  /** Logs and spans. Default true. */
  enableObservability?: boolean;
  /** Put around every handler; the first is closest to it. Default none. */
  middleware?: readonly MiddlewareEntry[];
  /** Handlers of one event above which they run in parallel groups of this size. Default 100. */
  batchSize?: number;
  /** Milliseconds; for reporting only. Default 120,000. */
  cleanupInterval?: number;
  /** Milliseconds; for reporting only. Default 600,000. */
  staleThreshold?: number;
  /** Limit of one handler run in milliseconds. Default: none. */
  operationTimeoutMs?: number;
}
/** Where snapshots go. Three methods are enough; the others are used when they are there. */
export interface Persistor {
  /** Keeps a snapshot. Rejects if it could not. */
  append(snapshot: Snapshot, options?: SnapshotOptions): Promise<void>;
  /** Snapshots of `xcId` in the order in which they were appended. */
  load(xcId: string): AsyncIterable<Snapshot>;
  /** Whether a snapshot with this hash is kept. */
  has(hash: string): Promise<boolean>;
  /** The snapshot with this hash, or null. */
  getByHash?(hash: string): Promise<Snapshot | null>;
  /** Hashes of the snapshots of `xcId`, in the order in which they were appended. */
  listHashes?(xcId: string): Promise<string[]>;
  /** How much is kept. */
  getStats?(): Promise<PersistorStats>;
  /** Forgets snapshots; unknown hashes are ignored. Where it is missing, removals are appended as snapshots of their own. */
  delete?(xcId: string, hashes: readonly string[]): Promise<void>;
  /** Resolves when everything appended so far is as safe as it can be. */
  flush?(): Promise<void>;
  /** Releases files and memory; nothing is appended any more. */
  close?(): Promise<void>;
}
/** Statistics of a persistor. */
export interface PersistorStats {
  snapshotCount: number;
  /** As stored. */
  totalSizeBytes: number;
  /** As stored. */
  avgSnapshotSizeBytes: number;
  /** Share of their bytes that snapshots stored as differences save, 0 to 1; 0 if there are none. */
  deltaCompressionRatio?: number;
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
/** A waiting event, as the queue of earlier releases kept it. This queue shows {@link QueueItemSnapshot}. */
export interface QueueItem {
  event: AnyEvent;
  /** When it was queued, in milliseconds since the epoch. */
  timestamp: number;
  priority: number;
  /** Redeliveries so far. */
  retryCount: number;
  /** Bytes. */
  size?: number;
  isLarge?: boolean;
  isHuge?: boolean;
  compressed?: boolean;
  /** Bytes before compression. */
  originalSize?: number;
  persistent?: boolean;
  /** Milliseconds since the epoch. */
  persistedAt?: number;
  /** Milliseconds since the epoch. */
  lastRetryAt?: number;
  /** Milliseconds since the epoch. */
  nextRetryAt?: number;
  /** Milliseconds. */
  retryDelays?: number[];
  originalError?: Error;
}
/** A waiting event, as `getQueueSnapshot` shows it. */
export interface QueueItemSnapshot {
  eventId: string;
  eventType: string;
  priority: number;
  /** Redeliveries so far. */
  retryCount: number;
  /** When it was queued, in milliseconds since the epoch. */
  timestamp: number;
  correlationId: string | undefined;
  tenantId: string | undefined;
}
/** Statistics of a queue. Counters never fall; the rest is the state at the call. */
export interface QueueStats {
  /** Events that wait: ready, delayed, or for redelivery. */
  size: number;
  maxQueueDepth: number | undefined;
  /** The same as `maxQueueDepth`. */
  maxSize: number | undefined;
  /** Whether a drain is going on. */
  processing: boolean;
  /** Bytes, estimated; 0 where sizes are off. */
  avgEventSize: number;
  totalEventSize: number;
  backpressureActive: boolean;
  /** How many more could run now. */
  availablePermits: number;
  /** Events that have started and wait inside a middleware. */
  waitQueueSize: number;
  largeEvents: number;
  hugeEvents: number;
  compressedEvents: number;
  totalOriginalSize: number;
  /** Share of bytes saved in the stored form, as `12.34%`. */
  compressionRatio: string;
  largeEventThreshold: number;
  hugeEventThreshold: number;
  maxEventSize: number;
  enableCompression: boolean;
  dropHugeEvents: boolean;
  /** Ids in the deduplication window. */
  processedEventsCount: number;
  maxProcessedEvents: number;
  /** Events accepted. `emitted = done + dead + expired + cancelled + givenUp + waiting + ready + running` */
  emitted: number;
  /** Events handled successfully. */
  done: number;
  /** The same as `done`. */
  processed: number;
  /** Attempts that failed. */
  failed: number;
  /** Events that finally failed. */
  dead: number;
  /** Events whose time to live passed before they started. */
  expired: number;
  /** Events taken out by their owner. */
  cancelled: number;
  /** Accepted events given up for room, or at the end. */
  givenUp: number;
  /**
   * Events refused (full, too large, not durable, shut down) and those given up; duplicates are counted apart, and what waits
   * at the end in a journal or persistor is not lost.
   */
  dropped: number;
  duplicates: number;
  /** Events refused since creation, by reason: 'full', 'too-large', 'duplicate', 'rate-limited' ... */
  refusals: Record<string, number>;
  /** Events that wait for a time or a turn. */
  waiting: number;
  /** Events that could start now. */
  ready: number;
  /** Events delivered and not ended. */
  running: number;
  /** Of these, events whose acknowledgement is outstanding. */
  unacked: number;
  /** Deliveries whose acknowledgement did not come in time. */
  ackTimeouts: number;
  /** Results that came after their run had been given up. */
  lateResults: number;
  retry: RetryStats;
  dlq: DLQStats | null;
  /** What is kept of waiting events, so that they survive the process. */
  persistence: PersistenceStats;
  /** Null without a breaker. */
  circuitBreaker: QueueBreakerStats | null;
}
/** How much may pass. */
export interface RateLimit {
  /** Events in each interval, above 0. */
  limit: number;
  /** The interval in milliseconds. Default 1000. */
  intervalMs?: number;
  /** Events that may pass at once after a quiet time, at least 1. Default `limit`. */
  burst?: number;
}
/** Options of {@link withRateLimit}. */
export interface RateLimitOptions extends RateLimit {
  /** What shares a limit: any value, compared as a key of a Map. Default: all events share one. */
  getKey?: (event: any) => unknown;
  /** What an event over the limit does: wait for its turn, or be refused. Default 'wait'. */
  onLimit?: "wait" | "reject";
}
/** Options of `toReadable`. */
export interface ReadableOptions extends SignalOptions {
  /** Items that the Readable holds. Default 16. */
  highWaterMark?: number | undefined;
}
/** A Web `ReadableStream`. */
export interface ReadableStreamLike<T> {
  readonly locked: boolean;
  /** There on every readable stream. */
  getReader(): unknown;
  /** Reads it to its end. */
  [Symbol.asyncIterator](): AsyncIterator<T>;
}
/** An event that has begun processing, as `getRecentEvents` shows it. */
export interface RecentEvent {
  eventId: string;
  eventType: string;
  timestamp: number;
  correlationId: string | undefined;
}
/** What a queue has brought back from a persistor. */
export interface RecoveryStats {
  recoveredEventCount: number;
  recoveryErrors: number;
  /** Milliseconds since the epoch. */
  lastRecoveryAt?: number;
}
/** Options of a replay. */
export interface ReplayOptions {
  /** The last `ts`, included, in milliseconds since the epoch. Default: now. */
  toTimestamp?: number | undefined;
  /** Leave out events that have been marked as processed. Default true. */
  onlyUnprocessed?: boolean | undefined;
  /** Events in each list but the last. Default `replayBatchSize`. */
  batchSize?: number | undefined;
  /** Only these types. Default: all. */
  types?: readonly string[] | undefined;
}
/** Options of {@link createResilientHandler}. */
export interface ResilientHandlerOptions {
  /** Retries after the first attempt. Default 3. */
  maxRetries?: number;
  /** Limit of all attempts together, in milliseconds. Default 180,000. */
  timeout?: number;
  /** Called with the event when all has failed; its result counts. */
  fallback?: (event: any) => unknown;
}
/** The default redelivery policy of a runtime, in one object. Giving it switches redelivery on, also without acks. */
export interface RetryConfig {
  /** Attempts in all, the first included. Default 3. */
  maxAttempts?: number;
  /** Milliseconds before the first redelivery. Default 1000. */
  initialDelayMs?: number;
  /** No delay is longer, in milliseconds. Default 30,000. */
  maxDelayMs?: number;
  /** Multiplier from one delay to the next. Default 2. */
  factor?: number;
  /** Default 'full'. */
  jitter?: Jitter;
  /**
   * Which errors may be tried again: a predicate, or lists of `error.code` (or `error.name`) and `error.status`. An
   * error that any of them names is retryable. Default: all but those that will fail again (validation, loops).
   */
  retryable?: ((error: unknown) => boolean) | {
    codes?: readonly string[];
    statuses?: readonly number[];
  };
}
/** Options of {@link withRetry}. */
export interface RetryOptions {
  /** Retries after the first attempt. Default 3. */
  maxRetries?: number;
  /** Milliseconds before the first retry. Default 100. */
  initialDelayMs?: number;
  /** Another name of `initialDelayMs`, which wins. */
  backoffMs?: number;
  /** Multiplier from one wait to the next, at least 1. Default 2. */
  backoffFactor?: number;
  /** No wait is longer, in milliseconds. Default 5000. */
  maxDelayMs?: number;
  /** No attempt begins later than this after the first, in milliseconds. Default 60,000. */
  maxTotalMs?: number;
  /** Default true: full jitter. */
  jitter?: boolean | RetryJitter;
  /**
   * Errors that are tried again, by `code`, `name` or whole message, looked for along the `cause`s. Default
   * `['NETWORK_ERROR', 'TIMEOUT_ERROR', 'TIMEOUT_EXCEEDED']`; the last two mean each other.
   */
  retryableErrorCodes?: readonly string[];
  /** Another name of `retryableErrorCodes`. */
  retryableErrors?: readonly string[];
  /** HTTP statuses (`error.status` or `error.statusCode`) that are tried again. Default 408, 429, 500, 502, 503, 504. */
  retryableStatusCodes?: readonly number[];
  /** True: the error is tried again, whatever its code. */
  retryPredicate?: (error: unknown) => boolean;
}
/** Redeliveries. */
export interface RetryStats {
  totalRetries: number;
  successfulRetries: number;
  failedRetries: number;
  /** Mean of the scheduled delays, in milliseconds. */
  averageRetryDelay: number;
  retriesByEventType: Record<string, number>;
  /** The old spelling of `retriesByEventType`. */
  retrysByEventType: Record<string, number>;
  pendingRetries: number;
}
/** Options of `retry`; a number alone is `maxAttempts`. */
export interface RetryStreamOptions extends SignalOptions {
  /** Runs in all, the first included. Default 3. */
  maxAttempts?: number | undefined;
  /** Milliseconds before the second run. Default 0. */
  delayMs?: number | undefined;
  /** By how much the delay grows each time. Default 2. */
  factor?: number | undefined;
  /** Longest delay in milliseconds. Default 30,000. */
  maxDelayMs?: number | undefined;
  /** Share of the delay by which chance changes it, from 0 to 1. Default 0. */
  jitterRatio?: number | undefined;
}
/** Events and workflows in this process. Made by `createRuntime`. No method depends on `this`. */
export interface Runtime<Events = LooseEvents> {
  /**
   * Runs `handler` for events of a type, or of a pattern: `'*'`, `'user.*'`, a regular expression. Patterns run after the
   * exact handlers.
   *
   * @returns a function that removes this registration
   */
  on<T extends NameIn<Events>>(type: T, handler: RuntimeHandler<EventIn<Events, T>>, options?: OnOptions): () => void;
  on<T extends NameIn<Events>>(type: T, handler: (event: EventIn<Events, T>) => unknown, options?: OnOptions): () => void;
  on(type: PatternIn<Events>, handler: RuntimeHandler<AnyEvent>, options?: OnOptions): () => void;
  /** As `on`, until the handler has succeeded once. */
  once<T extends NameIn<Events>>(type: T, handler: RuntimeHandler<EventIn<Events, T>>, options?: OnOptions): () => void;
  once<T extends NameIn<Events>>(type: T, handler: (event: EventIn<Events, T>) => unknown, options?: OnOptions): () => void;
  once(type: PatternIn<Events>, handler: RuntimeHandler<AnyEvent>, options?: OnOptions): () => void;
  /** Removes every registration of `handler` for `type`. */
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
  process(withStats: true): Promise<{
    processed: number;
    acked: number;
    failed: number;
  }>;
  process(options: ProcessOptions): Promise<ProcessResult>;
  process(withStats?: boolean): Promise<void | {
    processed: number;
    acked: number;
    failed: number;
  }>;
  /** The same as `process(true)`. */
  processWithAcks(): Promise<{
    processed: number;
    acked: number;
    failed: number;
  }>;
  /** Processes until nothing waits, delays and redeliveries included. `remaining`: events that still wait. */
  drain(options?: DrainCallOptions): Promise<ProcessResult & {
    remaining: number;
  }>;
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
  reprocessDLQByCriteria(criteria?: DeadLetterCriteria): Promise<{
    reprocessedCount: number;
    events: AnyEvent[];
  }>;
  /** Empties the queue, the deduplication window, the pending acks and the handlers. The runtime stays usable. */
  clear(): void;
  /** Ends the runtime: waits up to `timeoutMs` (default 5000) for what runs, then aborts it. May be called again. */
  cleanup(options?: {
    timeoutMs?: number;
  }): Promise<void>;
  /** `cleanup()`, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}
/** Configuration of `createRuntime`. Every key has a default; `undefined` means "not given". */
export interface RuntimeConfig extends Omit<EventQueueConfig, "batchSize" | "maxQueueDepth" | "dlq"> {
  /** Events that may wait; 0 refuses all. Default 1000. */
  queueSize?: number;
  /** What happens to an event that finds the queue full: refused; `emitAsync` waits for room; the oldest goes. Default 'reject'. */
  overflow?: Overflow;
  /** Handlers of one event above which they run in parallel groups of this size. Default 100. */
  batchSize?: number;
  /** Logs and spans. Default true. */
  enableObservability?: boolean;
  /** Depth of a chain of returned events. Default 100. */
  maxEventDepth?: number;
  /** Events in one chain. Default 1000. */
  maxEventChainLength?: number;
  /** Milliseconds; for reporting only. Default 120,000. */
  cleanupInterval?: number;
  /** Milliseconds; for reporting only. Default 600,000. */
  staleThreshold?: number;
  /** Limit of one handler run in milliseconds. Default: none. */
  operationTimeoutMs?: number;
  /** Put around every handler; the first is closest to it. Default none. */
  middleware?: readonly MiddlewareEntry[];
  /** How many events of each tenant may run: the others wait for their turn, or are refused. Default: no limit. */
  rateLimit?: TenantRateLimit;
  /** Watches memory when given. */
  memoryMonitor?: MemoryMonitorConfig;
  /** Track deliveries. Default false. */
  enableAcks?: boolean;
  /** Milliseconds until a delivery without acknowledgement counts as failed. Default 180,000. */
  ackTimeout?: number;
  /** Acknowledge after success. false: events stay pending until `ack` or `nack`. Default true. */
  autoAck?: boolean;
  /** The default redelivery policy; switches redelivery on. */
  retry?: RetryConfig;
  /** Dead letters: how many (default 1000) and for how long in milliseconds (default 7 days). */
  deadLetter?: {
    maxSize?: number;
    retentionMs?: number;
  };
  /** Put on events, and in statistics. */
  tenantId?: string;
  /** Any key of a queue; wins over the keys above. */
  queueConfig?: EventQueueConfig;
  batching?: BatchingConfig;
  /**
   * Keeps every accepted event until it is handled, so that it survives the end of the process: the path of a directory,
   * or an object with it. Default: none, events are in memory only.
   */
  journal?: string | JournalConfig;
  /** Of the event store; `persistor` is the runtime's if it has none of its own. With a journal, that is the store. */
  eventStoreConfig?: Omit<EventStoreConfig, "executionId">;
  /** Spans and metrics through `@opentelemetry/api`, if it is installed and an SDK is registered. Default true. */
  telemetry?: boolean | TelemetryConfig;
  /**
   * Hands the logs of the native code from this level on to the logger. Default: `KODUS_FLOW_LOG` of the environment, else `'off'`.
   * They are those of the process, not of one runtime.
   */
  nativeLogLevel?: NativeLogLevel;
  /** When it aborts, running handlers get their signal aborted and nothing more is started. */
  signal?: AbortSignal;
  /** Told of every failed attempt. */
  onError?: (error: unknown, event: AnyEvent) => void;
  /** Know which event was emitted inside which handler, and limit such chains. Default false. */
  trackCauses?: boolean;
  /** Refuse unknown keys instead of one warning: in the log, or without a logger by the process. Default false. */
  strict?: boolean;
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
  delivery: {
    pendingAcks: number;
    enableAcks: boolean;
    ackTimeout: number;
    maxRetries: number;
  };
  runtime: {
    executionId: string;
    persistorType: string;
    tenantId: string;
  };
  dlq: DLQStats | null;
  retry: RetryStats | null;
  /** What is kept of waiting events. */
  persistence: PersistenceStats;
  /** Figures of the journal; null without one. */
  journal: JournalStats | null;
  circuitBreaker: QueueStats["circuitBreaker"];
}
/** What an error of the family may carry. */
export interface SDKErrorOptions {
  /** What led to it. */
  cause?: unknown;
  /** Fields for logs and for programs. */
  context?: Record<string, unknown>;
  /** Whether going on makes sense. Default false. */
  recoverable?: boolean;
  /** Whether trying again makes sense. Default false. */
  retryable?: boolean;
}
/** When and how an event is made again. Exactly one of `intervalMs`, `every`, `cron` and `at` is given. */
export interface ScheduleOptions {
  /** Milliseconds from one trigger to the next. */
  intervalMs?: number;
  /** The same, or with a unit: '500ms', '5s', '10m', '2h', '1d'. */
  every?: number | string;
  /** A cron expression of five fields, or six with seconds first; also '@daily' and the like. */
  cron?: string;
  /** Once: a date, milliseconds since the epoch, or an ISO string. A date that has passed gives no trigger. */
  at?: Date | number | string;
  /** Time zone of `cron`, by its name in the IANA database. Default: the machine's. */
  timezone?: string;
  /** Triggers after which it stops; 0: none. Default: no limit. */
  maxTriggers?: number;
  /** First trigger at once, not only at the first planned time. Default false. */
  triggerImmediately?: boolean;
  /** Each trigger is up to so many milliseconds later than planned, by chance. Default 0. */
  jitterMs?: number;
  /** Planned times that passed because the process was blocked or the machine slept: made up by one trigger, or skipped. Default 'once'. */
  missed?: "once" | "skip";
  /** A planned time at which the trigger before has not ended: left out, or both run. Default 'skip'. */
  overlap?: "skip" | "allow";
  /** Makes the data of a triggered event; `triggerCount` starts at 0. Default: the data of the original event. */
  generateData?: (triggerCount: number, originalEvent: any) => unknown;
}
/** A schema as Zod (any version) and its likes have it. */
export interface SchemaLike<T = unknown> {
  /** Answers the parsed data, or throws. */
  parse?(data: unknown): T;
  /** Answers `{ success, data, error }`. */
  safeParse?(data: unknown): any;
  /** As `safeParse`, for schemas that need time. */
  safeParseAsync?(data: unknown): Promise<any>;
}
/** Options of `share`. */
export interface ShareOptions extends SignalOptions {
  /** Items by which the slowest reader may be behind the fastest. Default 256. */
  buffer?: number | undefined;
  /**
   * wait: the source is not asked until the slowest reader has caught up; drop-oldest: that reader misses items, counted;
   * error: that reader gets an error (`fail` means the same). Default 'wait'.
   */
  overflow?: ShareOverflow | undefined;
}
/** Options of everything that runs or waits. */
export interface SignalOptions {
  /** When it aborts, the stream ends as if its source had ended; it is not an error. */
  signal?: AbortSignal | undefined;
}
/** What is appended to a persistor. */
export interface Snapshot {
  /** Whose it is. */
  xcId: string;
  /** Milliseconds since the epoch. */
  ts: number;
  events: AnyEvent[];
  state: Record<string, unknown>;
  /** Name of the content. */
  hash: string;
}
/** Wishes for `append`; a persistor may leave any of them aside. */
export interface SnapshotOptions {
  /** No effect: snapshots are stored whole. */
  includeMetadata?: boolean;
  /** Compress this one. Default: as the persistor is configured. */
  compression?: boolean;
  /** Bytes; a larger snapshot is refused. Default: no limit but the persistor's own. */
  maxSize?: number;
  /** Keep at most so many of this `xcId`; the oldest leave. Default: no limit but the persistor's own. */
  maxSnapshots?: number;
  /** Store it as the difference to an earlier one where that is shorter. Default: as the persistor is configured. */
  useDelta?: boolean;
  /** It stands for work that is not done: where room is short, it leaves last. Default false. */
  isUnfinished?: boolean;
}
/** A piece of work in a trace. */
export interface Span {
  setAttribute(key: string, value: SpanAttribute): void;
  setAttributes(attributes: SpanAttributes): void;
  setStatus(status: SpanStatus): void;
  recordException(error: unknown): void;
  addEvent(name: string, attributes?: SpanAttributes): void;
  /** Ends the span; later calls do nothing. */
  end(): void;
  getSpanContext(): SpanContext | undefined;
  /** False once ended, and for spans that are not sampled. */
  isRecording(): boolean;
}
/** Names a span within its trace. */
export interface SpanContext {
  /** 32 hexadecimal digits, shared by all spans of a trace. */
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
}
/** Options of `startSpan` and `trace`. */
export interface SpanOptions {
  /** Attributes that the span starts with. */
  attributes?: SpanAttributes;
  /** Also set as attribute `correlationId`. */
  correlationId?: string;
  /** Also set as attribute `tenantId`. */
  tenantId?: string;
  /** Also set as attribute `executionId`. */
  executionId?: string;
  /** Parent of the span; by default the span that is current. */
  parent?: Span;
}
/** A span that has ended, as trace processors receive it. */
export interface SpanRecord extends SpanContext {
  name: string;
  parentSpanId?: string;
  attributes: SpanAttributes;
  /** `Date.now()` at the start. */
  startTime: number;
  /** `startTime` plus the duration. */
  endTime: number;
  durationMs: number;
  status?: SpanStatus;
  events: {
    name: string;
    timestamp: number;
    attributes?: SpanAttributes;
  }[];
}
/** How what a span covers has ended. */
export interface SpanStatus {
  code: "ok" | "error" | "timeout";
  message?: string;
}
/** Options of {@link createStandardMiddleware}. */
export interface StandardMiddlewareOptions {
  /** Permits for each event type. Default: no limit. */
  concurrency?: number;
  /** Limit of all attempts together, in milliseconds. Default: none. */
  timeout?: number;
  /** False: no retries; true or not given: the defaults of `withRetry`. */
  retry?: boolean | RetryOptions;
  /** Accepted for old callers; has no effect. */
  monitoring?: boolean;
}
/** A schema of the Standard Schema interface, version 1 (standardschema.dev). */
export interface StandardSchemaLike {
  readonly "~standard": {
    readonly validate: (value: unknown) => any;
  };
}
/** Options of `runtime.stats`. */
export interface StatsOptions {
  /** Milliseconds from one snapshot to the next. Default 1000. */
  intervalMs?: number;
  /** Ends the iteration when it aborts. */
  signal?: AbortSignal;
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
/** A stream that is pushed to. */
export interface Subscription<T> {
  /** For one reader; use `share()` for several. */
  readonly stream: SubscribedStream<T>;
  /**
   * Puts an item in; it is buffered until it is read. Answers whether it was accepted; with overflow 'wait', while the buffer
   * is full, a promise of that. Never throws.
   */
  push(item: T): boolean | Promise<boolean>;
  /** Ends the stream after what is buffered; with an error, it fails then. */
  end(error?: unknown): void;
  /** What has come, and what became of it. */
  getStats(): SubscriptionStats;
}
/** Options of `createSubscription`. */
export interface SubscriptionOptions extends SignalOptions {
  /** Items that wait for the reader at most. Default 1024. */
  buffer?: number | undefined;
  /** What gives way when the buffer is full. Default 'drop-oldest'. */
  overflow?: OverflowPolicy | undefined;
  /** Called once when no further item is wanted: the reader has left, or the stream has ended. */
  onClose?: (() => void) | undefined;
}
/** Counters of one subscription. */
export interface SubscriptionStats {
  /** Items that wait for the reader now. */
  buffered: number;
  /** Pushes that wait for room now; only with overflow 'wait'. */
  waiting: number;
  /** Items that have come. */
  pushed: number;
  /** Items that the reader has got. */
  delivered: number;
  /** Items that gave way because the buffer was full. */
  dropped: number;
  /** The most items that have waited for the reader at the same time. */
  highWater: number;
}
/** What the queue of earlier releases measured of the machine. The memory monitor has {@link MemoryMetrics}. */
export interface SystemMetrics {
  /** Part of the memory that is in use, 0 to 1. */
  memoryUsage: number;
  /** Part of the processors' time that is in use, 0 to 1. */
  cpuUsage: number;
  /** Waiting events. */
  queueDepth: number;
  /** Milliseconds that an event takes on average. */
  averageProcessingTime: number;
}
/** An event: a plain object. Handlers get the very object that was emitted; its data is never copied. */
export interface TEvent<T extends string = string, D = PayloadOf<T>> {
  readonly id: string;
  readonly type: T;
  readonly data: D;
  /** When it was made, in milliseconds since the epoch. */
  readonly ts: number;
  /** Groups events that belong together. */
  readonly threadId: string;
  metadata?: AnyEventMetadata;
}
/** A middleware with its metadata. */
export interface TaggedMiddleware {
  metadata: MiddlewareMetadata;
  middleware: Middleware;
}
/**
 * OpenTelemetry: used if `@opentelemetry/api` is installed and an SDK is registered, whenever that happens.
 * `enableObservability: false` switches it off.
 */
export interface TelemetryConfig {
  /**
   * How the span of an attempt belongs to the span of its emit. `'parent'`: as its child, in the same trace; `'link'`: linked, each
   * attempt a trace of its own; `'off'`: no spans. Default `'parent'`.
   */
  spans?: (typeof SPANS)[number];
  /**
   * Which runs of streams have a span. `'child'`: those that begin while a span is active, as its children; `'all'`: every run, also
   * subscriptions that may last as long as the process; `'off'`: none. Default `'child'`; `spans: 'off'` means none.
   */
  streams?: (typeof STREAMS)[number];
  /** Counters, gauges and histograms through the API's meter. Default true. */
  metrics?: boolean;
  /** Event types, and tenants, told apart in metrics; the rest is `(other)`. Default 100. */
  maxTypes?: number;
}
/** Options of `throttle`; at least one of the two is on. */
export interface ThrottleOptions extends SignalOptions {
  /** The first item of an interval goes at once. Default true. */
  leading?: boolean | undefined;
  /** The last item of an interval goes when it is over. Default false. */
  trailing?: boolean | undefined;
}
/** Options of {@link withTimeout}. */
export interface TimeoutOptions {
  /** Limit of one attempt in milliseconds, at least 1. Default 180,000. */
  timeoutMs?: number;
}
/** What a timeout middleware has seen, in all runtimes and by hand. */
export interface TimeoutStats {
  /** Attempts that took too long. */
  timeouts: number;
  /** Results and errors that came after their timeout and were ignored. */
  lateResults: number;
}
/** A factory of middleware that needs no options: in a list it may stand uncalled, and means its defaults (`[withRetry]`). */
export interface UncalledFactory {
  readonly [FACTORY_DEFAULTS]: () => Middleware;
}
/** Options with the schema among them. */
export interface ValidateConfig extends ValidateOptions {
  /** Zod 3 or 4, any Standard Schema, anything with `safeParse` or `parse`, or a JSON Schema object. */
  schema: AnySchema;
}
/** Options of {@link withValidate} besides the schema. */
export interface ValidateOptions {
  /** False: an invalid event skips the handler and counts as handled. Default true: it fails. */
  throwOnError?: boolean;
  /** Code of the error. Default 'VALIDATION_ERROR'. */
  errorCode?: string;
  /** Give the handler a copy of the event with the parsed data. Default false: it gets the original event. */
  transform?: boolean;
}
/** One thing that is wrong with an event's data. */
export interface ValidationIssue {
  /** Where, from the data: names and indexes joined by dots; empty for the data itself. */
  path: string;
  message: string;
}
/** Options of `waitFor`. */
export interface WaitOptions<E extends AnyEvent = AnyEvent> {
  /** Rejects after so many milliseconds. Default: no limit. */
  timeoutMs?: number;
  /** Rejects when it aborts, with its reason. */
  signal?: AbortSignal;
  /** Events for which it answers false are not the one. */
  filter?: (event: E) => boolean;
}
/** What a workflow's steps share. The runtime reads `tenantId`, `executionId` and `signal`; the rest is the framework's. */
export interface WorkflowContext {
  /** A fresh id if not given. */
  executionId: string;
  /** `'default'` if not given. */
  tenantId: string;
  /** `'default'` if not given. */
  correlationId: string;
  /** When it was made, in milliseconds since the epoch. */
  startTime: number;
  /** `'workflow'` if not given. */
  workflowName: string;
  persistorService: Service;
  stateManager: Service;
  data: Record<string, unknown>;
  currentSteps: string[];
  completedSteps: string[];
  failedSteps: string[];
  inputs: Service;
  outputs?: Service;
  /** Aborts the handlers that run and stops `process()`. Never aborted unless it is the caller's. */
  signal: AbortSignal;
  isPaused: boolean;
  /** Called by the framework at the end; does nothing unless it is the caller's. */
  cleanup(): Promise<void>;
  status?: string;
  stream?: Service;
  sendEvent?: (event: AnyEvent) => unknown;
  emit?: (event: AnyEvent) => unknown;
  resourceManager?: Service;
  pause?: (reason?: string) => unknown;
  resume?: (snapshotId?: string) => unknown;
  logger?: Logger;
}
/** Options of the form of `createWorkflowContext` that takes names. */
export interface WorkflowContextOptions {
  /** Default `'default'`. */
  correlationId?: string;
  inputs?: Service;
  persistorService?: Service;
  /** Accepted for old callers; no effect. */
  parentId?: string;
  /** Accepted for old callers; no effect. */
  metadata?: Record<string, unknown>;
}
/** An event of any type with any data. */
export type AnyEvent = TEvent<string, any>;
/** Whatever can judge data: Zod, Standard Schema, `safeParse` or `parse`, or a JSON Schema object. */
export type AnySchema = SchemaLike | StandardSchemaLike | Record<string, unknown>;
/** A value, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>;
/** A middleware that shows its circuits. */
export type CircuitBreakerMiddleware = Middleware & {
  /** The circuits of the runtime that took it last; before that, those of its use by hand. */
  readonly manager: CircuitBreakerManager;
};
export type CircuitState = (typeof CircuitState)[keyof typeof CircuitState];
/** What `combineLatest` emits: one item of each source, as a tuple. */
export type CombinedBatch<Tuple extends readonly unknown[]> = StreamBatch<Tuple[number], BatchData<Tuple[number], Tuple>>;
/** Data of an event type, as a handler gets it. */
export type DataIn<Events, T extends string> = T extends keyof Events ? Events[T] : any;
/** Data of an event type, as `emit` takes it. */
export type DataToEmit<Events, T extends string> = IsLoose<Events> extends true ? any : DataIn<Events, T>;
/**
 * How often an event is delivered. at-most-once: never again after its handlers have started. at-least-once: again
 * until it succeeds or is dead-lettered. exactly-once: also refused when its id or key has been seen.
 */
export type DeliveryGuarantee = "at-most-once" | "at-least-once" | "exactly-once";
/** One event of `emitMany`. */
export type EmitEntry<Events = LooseEvents, T extends string = NameIn<Events>> = IsLoose<Events> extends true ? EmitEntryOf<T, {
  data?: DataToEmit<Events, T>;
}> : T extends NameWithoutData<Events> ? EmitEntryOf<T, {
  data?: DataToEmit<Events, T>;
}> : T extends unknown ? EmitEntryOf<T, {
  data: DataToEmit<Events, T>;
}> : never;
/** Codes of `EngineError`; the framework's engines raise them. */
export type EngineErrorCode = (typeof ENGINE_CODES)[number];
/** Every code of the family. */
export type ErrorCode = KernelErrorCode | RuntimeErrorCode | MiddlewareErrorCode | EngineErrorCode | OrchestrationErrorCode;
/** A handler. It is called with the event alone, or with `(event, signal)` if it declares two parameters. */
export type EventHandler<E extends AnyEvent = AnyEvent, R = any> = (event: E, signal?: AbortSignal) => Promise<R> | R;
/** An event as `on`, `waitFor` and `subscribe` give it for a name or pattern. */
export type EventIn<Events, T extends string> = TEvent<TypeIn<T>, DataIn<Events, T>>;
/** How an event has ended: handled; or as the counters of the same names say; or `kept` for the next start of a durable runtime. */
export type EventOutcome = "done" | BadEnd;
/** What a handler is registered for: an exact type, a pattern with `*`, or a regular expression. */
export type EventPattern = string | RegExp;
/**
 * Where an event is. `waiting`: for its delay; `blocked`: behind an older event of its ordering key; `ready`: could start, limits
 * permitting; `retrying`: for its redelivery; `running`; `unacked`: handled, its acknowledgement outstanding; `dead`: a dead
 * letter; `ended`: it is gone.
 */
export type EventState = "waiting" | "blocked" | "ready" | "retrying" | "running" | "unacked" | "dead" | "ended";
/** A known event type, or any other string. */
export type EventType = KnownEventType | (string & {});
/** The type name of an event's type. */
export type ExtractEventType<E> = E extends TEvent<infer T> ? T : never;
/** What a handler answers, without its promise. */
export type ExtractReturnType<H> = H extends (...args: any[]) => infer R ? Awaited<R> : never;
/** What a handler may give back: nothing, or an event to be handled at once as part of this one. */
export type HandlerReturn = AnyEvent | void | undefined;
/** Kinds of ids that `IdGenerator.validateId` knows. */
export type IdKind = "execution" | "correlation" | "call" | "session" | "tenant";
/** The items of a `StreamLike`. */
export type ItemOf<S> = S extends AsyncIterable<infer T> ? T : S extends () => infer I ? ItemOf<I> : S extends Iterable<infer T> ? Awaited<T> : S extends AsyncIterator<infer T> ? T : unknown;
/** The items of several streams, as a tuple; options at the end are left out. */
export type ItemsOf<S extends readonly unknown[]> = S extends readonly [
  ...infer Streams,
  infer Last
] ? Last extends StreamLike<unknown> ? {
  [K in keyof S]: ItemOf<S[K]>;
} : {
  [K in keyof Streams]: ItemOf<Streams[K]>;
} : {
  [K in keyof S]: ItemOf<S[K]>;
};
/** How much chance goes into a delay: none; anything up to it (full); between half of it and all of it (equal). */
export type Jitter = "none" | "full" | "equal";
/** The streams that a stream is joined with; `{ signal }` may come last. */
export type JoinArguments = readonly (StreamLike<unknown> | SignalOptions)[];
/** Codes of `KernelError`: timeouts, retries, validation, aborts. */
export type KernelErrorCode = (typeof KERNEL_CODES)[number];
/** A value of `EVENT_TYPES`. */
export type KnownEventType = (typeof EVENT_TYPES)[keyof typeof EVENT_TYPES];
/** 'shared': events of a batch share a reading of the clock; 'precise': each has its own; 'off': nothing is recorded. */
export type LatencyMode = "shared" | "precise" | "off";
/** Levels of log messages, least important first. */
export type LogLevel = "debug" | "info" | "warn" | "error";
/** Event types without declared data: any name, any data. */
export type LooseEvents = EventPayloads;
/** Whether a middleware is for this context. */
export type MiddlewareCondition = (context: MiddlewareContext) => boolean | Promise<boolean>;
/** What a list of middleware takes. */
export type MiddlewareEntry = Middleware | UncalledFactory;
/** Codes of `MiddlewareError`. */
export type MiddlewareErrorCode = (typeof MIDDLEWARE_CODES)[number];
/** A function that makes a middleware of its configuration. */
export type MiddlewareFactory<Config = any> = (config: Config) => Middleware;
/** A function that makes a middleware of its options. */
export type MiddlewareFactoryType<Options = any> = (options?: Options) => Middleware;
/** A middleware of a {@link ConditionalMiddlewareExecutor}; without calling `next` it ends the chain. */
export type MiddlewareFunction = (context: MiddlewareContext, next: () => Promise<void>) => Promise<void> | void;
/** A handler as middleware sees it. */
export type MiddlewareHandler = (event: any, signal?: AbortSignal) => any;
/** pipeline: outside of every handler middleware. */
export type MiddlewareKind = "pipeline" | "handler";
/** Names of event types. */
export type NameIn<Events> = IsLoose<Events> extends true ? EventType : keyof Events & string;
/** From which level on the native code's logs are handed on. */
export type NativeLogLevel = LogLevel | "off";
/** Codes of `OrchestrationError`; the framework's orchestration raises them. */
export type OrchestrationErrorCode = (typeof ORCHESTRATION_CODES)[number];
/** What happens to an event that finds the queue full. */
export type Overflow = "reject" | "wait" | "drop-oldest";
/**
 * What gives way when a subscription's buffer is full. drop-oldest: the item that has waited longest; drop-newest: the one
 * that comes; error: the stream, with RuntimeError RUNTIME_STREAM_BUFFER_FULL after what is buffered (`fail` means the same);
 * wait: whoever pushes gets a promise and waits for the reader.
 */
export type OverflowPolicy = "drop-oldest" | "drop-newest" | "error" | "fail" | "wait";
/** What `on` takes besides names. Where events are declared, text without a `*` that is none of their names is a mistake. */
export type PatternIn<Events> = IsLoose<Events> extends true ? EventPattern : `${string}*${string}` | RegExp;
/** Data of an event type: as declared in `EventPayloads`, else anything. */
export type PayloadOf<T extends string> = T extends keyof EventPayloads ? EventPayloads[T] : any;
/** Configuration of a built-in persistor. `undefined` means "not given", and other keys are ignored. */
export type PersistorConfig = MemoryPersistorConfig | JournalPersistorConfig;
/** Options of `createPersistor`: all keys of the type's configuration but the type. */
export type PersistorOptions = Partial<Omit<MemoryPersistorConfig, "type"> & Omit<JournalPersistorConfig, "type">>;
/** Kinds of built-in persistors: in the memory of the process, or in files. */
export type PersistorType = "memory" | "journal";
/** A middleware of a {@link MiddlewarePipelineClass}: with a second parameter it gets the pipeline's context. */
export type PipelineMiddleware<C = unknown> = Middleware | ((handler: MiddlewareHandler, context: C) => MiddlewareHandler);
/** Called with each event, alone. */
export type QueueProcessor = (event: AnyEvent) => unknown;
/** Takes an event back, with what it was emitted with; false if it is refused. */
export type Requeue = (event: AnyEvent, priority: number, context: DLQContext) => boolean;
/** How much chance goes into a wait: anything up to it (full); between half of it and all of it (equal); none. */
export type RetryJitter = "full" | "equal" | "none";
/** Codes of `RuntimeError`: configuration, queue, events, streams, journal. */
export type RuntimeErrorCode = (typeof RUNTIME_CODES)[number];
/** A handler of a runtime. With a second parameter it gets a signal that aborts at a timeout, cancellation and shutdown. */
export type RuntimeHandler<E extends AnyEvent> = (event: E, signal: AbortSignal) => any;
/** What {@link withSchedule} makes: a middleware, and a setup when called with an event. */
export type ScheduleMiddleware = Middleware & ScheduleSetup & {
  /** Stops all its schedules, in all runtimes and by hand, for good. */
  stop(): void;
};
/** Starts a schedule for an event; answers how to stop it. A `signal` stops it, too. */
export type ScheduleSetup = (event: AnyEvent, sendEvent: SendEvent, signal?: AbortSignal) => () => void;
/** What {@link withSchedule} takes: options, an interval, a duration or cron expression, a date; also as `{ schedule }`. */
export type ScheduleSpec = ScheduleOptions | string | number | Date | (ScheduleOptions & {
  schedule: ScheduleOptions | string | number | Date;
});
/** What a shared stream does when its slowest reader is `buffer` items behind. */
export type ShareOverflow = "wait" | "drop-oldest" | "error" | "fail";
/** Value of a span's attribute. */
export type SpanAttribute = string | number | boolean | null | undefined | readonly (string | number | boolean)[];
/** Attributes of a span by name. */
export type SpanAttributes = Record<string, SpanAttribute>;
/** What a stream can be read from: the first four can be run again if they give a new iterator each time. */
export type StreamInput<T> = AsyncIterable<T> | Iterable<T> | AsyncIterator<T> | NodeJS.ReadableStream | ReadableStreamLike<T>;
/** Anything that `merge` and its like take: a stream or a source of one. */
export type StreamLike<T> = EventStream<T> | StreamSource<T>;
/** A middleware as streams use it: a wrapper around a handler. */
export type StreamMiddleware = (handler: (event: any) => any) => (event: any) => any;
/** An input, or a function that makes one for each run. */
export type StreamSource<T> = (() => StreamInput<T>) | StreamInput<T>;
/**
 * Options of `subscribe`: `buffer` events wait for the reader at most (1024); `overflow` says what gives way ('drop-oldest').
 * With 'wait' the handlers of an event wait until the buffer has room for it: a slow reader slows the runtime.
 */
export type SubscribeOptions = Omit<SubscriptionOptions, "onClose">;
/** A middleware that tells its counts. */
export type TimeoutMiddleware = Middleware & {
  getStats(): TimeoutStats;
};
/** Receives spans that have ended. One that throws or rejects harms nothing. */
export type TraceProcessor = (items: SpanRecord[]) => unknown;
/** A handler with the marks that earlier releases wrote onto it. This one writes none. */
export type TrackedEventHandler<E extends AnyEvent = AnyEvent> = EventHandler<E> & {
  _handlerId?: string;
  _isActive?: boolean;
  /** Milliseconds since the epoch. */
  _lastUsed?: number;
};
/** The `type` of the events that a name or pattern stands for: those of a pattern have many. */
export type TypeIn<T extends string> = T extends `${string}*${string}` ? EventType : T;
/** Whether a middleware is for this event. */
export type WhenCondition = (context: WhenContext) => boolean | Promise<boolean>;
/** What a condition of {@link when} looks at: the event's own fields and those of {@link MiddlewareContext}. */
export type WhenContext = AnyEvent & MiddlewareContext;
/**
 * Windows in time, by the clock when the items come. They close by themselves; empty ones are left out.
 *
 * - tumbling: windows of `sizeMs` one after the other, from the first item on.
 * - sliding: a window of `sizeMs` begins every `everyMs` (at most `sizeMs`), so an item may be in several.
 * - session: a window ends when no item has come for `gapMs`.
 */
export type WindowOptions = SignalOptions & {
  /**
   * Items of a window at most, default 10,000. A tumbling or session window that is full closes at once; a sliding one
   * loses its oldest item, counted in the statistics.
   */
  maxItems?: number | undefined;
} & ({
  kind: "tumbling";
  sizeMs: number;
} | {
  kind: "sliding";
  sizeMs: number;
  everyMs: number;
} | {
  kind: "session";
  gapMs: number;
});
interface JournalCompaction {
  bytesBefore: number;
  bytesAfter: number;
}
interface JournalConfig {
  /** Directory of the journal; made, for its owner only, if it is not there. One runtime at a time has it open. */
  path: string;
  /**
   * When an event is durable. `'group'` (default): one sync to disk for all that came within `groupMs`. `'always'`: a sync
   * of its own for each turn's events, without waiting. `'os'`: written, left to the operating system to sync (survives
   * the process, not the machine). `'off'`: as `'os'`, in larger groups.
   */
  sync?: "group" | "always" | "os" | "off";
  /** Milliseconds that a group waits for company. Default 2. */
  groupMs?: number;
  /** Events that close a group early. Default 1000. */
  groupEvents?: number;
  /** With `enableEventStore`: how long handled events are kept, in milliseconds. Default 7 days. */
  retentionMs?: number;
  /** Bytes that the journal may use; above them events are refused with JOURNAL_FULL. Default 1 GiB; Infinity: no limit. */
  maxBytes?: number;
  /** Compress events of at least `largeEventThreshold` bytes, and the plain events of a burst together. Default true. */
  compression?: boolean;
  /** How events become bytes: `'json'` (default), or `'v8'` for dates, maps, typed arrays and the like. */
  codec?: JournalCodec;
  /** What a damaged record means at the start: refuse to open (default), or leave it out and say so. */
  onCorruption?: "fail" | "skip";
}
interface NativeJournalStats {
  /** Events that have not ended. */
  pending: number;
  /** Finished events that are kept. */
  kept: number;
  /** Dead letters. */
  letters: number;
  /** Ids and idempotency keys that are remembered. */
  keys: number;
  /** Snapshots. */
  snapshots: number;
  /** Their bytes. */
  snapshotBytes: number;
  /** Bytes in use. */
  bytes: number;
  /** Bytes of the write-ahead log. */
  walBytes: number;
  /** Groups committed. */
  groups: number;
  /** Batches of operations that came from the runtime. */
  frames: number;
  /** Operations committed. */
  ops: number;
  /** Events that were accepted and ended within one group, and never touched the disk. */
  coalesced: number;
  /** Commits that failed. */
  failures: number;
  /** Events whose body was compressed. */
  compressedEvents: number;
  /** Bytes of these before. */
  originalBytes: number;
  /** Bytes of these as stored. */
  storedBytes: number;
  /** Damaged records that were left out at the start. */
  skipped: number;
  /** How long the last commit took. */
  lastCommitMs: number;
  /** How long the slowest took. */
  maxCommitMs: number;
}
interface PersistenceStats {
  enabled: boolean;
  /** Events stored on acceptance. */
  persistedEvents: number;
  /** Events stored that have not ended. */
  unfinishedEvents: number;
  /** Events brought back at the start. */
  recoveredEventCount: number;
  /** Events accepted in memory only, because `maxPersistedEvents` were unfinished. */
  unpersistedEvents: number;
  /** Events refused for the same reason. */
  refusedEvents: number;
  /** Calls that have failed. */
  errors: number;
  /** What could not be read at the start: a failed load, or records that make no sense. */
  recoveryErrors: number;
  /** When events were brought back, in milliseconds since the epoch. */
  lastRecoveryAt?: number;
}
interface QueueBreakerStats {
  state: (typeof STATES)[number];
  /** Failures in a row. */
  failureCount: number;
  /** Failures in a row that open it. */
  threshold: number;
}
interface TenantRateLimit extends RateLimit {
  /** Over the limit: events wait in the queue for their turn ('wait'), or `emit` refuses them ('reject'). Default 'wait'. */
  onLimit?: "wait" | "reject";
}
interface WithValidate {
  (config: ValidateConfig): Middleware;
  (schema: AnySchema, options?: ValidateOptions): Middleware;
  (schema: AnySchema, handler: MiddlewareHandler, options?: ValidateOptions): MiddlewareHandler;
}
type BadEnd = "dead" | "expired" | "cancelled" | "dropped" | "kept";
type Cancel = AbortSignal | Cancellation;
type ConnectedRuntime = Pick<Runtime, "on" | "createEvent" | "emitEvent">;
type EmitEntryOf<T extends string, Data> = {
  type: T;
  options?: EmitOptions;
} & Data;
/** The old name of `TEvent`. */
type Event$1<T extends string = string> = TEvent<T>;
type IsLoose<Events> = [
  Events
] extends [
  LooseEvents
] ? true : false;
type JournalCodec = "json" | "v8";
type JournalStats = NativeJournalStats;
type Listener = () => void;
type Made = Required<ConditionalMiddleware>;
type NameWithoutData<Events> = IsLoose<Events> extends true ? EventType : {
  [Name in NameIn<Events>]-?: undefined extends DataIn<Events, Name> ? Name : never;
}[NameIn<Events>];
type Operation<T> = (signal: AbortSignal) => Promise<T> | T;
type Operator<A, B> = (stream: A) => B;
type SendEvent = (event: AnyEvent) => unknown;
type Service = any;

export {
  Event$1 as Event,
};

export {};

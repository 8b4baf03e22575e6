import { checkQueueConfig } from './config';
import { DeadLetterQueue } from './dead-letter-queue';
import { DeliveryQueue } from './delivery-queue';
import { RuntimeError } from './errors';
import { createPort } from './observability/port';
import { attachEventStore, replayOf } from './event-store/open';
import { queueSettings } from './queue-settings';
import { queueStats } from './queue-stats';
import { limitOf, requireFunction, requireNumber } from './validate';
import type { EventQueueConfig } from './config';
import type { DeadLetterCriteria, Requeue } from './dead-letter-queue';
import type { EventStore, ReplayOptions } from './event-store';
import type { AnyEvent } from './events';
import type { ObservabilityPort } from './observability/port';
import { openPersistorLog } from './durability/open';
import type { Persistor } from './persistor-types';
import type { QueueStats } from './queue-stats';

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

/** Called with each event, alone. */
export type QueueProcessor = (event: AnyEvent) => unknown;

/** Critical types of a queue without redelivery. */
const QUEUE_PREFIXES = ['agent.', 'workflow.'];

/**
 * A queue of events by priority, bounded and deduplicated, on the core of the runtime. Usable alone.
 *
 * @example
 * const queue = new EventQueue(undefined, { maxQueueDepth: 1000 });
 * await queue.enqueue(createEvent('user.created', { id: 1 }), 5);
 * await queue.processAll(async (event) => save(event.data));
 */
export class EventQueue {
  /** @internal */
  readonly delivery: DeliveryQueue;
  protected readonly batchSize: number;
  #eventStore: EventStore | undefined;
  protected readonly config: EventQueueConfig;

  constructor(observability?: unknown, config?: EventQueueConfig);
  /** @internal */
  constructor(observability?: unknown, config?: EventQueueConfig | DeliveryQueue);
  constructor(observability?: unknown, config: EventQueueConfig | DeliveryQueue = {}) {
    if (config instanceof DeliveryQueue) {
      this.config = {};
      this.delivery = config;
      this.batchSize = 20;
    } else {
      this.config = checkQueueConfig(this.withDefaults(config), '', () => undefined);
      const port = createPort(observability, this.config.enableObservability ?? true);
      this.delivery = new DeliveryQueue(queueSettings(this.config, this.config.enableRetry ?? false), port);
      this.batchSize = this.config.batchSize ?? 20;
      if (this.config.enableDLQ)
        this.delivery.deadLetters = new DeadLetterQueue(
          observability,
          this.config.persistor,
          this.config.executionId,
          this.config.dlq,
        );
      openPersistorLog(
        this.config,
        this.delivery,
        this.config.executionId,
        this.config.enableRetry ? undefined : QUEUE_PREFIXES,
      );
      const { enableEventStore, eventStore } = this.config;
      if (enableEventStore === true && eventStore !== undefined) {
        this.#eventStore = eventStore;
        attachEventStore(eventStore, this.delivery, false);
      }
      tellOfPersistence(port, this.config);
    }
    for (const method of METHODS) bind(this, method);
  }

  /** Defaults of a kind of queue. */
  protected withDefaults(config: EventQueueConfig): EventQueueConfig {
    return config;
  }

  /**
   * Puts an event in; it is in the queue when this returns.
   *
   * @param priority higher runs first; any number, default 0
   * @returns whether it was accepted: false when the queue is full, the event too large or known already, or no event with
   *   an id and a type. Never rejects.
   */
  enqueue(event: AnyEvent, priority = 0): Promise<boolean> {
    if (!isEvent(event) || typeof priority !== 'number' || Number.isNaN(priority)) return Promise.resolve(false);
    return Promise.resolve(this.delivery.admit(event, { priority, queuedAt: Date.now() }, false) === undefined);
  }

  /** Removes and returns the first event, or null. It may be enqueued again. */
  dequeue(): AnyEvent | null {
    const event = this.peek();
    const { engine } = this.delivery;
    if (event !== null) engine.cancel(engine.slotOf(event.id), undefined);
    return event;
  }

  /** The first event, or null; it stays. */
  peek(): AnyEvent | null {
    const { engine } = this.delivery;
    const [slot] = engine.snapshot(1);
    return slot === undefined ? null : (engine.eventAt(slot) ?? null);
  }

  /** Runs one batch. Answers how many events were attempted; 0 if none waits or another batch or drain runs. */
  processBatch(fn: QueueProcessor): Promise<number> {
    return this.#process(fn, this.batchSize);
  }

  /** Runs what is ready, and what comes meanwhile. Answers how many attempts were made; at once 0 if a drain runs. */
  processAll(fn: QueueProcessor): Promise<number> {
    return this.#process(fn, undefined);
  }

  async #process(fn: QueueProcessor, maxEvents: number | undefined): Promise<number> {
    requireFunction('fn', fn);
    const { delivery } = this;
    if (delivery.recovery !== undefined) await delivery.recovery;
    if (delivery.engine.isProcessing) return 0;
    delivery.beginDrain();
    delivery.runner = (event): unknown => withoutResult(fn(event));
    const tally = await delivery.engine.drain(maxEvents === undefined ? {} : { maxEvents });
    return tally.processed + tally.failed;
  }

  /** Empties the queue and the deduplication window. */
  clear(): void {
    this.delivery.engine.clear('cancelled');
    this.delivery.dedupe.clear();
  }

  /** Empties the queue and releases what it holds; nothing is accepted any more. */
  destroy(): void {
    if (this.delivery.isClosed) return;
    this.delivery.isClosed = true;
    void this.delivery.engine.close(0, new RuntimeError('RUNTIME_SHUTTING_DOWN', 'the queue was destroyed'), -1);
    this.delivery.dedupe.clear();
    this.delivery.deadLetters?.destroy();
    void this.delivery.log?.close().catch((error: unknown) =>
      this.delivery.port.log('error', 'destroy: what keeps the events could not be closed well', {
        error: error as Error,
      }),
    );
    this.delivery.port.flushFloods();
  }

  /** The event store, if there is one. */
  getEventStore(): EventStore | undefined {
    return this.#eventStore;
  }

  /** Events kept by the event store, in lists; none without one. */
  replayEvents(from: number, options?: ReplayOptions): AsyncGenerator<AnyEvent[]> {
    return replayOf(this.#eventStore, this.delivery.port, from, options);
  }

  /**
   * The store of the runtime that this queue belongs to.
   * @internal
   */
  useEventStore(store: EventStore | undefined): void {
    this.#eventStore = store;
  }

  /** Whether nothing waits. */
  isEmpty(): boolean {
    return this.delivery.engine.depth === 0;
  }

  /** Whether emitters should slow down: memory, processors or depth are at their limit. */
  isFull(): boolean {
    return this.delivery.isUnderPressure;
  }

  /** Statistics; cheap to call. */
  getStats(): QueueStats {
    return queueStats(this.delivery);
  }

  /** Up to `limit` waiting events in the order in which they would run. */
  getQueueSnapshot(limit = 50): QueueItemSnapshot[] {
    const { engine } = this.delivery;
    return engine.snapshot(limitOf(limit)).map((slot) => {
      const event = engine.eventAt(slot)!;
      return {
        eventId: event.id,
        eventType: event.type,
        priority: engine.priority(slot),
        retryCount: engine.attempts(slot),
        timestamp: engine.peekExtras(slot)?.queuedAt ?? event.ts,
        correlationId: event.metadata?.correlationId,
        tenantId: event.metadata?.tenantId,
      };
    });
  }
}

const METHODS = [
  'enqueue',
  'dequeue',
  'peek',
  'processBatch',
  'processAll',
  'clear',
  'destroy',
  'isEmpty',
  'isFull',
  'getStats',
  'getQueueSnapshot',
  'getEventStore',
  'replayEvents',
] as const;

/** Methods work without their object: `const { enqueue } = queue`. */
function bind<T extends object>(object: T, method: keyof T & string): void {
  const value = (object[method] as (...args: unknown[]) => unknown).bind(object);
  Object.defineProperty(object, method, { value, writable: true, configurable: true });
}

function isEvent(value: unknown): value is AnyEvent {
  try {
    const { id, type } = value as AnyEvent;
    return typeof value === 'object' && typeof id === 'string' && typeof type === 'string';
  } catch {
    // Nothing, or something whose getters throw.
    return false;
  }
}

/** What a queue's function gives back is no event to follow. */
function withoutResult(result: unknown): unknown {
  const isThenable =
    result !== null && result !== undefined && typeof (result as PromiseLike<unknown>).then === 'function';
  return isThenable ? (result as PromiseLike<unknown>).then(() => undefined) : undefined;
}

function withPersistor(
  config: EventQueueConfig | DeliveryQueue,
  persistor: Persistor | undefined,
  executionId: string | undefined,
): EventQueueConfig | DeliveryQueue {
  if (config instanceof DeliveryQueue) return config;
  return {
    ...config,
    persistor: persistor ?? config.persistor,
    executionId: executionId ?? config.executionId,
  } as EventQueueConfig;
}

/** Says so where events were to be kept, and nothing is there that could keep them. */
export function tellOfPersistence(port: ObservabilityPort, config: EventQueueConfig & { journal?: unknown }): void {
  const isAsked = config.enablePersistence === true || config.persistAllEvents === true;
  if (!isAsked || config.journal !== undefined) return;
  if (config.persistor !== undefined && config.enablePersistence === true) return;
  port.log('warn', 'waiting events are kept in memory only: give a journal, or enablePersistence and a persistor');
}

/** What a queue has brought back from a persistor. */
export interface RecoveryStats {
  recoveredEventCount: number;
  recoveryErrors: number;
  /** Milliseconds since the epoch. */
  lastRecoveryAt?: number;
}

/**
 * An `EventQueue` with redelivery and dead letters. `processAll` makes one attempt for each waiting event; what fails comes
 * back when its delay is over, for a later `processAll`.
 */
export class EnhancedEventQueue extends EventQueue {
  readonly #dlq: DeadLetterQueue;

  constructor(observability?: unknown, persistor?: Persistor, executionId?: string, config?: EventQueueConfig);
  /** @internal */
  constructor(
    observability?: unknown,
    persistor?: Persistor,
    executionId?: string,
    config?: EventQueueConfig | DeliveryQueue,
  );
  constructor(
    observability?: unknown,
    persistor?: Persistor,
    executionId?: string,
    config: EventQueueConfig | DeliveryQueue = {},
  ) {
    super(observability, withPersistor(config, persistor, executionId));
    this.#dlq = this.delivery.deadLetters ?? new DeadLetterQueue(observability, undefined, undefined, this.config.dlq);
    for (const method of ['getDLQ', 'reprocessFromDLQ', 'reprocessDLQByCriteria', 'getRecoveryStats'] as const) {
      bind(this as EnhancedEventQueue, method);
    }
  }

  protected override withDefaults(config: EventQueueConfig): EventQueueConfig {
    const { enableRetry = true, enableDLQ = true, enablePersistence = config.persistor !== undefined } = config;
    return { ...config, enableRetry, enableDLQ, enablePersistence };
  }

  readonly #requeue: Requeue = (event, priority, context) => this.delivery.requeue(event, priority, context);

  /** The queue's dead letters. */
  getDLQ(): DeadLetterQueue {
    return this.#dlq;
  }

  /** Puts a dead letter back with its priority and a fresh attempt count. False if unknown, poisoned or refused. */
  async reprocessFromDLQ(eventId: string): Promise<boolean> {
    return this.#dlq.requeue(eventId, this.#requeue);
  }

  /** Puts back the dead letters that match all criteria. */
  async reprocessDLQByCriteria(
    criteria: DeadLetterCriteria = {},
  ): Promise<{ reprocessedCount: number; events: AnyEvent[] }> {
    const events = await this.#dlq.requeueWhere(criteria, this.#requeue);
    return { reprocessedCount: events.length, events };
  }

  /** What was brought back from the persistor. */
  getRecoveryStats(): RecoveryStats {
    return recoveryStats(this.delivery);
  }
}

/** An `EventQueue` whose waiting events are kept in a persistor and come back; without redelivery and dead letters. */
export class DurableEventQueue extends EventQueue {
  constructor(observability?: unknown, persistor?: Persistor, executionId?: string, config: EventQueueConfig = {}) {
    super(observability, withPersistor(config, persistor, executionId));
    bind(this as DurableEventQueue, 'getRecoveryStats');
  }

  protected override withDefaults(config: EventQueueConfig): EventQueueConfig {
    return { ...config, enablePersistence: config.enablePersistence ?? config.persistor !== undefined };
  }

  /** What was brought back from the persistor. */
  getRecoveryStats(): RecoveryStats {
    return recoveryStats(this.delivery);
  }
}

function recoveryStats({ log, recovered }: DeliveryQueue): RecoveryStats {
  const { recoveryErrors = 0, lastRecoveryAt } = log?.stats() ?? {};
  return { recoveredEventCount: recovered, recoveryErrors, ...(lastRecoveryAt !== undefined && { lastRecoveryAt }) };
}

/** Checks a priority that a user gave. */
export function requirePriority(path: string, priority: number): number {
  return priority === Infinity || priority === -Infinity ? priority : requireNumber(path, priority);
}

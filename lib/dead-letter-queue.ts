import { bookId, checkCriteria, checkDeadLetterConfig, checkFailure, requireEventId } from './dead-letter-checks';
import { requireText } from './validate';
import { DeadLetterStore } from './dead-letter-store';
import { describeThrown } from './describe-thrown';
import { native } from './native/index';
import { failureFields, logFields } from './observability/fields';
import { createPort } from './observability/port';
import type { DeadLetterSettings } from './dead-letter-checks';
import type { DeadLetterStorage } from './dead-letter-store';
import type {
  DLQConfig,
  DLQContext,
  DLQError,
  DLQItem,
  DLQStats,
  DeadLetterCounters,
  DeadLetterCriteria,
  Requeue,
} from './dead-letter-types';
import type { AnyEvent } from './events';
import type { DeadLetterBookHandle, LetterCount } from './native/dead-letters';
import type { ObservabilityPort } from './observability/port';
import type { LogContext } from './observability/types';
import type { Persistor } from './persistor-types';

export type * from './dead-letter-types';

/** How long the last attempt took, worked out only if somebody is told of it; undefined where that is not known. */
type Duration = () => number | undefined;

/** The longest time that `setTimeout` can wait. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const METHODS = [
  'ready',
  'flush',
  'sendToDLQ',
  'reprocessFromDLQ',
  'reprocessByCriteria',
  'markAsPoison',
  'getDLQStats',
  'getCounters',
  'clearDLQ',
  'destroy',
] as const;

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
export class DeadLetterQueue {
  readonly #port: ObservabilityPort;
  readonly #settings: DeadLetterSettings;
  readonly #book: DeadLetterBookHandle;
  readonly #items = new Map<string, DLQItem>();
  readonly #store: DeadLetterStorage | undefined;
  readonly #loaded: Promise<void>;
  #isLoading: boolean;
  #timer: NodeJS.Timeout | undefined;
  #isDestroyed = false;

  /**
   * @param observability any logger; see `createRuntime`
   * @param persistor where items are kept between runs
   * @param xcId whose items they are; without it nothing is persisted
   * @throws RuntimeError INVALID_CONFIGURATION
   */
  constructor(observability?: unknown, persistor?: Persistor | null, xcId?: string | null, config?: DLQConfig);
  /** @internal */
  constructor(
    observability?: unknown,
    persistor?: Persistor | null,
    xcId?: string | null,
    config?: DLQConfig,
    storage?: DeadLetterStorage,
  );
  constructor(
    observability?: unknown,
    persistor?: Persistor | null,
    xcId?: string | null,
    config: DLQConfig = {},
    storage?: DeadLetterStorage,
  ) {
    this.#port = createPort(observability, true);
    this.#settings = checkDeadLetterConfig(config, (message) => this.#port.log('warn', message));
    this.#book = new native.DeadLetterBook(this.#settings.maxSize, this.#settings.retentionMs);
    const persists = this.#settings.enablePersistence && persistor && xcId;
    this.#store = storage ?? (persists ? new DeadLetterStore(persistor, xcId, this.#onStoreError) : undefined);
    this.#isLoading = this.#store !== undefined;
    this.#loaded = this.#load();
    for (const method of METHODS) {
      const value = (this[method] as (...args: never[]) => unknown).bind(this);
      Object.defineProperty(this, method, { value, writable: true, configurable: true });
    }
  }

  // ── Filing ───────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Files an event that has failed for good. It is here when this returns; the promise resolves when it is stored, where
   * there is a persistor, also if storing fails (that is logged and counted).
   *
   * @param attempts attempts made
   */
  async sendToDLQ(event: AnyEvent, error: unknown, attempts: number, context?: DLQContext): Promise<void> {
    checkFailure(event, attempts);
    const item = this.#file(event, error, attempts, context ?? {});
    await this.#store?.save(item);
  }

  /**
   * Files an event; storing goes on by itself.
   * @internal
   */
  add(event: AnyEvent, error: unknown, attempts: number, context: DLQContext, durationMs?: Duration): void {
    const item = this.#file(event, error, attempts, context, durationMs);
    void this.#store?.save(item);
  }

  #file(event: AnyEvent, error: unknown, attempts: number, context: DLQContext, durationMs?: Duration): DLQItem {
    const now = Date.now();
    const id = bookId(event.id);
    const { message, names, codes, stack } = describeThrown(error);
    const { isNew, tags, droppedError, evicted } = this.#book.file(now, id, {
      eventType: event.type,
      message,
      errorNames: names,
      errorCodes: codes,
      attempts,
      agentId: idOf(event.metadata?.agentId),
      workflowId: idOf(event.metadata?.workflowId),
    });
    const item = isNew ? newItem(id, event, context, now) : this.#items.get(id)!;
    item.event = event;
    item.attempts = attempts;
    item.lastFailedAt = now;
    item.tags = tags;
    pushError(item, { message, stack, timestamp: now, attempt: attempts }, droppedError);
    this.#items.set(id, item);
    void this.#letGo(evicted);
    this.#tell(item, error, durationMs);
    this.#armSweep();
    return item;
  }

  #tell({ id, event, attempts }: DLQItem, error: unknown, durationMs: Duration | undefined): void {
    const queueSize = this.#items.size;
    if (this.#settings.enableDetailedLogging) {
      const message = `Dead letter: ${event.type} failed for good after ${attempts} attempts`;
      const fields = (): LogContext => ({
        ...logFields(event),
        ...failureFields(error, attempts, durationMs?.()),
        eventId: id,
        queueSize,
      });
      this.#port.flood('dlq.filed', 'error', message, fields, event.type);
    }
    if (queueSize >= this.#settings.alertThreshold) {
      this.#port.flood('dlq.size', 'warn', `There are ${queueSize} dead letters`, { queueSize });
    }
  }

  /** Bars an event from going back. Unknown ids are ignored. */
  async markAsPoison(eventId: string, reason: string): Promise<void> {
    const id = requireEventId('eventId', eventId);
    const message = `Marked as poison: ${requireText('reason', reason)}`;
    if (this.#isLoading) await this.#loaded;
    const item = this.#items.get(id);
    const poisoned = this.#book.poison(id, message);
    if (item === undefined || poisoned === null) return;
    item.canReprocess = false;
    item.tags = poisoned.tags;
    pushError(item, { message, timestamp: Date.now(), attempt: -1 }, poisoned.droppedError);
    await this.#store?.save(item);
  }

  // ── Taking out ───────────────────────────────────────────────────────────────────────────────────────

  /** Removes and returns an event; it is not queued. Null if it is unknown, or poisoned (then it stays). */
  async reprocessFromDLQ(eventId: string): Promise<AnyEvent | null> {
    const id = requireEventId('eventId', eventId);
    if (this.#isLoading) await this.#loaded;
    const item = this.#items.get(id);
    if (item === undefined || !this.#book.take(id)) return null;
    await this.#letGo([id]);
    return item.event;
  }

  /** Removes and returns the events that match all criteria, in the order in which they were filed. */
  async reprocessByCriteria(criteria: DeadLetterCriteria = {}): Promise<AnyEvent[]> {
    const wanted = checkCriteria(criteria, false);
    if (this.#isLoading) await this.#loaded;
    const ids = this.#book.select(Date.now(), wanted).filter((id) => this.#book.take(id));
    const events = ids.map((id) => this.#items.get(id)!.event);
    await this.#letGo(ids);
    return events;
  }

  /** Removes everything; answers how many items there were. */
  async clearDLQ(): Promise<number> {
    if (this.#isLoading) await this.#loaded;
    const ids = [...this.#items.keys()];
    this.#book.clear();
    await this.#letGo(ids);
    return ids.length;
  }

  /**
   * Removes the items that match, poisoned ones too; answers how many.
   * @internal
   */
  async purge(criteria: DeadLetterCriteria): Promise<number> {
    const wanted = checkCriteria(criteria, true);
    if (this.#isLoading) await this.#loaded;
    const ids = this.#book.select(Date.now(), wanted).filter((id) => this.#book.remove(id));
    await this.#letGo(ids);
    return ids.length;
  }

  /** The book has let these go; so do we, and the store. */
  #letGo(ids: readonly string[]): Promise<void> | undefined {
    for (const id of ids) this.#items.delete(id);
    if (this.#items.size === 0) this.#stopSweep();
    return this.#store?.forget(ids);
  }

  // ── Giving back to a queue ───────────────────────────────────────────────────────────────────────────

  /**
   * Gives one event back to a queue. False if it is unknown, poisoned, or refused (then it stays).
   * @internal
   */
  async requeue(eventId: string, requeue: Requeue): Promise<boolean> {
    const id = requireEventId('eventId', eventId);
    if (this.#isLoading) await this.#loaded;
    return (await this.#requeueAll([id], requeue)).length === 1;
  }

  /**
   * Gives back what matches; answers the events that were not refused.
   * @internal
   */
  async requeueWhere(criteria: DeadLetterCriteria, requeue: Requeue): Promise<AnyEvent[]> {
    const wanted = checkCriteria(criteria, false);
    if (this.#isLoading) await this.#loaded;
    return this.#requeueAll(this.#book.select(Date.now(), wanted), requeue);
  }

  /**
   * Gives back the items for which `predicate` is true; answers the events that were not refused.
   * @internal
   */
  async requeueIf(predicate: (item: DLQItem) => boolean, requeue: Requeue): Promise<AnyEvent[]> {
    if (this.#isLoading) await this.#loaded;
    const ids = this.#book.select(Date.now(), checkCriteria({}, false));
    const meant = ids.filter((id) => predicate(this.#items.get(id)!));
    return this.#requeueAll(meant, requeue);
  }

  /** Where the store can do so, an event that goes back and its letter that goes are one commit: no crash leaves both. */
  async #requeueAll(ids: readonly string[], requeue: Requeue): Promise<AnyEvent[]> {
    const store = this.#store;
    if (store?.together === undefined) return this.#giveBack(ids, requeue);
    const given = ids.map((id) => store.together!(() => this.#giveBack([id], requeue)));
    return (await Promise.all(given)).flat();
  }

  async #giveBack(ids: readonly string[], requeue: Requeue): Promise<AnyEvent[]> {
    const events: AnyEvent[] = [];
    const gone: string[] = [];
    try {
      for (const id of ids) {
        const item = this.#items.get(id);
        if (item === undefined || !this.#book.isReprocessable(id)) continue;
        const { event, originalPriority, processingContext, errors } = item;
        const lastError = errors.at(-1);
        if (!requeue(event, originalPriority, processingContext)) continue;
        events.push(event);
        // If it has failed again inside the call, it is a dead letter again and stays.
        if (errors.at(-1) === lastError && this.#book.remove(id)) gone.push(id);
      }
    } finally {
      await this.#letGo(gone);
    }
    return events;
  }

  // ── Looking ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A page of items in the order in which they were filed.
   *
   * @param after 0: from the beginning; else `next` of the page before
   * @internal
   */
  page(limit: number, after: number, eventType: string | null): { items: DLQItem[]; next: number | null } {
    const { ids, next } = this.#book.page(limit, after, eventType);
    return { items: ids.map((id) => this.#items.get(id)!), next };
  }

  /**
   * Whether an event is a dead letter.
   * @internal
   */
  has(eventId: string): boolean {
    return this.#items.has(bookId(eventId));
  }

  /** @internal */
  get(eventId: string): DLQItem | undefined {
    return this.#items.get(requireEventId('eventId', eventId));
  }

  /** Statistics of what is kept. */
  getDLQStats(): DLQStats {
    const now = Date.now();
    const { byEventType, byErrorKind, averageAttempts, oldest, recent } = this.#book.stats();
    const brief = (id: string): { id: string; age: number; eventType: string } => {
      const { event, dlqTimestamp } = this.#items.get(id)!;
      return { id, age: now - dlqTimestamp, eventType: event.type };
    };
    return {
      totalItems: this.#items.size,
      itemsByEventType: record(byEventType),
      itemsByErrorType: record(byErrorKind),
      averageAttempts,
      oldestItem: oldest === null ? undefined : brief(oldest),
      recentItems: recent.map((id) => {
        const { errors, attempts } = this.#items.get(id)!;
        return { ...brief(id), errorMessage: errors.at(-1)?.message ?? '', attempts };
      }),
    };
  }

  /** What has happened since the start. */
  getCounters(): DeadLetterCounters {
    return { ...this.#book.counters(), persistenceErrors: this.#store?.errors ?? 0 };
  }

  // ── Persistence ──────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when what was stored earlier is here. Never rejects. Methods that take out or mark wait for it by themselves. */
  ready(): Promise<void> {
    return this.#loaded;
  }

  /** Resolves when everything so far has been written to the persistor. Never rejects. */
  flush(): Promise<void> {
    return this.#store?.flush() ?? Promise.resolve();
  }

  async #load(): Promise<void> {
    if (this.#store === undefined) return;
    const stored = await this.#store.load();
    this.#isLoading = false;
    if (this.#isDestroyed) return;
    for (const item of stored) this.#restore(item);
    // Those that expired meanwhile leave at once, and the next may be due before the sweep that was armed.
    this.#stopSweep();
    if (this.#settings.enableAutoCleanup) this.#sweep();
  }

  #restore(item: DLQItem): void {
    // What arrived meanwhile is newer.
    if (this.#items.has(item.id)) return;
    const { id, event, errors, tags, dlqTimestamp, attempts, canReprocess } = item;
    this.#items.set(id, item);
    const evicted = this.#book.restore({
      id,
      eventType: event.type,
      messages: errors.map((error) => error.message),
      tags,
      enteredAt: dlqTimestamp,
      attempts,
      poisoned: !canReprocess,
    });
    void this.#letGo(evicted);
  }

  #onStoreError = (operation: string, error: unknown): void => {
    this.#port.flood('dlq.store', 'error', `Dead letters: the persistor failed to ${operation}`, { error });
  };

  // ── Sweeping ─────────────────────────────────────────────────────────────────────────────────────────

  /** One timer for the next item whose time is over, in whole cleanup intervals. */
  #armSweep(): void {
    const { enableAutoCleanup, cleanupIntervalMs } = this.#settings;
    if (!enableAutoCleanup || this.#isDestroyed || this.#timer !== undefined) return;
    const delayMs = this.#book.sweepDelay(Date.now(), cleanupIntervalMs);
    if (delayMs === null) return;
    this.#timer = setTimeout(() => this.#sweep(), Math.min(delayMs, MAX_TIMEOUT_MS));
    this.#timer.unref?.();
  }

  #sweep(): void {
    this.#timer = undefined;
    void this.#letGo(this.#book.expire(Date.now()));
    this.#armSweep();
  }

  #stopSweep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Stops the sweep. Items stay and can be read. May be called again. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#stopSweep();
    this.#port.flushFloods();
  }
}

function newItem(id: string, event: AnyEvent, context: DLQContext, now: number): DLQItem {
  const given = Object.entries(context).filter(([, value]) => value !== undefined);
  return {
    id,
    event,
    errors: [],
    attempts: 0,
    firstFailedAt: now,
    lastFailedAt: now,
    dlqTimestamp: now,
    originalPriority: context.originalPriority ?? 0,
    processingContext: Object.fromEntries(given),
    tags: [],
    canReprocess: true,
  };
}

function pushError(item: DLQItem, error: DLQError, dropped: number | null): void {
  item.errors.push(error);
  if (dropped !== null) item.errors.splice(dropped, 1);
}

const idOf = (value: unknown): string | null =>
  (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : null;

const record = (counts: readonly LetterCount[]): Record<string, number> =>
  Object.fromEntries(counts.map(({ name, count }) => [name, count]));

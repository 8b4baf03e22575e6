import { DeadLetterStore } from './dead-letter-store';
import { messageOf } from './errors';
import { native } from './native/index';
import { createPort } from './observability/port';
import { rejectUnknownKeys, requireBoolean, requireInteger, requireNumber, requireObject } from './validate';
import type { AnyEvent } from './events';
import type { DeadLetterBookHandle } from './native/dead-letters';
import type { ObservabilityPort } from './observability/port';
import type { Persistor } from './persistor-types';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Configuration of a `DeadLetterQueue`. */
export interface DLQConfig {
  /** Keep items in the persistor, if there are a persistor and an id. Default true. */
  enablePersistence?: boolean;
  /** Items kept; the oldest leave. Default 1000. */
  maxDLQSize?: number;
  /** Days an item is kept. Default 7. */
  maxRetentionDays?: number;
  /** Sweep out expired items. Default true. */
  enableAutoCleanup?: boolean;
  /** Milliseconds between sweeps. Default one hour. */
  cleanupInterval?: number;
  /** Log an error for each item. Default true. */
  enableDetailedLogging?: boolean;
  /** Size from which a warning is logged. Default 100. */
  alertThreshold?: number;
}

/** Where an event came from, for those who look at a dead letter. */
export interface DLQContext {
  handlerName?: string | undefined;
  correlationId?: string | undefined;
  traceId?: string | undefined;
  agentId?: string | undefined;
  workflowId?: string | undefined;
  originalPriority?: number | undefined;
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
  event: AnyEvent;
  /** Its failures, oldest first; the first and the newest nine are kept. */
  errors: DLQError[];
  attempts: number;
  /** Milliseconds since the epoch, as the two below. */
  firstFailedAt: number;
  lastFailedAt: number;
  dlqTimestamp: number;
  originalPriority: number;
  processingContext: DLQContext;
  /** `type:…`, `error:…`, and where known `agent:…`, `workflow:…`, `poison`. */
  tags: string[];
  /** Whether it may go back into the queue. */
  canReprocess: boolean;
}

/** Statistics of dead letters. */
export interface DLQStats {
  totalItems: number;
  itemsByEventType: Record<string, number>;
  /** Counts error entries by the kind that the letter is tagged with. */
  itemsByErrorType: Record<string, number>;
  averageAttempts: number;
  oldestItem: { id: string; age: number; eventType: string } | undefined;
  /** Up to ten, newest first. Ages in milliseconds. */
  recentItems: { id: string; eventType: string; errorMessage: string; attempts: number; age: number }[];
}

/** Which dead letters are meant; all that is given must match. */
export interface DeadLetterCriteria {
  /** Milliseconds: items that are at least that old (the name is historical). */
  maxAge?: number;
  /** 0 or absent: no limit. */
  limit?: number;
  /** Exactly this type. */
  eventType?: string;
  /** Part of any error message. */
  errorType?: string;
  /** One of the tags. */
  tag?: string;
}

/** Takes an event back; false if it is refused. */
export type Requeue = (event: AnyEvent, priority: number) => boolean;

const CONFIG_KEYS = [
  'enablePersistence',
  'maxDLQSize',
  'maxRetentionDays',
  'enableAutoCleanup',
  'cleanupInterval',
  'enableDetailedLogging',
  'alertThreshold',
];

function checkConfig(config: DLQConfig, port: ObservabilityPort): Required<DLQConfig> {
  requireObject('dlq', config);
  rejectUnknownKeys(config, CONFIG_KEYS, (key) => port.log('warn', `unknown configuration key 'dlq.${key}'`));
  return {
    enablePersistence: requireBoolean('dlq.enablePersistence', config.enablePersistence ?? true),
    maxDLQSize: requireInteger('dlq.maxDLQSize', config.maxDLQSize ?? 1000, { min: 1, max: 2 ** 31 - 1 }),
    maxRetentionDays: requireNumber('dlq.maxRetentionDays', config.maxRetentionDays ?? 7, { min: 0 }),
    enableAutoCleanup: requireBoolean('dlq.enableAutoCleanup', config.enableAutoCleanup ?? true),
    cleanupInterval: requireNumber('dlq.cleanupInterval', config.cleanupInterval ?? HOUR_MS, { min: 1 }),
    enableDetailedLogging: requireBoolean('dlq.enableDetailedLogging', config.enableDetailedLogging ?? true),
    alertThreshold: requireInteger('dlq.alertThreshold', config.alertThreshold ?? 100, { min: 1 }),
  };
}

/**
 * Events that have finally failed, bounded in number and age. What is kept, what leaves and what matches is decided in
 * the core.
 */
export class DeadLetterQueue {
  readonly #port: ObservabilityPort;
  readonly #config: Required<DLQConfig>;
  readonly #book: DeadLetterBookHandle;
  readonly #items = new Map<string, DLQItem>();
  readonly #store: DeadLetterStore | undefined;
  readonly #loaded: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #isDestroyed = false;

  constructor(observability?: unknown, persistor?: Persistor, xcId?: string, config: DLQConfig = {}) {
    this.#port = createPort(observability, true);
    this.#config = checkConfig(config, this.#port);
    this.#book = new native.DeadLetterBook(this.#config.maxDLQSize, this.#config.maxRetentionDays * DAY_MS);
    const persists = this.#config.enablePersistence && persistor !== undefined && xcId !== undefined;
    this.#store = persists
      ? new DeadLetterStore(persistor, xcId, (operation, error) =>
          this.#port.log('error', `Dead letters: ${operation} failed`, { error: error as Error }),
        )
      : undefined;
    this.#loaded = this.#load();
  }

  /** Resolves when what was stored earlier is here. */
  ready(): Promise<void> {
    return this.#loaded;
  }

  async #load(): Promise<void> {
    for (const item of (await this.#store?.load()) ?? []) {
      // What came meanwhile is newer.
      if (this.#isDestroyed || this.#items.has(item.id)) continue;
      const { id, event, errors, tags, dlqTimestamp, attempts, canReprocess } = item;
      this.#items.set(id, item);
      const messages = errors.map((error) => error.message);
      const letter = { id, eventType: event.type, messages, tags, enteredAt: dlqTimestamp, attempts };
      this.#dropEvicted(this.#book.restore({ ...letter, poisoned: !canReprocess }));
    }
    this.#armSweep();
  }

  /** Files an event that has failed for good. Resolves when it is stored, where there is a persistor. */
  async sendToDLQ(event: AnyEvent, error: unknown, attempts: number, context: DLQContext = {}): Promise<void> {
    const item = this.#file(event, error, attempts, context);
    await this.#store?.save(item);
  }

  /**
   * Files an event; storing goes on by itself.
   * @internal
   */
  add(event: AnyEvent, error: unknown, attempts: number, context: DLQContext): void {
    const item = this.#file(event, error, attempts, context);
    void this.#store?.save(item);
  }

  #file(event: AnyEvent, error: unknown, attempts: number, context: DLQContext): DLQItem {
    const now = Date.now();
    const { name, code, stack } = (typeof error === 'object' && error !== null ? error : {}) as Error & { code?: unknown };
    const message = messageOf(error);
    const filed = this.#book.file(now, event.id, {
      eventType: event.type,
      message,
      errorName: String(name ?? ''),
      errorCode: typeof code === 'string' || typeof code === 'number' ? String(code) : '',
      attempts,
      tags: metadataTags(event),
    });
    const entry: DLQError = { message, stack, timestamp: now, attempt: attempts };
    const known = filed.isNew ? undefined : this.#items.get(event.id);
    const item = known ?? newItem(event, context, now);
    item.errors.push(entry);
    if (filed.droppedError >= 0) item.errors.splice(filed.droppedError, 1);
    item.attempts = attempts;
    item.lastFailedAt = now;
    item.tags = this.#book.tags(event.id);
    this.#items.set(event.id, item);
    this.#dropEvicted(filed.evicted);
    this.#tell(item, error);
    this.#armSweep();
    return item;
  }

  #tell(item: DLQItem, error: unknown): void {
    const { id, event, attempts } = item;
    if (this.#config.enableDetailedLogging) {
      this.#port.flood('dlq.item', 'error', `Dead letter: ${event.type} failed for good after ${attempts} attempts`, () => ({
        eventId: id,
        eventType: event.type,
        correlationId: event.metadata?.correlationId,
        tenantId: event.metadata?.tenantId,
        attempts,
        error: error as Error,
      }));
    }
    const size = this.#items.size;
    if (size >= this.#config.alertThreshold) {
      this.#port.flood('dlq.size', 'warn', `There are ${size} dead letters`, { queueSize: size });
    }
  }

  #dropEvicted(ids: readonly string[]): void {
    for (const id of ids) this.#items.delete(id);
    void this.#store?.forget(ids);
  }

  /** Removes and returns an event; it is not queued. Null if it is unknown, or poisoned (then it stays). */
  async reprocessFromDLQ(eventId: string): Promise<AnyEvent | null> {
    const item = this.#items.get(eventId);
    if (item === undefined || !item.canReprocess) return null;
    await this.#remove([eventId]);
    return item.event;
  }

  /** Removes and returns the events that match all criteria, in the order in which they were filed. */
  async reprocessByCriteria(criteria: DeadLetterCriteria = {}): Promise<AnyEvent[]> {
    const items = this.select(criteria);
    await this.#remove(items.map((item) => item.id));
    return items.map((item) => item.event);
  }

  #remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#book.remove(id);
      this.#items.delete(id);
    }
    return this.#store?.forget(ids) ?? Promise.resolve();
  }

  /**
   * Gives one event back to a queue. A queue that refuses it leaves it here.
   * @internal
   */
  async requeue(eventId: string, requeue: Requeue): Promise<boolean> {
    const item = this.#items.get(eventId);
    if (item === undefined || !item.canReprocess) return false;
    return (await this.#requeueAll([item], requeue)).length === 1;
  }

  /** @internal */
  requeueWhere(criteria: DeadLetterCriteria, requeue: Requeue): Promise<AnyEvent[]> {
    return this.#requeueAll(this.select(criteria), requeue);
  }

  /** @internal */
  async requeueItems(items: readonly DLQItem[], requeue: Requeue): Promise<AnyEvent[]> {
    return this.#requeueAll(items, requeue);
  }

  async #requeueAll(items: readonly DLQItem[], requeue: Requeue): Promise<AnyEvent[]> {
    const taken = items.filter((item) => item.canReprocess && requeue(item.event, item.originalPriority));
    await this.#remove(taken.map((item) => item.id));
    return taken.map((item) => item.event);
  }

  /**
   * The items that match, in the order in which they were filed.
   * @internal
   */
  select(criteria: DeadLetterCriteria, poisoned = false): DLQItem[] {
    const { eventType, errorType, tag, maxAge, limit } = checkCriteria(criteria);
    const ids = this.#book.select(Date.now(), { eventType, errorType, tag, minAgeMs: maxAge, limit, poisoned });
    return ids.map((id) => this.#items.get(id)!);
  }

  /** @internal */
  page(limit: number, after: number, eventType: string | undefined): { items: DLQItem[]; next: number } {
    const { ids, next } = this.#book.page(limit, after, eventType);
    return { items: ids.map((id) => this.#items.get(id)!), next };
  }

  /** @internal */
  get(eventId: string): DLQItem | undefined {
    return this.#items.get(eventId);
  }

  /** Bars an event from going back. Unknown ids are ignored. */
  async markAsPoison(eventId: string, reason: string): Promise<void> {
    const item = this.#items.get(eventId);
    const message = `Marked as poison: ${reason}`;
    if (item === undefined || !this.#book.poison(eventId, message)) return;
    item.canReprocess = false;
    item.errors.push({ message, timestamp: Date.now(), attempt: -1 });
    item.tags = this.#book.tags(eventId);
    await this.#store?.save(item);
  }

  /** Statistics of what is kept. */
  getDLQStats(): DLQStats {
    const now = Date.now();
    const items = [...this.#items.values()];
    const itemsByEventType: Record<string, number> = {};
    const itemsByErrorType: Record<string, number> = {};
    let attempts = 0;
    for (const item of items) {
      attempts += item.attempts;
      itemsByEventType[item.event.type] = (itemsByEventType[item.event.type] ?? 0) + 1;
      const kind = item.tags.find((tag) => tag.startsWith('error:'))?.slice('error:'.length) ?? 'unknown';
      itemsByErrorType[kind] = (itemsByErrorType[kind] ?? 0) + item.errors.length;
    }
    const byAge = items.sort((a, b) => a.dlqTimestamp - b.dlqTimestamp);
    const oldest = byAge[0];
    return {
      totalItems: items.length,
      itemsByEventType,
      itemsByErrorType,
      averageAttempts: items.length === 0 ? 0 : attempts / items.length,
      oldestItem: oldest && { id: oldest.id, age: now - oldest.dlqTimestamp, eventType: oldest.event.type },
      recentItems: byAge
        .slice(-10)
        .reverse()
        .map((item) => ({
          id: item.id,
          eventType: item.event.type,
          errorMessage: item.errors.at(-1)?.message ?? '',
          attempts: item.attempts,
          age: now - item.dlqTimestamp,
        })),
    };
  }

  /** Removes everything; answers how many items there were. */
  async clearDLQ(): Promise<number> {
    const ids = [...this.#items.keys()];
    await this.#remove(ids);
    return ids.length;
  }

  /**
   * Removes the items that match, poisoned ones too; answers how many.
   * @internal
   */
  async purge(criteria: DeadLetterCriteria): Promise<number> {
    const ids = this.select(criteria, true).map((item) => item.id);
    await this.#remove(ids);
    return ids.length;
  }

  #armSweep(): void {
    const { enableAutoCleanup, cleanupInterval } = this.#config;
    if (!enableAutoCleanup || this.#isDestroyed || this.#timer !== undefined || this.#items.size === 0) return;
    this.#timer = setTimeout(() => this.#sweep(), Math.min(cleanupInterval, MAX_TIMEOUT_MS));
    this.#timer.unref?.();
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#dropEvicted(this.#book.expire(Date.now()));
    this.#armSweep();
  }

  /** Stops the sweep. */
  destroy(): void {
    this.#isDestroyed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function newItem(event: AnyEvent, context: DLQContext, now: number): DLQItem {
  const given = Object.entries(context).filter(([, value]) => value !== undefined);
  return {
    id: event.id,
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

function metadataTags({ metadata }: AnyEvent): string[] {
  const tags: string[] = [];
  if (metadata?.agentId) tags.push(`agent:${String(metadata.agentId)}`);
  if (metadata?.workflowId) tags.push(`workflow:${String(metadata.workflowId)}`);
  return tags;
}

function checkCriteria(criteria: DeadLetterCriteria): DeadLetterCriteria {
  requireObject('criteria', criteria);
  if (criteria.limit !== undefined) requireInteger('criteria.limit', criteria.limit, { min: 0 });
  if (criteria.maxAge !== undefined) requireNumber('criteria.maxAge', criteria.maxAge, { min: 0 });
  return criteria;
}

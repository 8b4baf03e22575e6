import { messageOf } from './errors';
import { PersistorEventLog } from './event-store/persistor-event-log';
import { createPort } from './observability/port';
import { createPersistor, requirePersistor } from './persistors/factory';
import {
  refuse,
  requireBoolean,
  requireInteger,
  requireList,
  requireNumber,
  requireObject,
  requireString,
  requireText,
  warnOfUnknown,
} from './validate';
import type { EventLog, EventMetadata, EventStoreStats, ReplayQuery } from './event-store/event-log';
import type { AnyEvent } from './events';
import type { ObservabilityPort } from './observability/port';
import type { Persistor } from './persistor-types';
import type { PersistorType } from './persistors/config';
import type { PersistorOptions } from './persistors/factory';

export type { EventLog, EventMetadata, EventStoreStats } from './event-store/event-log';

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

const REPLAY_OPTIONS: Record<keyof ReplayOptions, true> = {
  toTimestamp: true,
  onlyUnprocessed: true,
  batchSize: true,
  types: true,
};
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const GIB = 1024 ** 3;
const NO_STATS: EventStoreStats = { totalStoredEvents: 0, storedEvents: 0, unprocessedEvents: 0, droppedEvents: 0 };

/**
 * Events kept for replay, and what has become of them. No method depends on `this`.
 *
 * @example
 * const store = createEventStore(observability, { executionId: 'orders', persistor });
 * await store.appendEvents([event]);
 * await store.markEventsProcessed([event.id]);
 * for await (const events of store.replayFromTimestamp(0, { onlyUnprocessed: false })) again(events);
 */
export class EventStore {
  readonly #port: ObservabilityPort;
  readonly #kept: EventLog | undefined;
  /** @internal What hands over the events that queues have not told yet, before the store is asked for anything. */
  readonly feeds = new Set<() => void>();
  readonly #replayBatchSize: number;

  /** @throws RuntimeError INVALID_CONFIGURATION */
  constructor(observability: unknown, config: EventStoreConfig);
  /** @internal `log`: where events are kept instead of a persistor */
  constructor(observability: unknown, config: EventStoreConfig, log: EventLog | undefined);
  constructor(observability: unknown, config: EventStoreConfig, log?: EventLog) {
    requireObject('config', config);
    const { executionId, enableReplay = true, replayBatchSize = 100, maxStoredEvents = 10_000 } = config;
    const { enableObservability = true } = config;
    requireString('executionId', executionId);
    requireBoolean('enableReplay', enableReplay);
    requireBoolean('enableObservability', enableObservability);
    this.#replayBatchSize = requireInteger('replayBatchSize', replayBatchSize, { min: 1 });
    requireInteger('maxStoredEvents', maxStoredEvents, { min: 0 });
    this.#port = createPort(observability, enableObservability);
    if (enableReplay) this.#kept = log ?? this.#makeLog(config, maxStoredEvents);
  }

  #makeLog({ persistor, executionId, ...config }: EventStoreConfig, maxStoredEvents: number): EventLog {
    const xcId = `events_${executionId}`;
    const onError = (operation: string, error: unknown): void => {
      this.#port.flood('event-store.failed', 'error', `The event store's persistor failed (${operation})`, {
        error: messageOf(error),
      });
    };
    const own = persistor ?? ownPersistor(config, maxStoredEvents);
    requirePersistor('persistor', own);
    return new PersistorEventLog(own, xcId, maxStoredEvents, onError, persistor === undefined);
  }

  /** Whether events are stored at all. */
  get isEnabled(): boolean {
    return this.#kept !== undefined;
  }

  get #log(): EventLog | undefined {
    for (const handOver of this.feeds) handOver();
    return this.#kept;
  }

  /** Stores events; resolves when they are stored, rejects as the persistor does. They are stored as they are now. */
  appendEvents = async (events: readonly AnyEvent[]): Promise<void> => {
    requireArray('events', events);
    for (let index = 0; index < events.length; index++) requireStorable(`events[${index}]`, events[index]!);
    await this.#log?.append(events);
  };

  /** Marks events as processed; unknown ids are ignored. Resolves when that is stored. */
  markEventsProcessed = async (eventIds: readonly string[]): Promise<void> => {
    requireList('eventIds', eventIds, 'string');
    await this.#log?.mark(eventIds);
  };

  /**
   * Counts a delivery of an event, and stores that a moment later. Unknown ids are ignored. The deliveries of a runtime's own
   * queue are counted by themselves.
   */
  recordAttempt = (eventId: string): void => {
    if (this.#kept?.noteAttempt === undefined) this.#kept?.attempted(eventId);
    else this.#kept.noteAttempt(eventId);
  };

  /** @internal The event is being delivered by the queue whose events these are. */
  delivered = (eventId: string): void => this.#kept?.attempted(eventId);

  /** What is known of an event; undefined: it is not there. */
  getEventMetadata = async (eventId: string): Promise<EventMetadata | undefined> => this.#log?.metadata(eventId);

  /**
   * Lists of the events whose `ts` is `from` or later, in the order of appending. They are given back, nothing is queued.
   * Events appended after the call are not among them.
   *
   * @param from milliseconds since the epoch
   */
  replayFromTimestamp = (from: number, options: ReplayOptions = {}): AsyncGenerator<AnyEvent[]> => {
    const query = this.#query(from, options);
    return this.#log?.replay(query) ?? nothing();
  };

  #query(from: number, options: ReplayOptions): ReplayQuery {
    warnOfUnknown('replayEvents', requireObject('options', options), REPLAY_OPTIONS);
    const { toTimestamp = Date.now(), onlyUnprocessed = true, batchSize = this.#replayBatchSize, types } = options;
    return {
      fromMs: requireTime('from', from),
      toMs: requireTime('options.toTimestamp', toTimestamp),
      onlyUnprocessed: requireBoolean('options.onlyUnprocessed', onlyUnprocessed),
      types: types === undefined ? undefined : requireList('options.types', types, 'string'),
      batchSize: requireInteger('options.batchSize', batchSize, { min: 1 }),
    };
  }

  /** The unprocessed events of the last hour. */
  replayUnprocessed = (batchSize?: number): AsyncGenerator<AnyEvent[]> =>
    this.replayFromTimestamp(Date.now() - HOUR_MS, { batchSize });

  /** Figures of all stored events. */
  getStats = async (): Promise<EventStoreStats> => this.#log?.stats() ?? { ...NO_STATS };

  /** Forgets processed events that are older than that many milliseconds (default 7 days); answers how many. */
  cleanup = async (olderThanMs: number = WEEK_MS): Promise<number> => {
    requireNumber('olderThanMs', olderThanMs, { min: 0 });
    return (await this.#log?.cleanup(Date.now() - olderThanMs)) ?? 0;
  };

  /** Resolves when everything so far is stored. Never rejects. */
  flush = async (): Promise<void> => this.#log?.flush();

  /** As `flush`, and releases the persistor, if the store has made it itself. */
  close = async (): Promise<void> => {
    await this.#log?.close();
    this.#port.flushFloods();
  };
}

/** The same as `new EventStore(observability, config)`. */
export function createEventStore(observability: unknown, config: EventStoreConfig): EventStore {
  return new EventStore(observability, config);
}

/** A persistor with room for all events, each in a snapshot of its own, and for marks. */
function ownPersistor(config: Partial<EventStoreConfig>, maxStoredEvents: number): Persistor {
  const { persistorType = 'memory', persistorOptions = {} } = config;
  requireObject('persistorOptions', persistorOptions);
  const room = { maxSnapshots: 2 * maxStoredEvents + 1000, maxMemoryUsage: GIB };
  const given = Object.entries(persistorOptions).filter(([, value]) => value !== undefined);
  return createPersistor(persistorType, { ...room, ...(Object.fromEntries(given) as PersistorOptions) });
}

function requireArray(path: string, value: readonly unknown[]): void {
  if (!Array.isArray(value)) refuse(path, value, 'a list');
}

function requireStorable(path: string, event: AnyEvent): void {
  requireObject(path, event);
  requireString(`${path}.id`, event.id);
  requireText(`${path}.type`, event.type);
}

/** Milliseconds since the epoch; infinite ones mean all times. */
function requireTime(path: string, value: number): number {
  return value === Infinity || value === -Infinity ? value : requireNumber(path, value);
}

async function* nothing(): AsyncGenerator<AnyEvent[]> {
  // Replay is off.
}

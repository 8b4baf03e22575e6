import {
  refuse,
  rejectUnknownKeys,
  requireBoolean,
  requireInteger,
  requireNumber,
  requireObject,
  requireString,
  requireText,
} from './validate';
import type { OnUnknownKey } from './config';
import type { DLQConfig, DeadLetterCriteria } from './dead-letter-types';
import type { AnyEvent } from './events';
import type { LetterCriteria } from './native/dead-letters';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MAX_COUNT = 2 ** 31 - 1;

/** Configuration with all defaults filled in. */
export interface DeadLetterSettings {
  enablePersistence: boolean;
  maxSize: number;
  retentionMs: number;
  enableAutoCleanup: boolean;
  cleanupIntervalMs: number;
  enableDetailedLogging: boolean;
  alertThreshold: number;
}

/** The names of all keys, kept complete by the compiler. */
const CONFIG_KEYS: Record<keyof DLQConfig, true> = {
  enablePersistence: true,
  maxDLQSize: true,
  maxRetentionDays: true,
  enableAutoCleanup: true,
  cleanupInterval: true,
  enableDetailedLogging: true,
  alertThreshold: true,
};

/** Refuses values that are not allowed; fills in the defaults. */
export function checkDeadLetterConfig(config: DLQConfig, onUnknown: OnUnknownKey): DeadLetterSettings {
  requireObject('dlq', config);
  rejectUnknownKeys(config, Object.keys(CONFIG_KEYS), (key, closest) => {
    const hint = closest === undefined ? '' : `; did you mean '${closest}'?`;
    onUnknown(`unknown configuration key 'dlq.${key}'${hint}`);
  });
  return {
    enablePersistence: requireBoolean('dlq.enablePersistence', config.enablePersistence ?? true),
    maxSize: requireInteger('dlq.maxDLQSize', config.maxDLQSize ?? 1000, { min: 1, max: MAX_COUNT }),
    retentionMs: retentionMs(config.maxRetentionDays ?? 7),
    enableAutoCleanup: requireBoolean('dlq.enableAutoCleanup', config.enableAutoCleanup ?? true),
    cleanupIntervalMs: requireNumber('dlq.cleanupInterval', config.cleanupInterval ?? HOUR_MS, { min: 1 }),
    enableDetailedLogging: requireBoolean('dlq.enableDetailedLogging', config.enableDetailedLogging ?? true),
    alertThreshold: requireInteger('dlq.alertThreshold', config.alertThreshold ?? 100, { min: 1 }),
  };
}

function retentionMs(days: unknown): number {
  if (typeof days !== 'number' || !Number.isFinite(days) || days <= 0) {
    return refuse('dlq.maxRetentionDays', days, 'a number of days above 0');
  }
  // A retention in milliseconds comes as a part of a day and must come out as it was.
  return Math.max(1, Math.round(days * DAY_MS));
}

/** Refuses what is no event, or no count of attempts. */
export function checkFailure(event: AnyEvent, attempts: number): void {
  requireObject('event', event);
  requireString('event.id', event.id);
  requireText('event.type', event.type);
  requireInteger('attempts', attempts, { min: 0, max: MAX_COUNT });
}

/** An id as the book keeps it: half a surrogate pair does not survive the way there, and it must be found again. */
export const bookId = (id: unknown): string => String(id).replace(/\p{Surrogate}/gu, '\ufffd');

/** An id that a user gave, as the book keeps it. */
export const requireEventId = (path: string, id: unknown): string => bookId(requireString(path, id));

/** Criteria as the book takes them. */
export function checkCriteria(criteria: DeadLetterCriteria, poisoned: boolean): LetterCriteria {
  requireObject('criteria', criteria);
  const { eventType, errorType, tag, maxAge, limit } = criteria;
  const text = (path: string, value: unknown): string | null => (value === undefined ? null : requireText(path, value));
  return {
    eventType: text('criteria.eventType', eventType),
    errorType: text('criteria.errorType', errorType),
    tag: text('criteria.tag', tag),
    minAgeMs: maxAge === undefined ? null : requireNumber('criteria.maxAge', maxAge, { min: 0 }),
    limit: requireInteger('criteria.limit', limit ?? 0, { min: 0, max: MAX_COUNT }),
    poisoned,
  };
}

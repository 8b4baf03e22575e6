import type { EventQueueConfig } from '../config';
import type { AnyEvent } from '../events';

const CRITICAL_PREFIXES = ['agent.', 'workflow.'];

/** Which events are kept, and how many. */
export interface PersistencePolicy {
  all: boolean;
  critical: boolean;
  types: ReadonlySet<string>;
  prefixes: readonly string[];
  /** Unfinished events kept at most. */
  maxEvents: number;
  /** Whether the user has asked for the limit, or for all events to be kept: then nothing goes on without being kept. */
  isStrict: boolean;
  /** Ids and keys of events delivered exactly once that are remembered. */
  maxSeen: number;
}

/** Reads the keys of a queue's configuration that say which events are kept. */
export function persistencePolicy(
  config: EventQueueConfig,
  defaultPrefixes: readonly string[] = CRITICAL_PREFIXES,
): PersistencePolicy {
  return {
    all: config.persistAllEvents ?? false,
    critical: config.persistCriticalEvents ?? true,
    types: new Set(config.criticalEventTypes),
    prefixes: config.criticalEventPrefixes ?? defaultPrefixes,
    maxEvents: config.maxPersistedEvents ?? 1000,
    isStrict: config.maxPersistedEvents !== undefined || config.persistAllEvents === true,
    maxSeen: config.maxProcessedEvents ?? 10_000,
  };
}

/** Whether an event's own guarantee asks for keeping it. */
export function asksForGuarantee({ metadata }: AnyEvent): boolean {
  const guarantee = metadata?.deliveryGuarantee;
  return guarantee === 'at-least-once' || guarantee === 'exactly-once';
}

/** Whether an event is kept until it has ended. */
export function isKept(event: AnyEvent, policy: PersistencePolicy): boolean {
  if (policy.all || asksForGuarantee(event)) return true;
  const { type } = event;
  return policy.critical && (policy.types.has(type) || policy.prefixes.some((prefix) => type.startsWith(prefix)));
}

import { EventStore } from '../event-store';
import { EventStoreFeed } from './feed';
import { JournalEventLog } from './journal-event-log';
import type { DeliveryQueue } from '../delivery-queue';
import type { JournalLog } from '../durability/journal-log';
import type { EventStoreConfig, ReplayOptions } from '../event-store';
import type { AnyEvent } from '../events';
import type { ObservabilityPort } from '../observability/port';

/** Makes the event store of a runtime and keeps it informed. With a journal, the journal is the store. */
export function openEventStore(
  observability: unknown,
  config: EventStoreConfig,
  queue: DeliveryQueue,
  journal: JournalLog | undefined,
): EventStore {
  const store = new EventStore(observability, config, journal && new JournalEventLog(journal));
  attachEventStore(store, queue, journal !== undefined);
  return store;
}

/** Keeps a store informed of what happens to a queue's events. */
export function attachEventStore(store: EventStore, queue: DeliveryQueue, isShared: boolean): void {
  if (store.isEnabled) queue.feed = new EventStoreFeed(store, queue.port, isShared);
}

/** Events kept for replay, in lists; none, and a warning, without a store. */
export function replayOf(
  store: EventStore | undefined,
  port: ObservabilityPort,
  from: number,
  options?: ReplayOptions,
): AsyncGenerator<AnyEvent[]> {
  if (store !== undefined) return store.replayFromTimestamp(from, options);
  port.log('warn', 'replayEvents: nothing is kept; set enableEventStore');
  return nothing();
}

async function* nothing(): AsyncGenerator<AnyEvent[]> {
  // There is nothing to replay.
}

import { journalSettings } from './journal-config';
import { JournalLog } from './journal-log';
import { PersistorDurableLog } from './persistor-durable-log';
import { PersistorLog } from './persistor-log';
import type { EventQueueConfig, RuntimeConfig } from '../config';
import type { RuntimeError } from '../errors';
import type { DeliveryQueue } from '../delivery-queue';
import type { RecoveredEvent } from './durable-log';
import type { JournalConfig } from './journal-config';

/** Stored events of an event store that says nothing else (spec of the old store). */
const DEFAULT_KEPT_EVENTS = 10_000;

/** Opens the journal of a runtime and lets its queue write into it. */
export function openJournal(config: RuntimeConfig, queue: DeliveryQueue): JournalLog | undefined {
  if (config.journal === undefined) return undefined;
  const { largeEventThreshold, maxProcessedEvents } = queue.settings;
  const maxStored = config.eventStoreConfig?.maxStoredEvents;
  // The check of the configuration has made an object of it.
  const settings = journalSettings(config.journal as JournalConfig, {
    largeEventThreshold,
    // An event may leave two: its id and its key.
    maxKeys: 2 * maxProcessedEvents,
    keepsEvents: config.enableEventStore ?? false,
    maxKeptEvents: typeof maxStored === 'number' ? maxStored : DEFAULT_KEPT_EVENTS,
  });
  const log = new JournalLog(settings, queue.port, queue.maker);
  log.onWithdraw = (event): void => void queue.withdraw(event);
  log.onWanted = (seqs): void => queue.engine.makeDrafts(seqs);
  log.truthOf = (event, error): RuntimeError => queue.notDurable(event, error);
  queue.log = log;
  return log;
}

/** Critical in a runtime, besides those of a queue. */
const RUNTIME_PREFIXES = ['agent.', 'workflow.', 'kernel.'];

/** Keeps waiting events in a user's persistor, if the configuration says so, and begins to bring back what is there. */
export function openPersistorLog(
  config: EventQueueConfig,
  queue: DeliveryQueue,
  xcId: string | undefined,
  defaultPrefixes: readonly string[] = RUNTIME_PREFIXES,
): PersistorDurableLog | undefined {
  const { persistor, enablePersistence } = config;
  if (enablePersistence !== true || persistor === undefined || xcId === undefined) return undefined;
  const store = new PersistorLog({ persistor, xcId, config, defaultPrefixes, port: queue.port });
  const log = new PersistorDurableLog(store);
  queue.log = log;
  if (config.enableAutoRecovery ?? true) {
    queue.recoverLater(() => recoverStored(queue, store), config.recoveryBatchSize ?? 100);
  }
  return log;
}

async function recoverStored(queue: DeliveryQueue, store: PersistorLog): Promise<readonly RecoveredEvent[]> {
  const events = await store.recover();
  for (const id of store.seen.ids) queue.dedupe.noteDone(id);
  for (const key of store.seen.keys) queue.dedupe.takeKey(key, '', 'done');
  return events;
}

/** Brings back what the last process left: keys that must not come again, then the events, in their order. */
export function recoverInto(queue: DeliveryQueue, log: JournalLog): void {
  for (const { kind, name, state } of log.keys()) {
    if (kind === 'id') queue.dedupe.noteDone(name);
    else queue.dedupe.takeKey(name, '', state);
  }
  for (const recovered of log.recover(queue.settings.redelivery.maxDelayMs)) queue.restore(recovered);
  const count = queue.recovered;
  if (count > 0) queue.port.log('info', `Recovered ${count} events from the journal`, { queueSize: count });
}

import { journalSettings } from './journal-config';
import { JournalLog } from './journal-log';
import type { RuntimeConfig } from '../config';
import type { DeliveryQueue } from '../delivery-queue';
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
    maxKeys: maxProcessedEvents,
    keepsEvents: config.enableEventStore ?? false,
    maxKeptEvents: typeof maxStored === 'number' ? maxStored : DEFAULT_KEPT_EVENTS,
  });
  const log = new JournalLog(settings, queue.port);
  log.onWithdraw = (event): void => queue.withdraw(event);
  queue.log = log;
  return log;
}

/** Brings back what the last process left: keys that must not come again, then the events, in their order. */
export function recoverInto(queue: DeliveryQueue, log: JournalLog): number {
  for (const { kind, name, state } of log.keys()) {
    if (kind === 'id') queue.dedupe.noteDone(name);
    else queue.dedupe.takeKey(name, '', state);
  }
  let count = 0;
  for (const recovered of log.recover(queue.settings.redelivery.maxDelayMs)) {
    queue.restore(recovered);
    count++;
  }
  if (count > 0) queue.port.log('info', `Recovered ${count} events from the journal`, { queueSize: count });
  return count;
}

/** Every figure that a runtime tells as a metric: one list for Prometheus and for OpenTelemetry. */
import type { RuntimeStats } from '../runtime-types';

/** Labels with few values each. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  value: number;
  labels: Labels;
}

export interface Metric {
  /** In OpenTelemetry `kodus_flow.<name>`; in Prometheus with underscores, unit and `_total`. */
  readonly name: string;
  /** Counters never fall. */
  readonly kind: 'counter' | 'gauge';
  /** As UCUM writes it. */
  readonly unit: '{event}' | '{attempt}' | '{delivery}' | 'By' | '1';
  readonly help: string;
  /** No sample: there is nothing to tell. */
  readonly read: (stats: RuntimeStats) => readonly Sample[];
}

const one = (value: number | undefined | null): Sample[] => (value == null ? [] : [{ value, labels: {} }]);

const by = (label: string, values: Record<string, number>): Sample[] =>
  Object.entries(values).map(([name, value]) => ({ value, labels: { [label]: name } }));

export const CATALOGUE: readonly Metric[] = [
  {
    name: 'events.accepted',
    kind: 'counter',
    unit: '{event}',
    help: 'Events accepted.',
    read: ({ queue }) => one(queue.emitted),
  },
  {
    name: 'events.ended',
    kind: 'counter',
    unit: '{event}',
    help: 'Accepted events that have ended, by how.',
    read: ({ queue: { done, dead, expired, cancelled, givenUp } }) =>
      by('outcome', { done, dead, expired, cancelled, dropped: givenUp }),
  },
  {
    name: 'events.refused',
    kind: 'counter',
    unit: '{event}',
    help: 'Events refused, by reason.',
    read: ({ queue }) => by('reason', queue.refusals),
  },
  {
    name: 'attempts.failed',
    kind: 'counter',
    unit: '{attempt}',
    help: 'Attempts that failed.',
    read: ({ queue }) => one(queue.failed),
  },
  {
    name: 'redeliveries',
    kind: 'counter',
    unit: '{attempt}',
    help: 'Redeliveries scheduled.',
    read: ({ queue }) => one(queue.retry.totalRetries),
  },
  {
    name: 'ack.timeouts',
    kind: 'counter',
    unit: '{delivery}',
    help: 'Deliveries whose acknowledgement did not come in time.',
    read: ({ queue }) => one(queue.ackTimeouts),
  },
  {
    name: 'events.live',
    kind: 'gauge',
    unit: '{event}',
    help: 'Events that have not ended, by state.',
    read: ({ queue: { waiting, ready, running, unacked } }) =>
      by('state', { waiting, ready, running: running - unacked, unacked }),
  },
  {
    name: 'permits.free',
    kind: 'gauge',
    unit: '1',
    help: 'How many more events could run now.',
    read: ({ queue }) => one(queue.availablePermits),
  },
  {
    name: 'backpressure',
    kind: 'gauge',
    unit: '1',
    help: '1 while emitters are asked to slow down.',
    read: ({ queue }) => one(queue.backpressureActive ? 1 : 0),
  },
  {
    name: 'dead_letters',
    kind: 'gauge',
    unit: '{event}',
    help: 'Dead letters kept.',
    read: ({ dlq }) => one(dlq?.totalItems),
  },
  {
    name: 'journal.pending',
    kind: 'gauge',
    unit: '{event}',
    help: 'Unfinished events in the journal.',
    read: ({ journal }) => one(journal?.pending),
  },
  {
    name: 'journal.size',
    kind: 'gauge',
    unit: 'By',
    help: 'Bytes in use by the journal.',
    read: ({ journal }) => one(journal?.bytes),
  },
  {
    name: 'journal.failures',
    kind: 'counter',
    unit: '1',
    help: 'Commits of the journal that failed.',
    read: ({ journal }) => one(journal?.failures),
  },
];

/** Times of `getStats().latency`: in Prometheus summaries in seconds. */
export const TIMES = [
  { key: 'queueWait', name: 'queue_wait', help: 'From when an attempt could have started to its start.' },
  { key: 'handler', name: 'handler_time', help: 'From the start of the handlers of an attempt to their end.' },
  { key: 'endToEnd', name: 'end_to_end', help: 'From the acceptance of an event to its successful end.' },
] as const;

/** What the terminal shows: progress while it runs, then tables. */
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { createHistogram } from 'node:perf_hooks';
import type { DLQItem, QueueStats } from '@kodus-flow/runtime';

const NS_PER_MS = 1e6;
const SHOWN_TYPES = 12;
const SHOWN_LETTERS = 10;

/** Progress on a terminal as a bar, elsewhere as a line for each tenth. */
export class Progress {
  readonly #total: number;
  readonly #bar: SingleBar | undefined;
  #told = 0;

  constructor(total: number) {
    this.#total = total;
    this.#bar = process.stdout.isTTY
      ? new SingleBar({ format: '{bar} {percentage}% | {value}/{total} events | {duration_formatted}' })
      : undefined;
    this.#bar?.start(total, 0);
  }

  update(done: number): void {
    this.#bar?.update(done);
    const tenth = Math.floor((done / this.#total) * 10);
    if (this.#bar !== undefined || tenth <= this.#told) return;
    this.#told = tenth;
    console.log(`${tenth * 10} %: ${done} of ${this.#total} events`);
  }

  stop(): void {
    this.update(this.#total);
    this.#bar?.stop();
  }
}

/** Latencies from emit to the end of the handlers, in all and by kind of event. */
export class Latencies {
  readonly #all = createHistogram();
  readonly #byKind = new Map<string, ReturnType<typeof createHistogram>>();

  record(type: string, milliseconds: number): void {
    const kind = type.split('.', 2).join('.');
    let histogram = this.#byKind.get(kind);
    if (histogram === undefined) this.#byKind.set(kind, (histogram = createHistogram()));
    const nanoseconds = Math.max(1, Math.round(milliseconds * NS_PER_MS));
    this.#all.record(nanoseconds);
    histogram.record(nanoseconds);
  }

  percentile(percent: number): string {
    return inMs(this.#all.percentile(percent));
  }

  /** Kind, count, p50, p99: the most frequent first. */
  rows(): string[][] {
    const byCount = [...this.#byKind].sort(([, a], [, b]) => b.count - a.count);
    return byCount.map(([kind, h]) => [kind, String(h.count), inMs(h.percentile(50)), inMs(h.percentile(99))]);
  }
}

const inMs = (nanoseconds: number): string => `${(nanoseconds / NS_PER_MS).toFixed(2)} ms`;

/** The tables at the end. */
export function report(seconds: number, events: number, stats: QueueStats, latencies: Latencies): void {
  const summary = new Table({
    head: ['events', 'done', 'retried', 'dead', 'events/s', 'p50', 'p99'],
    style: tableStyle(),
  });
  const rate = Math.round(events / seconds).toLocaleString('en');
  const { done, dead, retry } = stats;
  summary.push([events, done, retry.totalRetries, dead, rate, latencies.percentile(50), latencies.percentile(99)]);
  console.log(summary.toString());

  const types = new Table({ head: ['type', 'done', 'p50', 'p99'], style: tableStyle() });
  const rows = latencies.rows();
  types.push(...rows.slice(0, SHOWN_TYPES));
  console.log(types.toString());
  if (rows.length > SHOWN_TYPES) console.log(`and ${rows.length - SHOWN_TYPES} more kinds of events`);
}

/** The dead letters with their reasons. */
export function reportDeadLetters(total: number, items: readonly DLQItem[]): void {
  if (total === 0) return console.log('No dead letters.');
  const letters = new Table({ head: ['dead letter', 'attempts', 'reason'], style: tableStyle() });
  for (const { event, attempts, errors } of items.slice(0, SHOWN_LETTERS)) {
    letters.push([event.type, attempts, errors.at(-1)?.message ?? '']);
  }
  console.log(letters.toString());
  if (total > SHOWN_LETTERS) console.log(`and ${total - SHOWN_LETTERS} more dead letters`);
}

/** Narrow, and with colours only where somebody sees them. */
function tableStyle(): { head: string[]; border: string[]; compact: boolean } {
  return { head: process.stdout.isTTY ? ['cyan'] : [], border: [], compact: true };
}

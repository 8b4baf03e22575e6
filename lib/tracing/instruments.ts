import { CATALOGUE } from '../metrics/catalogue';
import { RUNTIME_CORE_VERSION } from '../constants';
import { MESSAGING_SYSTEM, errorTypeOf } from './spans';
import { loadApi } from './load-api';
import { SCOPE } from './scope';
import { isThenable } from './thenable';
import type { AnyEvent } from '../events';
import type { RuntimeStats } from '../runtime-types';
import type { TelemetrySettings } from './config';
import type { OtelApi } from './load-api';
import type { EventRunner } from './telemetry';
import type { Attributes, BatchObservableResult, Histogram, Meter, MeterProvider } from '@opentelemetry/api';

const OTHER = '(other)';
/** Boundaries in seconds, as the semantic conventions advise for messaging. */
const BOUNDARIES = [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** A runtime whose figures are told. */
interface Source {
  readonly tenant: string;
  read(): RuntimeStats;
}

/** Figures by metric, and for each by its attributes as text. */
type Totals = Map<string, Map<string, { attributes: Attributes; value: number }>>;

/**
 * The instruments of one meter provider. All runtimes of the process share them: figures of equal attributes are added, and the
 * counters of a runtime that has ended go on counting in the sums, and its gauges are zero.
 */
class Instruments {
  readonly handler: Histogram;
  readonly queueWait: Histogram;
  readonly endToEnd: Histogram;
  readonly #sources = new Set<Source>();
  readonly #ended: Totals = new Map();

  constructor(meter: Meter) {
    const time = (name: string, description: string): Histogram =>
      meter.createHistogram(name, {
        description,
        unit: 's',
        advice: { explicitBucketBoundaries: BOUNDARIES },
      });
    this.handler = time('messaging.process.duration', 'Time that the handlers of an attempt took.');
    this.queueWait = time('kodus_flow.queue_wait', 'From the time of an event to the start of its first attempt.');
    this.endToEnd = time('kodus_flow.end_to_end', 'From the time of an event to its successful end.');
    const observables = CATALOGUE.map(({ name, kind, unit, help }) => {
      const options = { description: help, unit };
      const full = `kodus_flow.${name}`;
      return kind === 'counter'
        ? meter.createObservableCounter(full, options)
        : meter.createObservableGauge(full, options);
    });
    meter.addBatchObservableCallback((result: BatchObservableResult) => {
      const totals = this.#totals();
      CATALOGUE.forEach(({ name }, index) => {
        for (const { attributes, value } of totals.get(name)?.values() ?? []) {
          result.observe(observables[index]!, value, attributes);
        }
      });
    }, observables);
  }

  #totals(): Totals {
    const totals: Totals = new Map();
    for (const [name, values] of this.#ended)
      totals.set(name, new Map([...values].map(([key, at]) => [key, { ...at }])));
    for (const source of this.#sources) add(totals, source, false);
    return totals;
  }

  /** Answers how to end it. */
  follow(source: Source): () => void {
    this.#sources.add(source);
    return () => {
      if (this.#sources.delete(source)) add(this.#ended, source, true);
    };
  }
}

/** Adds the figures of a source. If it has ended, its gauges are zero: an SDK goes on telling the last value that it got. */
function add(totals: Totals, { tenant, read }: Source, hasEnded: boolean): void {
  const stats = read();
  for (const metric of CATALOGUE) {
    const isOver = hasEnded && metric.kind === 'gauge';
    const values = totals.get(metric.name) ?? new Map<string, { attributes: Attributes; value: number }>();
    totals.set(metric.name, values);
    for (const { labels, value: told } of metric.read(stats)) {
      const value = isOver ? 0 : told;
      const attributes = { 'kodus_flow.tenant.id': tenant, ...labels };
      const key = JSON.stringify(attributes);
      const known = values.get(key);
      if (known === undefined) values.set(key, { attributes, value });
      else known.value += value;
    }
  }
}

const byProvider = new WeakMap<MeterProvider, Instruments>();
/** Tenants told apart in this process. */
const tenants = new Set<string>();

function bounded(known: Set<string>, name: string, max: number): string {
  if (known.has(name)) return name;
  if (known.size >= max) return OTHER;
  known.add(name);
  return name;
}

/** The metrics of one runtime. Nothing is done before a meter provider is registered. */
export class RuntimeMetrics {
  readonly #api: OtelApi;
  readonly #source: Source;
  readonly #maxTypes: number;
  readonly #types = new Set<string>();
  readonly #errors = new Set<string>();
  #instruments: Instruments | undefined;
  #stop: (() => void) | undefined;

  /** Undefined if there is nothing to tell, or nobody to tell it to. */
  static of(settings: TelemetrySettings, tenantId: string, read: () => RuntimeStats): RuntimeMetrics | undefined {
    const api = settings.metrics ? loadApi() : undefined;
    return api && new RuntimeMetrics(api, tenantId, settings.maxTypes, read);
  }

  private constructor(api: OtelApi, tenantId: string, maxTypes: number, read: () => RuntimeStats) {
    this.#api = api;
    this.#maxTypes = maxTypes;
    this.#source = { tenant: bounded(tenants, tenantId, maxTypes), read };
  }

  /** Looks for a meter provider; there is no way to be told of one. */
  refresh(): void {
    if (this.#instruments !== undefined) return;
    const provider = this.#api.metrics.getMeterProvider();
    const meter = provider.getMeter(SCOPE, RUNTIME_CORE_VERSION);
    if (meter.constructor === this.#api.createNoopMeter().constructor) return;
    let instruments = byProvider.get(provider);
    if (instruments === undefined) byProvider.set(provider, (instruments = new Instruments(meter)));
    this.#instruments = instruments;
    this.#stop = instruments.follow(this.#source);
  }

  /** Takes the times of each attempt, once there is a meter provider. */
  around(run: EventRunner, attempts: (slot: number) => number): EventRunner {
    return (event, slot) => {
      const instruments = this.#instruments;
      return instruments === undefined ? run(event, slot) : this.#timed(instruments, run, event, slot, attempts(slot));
    };
  }

  #timed(instruments: Instruments, run: EventRunner, event: AnyEvent, slot: number, attempt: number): unknown {
    const attributes = {
      'messaging.system': MESSAGING_SYSTEM,
      'messaging.operation.name': 'process',
      'messaging.destination.name': bounded(this.#types, event.type, this.#maxTypes),
    };
    const startedAt = performance.now();
    if (attempt <= 1) record(instruments.queueWait, sinceMade(event), attributes);
    const end = (failed: boolean, error?: unknown): void => {
      const seconds = Math.max(performance.now() - startedAt, 0) / 1000;
      const errorType = failed ? bounded(this.#errors, errorTypeOf(error), this.#maxTypes) : undefined;
      record(instruments.handler, seconds, failed ? { ...attributes, 'error.type': errorType } : attributes);
      if (!failed) record(instruments.endToEnd, sinceMade(event), attributes);
    };
    let result: unknown;
    try {
      result = run(event, slot);
    } catch (error) {
      end(true, error);
      throw error;
    }
    if (!isThenable(result)) {
      end(false);
      return result;
    }
    return result.then(
      (value) => {
        end(false);
        return value;
      },
      (error: unknown) => {
        end(true, error);
        throw error;
      },
    );
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#instruments = undefined;
  }
}

/** The user's meter may be broken; the event is not. */
function record(histogram: Histogram, value: number, attributes: Attributes): void {
  try {
    histogram.record(value, attributes);
  } catch {
    // Nobody to tell: what would be told is what is broken.
  }
}

/** Seconds since the event was made, by the clock of the wall: it may have waited through a restart. */
function sinceMade(event: AnyEvent): number {
  return Math.max(Date.now() - event.ts, 0) / 1000;
}

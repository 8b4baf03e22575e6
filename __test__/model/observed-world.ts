import { DiagLogLevel, SpanStatusCode, context, diag, metrics, trace } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { startTracing } from '../tracing/sdk';
import { Random } from './random';
import { RuntimeWorld } from './runtime-world';
import type { AnyEvent } from '../../lib/events';
import type { Runtime, RuntimeStats } from '../../lib/runtime-types';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { RuntimeCase } from './runtime-case';
import type { Watcher } from './runtime-world';

const APP = 'app';

/** Collects when it is asked to, without a timer. */
class ManualReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/** How the user's logger and exporter misbehave. */
type Faults = 'none' | 'throw' | 'reject';

/** A runtime under a real OpenTelemetry SDK, with what must be true of its spans and metrics. */
export class ObservedWorld implements Watcher {
  readonly #case: RuntimeCase;
  readonly #faults: Faults;
  readonly #started = new Map<string, ReadableSpan>();
  readonly #ended: ReadableSpan[] = [];
  readonly #told: string[] = [];
  /** Failed runs by event. */
  readonly #failed = new Map<string, number>();
  readonly #reader = new ManualReader();
  readonly observability: unknown;

  constructor(given: RuntimeCase, faults: Faults) {
    this.#case = given;
    this.#faults = faults;
    this.observability = { log: () => this.#log() };
  }

  #log(): unknown {
    if (this.#faults === 'throw') throw new Error('the logger fails');
    return this.#faults === 'reject' ? Promise.reject(new Error('the logger fails later')) : undefined;
  }

  async play(): Promise<string[]> {
    const processor: SpanProcessor = {
      onStart: (span) => void this.#started.set(span.spanContext().spanId, span as unknown as ReadableSpan),
      onEnd: (span) => {
        this.#ended.push(span);
        if (span.name !== APP && this.#faults === 'throw') throw new Error('the exporter fails');
      },
      forceFlush: async () => undefined,
      shutdown: async () => undefined,
    };
    diag.setLogger(
      {
        error: (message) => void this.#told.push(message),
        warn: (message) => void this.#told.push(message),
        info: () => undefined,
        debug: () => undefined,
        verbose: () => undefined,
      },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    const tracing = startTracing([processor]);
    const provider = new MeterProvider({ readers: [this.#reader] });
    metrics.setGlobalMeterProvider(provider);
    try {
      return await this.#playInSpan();
    } finally {
      await tracing.stop();
      metrics.disable();
      await provider.shutdown();
      diag.disable();
    }
  }

  async #playInSpan(): Promise<string[]> {
    const span = trace.getTracer(APP).startSpan(APP);
    const wrong = await context.with(trace.setSpan(context.active(), span), () =>
      new RuntimeWorld(this.#case, this).play(),
    );
    span.end();
    return wrong.length > 0 ? wrong : this.#spanFaults();
  }

  ended(event: AnyEvent, failed: boolean): void {
    if (failed) this.#failed.set(event.id, (this.#failed.get(event.id) ?? 0) + 1);
  }

  // ── Metrics and statistics ───────────────────────────────────────────────────────────────────────────

  async check(runtime: Runtime): Promise<string[]> {
    const before = runtime.getStats();
    const figures = await this.#collect();
    const stats = runtime.getStats();
    // Where something has happened while the reader was at work there is nothing to compare.
    const isSame = JSON.stringify(before.queue) === JSON.stringify(stats.queue);
    return [...statFaults(stats), ...(isSame ? metricFaults(figures, stats) : [])];
  }

  async #collect(): Promise<Map<string, number>> {
    const { resourceMetrics } = await this.#reader.collect();
    const figures = new Map<string, number>();
    for (const { metrics: list } of resourceMetrics.scopeMetrics) {
      for (const { descriptor, dataPoints } of list) {
        for (const { attributes, value } of dataPoints) {
          if (typeof value !== 'number') continue;
          const label = attributes['outcome'] ?? attributes['reason'] ?? attributes['state'] ?? '';
          figures.set(`${descriptor.name.replace('kodus_flow.', '')}/${String(label)}`, value);
        }
      }
    }
    return figures;
  }

  // ── Spans ────────────────────────────────────────────────────────────────────────────────────────────

  #spanFaults(): string[] {
    const wrong = this.#told.map((message) => `the SDK complains: ${message}`);
    const ended = new Map<string, number>();
    for (const span of this.#ended) {
      const { spanId } = span.spanContext();
      ended.set(spanId, (ended.get(spanId) ?? 0) + 1);
    }
    for (const [id, span] of this.#started) {
      if (ended.get(id) !== 1) wrong.push(`a span "${span.name}" ended ${ended.get(id) ?? 0} times`);
    }
    return [...wrong, ...this.#parentFaults(), ...this.#statusFaults()];
  }

  /** An attempt belongs to the emit of its event; an emit to where it happened. */
  #parentFaults(): string[] {
    const wrong: string[] = [];
    const spans = [...this.#started.values()];
    const sends = new Map<unknown, ReadableSpan>();
    for (const span of spans) {
      const id = span.attributes['messaging.message.id'];
      // The second emit of an event that is known is refused, and its event is the first one's.
      if (span.name.startsWith('send') && !sends.has(id)) sends.set(id, span);
    }
    for (const span of spans) {
      const parent = this.#started.get(span.parentSpanContext?.spanId ?? '');
      if (span.name.startsWith('send') && parent?.name !== APP && !parent?.name.startsWith('process ')) {
        wrong.push(`"${span.name}" has the parent "${parent?.name}"`);
      }
      if (!span.name.startsWith('process ') || span.name === 'process batch') continue;
      const send = sends.get(span.attributes['messaging.message.id']);
      if (send !== parent) wrong.push(`"${span.name}" has the parent "${parent?.name}", not its emit`);
    }
    return wrong;
  }

  #statusFaults(): string[] {
    const { operationTimeoutMs, enableAcks } = this.#case.settings.config;
    const isTimed = operationTimeoutMs !== undefined || JSON.stringify(this.#case.steps).includes('"timeout":');
    if (isTimed || enableAcks) return [];
    const failed = new Map<string, number>();
    for (const { name, attributes, status } of this.#ended) {
      if (!name.startsWith('process ') || status.code !== SpanStatusCode.ERROR) continue;
      const id = attributes['messaging.message.id'] as string;
      failed.set(id, (failed.get(id) ?? 0) + 1);
    }
    return [...new Set([...failed.keys(), ...this.#failed.keys()])]
      .filter((id) => failed.get(id) !== this.#failed.get(id))
      .map((id) => `${failed.get(id) ?? 0} spans of an event failed, ${this.#failed.get(id) ?? 0} runs did`);
  }
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((total, one) => total + one, 0);

function metricFaults(figures: Map<string, number>, { queue, dlq, retry }: RuntimeStats): string[] {
  // Then the gauges are zero, whatever the statistics still show.
  const hasEnded = figures.get('permits.free/') === 0 && queue.availablePermits > 0;
  const { done, dead, expired, cancelled, givenUp, waiting, ready, running, unacked } = queue;
  const expected: Record<string, number> = {
    'events.accepted/': queue.emitted,
    'events.ended/done': done,
    'events.ended/dead': dead,
    'events.ended/expired': expired,
    'events.ended/cancelled': cancelled,
    'events.ended/dropped': givenUp,
    'attempts.failed/': queue.failed,
    'redeliveries/': retry!.totalRetries,
    'ack.timeouts/': queue.ackTimeouts,
  };
  for (const [reason, count] of Object.entries(queue.refusals)) expected[`events.refused/${reason}`] = count;
  Object.assign(expected, {
    'events.live/waiting': waiting,
    'events.live/ready': ready,
    'events.live/running': running - unacked,
    'events.live/unacked': unacked,
  });
  if (hasEnded) {
    // Nobody is told of emits that come too late.
    delete expected['events.refused/shutting-down'];
  } else {
    expected['permits.free/'] = queue.availablePermits;
    expected['dead_letters/'] = dlq!.totalItems;
  }
  // Before anything is processed nobody has looked for a meter.
  if (figures.size === 0) return [];
  return Object.entries(expected)
    .filter(([name, value]) => figures.get(name) !== value)
    .map(([name, value]) => `metric ${name}: ${figures.get(name)}, in the statistics ${value}`);
}

/** What docs/statistics.md says of the figures among themselves. */
function statFaults({ queue, dlq, retry, delivery, latency, ...rest }: RuntimeStats): string[] {
  const { refusals, duplicates, waiting, ready, running } = queue;
  const rules: Record<string, boolean> = {
    'processed is done': queue.processed === queue.done,
    'duplicates are refusals': duplicates === refusals.duplicate,
    'dropped is refused and given up': queue.dropped === sum(refusals) - duplicates + queue.givenUp,
    'unacked are running': queue.unacked <= running,
    'waiters are running': queue.waitQueueSize <= running,
    'what waits for redelivery waits': retry!.pendingRetries <= waiting,
    'size is what waits': queue.size === waiting + ready + queue.unacked + queue.waitQueueSize,
    'retries by type add up': sum(retry!.retriesByEventType) === retry!.totalRetries,
    'failed retries are dead': retry!.failedRetries === queue.dead,
    'dead letters by type add up': sum(dlq!.itemsByEventType) === dlq!.totalItems,
    'dead letters by error add up': sum(dlq!.itemsByErrorType) >= dlq!.totalItems,
    'recent dead letters': dlq!.recentItems.length === Math.min(dlq!.totalItems, 10),
    'oldest dead letter': (dlq!.oldestItem === undefined) === (dlq!.totalItems === 0),
    'pending acks are live': delivery.pendingAcks === (delivery.enableAcks ? waiting + ready + running : 0),
    'every handled event has a time': latency === null || latency.endToEnd.count === queue.done,
    'no time without an attempt': latency === null || latency.handler.count <= latency.queueWait.count,
    permits: queue.availablePermits >= 0,
    'objects at the top': queue.retry.totalRetries === retry!.totalRetries && rest.journal === null,
  };
  return Object.entries(rules)
    .filter(([, holds]) => !holds)
    .map(([rule]) => `statistics: ${rule}`);
}

/** What the user's logger and exporter do in the case of a seed. */
export const faultsOf = (seed: number): Faults =>
  new Random(seed).pick(['none', 'none', 'throw', 'reject'] satisfies Faults[]);

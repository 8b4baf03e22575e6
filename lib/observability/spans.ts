/** Spans of the light observability object: recorded in memory, handed to trace processors when they end. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { monotonicNow } from '../clock';
import { messageOf } from '../errors';
import { absorbRejection, isObject } from './guard';
import type {
  ObservabilityStats,
  Span,
  SpanAttribute,
  SpanAttributes,
  SpanContext,
  SpanOptions,
  SpanRecord,
  SpanStatus,
  TraceProcessor,
} from './types';

const MAX_EVENTS_PER_SPAN = 128;

/** Which traces are recorded. */
export interface Sampling {
  rate: number;
  strategy: string;
}

/** Makes spans, keeps the current one of each asynchronous flow and delivers those that have ended. */
export class SpanRecorder {
  readonly #current = new AsyncLocalStorage<Span>();
  readonly #deliveries = new Set<Promise<void>>();
  #processors: readonly TraceProcessor[] = [];
  readonly #counts = { started: 0, ended: 0, unsampled: 0, processorErrors: 0 };

  get hasProcessors(): boolean {
    return this.#processors.length > 0;
  }

  get stats(): ObservabilityStats['spans'] {
    return { ...this.#counts, processors: this.#processors.length };
  }

  setProcessors(processors: readonly TraceProcessor[]): void {
    this.#processors = [...processors];
  }

  current(): Span | undefined {
    return this.#current.getStore();
  }

  start(name: string, options: SpanOptions, sampling: Sampling): Span {
    const parent = options.parent ?? this.current();
    const isSampled = parent === undefined ? samples(sampling) : !(parent instanceof UnrecordedSpan);
    if (!isSampled) {
      if (parent === undefined) this.#counts.unsampled += 1;
      return UNRECORDED;
    }
    this.#counts.started += 1;
    return new RecordedSpan(name, options, parent?.getSpanContext(), this.#deliver);
  }

  async run<T>(span: Span, fn: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#current.run(span, fn);
    } finally {
      span.end();
    }
  }

  /** As `run`, and writes down how `fn` ended. */
  runTraced<T>(span: Span, fn: () => T | Promise<T>): Promise<T> {
    return this.run(span, async () => {
      try {
        const result = await fn();
        span.setStatus({ code: 'ok' });
        return result;
      } catch (error) {
        span.recordException(error);
        span.setStatus({ code: 'error', message: messageOf(error) });
        throw error;
      }
    });
  }

  async flush(): Promise<void> {
    await Promise.all(this.#deliveries);
  }

  readonly #deliver = (record: SpanRecord): void => {
    this.#counts.ended += 1;
    for (const processor of this.#processors) {
      try {
        this.#follow(processor([record]));
      } catch {
        this.#counts.processorErrors += 1;
      }
    }
  };

  /** Remembers an asynchronous delivery until it has settled, for `flush`. */
  #follow(result: unknown): void {
    if (!(result instanceof Promise)) {
      absorbRejection(result, this.#failed);
      return;
    }
    const delivery: Promise<void> = result
      .then(() => {}, this.#failed)
      .finally(() => this.#deliveries.delete(delivery));
    this.#deliveries.add(delivery);
  }

  readonly #failed = (): void => {
    this.#counts.processorErrors += 1;
  };
}

function samples({ rate, strategy }: Sampling): boolean {
  if (strategy === 'always') return true;
  if (strategy === 'never') return false;
  return Math.random() < rate;
}

class RecordedSpan implements Span {
  readonly #name: string;
  readonly #context: SpanContext;
  readonly #parentSpanId: string | undefined;
  readonly #attributes: SpanAttributes;
  readonly #events: SpanRecord['events'] = [];
  readonly #startTime = Date.now();
  readonly #startedAt = monotonicNow();
  readonly #onEnd: (record: SpanRecord) => void;
  #status: SpanStatus | undefined;
  #ended = false;

  constructor(
    name: string,
    options: SpanOptions,
    parent: SpanContext | undefined,
    onEnd: (record: SpanRecord) => void,
  ) {
    this.#name = name;
    this.#context = { traceId: parent?.traceId ?? hexDigits(32), spanId: hexDigits(16) };
    this.#parentSpanId = parent?.spanId;
    this.#attributes = initialAttributes(options);
    this.#onEnd = onEnd;
  }

  setAttribute(key: string, value: SpanAttribute): void {
    if (!this.#ended) this.#attributes[key] = value;
  }

  setAttributes(attributes: SpanAttributes): void {
    if (!this.#ended) Object.assign(this.#attributes, attributes);
  }

  setStatus(status: SpanStatus): void {
    if (!this.#ended) this.#status = { ...status };
  }

  recordException(error: unknown): void {
    const { name, stack } = isObject(error) ? (error as Partial<Error>) : {};
    this.addEvent('exception', {
      'exception.type': name ?? typeof error,
      'exception.message': messageOf(error),
      ...(stack === undefined ? {} : { 'exception.stacktrace': stack }),
    });
  }

  addEvent(name: string, attributes?: SpanAttributes): void {
    if (this.#ended || this.#events.length >= MAX_EVENTS_PER_SPAN) return;
    this.#events.push({ name, timestamp: Date.now(), ...(attributes && { attributes: { ...attributes } }) });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const durationMs = monotonicNow() - this.#startedAt;
    this.#onEnd({
      ...this.#context,
      ...(this.#parentSpanId !== undefined && { parentSpanId: this.#parentSpanId }),
      name: this.#name,
      attributes: this.#attributes,
      startTime: this.#startTime,
      endTime: this.#startTime + durationMs,
      durationMs,
      ...(this.#status && { status: this.#status }),
      events: this.#events,
    });
  }

  getSpanContext(): SpanContext {
    return { ...this.#context };
  }

  isRecording(): boolean {
    return !this.#ended;
  }
}

/** Stands for every span of a trace that is not recorded. */
class UnrecordedSpan implements Span {
  setAttribute(): void {}
  setAttributes(): void {}
  setStatus(): void {}
  recordException(): void {}
  addEvent(): void {}
  end(): void {}

  getSpanContext(): undefined {}

  isRecording(): boolean {
    return false;
  }
}

/** The span of what is not recorded. */
export const UNRECORDED: Span = new UnrecordedSpan();

function initialAttributes({ attributes, correlationId, tenantId, executionId }: SpanOptions): SpanAttributes {
  return {
    ...(correlationId !== undefined && { correlationId }),
    ...(tenantId !== undefined && { tenantId }),
    ...(executionId !== undefined && { executionId }),
    ...attributes,
  };
}

function hexDigits(count: 16 | 32): string {
  return randomUUID().replaceAll('-', '').slice(0, count);
}

import { isThenable } from './thenable';
import { endPublication, endSpan, startAttempt, startInternal, startPublication } from './spans';
import { loadApi } from './load-api';
import { SCOPE } from './scope';
import { StreamSpan } from './stream-span';
import { RUNTIME_CORE_VERSION } from '../constants';
import type { AnyEvent } from '../events';
import type { RunTrace } from '../streams/scope';
import type { OtelApi } from './load-api';
import type { AttemptSpan, Publication } from './spans';
import type { TelemetrySettings } from './config';
import type { ProxyTracerProvider, Tracer } from '@opentelemetry/api';

export type EventRunner = (event: AnyEvent, slot: number) => unknown;

/** What the telemetry asks of the runtime. */
export interface TelemetryHost {
  /** Attempts begun, of the event in `slot`. */
  attempts(slot: number): number;
  /** Runs an event that a handler has returned. */
  follow(event: AnyEvent, returned: AnyEvent, slot: number): Promise<void> | undefined;
}

/** What the span of a batch tells. */
interface BatchTally {
  processed: number;
  failed: number;
}

function isEvent(value: unknown): value is AnyEvent {
  return typeof value === 'object' && value !== null && typeof (value as AnyEvent).type === 'string';
}

/**
 * Spans through the API of OpenTelemetry. As long as no SDK is registered, each event costs one look at whether that has
 * changed.
 */
export class Telemetry {
  readonly api: OtelApi;
  readonly #isChild: boolean;
  readonly #streams: TelemetrySettings['streams'];
  #provider: ProxyTracerProvider;
  #tracer: Tracer | undefined;

  private constructor(api: OtelApi, settings: TelemetrySettings) {
    this.api = api;
    this.#isChild = settings.spans === 'parent';
    this.#streams = settings.streams;
    this.#provider = api.trace.getTracerProvider() as ProxyTracerProvider;
  }

  /** Undefined if there is nothing to tell, or nobody to tell it to. */
  static of(settings: TelemetrySettings): Telemetry | undefined {
    if (settings.spans === 'off') return undefined;
    const api = loadApi();
    return api && new Telemetry(api, settings);
  }

  /** The tracer of the registered SDK: asked for with every event until there is one. */
  #findTracer(): Tracer | undefined {
    const provider = this.#provider;
    // The API's own provider hands on to that of the SDK, if there is one.
    this.#tracer =
      typeof provider.getDelegateTracer === 'function'
        ? provider.getDelegateTracer(SCOPE, RUNTIME_CORE_VERSION)
        : provider.getTracer(SCOPE, RUNTIME_CORE_VERSION);
    return this.#tracer;
  }

  /** Looks for an SDK again that was registered through another copy of the API. For now and then, not for each event. */
  refresh(): void {
    this.#provider = this.api.trace.getTracerProvider() as ProxyTracerProvider;
  }

  // ── Emitting ─────────────────────────────────────────────────────────────────────────────────────────

  /** The span of an emit, if there is an active span that it can be a child of. */
  publish(type: string): Publication | undefined {
    const tracer = this.#tracer ?? this.#findTracer();
    if (tracer === undefined) return undefined;
    const { context, trace } = this.api;
    return trace.getSpan(context.active()) && startPublication(this.api, tracer, type);
  }

  /** Ends the span of an emit. */
  published(publication: Publication, event: AnyEvent | undefined, error: unknown): void {
    endPublication(publication.span, event, error);
  }

  // ── Running ──────────────────────────────────────────────────────────────────────────────────────────

  /** Puts a span around each attempt. */
  around(run: EventRunner, host: TelemetryHost): EventRunner {
    return (event, slot) => {
      const tracer = this.#tracer ?? this.#findTracer();
      if (tracer === undefined) return run(event, slot);
      const attempt = startAttempt(this.api, tracer, event, host.attempts(slot), this.#isChild);
      return attempt === undefined ? run(event, slot) : this.#runIn(attempt, run, event, slot, host);
    };
  }

  #runIn(attempt: AttemptSpan, run: EventRunner, event: AnyEvent, slot: number, host: TelemetryHost): unknown {
    let result: unknown;
    try {
      result = this.api.context.with(attempt.context, run, undefined, event, slot);
    } catch (error) {
      endSpan(attempt.span, true, error);
      throw error;
    }
    if (isThenable(result) || isEvent(result)) return this.#whenRun(attempt, result, event, slot, host);
    endSpan(attempt.span, false);
    return undefined;
  }

  /** A returned event is run inside the span, too. */
  async #whenRun(
    { span, context }: AttemptSpan,
    result: unknown,
    event: AnyEvent,
    slot: number,
    host: TelemetryHost,
  ): Promise<void> {
    try {
      const value = await result;
      if (isEvent(value)) await this.api.context.with(context, () => host.follow(event, value, slot));
    } catch (error) {
      endSpan(span, true, error);
      throw error;
    }
    endSpan(span, false);
  }

  // ── Batches and streams ──────────────────────────────────────────────────────────────────────────────

  /** Puts a span around what one call processes, if there is an SDK. */
  async aroundBatch<T extends BatchTally>(drain: () => Promise<T>): Promise<T> {
    const tracer = this.#tracer ?? this.#findTracer();
    const span = tracer && startInternal(tracer, 'process batch');
    if (span === undefined) return drain();
    try {
      const tally = await drain();
      const count = tally.processed + tally.failed;
      endSpan(span, false, undefined, { 'messaging.batch.message_count': count, 'kodus_flow.failed': tally.failed });
      return tally;
    } catch (error) {
      endSpan(span, true, error);
      throw error;
    }
  }

  /** How to begin the trace of a stream's run; undefined: streams are not traced. */
  get streams(): (() => RunTrace | undefined) | undefined {
    return this.#streams === 'off' ? undefined : () => this.#startStream();
  }

  #startStream(): RunTrace | undefined {
    const tracer = this.#tracer ?? this.#findTracer();
    if (tracer === undefined) return undefined;
    const { context, trace } = this.api;
    const active = context.active();
    if (this.#streams === 'child' && trace.getSpan(active) === undefined) return undefined;
    const span = startInternal(tracer, 'process stream');
    return span && new StreamSpan(this.api, span, active);
  }
}

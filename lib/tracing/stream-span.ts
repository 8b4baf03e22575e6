import { endSpan } from './spans';
import type { OtelApi } from './load-api';
import type { RunTrace } from '../streams/scope';
import type { Context, Span } from '@opentelemetry/api';

/** The span of one run of a stream, active in everything that the run calls. */
export class StreamSpan implements RunTrace {
  readonly #api: OtelApi;
  readonly #span: Span;
  readonly #context: Context;

  constructor(api: OtelApi, span: Span, parent: Context) {
    this.#api = api;
    this.#span = span;
    this.#context = api.trace.setSpan(parent, span);
  }

  inside<R>(fn: () => R): R {
    return this.#api.context.with(this.#context, fn);
  }

  end(how: 'done' | 'failed' | 'left', items: number, error?: unknown): void {
    endSpan(this.#span, how === 'failed', error, { 'kodus_flow.stream.items': items, 'kodus_flow.stream.end': how });
  }
}

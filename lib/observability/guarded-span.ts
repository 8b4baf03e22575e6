/** A span of the user's tracer, each of its calls guarded. */
import { hasMethod, invoke, isObject } from './guard';
import type { Span, SpanAttribute, SpanAttributes, SpanContext, SpanStatus } from './types';

/** Methods that the user's span lacks do nothing, what they throw is dropped, and `end` is passed on once at most. */
export class GuardedSpan implements Span {
  /** The user's span. */
  readonly raw: object;
  #ended = false;

  constructor(raw: object) {
    this.raw = raw;
  }

  /** Guards what a tracer answered; undefined if that is no span. */
  static of(raw: unknown): GuardedSpan | undefined {
    return isObject(raw) ? new GuardedSpan(raw) : undefined;
  }

  setAttribute(key: string, value: SpanAttribute): void {
    invoke(this.raw, 'setAttribute', key, value);
  }

  setAttributes(attributes: SpanAttributes): void {
    if (hasMethod(this.raw, 'setAttributes')) {
      invoke(this.raw, 'setAttributes', attributes);
      return;
    }
    for (const [key, value] of Object.entries(attributes)) this.setAttribute(key, value);
  }

  setStatus(status: SpanStatus): void {
    invoke(this.raw, 'setStatus', status);
  }

  recordException(error: unknown): void {
    invoke(this.raw, 'recordException', error);
  }

  addEvent(name: string, attributes?: SpanAttributes): void {
    invoke(this.raw, 'addEvent', name, attributes);
  }

  /** Ends the user's span, unless its tracer has done so when its `withSpan` returned. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (invoke(this.raw, 'isRecording') !== false) invoke(this.raw, 'end');
  }

  getSpanContext(): SpanContext | undefined {
    return invoke(this.raw, 'getSpanContext') as SpanContext | undefined;
  }

  isRecording(): boolean {
    return !this.#ended && invoke(this.raw, 'isRecording') !== false;
  }
}

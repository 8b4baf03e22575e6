/**
 * The context of a trace as it travels in the metadata of an event: the two fields of W3C Trace Context. It is written and read here
 * and not by the configured propagator, so that it survives the queue, the journal and a restart whatever the SDK is.
 */
import type { AnyEventMetadata } from '../events';
import type { OtelApi } from './load-api';
import type { SpanContext } from '@opentelemetry/api';

const VERSION = '00';
const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const INVALID_VERSION = 'ff';
const MAX_TRACESTATE = 512;

/** What is put into the metadata of an event. */
export interface TraceCarrier {
  traceparent: string;
  tracestate?: string;
}

/** A span's context as metadata. */
export function carrierOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceCarrier {
  const traceparent = `${VERSION}-${traceId}-${spanId}-${(traceFlags & 255).toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize() ?? '';
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

/** The context that an event carries; undefined if it carries none, or none that is valid. */
export function contextIn(api: OtelApi, metadata: AnyEventMetadata | undefined): SpanContext | undefined {
  const traceparent: unknown = metadata?.traceparent;
  if (typeof traceparent !== 'string') return undefined;
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || version === INVALID_VERSION) return undefined;
  // Only versions that are not known yet may have more fields.
  if (version === VERSION && rest !== undefined) return undefined;
  const context: SpanContext = { traceId: traceId!, spanId: spanId!, traceFlags: parseInt(flags!, 16), isRemote: true };
  if (!api.isSpanContextValid(context)) return undefined;
  const tracestate: unknown = metadata?.tracestate;
  if (typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= MAX_TRACESTATE) {
    context.traceState = api.createTraceState(tracestate);
  }
  return context;
}

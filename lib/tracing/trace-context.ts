/**
 * The context of a trace as it travels in the metadata of an event: the two fields of W3C Trace Context. They are written and read
 * here and not by the configured propagator, so that they survive the queue, the journal and a restart whatever the SDK is.
 * Baggage is the application's own data, so whether it travels is the configured propagator's to say.
 */
import type { AnyEventMetadata } from '../events';
import type { OtelApi } from './load-api';
import type { Context, SpanContext } from '@opentelemetry/api';

const VERSION = '00';
const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const INVALID_VERSION = 'ff';
const MAX_TRACESTATE = 512;
/** Characters of baggage: what W3C Baggage asks everybody to carry. Longer ones are not carried, rather than cut. */
const MAX_BAGGAGE = 8192;

/** What is put into the metadata of an event. */
export interface TraceCarrier {
  traceparent: string;
  tracestate?: string;
  baggage?: string;
}

/** A span's context and the active baggage as metadata. */
export function carrierOf(api: OtelApi, { traceId, spanId, traceFlags, traceState }: SpanContext): TraceCarrier {
  const flags = (traceFlags & 255).toString(16).padStart(2, '0');
  const carrier: TraceCarrier = { traceparent: `${VERSION}-${traceId}-${spanId}-${flags}` };
  const tracestate = traceState?.serialize() ?? '';
  if (tracestate !== '') carrier.tracestate = tracestate;
  const baggage = activeBaggage(api);
  if (baggage !== undefined) carrier.baggage = baggage;
  return carrier;
}

/** The active baggage as the configured propagator writes it, if it does. */
function activeBaggage({ context, propagation }: OtelApi): string | undefined {
  const active = context.active();
  if (propagation.getBaggage(active) === undefined) return undefined;
  const written: { baggage?: unknown } = {};
  try {
    propagation.inject(active, written);
  } catch {
    // The propagator is broken; the event is not.
  }
  return isBaggage(written.baggage) ? written.baggage : undefined;
}

function isBaggage(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_BAGGAGE;
}

/** `context` with the baggage that an event carries, as the configured propagator reads it. */
export function withBaggage(api: OtelApi, context: Context, metadata: AnyEventMetadata | undefined): Context {
  const baggage: unknown = metadata?.baggage;
  if (!isBaggage(baggage)) return context;
  try {
    return api.propagation.extract(context, { baggage });
  } catch {
    // As above.
    return context;
  }
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

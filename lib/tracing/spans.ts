/** Spans in the form of OpenTelemetry's semantic conventions for messaging. */
import { messageOf } from '../errors';
import { readMember } from '../observability/guard';
import { carrierOf, contextIn, withBaggage } from './trace-context';
import type { AnyEvent } from '../events';
import type { OtelApi } from './load-api';
import type { TraceCarrier } from './trace-context';
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';

/** `messaging.system` of everything that the runtime tells. */
export const MESSAGING_SYSTEM = 'kodus_flow';

/** Values of `SpanKind` and `SpanStatusCode`, which are not worth a look-up of the module for each span. */
const KIND_INTERNAL = 0;
const KIND_PRODUCER = 3;
const KIND_CONSUMER = 4;
const STATUS_ERROR = 2;

/** What is known before the event is; samplers see no more. */
function operationAttributes(type: string, operation: 'send' | 'process'): Attributes {
  return {
    'messaging.system': MESSAGING_SYSTEM,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': type,
  };
}

function eventAttributes(event: AnyEvent): Attributes {
  return addEvent({}, event);
}

/** Adds what is known once the event is. An object that is spread costs more than all the rest of a span. */
function addEvent(attributes: Attributes, { id, metadata }: AnyEvent): Attributes {
  attributes['messaging.message.id'] = id;
  if (metadata?.correlationId !== undefined) attributes['messaging.message.conversation_id'] = metadata.correlationId;
  if (metadata?.tenantId !== undefined) attributes['kodus_flow.tenant.id'] = metadata.tenantId;
  return attributes;
}

/** Low-cardinality name of an error: its code, else its class. */
export function errorTypeOf(error: unknown): string {
  const code = readMember(Object(error) as object, 'code');
  const name = readMember(Object(error) as object, 'name');
  if (typeof code === 'string' && code !== '') return code;
  return typeof name === 'string' && name !== '' ? name : typeof error;
}

/** Ends a span; with an error if there was one. A tracer that throws harms nothing. */
export function endSpan(span: Span, failed: boolean, error?: unknown, attributes?: Attributes): void {
  if (attributes !== undefined) quietly(() => span.setAttributes(attributes));
  if (failed) recordError(span, error);
  quietly(() => span.end());
}

function recordError(span: Span, error: unknown): void {
  const message = messageOf(error);
  quietly(() => span.setStatus({ code: STATUS_ERROR, message }));
  quietly(() => span.setAttribute('error.type', errorTypeOf(error)));
  // Looks at the error by itself, which may be one that throws when it is looked at.
  quietly(() => span.recordException(error instanceof Error ? error : message));
}

/** The user's tracer may be broken; the event is not, and a span that could not be filled has to end all the same. */
function quietly(call: () => unknown): void {
  try {
    call();
  } catch {
    // Nobody to tell: what would be told is what is broken.
  }
}

/** The span of one emit, and what the event carries of it. */
export interface Publication {
  readonly carrier: TraceCarrier;
  readonly span: Span;
}

/** Starts the span of an emit as a child of the active one. */
export function startPublication(api: OtelApi, tracer: Tracer, type: string): Publication | undefined {
  try {
    const attributes = operationAttributes(type, 'send');
    const span = tracer.startSpan(`send ${type}`, { kind: KIND_PRODUCER, attributes });
    return { span, carrier: carrierOf(api, span.spanContext()) };
  } catch {
    return undefined;
  }
}

/** Ends the span of an emit, now that the event is known. */
export function endPublication(span: Span, event: AnyEvent | undefined, error: unknown): void {
  endSpan(span, error !== undefined, error, event && eventAttributes(event));
}

/** The span of one attempt, and the context in which its handlers run. */
export interface AttemptSpan {
  readonly span: Span;
  readonly context: Context;
}

/** Starts the span of an attempt: a child of what the event carries, or linked to it. */
export function startAttempt(
  api: OtelApi,
  tracer: Tracer,
  event: AnyEvent,
  attempt: number,
  isChild: boolean,
): AttemptSpan | undefined {
  try {
    const origin = contextIn(api, event.metadata);
    const attributes = addEvent(operationAttributes(event.type, 'process'), event);
    attributes['kodus_flow.attempt'] = attempt;
    // Whatever is active here belongs to whoever happened to wake the queue.
    const root = withBaggage(api, api.ROOT_CONTEXT, event.metadata);
    const parent = origin !== undefined && isChild ? api.trace.setSpanContext(root, origin) : root;
    const links = origin !== undefined && !isChild ? [{ context: origin }] : [];
    const span = tracer.startSpan(`process ${event.type}`, { kind: KIND_CONSUMER, attributes, links }, parent);
    return { span, context: api.trace.setSpan(parent, span) };
  } catch {
    return undefined;
  }
}

/** Starts a span of the runtime's own doing (a batch, a stream) as a child of the active one. */
export function startInternal(tracer: Tracer, name: string): Span | undefined {
  try {
    return tracer.startSpan(name, { kind: KIND_INTERNAL, attributes: { 'messaging.system': MESSAGING_SYSTEM } });
  } catch {
    return undefined;
  }
}

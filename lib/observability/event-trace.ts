/** The shape in which event processing appears in traces. */
import type { SpanOptions } from './types';

/** Name of the span around an event's handlers. */
export const EVENT_SPAN_NAME = 'workflow.step';

/** What is known of an event when its handlers start. */
export interface TracedEvent {
  type: string;
  executionId: string;
  correlationId?: string | undefined;
  tenantId?: string | undefined;
  /** Estimated bytes, if a limit or statistic that is switched on needed them anyway. */
  eventSize?: number | undefined;
}

/** Options of the `trace` call around one root event. Build them only if `port.canTrace`. */
export function eventSpanOptions(event: TracedEvent): SpanOptions {
  const { type, executionId, correlationId, tenantId, eventSize } = event;
  return {
    ...(correlationId !== undefined && { correlationId }),
    ...(tenantId !== undefined && { tenantId }),
    executionId,
    attributes: {
      'workflow.name': 'event-processing',
      'workflow.step': type,
      'workflow.execution.id': executionId,
      eventType: type,
      ...(eventSize !== undefined && { eventSize }),
    },
  };
}

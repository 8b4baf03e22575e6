import { nextCallId } from './ids';
import { wallNow } from './clock';
import type { AnyEvent } from './events';

/**
 * Makes a full event of what a handler has returned: missing id and time are made, thread and correlation are the
 * parent's. The object itself is used unless it cannot be added to.
 */
export function fillEvent(returned: Partial<AnyEvent> & { type: string }, parent: AnyEvent): AnyEvent {
  const event = Object.isExtensible(returned) ? (returned as AnyEvent) : ({ ...returned } as AnyEvent);
  const target = event as { -readonly [K in keyof AnyEvent]: AnyEvent[K] };
  if (typeof target.id !== 'string' || target.id === '') target.id = nextCallId();
  if (typeof target.ts !== 'number') target.ts = wallNow();
  if (typeof target.threadId !== 'string' || target.threadId === '') target.threadId = parent.threadId;
  const correlationId = parent.metadata?.correlationId;
  if (correlationId !== undefined && target.metadata?.correlationId === undefined) {
    target.metadata = { ...target.metadata, correlationId };
  }
  return event;
}

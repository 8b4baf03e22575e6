import type { AnyEvent } from './events';
import type { EmitResult } from './runtime-types';

/** What an emit answers: taken, or why not. */
export function emitResult(event: AnyEvent, error: Error | undefined): EmitResult {
  const { id: eventId, metadata } = event;
  const result: EmitResult = { success: error === undefined, eventId, queued: error === undefined };
  if (error !== undefined) result.error = error;
  result.correlationId = metadata?.correlationId ?? '';
  return result;
}

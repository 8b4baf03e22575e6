import { callIdAt, correlationIdAt } from './ids';
import type { AnyEvent } from './events';
import type { MintedIds } from './ids';
import type { EmitResult } from './runtime-types';

/** What an emit answers: taken, or why not. */
export function emitResult(event: AnyEvent, error: Error | undefined): EmitResult {
  const { id: eventId, metadata } = event;
  const result: EmitResult = { success: error === undefined, eventId, queued: error === undefined };
  if (error !== undefined) result.error = error;
  result.correlationId = metadata?.correlationId ?? '';
  return result;
}

/** The answer about an event with these ids: taken. */
export const takenResult = (ids: MintedIds): EmitResult => ({
  success: true,
  eventId: callIdAt(ids.callBlock, ids.callIndex),
  queued: true,
  correlationId: correlationIdAt(ids.correlationBlock, ids.correlationIndex),
});

/** The same answer, if it was not taken after all. */
export function refusedResult({ eventId, correlationId }: EmitResult, error: Error): EmitResult {
  return { success: false, eventId, queued: false, error, correlationId };
}

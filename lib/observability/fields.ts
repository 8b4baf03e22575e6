/** The fields that messages about events have in common. */
import { isObject, readMember } from './guard';
import type { AnyEvent } from '../events';
import type { LogContext } from './types';

/** What an event is found by. */
export function logFields(event: AnyEvent): LogContext {
  const { id: eventId, type: eventType, metadata } = event;
  const { correlationId, tenantId } = metadata ?? {};
  return {
    eventId,
    eventType,
    ...(correlationId !== undefined && { correlationId }),
    ...(tenantId !== undefined && { tenantId }),
  };
}

/** What an attempt has failed with, and after how long. */
export function failureFields(error: unknown, attempt: number, durationMs: number | undefined): LogContext {
  return { attempt, ...(durationMs !== undefined && { durationMs }), ...codeOf(error), error };
}

/** The code of an error, where it has one. */
export function codeOf(error: unknown): { code?: string } {
  const code = isObject(error) ? readMember(error, 'code') : undefined;
  return typeof code === 'string' ? { code } : {};
}

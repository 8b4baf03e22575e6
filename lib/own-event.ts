import { callIdAt, correlationIdAt } from './ids';
import type { AnyEvent } from './events';
import type { MintedIds } from './ids';

/** The event of an emit that brings nothing but its type and data: all that it has besides are a time and ids of its own. */
export function ownEvent(type: string, data: unknown, ts: number, ids: MintedIds): AnyEvent {
  const { callBlock, callIndex } = ids;
  const metadata = { correlationId: correlationIdAt(ids.correlationBlock, ids.correlationIndex) };
  return {
    id: callIdAt(callBlock, callIndex),
    type,
    data,
    ts,
    threadId: callIdAt(callBlock, callIndex + 1),
    metadata,
  };
}

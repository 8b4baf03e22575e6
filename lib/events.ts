import { EVENT_TYPES } from './event-types';
import { nextCallId } from './ids';
import { wallNow } from './clock';
import type { EventPayloads, EventType } from './event-types';

/**
 * How often an event is delivered. at-most-once: never again after its handlers have started. at-least-once: again
 * until it succeeds or is dead-lettered. exactly-once: also refused when its id or key has been seen.
 */
export type DeliveryGuarantee = 'at-most-once' | 'at-least-once' | 'exactly-once';

/** What travels with an event besides its data. Any other key may be added. */
export interface AnyEventMetadata {
  correlationId?: string;
  deliveryGuarantee?: DeliveryGuarantee;
  tenantId?: string;
  executionId?: string;
  /** When it was emitted, in milliseconds since the epoch; with acks. */
  timestamp?: number;
  /** Id of the event whose handler emitted this one; with `trackCauses`. */
  causationId?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [key: string]: any;
}

/** Data of an event type: as declared in `EventPayloads`, else anything. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type PayloadOf<T extends string> = T extends keyof EventPayloads ? EventPayloads[T] : any;

/** An event: a plain object. Handlers get the very object that was emitted; its data is never copied. */
export interface TEvent<T extends string = string, D = PayloadOf<T>> {
  readonly id: string;
  readonly type: T;
  readonly data: D;
  /** When it was made, in milliseconds since the epoch. */
  readonly ts: number;
  /** Groups events that belong together. */
  readonly threadId: string;
  metadata?: AnyEventMetadata;
}

/** An event of any type with any data. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyEvent = TEvent<string, any>;

/** The old name of `TEvent`. */
export type Event<T extends string = string> = TEvent<T>;

/** What a handler may give back: nothing, or an event to be handled at once as part of this one. */
export type HandlerReturn = AnyEvent | void | undefined;

/** A handler. It is called with the event alone, or with `(event, signal)` if it declares two parameters. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type EventHandler<E extends AnyEvent = AnyEvent, R = any> = (event: E, signal?: AbortSignal) => Promise<R> | R;

/** Options of `createEvent`. Empty strings and zero count as not given. */
export interface CreateEventOptions {
  id?: string;
  /** Milliseconds since the epoch. Default: now. */
  timestamp?: number;
  threadId?: string;
}

/** Makes an event with a fresh id. A string `correlationId` in the data is lifted into the metadata. Never throws. */
export function createEvent<T extends EventType, D = PayloadOf<T>>(
  type: T,
  data?: D,
  options?: CreateEventOptions,
): TEvent<T, D> {
  const event: TEvent<T, D> = {
    id: options?.id || nextCallId(),
    type,
    data: data as D,
    ts: options?.timestamp || wallNow(),
    threadId: options?.threadId || nextCallId(),
  };
  const correlationId = correlationOf(data);
  if (correlationId !== undefined) event.metadata = { correlationId };
  return event;
}

/** A non-empty string `correlationId` in an event's data. */
export function correlationOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  try {
    const { correlationId } = data as { correlationId?: unknown };
    return typeof correlationId === 'string' && correlationId !== '' ? correlationId : undefined;
  } catch {
    // A getter of the user's that throws: there is no id to lift.
    return undefined;
  }
}

/** A kind of event, to make and recognise events of it. */
export interface EventDef<D = unknown, T extends string = string> {
  readonly type: T;
  /** An event of this kind; absent data becomes `{}`. */
  with(data?: D | null): TEvent<T, D>;
  /** Whether an event is of this kind. */
  include(event: AnyEvent): event is TEvent<T, D>;
}

/** Defines a kind of event; without a name its type is made up. */
export function workflowEvent<D = unknown, T extends string = string>(name?: T): EventDef<D, T> {
  const type = (name || nextCallId().slice('call_'.length)) as T;
  return {
    type,
    with: (data) => ({
      id: nextCallId(),
      type,
      data: (data ?? {}) as D,
      ts: wallNow(),
      threadId: `workflow-${wallNow()}`,
    }),
    include: (event): event is TEvent<T, D> => event.type === type,
  };
}

/** Whether an event is of exactly this type. */
export function isEventType<T extends string>(event: AnyEvent, type: T): event is TEvent<T> {
  return event.type === type;
}

/** Whether an event is of exactly one of these types. */
export function isEventTypeGroup<T extends string>(event: AnyEvent, types: readonly T[]): event is TEvent<T> {
  return (types as readonly string[]).includes(event.type);
}

/** The data of an event of this type; `{}` if it has none; undefined if the type differs. */
export function extractEventData<T extends string>(event: AnyEvent, type: T): PayloadOf<T> | undefined {
  if (event.type !== type) return undefined;
  return event.data === undefined ? ({} as PayloadOf<T>) : (event.data as PayloadOf<T>);
}

const maker =
  <T extends EventType>(type: T) =>
  (data: PayloadOf<T>): TEvent<T> =>
    createEvent(type, data);

/** Makers of the events of an agent's life. */
export const agentLifecycleEvents = {
  started: maker(EVENT_TYPES.AGENT_LIFECYCLE_STARTED),
  stopped: maker(EVENT_TYPES.AGENT_LIFECYCLE_STOPPED),
  paused: maker(EVENT_TYPES.AGENT_LIFECYCLE_PAUSED),
  resumed: maker(EVENT_TYPES.AGENT_LIFECYCLE_RESUMED),
  scheduled: maker(EVENT_TYPES.AGENT_LIFECYCLE_SCHEDULED),
  error: maker(EVENT_TYPES.AGENT_LIFECYCLE_ERROR),
  statusChanged: maker(EVENT_TYPES.AGENT_LIFECYCLE_STATUS_CHANGED),
} as const;

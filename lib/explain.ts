/** Where an event is and what has happened to it, put together from what is known anyway. */
import type { DeadLetterQueue } from './dead-letter-queue';
import type { DeliveryQueue } from './delivery-queue';
import type { BadEnd } from './event-history';
import type { AnyEvent } from './events';
import type { RecentEvents } from './recent-events';

/**
 * Where an event is. `waiting`: for its delay; `blocked`: behind an older event of its ordering key; `ready`: could start, limits
 * permitting; `retrying`: for its redelivery; `running`; `unacked`: handled, its acknowledgement outstanding; `dead`: a dead
 * letter; `ended`: it is gone.
 */
export type EventState = 'waiting' | 'blocked' | 'ready' | 'retrying' | 'running' | 'unacked' | 'dead' | 'ended';

/** How an event has ended: handled; or as the counters of the same names say; or `kept` for the next start of a durable runtime. */
export type EventOutcome = 'done' | BadEnd;

/** An attempt that failed. */
export interface ExplainedFailure {
  attempt: number;
  /** Milliseconds since the epoch. */
  at: number;
  error: string;
  /** Milliseconds until the redelivery that followed; undefined if none did. */
  delayMs?: number;
}

/** What is known of an event. */
export interface EventExplanation {
  eventId: string;
  eventType: string;
  state: EventState;
  /** How it has ended; undefined while it lives, and where nobody remembers. */
  outcome?: EventOutcome;
  /** When it was made, in milliseconds since the epoch. */
  timestamp: number;
  correlationId?: string;
  tenantId?: string;
  priority?: number;
  /** Attempts begun; undefined where nobody remembers. */
  attempts?: number;
  /** The attempts that failed, oldest first; the last 20. */
  failures: ExplainedFailure[];
  /** What the last attempt failed with. */
  lastError?: string;
  /** When its delay or redelivery is due, in milliseconds since the epoch. */
  dueAt?: number;
  /** Milliseconds since it was made. */
  ageMs: number;
  /** Milliseconds that redeliveries made it wait. */
  retryWaitMs: number;
  /** How many waiting events would start before it; undefined where that is not known. */
  ahead?: number;
  /** One sentence. */
  summary: string;
}

/** Of waiting events, so many are counted to say how many are ahead. */
const MAX_AHEAD = 1000;

/** The core's numbers of states. */
const STATES: readonly (EventState | undefined)[] = [
  undefined,
  'waiting',
  'retrying',
  'blocked',
  'ready',
  'running',
  'unacked',
];

/** What the metadata of an event tells of its redeliveries. */
export interface RetryNotes {
  retryHistory?: { attempt: number; timestamp: number; error: string; delay: number }[];
  originalError?: string;
  lastError?: string;
}

const notesOf = (event: AnyEvent): RetryNotes => (event.metadata?.retry as RetryNotes | undefined) ?? {};

/** The failures that the metadata of an event tells of. */
export function failuresIn(history: RetryNotes['retryHistory'] = []): ExplainedFailure[] {
  return history.map(({ attempt, timestamp, error, delay }) => ({ attempt, at: timestamp, error, delayMs: delay }));
}

const failuresOf = (event: AnyEvent): ExplainedFailure[] => failuresIn(notesOf(event).retryHistory);

const waitsOf = (failures: readonly ExplainedFailure[]): number =>
  failures.reduce((sum, { delayMs = 0 }) => sum + delayMs, 0);

function base(event: AnyEvent, state: EventState, failures: ExplainedFailure[]): Omit<EventExplanation, 'summary'> {
  const { correlationId, tenantId } = event.metadata ?? {};
  return {
    eventId: event.id,
    eventType: event.type,
    state,
    timestamp: event.ts,
    ...(correlationId !== undefined && { correlationId }),
    ...(tenantId !== undefined && { tenantId }),
    failures,
    ageMs: Math.max(Date.now() - event.ts, 0),
    retryWaitMs: waitsOf(failures),
  };
}

function live(queue: DeliveryQueue, slot: number): EventExplanation | undefined {
  const { engine } = queue;
  const event = engine.eventAt(slot);
  const state = STATES[engine.stateOf(slot)];
  if (event === undefined || state === undefined) return undefined;
  const failures = failuresOf(event);
  const lastError = notesOf(event).lastError;
  const dueAt = engine.dueAt(slot);
  const place = state === 'running' || state === 'unacked' ? -1 : engine.snapshot(MAX_AHEAD).indexOf(slot);
  const known = {
    ...base(event, state, failures),
    priority: engine.priority(slot),
    attempts: engine.attempts(slot),
    ...(lastError !== undefined && { lastError }),
    ...(dueAt !== undefined && { dueAt }),
    ...(place >= 0 && { ahead: place }),
  };
  return { ...known, summary: summaryOf(known) };
}

function dead(letters: DeadLetterQueue, eventId: string): EventExplanation | undefined {
  const item = letters.get(eventId);
  if (item === undefined) return undefined;
  const { event, errors, attempts } = item;
  const last = errors.at(-1);
  const failures = [
    ...failuresOf(event),
    ...(last === undefined ? [] : [{ attempt: last.attempt, at: last.timestamp, error: last.message }]),
  ];
  const known = {
    ...base(event, 'dead', failures),
    attempts,
    ...(last !== undefined && { lastError: last.message }),
  };
  return { ...known, summary: summaryOf(known) };
}

/** What is left of an event that is gone: it began processing lately, or something went wrong with it. */
function ended(queue: DeliveryQueue, recent: RecentEvents, eventId: string): EventExplanation | undefined {
  const story = queue.history.find(eventId);
  const seen = story ?? recent.find(eventId);
  if (seen === undefined) return undefined;
  const { eventType, timestamp, correlationId } = seen;
  const failures = [...(story?.failures ?? [])];
  const outcome: EventOutcome | undefined = story?.end ?? (queue.dedupe.isDone(eventId) ? 'done' : undefined);
  const attempts = (story?.failedAttempts ?? 0) + (outcome === 'done' ? 1 : 0);
  const lastError = failures.at(-1)?.error;
  const known = {
    eventId,
    eventType,
    state: 'ended' as const,
    timestamp,
    ...(outcome !== undefined && { outcome, attempts }),
    ...(correlationId !== undefined && { correlationId }),
    ...(story?.tenantId !== undefined && { tenantId: story.tenantId }),
    failures,
    ...(lastError !== undefined && { lastError }),
    ageMs: Math.max(Date.now() - timestamp, 0),
    retryWaitMs: waitsOf(failures),
  };
  return { ...known, summary: summaryOf(known) };
}

const OUTCOMES: Record<EventOutcome, string> = {
  done: 'It was handled',
  dead: 'It was given up, and is no dead letter any more',
  expired: 'Its time to live passed before it could start',
  cancelled: 'It was cancelled',
  dropped: 'It was dropped, for room or at the end of the runtime',
  kept: 'It waited at the end of the runtime and will be there at its next start',
};

function summaryOf({ state, outcome, attempts, lastError, ahead, dueAt }: Omit<EventExplanation, 'summary'>): string {
  const failed = lastError === undefined ? '' : `; the last attempt failed: ${lastError}`;
  const until = dueAt === undefined ? '' : ` until ${new Date(dueAt).toISOString()}`;
  const before = ahead === undefined ? '' : `; ${ahead} would start before it`;
  switch (state) {
    case 'waiting':
      return `It waits for its delay${until}${before}.`;
    case 'blocked':
      return `It waits behind an older event of the same ordering key${before}.`;
    case 'ready':
      return `It could start now, limits permitting${before}${failed}.`;
    case 'retrying':
      return `It waits for redelivery${until}${failed}.`;
    case 'running':
      return `Its handlers run, attempt ${attempts}${failed}.`;
    case 'unacked':
      return 'It was handled, and its acknowledgement is outstanding.';
    case 'dead':
      return `It is a dead letter after ${attempts} attempts${failed}.`;
    case 'ended':
      return outcome === undefined ? `It has ended${failed}.` : `${OUTCOMES[outcome]}, attempts: ${attempts}${failed}.`;
  }
}

/** Looks among live events, dead letters and the recent ones; undefined if nobody knows it. */
export function explain(queue: DeliveryQueue, recent: RecentEvents, eventId: string): EventExplanation | undefined {
  const slot = queue.engine.slotOf(eventId);
  const { deadLetters } = queue;
  return (
    (slot >= 0 ? live(queue, slot) : undefined) ??
    (deadLetters === undefined ? undefined : dead(deadLetters, eventId)) ??
    ended(queue, recent, eventId)
  );
}

import { AgedMap } from './aged-map';
import type { ExplainedFailure } from './explain';
import type { AnyEvent } from './events';

/** How an event has ended, other than well. `kept`: it waited when its runtime ended, and will be there at the next start. */
export type BadEnd = 'dead' | 'expired' | 'cancelled' | 'dropped' | 'kept';

/** What has happened to an event that did not simply succeed. */
export interface EventStory {
  eventId: string;
  eventType: string;
  timestamp: number;
  correlationId: string | undefined;
  tenantId: string | undefined;
  /** Attempts that failed, and the last 20 of them. */
  failedAttempts: number;
  failures: readonly ExplainedFailure[];
  end: BadEnd | undefined;
}

const CAPACITY = 10_000;
/** Characters of a message: what is kept of a flood of failures must not be large. */
const MAX_MESSAGE = 200;

/**
 * Remembers failures and bad ends of the last 10,000 events that had any, after the events are gone. An event that succeeds at
 * once is never noted, so this costs it nothing.
 */
export class EventHistory {
  readonly #stories = new AgedMap<string, EventStory>();

  /** An attempt has failed; `failures`: all that are remembered. */
  failed(event: AnyEvent, failedAttempts: number, failures: readonly ExplainedFailure[]): void {
    const kept = failures.map(shortened);
    this.#keep({ ...this.#storyOf(event), failedAttempts, failures: kept });
  }

  ended(event: AnyEvent, end: BadEnd): void {
    this.#keep({ ...this.#storyOf(event), end });
  }

  /** The last attempt has failed as well. */
  died(event: AnyEvent, attempts: number, error: string): void {
    const story = this.#storyOf(event);
    const failures = [...story.failures, shortened({ attempt: attempts, at: Date.now(), error })];
    this.#keep({ ...story, failedAttempts: attempts, failures, end: 'dead' });
  }

  find(eventId: string): EventStory | undefined {
    return this.#stories.get(eventId);
  }

  /** It begins anew. */
  forget(eventId: string): void {
    this.#stories.delete(eventId);
  }

  #storyOf(event: AnyEvent): EventStory {
    const { id: eventId, type: eventType, ts: timestamp, metadata } = event;
    const { correlationId, tenantId } = metadata ?? {};
    const known = this.#stories.get(eventId);
    return (
      known ?? {
        eventId,
        eventType,
        timestamp,
        correlationId,
        tenantId,
        failedAttempts: 0,
        failures: [],
        end: undefined,
      }
    );
  }

  /** As the newest. */
  #keep(story: EventStory): void {
    this.#stories.set(story.eventId, story);
    if (this.#stories.size > CAPACITY) this.#stories.delete(this.#stories.oldest!.key);
  }
}

function shortened(failure: ExplainedFailure): ExplainedFailure {
  const { error } = failure;
  return error.length <= MAX_MESSAGE ? failure : { ...failure, error: `${error.slice(0, MAX_MESSAGE - 1)}…` };
}

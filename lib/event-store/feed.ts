import { onNextTurn } from '../engine/real-timers';
import type { EventStore } from '../event-store';
import type { AnyEvent } from '../events';
import type { ObservabilityPort } from '../observability/port';

/** Tells an event store what happens to a queue's events: one call for all of a turn. */
export class EventStoreFeed {
  readonly #store: EventStore;
  readonly #port: ObservabilityPort;
  /** Whether the queue writes its events down where the store reads them. */
  readonly #isShared: boolean;
  #accepted: AnyEvent[] = [];
  #processed: string[] = [];
  #isScheduled = false;

  constructor(store: EventStore, port: ObservabilityPort, isShared: boolean) {
    this.#store = store;
    this.#port = port;
    this.#isShared = isShared;
    store.feeds.add(this.#handOver);
  }

  accepted(event: AnyEvent): void {
    if (this.#isShared) return;
    this.#accepted.push(event);
    this.#schedule();
  }

  delivered(event: AnyEvent): void {
    this.#store.delivered(event.id);
  }

  /** Handled and acknowledged. */
  processed(event: AnyEvent): void {
    if (this.#isShared) return;
    this.#processed.push(event.id);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    onNextTurn(this.#handOver);
  }

  readonly #handOver = (): void => {
    if (!this.#isScheduled) return;
    this.#isScheduled = false;
    const accepted = this.#accepted.splice(0);
    const processed = this.#processed.splice(0);
    if (accepted.length > 0) this.#store.appendEvents(accepted).catch((error: unknown) => this.#failed(error));
    if (processed.length > 0) this.#store.markEventsProcessed(processed).catch((error: unknown) => this.#failed(error));
  };

  /** The event itself is not concerned. */
  #failed(error: unknown): void {
    this.#port.flood('event-store', 'error', 'The event store could not keep events', () => ({
      error: error as Error,
    }));
  }

  /** Hands over what there is, and waits until it is stored. */
  async flush(): Promise<void> {
    this.#handOver();
    await this.#store.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    this.#store.feeds.delete(this.#handOver);
    await this.#store.close();
  }
}

import { expect, vi } from 'vitest';
import { createEventStore, createPersistor } from '../../lib/index';
import { collect } from '../persistors/support';
import type { EventStore, Persistor } from '../../lib/index';
import type { StoreCase, StoreStep } from './event-store-case';

interface Stored {
  id: string;
  type: string;
  ts: number;
  processed: boolean;
  attempts: number;
}

const NOW = 10_000;

/** An event store that a case is played on, beside a list that does the same. */
export class EventStoreWorld {
  readonly #case: StoreCase;
  readonly #persistor: Persistor;
  #store: EventStore;
  #list: Stored[] = [];
  #appended = 0;
  #isReopened = false;
  /** Calls that nobody has waited for. */
  #open: Promise<unknown>[] = [];

  constructor(given: StoreCase) {
    this.#case = given;
    const { append, load, has, delete: remove } = createPersistor('memory');
    this.#persistor = { append, load, has, ...(given.settings.canDelete && { delete: remove }) };
    this.#store = this.#make();
  }

  #make(): EventStore {
    const { maxStoredEvents } = this.#case.settings;
    return createEventStore(undefined, { executionId: 'e', persistor: this.#persistor, maxStoredEvents });
  }

  async play(): Promise<string[]> {
    vi.setSystemTime(NOW);
    try {
      for (const step of this.#case.steps) await this.#do(step);
      await this.#check();
      await this.#reopen();
      await this.#check();
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  }

  async #do(step: StoreStep): Promise<void> {
    switch (step.step) {
      case 'append':
        this.#append(step.events);
        return this.#call(
          this.#store.appendEvents(step.events.map((event) => ({ ...event, data: 0, threadId: 't' }))),
          step,
        );
      case 'mark':
        for (const one of this.#list) if (step.ids.includes(one.id)) one.processed = true;
        return this.#call(this.#store.markEventsProcessed(step.ids), step);
      case 'attempt':
        for (const one of this.#list) if (step.id === one.id) one.attempts++;
        return this.#store.recordAttempt(step.id);
      case 'cleanup':
        return this.#cleanup(step.olderThanMs);
      case 'replay':
        return this.#replay(step);
      case 'check':
        return this.#check();
      case 'flush':
        return this.#store.flush();
      case 'reopen':
        return this.#reopen();
    }
  }

  async #call(call: Promise<unknown>, { isAwaited }: { isAwaited: boolean }): Promise<void> {
    this.#open.push(call);
    if (isAwaited) await call;
  }

  /** An event that is appended again is a new one at the end. */
  #append(events: { id: string; type: string; ts: number }[]): void {
    this.#appended += events.length;
    for (const event of events) {
      this.#list = this.#list.filter(({ id }) => id !== event.id);
      this.#list.push({ ...event, processed: false, attempts: 0 });
    }
    this.#list = this.#list.slice(Math.max(this.#list.length - this.#case.settings.maxStoredEvents, 0));
  }

  async #cleanup(olderThanMs: number): Promise<void> {
    const kept = this.#list.filter(({ processed, ts }) => !processed || ts >= NOW - olderThanMs);
    expect(await this.#store.cleanup(olderThanMs), 'forgotten by cleanup').toBe(this.#list.length - kept.length);
    this.#list = kept;
  }

  async #replay({
    from,
    to,
    onlyUnprocessed,
    batchSize,
    types,
  }: Extract<StoreStep, { step: 'replay' }>): Promise<void> {
    const options = { toTimestamp: to, onlyUnprocessed, batchSize, types };
    const batches = await collect(this.#store.replayFromTimestamp(from, options));
    const wanted = this.#list.filter(
      ({ ts, type, processed }) =>
        ts >= from &&
        ts <= (to ?? NOW) &&
        !(onlyUnprocessed && processed) &&
        (types === undefined || types.includes(type)),
    );
    expect(
      batches.flat().map(({ id }) => id),
      'replayed',
    ).toEqual(wanted.map(({ id }) => id));
    expect(
      batches.slice(0, -1).every(({ length }) => length === batchSize),
      'full lists',
    ).toBe(true);
  }

  async #check(): Promise<void> {
    const { storedEvents, unprocessedEvents, totalStoredEvents } = await this.#store.getStats();
    expect({ storedEvents, unprocessedEvents }, 'figures').toEqual({
      storedEvents: this.#list.length,
      unprocessedEvents: this.#list.filter(({ processed }) => !processed).length,
    });
    // It is stored with the last append, and gone when nothing of that is stored any more.
    if (this.#isReopened) expect(totalStoredEvents, 'ever appended').toBeLessThanOrEqual(this.#appended);
    else expect(totalStoredEvents, 'ever appended').toBe(this.#appended);
    for (const { id, type, ts, processed, attempts } of this.#list) {
      const metadata = await this.#store.getEventMetadata(id);
      expect(metadata, `what is known of ${id}`).toMatchObject({ eventType: type, timestamp: ts, processed });
      expect(metadata!.processingAttempts, `attempts of ${id}`).toBe(attempts);
    }
    expect(await this.#store.getEventMetadata('none')).toBeUndefined();
  }

  async #reopen(): Promise<void> {
    await Promise.all(this.#open.splice(0));
    await this.#store.close();
    this.#store = this.#make();
    this.#isReopened = true;
  }
}

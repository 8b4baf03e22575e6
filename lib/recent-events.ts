import { limitOf } from './validate';
import type { AnyEvent } from './events';

/** An event that has begun processing, as `getRecentEvents` shows it. */
export interface RecentEvent {
  eventId: string;
  eventType: string;
  timestamp: number;
  correlationId: string | undefined;
}

const CAPACITY = 10_000;

/** Remembers what is shown of the last 10,000 events, not the events themselves. */
export class RecentEvents {
  readonly #ids: string[] = [];
  readonly #types: string[] = [];
  readonly #times = new Float64Array(CAPACITY);
  readonly #correlations: (string | undefined)[] = [];
  #next = 0;
  #count = 0;

  add(event: AnyEvent): void {
    const at = this.#next;
    this.#ids[at] = event.id;
    this.#types[at] = event.type;
    this.#times[at] = event.ts;
    this.#correlations[at] = event.metadata?.correlationId;
    this.#next = at + 1 === CAPACITY ? 0 : at + 1;
    if (this.#count < CAPACITY) this.#count++;
  }

  /** The newest first. Nonsense limits give nothing. */
  list(limit = 50): RecentEvent[] {
    const wanted = Math.min(limitOf(limit), this.#count);
    return Array.from({ length: wanted }, (_, index) => {
      return this.#at((this.#next - index - 1 + CAPACITY) % CAPACITY);
    });
  }

  /** The newest entry of an event. */
  find(eventId: string): RecentEvent | undefined {
    for (let index = 1; index <= this.#count; index++) {
      const at = (this.#next - index + CAPACITY) % CAPACITY;
      if (this.#ids[at] === eventId) return this.#at(at);
    }
    return undefined;
  }

  #at(at: number): RecentEvent {
    return {
      eventId: this.#ids[at]!,
      eventType: this.#types[at]!,
      timestamp: this.#times[at]!,
      correlationId: this.#correlations[at],
    };
  }

  get size(): number {
    return this.#count;
  }

  get capacity(): number {
    return CAPACITY;
  }

  clear(): void {
    this.#ids.length = 0;
    this.#types.length = 0;
    this.#correlations.length = 0;
    this.#next = 0;
    this.#count = 0;
  }
}

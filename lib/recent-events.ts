import type { AnyEvent } from './events';

/** An event that has begun processing, as `getRecentEvents` shows it. */
export interface RecentEvent {
  eventId: string;
  eventType: string;
  timestamp: number;
  correlationId: string | undefined;
}

const CAPACITY = 10_000;
const FIELDS = 4;

/** Remembers what is shown of the last 10,000 events, not the events themselves. */
export class RecentEvents {
  readonly #ring: unknown[] = [];
  #next = 0;
  #count = 0;

  add(event: AnyEvent): void {
    const ring = this.#ring;
    const at = this.#next;
    ring[at] = event.id;
    ring[at + 1] = event.type;
    ring[at + 2] = event.ts;
    ring[at + 3] = event.metadata?.correlationId;
    this.#next = at + FIELDS === CAPACITY * FIELDS ? 0 : at + FIELDS;
    if (this.#count < CAPACITY) this.#count++;
  }

  /** The newest first. Nonsense limits give nothing. */
  list(limit = 50): RecentEvent[] {
    const wanted = Math.min(Math.max(Math.trunc(Number(limit)) || 0, 0), this.#count);
    return Array.from({ length: wanted }, (_, index) => {
      const at = (this.#next - (index + 1) * FIELDS + CAPACITY * FIELDS) % (CAPACITY * FIELDS);
      const [eventId, eventType, timestamp, correlationId] = this.#ring.slice(at, at + FIELDS);
      return { eventId, eventType, timestamp, correlationId } as RecentEvent;
    });
  }

  get size(): number {
    return this.#count;
  }

  get capacity(): number {
    return CAPACITY;
  }

  clear(): void {
    this.#ring.length = 0;
    this.#next = 0;
    this.#count = 0;
  }
}

import { wallNow } from '../clock';
import { isJson } from '../durability/json-check';
import type { AnyEvent } from '../events';
import type { ObservabilityPort } from '../observability/port';
import type { ReadSchedule } from './schedule-options';
import type { Ticker } from './ticker';
import type { ScopeMemory } from './types';

/** How far a schedule has come. */
interface Progress {
  event: AnyEvent;
  triggered: number;
  /** Of the last trigger, or of the start; milliseconds since the epoch. */
  at: number;
}

/** A schedule of an earlier process. */
export interface Resumable {
  event: AnyEvent;
  triggered: number;
  sinceLastMs: number;
}

/** The schedules of one middleware, by event type, so that the next process goes on with them. */
export class ScheduleMemory {
  readonly #memory: ScopeMemory;
  readonly #name: string;
  readonly #port: ObservabilityPort;
  readonly #byType: Map<string, Progress>;

  /** @param policy names what is remembered: another schedule is not a schedule that goes on */
  constructor(memory: ScopeMemory, policy: ReadSchedule['policy'], port: ObservabilityPort) {
    this.#memory = memory;
    this.#name = `schedule:${JSON.stringify(policy)}`;
    this.#port = port;
    this.#byType = new Map(JSON.parse(memory.get(this.#name) ?? '[]') as [string, Progress][]);
  }

  /** The schedules that an earlier process had begun. */
  resumable(now: number): Resumable[] {
    return Array.from(this.#byType.values(), ({ event, triggered, at }) => ({
      event,
      triggered,
      sinceLastMs: Math.max(now - at, 0),
    }));
  }

  /** Writes down how far a schedule has come. */
  note({ original, triggered }: Ticker): void {
    if (!isJson(original)) {
      const message = 'A schedule ends with the process: its first event cannot be kept in the journal';
      this.#port.flood('schedule.not-kept', 'warn', message, () => ({ eventType: original.type }));
      return;
    }
    this.#byType.set(original.type, { event: original, triggered, at: wallNow() });
    this.#memory.set(this.#name, JSON.stringify([...this.#byType]));
  }

  /** Forgets them all. */
  clear(): void {
    this.#byType.clear();
    this.#memory.set(this.#name, undefined);
  }
}

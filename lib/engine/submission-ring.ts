import { monotonicNow } from '../clock';
import { NOW, RING_RECORDS, SUBMISSIONS, SUBMISSION_WORDS, SUBMITTED } from './layout';
import type { LatencyGroups } from './latency-groups';

/** Events that have been submitted since the core was last called, in memory that it reads then. */
export class SubmissionRing {
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #latency: LatencyGroups | undefined;
  readonly #isPrecise: boolean;
  /** The time of an event for which the clock was read. */
  #stampedTs = -1;

  /** @param latency undefined: times are not recorded */
  constructor(words: Uint32Array, doubles: Float64Array, latency: LatencyGroups | undefined, isPrecise: boolean) {
    this.#words = words;
    this.#doubles = doubles;
    this.#latency = latency;
    this.#isPrecise = isPrecise;
  }

  get isFull(): boolean {
    return this.#words[SUBMITTED] === RING_RECORDS;
  }

  /** The time of the event that is submitted next says nothing about now: the clock is read for it. */
  readClock(): void {
    this.#stampedTs = -1;
  }

  /** Writes down an event; there must be room. */
  put(
    slot: number,
    type: string,
    ts: number,
    priority: number,
    tenant: number,
    key: number,
    kind: number,
    delayMs: number,
    tenantGroup: number,
  ): void {
    const words = this.#words;
    const doubles = this.#doubles;
    const index = words[SUBMITTED]!;
    words[SUBMITTED] = index + 1;
    const at = SUBMISSIONS + index * SUBMISSION_WORDS;
    words[at] = slot;
    words[at + 1] = kind;
    words[at + 2] = tenant;
    words[at + 3] = key;
    doubles[(at >> 1) + 2] = priority;
    doubles[(at >> 1) + 3] = delayMs;
    const latency = this.#latency;
    if (latency === undefined) return;
    // Events of one millisecond share a reading of the clock.
    if (ts !== this.#stampedTs || this.#isPrecise) {
      this.#stampedTs = ts;
      doubles[NOW] = monotonicNow();
    }
    doubles[(at >> 1) + 4] = doubles[NOW]!;
    words[at + 10] = type === latency.lastType ? latency.lastGroup : latency.groupOf(type);
    words[at + 11] = tenantGroup;
  }
}

import type { Submission } from '../submission';
import type { Parking } from './parking';

/** What an event that is not quite plain brings, and what is known of its present run. */
export class SlotExtras {
  /** Limit of each handler run in milliseconds. */
  timeoutMs: number | undefined = undefined;
  /** When it was queued (ms since the epoch), where that is not the event's own time. */
  queuedAt: number | undefined = undefined;
  priority: number | undefined = undefined;
  /** What it was submitted with, where a dead letter has to tell of it. */
  brings: Submission | undefined = undefined;
  /** Its ordering key, when it has left: a dead letter tells it. */
  orderingKey: string | undefined = undefined;
  /** Aborted at ack timeout, cancellation and shutdown. Made when a handler asks for it. */
  controller: AbortController | undefined = undefined;
  /** What the last attempt failed with, and when, on the monotonic clock. */
  error: unknown = undefined;
  failedAt: number | undefined = undefined;
  /** Said by the owner while it runs; the last word holds. */
  acked = false;
  nacked = false;
  /** The chain node that caused it, when causes are tracked. */
  causeNode: number | undefined = undefined;
  /** Called when its end is known. */
  onEnd: (() => void) | undefined = undefined;
  /** The waits of the run that was parked last. */
  parking: Parking | undefined = undefined;

  /** A delivery is over, and another one will follow: its signal and the words of its owner belonged to it alone. */
  forgetDelivery(): void {
    this.controller = undefined;
    this.acked = false;
    this.nacked = false;
  }
}

/** Extras by slot. Most events have none; slots are dense, so this is an array. */
export class ExtrasTable {
  #bySlot: (SlotExtras | undefined)[] = [];
  #count = 0;

  /** The extras of `slot`, made on first use. */
  of(slot: number): SlotExtras {
    const bySlot = this.#bySlot;
    // Without holes, or the array becomes a hash table.
    while (bySlot.length <= slot) bySlot.push(undefined);
    let extras = bySlot[slot];
    if (extras === undefined) {
      bySlot[slot] = extras = new SlotExtras();
      this.#count++;
    }
    return extras;
  }

  peek(slot: number): SlotExtras | undefined {
    return this.#count === 0 ? undefined : this.#bySlot[slot];
  }

  /** Takes the extras of `slot` out. */
  take(slot: number): SlotExtras | undefined {
    const extras = this.peek(slot);
    if (extras === undefined) return undefined;
    this.#bySlot[slot] = undefined;
    this.#count--;
    return extras;
  }

  /** Forgets the table, when nothing is in it. */
  shrink(): void {
    if (this.#count === 0) this.#bySlot = [];
  }

  forEach(visit: (extras: SlotExtras) => void): void {
    for (const extras of this.#bySlot) if (extras !== undefined) visit(extras);
  }
}

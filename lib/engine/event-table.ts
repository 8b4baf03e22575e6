import { Drafts } from './drafts';
import type { AnyEvent } from '../events';
import type { MintedIds } from '../ids';

/** The events that are here, by slot. */
export class EventTable {
  /** Undefined: nothing is in this slot, or a draft. */
  #events: (AnyEvent | undefined)[] = [];
  #free: number[] = [];
  readonly #drafts = new Drafts();
  readonly #onMade: (event: AnyEvent, seq: number) => void;

  /** @param onMade told of the event of a draft that has a number in the log */
  constructor(onMade: (event: AnyEvent, seq: number) => void) {
    this.#onMade = onMade;
  }

  /** Slots, taken and free. */
  get slots(): number {
    return this.#events.length;
  }

  get isEmpty(): boolean {
    return this.#free.length === this.#events.length;
  }

  /** The slot of what is added next. */
  get next(): number {
    const free = this.#free;
    return free.length > 0 ? free[free.length - 1]! : this.#events.length;
  }

  add(event: AnyEvent): number {
    const slot = this.next;
    if (this.#free.length > 0) this.#free.pop();
    this.#events[slot] = event;
    return slot;
  }

  /** Adds an event that is made when somebody looks at it. See {@link Drafts.put}. */
  draft(type: string, data: unknown, ts: number, ids: MintedIds, seq: number): number {
    const slot = this.next;
    if (this.#free.length > 0) this.#free.pop();
    else this.#events.push(undefined);
    this.#drafts.put(slot, type, data, ts, ids, seq);
    return slot;
  }

  /** The event of `slot`, if one is there. */
  at(slot: number): AnyEvent | undefined {
    const event = this.#events[slot];
    return event === undefined && this.#drafts.has(slot) ? this.#make(slot) : event;
  }

  #make(slot: number): AnyEvent {
    const seq = this.#drafts.seqOf(slot);
    const event = this.#drafts.take(slot);
    this.#events[slot] = event;
    if (seq > 0) this.#onMade(event, seq);
    return event;
  }

  /** Makes the events with these numbers in the log, those of them that are drafts. */
  makeOf(seqs: ReadonlySet<number>): void {
    for (let slot = 0; slot < this.#events.length; slot++) {
      if (this.#drafts.has(slot) && seqs.has(this.#drafts.seqOf(slot))) this.#make(slot);
    }
  }

  /** Frees the slot of an event that was looked at. */
  remove(slot: number): void {
    this.#events[slot] = undefined;
    this.#free.push(slot);
  }

  /** Ids and slots of all. */
  forEachId(visit: (id: string, slot: number) => void): void {
    for (let slot = 0; slot < this.#events.length; slot++) {
      const event = this.#events[slot];
      if (event !== undefined) visit(event.id, slot);
      else if (this.#drafts.has(slot)) visit(this.#drafts.idOf(slot), slot);
    }
  }

  /** Gives the tables back, when nothing is in them. */
  shrink(): void {
    if (!this.isEmpty) return;
    this.#events = [];
    this.#free = [];
    this.#drafts.shrink();
  }
}

import { Draft } from '../drafts';
import { callIdAt } from '../ids';
import type { AnyEvent } from '../events';

/** Slots of a page: 2 to the power of this. */
const PAGE_BITS = 10;
const PAGE_SLOTS = 2 ** PAGE_BITS;
const IN_PAGE = PAGE_SLOTS - 1;
/** `ts`, `seq`, `callIndex` and `correlationIndex` of each draft. */
const NUMBERS = 4;
const NO_NUMBERS = new Float64Array(0);

/** What many drafts have in common: their type and tenant, and what their ids begin with. */
interface Origin {
  type: string;
  /** Undefined: the runtime's. */
  tenantId: string | undefined;
  callBlock: string;
  correlationBlock: string;
}

/** Makes the event of a draft; the draft is the table's. `seq`: its number in the log; 0: it has none. */
export type MakeEvent = (draft: Draft, seq: number) => AnyEvent;

/** Some slots. Tables grow by pages, so that none is ever copied: a copy of a large one would hold up the event loop. */
class Page {
  /** Events; of drafts the data. */
  readonly things = new Array<unknown>(PAGE_SLOTS).fill(undefined);
  /** Undefined: there is no draft in this slot. */
  readonly origins = new Array<Origin | undefined>(PAGE_SLOTS).fill(undefined);
  /** Made for the first draft. */
  numbers = NO_NUMBERS;

  put(index: number, origin: Origin, { data, ts, callIndex, correlationIndex }: Draft, seq: number): void {
    this.things[index] = data;
    this.origins[index] = origin;
    if (this.numbers === NO_NUMBERS) this.numbers = new Float64Array(PAGE_SLOTS * NUMBERS);
    const { numbers } = this;
    const at = index * NUMBERS;
    numbers[at] = ts;
    numbers[at + 1] = seq;
    numbers[at + 2] = callIndex;
    numbers[at + 3] = correlationIndex;
  }

  /** The draft's number in the log; 0: it has none. */
  seqOf(index: number): number {
    return this.numbers[index * NUMBERS + 1]!;
  }

  idOf(index: number): string {
    const origin = this.origins[index];
    if (origin === undefined) return (this.things[index] as AnyEvent).id;
    return callIdAt(origin.callBlock, this.numbers[index * NUMBERS + 2]!);
  }

  /** Fills `draft` with the one of a slot. */
  read(index: number, draft: Draft): void {
    const origin = this.origins[index]!;
    draft.type = origin.type;
    draft.tenantId = origin.tenantId;
    draft.callBlock = origin.callBlock;
    draft.correlationBlock = origin.correlationBlock;
    draft.data = this.things[index];
    const { numbers } = this;
    const at = index * NUMBERS;
    draft.ts = numbers[at]!;
    draft.callIndex = numbers[at + 2]!;
    draft.correlationIndex = numbers[at + 3]!;
  }

  /** A draft has become an event. */
  replace(index: number, event: AnyEvent): void {
    this.things[index] = event;
    this.origins[index] = undefined;
  }
}

/**
 * The events that are here, by slot. One that nobody has looked at is a *draft*: what its emitter knows of it, type and data, a time and the
 * places of its ids. An object with six members would be the collector's to copy, twice, while the event waits; so it is made when the event
 * starts.
 */
export class EventTable {
  #pages: Page[] = [];
  #slots = 0;
  #free: number[] = [];
  #origin: Origin = { type: '', tenantId: undefined, callBlock: '', correlationBlock: '' };
  /** Those with the present blocks, by tenant and type. */
  readonly #origins = new Map<string | undefined, Map<string, Origin>>();
  readonly #makeEvent: MakeEvent;
  /** The one that is made now. */
  readonly #draft = new Draft();

  constructor(makeEvent: MakeEvent) {
    this.#makeEvent = makeEvent;
  }

  /** Slots, taken and free. */
  get slots(): number {
    return this.#slots;
  }

  get isEmpty(): boolean {
    return this.#free.length === this.#slots;
  }

  /** The slot of what is added next. */
  get next(): number {
    const free = this.#free;
    return free.length > 0 ? free[free.length - 1]! : this.#slots;
  }

  add(event: AnyEvent): number {
    const slot = this.#take();
    this.#pages[slot >>> PAGE_BITS]!.things[slot & IN_PAGE] = event;
    return slot;
  }

  /** Adds an event that is made when somebody looks at it. `seq`: its number in the log; 0: there is none. */
  draft(draft: Draft, seq: number): number {
    const slot = this.#take();
    this.#pages[slot >>> PAGE_BITS]!.put(slot & IN_PAGE, this.#originOf(draft), draft, seq);
    return slot;
  }

  #take(): number {
    if (this.#free.length > 0) return this.#free.pop()!;
    if ((this.#slots & IN_PAGE) === 0) this.#pages.push(new Page());
    return this.#slots++;
  }

  /** Drafts that are emitted one after another share theirs. */
  #originOf({ type, tenantId, callBlock, correlationBlock }: Draft): Origin {
    const last = this.#origin;
    const isSameBlock = last.callBlock === callBlock && last.correlationBlock === correlationBlock;
    if (isSameBlock && last.type === type && last.tenantId === tenantId) return last;
    if (!isSameBlock) this.#origins.clear();
    let ofTenant = this.#origins.get(tenantId);
    if (ofTenant === undefined) this.#origins.set(tenantId, (ofTenant = new Map()));
    let origin = ofTenant.get(type);
    if (origin === undefined) ofTenant.set(type, (origin = { type, tenantId, callBlock, correlationBlock }));
    return (this.#origin = origin);
  }

  /** The event of `slot`, if one is there. */
  at(slot: number): AnyEvent | undefined {
    const page = this.#pages[slot >>> PAGE_BITS];
    if (page === undefined) return undefined;
    const index = slot & IN_PAGE;
    return page.origins[index] === undefined ? (page.things[index] as AnyEvent | undefined) : this.#make(page, index);
  }

  #make(page: Page, index: number): AnyEvent {
    const draft = this.#draft;
    page.read(index, draft);
    const event = this.#makeEvent(draft, page.seqOf(index));
    draft.forget();
    page.replace(index, event);
    return event;
  }

  /** Makes the events with these numbers in the log, those of them that are drafts. */
  makeOf(seqs: ReadonlySet<number>): void {
    for (const page of this.#pages) {
      for (let index = 0; index < PAGE_SLOTS; index++) {
        if (page.origins[index] !== undefined && seqs.has(page.seqOf(index))) this.#make(page, index);
      }
    }
  }

  /** Frees the slot of an event that was looked at. */
  remove(slot: number): void {
    this.#pages[slot >>> PAGE_BITS]!.things[slot & IN_PAGE] = undefined;
    this.#free.push(slot);
  }

  /** Ids and slots of all. */
  forEachId(visit: (id: string, slot: number) => void): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      const page = this.#pages[slot >>> PAGE_BITS]!;
      const index = slot & IN_PAGE;
      if (page.origins[index] !== undefined || page.things[index] !== undefined) visit(page.idOf(index), slot);
    }
  }

  /** Gives the pages back, when nothing is in them. */
  shrink(): void {
    if (!this.isEmpty) return;
    this.#pages = [];
    this.#slots = 0;
    this.#free = [];
  }
}

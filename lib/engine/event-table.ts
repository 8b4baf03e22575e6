import { callIdAt } from '../ids';
import { ownEvent } from '../own-event';
import type { AnyEvent } from '../events';
import type { MintedIds } from '../ids';

/** Slots of a page: 2 to the power of this. */
const PAGE_BITS = 10;
const PAGE_SLOTS = 2 ** PAGE_BITS;
const IN_PAGE = PAGE_SLOTS - 1;
/** `ts`, `seq`, `callIndex` and `correlationIndex` of each draft. */
const NUMBERS = 4;

/** What the ids of many events begin with. */
interface Blocks {
  call: string;
  correlation: string;
}

/** Some slots. Tables grow by pages, so that none is ever copied: a copy of a large one would hold up the event loop. */
class Page {
  /** Events; of drafts the data. */
  readonly things = Array.from<unknown>({ length: PAGE_SLOTS });
  /** Undefined: there is no draft in this slot. */
  readonly blocks = Array.from<Blocks | undefined>({ length: PAGE_SLOTS });
  readonly types = Array.from({ length: PAGE_SLOTS }, () => '');
  readonly numbers = new Float64Array(PAGE_SLOTS * NUMBERS);

  put(index: number, type: string, data: unknown, ts: number, blocks: Blocks, ids: MintedIds, seq: number): void {
    this.things[index] = data;
    this.types[index] = type;
    this.blocks[index] = blocks;
    const { numbers } = this;
    const at = index * NUMBERS;
    numbers[at] = ts;
    numbers[at + 1] = seq;
    numbers[at + 2] = ids.callIndex;
    numbers[at + 3] = ids.correlationIndex;
  }

  /** The draft's number in the log; 0: it has none. */
  seqOf(index: number): number {
    return this.numbers[index * NUMBERS + 1]!;
  }

  idOf(index: number): string {
    const blocks = this.blocks[index];
    if (blocks === undefined) return (this.things[index] as AnyEvent).id;
    return callIdAt(blocks.call, this.numbers[index * NUMBERS + 2]!);
  }

  /** The draft becomes an event. */
  make(index: number): AnyEvent {
    const { call, correlation } = this.blocks[index]!;
    const { numbers } = this;
    const at = index * NUMBERS;
    const ids = {
      callBlock: call,
      callIndex: numbers[at + 2]!,
      correlationBlock: correlation,
      correlationIndex: numbers[at + 3]!,
    };
    const event = ownEvent(this.types[index]!, this.things[index], numbers[at]!, ids);
    this.things[index] = event;
    this.blocks[index] = undefined;
    return event;
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
  #blocks: Blocks = { call: '', correlation: '' };
  readonly #onMade: (event: AnyEvent, seq: number) => void;

  /** @param onMade told of the event of a draft that has a number in the log */
  constructor(onMade: (event: AnyEvent, seq: number) => void) {
    this.#onMade = onMade;
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

  /**
   * Adds an event that is made when somebody looks at it.
   *
   * @param seq its number in the log; 0: there is none
   */
  draft(type: string, data: unknown, ts: number, ids: MintedIds, seq: number): number {
    const slot = this.#take();
    const page = this.#pages[slot >>> PAGE_BITS]!;
    page.put(slot & IN_PAGE, type, data, ts, this.#blocksOf(ids), ids, seq);
    return slot;
  }

  #take(): number {
    if (this.#free.length > 0) return this.#free.pop()!;
    if ((this.#slots & IN_PAGE) === 0) this.#pages.push(new Page());
    return this.#slots++;
  }

  /** Events that are emitted one after another share theirs. */
  #blocksOf({ callBlock, correlationBlock }: MintedIds): Blocks {
    const blocks = this.#blocks;
    if (blocks.call === callBlock && blocks.correlation === correlationBlock) return blocks;
    return (this.#blocks = { call: callBlock, correlation: correlationBlock });
  }

  /** The event of `slot`, if one is there. */
  at(slot: number): AnyEvent | undefined {
    const page = this.#pages[slot >>> PAGE_BITS];
    if (page === undefined) return undefined;
    const index = slot & IN_PAGE;
    return page.blocks[index] === undefined ? (page.things[index] as AnyEvent | undefined) : this.#make(page, index);
  }

  #make(page: Page, index: number): AnyEvent {
    const seq = page.seqOf(index);
    const event = page.make(index);
    if (seq > 0) this.#onMade(event, seq);
    return event;
  }

  /** Makes the events with these numbers in the log, those of them that are drafts. */
  makeOf(seqs: ReadonlySet<number>): void {
    for (const page of this.#pages) {
      for (let index = 0; index < PAGE_SLOTS; index++) {
        if (page.blocks[index] !== undefined && seqs.has(page.seqOf(index))) this.#make(page, index);
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
      if (page.blocks[index] !== undefined || page.things[index] !== undefined) visit(page.idOf(index), slot);
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

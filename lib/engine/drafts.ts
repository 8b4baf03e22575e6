import { callIdAt } from '../ids';
import { ownEvent } from '../own-event';
import type { AnyEvent } from '../events';
import type { MintedIds } from '../ids';

/** `ts`, `seq`, `callIndex` and `correlationIndex` of each slot. */
const NUMBERS = 4;
const FIRST_SLOTS = 1024;

/** What the ids of many events begin with. */
interface Blocks {
  call: string;
  correlation: string;
}

/**
 * Events that nobody has looked at yet, as what their emitter knows of them: type and data, a time, and the places of their ids. An object
 * with its six members would be the collector's to copy, twice, for as long as the event waits; so it is made when it starts.
 */
export class Drafts {
  #data: unknown[] = [];
  #types: string[] = [];
  /** Undefined: there is no draft in this slot. */
  #blocks: (Blocks | undefined)[] = [];
  #numbers = new Float64Array(0);
  #shared: Blocks = { call: '', correlation: '' };
  #count = 0;

  /** @param seq its number in the log; 0: there is none */
  put(slot: number, type: string, data: unknown, ts: number, ids: MintedIds, seq: number): void {
    if (slot >= this.#data.length) this.#grow(slot);
    this.#data[slot] = data;
    this.#types[slot] = type;
    this.#blocks[slot] = this.#blocksOf(ids);
    const numbers = this.#numbers;
    const at = slot * NUMBERS;
    numbers[at] = ts;
    numbers[at + 1] = seq;
    numbers[at + 2] = ids.callIndex;
    numbers[at + 3] = ids.correlationIndex;
    this.#count++;
  }

  has(slot: number): boolean {
    return this.#count !== 0 && slot < this.#data.length && this.#blocks[slot] !== undefined;
  }

  /** The number that the draft in `slot` has in the log, or 0. */
  seqOf(slot: number): number {
    return this.#numbers[slot * NUMBERS + 1]!;
  }

  idOf(slot: number): string {
    return callIdAt(this.#blocks[slot]!.call, this.#numbers[slot * NUMBERS + 2]!);
  }

  /** The event of the draft in `slot`, which is no draft any more. */
  take(slot: number): AnyEvent {
    const { call, correlation } = this.#blocks[slot]!;
    const numbers = this.#numbers;
    const at = slot * NUMBERS;
    const ids = {
      callBlock: call,
      callIndex: numbers[at + 2]!,
      correlationBlock: correlation,
      correlationIndex: numbers[at + 3]!,
    };
    const event = ownEvent(this.#types[slot]!, this.#data[slot], numbers[at]!, ids);
    this.#data[slot] = undefined;
    this.#blocks[slot] = undefined;
    this.#count--;
    return event;
  }

  /** Forgets the tables, when nothing is in them. */
  shrink(): void {
    if (this.#count !== 0) return;
    this.#data = [];
    this.#types = [];
    this.#blocks = [];
    this.#numbers = new Float64Array(0);
  }

  /** Events that were emitted one after another share theirs. */
  #blocksOf({ callBlock, correlationBlock }: MintedIds): Blocks {
    const shared = this.#shared;
    if (shared.call === callBlock && shared.correlation === correlationBlock) return shared;
    return (this.#shared = { call: callBlock, correlation: correlationBlock });
  }

  /** Without holes, or the arrays become hash tables. */
  #grow(slot: number): void {
    while (this.#data.length <= slot) {
      this.#data.push(undefined);
      this.#types.push('');
      this.#blocks.push(undefined);
    }
    if ((slot + 1) * NUMBERS <= this.#numbers.length) return;
    const larger = new Float64Array(Math.max(FIRST_SLOTS, 2 * (slot + 1)) * NUMBERS);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}

import { NONE } from './layout';

const WORDS = 3;
const FIRST_SLOTS = 1024;

/** Interned names that an event holds while it is here. */
export interface Names {
  /** The tenant plus 1; 0: none, or the runtime's own. */
  tenant: number;
  /** The ordering key, or `NONE`. */
  key: number;
  /** The type plus 1; 0: types do not count. */
  kind: number;
}

/** The names of each slot, as numbers: an object for each event that waits would be the collector's to copy. */
export class NameTable {
  /** `tenant`, `key` plus 1 and `kind` of each slot. */
  #words = new Uint32Array(0);
  /** Slots that hold names. */
  #count = 0;

  set(slot: number, tenant: number, key: number, kind: number): void {
    const at = slot * WORDS;
    if (at >= this.#words.length) this.#grow(slot);
    const words = this.#words;
    words[at] = tenant;
    words[at + 1] = key === NONE ? 0 : key + 1;
    words[at + 2] = kind;
    this.#count++;
  }

  /** The names of `slot`, which holds them no more; undefined: it has none. */
  take(slot: number): Names | undefined {
    if (this.#count === 0) return undefined;
    const words = this.#words;
    const at = slot * WORDS;
    if (at >= words.length) return undefined;
    const [tenant, key, kind] = [words[at]!, words[at + 1]!, words[at + 2]!];
    if (tenant === 0 && key === 0 && kind === 0) return undefined;
    words.fill(0, at, at + WORDS);
    if (--this.#count === 0 && words.length > FIRST_SLOTS * WORDS) this.#words = new Uint32Array(0);
    return { tenant, key: key === 0 ? NONE : key - 1, kind };
  }

  #grow(slot: number): void {
    const larger = new Uint32Array(Math.max(FIRST_SLOTS, 2 * (slot + 1)) * WORDS);
    larger.set(this.#words);
    this.#words = larger;
  }
}

import { FanInCursor } from './fan-in';
import { combinationOf } from './stream-batch';
import type { CombinedBatch } from './stream-batch';
import type { Cursor } from './cursor';
import type { StreamScope } from './scope';

/** Items of all sources as they come. */
export class MergeCursor<T> extends FanInCursor<T, T> {
  protected override accept(item: T): boolean {
    this.value = item;
    return true;
  }
}

/** The latest item of each source, each time one has a new one, once all have had one. */
export class CombineLatestCursor extends FanInCursor<unknown, CombinedBatch<unknown[]>> {
  readonly #latest: unknown[];
  readonly #hasItem: boolean[];
  #missing: number;

  constructor(sources: readonly Cursor[], name: string, scope: StreamScope) {
    super(sources, name, scope);
    this.#latest = sources.map(() => undefined);
    this.#hasItem = sources.map(() => false);
    this.#missing = sources.length;
  }

  protected override accept(item: unknown, index: number): boolean {
    this.#latest[index] = item;
    if (!this.#hasItem[index]) {
      this.#hasItem[index] = true;
      this.#missing--;
    }
    if (this.#missing > 0) return false;
    this.value = combinationOf(this.#latest.slice());
    return true;
  }
}

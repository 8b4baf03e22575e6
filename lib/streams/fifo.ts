/** A queue whose ends both cost the same; room that has become free is used again. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The first item, which is taken out. Only when there is one. */
  shift(): T {
    const item = this.#items[this.#head] as T;
    this.#items[this.#head++] = undefined;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** The item that `index` others are before. */
  at(index: number): T {
    return this.#items[this.#head + index] as T;
  }

  /** The first `count` items, or as many as there are; they stay. */
  first(count: number): T[] {
    return this.#items.slice(this.#head, this.#head + count) as T[];
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

/** The last `max` of the texts that were added. */
export class NewestTexts {
  readonly #max: number;
  /** Twice as many at most, so that those that fall out need not be removed one by one. */
  #texts: string[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return Math.min(this.#texts.length, this.#max);
  }

  /** The newest last. */
  all(): string[] {
    return this.#texts.slice(this.#texts.length - this.size);
  }

  add(texts: readonly string[]): void {
    for (const text of texts) {
      this.#texts.push(text);
      if (this.#texts.length > 2 * this.#max) this.#texts = this.all();
    }
  }

  /** These instead of those that there are. */
  reset(texts: readonly string[]): void {
    this.#texts = [];
    this.add(texts);
  }
}

/** The last write of each name, by owner; those that have ended are taken out. */
const tails = new WeakMap<object, Map<string, Promise<unknown>>>();

/** Runs asynchronous writes one after another, in one row with all others of the same owner and name. */
export class WriteChain {
  readonly #name: string;
  readonly #tails: Map<string, Promise<unknown>>;

  constructor(owner: object, name: string) {
    this.#name = name;
    this.#tails = tails.get(owner) ?? new Map<string, Promise<unknown>>();
    tails.set(owner, this.#tails);
  }

  /** Runs `write` after everything that has been added; answers what it answers. */
  add<T>(write: () => Promise<T>): Promise<T> {
    const added = (this.#tails.get(this.#name) ?? Promise.resolve()).then(write);
    this.#tails.set(this.#name, added);
    const leave = (): void => {
      if (this.isLast(added)) this.#tails.delete(this.#name);
    };
    added.then(leave, leave);
    return added;
  }

  /** Whether `write`, as `add` has answered it, has not ended and nothing was added after it. */
  isLast(write: Promise<unknown>): boolean {
    return this.#tails.get(this.#name) === write;
  }

  /** Resolves when everything that has been added has ended. */
  async settled(): Promise<void> {
    await this.#tails.get(this.#name);
  }
}

/** Names that the core knows as small integers, for as long as an event uses them. */
export class Interner {
  readonly #ids = new Map<string, number>();
  #names: (string | undefined)[] = [];
  #uses: number[] = [];
  #free: number[] = [];

  /** The number of `name`, with one use more. */
  retain(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#names.length;
      this.#ids.set(name, id);
      this.#names[id] = name;
      this.#uses[id] = 0;
    }
    this.#uses[id]!++;
    return id;
  }

  /** The name of a number that is in use. */
  nameOf(id: number): string | undefined {
    return this.#names[id];
  }

  /** One use less; a name without uses is forgotten and its number given to another. */
  release(id: number): void {
    if (--this.#uses[id]! === 0) {
      this.#ids.delete(this.#names[id]!);
      this.#names[id] = undefined;
      this.#free.push(id);
    }
  }

  /** Names in use. */
  get size(): number {
    return this.#ids.size;
  }
}

/**
 * Timers of the real clock, kept from before a test could replace them. They move no policy: one gives the event
 * loop its turns during a long drain, the other keeps the process alive while somebody awaits work in flight.
 */
const realNextTick = process.nextTick;
const realSetImmediate = setImmediate;
const realSetTimeout = setTimeout;
const realClearTimeout = clearTimeout;
const FOREVER_MS = 2 ** 31 - 1;

/** Resolves after the event loop has had a turn. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}

/**
 * Calls back when what computes now is over, in the next turn of the event loop. Fake timers may fire one after another without such
 * a turn between them: there it is when no microtask is left. (That would do for real ones, too, but slows drains down by a fifth.)
 */
export function onRest(callback: () => void): void {
  if (setTimeout === realSetTimeout) realSetImmediate(callback);
  else realNextTick(callback);
}

/** Calls back in the next turn of the event loop, which the process lives to see. */
export function onNextTurn(callback: () => void): void {
  realSetImmediate(callback);
}

/** Keeps the process alive while at least one holder is there. */
export class KeepAlive {
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;

  hold(): void {
    if (this.#holders++ === 0) this.#timer = realSetTimeout(() => undefined, FOREVER_MS);
  }

  release(): void {
    if (--this.#holders === 0) realClearTimeout(this.#timer);
  }
}

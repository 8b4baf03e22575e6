import { Cursor, DONE, READY, isThenable } from './cursor';
import type { Pulled } from './cursor';
import type { RunTrace } from './scope';

/**
 * The outermost layer of a run that is traced: everything below runs inside the trace, which learns how many items there were and
 * how the run has ended. A run that nobody traces has no such layer.
 */
export class TracedCursor<T> extends Cursor<T> {
  readonly #trace: RunTrace;
  readonly #source: Cursor<T>;
  #items = 0;
  #isOver = false;

  constructor(open: () => Cursor<T>, trace: RunTrace) {
    super();
    this.#trace = trace;
    this.#source = this.#inside(open);
  }

  override pull(): Pulled {
    return this.#note(this.#inside(() => this.#source.pull()));
  }

  override settle(raw: unknown): Pulled {
    return this.#note(this.#inside(() => this.#source.settle(raw)));
  }

  override fail(error: unknown): Pulled {
    return this.#note(this.#inside(() => this.#source.fail(error)));
  }

  override close(): Promise<unknown> | undefined {
    if (!this.#isOver) this.#end('left');
    return this.#trace.inside(() => this.#source.close());
  }

  /** What a consumer does with an item belongs to the run, if it is the run that calls it. */
  visitor(visit: (item: T) => unknown): (item: T) => unknown {
    return (item) => {
      const answer = this.#inside(() => visit(item));
      return isThenable(answer) ? Promise.resolve(answer).catch((error: unknown) => this.#failed(error)) : answer;
    };
  }

  #note(pulled: Pulled): Pulled {
    if (pulled === READY) {
      this.#items++;
      this.value = this.#source.value;
    } else if (pulled === DONE) {
      this.#end('done');
    }
    return pulled;
  }

  #inside<R>(step: () => R): R {
    try {
      return this.#trace.inside(step);
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): never {
    this.#end('failed', error);
    throw error;
  }

  #end(how: 'done' | 'failed' | 'left', error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#trace.end(how, this.#items, error);
  }
}

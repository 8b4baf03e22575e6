import { Cursor, DONE, READY, isThenable, promiseOf } from './cursor';
import type { Pulled } from './cursor';
import type { OperatorStats, StreamScope } from './scope';

/** What a step answers for an item that goes no further. */
export const SKIP = Symbol('skip');

/** One run of a synchronous operator. */
export interface Step {
  /** The item that goes on, `SKIP`, or a promise of one of these. */
  apply(value: unknown): unknown;
  /** What is left at the end of the source, or `SKIP`. */
  flush?(): unknown;
}

/** An operator that takes one item at a time and does not wait by itself. */
export interface StepPlan {
  /** For statistics. */
  readonly name: string;
  /** Makes the state of a run. `stop`: the item at hand is the last that this step lets through. */
  begin(stop: () => void): Step;
}

const enum Awaiting {
  Source,
  Step,
  Close,
}

/** A chain of synchronous operators, run in one loop: an item passes all of them before the next one is pulled. */
export class FusedCursor extends Cursor<unknown> {
  readonly #source: Cursor;
  readonly #steps: Step[];
  readonly #counters: OperatorStats[];
  #awaiting = Awaiting.Source;
  /** The step whose promise is awaited. */
  #resumeAt = 0;
  /** The last step that has stopped; what comes before it is over. */
  #stoppedAt = -1;
  #isEnding = false;
  /** While ending: the next step to be flushed. */
  #flushAt = 0;
  #error: { error: unknown } | undefined;
  #closing: Promise<unknown> | undefined;

  constructor(source: Cursor, plans: readonly StepPlan[], scope: StreamScope) {
    super();
    this.#source = source;
    this.#counters = plans.map((plan) => scope.operator(plan.name));
    this.#steps = plans.map((plan, index) => plan.begin(() => this.#stop(index)));
  }

  override pull(): Pulled {
    if (this.#isEnding) return this.#drain();
    if (this.#stoppedAt >= 0) return this.#end(this.#stoppedAt + 1);
    let pulled: Pulled;
    try {
      pulled = this.#source.pull();
    } catch (error) {
      return this.#failed(error, 0);
    }
    return this.#advance(pulled);
  }

  override settle(raw: unknown): Pulled {
    if (this.#awaiting === Awaiting.Close) return this.#finish();
    if (this.#awaiting === Awaiting.Step) return this.#resume(raw);
    let pulled: Pulled;
    try {
      pulled = this.#source.settle(raw);
    } catch (error) {
      return this.#failed(error, 0);
    }
    return this.#advance(pulled);
  }

  override fail(error: unknown): Pulled {
    if (this.#awaiting === Awaiting.Close) throw error;
    if (this.#awaiting === Awaiting.Step) return this.#failed(error, this.#resumeAt + 1);
    let pulled: Pulled;
    try {
      pulled = this.#source.fail(error);
    } catch (raised) {
      return this.#failed(raised, 0);
    }
    return this.#advance(pulled);
  }

  override close(): Promise<unknown> | undefined {
    this.#isEnding = true;
    this.#flushAt = this.#steps.length;
    return this.#source.close();
  }

  #stop(index: number): void {
    if (index > this.#stoppedAt) this.#stoppedAt = index;
  }

  /** Pulls until an item has come through. */
  #advance(first: Pulled): Pulled {
    let pulled = first;
    for (;;) {
      if (pulled !== READY) {
        if (pulled === DONE) return this.#end(0);
        this.#awaiting = Awaiting.Source;
        return pulled;
      }
      const passed = this.#pass(this.#source.value, 0);
      if (passed !== SKIP) return passed;
      if (this.#stoppedAt >= 0) return this.#end(this.#stoppedAt + 1);
      try {
        pulled = this.#source.pull();
      } catch (error) {
        return this.#failed(error, 0);
      }
    }
  }

  /** Takes an item through the steps from `index` on. */
  #pass(item: unknown, index: number): Pulled | typeof SKIP {
    const steps = this.#steps;
    const counters = this.#counters;
    let value = item;
    let at = index;
    try {
      for (; at < steps.length; at++) {
        const counter = counters[at]!;
        counter.in++;
        const result = steps[at]!.apply(value);
        if (result === SKIP) return SKIP;
        if (result !== value) {
          if (isThenable(result)) {
            this.#awaiting = Awaiting.Step;
            this.#resumeAt = at;
            return promiseOf(result);
          }
          value = result;
        }
        counter.out++;
      }
    } catch (error) {
      return this.#failed(error, at + 1);
    }
    this.value = value;
    return READY;
  }

  #resume(result: unknown): Pulled {
    let passed: Pulled | typeof SKIP = SKIP;
    if (result !== SKIP) {
      this.#counters[this.#resumeAt]!.out++;
      passed = this.#pass(result, this.#resumeAt + 1);
    }
    return passed === SKIP ? this.pull() : passed;
  }

  /** The steps from `flushAt` on still hand on what they hold, then the stream fails. */
  #failed(error: unknown, flushAt: number): Pulled {
    this.#error = { error };
    return this.#end(flushAt);
  }

  #end(flushAt: number): Pulled {
    this.#isEnding = true;
    this.#flushAt = flushAt;
    if (this.#error === undefined) {
      this.#closing = this.#source.close();
      // Its error is seen when it is awaited.
      this.#closing?.catch(() => undefined);
    }
    return this.#drain();
  }

  #drain(): Pulled {
    while (this.#flushAt < this.#steps.length) {
      const at = Math.max(this.#flushAt, this.#stoppedAt + 1);
      this.#flushAt = at + 1;
      if (at >= this.#steps.length) break;
      const rest = this.#steps[at]!.flush?.() ?? SKIP;
      if (rest === SKIP) continue;
      this.#counters[at]!.out++;
      const passed = this.#pass(rest, at + 1);
      if (passed !== SKIP) return passed;
    }
    if (this.#closing === undefined) return this.#finish();
    const closing = this.#closing;
    this.#closing = undefined;
    this.#awaiting = Awaiting.Close;
    return closing;
  }

  #finish(): typeof DONE {
    const failure = this.#error;
    this.#error = undefined;
    if (failure !== undefined) throw failure.error;
    return DONE;
  }
}

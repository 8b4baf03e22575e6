import { Cursor, DONE, READY, isThenable, promiseOf } from './cursor';
import type { Pulled } from './cursor';
import type { Meter, OperatorStats, StreamScope } from './scope';

/** What a step answers for an item that goes no further. */
export const SKIP = Symbol('skip');

/** How a step's function is to be called: the two that most chains are made of need no call around it. */
export const enum StepKind {
  /** `run` gives the item that goes on, `SKIP`, or a promise of one of these. */
  Any,
  /** `run` gives the item that goes on, or a promise of it. */
  Map,
  /** The item goes on if `run` says true; what is neither true nor false is left to `judge`. */
  Filter,
}

/** One run of a synchronous operator. All have the same shape, so that the loop over them stays fast. */
export class Step {
  readonly kind: StepKind;
  readonly run: (value: unknown) => unknown;
  /** One item of what is left at the end of the source; `SKIP` when there is no more. */
  readonly flush: (() => unknown) | undefined;
  /** Makes the item, `SKIP` or a promise of these of what a filter's function has answered. */
  readonly judge: ((answer: unknown, value: unknown) => unknown) | undefined;
  /** Items that went in and did not come out, since they were last counted. */
  withheld = 0;
  /** Items that came out by `flush`, since they were last counted. */
  flushed = 0;

  constructor(
    kind: StepKind,
    run: Step['run'],
    { flush, judge }: { flush?: Step['flush']; judge?: Step['judge'] } = {},
  ) {
    this.kind = kind;
    this.run = run;
    this.flush = flush;
    this.judge = judge;
  }
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
export class FusedCursor extends Cursor<unknown> implements Meter {
  readonly #source: Cursor;
  readonly #steps: Step[];
  readonly #counters: OperatorStats[];
  readonly #scope: StreamScope;
  /** Items that came from the source, since they were last counted. */
  #entered = 0;
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
    this.#scope = scope;
    scope.meters.add(this);
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
    if (this.#awaiting === Awaiting.Step) {
      this.#steps[this.#resumeAt]!.withheld++;
      return this.#failed(error, this.#resumeAt + 1);
    }
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
    this.#leave();
    return this.#source.close();
  }

  /** What goes into a step is what came out of the one before: so only what is withheld has to be counted on the way. */
  count(): void {
    let passing = this.#entered;
    this.#entered = 0;
    for (const [index, step] of this.#steps.entries()) {
      const counter = this.#counters[index]!;
      counter.in += passing;
      passing += step.flushed - step.withheld;
      counter.out += passing;
      step.flushed = step.withheld = 0;
    }
  }

  #leave(): void {
    this.count();
    this.#scope.meters.delete(this);
  }

  #stop(index: number): void {
    if (index > this.#stoppedAt) this.#stoppedAt = index;
    if (this.#error === undefined) return;
    // What was held before the error has ended the stream: the error does not get that far.
    this.#error = undefined;
    this.#closeSource();
  }

  #closeSource(): void {
    this.#closing = this.#source.close();
    // Its error is seen when it is awaited.
    this.#closing?.catch(() => undefined);
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
      this.#entered++;
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
    let value = item;
    let at = index;
    try {
      for (; at < steps.length; at++) {
        const step = steps[at]!;
        // Called without its object: the user's function has no business with it.
        const { run } = step;
        let result = run(value);
        if (step.kind === StepKind.Filter) {
          if (result === true) continue;
          result = result === false ? SKIP : step.judge!(result, value);
        }
        if (result === SKIP) {
          step.withheld++;
          return SKIP;
        }
        if (result === value) continue;
        if (isThenable(result)) {
          this.#awaiting = Awaiting.Step;
          this.#resumeAt = at;
          return promiseOf(result);
        }
        value = result;
      }
    } catch (error) {
      steps[at]!.withheld++;
      return this.#failed(error, at + 1);
    }
    this.value = value;
    return READY;
  }

  #resume(result: unknown): Pulled {
    if (result === SKIP) {
      this.#steps[this.#resumeAt]!.withheld++;
      return this.pull();
    }
    const passed = this.#pass(result, this.#resumeAt + 1);
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
    if (this.#error === undefined) this.#closeSource();
    return this.#drain();
  }

  #drain(): Pulled {
    while (this.#flushAt < this.#steps.length) {
      const at = Math.max(this.#flushAt, this.#stoppedAt + 1);
      this.#flushAt = at;
      if (at >= this.#steps.length) break;
      const rest = this.#steps[at]!.flush?.() ?? SKIP;
      if (rest === SKIP) {
        this.#flushAt++;
        continue;
      }
      this.#steps[at]!.flushed++;
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
    this.#leave();
    if (failure !== undefined) throw failure.error;
    return DONE;
  }
}

import type { AnyEvent } from './events';

/** A user's handler, as the table keeps it. */
export type AnyHandler = (event: AnyEvent, signal?: AbortSignal) => unknown;

/** What a handler is registered for: an exact type, a pattern with `*`, or a regular expression. */
export type EventPattern = string | RegExp;

/** Options of `on`. */
export interface OnOptions {
  /**
   * Call the handler as `(event, signal)`. Default: whether it declares two parameters. The signal aborts at a
   * timeout, at cancellation and at shutdown.
   */
  signal?: boolean;
}

/** One registration of one handler. */
export interface Registration {
  readonly handler: AnyHandler;
  /** The handler inside its middleware; this is what runs. */
  readonly invoke: AnyHandler;
  readonly wantsSignal: boolean;
  readonly once: boolean;
  /** The event that a `once` handler is busy with: until it has succeeded, no other event runs the handler. */
  claimedBy?: AnyEvent | undefined;
  /** Whether a `once` handler has succeeded: runs that began before that must not run it again. */
  isSpent?: boolean;
  /** Removes this registration; set by the table. */
  retire?: () => void;
}

interface PatternRegistration extends Registration {
  readonly source: EventPattern;
  readonly matches: (type: string) => boolean;
}

/** Is told of an event before its handlers, which wait for a promise that it answers. */
export type Observe = (event: AnyEvent) => unknown;

/** What runs for the events of one type. */
export interface Plan {
  readonly registrations: readonly Registration[];
  /** The only handler, when it takes the event alone and nothing else is to be done. */
  readonly solo: AnyHandler | undefined;
  /** Told of each event before its handlers. */
  readonly observers: readonly Observe[];
}

const NO_REGISTRATIONS: readonly Registration[] = [];
const MAX_PLANS = 10_000;

/** `'*'` matches every type; in other strings each `*` stands for any characters, dots included. */
function matcherOf(pattern: EventPattern): (type: string) => boolean {
  if (pattern === '*') return () => true;
  if (pattern instanceof RegExp) {
    // A copy without the flags that make `test` remember where it stopped.
    const expression = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    return (type) => expression.test(type);
  }
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`, 's');
  return (type) => expression.test(type);
}

export function isPattern(type: EventPattern): boolean {
  return typeof type !== 'string' || type.includes('*');
}

/** Handlers by type and by pattern. Exact ones run first, then the patterns, each in the order of registration. */
export class HandlerTable {
  readonly #exact = new Map<string, Registration[]>();
  #patterns: PatternRegistration[] = [];
  readonly #observers: { matches: (type: string) => boolean; notify: Observe }[] = [];
  readonly #plans = new Map<string, Plan>();
  #lastType: string | undefined;
  #lastPlan: Plan | undefined;

  /** Answers how to remove this registration, and only this. */
  add(type: EventPattern, registration: Registration): () => void {
    let stored = registration;
    if (isPattern(type)) {
      const pattern = { ...registration, source: type, matches: matcherOf(type) };
      this.#patterns.push(pattern);
      stored = pattern;
    } else {
      const list = this.#exact.get(type as string);
      if (list) list.push(registration);
      else this.#exact.set(type as string, [registration]);
    }
    this.#forgetPlans();
    return (stored.retire = (): void => this.#drop(stored, type));
  }

  /** Removes every registration of `handler` for `type`. */
  remove(type: EventPattern, handler: AnyHandler): void {
    const same = (source: EventPattern): boolean => String(source) === String(type);
    if (isPattern(type)) {
      this.#patterns = this.#patterns.filter((r) => r.handler !== handler || !same(r.source));
    } else {
      this.#keep(type as string, (r) => r.handler !== handler);
    }
    this.#forgetPlans();
  }

  #drop(registration: Registration, type: EventPattern): void {
    if (isPattern(type)) this.#patterns = this.#patterns.filter((r) => r !== registration);
    else this.#keep(type as string, (r) => r !== registration);
    this.#forgetPlans();
  }

  #keep(type: string, keep: (registration: Registration) => boolean): void {
    const left = this.#exact.get(type)?.filter(keep) ?? [];
    if (left.length > 0) this.#exact.set(type, left);
    else this.#exact.delete(type);
  }

  /** Calls `notify` with each event of `pattern`; answers how to end that. */
  observe(pattern: EventPattern, notify: Observe): () => void {
    const matches =
      typeof pattern === 'string' && !isPattern(pattern)
        ? (type: string): boolean => type === pattern
        : matcherOf(pattern);
    const observer = { matches, notify };
    this.#observers.push(observer);
    this.#forgetPlans();
    return () => {
      const at = this.#observers.indexOf(observer);
      if (at >= 0) this.#observers.splice(at, 1);
      this.#forgetPlans();
    };
  }

  /** Removes all handlers; observers stay. */
  clear(): void {
    this.#exact.clear();
    this.#patterns = [];
    this.#forgetPlans();
  }

  #forgetPlans(): void {
    this.#plans.clear();
    this.#lastType = undefined;
  }

  /** What runs for an event of `type` that starts now. */
  planFor(type: string): Plan {
    if (type === this.#lastType) return this.#lastPlan!;
    let plan = this.#plans.get(type);
    if (plan === undefined) {
      plan = this.#makePlan(type);
      // Types may be made up without end; what is cached of them must not.
      if (this.#plans.size >= MAX_PLANS) this.#plans.clear();
      this.#plans.set(type, plan);
    }
    this.#lastType = type;
    this.#lastPlan = plan;
    return plan;
  }

  #makePlan(type: string): Plan {
    const exact = this.#exact.get(type) ?? NO_REGISTRATIONS;
    const matching = this.#patterns.filter((pattern) => pattern.matches(type));
    const registrations = matching.length === 0 ? exact : [...exact, ...matching];
    const observers = this.#observers.filter((o) => o.matches(type)).map((o) => o.notify);
    const only = registrations.length === 1 ? registrations[0]! : undefined;
    const plain = only !== undefined && !only.wantsSignal && !only.once && observers.length === 0;
    // A copy: registering while the event runs takes effect for events that start later.
    return { registrations: [...registrations], solo: plain ? only.invoke : undefined, observers };
  }

  /** Counts for statistics: exact types, `'*'` handlers, other patterns, and all registrations. */
  counts(): { types: number; wildcard: number; pattern: number; handlers: number } {
    const wildcard = this.#patterns.filter((r) => r.source === '*').length;
    let handlers = this.#patterns.length;
    for (const list of this.#exact.values()) handlers += list.length;
    return {
      types: this.#exact.size,
      wildcard,
      pattern: this.#patterns.length - wildcard,
      handlers,
    };
  }
}

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

interface Pattern {
  readonly source: EventPattern;
  readonly matches: (type: string) => boolean;
}

/**
 * Members by the event types that they are for: those of exactly one type, and those of a pattern. Each comes and goes at the
 * same cost, however many there are.
 */
class TypeTable<T extends object> {
  readonly #exact = new Map<string, Set<T>>();
  readonly #patterns = new Map<T, Pattern>();

  add(type: EventPattern, member: T): void {
    if (isPattern(type)) return void this.#patterns.set(member, { source: type, matches: matcherOf(type) });
    const known = this.#exact.get(type as string);
    if (known === undefined) this.#exact.set(type as string, new Set([member]));
    else known.add(member);
  }

  delete(type: EventPattern, member: T): void {
    if (isPattern(type)) return void this.#patterns.delete(member);
    const known = this.#exact.get(type as string);
    if (known?.delete(member) && known.size === 0) this.#exact.delete(type as string);
  }

  /** The members that were added for this very type or pattern. */
  of(type: EventPattern): T[] {
    if (!isPattern(type)) return [...(this.#exact.get(type as string) ?? [])];
    const same = [...this.#patterns].filter(([, { source }]) => String(source) === String(type));
    return same.map(([member]) => member);
  }

  /** Who is for events of `type`: first those of exactly this type, then those of patterns, each in the order of their coming. */
  matching(type: string): T[] {
    const found = [...(this.#exact.get(type) ?? [])];
    for (const [member, { matches }] of this.#patterns) if (matches(type)) found.push(member);
    return found;
  }

  clear(): void {
    this.#exact.clear();
    this.#patterns.clear();
  }

  /** Counts for statistics: exact types, `'*'`, other patterns, and all members. */
  counts(): { types: number; wildcard: number; pattern: number; handlers: number } {
    let wildcard = 0;
    for (const { source } of this.#patterns.values()) if (source === '*') wildcard++;
    let handlers = this.#patterns.size;
    for (const members of this.#exact.values()) handlers += members.size;
    return { types: this.#exact.size, wildcard, pattern: this.#patterns.size - wildcard, handlers };
  }
}

/** Handlers by type and by pattern. Exact ones run first, then the patterns, each in the order of registration. */
export class HandlerTable {
  readonly #registrations = new TypeTable<Registration>();
  readonly #observers = new TypeTable<{ readonly notify: Observe }>();
  readonly #plans = new Map<string, Plan>();
  #lastType: string | undefined;
  #lastPlan: Plan | undefined;

  /** Answers how to remove this registration, and only this. */
  add(type: EventPattern, registration: Registration): () => void {
    this.#registrations.add(type, registration);
    this.#forgetPlans(type);
    return (registration.retire = (): void => this.#drop(type, registration));
  }

  /** Removes every registration of `handler` for `type`. */
  remove(type: EventPattern, handler: AnyHandler): void {
    for (const registration of this.#registrations.of(type)) {
      if (registration.handler === handler) this.#drop(type, registration);
    }
  }

  #drop(type: EventPattern, registration: Registration): void {
    this.#registrations.delete(type, registration);
    this.#forgetPlans(type);
  }

  /** Calls `notify` with each event of `pattern`; answers how to end that. */
  observe(pattern: EventPattern, notify: Observe): () => void {
    const observer = { notify };
    this.#observers.add(pattern, observer);
    this.#forgetPlans(pattern);
    return () => {
      this.#observers.delete(pattern, observer);
      this.#forgetPlans(pattern);
    };
  }

  /** Removes all handlers; observers stay. */
  clear(): void {
    this.#registrations.clear();
    this.#forgetPlans('*');
  }

  /** Whoever is for one type changes nothing for the others. */
  #forgetPlans(type: EventPattern): void {
    if (isPattern(type)) this.#plans.clear();
    else this.#plans.delete(type as string);
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
    // Copies: registering while the event runs takes effect for events that start later.
    const registrations = this.#registrations.matching(type);
    const observers = this.#observers.matching(type).map(({ notify }) => notify);
    const only = registrations.length === 1 ? registrations[0]! : undefined;
    const plain = only !== undefined && !only.wantsSignal && !only.once && observers.length === 0;
    return { registrations, solo: plain ? only.invoke : undefined, observers };
  }

  /** Counts for statistics: exact types, `'*'` handlers, other patterns, and all registrations. */
  counts(): { types: number; wildcard: number; pattern: number; handlers: number } {
    return this.#registrations.counts();
  }
}

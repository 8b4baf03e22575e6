import { monotonicNow } from './clock';
import { fillEvent } from './fill-event';
import { RuntimeError, messageOf } from './errors';
import { HandlerTable } from './handlers';
import { native } from './native/index';
import { EVENT_SPAN_NAME, eventSpanOptions } from './observability/event-trace';
import { logFields } from './observability/fields';
import { promiseIn } from './middleware/run';
import { RecentEvents } from './recent-events';
import { withLimit } from './limit';
import type { AnyEvent } from './events';
import type { AnyHandler, EventPattern, Observe, OnOptions, Plan, Registration } from './handlers';
import type { ChainsHandle } from './native/engine';
import type { Limited } from './limit';
import type { ObservabilityPort } from './observability/port';
import type { SpanOptions } from './observability/types';

/** What a processor is made of; all values are checked already. */
export interface ProcessorSettings {
  /** Up to so many handlers of one event run one after another; more run in parallel groups of this size. */
  batchSize: number;
  maxEventDepth: number;
  maxEventChainLength: number;
  /** Limit of a handler run in milliseconds; undefined: none. */
  operationTimeoutMs: number | undefined;
  /** Puts the configured middleware around a handler. */
  wrap: (handler: AnyHandler) => AnyHandler;
  /** Whether `wrap` does anything. */
  hasMiddleware: boolean;
  port: ObservabilityPort;
  tenantId: string | undefined;
  executionId: string;
}

/** What a processor asks of the engine whose events it runs. */
export interface RunContext {
  /** The controller of the run in `slot`, made when first asked for. */
  controllerOf(slot: number): AbortController;
  /** A signal for middleware around handlers that take none. */
  readonly sharedSignal: AbortSignal | undefined;
  /** Whether a run may be given up while others go on: then middleware needs a signal of its own for each. */
  readonly givesUpRuns: boolean;
  /** Limit of each handler run of this event, where it brought one of its own. */
  timeoutOf(slot: number): number | undefined;
  /** The chain node that caused the event in `slot`, or -1. */
  causeOf(slot: number): number;
  /** The number of the run that is going on in `slot`; it changes when that run is given up. */
  runOf(slot: number): number;
}

/** An event's place in its chain; -1 as long as nobody has needed one. */
interface Link {
  node: number;
  /** The run that it belongs to. */
  readonly run: number;
  /** Whether the chain was opened here and is to be left here. */
  isOwn: boolean;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && value !== undefined && typeof (value as PromiseLike<unknown>).then === 'function';
}

function isEvent(value: unknown): value is AnyEvent {
  return typeof value === 'object' && value !== null && typeof (value as AnyEvent).type === 'string';
}

/**
 * Runs the handlers of events: which ones, in which order, with which signal and time limit, and the events that they
 * return. Chains are judged by the core.
 */
export class EventProcessor {
  readonly handlers = new HandlerTable();
  readonly recent = new RecentEvents();
  readonly #settings: ProcessorSettings;
  readonly #context: RunContext;
  readonly chains: ChainsHandle;
  /** Root events whose handlers have begun. */
  begun = 0;
  #depth = 0;
  /** Whether each run needs a signal of its own, so that not even the only handler of an event can be called directly. */
  readonly #needsSignal: boolean;

  constructor(settings: ProcessorSettings, context: RunContext) {
    this.#settings = settings;
    this.#context = context;
    this.#needsSignal = settings.hasMiddleware && context.givesUpRuns;
    this.chains = new native.Chains(settings.maxEventDepth, settings.maxEventChainLength);
  }

  /** Registers a handler; answers how to remove this registration. */
  on(type: EventPattern, handler: AnyHandler, options: OnOptions = {}, once = false): () => void {
    const wantsSignal = options.signal ?? handler.length >= 2;
    const inner: AnyHandler = wantsSignal ? (event, signal) => handler(event, signal) : (event) => handler(event);
    const invoke = this.#settings.hasMiddleware ? this.#settings.wrap(inner) : handler;
    const registration: Registration = { handler, invoke, wantsSignal, once };
    return this.handlers.add(type, registration);
  }

  /** Returned events that are being run now. */
  get currentDepth(): number {
    return this.#depth;
  }

  /** Starts the handlers of a root event. */
  run(event: AnyEvent, slot: number): unknown {
    this.begun++;
    this.recent.add(event);
    const { port } = this.#settings;
    if (port.canTrace) return port.trace(EVENT_SPAN_NAME, () => this.#runAll(event, slot), this.#spanOf(event));
    const plan = this.handlers.planFor(event.type);
    if (plan.solo !== undefined && !this.#needsSignal) {
      const { hasMiddleware, operationTimeoutMs } = this.#settings;
      const limitMs = this.#context.timeoutOf(slot) ?? operationTimeoutMs;
      if (limitMs === undefined) {
        return hasMiddleware ? plan.solo(event, this.#context.sharedSignal) : plan.solo(event);
      }
      if (!hasMiddleware) {
        const startedAt = monotonicNow();
        return limited(plan.solo(event), startedAt, new HandlerRun(event, limitMs, undefined));
      }
    }
    return this.#runPlan(plan, event, slot, this.#linkOf(slot));
  }

  #spanOf(event: AnyEvent): SpanOptions {
    const { executionId, tenantId } = this.#settings;
    return eventSpanOptions({
      type: event.type,
      executionId,
      correlationId: event.metadata?.correlationId,
      tenantId: event.metadata?.tenantId ?? tenantId,
    });
  }

  #linkOf(slot: number): Link {
    return { node: this.#context.causeOf(slot), run: this.#context.runOf(slot), isOwn: false };
  }

  #runAll(event: AnyEvent, slot: number, link = this.#linkOf(slot)): Promise<void> {
    return this.#runPlan(this.handlers.planFor(event.type), event, slot, link);
  }

  /** Runs an event that a solo handler has returned. */
  async follow(event: AnyEvent, returned: AnyEvent, slot: number): Promise<void> {
    const link = this.#linkOf(slot);
    try {
      await this.#runReturned(event, returned, slot, link);
    } finally {
      this.#leave(link);
    }
  }

  async #runPlan(plan: Plan, event: AnyEvent, slot: number, link: Link): Promise<void> {
    for (const observe of plan.observers) {
      const room = this.#notify(observe, event);
      if (isThenable(room)) await room;
    }
    const registrations = plan.registrations.filter((r) => !r.once || claim(r, event));
    try {
      if (registrations.length > this.#settings.batchSize) {
        await this.#runGroups(registrations, event, slot, link);
      } else {
        for (const registration of registrations) await this.#runOne(registration, event, slot, link);
      }
    } finally {
      for (const registration of registrations) unclaim(registration, event);
      this.#leave(link);
    }
  }

  #leave(link: Link): void {
    if (!link.isOwn) return;
    link.isOwn = false;
    this.chains.leave(link.node);
  }

  /** More handlers than a batch: groups in parallel, one group after another; a failure stops nobody. */
  async #runGroups(list: readonly Registration[], event: AnyEvent, slot: number, link: Link): Promise<void> {
    const { batchSize, port } = this.#settings;
    const errors: unknown[] = [];
    for (let first = 0; first < list.length; first += batchSize) {
      const group = list.slice(first, first + batchSize);
      const results = await Promise.allSettled(group.map((r) => this.#runOne(r, event, slot, link)));
      for (const result of results) if (result.status === 'rejected') errors.push(result.reason);
    }
    if (errors.length === 0) return;
    const message = `${errors.length}/${list.length} handlers failed`;
    const messages = errors.map(messageOf);
    port.flood('handlers.failed', 'warn', message, () => ({ ...logFields(event), errors: messages }));
    throw new RuntimeError('HANDLERS_FAILED', `${message}: ${messages.slice(0, 5).join('; ')}`, {
      cause: new AggregateError(errors, message),
      context: { eventId: event.id, eventType: event.type, failed: errors.length, total: list.length },
    });
  }

  async #runOne(registration: Registration, event: AnyEvent, slot: number, link: Link): Promise<void> {
    // Given up meanwhile (no acknowledgement in time, the end of the runtime): nothing more of this run may begin.
    if (this.#context.runOf(slot) !== link.run) return;
    let returned: unknown = this.#invoke(registration, event, slot);
    if (isThenable(returned)) returned = await returned;
    if (registration.once) {
      registration.isSpent = true;
      registration.retire?.();
    }
    if (isEvent(returned)) await this.#runReturned(event, returned, slot, link);
  }

  #invoke(registration: Registration, event: AnyEvent, slot: number): unknown {
    const limit = this.#context.timeoutOf(slot) ?? this.#settings.operationTimeoutMs;
    const needsSignal = registration.wantsSignal || this.#needsSignal;
    const controller = needsSignal ? this.#context.controllerOf(slot) : undefined;
    if (limit !== undefined) return this.#invokeTimed(registration, event, controller, slot, limit);
    return this.#invokeOnce(registration, event, controller);
  }

  #invokeOnce({ invoke }: Registration, event: AnyEvent, controller: AbortController | undefined): unknown {
    if (controller !== undefined) return invoke(event, controller.signal);
    return this.#settings.hasMiddleware ? invoke(event, this.#context.sharedSignal) : invoke(event);
  }

  /** Handlers that do not look at the signal get none: it costs more than the rest. */
  #invokeTimed(
    registration: Registration,
    event: AnyEvent,
    wanted: AbortController | undefined,
    slot: number,
    limitMs: number,
  ): unknown {
    const controller = wanted ?? (this.#settings.hasMiddleware ? this.#context.controllerOf(slot) : undefined);
    const startedAt = monotonicNow();
    const returned = this.#invokeOnce(registration, event, controller);
    return limited(returned, startedAt, new HandlerRun(event, limitMs, controller));
  }

  async #runReturned(parent: AnyEvent, returned: AnyEvent, slot: number, link: Link): Promise<void> {
    if (link.node < 0) {
      link.node = this.chains.open(parent.type);
      link.isOwn = true;
    }
    const node = this.chains.enter(link.node, returned.type, true);
    if (node < 0) throw this.#chainError(node, returned.type);
    this.#depth++;
    try {
      await this.#runAll(fillEvent(returned, parent), slot, { node, run: link.run, isOwn: false });
    } finally {
      this.#depth--;
      this.chains.leave(node);
    }
  }

  /** The error for an answer of the core that refuses an event of `type` its place in a chain. */
  #chainError(refusal: number, type: string): RuntimeError {
    const { maxEventDepth, maxEventChainLength } = this.#settings;
    const context = { eventType: type, maxEventDepth, maxEventChainLength };
    if (refusal === -1) return new RuntimeError('EVENT_LOOP_DETECTED', `Event loop detected: ${type}`, { context });
    const message =
      refusal === -2
        ? `Max event depth exceeded: ${maxEventDepth}`
        : `Max event chain length exceeded: ${maxEventChainLength}`;
    return new RuntimeError('EVENT_CHAIN_TOO_LONG', message, { context });
  }

  /** Lets an event that was emitted inside a handler join the chain of its cause. */
  joinChain(parentNode: number, type: string): number | RuntimeError {
    const node = this.chains.enter(parentNode, type, false);
    return node < 0 ? this.#chainError(node, type) : node;
  }

  #notify(observe: Observe, event: AnyEvent): unknown {
    try {
      return observe(event);
    } catch (error) {
      this.#settings.port.flood('observer.failed', 'error', 'An observer of events has thrown', () => ({
        ...logFields(event),
        error,
      }));
      return undefined;
    }
  }
}

/** A handler's run that has a limit. */
class HandlerRun implements Limited {
  readonly #event: AnyEvent;
  readonly limitMs: number;
  readonly #controller: AbortController | undefined;

  /** @param controller aborted when the limit has passed */
  constructor(event: AnyEvent, limitMs: number, controller: AbortController | undefined) {
    this.#event = event;
    this.limitMs = limitMs;
    this.#controller = controller;
  }

  overdue(): Error {
    const { id: eventId, type: eventType } = this.#event;
    const timeoutMs = this.limitMs;
    const message = `Handler for ${eventType} exceeded ${timeoutMs}ms; raise operationTimeoutMs or the event's timeout`;
    const context = { eventId, eventType, timeoutMs };
    const error = new RuntimeError('RUNTIME_EVENT_PROCESSING_TIMEOUT', message, { context });
    this.#controller?.abort(error);
    return error;
  }
}

/** What a handler has returned; a promise within the limit of its run. */
function limited(returned: unknown, startedAt: number, run: HandlerRun): unknown {
  const promise = promiseIn(returned);
  return promise === undefined ? returned : withLimit(promise, run.limitMs, startedAt, run);
}

/** Gives a `once` handler to this event, unless it is busy with another or has succeeded. */
function claim(registration: Registration, event: AnyEvent): boolean {
  if (registration.isSpent) return false;
  if (registration.claimedBy !== undefined && registration.claimedBy !== event) return false;
  registration.claimedBy = event;
  return true;
}

/** Leaves a `once` handler, whether the run has come to it or not, to the next event. */
function unclaim(registration: Registration, event: AnyEvent): void {
  if (registration.claimedBy === event) registration.claimedBy = undefined;
}

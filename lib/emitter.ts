import { AsyncLocalStorage } from 'node:async_hooks';
import { AgedMap } from './aged-map';
import { RuntimeError, messageOf } from './errors';
import { Draft } from './drafts';
import { correlationOf } from './events';
import { emitResult, refusedResult, takenResult } from './emit-result';
import { mintedNow, nextCallId, nextCorrelationId, reserveTwoCallIds } from './ids';
import { onAbort } from './middleware/cancel';
import { readEventPolicy } from './retry-policy';
import {
  requireBoolean,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireSignal,
  requireString,
  warnOfUnknown,
} from './validate';
import { requirePriority } from './queue';
import type { DeliveryQueue } from './delivery-queue';
import type { Submission } from './submission';
import type { EmitBatcher } from './emit-batcher';
import type { EventProcessor } from './event-processor';
import type { AnyEvent } from './events';
import type { MintedIds } from './ids';
import type { ObservabilityPort } from './observability/port';
import type { EmitOptions, EmitResult } from './runtime-types';
import type { TraceCarrier } from './tracing/trace-context';

interface EmitterSettings {
  trackCauses: boolean;
  batcher: EmitBatcher;
  port: ObservabilityPort;
}

/** The event whose handler is running, where causes are tracked. */
interface Cause {
  event: AnyEvent;
  node: number;
}

/** Somebody who waits for room in the queue. */
interface Waiter {
  event: AnyEvent;
  brings: Submission;
  settle: (error: Error | undefined) => void;
}

const OPTION_NAMES: Record<keyof EmitOptions, true> = {
  priority: true,
  correlationId: true,
  tenantId: true,
  deliveryGuarantee: true,
  timeout: true,
  retryPolicy: true,
  delayMs: true,
  ttlMs: true,
  orderingKey: true,
  idempotencyKey: true,
  signal: true,
  batch: true,
  batchSize: true,
  batchTimeout: true,
  flushBatch: true,
};

const GUARANTEES = ['at-most-once', 'at-least-once', 'exactly-once'] as const;

/** Makes events and puts them into the queue, alone or in batches, at once or when there is room. */
export class Emitter {
  readonly #queue: DeliveryQueue;
  readonly #processor: EventProcessor;
  readonly #settings: EmitterSettings;
  readonly #causes: AsyncLocalStorage<Cause> | undefined;
  /** Whether an emit without options needs nothing but a place in the queue. */
  readonly #isSimple: boolean;
  /** For the next event; undefined while one is being emitted, whose data may have a getter that emits another. */
  #spareDraft: Draft | undefined;
  /** Put into the metadata of the event that is made next. */
  carrier: TraceCarrier | undefined;
  readonly #waiters = new AgedMap<AnyEvent, Waiter>();
  #warnedAboutExactlyOnce = false;

  constructor(queue: DeliveryQueue, processor: EventProcessor, settings: EmitterSettings) {
    this.#queue = queue;
    this.#processor = processor;
    this.#settings = settings;
    this.#causes = settings.trackCauses ? new AsyncLocalStorage() : undefined;
    this.#isSimple = !settings.trackCauses && !settings.batcher.collects(undefined);
  }

  /** Starts the handlers of an event so that what they emit knows its cause. */
  runWithCause(event: AnyEvent, slot: number): unknown {
    const { chains } = this.#processor;
    const extras = this.#queue.engine.extrasOf(slot);
    const isOwn = extras.causeNode === undefined;
    const node = (extras.causeNode ??= chains.open(event.type));
    const leave = (): void => {
      if (!isOwn) return;
      chains.leave(node);
      extras.causeNode = undefined;
    };
    return this.#causes!.run({ event, node }, async () => {
      try {
        return await this.#processor.run(event, slot);
      } finally {
        leave();
      }
    });
  }

  emit(type: string, data: unknown, options: EmitOptions | undefined): EmitResult {
    if (options !== undefined || !this.#isPlain(type)) return this.#emitWith(type, data, options ?? {});
    return this.#emitPlain(type, data, 0);
  }

  /** Whether nothing has to be asked about an event of this type, if it brings nothing. */
  #isPlain(type: string): boolean {
    return this.#isSimple && this.#queue.isPlain && typeof type === 'string';
  }

  /** The usual case: nothing but a type, data, and maybe a priority. */
  #emitPlain(type: string, data: unknown, priority: number): EmitResult {
    if (this.#isLate(data)) return this.#emitDraft(type, data, priority, undefined);
    const event = this.#makeEvent(type, data, undefined, undefined);
    return emitResult(event, this.#queue.admit(event, { priority, ids: this.#idsOf(event) }, true, true));
  }

  /** An event that is made when it starts. */
  #emitDraft(type: string, data: unknown, priority: number, brings: Submission | undefined): EmitResult {
    const draft = this.#drafted(type, data, priority, brings);
    const result = takenResult(draft);
    const refusal = this.#queue.admitDraft(draft, undefined);
    this.#putBack(draft);
    return refusal === undefined ? result : refusedResult(result, refusal as Error);
  }

  #emitDraftDurably(
    type: string,
    data: unknown,
    priority: number,
    brings: Submission | undefined,
  ): Promise<EmitResult> {
    const draft = this.#drafted(type, data, priority, brings);
    const result = takenResult(draft);
    const answer = this.#queue.admitDraft(draft, result);
    this.#putBack(draft);
    return answer instanceof RuntimeError ? Promise.resolve(refusedResult(result, answer)) : answer!;
  }

  #drafted(type: string, data: unknown, priority: number, brings: Submission | undefined): Draft {
    const draft = this.#spareDraft ?? new Draft();
    this.#spareDraft = undefined;
    draft.fill(type, data, priority, brings);
    return draft;
  }

  #putBack(draft: Draft): void {
    draft.forget();
    this.#spareDraft = draft;
  }

  /** Whether an event with this data has nothing but what every event has, and may be made late. */
  #isLate(data: unknown): boolean {
    return this.carrier === undefined && this.#queue.takesDrafts && correlationOf(data) === undefined;
  }

  /** The same for one that brings options: none of them wants an event when it is accepted. */
  #isLateWith(type: string, data: unknown, options: EmitOptions): boolean {
    const { correlationId, deliveryGuarantee, idempotencyKey, signal } = options;
    if ((correlationId ?? deliveryGuarantee ?? idempotencyKey ?? signal) !== undefined) return false;
    return this.#isPlain(type) && this.#isLate(data) && !this.#settings.batcher.collects(options);
  }

  /** Where the ids of the event that was made last stand, for a log. */
  #idsOf({ metadata }: AnyEvent): MintedIds | undefined {
    return this.#queue.log === undefined ? undefined : mintedNow(metadata?.correlationId);
  }

  /** The event of an emit with options. */
  #makeFor(type: string, data: unknown, options: EmitOptions, brings: Submission): AnyEvent {
    const { correlationId, tenantId, deliveryGuarantee } = options;
    const event = this.#makeEvent(type, data, correlationId, tenantId);
    if (deliveryGuarantee !== undefined) event.metadata!.deliveryGuarantee = deliveryGuarantee;
    brings.ids = this.#idsOf(event);
    return event;
  }

  #makeEvent(type: string, data: unknown, given: string | undefined, tenant: string | undefined): AnyEvent {
    const correlationId = given ?? correlationOf(data) ?? nextCorrelationId();
    const ts = Date.now();
    const metadata = this.#queue.maker.metadata(correlationId, tenant, ts);
    if (this.carrier !== undefined) Object.assign(metadata, this.carrier);
    reserveTwoCallIds();
    return { id: nextCallId(), type, data, ts, threadId: nextCallId(), metadata };
  }

  #emitWith(type: string, data: unknown, options: EmitOptions): EmitResult {
    try {
      const priority = onlyPriority(options);
      if (priority !== undefined && this.#isPlain(type)) return this.#emitPlain(type, data, priority);
      requireObject('options', options);
      const brings = this.#read(type, options);
      if (this.#isLateWith(type, data, options)) return this.#emitDraft(type, data, brings.priority, brings);
      return this.#enqueue(this.#makeFor(type, data, options, brings), options, brings, true);
    } catch (error) {
      return this.#invalid(error);
    }
  }

  emitEvent(event: AnyEvent, options: EmitOptions = {}): EmitResult {
    try {
      requireObject('event', event);
      requireString('event.id', event.id);
      if (typeof event.type !== 'string') requireString('event.type', event.type);
      const tenantId = options.tenantId ?? event.metadata?.tenantId ?? this.#queue.settings.tenantId;
      const brings = { ...this.#read(event.type, options), tenantId };
      const correlationId =
        options.correlationId ?? event.metadata?.correlationId ?? correlationOf(event.data) ?? nextCorrelationId();
      const { deliveryGuarantee } = options;
      event.metadata = {
        ...event.metadata,
        correlationId,
        ...(tenantId !== undefined && { tenantId }),
        ...(deliveryGuarantee !== undefined && { deliveryGuarantee }),
        ...this.carrier,
      };
      return this.#enqueue(event, options, brings, false);
    } catch (error) {
      return this.#invalid(error);
    }
  }

  emitAsync(type: string, data: unknown, options: EmitOptions | undefined): Promise<EmitResult> {
    if (this.#queue.log === undefined) return this.#emitWhenRoom(type, data, options ?? {});
    try {
      const priority = options === undefined ? 0 : onlyPriority(options);
      if (priority !== undefined && this.#isPlain(type) && !this.#mustWait && this.#isLate(data)) {
        return this.#emitDraftDurably(type, data, priority, undefined);
      }
      return this.#emitDurably(type, data, options ?? {});
    } catch (error) {
      return Promise.resolve(this.#invalid(error));
    }
  }

  async #emitWhenRoom(type: string, data: unknown, options: EmitOptions): Promise<EmitResult> {
    const { batcher } = this.#settings;
    try {
      if (!this.#mayWait || batcher.collects(options)) return this.emit(type, data, options);
      requireObject('options', options);
      const brings = this.#read(type, options);
      const event = this.#makeFor(type, data, options, brings);
      if (!this.#mustWait) return this.#enqueue(event, options, brings, true);
      return await this.#whenRoom(event, brings);
    } catch (error) {
      return this.#invalid(error);
    }
  }

  get #mayWait(): boolean {
    return this.#queue.settings.overflow === 'wait' && this.#queue.settings.maxQueueDepth > 0;
  }

  /** Whether somebody who can wait for room has to. */
  get #mustWait(): boolean {
    return this.#mayWait && (this.#waiters.size > 0 || !this.#queue.hasRoom());
  }

  /** Accepted only when it is durable. Such events are not collected in batches: the log groups them. */
  #emitDurably(type: string, data: unknown, options: EmitOptions): Promise<EmitResult> {
    requireObject('options', options);
    const brings = this.#read(type, options, true);
    if (!this.#mustWait && this.#isLateWith(type, data, options)) {
      return this.#emitDraftDurably(type, data, brings.priority, brings);
    }
    const event = this.#makeFor(type, data, options, brings);
    if (this.#mustWait) return this.#whenRoom(event, brings);
    const caused = this.#causedBy(event, brings);
    if (caused instanceof RuntimeError) return this.#whenSettled(event, brings, caused);
    return this.#whenSettled(event, caused, this.#admitCaused(event, caused, true));
  }

  /** To be called right after the event was admitted, or refused. */
  #whenSettled(event: AnyEvent, brings: Submission, refusal: Error | undefined): Promise<EmitResult> {
    const { log } = this.#queue;
    if (refusal !== undefined || log === undefined) return Promise.resolve(emitResult(event, refusal));
    if (brings.settled !== undefined) return brings.settled;
    const settled = log.settled() ?? Promise.resolve(undefined);
    return settled.then((error) => emitResult(event, error && this.#queue.notDurable(event, error)));
  }

  /** First come, first served. */
  #whenRoom(event: AnyEvent, given: Submission): Promise<EmitResult> {
    const { engine } = this.#queue;
    const { signal } = given;
    if (signal?.aborted) return this.#whenSettled(event, given, this.#queue.refusals.refuse('aborted', event));
    const brings = this.#causedBy(event, given);
    if (brings instanceof RuntimeError) return this.#whenSettled(event, given, brings);
    if (this.#queue.isClosed) return this.#whenSettled(event, brings, this.#admitCaused(event, brings, true));
    return new Promise((resolve) => {
      const settle = (error: Error | undefined): void => {
        leaveSignal?.();
        engine.keepAlive.release();
        resolve(this.#whenSettled(event, brings, error));
      };
      const abort = (): void => {
        this.#waiters.delete(event);
        brings.onEnd?.();
        settle(this.#queue.refusals.refuse('aborted', event));
      };
      const leaveSignal = signal && onAbort(signal, abort);
      engine.keepAlive.hold();
      this.#waiters.set(event, { event, brings, settle });
      engine.onRoom = (): void => this.#admitWaiters();
    });
  }

  #admitWaiters(): void {
    while (this.#waiters.size > 0 && (this.#queue.isClosed || this.#queue.hasRoom())) {
      const { event, brings, settle } = this.#waiters.oldest!.value;
      this.#waiters.delete(event);
      settle(this.#admitCaused(event, brings, true));
    }
    if (this.#waiters.size === 0) this.#queue.engine.onRoom = undefined;
  }

  #enqueue(event: AnyEvent, options: EmitOptions, brings: Submission, fresh: boolean): EmitResult {
    if (!this.#settings.batcher.collects(options) || this.#queue.isClosed) {
      return emitResult(event, this.#admit(event, brings, fresh));
    }
    // Its cause is known now; whoever flushes the batch is another one.
    const caused = this.#causedBy(event, brings);
    if (caused instanceof RuntimeError) return emitResult(event, caused);
    const flushed = this.#settings.batcher.add(event.type, options, {
      enqueue: () => this.#admitCaused(event, caused, fresh),
      discard: () => caused.onEnd?.(),
    });
    return emitResult(event, flushed?.error);
  }

  #admit(event: AnyEvent, brings: Submission, fresh: boolean): Error | undefined {
    const caused = this.#causedBy(event, brings);
    return caused instanceof RuntimeError ? caused : this.#admitCaused(event, caused, fresh);
  }

  #admitCaused(event: AnyEvent, caused: Submission, fresh: boolean): Error | undefined {
    const refusal = this.#queue.admit(event, caused, fresh, fresh);
    if (refusal !== undefined) caused.onEnd?.();
    return refusal;
  }

  /** What the event brings, with its place in the chain of the event whose handler emits it. An error: it gets none. */
  #causedBy(event: AnyEvent, brings: Submission): Submission | RuntimeError {
    const cause = this.#causes?.getStore();
    if (cause === undefined) return brings;
    const node = this.#processor.joinChain(cause.node, event.type);
    if (node instanceof RuntimeError) return node;
    const { chains } = this.#processor;
    event.metadata = { ...event.metadata, causationId: cause.event.id, chainDepth: chains.depth(node) };
    return { ...brings, causeNode: node, onEnd: () => chains.leave(node) };
  }

  /** `emit` never throws: what is wrong with its arguments is in the result. */
  #invalid(cause: unknown): EmitResult {
    this.#queue.refusals.counts.invalid++;
    const error = new RuntimeError('INVALID_ARGUMENT', `emit: ${messageOf(cause)}`, {
      cause,
      context: { reason: 'invalid' },
    });
    this.#settings.port.flood('refused.invalid', 'warn', error.message, { error });
    return { success: false, eventId: '', queued: false, error, correlationId: nextCorrelationId() };
  }

  /** Checks the options of an emit. */
  #read(type: string, options: EmitOptions, awaited?: boolean): Submission {
    if (typeof type !== 'string') requireString('type', type);
    for (const key in options) if (!Object.hasOwn(OPTION_NAMES, key)) warnOfUnknown('emit', options, OPTION_NAMES);
    const { priority, tenantId, orderingKey, idempotencyKey, delayMs, ttlMs, timeout, retryPolicy, signal } = options;
    this.#readBatchOptions(options);
    const guarantee = options.deliveryGuarantee;
    if (guarantee !== undefined) requireOneOf('options.deliveryGuarantee', guarantee, GUARANTEES);
    if (guarantee === 'exactly-once') this.#warnAboutExactlyOnce();
    if (options.correlationId !== undefined) requireString('options.correlationId', options.correlationId);
    return {
      priority: priority === undefined ? 0 : requirePriority('options.priority', priority),
      tenantId: optional(requireString, 'options.tenantId', tenantId) ?? this.#queue.settings.tenantId,
      orderingKey: optional(requireString, 'options.orderingKey', orderingKey),
      idempotencyKey: optional(requireString, 'options.idempotencyKey', idempotencyKey),
      delayMs: optional(requireDuration, 'options.delayMs', delayMs),
      ttlMs: optional(requireDuration, 'options.ttlMs', ttlMs),
      timeoutMs: optional(requireDuration, 'options.timeout', timeout),
      policy:
        retryPolicy === undefined ? undefined : readEventPolicy(requireObject('options.retryPolicy', retryPolicy)),
      signal: signal === undefined ? undefined : requireSignal('options.signal', signal),
      awaited,
      ids: undefined,
    };
  }

  #readBatchOptions({ batch, batchSize, batchTimeout, flushBatch }: EmitOptions): void {
    optional(requireBoolean, 'options.batch', batch);
    optional(requireBoolean, 'options.flushBatch', flushBatch);
    if (batchSize !== undefined) requireInteger('options.batchSize', batchSize, { min: 1 });
    optional(requireDuration, 'options.batchTimeout', batchTimeout);
  }

  #warnAboutExactlyOnce(): void {
    if (this.#warnedAboutExactlyOnce || this.#queue.log !== undefined) return;
    this.#warnedAboutExactlyOnce = true;
    const message =
      'exactly-once without persistence ends with the process: ids and keys are remembered in memory only';
    this.#settings.port.log('warn', message);
  }

  flushBatch(): void {
    if (this.#settings.batcher.isEmpty) return;
    const error = this.#settings.batcher.flush();
    if (error !== undefined) this.#settings.port.flood('batch.refused', 'warn', error.message, { error });
  }

  dropBatch(): void {
    this.#settings.batcher.drop();
  }

  /** Refuses those who wait for room. */
  close(): void {
    this.#admitWaiters();
  }
}

/** The priority, if the options hold nothing else. */
function onlyPriority(options: EmitOptions): number | undefined {
  // Whoever asks for the wrong thing is told by others. And the options of a class may be getters, which no loop finds.
  if (typeof options !== 'object' || options === null) return undefined;
  if (Object.getPrototypeOf(options) !== Object.prototype) return undefined;
  for (const key in options) if (key !== 'priority') return undefined;
  const { priority = 0 } = options;
  return typeof priority === 'number' && Number.isFinite(priority) ? priority : undefined;
}

const requireDuration = (path: string, value: number): number => requireNumber(path, value, { min: 0 });

function optional<T>(check: (path: string, value: T) => T, path: string, value: T | undefined): T | undefined {
  return value === undefined ? undefined : check(path, value);
}

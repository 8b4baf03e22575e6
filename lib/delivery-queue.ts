import { Deduplicator } from './dedupe';
import { EventMaker } from './drafts';
import { Engine } from './engine/engine';
import { eventLoopTurn } from './engine/real-timers';
import { NameTable } from './engine/names';
import { Interner } from './engine/interner';
import { NONE } from './engine/layout';
import { RuntimeError, messageOf } from './errors';
import { monotonicNow } from './clock';
import { EventHistory } from './event-history';
import { PressureSampler } from './pressure';
import { QueueBreaker } from './queue-breaker';
import { failuresIn } from './explain';
import { hasTerms, submissionOf, termsOf } from './dead-letter-terms';
import { onAbort } from './middleware/cancel';
import { failureFields, logFields } from './observability/fields';
import { callBack } from './observability/guard';
import { Refusals } from './refusals';
import { NEVER_AGAIN, askedDelay } from './retry-policy';
import { sizeOf } from './size';
import type { DLQContext, DeadLetterQueue } from './dead-letter-queue';
import type { EngineHost, FailureClass } from './engine/engine';
import type { MakeEvent } from './engine/event-table';
import type { Names } from './engine/names';
import type { SlotExtras } from './engine/extras';
import type { DurableLog, RecoveredEvent } from './durability/durable-log';
import type { EventStoreFeed } from './event-store/feed';
import type { AnyEvent, AnyEventMetadata } from './events';
import type { Draft } from './drafts';
import type { RetryNotes } from './explain';
import type { EngineConfig, RedeliveryConfig } from './native/engine';
import type { ObservabilityPort } from './observability/port';
import type { LogContext } from './observability/types';
import type { Pressure } from './pressure';
import type { EmitResult } from './runtime-types';
import type { Submission } from './submission';
import type { TenantRate } from './tenant-rate';

export type { Submission };

/** Between events that wait for I/O the machine is looked at after so long. */
const LOOK_EVERY_MS = 100;
/** Redeliveries remembered in an event's metadata. */
const MAX_HISTORY = 20;
/** Types whose redeliveries are counted one by one; the rest is counted together. */
const MAX_COUNTED_TYPES = 1000;
const OTHER_TYPES = '(other)';

/** 'shared': events of a batch share a reading of the clock; 'precise': each has its own; 'off': nothing is recorded. */
export type LatencyMode = 'shared' | 'precise' | 'off';

export const LATENCY_MODES: readonly LatencyMode[] = ['off', 'shared', 'precise'];

/** What a queue is made of; all values are checked already. */
export interface DeliverySettings {
  maxQueueDepth: number;
  overflow: 'reject' | 'wait' | 'drop-oldest';
  maxConcurrent: number;
  maxConcurrentPerTenant: number | undefined;
  maxConcurrentPerEventType: number | undefined;
  maxMemoryUsage: number;
  maxCpuUsage: number;
  acks: 'off' | 'auto' | 'manual';
  ackTimeoutMs: number;
  redelivery: RedeliveryConfig;
  retryable: (error: unknown) => boolean;
  /** Whether sizes are estimated at all. */
  knowsSizes: boolean;
  /** Whether times are recorded, and with how many readings of the clock. */
  latency: LatencyMode;
  largeEventThreshold: number;
  hugeEventThreshold: number;
  maxEventSize: number;
  maxQueueBytes: number;
  dropHugeEvents: boolean;
  enableCompression: boolean;
  maxProcessedEvents: number;
  /** Failures in a row that open the breaker; undefined: there is none. */
  breakerThreshold: number | undefined;
  tenantId: string | undefined;
  /** Whether events are given a `metadata.timestamp`. */
  stampsTime: boolean;
  onError: ((error: unknown, event: AnyEvent) => void) | undefined;
}

/** Why an event was not taken; or what to answer who waits until it is durable; or nothing. */
type DraftAnswer = RuntimeError | Promise<EmitResult> | undefined;

const SIZE_TOO_LARGE = 2;
const SIZE_QUEUE_FULL = 3;
const SIZE_LARGE = 1;

/**
 * Events on their way through the core: admission, delivery, dead letters. `EventQueue` and the runtime are built on it
 * and say what running an event means.
 */
export class DeliveryQueue implements EngineHost {
  readonly engine: Engine;
  readonly settings: DeliverySettings;
  readonly port: ObservabilityPort;
  readonly maker: EventMaker;
  readonly dedupe: Deduplicator;
  readonly pressure: PressureSampler;
  readonly breaker: QueueBreaker | undefined;
  /** The rate limit of the runtime that owns it. */
  rate: TenantRate | undefined;
  /** Where events that have finally failed go; undefined: they are counted and logged only. */
  deadLetters: DeadLetterQueue | undefined;
  /** Where events are written down, so that they survive the process. */
  log: DurableLog | undefined;
  /** Starts the handlers of an event. */
  runner: (event: AnyEvent, slot: number) => unknown = () => undefined;
  /** Runs an event that a handler has returned. */
  follower: (event: AnyEvent, returned: AnyEvent, slot: number) => Promise<void> | undefined = () => undefined;
  /** Keeps an event store informed. */
  feed: EventStoreFeed | undefined;

  readonly #tenants = new Interner();
  readonly #keys = new Interner();
  readonly #kinds = new Interner();
  /** Of these, which an event has. */
  readonly #names = new NameTable();
  readonly #exactFrom: number;
  /** `maxQueueDepth`; while memory is exhausted no more than 1, so that what waits for room still gets its turn. */
  #depthLimit: number;
  readonly refusals: Refusals;
  readonly history = new EventHistory();
  readonly retriesByType = new Map<string, number>();
  compressedEvents = 0;
  /** Events that waited when the queue was closed, and that the next start will find. */
  keptAtEnd = 0;
  /** Resolves when the events of an earlier process are back; undefined: they are, or there are none. */
  recovery: Promise<void> | undefined;
  recovered = 0;
  /** Submissions that came while events were being brought back: those go first. */
  #held: (() => void)[] | undefined;
  /** Events that could not be made durable, and whether their handlers had begun. */
  readonly #withdrawn = new WeakMap<AnyEvent, boolean>();
  isClosed = false;

  constructor(settings: DeliverySettings, port: ObservabilityPort) {
    this.settings = settings;
    this.port = port;
    this.refusals = new Refusals(settings, port, () => this.engine.depth);
    this.maker = new EventMaker(settings.tenantId, settings.stampsTime);
    this.dedupe = new Deduplicator(settings.maxProcessedEvents);
    this.#depthLimit = settings.maxQueueDepth;
    this.pressure = new PressureSampler(settings, (pressure) => this.#onPressure(pressure));
    const { breakerThreshold } = settings;
    this.breaker =
      breakerThreshold === undefined
        ? undefined
        : new QueueBreaker(breakerThreshold, (state) =>
            port.log(state === 'open' ? 'warn' : 'info', `The breaker of the queue is ${state}`, { state }),
          );
    this.engine = new Engine(engineConfig(settings), this);
    this.engine.turns.onLook = (computes): void => this.#samplePressure(computes);
    this.engine.turns.lookAt = monotonicNow() + LOOK_EVERY_MS;
    const { largeEventThreshold, hugeEventThreshold, maxEventSize, maxQueueBytes } = settings;
    this.#exactFrom = Math.min(largeEventThreshold, hugeEventThreshold, maxEventSize, maxQueueBytes) / 2;
  }

  get acks(): 'off' | 'auto' | 'manual' {
    return this.settings.acks;
  }

  // ── Admission ────────────────────────────────────────────────────────────────────────────────────────

  /** Whether a fresh event that brings nothing but its priority can be taken without further questions. */
  get isPlain(): boolean {
    const { knowsSizes, maxConcurrentPerEventType } = this.settings;
    return !this.isClosed && !knowsSizes && maxConcurrentPerEventType === undefined && !(this.rate?.rejects ?? false);
  }

  /** Whether somebody writes down what is accepted. */
  get isRecorded(): boolean {
    return this.log !== undefined || this.feed !== undefined;
  }

  hasRoom(): boolean {
    return this.engine.depth + (this.#held?.length ?? 0) < this.#depthLimit;
  }

  /**
   * Takes an event in, or says why not.
   *
   * @param fresh whether its id was made for it just now, so that it cannot be a duplicate
   * @param isOurs whether all of it but its data was
   */
  admit(event: AnyEvent, brings: Submission, fresh: boolean, isOurs = false): RuntimeError | undefined {
    if (this.isClosed) return this.refusals.refuse('shutting-down', event);
    if (brings.signal?.aborted) return this.refusals.refuse('aborted', event);
    if (!fresh && (this.engine.slotOf(event.id) >= 0 || this.dedupe.isDone(event.id))) {
      return this.refusals.duplicate(event, this.#stateOf(event.id));
    }
    const waitMs = this.rate?.refusal(event);
    if (waitMs !== undefined) return this.refusals.refuse('rate-limited', event, waitMs);
    const { idempotencyKey } = brings;
    if (idempotencyKey !== undefined && !this.dedupe.takeKey(idempotencyKey, event.id)) {
      return this.refusals.duplicate(event, this.#stateOfKey(idempotencyKey));
    }
    const bytes = this.settings.knowsSizes ? sizeOf(event, this.#exactFrom) : 0;
    const refusal = this.#refusalOf(event, bytes);
    const error =
      refusal === undefined ? this.#writeDown(event, brings, bytes) : this.refusals.refuse(refusal, event, bytes);
    if (error === undefined) this.feed?.accepted(event);
    if (error !== undefined) {
      if (idempotencyKey !== undefined) this.dedupe.returnKey(idempotencyKey);
    } else if (this.#held === undefined) {
      this.#submit(event, brings, bytes, 0, isOurs);
    } else {
      this.#held.push(() => {
        if (!this.#withdrawn.has(event)) this.#submit(event, brings, bytes);
      });
    }
    return error;
  }

  /** Whether `admitDraft` may be used: nobody wants to see an event when it is accepted. */
  get takesDrafts(): boolean {
    if (this.feed !== undefined || this.#held !== undefined) return false;
    return this.log === undefined || this.log.acceptDraft !== undefined;
  }

  /**
   * As `admit`, where `isPlain` and `takesDrafts`, for an event that is made when it starts.
   *
   * @param awaited what to answer if it becomes durable; undefined: nobody waits for that
   */
  admitDraft(draft: Draft, awaited: EmitResult | undefined): DraftAnswer {
    const { log } = this;
    // A getter in its data may have closed this since somebody looked.
    const refusal = this.isClosed ? 'shutting-down' : this.hasRoom() ? undefined : this.#refusalOfFull();
    if (refusal !== undefined) return this.refusals.refuse(refusal, this.maker.make(draft));
    const seq = log === undefined ? 0 : log.acceptDraft!(draft, awaited);
    if (typeof seq !== 'number') return this.refusals.notWritten(this.maker.make(draft), seq);
    const settled = awaited && log?.settledDraft;
    if (draft.brings === undefined) this.engine.submitDraft(draft, seq);
    else this.#submitDraft(draft, seq, draft.brings);
    return settled;
  }

  readonly make: MakeEvent = (draft, seq) => {
    const event = this.maker.make(draft);
    if (seq > 0) this.log!.onMade!(event, seq);
    return event;
  };

  /** Nothing is accepted that cannot be kept. */
  #writeDown(event: AnyEvent, brings: Submission, bytes: number): RuntimeError | undefined {
    const error = this.log?.accept(event, brings);
    if (error === undefined) return undefined;
    if (bytes > 0) this.engine.returnBytes(bytes);
    return this.refusals.notWritten(event, error);
  }

  /** What has become of the event with this id: 'waiting', 'running', 'done' or 'dead'. */
  #stateOf(eventId: string): string {
    const slot = this.engine.slotOf(eventId);
    if (slot >= 0) return this.engine.isRunning(slot) ? 'running' : 'waiting';
    return this.deadLetters?.has(eventId) === true ? 'dead' : 'done';
  }

  #stateOfKey(key: string): string {
    const owner = this.dedupe.ownerOf(key);
    return owner === undefined ? 'done' : (owner.state ?? this.#stateOf(owner.eventId));
  }

  // ── Recovery ─────────────────────────────────────────────────────────────────────────────────────────

  /** Brings back what `load` finds, in batches, before anything that is accepted meanwhile. Never rejects. */
  recoverLater(load: () => Promise<readonly RecoveredEvent[]>, batchSize: number): void {
    this.#held = [];
    this.recovery = this.#recover(load, batchSize).catch((error: unknown) =>
      this.port.log('error', 'Bringing back events has failed', { error: error as Error }),
    );
    void this.recovery.then(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      this.recovery = undefined;
      for (const submit of held) submit();
    });
  }

  async #recover(load: () => Promise<readonly RecoveredEvent[]>, batchSize: number): Promise<void> {
    const events = await load();
    for (let first = 0; first < events.length && !this.isClosed; first += batchSize) {
      if (first > 0) await eventLoopTurn();
      for (const recovered of events.slice(first, first + batchSize)) this.restore(recovered);
    }
  }

  /** Takes back an event that was accepted before the process ended. There is room for it, whatever the limits are now. */
  restore({ event, brings, attempts }: RecoveredEvent): void {
    const { idempotencyKey } = brings;
    this.recovered++;
    if (idempotencyKey !== undefined) {
      // It may have been put back from the dead letters: then the key is remembered as that of a dead one.
      this.dedupe.returnKey(idempotencyKey);
      this.dedupe.takeKey(idempotencyKey, event.id);
    }
    const bytes = this.settings.knowsSizes ? sizeOf(event, this.#exactFrom) : 0;
    const isCounted = bytes > 0 && this.engine.admitBytes(bytes) < SIZE_TOO_LARGE;
    this.#submit(event, brings, isCounted ? bytes : 0, attempts);
  }

  /** Takes out an event that could not be made durable. Answers whether its handlers have begun all the same. */
  withdraw(event: AnyEvent): boolean {
    const known = this.#withdrawn.get(event);
    if (known !== undefined) return known;
    const slot = this.engine.slotOf(event.id);
    const isHere = slot >= 0 && this.engine.eventAt(slot) === event;
    const hasRun = isHere
      ? this.engine.isRunning(slot) || this.engine.attempts(slot) > 0
      : this.#held === undefined && this.#hadBegun(event.id);
    this.#withdrawn.set(event, hasRun);
    if (isHere) this.cancel(slot, undefined);
    return hasRun;
  }

  /** Whether the handlers of an event that is gone had begun. What has ended well is not in the history. */
  #hadBegun(eventId: string): boolean {
    const { end, failedAttempts = 0 } = this.history.find(eventId) ?? {};
    return end === undefined || failedAttempts > 0 || this.dedupe.isDone(eventId);
  }

  /**
   * The truth about an event that could not be made durable: it is not accepted, but it may have been run.
   *
   * @param event its id will do if it has ended
   */
  notDurable(event: AnyEvent | string, error: RuntimeError): RuntimeError {
    const hasRun = typeof event === 'string' ? this.#hadBegun(event) : this.withdraw(event);
    if (!hasRun) return error;
    const { code, message, cause, context } = error;
    return new RuntimeError(code, `${message}; its handlers had begun`, { cause, context: { ...context, ran: true } });
  }

  /** Size, then depth, as one step with the insertion. */
  #refusalOf(event: AnyEvent, bytes: number): 'too-large' | 'full' | 'memory' | undefined {
    const verdict = bytes > 0 ? this.engine.admitBytes(bytes) : 0;
    if (verdict === SIZE_TOO_LARGE) return 'too-large';
    if (verdict === SIZE_QUEUE_FULL) return 'full';
    const refusal = this.hasRoom() ? undefined : this.#refusalOfFull();
    if (refusal !== undefined) {
      if (bytes > 0) this.engine.returnBytes(bytes);
      return refusal;
    }
    if (verdict === SIZE_LARGE && this.settings.enableCompression) this.#markLarge(event, bytes);
    return undefined;
  }

  /** There was no room a moment ago: why there is none now, if so. */
  #refusalOfFull(): 'full' | 'memory' | undefined {
    if (this.pressure.isExhausted) this.#samplePressure(false);
    if (this.hasRoom() || this.#makeRoom()) return undefined;
    return this.pressure.isExhausted ? 'memory' : 'full';
  }

  #makeRoom(): boolean {
    return this.settings.overflow === 'drop-oldest' && this.settings.maxQueueDepth > 0 && this.engine.dropOldest();
  }

  #markLarge(event: AnyEvent, bytes: number): void {
    this.compressedEvents++;
    setMetadata(event, { compressed: true, originalSize: bytes, compressedAt: Date.now() });
  }

  #submit(event: AnyEvent, brings: Submission, bytes: number, attempts = 0, isOurs = false): void {
    const { engine } = this;
    const { priority, delayMs, signal } = brings;
    if (!isOurs) engine.readClock();
    // Not only a failure of its handlers must not bring it back: neither must a missing acknowledgement.
    const policy = isDeliveredOnce(event) ? NEVER_AGAIN : brings.policy;
    const { tenant, key, kind } = this.#retain(event.type, brings);
    this.#prepare(brings.ttlMs, policy, bytes, attempts);
    const slot = engine.submit(event, priority, tenant, key, kind, delayMs ?? 0);
    this.#keep(slot, tenant, key, kind, brings);
    if (signal !== undefined) this.#obey(signal, event, slot, engine.extrasOf(slot));
  }

  #submitDraft(draft: Draft, seq: number, brings: Submission): void {
    const { tenant, key, kind } = this.#retain(draft.type, brings);
    this.#prepare(brings.ttlMs, brings.policy, 0, 0);
    const slot = this.engine.submitDraft(draft, seq, tenant, key, kind, brings.delayMs ?? 0);
    this.#keep(slot, tenant, key, kind, brings);
  }

  /** The names that an event holds while it is here. */
  #retain(type: string, { tenantId, orderingKey }: Submission): Names {
    const isOwnTenant = tenantId === undefined || tenantId === this.settings.tenantId;
    return {
      tenant: isOwnTenant ? 0 : this.#tenants.retain(tenantId) + 1,
      key: orderingKey === undefined ? NONE : this.#keys.retain(orderingKey),
      kind: this.settings.maxConcurrentPerEventType === undefined ? 0 : this.#kinds.retain(type) + 1,
    };
  }

  #prepare(ttlMs: number | undefined, policy: RedeliveryConfig | undefined, bytes: number, attempts: number): void {
    if (ttlMs === undefined && policy === undefined && bytes === 0 && attempts === 0) return;
    this.engine.prepare(ttlMs ?? Infinity, policy === undefined ? 0 : this.#policyOf(policy), bytes, attempts);
  }

  /** What has to be known of an event as long as it is here. */
  #keep(slot: number, tenant: number, key: number, kind: number, brings: Submission): void {
    if (tenant !== 0 || key !== NONE || kind !== 0) this.#names.set(slot, tenant, key, kind);
    const { timeoutMs, queuedAt, causeNode, onEnd } = brings;
    if (!hasTerms(brings) && (queuedAt ?? causeNode ?? onEnd) === undefined) return;
    const extras = this.engine.extrasOf(slot);
    extras.brings = brings;
    extras.timeoutMs = timeoutMs;
    extras.queuedAt = queuedAt;
    extras.causeNode = causeNode;
    extras.onEnd = onEnd;
  }

  #policyOf(policy: RedeliveryConfig): number {
    const { maxAttempts, initialDelayMs, maxDelayMs, factor, jitter, jitterRatio } = policy;
    const index = this.engine.internPolicy(maxAttempts, initialDelayMs, maxDelayMs, factor, jitter, jitterRatio);
    // More different policies than anybody writes by hand: they are computed, and the runtime's own must do.
    return Math.max(index, 0);
  }

  onReleased(slot: number, extras: SlotExtras | undefined): void {
    const names = this.#names.take(slot);
    if (names !== undefined) {
      const { tenant, key, kind } = names;
      if (tenant !== 0) this.#tenants.release(tenant - 1);
      if (kind !== 0) this.#kinds.release(kind - 1);
      if (key !== NONE) {
        if (extras !== undefined) extras.orderingKey = this.#keys.nameOf(key);
        this.#keys.release(key);
      }
    }
    extras?.onEnd?.();
  }

  /** Cancels the event when its `signal` aborts. */
  #obey(signal: AbortSignal, event: AnyEvent, slot: number, extras: SlotExtras): void {
    const cancel = (): void => {
      if (this.engine.eventAt(slot) === event) this.cancel(slot, signal.reason);
    };
    extras.controller ??= new AbortController();
    // Now: a microtask later it might run.
    if (signal.aborted) return cancel();
    const leave = onAbort(signal, cancel);
    const { onEnd } = extras;
    extras.onEnd = (): void => {
      leave();
      onEnd?.();
    };
  }

  // ── What the engine asks and tells ───────────────────────────────────────────────────────────────────

  run(event: AnyEvent, slot: number): unknown {
    if (this.log !== undefined) {
      const wait = this.#durabilityFirst(event, this.log);
      if (wait !== undefined) return this.#runAfter(wait, event, slot);
    }
    return this.#run(event, slot);
  }

  async #runAfter(wait: Promise<void>, event: AnyEvent, slot: number): Promise<unknown> {
    const run = this.engine.runOf(slot);
    await wait;
    return this.#withdrawn.has(event) || this.engine.runOf(slot) !== run ? undefined : this.#run(event, slot);
  }

  /** At most once: the event is out of the log before its handlers start. And nobody outruns the disk for long. */
  #durabilityFirst(event: AnyEvent, log: DurableLog): Promise<void> | undefined {
    if (event.metadata?.deliveryGuarantee === 'at-most-once' && log.holds(event)) return log.release(event);
    return log.behind;
  }

  #run(event: AnyEvent, slot: number): unknown {
    if (this.feed !== undefined) this.feed.delivered(event);
    return this.breaker === undefined ? this.runner(event, slot) : this.breaker.run(() => this.runner(event, slot));
  }

  follow(event: AnyEvent, returned: object, slot: number): Promise<void> | undefined {
    return this.follower(event, returned as AnyEvent, slot);
  }

  classify(error: unknown, event: AnyEvent): FailureClass {
    if (isDeliveredOnce(event)) return { retryable: false, askedMs: NaN };
    try {
      return { retryable: this.settings.retryable(error), askedMs: askedDelay(error) };
    } catch (thrown) {
      const message = 'The retryable predicate has thrown; the error counts as not retryable';
      this.port.flood('retryable.failed', 'error', message, () => ({ ...logFields(event), error: thrown }));
      return { retryable: false, askedMs: NaN };
    }
  }

  onDone(event: AnyEvent): void {
    this.dedupe.noteDone(event.id);
  }

  onSettled(event: AnyEvent): void {
    const isAcked = this.settings.acks !== 'off';
    if (this.log !== undefined) this.log.done(event, isAcked);
    if (isAcked) this.feed?.processed(event);
  }

  onFailure(event: AnyEvent, error: unknown, slot: number): void {
    const message = `Handler failed for ${event.type}: ${messageOf(error)}`;
    const fields = (): LogContext => ({
      ...logFields(event),
      ...failureFields(error, this.engine.attempts(slot), this.engine.runTimeOf(slot)),
    });
    this.port.flood('handler.failed', 'error', message, fields, event.type);
    this.#tellOwner(event, error);
  }

  onAckTimeout(event: AnyEvent, error: unknown, attempts: number, slot: number): void {
    const message = `The acknowledgement of ${event.type} did not come in time`;
    const fields = (): LogContext => ({
      ...logFields(event),
      ...failureFields(error, attempts, this.engine.runTimeOf(slot)),
    });
    this.port.flood('ack.timeout', 'warn', message, fields, event.type);
    this.#tellOwner(event, error);
  }

  #tellOwner(event: AnyEvent, error: unknown): void {
    const { onError } = this.settings;
    if (onError === undefined) return;
    callBack(
      () => onError(error, event),
      (fault) =>
        this.port.flood('onError.failed', 'error', 'onError has thrown', () => ({ ...logFields(event), error: fault })),
    );
  }

  onRetry(event: AnyEvent, error: unknown, attempts: number, delayMs: number, slot: number): void {
    const counts = this.retriesByType;
    const type = counts.has(event.type) || counts.size < MAX_COUNTED_TYPES ? event.type : OTHER_TYPES;
    counts.set(type, (counts.get(type) ?? 0) + 1);
    const timestamp = Date.now();
    const message = messageOf(error);
    const before = event.metadata?.retry as RetryNotes | undefined;
    const failure = { attempt: attempts, timestamp, error: message, delay: delayMs };
    const retryHistory = [...(before?.retryHistory ?? []), failure].slice(-MAX_HISTORY);
    setMetadata(event, {
      isRetry: true,
      retry: {
        retryCount: attempts,
        originalError: before?.originalError ?? message,
        lastError: message,
        retryHistory,
        nextRetryAt: timestamp + delayMs,
      },
    });
    this.history.failed(event, attempts, failuresIn(retryHistory));
    this.log?.retried(event, attempts, timestamp + delayMs, error);
    const fields = (): LogContext => ({
      ...logFields(event),
      ...failureFields(error, attempts, this.engine.runTimeOf(slot)),
      delayMs,
    });
    this.port.flood('retry', 'warn', `Redelivery of ${event.type} scheduled`, fields, event.type);
  }

  onDead(event: AnyEvent, error: unknown, attempts: number, extras: SlotExtras | undefined, slot: number): void {
    const durationMs = (): number | undefined => this.engine.runTimeOf(slot, extras);
    this.history.died(event, attempts, messageOf(error));
    if (this.deadLetters === undefined) {
      this.log?.gone(event, 'dead');
      const message = `${event.type} failed for good and is dropped: there is no dead letter queue`;
      const fields = (): LogContext => ({
        ...logFields(event),
        ...failureFields(error, attempts, durationMs()),
      });
      this.port.flood('dead', 'error', message, fields, event.type);
      return;
    }
    const { metadata } = event;
    const context = {
      correlationId: metadata?.correlationId,
      traceId: metadata?.traceId,
      agentId: metadata?.agentId,
      workflowId: metadata?.workflowId,
      originalPriority: extras?.priority ?? 0,
      idempotencyKey: this.dedupe.keyOf(event.id),
      ...(extras !== undefined && termsOf(extras.brings, extras.orderingKey)),
    };
    this.deadLetters.add(event, error, attempts, context, durationMs);
    // A log that keeps no dead letters itself has nothing more to do with it.
    this.log?.gone(event, 'dead');
  }

  onGone(event: AnyEvent, how: 'expired' | 'cancelled' | 'dropped'): void {
    // What waits at the end is there again at the next start, if it is written down.
    if (how === 'dropped' && this.isClosed && this.log?.holds(event) === true) {
      this.keptAtEnd++;
      this.history.ended(event, 'kept');
      return;
    }
    this.log?.gone(event, how);
    this.history.ended(event, how);
    this.dedupe.returnKeyOf(event.id);
    this.port.flood(`gone.${how}`, how === 'cancelled' ? 'debug' : 'warn', `Event ${how}: ${event.type}`, () =>
      logFields(event),
    );
  }

  ackTimeoutError(event: AnyEvent): Error {
    const { ackTimeoutMs } = this.settings;
    return new RuntimeError('ACK_TIMEOUT', `no acknowledgement within ${ackTimeoutMs}ms of the delivery`, {
      context: { eventId: event.id, eventType: event.type, ackTimeoutMs },
    });
  }

  // ── Commands ─────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a waiting event out; aborts a running one. */
  cancel(slot: number, reason: unknown): boolean {
    return this.engine.cancel(slot, reason ?? new RuntimeError('EVENT_CANCELLED', 'the event was cancelled'));
  }

  /**
   * Puts a dead letter back into the queue: it is delivered as it was first emitted, its attempts begin anew. False if it is
   * refused.
   */
  requeue(event: AnyEvent, priority: number, context: DLQContext): boolean {
    if (this.engine.slotOf(event.id) >= 0) return false;
    const key = this.#ownKey(event, context.idempotencyKey);
    const brings: Submission = {
      ...submissionOf(context),
      priority,
      tenantId: event.metadata?.tenantId,
      idempotencyKey: key,
      queuedAt: Date.now(),
    };
    // What it has taken already must not make it a duplicate of itself.
    const hadKey = key !== undefined && this.dedupe.returnKey(key);
    // It is written down as it is now.
    const failures = takeRetryMetadata(event);
    const isTaken = this.admit(event, brings, true) === undefined;
    if (isTaken) {
      this.history.forget(event.id);
    } else {
      if (failures !== undefined) setMetadata(event, failures);
      if (hadKey) this.dedupe.takeKey(key, event.id);
    }
    return isTaken;
  }

  /** The key, unless it has left the window and belongs to another event by now. */
  #ownKey({ id }: AnyEvent, key: string | undefined): string | undefined {
    const owner = key === undefined ? undefined : this.dedupe.ownerOf(key);
    return owner === undefined || owner.eventId === id || owner.eventId === '' ? key : undefined;
  }

  /** Begins a drain: full width, unless the machine was short of something a moment ago. */
  beginDrain(): void {
    this.engine.setWidth(this.pressure.widthAtStart(monotonicNow()));
  }

  /** Looks at the machine (at most every 100 ms) and narrows or widens what runs at once. */
  #samplePressure(computes: boolean): void {
    const now = monotonicNow();
    this.engine.setWidth(this.pressure.maybeSample(now, computes));
    this.engine.turns.lookAt = now + LOOK_EVERY_MS;
  }

  #onPressure({ isActive, isExhausted, ...figures }: Pressure): void {
    const { maxQueueDepth } = this.settings;
    this.#depthLimit = isExhausted ? Math.min(maxQueueDepth, 1) : maxQueueDepth;
    if (isExhausted) {
      const message = 'Memory is nearly used up: no event is taken in while another waits';
      this.port.flood('pressure.exhausted', 'warn', message, figures);
    } else if (isActive) {
      this.port.flood('pressure', 'warn', 'Backpressure: memory or CPU is short, fewer events run at once', figures);
    } else {
      this.port.flood('pressure.over', 'info', 'The backpressure is over', figures);
    }
  }

  /** Whether anything asks emitters to slow down: depth, or memory or processors while there is work. */
  get isUnderPressure(): boolean {
    if (!this.hasRoom()) return true;
    if (this.engine.depth === 0 && !this.engine.isBusy) return false;
    this.#samplePressure(false);
    return this.pressure.isActive;
  }
}

function engineConfig(settings: DeliverySettings): EngineConfig {
  return {
    maxConcurrent: settings.maxConcurrent,
    maxConcurrentPerTenant: settings.maxConcurrentPerTenant ?? 0,
    maxConcurrentPerKind: settings.maxConcurrentPerEventType ?? 0,
    ackTimeoutMs: settings.acks === 'off' ? 0 : settings.ackTimeoutMs,
    redelivery: settings.redelivery,
    largeEventBytes: settings.largeEventThreshold,
    hugeEventBytes: settings.hugeEventThreshold,
    maxEventBytes: settings.maxEventSize,
    dropHugeEvents: settings.dropHugeEvents,
    maxQueueBytes: settings.maxQueueBytes,
    latency: LATENCY_MODES.indexOf(settings.latency) as 0 | 1 | 2,
    seed: Math.floor(Math.random() * 2 ** 52),
  };
}

/** Whether its owner wants it never to be delivered again. */
function isDeliveredOnce({ metadata }: AnyEvent): boolean {
  return metadata?.criticalError === true || metadata?.deliveryGuarantee === 'at-most-once';
}

/** Adds to an event's metadata. A frozen event stays as it is. */
export function setMetadata(event: AnyEvent, fields: AnyEventMetadata): void {
  try {
    event.metadata = { ...event.metadata, ...fields };
  } catch {
    // Frozen by its owner: what we would have noted is in the statistics and logs.
  }
}

/** Takes what tells of redeliveries out of an event's metadata, and answers it; undefined: there is nothing. */
function takeRetryMetadata(event: AnyEvent): AnyEventMetadata | undefined {
  if (event.metadata?.isRetry === undefined) return undefined;
  const { isRetry, retry, ...rest } = event.metadata;
  try {
    event.metadata = rest;
  } catch {
    // As above.
  }
  return { isRetry, retry };
}

import { checkRuntimeConfig, idleOptions } from './config';
import { checkDeadLetterConfig } from './dead-letter-checks';
import { DeadLetterQueue } from './dead-letter-queue';
import { deadLettersOf } from './dead-letters';
import { DeliveryQueue } from './delivery-queue';
import { journalError } from './durability/journal';
import { JournalDeadLetters } from './durability/journal-dead-letters';
import { tenantJournal } from './durability/journal-config';
import { openJournal, openPersistorLog, recoverInto } from './durability/open';
import { EmitBatcher } from './emit-batcher';
import { Emitter } from './emitter';
import { eventLoopTurn } from './engine/real-timers';
import { RuntimeError } from './errors';
import { createEvent } from './events';
import { EventProcessor } from './event-processor';
import { explain } from './explain';
import { prometheusText } from './metrics/prometheus';
import { snapshots } from './metrics/snapshots';
import { MemoryMonitor } from './memory-monitor';
import { resolveMiddlewareList } from './middleware/resolve';
import { TenantRate } from './tenant-rate';
import type { TenantRateLimit } from './tenant-rate';
import { followNativeLogs } from './observability/native-logs';
import { codeOf, logFields } from './observability/fields';
import { createPort } from './observability/port';
import { processorStats } from './optimized-event-processor';
import { EnhancedEventQueue, tellOfPersistence } from './queue';
import { queueStats } from './queue-stats';
import { runtimeSettings } from './queue-settings';
import { StreamManager } from './streams/stream-manager';
import { openEventStore, replayOf } from './event-store/open';
import { TELEMETRY_OFF, checkTelemetry } from './tracing/config';
import { RuntimeMetrics } from './tracing/instruments';
import { Telemetry } from './tracing/telemetry';
import { TracedEmitter } from './tracing/traced-emitter';
import { throwIfAborted } from './middleware/wait';
import type { JournalCompaction } from './durability/durable-log';
import { waitForEvent } from './wait-for';
import type { WaitOptions } from './wait-for';
import {
  refuse,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireSignal,
  requireString,
  warnOnce,
  warnOfUnknown,
} from './validate';
import type { JournalLog } from './durability/journal-log';
import type { EventQueueConfig, RuntimeConfig } from './config';
import type { DLQConfig } from './dead-letter-queue';
import type { EventStore } from './event-store';
import type { RunContext } from './event-processor';
import type { EventExplanation } from './explain';
import type { AnyEvent } from './events';
import type { AnyHandler, EventPattern, OnOptions } from './handlers';
import type { SignalOptions } from './streams/types';
import type { MiddlewareScope, ScopeMemory } from './middleware/types';
import type { ObservabilityPort } from './observability/port';
import type { EventRunner } from './tracing/telemetry';
import type { EmitCalls } from './tracing/traced-emitter';
import type {
  DrainCallOptions,
  EmitEntry,
  EmitOptions,
  EmitResult,
  LooseEvents,
  ProcessOptions,
  ProcessResult,
  Runtime,
  RuntimeStats,
  SubscribeOptions,
} from './runtime-types';

const DEFAULT_CLEANUP_TIMEOUT_MS = 5000;
const PROCESS_OPTIONS: Record<keyof ProcessOptions, true> = {
  withStats: true,
  maxEvents: true,
  timeoutMs: true,
  signal: true,
};
const DAY_MS = 86_400_000;
const NOTHING: ProcessResult = { processed: 0, acked: 0, failed: 0, retried: 0, deadLettered: 0 };

/** What of a workflow context the runtime reads. */
interface ContextLike {
  tenantId?: unknown;
  executionId?: unknown;
  signal?: unknown;
}

let lastExecutionTime = 0;

/** A time that no other execution id of this process has. */
function uniqueTime(): number {
  lastExecutionTime = Math.max(lastExecutionTime + 1, Date.now());
  return lastExecutionTime;
}

const newExecutionId = (): string => `runtime_${uniqueTime()}_${Math.random().toString(36).slice(2, 11)}`;

class RuntimeImpl implements Runtime {
  readonly #context: ContextLike;
  readonly #observability: unknown;
  readonly #config: RuntimeConfig;
  readonly #port: ObservabilityPort;
  readonly #queue: DeliveryQueue;
  readonly #processor: EventProcessor;
  readonly #emitter: Emitter;
  readonly #emits: EmitCalls;
  readonly #telemetry: Telemetry | undefined;
  readonly #meters: RuntimeMetrics | undefined;
  readonly #ended = new AbortController();
  readonly #enhanced: EnhancedEventQueue;
  readonly #dlq: DeadLetterQueue;
  readonly #monitor: MemoryMonitor;
  readonly #streams = new StreamManager();
  /** How to end each subscription. */
  readonly #subscriptions = new Set<() => void>();
  readonly #executionId: string;
  readonly #shutdown = new AbortController();
  /** What is to be let go at the end. */
  readonly #releases = new Set<() => void>();
  readonly #resets: (() => void)[] = [];
  /** Middleware that goes on with what it did in an earlier process, as soon as handlers are there. */
  readonly #memoryUsers: ((memory: ScopeMemory) => void)[] = [];
  #isResuming = false;
  readonly #journal: JournalLog | undefined;
  readonly #eventStore: EventStore | undefined;
  readonly deadLetters: Runtime['deadLetters'];

  constructor(context: unknown, observability: unknown, given: RuntimeConfig) {
    this.#context = typeof context === 'object' && context !== null ? context : {};
    this.#observability = observability;
    const unknownKeys: string[] = [];
    const config = checkRuntimeConfig(given, (message) => unknownKeys.push(message));
    this.#config = config;
    this.#port = createPort(observability, config.enableObservability ?? true);
    this.#tellUnknownKeys(unknownKeys);
    this.#tellOfConfig(idleOptions(config));
    tellOfPersistence(this.#port, { ...config, ...config.queueConfig });
    const tenantId = config.tenantId ?? textOr(this.#context.tenantId, undefined);
    this.#executionId = config.executionId ?? textOr(this.#context.executionId, undefined) ?? newExecutionId();
    this.#queue = new DeliveryQueue({ ...runtimeSettings(config), tenantId }, this.#port);
    this.#processor = this.#makeProcessor(tenantId);
    this.#monitor = new MemoryMonitor(this.#port.enabled ? observability : undefined, config.memoryMonitor);
    this.#followNativeLogs();
    this.#journal = this.#orRelease(() => this.#openLog());
    this.#eventStore = this.#orRelease(() => this.#openEventStore());
    this.#dlq = this.#makeDeadLetters();
    this.#enhanced = new EnhancedEventQueue(observability, undefined, undefined, this.#queue);
    this.#enhanced.useEventStore(this.#eventStore);
    this.deadLetters = deadLettersOf(this.#dlq, (event, priority, context) =>
      this.#queue.requeue(event, priority, context),
    );
    this.#emitter = new Emitter(this.#queue, this.#processor, {
      trackCauses: config.trackCauses ?? false,
      batcher: new EmitBatcher(config.batching ?? {}, this.#queue.engine),
      port: this.#port,
    });
    const telemetry = this.#port.enabled ? checkTelemetry('telemetry', config.telemetry ?? true) : TELEMETRY_OFF;
    this.#telemetry = Telemetry.of(telemetry);
    const traceRuns = this.#telemetry?.streams;
    if (traceRuns !== undefined) this.#streams.traceRuns(traceRuns);
    this.#meters = RuntimeMetrics.of(telemetry, tenantId ?? 'default', () => this.getStats());
    this.#emits = this.#telemetry === undefined ? this.#emitter : new TracedEmitter(this.#emitter, this.#telemetry);
    const run = this.#observed((event, slot) =>
      config.trackCauses ? this.#emitter.runWithCause(event, slot) : this.#processor.run(event, slot),
    );
    this.#queue.runner = config.rateLimit === undefined ? run : this.#limitRate(config.rateLimit, tenantId, run);
    this.#queue.follower = (event, returned, slot): Promise<void> => this.#processor.follow(event, returned, slot);
    if (config.memoryMonitor !== undefined && config.memoryMonitor.enabled !== false) this.#monitor.start();
    this.#obeySignals();
    this.#recover();
    this.#lookForSdk();
    this.#port.log('info', 'Runtime created', { executionId: this.#executionId, tenantId });
  }

  #followNativeLogs(): void {
    const unfollow = this.#port.enabled && followNativeLogs(this.#observability, this.#config.nativeLogLevel);
    if (unfollow) this.#releases.add(unfollow);
  }

  /** Nobody gets a runtime that could not be made: it must not hold on to anything. */
  #orRelease<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  #release(): void {
    const releases = [...this.#releases];
    this.#releases.clear();
    for (const release of releases) release();
  }

  /** Where events are written down: the journal, or a persistor. A configuration that will be refused opens neither. */
  #openLog(): JournalLog | undefined {
    const { journal, queueConfig } = this.#config;
    checkDeadLetterConfig(this.#dlqConfig(), () => undefined);
    if (journal !== undefined) return openJournal(this.#config, this.#queue);
    const given = { ...this.#config, ...queueConfig } as EventQueueConfig;
    // Who gives a persistor wants it used.
    const enablePersistence = given.enablePersistence ?? given.persistor !== undefined;
    openPersistorLog({ ...given, enablePersistence }, this.#queue, this.#executionId);
    return undefined;
  }

  #openEventStore(): EventStore | undefined {
    const { enableEventStore, eventStoreConfig, persistor } = this.#config;
    if (enableEventStore !== true) return undefined;
    const observability = this.#port.enabled ? this.#observability : undefined;
    const config = { persistor, ...eventStoreConfig, executionId: this.#executionId };
    return openEventStore(observability, config, this.#queue, this.#journal);
  }

  #recover(): void {
    if (this.#journal === undefined) return;
    try {
      recoverInto(this.#queue, this.#journal);
    } catch (error) {
      // Nobody gets this runtime: its journal must not stay locked.
      this.#release();
      void this.#journal.close().catch(() => undefined);
      throw journalError(error, this.#journal.journal.path);
    }
  }

  get recovered(): number {
    return this.#queue.recovered;
  }

  ready = async (): Promise<void> => {
    await this.#queue.recovery;
    await this.#dlq.ready();
  };

  /** Puts spans and meters around each attempt. */
  #observed(inner: EventRunner): EventRunner {
    const attempts = (slot: number): number => this.#queue.engine.attempts(slot);
    const follow = (event: AnyEvent, returned: AnyEvent, slot: number): Promise<void> =>
      this.#processor.follow(event, returned, slot);
    const run = this.#telemetry?.around(inner, { attempts, follow }) ?? inner;
    return this.#meters?.around(run, attempts) ?? run;
  }

  /** An SDK may have been registered meanwhile. */
  #lookForSdk(): void {
    this.#telemetry?.refresh();
    this.#meters?.refresh();
  }

  /** Puts the rate limit before emits or before runs; a run that waits for its turn holds no permit. */
  #limitRate(limit: TenantRateLimit, tenantId: string | undefined, run: EventRunner): EventRunner {
    const rate = new TenantRate(limit, tenantId);
    this.#queue.rate = rate;
    if (rate.rejects) return run;
    return (event, slot) => {
      const { engine } = this.#queue;
      const { signal } = engine.controllerOf(slot);
      const turn = rate.turn(event, signal);
      if (turn === undefined) return run(event, slot);
      return engine.park(slot, turn).then(() => {
        throwIfAborted(signal);
        return run(event, slot);
      });
    };
  }

  #tellUnknownKeys(messages: string[]): void {
    if (messages.length === 0) return;
    if (this.#config.strict) {
      const message = `createRuntime: ${messages.join('; ')}; allowed: only known keys, because strict is true`;
      throw new RuntimeError('INVALID_CONFIGURATION', message);
    }
    this.#tellOfConfig(messages);
  }

  /** A mistake in the configuration is told also where nobody listens to the runtime's logs. */
  #tellOfConfig(messages: string[]): void {
    if (messages.length === 0) return;
    const message = `createRuntime: ${messages.join('; ')}`;
    if (this.#port.canLog) this.#port.log('warn', message);
    else warnOnce(message);
  }

  #makeProcessor(tenantId: string | undefined): EventProcessor {
    const { middleware = [], batchSize = 100, operationTimeoutMs } = this.#config;
    const wrap = resolveMiddlewareList(middleware, this.#middlewareScope());
    return new EventProcessor(
      {
        batchSize,
        maxEventDepth: this.#config.maxEventDepth ?? 100,
        maxEventChainLength: this.#config.maxEventChainLength ?? 1000,
        operationTimeoutMs,
        wrap,
        hasMiddleware: middleware.length > 0,
        port: this.#port,
        tenantId,
        executionId: this.#executionId,
      },
      this.#runContext(),
    );
  }

  #runContext(): RunContext {
    const { engine } = this.#queue;
    return {
      sharedSignal: this.#shutdown.signal,
      givesUpRuns: this.#queue.acks !== 'off',
      controllerOf: (slot) => engine.controllerOf(slot),
      timeoutOf: (slot) => engine.peekExtras(slot)?.timeoutMs,
      runOf: (slot) => engine.runOf(slot),
      causeOf: (slot) => engine.peekExtras(slot)?.causeNode ?? -1,
    };
  }

  #middlewareScope(): MiddlewareScope {
    return {
      inRuntime: true,
      limiters: this.#queue.engine.limiters,
      // Events that wait for their tenant's rate have started: they must not hold permits meanwhile.
      isOutermost: this.#config.rateLimit === undefined || this.#config.rateLimit.onLimit === 'reject',
      port: this.#port,
      park: (event, wait) => {
        const slot = this.#queue.engine.slotOfRun(event);
        return slot === undefined ? wait : this.#queue.engine.park(slot, wait);
      },
      enqueueEvent: (event) => this.#runOwn(event),
      onMemory: (use) => void this.#memoryUsers.push(use),
      onCleanup: (release) => void this.#releases.add(release),
      onClear: (reset) => void this.#resets.push(reset),
    };
  }

  /** Queues an event of a middleware's own (a schedule's trigger) and sees to it that it runs. Resolves at its end. */
  #runOwn(event: AnyEvent): Promise<void> {
    return new Promise((resolve) => {
      const tenantId = this.#queue.settings.tenantId;
      const refusal = this.#queue.admit(event, { priority: 0, tenantId, onEnd: resolve }, true);
      if (refusal !== undefined) return resolve();
      if (!this.#isResuming && !this.#queue.engine.isProcessing) void this.#queue.engine.drain();
    });
  }

  #makeDeadLetters(): DeadLetterQueue {
    const { queueConfig, persistor, enableDLQ } = this.#config;
    const observability = this.#port.enabled ? this.#observability : undefined;
    const storage = this.#journal === undefined ? undefined : new JournalDeadLetters(this.#journal);
    const dlq = new DeadLetterQueue(observability, persistor, this.#executionId, this.#dlqConfig(), storage);
    if ((queueConfig?.enableDLQ ?? enableDLQ) !== false) this.#queue.deadLetters = dlq;
    return dlq;
  }

  #dlqConfig(): DLQConfig {
    const { deadLetter = {}, queueConfig } = this.#config;
    return {
      ...queueConfig?.dlq,
      ...(deadLetter.maxSize !== undefined && { maxDLQSize: deadLetter.maxSize }),
      ...(deadLetter.retentionMs !== undefined && { maxRetentionDays: deadLetter.retentionMs / DAY_MS }),
    };
  }

  /** When one of the signals aborts, what runs is aborted and nothing more is started. */
  #obeySignals(): void {
    const signals = [this.#config.signal, this.#context.signal].filter(
      (signal): signal is AbortSignal => typeof (signal as AbortSignal)?.addEventListener === 'function',
    );
    for (const signal of signals) {
      const halt = (): void => {
        this.#queue.engine.halt(signal.reason);
        this.#shutdown.abort(signal.reason);
      };
      if (signal.aborted) halt();
      else {
        signal.addEventListener('abort', halt, { once: true });
        this.#releases.add(() => signal.removeEventListener('abort', halt));
      }
    }
  }

  // ── Handlers ─────────────────────────────────────────────────────────────────────────────────────────

  on = (type: EventPattern, handler: unknown, options: OnOptions = {}): (() => void) =>
    this.#register(type, handler, options, false);

  once = (type: EventPattern, handler: unknown, options: OnOptions = {}): (() => void) =>
    this.#register(type, handler, options, true);

  #register(type: EventPattern, handler: unknown, options: OnOptions, once: boolean): () => void {
    requireEventPattern('type', type);
    requireFunction('handler', handler);
    warnOfUnknown('on', requireObject('options', options), { signal: true });
    if (options.signal !== undefined) requireBoolean('options.signal', options.signal);
    return this.#processor.on(type, handler as AnyHandler, options, once);
  }

  off = (type: EventPattern, handler: unknown): void => {
    if (typeof type !== 'string' && !(type instanceof RegExp)) return;
    this.#processor.handlers.remove(type, handler as AnyHandler);
  };

  // ── Emitting ─────────────────────────────────────────────────────────────────────────────────────────

  emit = (type: string, data?: unknown, options?: EmitOptions): EmitResult => this.#emits.emit(type, data, options);

  emitAsync = (type: string, data?: unknown, options?: EmitOptions): Promise<EmitResult> =>
    this.#emits.emitAsync(type, data, options);

  emitMany = (entries: readonly EmitEntry[]): EmitResult[] => {
    if (!Array.isArray(entries)) refuse('entries', entries, 'a list of { type, data, options }');
    return entries.map((entry: EmitEntry) => this.#emits.emit(entry?.type, entry?.data, entry?.options));
  };

  emitEvent = (event: AnyEvent, options?: EmitOptions): EmitResult => this.#emits.emitEvent(event, options);

  createEvent = ((type: string, data?: unknown) => createEvent(type, data)) as Runtime['createEvent'];

  // ── Processing ───────────────────────────────────────────────────────────────────────────────────────

  process = (async (given: boolean | ProcessOptions = false): Promise<unknown> => {
    const options = typeof given === 'object' && given !== null ? given : undefined;
    const tally = await this.#drain(options ?? {}, false);
    if (options !== undefined && options.withStats === undefined) return tally;
    const { processed, acked, failed } = tally;
    return options?.withStats === true || given === true ? { processed, acked, failed } : options && tally;
  }) as Runtime['process'];

  processWithAcks = (): Promise<{ processed: number; acked: number; failed: number }> => this.process(true);

  drain = async (options: DrainCallOptions = {}): Promise<ProcessResult & { remaining: number }> => {
    const tally = await this.#drain(options, true);
    return { ...tally, remaining: this.#queue.engine.depth };
  };

  async #drain(options: ProcessOptions, untilEmpty: boolean): Promise<ProcessResult> {
    warnOfUnknown(untilEmpty ? 'drain' : 'process', requireObject('options', options), PROCESS_OPTIONS);
    const { maxEvents, timeoutMs, signal } = options;
    if (maxEvents !== undefined) requireInteger('options.maxEvents', maxEvents, { min: 0 });
    if (timeoutMs !== undefined) requireNumber('options.timeoutMs', timeoutMs, { min: 0 });
    if (signal !== undefined) requireSignal('options.signal', signal);
    if (this.#queue.recovery !== undefined) await this.#queue.recovery;
    if (this.#queue.isClosed || this.#queue.engine.isProcessing) return { ...NOTHING };
    this.#resumeMiddleware();
    this.#emitter.flushBatch();
    this.#lookForSdk();
    this.#queue.beginDrain();
    const drain = (): Promise<ProcessResult> =>
      this.#queue.engine.drain({
        untilEmpty,
        catchUp: true,
        ...(maxEvents !== undefined && { maxEvents }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...(signal !== undefined && { signal }),
      });
    const isTraced = this.#telemetry !== undefined && this.#queue.engine.depth > 0;
    return isTraced ? this.#telemetry.aroundBatch(drain) : drain();
  }

  start = (): void => {
    if (this.#queue.isClosed) throw this.#closedError();
    this.#resumeMiddleware();
    this.#emitter.flushBatch();
    this.#lookForSdk();
    this.#queue.engine.start();
  };

  /** Not before the first processing: what goes on emits events, and their handlers must be there. */
  #resumeMiddleware(): void {
    const { memory } = this.#journal ?? {};
    if (memory === undefined || this.#memoryUsers.length === 0) return;
    this.#isResuming = true;
    for (const use of this.#memoryUsers.splice(0)) use(memory);
    this.#isResuming = false;
  }

  stop = (): Promise<void> => this.#queue.engine.stop();

  idle = (): Promise<void> => this.#queue.engine.idle();

  compactJournal = async (): Promise<JournalCompaction> => {
    return (await this.#queue.log?.compact?.()) ?? { bytesBefore: 0, bytesAfter: 0 };
  };

  flush = async (): Promise<void> => {
    this.#emitter.flushBatch();
    await this.#queue.feed?.flush();
    await this.#queue.log?.flush();
  };

  waitFor = ((type: EventPattern, options: WaitOptions = {}) => {
    requireEventPattern('type', type);
    if (this.#queue.isClosed) return Promise.reject(this.#closedError());
    const { engine } = this.#queue;
    return waitForEvent(type, options, this.#processor.handlers, engine, (release) => {
      this.#releases.add(release);
      return () => void this.#releases.delete(release);
    });
  }) as Runtime['waitFor'];

  cancel = (eventId: string): boolean => {
    const slot = this.#queue.engine.slotOf(requireString('eventId', eventId));
    return slot >= 0 && this.#queue.cancel(slot, undefined);
  };

  ack = async (eventId: string): Promise<void> => {
    const { engine } = this.#queue;
    const slot = engine.slotOf(eventId);
    if (slot < 0 || !engine.ack(slot)) {
      this.#port.flood('ack.unknown', 'warn', 'ack: no delivery of this event waits for one', { eventId });
    }
  };

  nack = async (eventId: string, error?: Error): Promise<void> => {
    const { engine } = this.#queue;
    const slot = engine.slotOf(eventId);
    const reason = error ?? new RuntimeError('NACKED', 'the delivery was refused by its handler');
    const event = slot < 0 ? undefined : engine.eventAt(slot);
    const refused = slot >= 0 && engine.nack(slot, reason);
    const message = refused ? 'nack: the delivery counts as failed' : 'nack: no delivery of this event waits for one';
    this.#port.flood(refused ? 'nack' : 'nack.unknown', 'warn', message, () => ({
      ...(event === undefined ? { eventId } : logFields(event)),
      ...codeOf(reason),
      error: reason,
    }));
  };

  // ── Streams ──────────────────────────────────────────────────────────────────────────────────────────

  createStream = ((source: never, options?: SignalOptions) =>
    this.#streams.createStream(source, options)) as Runtime['createStream'];

  subscribe = ((pattern: EventPattern, options: SubscribeOptions = {}) => {
    requireEventPattern('pattern', pattern);
    requireObject('options', options);
    let unobserve = (): void => undefined;
    const close = (): void => {
      unobserve();
      this.#subscriptions.delete(end);
    };
    const { stream, push, end } = this.#streams.createSubscription({ ...options, onClose: close });
    if (this.#queue.isClosed) {
      end();
    } else {
      this.#subscriptions.add(end);
      unobserve = this.#processor.handlers.observe(pattern, push);
    }
    return stream;
  }) as Runtime['subscribe'];

  // ── Tenants ──────────────────────────────────────────────────────────────────────────────────────────

  forTenant = (tenantId: string): Runtime => {
    requireString('tenantId', tenantId);
    const executionId = `tenant_${tenantId}_${uniqueTime()}`;
    const { journal } = this.#config;
    return new RuntimeImpl(this.#context, this.#observability, {
      ...this.#config,
      ...(typeof journal === 'object' && { journal: tenantJournal(journal, tenantId) }),
      tenantId,
      executionId,
    });
  };

  // ── Views ────────────────────────────────────────────────────────────────────────────────────────────

  getStats = (): RuntimeStats => {
    const queue = queueStats(this.#queue);
    const { settings } = this.#queue;
    return {
      queue,
      processor: processorStats(this.#processor, this.#config.operationTimeoutMs),
      stream: this.#streams.getStats(),
      memory: this.#monitor.getStats(),
      latency: this.#queue.engine.latencyStats(),
      delivery: {
        pendingAcks: settings.acks === 'off' ? 0 : queue.waiting + queue.ready + queue.running,
        enableAcks: settings.acks !== 'off',
        ackTimeout: settings.ackTimeoutMs,
        maxRetries: settings.redelivery.maxAttempts - 1,
      },
      runtime: {
        executionId: this.#executionId,
        persistorType: this.#config.persistor?.constructor?.name ?? 'StoragePersistorAdapter',
        tenantId: settings.tenantId ?? 'default',
      },
      dlq: queue.dlq,
      retry: queue.retry,
      persistence: queue.persistence,
      journal: this.#journal?.journal.handle.stats() ?? null,
      circuitBreaker: queue.circuitBreaker,
    };
  };

  readonly metrics = { prometheus: (): string => prometheusText(this.getStats()) };

  stats: Runtime['stats'] = (options) => snapshots({ read: this.getStats, ended: this.#ended.signal }, options);

  explain = (eventId: string): EventExplanation | undefined =>
    explain(this.#queue, this.#processor.recent, requireString('eventId', eventId));

  getRecentEvents: Runtime['getRecentEvents'] = (limit = 50) => this.#processor.recent.list(limit);

  getQueueSnapshot: Runtime['getQueueSnapshot'] = (limit = 50) => this.#enhanced.getQueueSnapshot(limit);

  getEnhancedQueue = (): EnhancedEventQueue => this.#enhanced;

  getEventStore = (): EventStore | null => this.#eventStore ?? null;

  replayEvents: Runtime['replayEvents'] = (from, options) => replayOf(this.#eventStore, this.#port, from, options);

  reprocessFromDLQ = (eventId: string): Promise<boolean> => this.deadLetters.reprocess(eventId);

  reprocessDLQByCriteria: Runtime['reprocessDLQByCriteria'] = async (criteria = {}) => {
    const events = await this.deadLetters.reprocessWhere(criteria);
    return { reprocessedCount: events.length, events };
  };

  // ── End ──────────────────────────────────────────────────────────────────────────────────────────────

  clear = (): void => {
    if (this.#queue.isClosed) return;
    this.#emitter.dropBatch();
    this.#queue.engine.clear('cancelled');
    this.#queue.dedupe.clear();
    this.#processor.handlers.clear();
    for (const reset of this.#resets) reset();
  };

  #cleaning: Promise<void> | undefined;

  cleanup = (options: { timeoutMs?: number } = {}): Promise<void> => {
    warnOfUnknown('cleanup', requireObject('options', options), { timeoutMs: true });
    const { timeoutMs = DEFAULT_CLEANUP_TIMEOUT_MS } = options;
    requireNumber('options.timeoutMs', timeoutMs, { min: 0 });
    return (this.#cleaning ??= this.#cleanUp(timeoutMs));
  };

  async #cleanUp(timeoutMs: number): Promise<void> {
    const { engine } = this.#queue;
    // A handler that cleans up is not waited for: it waits for us.
    const own = engine.current;
    this.#emitter.flushBatch();
    if (this.#queue.recovery !== undefined) await this.#queue.recovery;
    this.#queue.isClosed = true;
    this.#monitor.stop();
    const reason = this.#closedError();
    const dropped = (await engine.close(timeoutMs, reason, own)) - this.#queue.keptAtEnd;
    this.#shutdown.abort(reason);
    await this.#endStreams();
    this.#emitter.close();
    this.#release();
    this.#processor.handlers.clear();
    await this.#dlq.flush();
    this.#dlq.destroy();
    await this.#closeLog();
    if (dropped > 0) this.#port.log('warn', `cleanup: ${dropped} events were dropped`, { queueSize: dropped });
    // The event whose handler cleans up has not ended, and is to be counted when it does.
    if (own < 0) this.#meters?.close();
    else void engine.stop().then(() => this.#meters?.close());
    this.#ended.abort();
    this.#port.log('info', 'Runtime cleaned up', {
      executionId: this.#executionId,
      tenantId: this.#queue.settings.tenantId,
    });
    this.#port.flushFloods();
  }

  async #closeLog(): Promise<void> {
    try {
      await this.#queue.feed?.close();
      await this.#queue.log?.close();
    } catch (error) {
      this.#port.log('error', 'cleanup: what keeps the events could not be closed well', { error: error as Error });
    }
  }

  /** Subscriptions end after what they hold, if their readers are quick; everything else ends now. */
  async #endStreams(): Promise<void> {
    if (this.#subscriptions.size > 0) {
      for (const end of this.#subscriptions) end();
      await eventLoopTurn();
    }
    await this.#streams.cleanup();
  }

  #closedError(): RuntimeError {
    return new RuntimeError('RUNTIME_SHUTTING_DOWN', 'the runtime has been cleaned up; create a new one');
  }

  [Symbol.asyncDispose] = (): Promise<void> => this.cleanup();
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

function requireEventPattern(path: string, type: unknown): void {
  if (typeof type !== 'string' && !(type instanceof RegExp)) {
    refuse(path, type, 'an event type, a pattern with *, or a regular expression');
  }
}

/**
 * Makes a runtime: handlers with `on`, events with `emit`, work with `process`.
 *
 * @param context a workflow context or any object; its `tenantId`, `executionId` and `signal` are used
 * @param observability an observability object, a logger, or nothing
 * @throws RuntimeError INVALID_CONFIGURATION for values that are not allowed, naming the key
 * @example
 * const runtime = createRuntime({}, undefined, { queueSize: 1000 });
 * runtime.on('user.created', async (event) => save(event.data));
 * runtime.emit('user.created', { userId: '123' });
 * await runtime.process();
 */
export function createRuntime<Events = LooseEvents>(
  context?: unknown,
  observability?: unknown,
  config: RuntimeConfig = {},
): Runtime<Events> {
  return new RuntimeImpl(context, observability, config ?? {}) as unknown as Runtime<Events>;
}

import { EventProcessor } from './event-processor';
import { createPort } from './observability/port';
import { resolveMiddlewareList } from './middleware/resolve';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireString,
  requireText,
  rejectUnknownKeys,
} from './validate';
import type { AnyHandler } from './handlers';
import type { AnyEvent, EventHandler } from './events';
import type { MiddlewareEntry } from './middleware/types';
import type { ObservabilityPort } from './observability/port';
import type { RecentEvent } from './recent-events';
import type { RuntimeStats } from './runtime-types';

/** Shown in statistics when no limit is given: what the old runtime showed. */
const SHOWN_OPERATION_TIMEOUT_MS = 180_000;

/** Configuration of an `OptimizedEventProcessor`. */
export interface OptimizedEventProcessorConfig {
  /** Events on the path from the root of a chain. Default 100. */
  maxEventDepth?: number;
  /** Events of one chain. Default 1000. */
  maxEventChainLength?: number;
  /** Logs and spans. Default true. */
  enableObservability?: boolean;
  /** Put around every handler; the first is closest to it. Default none. */
  middleware?: readonly MiddlewareEntry[];
  /** Handlers of one event above which they run in parallel groups of this size. Default 100. */
  batchSize?: number;
  /** Milliseconds; for reporting only. Default 120,000. */
  cleanupInterval?: number;
  /** Milliseconds; for reporting only. Default 600,000. */
  staleThreshold?: number;
  /** Limit of one handler run in milliseconds. Default: none. */
  operationTimeoutMs?: number;
}

const KEYS = [
  'maxEventDepth',
  'maxEventChainLength',
  'enableObservability',
  'middleware',
  'batchSize',
  'cleanupInterval',
  'staleThreshold',
  'operationTimeoutMs',
];

/**
 * Runs the handlers of events that its caller hands over, without a queue: which handlers, in which order, and the events
 * that they return.
 *
 * @example
 * const processor = new OptimizedEventProcessor({}, undefined);
 * processor.registerHandler('user.created', async (event) => save(event.data));
 * await processor.processEvent(createEvent('user.created', { id: 1 }));
 */
export class OptimizedEventProcessor {
  readonly #processor: EventProcessor;
  readonly #port: ObservabilityPort;
  readonly #operationTimeoutMs: number | undefined;
  readonly #releases: (() => void)[] = [];
  readonly #resets: (() => void)[] = [];
  /** Made when a time limit is first needed. */
  #run = 0;

  constructor(context?: unknown, observability?: unknown, config: OptimizedEventProcessorConfig = {}) {
    this.#port = createPort(observability, config.enableObservability ?? true);
    rejectUnknownKeys(config, KEYS, (key) => this.#port.log('warn', `unknown configuration key '${key}'`));
    const { tenantId, executionId } = (context ?? {}) as { tenantId?: string; executionId?: string };
    const { middleware = [], operationTimeoutMs, enableObservability } = config;
    if (enableObservability !== undefined) requireBoolean('enableObservability', enableObservability);
    if (operationTimeoutMs !== undefined) requireNumber('operationTimeoutMs', operationTimeoutMs, { min: 1 });
    this.#operationTimeoutMs = operationTimeoutMs;
    const wrap = resolveMiddlewareList(middleware, {
      inRuntime: true,
      port: this.#port,
      park: (_event, wait) => wait,
      enqueueEvent: (event) => void this.processEvent(event).catch(() => undefined),
      onMemory: () => undefined,
      onCleanup: (release) => void this.#releases.push(release),
      onClear: (reset) => void this.#resets.push(reset),
    });
    const controllers = new Map<number, AbortController>();
    this.#processor = new EventProcessor(
      {
        batchSize: requireInteger('batchSize', config.batchSize ?? 100, { min: 1 }),
        maxEventDepth: requireInteger('maxEventDepth', config.maxEventDepth ?? 100, { min: 1 }),
        maxEventChainLength: requireInteger('maxEventChainLength', config.maxEventChainLength ?? 1000, { min: 1 }),
        operationTimeoutMs,
        wrap,
        hasMiddleware: middleware.length > 0,
        port: this.#port,
        tenantId,
        executionId: executionId ?? 'processor',
      },
      {
        controllerOf: (run) => {
          let controller = controllers.get(run);
          if (controller === undefined) controllers.set(run, (controller = new AbortController()));
          return controller;
        },
        sharedSignal: undefined,
        givesUpRuns: false,
        timeoutOf: () => undefined,
        causeOf: () => -1,
        runOf: () => 0,
      },
    );
    this.#forget = (run): void => void controllers.delete(run);
    for (const method of METHODS) this[method] = (this[method] as (...args: never[]) => unknown).bind(this) as never;
  }

  #forget: (run: number) => void;

  /** Runs `handler` for events of exactly this type. */
  registerHandler(type: string, handler: EventHandler): void {
    requireString('type', type);
    this.#processor.on(type, requireFunction('handler', handler) as AnyHandler);
  }

  /** Runs `handler` for every event, after the exact handlers. */
  registerWildcardHandler(handler: EventHandler): void {
    this.#processor.on('*', requireFunction('handler', handler) as AnyHandler);
  }

  /** Removes every registration of `handler` for `type`. */
  removeHandler(type: string, handler: EventHandler): void {
    this.#processor.handlers.remove(type, handler as AnyHandler);
  }

  /** Runs the handlers of an event. Rejects with the error of the first that fails, unless there are more than `batchSize`. */
  async processEvent(event: AnyEvent): Promise<void> {
    requireObject('event', event);
    requireText('event.type', event.type);
    const run = ++this.#run;
    try {
      const result = await this.#processor.run(event, run);
      if (typeof (result as AnyEvent | undefined)?.type === 'string') {
        await this.#processor.follow(event, result as AnyEvent, run);
      }
    } catch (error) {
      // With many handlers a failure stops nobody, and the warning has told of it.
      if ((error as { code?: unknown })?.code !== 'HANDLERS_FAILED') throw error;
    } finally {
      this.#forget(run);
    }
  }

  /** Removes all handlers. */
  clearHandlers(): void {
    this.#processor.handlers.clear();
    for (const reset of this.#resets) reset();
  }

  /** The figures that `runtime.getStats().processor` has. */
  getStats(): RuntimeStats['processor'] {
    return processorStats(this.#processor, this.#operationTimeoutMs);
  }

  /** Events that have begun processing, newest first. */
  getRecentEvents(limit = 50): RecentEvent[] {
    return this.#processor.recent.list(limit);
  }

  /** Drops handlers and what is remembered. */
  async cleanup(): Promise<void> {
    this.clearHandlers();
    this.#processor.recent.clear();
    for (const release of this.#releases.splice(0)) release();
  }
}

const METHODS = [
  'registerHandler',
  'registerWildcardHandler',
  'removeHandler',
  'processEvent',
  'clearHandlers',
  'getStats',
  'getRecentEvents',
  'cleanup',
] as const;

/** Statistics of a processor. */
export function processorStats(
  processor: EventProcessor,
  operationTimeoutMs: number | undefined,
): RuntimeStats['processor'] {
  const handlers = processor.handlers.counts();
  return {
    registeredHandlers: handlers.types,
    wildcardHandlers: handlers.wildcard,
    patternHandlers: handlers.pattern,
    activeHandlers: handlers.handlers,
    processedEvents: processor.begun,
    currentDepth: processor.currentDepth,
    bufferSize: processor.recent.size,
    bufferCapacity: processor.recent.capacity,
    operationTimeoutMs: operationTimeoutMs ?? SHOWN_OPERATION_TIMEOUT_MS,
  };
}

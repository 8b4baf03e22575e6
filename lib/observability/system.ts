/** The light observability object: console logging, spans, the context of an asynchronous flow. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { defaultConfig, LOG_LEVELS, mergeConfig } from './config';
import type { ResolvedConfig } from './config';
import { writeToConsole } from './console';
import { messageOf } from '../errors';
import { SpanRecorder, UNRECORDED } from './spans';
import type {
  LogContext,
  Logger,
  LogLevel,
  ObservabilityConfig,
  ObservabilityContext,
  ObservabilityStats,
  ObservabilitySystem,
  Span,
  SpanOptions,
  TraceProcessor,
} from './types';

let shared: ObservabilitySystem | undefined;

/**
 * The observability object of this process, made on the first call. It logs to the console at 'warn' and above, and
 * installs no handlers on the process.
 *
 * @param config used by the first call only; `initObservability` and `updateConfig` change it later
 * @throws RuntimeError INVALID_CONFIGURATION
 * @example
 * const runtime = createRuntime(context, getObservability({ logging: { level: 'info' } }));
 */
export function getObservability(config?: ObservabilityConfig): ObservabilitySystem {
  shared ??= new LightObservability(config);
  return shared;
}

/**
 * Replaces the observability object of this process. Who holds the old one keeps it.
 *
 * @throws RuntimeError INVALID_CONFIGURATION
 */
export function initObservability(config?: ObservabilityConfig): ObservabilitySystem {
  shared = new LightObservability(config);
  return shared;
}

/**
 * A logger that writes through the process's observability object and names `component` in each message's context.
 *
 * @example
 * const log = createLogger('billing');
 * log.error('charge failed', error, { tenantId });
 */
export function createLogger(component: string): Logger {
  return loggerOver((level, message, context) => {
    getObservability().log(level, message, { component, ...context });
  });
}

function loggerOver(write: (level: LogLevel, message: string, context?: LogContext) => void): Logger {
  return {
    debug: (message, context) => write('debug', message, context),
    info: (message, context) => write('info', message, context),
    warn: (message, context) => write('warn', message, context),
    error: (message, error, context) => write('error', message, withError(error, context)),
  };
}

function withError(error: unknown, context: LogContext | undefined): LogContext | undefined {
  if (error === undefined || error === null) return context;
  const stack = error instanceof Error ? error.stack : undefined;
  return { ...context, error: messageOf(error), ...(stack !== undefined && { stack }) };
}

/** All members are bound, so that they may be taken off the object. */
class LightObservability implements ObservabilitySystem {
  #config: ResolvedConfig;
  readonly #spans = new SpanRecorder();
  readonly #context = new AsyncLocalStorage<ObservabilityContext | undefined>();
  readonly #logs: Record<LogLevel, number> = { debug: 0, info: 0, warn: 0, error: 0 };
  #isShutDown = false;

  constructor(config: ObservabilityConfig = {}) {
    this.#config = mergeConfig(defaultConfig(), config);
  }

  readonly log = (level: LogLevel, message: string, context?: LogContext): void => {
    if (!this.isLevelEnabled(level)) return;
    this.#logs[level] += 1;
    writeToConsole(level, message, this.#withIds(context ?? {}), this.#config.environment === 'production');
  };

  readonly isLevelEnabled = (level: LogLevel): boolean => {
    const { enabled, logging } = this.#config;
    if (!enabled || !logging.enabled || this.#isShutDown) return false;
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(logging.level);
  };

  readonly logger: Logger = loggerOver((level, message, context) => this.log(level, message, context));

  /**
   * Whether spans are made at all. Before anybody receives them (no processors) or asks for them (`telemetry.enabled: true`),
   * `trace` costs nothing.
   */
  readonly isTraceEnabled = (): boolean =>
    this.#recordsSpans() && (this.#config.telemetry.isRequested || this.#spans.hasProcessors);

  readonly trace = async <T>(name: string, fn: () => T | Promise<T>, options: SpanOptions = {}): Promise<T> =>
    this.isTraceEnabled() ? this.#spans.runTraced(this.startSpan(name, options), fn) : fn();

  readonly startSpan = (name: string, options: SpanOptions = {}): Span =>
    this.#recordsSpans()
      ? this.#spans.start(name, this.#withIds(options), this.#config.telemetry.sampling)
      : UNRECORDED;

  readonly withSpan = <T>(span: Span, fn: () => T | Promise<T>): Promise<T> => this.#spans.run(span, fn);

  readonly getCurrentSpan = (): Span | undefined => this.#spans.current();

  readonly telemetry = {
    startSpan: this.startSpan,
    withSpan: this.withSpan,
    setTraceProcessors: (processors: TraceProcessor[]): void => this.#spans.setProcessors(processors),
  };

  readonly createContext = (correlationId: string = randomUUID()): ObservabilityContext => ({
    correlationId,
    tenantId: '',
    startTime: Date.now(),
  });

  readonly setContext = (context: ObservabilityContext): void => this.#context.enterWith(context);

  readonly getContext = (): ObservabilityContext | undefined => this.#context.getStore();

  readonly clearContext = (): void => {
    if (this.getContext() !== undefined) this.#context.enterWith(undefined);
  };

  readonly updateConfig = (partial: ObservabilityConfig): void => {
    this.#config = mergeConfig(this.#config, partial);
  };

  readonly getStats = (): ObservabilityStats => ({
    enabled: this.#config.enabled && !this.#isShutDown,
    environment: this.#config.environment,
    logs: { ...this.#logs },
    spans: this.#spans.stats,
  });

  readonly flush = (): Promise<void> => this.#spans.flush();

  readonly shutdown = async (): Promise<void> => {
    this.#isShutDown = true;
    await this.#spans.flush();
    this.#spans.setProcessors([]);
  };

  #recordsSpans(): boolean {
    return this.#config.enabled && this.#config.telemetry.enabled && !this.#isShutDown;
  }

  /** Adds the ids of the flow's context where `fields` names none. */
  #withIds<T extends { correlationId?: string; tenantId?: string }>(fields: T): T {
    const context = this.getContext();
    if (context === undefined) return fields;
    const correlationId = fields.correlationId ?? context.correlationId;
    const tenantId = fields.tenantId ?? context.tenantId;
    return { ...fields, ...(correlationId && { correlationId }), ...(tenantId && { tenantId }) };
  }
}

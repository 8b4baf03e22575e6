/**
 * The runtime's only way to loggers and tracers. It is made from whatever the user passed as observability and never
 * throws; what the user's object cannot do is left out.
 */
import { monotonicNow } from '../clock';
import { FloodControl } from './flood';
import { GuardedSpan } from './guarded-span';
import { messageOf } from '../errors';
import { hasMethod, invoke, isObject, readMember, runInside } from './guard';
import { findSink, isBareLogger } from './sink';
import type { LogSink } from './sink';
import type { LogContext, LogLevel, Span, SpanOptions } from './types';

/** Fields of a message, or a function that builds them if the message is written. */
export type LazyLogContext = LogContext | (() => LogContext);

/** What the parts of the runtime log and trace with. */
export interface ObservabilityPort {
  /** Whether observability is switched on; if not, all of it does nothing. */
  readonly enabled: boolean;
  /** Whether there is a logger. */
  readonly canLog: boolean;
  /** Whether `trace` reaches a tracer. May change while running: read it once per batch, not once for all. */
  readonly canTrace: boolean;
  /** Whether `startSpan` gives spans. */
  readonly canSpan: boolean;
  /** Whether messages of this level are written; ask before building one for each event. */
  listens(level: LogLevel): boolean;
  /** Logs. `context.error` may be an `Error`; loggers get it in the form that they know. */
  log(level: LogLevel, message: string, context?: LogContext): void;
  /**
   * Logs what may come in floods: the first message of a `key`, then at most one a second, with the number of those left
   * out as `suppressed`; when the flood is over, that number comes by itself. Keys are few and fixed, such as 'refused.full'; the
   * first hundred kinds (event types) are told apart.
   */
  flood(key: string, level: LogLevel, message: string, context?: LazyLogContext, kind?: string): void;
  /** Tells what `flood` has left out and not told yet. For the end of a runtime. */
  flushFloods(): void;
  /** Runs `fn` once, inside the user's `trace` if there is one; the result and the error of `fn` pass through. */
  trace<T>(name: string, fn: () => T | Promise<T>, options?: SpanOptions): Promise<T>;
  /** Starts a span; undefined without a tracer. */
  startSpan(name: string, options?: SpanOptions): Span | undefined;
  /** Runs `fn` once with `span` as the current one, if the user's tracer knows how; result and error pass through. */
  withSpan<T>(span: Span | undefined, fn: () => T | Promise<T>): Promise<T>;
  /** The tracer's current span. */
  currentSpan(): Span | undefined;
}

/**
 * Makes the port.
 *
 * @param observability anything: an observability object with `log`, `logger`, `trace`, spans or some of these; a pino- or
 *   console-like logger; undefined
 * @param enabled false switches everything off
 */
export function createPort(observability: unknown, enabled: boolean): ObservabilityPort {
  return enabled && isObject(observability) ? new UserPort(observability) : new SilentPort(enabled);
}

class SilentPort implements ObservabilityPort {
  readonly canLog = false;
  readonly canTrace = false;
  readonly canSpan = false;

  constructor(readonly enabled: boolean) {}

  listens(): boolean {
    return false;
  }

  log(): void {}

  flood(): void {}

  flushFloods(): void {}

  async trace<T>(_name: string, fn: () => T | Promise<T>): Promise<T> {
    return fn();
  }

  startSpan(): undefined {}

  async withSpan<T>(_span: Span | undefined, fn: () => T | Promise<T>): Promise<T> {
    return fn();
  }

  currentSpan(): undefined {}
}

class UserPort implements ObservabilityPort {
  readonly enabled = true;
  readonly canLog: boolean;
  readonly canSpan: boolean;
  readonly #target: object;
  readonly #sink: LogSink | undefined;
  readonly #hasTrace: boolean;
  readonly #hasTraceSwitch: boolean;
  /** The object with the span methods: the user's own, or its `telemetry`. */
  readonly #spans: object | undefined;
  readonly #floods = new FloodControl((level, message, suppressed) => this.log(level, message, { suppressed }));

  constructor(target: object) {
    const bareLogger = isBareLogger(target);
    this.#target = target;
    this.#sink = findSink(target);
    this.#hasTrace = !bareLogger && hasMethod(target, 'trace');
    this.#hasTraceSwitch = hasMethod(target, 'isTraceEnabled');
    this.#spans = bareLogger ? undefined : findSpanHost(target);
    this.canLog = this.#sink !== undefined;
    this.canSpan = this.#spans !== undefined;
  }

  get canTrace(): boolean {
    return this.#hasTrace && (!this.#hasTraceSwitch || invoke(this.#target, 'isTraceEnabled') !== false);
  }

  listens(level: LogLevel): boolean {
    return this.#sink !== undefined && this.#sink.listens(level);
  }

  log(level: LogLevel, message: string, context?: LogContext): void {
    this.#sink?.write(level, message, context);
  }

  flood(key: string, level: LogLevel, message: string, context?: LazyLogContext, kind?: string): void {
    if (!this.listens(level)) return;
    const suppressed = this.#floods.pass(key, level, message, monotonicNow(), kind);
    if (suppressed < 0) return;
    const fields = typeof context === 'function' ? context() : context;
    this.log(level, message, suppressed === 0 ? fields : { ...fields, suppressed });
  }

  flushFloods(): void {
    this.#floods.flush();
  }

  trace<T>(name: string, fn: () => T | Promise<T>, options: SpanOptions = {}): Promise<T> {
    return runInside(
      (inner) => (this.#hasTrace ? (this.#target as Tracer).trace(name, inner, options) : inner()),
      fn,
      this.#tracerFailed,
    );
  }

  startSpan(name: string, options: SpanOptions = {}): Span | undefined {
    return this.#spans && GuardedSpan.of(invoke(this.#spans, 'startSpan', name, options));
  }

  withSpan<T>(span: Span | undefined, fn: () => T | Promise<T>): Promise<T> {
    const host = this.#spans;
    const raw = span instanceof GuardedSpan ? span.raw : span;
    return runInside(
      (inner) => (host && raw && hasMethod(host, 'withSpan') ? (host as SpanRunner).withSpan(raw, inner) : inner()),
      fn,
      this.#tracerFailed,
    );
  }

  currentSpan(): Span | undefined {
    return GuardedSpan.of(invoke(this.#target, 'getCurrentSpan'));
  }

  readonly #tracerFailed = (error: unknown): void => {
    this.flood('tracer.failed', 'warn', 'The tracer failed', { error: messageOf(error) });
  };
}

interface Tracer {
  trace(name: string, fn: () => unknown, options: SpanOptions): unknown;
}

interface SpanRunner {
  withSpan(span: object, fn: () => unknown): unknown;
}

function findSpanHost(target: object): object | undefined {
  return [target, readMember(target, 'telemetry')].find(
    (host): host is object => isObject(host) && hasMethod(host, 'startSpan'),
  );
}

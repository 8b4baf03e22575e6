/** Levels of log messages, least important first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured fields of a log message. Those named here are the ones that the runtime fills in. */
export interface LogContext {
  eventId?: string;
  eventType?: string;
  correlationId?: string;
  tenantId?: string;
  queueSize?: number;
  attempt?: number;
  /** The error's message (an `Error` may be given to the runtime's own log calls, and reaches you as its message). */
  error?: unknown;
  /** How many equal messages were left out since the last one. */
  suppressed?: number;
  [key: string]: unknown;
}

/** A logger with one method a level, message first. */
export interface Logger {
  debug(message: string, context?: LogContext): void;
  info(message: string, context?: LogContext): void;
  warn(message: string, context?: LogContext): void;
  error(message: string, error?: unknown, context?: LogContext): void;
}

/** Value of a span's attribute. */
export type SpanAttribute = string | number | boolean | null | undefined | readonly (string | number | boolean)[];

/** Attributes of a span by name. */
export type SpanAttributes = Record<string, SpanAttribute>;

/** How what a span covers has ended. */
export interface SpanStatus {
  code: 'ok' | 'error' | 'timeout';
  message?: string;
}

/** Names a span within its trace. */
export interface SpanContext {
  /** 32 hexadecimal digits, shared by all spans of a trace. */
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
}

/** A piece of work in a trace. */
export interface Span {
  setAttribute(key: string, value: SpanAttribute): void;
  setAttributes(attributes: SpanAttributes): void;
  setStatus(status: SpanStatus): void;
  recordException(error: unknown): void;
  addEvent(name: string, attributes?: SpanAttributes): void;
  /** Ends the span; later calls do nothing. */
  end(): void;
  getSpanContext(): SpanContext | undefined;
  /** False once ended, and for spans that are not sampled. */
  isRecording(): boolean;
}

/** Options of `startSpan` and `trace`. */
export interface SpanOptions {
  /** Attributes that the span starts with. */
  attributes?: SpanAttributes;
  /** Also set as attribute `correlationId`. */
  correlationId?: string;
  /** Also set as attribute `tenantId`. */
  tenantId?: string;
  /** Also set as attribute `executionId`. */
  executionId?: string;
  /** Parent of the span; by default the span that is current. */
  parent?: Span;
}

/** A span that has ended, as trace processors receive it. */
export interface SpanRecord extends SpanContext {
  name: string;
  parentSpanId?: string;
  attributes: SpanAttributes;
  /** `Date.now()` at the start. */
  startTime: number;
  /** `startTime` plus the duration. */
  endTime: number;
  durationMs: number;
  status?: SpanStatus;
  events: { name: string; timestamp: number; attributes?: SpanAttributes }[];
}

/** Receives spans that have ended. One that throws or rejects harms nothing. */
export type TraceProcessor = (items: SpanRecord[]) => unknown;

/** What the current asynchronous flow is about; its ids are added to log messages and spans. */
export interface ObservabilityContext {
  correlationId: string;
  /** '' if unknown. */
  tenantId: string;
  /** `Date.now()` when it was made. */
  startTime: number;
  [key: string]: unknown;
}

/** Configuration of `getObservability` and `initObservability`. */
export interface ObservabilityConfig {
  /** Off: nothing is logged, no span is recorded. Default true. */
  enabled?: boolean;
  /**
   * 'production' writes log messages as one line of JSON, the others as readable text. Default: `NODE_ENV` if it is one of
   * the three, else 'development'.
   */
  environment?: 'development' | 'production' | 'test';
  /** Log messages to the console. Default: on, from 'warn' up. */
  logging?: { enabled?: boolean; level?: LogLevel };
  /** Spans. Default: on, every trace. */
  telemetry?: {
    enabled?: boolean;
    sampling?: {
      /** Share of traces that is recorded, 0 to 1. Default 1. A trace is recorded whole or not at all. */
      rate?: number;
      /** 'always' and 'never' pass over the rate; any other name samples by it. Default 'probabilistic'. */
      strategy?: 'probabilistic' | 'always' | 'never' | (string & {});
    };
  };
}

/** Counts of an observability object since it was made. */
export interface ObservabilityStats {
  enabled: boolean;
  environment: string;
  /** Messages written, by level. */
  logs: Record<LogLevel, number>;
  spans: {
    /** Recorded spans that were started. */
    started: number;
    /** Recorded spans that have ended. */
    ended: number;
    /** Traces left out by sampling. */
    unsampled: number;
    /** Trace processors in place. */
    processors: number;
    /** Calls of trace processors that threw or rejected. */
    processorErrors: number;
  };
}

/** The light observability object of `getObservability`: console logging, spans handed to processors. */
export interface ObservabilitySystem {
  log(level: LogLevel, message: string, context?: LogContext): void;
  /** Whether a message of this level is written. */
  isLevelEnabled(level: LogLevel): boolean;
  readonly logger: Logger;
  /** Whether `trace` records spans now: telemetry is on, and asked for in the configuration or received by a processor. */
  isTraceEnabled(): boolean;
  /** Runs `fn` inside a new span, which ends with it; result and error of `fn` pass through. */
  trace<T>(name: string, fn: () => T | Promise<T>, options?: SpanOptions): Promise<T>;
  startSpan(name: string, options?: SpanOptions): Span;
  /** Runs `fn` with `span` as the current one, and ends the span when `fn` has settled. */
  withSpan<T>(span: Span, fn: () => T | Promise<T>): Promise<T>;
  getCurrentSpan(): Span | undefined;
  readonly telemetry: {
    startSpan(name: string, options?: SpanOptions): Span;
    withSpan<T>(span: Span, fn: () => T | Promise<T>): Promise<T>;
    /** Replaces the receivers of spans that have ended. */
    setTraceProcessors(processors: TraceProcessor[]): void;
  };
  /** Makes a context; it applies once it is set. Default id: a random UUID. */
  createContext(correlationId?: string): ObservabilityContext;
  /** Sets the context of the current asynchronous flow. */
  setContext(context: ObservabilityContext): void;
  getContext(): ObservabilityContext | undefined;
  clearContext(): void;
  /** Merges `partial` over the configuration in force. */
  updateConfig(partial: ObservabilityConfig): void;
  getStats(): ObservabilityStats;
  /** Resolves when the trace processors are done with what they were given. */
  flush(): Promise<void>;
  /** Flushes, then switches logs and spans off for good. */
  shutdown(): Promise<void>;
}

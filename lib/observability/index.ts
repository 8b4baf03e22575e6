/** Public names of observability. */
export { createLogger, getObservability, initObservability } from './system';
export type {
  LogContext,
  Logger,
  LogLevel,
  ObservabilityConfig,
  ObservabilityContext,
  ObservabilityStats,
  ObservabilitySystem,
  Span,
  SpanAttribute,
  SpanAttributes,
  SpanContext,
  SpanOptions,
  SpanRecord,
  SpanStatus,
  TraceProcessor,
} from './types';

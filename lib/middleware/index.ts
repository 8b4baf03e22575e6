/** Public names of the middleware. */
export { withCache } from './cache';
export type { CacheOptions } from './cache';
export { CircuitBreaker, CircuitState } from './circuit-breaker';
export type { CircuitBreakerConfig, CircuitMetrics, CircuitResult } from './circuit-breaker';
export { CircuitBreakerManager } from './circuit-manager';
export { circuitBreakerMiddleware, circuitBreakerUtils, withCircuitBreaker } from './circuit-middleware';
export type { CircuitBreakerMiddleware, CircuitBreakerMiddlewareConfig } from './circuit-middleware';
export { composeMiddleware } from './compose';
export {
  createCachedHandler,
  createCircuitBreakerHandler,
  createRateLimitedHandler,
  createResilientHandler,
  createStandardMiddleware,
} from './composites';
export type { CircuitBreakerHandlerOptions, ResilientHandlerOptions, StandardMiddlewareOptions } from './composites';
export { withConcurrency } from './concurrency';
export type { ConcurrencyOptions } from './concurrency';
export { ConditionalMiddlewareExecutor } from './conditional';
export type {
  ConditionalMiddleware,
  ConditionalStats,
  MiddlewareCondition,
  MiddlewareContext,
  MiddlewareFunction,
} from './conditional';
export { ConditionalMiddlewareFactory } from './conditional-factory';
export type {
  ConditionalConcurrencyConfig,
  ConditionalObservabilityConfig,
  ConditionalRetryConfig,
  ConditionalTimeoutConfig,
  ConditionalValidationConfig,
  MiddlewareConfig,
} from './conditional-factory';
export { ConditionUtilsImpl, conditionUtils } from './conditions';
export type { ConditionUtils } from './conditions';
export { DEFAULT_CONCURRENCY_OPTIONS, DEFAULT_TIMEOUT_MS, MIDDLEWARE_PRESETS } from './defaults';
export { withFallback } from './fallback';
export type { FallbackOptions } from './fallback';
export {
  copyTrackedProperties,
  createConfigValidator,
  createMiddlewareBuilder,
  createMiddlewareChain,
  createPriority,
  createTypedMiddlewareFactory,
  isMiddlewareConfig,
  isTrackedEventHandler,
  safeMiddleware,
  updateTrackedHandler,
} from './helpers';
export type {
  ConfigValidator,
  MiddlewareBuilder,
  MiddlewareChain,
  MiddlewareMetadata,
  TaggedMiddleware,
} from './helpers';
export { withObservability } from './observability';
export type { ObservabilityOptions } from './observability';
export { withRateLimit } from './rate-limit';
export type { RateLimitOptions } from './rate-limit';
export type { RateLimit } from './rate-limiter';
export { MiddlewarePipelineClass, MiddlewareRegistry } from './registry';
export type { PipelineMiddleware } from './registry';
export { withRetry } from './retry';
export type { RetryJitter, RetryOptions } from './retry';
export { schedule, withSchedule } from './schedule';
export type { ScheduleMiddleware, ScheduleSetup } from './schedule';
export type { ScheduleOptions, ScheduleSpec } from './schedule-options';
export type { AnySchema, SchemaLike, StandardSchemaLike, ValidationIssue } from './schema';
export { withTimeout } from './timeout';
export type { TimeoutMiddleware, TimeoutOptions, TimeoutStats } from './timeout';
export type {
  Middleware,
  MiddlewareEntry,
  MiddlewareFactoryType,
  MiddlewareHandler,
  MiddlewareKind,
  UncalledFactory,
} from './types';
export { withValidate, withValidateMiddleware } from './validate';
export type { ValidateConfig, ValidateOptions } from './validate';
export { when } from './when';
export type { WhenCondition, WhenContext } from './when';
export { MiddlewareError } from '../errors';

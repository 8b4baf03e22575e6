/**
 * The public names of the package, each listed: what a file exports for its neighbours stays inside. `core.ts` and
 * `middleware/index.ts` are views of this list.
 */
export { createRuntime } from './runtime';
export { DurableEventQueue, EventQueue, EnhancedEventQueue } from './queue';
export { OptimizedEventProcessor } from './optimized-event-processor';
export type { OptimizedEventProcessorConfig } from './optimized-event-processor';
export { DeadLetterQueue } from './dead-letter-queue';
export { MemoryMonitor } from './memory-monitor';
export {
  DEFAULT_ENHANCED_CONFIG,
  DEFAULT_RETRY_CONFIG,
  ENTERPRISE_CONFIG,
  HIGH_PERFORMANCE_CONFIG,
  RUNTIME_CORE_VERSION,
  RUNTIME_FEATURES,
  RUNTIME_PRESETS,
  ULTRA_HIGH_PERFORMANCE_CONFIG,
} from './constants';
export { IdGenerator } from './ids';
export {
  BaseSDKError,
  EngineError,
  ErrorUtils,
  KernelError,
  MiddlewareError,
  OrchestrationError,
  RuntimeError,
  isErrorRecoverable,
  isErrorRetryable,
  wrapError,
} from './errors';
export {
  createValidatedEvent,
  isAgentCompletedEvent,
  isAgentErrorEvent,
  isAgentLifecycleErrorEvent,
  isAgentLifecyclePausedEvent,
  isAgentLifecycleResumedEvent,
  isAgentLifecycleScheduledEvent,
  isAgentLifecycleStartedEvent,
  isAgentLifecycleStatusChangedEvent,
  isAgentLifecycleStoppedEvent,
  isMcpConnectedEvent,
  isMcpDisconnectedEvent,
  isMcpErrorEvent,
  isMcpToolCalledEvent,
  isMcpToolResultEvent,
  isPlannerCompletedEvent,
  isPlannerFailedEvent,
  isPlannerStartedEvent,
  isPlannerStepCompletedEvent,
  isToolErrorEvent,
  isToolResultEvent,
  isValidEventType,
  isWorkflowCompletedEvent,
  isWorkflowErrorEvent,
  validateEventPayload,
} from './event-guards';
export { ALL_EVENT_TYPES, EVENT_TYPES } from './event-types';
export {
  agentLifecycleEvents,
  createEvent,
  extractEventData,
  isEventType,
  isEventTypeGroup,
  workflowEvent,
} from './events';
export * from './observability/index';
export { createKernelIntegration } from './kernel-integration';
export type {
  KernelIntegration,
  KernelIntegrationOptions,
  KernelIntegrationStats,
  KernelLike,
  KernelStateChange,
} from './kernel-integration';
export type {
  ExtractEventType,
  ExtractReturnType,
  LegacyRuntime,
  MiddlewareFactory,
  QueueItem,
  SystemMetrics,
  TrackedEventHandler,
} from './legacy-types';
export { createWorkflowContext } from './workflow-context';
export type { WorkflowContext, WorkflowContextOptions } from './workflow-context';
export type { BatchingConfig, EventQueueConfig, Overflow, RuntimeConfig } from './config';
export type { DeadLetterListOptions, DeadLetterPage, DeadLetters } from './dead-letters';
export type {
  DLQConfig,
  DLQContext,
  DLQError,
  DLQItem,
  DLQStats,
  DeadLetterCounters,
  DeadLetterCriteria,
  Requeue,
} from './dead-letter-queue';
export type {
  EngineErrorCode,
  ErrorCode,
  KernelErrorCode,
  MiddlewareErrorCode,
  OrchestrationErrorCode,
  RuntimeErrorCode,
  SDKErrorOptions,
} from './errors';
export type { AgentThought, EventPayloads, EventType, KnownEventType } from './event-types';
export type {
  AnyEvent,
  AnyEventMetadata,
  CreateEventOptions,
  DeliveryGuarantee,
  Event,
  EventDef,
  EventHandler,
  HandlerReturn,
  PayloadOf,
  TEvent,
} from './events';
export { EventStore, createEventStore } from './event-store';
export type { EventMetadata, EventStoreConfig, EventStoreStats, ReplayOptions } from './event-store';
export type { EventPattern, OnOptions } from './handlers';
export type { IdKind } from './ids';
export type { LatencySummary, LatencyTimings } from './native/engine';
export type { LatencyStats } from './engine/latency-groups';
export type { LatencyMode } from './delivery-queue';
export type { EventExplanation, EventOutcome, EventState, ExplainedFailure } from './explain';
export type { NativeLogLevel } from './observability/native-logs';
export type { StatsOptions } from './metrics/snapshots';
export type { TelemetryConfig } from './tracing/config';
export type { MemoryAlert, MemoryMetrics, MemoryMonitorConfig, MemoryMonitorStats } from './memory-monitor';
export {
  createPersistor,
  createPersistorFromConfig,
  getGlobalPersistor,
  resetGlobalPersistor,
  setGlobalPersistor,
} from './persistors/factory';
export type { PersistorOptions } from './persistors/factory';
export { StoragePersistorAdapter } from './persistors/storage-adapter';
export type {
  JournalPersistorConfig,
  MemoryPersistorConfig,
  PersistorConfig,
  PersistorType,
} from './persistors/config';
export type { MemoryPersistorStats } from './persistors/memory-persistor';
export type { DeltaSnapshot, Persistor, PersistorStats, Snapshot, SnapshotOptions } from './persistor-types';
export type { QueueStats, RetryStats } from './queue-stats';
export type { QueueItemSnapshot, QueueProcessor, RecoveryStats } from './queue';
export type { RecentEvent } from './recent-events';
export type { EventRetryPolicy, Jitter, RetryConfig } from './retry-policy';
export type {
  DataIn,
  DataToEmit,
  DrainCallOptions,
  EmitEntry,
  EmitOptions,
  EmitResult,
  EventIn,
  LooseEvents,
  NameIn,
  PatternIn,
  ProcessOptions,
  ProcessResult,
  Runtime,
  RuntimeHandler,
  RuntimeStats,
  SubscribeOptions,
  TypeIn,
} from './runtime-types';
export type { WaitOptions } from './wait-for';
export * from './middleware/index';
export * from './streams/index';

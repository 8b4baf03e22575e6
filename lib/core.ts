/** Entry point `@kodus-flow/runtime/core`: the parts that stand alone, without a runtime. */
export { DEFAULT_ENHANCED_CONFIG, RUNTIME_CORE_VERSION, RUNTIME_FEATURES } from './constants';
export { DeadLetterQueue } from './dead-letter-queue';
export type { DLQConfig } from './dead-letter-queue';
export { createEvent } from './events';
export { MemoryMonitor } from './memory-monitor';
export type { MemoryAlert, MemoryMetrics, MemoryMonitorConfig, MemoryMonitorStats } from './memory-monitor';
export { OptimizedEventProcessor } from './optimized-event-processor';
export { EnhancedEventQueue, EventQueue } from './queue';
export { StreamManager } from './streams/stream-manager';

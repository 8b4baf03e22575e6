/** Types of earlier releases that callers import by name and that nothing else here needs. */
import type { AnyEvent, EventHandler, TEvent } from './events';
import type { EmitOptions, EmitResult } from './runtime-types';
import type { EventStream } from './streams/event-stream';
import type { Middleware } from './middleware/types';

/** A waiting event, as the queue of earlier releases kept it. This queue shows {@link QueueItemSnapshot}. */
export interface QueueItem {
  event: AnyEvent;
  /** When it was queued, in milliseconds since the epoch. */
  timestamp: number;
  priority: number;
  /** Redeliveries so far. */
  retryCount: number;
  /** Bytes. */
  size?: number;
  isLarge?: boolean;
  isHuge?: boolean;
  compressed?: boolean;
  /** Bytes before compression. */
  originalSize?: number;
  persistent?: boolean;
  /** Milliseconds since the epoch. */
  persistedAt?: number;
  /** Milliseconds since the epoch. */
  lastRetryAt?: number;
  /** Milliseconds since the epoch. */
  nextRetryAt?: number;
  /** Milliseconds. */
  retryDelays?: number[];
  originalError?: Error;
}

/** What the queue of earlier releases measured of the machine. The memory monitor has {@link MemoryMetrics}. */
export interface SystemMetrics {
  /** Part of the memory that is in use, 0 to 1. */
  memoryUsage: number;
  /** Part of the processors' time that is in use, 0 to 1. */
  cpuUsage: number;
  /** Waiting events. */
  queueDepth: number;
  /** Milliseconds that an event takes on average. */
  averageProcessingTime: number;
}

/** A handler with the marks that earlier releases wrote onto it. This one writes none. */
export type TrackedEventHandler<E extends AnyEvent = AnyEvent> = EventHandler<E> & {
  _handlerId?: string;
  _isActive?: boolean;
  /** Milliseconds since the epoch. */
  _lastUsed?: number;
};

/** The type name of an event's type. */
export type ExtractEventType<E> = E extends TEvent<infer T> ? T : never;

/** What a handler answers, without its promise. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type ExtractReturnType<H> = H extends (...args: any[]) => infer R ? Awaited<R> : never;

/** A function that makes a middleware of its configuration. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type MiddlewareFactory<Config = any> = (config: Config) => Middleware;

/**
 * The runtime as earlier releases declared it, for classes that implement it and for mocks. A {@link Runtime} is one; who only
 * calls a runtime needs `Runtime`.
 */
export interface LegacyRuntime {
  on(eventType: string, handler: EventHandler): unknown;
  off?(eventType: string, handler: EventHandler): void;
  emit(eventType: string, data?: unknown, options?: EmitOptions): EmitResult;
  emitAsync(eventType: string, data?: unknown, options?: EmitOptions): Promise<EmitResult>;
  process(withStats?: boolean): Promise<void | { processed: number; acked: number; failed: number }>;
  ack(eventId: string): Promise<void>;
  nack(eventId: string, error?: Error): Promise<void>;
  createEvent(type: string, data?: unknown): AnyEvent;
  createStream(generator: () => AsyncGenerator<AnyEvent>): EventStream;
  forTenant(tenantId: string): LegacyRuntime;
  /** Any statistics. */
  getStats(): object;
  getRecentEvents?(limit?: number): object[];
  getQueueSnapshot?(limit?: number): object[];
  getEnhancedQueue?(): unknown;
  getEventStore?(): unknown;
  replayEvents?(from: number, options?: Record<string, unknown>): AsyncGenerator<AnyEvent[]>;
  reprocessFromDLQ?(eventId: string): Promise<boolean>;
  reprocessDLQByCriteria?(criteria?: object): Promise<{ reprocessedCount: number; events: AnyEvent[] }>;
  clear(): void;
  cleanup(): Promise<void>;
}

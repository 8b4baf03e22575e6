/**
 * What callers of earlier releases wrote. It is compiled with everything else (`npm run typecheck`), never run: that it
 * compiles is the test.
 */
import {
  CircuitState,
  createEvent,
  createRuntime,
  createWorkflowContext,
  EventQueue,
  isEventType,
  MiddlewareError,
  StreamManager,
  withConcurrency,
  withRetry,
  withTimeout,
  withValidate,
} from '@kodus-flow/runtime';
import type {
  AnyEvent,
  CircuitBreakerConfig,
  EmitResult,
  Event,
  EventHandler,
  EventQueueConfig,
  EventStream,
  EventType,
  ExtractEventType,
  ExtractReturnType,
  HandlerReturn,
  LegacyRuntime,
  Middleware,
  MiddlewareFactory,
  MiddlewareKind,
  ObservabilitySystem,
  Persistor,
  QueueItem,
  RetryOptions,
  Runtime,
  RuntimeConfig,
  Snapshot,
  SystemMetrics,
  TEvent,
  TrackedEventHandler,
  WorkflowContext,
} from '@kodus-flow/runtime';

// ── Handlers, loosely typed ──

const loose = async (event: AnyEvent): Promise<void> => {
  console.log(event.data.userId, event.metadata?.correlationId, event.metadata?.anything);
};
const handler: EventHandler = loose;
const returning: EventHandler<AnyEvent, HandlerReturn> = (event) => createEvent('next', { from: event.id });
const typed: EventHandler<TEvent<'tool.error'>, void> = (event) => console.log(event.data.error);
const takesAny = (event: any): any => event;
const list: AnyEvent[] = [];

export function register(runtime: Runtime): void {
  runtime.on('user.created', loose);
  runtime.on('user.created', handler);
  runtime.on('user.created', returning);
  runtime.on('tool.error', typed);
  runtime.on('anything', takesAny);
  runtime.on('anything', list.push.bind(list));
  runtime.on('agent.started' as EventType, handler);
  runtime.on('agent.started', (event) => console.log(event.data.agentName));
  runtime.on('unknown.type', (event) => console.log(event.data.deep.down));
  runtime.off('user.created', loose);
}

// ── The runtime ──

const context: WorkflowContext = createWorkflowContext('name', 'execution', 'tenant');
const partial = createWorkflowContext({ executionId: 'e', tenantId: 't', status: 'RUNNING' });
const observability = { log: () => undefined } as unknown as ObservabilitySystem;
const config: RuntimeConfig = {
  queueSize: 1000,
  batching: undefined,
  persistor: undefined,
  queueConfig: { maxQueueDepth: 10, enableAutoScaling: false } satisfies EventQueueConfig,
  middleware: [withRetry, withTimeout({ timeoutMs: 5000 }), withConcurrency({ maxConcurrent: 10 })],
};

export async function use(): Promise<void> {
  const runtime: Runtime = createRuntime(context, observability, config);
  createRuntime(partial, undefined);
  createRuntime({ executionId: 'e', tenantId: 't' } as WorkflowContext, undefined as never, config);
  const result: EmitResult = runtime.emit(
    'user.created',
    { userId: '1' },
    { priority: 1, retryPolicy: { maxRetries: 1 } },
  );
  runtime.emit('agent.started', { whatever: 1 });
  console.log(result.success, result.error?.message);
  const counted = await runtime.process(true);
  console.log(counted.processed, counted.acked, counted.failed);
  await runtime.process();
  const size = (runtime.getStats().queue as { size: number }).size;
  const asRecord = runtime.getStats() as unknown as Record<string, unknown>;
  console.log(size, asRecord.dlq, runtime.getRecentEvents?.(5).length, runtime.getQueueSnapshot!(5).length);
  for await (const batch of runtime.replayEvents!(0, { onlyUnprocessed: true })) console.log(batch.length);
  await runtime.reprocessDLQByCriteria?.({ maxAge: 1000, limit: 5 });
  const tenant: Runtime = runtime.forTenant('t');
  const stream: EventStream = tenant.createStream(async function* () {
    yield tenant.createEvent('user.created', { userId: '1' });
  });
  for await (const event of stream
    .filter((item) => item.type === 'a')
    .map((item) => ({ ...item, more: 1 }))
    .debounce(10)) {
    console.log(event.type);
  }
  new StreamManager();
  const queue = new EventQueue(observability, { maxQueueDepth: 5 });
  await queue.enqueue(createEvent('a'), 1);
  const event: Event<'agent.started'> = createEvent('agent.started', { agentName: 'a', input: 1 });
  if (isEventType(event, 'agent.started')) console.log(event.data.agentName);
  await runtime.cleanup();
}

// ── Middleware ──

const logging: Middleware = (next) => async (event, signal) => {
  console.log(event.type);
  return next(event, signal);
};
logging.kind = 'pipeline' satisfies MiddlewareKind;
logging.displayName = 'logging';
const generic = (next: EventHandler): EventHandler => next;
export const middleware: Middleware[] = [
  logging,
  generic,
  withValidate({ schema: { parse: (value: unknown) => value } }),
];
export const factory: MiddlewareFactory<{ name: string }> = ({ name }) =>
  Object.assign((next: any) => next, { displayName: name });
export const retry: RetryOptions = { maxRetries: 3, backoffMs: 10, retryableErrors: ['NETWORK_ERROR'] };
export const breaker: CircuitBreakerConfig = { name: 'b', failureThreshold: 2 };
export const open: CircuitState = CircuitState.OPEN;
export const failure: Error = new MiddlewareError('name', 'message', { any: 'thing' });

// ── Types by name ──

export type Name = ExtractEventType<TEvent<'a'>> extends 'a' ? true : never;
export type Answer = ExtractReturnType<() => Promise<number>> extends number ? true : never;
export const named: [Name, Answer] = [true, true];
export const item: QueueItem = { event: createEvent('a'), timestamp: 1, priority: 0, retryCount: 0, size: 10 };
export const metrics: Partial<SystemMetrics> = { memoryUsage: 0.5, cpuUsage: 0.1 };
export const tracked: TrackedEventHandler = Object.assign(loose, { _handlerId: 'h', _isActive: true, _lastUsed: 1 });

// ── Implementing and mocking ──

/** A persistor as users wrote them. */
export class OwnPersistor implements Persistor {
  async append(_snapshot: Snapshot): Promise<void> {}
  async *load(_xcId: string): AsyncIterable<Snapshot> {}
  async has(_hash: string): Promise<boolean> {
    return false;
  }
  async getByHash(_hash: string): Promise<Snapshot | null> {
    return null;
  }
  async listHashes(_xcId: string): Promise<string[]> {
    return [];
  }
}

/** A class with what the interface of earlier releases asked for. */
export class OwnRuntime implements LegacyRuntime {
  on(_type: string, _handler: EventHandler): void {}
  emit(type: string): EmitResult {
    return { success: true, queued: true, eventId: type };
  }
  async emitAsync(type: string): Promise<EmitResult> {
    return this.emit(type);
  }
  async process(): Promise<void> {}
  async ack(): Promise<void> {}
  async nack(): Promise<void> {}
  createEvent(type: string, data?: unknown): AnyEvent {
    return createEvent(type, data);
  }
  createStream(generator: () => AsyncGenerator<AnyEvent>): EventStream {
    return createRuntime().createStream(generator);
  }
  forTenant(): OwnRuntime {
    return this;
  }
  getStats(): Record<string, unknown> {
    return {};
  }
  clear(): void {}
  async cleanup(): Promise<void> {}
}

export const isOne: LegacyRuntime = createRuntime();
const spy = (): any => undefined;
export const mock = { on: spy, emit: spy, process: spy, cleanup: spy } as unknown as Runtime;
export const cast = {
  on: spy,
  emit: () => ({ success: true, queued: true, eventId: '1' }),
  process: spy,
} as Partial<Runtime> as Runtime;
export const picked: Pick<Runtime, 'emit' | 'createEvent'> = { emit: spy, createEvent: spy };

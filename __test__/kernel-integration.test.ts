import { afterEach, describe, expect, test, vi } from 'vitest';
import { createKernelIntegration, createPersistor, createRuntime, RuntimeError, withObservability } from '../lib/index';
import type { AnyEvent, KernelLike, KernelStateChange, Runtime } from '../lib/index';

/** A kernel as small as one can be: a log of events, a state, and listeners. */
class Kernel implements KernelLike {
  readonly id = 'kernel-1';
  readonly handled: AnyEvent[] = [];
  readonly state = new Map<string, unknown>();
  readonly #events = new Set<(event: { type: string; data?: unknown }) => void>();
  readonly #changes = new Set<(change: KernelStateChange) => void>();

  handleEvent(event: AnyEvent): void {
    this.handled.push(event);
  }
  onEvent(listener: (event: { type: string; data?: unknown }) => void): () => void {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  }
  onStateChange(listener: (change: KernelStateChange) => void): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }
  emit(type: string, data?: unknown): void {
    for (const listener of this.#events) listener({ type, data });
  }
  setState(namespace: string, key: string, value: unknown): void | Promise<void> {
    this.state.set(`${namespace}.${key}`, value);
    for (const listener of this.#changes) listener({ namespace, key, value });
  }
  deleteState(namespace: string, key: string): void | Promise<void> {
    this.state.delete(`${namespace}.${key}`);
    for (const listener of this.#changes) listener({ namespace, key, deleted: true });
  }
}

/** Its state changes some turns after it was asked to. */
class SlowKernel extends Kernel {
  override async setState(namespace: string, key: string, value: unknown): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    super.setState(namespace, key, value);
  }
  override async deleteState(namespace: string, key: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    super.deleteState(namespace, key);
  }
}

const runtimes: Runtime[] = [];
function connected(options?: Parameters<typeof createKernelIntegration>[2], kernel = new Kernel()) {
  const runtime = createRuntime();
  runtimes.push(runtime);
  const seen: AnyEvent[] = [];
  runtime.on('*', (event) => void seen.push(event));
  return { kernel, runtime, seen, link: createKernelIntegration(kernel, runtime, options) };
}

afterEach(async () => {
  await Promise.all(runtimes.splice(0).map((runtime) => runtime.cleanup()));
});

describe('a kernel and a runtime that are connected', () => {
  test('the kernel gets the very events that the runtime processes', async () => {
    const { kernel, runtime, seen } = connected();
    runtime.emit('review.done', { id: 1 });
    await runtime.process();
    expect(kernel.handled).toHaveLength(1);
    expect(kernel.handled[0]).toBe(seen[0]);
  });

  test('the runtime queues what the kernel emits, and does not send it back', async () => {
    const { kernel, runtime, seen, link } = connected();
    kernel.emit('kernel.started', { kernelId: 'kernel-1', tenantId: 't' });
    await runtime.process();
    expect(seen.map((event) => [event.type, event.metadata?.origin])).toEqual([['kernel.started', 'kernel-1']]);
    expect(kernel.handled).toEqual([]);
    expect(link.getStats()).toEqual({ toKernel: 0, toRuntime: 1, stateChanges: 0, failures: 0 });
  });

  test('what is wrong with the kernel is counted, and fails no event and nobody else', async () => {
    const runtime = createRuntime();
    let emit: (event: never) => void = () => undefined;
    const rejecting = { then: (_: unknown, no: (error: Error) => void) => no(new Error('of another realm')) };
    const kernel: KernelLike = {
      handleEvent: () => rejecting,
      setState: () => undefined,
      onEvent: (listener) => (emit = listener as typeof emit),
    };
    const link = createKernelIntegration(kernel, runtime, { onError: () => Promise.reject(new Error('no')) as never });
    runtime.emit('state.updated');
    runtime.emit('other');
    expect(await runtime.process(true)).toMatchObject({ processed: 2, failed: 0 });
    emit(null as never);
    expect(link.getStats()).toEqual({ toKernel: 2, toRuntime: 0, stateChanges: 0, failures: 4 });
    await runtime.cleanup();
  });

  test('only the chosen events go to the kernel', async () => {
    const { kernel, runtime } = connected({ events: ['review.*'] });
    runtime.emit('review.done');
    runtime.emit('mail.sent');
    await runtime.process();
    expect(kernel.handled.map((event) => event.type)).toEqual(['review.done']);
  });

  test('events change the kernel’s state, once', async () => {
    const { kernel, runtime, seen } = connected();
    runtime.emit('state.updated', { namespace: 'review', key: 'status', value: 'done' });
    await runtime.process();
    expect(kernel.state.get('review.status')).toBe('done');
    runtime.emit('state.deleted', { namespace: 'review', key: 'status' });
    await runtime.process();
    expect(kernel.state.size).toBe(0);
    expect(seen.map((event) => event.type)).toEqual(['state.updated', 'state.deleted']);
  });

  test('changes of the kernel’s state become events, and are not set again', async () => {
    const { kernel, runtime, seen } = connected();
    const set = vi.spyOn(kernel, 'setState');
    kernel.setState('review', 'status', 'open');
    kernel.deleteState('review', 'status');
    await runtime.process();
    expect(seen.map((event) => [event.type, event.data])).toEqual([
      ['state.updated', { namespace: 'review', key: 'status', value: 'open' }],
      ['state.deleted', { namespace: 'review', key: 'status' }],
    ]);
    expect(set).toHaveBeenCalledTimes(1);
  });

  test('a kernel whose state changes later does not send the change back', async () => {
    const { kernel, runtime, seen } = connected({}, new SlowKernel());
    runtime.emit('state.updated', { namespace: 'review', key: 'status', value: 'done' });
    await runtime.process();
    runtime.emit('state.deleted', { namespace: 'review', key: 'status' });
    await runtime.process();
    await runtime.process();
    expect(kernel.state.size).toBe(0);
    expect(seen.map((event) => event.type)).toEqual(['state.updated', 'state.deleted']);
  });

  test('what a kernel changes besides, for a change of the runtime’s, is told', async () => {
    const { kernel, runtime, seen } = connected();
    const set = kernel.setState.bind(kernel);
    kernel.setState = (namespace, key, value) => {
      set(namespace, key, value);
      if (key === 'status') set(namespace, 'changes', 1);
    };
    runtime.emit('state.updated', { namespace: 'review', key: 'status', value: 'done' });
    await runtime.process();
    expect(seen.map((event) => event.data.key)).toEqual(['status', 'changes']);
  });

  test('a kernel that fails does not fail the event', async () => {
    const kernel = new Kernel();
    kernel.handleEvent = () => {
      throw new Error('sink');
    };
    kernel.setState = (() => Promise.reject(new Error('state'))) as Kernel['setState'];
    const errors: unknown[] = [];
    const onError = (error: unknown): void => {
      errors.push((error as Error).message);
      throw new Error('the callback, too');
    };
    const { runtime, link } = connected({ onError }, kernel);
    runtime.emit('state.updated', { namespace: 'a', key: 'b', value: 1 });
    expect(await runtime.process(true)).toMatchObject({ processed: 1, failed: 0 });
    expect(errors.sort()).toEqual(['sink', 'state']);
    expect(link.getStats().failures).toBe(2);
  });

  test('the kernel is told of events that the runtime refuses', () => {
    const runtime = createRuntime({}, {}, { queueSize: 0 });
    runtimes.push(runtime);
    const kernel = new Kernel();
    const onError = vi.fn();
    createKernelIntegration(kernel, runtime, { onError });
    kernel.emit('kernel.started');
    expect(onError).toHaveBeenCalledWith(expect.any(Error), expect.objectContaining({ type: 'kernel.started' }));
  });

  test('nothing passes after the end', async () => {
    const { kernel, runtime, seen, link } = connected();
    link.disconnect();
    link.disconnect();
    kernel.emit('kernel.started');
    kernel.setState('a', 'b', 1);
    runtime.emit('review.done');
    await runtime.process();
    expect(kernel.handled).toEqual([]);
    expect(seen.map((event) => event.type)).toEqual(['review.done']);
  });

  test('a kernel without hooks is connected as far as it goes; no kernel is refused', () => {
    const runtime = createRuntime();
    runtimes.push(runtime);
    expect(createKernelIntegration({}, runtime).getStats().failures).toBe(0);
    expect(() => createKernelIntegration(undefined as never, runtime)).toThrow(RuntimeError);
  });
});

describe('what a kernel of the framework does with a runtime', () => {
  test('works as it did', async () => {
    const runtime = createRuntime({ executionId: 'e1', tenantId: 't1' }, undefined, {
      middleware: [withObservability(undefined)],
      persistor: undefined,
      batching: undefined,
      executionId: 'e1',
      tenantId: 't1',
    });
    runtimes.push(runtime);
    const seen: string[] = [];
    const handler = (event: AnyEvent): void => void seen.push(event.type);
    runtime.on('kernel.started', handler);
    runtime.on('step', handler);
    runtime.emit('kernel.started', { kernelId: 'k', tenantId: 't1' });
    expect(await runtime.process(true)).toEqual({ processed: 1, acked: 0, failed: 0 });
    const batched = await runtime.emitAsync('step', 1, {
      batch: true,
      batchSize: 5,
      batchTimeout: 10,
      flushBatch: true,
    });
    expect(batched).toMatchObject({ success: true, queued: true });
    expect(await runtime.process(true)).toMatchObject({ processed: 1 });
    runtime.off('step', handler);
    await runtime.ack('unknown');
    await runtime.nack('unknown', new Error('no'));
    expect(
      await runtime
        .createStream(async function* () {
          yield runtime.createEvent('step', 2);
        })
        .toArray(),
    ).toHaveLength(1);
    const tenant = runtime.forTenant('t2');
    expect(tenant.getStats().runtime.tenantId).toBe('t2');
    await tenant.cleanup();
    const stats = runtime.getStats();
    for (const key of ['dlq', 'retry', 'persistence', 'circuitBreaker']) expect(stats).toHaveProperty(key);
    expect(await runtime.reprocessDLQByCriteria?.({ limit: 1 })).toEqual({ reprocessedCount: 0, events: [] });
    expect(runtime.getEnhancedQueue?.().getStats()).toHaveProperty('size', 0);
    expect(runtime.getEventStore?.()).toBeNull();
    runtime.clear();
    expect(seen).toEqual(['kernel.started', 'step']);
  });

  test('works with acks, dead letters, a persistor and an event store', async () => {
    const runtime = createRuntime({ tenantId: 't1' }, undefined, {
      middleware: [withObservability(undefined)],
      persistor: createPersistor('memory'),
      executionId: 'e2',
      enableAcks: true,
      enableEventStore: true,
      maxRetries: 0,
    });
    runtimes.push(runtime);
    runtime.on('agent.failed', () => Promise.reject(new Error('TimeoutError: slow')));
    const { eventId } = await runtime.emitAsync('agent.failed', { id: 1 });
    expect(runtime.getStats().delivery).toMatchObject({ pendingAcks: 1, enableAcks: true });
    expect(await runtime.process(true)).toEqual({ processed: 0, acked: 0, failed: 1 });

    const stats = runtime.getStats();
    expect(stats.dlq).toMatchObject({ totalItems: 1, itemsByEventType: { 'agent.failed': 1 } });
    expect(stats.retry).toMatchObject({ totalRetries: 0 });
    expect(stats.persistence).toMatchObject({ enabled: true });
    expect(stats.runtime.persistorType).toBe('StoragePersistorAdapter');
    expect(await runtime.getEventStore()?.getStats()).toMatchObject({ totalStoredEvents: 1, unprocessedEvents: 1 });
    const { reprocessedCount, events } = await runtime.reprocessDLQByCriteria({ eventType: 'agent.failed' });
    expect([reprocessedCount, events.map((event) => event.id)]).toEqual([1, [eventId]]);
    expect(runtime.getQueueSnapshot()).toMatchObject([{ eventId, eventType: 'agent.failed' }]);
  });

  test('its queue has the methods of an EventQueue', async () => {
    const runtime = createRuntime();
    runtimes.push(runtime);
    const queue = runtime.getEnhancedQueue();
    const [first, second] = [runtime.createEvent('step', 1), runtime.createEvent('step', 2)];
    expect([await queue.enqueue(first), await queue.enqueue(second, 5), await queue.enqueue(first)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([queue.peek(), queue.isEmpty(), queue.isFull()]).toEqual([second, false, false]);
    expect(queue.getQueueSnapshot().map(({ eventId }) => eventId)).toEqual([second.id, first.id]);
    expect(queue.dequeue()).toBe(second);
    const taken: unknown[] = [];
    expect(await queue.processAll(async (event) => void taken.push(event))).toBe(1);
    expect(taken).toEqual([first]);
    expect(queue.getStats()).toMatchObject({ size: 0, dlq: expect.anything(), retry: expect.anything() });
    queue.clear();
    expect(queue.isEmpty()).toBe(true);
  });
});

/**
 * The examples of the TypeScript runtime's README, as they were printed there, with the functions that they take for granted.
 * That they compile and run is the proof that old code needs no change.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createRuntime } from '../lib/index';
import type { Runtime } from '../lib/index';
import { withConcurrency, withRetry, withSchedule, withTimeout, withValidate } from '../lib/middleware/index';

const context = { tenantId: 'acme', executionId: 'old-readme' };
const observability = { log: () => undefined };

const called: [name: string, data: unknown][] = [];
const service = (name: string) => async (data: unknown) => void called.push([name, data]);
const saveUser = service('saveUser');
const updateUser = service('updateUser');
const createUser = service('createUser');
const deleteUser = service('deleteUser');
const sendWelcomeEmail = service('sendWelcomeEmail');
const userService = {
  async *getUsers() {
    for (let id = 0; id < 6; id++) yield { id, active: id % 2 === 0 };
  },
};

const runtimes: Runtime[] = [];
function kept<R extends Runtime>(runtime: R): R {
  runtimes.push(runtime);
  return runtime;
}

afterEach(async () => {
  called.length = 0;
  await Promise.all(runtimes.splice(0).map((runtime) => runtime.cleanup()));
});

describe('the README of the TypeScript runtime', () => {
  test('quick start: a runtime with middleware, handlers, emit, process', async () => {
    const runtime = kept(
      createRuntime(context, observability, {
        queueSize: 1000,
        batchSize: 100,
        middleware: [
          withTimeout({ timeoutMs: 5000 }),
          withRetry({ maxRetries: 3, backoffMs: 1000 }),
          withConcurrency({ maxConcurrent: 10 }), // Fan-out controlado
        ],
      }),
    );
    runtime.on('user.created', async (event) => {
      await saveUser(event.data);
    });
    runtime.on('user.updated', async (event) => {
      await updateUser(event.data);
    });
    runtime.emit('user.created', { userId: '123', name: 'John' });
    runtime.emit('user.updated', { userId: '123', email: 'john@email.com' });
    await runtime.process();
    expect(called).toEqual([
      ['saveUser', { userId: '123', name: 'John' }],
      ['updateUser', { userId: '123', email: 'john@email.com' }],
    ]);
  });

  test('the main API: a factory that is not called, createEvent, createStream', async () => {
    const runtime = kept(
      createRuntime(context, observability, {
        queueSize: 1000, // Tamanho da fila
        batchSize: 100, // Tamanho do batch
        middleware: [withRetry], // Middlewares
      }),
    );
    runtime.on('user.created', async (event) => {
      await saveUser(event.data);
    });
    runtime.emit('user.created', { userId: '123', name: 'John' });
    await runtime.process();
    expect(called).toHaveLength(1);

    const event = runtime.createEvent('user.created', { userId: '123' });
    const stream = runtime.createStream(async function* () {
      yield event;
    });
    expect(await stream.toArray()).toEqual([event]);
  });

  test('middleware with fan-out: retries of network errors, keys, a timeout of the queue, a schema', async () => {
    const runtime = kept(
      createRuntime(context, observability, {
        middleware: [
          withTimeout({ timeoutMs: 3000 }),
          withRetry({
            maxRetries: 3,
            backoffMs: 1,
            retryableErrors: ['NETWORK_ERROR', 'TIMEOUT_ERROR'],
          }),
          withConcurrency({
            maxConcurrent: 10, // Processar até 10 eventos em paralelo
            getKey: (ev) => ev.type, // Agrupar por tipo de evento
            queueTimeoutMs: 5000, // Timeout para fila
          }),
          withValidate({
            schema: z.object({ userId: z.string() }),
          }),
        ],
      }),
    );
    let failures = 2;
    runtime.on('user.created', async (event) => {
      if (failures-- > 0) throw Object.assign(new Error('busy'), { code: 'NETWORK_ERROR' });
      await saveUser(event.data);
    });
    runtime.emit('user.created', { userId: '123' });
    runtime.emit('user.created', { userId: 123 });
    expect(await runtime.process(true)).toMatchObject({ processed: 1, failed: 1 });
    expect(called).toEqual([['saveUser', { userId: '123' }]]);
  });

  test('fan-out: ten at once, and none is lost', async () => {
    const runtime = kept(
      createRuntime(context, observability, {
        middleware: [withConcurrency({ maxConcurrent: 10 }), withRetry({ maxRetries: 2 })],
      }),
    );
    let running = 0;
    let most = 0;
    runtime.on('user.created', async (event) => {
      most = Math.max(most, ++running);
      await saveUser(event.data);
      await sendWelcomeEmail(event.data);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    });
    for (let i = 0; i < 100; i++) runtime.emit('user.created', { userId: `user-${i}` });
    await runtime.process();
    expect(most).toBe(10);
    expect(called).toHaveLength(200);
  });

  test('a workflow, grouped by user', async () => {
    const workflowRuntime = kept(
      createRuntime(context, observability, {
        middleware: [
          withTimeout({ timeoutMs: 30000 }),
          withRetry({ maxRetries: 3, backoffMs: 2000, retryableErrors: ['NETWORK_ERROR', 'TIMEOUT_ERROR'] }),
          withConcurrency({
            maxConcurrent: 10, // Fan-out: 10 operações paralelas
            getKey: (ev) => ev.data.userId, // Agrupar por usuário
          }),
        ],
      }),
    );
    workflowRuntime.on('user.action', async (event) => {
      switch (event.data.action) {
        case 'create':
          await createUser(event.data);
          break;
        case 'update':
          await updateUser(event.data);
          break;
        case 'delete':
          await deleteUser(event.data);
          break;
      }
    });
    for (const action of ['create', 'update', 'delete']) workflowRuntime.emit('user.action', { userId: '123', action });
    await workflowRuntime.process();
    expect(called.map(([name]) => name)).toEqual(['createUser', 'updateUser', 'deleteUser']);
  });

  test('a pipeline of streams', async () => {
    const runtime = kept(createRuntime(context, observability));
    const stream = (type: string, count: number) =>
      runtime.createStream(async function* () {
        for (let i = 0; i < count; i++) yield runtime.createEvent(type, { i });
      });
    const userStream = runtime.createStream(async function* () {
      for await (const user of userService.getUsers()) {
        yield runtime.createEvent('user.created', user);
      }
    });
    const processedStream = userStream
      .filter((e) => e.type.startsWith('user.'))
      .debounce(1000)
      .map((e) => ({ ...e, timestamp: Date.now() }))
      .batch(5, 2000)
      .merge(stream('order.created', 2), stream('notification.sent', 2)) // Fan-in: Combinar streams
      .combineLatest(stream('metric', 1)); // Fan-in: Combinar com métricas
    const types = (await processedStream.toArray()).map((item) => item.data.events.map((event) => event.type));
    expect(new Set(types.map(([first]) => first))).toEqual(
      new Set(['order.created', 'notification.sent', 'stream.batch']),
    );
  });

  test('batches of several systems', async () => {
    const runtime = kept(createRuntime(context, observability));
    const userEvents = runtime.createStream(async function* () {
      yield runtime.createEvent('user.login', { userId: '123' });
      yield runtime.createEvent('user.purchase', { userId: '123', amount: 100 });
    });
    const systemEvents = runtime.createStream(async function* () {
      yield runtime.createEvent('system.alert', { level: 'warning' });
      yield runtime.createEvent('system.backup', { status: 'completed' });
    });
    const allEvents = userEvents.merge(systemEvents);
    const processedEvents = allEvents
      .filter((event) => event.type.startsWith('user.'))
      .map((event) => ({ ...event, processed: true }))
      .batch(100, 5000)
      .map((batch) => ({
        type: 'events.batch',
        data: {
          events: batch.map((e) => e.data),
          count: batch.length,
        },
      }));
    const batches = await processedEvents.toArray();
    expect(batches).toEqual([
      { type: 'events.batch', data: { events: [{ userId: '123' }, { userId: '123', amount: 100 }], count: 2 } },
    ]);
  });

  test('statistics, and the end', async () => {
    const runtime = kept(createRuntime(context, observability, { queueSize: 1 }));
    runtime.on('user.created', (event) => saveUser(event.data));
    runtime.emit('user.created', {});
    runtime.emit('user.created', {});
    await runtime.process();
    const stats = runtime.getStats();
    expect(stats).toMatchObject({
      queue: { size: 0, processed: 1, dropped: 1 },
      processor: { activeHandlers: 1, processedEvents: 1 },
      stream: { activeGenerators: 0, staleGenerators: 0 },
    });
    await runtime.cleanup();
    runtime.clear();
  });

  test('every option of the configuration, and the middleware that never existed', () => {
    kept(
      createRuntime(context, observability, {
        queueSize: 1000,
        batchSize: 100,
        enableObservability: true,
        maxEventDepth: 100,
        maxEventChainLength: 1000,
        cleanupInterval: 120_000,
        staleThreshold: 600_000,
        operationTimeoutMs: 30_000,
        middleware: [withSchedule({ schedule: { intervalMs: 1000, maxTriggers: 1 } })],
      }),
    );
  });
});

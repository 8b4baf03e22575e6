import { afterEach, describe, expect, test } from 'vitest';
import { createPersistor } from '../../lib/index';
import { quiet, sleep } from '../helpers';
import { directory, durable, removeAll } from './helpers';
import type { RuntimeConfig } from '../../lib/config';
import type { EmitOptions, Runtime } from '../../lib/runtime-types';

afterEach(removeAll);

interface Place {
  open(config?: RuntimeConfig): Runtime;
  restarts: boolean;
}

const places: [string, () => Place][] = [
  [
    'in memory',
    () => {
      let only: Runtime | undefined;
      return { open: (config) => (only ??= quiet(config)), restarts: false };
    },
  ],
  [
    'with a journal',
    () => {
      const path = directory();
      return { open: (config) => durable(path, config), restarts: true };
    },
  ],
  [
    'with a persistor',
    () => {
      const persistor = createPersistor('memory');
      const queueConfig = { persistAllEvents: true };
      const open = (config?: RuntimeConfig): Runtime =>
        quiet({ ...config, persistor, executionId: 'orders', queueConfig });
      return { open, restarts: true };
    },
  ],
];

describe.each(places)('a dead letter that is put back, %s,', (_name, make) => {
  /** An event dies; the runtime, another one after a restart where that is possible, has its dead letter. */
  async function afterDeath(
    options: EmitOptions,
    config: RuntimeConfig = {},
  ): Promise<{ runtime: Runtime; id: string }> {
    const { open, restarts } = make();
    const first = open(config);
    const stop = first.on('job', () => {
      throw new Error('no');
    });
    const { eventId } = await first.emitAsync('job', 'first', options);
    await first.drain();
    stop();
    if (restarts) await first.cleanup();
    const runtime = open(config);
    await runtime.ready();
    expect(runtime.deadLetters.get(eventId)).toBeDefined();
    return { runtime, id: eventId };
  }

  test('waits its turn among the events of its ordering key', async () => {
    const { runtime, id } = await afterDeath({ orderingKey: 'customer 7' });
    let running = 0;
    const seen: unknown[] = [];
    runtime.on('job', async (event) => {
      expect(++running).toBe(1);
      await sleep(2);
      running--;
      seen.push(event.data);
    });
    runtime.emit('job', 'second', { orderingKey: 'customer 7' });
    expect(await runtime.deadLetters.reprocess(id)).toBe(true);
    await runtime.process();
    expect(seen).toEqual(['second', 'first']);
  });

  test('has the priority in its context that it was emitted with, also an infinite one', async () => {
    const { runtime, id } = await afterDeath({ priority: Infinity });
    expect(runtime.deadLetters.get(id)).toMatchObject({
      originalPriority: Infinity,
      processingContext: { originalPriority: Infinity },
    });
  });

  test('is tried again as often as its own policy says, from the first attempt on', async () => {
    const retryPolicy = { maxRetries: 2, initialDelay: 1, backoff: 'linear' as const };
    const { runtime, id } = await afterDeath({ retryPolicy });
    let attempts = 0;
    runtime.on('job', () => {
      attempts++;
      throw new Error('still no');
    });
    expect(await runtime.deadLetters.reprocess(id)).toBe(true);
    await runtime.drain();
    expect(attempts).toBe(3);
    expect(runtime.deadLetters.get(id)).toMatchObject({ attempts: 3, processingContext: { retryPolicy } });
  });

  test('has its limit of time', async () => {
    const { runtime, id } = await afterDeath({ timeout: 5 });
    runtime.on('job', () => new Promise(() => undefined));
    expect(await runtime.deadLetters.reprocess(id)).toBe(true);
    await runtime.process();
    expect(runtime.deadLetters.get(id)?.errors.at(-1)?.message).toMatch(/5 ?ms/);
  });

  test('has its whole time to live once more', async () => {
    const { runtime, id } = await afterDeath({ ttlMs: 3_600_000 });
    expect(runtime.deadLetters.get(id)!.processingContext.ttlMs).toBe(3_600_000);
    const seen: unknown[] = [];
    runtime.on('job', (event) => void seen.push(event.data));
    expect(await runtime.deadLetters.reprocess(id)).toBe(true);
    await runtime.process();
    expect(seen).toEqual(['first']);
  });

  test('expires if nobody runs it in that time', async () => {
    const { runtime, id } = await afterDeath({ ttlMs: 3_600_000 });
    runtime.deadLetters.get(id)!.processingContext.ttlMs = 1;
    expect(await runtime.deadLetters.reprocess(id)).toBe(true);
    await sleep(10);
    runtime.on('job', () => undefined);
    await runtime.process();
    expect(runtime.getStats().queue).toMatchObject({ expired: 1, done: 0 });
  });

  test('keeps its tenant, its priority and its correlation, and nothing of its redeliveries', async () => {
    const retryPolicy = { maxRetries: 1, initialDelay: 1 };
    const options = { tenantId: 'acme', priority: 7, correlationId: 'c1', retryPolicy };
    const { runtime, id } = await afterDeath(options);
    expect(runtime.deadLetters.get(id)!.event.metadata).toMatchObject({ isRetry: true });
    expect(await runtime.deadLetters.reprocess(id)).toBe(true);
    expect(runtime.getQueueSnapshot()).toMatchObject([{ priority: 7 }]);
    let metadata: object | undefined;
    runtime.on('job', (event) => void (metadata = { ...event.metadata }));
    await runtime.process();
    expect(metadata).toMatchObject({ tenantId: 'acme', correlationId: 'c1' });
    expect(metadata).not.toHaveProperty('isRetry');
    expect(metadata).not.toHaveProperty('retry');
  });

  test('that is refused stays as it was', async () => {
    const { runtime, id } = await afterDeath({ retryPolicy: { maxRetries: 1, initialDelay: 1 } }, { queueSize: 1 });
    runtime.emit('other');
    expect(await runtime.deadLetters.reprocess(id)).toBe(false);
    expect(runtime.deadLetters.get(id)!.event.metadata).toMatchObject({ isRetry: true, retry: { retryCount: 1 } });
  });
});

describe('in a journal', () => {
  const dies = (runtime: Runtime): void =>
    void runtime.on('job', () => {
      throw new Error('no');
    });

  test('what was put back and has not run is there at the next start, as it was emitted', async () => {
    const path = directory();
    const first = durable(path);
    dies(first);
    const retryPolicy = { maxRetries: 1, initialDelay: 1 };
    const { eventId } = await first.emitAsync('job', 1, { retryPolicy, idempotencyKey: 'k', ttlMs: 60_000 });
    await first.drain();
    expect(await first.deadLetters.reprocess(eventId)).toBe(true);
    await first.cleanup();

    const second = durable(path);
    await second.ready();
    expect([second.recovered, second.deadLetters.stats().totalItems]).toEqual([1, 0]);
    expect(second.emit('job', 1, { idempotencyKey: 'k' }).error).toMatchObject({ context: { state: 'waiting' } });
    let attempts = 0;
    const retried: unknown[] = [];
    second.on('job', (event) => {
      attempts++;
      retried.push(event.metadata?.isRetry);
      throw new Error('no');
    });
    await second.drain();
    expect([attempts, retried]).toEqual([2, [undefined, true]]);
    const { processingContext } = second.deadLetters.get(eventId)!;
    expect(processingContext).toMatchObject({ idempotencyKey: 'k', ttlMs: 60_000, retryPolicy });
  });

  test('a key is free when what was put back is cancelled, also after a restart', async () => {
    const path = directory();
    const first = durable(path);
    dies(first);
    const { eventId } = await first.emitAsync('job', 1, { idempotencyKey: 'k' });
    await first.drain();
    expect(await first.deadLetters.reprocess(eventId)).toBe(true);
    expect(first.cancel(eventId)).toBe(true);
    await first.cleanup();
    const second = durable(path);
    expect(second.emit('job', 2, { idempotencyKey: 'k' })).toMatchObject({ queued: true });
  });

  test('the event and the end of its dead letter are one frame, however large it is', async () => {
    const runtime = durable(directory());
    dies(runtime);
    const { eventId } = await runtime.emitAsync('job', 'x'.repeat(200_000), {});
    await runtime.drain();
    await runtime.flush();
    const { frames } = runtime.getStats().journal!;
    expect(await runtime.deadLetters.reprocess(eventId)).toBe(true);
    await runtime.flush();
    expect(runtime.getStats().journal!.frames).toBe(frames + 1);
  });
});

test('a dead letter in a persistor that keeps more than JSON comes back with its data as they were', async () => {
  const persistor = createPersistor('memory');
  const open = (): Runtime => quiet({ persistor, executionId: 'orders', queueConfig: { persistAllEvents: true } });
  const data = { when: new Date(5), lines: new Map([['a', 1n]]) };
  const first = open();
  first.on('job', () => {
    throw new Error('no');
  });
  const { eventId } = await first.emitAsync('job', data);
  await first.process();
  await first.cleanup();
  const second = open();
  await second.ready();
  const seen: unknown[] = [];
  second.on('job', (event) => void seen.push(event.data));
  expect(await second.deadLetters.reprocess(eventId)).toBe(true);
  await second.process();
  expect(seen).toEqual([data]);
});

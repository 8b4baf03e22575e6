import { afterEach, describe, expect, it, vi } from 'vitest';
import { cleanUpAll, deferred, quiet, sleep } from './helpers';
import { createRuntime } from '../lib/index';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpAll();
});

describe('clear', () => {
  it('empties the queue, the window, the handlers and pending redeliveries; the runtime stays usable', async () => {
    const runtime = quiet({ retry: { maxAttempts: 3, initialDelayMs: 5 } });
    let runs = 0;
    runtime.on('a', () => void runs++);
    runtime.on('bad', () => Promise.reject(new Error('no')));
    const event = runtime.createEvent('a');
    runtime.emitEvent(event);
    runtime.emit('bad');
    await runtime.process();
    runtime.emit('a');
    runtime.clear();
    await sleep(10);
    await runtime.drain();
    expect(runs).toBe(1);
    expect(runtime.getStats().processor.activeHandlers).toBe(0);
    expect(runtime.emitEvent(event).queued).toBe(true);
    runtime.on('a', () => void runs++);
    await runtime.process();
    expect(runs).toBe(2);
  });

  it('keeps dead letters and counters', async () => {
    const runtime = quiet();
    runtime.on('bad', () => Promise.reject(new Error('no')));
    runtime.emit('bad');
    await runtime.process();
    runtime.clear();
    expect(runtime.getStats().queue).toMatchObject({ dead: 1 });
    expect(runtime.deadLetters.list().items).toHaveLength(1);
  });
});

describe('cleanup', () => {
  it('waits for what runs, then refuses everything; twice is fine', async () => {
    const runtime = quiet();
    let ended = false;
    runtime.on('a', async () => {
      await sleep(10);
      ended = true;
    });
    runtime.emit('a');
    void runtime.process();
    await sleep(1);
    await Promise.all([runtime.cleanup(), runtime.cleanup()]);
    expect(ended).toBe(true);
    expect(runtime.emit('a')).toMatchObject({
      success: false,
      queued: false,
      error: { code: 'RUNTIME_SHUTTING_DOWN' },
    });
    expect(await runtime.emitAsync('a')).toMatchObject({ success: false });
    expect(await runtime.process(true)).toEqual({ processed: 0, acked: 0, failed: 0 });
    expect(() => runtime.start()).toThrow(/cleaned up/);
    runtime.clear();
  });

  it('aborts what does not end in time and counts what is dropped', async () => {
    const logs: unknown[][] = [];
    const runtime = createRuntime({}, { log: (...args: unknown[]) => void logs.push(args) }, { maxConcurrent: 1 });
    let reason: unknown;
    runtime.on('a', (_event, signal) => {
      signal.addEventListener('abort', () => (reason = signal.reason));
      return new Promise(() => undefined);
    });
    for (let n = 0; n < 3; n++) runtime.emit('a');
    const processing = runtime.process(true);
    await sleep(1);
    await runtime.cleanup({ timeoutMs: 10 });
    expect(reason).toMatchObject({ code: 'RUNTIME_SHUTTING_DOWN' });
    expect(await processing).toEqual({ processed: 0, acked: 0, failed: 0 });
    expect(runtime.getStats().queue).toMatchObject({ givenUp: 3, running: 0, ready: 0 });
    expect(logs.some(([level, message]) => level === 'warn' && String(message).includes('3 events were dropped'))).toBe(
      true,
    );
  });

  it('starts no further handler of what did not end in time', async () => {
    const runtime = quiet();
    const slow = deferred();
    let seen = 0;
    runtime.on('a', () => slow.promise);
    runtime.on('a', () => void seen++);
    runtime.on('b', () => slow.promise.then(() => ({ type: 'returned' })));
    runtime.on('returned', () => void seen++);
    runtime.emit('a');
    runtime.emit('b');
    void runtime.process();
    await runtime.cleanup({ timeoutMs: 0 });
    slow.resolve();
    await sleep(1);
    expect(seen).toBe(0);
  });

  it('leaves nothing behind of an event whose own handler asks for it', async () => {
    for (const config of [{ enableAcks: true, autoAck: false }, { retry: { maxAttempts: 3, initialDelayMs: 0 } }]) {
      const runtime = quiet(config);
      runtime.on('a', async () => {
        await runtime.cleanup();
        if ('retry' in config) throw new Error('after the end');
      });
      runtime.emit('a');
      await runtime.process();
      await sleep(1);
      expect(runtime.getStats().queue).toMatchObject({ givenUp: 1, running: 0, waiting: 0, size: 0 });
    }
  });

  it('keeps its limit of no time at all, even if the clock stands still', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    runtime.on('a', () => new Promise(() => undefined));
    runtime.emit('a');
    const processing = runtime.process({ timeoutMs: 0 });
    await vi.advanceTimersByTimeAsync(1);
    await processing;
    const cleanup = runtime.cleanup({ timeoutMs: 0 });
    await vi.advanceTimersByTimeAsync(1);
    await cleanup;
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('ends idle, waits and drains that are pending', async () => {
    const runtime = quiet();
    runtime.emit('a', 1, { delayMs: 60_000 });
    const drained = runtime.drain();
    await sleep(1);
    await runtime.cleanup();
    expect(await drained).toMatchObject({ processed: 0 });
    await runtime.idle();
  });

  it('is what `await using` does', async () => {
    const runtime = quiet();
    await runtime[Symbol.asyncDispose]();
    expect(runtime.emit('a').queued).toBe(false);
  });
});

describe('configuration', () => {
  it('is refused at once, with key, value and what is allowed', () => {
    const cases: [object, string][] = [
      [{ queueSize: -1 }, 'queueSize: got -1; allowed: a whole number of at least 0'],
      [{ batchSize: 0 }, 'batchSize: got 0; allowed: a whole number from 1 to 2147483647'],
      [{ maxConcurrent: '5' }, 'maxConcurrent: got "5"'],
      [{ queueConfig: { maxQueueDepth: NaN } }, 'queueConfig.maxQueueDepth: got NaN'],
      [{ batching: { maxBatchSize: 0 } }, 'batching.maxBatchSize: got 0'],
      [{ retry: { jitter: 'some' } }, 'retry.jitter: got "some"; allowed: "none", "full", "equal"'],
      [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts: got 0'],
      [{ deadLetter: { maxSize: 0 } }, 'deadLetter.maxSize: got 0'],
      [{ overflow: 'grow' }, 'overflow: got "grow"; allowed: "reject", "wait", "drop-oldest"'],
      [{ middleware: [5] }, 'middleware[0]: got 5'],
      [{ signal: {} }, 'signal: got {}; allowed: an AbortSignal'],
      [{ onError: 1 }, 'onError: got 1; allowed: a function'],
      [{ jitterRatio: 2 }, 'jitterRatio: got 2; allowed: a number from 0 to 1'],
      [{ persistor: {} }, 'persistor: got {}; allowed: an object with the methods append, load and has'],
      [{ rateLimit: {} }, 'rateLimit.limit: got undefined; allowed: a number above 0'],
      ...[null, []].map((retryable): [object, string] => [
        { retry: { retryable } },
        `retry.retryable: got ${JSON.stringify(retryable)}; allowed: a function, or an object with lists of codes and statuses`,
      ]),
    ];
    for (const [config, message] of cases) {
      expect(() => createRuntime({}, undefined, config as never), message).toThrow(message);
      try {
        createRuntime({}, undefined, config as never);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION', name: 'RuntimeError' });
      }
    }
  });

  it('warns once of unknown keys, and refuses them when strict', () => {
    const logs: unknown[][] = [];
    const sink = { log: (...args: unknown[]) => void (args[0] === 'warn' && logs.push(args)) };
    createRuntime({}, sink, { queueSizes: 5, batching: { enable: true } } as never);
    expect(logs).toHaveLength(1);
    expect(logs[0]![1]).toBe(
      "createRuntime: unknown configuration key 'queueSizes'; did you mean 'queueSize'?; unknown configuration key 'batching.enable'; did you mean 'enabled'?",
    );
    expect(() => createRuntime({}, sink, { queueSizes: 5, strict: true } as never)).toThrow(/queueSizes.*strict/);
  });

  it('names unknown keys of every part of the configuration', () => {
    const parts: [object, string][] = [
      [{ retry: { maxAttempt: 2 } }, "'retry.maxAttempt'; did you mean 'maxAttempts'?"],
      [{ rateLimit: { limit: 1, interval: 5 } }, "'rateLimit.interval'; did you mean 'intervalMs'?"],
      [{ memoryMonitor: { intervallMs: 5 } }, "'memoryMonitor.intervallMs'; did you mean 'intervalMs'?"],
      [
        { eventStoreConfig: { maxStoredEvent: 5 } },
        "'eventStoreConfig.maxStoredEvent'; did you mean 'maxStoredEvents'?",
      ],
      [{ deadLetter: { size: 5 } }, "'deadLetter.size'"],
    ];
    for (const [config, problem] of parts) {
      const message = `unknown configuration key ${problem}`;
      expect(() => createRuntime({}, undefined, { ...config, strict: true } as never), problem).toThrow(message);
    }
  });

  it('warns of options that do nothing because of another one', async () => {
    const cases: [object, string][] = [
      [{ autoAck: false }, 'autoAck has no effect without enableAcks: true'],
      [{ ackTimeout: 5000 }, 'ackTimeout has no effect without enableAcks: true'],
      [{ enableDLQ: false, deadLetter: { maxSize: 1 } }, 'deadLetter has no effect with enableDLQ: false'],
      [{ eventStore: {} }, 'eventStore has no effect in a runtime, which makes its own: see eventStoreConfig'],
    ];
    for (const [config, message] of cases) {
      const warn = vi.fn();
      await createRuntime({}, { warn, info: vi.fn(), error: vi.fn(), debug: vi.fn() }, config).cleanup();
      expect(warn.mock.calls.flat(), message).toContain(`createRuntime: ${message}`);
    }
    const warn = vi.fn();
    const used = { enableAcks: true, autoAck: false, ackTimeout: 5000, deadLetter: { maxSize: 1 } };
    await createRuntime({}, { warn, info: vi.fn(), error: vi.fn(), debug: vi.fn() }, used).cleanup();
    expect(warn).not.toHaveBeenCalled();
  });

  it('warns through the process where there is no logger', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    createRuntime({}, undefined, { maxConcurent: 5 } as never);
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      "createRuntime: unknown configuration key 'maxConcurent'; did you mean 'maxConcurrent'?",
    ]);
    warn.mockRestore();
  });

  it('takes undefined for "not given"', () => {
    const runtime = quiet({
      queueSize: undefined,
      batching: undefined,
      queueConfig: { maxQueueDepth: undefined },
      persistor: undefined,
      maxRetries: undefined,
    });
    expect(runtime.getStats().queue.maxQueueDepth).toBe(1000);
  });

  it('tolerates any observability object', async () => {
    for (const observability of [undefined, null, {}, 5, { log: 1 }, { logger: {} }]) {
      const runtime = createRuntime({}, observability);
      runtime.on('a', () => Promise.reject(new Error('no')));
      runtime.emit('a');
      expect(await runtime.process(true)).toMatchObject({ failed: 1 });
      await runtime.cleanup();
    }
  });

  it('traces each root event with the names of the newest release', async () => {
    const traces: unknown[][] = [];
    const trace = (name: string, fn: () => Promise<unknown>, options: unknown): Promise<unknown> => {
      traces.push([name, options]);
      return fn();
    };
    const runtime = createRuntime({ tenantId: 't', executionId: 'e' }, { trace });
    runtime.on('a', () => ({ type: 'b' }));
    const { correlationId } = runtime.emit('a');
    await runtime.process();
    expect(traces).toHaveLength(1);
    expect(traces[0]).toMatchObject([
      'workflow.step',
      {
        correlationId,
        tenantId: 't',
        executionId: 'e',
        attributes: { 'workflow.step': 'a', 'workflow.execution.id': 'e', eventType: 'a' },
      },
    ]);
    await runtime.cleanup();
  });
});

describe('statistics and snapshots', () => {
  it('have the shapes of the old runtime and of its README', async () => {
    const runtime = quiet({}, { tenantId: 't' });
    runtime.on('a', () => undefined);
    runtime.emit('a', 1, { correlationId: 'c' });
    await runtime.process();
    runtime.emit('b', 1, { priority: 2, correlationId: 'c2', tenantId: 'x' });
    const stats = runtime.getStats();
    expect(stats).toMatchObject({
      queue: {
        size: 1,
        processed: 1,
        dropped: 0,
        processing: false,
        compressionRatio: '0.00%',
        processedEventsCount: 1,
      },
      processor: { registeredHandlers: 1, activeHandlers: 1, processedEvents: 1, operationTimeoutMs: 180_000 },
      stream: { activeGenerators: 0, staleGenerators: 0, totalTracked: 0 },
      delivery: { pendingAcks: 0, enableAcks: false },
      runtime: { persistorType: 'StoragePersistorAdapter', tenantId: 't' },
    });
    expect((stats.queue as { size: number }).size).toBe(1);
    expect(runtime.getRecentEvents()).toEqual([
      { eventId: expect.any(String), eventType: 'a', timestamp: expect.any(Number), correlationId: 'c' },
    ]);
    expect(runtime.getRecentEvents(NaN)).toEqual([]);
    expect(runtime.getQueueSnapshot()).toEqual([
      {
        eventId: expect.any(String),
        eventType: 'b',
        priority: 2,
        retryCount: 0,
        timestamp: expect.any(Number),
        correlationId: 'c2',
        tenantId: 'x',
      },
    ]);
    expect(runtime.getEnhancedQueue().getStats().retry).toMatchObject({ totalRetries: 0 });
    expect(runtime.getEnhancedQueue().getStats().dlq).toMatchObject({ totalItems: 0 });
  });

  it('show the snapshot in processing order, waiting events after ready ones', () => {
    const runtime = quiet();
    runtime.emit('late', 1, { delayMs: 1000, priority: 99 });
    runtime.emit('low');
    runtime.emit('high', 1, { priority: 5 });
    expect(runtime.getQueueSnapshot().map((item) => item.eventType)).toEqual(['high', 'low', 'late']);
    expect(runtime.getQueueSnapshot(1)).toHaveLength(1);
  });

  it('remember 10,000 recent events at most, newest first', async () => {
    const runtime = quiet({ queueSize: 20_000 });
    for (let n = 0; n < 10_010; n++) runtime.emit(`t${n}`);
    await runtime.process();
    const recent = runtime.getRecentEvents(20_000);
    expect(recent).toHaveLength(10_000);
    expect([recent[0]!.eventType, recent.at(-1)!.eventType]).toEqual(['t10009', 't10']);
  });

  it('do not keep handled events alive', async () => {
    const runtime = quiet();
    const gate = deferred();
    let weak: WeakRef<object> | undefined;
    runtime.on('a', () => void gate.resolve());
    (() => {
      const data = { big: new Array(1000).fill(0) };
      weak = new WeakRef(data);
      runtime.emit('a', data);
    })();
    await runtime.process();
    await gate.promise;
    if (globalThis.gc) {
      await sleep(1);
      globalThis.gc();
      expect(weak!.deref()).toBeUndefined();
    }
  });
});

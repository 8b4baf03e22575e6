import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { catchWarnings, quiet } from './helpers';
import type { Runtime } from '../lib/index';

let warnings: () => unknown[];

beforeEach(() => {
  warnings = catchWarnings();
});

afterEach(() => vi.restoreAllMocks());

const stop = new AbortController().signal;

describe('an option that a method does not know is a warning of the process, and everything else goes on', () => {
  const cases: [string, string, (runtime: Runtime) => unknown][] = [
    ['emit', "'prio'", (runtime) => runtime.emit('a', 1, { prio: 3 } as never)],
    ['emit', "'delayMS'; did you mean 'delayMs'?", (runtime) => runtime.emitAsync('a', 1, { delayMS: 3 } as never)],
    ['on', "'signals'; did you mean 'signal'?", (runtime) => runtime.on('a', () => 1, { signals: true } as never)],
    ['process', "'maxEvent'; did you mean 'maxEvents'?", (runtime) => runtime.process({ maxEvent: 3 } as never)],
    ['drain', "'timeout'; did you mean 'timeoutMs'?", (runtime) => runtime.drain({ timeout: 3 } as never)],
    [
      'waitFor',
      "'timeOutMs'; did you mean 'timeoutMs'?",
      (runtime) => {
        runtime.waitFor('a', { timeOutMs: 3 } as never).catch(() => undefined);
      },
    ],
    [
      'deadLetters.list',
      "'cursors'; did you mean 'cursor'?",
      (runtime) => runtime.deadLetters.list({ cursors: '3' } as never),
    ],
    [
      'createSubscription',
      "'buffers'; did you mean 'buffer'?",
      (runtime) => runtime.subscribe('a', { buffers: 3 } as never),
    ],
    [
      'debounce',
      "'maxWaitMS'; did you mean 'maxWaitMs'?",
      (runtime) => runtime.createStream([1]).debounce(1, { maxWaitMS: 3 } as never),
    ],
    [
      'filter',
      "'singal'; did you mean 'signal'?",
      (runtime) => runtime.createStream([1]).filter(() => true, { singal: stop } as never),
    ],
    [
      'retry',
      "'maxAttempt'; did you mean 'maxAttempts'?",
      (runtime) => runtime.createStream([1]).retry({ maxAttempt: 3 } as never),
    ],
    ['cleanup', "'timeout_ms'; did you mean 'timeoutMs'?", (runtime) => runtime.cleanup({ timeout_ms: 3 } as never)],
  ];

  test.each(cases)('%s: %s', async (method, problem, call) => {
    const runtime = quiet();
    await call(runtime);
    expect(warnings()).toEqual([`${method}: unknown option ${problem}`]);
    await runtime.cleanup();
  });

  test('options that are known are no warning', async () => {
    const runtime = quiet();
    const all = { priority: 1, tenantId: 't', orderingKey: 'k', delayMs: 0, ttlMs: 1e6, timeout: 5, signal: stop };
    runtime.emit('a', 1, { ...all, correlationId: 'c', deliveryGuarantee: 'at-least-once', idempotencyKey: 'i' });
    runtime.emit('a', 1, {
      batch: true,
      batchSize: 2,
      batchTimeout: 5,
      flushBatch: true,
      retryPolicy: { maxRetries: 1 },
    });
    runtime.on('a', () => 1, { signal: true });
    const stream = runtime.createStream([1, 2]).debounce(1, { leading: true, maxWaitMs: 5, signal: stop });
    stream.throttle(1, { leading: true, trailing: true }).distinct(undefined, { capacity: 5 }).retry({ factor: 1 });
    runtime.createStream([1]).window({ kind: 'sliding', sizeMs: 5, everyMs: 5, maxItems: 2, signal: stop });
    runtime.createStream([1]).window({ kind: 'session', gapMs: 5 });
    runtime.subscribe('a', { buffer: 5, overflow: 'drop-oldest', signal: stop });
    await runtime.process({ withStats: true, maxEvents: 5, timeoutMs: 50, signal: stop });
    await runtime.cleanup({ timeoutMs: 5 });
    expect(warnings()).toEqual([]);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { circuitBreakerMiddleware, createRuntime } from '../lib/index';
import { cleanUpAll, sleep } from './helpers';
import type { Runtime, RuntimeConfig } from '../lib/index';

const open: Runtime[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((runtime) => runtime.cleanup({ timeoutMs: 0 })));
  await cleanUpAll();
});

type Line = { level: string; message: string; context: Record<string, any> };

function recorder(listens: (level: string) => boolean = () => true) {
  const lines: Line[] = [];
  return {
    lines,
    log: (level: string, message: string, context: Line['context'] = {}) =>
      void lines.push({ level, message, context }),
    isLevelEnabled: listens,
    of: (level: string) => lines.filter((line) => line.level === level),
  };
}

function start(logger: object, config: RuntimeConfig = {}): Runtime {
  const runtime = createRuntime({}, logger, config);
  open.push(runtime);
  return runtime;
}

const failing = (): never => {
  throw Object.assign(new Error('no luck'), { code: 'E_LUCK' });
};

/** Messages told and messages left out. Counts that come by themselves are no messages of their own. */
function countOf(lines: readonly Line[], start: string): number {
  const told = lines.filter(({ message }) => message.startsWith(start));
  const isMessage = ({ context }: Line) => context['eventId'] !== undefined;
  return told.reduce((sum, line) => sum + Number(isMessage(line)) + (line.context['suppressed'] ?? 0), 0);
}

async function run(runtime: Runtime, count = 1): Promise<void> {
  for (let index = 0; index < count; index++) runtime.emit('a', {}, { correlationId: 'c', tenantId: 't' });
  await runtime.drain();
}

describe('the logger of a runtime', () => {
  it('hears of the life of the runtime, and nothing at info for events that succeed', async () => {
    const logger = recorder();
    const runtime = start(logger, { tenantId: 'own', executionId: 'x' });
    runtime.on('a', async () => undefined);
    await run(runtime, 1000);
    await runtime.cleanup();
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ['info', 'Runtime created'],
      ['info', 'Runtime cleaned up'],
    ]);
    expect(logger.lines[0]!.context).toEqual({ executionId: 'x', tenantId: 'own' });
  });

  it('hears of failures, redeliveries and dead letters, with the fields to find the event by', async () => {
    const logger = recorder();
    const runtime = start(logger, { retry: { maxAttempts: 2, initialDelayMs: 1 } });
    runtime.on('a', failing);
    await run(runtime);
    const fields = { eventId: expect.any(String), eventType: 'a', correlationId: 'c', tenantId: 't' };
    const [failed, dead] = logger.of('error');
    const failure = { ...fields, code: 'E_LUCK', durationMs: expect.any(Number) };
    expect(failed!.context).toEqual({ ...failure, attempt: 1, error: 'no luck' });
    expect(dead!.message).toMatch(/^Dead letter/);
    expect(dead!.context).toEqual({ ...failure, attempt: 2, error: 'no luck', queueSize: 1 });
    const [retry] = logger.of('warn');
    expect(retry!.context).toEqual({ ...failure, attempt: 1, error: 'no luck', delayMs: expect.any(Number) });
  });

  it('hears how long the attempt had run that failed, that was given up, or whose acknowledgement did not come', async () => {
    vi.useFakeTimers();
    const logger = recorder();
    const durations = () => logger.of('error').map(({ context }) => Math.round(context['durationMs']));
    const slow = async () => {
      await sleep(70);
      failing();
    };
    for (const config of [{}, { enableDLQ: false }]) {
      const runtime = start(logger, config);
      runtime.on('a', slow);
      const ran = run(runtime);
      await vi.advanceTimersByTimeAsync(200);
      await ran;
    }
    expect(durations()).toEqual([70, 70, 70, 70]);
    logger.lines.length = 0;
    const acking = start(logger, { enableAcks: true, ackTimeout: 300, maxRetries: 0 });
    acking.on('a', () => sleep(10_000));
    const ran = run(acking);
    await vi.advanceTimersByTimeAsync(500);
    await ran;
    expect(durations()).toEqual([300]);
    const [late] = logger.of('warn');
    expect(late!.message).toMatch(/acknowledgement of a did not come/);
    expect(late!.context).toMatchObject({ attempt: 1, code: 'ACK_TIMEOUT', eventType: 'a', correlationId: 'c' });
    expect(Math.round(late!.context['durationMs'])).toBe(300);
  });

  it('hears of no time where none are recorded', async () => {
    const logger = recorder();
    const runtime = start(logger, { latency: 'off' });
    runtime.on('a', failing);
    await run(runtime);
    expect(logger.of('error').map(({ context }) => 'durationMs' in context)).toEqual([false, false]);
  });

  it('hears of a refused delivery with the fields of its event', async () => {
    const logger = recorder();
    const runtime = start(logger, { enableAcks: true, autoAck: false, retry: { maxAttempts: 1 } });
    runtime.on('a', (event) => runtime.nack(event.id, Object.assign(new Error('not now'), { code: 'E_LATER' })));
    await run(runtime);
    const [nack] = logger.of('warn').filter(({ message }) => message.startsWith('nack'));
    expect(nack!.context).toMatchObject({ eventType: 'a', correlationId: 'c', tenantId: 't', code: 'E_LATER' });
  });

  it('hears of refusals at warn, with the fields to find the event by', () => {
    const logger = recorder();
    start(logger, { queueSize: 0 }).emit('a', {}, { correlationId: 'c', tenantId: 't' });
    const [refused] = logger.of('warn');
    expect(refused!.message).toMatch(/refused/);
    expect(refused!.context).toEqual({
      eventId: expect.any(String),
      eventType: 'a',
      correlationId: 'c',
      tenantId: 't',
      code: 'RUNTIME_EVENT_QUEUE_FULL',
      queueSize: 0,
      error: expect.stringContaining('full'),
    });
  });

  it('hears when the breaker of the queue opens', async () => {
    const logger = recorder();
    const runtime = start(logger, { enableCircuitBreaker: true, circuitBreakerThreshold: 2, maxConcurrent: 1 });
    runtime.on('a', failing);
    await run(runtime, 5);
    const changes = logger.lines.filter(({ message }) => message.startsWith('The breaker'));
    expect(changes.map(({ level, context }) => [level, context['state']])).toEqual([['warn', 'open']]);
  });

  it('hears when the breaker of a middleware opens, tries again and closes', async () => {
    vi.useFakeTimers();
    const logger = recorder();
    const breaker = circuitBreakerMiddleware({ failureThreshold: 2, recoveryTimeout: 1000, successThreshold: 1 });
    const runtime = start(logger, { middleware: [breaker], maxConcurrent: 1 });
    let isWell = false;
    runtime.on('a', () => (isWell ? undefined : failing()));
    await run(runtime, 3);
    isWell = true;
    await vi.advanceTimersByTimeAsync(2000);
    await run(runtime);
    const changes = logger.lines.filter(({ message }) => message.startsWith('Circuit breaker'));
    expect(changes.map(({ level, message }) => [level, message.split(' is ')[1]])).toEqual([
      ['warn', 'OPEN'],
      ['info', 'HALF_OPEN'],
      ['info', 'CLOSED'],
    ]);
  });

  it('hears the first of a flood and then counts, however many attempts fail', async () => {
    const logger = recorder();
    const runtime = start(logger, { queueSize: 5000, deadLetter: { maxSize: 1 }, enableDLQ: false });
    runtime.on('a', failing);
    await run(runtime, 2000);
    expect(logger.of('error').length).toBeLessThan(20);
    await runtime.cleanup();
    expect(countOf(logger.of('error'), 'Handler failed')).toBe(2000);
  });

  it('hears of a type that fails once beside another that fails all the time', async () => {
    const logger = recorder();
    const runtime = start(logger);
    runtime.on('*', failing);
    for (let index = 0; index < 100; index++) runtime.emit('often');
    runtime.emit('rare');
    await runtime.process();
    const told = logger.of('error').map(({ message }) => message.replace(/ failed for good.*/, ''));
    expect(told.sort()).toEqual([
      'Dead letter: often',
      'Dead letter: rare',
      'Handler failed for often: no luck',
      'Handler failed for rare: no luck',
    ]);
  });

  it('hears of a flood of dead letters in the same way, and all are counted in the end', async () => {
    const logger = recorder();
    const runtime = start(logger, { queueSize: 5000, deadLetter: { maxSize: 10 } });
    runtime.on('a', failing);
    await run(runtime, 2000);
    await runtime.cleanup();
    expect(logger.of('error').length).toBeLessThan(20);
    expect(countOf(logger.of('error'), 'Dead letter')).toBe(2000);
  });

  it('hears what was left out soon after the flood, without another message', async () => {
    vi.useFakeTimers();
    const logger = recorder();
    const runtime = start(logger, { queueSize: 0 });
    for (let index = 0; index < 5; index++) runtime.emit('a');
    expect(logger.of('warn')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3000);
    const [, counts] = logger.of('warn');
    expect(counts!.context).toEqual({ suppressed: 4 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(logger.of('warn')).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is asked for its level before anything is built', async () => {
    const logger = recorder((level) => level === 'error');
    const runtime = start(logger, { queueSize: 0 });
    for (let index = 0; index < 10; index++) runtime.emit('a');
    expect(logger.of('warn')).toEqual([]);
  });

  it.each([
    [
      'like pino',
      (lines: unknown[][]) => {
        const write = (...line: unknown[]) => void lines.push(line);
        return { debug: write, info: write, warn: write, error: write, bindings: () => ({}), child: () => undefined };
      },
    ],
    [
      'like the console',
      (lines: unknown[][]) => {
        const write = (...line: unknown[]) => void lines.push(line);
        return { debug: write, info: write, warn: write, error: write, log: write, trace: write };
      },
    ],
  ])('may be one %s', async (kind, make) => {
    const lines: any[][] = [];
    const runtime = start(make(lines));
    runtime.on('a', failing);
    await run(runtime);
    const line = lines.find((l) => l.some((part) => typeof part === 'string' && part.startsWith('Handler failed')))!;
    const [fields, message] = kind === 'like pino' ? line : [...line].reverse();
    expect(message).toMatch(/no luck/);
    expect(fields).toMatchObject({ eventType: 'a', code: 'E_LUCK', correlationId: 'c' });
  });

  it('may be one with a method for each level beneath logger, whose error comes before the fields', async () => {
    const lines: unknown[][] = [];
    const write =
      (level: string) =>
      (...line: unknown[]) =>
        void lines.push([level, ...line]);
    const logger = { info: write('info'), warn: write('warn'), error: write('error'), debug: write('debug') };
    const runtime = start({ logger });
    runtime.on('a', failing);
    await run(runtime);
    const [created, failed] = lines as [string, string, any, any][];
    expect(created!.slice(0, 2)).toEqual(['info', 'Runtime created']);
    expect(failed!.slice(0, 2)).toEqual(['error', 'Handler failed for a: no luck']);
    expect(failed![2]).toBeInstanceOf(Error);
    expect(failed![3]).toMatchObject({ eventType: 'a', correlationId: 'c', code: 'E_LUCK', error: 'no luck' });
  });

  it('hears when the journal fails and when it works again', async () => {
    const path = mkdtempSync(join(tmpdir(), 'kodus-logging-'));
    const logger = recorder();
    const runtime = start(logger, { journal: { path, maxBytes: 2 ** 20 } });
    const data = 'x'.repeat(50_000);
    while ((await runtime.emitAsync('a', data)).queued);
    const told = () => logger.lines.filter(({ message }) => /No events are accepted|works again/.test(message));
    expect(told()[0]).toMatchObject({ level: 'error', context: { code: 'JOURNAL_FULL' } });
    runtime.on('a', () => undefined);
    await runtime.process();
    await runtime.flush();
    await expect.poll(async () => (await runtime.emitAsync('a')).queued).toBe(true);
    expect(told()[1]).toMatchObject({ level: 'info' });
    await runtime.cleanup();
    rmSync(path, { recursive: true });
  });

  it('harms nothing when it throws, rejects, or throws when asked for its level', async () => {
    const broken = () => {
      throw new Error('broken logger');
    };
    for (const logger of [
      { log: broken },
      { log: async () => broken() },
      { log: broken, isLevelEnabled: broken },
      { logger: { info: broken, warn: broken, error: broken } },
      { info: broken, warn: broken, error: broken, debug: broken },
    ]) {
      const runtime = start(logger, { retry: { maxAttempts: 2, initialDelayMs: 1 } });
      let calls = 0;
      runtime.on('a', () => {
        calls++;
        failing();
      });
      await run(runtime, 3);
      expect(calls).toBe(6);
      expect(runtime.getStats().queue).toMatchObject({ dead: 3, failed: 6 });
      await runtime.cleanup();
    }
  });

  it('hears nothing when observability is off', async () => {
    const logger = recorder();
    const memoryMonitor = { thresholds: { rss: 1 }, onAlert: vi.fn() };
    const runtime = start(logger, { enableObservability: false, queueSize: 1, memoryMonitor, nativeLogLevel: 'debug' });
    expect(memoryMonitor.onAlert).toHaveBeenCalled();
    runtime.on('a', failing);
    await run(runtime, 3);
    await runtime.cleanup();
    expect(logger.lines).toEqual([]);
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { createRuntime } from '../lib/index';
import { cleanUpAll } from './helpers';
import type { Runtime, RuntimeConfig } from '../lib/index';

const open: Runtime[] = [];
afterEach(async () => {
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
    expect(failed!.context).toMatchObject({ ...fields, attempt: 1, code: 'E_LUCK', error: 'no luck' });
    expect(dead!.message).toMatch(/^Dead letter/);
    expect(dead!.context).toMatchObject({ ...fields, attempt: 2, queueSize: 1 });
    expect(logger.of('warn')[0]!.context).toMatchObject({
      ...fields,
      attempt: 1,
      code: 'E_LUCK',
      delayMs: expect.any(Number),
    });
  });

  it('hears of refusals at warn', () => {
    const logger = recorder();
    start(logger, { queueSize: 0 }).emit('a');
    expect(logger.of('warn')[0]!.message).toMatch(/refused/);
  });

  it('hears when the breaker of the queue opens', async () => {
    const logger = recorder();
    const runtime = start(logger, { enableCircuitBreaker: true, circuitBreakerThreshold: 2, maxConcurrent: 1 });
    runtime.on('a', failing);
    await run(runtime, 5);
    const changes = logger.lines.filter(({ message }) => message.startsWith('The breaker'));
    expect(changes.map(({ level, context }) => [level, context['state']])).toEqual([['warn', 'open']]);
  });

  it('hears the first of a flood and then counts, however many attempts fail', async () => {
    const logger = recorder();
    const runtime = start(logger, { queueSize: 5000, deadLetter: { maxSize: 1 }, enableDLQ: false });
    runtime.on('a', failing);
    await run(runtime, 2000);
    expect(logger.of('error').length).toBeLessThan(20);
    await runtime.cleanup();
    const told = logger.of('error').filter(({ message }) => message.startsWith('Handler failed'));
    const counted = told.reduce((sum, { context }) => sum + 1 + (context['suppressed'] ?? 0), 0);
    // The last message tells of suppressed ones without being one itself.
    expect(counted).toBeGreaterThanOrEqual(2000);
    expect(counted).toBeLessThanOrEqual(2001);
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
    const runtime = start(logger, { enableObservability: false, queueSize: 1 });
    runtime.on('a', failing);
    await run(runtime, 3);
    await runtime.cleanup();
    expect(logger.lines).toEqual([]);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRuntime } from '../lib/index';
import { native } from '../lib/native';
import { sleep } from './helpers';
import type { NativeLogs } from '../lib/native/logs';
import type { Runtime, RuntimeConfig } from '../lib/index';

const open: Runtime[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.splice(0).map((runtime) => runtime.cleanup({ timeoutMs: 0 })));
});

type Line = [level: string, message: string, context?: Record<string, unknown>];

function recorder() {
  const lines: Line[] = [];
  return {
    lines,
    log: (...line: Line): void => void lines.push(line),
    native: () => lines.filter((l) => l[2]?.component === 'native'),
  };
}

function start(logger: object, config: RuntimeConfig = {}): Runtime {
  const runtime = createRuntime({}, logger, config);
  open.push(runtime);
  return runtime;
}

async function failOnce(runtime: Runtime): Promise<void> {
  runtime.on('a', () => {
    throw new Error('no luck');
  });
  runtime.emit('a');
  await runtime.drain();
  await sleep(20);
}

describe('logs of the native code', () => {
  it('are off by default', async () => {
    const logger = recorder();
    await failOnce(start(logger));
    expect(logger.native()).toEqual([]);
  });

  it('reach the logger, with level, module and fields', async () => {
    const logger = recorder();
    await failOnce(start(logger, { nativeLogLevel: 'debug' }));
    const given = logger.native().find((line) => line[1] === 'given up')!;
    expect(given[0]).toBe('debug');
    expect(given[2]).toMatchObject({ attempts: expect.any(String), target: expect.stringContaining('core::runtime') });
  });

  it('can be asked for in the environment', async () => {
    vi.stubEnv('KODUS_FLOW_LOG', 'debug');
    const logger = recorder();
    await failOnce(start(logger));
    expect(logger.native().length).toBeGreaterThan(0);
  });

  it('come from the journal, too, and only from the level on that was asked for', async () => {
    const path = mkdtempSync(join(tmpdir(), 'kodus-logs-'));
    const [all, few] = [recorder(), recorder()];
    start(few, { nativeLogLevel: 'warn' });
    const runtime = start(all, { nativeLogLevel: 'debug', journal: path });
    await runtime.emitAsync('a');
    await runtime.flush();
    await sleep(20);
    expect(all.native().some((line) => String(line[2]!.target).includes('journal'))).toBe(true);
    expect(few.native()).toEqual([]);
    await runtime.cleanup();
    rmSync(path, { recursive: true });
  });

  it('reach a logger that several runtimes share once, and nobody after cleanup', async () => {
    const logger = recorder();
    const runtimes = [start(logger, { nativeLogLevel: 'debug' }), start(logger, { nativeLogLevel: 'debug' })];
    await failOnce(runtimes[0]!);
    expect(logger.native().filter((line) => line[1] === 'given up')).toHaveLength(1);
    await Promise.all(runtimes.map((runtime) => runtime.cleanup()));
    await sleep(5);
    logger.lines.length = 0;
    await failOnce(start(recorder()));
    expect(logger.native()).toEqual([]);
  });

  /** Makes the core say the same thing 5000 times within one turn. */
  function flood(): void {
    const handle = native.createEngine(new ArrayBuffer(native.ringBytes()), {
      maxConcurrent: 1,
      maxConcurrentPerTenant: 0,
      maxConcurrentPerKind: 0,
      ackTimeoutMs: 0,
      redelivery: { maxAttempts: 1, initialDelayMs: 0, maxDelayMs: 0, factor: 1, jitter: 0, jitterRatio: 0 },
      largeEventBytes: Infinity,
      hugeEventBytes: Infinity,
      maxEventBytes: Infinity,
      dropHugeEvents: false,
      maxQueueBytes: Infinity,
      latency: 0,
      seed: 1,
    });
    for (let width = 2; width < 5002; width++) handle.setWidth(width);
  }

  it('are dropped and counted when they come in a flood', async () => {
    const batches: NativeLogs[] = [];
    const subscription = native.subscribeLogs(0, (logs) => void batches.push(logs));
    flood();
    await sleep(50);
    subscription.close();
    const records = batches.flatMap((batch) => batch.records).length;
    const dropped = batches.reduce((sum, batch) => sum + batch.dropped, 0);
    expect(records).toBeGreaterThan(500);
    expect(dropped).toBeGreaterThan(3000);
    expect(records + dropped).toBeGreaterThanOrEqual(5000);
  });

  it('are followed by a warning with the number of those that were dropped', async () => {
    const logger = recorder();
    start(logger, { nativeLogLevel: 'debug' });
    flood();
    await sleep(50);
    const drops = logger.native().filter(([, message]) => message.endsWith('logs of the native code were dropped'));
    expect(drops.length).toBeGreaterThan(0);
    expect(drops.every(([level]) => level === 'warn')).toBe(true);
    const dropped = drops.reduce((sum, [, , context]) => sum + Number(context!.dropped), 0);
    expect(dropped + logger.native().length - drops.length).toBeGreaterThanOrEqual(5000);
  });

  it('harm nothing when the logger throws', async () => {
    const runtime = start(
      {
        log: () => {
          throw new Error('broken logger');
        },
      },
      { nativeLogLevel: 'debug' },
    );
    await failOnce(runtime);
    expect(runtime.getStats().queue.dead).toBe(1);
  });

  it('reach nobody whose runtime could not be made', async () => {
    const logger = recorder();
    const config: RuntimeConfig = { nativeLogLevel: 'debug', journal: join(tmpdir(), 'no\0such') };
    expect(() => start(logger, config)).toThrow();
    logger.lines.length = 0;
    await failOnce(start(recorder(), { nativeLogLevel: 'debug' }));
    expect(logger.native()).toEqual([]);
  });

  it('are refused a level that does not exist', () => {
    expect(() => start({}, { nativeLogLevel: 'trace' as never })).toThrow(/nativeLogLevel/);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRuntime } from '../lib/index';
import { PressureSampler } from '../lib/pressure';
import { cleanUpAll, sleep } from './helpers';
import type { RuntimeConfig } from '../lib/index';

let rssFraction: number;
let cpu: { user: number; idle: number };
let readings: number;

beforeEach(() => {
  vi.useFakeTimers();
  rssFraction = 0.1;
  cpu = { user: 1_000, idle: 1_000 };
  readings = 0;
  vi.spyOn(os, 'totalmem').mockReturnValue(1_000);
  vi.spyOn(process, 'constrainedMemory').mockReturnValue(0);
  vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
    readings += 1;
    return rssFraction * 1_000;
  });
  vi.spyOn(os, 'cpus').mockImplementation(() => [
    { model: '', speed: 0, times: { user: cpu.user, nice: 0, sys: 0, irq: 0, idle: cpu.idle } },
  ]);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const create = () => new PressureSampler({ maxConcurrent: 24, maxMemoryUsage: 0.8, maxCpuUsage: 0.85 });

test('a calm machine has full width', () => {
  const pressure = create();
  expect(pressure.width).toBe(24);
  expect(pressure.maybeSample(0)).toBe(24);
  expect(pressure.isActive).toBe(false);
});

test('the machine is read every 100 ms at most', () => {
  const pressure = create();
  for (let now = 0; now < 1_000; now += 1) pressure.maybeSample(now);
  expect(readings).toBe(10);
});

test('short memory narrows step by step, down to one, and back', () => {
  const pressure = create();
  rssFraction = 0.9;
  const narrowing = Array.from({ length: 10 }, (_, n) => pressure.maybeSample(n * 250));
  expect(narrowing).toEqual([21, 18, 15, 12, 9, 6, 3, 1, 1, 1]);
  expect(pressure.isActive).toBe(true);
  rssFraction = 0.1;
  cpu.idle += 10_000;
  const widening = Array.from({ length: 8 }, (_, n) => pressure.maybeSample(2_500 + n * 250));
  expect(widening).toEqual([3, 6, 9, 12, 15, 18, 21, 24]);
  expect(pressure.isActive).toBe(false);
});

test('the CPU counts as half busy first, then by what was used in between', () => {
  const pressure = create();
  cpu = { user: 1_000_000, idle: 0 };
  expect(pressure.maybeSample(0)).toBe(24);
  cpu.user += 100;
  expect(pressure.maybeSample(100)).toBe(21);
  expect(pressure.isActive).toBe(true);
});

test('the limit of a container counts as its memory', () => {
  vi.mocked(process.constrainedMemory).mockReturnValue(100);
  const pressure = create();
  rssFraction = 0.09;
  pressure.maybeSample(0);
  expect(pressure.isActive).toBe(true);
});

test('a machine that cannot be read changes nothing and is read again later', () => {
  const pressure = create();
  vi.mocked(os.cpus).mockImplementationOnce(() => {
    throw new Error('EMFILE');
  });
  rssFraction = 0.9;
  expect(pressure.maybeSample(0)).toBe(24);
  expect(pressure.maybeSample(50)).toBe(24);
  expect(pressure.maybeSample(100)).toBe(21);
});

test('a CPU that others keep busy narrows nothing that only waits', () => {
  const pressure = create();
  pressure.maybeSample(0, false);
  cpu.user += 100;
  expect(pressure.maybeSample(100, false)).toBe(24);
  expect(pressure.isActive).toBe(true);
  cpu.user += 100;
  expect(pressure.maybeSample(200, true)).toBe(21);
});

test('begin, exhaustion and end are told once each, with what was read', () => {
  const told: unknown[] = [];
  const options = { maxConcurrent: 24, maxMemoryUsage: 0.8, maxCpuUsage: 0.85 };
  const pressure = new PressureSampler(options, (change) => void told.push(change));
  const fractions = [0.5, 0.81, 0.9, 0.96, 0.99, 0.9, 0.8, 0.75, 0.1, 0.1];
  fractions.forEach((fraction, n) => {
    rssFraction = fraction;
    pressure.maybeSample(n * 100);
  });
  const rest = { cpuUsage: 0.5, width: expect.any(Number) };
  expect(told).toEqual([
    { isActive: true, isExhausted: false, memoryUsage: 0.81, ...rest },
    { isActive: true, isExhausted: true, memoryUsage: 0.96, ...rest },
    { isActive: true, isExhausted: false, memoryUsage: 0.8, ...rest },
    { isActive: false, isExhausted: false, memoryUsage: 0.1, ...rest },
  ]);
});

describe('a runtime', () => {
  afterEach(async () => {
    vi.useRealTimers();
    await cleanUpAll();
  });

  /** A runtime whose handlers wait, and what it tells of the machine. */
  function waiting(config: RuntimeConfig = {}) {
    const lines: [level: string, message: string][] = [];
    const log = (level: string, message: string): void => void lines.push([level, message]);
    const runtime = createRuntime({}, { log }, { maxConcurrent: 24, ...config });
    const widths: number[] = [];
    let running = 0;
    runtime.on('a', async () => {
      widths.push(++running);
      await sleep(100);
      running--;
    });
    return { runtime, widths, told: () => lines.filter(([, message]) => /pressure|Memory/.test(message)) };
  }

  /** Lets time pass until `work` is done, with turns of the event loop in between. */
  async function passing(work: Promise<unknown>): Promise<void> {
    let isDone = false;
    void work.then(() => (isDone = true));
    while (!isDone) await vi.advanceTimersByTimeAsync(50);
  }

  test('whose handlers only wait sees short memory between them, runs fewer, and tells it once', async () => {
    const { runtime, widths, told } = waiting();
    for (let n = 0; n < 300; n++) runtime.emit('a');
    rssFraction = 0.9;
    await passing(runtime.process());
    expect(Math.max(...widths)).toBe(24);
    expect(widths.at(-1)).toBe(1);
    expect(told()).toEqual([['warn', expect.stringContaining('Backpressure')]]);
    rssFraction = 0.1;
    runtime.emit('a');
    await passing(runtime.process());
    expect(told().at(-1)).toEqual(['info', 'The backpressure is over']);
    await runtime.cleanup();
  });

  test('whose memory is nearly used up takes in one event at a time, says why, and goes on when there is more', async () => {
    const { runtime, told } = waiting({ queueSize: 5000 });
    for (let n = 0; n < 5; n++) runtime.emit('a');
    rssFraction = 0.97;
    expect(runtime.getStats().queue.backpressureActive).toBe(true);
    const refused = runtime.emit('a');
    expect(refused.queued).toBe(false);
    expect(refused.error).toMatchObject({ code: 'RUNTIME_EVENT_QUEUE_FULL', context: { reason: 'memory' } });
    expect(runtime.getStats().queue).toMatchObject({ refusals: { memory: 1, full: 0 }, dropped: 1 });
    await passing(runtime.process());
    expect(runtime.emit('a').queued).toBe(true);
    expect(runtime.emit('a').queued).toBe(false);
    rssFraction = 0.86;
    await vi.advanceTimersByTimeAsync(200);
    expect(runtime.emit('a').queued).toBe(false);
    rssFraction = 0.5;
    await vi.advanceTimersByTimeAsync(200);
    expect(runtime.emit('a').queued).toBe(true);
    expect(runtime.emit('a').queued).toBe(true);
    expect(told().map(([level]) => level)).toEqual(['warn', 'info']);
    await runtime.cleanup();
  });

  test('says so of an event that is to be durable as well, whose way in is another one', async () => {
    const path = mkdtempSync(join(tmpdir(), 'kodus-pressure-'));
    const { runtime } = waiting({ queueSize: 5000, journal: path });
    runtime.emit('a');
    rssFraction = 0.97;
    expect(runtime.getStats().queue.backpressureActive).toBe(true);
    expect(runtime.emit('a').error).toMatchObject({ context: { reason: 'memory' } });
    expect((await runtime.emitAsync('a')).error).toMatchObject({ context: { reason: 'memory' } });
    rssFraction = 0.5;
    await vi.advanceTimersByTimeAsync(200);
    expect(runtime.emit('a').queued).toBe(true);
    await runtime.cleanup();
    rmSync(path, { recursive: true });
  });

  test('that takes in a flood without running anything sees its memory used up', () => {
    const { runtime } = waiting({ queueSize: 100_000 });
    rssFraction = 0.97;
    let refused = 0;
    for (let n = 0; n < 4000; n++) if (!runtime.emit('a').queued) refused++;
    expect(refused).toBeGreaterThan(1900);
    void runtime.cleanup();
  });

  test('lets those who wait for room in, one after the other, also while memory is used up', async () => {
    const { runtime } = waiting({ queueSize: 10, overflow: 'wait' });
    runtime.emit('a');
    rssFraction = 0.97;
    expect(runtime.getStats().queue.backpressureActive).toBe(true);
    const emits = Array.from({ length: 5 }, () => runtime.emitAsync('a'));
    runtime.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await Promise.all(emits)).every(({ queued }) => queued)).toBe(true);
    expect(runtime.getStats().queue.done).toBe(6);
    await runtime.cleanup();
  });
});

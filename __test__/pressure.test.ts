import os from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PressureSampler } from '../lib/pressure';

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

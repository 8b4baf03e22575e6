import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventQueue } from '../lib/index';
import { cleanUpAll, quiet, sleep } from './helpers';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpAll();
});

describe('latency', () => {
  it('tells queue wait, handler time and end-to-end time of each type', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    runtime.on('slow', () => sleep(30));
    runtime.on('quick', () => undefined);
    runtime.emit('slow');
    runtime.emit('quick');
    await sleep(20);
    await runtime.process();
    const { byType, queueWait, handler, endToEnd } = runtime.getStats().latency!;
    expect([queueWait.count, handler.count, endToEnd.count]).toEqual([2, 2, 2]);
    expect(byType['slow']!.queueWait.p50Ms).toBeGreaterThan(15);
    expect(byType['slow']!.handler.maxMs).toBeGreaterThan(25);
    // It waited behind the slow one, although its own run took no time.
    expect(byType['quick']!.queueWait.maxMs).toBeGreaterThan(45);
    expect(byType['quick']!.handler.maxMs).toBeLessThan(20);
    expect(byType['quick']!.endToEnd.maxMs).toBeGreaterThan(45);
    expect(handler.maxMs).toBe(byType['slow']!.handler.maxMs);
  });

  it('does not charge a slow handler with the clock of an earlier turn', async () => {
    const runtime = quiet({ maxConcurrent: 50 });
    runtime.on('quick', async () => undefined);
    runtime.on('slow', () => sleep(30));
    for (let index = 0; index < 100; index++) runtime.emit('quick');
    for (let index = 0; index < 4; index++) runtime.emit('slow');
    await runtime.process();
    const { byType } = runtime.getStats().latency!;
    expect(byType['slow']!.handler.p50Ms).toBeGreaterThan(25);
    expect(byType['quick']!.handler.p50Ms).toBeLessThan(25);
  });

  it('does not charge an event with what was emitted earlier and not processed', async () => {
    const runtime = quiet();
    runtime.on('*', () => undefined);
    runtime.emit('early');
    await sleep(30);
    runtime.emit('late');
    await runtime.process();
    const { byType } = runtime.getStats().latency!;
    expect(byType['early']!.queueWait.maxMs).toBeGreaterThan(25);
    expect(byType['late']!.queueWait.maxMs).toBeLessThan(20);
  });

  it('counts the wait of a redelivery from when it is due, and the whole way end to end', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ retry: { maxAttempts: 2, initialDelayMs: 1000, jitter: 'none' } });
    let attempts = 0;
    runtime.on('a', () => {
      if (++attempts === 1) throw new Error('once');
    });
    runtime.emit('a', {}, { delayMs: 500 });
    const drained = runtime.drain();
    await vi.advanceTimersByTimeAsync(2000);
    await drained;
    const { queueWait, handler, endToEnd } = runtime.getStats().latency!;
    expect([queueWait.count, handler.count, endToEnd.count]).toEqual([2, 2, 1]);
    expect(queueWait.maxMs).toBeLessThan(20);
    expect(endToEnd.maxMs).toBeGreaterThan(1490);
    expect(endToEnd.maxMs).toBeLessThan(1520);
  });

  it('tells tenants apart, but not the own one, and no more than a hundred of anything', async () => {
    const runtime = quiet({ tenantId: 'own', queueSize: 5000 });
    runtime.on('*', () => undefined);
    for (let index = 0; index < 300; index++) runtime.emit(`type-${index}`, {}, { tenantId: `tenant-${index}` });
    runtime.emit('type-0', {}, { tenantId: 'own' });
    await runtime.process();
    const { byType, byTenant, endToEnd } = runtime.getStats().latency!;
    expect(endToEnd.count).toBe(301);
    expect(Object.keys(byType)).toHaveLength(101);
    expect(byType['(other)']!.endToEnd.count).toBe(200);
    expect(byType['type-0']!.endToEnd.count).toBe(2);
    expect(Object.keys(byTenant)).toHaveLength(101);
    expect(byTenant['own']).toBeUndefined();
    expect(byTenant['tenant-0']!.handler.count).toBe(1);
  });

  it('is precise where the configuration asks for it', async () => {
    const runtime = quiet({ latency: 'precise' });
    const spin = (): void => {
      for (const end = performance.now() + 5; performance.now() < end;);
    };
    runtime.on('quick', () => undefined);
    runtime.on('busy', spin);
    for (let index = 0; index < 50; index++) runtime.emit('quick');
    for (let index = 0; index < 6; index++) runtime.emit('busy');
    await runtime.process();
    const { handler } = runtime.getStats().latency!.byType['busy']!;
    expect(handler.p50Ms).toBeGreaterThan(4);
    expect(handler.maxMs).toBeLessThan(sumOf(handler) / 2);
  });

  it('is null where it is off, and off without observability', () => {
    expect(quiet({ latency: 'off' }).getStats().latency).toBeNull();
    expect(quiet({ enableObservability: false }).getStats().latency).toBeNull();
    expect(quiet({ enableObservability: false, latency: 'shared' }).getStats().latency).toBeNull();
    expect(() => quiet({ latency: 'yes' as never })).toThrow(/latency/);
    expect(() => new EventQueue(undefined, { latency: 'shared' })).not.toThrow();
  });
});

const sumOf = ({ sumMs }: { sumMs: number }): number => sumMs;

import { metrics } from '@opentelemetry/api';
import type { Histogram } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cleanUpAll, quiet, sleep, unreadable } from '../helpers';
import { startMetrics } from './sdk';

let sdk: ReturnType<typeof startMetrics>;
beforeEach(() => void (sdk = startMetrics()));
afterEach(async () => {
  await cleanUpAll();
  await sdk.stop();
});

const failing = (): never => {
  throw Object.assign(new Error('no luck'), { code: 'E_LUCK' });
};

async function valueOf(name: string, attributes: Record<string, unknown> = {}): Promise<number | undefined> {
  const points = (await sdk.collect()).get(name) ?? [];
  const point = points.find((p) => Object.entries(attributes).every(([key, value]) => p.attributes[key] === value));
  return point?.value as number | undefined;
}

describe('meters', () => {
  it('tell what has become of events, and what waits', async () => {
    const runtime = quiet({ tenantId: 't1', queueSize: 4, enableDLQ: true });
    runtime.on('good', () => undefined);
    runtime.on('bad', failing);
    for (const type of ['good', 'good', 'bad', 'good', 'refused']) runtime.emit(type);
    const tenant = { 'kodus_flow.tenant.id': 't1' };
    expect(await valueOf('kodus_flow.events.live', { ...tenant, state: 'ready' })).toBe(4);
    await runtime.process();
    expect(await valueOf('kodus_flow.events.accepted', tenant)).toBe(4);
    expect(await valueOf('kodus_flow.events.ended', { ...tenant, outcome: 'done' })).toBe(3);
    expect(await valueOf('kodus_flow.events.ended', { ...tenant, outcome: 'dead' })).toBe(1);
    expect(await valueOf('kodus_flow.events.refused', { ...tenant, reason: 'full' })).toBe(1);
    expect(await valueOf('kodus_flow.dead_letters', tenant)).toBe(1);
    expect(await valueOf('kodus_flow.events.live', { ...tenant, state: 'ready' })).toBe(0);
  });

  it('record handler time, queue wait and end-to-end time, failures with their kind', async () => {
    const runtime = quiet();
    runtime.on('good', async () => undefined);
    runtime.on('bad', failing);
    runtime.emit('good');
    runtime.emit('bad');
    await runtime.process();
    const points = await sdk.collect();
    const summaries = (name: string) =>
      points
        .get(name)!
        .map(({ attributes, value }) => [
          attributes['messaging.destination.name'],
          attributes['error.type'],
          (value as { count: number }).count,
        ]);
    expect(summaries('messaging.process.duration').sort()).toEqual([
      ['bad', 'E_LUCK', 1],
      ['good', undefined, 1],
    ]);
    expect(summaries('kodus_flow.queue_wait')).toHaveLength(2);
    expect(summaries('kodus_flow.end_to_end')).toEqual([['good', undefined, 1]]);
  });

  it('tell no more types apart than the bound', async () => {
    const runtime = quiet({ telemetry: { maxTypes: 3 } });
    runtime.on('*', () => undefined);
    for (let index = 0; index < 20; index++) runtime.emit(`type-${index}`);
    await runtime.process();
    const names = (await sdk.collect())
      .get('messaging.process.duration')!
      .map((p) => p.attributes['messaging.destination.name']);
    expect(names.sort()).toEqual(['(other)', 'type-0', 'type-1', 'type-2']);
  });

  it('tell no more error types and tenants apart than the bound', async () => {
    const runtime = quiet({ tenantId: 'beyond', telemetry: { maxTypes: 1 } });
    runtime.on('a', ({ data }) => {
      throw Object.assign(new Error('no luck'), { code: `E_${data}` });
    });
    for (let index = 0; index < 5; index++) runtime.emit('a', index);
    await runtime.process();
    const points = await sdk.collect();
    const kinds = points.get('messaging.process.duration')!.map((p) => p.attributes['error.type']);
    expect(kinds.sort()).toEqual(['(other)', 'E_0']);
    const tenants = points.get('kodus_flow.events.accepted')!.map((p) => p.attributes['kodus_flow.tenant.id']);
    expect(tenants).toContain('(other)');
    expect(tenants).not.toContain('beyond');
  });

  it('add up the runtimes of a tenant, and never fall when one ends', async () => {
    const accepted = () => valueOf('kodus_flow.events.accepted', { 'kodus_flow.tenant.id': 't2' });
    const [first, second] = [quiet({ tenantId: 't2' }), quiet({ tenantId: 't2' })];
    first.emit('a');
    second.emit('a');
    second.emit('a');
    expect(await accepted()).toBe(3);
    await first.cleanup();
    expect(await accepted()).toBe(3);
    second.emit('a');
    expect(await accepted()).toBe(4);
  });

  it('show nothing that waits or could run any more, when a runtime has ended', async () => {
    const runtime = quiet({ tenantId: 't7' });
    const value = (name: string, more = {}) => valueOf(name, { 'kodus_flow.tenant.id': 't7', ...more });
    runtime.emit('a');
    expect(await value('kodus_flow.events.live', { state: 'ready' })).toBe(1);
    await runtime.cleanup({ timeoutMs: 0 });
    expect(await value('kodus_flow.events.live', { state: 'ready' })).toBe(0);
    expect(await value('kodus_flow.permits.free')).toBe(0);
  });

  it('count the event whose handler has cleaned up', async () => {
    const runtime = quiet({ tenantId: 't8' });
    runtime.on('a', () => runtime.cleanup());
    runtime.emit('a');
    await runtime.process();
    await sleep(1);
    const ended = { 'kodus_flow.tenant.id': 't8', outcome: 'done' };
    expect(await valueOf('kodus_flow.events.ended', ended)).toBe(1);
  });

  it('that throw, and errors that throw when they are looked at, change nothing for the events', async () => {
    const prototype = Object.getPrototypeOf(sdk.provider.getMeter('m').createHistogram('h')) as Histogram;
    const broken = vi.spyOn(prototype, 'record');
    broken.mockImplementation(() => {
      throw new Error('the meter fails');
    });
    const runtime = quiet({ tenantId: 't9' });
    runtime.on('good', () => undefined);
    runtime.on('bad', () => Promise.reject(unreadable()));
    runtime.emit('good');
    runtime.emit('bad');
    expect(await runtime.process(true)).toMatchObject({ processed: 1, failed: 1 });
    broken.mockRestore();
  });

  it('may be registered after the runtime was made', async () => {
    await sdk.stop();
    const runtime = quiet({ tenantId: 't3' });
    runtime.emit('a');
    sdk = startMetrics();
    await runtime.process();
    expect(await valueOf('kodus_flow.events.accepted', { 'kodus_flow.tenant.id': 't3' })).toBe(1);
  });

  it('hear nothing when they are off', async () => {
    const runtime = quiet({ tenantId: 't4', telemetry: { metrics: false } });
    runtime.emit('a');
    await runtime.process();
    expect((await sdk.collect()).get('kodus_flow.events.accepted')).toBeUndefined();
    expect(metrics.getMeterProvider()).toBe(sdk.provider);
  });
});

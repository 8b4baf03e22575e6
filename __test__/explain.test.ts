import { afterEach, describe, expect, it, vi } from 'vitest';
import { cleanUpAll, deferred, quiet, sleep } from './helpers';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpAll();
});

const failing = (): never => {
  throw new Error('no luck');
};

describe('explain', () => {
  it('tells of events that wait: ready, delayed, and behind their ordering key', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ tenantId: 't' });
    const [first, ready, blocked, delayed] = [
      runtime.emit('a', {}, { priority: 5, orderingKey: 'k', correlationId: 'c' }),
      runtime.emit('a'),
      runtime.emit('a', {}, { orderingKey: 'k' }),
      runtime.emit('a', {}, { delayMs: 10_000 }),
    ].map(({ eventId }) => runtime.explain(eventId)!);
    expect(first).toMatchObject({
      eventType: 'a',
      state: 'ready',
      ahead: 0,
      attempts: 0,
      priority: 5,
      correlationId: 'c',
      tenantId: 't',
      failures: [],
    });
    expect(ready).toMatchObject({ state: 'ready', ahead: 1 });
    expect(blocked!.state).toBe('blocked');
    expect(delayed!.state).toBe('waiting');
    expect(delayed!.dueAt).toBe(delayed!.timestamp + 10_000);
    expect(delayed!.summary).toContain(new Date(delayed!.dueAt!).toISOString());
    expect([first!.dueAt, ready!.dueAt, blocked!.dueAt]).toEqual([undefined, undefined, undefined]);
    expect(ready!.summary).toMatch(/could start/);
  });

  it('tells of a running event, and of one whose acknowledgement is outstanding', async () => {
    const runtime = quiet({ enableAcks: true, autoAck: false });
    const gate = deferred();
    runtime.on('a', () => gate.promise);
    const { eventId } = runtime.emit('a');
    runtime.start();
    await sleep(5);
    expect(runtime.explain(eventId)).toMatchObject({ state: 'running', attempts: 1 });
    gate.resolve();
    await sleep(5);
    expect(runtime.explain(eventId)!.state).toBe('unacked');
    await runtime.ack(eventId);
    expect(runtime.explain(eventId)!.state).toBe('ended');
  });

  it('tells of each failed attempt, of the waits between them, and of the end as a dead letter', async () => {
    const runtime = quiet({ retry: { maxAttempts: 3, initialDelayMs: 20, factor: 1, jitter: 'none' } });
    runtime.on('a', failing);
    const { eventId } = runtime.emit('a');
    await runtime.process();
    const waiting = runtime.explain(eventId)!;
    expect(waiting).toMatchObject({ state: 'retrying', attempts: 1, lastError: 'no luck', retryWaitMs: 20 });
    expect(waiting.dueAt).toBeGreaterThan(waiting.timestamp);
    await runtime.drain();
    const dead = runtime.explain(eventId)!;
    expect(dead).toMatchObject({ state: 'dead', attempts: 3, lastError: 'no luck', retryWaitMs: 40 });
    expect(dead.failures.map(({ attempt, error, delayMs }) => [attempt, error, delayMs])).toEqual([
      [1, 'no luck', 20],
      [2, 'no luck', 20],
      [3, 'no luck', undefined],
    ]);
  });

  it('remembers events that have ended, the last 10,000 of them, and knows nothing of others', async () => {
    const runtime = quiet({ queueSize: 20_000 });
    runtime.on('a', () => undefined);
    const [first] = Array.from({ length: 10_001 }, () => runtime.emit('a').eventId);
    const { eventId: last } = runtime.emit('a', {}, { correlationId: 'c' });
    await runtime.process();
    expect(runtime.explain(last)).toMatchObject({ state: 'ended', eventType: 'a', correlationId: 'c' });
    expect(runtime.explain(first!)).toBeUndefined();
    expect(runtime.explain('nobody')).toBeUndefined();
    expect(() => runtime.explain(7 as never)).toThrow(/eventId/);
  });
});

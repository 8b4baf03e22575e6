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

  it('tells of events that are gone how they have ended, after how many attempts, and why those failed', async () => {
    vi.useFakeTimers();
    const retry = { maxAttempts: 3, initialDelayMs: 20, factor: 1, jitter: 'none' } as const;
    const runtime = quiet({ retry, enableDLQ: false, tenantId: 't' });
    let calls = 0;
    runtime.on('flaky', () => void (calls++ < 2 && failing()));
    runtime.on('good', () => undefined);
    runtime.on('bad', failing);
    const emitted = {
      flaky: runtime.emit('flaky', {}, { correlationId: 'c' }),
      good: runtime.emit('good'),
      bad: runtime.emit('bad'),
      late: runtime.emit('good', {}, { delayMs: 100, ttlMs: 50 }),
      gone: runtime.emit('good', {}, { delayMs: 1000 }),
    };
    runtime.cancel(emitted.gone.eventId);
    const drained = runtime.drain();
    await vi.advanceTimersByTimeAsync(2000);
    await drained;
    const of = (name: keyof typeof emitted) => runtime.explain(emitted[name].eventId)!;
    expect(of('flaky')).toMatchObject({
      state: 'ended',
      outcome: 'done',
      attempts: 3,
      failures: [
        { attempt: 1, error: 'no luck', delayMs: 20 },
        { attempt: 2, error: 'no luck', delayMs: 20 },
      ],
      lastError: 'no luck',
      retryWaitMs: 40,
      correlationId: 'c',
      tenantId: 't',
    });
    expect(of('good')).toMatchObject({ state: 'ended', outcome: 'done', attempts: 1, failures: [] });
    expect(of('bad')).toMatchObject({ state: 'ended', outcome: 'dead', attempts: 3 });
    expect(of('bad').failures.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(of('late')).toMatchObject({ state: 'ended', outcome: 'expired', attempts: 0 });
    expect(of('gone')).toMatchObject({ state: 'ended', outcome: 'cancelled' });
    expect(of('flaky').summary).toBe('It was handled, attempts: 3; the last attempt failed: no luck.');
  });

  it('keeps no more than the beginning of what an event that is gone has failed with', async () => {
    const runtime = quiet({ enableDLQ: false });
    runtime.on('a', () => {
      throw new Error('x'.repeat(100_000));
    });
    const { eventId } = runtime.emit('a');
    await runtime.process();
    expect(runtime.explain(eventId)!.lastError).toHaveLength(200);
  });

  it('begins anew with a dead letter that goes back, and knows of one that was taken out', async () => {
    const runtime = quiet({ retry: { maxAttempts: 1 } });
    let calls = 0;
    runtime.on('a', () => void (calls++ < 1 && failing()));
    runtime.on('b', failing);
    const [a, b] = [runtime.emit('a').eventId, runtime.emit('b').eventId];
    await runtime.process();
    await runtime.reprocessFromDLQ(a);
    expect(runtime.explain(a)).toMatchObject({ state: 'ready', attempts: 0, failures: [] });
    await runtime.process();
    expect(runtime.explain(a)).toMatchObject({ outcome: 'done', attempts: 1, failures: [] });
    await runtime.deadLetters.purge({});
    expect(runtime.explain(b)).toMatchObject({ state: 'ended', outcome: 'dead', lastError: 'no luck' });
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

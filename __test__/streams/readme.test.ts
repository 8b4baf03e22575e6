import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRuntime } from '../../lib/runtime';
import type { Runtime } from '../../lib/runtime-types';

/** The stream examples of the README, as printed. */
describe('README', () => {
  let runtime: Runtime;

  beforeEach(() => {
    runtime = createRuntime({}, undefined);
  });

  afterEach(async () => {
    vi.useRealTimers();
    await runtime.cleanup();
  });

  const numbered = (count: number, type: string, key: string) =>
    runtime.createStream(async function* () {
      for (let i = 0; i < count; i++) yield runtime.createEvent(type, { [key]: `${key}-${i}`, active: i % 2 === 0 });
    });

  it('merges three streams and combines the same three', async () => {
    const userStream = numbered(100, 'user.created', 'userId');
    const orderStream = numbered(50, 'order.created', 'orderId');
    const notificationStream = numbered(25, 'notification.sent', 'notificationId');

    const allEventsStream = userStream.merge(orderStream, notificationStream);
    const dashboardStream = userStream.combineLatest(orderStream, notificationStream);

    const allEvents = await allEventsStream.toArray();
    const dashboardData = await dashboardStream.toArray();
    expect(allEvents).toHaveLength(175);
    expect(allEvents.filter((event) => event.type === 'order.created').map((event) => event.data.orderId)).toEqual(
      Array.from({ length: 50 }, (_, i) => `orderId-${i}`),
    );
    expect(dashboardData).toHaveLength(173);
    expect(dashboardData.at(-1)!.data.events.map((event) => event.id)).toHaveLength(3);
    expect(dashboardData.at(-1)!.data.events[0].data.userId).toBe('userId-99');
  });

  it('batches are read like arrays', async () => {
    const userEvents = runtime.createStream(async function* () {
      yield runtime.createEvent('user.login', { userId: '123' });
      yield runtime.createEvent('user.purchase', { userId: '123', amount: 100 });
    });
    const systemEvents = runtime.createStream(async function* () {
      yield runtime.createEvent('system.alert', { level: 'warning' });
    });
    const processedEvents = userEvents
      .merge(systemEvents)
      .filter((event) => event.type.startsWith('user.'))
      .map((event) => ({ ...event, processed: true }))
      .batch(100, 5000)
      .map((batch) => ({ type: 'events.batch', data: { events: batch.map((e) => e.data), count: batch.length } }));
    expect(await processedEvents.toArray()).toEqual([
      { type: 'events.batch', data: { events: [{ userId: '123' }, { userId: '123', amount: 100 }], count: 2 } },
    ]);
  });

  it('long pipelines run to their end', async () => {
    const userStream = numbered(10, 'user.created', 'userId');
    const metricsStream = numbered(3, 'metric', 'metricId');
    const processedStream = userStream
      .filter((u) => u.data.active)
      .debounce(1000)
      .map((e) => ({ ...e, timestamp: Date.now() }))
      .batch(50, 5000)
      .merge(numbered(2, 'order.created', 'orderId'))
      .combineLatest(metricsStream);
    const types = (await processedStream.toArray()).map((item) => item.data.events.map((event) => event.type));
    expect(types.flat()).toContain('stream.batch');
    expect(types.every(([, metric]) => metric === 'metric')).toBe(true);
  });

  it('endless sensors are combined until a signal stops them, and all are closed', async () => {
    vi.useFakeTimers();
    const closed: string[] = [];
    const controller = new AbortController();
    const sensor = (type: string, everyMs: number) =>
      runtime.createStream(
        async function* () {
          try {
            while (true) {
              yield runtime.createEvent(type, { value: Math.random() * 100, timestamp: Date.now() });
              await new Promise((resolve) => setTimeout(resolve, everyMs));
            }
          } finally {
            closed.push(type);
          }
        },
        { signal: controller.signal },
      );
    const dashboardStream = sensor('sensor.temperature', 1000).combineLatest(
      sensor('sensor.humidity', 2000),
      sensor('sensor.pressure', 3000),
    );
    const readings: string[][] = [];
    const reading = (async () => {
      for await (const one of dashboardStream) readings.push(one.data.events.map((event) => event.type));
    })();
    await vi.advanceTimersByTimeAsync(6500);
    expect(runtime.getStats().stream.activeGenerators).toBe(3);
    controller.abort();
    await reading;
    expect(runtime.getStats().stream.activeGenerators).toBe(0);
    expect(readings).toHaveLength(1 + 6 + 3 + 2);
    expect(readings.every((types) => types.join() === 'sensor.temperature,sensor.humidity,sensor.pressure')).toBe(true);
    await vi.advanceTimersByTimeAsync(3000);
    expect(closed.sort()).toEqual(['sensor.humidity', 'sensor.pressure', 'sensor.temperature']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cleanup ends endless streams', async () => {
    const endless = runtime.createStream(async function* () {
      while (true) {
        yield runtime.createEvent('tick', {});
        await new Promise(() => undefined);
      }
    });
    const reading = endless.toArray();
    await new Promise((resolve) => setImmediate(resolve));
    await runtime.cleanup();
    expect(await reading).toHaveLength(1);
  });
});

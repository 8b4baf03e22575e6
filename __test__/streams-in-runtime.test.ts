import { afterEach, describe, expect, it } from 'vitest';
import { cleanUpAll, quiet, sleep } from './helpers';

afterEach(cleanUpAll);

describe('streams of a runtime', () => {
  it('run the README example: the same streams merged and combined', async () => {
    const runtime = quiet();
    const of = (type: string, count: number) =>
      runtime.createStream(async function* () {
        for (let n = 0; n < count; n++) yield runtime.createEvent(type, { n });
      });
    const [users, orders, notes] = [of('user.created', 100), of('order.created', 50), of('notification.sent', 25)];
    expect(await users.merge(orders, notes).toArray()).toHaveLength(175);
    const dashboard = await users.combineLatest(orders, notes).toArray();
    expect(dashboard.at(-1)!.data.events.map((event) => event.type)).toEqual([
      'user.created',
      'order.created',
      'notification.sent',
    ]);
    expect(runtime.getStats().stream).toMatchObject({ activeGenerators: 0, totalTracked: 0 });
  });

  it('subscribe to the events that are processed, returned ones included', async () => {
    const runtime = quiet();
    runtime.on('a', (event) => ({ type: 'review.completed', data: event.data }));
    const reviews = runtime.subscribe('review.*');
    const batches = reviews.batch(2).toArray();
    for (const data of [1, 2, 3]) runtime.emit('a', data);
    await runtime.process();
    await runtime.cleanup();
    const sizes = (await batches).map((batch) => batch.data.events.map((event) => event.data as number));
    expect(sizes).toEqual([[1, 2], [3]]);
  });

  it('end with the runtime, and stop listening when the reader leaves', async () => {
    const runtime = quiet();
    const endless = runtime.createStream(async function* () {
      for (;;) {
        yield runtime.createEvent('tick');
        await sleep(1);
      }
    });
    const ticks = endless.toArray();
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of runtime.subscribe('a')) {
        seen.push(event.data);
        break;
      }
    })();
    runtime.emit('a', 1);
    runtime.emit('a', 2);
    await runtime.process();
    await reading;
    expect(seen).toEqual([1]);
    await runtime.cleanup();
    expect((await ticks).length).toBeGreaterThan(0);
    expect(await runtime.subscribe('a').toArray()).toEqual([]);
  });
});

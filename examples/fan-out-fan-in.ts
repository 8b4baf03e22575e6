/**
 * Many sources become one stream: merge, combineLatest, and endless sensors that a signal stops.
 * `node scripts/run.mjs examples/fan-out-fan-in.ts`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime } from '@kodus-flow/runtime';

const runtime = createRuntime({}, undefined);

const numbered = (count: number, type: string) =>
  runtime.createStream(async function* () {
    for (let n = 0; n < count; n++) yield runtime.createEvent(type, { n });
  });

async function systems(): Promise<void> {
  const users = numbered(100, 'user.created');
  const orders = numbered(50, 'order.created');
  const notifications = numbered(25, 'notification.sent');

  const all = await users.merge(orders, notifications).toArray();
  console.log(
    `merge: ${all.length} events, the first: ${all
      .slice(0, 6)
      .map((event) => event.type)
      .join(', ')}`,
  );

  const dashboard = await users.combineLatest(orders, notifications).toArray();
  const latest = dashboard.at(-1)!.data.events;
  console.log(`combineLatest: ${dashboard.length} states, the last: ${latest.map((event) => event.data.n).join(', ')}`);
}

async function sensors(): Promise<void> {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 1000);
  const sensor = (type: string, everyMs: number) =>
    runtime.createStream(
      async function* () {
        for (;;) {
          yield runtime.createEvent(type, { value: Math.round(Math.random() * 100) });
          await sleep(everyMs);
        }
      },
      { signal: stop.signal },
    );
  const readings = sensor('sensor.temperature', 100).combineLatest(
    sensor('sensor.humidity', 200),
    sensor('sensor.pressure', 300),
  );
  for await (const reading of readings.throttle(200)) {
    console.log('sensors:', reading.map((event) => `${event.type} ${event.data.value}`).join(', '));
  }
  console.log('stopped; sources that still run:', runtime.getStats().stream.activeGenerators);
}

async function main(): Promise<void> {
  await systems();
  await sensors();
  await runtime.cleanup();
}

void main();

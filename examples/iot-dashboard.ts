/**
 * Sensors of a greenhouse on a dashboard: endless sources, the latest of each combined, alarms only when they last, averages
 * by the window. Ends by itself after two seconds. `npx tsx examples/iot-dashboard.ts`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime } from '@kodus-flow/runtime';

interface Events {
  'sensor.temperature': { value: number };
  'sensor.humidity': { value: number };
  'sensor.pressure': { value: number };
  'alarm.hot': { value: number };
}

const RUN_MS = 2000;
const HOT = 30;

const runtime = createRuntime<Events>({}, undefined, {
  queueSize: 500,
  overflow: 'drop-oldest', // an old reading is worth less than a new one
});

/** A reading every `everyMs`, like a wave of `swing` around `middle`. */
async function measure(
  type: 'sensor.temperature' | 'sensor.humidity' | 'sensor.pressure',
  everyMs: number,
  middle: number,
  swing: number,
  stop: AbortSignal,
) {
  for (let n = 0; !stop.aborted; n++) {
    runtime.emit(type, { value: Math.round((middle + swing * Math.sin(n / 5)) * 10) / 10 });
    await sleep(everyMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

async function dashboard(stop: AbortSignal): Promise<void> {
  const options = { signal: stop };
  const latest = runtime
    .subscribe('sensor.temperature', options)
    .combineLatest(runtime.subscribe('sensor.humidity', options), runtime.subscribe('sensor.pressure', options));
  for await (const reading of latest.throttle(500)) {
    console.log('dashboard:', reading.map((event) => `${event.type.slice(7)} ${event.data.value}`).join(', '));
  }
}

async function averages(stop: AbortSignal): Promise<void> {
  for await (const batch of runtime.subscribe('sensor.temperature', { signal: stop }).batch(100, 700)) {
    const sum = batch.reduce((total, event) => total + event.data.value, 0);
    console.log(`average of ${batch.length} readings: ${(sum / batch.length).toFixed(1)} °C`);
  }
}

/** Heat that lasts calls once a second, not at each reading. */
async function pager(stop: AbortSignal): Promise<void> {
  for await (const alarm of runtime.subscribe('alarm.hot', { signal: stop }).throttle(1000)) {
    console.log(`ALARM: ${alarm.data.value} °C`);
  }
}

async function main(): Promise<void> {
  const stop = AbortSignal.timeout(RUN_MS);
  runtime.on('sensor.temperature', (event) => {
    if (event.data.value > HOT) runtime.emit('alarm.hot', event.data, { priority: 10 });
  });
  runtime.start();
  await Promise.all([
    measure('sensor.temperature', 20, 25, 10, stop),
    measure('sensor.humidity', 50, 60, 20, stop),
    measure('sensor.pressure', 80, 1013, 15, stop),
    dashboard(stop),
    averages(stop),
    pager(stop),
  ]);
  await runtime.idle();
  const { queue, stream } = runtime.getStats();
  console.log(`${queue.processed} events, ${stream.activeGenerators} sources left`);
  await runtime.cleanup();
}

void main();

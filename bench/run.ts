/** `npm run bench`: the runtime beside its peers, in one run. Numbers are for comparison within the run. */
import fastq from 'fastq';
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import PQueue from 'p-queue';
import { createRuntime, withConcurrency, withRetry, withTimeout } from '@kodus-flow/runtime';
import type { Middleware, Runtime } from '@kodus-flow/runtime';
import { measureMiddleware } from './middleware';
import { benchStreams } from './streams';
import { measureObservability } from './observability';
import { inTurn, median, ns, percentile, printTable, timed, times } from './stats';
import type { Result } from './stats';

const EVENTS = 100_000;
const MANY = 1_000_000;
const ROUNDS = 5;
const IN_FLIGHT = 64;
const PRIORITIES = [{ priority: 0 }, { priority: 5 }, { priority: 9 }];
const LATENCY_SAMPLES = 20_000;

interface Item {
  id: string;
  type: string;
  data: object;
  ts: number;
  threadId: string;
}

const handler = async (_event: unknown): Promise<void> => {};
const payloads = Array.from({ length: EVENTS }, (_, index) => ({ index }));
const makeItem = (data: object, index: number): Item => ({
  id: `event-${index}`,
  type: 'bench',
  data,
  ts: Date.now(),
  threadId: `thread-${index}`,
});

async function bareLoop(): Promise<number> {
  const events = payloads.map(makeItem);
  return timed(EVENTS, async () => {
    for (const event of events) await handler(event);
  });
}

/** The bare loop, when the loop makes the events that it handles, as every queue here does. */
async function bareLoopMakingEvents(): Promise<number> {
  const events: Item[] = [];
  return timed(EVENTS, async () => {
    for (let index = 0; index < EVENTS; index++) events.push(makeItem(payloads[index]!, index));
    for (const event of events) await handler(event);
  });
}

async function runtimeRun(count = EVENTS, middleware: Middleware[] = []): Promise<number> {
  const runtime = createRuntime({}, undefined, { queueSize: count, maxConcurrent: IN_FLIGHT, middleware });
  runtime.on('bench', handler);
  const cost = await timed(count, async () => {
    for (let index = 0; index < count; index++) {
      runtime.emit('bench', payloads[index % EVENTS], PRIORITIES[index % 3]);
    }
    await runtime.process();
  });
  if (runtime.getStats().queue.done !== count) throw new Error('events were lost');
  await runtime.cleanup();
  return cost;
}

async function fastqRun(): Promise<number> {
  const queue = fastq.promise(handler, IN_FLIGHT);
  return timed(EVENTS, async () => {
    for (let index = 0; index < EVENTS; index++) void queue.push(makeItem(payloads[index]!, index));
    await queue.drained();
  });
}

async function pQueueRun(): Promise<number> {
  const queue = new PQueue({ concurrency: IN_FLIGHT });
  return timed(EVENTS, async () => {
    for (let index = 0; index < EVENTS; index++) {
      const item = makeItem(payloads[index]!, index);
      void queue.add(() => handler(item), PRIORITIES[index % 3]);
    }
    await queue.onIdle();
  });
}

async function throughput(): Promise<void> {
  const contenders = [
    { name: 'bare await loop, events made before', run: bareLoop },
    { name: 'bare await loop that makes its events', run: bareLoopMakingEvents },
    { name: '@kodus-flow/runtime: emit + process', run: () => runtimeRun() },
    { name: 'fastq.promise', run: fastqRun },
  ];
  const results = await inTurn(contenders, ROUNDS);
  // Seconds a round: two rounds are enough to see it.
  const [slow] = await inTurn([{ name: 'p-queue with priorities', run: pQueueRun }], 2);
  const all = [...results, slow!];
  const ours = all[2]!.median;
  const row = ({ name, median, best }: Result): string[] => [name, ns(median), ns(best), times(median / ours)];
  printTable(
    `An event from emit to the end of its handler: ${EVENTS.toLocaleString('en')} events, async no-op handler, three priorities, ${IN_FLIGHT} in flight`,
    ['', 'median', 'best', 'ours = 1'],
    all.map(row),
  );
  console.log(
    `runtime / bare loop: ${times(ours / all[0]!.median)}; / loop that makes its events: ${times(ours / all[1]!.median)}`,
  );
}

async function depth(): Promise<void> {
  const contenders = [10_000, 1_000_000].map((count) => ({
    name: `${count.toLocaleString('en')} queued`,
    run: () => runtimeRun(count),
  }));
  const [small, large] = await inTurn(contenders, ROUNDS);
  const rows = [small!, large!].map(({ name, median }) => [name, ns(median), times(median / small!.median)]);
  printTable('Cost of an event by the depth of the queue', ['', 'median', 'ratio'], rows);
}

/** Timeout, retry and concurrency around the handler: what they add to the bare runtime, and by hand beside cockatiel. */
async function middleware(): Promise<void> {
  const stack = (): Middleware[] => [
    withTimeout({ timeoutMs: 5000 }),
    withRetry({ maxRetries: 3 }),
    withConcurrency({ maxConcurrent: IN_FLIGHT }),
  ];
  const [bare, wrapped] = await inTurn(
    [
      { name: 'bare runtime', run: () => runtimeRun() },
      { name: 'with timeout + retry + concurrency', run: () => runtimeRun(EVENTS, stack()) },
    ],
    ROUNDS,
  );
  const added = wrapped!.median - bare!.median;
  const byHand = await measureMiddleware();
  const [ours, theirs] = [byHand.ours - byHand.bare, byHand.cockatiel - byHand.bare];
  printTable(
    'Timeout + retry + concurrency: added to an event',
    ['', 'added', 'cockatiel = 1'],
    [
      ['in a runtime', ns(added), ''],
      ['around a handler by hand', ns(ours), times(ours / theirs)],
      ['cockatiel: timeout, retry, bulkhead', ns(theirs), times(1)],
    ],
  );
}

/** From emit to the start of the handler, in a started runtime that is idle. */
async function latency(): Promise<void> {
  const runtime = createRuntime();
  const samples: number[] = [];
  let emittedAt = 0;
  runtime.on('bench', () => void samples.push((performance.now() - emittedAt) * 1000));
  runtime.start();
  for (let index = 0; index < LATENCY_SAMPLES; index++) {
    emittedAt = performance.now();
    runtime.emit('bench');
    await new Promise((done) => setImmediate(done));
  }
  await runtime.cleanup();
  const warm = samples.slice(LATENCY_SAMPLES / 10);
  const row = [50, 99, 99.9].map((percent) => `${percentile(warm, percent).toFixed(1)} µs`);
  printTable('From emit to handler start, started and idle', ['p50', 'p99', 'p99.9'], [row]);
}

function importTime(): void {
  const code = (entry: string): string =>
    `const t = performance.now(); require(${JSON.stringify(entry)}); console.log(performance.now() - t)`;
  const load = (entry: string): number =>
    Number(execFileSync(process.execPath, ['-e', code(entry)], { encoding: 'utf8' }));
  const entry = resolve('dist/index.cjs');
  const samples = Array.from({ length: 11 }, () => load(entry));
  printTable('Import of the package in a fresh process', ['median'], [[`${median(samples).toFixed(1)} ms`]]);
}

/** Bytes of resident memory for each of a million events that wait: of those that are emitted, beside their data, and of made ones, beside the events. */
async function memory(): Promise<void> {
  const events = Array.from({ length: MANY }, (_, index) => makeItem(payloads[index % EVENTS]!, index));
  for (const event of events) (event as { metadata?: object }).metadata = { correlationId: event.id };
  const rows = [
    ['emit, beside its data', await bytesOf((runtime, n) => runtime.emit('bench', payloads[n % EVENTS]))],
    ['emitEvent, beside the event', await bytesOf((runtime, n) => runtime.emitEvent(events[n]!))],
  ];
  printTable('Memory of a queued event', ['', 'bytes'], rows);
}

async function bytesOf(emit: (runtime: Runtime, n: number) => unknown): Promise<number> {
  const resident = (): number => {
    for (let round = 0; round < 3; round++) globalThis.gc?.();
    return process.memoryUsage().rss;
  };
  const runtime = createRuntime({}, undefined, { queueSize: MANY });
  const before = resident();
  for (let n = 0; n < MANY; n++) emit(runtime, n);
  const bytes = Math.round((resident() - before) / MANY);
  await runtime.cleanup();
  return bytes;
}

async function main(): Promise<void> {
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc') as typeof globalThis.gc;
  const [cpu] = cpus();
  console.log(`Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}`);
  await throughput();
  await depth();
  await middleware();
  measureObservability();
  await latency();
  importTime();
  await memory();
  await benchStreams();
}

void main();

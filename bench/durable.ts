/**
 * `npm run bench:durable`: events that are on disk before they count as accepted, beside what the disk, SQLite and a queue on
 * Redis can do, in one run.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRuntime } from '@kodus-flow/runtime';
import type { EmitResult, Runtime } from '@kodus-flow/runtime';
import { median, printTable } from './stats';

const GROUP = 1000;
const GROUPS = 60;
const WARM_UP = 20;
const ROUNDS = 5;
const PENDING = 200_000;
const PASSING = Number(process.env.BENCH_PASSING ?? 1_000_000);
const MIB = 2 ** 20;
/** Texts that do not repeat, as ids do not: what is compressed must not look better than it is. */
const TEXTS = Array.from({ length: 997 }, () => randomBytes(20).toString('hex'));
/** With what an event has besides, about 250 bytes. */
const makePayload = (n: number): object => ({
  n,
  name: 'order.created',
  customer: TEXTS[n % TEXTS.length],
  note: `order ${n} was paid`,
});
/** Made in advance, as the events of the floor are: making test data is nobody's cost. */
const PAYLOADS = Array.from({ length: 20 * GROUP }, (_, n) => makePayload(n));
const payload = (n: number): object => PAYLOADS[n % PAYLOADS.length]!;

interface Measured {
  name: string;
  eventsPerSecond: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const folder = mkdtempSync(join(tmpdir(), 'kodus-bench-'));
let directories = 0;
const newPath = (): string => join(folder, `journal-${directories++}`);
const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;

function open(path: string, config: object = {}): Runtime {
  return createRuntime({}, undefined, { queueSize: 2_000_000, journal: { path, maxBytes: Infinity }, ...config });
}

/** The programs of the floor: a plain append, and SQLite without anything around it. */
function floor(): Measured[] {
  const args = [
    'run',
    '--quiet',
    '--release',
    '--no-default-features',
    '--features',
    'journal',
    '--example',
    'journal_floor',
  ];
  const output = execFileSync('cargo', [...args, '--', join(folder, `floor-${directories++}`)], { encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Measured);
}

interface EmitRun extends Measured {
  delayP99Ms: number;
}

type EmitOne = (runtime: Runtime, n: number) => Promise<EmitResult>;

const TWO_GROUPS = 'the same, two groups in flight';

/** The ways to emit that are measured; the first one is compared with the others. */
const WAYS: Record<string, EmitOne> = {
  'durable emitAsync (ours)': (runtime, n) => runtime.emitAsync('bench', payload(n)),
  [TWO_GROUPS]: (runtime, n) => runtime.emitAsync('bench', payload(n)),
  'the same, making its payloads': (runtime, n) => runtime.emitAsync('bench', makePayload(n)),
  'the same, with priority, tenant and ordering key': (runtime, n) =>
    runtime.emitAsync('bench', payload(n), {
      priority: n % 3,
      tenantId: `tenant-${n % 10}`,
      orderingKey: `key-${n % 100}`,
    }),
};
const [OURS] = Object.entries(WAYS)[0]!;

/** Groups of awaited emits, one after another: one emitter waits for the disk, two make use of that time. */
async function emits(name: string): Promise<EmitRun> {
  const emit = WAYS[name]!;
  const runtime = open(newPath());
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // The garbage of the run before is not this one's; as collecting it makes V8 forget compiled code too, some groups are not measured.
  collectGarbage();
  for (let group = 0; group < WARM_UP; group++) await emitGroup(runtime, group * GROUP, emit);
  delay.enable();
  const began = performance.now();
  let group = 0;
  const emitter = async (): Promise<void> => {
    while (group < GROUPS) await emitGroup(runtime, group++ * GROUP, emit);
  };
  await Promise.all(name === TWO_GROUPS ? [emitter(), emitter()] : [emitter()]);
  const seconds = (performance.now() - began) / 1000;
  delay.disable();
  await runtime.cleanup();
  return {
    name,
    eventsPerSecond: (GROUP * GROUPS) / seconds,
    // The histogram counts the interval of its own timer in.
    delayP99Ms: Math.max(delay.percentile(99) / 1e6 - 1, 0),
  };
}

async function emitGroup(runtime: Runtime, first: number, emit: EmitOne): Promise<void> {
  const results = await Promise.all(Array.from({ length: GROUP }, (_, index) => emit(runtime, first + index)));
  if (!results.every(({ success }) => success)) throw new Error('an event was refused');
}

/** A queue on a local Redis that syncs every second; undefined where there is none. */
async function bullMq(): Promise<Measured | undefined> {
  const port = await freePort();
  const redis = spawn('redis-server', redisArguments(port), { stdio: 'ignore' });
  const isThere = await Promise.race([
    sleep(1500, true),
    new Promise<boolean>((no) => redis.on('error', () => no(false))),
  ]);
  if (!isThere) return undefined;
  const queue = await openBullMq(port);
  try {
    const addGroup = (group: number): Promise<unknown> =>
      Promise.all(Array.from({ length: GROUP }, (_, index) => queue.add('bench', payload(group * GROUP + index))));
    await addGroup(0);
    const groups = 10;
    const began = performance.now();
    for (let group = 0; group < groups; group++) await addGroup(group);
    const eventsPerSecond = (GROUP * groups * 1000) / (performance.now() - began);
    return { name: 'BullMQ add, Redis with appendfsync everysec', eventsPerSecond };
  } finally {
    await queue.close();
    redis.kill();
  }
}

/** The few things of BullMQ that are used here. */
interface BullQueue {
  add(name: string, data: object): Promise<unknown>;
  close(): Promise<void>;
}

/** It is no dependency of ours: installed aside, where there is a Redis to measure it with. */
async function openBullMq(port: number): Promise<BullQueue> {
  const packages = ['install', '--silent', '--no-audit', '--no-fund', '--prefix', folder, 'bullmq@6', 'ioredis'];
  execFileSync('npm', packages, { stdio: ['ignore', 'ignore', 'inherit'] });
  const load = createRequire(join(folder, 'package.json'));
  const { Queue } = load('bullmq') as { Queue: new (name: string, options: object) => BullQueue };
  return new Queue('bench', { connection: { host: '127.0.0.1', port } });
}

function redisArguments(port: number): string[] {
  const persistence = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''];
  return ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...persistence];
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });
}

/** Milliseconds until a runtime with so many pending events is ready. */
async function recovery(): Promise<number> {
  const path = newPath();
  const first = open(path);
  for (let n = 0; n < PENDING; n += GROUP) await emitGroup(first, n, WAYS[OURS]!);
  await first.cleanup();
  const began = performance.now();
  const second = open(path);
  const took = performance.now() - began;
  if (second.recovered !== PENDING) throw new Error(`recovered ${second.recovered} of ${PENDING}`);
  await second.cleanup();
  return took;
}

interface DiskUse {
  peak: number;
  atEnd: number;
  eventsPerSecond: number;
}

/** Disk use while events pass through, and when all are done. */
async function passing(): Promise<DiskUse> {
  const path = newPath();
  const runtime = open(path);
  runtime.on('bench', async () => {});
  runtime.start();
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, bytesIn(path))), 20);
  const began = performance.now();
  for (let n = 0; n < PASSING; n += GROUP) await emitGroup(runtime, n, WAYS[OURS]!);
  await runtime.idle();
  await runtime.flush();
  const seconds = (performance.now() - began) / 1000;
  clearInterval(watch);
  const atEnd = bytesIn(path);
  await runtime.cleanup();
  return { peak, atEnd, eventsPerSecond: PASSING / seconds };
}

const bytesIn = (path: string): number => readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    // It went between listing and looking.
    return 0;
  }
}

async function main(): Promise<void> {
  const runs: Measured[] = [];
  const ours: EmitRun[] = [];
  // Once for V8, which compiles what is run often.
  for (const name in WAYS) await emits(name);
  for (let round = 0; round < ROUNDS; round++) {
    runs.push(...floor());
    ours.push(await emits(OURS));
    for (const name of Object.keys(WAYS).slice(1)) runs.push(await emits(name));
  }
  const bull = await bullMq();
  if (bull !== undefined) runs.push(bull);
  const rateOf = (all: readonly Measured[]): number => median(all.map((run) => run.eventsPerSecond));
  const own = rateOf(ours);
  const others = [...Object.keys(WAYS).slice(1), ...runs.map(({ name }) => name)];
  const rows = [...new Set(others)].map((name) => ({ name, rate: rateOf(runs.filter((run) => run.name === name)) }));
  printTable(
    `Durable events of 250 bytes, ${GROUP.toLocaleString('en')} at a time`,
    ['', 'events', 'ours / this'],
    [[OURS, perSecond(own), ''], ...rows.map(({ name, rate }) => [name, perSecond(rate), (own / rate).toFixed(2)])],
  );
  if (bull === undefined)
    console.log('BullMQ was not measured: there is no redis-server here (Debian: apt install redis-server).');
  console.log(`Event loop delay p99 while it runs: ${median(ours.map((run) => run.delayP99Ms)).toFixed(2)} ms`);
  console.log(`Recovery of ${PENDING.toLocaleString('en')} pending events: ${Math.round(await recovery())} ms`);
  const disk = await passing();
  console.log(
    `${PASSING.toLocaleString('en')} events through the journal: ${perSecond(disk.eventsPerSecond)}, ` +
      `disk at most ${(disk.peak / MIB).toFixed(0)} MB, ${(disk.atEnd / MIB).toFixed(1)} MB when all are done`,
  );
}

void main().finally(() => rmSync(folder, { recursive: true, force: true }));

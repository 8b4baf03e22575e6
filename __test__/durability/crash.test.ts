import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { native } from '../../lib/native/index';
import { bundleRuntime } from '../bundle';

/** How often the program is killed; a longer run: `KODUS_FLOW_CRASHES=500 npm test -- __test__/durability/crash.test.ts`. */
const CRASHES = Number(process.env.KODUS_FLOW_CRASHES ?? 50);
const SEED = Number(process.env.KODUS_FLOW_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Numbers of events are never used twice. */
const EVENTS_A_LIFE = 1_000_000;

let folder: string;
let runtimeFile: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kodus-crash-'));
  runtimeFile = join(folder, 'runtime.cjs');
  await bundleRuntime(runtimeFile);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is known of all lives so far. */
class Ledger {
  readonly accepted = new Set<number>();
  readonly ran = new Set<number>();
  readonly completed = new Set<number>();
  readonly problems: string[] = [];

  /** Reads what one life has told, in order. */
  read(life: number, lines: readonly string[]): void {
    const completedBefore = new Set(this.completed);
    const last = new Map<string, number>();
    for (const line of lines) {
      const [what, ...rest] = line.split(' ');
      if (what === 'accepted') this.accepted.add(Number(rest[0]));
      if (what === 'completed') for (const n of rest) this.completed.add(Number(n));
      if (what === 'run') this.#readRun(life, rest[0]!, Number(rest[1]), completedBefore, last);
    }
  }

  #readRun(life: number, key: string, n: number, completed: Set<number>, last: Map<string, number>): void {
    if (completed.has(n)) this.problems.push(`life ${life}: ${n} was run again after its completion was acknowledged`);
    if ((last.get(key) ?? -1) >= n) this.problems.push(`life ${life}: key ${key} ran ${n} after ${last.get(key)}`);
    last.set(key, n);
    this.ran.add(n);
  }

  get lost(): number[] {
    return [...this.accepted].filter((n) => !this.ran.has(n));
  }
}

/** One life of the program; killed after `killAfterMs` of its work, or let finish. */
async function live(path: string, life: number, killAfterMs: number | undefined): Promise<string[]> {
  const mode = killAfterMs === undefined ? 'finish' : 'work';
  const script = resolve('__test__/durability/crash-child.cjs');
  const child = spawn(process.execPath, [script, runtimeFile, path, String(life * EVENTS_A_LIFE), mode], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const isUp = new Promise<void>((up) =>
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      up();
    }),
  );
  const isOver = new Promise<void>((over) => child.on('close', () => over()));
  await Promise.race([isUp, isOver]);
  if (killAfterMs !== undefined) {
    await sleep(killAfterMs);
    child.kill('SIGKILL');
  }
  await isOver;
  expect(errors).toBe('');
  // The last line may have been cut.
  return out.slice(0, out.lastIndexOf('\n')).split('\n');
}

/** Numbers from a seed (mulberry32), so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test(
  `nothing that was acknowledged is lost or done twice, however often the process is killed (seed ${SEED})`,
  { timeout: 60_000 + CRASHES * 5_000 },
  async () => {
    const path = join(folder, 'journal');
    const next = random(SEED);
    const ledger = new Ledger();
    for (let life = 0; life < CRASHES; life++) {
      ledger.read(life, await live(path, life, next() * 60));
      expect(ledger.problems).toEqual([]);
      if (life % 10 === 9) expect(JSON.parse(await native.journalVerify(path))).toMatchObject({ ok: true });
    }
    const end = await live(path, CRASHES, undefined);
    ledger.read(CRASHES, end);
    expect(end.at(-1)).toBe('finished');
    expect(ledger.problems).toEqual([]);
    expect(ledger.lost).toEqual([]);
    // The harness has seen what it is meant to see.
    expect(ledger.accepted.size).toBeGreaterThan(CRASHES);
    expect(ledger.completed.size).toBeGreaterThan(0);
  },
);

import { execFile, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRuntime } from '../../lib/index';
import { bundleRuntime } from '../bundle';
import type { Runtime } from '../../lib/index';

let folder: string;
let program: string;
let path: string;
let runtime: Runtime | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kodus-flow-cli-'));
  program = join(folder, 'cli.cjs');
  await bundleRuntime(program, 'lib/cli/main.ts');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

beforeEach(() => {
  path = join(folder, `journal${count++}`);
  runtime = undefined;
});

afterEach(() => runtime?.cleanup());

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

function cli(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A journal with events that wait, and one that has failed. */
async function fill(events = 5): Promise<void> {
  runtime = createRuntime({}, undefined, { journal: path, queueSize: events + 1 });
  runtime.on('broken', () => {
    throw new Error('as asked');
  });
  await runtime.emitAsync('broken', { n: -1 });
  await runtime.process();
  await Promise.all(Array.from({ length: events }, (_, n) => runtime!.emitAsync('order.paid', { n, text: 'é"\n' })));
}

async function filled(events = 5): Promise<void> {
  await fill(events);
  await runtime!.cleanup();
}

const lines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the command line', () => {
  test.each([['--help'], ['journal', '--help'], ['journal', 'verify', '--help'], ['help', 'journal']])(
    'explains itself: %s %s',
    async (...args) => {
      const { code, stdout, stderr } = await cli(...args.filter((arg) => arg !== undefined));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('Usage: kodus-flow');
    },
  );

  test('tells its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await cli('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([
    [[]],
    [['journal']],
    [['journal', 'inspect']],
    [['journal', 'paint', 'x']],
    [['journal', 'inspect', 'x', '--colour']],
    [['journal', 'inspect', 'x', 'y']],
    [['journal', 'export', 'x', '--output']],
    [['journal', 'inspect', '']],
    [['journal', 'compact', '']],
  ])('%j is a mistake: exit code 2, and what is right on the standard error', async (args) => {
    const { code, stdout, stderr } = await cli(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: kodus-flow');
  });
});

describe('a journal', () => {
  test.each(['inspect', 'verify', 'export', 'compact'])(
    'that is not there cannot be looked at with %s, and is not made',
    async (command) => {
      const { code, stdout, stderr } = await cli('journal', command, path);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^kodus-flow: .*JOURNAL_/);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(() => statSync(path)).toThrow();
    },
  );

  test('is inspected as tables and as JSON, also while a runtime has it open', async () => {
    await fill();
    const { code, stdout } = await cli('journal', 'inspect', path, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ pending: 5, deadLetters: 1 });
    const { stdout: tables } = await cli('journal', 'inspect', path);
    expect(tables).toMatch(/│ pending +│ 5 +│/);
  });

  test('is verified, also while a runtime has it open', async () => {
    await fill();
    expect(await cli('journal', 'verify', path)).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await cli('journal', 'verify', path, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  });

  test('that is damaged is found out', async () => {
    await filled(2000);
    const file = openSync(join(path, 'journal.db'), 'r+');
    const noise = Buffer.alloc(64, 7);
    const { size } = statSync(join(path, 'journal.db'));
    for (let position = 4096 * 3 + 2000; position < size; position += 4096) writeSync(file, noise, 0, 64, position);
    closeSync(file);
    const { code, stdout, stderr } = await cli('journal', 'verify', path, '--json');
    expect(code).toBe(1);
    expect(stdout + stderr).not.toBe('');
  });

  test('is exported as lines of JSON', async () => {
    await filled(2500);
    const { code, stdout } = await cli('journal', 'export', path);
    expect(code).toBe(0);
    const events = lines(stdout).filter(({ kind }) => kind === 'event');
    expect(events).toHaveLength(2500);
    expect(lines(stdout).filter(({ kind }) => kind === 'dead-letter')).toHaveLength(1);
    const bodies = events.map(({ event }) => (event as { data: unknown }).data);
    expect(bodies).toEqual(Array.from({ length: 2500 }, (_, n) => ({ n, text: 'é"\n' })));
  });

  test('is exported into a file for its owner only', async () => {
    await fill();
    const output = join(folder, 'export.ndjson');
    expect(await cli('journal', 'export', path, '--output', output)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(lines(readFileSync(output, 'utf8')).length).toBeGreaterThanOrEqual(6);
    if (process.platform !== 'win32') expect(statSync(output).mode & 0o777).toBe(0o600);
  });

  test('a file that cannot be written is a problem; a mistaken path empties no file', async () => {
    await filled();
    const { code, stderr } = await cli('journal', 'export', path, '-o', join(folder, 'no', 'such', 'folder'));
    expect(code).toBe(1);
    expect(stderr).toContain('ENOENT');
    const output = join(folder, 'kept.ndjson');
    writeFileSync(output, 'kept');
    expect(await cli('journal', 'export', `${path}-mistaken`, '-o', output)).toMatchObject({ code: 1 });
    expect(readFileSync(output, 'utf8')).toBe('kept');
  });

  test('a file that was there becomes one for its owner only', async () => {
    await filled();
    const output = join(folder, 'open.ndjson');
    writeFileSync(output, 'older', { mode: 0o644 });
    expect(await cli('journal', 'export', path, '-o', output)).toMatchObject({ code: 0 });
    if (process.platform !== 'win32') expect(statSync(output).mode & 0o777).toBe(0o600);
  });

  test('its own files are not overwritten with its export', async () => {
    await filled();
    const { code, stderr } = await cli('journal', 'export', path, '-o', join(path, 'journal.db'));
    expect(code).toBe(1);
    expect(stderr).toContain('belongs to the journal');
    expect(await cli('journal', 'verify', path)).toMatchObject({ code: 0 });
    expect(await cli('journal', 'export', path, '-o', join(path, 'export.ndjson'))).toMatchObject({ code: 0 });
  });

  test('of which nothing can be read is a verdict, as JSON too; the path is told', async () => {
    await filled();
    const file = openSync(join(path, 'journal.db'), 'r+');
    writeSync(file, Buffer.alloc(3000, 255), 0, 3000, 100);
    closeSync(file);
    const { code, stdout } = await cli('journal', 'verify', path, '--json');
    expect(code).toBe(1);
    const { ok, problems } = JSON.parse(stdout) as { ok: boolean; problems: string[] };
    expect([ok, problems.length]).toEqual([false, 1]);
    expect(problems[0]).toContain(path);
    const inspected = await cli('journal', 'inspect', path);
    expect(inspected).toMatchObject({ code: 1, stdout: '' });
    expect(inspected.stderr).toContain(path);
  });

  test('with a damaged record is exported with the others, and that is a problem', async () => {
    await filled();
    const database = join(path, 'journal.db');
    const bytes = readFileSync(database);
    // A letter of a type, wherever it stands.
    for (let at = bytes.indexOf('order.paid'); at >= 0; at = bytes.indexOf('order.paid', at + 1)) bytes[at] = 79;
    writeFileSync(database, bytes);
    const { code, stdout, stderr } = await cli('journal', 'export', path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kodus-flow: \d+ damaged records/);
    expect(lines(stdout).filter(({ kind }) => kind === 'damaged').length).toBeGreaterThan(0);
  });

  test.runIf(process.platform === 'linux')('a standard output that is full is a problem, in one line', async () => {
    await filled();
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [program, 'journal', 'export', path], { stdio: ['ignore', full, 'pipe'] });
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.on('close', resolve));
    closeSync(full);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kodus-flow: .*ENOSPC[^\n]*\n$/);
  });

  test('a directory without one, and a file, are told so in words', async () => {
    mkdirSync(path);
    const file = join(path, 'file');
    writeFileSync(file, '');
    for (const place of [path, file]) {
      const { code, stderr } = await cli('journal', 'inspect', place);
      expect(code).toBe(1);
      expect(stderr).toContain(`there is no journal in ${place}`);
    }
  });

  test('a reader that has seen enough ends the export quietly', async () => {
    await filled(20_000);
    const child = spawn(process.execPath, [program, 'journal', 'export', path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('is compacted, but not while a runtime has it open', async () => {
    await fill(2000);
    runtime!.on('order.paid', () => undefined);
    const refused = await cli('journal', 'compact', path);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('JOURNAL_LOCKED');
    await runtime!.process();
    await runtime!.cleanup();
    const { code, stdout } = await cli('journal', 'compact', path, '--json');
    expect(code).toBe(0);
    const { bytesBefore, bytesAfter } = JSON.parse(stdout) as { bytesBefore: number; bytesAfter: number };
    expect(bytesAfter).toBeLessThan(bytesBefore);
    expect(await cli('journal', 'verify', path)).toMatchObject({ code: 0 });
  });

  test('that belongs to others, or is none, is told apart', async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'journal.db'), 'not a database at all, but long enough to be read as one');
    const { code, stderr } = await cli('journal', 'inspect', path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/JOURNAL_(CORRUPT|VERSION|FAILED)/);
  });
});

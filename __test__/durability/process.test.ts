import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { bundleRuntime } from '../bundle';
import { directory, durable, handled, removeAll } from './helpers';

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kodus-durable-'));
  await bundleRuntime(join(folder, 'runtime.cjs'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(removeAll);

/** Runs a program with the runtime; one that hangs is killed and fails. */
async function program(source: string, path: string): Promise<string> {
  const file = join(folder, `program-${Math.random().toString(36).slice(2)}.cjs`);
  writeFileSync(file, `const { createRuntime } = require('./runtime.cjs'); const path = process.argv[2];\n${source}`);
  const { stdout } = await run(process.execPath, [file, path], { timeout: 15_000 });
  return stdout;
}

test('a process that ends by itself, without cleanup, has committed what it emitted', async () => {
  const path = directory();
  await program(
    `const r = createRuntime({}, undefined, { journal: path }); for (let n = 0; n < 3; n++) r.emit('a', n);`,
    path,
  );
  const runtime = durable(path);
  expect(runtime.recovered).toBe(3);
  expect(await handled(runtime, ['a'])).toEqual([0, 1, 2]);
});

test('so has one that calls process.exit, even in the same turn', async () => {
  const path = directory();
  const source = `const r = createRuntime({}, undefined, { journal: { path, groupMs: 5000 } }); r.emit('a', 1);
    process.exit(0);`;
  await program(source, path);
  expect(durable(path).recovered).toBe(1);
});

test('an idle runtime with a journal does not keep the process alive; an awaited emit does', async () => {
  const path = directory();
  const source = `const r = createRuntime({}, undefined, { journal: { path, groupMs: 50 } });
    r.emitAsync('a', 1).then(({ success }) => console.log('durable', success));`;
  expect(await program(source, path)).toBe('durable true\n');
});

test('a worker thread gets the same clear error, and may have the journal when it is free', async () => {
  const path = directory();
  const source = `const { Worker, isMainThread, workerData, parentPort } = require('node:worker_threads');
    if (!isMainThread) {
      try { createRuntime({}, undefined, { journal: workerData }).cleanup().then(() => parentPort.postMessage('opened')); }
      catch (error) { parentPort.postMessage(error.code + ' ' + error.message.includes(String(process.pid))); }
    } else {
      const ask = () => new Promise((answer) => new Worker(__filename, { workerData: path }).on('message', answer));
      (async () => {
        const r = createRuntime({}, undefined, { journal: path });
        console.log(await ask());
        await r.cleanup();
        console.log(await ask());
      })();
    }`;
  expect(await program(source, path)).toBe('JOURNAL_LOCKED true\nopened\n');
});

test('another process gets JOURNAL_LOCKED with the pid of the owner', async () => {
  const path = directory();
  durable(path);
  const source = `try { createRuntime({}, undefined, { journal: path }); } catch (error) { console.log(error.code, error.message); }`;
  const output = await program(source, path);
  expect(output).toContain('JOURNAL_LOCKED');
  expect(output).toContain(String(process.pid));
});

test('statistics can be read after cleanup', async () => {
  const runtime = durable(directory());
  await runtime.emitAsync('a', 1);
  await runtime.cleanup();
  expect(runtime.getStats().journal).toMatchObject({ pending: 1 });
  expect(runtime.emit('a', 2)).toMatchObject({ queued: false, error: { code: 'RUNTIME_SHUTTING_DOWN' } });
});

test('events that cannot become durable are told so, and taken out; when there is room again it goes on', async () => {
  const path = directory();
  const runtime = durable(path, { queueSize: 1000 }, { maxBytes: 1024 * 1024 });
  const pad = 'x'.repeat(200_000);
  const results = await Promise.all(Array.from({ length: 20 }, (_, n) => runtime.emitAsync('a', { n, pad })));
  const more = await Promise.all(Array.from({ length: 20 }, (_, n) => runtime.emitAsync('a', { n: 20 + n, pad })));
  const all = [...results, ...more];
  const accepted = all.filter(({ success }) => success).length;
  expect(accepted).toBeLessThan(40);
  expect(all.find(({ success }) => !success)).toMatchObject({ queued: false, error: { code: 'JOURNAL_FULL' } });
  expect(runtime.getStats().queue.size).toBe(accepted);
  expect(await handled(runtime, ['a'])).toHaveLength(accepted);
  await runtime.flush();
  await expect.poll(async () => (await runtime.emitAsync('a', 1)).success).toBe(true);
});

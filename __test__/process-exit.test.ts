import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleRuntime } from './bundle';

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kodus-flow-exit-'));
  await bundleRuntime(join(folder, 'runtime.cjs'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program with the runtime; one that hangs is killed and fails. */
async function program(source: string): Promise<Ended> {
  const file = join(folder, `program-${Math.random().toString(36).slice(2)}.cjs`);
  writeFileSync(
    file,
    `const { createRuntime, EnhancedEventQueue, MemoryMonitor } = require('./runtime.cjs');\n${source}`,
  );
  try {
    const { stdout, stderr } = await run(process.execPath, [file], { timeout: 15_000 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr, killed } = error as Ended & { killed: boolean };
    if (killed) throw new Error(`the process did not exit by itself: ${stdout}${stderr}`, { cause: error });
    return { code, stdout, stderr };
  }
}

describe('a process', () => {
  it('exits by itself with runtimes that are idle, started, waiting for delays or redeliveries, and never cleaned up', async () => {
    const ended = await program(`
      const runtime = createRuntime({}, undefined, { enableAcks: true, memoryMonitor: {}, retry: { initialDelayMs: 60000 } });
      runtime.on('bad', () => { throw new Error('no'); });
      runtime.start();
      runtime.emit('later', 1, { delayMs: 3600000 });
      runtime.emit('bad');
      const queue = new EnhancedEventQueue();
      new MemoryMonitor().start();
      runtime.idle().then(() => console.log('idle'));
    `);
    expect(ended).toMatchObject({ code: 0, stdout: 'idle\n' });
  });

  it('stays while process, drain or a handler of a started runtime has work to do', async () => {
    const ended = await program(`
      const unrefd = (ms) => new Promise((done) => setTimeout(done, ms).unref());
      (async () => {
        const runtime = createRuntime({}, undefined, { retry: { initialDelayMs: 30, jitter: 'none' } });
        let runs = 0;
        runtime.on('slow', async () => { await unrefd(30); console.log('slow'); });
        runtime.on('flaky', () => { if (++runs === 1) throw new Error('no'); console.log('flaky'); });
        runtime.emit('slow');
        await runtime.process();
        runtime.emit('flaky');
        await runtime.drain();
        runtime.start();
        runtime.emit('slow');
      })();
    `);
    expect(ended).toMatchObject({ code: 0, stdout: 'slow\nflaky\nslow\n' });
  });

  it('ends cleanly when a handler calls process.exit, and when it crashes with work in flight', async () => {
    const exit = await program(`
      const runtime = createRuntime();
      runtime.on('a', () => process.exit(7));
      for (let n = 0; n < 100; n++) runtime.emit('a');
      runtime.process();
    `);
    expect(exit).toMatchObject({ code: 7, stderr: '' });
    const crash = await program(`
      const runtime = createRuntime();
      runtime.on('a', () => new Promise(() => undefined));
      for (let n = 0; n < 100; n++) runtime.emit('a');
      runtime.process();
      setTimeout(() => { throw new Error('the user crashed'); }, 5);
    `);
    expect(crash.code).toBe(1);
    expect(crash.stderr).toContain('the user crashed');
  });

  it('has no unhandled rejections from handlers that fail in every way', async () => {
    const ended = await program(`
      (async () => {
        const runtime = createRuntime({}, undefined, { operationTimeoutMs: 5 });
        runtime.on('reject', () => Promise.reject(new Error('no')));
        runtime.on('late', () => new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 20)));
        runtime.emit('reject');
        runtime.emit('late');
        await runtime.process();
        await new Promise((done) => setTimeout(done, 40));
        console.log(runtime.getStats().queue.dead);
      })();
    `);
    expect(ended).toMatchObject({ code: 0, stdout: '2\n', stderr: '' });
  });

  it('frees runtimes that are not used any more', async () => {
    const ended = await program(`
      const { setFlagsFromString } = require('node:v8');
      setFlagsFromString('--expose-gc');
      const gc = require('node:vm').runInNewContext('gc');
      (async () => {
        const round = async () => {
          for (let n = 0; n < 200; n++) {
            const runtime = createRuntime();
            runtime.on('a', () => undefined);
            runtime.emit('a');
            await runtime.process();
            await runtime.cleanup();
          }
          for (let n = 0; n < 5; n++) { gc(); await new Promise((done) => setImmediate(done)); }
          return process.memoryUsage();
        };
        await round();
        const before = await round();
        for (let n = 0; n < 3; n++) await round();
        const after = await round();
        const grown = after.heapUsed + after.external + after.arrayBuffers - before.heapUsed - before.external - before.arrayBuffers;
        // 800 runtimes with rings of 80 KB each: 64 MB if they stayed.
        console.log(grown < 16 * 1024 * 1024 ? 'freed' : 'kept ' + grown);
      })();
    `);
    expect(ended).toMatchObject({ code: 0, stdout: 'freed\n' });
  }, 30_000);
});

describe('a burst', () => {
  it('does not keep its memory once its events have ended', async () => {
    const ended = await program(`
      const { setFlagsFromString } = require('node:v8');
      setFlagsFromString('--expose-gc');
      const gc = require('node:vm').runInNewContext('gc');
      const held = () => { for (let n = 0; n < 4; n++) gc(); return process.memoryUsage().heapUsed; };
      (async () => {
        const runtime = createRuntime({}, undefined, { queueSize: 400000 });
        runtime.on('a', () => undefined);
        runtime.emit('a');
        await runtime.process();
        const before = held();
        for (let n = 0; n < 300000; n++) runtime.emit('a');
        await runtime.process();
        const grown = held() - before;
        runtime.emit('a');
        await runtime.process();
        console.log(grown < 6 * 1024 * 1024 ? 'given back' : 'kept ' + grown, runtime.getStats().queue.done);
      })();
    `);
    expect(ended).toMatchObject({ code: 0, stdout: 'given back 300002\n' });
  }, 30_000);
});

describe('worker threads', () => {
  it('have runtimes of their own, and may be terminated with work in flight', async () => {
    const ended = await program(`
      const { Worker } = require('node:worker_threads');
      const source = \`
        const { parentPort } = require('node:worker_threads');
        const { createRuntime } = require('./runtime.cjs');
        const [one, two] = [createRuntime(), createRuntime()];
        let count = 0;
        for (const runtime of [one, two]) runtime.on('a', async () => void count++);
        one.on('hang', () => new Promise(() => undefined));
        for (let n = 0; n < 500; n++) { one.emit('a'); two.emit('a'); }
        Promise.all([one.process(), two.process()]).then(() => {
          one.emit('hang');
          one.process();
          parentPort.postMessage(count);
        });
      \`;
      const file = require('node:path').join(__dirname, 'worker.cjs');
      require('node:fs').writeFileSync(file, source);
      (async () => {
        const runtime = createRuntime();
        let own = 0;
        runtime.on('a', () => void own++);
        const workers = Array.from({ length: 3 }, () => new Worker(file));
        const counts = await Promise.all(workers.map((worker) => new Promise((done, fail) => { worker.once('message', done); worker.once('error', fail); })));
        runtime.emit('a');
        await runtime.process();
        await Promise.all(workers.map((worker) => worker.terminate()));
        console.log(counts.join(), own);
      })();
    `);
    expect(ended).toMatchObject({ code: 0, stdout: '1000,1000,1000 1\n' });
  });
});

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { native } from '../../lib/native/index';
import { bundleRuntime } from '../bundle';
import { sleep } from '../helpers';
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

test('a journal stays where it is when the working directory changes, and so do those of its tenants', async () => {
  const path = directory();
  const source = `const { mkdirSync, existsSync } = require('node:fs');
    mkdirSync(path + '/here'); mkdirSync(path + '/there');
    process.chdir(path + '/here');
    (async () => {
      const r = createRuntime({}, undefined, { journal: './data', enableEventStore: true });
      process.chdir('../there');
      await r.emitAsync('a', 1);
      const tenant = r.forTenant('acme');
      await tenant.emitAsync('a', 2);
      for await (const events of r.replayEvents(0)) console.log('replayed', events.length);
      await tenant.cleanup();
      await r.cleanup();
      console.log(existsSync(path + '/there/data'), existsSync(path + '/here/data/tenants/acme/journal.db'));
    })();`;
  expect(await program(source, path)).toBe('replayed 1\nfalse true\n');
});

test('what is asked of an event store after the end is refused, and keeps nobody waiting', async () => {
  const path = directory();
  const source = `(async () => {
      const r = createRuntime({}, undefined, { journal: path, enableEventStore: true });
      const { eventId } = await r.emitAsync('a', 1);
      const store = r.getEventStore();
      await r.cleanup();
      const told = (what) => what.then(() => 'no error', (error) => error.code);
      const replay = async () => { for await (const events of store.replayFromTimestamp(0)) return events; };
      console.log(await told(store.getEventMetadata(eventId)), await told(store.getStats()), await told(replay()));
      const event = { id: 'e', type: 'a', data: 1, ts: 1, threadId: 'e' };
      console.log(await told(store.appendEvents([event])), await told(store.markEventsProcessed([eventId])));
      console.log(await told(store.cleanup()), await told(store.flush()), await told(store.close()));
      store.recordAttempt(eventId);
    })();`;
  const refused = 'JOURNAL_FAILED';
  expect(await program(source, path)).toBe(
    `${refused} ${refused} ${refused}\n${refused} ${refused}\n${refused} no error no error\n`,
  );
  expect(durable(path).recovered).toBe(1);
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

test('after kill -9 attempts, next times, dead letters, keys and delays are what they were', async () => {
  const path = directory();
  const source = `const r = createRuntime({}, undefined, { journal: { path, groupMs: 0 },
      retry: { maxAttempts: 5, initialDelayMs: 3600000, maxDelayMs: 3600000, jitter: 'none' } });
    r.on('flaky', () => { throw new Error('not yet'); });
    r.on('hopeless', () => { throw new Error('never'); });
    r.on('once', () => undefined);
    r.on('first', () => new Promise(() => undefined));
    const once = { deliveryGuarantee: 'exactly-once', idempotencyKey: 'order-7' };
    (async () => {
      r.emit('flaky', 1);
      r.emit('hopeless', 2, { retryPolicy: { maxRetries: 0 } });
      r.emit('once', 3, once);
      await r.process();
      r.emit('later', 4, { delayMs: 3600000 });
      r.emit('lost', 5, { deliveryGuarantee: 'at-most-once' });
      r.emit('first', 6, { orderingKey: 'k' });
      r.emit('second', 7, { orderingKey: 'k' });
      await r.flush();
      r.on('lost', () => process.kill(process.pid, 'SIGKILL'));
      r.process();
    })();`;
  await expect(program(source, path)).rejects.toMatchObject({ signal: 'SIGKILL' });
  const runtime = durable(path, {
    retry: { maxAttempts: 5, initialDelayMs: 3_600_000, maxDelayMs: 3_600_000, jitter: 'none' },
  });
  await sleep(0);
  expect(runtime.recovered).toBe(4);
  expect(runtime.getStats().queue).toMatchObject({ waiting: 3, ready: 1 });
  expect(runtime.deadLetters.list().items.map(({ event, attempts }) => [event.data, attempts])).toEqual([[2, 1]]);
  const once = { deliveryGuarantee: 'exactly-once' as const, idempotencyKey: 'order-7' };
  expect(runtime.emit('once', 3, once).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'done' } });
  const waits = runtime.getQueueSnapshot(10).map(({ eventType }) => eventType);
  expect(waits.sort()).toEqual(['first', 'flaky', 'later', 'second']);
  expect(await handled(runtime, ['second', 'first', 'lost', 'later', 'flaky'])).toEqual([6, 7]);
  await runtime.cleanup();
  const rows = (JSON.parse(await native.journalExport(path, '', 100)) as { rows: Record<string, unknown>[] }).rows;
  const flaky = rows.find(({ type }) => type === 'flaky')!;
  expect(flaky.attempts).toBe(1);
  expect(Math.abs(Number(flaky.dueAt) - Date.now() - 3_600_000)).toBeLessThan(60_000);
});

test('an exception that nobody catches takes nothing with it that was handed over', async () => {
  const path = directory();
  const source = `const r = createRuntime({}, undefined, { journal: { path, groupMs: 5000 } });
    r.emit('a', 1);
    setImmediate(() => { r.emit('a', 2); throw new Error('out of the blue'); });`;
  await expect(program(source, path)).rejects.toThrow('out of the blue');
  expect(durable(path).recovered).toBe(2);
});

test('whenever a process exits while it cleans up, what was emitted is there', async () => {
  const path = directory();
  for (const turns of [0, 3, 30]) {
    const source = `const r = createRuntime({}, undefined, { queueSize: 20000,
        journal: { path: path + '/life-${turns}', groupMs: 5000 } });
      for (let n = 0; n < 20000; n++) r.emit('a', { n, pad: 'x'.repeat(100) });
      r.cleanup();
      let left = ${turns};
      const next = () => (left-- > 0 ? setImmediate(next) : process.exit(0));
      next();`;
    await program(source, path);
    const runtime = durable(join(path, `life-${turns}`));
    expect([turns, runtime.recovered]).toEqual([turns, 20_000]);
    await runtime.cleanup();
  }
});

test('a worker that is terminated leaves its journal whole, and free', async () => {
  const path = directory();
  const source = `const { Worker, isMainThread, workerData, parentPort } = require('node:worker_threads');
    if (!isMainThread) {
      const r = createRuntime({}, undefined, { journal: { path: workerData, groupMs: 5000 } });
      for (let n = 0; n < 100; n++) r.emit('a', n);
      setImmediate(() => setImmediate(() => parentPort.postMessage('emitted')));
      setInterval(() => undefined, 1000);
    } else {
      const worker = new Worker(__filename, { workerData: path });
      worker.on('message', async () => {
        await worker.terminate();
        const r = createRuntime({}, undefined, { journal: path });
        console.log(r.recovered);
        await r.cleanup();
      });
    }`;
  expect(await program(source, path)).toBe('100\n');
});

test('runtimes with journals of their own do not disturb each other, in threads either', async () => {
  const path = directory();
  const source = `const { Worker, isMainThread, workerData } = require('node:worker_threads');
    const fill = async (name) => {
      const r = createRuntime({}, undefined, { journal: { path: path + '/' + name } });
      await Promise.all(Array.from({ length: 200 }, (_, n) => r.emitAsync('a', name + n)));
      await r.cleanup();
    };
    if (!isMainThread) fill(workerData);
    else {
      for (const name of ['w1', 'w2']) new Worker(__filename, { workerData: name, argv: [path] });
      Promise.all([fill('m1'), fill('m2')]);
    }`;
  await program(source, path);
  for (const name of ['m1', 'm2', 'w1', 'w2']) {
    const runtime = durable(join(path, name));
    expect(await handled(runtime, ['a'])).toEqual(Array.from({ length: 200 }, (_, n) => `${name}${n}`));
    await runtime.cleanup();
  }
});

test('a pid that was left behind, and that somebody else has by now, locks nobody out', async () => {
  const path = directory();
  await durable(path).cleanup();
  writeFileSync(join(path, 'journal.lock'), '');
  writeFileSync(join(path, 'journal.pid'), '1');
  await durable(path).cleanup();
});

test('a hundred thousand events with delays come back, and none before its time', { timeout: 60_000 }, async () => {
  const path = directory();
  const first = durable(path, { queueSize: 200_000 });
  for (let n = 0; n < 100_000; n++) first.emit('a', n, { delayMs: n % 100 === 0 ? 1 : 3_600_000 + n });
  await first.cleanup();
  const second = durable(path, { queueSize: 200_000 });
  expect(second.recovered).toBe(100_000);
  await sleep(5);
  expect(await handled(second, ['a'])).toHaveLength(1000);
  expect(second.getStats().queue.waiting).toBe(99_000);
});

test('ids that come again: refused while the first one is known, each handled once otherwise', async () => {
  const path = directory();
  const event = { id: 'same', type: 'a', data: 1, ts: 1, threadId: 't' };
  const first = durable(path);
  expect(first.emitEvent({ ...event })).toMatchObject({ queued: true });
  expect(first.emitEvent({ ...event }).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'waiting' } });
  await first.cleanup();
  const second = durable(path);
  expect(second.emitEvent({ ...event }).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'waiting' } });
  expect(await handled(second, ['a'])).toEqual([1]);
  expect(second.emitEvent({ ...event }).error).toMatchObject({ code: 'DUPLICATE', context: { state: 'done' } });
  await second.cleanup();
  expect(durable(path).recovered).toBe(0);
});

import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { native } from '../../lib/native/index';
import { bundleRuntime } from '../bundle';
import { deferred, sleep } from '../helpers';
import { directory, durable, handled, removeAll } from './helpers';
import type { RuntimeError } from '../../lib/errors';

afterEach(removeAll);

/** Bits that are flipped, spread over the file; a longer run: `KODUS_FLOW_FLIPS=5000`. */
const FLIPS = Number(process.env.KODUS_FLOW_FLIPS ?? 100);

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kodus-faults-'));
  await bundleRuntime(join(folder, 'runtime.cjs'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program with the runtime, after the shell commands of `before`. */
async function program(source: string, path: string, before = 'true'): Promise<string> {
  const file = join(folder, `program-${Math.random().toString(36).slice(2)}.cjs`);
  writeFileSync(file, `const { createRuntime } = require('./runtime.cjs'); const path = process.argv[2];\n${source}`);
  const shell = `${before}; exec "$0" "$1" "$2"`;
  const { stdout } = await run('sh', ['-c', shell, process.execPath, file, path], { timeout: 15_000 });
  return stdout;
}

/** A file system of its own, of two megabytes; undefined where that is not permitted. */
function smallDisk(): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'kodus-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path]);
  if (status === 0) return path;
  rmSync(path, { recursive: true });
  return undefined;
}

const disk = smallDisk();

/** Leaves no room on the small disk. Answers the file that takes it. */
function fillDisk(): string {
  const ballast = join(disk!, 'ballast');
  for (let size = 2 ** 21; size >= 4096; size /= 2) {
    try {
      writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // As much of it as there was room for.
    }
  }
  return ballast;
}

afterAll(() => {
  if (disk === undefined) return;
  spawnSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
});

const onSmallDisk = test.skipIf(disk === undefined);
const because = disk === undefined ? ' (skipped: a tmpfs cannot be mounted here; it takes root on Linux)' : '';

describe('a full disk', () => {
  onSmallDisk(`is told, nothing is silently accepted, and when there is room again it goes on${because}`, async () => {
    const path = join(disk!, 'journal');
    const first = durable(path, { queueSize: 10_000 });
    expect(await first.emitAsync('a', 'before')).toMatchObject({ success: true });
    const ballast = fillDisk();
    const pad = 'x'.repeat(20_000);
    const emitted = first.emit('a', { n: 'not awaited', pad });
    expect(emitted).toMatchObject({ queued: true });
    const results = await Promise.all(Array.from({ length: 5 }, (_, n) => first.emitAsync('a', { n, pad })));
    for (const { success, queued, error } of results) {
      expect({ success, queued }).toEqual({ success: false, queued: false });
      expect(error).toMatchObject({ code: 'JOURNAL_FAILED', context: { ran: false } });
      expect(error!.message).toMatch(/full|no room/);
    }
    expect(first.getStats().queue.size).toBe(2);
    expect(first.emit('a', 1)).toMatchObject({ queued: false, error: { code: 'JOURNAL_FAILED' } });
    await expect(first.flush()).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
    expect(first.getStats().journal!.failures).toBeGreaterThan(0);
    rmSync(ballast);
    await expect.poll(async () => (await first.emitAsync('a', 'after')).success, { timeout: 10_000 }).toBe(true);
    await first.flush();
    await first.cleanup();
    expect(JSON.parse(await native.journalVerify(path))).toMatchObject({ ok: true });
    const second = durable(path);
    expect(await handled(second, ['a'])).toEqual(['before', { n: 'not awaited', pad }, 'after']);
    await second.cleanup();
  });

  onSmallDisk(`nothing that waits is run, and of what has begun its emitter is told so${because}`, async () => {
    const path = join(disk!, 'fifth');
    const runtime = durable(path, { maxConcurrent: 2, retry: { maxAttempts: 2, initialDelayMs: 3_600_000 } });
    const gate = deferred();
    const begun: unknown[] = [];
    const on = (type: string, handler: () => unknown): void => {
      runtime.on(type, (event: { id: string }) => {
        begun.push(event.id);
        return handler();
      });
    };
    on('ends', () => undefined);
    on('fails', () => {
      throw new Error('no');
    });
    on('runs', () => gate.promise);
    on('waits', () => undefined);
    const ballast = fillDisk();
    // The first ones are taken out before they can start.
    const types = ['ends', 'ends', 'fails', 'runs', 'waits', 'waits'];
    const pad = 'x'.repeat(20_000);
    const answers = types.flatMap((type) => [
      runtime.emitAsync(type, { pad }),
      runtime.emitAsync(type, { pad }, { priority: 1 }),
      runtime.emitAsync(type, { pad }, { priority: 1, ttlMs: 60_000 }),
    ]);
    const queue = runtime.getEnhancedQueue();
    expect([queue.dequeue()!.type, queue.dequeue()!.type]).toEqual(['ends', 'ends']);
    const processed = runtime.process();
    const results = await Promise.all(answers);
    rmSync(ballast);
    gate.resolve();
    await processed;
    await runtime.process();
    for (const { eventId, success, queued, error } of results) {
      const ran = begun.includes(eventId);
      expect([eventId, success, queued, error]).toEqual([
        eventId,
        false,
        false,
        expect.objectContaining({ code: 'JOURNAL_FAILED', context: expect.objectContaining({ ran }) as unknown }),
      ]);
    }
    expect(begun).toHaveLength(6);
    expect(runtime.getStats().persistence.unfinishedEvents).toBe(0);
    await runtime.cleanup();
    expect(durable(path).recovered).toBe(0);
  });

  onSmallDisk(
    `a disk that stays full fails the cleanup aloud, and loses nothing that was durable${because}`,
    async () => {
      const path = join(disk!, 'second');
      const lines: string[] = [];
      const { createRuntime } = await import('../../lib/index');
      const logger = { log: (_: string, message: string): void => void lines.push(message) };
      const first = createRuntime({}, logger, { journal: { path, groupMs: 0 } });
      expect(await first.emitAsync('a', 'durable')).toMatchObject({ success: true });
      const ballast = join(disk!, 'ballast');
      expect(() => writeFileSync(ballast, Buffer.alloc(2 ** 22))).toThrow();
      for (let n = 0; n < 20; n++) first.emit('a', { n, pad: 'x'.repeat(10_000) });
      await first.cleanup();
      expect(lines).toContainEqual(expect.stringMatching(/could not be closed well/));
      rmSync(ballast);
      const second = durable(path);
      expect((await handled(second, ['a']))[0]).toBe('durable');
      await second.cleanup();
    },
  );

  onSmallDisk(`an event that is to run at most once does not start before the disk works again${because}`, async () => {
    const runtime = durable(join(disk!, 'fourth'));
    const seen: unknown[] = [];
    runtime.on('once', (event) => void seen.push(event.data));
    expect(await runtime.emitAsync('once', 1, { deliveryGuarantee: 'at-most-once' })).toMatchObject({ success: true });
    const ballast = join(disk!, 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(2 ** 22))).toThrow();
    const refused = await runtime.emitAsync('other', 'x'.repeat(20_000));
    expect(refused).toMatchObject({ success: false, error: { code: 'JOURNAL_FAILED' } });
    const processed = runtime.process();
    await sleep(50);
    expect(seen).toEqual([]);
    rmSync(ballast);
    await processed;
    expect(seen).toEqual([1]);
    expect(runtime.getStats().journal!.pending).toBe(0);
  });

  test.skipIf(process.platform === 'win32')('a limit of the process is told as well, in words', async () => {
    const source = `const r = createRuntime({}, undefined, { queueSize: 10000, journal: { path, groupMs: 0 } });
      (async () => {
        const results = [];
        for (let n = 0; n < 40; n++) results.push(await r.emitAsync('a', { n, pad: 'x'.repeat(20000) }));
        const failed = results.filter(({ success }) => !success);
        const accepted = results.length - failed.length;
        console.log(JSON.stringify({ accepted, size: r.getStats().queue.size, code: failed[0]?.error.code }));
        process.exit(0);
      })();`;
    const path = directory();
    // 512-byte blocks on some systems, 1024-byte ones on others; a write beyond fails instead of ending the process.
    const told = JSON.parse(await program(source, path, `trap '' XFSZ; ulimit -f 400`)) as Record<string, unknown>;
    expect(told).toMatchObject({ code: 'JOURNAL_FAILED', size: told.accepted });
    expect(durable(path).recovered).toBe(told.accepted);
  });
});

describe('a directory that cannot be written', () => {
  const OPEN = `try { createRuntime({}, undefined, { journal: path }); console.log('opened'); }
    catch (error) { console.log(error.name, error.code, error.message); }`;

  test.skipIf(process.platform === 'win32')('is named, with what the system said and what to do', async () => {
    const path = directory();
    chmodSync(path, 0o500);
    // Root may write everywhere, so it becomes somebody else first, when the addon is loaded.
    const told = await program(`if (process.geteuid() === 0) process.seteuid(65534);\n${OPEN}`, path);
    chmodSync(path, 0o700);
    expect(told).toContain('RuntimeError JOURNAL_FAILED');
    expect(told).toContain(path);
    expect(told).toMatch(/[Pp]ermission denied.*give this user the right to write there/);
  });

  onSmallDisk(`that is on a read-only file system is told apart${because}`, async () => {
    spawnSync('mount', ['-o', 'remount,ro', disk!]);
    const told = await program(OPEN, join(disk!, 'third'));
    spawnSync('mount', ['-o', 'remount,rw', disk!]);
    expect(told).toContain('RuntimeError JOURNAL_FAILED');
    expect(told).toMatch(/[Rr]ead-only.*choose a directory that can be written/);
  });

  test('that is a file is named', () => {
    const path = join(directory(), 'file');
    writeFileSync(path, '');
    expect(() => durable(path)).toThrow(expect.objectContaining({ code: 'JOURNAL_FAILED' }));
  });
});

describe('flipped bytes', () => {
  /** A journal with some of everything. */
  async function filled(path: string): Promise<void> {
    const runtime = durable(path, { enableEventStore: true, retry: { maxAttempts: 2, initialDelayMs: 3_600_000 } });
    runtime.on('bad', () => {
      throw new Error('no');
    });
    runtime.on('good', () => undefined);
    for (let n = 0; n < 20; n++) {
      runtime.emit('good', { n }, { idempotencyKey: `good-${n}` });
      runtime.emit('bad', { n }, n % 2 === 0 ? { retryPolicy: { maxRetries: 0 } } : {});
    }
    await runtime.process();
    for (let n = 0; n < 60; n++) runtime.emit('later', { n, pad: 'x'.repeat(n) }, { priority: n % 3 });
    await runtime.cleanup();
  }

  test(
    'are found, or harmless: whatever is flipped, the start fails with a code or goes on, and says what it left out',
    { timeout: 20_000 + FLIPS * 200 },
    async () => {
      const origin = directory();
      await filled(origin);
      const bytes = readFileSync(join(origin, 'journal.db'));
      let refused = 0;
      for (let flip = 0; flip < FLIPS; flip++) {
        const path = directory();
        const changed = Buffer.from(bytes);
        // Spread over the file, a different bit each time.
        const position = Math.floor((flip / FLIPS) * bytes.length) + ((flip * 37) % 64);
        changed[position]! ^= 1 << (flip % 8);
        writeFileSync(join(path, 'journal.db'), changed);
        for (const onCorruption of ['fail', 'skip'] as const) {
          try {
            const runtime = durable(path, { enableEventStore: true }, { onCorruption });
            await sleep(0);
            await runtime.cleanup({ timeoutMs: 0 });
          } catch (error) {
            refused++;
            const { code, message } = error as RuntimeError;
            // A version that is not known is refused, whatever has made it so.
            const codes = onCorruption === 'fail' ? /^JOURNAL_(CORRUPT|VERSION)$/ : /^JOURNAL_VERSION$/;
            expect([flip, onCorruption, message, code]).toEqual([
              flip,
              onCorruption,
              message,
              expect.stringMatching(codes),
            ]);
          }
        }
      }
      expect(refused).toBeGreaterThan(10);
    },
  );
});

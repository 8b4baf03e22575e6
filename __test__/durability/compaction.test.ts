import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { native } from '../../lib/native/index';
import { quiet } from '../helpers';
import { directory, durable, removeAll } from './helpers';

afterEach(removeAll);

/** Events of so many bytes each, all of them handled. */
async function passing(path: string, count: number): Promise<ReturnType<typeof durable>> {
  const runtime = durable(path, { queueSize: count }, { compression: false });
  runtime.on('a', () => undefined);
  await Promise.all(Array.from({ length: count }, () => runtime.emitAsync('a', 'x'.repeat(2000))));
  await runtime.process();
  await runtime.flush();
  return runtime;
}

test('a journal gives back all that it does not use, while events go on being accepted', async () => {
  const path = directory();
  const runtime = await passing(path, 4000);
  const compacted = runtime.compactJournal();
  const accepted = Array.from({ length: 20 }, (_, n) => runtime.emitAsync('later', n));
  const { bytesBefore, bytesAfter } = await compacted;
  expect((await Promise.all(accepted)).every(({ success }) => success)).toBe(true);
  expect(bytesBefore).toBeGreaterThan(3 * 2 ** 20);
  expect(bytesAfter).toBeLessThan(2 ** 20);
  expect(statSync(join(path, 'journal.db')).size).toBe(bytesAfter);
  expect(JSON.parse(await native.journalVerify(path))).toMatchObject({ ok: true });
  await runtime.cleanup();
  expect(durable(path).recovered).toBe(20);
});

test('there is nothing to compact without a journal, and nobody compacts one that is closed', async () => {
  expect(await quiet().compactJournal()).toEqual({ bytesBefore: 0, bytesAfter: 0 });
  const runtime = durable(directory());
  await runtime.cleanup();
  await expect(runtime.compactJournal()).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { cleanUpAll, quiet } from './helpers';

const path = mkdtempSync(join(tmpdir(), 'kodus-stats-'));
afterEach(async () => {
  await cleanUpAll();
  rmSync(path, { recursive: true, force: true });
});

/** Their members are named by users, operators or reasons. */
const OPEN = /^(refusals|byType|byTenant|.*ByEventType|itemsByErrorType|operators|buffers|oldestItem|recentItems)$/;
/** Documented once, at the top. */
const REPEATED = ['retry', 'dlq', 'persistence', 'circuitBreaker'];

function fieldsOf(value: object): string[] {
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'object' && member !== null && !OPEN.test(name) ? [name, ...fieldsOf(member)] : [name],
  );
}

it('every field of getStats is explained in its section of docs/statistics.md, and nothing else is', async () => {
  const runtime = quiet({
    journal: path,
    enableCircuitBreaker: true,
    memoryMonitor: {},
    retry: { maxAttempts: 2, initialDelayMs: 1 },
  });
  runtime.on('a', () => {
    throw new Error('no luck');
  });
  runtime.emit('a');
  await runtime.drain();
  const stats = runtime.getStats();
  const { retry: _retry, dlq: _dlq, persistence: _persistence, circuitBreaker: _breaker, ...queue } = stats.queue;
  const text = readFileSync(join(import.meta.dirname, '../docs/statistics.md'), 'utf8');
  const sections = new Map(text.split(/^## /m).map((section) => [/^`(\w+)`/.exec(section)?.[1], section]));
  for (const [name, section] of Object.entries({ ...stats, queue })) {
    const fields = [...fieldsOf(section as object), ...(name === 'queue' ? REPEATED : [])];
    const named = new Set(Array.from(sections.get(name)!.matchAll(/`(\w+)`/g), ([, word]) => word));
    expect({ name, missing: fields.filter((field) => !named.has(field)) }).toEqual({ name, missing: [] });
    const rows = Array.from(sections.get(name)!.matchAll(/^\| `(\w+)`/gm), ([, word]) => word!);
    const unknown = rows.filter((row) => !fields.includes(row) && row !== 'lastRecoveryAt');
    expect({ name, unknown }).toEqual({ name, unknown: [] });
  }
});

/** docs/compatibility.md says what each name of the earlier releases has become. Here it is held against the exports. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { ENTRIES, nativeLoader } from '../scripts/entries.mjs';
import { exportedNames } from '../scripts/util/names.mjs';
import { createRuntime } from '../lib/index';

interface Row {
  section: string;
  name: string;
  mark: string;
  status: string;
  from: string[];
}

const ENTRY_OF: Record<string, string> = { root: 'index', middleware: 'middleware', core: 'core' };

function rows(): Row[] {
  let section = '';
  const found: Row[] = [];
  for (const line of readFileSync('docs/compatibility.md', 'utf8').split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3).trim();
    const cells = line.split('|').map((cell) => cell.trim());
    const name = /^`(\w+)`$/.exec(cells[1] ?? '')?.[1];
    if (name === undefined) continue;
    const [mark, status, from] = cells.slice(2);
    found.push({ section, name, mark, status, from: from.split(', ').filter((entry) => entry !== '') });
  }
  return found;
}

const all = rows();
const exported = all.filter((row) => row.section !== 'Members of a runtime');
let names: Record<string, { values: string[]; types: string[] }>;

beforeAll(async () => {
  names = await exportedNames(ENTRIES, [nativeLoader]);
}, 60_000);

describe('the table of compatibility', () => {
  test('has every name once, with a known mark and the status that follows from it', () => {
    expect(exported.length).toBeGreaterThan(200);
    const listed = exported.map((row) => row.name);
    expect(listed.filter((name, i) => listed.indexOf(name) !== i)).toEqual([]);
    for (const { name, mark, status } of all) {
      expect([name, mark]).toEqual([name, expect.stringMatching(/^(KEEP|FIX|DROP)$/)]);
      expect([name, status]).toEqual([name, mark === 'DROP' ? 'dropped' : 'there']);
    }
  });

  test('names what is exported, and from where', () => {
    for (const { section, name, status, from } of exported) {
      const places = Object.entries(ENTRY_OF).filter(([, entry]) => {
        const { values, types } = names[entry];
        return section === 'Types' ? types.includes(name) || values.includes(name) : values.includes(name);
      });
      expect([name, places.map(([place]) => place)]).toEqual([name, status === 'there' ? from : []]);
      if (status === 'there') expect([name, from]).toEqual([name, expect.arrayContaining(['root'])]);
      else expect(names.index.types).not.toContain(name);
    }
  });

  test('names the members of a runtime', async () => {
    const runtime = createRuntime();
    const members = all.filter((row) => row.section === 'Members of a runtime');
    expect(members.length).toBe(21);
    for (const { name } of members) expect([name, typeof runtime[name as 'on']]).toEqual([name, 'function']);
    await runtime.cleanup();
  });

  test('leaves no value of the middleware and core entries out of the root', () => {
    for (const entry of ['middleware', 'core']) {
      expect(names[entry].values.filter((name) => !names.index.values.includes(name))).toEqual([]);
    }
  });
});

/** docs/compatibility.md says what each name of the earlier releases has become. Here it is held against the exports. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { ENTRIES, nativeLoader } from '../scripts/entries.mjs';
import { exportedNames } from '../scripts/util/names.mjs';
import * as lib from '../lib/index';
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
const exported = all.filter((row) => ['Values', 'Types', 'Dropped names'].includes(row.section));
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

  test('names the members of everything else', async () => {
    const store = lib.createPersistor();
    const none = undefined as never;
    /** What the name makes, for those that are not used as they are. */
    const made: Record<string, () => unknown> = {
      EventQueue: () => new lib.EventQueue(none),
      EnhancedEventQueue: () => new lib.EnhancedEventQueue(none, store, 'members'),
      DeadLetterQueue: () => new lib.DeadLetterQueue(none),
      OptimizedEventProcessor: () => new lib.OptimizedEventProcessor({}, none),
      EventStore: () => lib.createEventStore(none, { executionId: 'members' }),
      StreamManager: () => new lib.StreamManager(),
      EventStream: () => new lib.StreamManager().createStream([]),
      MemoryMonitor: () => new lib.MemoryMonitor(none),
      CircuitBreaker: () => new lib.CircuitBreaker(none, { name: 'members' }),
      CircuitBreakerManager: () => new lib.CircuitBreakerManager(none),
      ConditionalMiddlewareFactory: () => new lib.ConditionalMiddlewareFactory(none),
      ConditionalMiddlewareExecutor: () => new lib.ConditionalMiddlewareExecutor(none),
      MiddlewareRegistry: () => new lib.MiddlewareRegistry(),
      MiddlewarePipelineClass: () => new lib.MiddlewarePipelineClass(),
      createMiddlewareChain: () => lib.createMiddlewareChain(),
      createMiddlewareBuilder: () => lib.createMiddlewareBuilder(),
      workflowEvent: () => lib.workflowEvent('members'),
      StoragePersistorAdapter: () => store,
      getObservability: () => lib.getObservability(),
      createLogger: () => lib.createLogger('members'),
      createWorkflowContext: () => lib.createWorkflowContext('name', 'execution', 'tenant'),
    };
    const rowsOfObjects = all.filter((row) => row.section === 'Members of the other objects');
    expect(rowsOfObjects.length).toBe(25);
    for (const { name, from } of rowsOfObjects) {
      const object = (made[name]?.() ?? lib[name as keyof typeof lib]) as Record<string, unknown>;
      const members = from.map((cell) => cell.replaceAll('`', ''));
      expect([name, members.filter((member) => typeof object[member] !== 'function')]).toEqual([name, []]);
    }
  });

  test('names the keys of options and results', () => {
    const program = ts.createProgram(['index.d.ts'], { strict: true, target: ts.ScriptTarget.ES2022, types: ['node'] });
    const checker = program.getTypeChecker();
    const module = checker.getSymbolAtLocation(program.getSourceFile('index.d.ts')!)!;
    const types = new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]));
    const keyNames = (name: string) =>
      checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(types.get(name)!)).map((key) => key.name);
    const shapes = all.filter((row) => row.section === 'Options and shapes');
    expect(shapes.length).toBe(38);
    for (const { name, from } of shapes) {
      const lost = from.map((cell) => cell.replaceAll('`', '')).filter((key) => !keyNames(name).includes(key));
      expect([name, lost]).toEqual([name, []]);
    }
  }, 60_000);

  test('leaves no value of the middleware and core entries out of the root', () => {
    for (const entry of ['middleware', 'core']) {
      expect(names[entry].values.filter((name) => !names.index.values.includes(name))).toEqual([]);
    }
  });
});

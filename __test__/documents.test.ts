/**
 * The code of the documents: each ```ts block is a program. It is compiled against the declarations that users get, run, and
 * must print the lines that its `// prints` comments promise.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** The blocks of this one are declarations; what it is generated from is compiled elsewhere. */
const GENERATED = 'docs/api.md';
const DOCUMENTS = ['', 'docs/', 'docs/adr/'].flatMap((folder) =>
  readdirSync(join('.', folder))
    .filter((name) => name.endsWith('.md') && folder + name !== GENERATED)
    .map((name) => folder + name),
);
/** Inside the repository: there the package finds itself by its name. */
const FOLDER = '.document-blocks';
/** What the blocks take for granted. */
const HELPERS = `
const context = { tenantId: 'acme', executionId: 'documents' };
const observability = undefined;
const quiet = { log: () => undefined };
const directory = ${JSON.stringify(join(tmpdir(), `kodus-flow-documents-${process.pid}-`))} + Math.random().toString(36).slice(2);
const saveUser = async (_user: unknown): Promise<void> => undefined;
const updateUser = async (_user: unknown, _signal?: AbortSignal): Promise<void> => undefined;
const deleteUser = async (_user: unknown): Promise<void> => undefined;
const updateDashboard = (_events: readonly unknown[]): void => undefined;
const userService = {
  async *getUsers() {
    for (let n = 0; n < 4; n++) yield { userId: n, active: n % 2 === 0 };
  },
};
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
void [context, observability, quiet, directory, saveUser, updateUser, deleteUser, updateDashboard, userService];
`;

interface Block {
  name: string;
  file: string;
  prints: string[];
}

const run = promisify(execFile);
const TSX = pathToFileURL(require.resolve('tsx')).href;

function blocksOf(document: string): Block[] {
  const found = [...readFileSync(document, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)];
  return found.map(([, code], i) => {
    const file = join(FOLDER, `${document.replace(/\W/g, '_')}_${i + 1}.mts`);
    // The helpers follow the imports and stay on one line, so that the lines of errors are those of the block.
    writeFileSync(
      file,
      `import { rmSync } from 'node:fs';\n${code}`.replace(/^(?!import )/m, () => `${HELPERS}\n`),
    );
    const prints = [...code.matchAll(/^\s*\/\/ prints (.*)$/gm)].map(([, line]) => line);
    return { name: `${document}, block ${i + 1}`, file, prints };
  });
}

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const blocks = DOCUMENTS.flatMap(blocksOf);

beforeAll(() => run(process.execPath, ['scripts/setup.mjs', 'dist']), 120_000);
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe('the code of the documents', () => {
  test('is there', () => {
    expect(blocks.length).toBeGreaterThan(30);
  });

  test('compiles', () => {
    const { config } = ts.readConfigFile('tsconfig.json', (file) => readFileSync(file, 'utf8'));
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, '.');
    const program = ts.createProgram(
      blocks.map((block) => block.file),
      options,
    );
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map(({ file, start, messageText }) => [
        file?.fileName,
        file === undefined ? '' : file.text.slice(start, (start ?? 0) + 60),
        ts.flattenDiagnosticMessageText(messageText, '\n'),
      ]);
    expect(problems).toEqual([]);
  }, 120_000);

  test.concurrent.each(blocks)(
    'does what it says: $name',
    async ({ file, prints }) => {
      // A folder of its own: some programs write to './data'.
      const cwd = mkdtempSync(join(tmpdir(), 'kodus-flow-document-'));
      const { stdout } = await run(process.execPath, ['--import', TSX, resolve(file)], { cwd });
      rmSync(cwd, { recursive: true, force: true });
      const lines = stdout.split('\n');
      for (const promised of prints) {
        expect(lines).toContain(promised);
        lines.splice(0, lines.indexOf(promised) + 1);
      }
    },
    60_000,
  );
});

/** The repository's own habits: the map of its folders, its links, its platforms. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Made by builds and tools. */
const MADE = ['.git', '.document-blocks', 'coverage', 'dist', 'node_modules', 'stage', 'target', 'tarballs'];
/** Their folders are told, too. */
const DEEP = ['lib', 'src'];

const foldersIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name).replaceAll('\\', '/'));

const deep = (folder: string): string[] => [folder, ...foldersIn(folder).flatMap(deep)];

const documents = (): string[] => [
  ...['.', 'docs', 'docs/adr'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

/** The anchors that GitHub makes of a document's headings. */
function anchorsOf(document: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of readFileSync(document, 'utf8').matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

describe('the repository', () => {
  test('has the folders that docs/architecture.md shows, and no others', () => {
    const text = readFileSync('docs/architecture.md', 'utf8');
    const shown = [...text.matchAll(/^\| `([^`]+)\/` +\|/gm)].map(([, folder]) => folder);
    const real = foldersIn('.')
      .filter((folder) => !MADE.includes(folder))
      .flatMap((folder) => (DEEP.includes(folder) ? deep(folder) : [folder]))
      .filter((folder) => folder !== 'src');
    expect(shown.sort()).toEqual(real.sort());
  });

  test('has documents whose links lead somewhere', () => {
    const broken = documents().flatMap((document) =>
      [...readFileSync(document, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)\s]*)?\)/g)]
        .map(([, target]) => target)
        .filter((target) => !existsSync(join(dirname(document), target)))
        .map((target) => `${document}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('has documents whose anchors are headings', () => {
    const broken = documents().flatMap((document) =>
      [...readFileSync(document, 'utf8').matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)#([^)\s]+)\)/g)]
        .filter(
          ([, target, anchor]) => !anchorsOf(target === '' ? document : join(dirname(document), target)).has(anchor),
        )
        .map(([, target, anchor]) => `${document}: ${target}#${anchor}`),
    );
    expect(broken).toEqual([]);
  });

  test('tells every code that it throws in docs/errors.md', () => {
    const text = readFileSync('docs/errors.md', 'utf8');
    const thrown = deep('lib').flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.ts'))
        .flatMap((name) => [
          ...readFileSync(join(folder, name), 'utf8').matchAll(
            /new (?:Runtime|Kernel|Middleware)Error\(\s*'([A-Z_]+)'/g,
          ),
        ])
        .map(([, code]) => code),
    );
    expect(thrown.length).toBeGreaterThan(30);
    expect([...new Set(thrown)].filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });

  test('has one version and one licence', () => {
    const { version, license } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, string>;
    const cargo = readFileSync('Cargo.toml', 'utf8');
    expect(cargo).toContain(`\nversion = "${version}"`);
    expect(cargo).toContain(`\nlicense = "${license}"`);
    expect(readFileSync('LICENSE', 'utf8')).toMatch(/^MIT License/);
    expect(readFileSync('CHANGELOG.md', 'utf8')).toContain(`## [${version}]`);
  });

  test('builds and loads the same platforms', () => {
    execFileSync(process.execPath, ['scripts/platforms.mjs', '--check']);
    const loader = readFileSync('native/binding.cjs', 'utf8');
    const release = readFileSync('.github/workflows/release.yml', 'utf8');
    for (const triple of readdirSync('npm')) {
      const [os, cpu, abi] = triple.split('-');
      expect(loader).toContain(`'${os}-${cpu}'`);
      if (os !== 'linux') expect(loader).toContain(`'${triple}'`);
      else expect(['gnu', 'musl']).toContain(abi);
    }
    const { napi } = JSON.parse(readFileSync('package.json', 'utf8')) as { napi: { targets: string[] } };
    for (const target of napi.targets) expect(release).toContain(`target: ${target},`);
  });
});

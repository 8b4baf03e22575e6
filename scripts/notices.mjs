/**
 * Writes NOTICE: the licences of what is compiled into the addon (Rust crates with the C libraries that they bring, on any
 * platform). It goes along with every addon. `--check` writes nothing and fails when it is stale; either way a licence
 * that LICENSES does not list is an error.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const OUTPUT = 'NOTICE';

/** Licences that ask for nothing but their text. In this order one is chosen where a crate offers several. */
const LICENSES = ['MIT', 'ISC', 'Zlib', 'BSD-3-Clause', 'BSD-2-Clause', 'Unicode-3.0', 'Apache-2.0'];

const MIT = (...copyrights) => `MIT License

${copyrights.join('\n')}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;

const NAPI = MIT('Copyright (c) 2020 LongYinan', 'Copyright (c) 2018 GitHub');

/** For crates that are published without the text of their licence: the one of their repository. */
const TEXTS = { napi: NAPI, 'napi-sys': NAPI };

/** Texts of a crate beside those at its top, as those of the C code that it brings. */
const FURTHER_FILES = { 'zstd-sys': ['zstd/LICENSE'] };

/** What is linked in without being a package of Cargo's. */
const BESIDE_CRATES = [
  {
    names: ['SQLite (in libsqlite3-sys), public domain'],
    text: 'The author disclaims copyright to this source code: https://www.sqlite.org/copyright.html',
  },
  {
    names: ['The Rust standard library, MIT OR Apache-2.0'],
    text: MIT('Copyright (c) The Rust Project Contributors'),
  },
];

function metadata() {
  const { napi } = JSON.parse(readFileSync('package.json', 'utf8'));
  const filters = napi.targets.flatMap((target) => ['--filter-platform', target]);
  const args = ['metadata', '--format-version', '1', '--locked', ...filters];
  return JSON.parse(execFileSync('cargo', args, { encoding: 'utf8', maxBuffer: 2 ** 28 }));
}

const isMacro = ({ targets }) => targets.some(({ kind }) => kind.includes('proc-macro'));

/** Packages whose code is in the addon: not what runs at build time or in tests. */
function linkedPackages({ packages, resolve }) {
  const byId = new Map(packages.map((item) => [item.id, item]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const found = new Set();
  const visit = (id) => {
    if (found.has(id) || isMacro(byId.get(id))) return;
    found.add(id);
    for (const { pkg, dep_kinds } of nodes.get(id).deps) if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  visit(resolve.root);
  found.delete(resolve.root);
  return [...found].map((id) => byId.get(id));
}

const alternatives = (expression) => expression.split(/ OR |\//).map((part) => part.replace(/[()]/g, '').trim());

/** `AND` binds: each of its parts must offer a licence that is listed. */
function chosenLicenses({ name, license }) {
  if (license === null) throw new Error(`${name} names no licence`);
  return license.split(' AND ').map((part) => {
    const chosen = LICENSES.find((known) => alternatives(part).includes(known));
    if (chosen === undefined) throw new Error(`${name}: is its licence, ${license}, one that the addon may contain?`);
    return chosen;
  });
}

function licenseFiles(item, folder) {
  const all = readdirSync(folder)
    .filter((file) => /^licen[cs]e/i.test(file))
    .sort();
  const [chosen, ...more] = chosenLicenses(item);
  const own = all.find((file) => new RegExp(`^licen[cs]e[-.]${chosen}`, 'i').test(file));
  // Only where one licence is enough, its file is, too.
  const files = own === undefined || more.length > 0 ? all : [own];
  return [...files, ...(FURTHER_FILES[item.name] ?? [])];
}

function textOf(item) {
  const folder = dirname(item.manifest_path);
  const texts = licenseFiles(item, folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  if (texts.length === 0) texts.push(TEXTS[item.name] ?? '');
  const text = texts
    .map((part) =>
      part
        .replaceAll('\r\n', '\n')
        .replace(/[ \t]+$/gm, '')
        .trim(),
    )
    .join('\n\n');
  if (text === '') throw new Error(`${item.name} has no licence text: add the one of its repository to TEXTS`);
  return text;
}

/** Crates with the same text stand together. */
function sections(packages) {
  const byText = new Map();
  const key = ({ name, version }) => `${name} ${version}`;
  for (const item of packages.sort((a, b) => (key(a) < key(b) ? -1 : 1))) {
    const text = textOf(item);
    byText.set(text, [...(byText.get(text) ?? []), `${item.name} ${item.version}, ${item.license}`]);
  }
  return [...BESIDE_CRATES, ...[...byText].map(([text, names]) => ({ names, text }))];
}

function notice() {
  const line = `\n${'-'.repeat(80)}\n\n`;
  const parts = sections(linkedPackages(metadata())).map(({ names, text }) => `${names.join('\n')}\n\n${text}\n`);
  const head = 'The native addon of @kodus-flow/runtime contains the following. Generated by scripts/notices.mjs.\n';
  return [head, ...parts].join(line);
}

const fresh = notice();
const current = () => (existsSync(OUTPUT) ? readFileSync(OUTPUT, 'utf8').replaceAll('\r\n', '\n') : '');
if (!process.argv.includes('--check')) {
  writeFileSync(OUTPUT, fresh);
} else if (current() === fresh) {
  console.log(`${OUTPUT} is up to date`);
} else {
  console.error(`${OUTPUT} is stale. Run \`npm run build:notices\` and commit the file.`);
  process.exitCode = 1;
}

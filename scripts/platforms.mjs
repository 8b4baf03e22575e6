/**
 * Writes `npm/<platform>/` from package.json: the packages that hold the addons. They are committed, without addons.
 * `--check` writes nothing and fails when one is stale.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLATFORMS, manifestOf, readmeOf } from './util/platforms.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const main = JSON.parse(readFileSync('package.json', 'utf8'));

function wanted() {
  const license = readFileSync('LICENSE', 'utf8');
  const files = new Map();
  for (const target of main.napi.targets) {
    if (!(target in PLATFORMS)) throw new Error(`napi.targets: ${target} is not in scripts/util/platforms.mjs`);
    const folder = join('npm', PLATFORMS[target].triple);
    files.set(join(folder, 'package.json'), `${JSON.stringify(manifestOf(main, target), null, 2)}\n`);
    files.set(join(folder, 'README.md'), readmeOf(main, target));
    files.set(join(folder, 'LICENSE'), license);
  }
  return files;
}

function read(file) {
  try {
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function check(files) {
  const stale = [...files].filter(([file, text]) => read(file) !== text).map(([file]) => file);
  const strangers = readdirSync('npm').filter((name) => !files.has(join('npm', name, 'package.json')));
  if (stale.length + strangers.length === 0) return console.log('npm/ is up to date');
  for (const file of stale) console.error(`${file} is stale: run \`npm run build:platforms\` and commit it`);
  for (const name of strangers) console.error(`npm/${name} is for no target of napi.targets`);
  process.exitCode = 1;
}

const files = wanted();
if (process.argv.includes('--check')) {
  check(files);
} else {
  for (const [file, text] of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

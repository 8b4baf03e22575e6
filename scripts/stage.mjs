/**
 * `node scripts/stage.mjs <folder> [--allow-missing]`: lays out what a release publishes. `<folder>/main` is the package
 * without addons and with its platform packages as optional dependencies; `<folder>/<platform>` are those, with the
 * addons of `native/`. In the repository package.json does not list them: npm cannot lock versions that are not
 * published yet, and `npm ci` would refuse the lock file.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NOTICE, PLATFORMS, addonOf, packageOf } from './util/platforms.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What a platform's package may weigh, unpacked: bytes. */
const MAX_PLATFORM_BYTES = 6_000_000;

/** Of the scripts and settings, a user of the package needs none. */
const DEVELOPMENT = ['scripts', 'devDependencies', 'overrides', 'napi'];

export function stage(folder, { allowMissing = false } = {}) {
  const main = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  rmSync(folder, { recursive: true, force: true });
  const platforms = main.napi.targets.map((target) => PLATFORMS[target]);
  for (const platform of platforms) stagePlatform(platform, folder, allowMissing);
  stageMain(main, platforms, folder);
}

const sizeOf = (folder) => readdirSync(folder).reduce((total, file) => total + statSync(join(folder, file)).size, 0);

function stagePlatform(platform, folder, allowMissing) {
  const addon = join(root, 'native', addonOf(platform));
  if (!existsSync(addon)) {
    if (allowMissing) return;
    throw new Error(`${addon} is missing: a release has the addons of all platforms`);
  }
  const target = join(folder, platform.triple);
  cpSync(join(root, 'npm', platform.triple), target, { recursive: true });
  copyFileSync(addon, join(target, addonOf(platform)));
  copyFileSync(join(root, NOTICE), join(target, NOTICE));
  const bytes = sizeOf(target);
  if (bytes > MAX_PLATFORM_BYTES) throw new Error(`${target} has ${bytes} bytes; allowed: ${MAX_PLATFORM_BYTES}`);
}

function stageMain(main, platforms, folder) {
  const target = join(folder, 'main');
  mkdirSync(join(target, 'native'), { recursive: true });
  const manifest = Object.fromEntries(Object.entries(main).filter(([key]) => !DEVELOPMENT.includes(key)));
  // What belongs to the addon goes where the addon is.
  manifest.files = main.files.filter((pattern) => !pattern.endsWith('.node') && pattern !== NOTICE);
  manifest.optionalDependencies = Object.fromEntries(
    platforms.map((platform) => [packageOf(main.name, platform), main.version]),
  );
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const path of [...manifest.files, 'README.md', 'LICENSE']) {
    cpSync(join(root, path), join(target, path), { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'allow-missing': { type: 'boolean', default: false } },
  });
  if (positionals.length !== 1) {
    console.error('stage: give the folder to write');
    process.exit(1);
  }
  stage(resolve(positionals[0]), { allowMissing: values['allow-missing'] });
}

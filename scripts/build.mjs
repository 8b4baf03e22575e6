/**
 * Builds `dist/` from `lib/`: one CommonJS bundle that holds all code, thin CommonJS views of it, ESM wrappers with
 * explicit names, and the declarations that belong to each (docs/adr/0001-one-cjs-bundle-with-esm-wrappers.md).
 */
import crypto from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { ENTRIES, ROOT, nativeLoader } from './entries.mjs';
import { checkViews, exportedNames } from './util/names.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const DIST = 'dist';
const TARGET = 'node20';

/**
 * `node:crypto` takes 3 ms to load, a quarter of the whole import, and is needed only when the first id is made: its
 * functions are wrapped, and what `lib/` does not import falls away. Its classes are not: importing one fails the build.
 */
const LAZY_CRYPTO = [
  `let crypto;\nconst load = () => (crypto ??= require('node:crypto'));\n`,
  ...Object.keys(crypto)
    .filter((name) => /^[a-z]/.test(name) && typeof crypto[name] === 'function')
    .map((name) => `export const ${name} = (...args) => load().${name}(...args);\n`),
].join('');

const lazyCrypto = {
  name: 'lazy-crypto',
  setup(build) {
    build.onResolve({ filter: /^node:crypto$/, namespace: 'file' }, () => ({ path: 'crypto', namespace: 'lazy' }));
    build.onLoad({ filter: /^crypto$/, namespace: 'lazy' }, () => ({ contents: LAZY_CRYPTO }));
  },
};

async function bundle() {
  await esbuild.build({
    entryPoints: [ENTRIES[ROOT]],
    outfile: join(DIST, `${ROOT}.cjs`),
    bundle: true,
    platform: 'node',
    target: TARGET,
    format: 'cjs',
    sourcemap: true,
    sourcesContent: true,
    plugins: [nativeLoader, lazyCrypto],
    logLevel: 'warning',
    // Sources ask for import.meta only where there is no __filename, so never in the bundle.
    logOverride: { 'empty-import-meta': 'silent' },
  });
}

/** `require` and not `import`: Node would first scan the whole bundle for names of exports, which are known here. */
const ESM_HEAD = `import { createRequire } from 'node:module';

const all = createRequire(import.meta.url)('./${ROOT}.cjs');

`;

const list = (names) => names.map((name) => `  ${name},\n`).join('');

function commonJsView(values) {
  return `'use strict';\nconst {\n${list(values)}} = require('./${ROOT}.cjs');\n\nmodule.exports = {\n${list(values)}};\n`;
}

function esmWrapper(values) {
  const lines = values.map((name) => `export const ${name} = all.${name};\n`);
  return `${ESM_HEAD}${lines.join('')}`;
}

function declarationView({ values, types }) {
  return `export {\n${list([...values, ...types].sort())}} from '../${ROOT}.js';\n`;
}

function writeEntry(entry, names) {
  const write = (extension, text) => writeFileSync(join(DIST, `${entry}.${extension}`), text);
  write('mjs', esmWrapper(names.values));
  write('d.mts', declarationView(names));
  if (entry === ROOT) return;
  write('cjs', commonJsView(names.values));
  write('d.ts', declarationView(names));
}

async function build() {
  const names = await exportedNames(ENTRIES, [nativeLoader]);
  checkViews(names, ROOT);
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST);
  await bundle();
  for (const entry of Object.keys(ENTRIES)) writeEntry(entry, names[entry]);
}

try {
  await build();
} catch (error) {
  // esbuild has printed its own errors, with the place in the source.
  if (error.errors === undefined) console.error(`build: ${error.message}`);
  process.exitCode = 1;
}

/**
 * Builds `dist/` from `lib/`: one CommonJS bundle that holds all code, thin CommonJS views of it, ESM wrappers with
 * explicit names, and the declarations that belong to each (docs/adr/0001-one-cjs-bundle-with-esm-wrappers.md).
 */
import crypto from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import esbuild from 'esbuild';
import { ENTRIES, PROGRAM, ROOT, nativeLoader } from './entries.mjs';
import { licenseTexts } from './util/licenses.mjs';
import { checkViews, exportedNames } from './util/names.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const DIST = 'dist';
const TARGET = 'node20';

/**
 * Built-in modules that are slow to load and not needed to start: `node:crypto` (3 ms) makes ids, `node:v8` (2 ms, most of it
 * for all of `node:stream`) reads the heap limit. Each loads when it is first used: its functions are wrapped, its
 * default export looks members up, and what `lib/` does not import falls away. A class imported by name fails the build.
 */
const LAZY_BUILTINS = { crypto, v8 };

function lazyWrappers(name) {
  const builtin = LAZY_BUILTINS[name];
  const functions = Object.keys(builtin).filter((key) => /^[a-z]/.test(key) && typeof builtin[key] === 'function');
  return [
    `let ${name};\nconst load = () => (${name} ??= require('node:${name}'));\n`,
    ...functions.map((key) => `export const ${key} = (...args) => load().${key}(...args);\n`),
    `export default /* @__PURE__ */ new Proxy({}, { get: (_, key) => load()[key] });\n`,
  ].join('');
}

const lazyBuiltins = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: /^node:/, namespace: 'file' }, ({ path }) => {
      const name = path.slice('node:'.length);
      return name in LAZY_BUILTINS ? { path: name, namespace: 'lazy' } : undefined;
    });
    build.onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({ contents: lazyWrappers(path) }));
  },
};

const BUNDLE = {
  bundle: true,
  platform: 'node',
  target: TARGET,
  format: 'cjs',
  plugins: [nativeLoader, lazyBuiltins],
  logLevel: 'warning',
};

async function bundle() {
  await esbuild.build({
    ...BUNDLE,
    entryPoints: [ENTRIES[ROOT]],
    outfile: join(DIST, `${ROOT}.cjs`),
    // Compiling its text is most of what an import costs. Names stay as they are, for stack traces.
    minifyWhitespace: true,
    // An error that nobody catches is printed with the line it comes from: that must not be the whole bundle.
    lineLimit: 160,
    minifySyntax: true,
    sourcemap: true,
    sourcesContent: true,
    // Sources ask for import.meta only where there is no __filename, so never in the bundle.
    logOverride: { 'empty-import-meta': 'silent' },
  });
}

/** The program, with the packages that only it needs, so that users need not install them. */
async function bundleProgram() {
  const outfile = join(DIST, PROGRAM.file);
  const { metafile } = await esbuild.build({
    ...BUNDLE,
    entryPoints: [PROGRAM.source],
    outfile,
    banner: { js: '#!/usr/bin/env node' },
    minifySyntax: true,
    metafile: true,
  });
  chmodSync(outfile, 0o755);
  writeFileSync(join(DIST, PROGRAM.licenses), licenseTexts(metafile, PROGRAM.file));
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
  await bundleProgram();
  for (const entry of Object.keys(ENTRIES)) writeEntry(entry, names[entry]);
}

try {
  await build();
} catch (error) {
  // esbuild has printed its own errors, with the place in the source.
  if (error.errors === undefined) console.error(`build: ${error.message}`);
  process.exitCode = 1;
}

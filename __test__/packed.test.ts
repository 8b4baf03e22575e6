/**
 * The package as users get it: laid out as a release publishes it, packed, and installed together with the package of this
 * platform into an empty project outside the repository.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as source from '../lib/index';

const PACKAGE = '@kodus-flow/runtime';
const ENTRIES = ['', '/middleware', '/core'];
const LONG_MS = 180_000;
const root = resolve(__dirname, '..');
const isMainTarball = (name: string) => /^kodus-flow-runtime-\d.*\.tgz$/.test(name);
const run = promisify(execFile);

let project: string;
let installed: string;
let addonPackage: string;
let packed: string[];
let packedAddon: string[];

/** npm without a shell: the one that started the tests, else the one on the path. */
function npm(cwd: string, ...args: string[]): string {
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []];
  return execFileSync(command, [...first, ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs a program of the project and returns what it prints. */
async function node(name: string, program: string): Promise<string> {
  const file = join(project, name);
  writeFileSync(file, program);
  const { stdout } = await run(process.execPath, [file], { cwd: project });
  return stdout.trim();
}

/** Names of all packages that the package in `folder` needs at run time, those of its dependencies included. */
function dependenciesOf(folder: string): string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  return Object.keys(dependencies).flatMap((name) => [name, ...dependenciesOf(join(root, 'node_modules', name))]);
}

/** Packs a staged package into the project. */
function pack(name: string): { filename: string; files: string[] } {
  const report = npm(join(project, 'stage', name), 'pack', '--json', '--silent', '--pack-destination', project);
  const [{ filename, files }] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }];
  return { filename, files: files.map((file) => file.path).sort() };
}

/** Gives the project a package that the repository has installed: npm finds it there and asks no registry. */
function copyPackage(name: string): void {
  cpSync(join(root, 'node_modules', name), join(project, 'node_modules', name), { recursive: true });
}

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts/setup.mjs')], { stdio: 'inherit' });
  project = mkdtempSync(join(tmpdir(), 'kodus-flow-packed-'));
  execFileSync(process.execPath, [join(root, 'scripts/stage.mjs'), join(project, 'stage'), '--allow-missing']);
  const [platform] = readdirSync(join(project, 'stage')).filter((name) => name !== 'main');
  const main = pack('main');
  const addon = pack(platform);
  packed = main.files;
  packedAddon = addon.files;
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', version: '1.0.0', private: true }));
  for (const name of dependenciesOf(root)) copyPackage(name);
  // An empty cache: what a machine happens to have cached must not decide the test.
  const cache = join(project, '.npm-cache');
  const tarballs = [main, addon].map(({ filename }) => `./${filename}`);
  npm(project, 'install', ...tarballs, '--offline', `--cache=${cache}`, '--no-audit', '--no-fund', '--silent');
  installed = join(project, 'node_modules', PACKAGE);
  addonPackage = `${installed}-${platform}`;
}, LONG_MS);

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

describe('the packed package', () => {
  test('holds the build and the declarations, and neither sources, tests nor an addon', () => {
    expect(packed).toEqual(
      [
        'LICENSE',
        'README.md',
        'index.d.ts',
        'native/binding.cjs',
        'package.json',
        'dist/index.cjs',
        'dist/index.cjs.map',
        'dist/index.mjs',
        'dist/index.d.mts',
        'dist/cli.cjs',
        'dist/cli-licenses.txt',
        ...['middleware', 'core'].flatMap((entry) =>
          ['cjs', 'mjs', 'd.ts', 'd.mts'].map((extension) => `dist/${entry}.${extension}`),
        ),
      ].sort(),
    );
  });

  test('shows a short line of itself when nobody catches an error', () => {
    const lines = readFileSync(join(installed, 'dist/index.cjs'), 'utf8').split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(2000);
  });

  test('has the addon in a package of its own, below 6 MB', () => {
    const [addon] = packedAddon.filter((path) => path.endsWith('.node'));
    expect(packedAddon).toEqual(['LICENSE', 'NOTICE', 'README.md', addon, 'package.json'].sort());
    const bytes = packedAddon.map((path) => statSync(join(addonPackage, path)).size);
    expect(bytes.reduce((total, size) => total + size)).toBeLessThan(6_000_000);
  });

  test('has the licences of what is compiled into the addon beside it', () => {
    const notice = readFileSync(join(addonPackage, 'NOTICE'), 'utf8');
    for (const name of ['SQLite', 'zstd-sys', 'rusqlite', 'napi', 'serde_json', 'tokio']) {
      expect(notice).toMatch(new RegExp(`^${name} `, 'm'));
    }
    expect(notice).toContain('Copyright (c) Meta Platforms, Inc. and affiliates');
  });

  test('installs nothing that runs, and only the one dependency that is documented', () => {
    const { scripts, dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(scripts).toBeUndefined();
    expect(JSON.parse(readFileSync(join(addonPackage, 'package.json'), 'utf8'))).not.toHaveProperty('scripts');
    expect(Object.keys(dependencies)).toEqual(['ajv']);
  });

  test('asks for the packages of all platforms, in its own version', () => {
    const { version, optionalDependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    const wanted = readdirSync(join(root, 'npm')).map((triple) => [`${PACKAGE}-${triple}`, version]);
    expect(optionalDependencies).toEqual(Object.fromEntries(wanted));
  });

  test('has no complaint from publint', async () => {
    const { messages } = await publint({ pkgDir: installed, strict: true, pack: false });
    expect(messages).toEqual([]);
  });

  test(
    'has declarations that fit its files, for every way of resolving them',
    async () => {
      const tarball = readFileSync(join(project, readdirSync(project).filter(isMainTarball)[0]));
      const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
      expect(analysis.types && analysis.problems).toEqual([]);
    },
    LONG_MS,
  );

  test('brings the program, which needs no further package', async () => {
    const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    const { stdout } = await run(process.execPath, [join(installed, 'dist/cli.cjs'), '--version'], { cwd: project });
    expect(stdout.trim()).toBe(version);
  });

  test.each(ENTRIES)('exports the same from ESM and CommonJS: %s', async (entry) => {
    const id = PACKAGE + entry;
    const names = await node(
      'same.mjs',
      `import { createRequire } from 'node:module';
       import assert from 'node:assert';
       import * as esm from '${id}';
       const cjs = createRequire(import.meta.url)('${id}');
       assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort());
       for (const name of Object.keys(esm)) assert.equal(esm[name], cjs[name], name);
       console.log(JSON.stringify(Object.keys(esm).sort()));`,
    );
    expect(JSON.parse(names).length).toBeGreaterThan(0);
    if (entry === '') expect(JSON.parse(names)).toEqual(Object.keys(source).sort());
  });

  test('has each class once, whatever the entry and the module system', async () => {
    const output = await node(
      'once.mjs',
      `import { createRequire } from 'node:module';
       import assert from 'node:assert';
       import * as root from '${PACKAGE}';
       import * as middleware from '${PACKAGE}/middleware';
       import * as core from '${PACKAGE}/core';
       const require = createRequire(import.meta.url);
       const { BaseSDKError, RuntimeError } = require('${PACKAGE}');
       assert(new root.MiddlewareError('STATE_ERROR') instanceof BaseSDKError);
       assert(new RuntimeError('STREAM_ERROR') instanceof root.RuntimeError);
       for (const view of [middleware, core, require('${PACKAGE}/middleware'), require('${PACKAGE}/core')]) {
         for (const [name, value] of Object.entries(view)) assert.equal(value, root[name], name);
       }
       console.log('ok');`,
    );
    expect(output).toBe('ok');
  });

  test('keeps the names of its classes through the bundling', async () => {
    const wrong = await node(
      'names.cjs',
      `const all = require('${PACKAGE}');
       const isClass = (value) => typeof value === 'function' && /^class\\b/.test(String(value));
       console.log(JSON.stringify(Object.keys(all).filter((name) => isClass(all[name]) && all[name].name !== name)));`,
    );
    expect(JSON.parse(wrong)).toEqual([]);
  });

  test.each([
    ['use.cjs', `const { createRuntime } = require('${PACKAGE}');`],
    ['use.mjs', `import { createRuntime } from '${PACKAGE}';`],
  ])('processes an event, and lets the process end by itself: %s', async (file, load) => {
    const output = await node(
      file,
      `${load}
       const runtime = createRuntime();
       runtime.on('user.created', (event) => console.log(event.data.name));
       runtime.emit('user.created', { name: 'Ada' });
       runtime.process();`,
    );
    expect(output).toBe('Ada');
  });

  test('loads no built-in module that is slow to load and not needed to start', async () => {
    const loaded = await node(
      'lazy.cjs',
      `const before = new Set(process.moduleLoadList);
       require('${PACKAGE}');
       console.log(process.moduleLoadList.filter((name) => !before.has(name)).join());`,
    );
    const slow = ['crypto', 'v8', 'stream', 'worker_threads', 'child_process', 'http', 'net', 'inspector'];
    for (const name of slow) expect(loaded.split(',')).not.toContain(`NativeModule ${name}`);
  });

  /** A copy of the package from where nothing else is found; what loading it fails with. */
  async function loadAlone(prepare: (folder: string) => void, before = ''): Promise<string> {
    const elsewhere = mkdtempSync(join(tmpdir(), 'kodus-flow-alone-'));
    try {
      cpSync(installed, elsewhere, { recursive: true });
      prepare(elsewhere);
      return await node(
        'alone.cjs',
        `${before}
         try { require(${JSON.stringify(join(elsewhere, 'native/binding.cjs'))}); console.log('loaded'); }
         catch (error) { console.log(error.code, error.message); }`,
      );
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  }

  test('says which package is missing, and what to do', async () => {
    const output = await loadAlone(() => {});
    expect(output).toMatch(/^NATIVE_ADDON_MISSING @kodus-flow\/runtime: no native addon/);
    expect(output).toContain(`${process.platform}-${process.arch}`);
    expect(output).toContain(`npm install ${PACKAGE}-`);
    expect(output).toContain('npm run build:native');
  });

  test('says why an addon that is there does not load', async () => {
    const name = packedAddon.filter((path) => path.endsWith('.node'))[0];
    const output = await loadAlone((folder) => writeFileSync(join(folder, 'native', name), 'not an addon'));
    expect(output).toContain(`${name} does not load on ${process.platform}-${process.arch}`);
  });

  test('names the platforms that there are, on one that is not among them', async () => {
    const output = await loadAlone(
      () => {},
      `Object.defineProperty(process, 'platform', { value: 'aix' });
       Object.defineProperty(process, 'arch', { value: 'ppc64' });`,
    );
    expect(output).toContain('there is none for aix-ppc64; there are: linux-x64, linux-arm64, darwin-x64');
  });

  test('loads what was built for a platform without a package', async () => {
    const addon = packedAddon.filter((path) => path.endsWith('.node'))[0];
    const output = await loadAlone(
      (folder) => cpSync(join(addonPackage, addon), join(folder, 'native/kodus-flow-runtime.freebsd-x64.node')),
      `Object.defineProperty(process, 'platform', { value: 'freebsd' });`,
    );
    expect(output).toBe('loaded');
  });

  test.skipIf(process.platform !== 'linux')('asks for the other package where the C library is musl', async () => {
    const output = await loadAlone(
      () => {},
      `const fs = require('node:fs');
       const read = fs.readFileSync;
       fs.readFileSync = (file, ...rest) => (file === '/usr/bin/ldd' ? '# of musl libc' : read(file, ...rest));`,
    );
    expect(output).toContain(`${PACKAGE}-linux-${process.arch}-musl`);
  });
});

/** What a user writes; `Handled` and the event's data are inferred. */
const PROGRAM = `
import { createEvent, createRuntime, BaseSDKError, isEventType, MiddlewareError, RuntimeError } from '${PACKAGE}';
import type { AnyEvent, EventHandler, RuntimeErrorCode } from '${PACKAGE}';
import { withRetry } from '${PACKAGE}/middleware';
import { createEvent as sameCreateEvent, MemoryMonitor } from '${PACKAGE}/core';

interface Events {
  'user.created': { name: string };
  'user.deleted': { id: number };
}

const runtime = createRuntime<Events>();
runtime.on('user.created', (event) => { const name: string = event.data.name; void name; });
runtime.emit('user.deleted', { id: 1 });
// @ts-expect-error: the data of another event
runtime.emit('user.deleted', { name: 'Ada' });
void runtime.process();

const handler: EventHandler = (event: AnyEvent) => { void event.id; };
void handler(createEvent('user.created', { name: 'Ada' }));
void withRetry;
const create: typeof createEvent = sameCreateEvent;
const failure: BaseSDKError = new MiddlewareError('STATE_ERROR', 'no state', { cause: new Error('why') });
const code: RuntimeErrorCode = new RuntimeError('INVALID_ARGUMENT').code;
// @ts-expect-error: no such code
new RuntimeError('NO_SUCH_CODE');
if (isEventType(create('a'), 'a')) void [failure, code];
void MemoryMonitor;
`;

const COMPILER = {
  strict: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
};

describe('the declarations of the packed package', () => {
  beforeAll(() => {
    // The declarations speak of AbortSignal, so a user has @types/node; it is the only package they may need.
    for (const name of ['@types/node', 'undici-types']) copyPackage(name);
    for (const name of ['program.ts', 'program.mts', 'program.cts']) writeFileSync(join(project, name), PROGRAM);
  });

  async function compile(options: object, files: string[]): Promise<string> {
    const config = join(project, 'tsconfig.json');
    writeFileSync(config, JSON.stringify({ compilerOptions: { ...COMPILER, ...options }, files }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    try {
      await run(process.execPath, [tsc, '-p', config], { cwd: project });
      return '';
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  }

  const ALL = ['program.mts', 'program.cts', 'program.ts'];
  test.each([
    ['node16', { module: 'node16', moduleResolution: 'node16' }, ALL],
    ['nodenext, each module alone', { module: 'nodenext', isolatedModules: true }, ALL],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler', verbatimModuleSyntax: true }, ['program.ts']],
    ['the classic node resolution', { module: 'commonjs', moduleResolution: 'node10' }, ['program.ts']],
  ])(
    'compile strictly with %s',
    async (_name, options, files) => {
      expect(await compile(options, files)).toBe('');
    },
    LONG_MS,
  );

  test('import nothing but their own files and modules of Node.js', () => {
    const declarations = packed.filter((path) => /\.d\.m?ts$/.test(path));
    for (const path of declarations) {
      const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(readFileSync(join(installed, path), 'utf8'));
      const targets = [...importedFiles, ...typeReferenceDirectives]
        .map((reference) => reference.fileName)
        .filter((target) => !target.startsWith('node:'));
      expect([path, ...targets]).toEqual(path === 'index.d.ts' ? [path] : [path, '../index.js']);
    }
  });
});

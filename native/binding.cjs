'use strict';
/**
 * Loads the addon of this platform: the one that was built in this folder, else the one of the platform's package
 * (`@kodus-flow/runtime-<triple>`, an optional dependency). Written by hand: the loader that napi-rs generates is 37 KB,
 * most of it for WebAssembly fallbacks that this package does not have, costs 1.2 ms more at every start, and its errors
 * name no remedy.
 */
const { readdirSync, readFileSync } = require('node:fs');

const PACKAGE = '@kodus-flow/runtime';
const SOURCE = 'Build it from source (Rust and npm needed): npm run build:native in a clone of the repository';

/** What platform packages exist; on Linux the C library decides. The folders of `npm/` have the same names. */
const TRIPLES = {
  'linux-x64': () => `linux-x64-${libc()}`,
  'linux-arm64': () => `linux-arm64-${libc()}`,
  'darwin-x64': () => 'darwin-x64',
  'darwin-arm64': () => 'darwin-arm64',
  'win32-x64': () => 'win32-x64-msvc',
};

const platform = `${process.platform}-${process.arch}`;

/** Never by trial: with a compatibility layer the wrong addon may load, and crash later. */
function libc() {
  try {
    const ldd = readFileSync('/usr/bin/ldd', 'latin1');
    if (ldd.includes('musl')) return 'musl';
    if (ldd.includes('GLIBC') || ldd.includes('GNU C Library')) return 'gnu';
  } catch {
    // No such program, as in small images: the process knows, too, but takes longer to tell.
  }
  if (process.report == null) return 'gnu';
  process.report.excludeNetwork = true;
  const { header } = process.report.getReport() ?? {};
  return header == null || header.glibcVersionRuntime ? 'gnu' : 'musl';
}

/** An addon that somebody built here for a platform without a package. */
function builtHere() {
  const file = readdirSync(__dirname).find((name) => /^kodus-flow-runtime\..*\.node$/.test(name));
  return file === undefined ? undefined : require(`./${file}`);
}

/** Nothing by that name, as opposed to something that does not load. */
const isMissing = (error, name) => error.code === 'MODULE_NOT_FOUND' && String(error.message).includes(name);

function load() {
  const triple = TRIPLES[platform]?.();
  if (triple === undefined) {
    const addon = builtHere();
    if (addon !== undefined) return addon;
    throw failure(`there is none for ${platform}; there are: ${Object.keys(TRIPLES).join(', ')}. ${SOURCE}`);
  }
  const local = `./kodus-flow-runtime.${triple}.node`;
  try {
    return require(local);
  } catch (error) {
    if (!isMissing(error, local)) throw failure(`${local} does not load on ${platform}. ${SOURCE}`, error);
  }
  const name = `${PACKAGE}-${triple}`;
  try {
    return require(name);
  } catch (error) {
    if (!isMissing(error, name)) throw failure(`${name} does not load on ${platform}. ${SOURCE}`, error);
    throw failure(
      `the optional dependency ${name}, which holds the one for ${platform}, is not installed. Install with optional ` +
        'dependencies (no --omit=optional); if the lock file was made on another platform, delete it and node_modules ' +
        `first; or add it by name: npm install ${name}. ${SOURCE}`,
      error,
    );
  }
}

function failure(reason, cause) {
  const detail = cause === undefined ? '' : `\n  ${String(cause.message).split('\n')[0]}`;
  const error = new Error(`${PACKAGE}: no native addon: ${reason}${detail}`, { cause });
  error.code = 'NATIVE_ADDON_MISSING';
  return error;
}

module.exports = load();

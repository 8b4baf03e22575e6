'use strict';
/**
 * Loads the addon of this platform. Written by hand: the loader that napi-rs generates is 37 KB, most of it
 * for WebAssembly fallbacks that this package does not have, costs 1.2 ms more at every start, and its errors name
 * no remedy.
 */

/** Addons by platform and processor, in the order of trial. On Linux the C library decides: only one of the two loads. */
const TRIPLES = {
  'linux-x64': ['linux-x64-gnu', 'linux-x64-musl'],
  'linux-arm64': ['linux-arm64-gnu', 'linux-arm64-musl'],
  'darwin-x64': ['darwin-x64'],
  'darwin-arm64': ['darwin-arm64'],
  'win32-x64': ['win32-x64-msvc'],
};

const platform = `${process.platform}-${process.arch}`;

function load() {
  const triples = TRIPLES[platform];
  if (triples === undefined) {
    throw failure(`there is none for ${platform}; supported: ${Object.keys(TRIPLES).join(', ')}`, []);
  }
  const causes = [];
  for (const triple of triples) {
    try {
      return require(`./kodus-flow-runtime.${triple}.node`);
    } catch (error) {
      causes.push(error);
    }
  }
  throw failure(
    `none loads on ${platform}. Build it from source (Rust and npm needed): npm run build:native in a clone of the repository`,
    causes,
  );
}

function failure(reason, causes) {
  const details = causes.map((cause) => `\n  - ${String(cause.message).split('\n')[0]}`).join('');
  const error = new Error(`@kodus-flow/runtime: no native addon: ${reason}${details}`, {
    cause: causes.length > 1 ? new AggregateError(causes) : causes[0],
  });
  error.code = 'NATIVE_ADDON_MISSING';
  return error;
}

module.exports = load();

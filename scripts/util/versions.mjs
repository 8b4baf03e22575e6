/** Checks that the tools of this machine are new enough, and says what to do when they are not. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const numbers = (version) => version.split('.').map(Number);

/** True if `version` is `minimum` or later; both like "1.88" or "20.19.2". */
export function isAtLeast(version, minimum) {
  const have = numbers(version);
  for (const [i, need] of numbers(minimum).entries()) {
    if ((have[i] ?? 0) !== need) return (have[i] ?? 0) > need;
  }
  return true;
}

export function requireNode(minimum) {
  if (!isAtLeast(process.versions.node, minimum)) {
    throw new Error(`Node.js ${process.versions.node} is too old: ${minimum} or later is needed (https://nodejs.org)`);
  }
}

/** The version that Cargo.toml asks for, so that it is written down once. */
export function requireRust() {
  const minimum = /^rust-version = "([\d.]+)"/m.exec(readFileSync('Cargo.toml', 'utf8'))[1];
  const remedy = `Rust ${minimum} or later is needed (https://rustup.rs)`;
  let output;
  try {
    output = execFileSync('rustc', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error(`rustc is not on the PATH: ${remedy}`);
    throw new Error(`rustc does not run: ${remedy}\n${error.stderr ?? error.message}`);
  }
  const version = /\d+\.\d+\.\d+/.exec(output)?.[0];
  if (version === undefined || !isAtLeast(version, minimum)) {
    throw new Error(`${output.trim()} is too old: ${remedy}; \`rustup update\` brings it`);
  }
}

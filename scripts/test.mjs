/**
 * `npm test`: sets the clone up, runs the tests of the Rust core and of the package, and closes with one line that adds
 * both up. Arguments are passed to vitest (`npm test -- __test__/ids.test.ts`).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { run } from './util/process.mjs';
import { setupOrExit } from './setup.mjs';

/** The core alone: it holds all Rust tests (those of the binding are in `__test__/`) and needs no Node-API to link. */
const CARGO_TEST = ['test', '--no-default-features', '--features', 'journal', '--no-fail-fast'];

async function runCargo() {
  let output = '';
  const color = process.stdout.isTTY ? 'always' : 'auto';
  const exitCode = await run('cargo', CARGO_TEST, {
    env: { CARGO_TERM_COLOR: color, ...process.env },
    onOutput: (chunk) => (output += chunk),
  });
  return withExitCode(countCargo(stripVTControlCharacters(output)), exitCode);
}

/** Adds up the closing lines of the test programs that cargo ran. */
function countCargo(output) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(ignored);
  }
  return counts;
}

async function runVitest(args) {
  const folder = mkdtempSync(join(tmpdir(), 'kodus-flow-test-'));
  const report = join(folder, 'report.json');
  try {
    const exitCode = await run(process.execPath, [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ]);
    return withExitCode(countVitest(report), exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function countVitest(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests };
  } catch {
    // It ended before it could report: its exit code tells.
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** A runner that failed without a failed test (it did not compile, a file did not load) counts as one failure. */
function withExitCode(counts, exitCode) {
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

await setupOrExit();
const all = [await runCargo(), await runVitest(process.argv.slice(2))];
const sum = (key) => all.reduce((total, counts) => total + counts[key], 0);
if (sum('skipped') > 0) console.log(`\n${sum('skipped')} skipped`);
// The last line has one form, for programs that read it.
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 || sum('passed') === 0 ? 1 : 0;

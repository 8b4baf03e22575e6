/**
 * Makes a clone ready to run: tools checked, dependencies installed, the native addon and `dist/` built. Needs Rust, Node.js
 * and npm, nothing else. Each step runs only when what it reads has changed since it last succeeded, so a second run
 * takes a moment. Progress goes to stderr; stdout belongs to the program that is run afterwards.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fingerprint } from './util/fingerprint.mjs';
import { npm, run } from './util/process.mjs';
import { requireNode, requireRust } from './util/versions.mjs';

const STAMP = '.setup-stamp.json';
/** The package runs on 20.0; its build and test tools ask for this. */
const MINIMUM_NODE = '20.19';
/** A build belongs to the machine and the Node.js that it was made for. */
const MACHINE = `${process.platform}-${process.arch}`;
/** Children print where the progress goes. */
const stdio = ['ignore', 2, 2];

const hasFile = (folder, ending) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(ending));

const STEPS = {
  dependencies: {
    title: 'installing dependencies (npm ci)',
    reads: () => fingerprint(['package-lock.json'], MACHINE),
    isThere: () => existsSync('node_modules/.package-lock.json'),
    run: () => npm(['ci', '--loglevel=warn', '--no-audit', '--no-fund'], { stdio }),
  },
  native: {
    title: 'building the native addon (release; a few minutes the first time)',
    reads: () =>
      fingerprint(['Cargo.toml', 'Cargo.lock', 'build.rs', '.cargo', 'src'], MACHINE, script('build:native')),
    isThere: () => hasFile('native', '.node'),
    run: () => npm(['run', '--silent', 'build:native'], { stdio }),
  },
  dist: {
    title: 'building dist/',
    reads: () => fingerprint(['lib', 'scripts', 'package-lock.json']),
    isThere: () => hasFile('dist', '.mjs'),
    run: () => run(process.execPath, ['scripts/build.mjs'], { stdio }),
  },
};

const script = (name) => JSON.parse(readFileSync('package.json', 'utf8')).scripts[name];

function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'));
  } catch {
    // Absent or cut short: everything is built anew.
    return {};
  }
}

/** Carries out the steps that are due; throws with a message for people when one fails. */
export async function setup(steps = Object.keys(STEPS)) {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)));
  requireNode(MINIMUM_NODE);
  if (steps.includes('native')) requireRust();
  const stamp = readStamp();
  for (const name of steps) {
    const step = STEPS[name];
    const reads = step.reads();
    if (stamp[name] === reads && step.isThere()) continue;
    await carryOut(step);
    stamp[name] = reads;
    writeFileSync(STAMP, `${JSON.stringify(stamp, null, 2)}\n`);
  }
}

async function carryOut(step) {
  const start = performance.now();
  console.error(`setup: ${step.title} ...`);
  const exitCode = await step.run();
  if (exitCode !== 0) throw new Error(`${step.title}: failed with exit code ${exitCode}`);
  console.error(`setup: done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** `setup`, for scripts: a failure is printed as one line, not as a stack trace, and ends the process. */
export async function setupOrExit(steps) {
  try {
    await setup(steps);
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const steps = process.argv.slice(2);
  const unknown = steps.find((name) => !(name in STEPS));
  if (unknown !== undefined) {
    console.error(`setup: unknown step "${unknown}"; steps: ${Object.keys(STEPS).join(', ')}`);
    process.exit(1);
  }
  await setupOrExit(steps.length > 0 ? steps : undefined);
}

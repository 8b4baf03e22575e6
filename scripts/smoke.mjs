/**
 * `node scripts/smoke.mjs <folder of tarballs> [command ...]`: installs the package and the one of this platform into an
 * empty project and runs the small program that is in `smoke-program.cjs`, with Node.js and with each command ('bun',
 * 'deno run -A'). Needs no clone that is set up.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const [given = '.', ...commands] = process.argv.slice(2);
const folder = resolve(given);
const project = mkdtempSync(join(tmpdir(), 'kodus-flow-smoke-'));

/** The other platforms' packages stay out by themselves: npm refuses those that are not for this machine. */
function tarballs() {
  const name = new RegExp(`^kodus-flow-runtime-(\\d|${process.platform}-${process.arch})`);
  return readdirSync(folder).filter((file) => name.test(file) && file.endsWith('.tgz'));
}

function installs(file) {
  const options = { cwd: project, stdio: 'inherit', shell: process.platform === 'win32' };
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', join(folder, file)], options);
    return true;
  } catch {
    return false;
  }
}

try {
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'smoke', version: '1.0.0', private: true }));
  const installed = tarballs().filter(installs);
  console.log(`installed: ${installed.join(', ')}`);
  copyFileSync(join(here, 'smoke-program.cjs'), join(project, 'smoke-program.cjs'));
  for (const command of [process.execPath, ...commands.map((words) => words.split(' '))]) {
    const [program, ...args] = [command].flat();
    execFileSync(program, [...args, 'smoke-program.cjs'], { cwd: project, stdio: 'inherit' });
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}

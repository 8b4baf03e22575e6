/** Child processes of the scripts. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** What a shell reports for a process that a signal ended. */
export const exitCodeOf = (code, signal) => code ?? 128 + (constants.signals[signal] ?? 0);

/**
 * Runs a program to its end and returns its exit code. Signals from the terminal reach the child by themselves (same
 * process group) and are passed on otherwise; this process stays until the child has ended.
 * `onOutput` receives what the child prints, which is shown all the same.
 */
export function run(command, args, { onOutput, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = onOutput === undefined ? 'inherit' : ['inherit', 'pipe', 'inherit'];
    const child = spawn(command, args, { stdio, ...options });
    child.stdout?.on('data', (chunk) => {
      process.stdout.write(chunk);
      onOutput?.(chunk);
    });
    const release = forwardSignals(child);
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('close', (code, signal) => {
      release();
      resolve(exitCodeOf(code, signal));
    });
  });
}

function forwardSignals(child) {
  const wait = () => {};
  const pass = () => child.kill('SIGTERM');
  process.on('SIGINT', wait);
  process.on('SIGTERM', pass);
  return () => {
    process.off('SIGINT', wait);
    process.off('SIGTERM', pass);
  };
}

/** Runs npm: the one that started this script, else the one on the path. */
export function npm(args, options) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) return run(process.execPath, [cli, ...args], options);
  return run('npm', args, { shell: process.platform === 'win32', ...options });
}

import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { RUNTIME_CORE_VERSION } from '../constants';
import { OK, PROBLEM, USAGE, compact, exportAll, inspect, verify } from './journal-commands';
import type { ReportOptions } from './journal-commands';

const EXIT_CODES = `
Exit codes: 0 all is well, 1 a problem was found, 2 the command line is wrong.`;

/** Runs a command line; answers the exit code. Never rejects. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode = OK;
  const program = programOf((code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version that were asked for are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE;
    process.stderr.write(`kodus-flow: ${messageOf(error)}\n`);
    return PROBLEM;
  }
}

/** An unset variable of a script must not mean the working directory. */
function pathGiven(path: string): string {
  if (path === '') throw new InvalidArgumentError('It is empty.');
  return path;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && !error.message.includes(code) ? `${code}: ${error.message}` : error.message;
}

function programOf(onExitCode: (exitCode: number) => void): Command {
  const program = new Command('kodus-flow')
    .description('Tools for @kodus-flow/runtime')
    .version(RUNTIME_CORE_VERSION)
    .exitOverride()
    .showHelpAfterError()
    .addHelpText('after', EXIT_CODES);
  const journal = program
    .command('journal')
    .description('Look after the journal of a runtime: the directory given as `journal`')
    .addHelpText('after', EXIT_CODES);

  const report = (name: string, description: string, run: (path: string, options: ReportOptions) => Promise<number>) =>
    journal
      .command(name)
      .description(description)
      .argument('<path>', 'directory of the journal', pathGiven)
      .option('--json', 'print JSON')
      .action(async (path: string, options: ReportOptions) => onExitCode(await run(path, options)));

  report('inspect', 'Say what is in it; also while a runtime has it open', inspect);
  report('verify', 'Read all of it and say what is damaged; also while a runtime has it open', verify);
  journal
    .command('export')
    .description('Write its records as lines of JSON; also while a runtime has it open')
    .argument('<path>', 'directory of the journal', pathGiven)
    .option('-o, --output <file>', 'write to a file, for its owner only (default: standard output)')
    .action(async (path: string, options: { output?: string }) => onExitCode(await exportAll(path, options)));
  report('compact', 'Give unused room back to the disk; no runtime may have it open', compact);
  return program;
}

import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { journalError } from '../durability/journal';
import { RuntimeError } from '../errors';
import { native } from '../native/index';
import { openSink } from './output';
import { reportText } from './print';

/** Records exported at a time. */
const PAGE = 1000;

/** Exit codes of the program. */
export const OK = 0;
export const PROBLEM = 1;
export const USAGE = 2;

/** A page of `journalExport`. */
interface ExportPage {
  rows: { kind?: unknown }[];
  /** Where the next page begins; '': this was the last. */
  next: string;
}

/** Options of the commands that print a report. */
export interface ReportOptions {
  json?: boolean;
}

/** What the addon answers about the journal in `path`. */
async function ask<T>(path: string, answer: Promise<string>): Promise<T> {
  try {
    return JSON.parse(await answer) as T;
  } catch (error) {
    const { code, message, cause } = journalError(error, path);
    // What SQLite says names no file.
    throw new RuntimeError(code, message.includes(path) ? message : `${path}: ${message}`, { cause });
  }
}

function print(report: Record<string, unknown>, { json = false }: ReportOptions): void {
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : reportText(report)}\n`);
}

/** What is in a journal. */
export async function inspect(path: string, options: ReportOptions): Promise<number> {
  print(await ask(path, native.journalInspect(path)), options);
  return OK;
}

/** Reads all of a journal; anything that is not as it was written is a problem. */
export async function verify(path: string, options: ReportOptions): Promise<number> {
  const report = await ask<Verdict>(path, native.journalVerify(path)).catch(unreadable);
  print({ ...report }, options);
  return report.ok ? OK : PROBLEM;
}

interface Verdict {
  ok: boolean;
  records: number;
  problems: string[];
}

/** So damaged that not even its records can be told apart: a verdict as well. */
function unreadable(error: unknown): Verdict {
  if (!(error instanceof RuntimeError) || error.code !== 'JOURNAL_CORRUPT') throw error;
  return { ok: false, records: 0, problems: [error.message] };
}

/** Gives back the room that is not used any more. */
export async function compact(path: string, options: ReportOptions): Promise<number> {
  print(await ask(path, native.journalCompact(path)), options);
  return OK;
}

/** All records, one line of JSON each. */
export async function exportAll(path: string, { output }: { output?: string }): Promise<number> {
  let page = await ask<ExportPage>(path, native.journalExport(path, '', PAGE));
  if (output !== undefined) await refuseOwnFile(path, output);
  // Not before the journal could be read: a mistaken path must not empty a file.
  const sink = await openSink(output);
  let damaged = 0;
  for (;;) {
    for (const row of page.rows) {
      if (row.kind === 'damaged') damaged++;
      await sink.write(JSON.stringify(row));
    }
    if (page.next === '') break;
    page = await ask<ExportPage>(path, native.journalExport(path, page.next, PAGE));
  }
  await sink.close();
  if (damaged === 0) return OK;
  process.stderr.write(`kodus-flow: ${damaged} damaged records; they are lines of kind "damaged"\n`);
  return PROBLEM;
}

/** The export of a journal must not overwrite the journal. */
async function refuseOwnFile(path: string, output: string): Promise<void> {
  const directories = [path, dirname(output)].map((directory) => realpath(directory).catch(() => directory));
  const [own, theirs] = await Promise.all(directories);
  if (own !== theirs || !/^journal\./i.test(basename(output))) return;
  throw new Error(`${output} belongs to the journal; export to another file`);
}

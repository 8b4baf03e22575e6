import { journalError } from '../durability/journal';
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
  rows: unknown[];
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
    throw journalError(error, path);
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
  const report = await ask<{ ok: boolean }>(path, native.journalVerify(path));
  print({ ...report }, options);
  return report.ok ? OK : PROBLEM;
}

/** Gives back the room that is not used any more. */
export async function compact(path: string, options: ReportOptions): Promise<number> {
  print(await ask(path, native.journalCompact(path)), options);
  return OK;
}

/** All records, one line of JSON each. */
export async function exportAll(path: string, { output }: { output?: string }): Promise<number> {
  let page = await ask<ExportPage>(path, native.journalExport(path, '', PAGE));
  // Not before the journal could be read: a mistaken path must not empty a file.
  const sink = await openSink(output);
  for (;;) {
    for (const row of page.rows) await sink.write(JSON.stringify(row));
    if (page.next === '') break;
    page = await ask<ExportPage>(path, native.journalExport(path, page.next, PAGE));
  }
  await sink.close();
  return OK;
}

import Table from 'cli-table3';

/** No colours, no lines between rows: the same on every terminal, and easy to cut. */
const STYLE = { style: { head: [], border: [] } };

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytesText(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}

/** `oldestEventAt` as words: `oldest event at`. */
const words = (key: string): string => key.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);

function cell(key: string, value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'number' && /bytes$/i.test(key)) return bytesText(value);
  if (typeof value === 'number' && /(At|Ts)$/.test(key)) return value > 0 ? new Date(value).toISOString() : '-';
  if (typeof value === 'number') return value.toLocaleString('en-US');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const isRow = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A report for people: its figures, then each of its lists. */
export function reportText(report: Record<string, unknown>): string {
  const parts: string[] = [];
  const figures = Object.entries(report).filter(([, value]) => !Array.isArray(value) && !isRow(value));
  if (figures.length > 0) parts.push(figureTable(figures));
  for (const [key, value] of Object.entries(report)) {
    if (isRow(value) && Object.keys(value).length > 0) {
      parts.push(`${words(key)}\n${figureTable(Object.entries(value))}`);
    } else if (Array.isArray(value) && value.length > 0) {
      parts.push(`${words(key)}\n${listText(key, value)}`);
    }
  }
  return parts.join('\n\n');
}

function figureTable(figures: [string, unknown][]): string {
  const table = new Table(STYLE);
  table.push(...figures.map(([key, value]) => [words(key), cell(key, value)]));
  return table.toString();
}

function listText(key: string, list: unknown[]): string {
  if (!list.every(isRow)) return list.map((value) => `  ${cell(key, value)}`).join('\n');
  const columns = [...new Set(list.flatMap((row) => Object.keys(row)))];
  const table = new Table({ ...STYLE, head: columns.map(words) });
  for (const row of list) table.push(columns.map((column) => cell(column, row[column])));
  return table.toString();
}

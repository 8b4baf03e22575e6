import { RuntimeError } from './errors';

/** A value as an error message shows it: short, and safe whatever the value is (cycles, BigInt, broken getters). */
export function printValue(value: unknown): string {
  try {
    return print(value);
  } catch {
    return `a value of type ${typeof value}`;
  }
}

function print(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const text = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype ? toJson(value) : undefined;
  if (text !== undefined && text.length <= 60) return text;
  return Array.isArray(value) ? `an array of ${value.length}` : `an object (${value.constructor?.name ?? 'no class'})`;
}

function toJson(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // Cycles and the like: the kind of the value is enough.
    return undefined;
  }
}

/** Refuses a value: names the field, the value and what is allowed. */
export function refuse(path: string, value: unknown, allowed: string): never {
  throw new RuntimeError('INVALID_CONFIGURATION', `${path}: got ${printValue(value)}; allowed: ${allowed}`, {
    context: { path, allowed },
  });
}

/** Bounds of a number, both included. */
export interface Range {
  min?: number;
  max?: number;
}

const within = (value: number, { min = -Infinity, max = Infinity }: Range): boolean => value >= min && value <= max;

function describe(what: string, { min, max }: Range): string {
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`;
  if (min !== undefined) return `${what} of at least ${min}`;
  return max === undefined ? what : `${what} of at most ${max}`;
}

/** A finite number within `range`. */
export function requireNumber(path: string, value: unknown, range: Range = {}): number {
  if (typeof value === 'number' && Number.isFinite(value) && within(value, range)) return value;
  return refuse(path, value, describe('a number', range));
}

/** A finite number above 0. */
export function requirePositive(path: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  return refuse(path, value, 'a number above 0');
}

/** A whole number within `range`. */
export function requireInteger(path: string, value: unknown, range: Range = {}): number {
  if (Number.isSafeInteger(value) && within(value as number, range)) return value as number;
  return refuse(path, value, describe('a whole number', range));
}

/** True or false. */
export function requireBoolean(path: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : refuse(path, value, 'true or false');
}

/** A string that is not empty. */
export function requireString(path: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : refuse(path, value, 'a string that is not empty');
}

/** A string, also an empty one. */
export function requireText(path: string, value: unknown): string {
  return typeof value === 'string' ? value : refuse(path, value, 'a string');
}

/** How many to show at most; nonsense means none. */
export function limitOf(limit: unknown): number {
  const isNumber = typeof limit === 'number' || typeof limit === 'string';
  return isNumber ? Math.max(Math.trunc(Number(limit)) || 0, 0) : 0;
}

/** A function. */
export function requireFunction<T>(path: string, value: T): T {
  return typeof value === 'function' ? value : refuse(path, value, 'a function');
}

/** One of `allowed`. */
export function requireOneOf<T extends string>(path: string, value: unknown, allowed: readonly T[]): T {
  if ((allowed as readonly unknown[]).includes(value)) return value as T;
  return refuse(path, value, allowed.map((one) => JSON.stringify(one)).join(', '));
}

/** A plain object (anything with properties that is no array). */
export function requireObject<T extends object>(path: string, value: T): T {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? value
    : refuse(path, value, 'an object');
}

/** A list whose members are all of one type. */
export function requireList<T>(path: string, value: readonly T[], of: 'string' | 'number' | 'function'): readonly T[] {
  if (!Array.isArray(value)) return refuse(path, value, `a list of ${of}s`);
  // Not with `forEach`, which leaves out holes.
  for (let index = 0; index < value.length; index++) {
    if (typeof value[index] !== of) refuse(`${path}[${index}]`, value[index], `a ${of}`);
  }
  return value as readonly T[];
}

/** An `AbortSignal`. */
export function requireSignal(path: string, value: AbortSignal): AbortSignal {
  const isSignal = typeof value?.addEventListener === 'function' && typeof value.aborted === 'boolean';
  return isSignal ? value : refuse(path, value, 'an AbortSignal');
}

/** Calls `onUnknown` for each key that is not known, with the known key that is most like it. */
export function rejectUnknownKeys(
  object: object,
  known: readonly string[],
  onUnknown: (key: string, closest: string | undefined) => void,
): void {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) onUnknown(key, closestTo(key, known));
  }
}

/** Nobody needs more of them to see what is wrong, and names may be made up at run time. */
const MAX_WARNINGS = 100;
const warnings = new Set<string>();

/** A warning of the process, once for each text: for mistakes that are told although there may be no logger. */
export function warnOnce(message: string): void {
  if (warnings.has(message) || warnings.size >= MAX_WARNINGS) return;
  warnings.add(message);
  process.emitWarning(message, { code: 'KODUS_FLOW_CONFIGURATION' });
}

/**
 * Warns of options that nobody knows: misspelt, they would do nothing. They are not refused, because callers may hand on an
 * object that holds options of something else, too.
 *
 * @param names all options, kept complete by the compiler
 */
export function warnOfUnknown<T extends object>(path: string, options: T, names: Record<keyof T, true>): void {
  rejectUnknownKeys(options, Object.keys(names), (key, closest) =>
    warnOnce(`${path}: unknown option '${key}'${closest === undefined ? '' : `; did you mean '${closest}'?`}`),
  );
}

function closestTo(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map((one) => ({ one, distance: editDistance(key.toLowerCase(), one.toLowerCase()) }));
  const best = ranked.sort((a, b) => a.distance - b.distance)[0];
  // Two changes make any short name of any other.
  const most = key.length < 4 ? 1 : Math.max(2, key.length / 3);
  return best !== undefined && best.distance <= most ? best.one : undefined;
}

/** Levenshtein's distance, with two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}

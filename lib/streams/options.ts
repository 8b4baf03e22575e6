import { refuse, requireBoolean, requireNumber, requireObject, requireSignal } from '../validate';
import type { Range } from '../validate';

/** Milliseconds, a finite number of at least 0. */
export function requireMs(path: string, value: unknown, range: Range = { min: 0 }): number {
  return requireNumber(path, value, range);
}

/** Milliseconds, or Infinity if not given. */
export function optionalMs(path: string, value: unknown): number {
  return value === undefined || value === Infinity ? Infinity : requireMs(path, value);
}

/** A number; a part of a whole is dropped and what is below 1 counts as 1, as it always has. */
export function requireSize(path: string, value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) return refuse(path, value, 'a number');
  return Math.max(1, Math.min(Math.floor(value), 2 ** 32 - 1));
}

export function optionalBoolean(path: string, value: unknown, byDefault: boolean): boolean {
  return value === undefined ? byDefault : requireBoolean(path, value);
}

export function optionalSignal(path: string, options: { signal?: AbortSignal | undefined } | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  requireObject(path, options);
  return options.signal === undefined ? undefined : requireSignal(`${path}.signal`, options.signal);
}

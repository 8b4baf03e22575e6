import type { AnyEvent } from './events';

/** What an event counts as that JSON cannot carry. */
const UNKNOWN_BYTES = 100;
/** Values looked at before the rest is left out: an estimate must not cost what it is to save. */
const MAX_VALUES = 10_000;

/**
 * The size of an event as JSON in bytes: estimated, and exact from `exactFrom` on, so that no threshold is missed by an
 * error of the estimate. Binary data counts with its own length. An event that JSON cannot carry counts as 100.
 */
export function sizeOf(event: AnyEvent, exactFrom: number): number {
  const { bytes, isWhole, hasBinary } = estimate(event);
  if (hasBinary || (isWhole && bytes < exactFrom)) return bytes;
  try {
    return JSON.stringify(event).length;
  } catch {
    return UNKNOWN_BYTES;
  }
}

interface Estimate {
  bytes: number;
  /** Whether every value was looked at. */
  isWhole: boolean;
  hasBinary: boolean;
}

function estimate(root: unknown): Estimate {
  const result: Estimate = { bytes: 0, isWhole: true, hasBinary: false };
  const open: unknown[] = [root];
  const seen = new Set<object>();
  for (let looked = 0; open.length > 0; looked++) {
    if (looked === MAX_VALUES) return { ...result, isWhole: false };
    const value = open.pop();
    if (typeof value !== 'object' || value === null) {
      result.bytes += scalarBytes(value);
    } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      result.bytes += value.byteLength;
      result.hasBinary = true;
    } else if (seen.has(value)) {
      return { ...result, isWhole: false };
    } else {
      seen.add(value);
      result.bytes += openObject(value, open);
    }
  }
  return result;
}

/** Puts the members of an object on the list; answers the bytes of its keys and punctuation. */
function openObject(value: object, open: unknown[]): number {
  if (Array.isArray(value)) {
    for (const member of value) open.push(member);
    return value.length + 2;
  }
  let bytes = 2;
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined || typeof member === 'function') continue;
    bytes += key.length + 4;
    open.push(member);
  }
  return bytes;
}

function scalarBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length + 2;
    case 'number':
      return 8;
    default:
      return 5;
  }
}

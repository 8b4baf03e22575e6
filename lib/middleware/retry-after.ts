import { wallNow } from '../clock';
import { causesOf } from './retryable';

interface Asking {
  /** Milliseconds. */
  retryAfterMs?: unknown;
  /** As in HTTP: seconds, or a date. */
  retryAfter?: unknown;
  headers?: unknown;
  response?: unknown;
}

/** The delay in milliseconds that an error, or what led to it, asks for; NaN if it does not. */
export function askedDelay(error: unknown): number {
  for (const cause of causesOf(error)) {
    const { retryAfterMs, retryAfter, headers, response } = cause as Asking;
    if (typeof retryAfterMs === 'number' && retryAfterMs >= 0) return retryAfterMs;
    const field = retryAfter ?? headerOf(headers) ?? headerOf((response as Asking | undefined)?.headers);
    const asked = parseRetryAfter(field);
    if (!Number.isNaN(asked)) return asked;
  }
  return NaN;
}

/** Retry-After of a `Headers` object or of a plain one. */
function headerOf(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const { get } = headers as { get?: unknown };
  if (typeof get === 'function') return get.call(headers, 'retry-after') ?? undefined;
  const plain = headers as Record<string, unknown>;
  return plain['retry-after'] ?? plain['Retry-After'];
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from now. */
function parseRetryAfter(field: unknown): number {
  if (typeof field === 'number') return field >= 0 ? field * 1000 : NaN;
  if (field instanceof Date) return Math.max(field.getTime() - wallNow(), 0);
  if (typeof field !== 'string' || field.trim() === '') return NaN;
  if (/^\s*\d+(\.\d+)?\s*$/.test(field)) return Number(field) * 1000;
  return Math.max(Date.parse(field) - wallNow(), 0);
}

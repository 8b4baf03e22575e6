import type { AnyEvent } from '../events';

/**
 * The lines of a journal's frame: fields divided by a unit separator. The grammar is in docs/journal-format.md.
 */
const FIELD = '\x1f';
const LINE = '\n';

/** Flags of an accepted event. */
export const AWAITED = 1;
export const BINARY = 2;
export const REMEMBERED = 4;
export const REPLAY_ONLY = 8;

/** Control characters divide fields; backslashes and quotes mark what is escaped; half a character is no UTF-8. */
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\x00-\x1f"\\\ud800-\udfff]/;

/** A string as a field. */
export function field(text: string): string {
  return UNSAFE.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

/** A string as JSON. */
export function quoted(text: string): string {
  return UNSAFE.test(text) ? JSON.stringify(text) : '"' + text + '"';
}

export interface AcceptedLine {
  seq: number;
  flags: number;
  ts: number;
  /** Milliseconds since the epoch; 0: at once. */
  dueAt: number;
  id: string;
  type: string;
  idempotencyKey: string | undefined;
  /** JSON of what the event brings along; '' for nothing. */
  header: string;
  body: string;
}

export function acceptLine(line: AcceptedLine): string {
  const { seq, flags, ts, dueAt, id, type, idempotencyKey, header, body } = line;
  const key = idempotencyKey === undefined ? '' : field(idempotencyKey);
  const names = field(id) + FIELD + field(type) + FIELD + key;
  return `A${FIELD}${seq}${FIELD}${flags}${FIELD}${ts}${FIELD}${dueAt}${FIELD}${names}${FIELD}${header}${FIELD}${body}${LINE}`;
}

/** As `acceptLine`, for an event at rest that the emitter has made: nothing of it but its type needs escapes. */
export function acceptOwnLine(seq: number, flags: number, event: AnyEvent, typeField: string, body: string): string {
  const numbers = 'A' + FIELD + seq + FIELD + flags + FIELD + event.ts + FIELD + '0' + FIELD;
  return numbers + event.id + FIELD + typeField + FIELD + FIELD + FIELD + body + LINE;
}

export const doneLine = (seq: number, isProcessed: boolean, at: number): string =>
  `D${FIELD}${seq}${FIELD}${isProcessed ? 1 : 0}${FIELD}${at}${LINE}`;

export const goneLine = (seq: number, at: number): string => `G${FIELD}${seq}${FIELD}${at}${LINE}`;

export const retryLine = (seq: number, attempts: number, dueAt: number, error: string): string =>
  `R${FIELD}${seq}${FIELD}${attempts}${FIELD}${dueAt}${FIELD}${error}${LINE}`;

export const letterLine = (id: string, seq: number, at: number, body: string): string =>
  `L${FIELD}${field(id)}${FIELD}${seq}${FIELD}${at}${FIELD}${body}${LINE}`;

export const letterGoneLine = (id: string): string => `U${FIELD}${field(id)}${LINE}`;

export const stateLine = (key: string, value: string): string => `V${FIELD}${field(key)}${FIELD}${field(value)}${LINE}`;

/** A kept event has been processed. */
export const markLine = (id: string, at: number): string => `M${FIELD}${field(id)}${FIELD}${at}${LINE}`;

/** Kept events that were processed before a time are to be forgotten. */
export const forgetLine = (at: number): string => `F${FIELD}${at}${LINE}`;

export const snapshotLine = (xcId: string, hash: string, ts: number, body: string): string =>
  `P${FIELD}${field(xcId)}${FIELD}${field(hash)}${FIELD}${ts}${FIELD}${body}${LINE}`;

/** `hash` '': all snapshots of `xcId`. */
export const snapshotGoneLine = (xcId: string, hash: string): string =>
  `Q${FIELD}${field(xcId)}${FIELD}${field(hash)}${LINE}`;

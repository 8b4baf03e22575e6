import type { AnyEvent, AnyEventMetadata } from '../events';

/**
 * The operations of a journal that are lines: fields divided by a unit separator. The grammar is in docs/journal-format.md.
 */
const FIELD = '\x1f';

/** Flags of an accepted event. */
export const AWAITED = 1;
export const BINARY = 2;
export const REMEMBERED = 4;
export const REPLAY_ONLY = 8;

/** Control characters divide fields; backslashes and quotes mark what is escaped; half a character is no UTF-8. */

const UNSAFE = /[\x00-\x1f"\\\ud800-\udfff]/;

const HALF = /\p{Surrogate}/u;
const HALVES = /\p{Surrogate}/gu;

/** Whether a string has half a character in it, which a field cannot carry. */
export const hasHalf = (text: string): boolean => HALF.test(text);

/** A string as a field. Half a character becomes the one that stands for what is unknown, as in all strings that the addon takes. */
export function field(text: string): string {
  return UNSAFE.test(text) ? JSON.stringify(text.replace(HALVES, '\ufffd')).slice(1, -1) : text;
}

/** A string as JSON. */
export const quoted = (text: string): string => (UNSAFE.test(text) ? JSON.stringify(text) : `"${text}"`);

/** An event that is not the emitter's. `body`: JSON of all of it, or base64. */
export function acceptLine(numbers: string, event: AnyEvent, names: string, header: string, body: string): string {
  return 'A' + FIELD + numbers + FIELD + field(event.id) + FIELD + names + FIELD + header + FIELD + body;
}

/** Members of metadata by the tenant that they tell. */
const tenantMembers = new Map<string, string>();
const MAX_TENANTS = 1000;

/** JSON members of metadata beside a correlation id that comes first and needs no escapes; '' for none. */
export function membersBeside(metadata: AnyEventMetadata): string {
  let others = 0;
  for (const key in metadata) if (key !== 'correlationId') others++;
  if (others === 0) return '';
  const { correlationId, tenantId } = metadata;
  if (others > 1 || typeof tenantId !== 'string') {
    return JSON.stringify(metadata).slice('{"correlationId":"",'.length + correlationId!.length, -1);
  }
  return tenantMember(tenantId);
}

/** The JSON member of metadata with a tenant. */
export function tenantMember(tenantId: string): string {
  const known = tenantMembers.get(tenantId);
  if (known !== undefined) return known;
  const made = `"tenantId":${JSON.stringify(tenantId)}`;
  if (tenantMembers.size < MAX_TENANTS) tenantMembers.set(tenantId, made);
  return made;
}

/** All metadata as a field: a correlation id that is all there is stands for the rest. */
export function metadataField(metadata: AnyEventMetadata): string {
  for (const key in metadata) if (key !== 'correlationId') return JSON.stringify(metadata);
  const { correlationId = '' } = metadata;
  return UNSAFE.test(correlationId) || correlationId.startsWith('{') ? JSON.stringify(metadata) : correlationId;
}

/** The numbers of an accepted event. One without a time of its own is of now. */
export const numbersOf = (seq: number, flags: number, ts: number, dueAt: number): string =>
  seq + FIELD + flags + FIELD + (Number.isFinite(ts) ? ts : Date.now()) + FIELD + dueAt;

/** Type and idempotency key as fields. */
export const namesOf = (typeField: string, key: string | undefined): string =>
  key === undefined ? typeField + FIELD : typeField + FIELD + field(key);

export const retryLine = (seq: number, attempts: number, dueAt: number, error: string): string =>
  `R${FIELD}${seq}${FIELD}${attempts}${FIELD}${dueAt}${FIELD}${error}`;

/** `key`: the idempotency key of its event, '' for none. */
export const letterLine = (id: string, seq: number, at: number, key: string, body: string): string =>
  `L${FIELD}${field(id)}${FIELD}${seq}${FIELD}${at}${FIELD}${field(key)}${FIELD}${body}`;

export const letterGoneLine = (id: string): string => `U${FIELD}${field(id)}`;

export const stateLine = (key: string, value: string): string => `V${FIELD}${field(key)}${FIELD}${field(value)}`;

/** A kept event has been delivered once more, by somebody else than its runtime. */
export const attemptLine = (id: string): string => `N${FIELD}${field(id)}`;

/** An event has been processed. */
export const markLine = (id: string, at: number): string => `M${FIELD}${field(id)}${FIELD}${at}`;

/** Kept events that were processed before a time are to be forgotten. */
export const forgetLine = (at: number): string => `F${FIELD}${at}`;

export const snapshotLine = (xcId: string, hash: string, ts: number, body: string): string =>
  `P${FIELD}${field(xcId)}${FIELD}${field(hash)}${FIELD}${ts}${FIELD}${body}`;

/** `hash` '': all snapshots of `xcId`. */
export const snapshotGoneLine = (xcId: string, hash: string): string => `Q${FIELD}${field(xcId)}${FIELD}${field(hash)}`;

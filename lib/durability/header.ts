import { quoted } from './ops';
import type { Submission } from '../delivery-queue';
import type { RedeliveryConfig } from '../native/engine';

/** What an event brings along, as it is kept in the journal. Everything is optional. */
interface Header {
  /** A number, or 'Infinity' and '-Infinity', which JSON does not know. */
  priority?: number | string;
  tenantId?: string;
  orderingKey?: string;
  idempotencyKey?: string;
  delayMs?: number;
  /** Milliseconds since the epoch, and how long that was when the event was accepted. */
  expiresAt?: number;
  ttlMs?: number;
  timeoutMs?: number;
  policy?: RedeliveryConfig;
  queuedAt?: number;
}

/** JSON of what an event brings; '' for nothing. Written by hand: it is part of what each event costs. */
export function writeHeader(brings: Submission): string {
  const { priority, tenantId, orderingKey, idempotencyKey, delayMs, ttlMs, timeoutMs, policy, queuedAt } = brings;
  let json = '';
  if (priority !== 0) json = member(json, 'priority', Number.isFinite(priority) ? `${priority}` : `"${priority}"`);
  if (tenantId !== undefined) json = member(json, 'tenantId', quoted(tenantId));
  if (orderingKey !== undefined) json = member(json, 'orderingKey', quoted(orderingKey));
  if (idempotencyKey !== undefined) json = member(json, 'idempotencyKey', quoted(idempotencyKey));
  if (delayMs !== undefined) json = member(json, 'delayMs', `${delayMs}`);
  if (ttlMs !== undefined) {
    json = member(json, 'ttlMs', `${ttlMs}`);
    json = member(json, 'expiresAt', `${Math.min(Date.now() + ttlMs, Number.MAX_VALUE)}`);
  }
  if (timeoutMs !== undefined) json = member(json, 'timeoutMs', `${timeoutMs}`);
  if (policy !== undefined) json = member(json, 'policy', JSON.stringify(policy));
  if (queuedAt !== undefined) json = member(json, 'queuedAt', `${queuedAt}`);
  return json === '' ? '' : `${json}}`;
}

const member = (json: string, name: keyof Header, value: string): string =>
  json === '' ? `{"${name}":${value}` : `${json},"${name}":${value}`;

/** Headers that are remembered; then it begins anew. */
const MAX_HEADERS = 4096;

type ByPriority = Map<number, { tenantId: string | undefined; json: string }>;

/** Headers of events, most of which have been there: tenants, ordering keys and priorities come again and again. */
export class KnownHeaders {
  /** Of events with an ordering key, by that; of others, by tenant. */
  readonly #ofKeys = new Map<string, ByPriority>();
  readonly #ofTenants = new Map<string | undefined, ByPriority>();
  #count = 0;

  of(brings: Submission): string {
    const { priority, tenantId, orderingKey, idempotencyKey, delayMs, ttlMs, timeoutMs, policy, queuedAt } = brings;
    if ((idempotencyKey ?? delayMs ?? ttlMs ?? timeoutMs ?? policy ?? queuedAt) !== undefined) {
      return writeHeader(brings);
    }
    const known = orderingKey === undefined ? this.#ofTenants.get(tenantId) : this.#ofKeys.get(orderingKey);
    const header = known?.get(priority);
    return header !== undefined && header.tenantId === tenantId ? header.json : this.#remember(brings);
  }

  #remember(brings: Submission): string {
    const { priority, tenantId, orderingKey } = brings;
    if (++this.#count > MAX_HEADERS) this.#forget();
    const json = writeHeader(brings);
    const table: Map<string | undefined, ByPriority> = orderingKey === undefined ? this.#ofTenants : this.#ofKeys;
    const name = orderingKey ?? tenantId;
    let ofName = table.get(name);
    if (ofName === undefined) table.set(name, (ofName = new Map()));
    ofName.set(priority, { tenantId, json });
    return json;
  }

  #forget(): void {
    this.#ofKeys.clear();
    this.#ofTenants.clear();
    this.#count = 1;
  }
}

/** What an event brings back. */
export function readHeader(header: Header, now: number): Submission {
  const { priority, expiresAt, ttlMs, ...rest } = header;
  const brings: Submission = { ...rest, priority: Number(priority ?? 0) };
  if (expiresAt === undefined) return brings;
  // However the clock was set: no event lives longer than it was given.
  return { ...brings, ttlMs: Math.min(Math.max(expiresAt - now, 0), ttlMs ?? Infinity), wholeTtlMs: ttlMs };
}

import { RateLimiter, readRateLimit } from './middleware/rate-limiter';
import type { RateLimit } from './middleware/rate-limiter';
import { requireObject, requireOneOf } from './validate';
import type { AnyEvent } from './events';

/** How many events of each tenant may run. */
export interface TenantRateLimit extends RateLimit {
  /** Over the limit: events wait in the queue for their turn ('wait'), or `emit` refuses them ('reject'). Default 'wait'. */
  onLimit?: 'wait' | 'reject';
}

/** The rate limit of a runtime: one bucket for each tenant. */
export class TenantRate {
  readonly #limiter: RateLimiter;
  readonly #tenantId: string | undefined;
  /** Whether events over the limit are refused when they are emitted; else they wait when they are due. */
  readonly rejects: boolean;

  /** @param tenantId whose bucket events without a tenant share */
  constructor(limit: TenantRateLimit, tenantId: string | undefined) {
    this.rejects = limit.onLimit === 'reject';
    this.#limiter = new RateLimiter(readRateLimit('rateLimit', limit), !this.rejects);
    this.#tenantId = tenantId;
  }

  /** Takes a token for an event that is emitted. Undefined: it may pass; else the next token comes in so many milliseconds. */
  refusal(event: AnyEvent): number | undefined {
    return this.rejects ? (this.#limiter.enter(this.#tenantOf(event)) as number | undefined) : undefined;
  }

  /** Takes a token for an event that is to run. Undefined: at once; else when the promise resolves. */
  turn(event: AnyEvent, signal: AbortSignal): Promise<void> | undefined {
    return this.#limiter.enter(this.#tenantOf(event), signal) as Promise<void> | undefined;
  }

  #tenantOf(event: AnyEvent): string | undefined {
    return event.metadata?.tenantId ?? this.#tenantId;
  }
}

/** Checks a rate limit without making one. */
export function checkTenantRate(path: string, limit: TenantRateLimit): TenantRateLimit {
  requireObject(path, limit);
  readRateLimit(path, limit);
  requireOneOf(`${path}.onLimit`, limit.onLimit ?? 'wait', ['wait', 'reject']);
  return limit;
}

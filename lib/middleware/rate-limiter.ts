import { monotonicNow } from '../clock';
import { native } from '../native/index';
import type { RateLimiterPolicy } from '../native/policy';
import { timers } from '../timers';
import { requireInteger, requirePositive } from '../validate';
import type { Cancel } from './cancel';
import { Waiter, abortedError } from './wait';

/** How much may pass. */
export interface RateLimit {
  /** Events in each interval, above 0. */
  limit: number;
  /** The interval in milliseconds. Default 1000. */
  intervalMs?: number;
  /** Events that may pass at once after a quiet time, at least 1. Default `limit`. */
  burst?: number;
}

/** Checks a limit; `path` is the name of what it belongs to. */
export function readRateLimit(path: string, limit: RateLimit): Required<RateLimit> {
  const perInterval = requirePositive(`${path}.limit`, limit.limit);
  return {
    limit: perInterval,
    intervalMs: requirePositive(`${path}.intervalMs`, limit.intervalMs ?? 1000),
    burst: limit.burst === undefined ? burstOf(perInterval) : requireInteger(`${path}.burst`, limit.burst, { min: 1 }),
  };
}

/** The burst of a limit without one of its own. */
const burstOf = (perInterval: number): number =>
  Math.min(Math.max(Math.floor(perInterval), 1), Number.MAX_SAFE_INTEGER);

/** Token buckets by key: steady inflow, fractions kept; keys with a full bucket are forgotten. */
export class RateLimiter {
  readonly #policy: RateLimiterPolicy;
  readonly #ids = new Map<unknown, number>();
  /** By the core's id of the key. */
  readonly #keys: unknown[] = [];
  /** By the core's id of the waiter. */
  readonly #waiters: (Waiter<void> | undefined)[] = [];
  /** Keys whose next token a timer waits for. */
  readonly #watched = new Set<number>();

  /** @param waits whether who finds no token waits for one in {@link enter}, or is refused */
  constructor({ limit, intervalMs, burst }: Required<RateLimit>, waits: boolean) {
    this.#policy = native.createRateLimiter(limit, intervalMs, burst, waits);
  }

  /**
   * Takes a token of `key`. Undefined: taken. A number: refused, the next token comes in so many milliseconds. A promise:
   * resolves when the token is there, in the order of asking.
   *
   * @throws KernelError ABORTED (as a rejection) when `cancel` aborts the wait
   */
  enter(key: unknown, cancel?: Cancel): undefined | number | Promise<void> {
    const now = monotonicNow();
    const id = this.#ids.get(key) ?? this.#open(key, now);
    const answer = this.#policy.take(id, now);
    if (answer === -1) return undefined;
    return answer >= 0 ? this.#wait(id, answer, cancel) : -2 - answer;
  }

  /** Keys known. */
  get size(): number {
    return this.#ids.size;
  }

  #open(key: unknown, now: number): number {
    for (let swept = 0; swept < 2; swept++) {
      const idle = this.#policy.closeIdle(now);
      if (idle < 0) break;
      this.#ids.delete(this.#keys[idle]);
      this.#keys[idle] = undefined;
    }
    const id = this.#policy.open(now);
    this.#ids.set(key, id);
    this.#keys[id] = key;
    return id;
  }

  #wait(id: number, place: number, cancel: Cancel | undefined): Promise<void> {
    if (cancel?.aborted) {
      this.#policy.abandon(place);
      return Promise.reject(abortedError(cancel));
    }
    this.#waiters[place] = new Waiter<void>(cancel, () => {
      this.#waiters[place] = undefined;
      this.#policy.abandon(place);
    });
    this.#watch(id);
    return this.#waiters[place].promise;
  }

  /** Waits for the key's next token with one timer, which keeps the process alive: somebody awaits it. */
  #watch(id: number): void {
    const at = this.#policy.nextGrant(id);
    if (at === Infinity || this.#watched.has(id)) return;
    this.#watched.add(id);
    const now = monotonicNow();
    timers.start({ ring: () => this.#grant(id, at) }, now, Math.max(at - now, 0), true);
  }

  #grant(id: number, at: number): void {
    this.#watched.delete(id);
    const now = Math.max(monotonicNow(), at);
    for (let place = this.#policy.grant(id, now); place >= 0; place = this.#policy.grant(id, now)) {
      const waiter = this.#waiters[place]!;
      this.#waiters[place] = undefined;
      waiter.arrive();
    }
    this.#watch(id);
  }
}

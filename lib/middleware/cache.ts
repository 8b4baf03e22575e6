import { monotonicNow } from '../clock';
import type { AnyEvent } from '../events';
import { native } from '../native/index';
import { requireFunction, requireInteger, requireNumber, requireObject, warnOfUnknown } from '../validate';
import type { Cancel } from './cancel';
import { defineMiddleware, withDefaults } from './define';
import { promiseIn } from './run';
import type { Run } from './run';
import type { Middleware, MiddlewareScope } from './types';

/** Options of {@link withCache}. */
export interface CacheOptions {
  /** Milliseconds that a result is good for; 0: nothing is cached. Default 60,000. */
  ttlMs?: number;
  /** Another name of `ttlMs`, which wins. */
  ttl?: number;
  /** Results kept, at least 1; the oldest goes. Default 1000. */
  maxSize?: number;
  /**
   * What makes events equal: any value, compared as a key of a Map; undefined: this event is not cached. Default type and
   * data, the latter as JSON.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  keyFn?: (event: any) => unknown;
}

const OPTION_NAMES: Record<keyof CacheOptions, true> = { ttlMs: true, ttl: true, maxSize: true, keyFn: true };

/**
 * Remembers results by key. While one run of a key is under way, others of the same key share its outcome (its error,
 * too); failures are not kept. Data that has no JSON form is not cached.
 *
 * @example
 * const handler = withCache({ ttlMs: 5000, keyFn: (event) => event.data.userId })(load);
 */
export const withCache = withDefaults((options: CacheOptions = {}): Middleware => {
  warnOfUnknown('withCache', requireObject('withCache options', options), OPTION_NAMES);
  const ttlName = options.ttlMs === undefined && options.ttl !== undefined ? 'ttl' : 'ttlMs';
  const ttlMs = requireNumber(`withCache.${ttlName}`, options.ttlMs ?? options.ttl ?? 60_000, { min: 0 });
  const maxSize = requireInteger('withCache.maxSize', options.maxSize ?? 1000, { min: 1, max: 2 ** 32 - 1 });
  const keyFn = requireFunction('withCache.keyFn', options.keyFn ?? typeAndData);
  return defineMiddleware({
    kind: 'pipeline',
    displayName: 'withCache',
    create: (scope) => {
      if (ttlMs === 0) return (run) => run;
      const results = new Results(ttlMs, maxSize, scope);
      scope.onCleanup(() => results.clear());
      return (run) => {
        // Handlers of one runtime do not share results, only their bounds.
        const ids = new Map<unknown, number>();
        return (event, cancel) => {
          const key = keyFn(event);
          return key === undefined ? run(event, cancel) : results.through(ids, key, run, event, cancel);
        };
      };
    },
  });
});

/** What the core says of a result that is neither of these: it may be used. */
const IN_FLIGHT = 0;
const EXPIRED = 2;

interface Kept {
  ids: Map<unknown, number>;
  key: unknown;
  result: unknown;
}

/** Results by the core's ids. */
class Results {
  readonly #policy: ReturnType<typeof native.createCache>;
  readonly #kept: (Kept | undefined)[] = [];

  readonly #scope: MiddlewareScope;

  constructor(ttlMs: number, maxSize: number, scope: MiddlewareScope) {
    this.#policy = native.createCache(ttlMs, maxSize);
    this.#scope = scope;
  }

  through(ids: Map<unknown, number>, key: unknown, run: Run, event: AnyEvent, cancel: Cancel | undefined): unknown {
    const known = ids.get(key);
    if (known !== undefined) {
      const freshness = this.#policy.look(known, monotonicNow());
      const { result } = this.#kept[known]!;
      // Whoever makes the result may need the permit that this run would hold while it waits for it.
      if (freshness === IN_FLIGHT) return this.#scope.park(event, result as Promise<unknown>);
      if (freshness !== EXPIRED) return result;
      this.#forget(known);
    }
    return this.#make(ids, key, run, event, cancel);
  }

  clear(): void {
    this.#kept.forEach((kept, id) => {
      if (kept === undefined) return;
      this.#policy.close(id);
      this.#forget(id);
    });
  }

  #make(ids: Map<unknown, number>, key: unknown, run: Run, event: AnyEvent, cancel: Cancel | undefined): unknown {
    const result = run(event, cancel);
    const promise = promiseIn(result);
    const id = this.#policy.open();
    const kept: Kept = { ids, key, result: promise ?? result };
    this.#kept[id] = kept;
    ids.set(key, id);
    if (promise === undefined) {
      this.#store(id);
      return result;
    }
    promise.then(
      () => this.#kept[id] === kept && this.#store(id),
      () => this.#kept[id] === kept && (this.#policy.close(id), this.#forget(id)),
    );
    return promise;
  }

  #store(id: number): void {
    const now = monotonicNow();
    this.#policy.store(id, now);
    for (let gone = this.#policy.evict(now); gone >= 0; gone = this.#policy.evict(now)) this.#forget(gone);
  }

  #forget(id: number): void {
    const kept = this.#kept[id]!;
    this.#kept[id] = undefined;
    if (kept.ids.get(kept.key) === id) kept.ids.delete(kept.key);
  }
}

function typeAndData(event: AnyEvent): string | undefined {
  try {
    return `${event.type}\u0000${JSON.stringify(event.data)}`;
  } catch {
    return undefined;
  }
}

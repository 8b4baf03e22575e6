import { messageOf } from '../errors';
import type { AnyEvent } from '../events';
import { createPort } from '../observability/port';
import type { ObservabilityPort } from '../observability/port';

/** What conditional middleware and conditions look at. */
export interface MiddlewareContext {
  /** Milliseconds since the epoch. */
  startTime: number;
  /** Names of those that ran. */
  middlewareChain: string[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data: any;
  event: AnyEvent;
  observability: unknown;
  metadata?: Record<string, unknown>;
}

/** A middleware of a {@link ConditionalMiddlewareExecutor}; without calling `next` it ends the chain. */
export type MiddlewareFunction = (context: MiddlewareContext, next: () => Promise<void>) => Promise<void> | void;

/** Whether a middleware is for this context. */
export type MiddlewareCondition = (context: MiddlewareContext) => boolean | Promise<boolean>;

/** A middleware with its condition. */
export interface ConditionalMiddleware {
  middleware: MiddlewareFunction;
  /** Default: always. */
  condition?: MiddlewareCondition;
  /** In statistics. Default 'anonymous'. */
  name?: string;
  /** Lower first. Default 5. */
  priority?: number;
}

/** Counts of one name. */
export interface ConditionalStats {
  /** Runs. */
  applied: number;
  /** Times that its condition was false. */
  skipped: number;
  /** Errors that it threw itself. */
  errors: number;
}

/** Runs lists of conditional middleware. */
export class ConditionalMiddlewareExecutor {
  readonly #port: ObservabilityPort;
  readonly #stats = new Map<string, ConditionalStats>();

  constructor(observability?: unknown) {
    this.#port = createPort(observability, true);
  }

  /**
   * Runs those whose conditions hold, lower priority numbers first. `next` may be called again and runs the rest again.
   *
   * @throws what a middleware throws and nobody around it catches
   */
  async execute(list: readonly ConditionalMiddleware[], context: MiddlewareContext): Promise<void> {
    const ordered = [...list].sort((a, b) => (a.priority ?? 5) - (b.priority ?? 5));
    // An error is its thrower's; those around it, through which it passes, have not failed.
    const counted = new WeakSet<object>();
    const runFrom = async (index: number): Promise<void> => {
      const part = ordered[index];
      if (part === undefined) return;
      const stats = this.#statsOf(part.name);
      let inner: unknown;
      try {
        if (part.condition !== undefined && !(await part.condition(context))) {
          stats.skipped++;
          return await runFrom(index + 1);
        }
        stats.applied++;
        await part.middleware(context, async () => {
          try {
            await runFrom(index + 1);
          } catch (error) {
            inner = error;
            throw error;
          }
        });
      } catch (error) {
        const isCounted = typeof error === 'object' && error !== null ? counted.has(error) : error === inner;
        if (!isCounted) this.#count(part.name, stats, error);
        if (typeof error === 'object' && error !== null) counted.add(error);
        throw error;
      }
    };
    await runFrom(0);
  }

  /** Counts by name. */
  getStats(): Record<string, ConditionalStats> {
    return Object.fromEntries([...this.#stats].map(([name, stats]) => [name, { ...stats }]));
  }

  /** Forgets the counts. */
  clearStats(): void {
    this.#stats.clear();
  }

  #statsOf(name = 'anonymous'): ConditionalStats {
    let stats = this.#stats.get(name);
    if (stats === undefined) this.#stats.set(name, (stats = { applied: 0, skipped: 0, errors: 0 }));
    return stats;
  }

  #count(name = 'anonymous', stats: ConditionalStats, error: unknown): void {
    stats.errors++;
    this.#port.flood('conditional.failed', 'error', `Conditional middleware ${name} failed`, {
      error: messageOf(error),
    });
  }
}

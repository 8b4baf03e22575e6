import { Random } from './random';
import type { Case } from './search';

export type MiddlewarePlan =
  | { name: 'timeout'; timeoutMs: number }
  | { name: 'retry'; maxRetries: number; initialDelayMs: number }
  | { name: 'concurrency'; maxConcurrent: number; queueTimeoutMs: number | undefined; mode: 'wait' | 'drop' }
  | { name: 'breaker'; failureThreshold: number; recoveryTimeout: number; operationTimeout: number }
  | { name: 'cache'; ttlMs: number }
  | { name: 'rateLimit'; limit: number; intervalMs: number; onLimit: 'wait' | 'reject' }
  | { name: 'fallback' };

/** What the handler does in one attempt. */
export interface Attempt {
  ms: number;
  fails: 'no' | 'again' | 'for good';
  obeys: boolean;
}

export type MiddlewareStep =
  | { step: 'call'; n: number; key: string; attempts: Attempt[]; hasSignal: boolean }
  | { step: 'advance'; ms: number }
  | { step: 'abort'; n: number };

export interface MiddlewareCase extends Case<MiddlewareStep> {
  settings: { list: MiddlewarePlan[]; inRuntime: boolean; maxConcurrent: number; ackTimeout: number | undefined };
}

export function middlewareCase(seed: number): MiddlewareCase {
  const random = new Random(seed);
  const all = plans(random);
  // In any order, some of them.
  const list = all.map((plan) => ({ plan, at: random.next() })).sort((a, b) => a.at - b.at);
  const settings = {
    list: list.slice(0, random.int(1, 4)).map(({ plan }) => plan),
    inRuntime: random.chance(0.6),
    maxConcurrent: random.pick([1, 2, 25]),
    ackTimeout: random.maybe(0.3, () => 40),
  };
  let n = 0;
  return { settings, steps: random.list(2, 40, () => step(random, () => n++)) };
}

function plans(random: Random): MiddlewarePlan[] {
  const queueTimeoutMs = random.pick([undefined, undefined, 0, 15]);
  return [
    { name: 'timeout', timeoutMs: random.pick([5, 30, 100]) },
    { name: 'retry', maxRetries: random.int(0, 3), initialDelayMs: random.pick([0, 10]) },
    { name: 'concurrency', maxConcurrent: random.int(1, 3), queueTimeoutMs, mode: random.pick(['wait', 'drop']) },
    { name: 'concurrency', maxConcurrent: random.int(1, 3), queueTimeoutMs, mode: 'wait' },
    {
      name: 'breaker',
      failureThreshold: random.int(1, 4),
      recoveryTimeout: 100,
      operationTimeout: random.pick([20, 1000]),
    },
    { name: 'cache', ttlMs: random.pick([20, 1000]) },
    { name: 'rateLimit', limit: random.int(1, 3), intervalMs: 50, onLimit: random.pick(['wait', 'reject']) },
    { name: 'fallback' },
  ];
}

function step(random: Random, nextN: () => number): MiddlewareStep {
  if (random.chance(0.5)) {
    const attempts = random.list(1, 4, () => attempt(random));
    return { step: 'call', n: nextN(), key: random.pick(['x', 'y']), attempts, hasSignal: random.chance(0.4) };
  }
  if (random.chance(0.7)) return { step: 'advance', ms: random.pick([0, 1, 5, 20, 60]) };
  return { step: 'abort', n: random.int(0, 20) };
}

function attempt(random: Random): Attempt {
  const fails = random.pick(['no', 'no', 'again', 'again', 'for good'] as const);
  return { ms: random.pick([-1, 0, 1, 7, 25, 80]), fails, obeys: random.chance(0.5) };
}

import { Random } from './random';
import type { Case } from './search';
import type { EmitOptions } from '../../lib/runtime-types';
import type { RuntimeConfig } from '../../lib/config';

/** What a handler does in one attempt. */
export type Behaviour =
  | { does: 'succeed' | 'throw' | 'throw for good' | 'ack' | 'nack' | 'cancel' | 'process' | 'clean up' }
  | { does: 'wait'; ms: number; then: 'succeed' | 'throw'; obeys: boolean }
  | { does: 'return'; fails: boolean }
  | { does: 'emit'; child: EmitStep };

/** An emit. `n` names it for the steps that follow. */
export interface EmitStep {
  step: 'emit' | 'emitAsync' | 'emitEvent';
  n: number;
  type: string;
  options: EmitOptions;
  hasSignal: boolean;
  isAborted: boolean;
  /** By attempt; the last one again and again. */
  behaviours: Behaviour[];
}

export type RuntimeStep =
  | EmitStep
  | { step: 'advance'; ms: number }
  | { step: 'microtasks'; count: number }
  | { step: 'process'; maxEvents?: number; timeoutMs?: number }
  | { step: 'drain' | 'start' | 'stop' | 'idle' | 'check' | 'cleanup' | 'halfOn' | 'halfOff' | 'clear' }
  | { step: 'emitAgain' | 'abort' | 'cancel' | 'ack' | 'nack' | 'reprocess'; n: number };

export interface RuntimeCase extends Case<RuntimeStep> {
  settings: { config: RuntimeConfig; cleanupTimeoutMs: number; cancelsOnError: boolean };
}

export const TYPES = ['a', 'b', 'c'] as const;

/** The case of a seed. */
export function runtimeCase(seed: number): RuntimeCase {
  return new Generator(new Random(seed)).make();
}

class Generator {
  readonly #random: Random;
  #n = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  make(): RuntimeCase {
    const random = this.#random;
    const settings = {
      config: this.#config(),
      cleanupTimeoutMs: random.pick([0, 10, 5000]),
      cancelsOnError: random.chance(0.1),
    };
    return { settings, steps: random.list(5, 60, () => this.#step()) };
  }

  #config(): RuntimeConfig {
    const random = this.#random;
    const isTracked = random.chance(0.4);
    return {
      // What the machine has to do besides must not matter.
      maxMemoryUsage: 1,
      maxCpuUsage: 1,
      queueSize: random.pick([2, 5, 20, 1000, 1000]),
      overflow: random.pick(['reject', 'reject', 'wait', 'drop-oldest']),
      maxConcurrent: random.pick([1, 2, 3, 25]),
      latency: random.pick(['off', 'shared', 'precise']),
      enableAcks: isTracked,
      autoAck: !isTracked || random.chance(0.5),
      ackTimeout: random.pick([30, 500]),
      trackCauses: random.chance(0.2),
      ...this.#rareConfig(),
    };
  }

  #rareConfig(): RuntimeConfig {
    const random = this.#random;
    const config: RuntimeConfig = {};
    if (random.chance(0.2)) config.maxConcurrentPerEventType = random.int(1, 2);
    if (random.chance(0.2)) config.maxConcurrentPerTenant = random.int(1, 2);
    if (random.chance(0.2)) config.operationTimeoutMs = random.pick([5, 20]);
    if (random.chance(0.2)) config.batching = { enabled: true, defaultBatchSize: 3, defaultBatchTimeout: 10 };
    if (random.chance(0.6)) {
      const initialDelayMs = random.pick([0, 5, 20]);
      config.retry = { maxAttempts: random.int(1, 4), initialDelayMs, jitter: 'none' };
    }
    if (random.chance(0.15)) {
      config.rateLimit = { limit: 2, intervalMs: 20, onLimit: random.pick(['wait', 'reject']) };
    }
    return config;
  }

  #step(): RuntimeStep {
    const random = this.#random;
    if (random.chance(0.45)) return this.#emit(0);
    if (random.chance(0.3)) return { step: 'advance', ms: random.pick([0, 1, 3, 5, 10, 20, 50]) };
    if (random.chance(0.3)) return this.#process();
    if (random.chance(0.45)) {
      const step = random.pick([
        'emitAgain',
        'abort',
        'abort',
        'cancel',
        'cancel',
        'ack',
        'nack',
        'reprocess',
      ] as const);
      return { step, n: random.int(1, Math.max(this.#n, 1)) };
    }
    if (random.chance(0.3)) return { step: 'microtasks', count: random.int(1, 5) };
    if (random.chance(0.05)) return { step: random.pick(['cleanup', 'clear']) };
    return { step: random.pick(['drain', 'start', 'stop', 'idle', 'check', 'check', 'halfOn', 'halfOff']) };
  }

  #process(): RuntimeStep {
    const random = this.#random;
    if (random.chance(0.6)) return { step: 'process' };
    return random.chance(0.5)
      ? { step: 'process', maxEvents: random.int(0, 3) }
      : { step: 'process', timeoutMs: random.pick([0, 5, 20]) };
  }

  #emit(depth: number): EmitStep {
    const random = this.#random;
    return {
      step: random.pick(['emit', 'emit', 'emit', 'emitAsync', 'emitEvent']),
      n: ++this.#n,
      type: random.pick(TYPES),
      options: random.chance(0.3) ? {} : this.#options(),
      hasSignal: random.chance(0.2),
      isAborted: random.chance(0.1),
      behaviours: random.list(1, 3, () => this.#behaviour(depth)),
    };
  }

  #options(): EmitOptions {
    const random = this.#random;
    const options: EmitOptions = {};
    if (random.chance(0.4)) options.priority = random.pick([-1, 0, 1, 2.5]);
    if (random.chance(0.3)) options.tenantId = random.pick(['x', 'y']);
    if (random.chance(0.3)) options.orderingKey = random.pick(['k', 'l']);
    if (random.chance(0.2)) options.idempotencyKey = random.pick(['1', '2', '3', '4']);
    if (random.chance(0.2)) options.delayMs = random.pick([0, 1, 5, 20]);
    if (random.chance(0.2)) options.ttlMs = random.pick([0, 1, 5, 20, 50]);
    if (random.chance(0.1)) options.timeout = random.pick([1, 5, 20]);
    if (random.chance(0.2)) options.retryPolicy = { maxRetries: random.int(0, 3), initialDelay: random.pick([0, 5]) };
    if (random.chance(0.2)) options.deliveryGuarantee = random.pick(['at-most-once', 'at-least-once', 'exactly-once']);
    if (random.chance(0.15)) options.batch = random.chance(0.9);
    if (random.chance(0.05)) options.flushBatch = true;
    if (random.chance(0.05)) options.batchSize = random.int(1, 3);
    return options;
  }

  #behaviour(depth: number): Behaviour {
    const random = this.#random;
    if (random.chance(0.35)) return { does: 'succeed' };
    if (random.chance(0.35)) {
      const ms = random.pick([0, 1, 5, 20, 60]);
      return { does: 'wait', ms, then: random.pick(['succeed', 'succeed', 'throw']), obeys: random.chance(0.5) };
    }
    if (random.chance(0.35)) return { does: random.pick(['throw', 'throw', 'throw for good']) };
    if (random.chance(0.2)) return { does: 'return', fails: random.chance(0.3) };
    if (random.chance(0.4) && depth < 2) return { does: 'emit', child: this.#emit(depth + 1) };
    if (random.chance(0.03)) return { does: 'clean up' };
    return { does: random.pick(['ack', 'nack', 'cancel', 'process']) };
  }
}

import { monotonicNow } from './clock';
import { native } from './native/index';
import type { BatchingConfig } from './config';
import type { Engine } from './engine/engine';
import type { CollectorHandle } from './native/engine';
import type { EmitOptions } from './runtime-types';

/** An event that waits for its batch. */
interface Collected {
  /** Puts it into the queue, and says what came of that. */
  enqueue: () => Error | undefined;
  /** It will never be put there. */
  discard: () => void;
}

/** Collects emits and puts them into the queue together; when is decided in the core. */
export class EmitBatcher {
  readonly #config: Required<BatchingConfig>;
  readonly #flushTypes: Set<string>;
  readonly #engine: Engine;
  readonly #collector: CollectorHandle = native.createCollector();
  #pending: Collected[] = [];
  #stopTimer: (() => void) | undefined;

  constructor(config: BatchingConfig, engine: Engine) {
    this.#engine = engine;
    this.#config = {
      enabled: config.enabled ?? false,
      defaultBatchSize: config.defaultBatchSize ?? 10,
      defaultBatchTimeout: config.defaultBatchTimeout ?? 200,
      maxBatchSize: config.maxBatchSize ?? 100,
      flushOnEventTypes: config.flushOnEventTypes ?? [],
    };
    this.#flushTypes = new Set(this.#config.flushOnEventTypes);
  }

  /** Whether an emit with these options is to be collected. */
  collects(options: EmitOptions | undefined): boolean {
    return options?.batch ?? (this.#config.enabled || options?.flushBatch === true);
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** Collects one. If that flushes the batch, answers what the flush came to, else undefined. */
  add(type: string, options: EmitOptions, collected: Collected): { error: Error | undefined } | undefined {
    this.#pending.push(collected);
    const { defaultBatchSize, defaultBatchTimeout, maxBatchSize } = this.#config;
    const size = Math.min(options.batchSize ?? defaultBatchSize, maxBatchSize);
    const timeoutMs = options.batchTimeout ?? defaultBatchTimeout;
    const now = monotonicNow();
    const flushNow = options.flushBatch === true || this.#flushTypes.has(type);
    if (this.#collector.add(now, size, timeoutMs, flushNow ? 1 : 0)) return { error: this.flush() };
    this.#stopTimer ??= this.#engine.after(this.#collector.deadline() - now, () => this.flush());
    return undefined;
  }

  /** Puts all that was collected into the queue, in the order of emission. */
  flush(): Error | undefined {
    const pending = this.#reset();
    const errors = pending.map(({ enqueue }) => enqueue()).filter((error) => error !== undefined);
    if (errors.length === 0) return undefined;
    return new Error(`Failed to enqueue ${errors.length} batched events. First error: ${errors[0]!.message}`, {
      cause: errors[0],
    });
  }

  /** Forgets what was collected. */
  drop(): void {
    for (const { discard } of this.#reset()) discard();
  }

  #reset(): Collected[] {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#collector.reset();
    return this.#pending.splice(0);
  }
}

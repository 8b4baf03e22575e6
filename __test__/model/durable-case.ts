import { Random } from './random';
import type { Case } from './search';
import type { RuntimeConfig } from '../../lib/config';
import type { JournalConfig } from '../../lib/durability/journal-config';
import type { EmitOptions } from '../../lib/runtime-types';

/** What a handler does in one attempt. */
export type DurableBehaviour =
  | { does: 'succeed' | 'throw' | 'throw for good' | 'ack' | 'nack' | 'cancel' | 'change' }
  | { does: 'wait'; ms: number; then: 'succeed' | 'throw' };

/** Emits that follow each other are of one turn. */
export interface DurableEmit {
  step: 'emit';
  how: 'emit' | 'emitAsync' | 'emitEvent';
  n: number;
  type: string;
  /** Which of the data that `DATA` holds. */
  data: number;
  /** Of an event that the caller has made: what it has besides. */
  shape: number;
  options: EmitOptions;
  hasSignal: boolean;
  /** By attempt; the last one again and again. */
  behaviours: DurableBehaviour[];
}

export type DurableStep =
  | DurableEmit
  | { step: 'advance'; ms: number }
  | { step: 'process'; maxEvents?: number }
  | { step: 'flush' | 'turn' | 'check' | 'compact' | 'purge' | 'reprocessAll' | 'forget' }
  | { step: 'abort' | 'cancel' | 'ack' | 'nack' | 'reprocess' | 'purgeOne' | 'mark' | 'emitAgain'; n: number }
  /** `settles`: what runs may end before; `ms`: until the next start. */
  | { step: 'restart'; settles: boolean; ms: number };

export interface DurableCase extends Case<DurableStep> {
  settings: { config: RuntimeConfig; journal: Omit<JournalConfig, 'path'> | undefined };
}

/** Types that are hard to write down among them. */
export const DURABLE_TYPES = ['a', 'b.c', 'ü "\u001f\\\n', 'half \ud800'] as const;

/** Data that JSON can carry. */
export const DATA: readonly unknown[] = [
  undefined,
  null,
  0,
  '',
  'half \udc00 \u2028 \u001f \\u001f "quoted"\r\n\0',
  [[], {}, [null, false, 1e300, -1.5]],
  { 'a"b\n': { deep: [{ x: 'é😀' }] }, ['__proto__']: 1 },
  { text: 'many words many words '.repeat(40) },
  { noise: Array.from({ length: 500 }, (_, n) => (n * 7919) % 104_729) },
];

/** Data that only a structured clone can carry. */
export const CLONED: readonly unknown[] = [
  new Date(5),
  new Map<unknown, unknown>([['a', { b: new Set([1]) }]]),
  { big: 2n ** 70n, none: undefined, nan: NaN, bytes: new Uint8Array([1, 2, 3]) },
];

/** The case of a seed, with a journal. */
export function journalCase(seed: number): DurableCase {
  return new Generator(new Random(seed)).make(true);
}

/** The same with a persistor. */
export function persistorCase(seed: number): DurableCase {
  return new Generator(new Random(seed)).make(false);
}

class Generator {
  readonly #random: Random;
  #n = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  make(hasJournal: boolean): DurableCase {
    const random = this.#random;
    const settings = { config: this.#config(hasJournal), journal: hasJournal ? this.#journal() : undefined };
    const steps = random.list(4, 40, () => this.#step()).flat();
    return { settings, steps };
  }

  #journal(): Omit<JournalConfig, 'path'> {
    const random = this.#random;
    return {
      sync: random.pick(['group', 'always', 'os', 'os', 'os']),
      groupMs: 0,
      codec: random.pick(['json', 'json', 'v8']),
      compression: random.chance(0.7),
    };
  }

  #config(hasJournal: boolean): RuntimeConfig {
    const random = this.#random;
    const isTracked = random.chance(0.5);
    const config: RuntimeConfig = {
      // What the machine has to do besides must not matter.
      maxMemoryUsage: 1,
      maxCpuUsage: 1,
      maxConcurrent: random.pick([1, 3, 25]),
      queueSize: random.pick([5, 1000, 1000, 1000]),
      enableAcks: isTracked,
      autoAck: !isTracked || random.chance(0.5),
      ackTimeout: random.pick([30, 5000]),
    };
    if (hasJournal && random.chance(0.4)) config.enableEventStore = true;
    if (random.chance(0.2)) config.largeEventThreshold = 200;
    if (random.chance(0.2)) config.deadLetter = { maxSize: random.int(1, 3) };
    if (random.chance(0.3)) config.tenantId = 'x';
    if (random.chance(0.2)) config.trackCauses = true;
    if (random.chance(0.6)) {
      config.retry = { maxAttempts: random.int(1, 4), initialDelayMs: random.pick([0, 5, 100]), jitter: 'none' };
    }
    return config;
  }

  #step(): DurableStep | DurableStep[] {
    const random = this.#random;
    if (random.chance(0.35)) return this.#burst();
    if (random.chance(0.25)) return { step: 'restart', settles: random.chance(0.7), ms: this.#pause() };
    if (random.chance(0.3)) {
      return random.chance(0.5) ? { step: 'process' } : { step: 'process', maxEvents: random.int(0, 9) };
    }
    if (random.chance(0.25)) return { step: 'advance', ms: random.pick([0, 1, 5, 20, 100]) };
    if (random.chance(0.5)) {
      const steps = [
        'abort',
        'cancel',
        'ack',
        'nack',
        'reprocess',
        'reprocess',
        'purgeOne',
        'mark',
        'emitAgain',
      ] as const;
      return { step: random.pick(steps), n: random.int(1, Math.max(this.#n, 1)) };
    }
    const others = ['flush', 'turn', 'check', 'check', 'compact', 'purge', 'reprocessAll', 'forget'] as const;
    return { step: random.pick(others) };
  }

  #pause(): number {
    return this.#random.pick([0, 0, 3, 10, 60, 10_000]);
  }

  /** From eight on, what the events have in common is written once. */
  #burst(): DurableEmit[] {
    const random = this.#random;
    const count = random.pick([1, 1, 2, 7, 8, 9, 20]);
    const isAlike = random.chance(0.2);
    const first = this.#emit();
    return Array.from({ length: count }, () =>
      isAlike ? { ...first, n: ++this.#n, options: withoutKey(first.options) } : this.#emit(),
    );
  }

  #emit(): DurableEmit {
    const random = this.#random;
    return {
      step: 'emit',
      how: random.pick(['emit', 'emit', 'emitAsync', 'emitEvent']),
      n: ++this.#n,
      type: random.pick(['a', 'a', 'a', ...DURABLE_TYPES]),
      data: random.int(0, DATA.length + CLONED.length - 1),
      shape: random.int(0, 4),
      options: random.chance(0.3) ? {} : this.#options(),
      hasSignal: random.chance(0.1),
      behaviours: random.list(1, 3, () => this.#behaviour()),
    };
  }

  #options(): EmitOptions {
    const random = this.#random;
    const options: EmitOptions = {};
    if (random.chance(0.3)) options.priority = random.pick([-1, 0, 1, 2.5, Infinity, -Infinity]);
    if (random.chance(0.2)) options.tenantId = random.pick(['x', 'y "\n']);
    if (random.chance(0.3)) options.orderingKey = random.pick(['k', 'l', ' \u001f"']);
    if (random.chance(0.3)) options.idempotencyKey = random.pick(['1', '2', '3', '4 \u001f"']);
    if (random.chance(0.2)) options.delayMs = random.pick([0, 1, 5, 20, 1000]);
    if (random.chance(0.2)) options.ttlMs = random.pick([0, 5, 20, 500, 1e12]);
    if (random.chance(0.1)) options.timeout = random.pick([1, 20, 500]);
    if (random.chance(0.2)) {
      options.retryPolicy = {
        maxRetries: random.int(0, 3),
        initialDelay: random.pick([0, 5, 200]),
        backoff: random.pick(['linear', 'exponential']),
      };
    }
    if (random.chance(0.4)) options.deliveryGuarantee = random.pick(['at-most-once', 'at-least-once', 'exactly-once']);
    if (random.chance(0.1)) options.correlationId = random.pick(['c', 'c "\n\ud800', 'cor_0123456789']);
    return options;
  }

  #behaviour(): DurableBehaviour {
    const random = this.#random;
    if (random.chance(0.3)) return { does: 'succeed' };
    if (random.chance(0.5)) return { does: random.pick(['throw', 'throw', 'throw for good', 'change']) };
    if (random.chance(0.6))
      return { does: 'wait', ms: random.pick([0, 5, 60]), then: random.pick(['succeed', 'throw']) };
    return { does: random.pick(['ack', 'nack', 'cancel']) };
  }
}

function withoutKey({ idempotencyKey: _key, ...options }: EmitOptions): EmitOptions {
  return options;
}

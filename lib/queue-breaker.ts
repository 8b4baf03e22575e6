import { monotonicNow } from './clock';
import { RuntimeError } from './errors';
import { native } from './native/index';
import type { BreakerPolicy } from './native/policy';

/** Milliseconds that an open queue breaker refuses attempts. */
const RECOVERY_MS = 30_000;

const STATES = ['closed', 'open', 'half-open'] as const;

/** A queue's breaker as statistics show it. */
export interface QueueBreakerStats {
  state: (typeof STATES)[number];
  /** Failures in a row. */
  failureCount: number;
  /** Failures in a row that open it. */
  threshold: number;
}

/**
 * Opens after so many failures in a row; events go to the dead letters without an attempt then. After half a minute one is
 * let through to see whether it has passed.
 */
export class QueueBreaker {
  readonly #policy: BreakerPolicy;
  readonly #threshold: number;
  #failuresInARow = 0;
  #told = 0;
  readonly #onChange: (state: QueueBreakerStats['state']) => void;

  /** @param onChange told when it opens, lets a probe through, and closes */
  constructor(threshold: number, onChange: (state: QueueBreakerStats['state']) => void = () => undefined) {
    this.#onChange = onChange;
    this.#threshold = threshold;
    this.#policy = native.createBreaker(
      {
        failureThreshold: threshold,
        recoveryMs: RECOVERY_MS,
        successThreshold: 1,
        failureRate: 0,
        minimumCalls: 1,
        windowCalls: 1,
        windowMs: 0,
      },
      monotonicNow(),
    );
  }

  /** Runs an attempt, or throws because the breaker is open. */
  async run(attempt: () => unknown): Promise<unknown> {
    const ticket = this.#policy.admit(monotonicNow());
    this.#tell();
    if (ticket < 0) {
      throw new RuntimeError('CIRCUIT_BREAKER_OPEN', 'the breaker of the queue is open: no attempt was made', {
        context: { threshold: this.#threshold },
      });
    }
    try {
      const result = await attempt();
      this.#failuresInARow = 0;
      this.#policy.succeed(ticket, monotonicNow());
      this.#tell();
      return result;
    } catch (error) {
      this.#failuresInARow++;
      this.#policy.fail(ticket, monotonicNow());
      this.#tell();
      throw error;
    }
  }

  #tell(): void {
    const state = this.#policy.state();
    if (state === this.#told) return;
    this.#told = state;
    this.#onChange(STATES[state]!);
  }

  stats(): QueueBreakerStats {
    return {
      state: STATES[this.#policy.state()]!,
      failureCount: this.#failuresInARow,
      threshold: this.#threshold,
    };
  }
}

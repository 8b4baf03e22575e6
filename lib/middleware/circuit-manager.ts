import { requireObject } from '../validate';
import { CircuitBreaker } from './circuit-breaker';
import type { CircuitBreakerConfig, CircuitMetrics } from './circuit-breaker';

/** Circuits kept; keys may be made up without end. */
const MAX_CIRCUITS = 1000;

/** Circuits by name. At most 1000: the least recently used closed one goes first. */
export class CircuitBreakerManager {
  readonly #observability: unknown;
  /** Least recently used first. */
  readonly #circuits = new Map<string, CircuitBreaker>();

  constructor(observability?: unknown) {
    this.#observability = observability;
  }

  /** The circuit of this name, made if there is none; the configuration of one that exists stays. */
  readonly getCircuit = (config: CircuitBreakerConfig): CircuitBreaker => {
    requireObject('CircuitBreaker config', config);
    const known = this.#circuits.get(config.name);
    if (known !== undefined) {
      this.#circuits.delete(config.name);
      this.#circuits.set(config.name, known);
      return known;
    }
    const circuit = new CircuitBreaker(this.#observability, config);
    if (this.#circuits.size >= MAX_CIRCUITS) this.#circuits.delete(this.#leastUseful());
    this.#circuits.set(config.name, circuit);
    return circuit;
  };

  /** All circuits by name. */
  readonly getAllCircuits = (): Map<string, CircuitBreaker> => new Map(this.#circuits);

  /** Closes all and forgets their counts. */
  readonly resetAll = (): void => {
    for (const circuit of this.#circuits.values()) circuit.reset();
  };

  /** Counts of all by name. */
  readonly getAllMetrics = (): Record<string, CircuitMetrics> =>
    Object.fromEntries([...this.#circuits].map(([name, circuit]) => [name, circuit.getMetrics()]));

  #leastUseful(): string {
    let first: string | undefined;
    for (const [name, circuit] of this.#circuits) {
      if (circuit.isClosed()) return name;
      first ??= name;
    }
    return first!;
  }
}

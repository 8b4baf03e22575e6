import { PumpState } from './pump';
import type { BufferStats, Meter, StreamScope } from './scope';

/** Counts the items that the sources of a join hold, one each at most, when somebody asks: nothing is counted on the way. */
export class HeldItems implements Meter {
  readonly #scope: StreamScope;
  readonly #pumps: readonly { readonly state: PumpState }[];
  readonly #buffer: BufferStats;
  #counted = 0;

  constructor(scope: StreamScope, name: string, pumps: readonly { readonly state: PumpState }[]) {
    this.#scope = scope;
    this.#pumps = pumps;
    this.#buffer = scope.buffer(name);
    scope.meters.add(this);
  }

  count(): void {
    const held = this.#pumps.reduce((sum, pump) => sum + Number(pump.state === PumpState.Item), 0);
    this.#tell(held);
  }

  /** The run is over. */
  leave(): void {
    this.#tell(0);
    this.#scope.meters.delete(this);
  }

  #tell(held: number): void {
    this.#buffer.buffered += held - this.#counted;
    this.#counted = held;
  }
}

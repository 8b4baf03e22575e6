import { KernelError } from '../errors';
import type { EngineHandle } from '../native/engine';
import type { SlotExtras } from './extras';

/** The waits of a run inside middleware. There may be several: of handlers side by side, or one that a timeout has cut short. */
export interface Parking {
  readonly run: number;
  /** Waits that go on. */
  waits: number;
  /** Whether the run holds no permit and is in no line for one. */
  isParked: boolean;
  /** Those whose wait is over and who go on when the run has a permit again. */
  readonly resumes: (() => void)[];
}

/** What parked runs need of their engine. */
export interface ParkingHost {
  /** The number of the run that is going on in a slot; another one, or 0, once that has been given up. */
  runOf(slot: number): number;
  extrasOf(slot: number): SlotExtras;
  /** A permit is free, or somebody is in line for one. */
  onChange(): void;
}

/** Runs that wait inside middleware and hold no permit meanwhile. */
export class Parkings {
  readonly #core: EngineHandle;
  readonly #host: ParkingHost;
  /** Runs that wait without a permit. */
  count = 0;

  constructor(core: EngineHandle, host: ParkingHost) {
    this.#core = core;
    this.#host = host;
  }

  /**
   * While `wait` lasts, the event of `slot` holds no permit; it goes on when one is free.
   *
   * @throws KernelError ABORTED when the run was given up meanwhile: nothing that it has waited for may begin any more
   */
  async park<T>(slot: number, wait: Promise<T>): Promise<T> {
    const run = this.#host.runOf(slot);
    if (run === 0) return wait;
    const parking = this.#parkingOf(slot, run);
    this.#begin(slot, parking);
    let result: T;
    try {
      result = await wait;
    } catch (error) {
      await this.#end(slot, parking, true);
      throw error;
    }
    await this.#end(slot, parking, false);
    if (this.#host.runOf(slot) !== run) throw new KernelError('ABORTED', 'the run was given up while it waited');
    return result;
  }

  #parkingOf(slot: number, run: number): Parking {
    const extras = this.#host.extrasOf(slot);
    if (extras.parking?.run !== run) extras.parking = { run, waits: 0, isParked: false, resumes: [] };
    return extras.parking;
  }

  #begin(slot: number, parking: Parking): void {
    parking.waits++;
    if (!this.#core.park(slot)) return;
    parking.isParked = true;
    this.count++;
    this.#host.onChange();
  }

  /** Resolves when the run has a permit again. */
  async #end(slot: number, parking: Parking, hasFailed: boolean): Promise<void> {
    parking.waits--;
    // A wait that a timeout around it has cut short is nobody's concern any more while the run waits for something else.
    if (!parking.isParked || (hasFailed && parking.waits > 0)) return;
    parking.isParked = false;
    this.count--;
    if (this.#host.runOf(slot) !== parking.run || !this.#core.unpark(slot)) return;
    await new Promise<void>((resume) => {
      parking.resumes.push(resume);
      this.#host.onChange();
    });
  }
}

/** The run has a permit again, or needs none any more: whoever waits for one goes on. */
export function resume(parking: Parking | undefined): void {
  if (parking === undefined) return;
  for (const go of parking.resumes.splice(0)) go();
}

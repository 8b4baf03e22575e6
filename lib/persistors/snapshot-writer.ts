import { createHash } from 'node:crypto';
import { WriteChain } from './write-chain';
import type { AnyEvent } from '../events';
import type { Persistor, Snapshot, SnapshotOptions } from '../persistor-types';

/** Told of a persistor that fails. */
export type OnStoreError = (operation: string, error: unknown) => void;

/**
 * Writes the snapshots of one `xcId`, one after another, together with everybody who writes under it into the same persistor:
 * so nothing overtakes what it follows from. Failures are counted and told.
 */
export class SnapshotWriter {
  readonly #persistor: Persistor;
  readonly #xcId: string;
  readonly #onError: OnStoreError;
  readonly #chain: WriteChain;
  #errors = 0;

  constructor(persistor: Persistor, xcId: string, onError: OnStoreError) {
    this.#persistor = persistor;
    this.#xcId = xcId;
    this.#onError = onError;
    this.#chain = new WriteChain(persistor, xcId);
  }

  /** Calls that have failed. */
  get errors(): number {
    return this.#errors;
  }

  /** Whether the persistor can forget snapshots. */
  get canDelete(): boolean {
    return typeof this.#persistor.delete === 'function';
  }

  /** Runs `write` after everything so far; answers what it answers. It must not reject. */
  queue<T>(write: () => Promise<T>): Promise<T> {
    return this.#chain.add(write);
  }

  /** Whether nothing has been queued after `write`. */
  isLast(write: Promise<unknown>): boolean {
    return this.#chain.isLast(write);
  }

  /** Resolves when everything so far has been written. */
  async flush(): Promise<void> {
    await this.#chain.settled();
    if (typeof this.#persistor.flush !== 'function') return;
    await this.#attempt('flush', () => this.#persistor.flush!());
  }

  /** A snapshot of this `xcId`, as of now. */
  snapshot(state: Record<string, unknown>, events: AnyEvent[], hash: string): Snapshot {
    return { xcId: this.#xcId, ts: Date.now(), events, state, hash };
  }

  /** Every snapshot of this `xcId`; rejects as the persistor does. */
  async *load(): AsyncGenerator<Snapshot> {
    try {
      yield* this.#persistor.load(this.#xcId);
    } catch (error) {
      this.#failed('load', error);
      throw error;
    }
  }

  /** Appends; answers the error if that fails. For use inside `queue`. */
  append(snapshot: Snapshot, options?: SnapshotOptions): Promise<Failed | undefined> {
    return this.#attempt('append', () => this.#persistor.append(snapshot, options));
  }

  /** False if the persistor cannot, or fails. For use inside `queue`. */
  async delete(hashes: readonly string[]): Promise<boolean> {
    if (!this.canDelete) return false;
    if (hashes.length === 0) return true;
    return (await this.#attempt('delete', () => this.#persistor.delete!(this.#xcId, hashes))) === undefined;
  }

  async #attempt(operation: string, call: () => Promise<unknown>): Promise<Failed | undefined> {
    try {
      await call();
      return undefined;
    } catch (error) {
      this.#failed(operation, error);
      return { error };
    }
  }

  #failed(operation: string, error: unknown): void {
    this.#errors++;
    this.#onError(operation, error);
  }
}

/** A call of a persistor that has failed. */
export interface Failed {
  error: unknown;
}

/** SHA-256 in hexadecimal digits: names contents without collisions. */
export const contentHash = (content: string): string => createHash('sha256').update(content).digest('hex');

/** The fields of anything; none if it has none. */
export const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** The members of a list; none if it is none. */
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** The texts of a list. */
export const textsOf = (value: unknown): string[] =>
  listOf(value).filter((member): member is string => typeof member === 'string');

/** A finite number, or something else. */
export const numberOr = <T>(value: unknown, otherwise: T): number | T =>
  typeof value === 'number' && Number.isFinite(value) ? value : otherwise;

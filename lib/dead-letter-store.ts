import { createHash } from 'node:crypto';
import type { DLQItem } from './dead-letter-queue';
import type { AnyEvent } from './events';
import type { Persistor } from './persistor-types';

/** Told of a persistor that fails. */
export type OnStoreError = (operation: string, error: unknown) => void;

const firstDigits = (content: string): string => createHash('sha256').update(content).digest('hex').slice(0, 16);

/**
 * Dead letters in a persistor. An item is a snapshot, and so is its removal: any persistor can append, few can delete.
 * Writes go out one after another, so that a removal never overtakes its item.
 */
export class DeadLetterStore {
  readonly #persistor: Persistor;
  readonly #xcId: string;
  readonly #onError: OnStoreError;
  #writes: Promise<void> = Promise.resolve();
  errors = 0;

  constructor(persistor: Persistor, xcId: string, onError: OnStoreError) {
    this.#persistor = persistor;
    this.#xcId = xcId;
    this.#onError = onError;
  }

  /** Stores an item as it is now. */
  save(item: DLQItem): Promise<void> {
    const { id, dlqTimestamp, attempts, canReprocess, errors } = item;
    // The standing and the number of errors are part of the name, so that a later state never passes for an earlier one.
    const content = `dlq-${JSON.stringify({ id, dlqTimestamp, attempts })}`;
    const hash = firstDigits(canReprocess && errors.length === 1 ? content : `${content}-${canReprocess}-${errors.length}`);
    return this.#append({ type: 'dlq-item', dlqItem: plain(item) }, [plain(item.event)], hash);
  }

  /** Stores that items have left. */
  forget(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return Promise.resolve();
    const removedAt = Date.now();
    const hash = firstDigits(`dlq-removed-${removedAt}-${Math.random()}-${ids.join()}`);
    return this.#append({ type: 'dlq-removed', ids: [...ids], removedAt }, [], hash);
  }

  #append(state: Record<string, unknown>, events: AnyEvent[], hash: string): Promise<void> {
    const snapshot = { xcId: this.#xcId, ts: Date.now(), events, state, hash };
    this.#writes = this.#writes
      .then(() => this.#persistor.append(snapshot))
      .catch((error: unknown) => this.#failed('append', error));
    return this.#writes;
  }

  /** The items that have been stored and not removed, oldest first. */
  async load(): Promise<DLQItem[]> {
    const items = new Map<string, DLQItem>();
    try {
      for await (const { state } of this.#persistor.load(this.#xcId)) {
        if (state?.type === 'dlq-removed' && Array.isArray(state.ids)) {
          for (const id of state.ids as string[]) items.delete(id);
        } else if (state?.type === 'dlq-item' && isItem(state.dlqItem)) {
          items.set(state.dlqItem.id, state.dlqItem);
        }
      }
    } catch (error) {
      this.#failed('load', error);
    }
    return [...items.values()];
  }

  #failed(operation: string, error: unknown): void {
    this.errors++;
    this.#onError(operation, error);
  }
}

function isItem(value: unknown): value is DLQItem {
  const item = value as Partial<DLQItem> | null | undefined;
  return typeof item?.id === 'string' && typeof item.event?.type === 'string' && Array.isArray(item.errors);
}

/** A copy of what JSON can carry; the rest becomes something readable. */
function plain<T>(value: T): T {
  const path: unknown[] = [];
  const readable = function (this: unknown, _key: string, member: unknown): unknown {
    while (path.length > 0 && path[path.length - 1] !== this) path.pop();
    if (typeof member === 'bigint') return `${member}n`;
    if (typeof member === 'function') return `[function ${member.name || 'anonymous'}]`;
    if (typeof member === 'symbol') return member.toString();
    if (typeof member !== 'object' || member === null) return member;
    if (path.includes(member)) return '[circular]';
    const shown =
      member instanceof Error ? { name: member.name, message: member.message, stack: member.stack } : member;
    path.push(shown);
    return shown;
  };
  try {
    return JSON.parse(JSON.stringify(value, readable)) as T;
  } catch (error) {
    return { unreadable: String(error) } as T;
  }
}

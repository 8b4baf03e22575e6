import { randomUUID } from 'node:crypto';
import { bookId } from './dead-letter-checks';
import { SnapshotWriter, contentHash, fieldsOf, listOf, numberOr } from './persistors/snapshot-writer';
import { isJson } from './durability/json-check';
import { readableCopy } from './readable';
import type { DLQContext, DLQError, DLQItem } from './dead-letter-types';
import type { AnyEvent } from './events';
import type { Failed, OnStoreError } from './persistors/snapshot-writer';
import type { Persistor } from './persistor-types';

/** Where dead letters are kept between runs. No method throws or rejects. */
export interface DeadLetterStorage {
  /** Calls that have failed. */
  readonly errors: number;
  /** Stores an item as it is now. */
  save(item: DLQItem): Promise<void>;
  /** Stores that items have left. */
  forget(ids: readonly string[]): Promise<void>;
  /** What `write` stores, in the store and in what shares it, is stored together or not at all. Absent: it cannot be. */
  together?<T>(write: () => T): T;
  /** The items that are stored, oldest first. */
  load(): Promise<DLQItem[]>;
  /** Resolves when everything so far has been written. */
  flush(): Promise<void>;
}

const REMOVED = 'dlq-removed';
const ITEM = 'dlq-item';

/**
 * Dead letters in a persistor. An item is a snapshot, and so is its removal, unless the persistor can delete. Writes go out
 * one after another, so that a removal never overtakes its item. No method throws or rejects.
 */
export class DeadLetterStore implements DeadLetterStorage {
  readonly #writer: SnapshotWriter;
  /** Hashes under which each item that is kept has been stored, oldest first. */
  readonly #hashes = new Map<string, readonly string[]>();
  #lastRemovalAt = -Infinity;

  constructor(persistor: Persistor, xcId: string, onError: OnStoreError) {
    this.#writer = new SnapshotWriter(persistor, xcId, onError);
  }

  /** Calls that have failed. */
  get errors(): number {
    return this.#writer.errors;
  }

  /** Resolves when everything so far has been written. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Stores an item as it is now. */
  save(item: DLQItem): Promise<void> {
    const hash = this.#hashOf(item);
    const superseded = this.#hashesOf(item.id).filter((earlier) => earlier !== hash);
    this.#hashes.set(item.id, [...superseded, hash]);
    const readable = readableCopy(item) as DLQItem;
    const exact = exactCopy(item.event);
    const writer = this.#writer;
    return writer.queue(async () => {
      const isStored = exact !== undefined && (await this.#append(readable, exact, hash)) === undefined;
      const failed = isStored ? undefined : await this.#append(readable, readable.event, hash);
      if (failed) this.#strike(item.id, [hash]);
      else if (!writer.canDelete || (await writer.delete(superseded))) this.#strike(item.id, superseded);
    });
  }

  #append(dlqItem: DLQItem, event: AnyEvent, hash: string): Promise<Failed | undefined> {
    const snapshot = this.#writer.snapshot({ type: ITEM, dlqItem }, [event], hash);
    return this.#writer.append(snapshot, { isUnfinished: true });
  }

  /** Stores that items have left. */
  forget(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return Promise.resolve();
    this.#lastRemovalAt = Date.now();
    const left = new Map(ids.map((id) => [id, this.#hashesOf(id)]));
    for (const id of ids) this.#hashes.delete(id);
    const removal = { type: REMOVED, ids: [...ids], removedAt: this.#lastRemovalAt };
    const writer = this.#writer;
    const snapshot = writer.snapshot(removal, [], firstDigits(`${REMOVED}-${randomUUID()}`));
    return writer.queue(async () => {
      if (!(await writer.delete([...left.values()].flat()))) await writer.append(snapshot);
    });
  }

  /**
   * The items that have been stored and not removed, oldest first. None if reading fails: what is left unread may say that
   * they were removed.
   */
  async load(): Promise<DLQItem[]> {
    const log = new StoredLog();
    try {
      for await (const snapshot of this.#writer.load()) log.read(snapshot);
    } catch {
      // The writer has told of it.
      return [];
    }
    for (const { item, hash } of log.items.values()) {
      // What was filed while this was read comes after it.
      this.#hashes.set(item.id, [hash, ...this.#hashesOf(item.id)]);
    }
    const stale = log.staleHashes();
    // Removals go last: as long as an item may be there, so must be what says that it was removed.
    void this.#writer.queue(async () => {
      if (await this.#writer.delete(stale)) await this.#writer.delete(log.removals);
    });
    return Array.from(log.items.values(), ({ item }) => item);
  }

  #hashesOf(id: string): readonly string[] {
    return this.#hashes.get(id) ?? [];
  }

  /** Snapshots of an item are there no more. */
  #strike(id: string, hashes: readonly string[]): void {
    if (this.#hashes.has(id))
      this.#hashes.set(
        id,
        this.#hashesOf(id).filter((hash) => !hashes.includes(hash)),
      );
  }

  /**
   * The name of an item's state. It is made of id, entry time and attempts; any further state says more, so that it never
   * passes for the first one: a failure more, a mark, or a return in the millisecond in which it was removed.
   */
  #hashOf({ id, dlqTimestamp, attempts, canReprocess, errors }: DLQItem): string {
    const content = `dlq-${JSON.stringify({ id, dlqTimestamp, attempts })}`;
    if (dlqTimestamp <= this.#lastRemovalAt) return firstDigits(`${content}-${randomUUID()}`);
    const isFirst = canReprocess && errors.length === 1;
    return firstDigits(isFirst ? content : `${content}-${JSON.stringify([canReprocess, errors])}`);
  }
}

/** A copy of an event that says more than JSON can; undefined: it does not, or no clone can carry it. */
function exactCopy(event: AnyEvent): AnyEvent | undefined {
  try {
    return isJson(event) ? undefined : structuredClone(event);
  } catch {
    // It may also have a getter that throws.
    return undefined;
  }
}

/** What a persistor has given back: items, and what later snapshots say of them. */
class StoredLog {
  readonly items = new Map<string, { item: DLQItem; hash: string }>();
  /** Hashes of snapshots that tell of removals. */
  readonly removals: string[] = [];
  readonly #superseded: string[] = [];

  /** Takes in the next snapshot; those of others, and rubbish, are passed over. */
  read(snapshot: unknown): void {
    const { state, hash, events } = fieldsOf(snapshot);
    const { type, ids, dlqItem } = fieldsOf(state);
    if (typeof hash !== 'string') return;
    if (type === REMOVED) {
      for (const id of listOf(ids)) this.#supersede(id as string);
      this.removals.push(hash);
    }
    const item = type === ITEM ? storedItem(withExact(fieldsOf(dlqItem), listOf(events)[0])) : undefined;
    if (item === undefined) return;
    this.#supersede(item.id);
    this.items.set(item.id, { item, hash });
  }

  #supersede(id: string): void {
    const earlier = this.items.get(id);
    if (earlier === undefined) return;
    this.#superseded.push(earlier.hash);
    this.items.delete(id);
  }

  /** Hashes of snapshots that say nothing any more. */
  staleHashes(): string[] {
    const live = new Set(Array.from(this.items.values(), ({ hash }) => hash));
    return this.#superseded.filter((hash) => !live.has(hash));
  }
}

/**
 * An item with its event as it was, where the persistor has kept that: one that stores JSON has made something poorer of it than
 * the readable copy is.
 */
function withExact(item: Record<string, unknown>, event: unknown): Record<string, unknown> {
  return fieldsOf(event).id === item.id && !isJson(event) ? { ...item, event } : item;
}

const firstDigits = (content: string): string => contentHash(content).slice(0, 16);

/** An item as a persistor has given it back, with every field as it must be; undefined if it cannot be one. */
export function storedItem(value: unknown): DLQItem | undefined {
  const item = fieldsOf(value) as Partial<DLQItem>;
  const event = fieldsOf(item.event) as Partial<AnyEvent>;
  if (typeof item.id !== 'string' || item.id === '' || typeof event.type !== 'string') return undefined;
  const id = bookId(item.id);
  const now = Date.now();
  const dlqTimestamp = numberOr(item.dlqTimestamp, now);
  return {
    id,
    event: { ...(event as AnyEvent), id: item.id },
    errors: listOf(item.errors).map((error) => storedError(error, dlqTimestamp)),
    attempts: Math.min(Math.max(0, Math.trunc(numberOr(item.attempts, 0))), 2 ** 31 - 1),
    firstFailedAt: numberOr(item.firstFailedAt, dlqTimestamp),
    lastFailedAt: numberOr(item.lastFailedAt, dlqTimestamp),
    dlqTimestamp,
    // An infinite one was stored as text.
    originalPriority: Number(item.originalPriority) || 0,
    processingContext: storedContext(fieldsOf(item.processingContext)),
    tags: listOf(item.tags).filter((tag) => typeof tag === 'string'),
    canReprocess: item.canReprocess !== false,
  };
}

/** As above, its priority may have been stored as text. */
function storedContext(context: DLQContext): DLQContext {
  const { originalPriority } = context;
  return originalPriority === undefined ? context : { ...context, originalPriority: Number(originalPriority) || 0 };
}

function storedError(value: unknown, otherwise: number): DLQError {
  const { message, stack, timestamp, attempt } = fieldsOf(value);
  return {
    message: typeof message === 'string' ? message : '',
    ...(typeof stack === 'string' && { stack }),
    timestamp: numberOr(timestamp, otherwise),
    attempt: numberOr(attempt, 0),
  };
}

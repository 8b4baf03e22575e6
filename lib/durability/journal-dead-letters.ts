import { storedItem } from '../dead-letter-store';
import { readableCopy } from '../readable';
import { codecs } from './codec';
import type { DLQItem } from '../dead-letter-types';
import type { DeadLetterStorage } from '../dead-letter-store';
import type { JournalLog } from './journal-log';

/** Dead letters in the journal: what an event's failure leaves is in the commit that ends its waiting. */
export class JournalDeadLetters implements DeadLetterStorage {
  readonly #log: JournalLog;
  readonly errors = 0;

  constructor(log: JournalLog) {
    this.#log = log;
  }

  save(item: DLQItem): Promise<void> {
    this.#log.letter(item.event, item.processingContext.idempotencyKey ?? '', this.#encode(item));
    return this.#stored();
  }

  /** A structured clone of the event, where the codec makes them; else the item as JSON, readable at worst. */
  #encode(item: DLQItem): string {
    if (!this.#log.isBinary) return JSON.stringify(readableCopy(item));
    const { id, type } = item.event;
    try {
      const packed = codecs.v8.encode(item.event);
      return JSON.stringify({ ...(readableCopy({ ...item, event: { id, type } }) as object), packed });
    } catch {
      // A handler has put something into its event that no clone can carry.
      return JSON.stringify(readableCopy(item));
    }
  }

  forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#log.letterGone(id);
    return this.#stored();
  }

  together<T>(write: () => T): T {
    return this.#log.journal.together(write);
  }

  load(): Promise<DLQItem[]> {
    const stored = JSON.parse(this.#log.journal.handle.letters()) as { packed?: string }[];
    const items = stored.map((one) => storedItem(unpacked(one)));
    return Promise.resolve(items.filter((item) => item !== undefined));
  }

  /** Failures are the journal's: it tells them, counts them and tries again, for as long as it takes. */
  async #stored(): Promise<void> {
    await this.#log.settled();
  }

  /** Does not wait for a disk that fails: at the end of a runtime somebody waits for this. */
  flush(): Promise<void> {
    return this.#log.flush().catch(() => undefined);
  }
}

/** With its event, if that can be read: another version of Node.js may have written it. */
function unpacked(stored: { packed?: string }): object {
  if (stored.packed === undefined) return stored;
  try {
    return { ...stored, event: codecs.v8.decode(stored.packed) };
  } catch {
    return stored;
  }
}

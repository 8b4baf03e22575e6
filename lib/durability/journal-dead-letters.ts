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
    this.#log.letter(item.event, this.#encode(item));
    return this.flush();
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
    return this.flush();
  }

  load(): Promise<DLQItem[]> {
    const stored = JSON.parse(this.#log.journal.handle.letters()) as { packed?: string }[];
    const items = stored.map((one) =>
      storedItem(one.packed === undefined ? one : { ...one, event: codecs.v8.decode(one.packed) }),
    );
    return Promise.resolve(items.filter((item) => item !== undefined));
  }

  /** Failures are the journal's: it tells them, counts them and tries again. */
  async flush(): Promise<void> {
    await this.#log.settled();
  }
}

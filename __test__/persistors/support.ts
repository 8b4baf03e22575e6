import type { AnyEvent } from '../../lib/events';
import type { Persistor, Snapshot } from '../../lib/persistor-types';

/** A persistor with the three methods that every one has. Stores text, and a hash once. */
export class ListPersistor implements Persistor {
  rows: string[] = [];
  appended = 0;
  /** Thrown by the next calls of `append`. */
  failures: Error[] = [];

  async append(snapshot: Snapshot): Promise<void> {
    this.appended++;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    if (!(await this.has(snapshot.hash))) this.rows.push(JSON.stringify(snapshot));
  }

  async *load(xcId: string): AsyncGenerator<Snapshot> {
    for (const snapshot of this.snapshots) if (snapshot.xcId === xcId) yield snapshot;
  }

  async has(hash: string): Promise<boolean> {
    return this.snapshots.some((snapshot) => snapshot.hash === hash);
  }

  get snapshots(): Snapshot[] {
    return this.rows.map((row) => JSON.parse(row) as Snapshot);
  }
}

/** One that can delete as well. */
export class DeletingPersistor extends ListPersistor {
  async delete(xcId: string, hashes: readonly string[]): Promise<void> {
    this.rows = this.rows.filter((row) => {
      const snapshot = JSON.parse(row) as Snapshot;
      return snapshot.xcId !== xcId || !hashes.includes(snapshot.hash);
    });
  }
}

export const eventOf = (id: string, type = 'agent.started', data: unknown = { of: id }): AnyEvent => ({
  id,
  type,
  data,
  ts: 1,
  threadId: 't',
});

/** Everything that comes, as a list. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

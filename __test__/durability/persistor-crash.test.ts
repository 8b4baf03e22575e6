/** A log in a persistor, killed at random moments: what it had said, and nothing that it had taken back, comes back. */
import { expect, test } from 'vitest';
import { PersistorLog } from '../../lib/durability/persistor-log';
import { createPort } from '../../lib/observability/port';
import { DeletingPersistor, ListPersistor, eventOf } from '../persistors/support';
import type { AnyEvent } from '../../lib/events';
import type { Snapshot } from '../../lib/persistor-types';

const RUNS = 60;
const STEPS = 60;

/** Numbers from 0 to 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Takes a while for each write, and remembers how it looked after each. */
const slow = <T extends new (...args: any[]) => ListPersistor>(Base: T, random: () => number) =>
  class extends Base {
    readonly moments: string[][] = [[]];

    async #write(write: () => Promise<void>): Promise<void> {
      for (let turns = Math.floor(random() * 4); turns > 0; turns--) await Promise.resolve();
      await write();
      this.moments.push([...this.rows]);
    }

    override append(snapshot: Snapshot): Promise<void> {
      return this.#write(() => super.append(snapshot));
    }

    delete(xcId: string, hashes: readonly string[]): Promise<void> {
      return this.#write(() => (DeletingPersistor.prototype.delete as typeof this.delete).call(this, xcId, hashes));
    }
  };

const logOf = (persistor: ListPersistor): PersistorLog =>
  new PersistorLog({ persistor, xcId: 'x1', config: { persistAllEvents: true }, port: createPort(undefined, true) });

interface Promised {
  /** Events of which it was said that they are stored, by the number of writes at that time. */
  storedAt: Map<string, number>;
  /** Events that have been handled; at the number of writes at which that was flushed. */
  doneAt: Map<string, number>;
  /** Handled, whether flushed or not. */
  ended: Map<string, number>;
  accepted: string[];
}

test.each([
  ['that appends only', ListPersistor],
  ['that deletes', DeletingPersistor],
])('in a persistor %s', { timeout: 60_000 }, async (_name, Base) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = randomOf(seed);
    const Slow = slow(Base, random);
    const persistor = new Slow();
    if (Base === ListPersistor) Object.defineProperty(persistor, 'delete', { value: undefined });
    const log = logOf(persistor);
    const now = (): number => persistor.moments.length - 1;
    const said: Promised = { storedAt: new Map(), doneAt: new Map(), ended: new Map(), accepted: [] };
    const open: AnyEvent[] = [];
    for (let step = 0; step < STEPS; step++) {
      const choice = random();
      if (choice < 0.5 || open.length === 0) {
        const event = eventOf(`e${step}`);
        const stored = log.accept(event, { priority: step }, true)!;
        void stored.then(() => said.storedAt.set(event.id, now()));
        said.accepted.push(event.id);
        open.push(event);
      } else if (choice < 0.8) {
        const [event] = open.splice(Math.floor(random() * open.length), 1);
        said.ended.set(event!.id, now());
        if (random() < 0.7) log.done(event!);
        else log.gone(event!);
      } else if (choice < 0.9) {
        log.retry(open[Math.floor(random() * open.length)]!, 1, Date.now(), new Error('again'));
      } else {
        await log.flush();
        for (const id of said.ended.keys()) if (!said.doneAt.has(id)) said.doneAt.set(id, now());
      }
      if (random() < 0.3) await Promise.resolve();
    }
    await log.flush();
    await checkAllMoments(persistor.moments, Base, said, seed);
  }
});

async function checkAllMoments(
  moments: string[][],
  Base: typeof ListPersistor,
  said: Promised,
  seed: number,
): Promise<void> {
  for (const [moment, rows] of moments.entries()) {
    const left = new Base();
    left.rows = [...rows];
    const recovered = (await logOf(left).recover()).map(({ event }) => event.id);
    const place = `seed ${seed}, after ${moment} writes`;
    const inOrder = said.accepted.filter((id) => recovered.includes(id));
    expect(recovered, `${place}: each once, in the order of acceptance`).toEqual(inOrder);
    for (const [id, storedAt] of said.storedAt) {
      const isOpen = !said.ended.has(id) || moment < said.ended.get(id)!;
      if (moment >= storedAt && isOpen) expect(recovered, `${place}: ${id} was stored and is open`).toContain(id);
    }
    for (const [id, doneAt] of said.doneAt) {
      if (moment >= doneAt) expect(recovered, `${place}: ${id} was done`).not.toContain(id);
    }
  }
}

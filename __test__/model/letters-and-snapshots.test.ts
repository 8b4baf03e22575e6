import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeadLetterQueue, createEvent, createPersistor } from '../../lib/index';
import { collect } from '../persistors/support';
import { Random } from './random';
import { search } from './search';
import type { DeadLetterCriteria, Persistor, Snapshot } from '../../lib/index';
import type { Case } from './search';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

const NAMES = ['1', '2', '3', '4', '5'];
const TYPES = ['a', 'b'];

/** Plays steps until one of them throws what is wrong. */
async function playAll<S>(steps: readonly S[], play: (step: S) => Promise<void>): Promise<string[]> {
  try {
    for (const step of steps) await play(step);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

// ── Dead letters ─────────────────────────────────────────────────────────────────────────────────────────

type LetterStep =
  | { step: 'file'; id: string; type: string; attempts: number }
  | { step: 'poison' | 'take'; id: string }
  | { step: 'takeAll'; criteria: DeadLetterCriteria }
  | { step: 'pass'; ms: number }
  | { step: 'clear' | 'destroy' };

interface Letter {
  id: string;
  type: string;
  attempts: number;
  enteredAt: number;
  isPoisoned: boolean;
}

function lettersCase(seed: number): Case<LetterStep> & { settings: { maxDLQSize: number } } {
  const random = new Random(seed);
  const one = (): LetterStep => {
    const id = random.pick(NAMES);
    if (random.chance(0.5)) return { step: 'file', id, type: random.pick(TYPES), attempts: random.int(0, 3) };
    if (random.chance(0.3)) return { step: random.pick(['poison', 'take']), id };
    if (random.chance(0.4)) return { step: 'pass', ms: random.int(0, 3) };
    if (random.chance(0.1)) return { step: random.pick(['clear', 'destroy']) };
    const criteria: DeadLetterCriteria = {};
    if (random.chance(0.5)) criteria.eventType = random.pick(TYPES);
    if (random.chance(0.4)) criteria.maxAge = random.int(0, 4);
    if (random.chance(0.4)) criteria.limit = random.int(0, 3);
    return { step: 'takeAll', criteria };
  };
  return { settings: { maxDLQSize: random.pick([1, 2, 100]) }, steps: random.list(3, 30, one) };
}

class Letters {
  readonly #queue: DeadLetterQueue;
  readonly #max: number;
  #letters: Letter[] = [];

  constructor(max: number) {
    vi.setSystemTime(1_000_000);
    this.#max = max;
    this.#queue = new DeadLetterQueue(undefined, undefined, undefined, { maxDLQSize: max, enableAutoCleanup: false });
  }

  async do(step: LetterStep): Promise<void> {
    switch (step.step) {
      case 'file':
        await this.#queue.sendToDLQ(createEvent(step.type, 0, { id: step.id }), new Error('no luck'), step.attempts);
        this.#file(step);
        break;
      case 'poison':
        await this.#queue.markAsPoison(step.id, 'bad');
        for (const one of this.#letters) one.isPoisoned ||= one.id === step.id;
        break;
      case 'take': {
        const meant = this.#letters.find(({ id, isPoisoned }) => id === step.id && !isPoisoned);
        expect((await this.#queue.reprocessFromDLQ(step.id))?.id, 'taken').toBe(meant?.id);
        this.#remove(meant === undefined ? [] : [meant]);
        break;
      }
      case 'takeAll':
        await this.#takeAll(step.criteria);
        break;
      case 'pass':
        vi.setSystemTime(Date.now() + step.ms);
        break;
      case 'clear':
        expect(await this.#queue.clearDLQ(), 'cleared').toBe(this.#letters.length);
        this.#letters = [];
        break;
      case 'destroy':
        // The items stay and can be read.
        this.#queue.destroy();
    }
    this.#check();
  }

  #file({ id, type, attempts }: Extract<LetterStep, { step: 'file' }>): void {
    const known = this.#letters.find((one) => one.id === id);
    if (known !== undefined) Object.assign(known, { type, attempts });
    else this.#letters.push({ id, type, attempts, enteredAt: Date.now(), isPoisoned: false });
    this.#letters = this.#letters.slice(-this.#max);
  }

  async #takeAll({ eventType, maxAge = 0, limit = 0 }: DeadLetterCriteria): Promise<void> {
    const meant = this.#letters
      .filter(({ type, isPoisoned }) => !isPoisoned && (eventType === undefined || type === eventType))
      .filter(({ enteredAt }) => Date.now() - enteredAt >= maxAge)
      .slice(0, limit === 0 ? undefined : limit);
    const criteria = { ...(eventType !== undefined && { eventType }), maxAge, limit };
    const taken = await this.#queue.reprocessByCriteria(criteria);
    expect(
      taken.map(({ id }) => id),
      'taken by criteria',
    ).toEqual(meant.map(({ id }) => id));
    this.#remove(meant);
  }

  #remove(gone: readonly Letter[]): void {
    this.#letters = this.#letters.filter((one) => !gone.includes(one));
  }

  #check(): void {
    const { totalItems, itemsByEventType, averageAttempts, oldestItem, recentItems } = this.#queue.getDLQStats();
    const letters = this.#letters;
    const ofType = (type: string): number => letters.filter((one) => one.type === type).length;
    expect(totalItems, 'letters').toBe(letters.length);
    expect({ a: 0, b: 0, ...itemsByEventType }, 'letters by type').toEqual({ a: ofType('a'), b: ofType('b') });
    const attempts = letters.reduce((sum, one) => sum + one.attempts, 0);
    expect(averageAttempts, 'attempts each').toBeCloseTo(letters.length === 0 ? 0 : attempts / letters.length);
    expect(oldestItem?.id, 'the oldest').toBe(letters[0]?.id);
    expect(
      recentItems.map(({ id }) => id),
      'the newest',
    ).toEqual(letters.map(({ id }) => id).reverse());
  }
}

test('a queue of dead letters does what a list does', async () => {
  await search(100, lettersCase, async ({ settings, steps }) => {
    const letters = new Letters(settings.maxDLQSize);
    return playAll(steps, (step) => letters.do(step));
  });
}, 6_000_000);

// ── Snapshots ────────────────────────────────────────────────────────────────────────────────────────────

type SnapshotStep =
  | { step: 'append'; xcId: string; hash: string; size: number; isUnfinished: boolean; maxSnapshots?: number }
  | { step: 'delete'; xcId: string; hashes: string[] }
  | { step: 'read while appending'; xcId: string; hash: string }
  | { step: 'close' };

function snapshotsCase(seed: number): Case<SnapshotStep> & { settings: { maxSnapshots: number } } {
  const random = new Random(seed);
  const one = (): SnapshotStep => {
    const xcId = random.pick(['x', 'y']);
    const hash = random.pick(NAMES);
    if (random.chance(0.15)) return { step: 'delete', xcId, hashes: random.list(0, 3, () => random.pick(NAMES)) };
    if (random.chance(0.1)) return { step: 'read while appending', xcId, hash };
    if (random.chance(0.03)) return { step: 'close' };
    const maxSnapshots = random.maybe(0.1, () => random.int(1, 3));
    const size = random.pick([0, 10, 2000]);
    const isUnfinished = random.chance(0.3);
    return { step: 'append', xcId, hash, size, isUnfinished, ...(maxSnapshots !== undefined && { maxSnapshots }) };
  };
  return { settings: { maxSnapshots: random.pick([1, 3, 1000]) }, steps: random.list(3, 30, one) };
}

interface Kept {
  snapshot: Snapshot;
  isUnfinished: boolean;
}

class Snapshots {
  readonly #persistor: Required<Persistor>;
  readonly #max: number;
  #kept: Kept[] = [];
  #count = 0;

  constructor(max: number) {
    this.#max = max;
    this.#persistor = createPersistor('memory', { maxSnapshots: max }) as Required<Persistor>;
  }

  async do(step: SnapshotStep): Promise<void> {
    switch (step.step) {
      case 'append': {
        const { isUnfinished, maxSnapshots, size } = step;
        await this.#persistor.append(this.#append(step, size, isUnfinished, maxSnapshots), {
          isUnfinished,
          maxSnapshots,
        });
        break;
      }
      case 'delete':
        await this.#persistor.delete(step.xcId, step.hashes);
        this.#kept = this.#kept.filter(({ snapshot: s }) => s.xcId !== step.xcId || !step.hashes.includes(s.hash));
        break;
      case 'read while appending':
        await this.#readWhileAppending(step);
        break;
      case 'close':
        await this.#persistor.close();
        this.#kept = [];
    }
    await this.#check();
  }

  /** The oldest leave, unfinished ones last. */
  #append(of: { xcId: string; hash: string }, size: number, isUnfinished: boolean, ofOwner = Infinity): Snapshot {
    const { xcId, hash } = of;
    const state = { count: this.#count++, text: 'text '.repeat(size / 5) };
    const snapshot: Snapshot = { xcId, hash, ts: this.#count, events: [], state };
    if (this.#kept.some(({ snapshot: s }) => s.xcId === xcId && s.hash === hash)) return snapshot;
    this.#kept.push({ snapshot, isUnfinished });
    this.#shrink(ofOwner, (one) => one.snapshot.xcId === xcId);
    this.#shrink(this.#max, () => true);
    return snapshot;
  }

  #shrink(max: number, isMeant: (one: Kept) => boolean): void {
    while (this.#kept.filter(isMeant).length > max) {
      const meant = this.#kept.filter(isMeant);
      const gone = meant.find(({ isUnfinished }) => !isUnfinished) ?? meant[0]!;
      this.#kept.splice(this.#kept.indexOf(gone), 1);
    }
  }

  async #readWhileAppending({ xcId, hash }: { xcId: string; hash: string }): Promise<void> {
    const before = this.#of(xcId);
    const reader = this.#persistor.load(xcId)[Symbol.asyncIterator]();
    const first = await reader.next();
    expect(first.value, 'the first').toEqual(before[0]);
    await this.#persistor.append(this.#append({ xcId, hash }, 0, false));
    const now = this.#of(xcId);
    const rest = await collect({ [Symbol.asyncIterator]: () => reader });
    const wanted = before.slice(1).filter((one) => now.includes(one));
    if (before.length > 0) expect(rest, 'the rest').toEqual(wanted);
  }

  #of(xcId: string): Snapshot[] {
    return this.#kept.map(({ snapshot }) => snapshot).filter((snapshot) => snapshot.xcId === xcId);
  }

  async #check(): Promise<void> {
    for (const xcId of ['x', 'y']) {
      expect(await collect(this.#persistor.load(xcId)), `snapshots of ${xcId}`).toEqual(this.#of(xcId));
      expect(await this.#persistor.listHashes(xcId), `hashes of ${xcId}`).toEqual(
        this.#of(xcId).map(({ hash }) => hash),
      );
    }
    for (const hash of NAMES) {
      const first = this.#kept.find(({ snapshot }) => snapshot.hash === hash)?.snapshot;
      expect(await this.#persistor.has(hash), `whether there is ${hash}`).toBe(first !== undefined);
      expect(await this.#persistor.getByHash(hash), `by hash ${hash}`).toEqual(first ?? null);
    }
    expect((await this.#persistor.getStats()).snapshotCount, 'snapshots').toBe(this.#kept.length);
  }
}

test('a persistor in memory does what a list does', async () => {
  await search(60, snapshotsCase, async ({ settings, steps }) => {
    const snapshots = new Snapshots(settings.maxSnapshots);
    return playAll(steps, (step) => snapshots.do(step));
  });
}, 6_000_000);

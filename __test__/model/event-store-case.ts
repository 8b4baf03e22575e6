import { Random } from './random';
import type { Case } from './search';

export type StoreStep =
  | { step: 'append'; events: { id: string; type: string; ts: number }[]; isAwaited: boolean }
  | { step: 'mark'; ids: string[]; isAwaited: boolean }
  | { step: 'attempt'; id: string }
  | { step: 'cleanup'; olderThanMs: number }
  | {
      step: 'replay';
      from: number;
      to: number | undefined;
      onlyUnprocessed: boolean;
      batchSize: number;
      types?: string[];
    }
  | { step: 'check' | 'flush' | 'reopen' };

export interface StoreCase extends Case<StoreStep> {
  settings: { maxStoredEvents: number; canDelete: boolean };
}

const IDS = ['1', '2', '3', '4', '5', '6'];
const TYPES = ['a', 'b'];

/** The case of a seed. */
export function storeCase(seed: number): StoreCase {
  const random = new Random(seed);
  const settings = { maxStoredEvents: random.pick([0, 1, 3, 100]), canDelete: random.chance(0.5) };
  return { settings, steps: random.list(3, 25, () => stepOf(random)) };
}

function stepOf(random: Random): StoreStep {
  const isAwaited = random.chance(0.6);
  if (random.chance(0.35)) {
    const event = () => ({ id: random.pick(IDS), type: random.pick(TYPES), ts: random.int(0, 5) * 1000 });
    return { step: 'append', events: random.list(0, 3, event), isAwaited };
  }
  if (random.chance(0.3))
    return { step: 'mark', ids: random.list(0, 3, () => random.pick([...IDS, 'none'])), isAwaited };
  if (random.chance(0.2)) return { step: 'attempt', id: random.pick(IDS) };
  if (random.chance(0.1)) return { step: 'cleanup', olderThanMs: random.int(0, 6) * 1000 };
  if (random.chance(0.4)) {
    const types = random.maybe(0.3, () => random.list(0, 2, () => random.pick(TYPES)));
    return {
      step: 'replay',
      from: random.pick([-Infinity, 0, 1000, 3000]),
      to: random.pick([undefined, Infinity, 2000, 4000]),
      onlyUnprocessed: random.chance(0.5),
      batchSize: random.int(1, 4),
      ...(types !== undefined && { types }),
    };
  }
  return { step: random.pick(['check', 'flush', 'reopen']) };
}

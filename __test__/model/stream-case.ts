import { Random } from './random';
import type { Case } from './search';

/** An item as cases have it: a number, or what operators make of numbers. */
export type Item = number | Item[];

/** Items with the milliseconds before each; then the source waits `endGap` and ends or fails. */
export interface SourcePlan {
  items: { gap: number; item: number }[];
  endGap: number;
  fails: boolean;
}

/** A stream to be joined with, or that is made of an item. */
export interface SubPlan {
  source: SourcePlan;
  steps: StreamStep[];
}

/** Of a callback: what it does with item number `by` modulo `of`, and whether it answers with a promise. */
interface Callback {
  of: number;
  isAsync: boolean;
  /** It throws for items whose number leaves this rest modulo 11. */
  failsAt?: number;
}

export type StreamStep =
  | ({ op: 'filter' | 'map' | 'tap' | 'scan' | 'until' | 'takeUntil' | 'takeWhile' } & Callback)
  | { op: 'take' | 'skip'; count: number }
  | { op: 'distinct' | 'distinctUntilChanged' }
  | { op: 'bufferCount'; size: number; every: number }
  | { op: 'debounce'; ms: number; leading: boolean; maxWaitMs?: number }
  | { op: 'throttle'; ms: number; leading: boolean; trailing: boolean }
  | { op: 'batch'; size: number; ms: number }
  | { op: 'tumbling' | 'session'; ms: number; maxItems: number }
  | { op: 'delay' | 'timeout'; ms: number }
  | { op: 'merge' | 'combineLatest' | 'withLatestFrom' | 'race'; others: SubPlan[] }
  | { op: 'concatMap' | 'flatMap'; inner: SourcePlan }
  | { op: 'sliding'; ms: number; everyMs: number }
  | { op: 'mapAsync'; concurrency: number; of: number; failsAt?: number }
  | { op: 'catchError'; goesOn: boolean }
  | { op: 'retry'; maxAttempts: number; delayMs: number };

/** How the stream is read: to its end, for some items, or until a signal aborts. */
export type Reading = { how: 'all' } | { how: 'some'; count: number } | { how: 'until'; ms: number };

export interface StreamCase extends Case<StreamStep> {
  settings: { source: SourcePlan; reading: Reading };
}

export function streamCase(seed: number): StreamCase {
  const random = new Random(seed);
  const settings = { source: source(random, 12), reading: reading(random) };
  const first = random.maybe(0.1, () => mapAsync(random));
  const steps = random.list(1, 5, () => step(random, 2));
  return { settings, steps: first === undefined ? steps : [first, ...steps] };
}

function source(random: Random, most: number): SourcePlan {
  const items = random.list(0, most, () => ({ gap: gap(random), item: random.int(0, 50) }));
  return { items, endGap: gap(random), fails: random.chance(0.3) };
}

/** Often none: bursts. */
const gap = (random: Random): number => (random.chance(0.3) ? 0 : random.int(1, 300));

function reading(random: Random): Reading {
  if (random.chance(0.6)) return { how: 'all' };
  return random.chance(0.5) ? { how: 'some', count: random.int(1, 6) } : { how: 'until', ms: random.int(1, 2000) };
}

function step(random: Random, depth: number): StreamStep {
  const draw = random.int(0, depth > 0 ? 12 : 9);
  const ms = random.int(1, 400);
  switch (draw) {
    case 0:
    case 1:
    case 2:
      return {
        op: random.pick(['filter', 'map', 'tap', 'scan', 'until', 'takeUntil', 'takeWhile']),
        ...callback(random),
      };
    case 3:
      return { op: random.pick(['take', 'skip']), count: random.int(0, 6) };
    case 4:
      return random.chance(0.5)
        ? { op: random.pick(['distinct', 'distinctUntilChanged']) }
        : { op: 'bufferCount', size: random.int(1, 4), every: random.int(1, 4) };
    case 5:
      return {
        op: 'debounce',
        ms,
        leading: random.chance(0.3),
        ...(random.chance(0.3) && { maxWaitMs: random.int(1, 500) }),
      };
    case 6: {
      const leading = random.chance(0.6);
      return { op: 'throttle', ms, leading, trailing: !leading || random.chance(0.5) };
    }
    case 7:
      return random.chance(0.6)
        ? { op: 'batch', size: random.int(1, 4), ms }
        : { op: random.pick(['tumbling', 'session']), ms, maxItems: random.pick([2, 1000]) };
    case 8:
      if (random.chance(0.3)) return { op: 'sliding', ms, everyMs: random.int(Math.ceil(ms / 5), ms) };
      return { op: random.pick(['delay', 'timeout']), ms };
    case 9:
      return random.chance(0.5)
        ? { op: 'catchError', goesOn: random.chance(0.5) }
        : { op: 'retry', maxAttempts: random.int(1, 3), delayMs: random.pick([0, 77]) };
    case 10:
      return { op: random.pick(['concatMap', 'flatMap']), inner: source(random, 3) };
    default: {
      const others = random.list(1, 2, () => ({
        source: source(random, 6),
        steps: random.list(0, 2, () => step(random, depth - 1)),
      }));
      return { op: random.pick(['merge', 'combineLatest', 'withLatestFrom', 'race']), others };
    }
  }
}

function mapAsync(random: Random): StreamStep {
  const failsAt = random.maybe(0.2, () => random.int(0, 10));
  const step = { op: 'mapAsync', concurrency: random.int(1, 4), of: random.int(2, 300) } as const;
  return { ...step, ...(failsAt !== undefined && { failsAt }) };
}

function callback(random: Random): Callback {
  const failsAt = random.maybe(0.2, () => random.int(0, 10));
  return { of: random.int(2, 5), isAsync: random.chance(0.3), ...(failsAt !== undefined && { failsAt }) };
}

/** A number of an item, for what depends on items. */
export function numberOf(item: Item): number {
  return typeof item === 'number' ? item : item.reduce<number>((sum, part) => sum * 3 + numberOf(part) + 1, 7) % 1009;
}

/** What fails in callbacks and sources. */
export class Planned extends Error {}

/** What a callback answers about an item. */
export function answer({ of, failsAt }: Callback, item: Item): number {
  const number = numberOf(item);
  if (failsAt !== undefined && number % 11 === failsAt) throw new Planned(`callback for ${number}`);
  return number % of;
}

/** How long the call of `mapAsync` for an item takes. */
export const callMs = ({ of }: { of: number }, item: Item): number => (numberOf(item) * 37) % of;

/** Whether that call fails. */
export const fails = ({ failsAt }: { failsAt?: number }, item: Item): boolean => numberOf(item) % 11 === failsAt;

/** The operators that look at one item at a time. */
import { AgedMap } from '../aged-map';
import { SKIP, Step, StepKind } from './fused';
import { isThenable } from './cursor';
import type { StepPlan } from './fused';
import type { BufferStats } from './scope';

type Run = Step['run'];
type Predicate = (item: never) => unknown;
type Mapper = (item: never) => unknown;

const plan = (name: string, begin: (stop: () => void) => Run): StepPlan => ({
  name,
  begin: (stop) => new Step(StepKind.Any, begin(stop)),
});

/** Calls `then` with a result that may have to be awaited. */
function afterwards(result: unknown, then: (result: unknown) => unknown): unknown {
  return isThenable(result) ? result.then(then) : then(result);
}

/** The items for which `predicate` is truthy; others are dropped. */
export function filterStep(predicate: Predicate): StepPlan {
  const judge = (answer: unknown, item: unknown): unknown => afterwards(answer, (isKept) => (isKept ? item : SKIP));
  return { name: 'filter', begin: () => new Step(StepKind.Filter, predicate as Run, { judge }) };
}

/** One half of a partition: the items for which the truth of `predicate` is as `wanted`. */
export function partitionStep(predicate: Predicate, wanted: boolean): StepPlan {
  const matches = predicate as Run;
  return plan(
    'partition',
    () => (item) => afterwards(matches(item), (answer) => (Boolean(answer) === wanted ? item : SKIP)),
  );
}

export function mapStep(mapper: Mapper): StepPlan {
  return { name: 'map', begin: () => new Step(StepKind.Map, mapper as Run) };
}

export function tapStep(visitor: Mapper): StepPlan {
  const visit = visitor as (item: unknown) => unknown;
  return plan('tap', () => (item) => {
    const result = visit(item);
    return isThenable(result) ? result.then(() => item) : item;
  });
}

/** Up to and including the first match. */
export function untilStep(predicate: Predicate): StepPlan {
  const matches = predicate as (item: unknown) => unknown;
  return plan(
    'until',
    (stop) => (item) =>
      afterwards(matches(item), (matched) => {
        if (matched) stop();
        return item;
      }),
  );
}

/** Up to the first item for which `predicate` is `ending`, that one excluded. */
export function endAtStep(name: string, predicate: Predicate, ending: boolean): StepPlan {
  const matches = predicate as (item: unknown) => unknown;
  return plan(
    name,
    (stop) => (item) =>
      afterwards(matches(item), (matched) => {
        if (Boolean(matched) !== ending) return item;
        stop();
        return SKIP;
      }),
  );
}

export function takeStep(limit: number): StepPlan {
  return plan('take', (stop) => {
    let taken = 0;
    if (limit === 0) stop();
    return (item) => {
      if (++taken >= limit) stop();
      return item;
    };
  });
}

export function skipStep(limit: number): StepPlan {
  return plan('skip', () => {
    let skipped = 0;
    return (item) => (skipped < limit ? (skipped++, SKIP) : item);
  });
}

export function scanStep(reducer: (state: never, item: never) => unknown, seed: unknown): StepPlan {
  const reduce = reducer as (state: unknown, item: unknown) => unknown;
  return plan('scan', () => {
    let state = seed;
    return (item) => afterwards(reduce(state, item), (next) => (state = next));
  });
}

/** Items whose key has not been seen; the `capacity` keys seen last are known. */
export function distinctStep(keyOf: Mapper, capacity: number, stats: BufferStats): StepPlan {
  const key = keyOf as (item: unknown) => unknown;
  return plan('distinct', () => {
    const seen = new AgedMap<unknown, true>();
    return (item) =>
      afterwards(key(item), (value) => {
        const isKnown = seen.has(value);
        seen.set(value, true);
        if (seen.size > capacity) {
          seen.delete(seen.oldest!.key);
          stats.dropped++;
        }
        return isKnown ? SKIP : item;
      });
  });
}

export function distinctUntilChangedStep(equals: (previous: never, item: never) => unknown): StepPlan {
  const same = equals as (previous: unknown, item: unknown) => unknown;
  return plan('distinctUntilChanged', () => {
    let previous: { item: unknown } | undefined;
    return (item) => {
      if (previous === undefined) {
        previous = { item };
        return item;
      }
      return afterwards(same(previous.item, item), (isSame) => {
        if (isSame) return SKIP;
        previous = { item };
        return item;
      });
    };
  });
}

/** Groups of `size` items, the last one of what is left; `wrap` makes the item of a group. */
export function groupStep(
  name: string,
  size: number,
  wrap: (items: unknown[], startedAt: number) => unknown,
  now: () => number = () => 0,
): StepPlan {
  const begin = (): Step => {
    let items: unknown[] = [];
    let startedAt = 0;
    const release = (): unknown => {
      const group = items;
      items = [];
      return wrap(group, startedAt);
    };
    const add = (item: unknown): unknown => {
      if (items.length === 0) startedAt = now();
      items.push(item);
      return items.length >= size ? release() : SKIP;
    };
    return new Step(StepKind.Any, add, { flush: () => (items.length > 0 ? release() : SKIP) });
  };
  return { name, begin };
}

/** Arrays of `size` items, of which one begins with every `every`-th item. At the end those that have begun come. */
export function overlappingStep(size: number, every: number): StepPlan {
  const begin = (): Step => {
    const open: unknown[][] = [];
    let untilNext = 0;
    const add = (item: unknown): unknown => {
      if (untilNext === 0) {
        open.push([]);
        untilNext = every;
      }
      untilNext--;
      for (const group of open) group.push(item);
      return open[0]?.length === size ? open.shift() : SKIP;
    };
    return new Step(StepKind.Any, add, { flush: () => open.shift() ?? SKIP });
  };
  return { name: 'bufferCount', begin };
}

/** `handler`'s result instead of the item; nothing drops it. */
export function handlerStep(handler: (item: never) => unknown): StepPlan {
  const handle = handler as (item: unknown) => unknown;
  const orSkip = (result: unknown): unknown => result ?? SKIP;
  return plan('withMiddleware', () => (item) => {
    const result = handle(item);
    return isThenable(result) ? result.then(orSkip) : orSkip(result);
  });
}

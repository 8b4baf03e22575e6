/** The operators that look at one item at a time. */
import { SKIP } from './fused';
import { isThenable } from './cursor';
import type { Step, StepPlan } from './fused';
import type { BufferStats } from './scope';

type Predicate = (item: never) => unknown;
type Mapper = (item: never) => unknown;

const plan = (name: string, begin: (stop: () => void) => Step | Step['apply']): StepPlan => ({
  name,
  begin: (stop) => {
    const step = begin(stop);
    return typeof step === 'function' ? { apply: step } : step;
  },
});

/** Calls `then` with a result that may have to be awaited. */
function afterwards(result: unknown, then: (result: unknown) => unknown): unknown {
  return isThenable(result) ? result.then(then) : then(result);
}

/** The items for which the truth of `predicate` is as `wanted`. */
export function filterStep(name: string, predicate: Predicate, wanted: boolean): StepPlan {
  const matches = predicate as (item: unknown) => unknown;
  return plan(name, () => (item) => {
    const result = matches(item);
    if (result === wanted) return item;
    if (isThenable(result)) return result.then((answer) => (Boolean(answer) === wanted ? item : SKIP));
    return Boolean(result) === wanted ? item : SKIP;
  });
}

export function mapStep(mapper: Mapper): StepPlan {
  const apply = mapper as (item: unknown) => unknown;
  return plan('map', () => (item) => apply(item));
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
    const seen = new Set<unknown>();
    return (item) =>
      afterwards(key(item), (value) => {
        const isKnown = seen.delete(value);
        seen.add(value);
        if (seen.size > capacity) {
          seen.delete(seen.values().next().value);
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
  return plan(name, () => {
    let items: unknown[] = [];
    let startedAt = 0;
    const release = (): unknown => {
      const group = items;
      items = [];
      return wrap(group, startedAt);
    };
    return {
      apply: (item) => {
        if (items.length === 0) startedAt = now();
        items.push(item);
        return items.length >= size ? release() : SKIP;
      },
      flush: () => (items.length > 0 ? release() : SKIP),
    };
  });
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

/** What streams should do, written for the reader: each stream is the list of its items with their times. */
import { Planned, answer, callMs, fails, numberOf } from './stream-case';
import type { Item, SourcePlan, StreamStep, SubPlan } from './stream-case';

/** An item and when it comes. */
type At = [time: number, item: Item];

/** A run of a stream: what comes when, and how it ends. */
export interface Line {
  items: At[];
  end: number;
  /** The message of the error that it fails with; undefined: it ends. */
  error: string | undefined;
}

/** A run that begins at a time. */
type Start = (from: number) => Line;

/** Two things happen in the same millisecond: any order would be right. */
export class Ambiguous extends Error {}

export function sourceLine({ items, endGap, fails }: SourcePlan, from: number): Line {
  let time = from;
  const line: At[] = items.map(({ gap, item }) => [(time += gap), item]);
  return { items: line, end: time + endGap, error: fails ? 'source' : undefined };
}

/** The stream of a source and operators. */
export function planned(source: SourcePlan, steps: readonly StreamStep[]): Start {
  const [first, ...rest] = steps;
  if (first?.op !== 'mapAsync') return applyAll((from) => sourceLine(source, from), steps);
  return applyAll((from) => mappedAsync(source, first, from), rest);
}

const applyAll = (start: Start, steps: readonly StreamStep[]): Start => steps.reduce(applied, start);

const startOf = ({ source, steps }: SubPlan): Start => planned(source, steps);

function applied(before: Start, step: StreamStep): Start {
  switch (step.op) {
    case 'merge':
    case 'combineLatest':
    case 'withLatestFrom':
    case 'race': {
      const starts = [before, ...step.others.map(startOf)];
      return (from) => JOINS[step.op](starts.map((start) => start(from)));
    }
    case 'retry':
      return (from) => retried(before, step, from);
    default:
      return (from) => changed(before(from), step, from);
  }
}

type Single = Exclude<StreamStep, { others: SubPlan[] } | { op: 'retry' }>;

function changed(line: Line, step: Single, from: number): Line {
  switch (step.op) {
    case 'debounce':
      return debounced(line, step);
    case 'throttle':
      return throttled(line, step);
    case 'sliding':
      return sliding(line, step.ms, step.everyMs);
    case 'mapAsync':
      // Behind other operators it would have to be known what those do while it does not ask them.
      throw new Ambiguous();
    case 'batch':
      return batched(line, step.size, (first) => first + step.ms);
    case 'tumbling':
      return tumbling(line, step.ms, step.maxItems);
    case 'session':
      return batched(line, step.maxItems, (_first, last) => last + step.ms);
    case 'delay':
      return delayed(line, step.ms);
    case 'timeout':
      return limited(line, step.ms, from);
    case 'concatMap':
      return concatenated(line, step.inner);
    case 'flatMap':
      // More than run at once: which of them wait would have to be known.
      if (line.items.length > 16) throw new Ambiguous();
      return JOINS.merge([{ ...line, items: [] }, ...line.items.map(([time]) => sourceLine(step.inner, time))]);
    case 'catchError':
      return line.error === undefined
        ? line
        : { ...line, items: [...line.items, ...(step.goesOn ? caught(line) : [])], error: undefined };
    default:
      return oneByOne(line, step, from);
  }
}

/** What `catchError` goes on with. */
const caught = ({ end }: Line): At[] => [
  [end, -1],
  [end, -2],
];

// ── One item at a time ─────────────────────────────────────────────────────────────────────────────────

const STOP = Symbol('stop');

/** Puts items out; answers STOP when the stream ends with this item. */
type Visit = (item: Item, put: (item: Item) => void) => typeof STOP | void;

function oneByOne(line: Line, step: Single, from: number): Line {
  const items: At[] = [];
  const { visit, flush } = visitor(step);
  if (step.op === 'take' && step.count === 0) return { items, end: from, error: undefined };
  for (const [time, item] of line.items) {
    try {
      if (visit(item, (out) => items.push([time, out])) === STOP) return { items, end: time, error: undefined };
    } catch (error) {
      if (!(error instanceof Planned)) throw error;
      for (const rest of flush?.() ?? []) items.push([time, rest]);
      return { items, end: time, error: error.message };
    }
  }
  for (const rest of flush?.() ?? []) items.push([line.end, rest]);
  return { ...line, items };
}

function visitor(step: Single): { visit: Visit; flush?: () => Item[] } {
  switch (step.op) {
    case 'filter':
      return { visit: (item, put) => (answer(step, item) > 0 ? put(item) : undefined) };
    case 'map':
      return { visit: (item, put) => put([item, answer(step, item)]) };
    case 'tap':
      return { visit: (item, put) => (answer(step, item), put(item)) };
    case 'scan': {
      let state = 0;
      return { visit: (item, put) => put((state = (state + answer(step, item)) % 997)) };
    }
    case 'until':
      return {
        visit: (item, put) => {
          const ends = answer(step, item) === 0;
          put(item);
          return ends ? STOP : undefined;
        },
      };
    case 'takeUntil':
      return { visit: (item, put) => (answer(step, item) === 0 ? STOP : put(item)) };
    case 'takeWhile':
      return { visit: (item, put) => (answer(step, item) === 0 ? STOP : put(item)) };
    case 'take': {
      let left = step.count;
      return {
        visit: (item, put) => {
          put(item);
          return --left === 0 ? STOP : undefined;
        },
      };
    }
    case 'skip': {
      let left = step.count;
      return { visit: (item, put) => (left-- > 0 ? undefined : put(item)) };
    }
    case 'distinct': {
      const seen = new Set<string>();
      return {
        visit: (item, put) => {
          const key = JSON.stringify(item);
          if (!seen.has(key)) put(item);
          seen.add(key);
        },
      };
    }
    case 'distinctUntilChanged': {
      let last: string | undefined;
      return {
        visit: (item, put) => {
          const key = JSON.stringify(item);
          if (key !== last) put(item);
          last = key;
        },
      };
    }
    case 'bufferCount':
      return buffers(step);
    default:
      throw new Error(`no reference for ${step.op}`);
  }
}

function buffers({ size, every }: { size: number; every: number }): { visit: Visit; flush: () => Item[] } {
  let count = 0;
  const open: Item[][] = [];
  return {
    visit: (item, put) => {
      if (count++ % every === 0) open.push([]);
      for (const buffer of open) buffer.push(item);
      if (open[0]?.length === size) put(open.shift()!);
    },
    flush: () => open.splice(0),
  };
}

// ── Time ───────────────────────────────────────────────────────────────────────────────────────────────

/** Calls `due` for the deadline as soon as it has passed, before the item or end at `time`. */
function serve(time: number, deadline: () => number, due: (at: number) => void): void {
  for (let at = deadline(); at <= time; at = deadline()) {
    if (at === time) throw new Ambiguous();
    due(at);
  }
}

function debounced(
  line: Line,
  { ms, leading, maxWaitMs = Infinity }: { ms: number; leading: boolean; maxWaitMs?: number },
): Line {
  const items: At[] = [];
  let held: Item | undefined;
  let [quietAt, forcedAt] = [-Infinity, Infinity];
  const deadline = (): number => (held === undefined ? Infinity : Math.min(quietAt, forcedAt));
  const due = (at: number): void => {
    items.push([at, held!]);
    held = undefined;
  };
  let isBusy = false;
  for (const [time, item] of line.items) {
    serve(time, deadline, (at) => {
      isBusy = leading && at < quietAt;
      due(at);
    });
    if (held === undefined && isBusy && quietAt === time) throw new Ambiguous();
    const isQuiet = held === undefined && !(isBusy && time < quietAt);
    quietAt = time + ms;
    if (isQuiet && leading) {
      items.push([time, item]);
      isBusy = true;
      continue;
    }
    if (held === undefined) forcedAt = time + maxWaitMs;
    held = item;
  }
  serve(line.end, deadline, due);
  if (held !== undefined) due(line.end);
  return { ...line, items };
}

function throttled(line: Line, { ms, leading, trailing }: { ms: number; leading: boolean; trailing: boolean }): Line {
  const items: At[] = [];
  let held: Item | undefined;
  let openAt = -Infinity;
  const deadline = (): number => (held === undefined ? Infinity : openAt);
  const due = (at: number): void => {
    items.push([at, held!]);
    held = undefined;
    openAt = at + ms;
  };
  for (const [time, item] of line.items) {
    serve(time, deadline, due);
    if (time === openAt) throw new Ambiguous();
    if (time < openAt) {
      if (trailing) held = item;
      continue;
    }
    openAt = time + ms;
    if (leading) items.push([time, item]);
    else held = item;
  }
  serve(line.end, deadline, due);
  if (held !== undefined) due(line.end);
  return { ...line, items };
}

function batched(line: Line, size: number, closesAt: (first: number, last: number) => number): Line {
  const items: At[] = [];
  let batch: Item[] = [];
  let closes = Infinity;
  let first = 0;
  const due = (at: number): void => {
    items.push([at, batch]);
    batch = [];
    closes = Infinity;
  };
  for (const [time, item] of line.items) {
    serve(time, () => closes, due);
    if (batch.length === 0) first = time;
    batch.push(item);
    closes = closesAt(first, time);
    if (batch.length === size) due(time);
  }
  serve(line.end, () => closes, due);
  if (batch.length > 0) due(line.end);
  return { ...line, items };
}

function tumbling(line: Line, ms: number, maxItems: number): Line {
  const origin = line.items[0]?.[0] ?? 0;
  const endOf = (time: number): number => origin + (Math.floor((time - origin) / ms) + 1) * ms;
  // An item on the edge between two windows belongs to the second, whether or not the first has been closed yet.
  return batched(line, maxItems, (_first, last) => endOf(last));
}

function sliding(line: Line, ms: number, everyMs: number): Line {
  const items: At[] = [];
  const origin = line.items[0]?.[0] ?? 0;
  const last = line.items.at(-1)?.[0] ?? -1;
  for (let start = origin; start <= last; start += everyMs) {
    const close = start + ms;
    const isOnEdge = ([time]: At): boolean => time === close || (time === start && start > origin);
    if (close === line.end || line.items.some(isOnEdge)) throw new Ambiguous();
    const window = line.items.filter(([time]) => time >= start && time < close).map(([, item]) => item);
    if (window.length > 0) items.push([Math.min(close, line.end), window]);
  }
  return { ...line, items };
}

function delayed(line: Line, ms: number): Line {
  const items = line.items.map(([time, item]): At => [time + ms, item]);
  return { ...line, items, end: Math.max(line.end, items.at(-1)?.[0] ?? 0) };
}

function limited(line: Line, ms: number, from: number): Line {
  const items: At[] = [];
  let asked = from;
  for (const time of [...line.items.map(([at]) => at), line.end]) {
    if (time === asked + ms) throw new Ambiguous();
    if (time > asked + ms) return { items, end: asked + ms, error: `timeout: no item of the stream within ${ms} ms` };
    const next = line.items[items.length];
    if (next !== undefined) items.push(next);
    asked = time;
  }
  return line;
}

/** Calls side by side, their results in order. The source is asked while fewer than `concurrency` are under way or wait. */
function mappedAsync(source: SourcePlan, step: Extract<StreamStep, { op: 'mapAsync' }>, from: number): Line {
  const items: At[] = [];
  let asked = from;
  let out = from;
  for (const { gap, item } of source.items) {
    const came = asked + gap;
    out = Math.max(out, came + callMs(step, item));
    if (fails(step, item)) return { items, end: out, error: `call for ${numberOf(item)}` };
    items.push([out, [item]]);
    const oldest = items.at(-step.concurrency);
    asked = Math.max(came, oldest?.[0] ?? 0);
  }
  return { items, end: Math.max(out, asked + source.endGap), error: source.fails ? 'source' : undefined };
}

// ── Several streams ────────────────────────────────────────────────────────────────────────────────────

function concatenated(line: Line, inner: SourcePlan): Line {
  // The outer source waits while an inner stream is read, and its own waits begin later by that.
  let late = 0;
  const items: At[] = [];
  for (const [time] of line.items) {
    const run = sourceLine(inner, time + late);
    items.push(...run.items);
    if (run.error !== undefined) return { items, end: run.end, error: run.error };
    late = run.end - time;
  }
  return { ...line, items, end: line.end + late };
}

function retried(
  before: Start,
  { maxAttempts, delayMs }: { maxAttempts: number; delayMs: number },
  from: number,
): Line {
  const items: At[] = [];
  let delay = delayMs;
  for (let attempt = 1; ; attempt++) {
    const line = before(from);
    items.push(...line.items);
    if (line.error === undefined || attempt === maxAttempts) return { ...line, items };
    from = line.end + delay;
    delay *= 2;
  }
}

/** What happens on several lines, in order: items, and ends (`item` undefined). */
function moments(lines: readonly Line[]): { time: number; index: number; item: Item | undefined }[] {
  const all = lines.flatMap(({ items, end }, index) => [
    ...items.map(([time, item]) => ({ time, index, item: item as Item | undefined })),
    { time: end, index, item: undefined },
  ]);
  for (const one of all) {
    if (all.some((other) => other.index !== one.index && other.time === one.time)) throw new Ambiguous();
  }
  return all.sort((a, b) => a.time - b.time);
}

const JOINS: Record<'merge' | 'combineLatest' | 'withLatestFrom' | 'race', (lines: Line[]) => Line> = {
  merge: (lines) => joined(lines, (_index, item) => item),
  combineLatest: (lines) => {
    const latest: Item[] = [];
    return joined(lines, (index, item) => {
      latest[index] = item;
      return Object.keys(latest).length === lines.length ? [...latest] : undefined;
    });
  },
  withLatestFrom: (lines) => {
    const latest: Item[] = [];
    const put = (index: number, item: Item): Item | undefined => {
      latest[index] = item;
      return index === 0 && Object.keys(latest).length === lines.length ? [...latest] : undefined;
    };
    return joined(lines, put, 0);
  },
  race: (lines) => lines[moments(lines)[0]!.index]!,
};

/** Ends with the first error, when all have ended, or with the line `endsWith`. */
function joined(lines: Line[], put: (index: number, item: Item) => Item | undefined, endsWith?: number): Line {
  const items: At[] = [];
  let open = lines.length;
  for (const { time, index, item } of moments(lines)) {
    if (item === undefined) {
      const { error } = lines[index]!;
      if (error !== undefined || --open === 0 || index === endsWith) return { items, end: time, error };
      continue;
    }
    const out = put(index, item);
    if (out !== undefined) items.push([time, out]);
  }
  throw new Error('a join that does not end');
}

import { vi } from 'vitest';
import { StreamManager } from '../../lib/streams/index';
import { Ambiguous, planned } from './stream-reference';
import { Planned, answer, callMs, fails, numberOf } from './stream-case';
import { turn, watched } from './surroundings';
import type { EventStream } from '../../lib/streams/index';
import type { Item, SourcePlan, StreamCase, StreamStep } from './stream-case';
import type { Line } from './stream-reference';

type Stream = EventStream<Item>;

/** Of the operators, those that ask their source for an item only when they are asked for one. */
const PATIENT = new Set<StreamStep['op']>([
  'filter',
  'map',
  'tap',
  'scan',
  'until',
  'takeUntil',
  'takeWhile',
  'take',
  'skip',
  'distinct',
  'distinctUntilChanged',
  'bufferCount',
  'catchError',
  'retry',
  'concatMap',
]);

/** Timers that a case fires at most. */
const MAX_TIMERS = 5000;

/** Reads a stream as the case says and compares what comes when with the reference. */
export async function playStream(given: StreamCase): Promise<string[]> {
  const expected = expectedOf(given);
  return expected === undefined ? [] : new StreamWorld(given).play(expected);
}

/** Undefined: more than one answer would be right. */
function expectedOf({ settings, steps }: StreamCase): Line | undefined {
  if (!isKnown(steps)) return undefined;
  try {
    const line = planned(settings.source, steps)(0);
    return cut(line, settings.reading);
  } catch (error) {
    if (error instanceof Ambiguous) return undefined;
    throw error;
  }
}

/** While `concatMap` reads an inner stream, what is before it must not go on: what is missed then is not in the reference. */
function isKnown(steps: readonly StreamStep[]): boolean {
  const last = steps.findLastIndex(({ op }) => op === 'concatMap');
  const isPatient = steps.slice(0, last + 1).every(({ op }) => PATIENT.has(op));
  return isPatient && steps.every((step) => !('others' in step) || step.others.every((other) => isKnown(other.steps)));
}

/** What a reader sees who does not read to the end. */
function cut(line: Line, reading: StreamCase['settings']['reading']): Line {
  if (reading.how === 'some' && line.items.length >= reading.count) {
    const items = line.items.slice(0, reading.count);
    return { items, end: items.at(-1)![0], error: undefined };
  }
  if (reading.how !== 'until' || line.end < reading.ms) return line;
  if (line.end === reading.ms || line.items.some(([time]) => time === reading.ms)) throw new Ambiguous();
  return { items: line.items.filter(([time]) => time < reading.ms), end: reading.ms, error: undefined };
}

class StreamWorld {
  readonly #case: StreamCase;
  readonly #manager = new StreamManager();
  readonly #items: [number, Item][] = [];
  readonly #startedAt = performance.now();
  #opened = 0;
  #closed = 0;

  constructor(given: StreamCase) {
    this.#case = given;
  }

  play(expected: Line): Promise<string[]> {
    const wrong: string[] = [];
    return watched(wrong, async () => {
      const seen = await this.#read();
      if (JSON.stringify(seen) !== JSON.stringify(expected)) {
        wrong.push('what comes is not what should', JSON.stringify(seen), JSON.stringify(expected));
      }
      wrong.push(...(await this.#leftovers()));
    });
  }

  get #now(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  async #read(): Promise<Line> {
    let line: Line | undefined;
    const end = (error?: unknown): void => {
      const message = error === undefined ? undefined : String((error as Error)?.message);
      line = { items: this.#items, end: this.#now, error: message };
    };
    const { source, reading } = this.#case.settings;
    this.#consume(this.#build(source, this.#case.steps), reading).then(() => end(), end);
    for (let fired = 0; line === undefined && fired < MAX_TIMERS; fired++) {
      await vi.advanceTimersToNextTimerAsync();
      await turn();
    }
    return line ?? { items: this.#items, end: -1, error: 'never settled' };
  }

  async #consume(stream: Stream, reading: StreamCase['settings']['reading']): Promise<void> {
    const keep = (item: Item): number => this.#items.push([this.#now, item]);
    if (reading.how === 'all') return stream.forEach((item) => void keep(item));
    if (reading.how === 'until') {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), reading.ms);
      return stream.forEach((item) => void keep(item), { signal: abort.signal });
    }
    for await (const item of stream) if (keep(item) === reading.count) break;
  }

  /** Everything is closed, once, and nothing is left. */
  async #leftovers(): Promise<string[]> {
    const wrong: string[] = [];
    await vi.runAllTimersAsync();
    await turn();
    if (this.#opened !== this.#closed) wrong.push(`sources opened ${this.#opened}, closed ${this.#closed}`);
    const { activeGenerators } = this.#manager.getStats();
    if (activeGenerators !== 0) wrong.push(`sources that run: ${activeGenerators}`);
    await this.#manager.cleanup();
    if (vi.getTimerCount() !== 0) wrong.push(`timers left: ${vi.getTimerCount()}`);
    vi.clearAllTimers();
    return wrong;
  }

  #build(source: SourcePlan, steps: readonly StreamStep[]): Stream {
    const stream = this.#manager.createStream(() => this.#source(source)) as unknown as Stream;
    return steps.reduce((before, step) => this.#apply(before, step), stream);
  }

  async *#source({ items, endGap, fails }: SourcePlan): AsyncGenerator<Item, void> {
    this.#opened++;
    try {
      for (const { gap, item } of items) {
        if (gap > 0) await sleep(gap);
        yield item;
      }
      if (endGap > 0) await sleep(endGap);
      if (fails) throw new Planned('source');
    } finally {
      this.#closed++;
    }
  }

  #apply(stream: Stream, step: StreamStep): Stream {
    switch (step.op) {
      case 'merge':
      case 'race':
      case 'withLatestFrom':
      case 'combineLatest':
        return this.#join(stream, step);
      case 'debounce':
        return stream.debounce(step.ms, step);
      case 'throttle':
        return stream.throttle(step.ms, step);
      case 'batch':
        return stream.batch(step.size, step.ms).map((batch) => [...batch.data.events]);
      case 'tumbling':
        return this.#window(stream, { kind: 'tumbling', sizeMs: step.ms, maxItems: step.maxItems });
      case 'sliding':
        return this.#window(stream, { kind: 'sliding', sizeMs: step.ms, everyMs: step.everyMs });
      case 'mapAsync':
        return stream.mapAsync((item) => called(step, item), step);
      case 'session':
        return this.#window(stream, { kind: 'session', gapMs: step.ms, maxItems: step.maxItems });
      case 'delay':
      case 'timeout':
        return stream[step.op](step.ms);
      case 'concatMap':
      case 'flatMap':
        return stream[step.op](() => this.#source(step.inner));
      case 'catchError':
        return stream.catchError<Item[]>(() => (step.goesOn ? [-1, -2] : undefined));
      case 'retry':
        return stream.retry(step);
      default:
        return applyOne(stream, step);
    }
  }

  #window(stream: Stream, options: Parameters<Stream['window']>[0]): Stream {
    return stream.window(options).map((batch) => [...batch.data.events]);
  }

  #join(stream: Stream, step: Extract<StreamStep, { others: unknown }>): Stream {
    const others = step.others.map(({ source, steps }) => this.#build(source, steps));
    if (step.op !== 'combineLatest') return stream[step.op](...others) as Stream;
    return stream.combineLatest(...others).map((batch) => [...batch.data.events] as Item);
  }
}

type OneByOne = Exclude<
  StreamStep,
  | { others: unknown }
  | {
      op:
        | 'sliding'
        | 'mapAsync'
        | 'debounce'
        | 'throttle'
        | 'batch'
        | 'tumbling'
        | 'session'
        | 'delay'
        | 'timeout'
        | 'concatMap'
        | 'flatMap'
        | 'catchError'
        | 'retry';
    }
>;

function applyOne(stream: Stream, step: OneByOne): Stream {
  switch (step.op) {
    case 'take':
    case 'skip':
      return stream[step.op](step.count);
    case 'distinct':
      return stream.distinct((item) => JSON.stringify(item));
    case 'distinctUntilChanged':
      return stream.distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b));
    case 'bufferCount':
      return stream.bufferCount(step.size, step.every);
    case 'map':
      return stream.map(maybeAsync(step, (item) => [item, answer(step, item)] as Item)) as Stream;
    case 'scan':
      return stream.scan((state: number, item: Item) => (state + answer(step, item)) % 997, 0);
    case 'tap':
      return stream.tap(maybeAsync(step, (item) => void answer(step, item)));
    case 'filter':
      return stream.filter(maybeAsync(step, (item) => answer(step, item) > 0));
    default:
      return stream[step.op](maybeAsync(step, (item) => (answer(step, item) === 0) !== (step.op === 'takeWhile')));
  }
}

/** The callback, or one that answers with a promise. */
function maybeAsync<R>({ isAsync }: { isAsync: boolean }, call: (item: Item) => R): (item: Item) => R | Promise<R> {
  return isAsync ? async (item) => call(item) : call;
}

async function called(step: Extract<StreamStep, { op: 'mapAsync' }>, item: Item): Promise<Item> {
  const ms = callMs(step, item);
  if (ms > 0) await sleep(ms);
  if (fails(step, item)) throw new Planned(`call for ${numberOf(item)}`);
  return [item];
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

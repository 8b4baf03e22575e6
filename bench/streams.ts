/**
 * Streams beside IxJS, RxJS and the bare loop, in one run. `node scripts/run.mjs bench/streams.ts`
 *
 * The pipeline is filter, map, map, filter, batch(100).
 */
import { pathToFileURL } from 'node:url';
import * as ix from 'ix/asynciterable';
import * as ixOps from 'ix/asynciterable/operators';
import * as rx from 'rxjs';
import { StreamManager } from '@kodus-flow/runtime';
import { inTurn, ns, printTable, timed, times } from './stats';
import type { Contender, Result } from './stats';

const ITEMS = 1_000_000;
const JOINED_ITEMS = 200_000;
const ROUNDS = 5;
/** IxJS takes seconds a run: one measured run is enough to see it. */
const SLOW_ROUNDS = 1;
const MANY_ITEMS = 10_000_000;
const BATCH = 100;
const MERGED = 10;
const COMBINED = 3;

interface Item {
  id: number;
  value: number;
}

const items: readonly Item[] = Array.from({ length: ITEMS }, (_, id) => ({ id, value: id % 10 }));
const isOdd = (item: Item): boolean => item.value % 2 === 1;
const double = (item: Item): Item => ({ id: item.id, value: item.value * 2 });
const increase = (item: Item): Item => ({ id: item.id, value: item.value + 1 });
const isLarge = (item: Item): boolean => item.value > 3;
/** Batches of the pipeline, by which each contender shows that it has done the work. */
const BATCHES = Math.ceil(items.filter(isOdd).map(double).map(increase).filter(isLarge).length / BATCH);

async function* asyncItems(count = ITEMS): AsyncGenerator<Item, void> {
  for (let index = 0; index < count; index++) yield items[index]!;
}

async function countBatches(stream: AsyncIterable<unknown>, wanted = BATCHES): Promise<void> {
  let count = 0;
  for await (const _ of stream) count++;
  if (count !== wanted) throw new Error(`${count} items instead of ${wanted}`);
}

function ourPipeline(source: readonly Item[] | (() => AsyncGenerator<Item, void>)): AsyncIterable<unknown> {
  const stream = new StreamManager().createStream<Item>(source);
  return stream.filter(isOdd).map(double).map(increase).filter(isLarge).batch(BATCH);
}

const ixPipeline = (source: Iterable<Item> | AsyncIterable<Item>): AsyncIterable<unknown> =>
  ix
    .from(source)
    .pipe(ixOps.filter(isOdd), ixOps.map(double), ixOps.map(increase), ixOps.filter(isLarge), ixOps.buffer(BATCH));

const rxPipeline = (source: rx.ObservableInput<Item>): rx.Observable<unknown> =>
  rx.from(source).pipe(rx.filter(isOdd), rx.map(double), rx.map(increase), rx.filter(isLarge), rx.bufferCount(BATCH));

async function rxCount(pipeline: rx.Observable<unknown>): Promise<void> {
  const count = await rx.lastValueFrom(pipeline.pipe(rx.count()));
  if (count !== BATCHES) throw new Error(`${count} items instead of ${BATCHES}`);
}

/** The work of the pipeline written by hand. */
async function bareLoop(source: AsyncIterable<Item> | Iterable<Item>): Promise<void> {
  let batch: Item[] = [];
  let batches = 0;
  for await (const item of source) {
    if (!isOdd(item)) continue;
    const changed = increase(double(item));
    if (!isLarge(changed)) continue;
    batch.push(changed);
    if (batch.length < BATCH) continue;
    batches++;
    batch = [];
  }
  if (batches + Number(batch.length > 0) !== BATCHES) throw new Error('the bare loop is wrong');
}

const contender = (name: string, work: () => Promise<unknown>, count = ITEMS): Contender => ({
  name,
  run: () => timed(count, work),
});

export function synchronousPipeline(): Contender[] {
  return [
    contender('streams', () => countBatches(ourPipeline(items))),
    contender('RxJS', () => rxCount(rxPipeline(items as Item[]))),
    contender('IxJS', () => countBatches(ixPipeline(items))),
  ];
}

export function asynchronousPipeline(): Contender[] {
  return [
    contender('streams', () => countBatches(ourPipeline(() => asyncItems()))),
    contender('bare for await', () => bareLoop(asyncItems())),
    contender('RxJS', () => rxCount(rxPipeline(asyncItems()))),
    contender('IxJS', () => countBatches(ixPipeline(asyncItems()))),
  ];
}

const perSource = (sources: number): number => JOINED_ITEMS / sources;

export function merges(): Contender[] {
  const count = perSource(MERGED);
  const generators = (): AsyncGenerator<Item, void>[] => Array.from({ length: MERGED }, () => asyncItems(count));
  const ours = (): AsyncIterable<unknown> => {
    const [first, ...others] = generators();
    return new StreamManager().createStream<Item>(first!).merge(...others);
  };
  const ixMerge = (): AsyncIterable<unknown> => {
    const [first, ...others] = generators();
    return ix.merge(first!, ...others);
  };
  return [
    contender('streams', () => countBatches(ours(), JOINED_ITEMS), JOINED_ITEMS),
    contender('IxJS', () => countBatches(ixMerge(), JOINED_ITEMS), JOINED_ITEMS),
  ];
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  let count = 0;
  for await (const _ of stream) count++;
  if (count < Math.floor(perSource(COMBINED))) throw new Error(`only ${count} combinations`);
}

export function combinations(): Contender[] {
  const count = Math.floor(perSource(COMBINED));
  const generators = (): AsyncGenerator<Item, void>[] => Array.from({ length: COMBINED }, () => asyncItems(count));
  const ours = (): AsyncIterable<unknown> => {
    const [first, ...others] = generators();
    return new StreamManager().createStream<Item>(first!).combineLatest(...others);
  };
  const ixCombined = (): AsyncIterable<unknown> => {
    const [a, b, c] = generators();
    return ix.combineLatest(a!, b!, c!);
  };
  return [
    contender('streams', () => drain(ours()), JOINED_ITEMS),
    contender('IxJS', () => drain(ixCombined()), JOINED_ITEMS),
  ];
}

/** Megabytes in use while one run goes through many items: pulled, combined and merged. */
async function memory(): Promise<void> {
  const used = (): number => {
    for (let round = 0; round < 3; round++) globalThis.gc?.();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const endless = async function* (): AsyncGenerator<Item, void> {
    for (let index = 0; ; index++) yield items[index % ITEMS]!;
  };
  const silent = async function* (): AsyncGenerator<Item, void> {
    await new Promise(() => undefined);
  };
  const readings: number[] = [];
  let count = 0;
  const stream = new StreamManager().createStream<Item>(endless).map(double).merge(silent).filter(isLarge);
  await stream.take(MANY_ITEMS).forEach(() => {
    if (++count === MANY_ITEMS / 100 || count === MANY_ITEMS - 1) readings.push(used());
  });
  const [early, late] = readings as [number, number];
  printTable(
    `Heap during one run: an async generator, map, merge with a silent source, filter`,
    ['items', 'in use'],
    [
      [(MANY_ITEMS / 100).toLocaleString('en'), `${early.toFixed(1)} MB`],
      [MANY_ITEMS.toLocaleString('en'), `${late.toFixed(1)} MB`],
    ],
  );
}

/** The faster ones in turn, then the slow one. */
async function measure(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const isSlow = ({ name }: Contender): boolean => name === 'IxJS';
  const fast = await inTurn(
    contenders.filter((one) => !isSlow(one)),
    rounds,
  );
  return [...fast, ...(await inTurn(contenders.filter(isSlow), SLOW_ROUNDS))];
}

/** Measures and prints one table each; answers the figures. */
export async function benchStreams(rounds = ROUNDS): Promise<Record<string, Result[]>> {
  const [all, joined] = [ITEMS.toLocaleString('en'), JOINED_ITEMS.toLocaleString('en')];
  const pipeline = 'Streams: filter, map, map, filter, batch(100)';
  const groups = {
    [`${pipeline} over an array of ${all} items, an item`]: synchronousPipeline(),
    [`${pipeline} over an async generator of ${all} items, an item`]: asynchronousPipeline(),
    [`Streams: merge of ${MERGED} async generators, ${joined} items, an item`]: merges(),
    [`Streams: combineLatest of ${COMBINED} async generators, ${joined} items, an item`]: combinations(),
  };
  const figures: Record<string, Result[]> = {};
  for (const [title, contenders] of Object.entries(groups)) {
    const results = await measure(contenders, rounds);
    figures[title] = results;
    const ours = results[0]!.median;
    const rows = results.map(({ name, median, best }) => [name, ns(median), ns(best), times(median / ours)]);
    printTable(title, ['', 'median', 'best', 'ours = 1'], rows);
  }
  await memory();
  return figures;
}

if (
  import.meta.url !== undefined &&
  process.argv[1] !== undefined &&
  import.meta.url === pathToFileURL(process.argv[1]).href
)
  void benchStreams(Number(process.argv[2] ?? ROUNDS));

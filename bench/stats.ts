/** What the benchmarks share: rounds in turn, medians, and ratios within one run. */
import Table from 'cli-table3';

/** One thing to be measured: does its work once and answers the nanoseconds of one event. */
export interface Contender {
  name: string;
  run: () => Promise<number>;
}

export interface Result {
  name: string;
  median: number;
  best: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
}

/**
 * Runs the contenders in turn, so that a slow moment of the machine meets them all. Before each measured run the garbage of
 * the one before is collected; as that makes V8 forget compiled code too, an unmeasured run follows.
 */
export async function inTurn(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const samples = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      globalThis.gc?.();
      await contender.run();
      samples[index]!.push(await contender.run());
    }
  }
  return contenders.map(({ name }, index) => ({
    name,
    median: median(samples[index]!),
    best: Math.min(...samples[index]!),
  }));
}

/** Nanoseconds of one of `count` events. */
export async function timed(count: number, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return ((performance.now() - began) * 1e6) / count;
}

export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => [...row]));
  console.log(`\n${title}\n${table.toString()}`);
}

export const ns = (value: number): string => `${Math.round(value).toLocaleString('en')} ns`;
export const times = (value: number): string => `${value.toFixed(2)}x`;

import { expect } from 'vitest';

/** A random case: settings, and steps of which some can be left out. */
export interface Case<Step> {
  settings: unknown;
  steps: Step[];
}

/** Runs a case and says what is wrong; empty: nothing. */
export type Run<C> = (given: C) => Promise<string[]>;

/**
 * Tries seeds until one fails, makes that case smaller, and reports it. `KODUS_FLOW_MODEL_SEED` tries that seed alone,
 * `KODUS_FLOW_MODEL_RUNS` as many as it says.
 */
export async function search<Step, C extends Case<Step>>(
  usualRuns: number,
  generate: (seed: number) => C,
  run: Run<C>,
): Promise<void> {
  for (const seed of seeds(usualRuns)) {
    const failing = generate(seed);
    const wrong = await run(failing);
    if (wrong.length === 0) continue;
    const smaller = await shrink(failing, kindOf(wrong), run);
    const story = [...(await run(smaller)), JSON.stringify(smaller.settings), ...smaller.steps.map(asLine)];
    expect.fail(`seed ${seed}: ${wrong[0]}\nsmaller:\n${story.join('\n')}`);
  }
}

function seeds(usualRuns: number): number[] {
  const { KODUS_FLOW_MODEL_SEED: seed, KODUS_FLOW_MODEL_RUNS: runs } = process.env;
  const [first, count] = (seed ?? '').split('+').map(Number);
  if (seed !== undefined) return Array.from({ length: count ?? 1 }, (_, n) => first! + n);
  return Array.from({ length: Number(runs ?? usualRuns) }, (_, n) => n + 1);
}

/** What is wrong, without the numbers: a smaller case must fail for the same reason. */
const kindOf = ([first = '']: string[]): string => first.split('\n')[0]!.replace(/\d+/g, '#');

const asLine = (step: unknown): string => JSON.stringify(step);

/** Leaves out steps, many at first, as long as the case still fails. */
async function shrink<Step, C extends Case<Step>>(failing: C, kind: string, run: Run<C>): Promise<C> {
  let best = failing;
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.steps.length - size; at >= 0; at -= size) {
      const steps = [...best.steps.slice(0, at), ...best.steps.slice(at + size)];
      const candidate = { ...best, steps };
      if (kindOf(await run(candidate)) === kind) best = candidate;
    }
  }
  return best;
}

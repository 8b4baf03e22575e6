/**
 * What timeout, retry and concurrency together cost an event over the bare handler, beside cockatiel's in the same run.
 * `npx tsx bench/middleware.ts`
 */
import { pathToFileURL } from 'node:url';
import { bulkhead, handleAll, retry, timeout, TimeoutStrategy, wrap } from 'cockatiel';
import { bench, group, run } from 'mitata';
import { composeMiddleware, withConcurrency, withRetry, withTimeout } from '../lib/middleware/index';
import { createEvent } from '../lib/events';

const EVENTS = 1000;
const LIMIT = 10;

type Handler = (event: unknown) => Promise<unknown>;

/** The handlers that are compared; each is awaited for one event. */
export function makeContenders(): Record<'bare' | 'ours' | 'cockatiel', Handler> {
  let handled = 0;
  const bare = async (): Promise<number> => ++handled;
  const stack = composeMiddleware(
    withConcurrency({ maxConcurrent: LIMIT, mode: 'wait' }),
    withRetry({ maxRetries: 3 }),
    withTimeout({ timeoutMs: 5000 }),
  );
  const policy = wrap(
    bulkhead(LIMIT, Infinity),
    retry(handleAll, { maxAttempts: 3 }),
    timeout(5000, TimeoutStrategy.Aggressive),
  );
  return { bare, ours: stack(bare), cockatiel: () => policy.execute(bare) };
}

const event = createEvent('bench.event', { value: 1 });

async function oneByOne(handler: Handler): Promise<void> {
  for (let n = 0; n < EVENTS; n++) await handler(event);
}

/** As many side by side as there are permits. */
async function sideBySide(handler: Handler): Promise<void> {
  for (let n = 0; n < EVENTS; n += LIMIT) {
    const batch: Promise<unknown>[] = [];
    for (let i = 0; i < LIMIT; i++) batch.push(handler(event));
    await Promise.all(batch);
  }
}

/** Nanoseconds an event: the median of several rounds, contenders interleaved. */
export async function measureMiddleware(rounds = 30): Promise<Record<'bare' | 'ours' | 'cockatiel', number>> {
  const contenders = Object.entries(makeContenders());
  const times = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
  for (let round = -5; round < rounds; round++) {
    for (const [name, handler] of contenders) {
      const startedAt = performance.now();
      await sideBySide(handler);
      if (round >= 0) times.get(name)!.push(((performance.now() - startedAt) * 1e6) / EVENTS);
    }
  }
  const median = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1]!;
  return Object.fromEntries([...times].map(([name, list]) => [name, median(list)])) as Awaited<
    ReturnType<typeof measureMiddleware>
  >;
}

async function main(): Promise<void> {
  const contenders = Object.entries(makeContenders());
  group(`timeout + retry + concurrency, ${EVENTS} events one by one`, () => {
    for (const [name, handler] of contenders) bench(name, () => oneByOne(handler));
  });
  group(`timeout + retry + concurrency, ${EVENTS} events, ${LIMIT} at a time`, () => {
    for (const [name, handler] of contenders) bench(name, () => sideBySide(handler));
  });
  await run();
  const { bare, ours, cockatiel } = await measureMiddleware();
  const added = ours - bare;
  const theirs = cockatiel - bare;
  console.log(
    `added per event: ${added.toFixed(0)} ns; cockatiel: ${theirs.toFixed(0)} ns; ratio ${(added / theirs).toFixed(2)}`,
  );
}

const isMain = pathToFileURL(process.argv[1] ?? '').href === import.meta.url;
if (isMain) void main();

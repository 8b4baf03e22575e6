import { vi } from 'vitest';
import { createEvent } from '../../lib/events';
import type { TEvent } from '../../lib/events';

export interface Numbered {
  n: number;
}

export type NumberedEvent = TEvent<string, Numbered>;

export const numbered = (n: number, type = 'test'): NumberedEvent => createEvent(type, { n }) as NumberedEvent;

export const numbersOf = (events: Iterable<NumberedEvent>): number[] => Array.from(events, (event) => event.data.n);

/** A source that is watched: how often it ran, what it was asked for, and whether it was closed. */
export function watched(count: number, options: { failAt?: number; pauseMs?: number } = {}) {
  const seen = { runs: 0, produced: 0, closed: 0 };
  const source = async function* (): AsyncGenerator<NumberedEvent, void> {
    seen.runs++;
    try {
      for (let n = 0; n < count; n++) {
        if (n === options.failAt) throw new Error(`failed at ${n}`);
        if (options.pauseMs !== undefined) await sleep(options.pauseMs);
        seen.produced++;
        yield numbered(n);
      }
    } finally {
      seen.closed++;
    }
  };
  return { source, seen };
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Items at given times, in milliseconds after the iteration began: a marble diagram as a list. */
export const marbles = (times: Record<number, unknown>, end?: number | Error) =>
  async function* (): AsyncGenerator<unknown, void> {
    let now = 0;
    const until = async (time: number): Promise<void> => {
      if (time > now) await sleep(time - now);
      now = time;
    };
    for (const [time, item] of Object.entries(times)) {
      await until(Number(time));
      yield item;
    }
    if (typeof end === 'number') await until(end);
    if (end instanceof Error) throw end;
  };

/** Iterates under fake timers and answers what came when, and how it ended. */
export async function timeline<T>(stream: AsyncIterable<T>, map: (item: T) => unknown = (item) => item) {
  const started = performance.now();
  const at = (): number => Math.round(performance.now() - started);
  const items: [number, unknown][] = [];
  let ended: [number, unknown] | undefined;
  const reading = (async () => {
    try {
      for await (const item of stream) items.push([at(), map(item)]);
      ended = [at(), 'end'];
    } catch (error) {
      ended = [at(), error];
    }
  })();
  for (let step = 0; step < 3_000 && ended === undefined; step++) await vi.advanceTimersByTimeAsync(1);
  if (ended !== undefined) await reading;
  return { items, ended };
}

import { vi } from 'vitest';

/** Fake timers, but for the immediates with which a drain gives the real event loop its turns. */
export function useFakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] });
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function microtasks(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await Promise.resolve();
}

/** Fake time, in so many steps at most, and in between turns of the real event loop: a long drain waits for those. */
export async function pass(ms: number, mostSteps: number): Promise<void> {
  const steps = Math.min(Math.ceil(ms / 20), mostSteps);
  if (steps === 0) await vi.advanceTimersByTimeAsync(0);
  for (let step = 0; step < steps; step++) {
    await vi.advanceTimersByTimeAsync(ms / steps);
    await turn();
  }
}

/** Runs `play` and adds to `wrong` what it throws, and what nobody catches meanwhile. */
export async function watched(wrong: string[], play: () => Promise<void>): Promise<string[]> {
  const fail = (error: unknown): void => void wrong.push(`not caught: ${String((error as Error)?.stack)}`);
  process.on('uncaughtException', fail).on('unhandledRejection', fail);
  try {
    await play();
    await turn();
  } catch (error) {
    fail(error);
  } finally {
    process.off('uncaughtException', fail).off('unhandledRejection', fail);
  }
  return wrong;
}

import { afterEach, beforeEach, test, vi } from 'vitest';
import { ObservedWorld, faultsOf } from './observed-world';
import { runtimeCase } from './runtime-case';
import { search } from './search';
import { useFakeTime } from './surroundings';
import type { RuntimeCase } from './runtime-case';

beforeEach(() => void useFakeTime());
afterEach(() => void vi.useRealTimers());

test('spans, metrics and statistics agree with what a runtime does, and a broken logger or exporter harms nothing', async () => {
  const generate = (seed: number): RuntimeCase & { faults: ReturnType<typeof faultsOf> } => ({
    ...runtimeCase(seed),
    faults: faultsOf(seed),
  });
  await search(60, generate, (given) => new ObservedWorld(given, given.faults).play());
}, 6_000_000);

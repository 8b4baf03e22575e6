import { afterEach, beforeEach, test, vi } from 'vitest';
import { runtimeCase } from './runtime-case';
import { RuntimeWorld } from './runtime-world';
import { search } from './search';
import { useFakeTime } from './surroundings';

beforeEach(() => void useFakeTime());
afterEach(() => void vi.useRealTimers());

test('a runtime does what a simple model of it does, whatever is asked of it', async () => {
  await search(200, runtimeCase, (given) => new RuntimeWorld(given).play());
}, 6_000_000);

import { afterEach, beforeEach, test, vi } from 'vitest';
import { journalCase, persistorCase } from './durable-case';
import { DurableWorld } from './durable-world';
import { search } from './search';
import { useFakeTime } from './surroundings';

beforeEach(() => void useFakeTime());
afterEach(() => void vi.useRealTimers());

test('what a journal keeps is what a simple model of it keeps, over any number of restarts', async () => {
  await search(20, journalCase, (given) => new DurableWorld(given).play());
}, 6_000_000);

test('what a persistor keeps is what a simple model of it keeps, over any number of restarts', async () => {
  await search(25, persistorCase, (given) => new DurableWorld(given).play());
}, 6_000_000);

import { afterEach, beforeEach, test, vi } from 'vitest';
import { storeCase } from './event-store-case';
import { EventStoreWorld } from './event-store-world';
import { search } from './search';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

test('an event store does what a list does, also when it is opened again', async () => {
  await search(200, storeCase, (given) => new EventStoreWorld(given).play());
}, 6_000_000);

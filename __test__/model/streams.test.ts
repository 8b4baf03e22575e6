import { afterEach, beforeEach, test, vi } from 'vitest';
import { search } from './search';
import { useFakeTime } from './surroundings';
import { streamCase } from './stream-case';
import { playStream } from './stream-world';

beforeEach(() => void useFakeTime());
afterEach(() => void vi.useRealTimers());

test('a stream of random operators hands on what naive ones would, at the same times, and closes its sources', async () => {
  await search(300, streamCase, playStream);
}, 6_000_000);

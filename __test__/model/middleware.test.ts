import { afterEach, beforeEach, test, vi } from 'vitest';
import { middlewareCase } from './middleware-case';
import { MiddlewareWorld } from './middleware-world';
import { search } from './search';
import { useFakeTime } from './surroundings';

beforeEach(() => {
  // Of breakers that open.
  vi.spyOn(console, 'warn').mockReturnValue(undefined);
  useFakeTime();
});
afterEach(() => void vi.useRealTimers());

test('middleware in any order ends every call, keeps its limits, and gives back its permits', async () => {
  await search(300, middlewareCase, (given) => new MiddlewareWorld(given).play());
}, 6_000_000);

import { expect, it } from 'vitest';
import { DONE, StoredEvents } from '../../lib/durability/stored-events';

it('reads a note that names more events than a call can take arguments', () => {
  const stored = new StoredEvents();
  const ids = Array.from({ length: 300_000 }, (_, index) => `e${index}`);
  stored.read({ hash: 'note', state: { type: DONE, hashes: [], ids, keys: ids } });
  expect([stored.seenIds.length, stored.seenKeys.length]).toEqual([300_000, 300_000]);
  expect(stored.notes).toEqual(['note']);
});

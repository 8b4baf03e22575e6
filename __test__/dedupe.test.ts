import { afterEach, describe, expect, it } from 'vitest';
import { Deduplicator } from '../lib/dedupe';
import { cleanUpAll, quiet } from './helpers';

afterEach(cleanUpAll);

/** Takes keys `k<first>` to `k<last>`, each for an event `e<n>`. */
function take(dedupe: Deduplicator, first: number, last: number): void {
  for (let n = first; n <= last; n++) expect(dedupe.takeKey(`k${n}`, `e${n}`)).toBe(true);
}

describe('who has taken a key', () => {
  it('is remembered for as many keys as the window holds, the oldest are forgotten first', () => {
    const dedupe = new Deduplicator(10);
    take(dedupe, 1, 12);
    expect([1, 2, 3].map((n) => dedupe.ownerOf(`k${n}`)?.eventId)).toEqual([undefined, undefined, 'e3']);
    expect([1, 2, 3].map((n) => dedupe.keyOf(`e${n}`))).toEqual([undefined, undefined, 'k3']);
  });

  it('is forgotten with a key that goes back, and keys that go back push nobody out', () => {
    const dedupe = new Deduplicator(10);
    take(dedupe, 1, 5);
    for (let round = 0; round < 100; round++) {
      expect(dedupe.takeKey('again', 'other')).toBe(true);
      expect(dedupe.takeKey('again', 'third')).toBe(false);
      dedupe.returnKeyOf('other');
      expect(dedupe.ownerOf('again')).toBeUndefined();
    }
    expect(dedupe.ownerOf('k1')).toEqual({ eventId: 'e1', state: undefined });
    expect(dedupe.takeKey('k1', 'e6')).toBe(false);
  });

  it('counts from the last time that the key was taken', () => {
    const dedupe = new Deduplicator(10);
    take(dedupe, 1, 8);
    dedupe.returnKey('k1');
    take(dedupe, 1, 1);
    take(dedupe, 9, 11);
    expect([2, 3, 1].map((n) => dedupe.ownerOf(`k${n}`)?.eventId)).toEqual([undefined, 'e3', 'e1']);
  });
});

describe('the key of a dead letter', () => {
  it.each([
    ['stays free', 1, true],
    ['stays taken', 10, false],
  ])('%s when the letter could not be put back', async (_, maxProcessedEvents, isFree) => {
    const runtime = quiet({ queueSize: 1, queueConfig: { maxProcessedEvents } });
    runtime.on('bad', () => {
      throw new Error('no');
    });
    const { eventId } = runtime.emit('bad', 1, { idempotencyKey: 'k' });
    await runtime.process();
    // Pushes the first key out of a small window.
    runtime.emit('good', 2, { idempotencyKey: 'l' });
    await runtime.process();
    runtime.emit('good', 3);
    expect(await runtime.deadLetters.reprocess(eventId)).toBe(false);
    await runtime.process();
    expect(runtime.emit('good', 4, { idempotencyKey: 'k' }).queued).toBe(isFree);
  });
});

import { describe, expect, it } from 'vitest';
import { AgedMap } from '../lib/aged-map';

const valuesOf = <V>(map: AgedMap<unknown, V>): V[] => [...map.values()];

describe('AgedMap', () => {
  it('gives up its entries in the order in which they were set', () => {
    const map = new AgedMap<string, number>();
    ['a', 'b', 'c'].forEach((key, index) => map.set(key, index));
    expect(valuesOf(map)).toEqual([0, 1, 2]);
    expect(map.oldest).toMatchObject({ key: 'a', value: 0 });
    expect(map.delete('a')).toBe(true);
    expect(map.oldest).toMatchObject({ key: 'b', value: 1 });
  });

  it('makes an entry that is set again the newest', () => {
    const map = new AgedMap<string, number>();
    map.set('a', 1);
    map.set('a', 2);
    map.set('b', 3);
    map.set('a', 4);
    expect(valuesOf(map)).toEqual([3, 4]);
    expect(map.get('a')).toBe(4);
    expect(map.size).toBe(2);
  });

  it('holds nothing of what was deleted, wherever that stood', () => {
    const map = new AgedMap<number, number>();
    for (let key = 0; key < 5; key++) map.set(key, key);
    for (const key of [2, 4, 0]) expect(map.delete(key)).toBe(true);
    expect(map.delete(2)).toBe(false);
    expect(map.has(2)).toBe(false);
    expect(valuesOf(map)).toEqual([1, 3]);
    map.set(2, 9);
    expect(valuesOf(map)).toEqual([1, 3, 9]);
    map.clear();
    expect([map.size, map.oldest, valuesOf(map)]).toEqual([0, undefined, []]);
    map.set(7, 7);
    expect(map.oldest).toMatchObject({ key: 7 });
  });

  it('tells an entry of the key undefined from none', () => {
    const map = new AgedMap<undefined, number>();
    expect(map.oldest).toBeUndefined();
    map.set(undefined, 1);
    expect(map.oldest).toMatchObject({ key: undefined, value: 1 });
  });

  it('agrees with a Map that is asked for its first entry', () => {
    const map = new AgedMap<number, number>();
    const model = new Map<number, number>();
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let step = 0; step < 5000; step++) {
      const key = random(40);
      if (random(3) === 0) {
        expect(map.delete(key)).toBe(model.delete(key));
      } else {
        model.delete(key);
        model.set(key, step);
        map.set(key, step);
      }
      expect(map.oldest?.key).toBe(model.keys().next().value);
      expect(map.size).toBe(model.size);
    }
    expect(valuesOf(map)).toEqual([...model.values()]);
  });
});

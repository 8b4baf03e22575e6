import { expect, test } from 'vitest';
import { NONE } from '../lib/engine/layout';
import { NameTable } from '../lib/engine/names';

test('a slot gives its names back once, as they were', () => {
  const table = new NameTable();
  expect(table.take(5)).toBeUndefined();
  table.set(5, 7, NONE, 0);
  table.set(50_000, 0, 0, 3);
  expect(table.take(4)).toBeUndefined();
  expect(table.take(5)).toEqual({ tenant: 7, key: NONE, kind: 0 });
  expect(table.take(5)).toBeUndefined();
  expect(table.take(50_000)).toEqual({ tenant: 0, key: 0, kind: 3 });
  expect(table.take(50_000)).toBeUndefined();
  table.set(5, 0, 12, 0);
  expect(table.take(5)).toEqual({ tenant: 0, key: 12, kind: 0 });
});

import { expect, it } from 'vitest';
import { NewestTexts } from '../../lib/durability/newest-texts';

const texts = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => `t${first + index}`);

it('keeps the newest of the texts, however they come', () => {
  const newest = new NewestTexts(10);
  newest.add(texts(1, 4));
  expect([newest.size, newest.all()]).toEqual([4, texts(1, 4)]);
  for (let n = 5; n <= 100; n++) newest.add([`t${n}`]);
  expect([newest.size, newest.all()]).toEqual([10, texts(91, 100)]);
  newest.add(texts(101, 200_000));
  expect(newest.all()).toEqual(texts(199_991, 200_000));
  newest.reset(texts(1, 3));
  expect(newest.all()).toEqual(texts(1, 3));
});

it('keeps none if none are to be kept', () => {
  const newest = new NewestTexts(0);
  newest.add(texts(1, 5));
  expect([newest.size, newest.all()]).toEqual([0, []]);
});

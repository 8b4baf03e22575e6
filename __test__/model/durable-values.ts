import { inspect, isDeepStrictEqual } from 'node:util';

/**
 * Where two values differ, but for properties that are undefined and the order of properties; undefined: nowhere.
 */
export function differenceOf(one: unknown, other: unknown, path = ''): string | undefined {
  if (isDeepStrictEqual(plain(one), plain(other))) return undefined;
  if (isPlain(one) && isPlain(other)) {
    for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const difference = differenceOf(one[name], other[name], `${path}.${name}`);
      if (difference !== undefined) return difference;
    }
  }
  return `${path} was ${inspect(one)} and is ${inspect(other)}`;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isPlain(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return new Map(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, plain(member)]));
}

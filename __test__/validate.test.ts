import { describe, expect, expectTypeOf, it } from 'vitest';
import { RuntimeError } from '../lib/index';
import {
  printValue,
  rejectUnknownKeys,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireList,
  requireNumber,
  requireObject,
  requireOneOf,
  requireSignal,
  requireString,
} from '../lib/validate';

/** The message of the refusal; fails if there is none. */
function refusal(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    expect(error).toBeInstanceOf(RuntimeError);
    expect((error as RuntimeError).code).toBe('INVALID_CONFIGURATION');
    return (error as RuntimeError).message;
  }
  throw new Error('nothing was refused');
}

describe('a check of an argument', () => {
  it('returns what is allowed', () => {
    const fn = (): void => {};
    const object = { a: 1 };
    const list = ['a'];
    const { signal } = new AbortController();
    expect(requireInteger('x', 0, { min: 0, max: 0 })).toBe(0);
    expect(requireInteger('x', -5)).toBe(-5);
    expect(requireNumber('x', 0.5, { min: 0.5, max: 1 })).toBe(0.5);
    expect(requireBoolean('x', false)).toBe(false);
    expect(requireString('x', 'a')).toBe('a');
    expect(requireFunction('x', fn)).toBe(fn);
    expect(requireOneOf('x', 'b', ['a', 'b'])).toBe('b');
    expect(requireObject('x', object)).toBe(object);
    expect(requireList('x', list, 'string')).toBe(list);
    expect(requireList('x', [], 'function')).toEqual([]);
    expect(requireSignal('x', signal)).toBe(signal);
  });

  it('names the field, the value and what is allowed', () => {
    expect(refusal(() => requireInteger('config.size', 1.5, { min: 1, max: 9 }))).toBe(
      'config.size: got 1.5; allowed: a whole number from 1 to 9',
    );
    expect(refusal(() => requireNumber('a', '5', { min: 0 }))).toBe('a: got "5"; allowed: a number of at least 0');
    expect(refusal(() => requireNumber('a', 6, { max: 5 }))).toBe('a: got 6; allowed: a number of at most 5');
    expect(refusal(() => requireNumber('a', NaN))).toBe('a: got NaN; allowed: a number');
    expect(refusal(() => requireOneOf('a', 'c', ['a', 'b']))).toBe('a: got "c"; allowed: "a", "b"');
    expect(refusal(() => requireList('a', ['x', 1] as never, 'string'))).toBe('a[1]: got 1; allowed: a string');
  });

  it('gives programs the path', () => {
    expect(() => requireBoolean('a.b', 1)).toThrow(
      expect.objectContaining({ context: { path: 'a.b', allowed: 'true or false' } }),
    );
  });

  const none: [string, (value: never) => unknown, unknown[]][] = [
    [
      'requireInteger',
      (value) => requireInteger('x', value),
      [NaN, Infinity, -Infinity, 0.1, 2 ** 53, '1', 1n, null, undefined, true, {}, []],
    ],
    [
      'requireNumber',
      (value) => requireNumber('x', value),
      [NaN, Infinity, -Infinity, '1', 1n, null, undefined, true, new Number(1)],
    ],
    ['requireBoolean', (value) => requireBoolean('x', value), [0, 1, 'true', null, undefined]],
    ['requireString', (value) => requireString('x', value), ['', 1, null, undefined, Symbol('s'), ['a']]],
    ['requireFunction', (value) => requireFunction('x', value), [null, undefined, 'f', {}]],
    ['requireOneOf', (value) => requireOneOf('x', value, ['a']), ['A', '', null, undefined, ['a'], 'toString']],
    ['requireObject', (value) => requireObject('x', value), [null, undefined, 'a', 1, [], () => {}]],
    [
      'requireList',
      (value) => requireList('x', value, 'number'),
      [null, undefined, 'a', { length: 0 }, new Set(), ['a']],
    ],
    [
      'requireSignal',
      (value) => requireSignal('x', value),
      [null, undefined, {}, { aborted: false }, new EventTarget()],
    ],
  ];

  it.each(none)('%s refuses everything else', (_name, check, values) => {
    for (const value of values) expect(refusal(() => check(value as never))).toMatch(/^x(\[0\])?: got .+; allowed: .+/);
  });

  it('keeps the types', () => {
    expectTypeOf(requireOneOf<'a' | 'b'>('x', 'a', ['a', 'b'])).toEqualTypeOf<'a' | 'b'>();
    expectTypeOf(requireInteger).returns.toBeNumber();
  });
});

describe('a printed value', () => {
  class Thing {}
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;

  it.each([
    ['text', '"text"'],
    ['x'.repeat(100), `"${'x'.repeat(57)}..."`],
    [5n, '5n'],
    [Symbol('s'), 'Symbol(s)'],
    [undefined, 'undefined'],
    [null, 'null'],
    [NaN, 'NaN'],
    [{ a: 1 }, '{"a":1}'],
    [[1, 2], '[1,2]'],
    [new Array(100).fill(1), 'an array of 100'],
    [function named() {}, 'function named'],
    [(() => () => {})(), 'function (anonymous)'],
    [new Thing(), 'an object (Thing)'],
    [new Map(), 'an object (Map)'],
    [Object.create(null), 'an object (no class)'],
    [cyclic, 'an object (Object)'],
    [{ n: 1n }, 'an object (Object)'],
    [
      {
        toJSON: (): void => {
          throw new Error('toJSON');
        },
      },
      'an object (Object)',
    ],
  ] as [unknown, string][])('%# is short and safe', (value, text) => {
    expect(printValue(value)).toBe(text);
  });

  it('survives what throws when it is looked at', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(printValue(proxy)).toBe('a value of type object');
    expect(refusal(() => requireNumber('x', proxy))).toContain('a value of type object');
  });
});

describe('rejectUnknownKeys', () => {
  const unknown = (object: object, known: string[]): [string, string | undefined][] => {
    const found: [string, string | undefined][] = [];
    rejectUnknownKeys(object, known, (key, closest) => found.push([key, closest]));
    return found;
  };

  it('says nothing of known keys', () => {
    expect(unknown({ a: 1, b: undefined }, ['a', 'b', 'c'])).toEqual([]);
  });

  it('names each unknown key and the known one that was probably meant', () => {
    const known = ['maxRetries', 'maxConcurrent', 'queueSize', 'timeoutMs'];
    expect(unknown({ maxRetrys: 1, queuesize: 2, timeout: 3, queueSize: 4 }, known)).toEqual([
      ['maxRetrys', 'maxRetries'],
      ['queuesize', 'queueSize'],
      ['timeout', 'timeoutMs'],
    ]);
  });

  it('guesses nothing where nothing is like it', () => {
    expect(unknown({ colour: 1 }, ['maxRetries', 'queueSize'])).toEqual([['colour', undefined]]);
    expect(unknown({ a: 1 }, [])).toEqual([['a', undefined]]);
  });
});

import { afterEach, describe, expect, test } from 'vitest';
import { isJson } from '../../lib/durability/json-check';
import { LineWriter } from '../../lib/durability/line-writer';
import { directory, durable, handled, removeAll } from './helpers';
import { Random } from '../model/random';

afterEach(removeAll);

const SEED = Number(process.env.KODUS_FLOW_MODEL_SEED ?? 1);
const RUNS = 3000;

const textOf = (writer: LineWriter): string => Buffer.from(writer.take()).toString();

function jsonOf(value: unknown): string | undefined {
  const writer = new LineWriter();
  return writer.json(value) ? textOf(writer) : undefined;
}

/** Numbers, texts of all kinds, and what is no JSON. */
function leaf(random: Random): unknown {
  return random.pick<() => unknown>([
    () => random.int(-20, 20),
    () => random.int(-(2 ** 53), 2 ** 53),
    () => 2 ** random.int(-1074, 1023) * (random.chance(0.5) ? 1 : -1),
    () => random.pick([0, -0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 1e21, 1e-7, 0.1]),
    () => random.pick([true, false, null]),
    () => text(random),
    () => 'x'.repeat(random.int(250, 260)) + text(random),
    () => (random.chance(0.2) ? random.pick<unknown>([undefined, NaN, Infinity, 1n, Symbol('s'), new Date(0)]) : 1),
  ])();
}

function text(random: Random): string {
  const most = random.pick([0x7f, 0x7f, 0xff, 0x7ff, 0xffff]);
  const codes = random.list(0, 20, () => random.int(random.chance(0.3) ? 0 : 32, most));
  return String.fromCharCode(...codes) + (random.chance(0.1) ? '\u{1f600}' : '');
}

function anything(random: Random, depth = 0): unknown {
  if (depth === 4 || random.chance(0.4)) return leaf(random);
  if (random.chance(0.3)) return random.list(0, 5, () => anything(random, depth + 1));
  const object: Record<string, unknown> = random.chance(0.1) ? (Object.create(null) as Record<string, unknown>) : {};
  for (let member = random.int(0, 5); member > 0; member--) {
    const name = random.pick([() => text(random), () => `m${random.int(0, 9)}`, () => String(random.int(0, 9))])();
    // Assigning it would change the prototype.
    if (name !== '__proto__') object[name] = anything(random, depth + 1);
  }
  return object;
}

describe('JSON as bytes', () => {
  test(`is what JSON.stringify makes, of everything that JSON can carry (seed ${SEED})`, () => {
    const writer = new LineWriter();
    for (let run = 0; run < RUNS; run++) {
      const value = anything(new Random(SEED * RUNS + run));
      const isWritten = writer.json(value);
      expect(isWritten, `run ${run}`).toBe(isJson(value));
      if (isWritten) expect(textOf(writer), `run ${run}`).toBe(`${JSON.stringify(value)}\n`);
    }
  });

  test('grows with its lines, which stay whole', () => {
    const writer = new LineWriter();
    const values = Array.from({ length: 20_000 }, (_, n) => ({
      n,
      text: 'é'.repeat(n % 300),
      list: [n, -n - 1, n / 7],
    }));
    for (const value of values) expect(writer.json(value)).toBe(true);
    const lines = textOf(writer).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(values);
    expect(writer.length).toBe(0);
  });

  test('many names of members, and long ones', () => {
    for (let n = 0; n < 3000; n++) expect(jsonOf({ [`name ${n}`]: n })).toBe(`{"name ${n}":${n}}\n`);
    const name = '"'.repeat(500);
    expect(jsonOf({ [name]: 1 })).toBe(`${JSON.stringify({ [name]: 1 })}\n`);
  });

  test.each([
    ['a member that is undefined is left out', { a: undefined, b: 1, c: undefined }, '{"b":1}\n'],
    ['nothing but that', { a: undefined }, '{}\n'],
    ['nothing at all', {}, '{}\n'],
    ['an empty list', [], '[]\n'],
    ['a text', 'a', '"a"\n'],
    ['half a character', '\ud800', '"\\ud800"\n'],
  ])('%s', (_, value, json) => {
    expect(jsonOf(value)).toBe(json);
  });

  test('leaves what is out of the ordinary to others', () => {
    class Own {
      a = 1;
    }
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const hole: unknown[] = [1];
    hole[2] = 3;
    const hostile = {
      get a(): never {
        throw new Error('no');
      },
    };
    for (const value of [new Own(), circular, hole, hostile, { toJSON: () => 1 }, Object.create({ a: 1 })]) {
      expect(jsonOf(value)).toBeUndefined();
    }
  });

  test('leaves everything to others while all objects have a member more', () => {
    const added = { value: 1, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(Object.prototype, 'added', added);
    const written = jsonOf({ a: 1 });
    delete (Object.prototype as { added?: number }).added;
    expect(written).toBeUndefined();
    expect(jsonOf({ a: 1 })).toBe('{"a":1}\n');
  });

  test('what fails halfway leaves no trace', () => {
    const writer = new LineWriter();
    writer.json({ a: 1 });
    expect(writer.json({ b: 2, c: NaN })).toBe(false);
    writer.line('line');
    expect(writer.json(['d', undefined])).toBe(false);
    writer.emptyLine();
    expect(textOf(writer)).toBe('{"a":1}\nline\n\n');
  });

  test.each<[string, (writer: LineWriter) => void, string]>([
    ['lines', (writer) => writer.line('between'), 'first\nbetween\nlast\n'],
    ['JSON', (writer) => void writer.json([1]), 'first\n[1]\nlast\n'],
    ['JSON that comes to nothing', (writer) => void writer.json(['long enough', NaN]), 'first\nlast\n'],
    ['what takes the lines', (writer) => void writer.take(), 'last\n'],
  ])('a getter that writes %s comes first, and leaves its own object to others', (_, interrupt, expected) => {
    const writer = new LineWriter();
    writer.line('first');
    const interrupting = {
      a: 1,
      get b(): number {
        interrupt(writer);
        return 2;
      },
      c: 3,
    };
    expect(writer.json(interrupting)).toBe(false);
    writer.line('last');
    expect(textOf(writer)).toBe(expected);
  });
});

test('an event whose getter emits others is accepted, and so are those, in a journal that can be read again', async () => {
  const path = directory();
  const first = durable(path);
  const emitting = {
    text: 'é"\n',
    get others(): number {
      first.emit('other', { n: 1 });
      first.emit('other', { n: 2 }, { idempotencyKey: 'once' });
      return 3;
    },
  };
  const results = await Promise.all([
    first.emitAsync('a', emitting),
    first.emitAsync('b', emitting, { idempotencyKey: 'b', priority: 1, tenantId: 't' }),
    first.emitAsync('c', { plain: true }),
  ]);
  expect(results.map(({ success }) => success)).toEqual([true, true, true]);
  await first.cleanup();
  const second = durable(path);
  const data = await handled(second, ['a', 'b', 'c', 'other']);
  const written = { text: 'é"\n', others: 3 };
  expect(data).toEqual(expect.arrayContaining([written, { plain: true }, { n: 1 }, { n: 2 }]));
  expect(data.filter((one) => (one as typeof written).others === 3)).toEqual([written, written]);
});

test('an event whose getter emits one that is refused is written as it is', async () => {
  const path = directory();
  const first = durable(path);
  // From now on the type is known in this frame: nothing of the refused event is written.
  first.emit('a', 0);
  const emitting = {
    a: 1,
    get refused(): boolean {
      return first.emit('a', { text: 'long enough', map: new Map() }).success;
    },
  };
  expect(await first.emitAsync('a', emitting)).toMatchObject({ success: true });
  await first.cleanup();
  expect(await handled(durable(path), ['a'])).toEqual([0, { a: 1, refused: false }]);
});

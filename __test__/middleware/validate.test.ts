import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import * as z3 from 'zod/v3';
import { withValidate, withValidateMiddleware } from '../../lib/middleware/index';
import { coded, eventOf, failureOf } from './support';

const good = { userId: 'u1', tags: ['a'] };
const bad = { userId: 'u1', tags: ['a', 2] };

const STANDARD = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: any) =>
      typeof value.tags[1] === 'number'
        ? { issues: [{ message: 'no number', path: ['tags', { key: 1 }] }] }
        : { value: { ...value, parsed: true } },
  },
};

const SCHEMAS: [string, any][] = [
  ['zod 4', z.object({ userId: z.string(), tags: z.array(z.string()) })],
  ['zod 3', z3.object({ userId: z3.string(), tags: z3.array(z3.string()) })],
  ['an asynchronous zod 4', z.object({ tags: z.array(z.string()) }).refine(async () => true)],
  ['an asynchronous zod 3', z3.object({ tags: z3.array(z3.string()) }).refine(async () => true)],
  ['a Standard Schema', STANDARD],
  [
    'an asynchronous Standard Schema',
    { '~standard': { validate: async (value: unknown) => STANDARD['~standard'].validate(value) } },
  ],
  ['a Standard Schema that is a function', Object.assign(() => undefined, STANDARD)],
  [
    'a JSON Schema',
    { type: 'object', required: ['userId'], properties: { tags: { type: 'array', items: { type: 'string' } } } },
  ],
  [
    'a JSON Schema of 2020-12',
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      properties: { tags: { prefixItems: [true, { type: 'string' }] } },
    },
  ],
];

describe('withValidate', () => {
  it.each(SCHEMAS)('judges by %s, and lists each issue with its path', async (_name, schema) => {
    const handler = withValidate({ schema })((event) => event.data);
    for (let round = 0; round < 2; round++) {
      expect(await handler(eventOf('user', good))).toBe(good);
      const error = await failureOf(handler(eventOf('user', bad)));
      expect(error).toMatchObject({
        name: 'KernelError',
        code: 'VALIDATION_ERROR',
        message: 'Validation failed for event user',
      });
      expect(error.context.issues).toEqual([{ path: 'tags.1', message: expect.any(String) }]);
      expect(error.context.validationError).toBeDefined();
    }
  });

  it('names a missing property of a JSON Schema', async () => {
    const handler = withValidate({ schema: { type: 'object', required: ['a/b'] } })(() => 1);
    expect((await failureOf(handler(eventOf('t', {})))).context.issues[0].path).toBe('a/b');
  });

  it('judges by parse alone, also when it is asynchronous', async () => {
    const refusal = new Error('not this');
    for (const parse of [
      () => {
        throw refusal;
      },
      async () => {
        throw refusal;
      },
    ]) {
      const error = await failureOf(withValidate({ schema: { parse } })(() => 1)(eventOf()));
      expect(error).toMatchObject({ code: 'VALIDATION_ERROR', context: { validationError: refusal } });
      expect(error.context.issues).toEqual([{ path: '', message: 'not this' }]);
    }
  });

  it('gives the original event, or with transform a copy with the parsed data', async () => {
    const schema = z.object({ n: z.coerce.number().default(7) });
    const event = eventOf('t', { n: '5', extra: true });
    const same = withValidate({ schema })((received) => received);
    const parsed = withValidate({ schema, transform: true })((received) => received);
    expect(await same(event)).toBe(event);
    expect(await parsed(event)).toEqual({ ...event, data: { n: 5 } });
    expect(event.data.n).toBe('5');
  });

  it('takes the old positional forms', async () => {
    const schema = z.object({ n: z.number() });
    const handler = (event: { data: unknown }): unknown => event.data;
    for (const wrapped of [
      withValidate(schema, handler),
      withValidate(schema, handler, { errorCode: 'VALIDATION_ERROR' }),
      withValidate(schema)(handler),
      withValidate(schema, { throwOnError: true })(handler),
      withValidateMiddleware(schema)(handler),
    ]) {
      expect(await wrapped(eventOf('t', { n: 1 }))).toEqual({ n: 1 });
      expect(await failureOf(wrapped(eventOf('t', {})))).toMatchObject({ code: 'VALIDATION_ERROR' });
    }
  });

  it('skips the handler with throwOnError false, and carries another code when told', async () => {
    const schema = z.object({ n: z.number() });
    const handler = vi.fn();
    expect(await withValidate({ schema, throwOnError: false })(handler)(eventOf())).toBeUndefined();
    expect(handler).not.toHaveBeenCalled();
    expect(await failureOf(withValidate({ schema, errorCode: 'BAD_INPUT' })(handler)(eventOf()))).toMatchObject({
      code: 'BAD_INPUT',
    });
  });

  it('passes errors of the handler through untouched', async () => {
    const failure = coded('NETWORK_ERROR');
    const schema = z.object({}).refine(async () => true);
    for (const one of [z.any(), schema]) {
      expect(
        await failureOf(
          withValidate({ schema: one })(() => {
            throw failure;
          })(eventOf()),
        ),
      ).toBe(failure);
      expect(
        await failureOf(
          withValidate({ schema: one })(async () => {
            throw failure;
          })(eventOf()),
        ),
      ).toBe(failure);
    }
  });

  it('tells when the schema itself fails', async () => {
    const broken = {
      safeParse: () => {
        throw new Error('broken schema');
      },
    };
    expect(await failureOf(withValidate({ schema: broken })(() => 1)(eventOf()))).toMatchObject({
      code: 'VALIDATION_ERROR',
      message: 'Validation error: broken schema',
    });
  });

  it('refuses what is no schema', () => {
    expect(() => withValidate({ schema: 5 as never })).toThrow('withValidate.schema: got 5; allowed: a Zod schema');
    expect(() => withValidate(undefined as never)).toThrow('withValidate.schema: got undefined');
    expect(() => withValidate({ schema: { type: 'nonsense' } })).toThrow(
      /withValidate\.schema: got .*valid JSON Schema/,
    );
    expect(() => withValidate({ schema: z.any(), transform: 'yes' as never })).toThrow('withValidate.transform');
  });
});

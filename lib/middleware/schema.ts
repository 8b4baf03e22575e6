import { isJsonSchema, jsonSchemaValidator } from './json-schema';

/** One thing that is wrong with an event's data. */
export interface ValidationIssue {
  /** Where, from the data: names and indexes joined by dots; empty for the data itself. */
  path: string;
  message: string;
}

/** What a schema says of some data. */
export type Verdict =
  | { valid: true; data: unknown }
  /** `error`: what the schema itself gave. */
  | { valid: false; error: unknown; issues: ValidationIssue[] };

/** Judges data; a promise for schemas that are asynchronous. Throws when the schema itself fails. */
export type Validator = (data: unknown) => Verdict | Promise<Verdict>;

/** A schema as Zod (any version) and its likes have it. */
export interface SchemaLike<T = unknown> {
  /** Answers the parsed data, or throws. */
  parse?(data: unknown): T;
  /** Answers `{ success, data, error }`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  safeParse?(data: unknown): any;
  /** As `safeParse`, for schemas that need time. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  safeParseAsync?(data: unknown): Promise<any>;
}

/** A schema of the Standard Schema interface, version 1 (standardschema.dev). */
export interface StandardSchemaLike {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly '~standard': { readonly validate: (value: unknown) => any };
}

/** Whatever can judge data: Zod, Standard Schema, `safeParse` or `parse`, or a JSON Schema object. */
export type AnySchema = SchemaLike | StandardSchemaLike | Record<string, unknown>;

type Duck = Partial<SchemaLike & StandardSchemaLike>;

const isMember = (value: unknown): value is Duck =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** Whether a value is a schema with methods. */
export function hasSchemaMethods(value: unknown): boolean {
  if (!isMember(value)) return false;
  return [value.safeParse, value.parse, value['~standard']?.validate].some((method) => typeof method === 'function');
}

/** Whether a value is a schema at all. */
export function isSchema(value: unknown): value is AnySchema {
  return hasSchemaMethods(value) || isJsonSchema(value);
}

/**
 * Makes one validator of any kind of schema. `safeParse` comes first, because callers read its error.
 *
 * @throws Error if it is a JSON Schema that cannot be compiled
 */
export function validatorOf(schema: AnySchema): Validator {
  const duck = schema as Duck;
  if (typeof duck.safeParse === 'function') return safeParseValidator(duck as Required<SchemaLike>);
  const standard = duck['~standard'];
  if (typeof standard?.validate === 'function') return (data) => mapMaybe(standard.validate(data), standardVerdict);
  if (typeof duck.parse === 'function') return parseValidator(duck as Required<SchemaLike>);
  return jsonSchemaValidator(schema as Record<string, unknown>);
}

/** Parses synchronously until the schema says that it cannot: then it is asked asynchronously, from there on always. */
function safeParseValidator(schema: SchemaLike & Required<Pick<SchemaLike, 'safeParse'>>): Validator {
  let isAsync = false;
  const parseAsync = (data: unknown): Promise<Verdict> => schema.safeParseAsync!(data).then(safeParseVerdict);
  return (data) => {
    if (isAsync) return parseAsync(data);
    try {
      return mapMaybe(schema.safeParse(data), safeParseVerdict);
    } catch (error) {
      if (typeof schema.safeParseAsync !== 'function' || !isAsyncComplaint(error)) throw error;
      isAsync = true;
      return parseAsync(data);
    }
  };
}

/** Zod 4 throws a class of its own, Zod 3 an Error with a sentence about it. */
function isAsyncComplaint(error: unknown): boolean {
  const { name, constructor, message } = Object(error) as Error;
  return /async/i.test(`${name} ${constructor?.name} ${message}`);
}

function safeParseVerdict(result: { success: boolean; data?: unknown; error?: unknown }): Verdict {
  if (result.success) return { valid: true, data: result.data };
  return { valid: false, error: result.error, issues: issuesOf(result.error) };
}

interface StandardResult {
  value?: unknown;
  issues?: readonly unknown[];
}

function standardVerdict(result: StandardResult): Verdict {
  if (result.issues === undefined) return { valid: true, data: result.value };
  return { valid: false, error: result, issues: issuesOf(result) };
}

/** With `parse` alone, throwing is how a schema says no. */
function parseValidator(schema: Required<Pick<SchemaLike, 'parse'>>): Validator {
  const refused = (error: unknown): Verdict => ({ valid: false, error, issues: issuesOf(error) });
  const accepted = (data: unknown): Verdict => ({ valid: true, data });
  return (data) => {
    try {
      const parsed: unknown = schema.parse(data);
      return parsed instanceof Promise ? parsed.then(accepted, refused) : accepted(parsed);
    } catch (error) {
      return refused(error);
    }
  };
}

function mapMaybe<T, R>(value: T | Promise<T>, map: (value: T) => R): R | Promise<R> {
  return value instanceof Promise ? value.then(map) : map(value);
}

interface IssueLike {
  message?: unknown;
  path?: readonly unknown[];
}

/** The issues in an error of Zod or a result of Standard Schema; of any other error, its message. */
function issuesOf(error: unknown): ValidationIssue[] {
  const { issues, errors, message } = Object(error) as { issues?: unknown; errors?: unknown; message?: unknown };
  const list = Array.isArray(issues) ? issues : errors;
  if (!Array.isArray(list)) return [{ path: '', message: String(message ?? error) }];
  return list.map((issue: IssueLike) => ({ path: pathOf(issue.path), message: String(issue.message ?? issue) }));
}

/** Standard Schema's segments are keys or objects with a `key`. */
function pathOf(path: readonly unknown[] | undefined): string {
  if (!Array.isArray(path)) return '';
  return path.map((segment) => String(isMember(segment) ? (segment as { key?: unknown }).key : segment)).join('.');
}

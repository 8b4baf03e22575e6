import { createRequire } from 'node:module';
import type { Ajv as AjvInstance, ErrorObject } from 'ajv';
import type { ValidationIssue, Validator } from './schema';

/** Keywords by which a plain object is recognised as a JSON Schema. */
const KEYWORDS = [
  '$schema',
  '$ref',
  'type',
  'properties',
  'required',
  'items',
  'enum',
  'const',
  'anyOf',
  'oneOf',
  'allOf',
  'not',
];

/** Whether a value is a JSON Schema object, as far as can be seen from outside. */
export function isJsonSchema(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return KEYWORDS.some((keyword) => Object.hasOwn(value, keyword));
}

/**
 * Compiles a JSON Schema of draft-07 (the default) or 2020-12 (if its `$schema` says so). `format` is an annotation, as
 * 2020-12 has it by default: it is not checked.
 *
 * @throws Error if it is no valid JSON Schema
 */
export function jsonSchemaValidator(schema: Record<string, unknown>): Validator {
  const validate = ajvFor(schema).compile(schema);
  return (data) => {
    if (validate(data) === true) return { valid: true, data };
    const errors = [...(validate.errors ?? [])];
    return { valid: false, error: { issues: errors }, issues: errors.map(issueOf) };
  };
}

type AjvModule = { default: new (options: object) => AjvInstance };

/** Ajv takes some 40 ms to load: only who uses a JSON Schema pays for it. */
function ajvFor(schema: Record<string, unknown>): AjvInstance {
  const load = createRequire(__filename);
  const is2020 = String(schema.$schema).includes('2020-12');
  const { default: Ajv } = load(is2020 ? 'ajv/dist/2020' : 'ajv') as AjvModule;
  return new Ajv({ allErrors: true, strict: false, validateFormats: false });
}

function issueOf({ instancePath, message, params }: ErrorObject): ValidationIssue {
  const missing: unknown = params?.missingProperty;
  const segments = instancePath.split('/').slice(1);
  if (typeof missing === 'string') segments.push(missing);
  // JSON Pointer (RFC 6901) escapes two characters.
  const path = segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~')).join('.');
  return { path, message: message ?? 'is invalid' };
}

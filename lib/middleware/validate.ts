import { KernelError, messageOf } from '../errors';
import type { KernelErrorCode } from '../errors';
import type { AnyEvent } from '../events';
import { refuse, requireBoolean, requireFunction, requireObject, requireString, warnOfUnknown } from '../validate';
import type { Cancel } from './cancel';
import { defineMiddleware, needsArguments } from './define';
import { neverRetry } from './retryable';
import type { Run } from './run';
import { hasSchemaMethods, isSchema, validatorOf } from './schema';
import type { AnySchema, Validator, Verdict } from './schema';
import type { Middleware, MiddlewareHandler } from './types';

/** Options of {@link withValidate} besides the schema. */
export interface ValidateOptions {
  /** False: an invalid event skips the handler and counts as handled. Default true: it fails. */
  throwOnError?: boolean;
  /** Code of the error. Default 'VALIDATION_ERROR'. */
  errorCode?: string;
  /** Give the handler a copy of the event with the parsed data. Default false: it gets the original event. */
  transform?: boolean;
}

/** Options with the schema among them. */
export interface ValidateConfig extends ValidateOptions {
  /** Zod 3 or 4, any Standard Schema, anything with `safeParse` or `parse`, or a JSON Schema object. */
  schema: AnySchema;
}

const OPTION_NAMES: Record<keyof ValidateConfig, true> = {
  schema: true,
  throwOnError: true,
  errorCode: true,
  transform: true,
};

const SCHEMA_KINDS = 'a Zod schema, a Standard Schema, an object with safeParse or parse, or a JSON Schema object';

/**
 * Checks `event.data` before the handler runs. An invalid event fails with `KernelError` VALIDATION_ERROR, whose
 * `context.issues` lists each `{ path, message }` and whose `context.validationError` is the schema's own error; it is
 * never retried.
 *
 * @example
 * const middleware = withValidate({ schema: z.object({ userId: z.string() }) });
 * const handler = withValidate(z.object({ userId: z.string() }), save);
 */
export const withValidate = needsArguments('withValidate', validate as WithValidate);

/** The middleware of a schema. */
export const withValidateMiddleware = needsArguments(
  'withValidateMiddleware',
  (schema: AnySchema, options?: ValidateOptions): Middleware => validation(schema, options, 'withValidateMiddleware'),
);

/** The forms of {@link withValidate}. */
export interface WithValidate {
  (config: ValidateConfig): Middleware;
  (schema: AnySchema, options?: ValidateOptions): Middleware;
  (schema: AnySchema, handler: MiddlewareHandler, options?: ValidateOptions): MiddlewareHandler;
}

function validate(
  first: AnySchema | ValidateConfig,
  second?: MiddlewareHandler | ValidateOptions,
  third?: ValidateOptions,
): Middleware | MiddlewareHandler {
  if (!hasSchemaMethods(first) && Object.hasOwn(Object(first), 'schema')) {
    const config = first as ValidateConfig;
    return validation(config.schema, config);
  }
  if (typeof second === 'function') return validation(first as AnySchema, third)(second);
  return validation(first as AnySchema, second);
}

function validation(schema: AnySchema, options: ValidateOptions = {}, name = 'withValidate'): Middleware {
  const check = new Check(compile(schema, name), readOptions(options, name));
  return defineMiddleware({
    kind: 'handler',
    displayName: 'withValidate',
    create: () => (run) => (event, cancel) => check.before(run, event, cancel),
  });
}

function compile(schema: AnySchema, name: string): Validator {
  if (!isSchema(schema)) refuse(`${name}.schema`, schema, SCHEMA_KINDS);
  try {
    return validatorOf(schema);
  } catch (error) {
    return refuse(`${name}.schema`, schema, `a valid JSON Schema (${messageOf(error)})`);
  }
}

function readOptions(options: ValidateOptions, name: string): Required<ValidateOptions> {
  warnOfUnknown(name, requireObject<ValidateOptions>(`${name} options`, options), OPTION_NAMES);
  return {
    throwOnError: requireBoolean(`${name}.throwOnError`, options.throwOnError ?? true),
    errorCode: requireString(`${name}.errorCode`, options.errorCode ?? 'VALIDATION_ERROR'),
    transform: requireBoolean(`${name}.transform`, options.transform ?? false),
  };
}

class Check {
  readonly #validator: Validator;
  readonly #options: Required<ValidateOptions>;

  constructor(validator: Validator, options: Required<ValidateOptions>) {
    this.#validator = requireFunction('validator', validator);
    this.#options = options;
  }

  before(run: Run, event: AnyEvent, cancel: Cancel | undefined): unknown {
    let verdict: Verdict | Promise<Verdict>;
    try {
      verdict = this.#validator(event.data);
    } catch (error) {
      throw schemaFailed(error);
    }
    if (!(verdict instanceof Promise)) return this.#after(verdict, run, event, cancel);
    return verdict.then(
      (result) => this.#after(result, run, event, cancel),
      (error: unknown) => {
        throw schemaFailed(error);
      },
    );
  }

  #after(verdict: Verdict, run: Run, event: AnyEvent, cancel: Cancel | undefined): unknown {
    const { throwOnError, errorCode, transform } = this.#options;
    if (verdict.valid) return run(transform ? { ...event, data: verdict.data } : event, cancel);
    if (!throwOnError) return undefined;
    const context = { validationError: verdict.error, issues: verdict.issues };
    // Any code may be asked for.
    const code = errorCode as KernelErrorCode;
    throw neverRetry(new KernelError(code, `Validation failed for event ${event.type}`, { context }));
  }
}

function schemaFailed(cause: unknown): KernelError {
  return neverRetry(new KernelError('VALIDATION_ERROR', `Validation error: ${messageOf(cause)}`, { cause }));
}

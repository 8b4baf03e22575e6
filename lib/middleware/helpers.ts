import { MiddlewareError, messageOf } from '../errors';
import type { AnyEvent } from '../events';
import { monotonicNow } from '../clock';
import { composeMiddleware } from './compose';
import { requireFunction, requireObject } from '../validate';
import { apply, bind, inside } from './resolve';
import { BIND } from './types';
import type { Middleware, MiddlewareHandler, MiddlewareScope } from './types';

/** Middleware collected one by one. */
export interface MiddlewareChain {
  /** Adds one; the first added is the outermost. */
  use(middleware: Middleware): MiddlewareChain;
  /** Wraps a handler with all. */
  apply(handler: MiddlewareHandler): MiddlewareHandler;
}

/** An empty chain. */
export function createMiddlewareChain(): MiddlewareChain {
  const used: Middleware[] = [];
  const chain: MiddlewareChain = {
    use: (middleware) => {
      used.push(middleware);
      return chain;
    },
    apply: (handler) => composeMiddleware(...used)(handler),
  };
  return chain;
}

/**
 * Wraps a middleware so that every error comes out as a {@link MiddlewareError} named after it, with the original as
 * `cause`.
 */
export function safeMiddleware(name: string, middleware: Middleware): Middleware {
  const around =
    (inner: Middleware): Middleware =>
    (handler) => {
      const wrapped = apply(inner, handler);
      return async (event: AnyEvent, signal?: AbortSignal) => {
        const startedAt = monotonicNow();
        try {
          return await wrapped(event, signal);
        } catch (originalError) {
          const executionTime = monotonicNow() - startedAt;
          throw new MiddlewareError(name, messageOf(originalError), {
            event,
            originalError,
            executionTime,
            middleware: name,
          });
        }
      };
    };
  return Object.assign(around(middleware), {
    [BIND]: (scope: MiddlewareScope): Middleware => around(bind(middleware, inside(scope))),
  });
}

/** Judges a configuration. */
export interface ConfigValidator<T = unknown> {
  /** Whether it is valid. */
  validate(config: unknown): config is T;
  /** The valid configuration, with its defaults. */
  parse(config: unknown): T;
}

/** A validator of two functions. */
export function createConfigValidator<T>(functions: {
  validate: (config: unknown) => boolean;
  parse: (config: unknown) => T;
}): ConfigValidator<T> {
  const { validate, parse } = requireObject('functions', functions);
  requireFunction('functions.validate', validate);
  return { validate: validate as ConfigValidator<T>['validate'], parse: requireFunction('functions.parse', parse) };
}

/** A factory that refuses an invalid configuration and makes a {@link safeMiddleware}. */
export function createTypedMiddlewareFactory<T>(
  name: string,
  validator: ConfigValidator<T>,
  factory: (config: T) => Middleware,
): (config: T) => Middleware {
  return (config) => {
    if (!validator.validate(config)) throw new MiddlewareError(name, 'Invalid configuration provided', { config });
    return safeMiddleware(name, factory(validator.parse(config)));
  };
}

/** `validator(value)`. */
export function isMiddlewareConfig<T>(value: unknown, validator: (value: unknown) => value is T): value is T {
  return validator(value);
}

/** Checks a priority. @throws Error unless it is from 0 to 100 */
export function createPriority(priority: number): number {
  if (typeof priority === 'number' && priority >= 0 && priority <= 100) return priority;
  throw new MiddlewareError('MIDDLEWARE_INIT_ERROR', 'Middleware priority must be between 0 and 100');
}

/** What is known of a middleware besides its function. */
export interface MiddlewareMetadata {
  name: string;
  version: string;
  /** 0 to 100; higher first. */
  priority: number;
  /** Types that it is for; '*' is all. */
  eventTypes: string[];
  /** Names of middleware that come before it. */
  dependencies: string[];
  tags: string[];
}

/** A middleware with its metadata. */
export interface TaggedMiddleware {
  metadata: MiddlewareMetadata;
  middleware: Middleware;
}

/** Collects metadata, then builds. */
export interface MiddlewareBuilder {
  /** Sets any of the metadata. */
  withMetadata(metadata: Partial<MiddlewareMetadata>): MiddlewareBuilder;
  /** Higher comes first. */
  withPriority(priority: number): MiddlewareBuilder;
  /** Adds names of middleware that must be there, too. */
  withDependencies(...names: (string | string[])[]): MiddlewareBuilder;
  /** Adds tags. */
  withTags(...tags: (string | string[])[]): MiddlewareBuilder;
  /** The middleware, a function of its own, with name and metadata. */
  build(name: string, middleware: Middleware): TaggedMiddleware;
}

/** A builder with the defaults: version 1.0.0, priority 50, all event types. */
export function createMiddlewareBuilder(): MiddlewareBuilder {
  let given: Partial<MiddlewareMetadata> = {};
  const add = (more: Partial<MiddlewareMetadata>): MiddlewareBuilder => {
    given = { ...given, ...more };
    return builder;
  };
  const builder: MiddlewareBuilder = {
    withMetadata: add,
    withPriority: (priority) => add({ priority: createPriority(priority) }),
    withDependencies: (...names) => add({ dependencies: names.flat() }),
    withTags: (...tags) => add({ tags: tags.flat() }),
    build: (name, middleware) => ({
      metadata: { version: '1.0.0', priority: 50, eventTypes: ['*'], dependencies: [], tags: [], ...given, name },
      middleware,
    }),
  };
  return builder;
}

type Tracked = { _handlerId?: unknown; _isActive?: unknown; _lastUsed?: unknown };

/** Whether a function carries the marks that older runtimes wrote; this one writes none. */
export function isTrackedEventHandler(handler: unknown): boolean {
  return typeof handler === 'function' && '_handlerId' in handler;
}

/** Copies the marks of older runtimes, where there are some. */
export function copyTrackedProperties<T extends object>(source: object, target: T): T {
  const { _handlerId, _isActive, _lastUsed } = source as Tracked;
  return _handlerId === undefined ? target : Object.assign(target, { _handlerId, _isActive, _lastUsed });
}

/** Kept for older callers: functions are not marked any more, so the handler is answered as it is. */
export function updateTrackedHandler<T>(handler: T): T {
  return handler;
}

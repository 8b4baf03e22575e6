import { KernelError, MiddlewareError } from '../errors';
import { createPort } from '../observability/port';
import type { ObservabilityPort } from '../observability/port';
import { native } from '../native/index';
import type { LogLevel } from '../observability/types';
import { monotonicNow } from '../clock';
import { requireFunction, requireInteger, requireNumber, requireOneOf } from '../validate';
import { conditionUtils } from './conditions';
import type { ConditionalMiddleware, MiddlewareCondition, MiddlewareContext, MiddlewareFunction } from './conditional';
import { causesOf } from './retryable';
import { validatorOf } from './schema';
import type { AnySchema } from './schema';
import { freshSeed } from './seed';
import { Waiter, sleep } from './wait';

/** What every configuration may override. */
export interface MiddlewareConfig {
  condition?: MiddlewareCondition;
  name?: string;
  priority?: number;
}

/** Options of `createRetryMiddleware`. */
export interface ConditionalRetryConfig extends MiddlewareConfig {
  /** Attempts in all. Default 3. */
  maxAttempts?: number;
  /** Milliseconds before the second attempt; doubles with each. Default 1000. */
  backoffMs?: number;
  /** No wait is longer, in milliseconds. Default 30,000. */
  maxBackoffMs?: number;
  /** Names (`error.name`) of errors that are not tried again. Default: none. */
  nonRetryableErrors?: readonly string[];
}

/** Options of `createTimeoutMiddleware`. */
export interface ConditionalTimeoutConfig extends MiddlewareConfig {
  /** Milliseconds. Default 30,000. */
  ms?: number;
  /** Another name of `ms`, which wins. */
  timeoutMs?: number;
  /** Default 'Operation timed out'. */
  errorMessage?: string;
}

/** Options of `createConcurrencyMiddleware`. */
export interface ConditionalConcurrencyConfig extends MiddlewareConfig {
  /** Runs at a time for each key. Default 10. */
  maxConcurrent?: number;
  /** What shares a limit. Default: all share one. */
  key?: string | ((context: MiddlewareContext) => unknown);
}

/** Options of `createObservabilityMiddleware`. */
export interface ConditionalObservabilityConfig extends MiddlewareConfig {
  /** Level of the messages. Default 'info'. */
  level?: LogLevel;
  /** Another name of `level`, which wins. */
  logLevel?: LogLevel;
  /** Log the stack of errors. Default false. */
  includeStack?: boolean;
  /** Log the context's metadata. Default false. */
  includeMetadata?: boolean;
}

/** Options of `createValidationMiddleware`. */
export interface ConditionalValidationConfig extends MiddlewareConfig {
  /** Checks the event's data. */
  schema?: AnySchema;
  /** Checks the event: false refuses it. */
  validateEvent?: (event: MiddlewareContext['event']) => boolean | Promise<boolean>;
}

type Made = Required<ConditionalMiddleware>;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Makes the usual conditional middleware. */
export class ConditionalMiddlewareFactory {
  readonly #port: ObservabilityPort;

  constructor(observability?: unknown) {
    this.#port = createPort(observability, true);
  }

  /** Tries the rest of the chain again when it fails. For critical events. */
  createRetryMiddleware(config: ConditionalRetryConfig = {}): Made {
    const path = 'createRetryMiddleware';
    const names = config.nonRetryableErrors ?? [];
    const policy = native.createRetryPolicy({
      maxAttempts: requireInteger(`${path}.maxAttempts`, config.maxAttempts ?? 3, { min: 1, max: 1_000_000 }),
      initialDelayMs: requireNumber(`${path}.backoffMs`, config.backoffMs ?? 1000, { min: 0 }),
      backoffFactor: 2,
      maxDelayMs: requireNumber(`${path}.maxBackoffMs`, config.maxBackoffMs ?? 30_000, { min: 0 }),
      maxTotalMs: Infinity,
      jitter: 'none',
      seed: freshSeed(),
    });
    const middleware: MiddlewareFunction = async (_context, next) => {
      for (let failed = 1; ; failed++) {
        try {
          return await next();
        } catch (error) {
          const delayMs = isNamed(error, names) ? -1 : policy.nextDelay(failed, 0, NaN);
          if (delayMs < 0) throw error;
          await sleep(delayMs, undefined);
        }
      }
    };
    return made(middleware, config, conditionUtils.forCriticalEvents(), 'conditional-retry', 1);
  }

  /** Ends the rest of the chain when it takes too long. For types `api` and `external`. */
  createTimeoutMiddleware(config: ConditionalTimeoutConfig = {}): Made {
    const limitMs = requireNumber('createTimeoutMiddleware.ms', config.ms ?? config.timeoutMs ?? 30_000, { min: 1 });
    const message = config.errorMessage ?? 'Operation timed out';
    const middleware: MiddlewareFunction = (_context, next) => {
      const outcome = new Waiter<void>(undefined, () => undefined);
      outcome.limit(limitMs, () => new KernelError('TIMEOUT_EXCEEDED', message, { context: { timeoutMs: limitMs } }));
      next().then(
        () => outcome.arrive(),
        (error: unknown) => outcome.fail(error),
      );
      return outcome.promise;
    };
    return made(middleware, config, conditionUtils.forEventTypes(['api', 'external']), 'conditional-timeout', 2);
  }

  /** Refuses what exceeds the limit: `CONCURRENCY_LIMIT_EXCEEDED`. For types `database` and `external`. */
  createConcurrencyMiddleware(config: ConditionalConcurrencyConfig = {}): Made {
    const limit = config.maxConcurrent ?? 10;
    const permits = native.createPermits(
      requireInteger('createConcurrencyMiddleware.maxConcurrent', limit, { min: 1, max: 2 ** 32 - 1 }),
      false,
    );
    const ids = new Map<unknown, number>();
    const { key } = config;
    const middleware: MiddlewareFunction = async (context, next) => {
      const value = typeof key === 'function' ? key(context) : key;
      let id = ids.get(value);
      if (id === undefined) ids.set(value, (id = permits.open()));
      else if (permits.enter(id) !== -1) throw limitExceeded(limit);
      try {
        await next();
      } finally {
        if (permits.leave(id) === -2) ids.delete(value);
      }
    };
    return made(
      middleware,
      config,
      conditionUtils.forEventTypes(['database', 'external']),
      'conditional-concurrency',
      3,
    );
  }

  /** Logs begin, end and failure of the rest of the chain. For a tenth of the events, by chance. */
  createObservabilityMiddleware(config: ConditionalObservabilityConfig = {}): Made {
    const path = 'createObservabilityMiddleware.level';
    const level = requireOneOf<LogLevel>(path, config.level ?? config.logLevel ?? 'info', LEVELS);
    const port = this.#port;
    const middleware: MiddlewareFunction = async (context, next) => {
      const startedAt = monotonicNow();
      const fields = {
        eventId: context.event?.id,
        eventType: context.event?.type,
        ...(config.includeMetadata && { metadata: context.metadata }),
      };
      port.log(level, 'Middleware chain started', fields);
      try {
        await next();
        port.log(level, 'Middleware chain finished', { ...fields, durationMs: monotonicNow() - startedAt });
      } catch (error) {
        const stack = config.includeStack && error instanceof Error ? { stack: error.stack } : {};
        port.log('error', 'Middleware chain failed', {
          ...fields,
          ...stack,
          error,
          durationMs: monotonicNow() - startedAt,
        });
        throw error;
      }
    };
    return made(middleware, config, conditionUtils.withProbability(0.1), 'conditional-observability', 10);
  }

  /** Refuses events whose data the schema, or which `validateEvent`, does not accept. For types `user-input` and `api`. */
  createValidationMiddleware(config: ConditionalValidationConfig = {}): Made {
    const validator = config.schema && validatorOf(config.schema);
    const middleware: MiddlewareFunction = async ({ event }, next) => {
      const verdict = await validator?.(event.data);
      if (verdict?.valid === false)
        throw invalid(event.type, { validationError: verdict.error, issues: verdict.issues });
      if (config.validateEvent !== undefined && !(await config.validateEvent(event))) throw invalid(event.type, {});
      await next();
    };
    return made(middleware, config, conditionUtils.forEventTypes(['user-input', 'api']), 'conditional-validation', 0);
  }

  /** Any middleware, always unless told otherwise. */
  createCustomMiddleware(middleware: MiddlewareFunction, config: MiddlewareConfig = {}): Made {
    requireFunction('createCustomMiddleware.middleware', middleware);
    return made(middleware, config, () => true, 'custom-conditional', 5);
  }
}

function made(
  middleware: MiddlewareFunction,
  config: MiddlewareConfig,
  condition: MiddlewareCondition,
  name: string,
  priority: number,
): Made {
  return {
    middleware,
    condition: config.condition ?? condition,
    name: config.name ?? name,
    priority: config.priority ?? priority,
  };
}

function isNamed(error: unknown, names: readonly string[]): boolean {
  const [nearest] = causesOf(error);
  return names.includes(nearest?.name as string);
}

function limitExceeded(limit: number): MiddlewareError {
  return new MiddlewareError('CONCURRENCY_LIMIT_EXCEEDED', 'CONCURRENCY_LIMIT_EXCEEDED', { context: { limit } });
}

function invalid(type: string, context: Record<string, unknown>): KernelError {
  return new KernelError('VALIDATION_ERROR', `Validation failed for event ${type}`, { context });
}

/** Where log messages go: finds out what kind of logger the user passed. */
import { messageOf } from '../errors';
import { hasMethod, invoke, isObject, readMember } from './guard';
import type { LogContext, LogLevel } from './types';

/** Writes messages in the way that the user's logger understands. Never throws. */
export interface LogSink {
  write(level: LogLevel, message: string, context?: LogContext): void;
  /** Whether a message of this level is worth being built. */
  listens(level: LogLevel): boolean;
}

/**
 * Finds the logger in what the user passed as observability:
 *
 * - a logger itself (console, pino, winston ...): its level methods are called;
 * - `log(level, message, context)`;
 * - `logger.<level>(message, context)` and `logger.error(message, error, context)`.
 */
export function findSink(observability: object): LogSink | undefined {
  if (isBareLogger(observability)) return loggerSink(observability);
  if (hasMethod(observability, 'log')) return new LogMethodSink(observability);
  const logger = readMember(observability, 'logger');
  return isObject(logger) ? loggerSink(logger) : undefined;
}

/**
 * Whether this is a plain logger, so that its `trace` (a log level of pino, a stack dump of the console) is not a tracer
 * and its `log` takes no level.
 */
export function isBareLogger(observability: object): boolean {
  return (
    ['info', 'warn', 'error'].every((level) => hasMethod(observability, level)) &&
    !['logger', 'startSpan', 'withSpan', 'telemetry'].some((name) => isObject(readMember(observability, name)))
  );
}

function loggerSink(logger: object): LogSink {
  return takesObjectFirst(logger) ? new ObjectFirstSink(logger) : new MessageFirstSink(logger);
}

/** pino and bunyan; winston has `child`, too, but also `log`, and takes the message first. */
function takesObjectFirst(logger: object): boolean {
  return hasMethod(logger, 'bindings') || (hasMethod(logger, 'child') && !hasMethod(logger, 'log'));
}

abstract class Sink implements LogSink {
  readonly #hasLevels: boolean;

  constructor(protected readonly target: object) {
    this.#hasLevels = hasMethod(target, 'isLevelEnabled');
  }

  listens(level: LogLevel): boolean {
    return !this.#hasLevels || invoke(this.target, 'isLevelEnabled', level) !== false;
  }

  abstract write(level: LogLevel, message: string, context?: LogContext): void;
}

class LogMethodSink extends Sink {
  write(level: LogLevel, message: string, context?: LogContext): void {
    if (context === undefined) invoke(this.target, 'log', level, message);
    else invoke(this.target, 'log', level, message, withErrorText(context));
  }
}

class MessageFirstSink extends Sink {
  write(level: LogLevel, message: string, context?: LogContext): void {
    if (context === undefined) {
      invoke(this.target, level, message);
    } else if (level === 'error' && !hasMethod(this.target, 'log')) {
      invoke(this.target, level, message, context.error, withErrorText(context));
    } else {
      // The console and winston, which have `log`, keep no place for the error before the context.
      invoke(this.target, level, message, withErrorText(context));
    }
  }
}

class ObjectFirstSink extends Sink {
  write(level: LogLevel, message: string, context: LogContext = {}): void {
    const { error } = context;
    // `err` is the field whose stack these loggers print.
    const fields = error instanceof Error ? { ...context, error: error.message, err: error } : context;
    invoke(this.target, level, fields, message);
  }
}

function withErrorText(context: LogContext): LogContext {
  if (context.error === undefined || typeof context.error === 'string') return context;
  return { ...context, error: messageOf(context.error) };
}

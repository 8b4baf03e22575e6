import { readMember } from './observability/guard';

/** Codes of `KernelError`. */
const KERNEL_CODES = [
  'RETRY_EXCEEDED',
  'TIMEOUT_EXCEEDED',
  'ABORTED',
  'VALIDATION_ERROR',
  'UNKNOWN',
  'INTERNAL_ERROR',
  'KERNEL_QUOTA_EXCEEDED',
  'KERNEL_CONTEXT_CORRUPTION',
  'KERNEL_STATE_SYNC_FAILED',
  'KERNEL_INITIALIZATION_FAILED',
  'KERNEL_SHUTDOWN_FAILED',
  'KERNEL_OPERATION_TIMEOUT',
] as const;

/** Codes of `RuntimeError`. */
const RUNTIME_CODES = [
  'EVENT_LOOP_DETECTED',
  'EVENT_CHAIN_TOO_LONG',
  'CIRCULAR_EVENT_DETECTED',
  'CONTEXT_NOT_INITIALIZED',
  'WORKFLOW_ABORTED',
  'BUFFER_OVERFLOW',
  'HANDLER_NOT_FOUND',
  'STREAM_ERROR',
  'RUNTIME_EVENT_PROCESSING_TIMEOUT',
  'RUNTIME_MIDDLEWARE_CHAIN_BROKEN',
  'RUNTIME_STREAM_BUFFER_FULL',
  'RUNTIME_EVENT_QUEUE_FULL',
  'RUNTIME_MEMORY_EXCEEDED',
  'RUNTIME_PROCESSING_FAILED',
  'INVALID_CONFIGURATION',
  'INVALID_ARGUMENT',
  'EVENT_TOO_LARGE',
  'DUPLICATE',
  'EVENT_EXPIRED',
  'EVENT_CANCELLED',
  'RUNTIME_SHUTTING_DOWN',
  'RATE_LIMITED',
  'ACK_TIMEOUT',
  'NACKED',
  'HANDLERS_FAILED',
  'WAIT_TIMEOUT',
  'CIRCUIT_BREAKER_OPEN',
  'NOT_SERIALIZABLE',
  'JOURNAL_FAILED',
  'JOURNAL_FULL',
  'JOURNAL_LOCKED',
  'JOURNAL_CORRUPT',
  'JOURNAL_VERSION',
  'PERSISTOR_FAILED',
  'PERSISTOR_FULL',
] as const;

/** Codes of `MiddlewareError`. */
const MIDDLEWARE_CODES = [
  'CONCURRENCY_DROP',
  'CONCURRENCY_TIMEOUT',
  'CONCURRENCY_LIMIT_EXCEEDED',
  'SCHEDULE_ERROR',
  'STATE_ERROR',
  'MIDDLEWARE_INIT_ERROR',
  'MIDDLEWARE_VALIDATION_FAILED',
  'MIDDLEWARE_RETRY_EXCEEDED',
  'MIDDLEWARE_CIRCUIT_BREAKER_OPEN',
  'MIDDLEWARE_TIMEOUT_ERROR',
  'MIDDLEWARE_RATE_LIMIT_EXCEEDED',
] as const;

/** Codes of `EngineError`. */
const ENGINE_CODES = [
  'AGENT_ERROR',
  'TOOL_ERROR',
  'WORKFLOW_ERROR',
  'STEP_FAILED',
  'TOOL_NOT_FOUND',
  'INVALID_TOOL_INPUT',
  'AGENT_TIMEOUT',
  'WORKFLOW_CYCLE_DETECTED',
  'EXECUTION_TIMEOUT',
  'AGENT_LOOP_DETECTED',
  'ENGINE_AGENT_INITIALIZATION_FAILED',
  'ENGINE_TOOL_EXECUTION_TIMEOUT',
  'ENGINE_WORKFLOW_VALIDATION_FAILED',
  'ENGINE_PLANNING_FAILED',
  'ENGINE_ROUTING_FAILED',
  'ENGINE_COORDINATION_FAILED',
  'LLM_ERROR',
] as const;

/** Codes of `OrchestrationError`. */
const ORCHESTRATION_CODES = [
  'ORCHESTRATION_AGENT_NOT_FOUND',
  'ORCHESTRATION_TOOL_NOT_FOUND',
  'ORCHESTRATION_WORKFLOW_NOT_FOUND',
  'ORCHESTRATION_INVALID_CONFIGURATION',
  'ORCHESTRATION_TENANT_NOT_FOUND',
  'ORCHESTRATION_PERMISSION_DENIED',
  'ORCHESTRATION_RESOURCE_LIMIT_EXCEEDED',
  'ORCHESTRATION_OPERATION_FAILED',
] as const;

/** Codes of `KernelError`: timeouts, retries, validation, aborts. */
export type KernelErrorCode = (typeof KERNEL_CODES)[number];
/** Codes of `RuntimeError`: configuration, queue, events, streams, journal. */
export type RuntimeErrorCode = (typeof RUNTIME_CODES)[number];
/** Codes of `MiddlewareError`. */
export type MiddlewareErrorCode = (typeof MIDDLEWARE_CODES)[number];
/** Codes of `EngineError`; the framework's engines raise them. */
export type EngineErrorCode = (typeof ENGINE_CODES)[number];
/** Codes of `OrchestrationError`; the framework's orchestration raises them. */
export type OrchestrationErrorCode = (typeof ORCHESTRATION_CODES)[number];
/** Every code of the family. */
export type ErrorCode =
  KernelErrorCode | RuntimeErrorCode | MiddlewareErrorCode | EngineErrorCode | OrchestrationErrorCode;

/** What an error of the family may carry. */
export interface SDKErrorOptions {
  /** What led to it. */
  cause?: unknown;
  /** Fields for logs and for programs. */
  context?: Record<string, unknown>;
  /** Whether going on makes sense. Default false. */
  recoverable?: boolean;
  /** Whether trying again makes sense. Default false. */
  retryable?: boolean;
}

/** The base of all errors that the runtime raises itself: a stable `code`, a message that says what to do, `cause`. */
export abstract class BaseSDKError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly context: Record<string, unknown> | undefined;
  readonly recoverable: boolean;
  readonly retryable: boolean;
  /** When it was made, in milliseconds since the epoch. */
  readonly timestamp: number;
  override readonly cause: unknown;

  constructor(options: { code: Code; message?: string } & SDKErrorOptions) {
    super(options.message);
    this.name = new.target.name;
    this.code = options.code;
    this.cause = options.cause;
    this.context = options.context;
    this.recoverable = options.recoverable ?? false;
    this.retryable = options.retryable ?? false;
    this.timestamp = Date.now();
  }

  /** A plain object for logs; a `cause` that is an Error becomes its name, message and stack. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, recoverable, retryable, timestamp, context, cause, stack } = this;
    const plainCause =
      cause instanceof Error ? { name: cause.name, message: cause.message, stack: cause.stack } : cause;
    return { name, code, message, recoverable, retryable, timestamp, context, cause: plainCause, stack };
  }
}

/** Raised by policies around handlers: timeouts, retries, validation. */
export class KernelError extends BaseSDKError<KernelErrorCode> {
  constructor(code: KernelErrorCode, message = `Kernel error: ${code}`, options: SDKErrorOptions = {}) {
    super({ ...options, code, message });
    this.name = 'KernelError';
  }
}

/** Raised by the runtime itself: refusals, chains, configuration, shutdown. */
export class RuntimeError extends BaseSDKError<RuntimeErrorCode> {
  constructor(code: RuntimeErrorCode, message = `Runtime error: ${code}`, options: SDKErrorOptions = {}) {
    super({ ...options, code, message });
    this.name = 'RuntimeError';
  }
}

/** Raised by engines of the framework. */
export class EngineError extends BaseSDKError<EngineErrorCode> {
  constructor(code: EngineErrorCode, message = `Engine error: ${code}`, options: SDKErrorOptions = {}) {
    super({ ...options, code, message });
    this.name = 'EngineError';
  }
}

/** Raised by the framework's orchestration. */
export class OrchestrationError extends BaseSDKError<OrchestrationErrorCode> {
  constructor(code: OrchestrationErrorCode, message = `Orchestration error: ${code}`, options: SDKErrorOptions = {}) {
    super({ ...options, code, message });
    this.name = 'OrchestrationError';
  }
}

const isMiddlewareCode = (text: string): text is MiddlewareErrorCode =>
  (MIDDLEWARE_CODES as readonly string[]).includes(text);

const OPTION_KEYS = ['cause', 'context', 'recoverable', 'retryable'];

const hasOptionsShape = (value: unknown): value is SDKErrorOptions =>
  value === undefined ||
  (typeof value === 'object' && value !== null && Object.keys(value).every((key) => OPTION_KEYS.includes(key)));

/**
 * Raised by middleware. Two forms are in use and both work: `(code, message?, options?)` and
 * `(middleware, message, context?)`, whose message reads `[<middleware>] <message>`.
 */
export class MiddlewareError extends BaseSDKError<string> {
  /** Name of the middleware, in the second form. */
  readonly middleware: string | undefined;

  constructor(code: MiddlewareErrorCode, message?: string, options?: SDKErrorOptions);
  constructor(middleware: string, message: string, context?: Record<string, unknown>);
  constructor(first: string, message?: string, third?: SDKErrorOptions | Record<string, unknown>) {
    if (isMiddlewareCode(first) && hasOptionsShape(third)) {
      super({ ...third, code: first, message: message ?? `Middleware error: ${first}` });
    } else {
      const context = third as Record<string, unknown> | undefined;
      const cause = context?.originalError;
      super({ code: 'STATE_ERROR', message: `[${first}] ${message}`, ...(context && { context }), cause });
      this.middleware = first;
    }
    this.name = 'MiddlewareError';
  }
}

type ErrorFactory = (code: string, message: string, options: SDKErrorOptions) => BaseSDKError;

const FAMILY: readonly [readonly string[], ErrorFactory][] = [
  [KERNEL_CODES, (code, message, options) => new KernelError(code as KernelErrorCode, message, options)],
  [RUNTIME_CODES, (code, message, options) => new RuntimeError(code as RuntimeErrorCode, message, options)],
  [MIDDLEWARE_CODES, (code, message, options) => new MiddlewareError(code as MiddlewareErrorCode, message, options)],
  [ENGINE_CODES, (code, message, options) => new EngineError(code as EngineErrorCode, message, options)],
  [
    ORCHESTRATION_CODES,
    (code, message, options) => new OrchestrationError(code as OrchestrationErrorCode, message, options),
  ],
];

const field = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;

/** The message of anything that may be thrown. Never throws itself, whatever the thing is. */
export function messageOf(error: unknown): string {
  if (typeof error === 'string') return error;
  try {
    const message = field(error, 'message');
    return typeof message === 'string' ? message : String(error);
  } catch {
    // An object without `toString`, or with one that throws.
    return 'something that has no text was thrown';
  }
}

/** Makes an error of the family of anything: SDK errors are returned as they are, others become the `cause`. */
export function wrapError(
  error: unknown,
  code: ErrorCode = 'UNKNOWN',
  context?: Record<string, unknown>,
): BaseSDKError {
  if (error instanceof BaseSDKError) return error;
  const options: SDKErrorOptions = { cause: error, ...(context && { context }) };
  const make = FAMILY.find(([codes]) => codes.includes(code))?.[1];
  return make ? make(code, messageOf(error), options) : new KernelError('UNKNOWN', messageOf(error), options);
}

const RECOVERABLE_CODES = ['NETWORK_ERROR', 'TIMEOUT_ERROR', 'ECONNRESET', 'ENOTFOUND'];
const RETRYABLE_STATUSES = [408, 429, 500, 502, 503, 504];

/** SDK errors: their flag; others: whether the code is one of a broken connection. */
export function isErrorRecoverable(error: unknown): boolean {
  if (error instanceof BaseSDKError) return error.recoverable;
  return RECOVERABLE_CODES.includes(readMember(Object(error) as object, 'code') as string);
}

/** SDK errors: their flag; others: whether the HTTP status is one of a passing fault. */
export function isErrorRetryable(error: unknown): boolean {
  if (error instanceof BaseSDKError) return error.retryable;
  return RETRYABLE_STATUSES.includes(readMember(Object(error) as object, 'status') as number);
}

/** The functions above under one name. */
export const ErrorUtils = {
  isRecoverable: isErrorRecoverable,
  isRetryable: isErrorRetryable,
  wrap: wrapError,
} as const;

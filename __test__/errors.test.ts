import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import {
  BaseSDKError,
  EngineError,
  ErrorUtils,
  KernelError,
  MiddlewareError,
  OrchestrationError,
  RuntimeError,
  isErrorRecoverable,
  isErrorRetryable,
  wrapError,
} from '../lib/index';
import { describeThrown } from '../lib/describe-thrown';
import { messageOf } from '../lib/errors';
import type { ErrorCode, KernelErrorCode, RuntimeErrorCode } from '../lib/index';

const CLASSES = [
  ['KernelError', 'Kernel', () => new KernelError('ABORTED'), 'ABORTED'],
  ['RuntimeError', 'Runtime', () => new RuntimeError('BUFFER_OVERFLOW'), 'BUFFER_OVERFLOW'],
  ['EngineError', 'Engine', () => new EngineError('LLM_ERROR'), 'LLM_ERROR'],
  ['MiddlewareError', 'Middleware', () => new MiddlewareError('CONCURRENCY_DROP'), 'CONCURRENCY_DROP'],
  [
    'OrchestrationError',
    'Orchestration',
    () => new OrchestrationError('ORCHESTRATION_TENANT_NOT_FOUND'),
    'ORCHESTRATION_TENANT_NOT_FOUND',
  ],
] as const;

const CODES = {
  KernelError: `RETRY_EXCEEDED TIMEOUT_EXCEEDED ABORTED VALIDATION_ERROR UNKNOWN INTERNAL_ERROR KERNEL_QUOTA_EXCEEDED
    KERNEL_CONTEXT_CORRUPTION KERNEL_STATE_SYNC_FAILED KERNEL_INITIALIZATION_FAILED KERNEL_SHUTDOWN_FAILED
    KERNEL_OPERATION_TIMEOUT`,
  RuntimeError: `EVENT_LOOP_DETECTED EVENT_CHAIN_TOO_LONG CIRCULAR_EVENT_DETECTED CONTEXT_NOT_INITIALIZED WORKFLOW_ABORTED
    BUFFER_OVERFLOW HANDLER_NOT_FOUND STREAM_ERROR RUNTIME_EVENT_PROCESSING_TIMEOUT RUNTIME_MIDDLEWARE_CHAIN_BROKEN
    RUNTIME_STREAM_BUFFER_FULL RUNTIME_EVENT_QUEUE_FULL RUNTIME_MEMORY_EXCEEDED RUNTIME_PROCESSING_FAILED
    INVALID_CONFIGURATION INVALID_ARGUMENT EVENT_TOO_LARGE DUPLICATE EVENT_EXPIRED EVENT_CANCELLED
    RUNTIME_SHUTTING_DOWN RATE_LIMITED ACK_TIMEOUT NACKED HANDLERS_FAILED`,
  MiddlewareError: `CONCURRENCY_DROP CONCURRENCY_TIMEOUT SCHEDULE_ERROR STATE_ERROR MIDDLEWARE_INIT_ERROR
    MIDDLEWARE_VALIDATION_FAILED MIDDLEWARE_RETRY_EXCEEDED MIDDLEWARE_CIRCUIT_BREAKER_OPEN MIDDLEWARE_TIMEOUT_ERROR
    MIDDLEWARE_RATE_LIMIT_EXCEEDED`,
  EngineError: `AGENT_ERROR TOOL_ERROR WORKFLOW_ERROR STEP_FAILED TOOL_NOT_FOUND INVALID_TOOL_INPUT AGENT_TIMEOUT
    WORKFLOW_CYCLE_DETECTED EXECUTION_TIMEOUT AGENT_LOOP_DETECTED ENGINE_AGENT_INITIALIZATION_FAILED
    ENGINE_TOOL_EXECUTION_TIMEOUT ENGINE_WORKFLOW_VALIDATION_FAILED ENGINE_PLANNING_FAILED ENGINE_ROUTING_FAILED
    ENGINE_COORDINATION_FAILED LLM_ERROR`,
  OrchestrationError: `ORCHESTRATION_AGENT_NOT_FOUND ORCHESTRATION_TOOL_NOT_FOUND ORCHESTRATION_WORKFLOW_NOT_FOUND
    ORCHESTRATION_INVALID_CONFIGURATION ORCHESTRATION_TENANT_NOT_FOUND ORCHESTRATION_PERMISSION_DENIED
    ORCHESTRATION_RESOURCE_LIMIT_EXCEEDED ORCHESTRATION_OPERATION_FAILED`,
};
const codesOf = (name: string): ErrorCode[] => CODES[name as keyof typeof CODES].split(/\s+/) as ErrorCode[];

describe('an error of the family', () => {
  it.each(CLASSES)('%s has a name, a default message and is what it says it is', (name, word, make, code) => {
    const error = make();
    expect(error).toBeInstanceOf(BaseSDKError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
    expect(error.code).toBe(code);
    expect(error.message).toBe(`${word} error: ${code}`);
    expect(error.stack).toContain('errors.test');
    expect(error.recoverable).toBe(false);
    expect(error.retryable).toBe(false);
    expect(error.cause).toBeUndefined();
    expect(error.context).toBeUndefined();
  });

  it('keeps what it is given', () => {
    const cause = new Error('why');
    const context = { a: 1 };
    const error = new RuntimeError('NACKED', 'no', { cause, context, recoverable: true, retryable: true });
    expect(error).toMatchObject({ message: 'no', recoverable: true, retryable: true });
    expect(error.cause).toBe(cause);
    expect(error.context).toBe(context);
  });

  it('says when it was made', () => {
    vi.useFakeTimers({ now: 1234 });
    expect(new KernelError('UNKNOWN').timestamp).toBe(1234);
    vi.useRealTimers();
  });

  it('takes undefined for "not given"', () => {
    const error = new RuntimeError('NACKED', undefined, { retryable: undefined as never });
    expect(error.message).toBe('Runtime error: NACKED');
    expect(error.retryable).toBe(false);
  });

  it('may be the base of a class of the caller', () => {
    class Mine extends BaseSDKError<'MINE'> {
      constructor() {
        super({ code: 'MINE', message: 'mine', retryable: true });
      }
    }
    expect(new Mine()).toMatchObject({ name: 'Mine', code: 'MINE', message: 'mine', retryable: true });
    expect(wrapError(new Mine())).toBeInstanceOf(Mine);
  });

  it('becomes a plain object whose cause is plain too', () => {
    const cause = new TypeError('why');
    const error = new KernelError('ABORTED', 'stop', { cause, context: { a: 1 } });
    expect(error.toJSON()).toEqual({
      name: 'KernelError',
      code: 'ABORTED',
      message: 'stop',
      recoverable: false,
      retryable: false,
      timestamp: error.timestamp,
      context: { a: 1 },
      cause: { name: 'TypeError', message: 'why', stack: cause.stack },
      stack: error.stack,
    });
    expect(Object.keys(error.toJSON()).join()).toBe(
      'name,code,message,recoverable,retryable,timestamp,context,cause,stack',
    );
    expect(new KernelError('ABORTED', 'stop', { cause: 'text' }).toJSON().cause).toBe('text');
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'ABORTED', cause: { message: 'why' } });
  });
});

describe('MiddlewareError', () => {
  it('takes a code, a message and options', () => {
    const cause = new Error('why');
    const error = new MiddlewareError('CONCURRENCY_TIMEOUT', 'waited', { cause, retryable: true });
    expect(error).toMatchObject({ code: 'CONCURRENCY_TIMEOUT', message: 'waited', retryable: true });
    expect(error.cause).toBe(cause);
    expect(error.middleware).toBeUndefined();
  });

  it('takes the name of a middleware, a message and a context', () => {
    const context = { eventId: 'e' };
    const error = new MiddlewareError('withAudit', 'no room', context);
    expect(error).toMatchObject({ name: 'MiddlewareError', message: '[withAudit] no room', middleware: 'withAudit' });
    expect(error.context).toBe(context);
    expect(new MiddlewareError('withAudit', 'no room').context).toBeUndefined();
  });

  it('takes a middleware that is called like a code, if a context follows', () => {
    const error = new MiddlewareError('STATE_ERROR' as string, 'no room', { eventId: 'e' });
    expect(error).toMatchObject({ message: '[STATE_ERROR] no room', middleware: 'STATE_ERROR' });
  });
});

describe('wrapError', () => {
  it('returns errors of the family as they are', () => {
    const error = new EngineError('LLM_ERROR');
    expect(wrapError(error, 'ABORTED')).toBe(error);
  });

  it.each(Object.keys(CODES))('makes a %s of each of its codes', (name) => {
    const cause = new Error('why');
    for (const code of codesOf(name)) {
      const wrapped = wrapError(cause, code, { a: 1 });
      expect(wrapped).toMatchObject({ name, code, message: 'why', context: { a: 1 } });
      expect(wrapped.cause).toBe(cause);
    }
  });

  it('makes an unknown KernelError of everything else', () => {
    expect(wrapError(new Error('why'))).toMatchObject({ name: 'KernelError', code: 'UNKNOWN', message: 'why' });
    expect(wrapError('why', 'SOMETHING' as never)).toMatchObject({
      name: 'KernelError',
      code: 'UNKNOWN',
      cause: 'why',
    });
  });

  it.each([[null], [undefined], [Symbol('s')], [Object.create(null)], [10n], [{ message: 7 }]])(
    'wraps whatever can be thrown: %o',
    (thrown) => {
      const wrapped = wrapError(thrown);
      expect(wrapped.cause).toBe(thrown);
      expect(typeof wrapped.message).toBe('string');
    },
  );
});

describe('what was thrown', () => {
  const broken = {
    get message(): string {
      throw new Error('getter');
    },
  };

  it('has a message, whatever it is', () => {
    expect(messageOf(new Error('why'))).toBe('why');
    expect(messageOf('why')).toBe('why');
    expect(messageOf({ message: 'why' })).toBe('why');
    expect(messageOf(null)).toBe('null');
    expect(messageOf(Symbol('s'))).toBe('Symbol(s)');
    expect(messageOf(Object.create(null))).toBe('something that has no text was thrown');
    expect(messageOf(broken)).toBe('something that has no text was thrown');
  });

  it('can be described, whatever it is', () => {
    expect(describeThrown(new RuntimeError('NACKED', 'no'))).toMatchObject({
      message: 'no',
      names: ['RuntimeError'],
      codes: ['NACKED'],
    });
    expect(describeThrown(broken)).toMatchObject({
      message: 'something that has no text was thrown',
      names: [],
      codes: [],
    });
  });
});

describe('isErrorRecoverable and isErrorRetryable', () => {
  it('read the flags of errors of the family, and nothing else of them', () => {
    const error = new KernelError('ABORTED', 'stop', { recoverable: true });
    expect([isErrorRecoverable(error), isErrorRetryable(error)]).toEqual([true, false]);
    const withStatus = Object.assign(new KernelError('TIMEOUT_EXCEEDED'), { status: 503 });
    expect(isErrorRetryable(withStatus)).toBe(false);
  });

  it.each(['NETWORK_ERROR', 'TIMEOUT_ERROR', 'ECONNRESET', 'ENOTFOUND'])('finds %s recoverable', (code) => {
    expect(isErrorRecoverable(Object.assign(new Error(), { code }))).toBe(true);
    expect(isErrorRecoverable({ code })).toBe(true);
  });

  it.each([408, 429, 500, 502, 503, 504])('finds status %i retryable', (status) => {
    expect(isErrorRetryable({ status })).toBe(true);
  });

  it.each([[null], [undefined], ['ECONNRESET'], [{}], [{ status: 404, code: 'ENOENT' }], [{ status: '503' }]])(
    'finds neither in %o',
    (error) => {
      expect([isErrorRecoverable(error), isErrorRetryable(error)]).toEqual([false, false]);
    },
  );

  it('are gathered in ErrorUtils', () => {
    expect(ErrorUtils).toEqual({ isRecoverable: isErrorRecoverable, isRetryable: isErrorRetryable, wrap: wrapError });
  });
});

describe('the types of errors', () => {
  it('narrow the code', () => {
    expectTypeOf(new KernelError('ABORTED').code).toEqualTypeOf<KernelErrorCode>();
    expectTypeOf<RuntimeErrorCode>().toExtend<ErrorCode>();
    expectTypeOf<'DUPLICATE'>().toExtend<RuntimeErrorCode>();
    // @ts-expect-error a code of another class
    new KernelError('DUPLICATE');
    expectTypeOf(wrapError).returns.toEqualTypeOf<BaseSDKError>();
  });
});

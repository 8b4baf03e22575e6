import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { eventSpanOptions } from '../lib/observability/event-trace';
import { createPort } from '../lib/observability/port';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function levels() {
  return { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
}

describe('what the user may pass', () => {
  test.each([undefined, null, {}, 7, 'console', [], () => {}])('%s gives a port that does nothing', async (given) => {
    const port = createPort(given, true);
    expect([port.canLog, port.canTrace, port.canSpan]).toEqual([false, false, false]);
    expect(port.listens('error')).toBe(false);
    port.log('error', 'nobody hears this');
    port.flood('key', 'error', 'nor this');
    port.flushFloods();
    expect(port.startSpan('none')).toBeUndefined();
    expect(port.currentSpan()).toBeUndefined();
    expect(await port.trace('none', () => 1)).toBe(1);
    expect(await port.withSpan(undefined, async () => 2)).toBe(2);
    await expect(port.trace('none', () => Promise.reject(new Error('own')))).rejects.toThrow('own');
  });

  test('a port that is off calls nothing', async () => {
    const user = { log: vi.fn(), trace: vi.fn(), startSpan: vi.fn(), isLevelEnabled: vi.fn() };
    const port = createPort(user, false);
    expect([port.enabled, port.canLog, port.canTrace, port.canSpan]).toEqual([false, false, false, false]);
    port.log('error', 'message');
    port.flood('key', 'error', 'message', () => {
      throw new Error('must not be built');
    });
    port.startSpan('name');
    await port.trace('name', () => {});
    for (const mock of Object.values(user)) expect(mock).not.toHaveBeenCalled();
  });

  test('log(level, message, context)', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    expect(port.canLog).toBe(true);
    port.log('warn', 'refused', { eventId: 'e1' });
    port.log('info', 'started');
    expect(log.mock.calls).toEqual([
      ['warn', 'refused', { eventId: 'e1' }],
      ['info', 'started'],
    ]);
  });

  test('with log, the message of an error is in context.error', () => {
    const log = vi.fn();
    createPort({ log }, true).log('error', 'handler failed', { eventId: 'e1', error: new Error('boom') });
    expect(log).toHaveBeenCalledWith('error', 'handler failed', { eventId: 'e1', error: 'boom' });
  });

  test('logger.<level>(message, context) and logger.error(message, error, context)', () => {
    const logger = levels();
    const port = createPort({ logger }, true);
    const error = new Error('boom');
    port.log('debug', 'a', { attempt: 1 });
    port.log('info', 'b');
    port.log('warn', 'c', { queueSize: 3 });
    port.log('error', 'd', { eventId: 'e1', error });
    port.log('error', 'e', { eventId: 'e2' });
    expect(logger.debug).toHaveBeenCalledWith('a', { attempt: 1 });
    expect(logger.info).toHaveBeenCalledWith('b');
    expect(logger.warn).toHaveBeenCalledWith('c', { queueSize: 3 });
    expect(logger.error.mock.calls).toEqual([
      ['d', error, { eventId: 'e1', error: 'boom' }],
      ['e', undefined, { eventId: 'e2' }],
    ]);
  });

  test('log is preferred to logger', () => {
    const user = { log: vi.fn(), logger: levels() };
    createPort(user, true).log('info', 'message');
    expect(user.log).toHaveBeenCalledOnce();
    expect(user.logger.info).not.toHaveBeenCalled();
  });

  test('a logger that lacks a level loses only that level', () => {
    const logger = { error: vi.fn() };
    const port = createPort({ logger }, true);
    port.log('debug', 'lost');
    port.log('error', 'kept');
    expect(logger.error).toHaveBeenCalledWith('kept');
  });

  test('the console itself: its log takes no level, its trace is no tracer', async () => {
    const user = { ...levels(), log: vi.fn(), trace: vi.fn() };
    const port = createPort(user, true);
    port.log('warn', 'message', { eventId: 'e1' });
    port.log('error', 'failed', { error: new Error('boom') });
    expect(user.warn).toHaveBeenCalledWith('message', { eventId: 'e1' });
    expect(user.error).toHaveBeenCalledWith('failed', { error: 'boom' });
    expect(port.canTrace).toBe(false);
    expect(await port.trace('name', () => 'ran')).toBe('ran');
    expect(user.log).not.toHaveBeenCalled();
    expect(user.trace).not.toHaveBeenCalled();
  });

  test.each(['bindings', 'child'])('a pino-like logger, known by %s, takes the object first', (mark) => {
    const user = { ...levels(), trace: vi.fn(), [mark]: vi.fn() };
    const port = createPort(user, true);
    const error = new Error('boom');
    port.log('info', 'message', { eventId: 'e1' });
    port.log('warn', 'bare');
    port.log('error', 'failed', { eventId: 'e1', error });
    expect(user.info).toHaveBeenCalledWith({ eventId: 'e1' }, 'message');
    expect(user.warn).toHaveBeenCalledWith({}, 'bare');
    expect(user.error).toHaveBeenCalledWith({ eventId: 'e1', error: 'boom', err: error }, 'failed');
    expect(port.canTrace).toBe(false);
  });

  test('a winston-like logger has child, too, but takes the message first', () => {
    const user = { ...levels(), log: vi.fn(), child: vi.fn() };
    createPort(user, true).log('info', 'message', { eventId: 'e1' });
    expect(user.info).toHaveBeenCalledWith('message', { eventId: 'e1' });
  });

  test('a pino-like logger may also be the logger of an observability object', () => {
    const logger = { ...levels(), bindings: vi.fn() };
    createPort({ logger, trace: vi.fn() }, true).log('info', 'message', { eventId: 'e1' });
    expect(logger.info).toHaveBeenCalledWith({ eventId: 'e1' }, 'message');
  });

  test('methods are called on their object', () => {
    class Sink {
      readonly lines: string[] = [];
      log(level: string, message: string): void {
        this.lines.push(`${level} ${message}`);
      }
    }
    const sink = new Sink();
    createPort(sink, true).log('info', 'message');
    expect(sink.lines).toEqual(['info message']);
  });

  test('a logger that knows its level is asked before anything is built', () => {
    const user = { ...levels(), isLevelEnabled: (level: string) => level !== 'debug' };
    const port = createPort(user, true);
    expect(port.listens('debug')).toBe(false);
    expect(port.listens('info')).toBe(true);
    const build = vi.fn(() => ({}));
    port.flood('key', 'debug', 'message', build);
    expect(build).not.toHaveBeenCalled();
  });
});

describe('an observability object that misbehaves', () => {
  const fail = (): never => {
    throw new Error('sink is broken');
  };

  test.each([
    ['log', { log: fail }],
    ['logger', { logger: { debug: fail, info: fail, warn: fail, error: fail } }],
    ['an asynchronous log', { log: () => Promise.reject(new Error('sink is broken')) }],
    ['a broken thenable', { log: () => ({ then: fail }) }],
    ['isLevelEnabled', { log: () => {}, isLevelEnabled: fail }],
    ['a getter', Object.defineProperty({}, 'log', { get: fail })],
  ])('%s that fails harms nothing', async (_name, user) => {
    const port = createPort(user, true);
    expect(() => port.log('error', 'message', { error: new Error('boom') })).not.toThrow();
    expect(() => port.flood('key', 'warn', 'message')).not.toThrow();
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('an error without a readable message harms nothing', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    const nasty = Object.defineProperty({}, 'message', { get: fail });
    port.log('error', 'a', { error: nasty });
    port.log('error', 'b', { error: null });
    port.log('error', 'c', { error: Object.create(null) });
    expect(log.mock.calls.map(([, , context]) => context)).toEqual([
      { error: 'something that has no text was thrown' },
      { error: 'null' },
      { error: 'something that has no text was thrown' },
    ]);
  });
});

describe('trace', () => {
  test('is given name, function and options, and passes the result on', async () => {
    const trace = vi.fn((_name: string, fn: () => unknown, _options: unknown) => fn());
    const port = createPort({ trace }, true);
    expect(port.canTrace).toBe(true);
    const options = eventSpanOptions({ type: 'user.created', executionId: 'x1', correlationId: 'c1', tenantId: 't1' });
    expect(await port.trace('workflow.step', async () => 42, options)).toBe(42);
    expect(trace).toHaveBeenCalledWith('workflow.step', expect.any(Function), {
      correlationId: 'c1',
      tenantId: 't1',
      executionId: 'x1',
      attributes: {
        'workflow.name': 'event-processing',
        'workflow.step': 'user.created',
        'workflow.execution.id': 'x1',
        eventType: 'user.created',
      },
    });
  });

  test('the size of an event is given if it is known', () => {
    expect(eventSpanOptions({ type: 'a', executionId: 'x', eventSize: 12 }).attributes).toMatchObject({
      eventSize: 12,
    });
  });

  test('passes the very error on', async () => {
    const port = createPort({ trace: (_name: string, fn: () => unknown) => fn() }, true);
    const error = new Error('own');
    await expect(port.trace('name', () => Promise.reject(error))).rejects.toBe(error);
    await expect(
      port.trace('name', () => {
        throw error;
      }),
    ).rejects.toBe(error);
  });

  test('waits for what the tracer does after the function', async () => {
    const order: string[] = [];
    const trace = async (_name: string, fn: () => Promise<unknown>) => {
      await fn();
      await new Promise((resolve) => setTimeout(resolve, 1));
      order.push('traced');
    };
    await createPort({ trace }, true).trace('name', () => order.push('ran'));
    expect(order).toEqual(['ran', 'traced']);
  });

  type Fn = () => Promise<unknown>;
  const broken: [string, (name: string, fn: Fn) => unknown][] = [
    [
      'throws before it calls',
      () => {
        throw new Error('tracer');
      },
    ],
    [
      'rejects after it called',
      async (_name, fn) => {
        await fn();
        throw new Error('tracer');
      },
    ],
    ['never calls', () => undefined],
    [
      'calls twice',
      async (_name, fn) => {
        await fn();
        await fn();
      },
    ],
    [
      'does not wait',
      (_name, fn) => {
        void fn();
      },
    ],
    [
      'answers something else',
      async (_name, fn) => {
        await fn();
        return 'other';
      },
    ],
  ];

  test.each(broken)('a tracer that %s leaves the run and its result alone', async (_name, trace) => {
    const fn = vi.fn(async () => 'own');
    expect(await createPort({ trace }, true).trace('name', fn)).toBe('own');
    expect(fn).toHaveBeenCalledOnce();
  });

  test.each(broken)('a tracer that %s leaves the error alone', async (_name, trace) => {
    const fn = vi.fn(() => Promise.reject(new Error('own')));
    await expect(createPort({ trace }, true).trace('name', fn)).rejects.toThrow('own');
    expect(fn).toHaveBeenCalledOnce();
  });

  test('a tracer that swallows the error does not hide it', async () => {
    const trace = async (_name: string, fn: Fn) => {
      await fn().catch(() => {});
    };
    await expect(createPort({ trace }, true).trace('name', () => Promise.reject(new Error('own')))).rejects.toThrow(
      'own',
    );
  });

  test('a tracer that fails is logged, a function that fails inside it is not', async () => {
    const log = vi.fn();
    const trace = vi.fn((_name: string, fn: Fn): unknown => fn());
    const port = createPort({ log, trace }, true);
    await expect(port.trace('name', () => Promise.reject(new Error('own')))).rejects.toThrow();
    expect(log).not.toHaveBeenCalled();
    trace.mockImplementation(() => {
      throw new Error('tracer');
    });
    await port.trace('name', () => {});
    expect(log).toHaveBeenCalledWith('warn', expect.any(String), { error: 'tracer' });
  });

  test('a tracer that says it is off is not asked to trace', () => {
    const user = { trace: vi.fn(), isTraceEnabled: vi.fn(() => false) };
    const port = createPort(user, true);
    expect(port.canTrace).toBe(false);
    user.isTraceEnabled.mockReturnValue(true);
    expect(port.canTrace).toBe(true);
  });
});

describe('spans', () => {
  function tracer() {
    const span = {
      setAttribute: vi.fn(),
      setAttributes: vi.fn(),
      setStatus: vi.fn(),
      recordException: vi.fn(),
      addEvent: vi.fn(),
      end: vi.fn(),
      getSpanContext: vi.fn(() => ({ traceId: 't', spanId: 's' })),
      isRecording: vi.fn(() => true),
    };
    const methods = {
      startSpan: vi.fn(() => span),
      withSpan: vi.fn((_span: unknown, fn: () => unknown) => fn()),
    };
    return { span, methods };
  }

  test.each([
    ['the object', (methods: object) => methods],
    ['its telemetry', (telemetry: object) => ({ telemetry })],
  ])('are those of %s', async (_name, wrap) => {
    const { span, methods } = tracer();
    const port = createPort(wrap(methods), true);
    expect(port.canSpan).toBe(true);
    const started = port.startSpan('name', { attributes: { a: 1 } });
    expect(methods.startSpan).toHaveBeenCalledWith('name', { attributes: { a: 1 } });
    expect(await port.withSpan(started, async () => 'result')).toBe('result');
    expect(methods.withSpan).toHaveBeenCalledWith(span, expect.any(Function));

    const error = new Error('boom');
    started?.setAttribute('key', 1);
    started?.setAttributes({ b: true });
    started?.setStatus({ code: 'error', message: 'boom' });
    started?.recordException(error);
    started?.addEvent('retry', { attempt: 2 });
    expect(started?.getSpanContext()).toEqual({ traceId: 't', spanId: 's' });
    expect(started?.isRecording()).toBe(true);
    started?.end();
    expect(span.setAttribute).toHaveBeenCalledWith('key', 1);
    expect(span.setAttributes).toHaveBeenCalledWith({ b: true });
    expect(span.setStatus).toHaveBeenCalledWith({ code: 'error', message: 'boom' });
    expect(span.recordException).toHaveBeenCalledWith(error);
    expect(span.addEvent).toHaveBeenCalledWith('retry', { attempt: 2 });
    expect(span.end).toHaveBeenCalledOnce();
  });

  test('end reaches the span once, and not if the tracer has ended it', () => {
    const { span, methods } = tracer();
    const port = createPort(methods, true);
    const started = port.startSpan('name');
    started?.end();
    started?.end();
    expect(span.end).toHaveBeenCalledOnce();
    expect(started?.isRecording()).toBe(false);

    span.isRecording.mockReturnValue(false);
    port.startSpan('name')?.end();
    expect(span.end).toHaveBeenCalledOnce();
  });

  test('a span with few methods, or methods that throw, harms nothing', () => {
    const setAttribute = vi.fn();
    const port = createPort(
      {
        startSpan: () => ({
          setAttribute,
          end: () => {
            throw new Error('span');
          },
        }),
      },
      true,
    );
    const span = port.startSpan('name');
    span?.setAttributes({ a: 1, b: 2 });
    expect(setAttribute.mock.calls).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    span?.setStatus({ code: 'ok' });
    span?.recordException(new Error('x'));
    expect(span?.getSpanContext()).toBeUndefined();
    expect(() => span?.end()).not.toThrow();
  });

  test('a startSpan that throws or answers nothing gives no span, and the function still runs', async () => {
    const throwing = createPort(
      {
        startSpan: () => {
          throw new Error('tracer');
        },
      },
      true,
    );
    expect(throwing.startSpan('name')).toBeUndefined();
    expect(await throwing.withSpan(undefined, () => 'ran')).toBe('ran');
    expect(createPort({ startSpan: () => null }, true).startSpan('name')).toBeUndefined();
  });

  test('without withSpan the function just runs, and a broken one does not stop it', async () => {
    const { span, methods } = tracer();
    const bare = createPort({ startSpan: methods.startSpan }, true);
    expect(await bare.withSpan(bare.startSpan('name'), () => 'ran')).toBe('ran');
    const broken = createPort(
      {
        startSpan: () => span,
        withSpan: () => {
          throw new Error('tracer');
        },
      },
      true,
    );
    expect(await broken.withSpan(broken.startSpan('name'), () => 'ran')).toBe('ran');
  });

  test('currentSpan is that of getCurrentSpan', () => {
    const { span, methods } = tracer();
    createPort({ ...methods, getCurrentSpan: () => span }, true)
      .currentSpan()
      ?.setAttribute('a', 1);
    expect(span.setAttribute).toHaveBeenCalledWith('a', 1);
  });
});

describe('floods', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  test('the first is told, the rest are counted and told once a second', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    const build = vi.fn(() => ({ queueSize: 1000 }));
    for (let n = 0; n < 10_000; n += 1) port.flood('refused.full', 'warn', 'refused', build);
    expect(log.mock.calls).toEqual([['warn', 'refused', { queueSize: 1000 }]]);
    expect(build).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(1_000);
    port.flood('refused.full', 'warn', 'refused', build);
    expect(log).toHaveBeenLastCalledWith('warn', 'refused', { queueSize: 1000, suppressed: 9_999 });
    expect(log).toHaveBeenCalledTimes(2);
  });

  test('a flood that goes on is told with the fields of its messages, one that is over with its count', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    for (let n = 0; n < 50; n += 1) {
      port.flood('a', 'warn', 'refused', { queueSize: n });
      vi.advanceTimersByTime(100);
    }
    const [first, ...others] = log.mock.calls.map(([, , context]) => context);
    expect(first).toEqual({ queueSize: 0 });
    expect(others).toEqual([10, 20, 30, 40].map((queueSize) => ({ queueSize, suppressed: 9 })));
    log.mockClear();
    vi.advanceTimersByTime(10_000);
    expect(log.mock.calls).toEqual([['warn', 'refused', { suppressed: 9 }]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a port without floods has no timer, and one that is flushed has none any more', () => {
    const port = createPort({ log: vi.fn() }, true);
    port.flood('a', 'warn', 'alone');
    expect(vi.getTimerCount()).toBe(0);
    port.flood('a', 'warn', 'again');
    expect(vi.getTimerCount()).toBe(1);
    port.flushFloods();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('keys count apart', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    port.flood('a', 'warn', 'a');
    port.flood('b', 'warn', 'b');
    port.flood('a', 'warn', 'a');
    expect(log.mock.calls).toEqual([
      ['warn', 'a'],
      ['warn', 'b'],
    ]);
  });

  test('kinds of a key count apart, as long as they are few', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    for (let n = 0; n < 5; n += 1) port.flood('failed', 'error', 'often', undefined, 'often');
    port.flood('failed', 'error', 'rare', undefined, 'rare');
    expect(log.mock.calls.map(([, message]) => message)).toEqual(['often', 'rare']);
    log.mockClear();
    for (let n = 0; n < 1_000; n += 1) port.flood('failed', 'error', `kind ${n}`, undefined, `kind ${n}`);
    // 98 kinds more, and the key itself for all the others.
    expect(log).toHaveBeenCalledTimes(99);
    port.flood('another', 'warn', 'another');
    expect(log).toHaveBeenLastCalledWith('warn', 'another');
    log.mockClear();
    port.flushFloods();
    const told = log.mock.calls.map(([, message, { suppressed }]) => [message, suppressed]);
    expect(told).toEqual([
      ['often', 4],
      ['kind 999', 901],
    ]);
  });

  test('flushFloods tells what was left out, once', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    for (let n = 0; n < 5; n += 1) port.flood('a', 'warn', 'refused');
    port.flood('b', 'warn', 'alone');
    log.mockClear();
    port.flushFloods();
    port.flushFloods();
    expect(log.mock.calls).toEqual([['warn', 'refused', { suppressed: 4 }]]);
  });

  test('keys beyond the bound share one count', () => {
    const log = vi.fn();
    const port = createPort({ log }, true);
    for (let n = 0; n < 1_000; n += 1) port.flood(`key ${n}`, 'warn', `message ${n}`);
    expect(log).toHaveBeenCalledTimes(256);
    log.mockClear();
    port.flushFloods();
    expect(log.mock.calls).toEqual([['warn', 'message 999', { suppressed: 744 }]]);
  });
});

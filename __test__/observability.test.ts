import { AsyncResource } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPort } from '../lib/observability/port';
import { createLogger, getObservability, initObservability } from '../lib/observability/system';
import type { ObservabilityConfig, SpanRecord } from '../lib/observability/types';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

beforeEach(() => {
  for (const level of LEVELS) vi.spyOn(console, level).mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function recording(config?: ObservabilityConfig) {
  const observability = initObservability(config);
  const records: SpanRecord[] = [];
  observability.telemetry.setTraceProcessors([(items) => records.push(...items)]);
  return { observability, records };
}

describe('the object of the process', () => {
  test('is made on the first call; later configurations are ignored', async () => {
    vi.resetModules();
    const fresh = await import('../lib/observability/system');
    const first = fresh.getObservability({ logging: { level: 'error' } });
    expect(fresh.getObservability({ logging: { level: 'debug' } })).toBe(first);
    expect(first.isLevelEnabled('warn')).toBe(false);
  });

  test('is replaced by initObservability', () => {
    const first = getObservability();
    const second = initObservability({ logging: { level: 'debug' } });
    expect(second).not.toBe(first);
    expect(getObservability()).toBe(second);
  });

  test('installs no handlers on the process', () => {
    const events = ['uncaughtException', 'unhandledRejection', 'SIGTERM', 'SIGINT', 'exit', 'beforeExit'] as const;
    const count = () => events.map((event) => process.listenerCount(event));
    const before = count();
    initObservability({ enabled: true, telemetry: { enabled: true } });
    expect(count()).toEqual(before);
  });

  test('has members that work without it', async () => {
    const { log, logger, trace, startSpan, withSpan, getCurrentSpan, getStats, flush, telemetry } = initObservability();
    log('warn', 'a');
    logger.warn('b');
    expect(await trace('c', () => 1)).toBe(1);
    expect(await withSpan(startSpan('d'), () => getCurrentSpan() !== undefined)).toBe(true);
    telemetry.startSpan('e').end();
    await flush();
    expect(getStats().logs.warn).toBe(2);
  });
});

describe('logging', () => {
  test('goes to the console at warn and above by default', () => {
    const { log } = initObservability();
    for (const level of LEVELS) log(level, `at ${level}`, { eventId: 'e1' });
    expect(console.debug).not.toHaveBeenCalled();
    expect(console.info).not.toHaveBeenCalled();
    expect(console.warn).toHaveBeenCalledWith('[WARN] at warn', { eventId: 'e1' });
    expect(console.error).toHaveBeenCalledWith('[ERROR] at error', { eventId: 'e1' });
  });

  test.each<[string, ObservabilityConfig]>([
    ['enabled: false', { enabled: false }],
    ['logging.enabled: false', { logging: { enabled: false } }],
  ])('%s silences it', (_name, config) => {
    initObservability(config).log('error', 'message');
    expect(console.error).not.toHaveBeenCalled();
  });

  test('undefined options have their defaults', () => {
    const { isLevelEnabled } = initObservability({
      enabled: undefined,
      environment: undefined,
      logging: { enabled: undefined, level: undefined },
      telemetry: { enabled: undefined, sampling: undefined },
    });
    expect(LEVELS.map(isLevelEnabled)).toEqual([false, false, true, true]);
  });

  test('logger.error takes the error second', () => {
    const { logger } = initObservability();
    const error = new Error('boom');
    logger.error('failed', error, { eventId: 'e1' });
    expect(console.error).toHaveBeenCalledWith('[ERROR] failed', {
      eventId: 'e1',
      error: 'boom',
      stack: error.stack,
    });
  });

  test('in production each message is one line of JSON, whatever is in it', () => {
    const { log } = initObservability({ environment: 'production' });
    const cycle: Record<string, unknown> = { name: 'cycle' };
    cycle['self'] = cycle;
    log('warn', 'plain', { size: 10n, error: new Error('boom') });
    log('warn', 'cyclic', { cycle });
    const lines = vi.mocked(console.warn).mock.calls.map(([line]) => JSON.parse(line as string));
    expect(lines[0]).toMatchObject({
      level: 'warn',
      message: 'plain',
      size: '10',
      error: { name: 'Error', message: 'boom' },
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(lines[1]).toMatchObject({ message: 'cyclic', context: expect.stringContaining('Circular') });
  });

  test('the environment defaults to NODE_ENV', () => {
    vi.stubEnv('NODE_ENV', 'production');
    expect(initObservability().getStats().environment).toBe('production');
    vi.stubEnv('NODE_ENV', 'staging');
    expect(initObservability().getStats().environment).toBe('development');
  });

  test('createLogger names its component and follows the object of the process', () => {
    const log = createLogger('billing');
    initObservability({ logging: { level: 'debug' } });
    const error = new Error('boom');
    log.debug('a');
    log.info('b', { tenantId: 't1' });
    log.warn('c');
    log.error('d', error, { eventId: 'e1' });
    expect(console.debug).toHaveBeenCalledWith('[DEBUG] a', { component: 'billing' });
    expect(console.info).toHaveBeenCalledWith('[INFO] b', { component: 'billing', tenantId: 't1' });
    expect(console.warn).toHaveBeenCalledOnce();
    expect(console.error).toHaveBeenCalledWith('[ERROR] d', {
      component: 'billing',
      eventId: 'e1',
      error: 'boom',
      stack: error.stack,
    });
  });

  test('updateConfig changes the level and keeps the rest', () => {
    const { updateConfig, isLevelEnabled, getStats } = initObservability({ environment: 'production' });
    updateConfig({ logging: { level: 'debug' } });
    expect(isLevelEnabled('debug')).toBe(true);
    expect(getStats().environment).toBe('production');
    updateConfig({ enabled: false });
    expect(isLevelEnabled('error')).toBe(false);
    updateConfig({ enabled: true });
    expect(isLevelEnabled('debug')).toBe(true);
  });
});

describe('context', () => {
  test('createContext makes an id unless it is given one', () => {
    const { createContext, getContext } = initObservability();
    const context = createContext('c1');
    expect(context).toEqual({ correlationId: 'c1', tenantId: '', startTime: expect.any(Number) });
    expect(createContext().correlationId).not.toBe(createContext().correlationId);
    expect(getContext()).toBeUndefined();
  });

  test('the context that is set follows the asynchronous flow, adds its ids, and is cleared', async () => {
    const { createContext, setContext, getContext, clearContext, log } = initObservability();
    await new AsyncResource('flow').runInAsyncScope(async () => {
      setContext({ ...createContext('c1'), tenantId: 't1' });
      await Promise.resolve();
      expect(getContext()?.correlationId).toBe('c1');
      log('warn', 'a');
      log('warn', 'b', { correlationId: 'c2', tenantId: undefined });
      clearContext();
      expect(getContext()).toBeUndefined();
      log('warn', 'c');
    });
    expect(vi.mocked(console.warn).mock.calls.map(([, context]) => context)).toEqual([
      { correlationId: 'c1', tenantId: 't1' },
      { correlationId: 'c2', tenantId: 't1' },
      undefined,
    ]);
  });

  test('flows side by side do not see each other', async () => {
    const { createContext, setContext, getContext } = initObservability();
    const flow = (id: string) =>
      new AsyncResource('flow').runInAsyncScope(async () => {
        setContext(createContext(id));
        await new Promise((resolve) => setTimeout(resolve, 2));
        return getContext()?.correlationId;
      });
    expect(await Promise.all([flow('a'), flow('b')])).toEqual(['a', 'b']);
  });
});

describe('spans', () => {
  test('a span that has ended reaches the processors with name and attributes', () => {
    const { observability, records } = recording();
    const span = observability.startSpan('work', { attributes: { a: 1 }, tenantId: 't1' });
    span.setAttribute('b', 'two');
    span.setAttributes({ c: true });
    span.addEvent('retry', { attempt: 2 });
    span.recordException(new TypeError('boom'));
    span.setStatus({ code: 'error', message: 'boom' });
    expect(span.isRecording()).toBe(true);
    span.end();
    span.end();
    span.setAttribute('late', 1);
    expect(span.isRecording()).toBe(false);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      ...span.getSpanContext(),
      name: 'work',
      attributes: { tenantId: 't1', a: 1, b: 'two', c: true },
      status: { code: 'error', message: 'boom' },
      durationMs: expect.any(Number),
      events: [
        { name: 'retry', attributes: { attempt: 2 } },
        { name: 'exception', attributes: { 'exception.type': 'TypeError', 'exception.message': 'boom' } },
      ],
    });
    expect(records[0]?.attributes).not.toHaveProperty('late');
    expect(records[0]?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(records[0]?.spanId).toMatch(/^[0-9a-f]{16}$/);
  });

  test('trace runs the function in a span, nests, and notes how it ended', async () => {
    const { observability, records } = recording();
    const result = await observability.trace('outer', () => observability.trace('inner', async () => 'result'), {
      correlationId: 'c1',
    });
    expect(result).toBe('result');
    const [inner, outer] = records;
    expect(inner).toMatchObject({ name: 'inner', parentSpanId: outer?.spanId, traceId: outer?.traceId });
    expect(outer).toMatchObject({ name: 'outer', attributes: { correlationId: 'c1' }, status: { code: 'ok' } });
    expect(outer).not.toHaveProperty('parentSpanId');

    const error = new Error('boom');
    await expect(observability.trace('failing', () => Promise.reject(error))).rejects.toBe(error);
    expect(records[2]).toMatchObject({ status: { code: 'error', message: 'boom' }, events: [{ name: 'exception' }] });
  });

  test('withSpan makes the span current, also after an await, and ends it', async () => {
    const { observability, records } = recording();
    const { telemetry, getCurrentSpan } = observability;
    const span = telemetry.startSpan('work');
    await telemetry.withSpan(span, async () => {
      await Promise.resolve();
      expect(getCurrentSpan()).toBe(span);
      expect(records).toHaveLength(0);
    });
    expect(getCurrentSpan()).toBeUndefined();
    expect(records).toHaveLength(1);
    await expect(telemetry.withSpan(telemetry.startSpan('b'), () => Promise.reject(new Error('x')))).rejects.toThrow(
      'x',
    );
    expect(records).toHaveLength(2);
  });

  test('the ids of the context are put on spans', async () => {
    const { observability, records } = recording();
    new AsyncResource('flow').runInAsyncScope(() => {
      observability.setContext({ ...observability.createContext('c1'), tenantId: 't1' });
      observability.startSpan('work', { tenantId: undefined }).end();
    });
    expect(records[0]?.attributes).toEqual({ correlationId: 'c1', tenantId: 't1' });
  });

  test('trace records nothing while nobody receives or has asked for spans', async () => {
    const observability = initObservability();
    expect(observability.isTraceEnabled()).toBe(false);
    expect(createPort(observability, true).canTrace).toBe(false);
    await observability.trace('quiet', () => {});
    expect(observability.getStats().spans.started).toBe(0);
    observability.telemetry.setTraceProcessors([() => {}]);
    expect(createPort(observability, true).canTrace).toBe(true);
    await observability.trace('heard', () => {});
    expect(observability.getStats().spans).toMatchObject({ started: 1, ended: 1, processors: 1 });
    expect(initObservability({ telemetry: { enabled: true } }).isTraceEnabled()).toBe(true);
  });

  test.each<[string, ObservabilityConfig]>([
    ['enabled: false', { enabled: false }],
    ['telemetry.enabled: false', { telemetry: { enabled: false } }],
    ['a sampling rate of 0', { telemetry: { sampling: { rate: 0 } } }],
    ['the strategy never', { telemetry: { sampling: { strategy: 'never' } } }],
  ])('%s records none, and the function runs', async (_name, config) => {
    const { observability, records } = recording(config);
    const nested = () => observability.trace('inner', () => 'result');
    expect(await observability.trace('outer', nested)).toBe('result');
    expect(observability.startSpan('span').isRecording()).toBe(false);
    expect(records).toEqual([]);
  });

  test('a trace is sampled whole or not at all, by its rate', async () => {
    const { observability, records } = recording({ telemetry: { sampling: { rate: 0.5 } } });
    const chance = vi.spyOn(Math, 'random');
    const traceTwice = () => observability.trace('outer', () => observability.trace('inner', () => {}));
    chance.mockReturnValue(0.5);
    await traceTwice();
    expect(records).toEqual([]);
    expect(observability.getStats().spans.unsampled).toBe(1);
    chance.mockReturnValueOnce(0.49);
    await traceTwice();
    expect(records.map((record) => record.name)).toEqual(['inner', 'outer']);
  });

  test('the strategy always passes over the rate', () => {
    const { observability, records } = recording({ telemetry: { sampling: { rate: 0, strategy: 'always' } } });
    observability.startSpan('span').end();
    expect(records).toHaveLength(1);
  });

  test('processors that throw or reject harm nothing and are counted', async () => {
    const observability = initObservability();
    const last = vi.fn();
    observability.telemetry.setTraceProcessors([
      () => {
        throw new Error('processor');
      },
      () => Promise.reject(new Error('processor')),
      last,
    ]);
    expect(await observability.trace('work', () => 'result')).toBe('result');
    await observability.flush();
    expect(last).toHaveBeenCalledOnce();
    expect(observability.getStats().spans.processorErrors).toBe(2);
  });

  test('flush waits for processors, and shutdown ends everything', async () => {
    const observability = initObservability();
    let delivered = 0;
    observability.telemetry.setTraceProcessors([
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        delivered += 1;
      },
    ]);
    observability.startSpan('a').end();
    await observability.flush();
    expect(delivered).toBe(1);
    observability.startSpan('b').end();
    await observability.shutdown();
    expect(delivered).toBe(2);
    observability.startSpan('c').end();
    observability.log('error', 'too late');
    await observability.flush();
    expect(delivered).toBe(2);
    expect(console.error).not.toHaveBeenCalled();
    expect(observability.getStats().enabled).toBe(false);
  });
});

describe('configuration', () => {
  test.each<[string, object]>([
    ['enabled', { enabled: 'yes' }],
    ['environment', { environment: 'staging' }],
    ['logging', { logging: 'debug' }],
    ['telemetry', { telemetry: true }],
    ['logging.level', { logging: { level: 'trace' } }],
    ['telemetry.sampling.rate', { telemetry: { sampling: { rate: 2 } } }],
  ])('a bad %s is refused by name', (path, config) => {
    const refused = expect.objectContaining({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringContaining(path),
    });
    expect(() => initObservability(config as never)).toThrow(refused);
    expect(() => initObservability().updateConfig(config as never)).toThrow(refused);
  });
});

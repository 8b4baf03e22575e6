import { spawnSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import {
  MiddlewareError,
  MiddlewarePipelineClass,
  MiddlewareRegistry,
  createConfigValidator,
  createMiddlewareBuilder,
  createMiddlewareChain,
  createPriority,
  createTypedMiddlewareFactory,
  isMiddlewareConfig,
  isTrackedEventHandler,
  safeMiddleware,
  updateTrackedHandler,
  withObservability,
} from '../../lib/middleware/index';
import type { Middleware, MiddlewareHandler } from '../../lib/middleware/index';
import { HAND_SCOPE } from '../../lib/middleware/define';
import { resolveMiddlewareList } from '../../lib/middleware/resolve';
import { createPort } from '../../lib/observability/port';
import { coded, eventOf, failureOf } from './support';

const tag =
  (name: string): Middleware =>
  (handler: MiddlewareHandler) =>
  async (event: unknown) =>
    `${name}(${await handler(event)})`;

describe('chains and pipelines', () => {
  it('the first used is the outermost', async () => {
    const chain = createMiddlewareChain().use(tag('a')).use(tag('b'));
    expect(await chain.apply(() => 'h')(eventOf())).toBe('a(b(h))');
    const withContext = (handler: MiddlewareHandler, context: unknown) => async (event: unknown) =>
      `${String(context)}(${String(await handler(event))})`;
    const pipeline = new MiddlewarePipelineClass('ctx').add('first', withContext as Middleware).add('second', tag('b'));
    expect(await pipeline.build()(() => 'h')(eventOf())).toBe('ctx(b(h))');
  });
});

describe('safeMiddleware', () => {
  it('names itself in every error and keeps the original as cause', async () => {
    const wrap = vi.fn((handler: MiddlewareHandler) => handler);
    const handler = safeMiddleware(
      'guard',
      wrap,
    )(() => {
      throw coded('DOWN', 'it is down');
    });
    const event = eventOf();
    for (let round = 0; round < 2; round++) {
      const error = await failureOf(handler(event));
      expect(error).toBeInstanceOf(MiddlewareError);
      expect(error).toMatchObject({ message: '[guard] it is down', middleware: 'guard', cause: { code: 'DOWN' } });
      expect(error.context).toMatchObject({ event, middleware: 'guard', originalError: { code: 'DOWN' } });
    }
    expect(wrap).toHaveBeenCalledTimes(1);
  });
});

describe('factories and builders', () => {
  it('refuse invalid configurations by name', async () => {
    const validator = createConfigValidator({
      validate: (c: any) => typeof c?.n === 'number',
      parse: (c: any) => ({ n: c.n + 1 }),
    });
    const factory = createTypedMiddlewareFactory('counter', validator, ({ n }) => tag(`n${n}`));
    expect(await factory({ n: 1 })(() => 'h')(eventOf())).toBe('n2(h)');
    expect(() => factory({} as never)).toThrow('[counter] Invalid configuration provided');
    expect(isMiddlewareConfig({ n: 1 }, validator.validate)).toBe(true);
  });

  it('build metadata with defaults', () => {
    const { metadata } = createMiddlewareBuilder()
      .withPriority(80)
      .withTags('x', 'y')
      .withDependencies('base')
      .build('mine', tag('a'));
    expect(metadata).toEqual({
      name: 'mine',
      version: '1.0.0',
      priority: 80,
      eventTypes: ['*'],
      dependencies: ['base'],
      tags: ['x', 'y'],
    });
    expect(() => createPriority(101)).toThrow('Middleware priority must be between 0 and 100');
    expect(createPriority(0)).toBe(0);
  });

  it('touch no handler', () => {
    const handler = Object.freeze(() => undefined);
    expect(updateTrackedHandler(handler)).toBe(handler);
    expect(isTrackedEventHandler(handler)).toBe(false);
  });
});

describe('MiddlewareRegistry', () => {
  const build = (name: string, priority: number, ...dependencies: string[]) =>
    createMiddlewareBuilder()
      .withPriority(priority)
      .withDependencies(dependencies)
      .withTags(`tag-${name}`)
      .build(name, tag(name));

  it('resolves dependencies first, then by priority, and never a dependency after its dependant', () => {
    const registry = new MiddlewareRegistry();
    for (const one of [build('app', 100, 'db'), build('db', 10, 'log'), build('log', 1), build('other', 50)])
      registry.register(one);
    expect(registry.resolve(['app', 'other']).map(({ metadata }) => metadata.name)).toEqual([
      'other',
      'log',
      'db',
      'app',
    ]);
    expect(registry.findByTag('tag-db')).toHaveLength(1);
    expect(registry.findByEventType('anything')).toHaveLength(4);
  });

  it('refuses a name twice, unknown names and circles', () => {
    const registry = new MiddlewareRegistry();
    registry.register(build('a', 1, 'b'));
    registry.register(build('b', 1, 'a'));
    expect(() => registry.register(build('a', 1))).toThrow(MiddlewareError);
    expect(() => registry.resolve(['x'])).toThrow('[x] Middleware is not registered');
    expect(() => registry.resolve(['a'])).toThrow('Circular middleware dependency: a -> b -> a');
  });
});

describe('withObservability', () => {
  const makeTracer = () => {
    const span = {
      setAttribute: vi.fn(),
      setAttributes: vi.fn(),
      setStatus: vi.fn(),
      recordException: vi.fn(),
      addEvent: vi.fn(),
      end: vi.fn(),
      getSpanContext: () => undefined,
      isRecording: () => true,
    };
    return { span, startSpan: vi.fn(() => span), withSpan: vi.fn((_span: unknown, fn: () => unknown) => fn()) };
  };
  const wrapIn = (tracer: object, middleware: Middleware, handler: MiddlewareHandler) =>
    resolveMiddlewareList([middleware], { ...HAND_SCOPE, inRuntime: true, port: createPort(tracer, true) })(handler);

  it('puts a span around a run, with tenant and correlation in both spellings', async () => {
    const tracer = makeTracer();
    const event = { ...eventOf('t'), metadata: { tenantId: 'acme' } };
    expect(await wrapIn(tracer, withObservability(undefined), () => 'ran')(event)).toBe('ran');
    const [name, options] = tracer.startSpan.mock.calls[0] as unknown as [string, { attributes: object }];
    expect(name).toBe('workflow.step');
    expect(options.attributes).toMatchObject({
      'runtime.event.type': 't',
      tenantId: 'acme',
      'tenant.id': 'acme',
      correlationId: 'unknown',
    });
    expect(tracer.span.setStatus).toHaveBeenCalledWith({ code: 'ok' });
    expect(tracer.span.end).toHaveBeenCalledTimes(1);
  });

  it('records the error with code and subcode, and rethrows it', async () => {
    const tracer = makeTracer();
    const failure = Object.assign(coded('TOOL_ERROR', 'broken'), { context: { subcode: 'S1' } });
    const run = wrapIn(tracer, withObservability({ namePrefix: 'event.process' }), () => {
      throw failure;
    });
    expect(await failureOf(Promise.resolve(run(eventOf('t'))))).toBe(failure);
    expect(tracer.startSpan.mock.calls[0]).toContain('event.process.t');
    expect(tracer.span.setAttribute.mock.calls).toEqual([
      ['error.code', 'TOOL_ERROR'],
      ['error.subcode', 'S1'],
    ]);
    expect(tracer.span.recordException).toHaveBeenCalledWith(failure);
    expect(tracer.span.setStatus).toHaveBeenCalledWith({ code: 'error', message: 'broken' });
  });

  it.each<[string, () => unknown]>([
    ['a code without a prototype', () => ({ code: Object.create(null), context: { subcode: Object.create(null) } })],
    ['a code whose toString throws', () => ({ code: { toString: (): string => String(Object.create(null)) } })],
    ['an error that cannot be read', () => new Proxy({}, { get: () => String(Object.create(null)) })],
    ['no object at all', () => null],
  ])('%s does not take the place of the error', async (_what, make) => {
    const tracer = makeTracer();
    const thrown = make();
    const run = wrapIn(tracer, withObservability(), () => {
      throw thrown;
    });
    const failure = await (run(eventOf('t')) as Promise<unknown>).catch((error: unknown) => ({ error }));
    expect((failure as { error: unknown }).error === thrown).toBe(true);
    expect(tracer.span.setAttribute).not.toHaveBeenCalled();
    expect(tracer.span.recordException).toHaveBeenCalledTimes(1);
    expect(tracer.span.end).toHaveBeenCalledTimes(1);
  });

  it('leaves filtered types and missing tracers without a span', async () => {
    const tracer = makeTracer();
    const filtered = withObservability({ excludeEventTypes: ['t'], includeEventTypes: [] });
    expect(await wrapIn(tracer, filtered, () => 1)(eventOf('t'))).toBe(1);
    expect(tracer.startSpan).not.toHaveBeenCalled();
    expect(await wrapIn({}, withObservability(), () => 2)(eventOf('t'))).toBe(2);
  });
});

describe('the process', () => {
  /** Runs a program of ours in a process of its own; answers what it printed, once it has ended by itself. */
  const outputOf = (program: string): string => {
    const source = `const m = require('./lib/middleware/index'); const event = { type: 't', data: {} };\n${program}`;
    const { stdout, stderr, status, error } = spawnSync(process.execPath, ['--import', 'tsx', '-e', source], {
      encoding: 'utf8',
      timeout: 15_000,
    });
    if (status !== 0) throw error ?? new Error(stderr);
    return stdout.trim();
  };

  it('is kept alive by the wait of a retry, not by a pending timeout or a schedule', () => {
    const program = `
      let n = 0;
      void m.withRetry({ initialDelayMs: 200, jitter: false })(() => { if (n++ < 1) throw new Error('NETWORK_ERROR'); console.log('retried'); })(event);
      void m.withTimeout({ timeoutMs: 3_600_000 })(() => new Promise(() => {}))(event);
      m.schedule({ intervalMs: 3_600_000 })(event, () => {});
    `;
    expect(outputOf(program)).toBe('retried');
  });
});

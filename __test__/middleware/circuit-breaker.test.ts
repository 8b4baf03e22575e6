import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CircuitBreaker,
  CircuitBreakerManager,
  CircuitState,
  circuitBreakerMiddleware,
  circuitBreakerUtils,
  createCircuitBreakerHandler,
  withCircuitBreaker,
} from '../../lib/middleware/index';
import { deferred, eventOf, failureOf } from './support';

const fail = (): Promise<never> => Promise.reject(new Error('down'));

describe('CircuitBreaker', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => void vi.useRealTimers());

  const make = (config = {}) =>
    new CircuitBreaker(undefined, { name: 'api', failureThreshold: 2, recoveryTimeout: 1000, ...config });

  it('never rejects: the result says what happened', async () => {
    const breaker = make();
    expect(await breaker.execute(() => 5)).toMatchObject({
      result: 5,
      state: 'CLOSED',
      executed: true,
      rejected: false,
    });
    const failed = await breaker.execute(() => {
      throw new Error('sync');
    });
    expect(failed).toMatchObject({ error: { message: 'sync' }, executed: true, rejected: false });
    await breaker.execute(fail);
    const operation = vi.fn();
    expect(await breaker.execute(operation)).toMatchObject({
      error: { message: 'Circuit breaker is OPEN for api', code: 'MIDDLEWARE_CIRCUIT_BREAKER_OPEN' },
      state: CircuitState.OPEN,
      executed: false,
      rejected: true,
    });
    expect(operation).not.toHaveBeenCalled();
  });

  it('takes no operation that is no function, and says so in the result', async () => {
    expect(await make().execute(undefined as never)).toMatchObject({
      error: { code: 'INVALID_CONFIGURATION', message: 'operation: got undefined; allowed: a function' },
    });
  });

  it('logs what its callbacks reject with', async () => {
    const log = vi.fn();
    const reject = (): never => Promise.reject(new Error('no')) as never;
    const callbacks = { onStateChange: reject, onFailure: reject, onSuccess: reject };
    const breaker = new CircuitBreaker({ log }, { name: 'api', failureThreshold: 1, ...callbacks });
    await breaker.execute(() => 1);
    await breaker.execute(fail);
    await Promise.resolve();
    const messages = log.mock.calls.map(([, message]) => message as string);
    for (const name of Object.keys(callbacks)) expect(messages).toContain(`${name} of circuit breaker api failed`);
  });

  it('goes closed, open, half-open, closed, and tells each change', async () => {
    const changes: string[] = [];
    const breaker = make({
      successThreshold: 2,
      onStateChange: (to: string, from: string) => changes.push(`${from}>${to}`),
    });
    await breaker.execute(fail);
    await breaker.execute(() => 1);
    await breaker.execute(fail);
    expect(breaker.isClosed()).toBe(true);
    await breaker.execute(fail);
    expect(breaker.isOpen()).toBe(true);
    vi.advanceTimersByTime(1000);
    await breaker.execute(() => 1);
    expect(breaker.isHalfOpen()).toBe(true);
    await breaker.execute(() => 1);
    expect(breaker.getState()).toBe('CLOSED');
    expect(changes).toEqual(['CLOSED>OPEN', 'OPEN>HALF_OPEN', 'HALF_OPEN>CLOSED']);
  });

  it('lets exactly successThreshold probes in at once while half-open', async () => {
    const breaker = make({ failureThreshold: 1, successThreshold: 3 });
    await breaker.execute(fail);
    vi.advanceTimersByTime(1000);
    const gate = deferred();
    const calls = Array.from({ length: 10 }, () => breaker.execute(() => gate.promise));
    gate.resolve();
    const results = await Promise.all(calls);
    expect(results.filter((result) => result.executed)).toHaveLength(3);
    expect(breaker.isClosed()).toBe(true);
  });

  it('opens on a failure rate over its window', async () => {
    const breaker = make({
      failureThreshold: undefined,
      failureRateThreshold: 0.5,
      minimumCalls: 10,
      slidingWindowSize: 10,
    });
    for (let call = 0; call < 9; call++) await breaker.execute(call % 2 === 0 ? () => 1 : fail);
    expect(breaker.isClosed()).toBe(true);
    await breaker.execute(fail);
    expect(breaker.isOpen()).toBe(true);
  });

  it('ends an operation at its timeout, aborts its signal, and leaves no timer', async () => {
    const breaker = make({ operationTimeout: 50 });
    let seen: AbortSignal | undefined;
    const slow = breaker.execute((signal) => {
      seen = signal;
      return new Promise(() => undefined);
    });
    await vi.advanceTimersByTimeAsync(50);
    expect(await slow).toMatchObject({ error: { message: 'Operation timeout after 50ms' }, executed: true });
    expect(seen!.aborted).toBe(true);
    const args = vi.fn((...list: unknown[]) => list.length);
    expect(await breaker.execute(() => args())).toMatchObject({ result: 0 });
    await breaker.execute(() => {
      throw new Error('sync');
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps metrics', async () => {
    const breaker = make();
    await breaker.execute(() => 1);
    await breaker.execute(fail);
    vi.advanceTimersByTime(100);
    await breaker.execute(fail);
    await breaker.execute(fail);
    expect(breaker.getMetrics()).toEqual({
      state: 'OPEN',
      totalCalls: 4,
      successfulCalls: 1,
      failedCalls: 2,
      rejectedCalls: 1,
      successRate: 0.25,
      failureRate: 0.5,
      lastFailure: { timestamp: 1_000_100, error: 'down' },
      lastSuccess: { timestamp: 1_000_000 },
      timeInCurrentState: 0,
      nextAttempt: 1_001_100,
    });
  });

  it('may be opened, closed and reset by hand', async () => {
    const onStateChange = vi.fn();
    const breaker = make({ onStateChange });
    breaker.forceOpen();
    breaker.forceOpen();
    expect(breaker.getMetrics().nextAttempt).toBe(1_001_000);
    breaker.forceClose();
    breaker.forceClose();
    expect(onStateChange).toHaveBeenCalledTimes(2);
    breaker.reset();
    expect(onStateChange).toHaveBeenLastCalledWith('CLOSED', 'CLOSED');
    expect(breaker.getMetrics().totalCalls).toBe(0);
  });

  it('counts nothing against operations when it is not enabled', async () => {
    const breaker = make({ enabled: false });
    for (let call = 0; call < 5; call++) expect((await breaker.execute(fail)).executed).toBe(true);
    expect(breaker.isClosed()).toBe(true);
  });

  it('survives callbacks that throw', async () => {
    const oops = (): never => {
      throw new Error('oops');
    };
    const breaker = make({ failureThreshold: 1, onSuccess: oops, onFailure: oops, onStateChange: oops });
    expect(await breaker.execute(() => 1)).toMatchObject({ result: 1 });
    expect(await breaker.execute(fail)).toMatchObject({ state: 'OPEN' });
  });

  it.each([
    { name: '' },
    { failureThreshold: 0 },
    { failureRateThreshold: 2 },
    { operationTimeout: 0 },
    { onFailure: 1 },
  ])('refuses %j', (config) => {
    const [name] = Object.keys(config);
    expect(() => make(config as never)).toThrow(`CircuitBreaker.${name}: got`);
  });
});

describe('CircuitBreakerManager', () => {
  it('keeps one circuit a name, and not more than a thousand', () => {
    const manager = new CircuitBreakerManager(undefined);
    const first = manager.getCircuit({ name: 'first' });
    expect(manager.getCircuit({ name: 'first', failureThreshold: 9 })).toBe(first);
    first.forceOpen();
    for (let n = 0; n < 2000; n++) manager.getCircuit({ name: `made up ${n}` });
    expect(manager.getAllCircuits().size).toBe(1000);
    expect(manager.getAllCircuits().get('first')).toBe(first);
    manager.resetAll();
    expect(manager.getAllMetrics().first!.state).toBe('CLOSED');
  });
});

describe('circuitBreakerMiddleware', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('keeps its state from event to event, by type, and shows it', async () => {
    const onRejected = vi.fn();
    const middleware = circuitBreakerMiddleware({ failureThreshold: 2, onRejected });
    const handler = middleware((event: { type: string }) => (event.type === 'bad' ? fail() : 'fine'));
    expect(await failureOf(handler(eventOf('bad')))).toMatchObject({ message: 'down' });
    await failureOf(handler(eventOf('bad')));
    expect(await failureOf(handler(eventOf('bad')))).toMatchObject({
      message: 'Circuit breaker is OPEN for bad',
      code: 'MIDDLEWARE_CIRCUIT_BREAKER_OPEN',
    });
    expect(onRejected).toHaveBeenCalledTimes(1);
    await expect(handler(eventOf('good'))).resolves.toBe('fine');
    expect(middleware.manager.getAllMetrics().bad!.rejectedCalls).toBe(1);
    middleware.manager.resetAll();
    expect(await failureOf(handler(eventOf('bad')))).toMatchObject({ message: 'down' });
    expect(withCircuitBreaker).toBe(circuitBreakerMiddleware);
  });

  it('keys by what it is told, and leaves the unprotected alone', async () => {
    const byKey = circuitBreakerMiddleware({
      failureThreshold: 1,
      keyGenerator: circuitBreakerUtils.keyByFields(['type', 'threadId']),
    });
    await failureOf(byKey(fail)({ type: 'a', threadId: 't' }));
    expect([...byKey.manager.getAllCircuits().keys()]).toEqual(['a:t']);
    const some = circuitBreakerMiddleware({
      failureThreshold: 1,
      circuitKey: 'all',
      shouldProtect: circuitBreakerUtils.protectByType(['a']),
    });
    await failureOf(some(fail)(eventOf('b')));
    expect(some.manager.getAllCircuits().size).toBe(0);
    await failureOf(some(fail)(eventOf('a')));
    expect(some.manager.getAllMetrics().all!.state).toBe('OPEN');
  });

  it('has helpers that survive what is no event', () => {
    const { keyByEventType, keyByFields, protectByLatency, protectByType, defaultOnRejected } = circuitBreakerUtils;
    expect([keyByEventType(undefined), keyByEventType({ type: 5 }), keyByFields(['x'])({})]).toEqual([
      'default',
      '5',
      'default',
    ]);
    expect([protectByType(['a'])(null), protectByLatency(5)({ latency: 6 }), protectByLatency(5)({})]).toEqual([
      false,
      true,
      false,
    ]);
    expect(() => defaultOnRejected(eventOf(), {} as never)).not.toThrow();
  });
});

describe('createCircuitBreakerHandler', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('refuses while open, and lets only halfOpenRequests in afterwards without losing that state', async () => {
    const gate = deferred<string>();
    const results: (() => unknown)[] = [fail, fail, () => gate.promise];
    const handler = createCircuitBreakerHandler(() => results.shift()!(), { failureThreshold: 2, resetTimeout: 100 });
    expect(await failureOf(handler(eventOf()))).toMatchObject({ message: 'down' });
    await failureOf(handler(eventOf()));
    expect(await failureOf(handler(eventOf()))).toMatchObject({ message: 'Circuit breaker is open' });
    vi.advanceTimersByTime(100);
    const probe = handler(eventOf());
    for (let n = 0; n < 3; n++)
      expect(await failureOf(handler(eventOf()))).toMatchObject({ message: 'Circuit breaker is open' });
    gate.resolve('up');
    expect(await probe).toBe('up');
  });
});

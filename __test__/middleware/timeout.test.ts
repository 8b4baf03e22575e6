import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withTimeout } from '../../lib/middleware/index';
import { deferred, eventOf, failureOf } from './support';

describe('withTimeout', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('passes results and errors through, also of handlers that are not asynchronous', async () => {
    const middleware = withTimeout({ timeoutMs: 50 });
    const failure = new Error('no');
    await expect(middleware(() => 1)(eventOf())).resolves.toBe(1);
    await expect(middleware(async () => 2)(eventOf())).resolves.toBe(2);
    expect(
      await failureOf(
        middleware(() => {
          throw failure;
        })(eventOf()),
      ),
    ).toBe(failure);
    expect(
      await failureOf(
        middleware(async () => {
          throw failure;
        })(eventOf()),
      ),
    ).toBe(failure);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
  });

  it('leaves nothing behind of a promise that cannot be followed', async () => {
    class Broken extends Promise<void> {
      override then(): never {
        throw new Error('then');
      }
    }
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const run = withTimeout({ timeoutMs: 50 })(() => new Broken(() => undefined));
    expect(await failureOf(run(eventOf()))).toMatchObject({ message: 'then' });
    await vi.advanceTimersByTimeAsync(100);
    vi.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('ends a slow attempt with TIMEOUT_EXCEEDED and aborts its signal with that error', async () => {
    let seen: AbortSignal | undefined;
    const handler = withTimeout({ timeoutMs: 50 })((_event: unknown, signal?: AbortSignal) => {
      seen = signal;
      return new Promise(() => undefined);
    });
    const failure = failureOf(handler(eventOf()));
    await vi.advanceTimersByTimeAsync(49);
    expect(seen!.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const error = await failure;
    expect(error).toMatchObject({
      name: 'KernelError',
      code: 'TIMEOUT_EXCEEDED',
      message: 'Handler timed out after 50ms',
    });
    expect(seen!.aborted).toBe(true);
    expect(seen!.reason).toBe(error);
  });

  it('counts timeouts and ignores late results', async () => {
    const middleware = withTimeout({ timeoutMs: 10 });
    const late = deferred<string>();
    const failure = failureOf(middleware(() => late.promise)(eventOf()));
    await vi.advanceTimersByTimeAsync(10);
    await failure;
    late.resolve('too late');
    await vi.advanceTimersByTimeAsync(0);
    expect(middleware.getStats()).toEqual({ timeouts: 1, lateResults: 1 });
  });

  it('holds thousands of pending timeouts with one timer', async () => {
    const handler = withTimeout({ timeoutMs: 1000 })(() => new Promise(() => undefined));
    const failures = Array.from({ length: 5000 }, () => failureOf(handler(eventOf())));
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(new Set((await Promise.all(failures)).map((error) => error.code))).toEqual(new Set(['TIMEOUT_EXCEEDED']));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives a handler with one parameter exactly one argument', async () => {
    const list: unknown[] = [];
    await withTimeout()(list.push.bind(list))(eventOf('only'));
    expect(list).toHaveLength(1);
  });

  it('hands an abort from outside to the handler', async () => {
    const controller = new AbortController();
    const handler = withTimeout({ timeoutMs: 1000 })(
      (_event: unknown, signal?: AbortSignal) =>
        new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))),
    );
    const failure = failureOf(handler(eventOf(), controller.signal));
    controller.abort('stop');
    expect(await failure).toBe('stop');
  });

  it('waits longer than setTimeout can, without firing early', async () => {
    const month = 30 * 86_400_000;
    let isOver = false;
    const handler = withTimeout({ timeoutMs: month })(() => new Promise(() => undefined));
    void failureOf(handler(eventOf())).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(month - 1000);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(isOver).toBe(true);
  });

  it.each([0, -1, NaN, Infinity, '5'])('refuses timeoutMs %s', (timeoutMs) => {
    expect(() => withTimeout({ timeoutMs: timeoutMs as number })).toThrow(/withTimeout\.timeoutMs: got .*; allowed: /);
  });

  it('takes an undefined option for one that is not given', () => {
    expect(() => withTimeout({ timeoutMs: undefined })).not.toThrow();
  });
});

describe('the timer service', () => {
  afterEach(() => void vi.useRealTimers());

  it('works when only setTimeout is faked', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const failure = failureOf(withTimeout({ timeoutMs: 60_000 })(() => new Promise(() => undefined))(eventOf()));
    await vi.advanceTimersByTimeAsync(60_001);
    expect(await failure).toMatchObject({ code: 'TIMEOUT_EXCEEDED' });
  });

  it('survives the change between real and faked timers with deadlines pending', async () => {
    const forever = (): Promise<void> => new Promise(() => undefined);
    void failureOf(withTimeout({ timeoutMs: 3_600_000 })(forever)(eventOf()));
    vi.useFakeTimers();
    const faked = failureOf(withTimeout({ timeoutMs: 20 })(forever)(eventOf()));
    await vi.advanceTimersByTimeAsync(20);
    expect(await faked).toMatchObject({ code: 'TIMEOUT_EXCEEDED' });
    void failureOf(withTimeout({ timeoutMs: 5 })(forever)(eventOf()));
    vi.useRealTimers();
    const real = await failureOf(withTimeout({ timeoutMs: 20 })(forever)(eventOf()));
    expect(real).toMatchObject({ code: 'TIMEOUT_EXCEEDED' });
  });
});

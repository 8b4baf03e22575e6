import { afterEach, describe, expect, it, vi } from 'vitest';
import { addsUp, cleanUpAll, deferred, quiet, sleep } from './helpers';
import { createRuntime } from '../lib/index';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpAll();
});

describe('on, once, off', () => {
  it('runs exact handlers, then patterns, each in the order of registration', async () => {
    const runtime = quiet();
    const log: string[] = [];
    runtime.on('*', () => void log.push('all'));
    runtime.on('user.*', () => void log.push('user.*'));
    runtime.on('user.created', () => void log.push('exact 1'));
    runtime.on(/^user\./g, () => void log.push('regexp'));
    runtime.on('user.created', async () => void log.push('exact 2'));
    runtime.on('order.*', () => void log.push('never'));
    runtime.emit('user.created');
    await runtime.process();
    expect(log).toEqual(['exact 1', 'exact 2', 'all', 'user.*', 'regexp']);
    expect(runtime.getStats().processor).toMatchObject({
      registeredHandlers: 1,
      wildcardHandlers: 1,
      patternHandlers: 3,
      activeHandlers: 6,
    });
  });

  it('gives exactly one argument, unless a handler declares two or asks for the signal', async () => {
    const runtime = quiet();
    const counts: number[] = [];
    runtime.on('a', (...args: unknown[]) => void counts.push(args.length));
    runtime.on('a', function (_event, _signal) {
      counts.push(arguments.length);
    });
    runtime.on('a', (...args: unknown[]) => void counts.push(args.length), { signal: true });
    const list: unknown[] = [];
    runtime.on('a', list.push.bind(list) as never);
    runtime.emit('a');
    await runtime.process();
    expect(counts).toEqual([1, 2, 2]);
    expect(list).toHaveLength(1);
  });

  it('leaves the function alone and runs one that is registered twice, twice', async () => {
    const runtime = quiet();
    let runs = 0;
    const handler = Object.freeze(() => void runs++);
    runtime.on('a', handler);
    const remove = runtime.on('a', handler);
    runtime.emit('a');
    await runtime.process();
    expect(runs).toBe(2);
    remove();
    runtime.emit('a');
    await runtime.process();
    expect(runs).toBe(3);
    runtime.off('a', handler);
    runtime.off('unknown', handler);
    runtime.emit('a');
    await runtime.process();
    expect(runs).toBe(3);
  });

  it('takes effect for events that start later, also while processing', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    const seen: unknown[] = [];
    runtime.on('a', (event) => {
      if (event.data === 1) runtime.on('a', (later) => void seen.push(later.data));
    });
    runtime.emit('a', 1);
    runtime.emit('a', 2);
    await runtime.process();
    expect(seen).toEqual([2]);
  });

  it('removes patterns', async () => {
    const runtime = quiet();
    let runs = 0;
    const handler = (): void => void runs++;
    runtime.on('*', handler);
    runtime.on(/a/, handler);
    runtime.off('*', handler);
    runtime.off(/a/, handler);
    runtime.emit('a');
    await runtime.process();
    expect(runs).toBe(0);
  });

  it('once handles one event successfully: a failure leaves it for the redelivery', async () => {
    const runtime = quiet({ retry: { maxAttempts: 2, initialDelayMs: 0 } });
    const seen: unknown[] = [];
    runtime.once('a', (event) => {
      seen.push(event.data);
      if (seen.length === 1) throw new Error('first');
    });
    runtime.emit('a', 1, { orderingKey: 'k' });
    runtime.emit('a', 2, { orderingKey: 'k' });
    await runtime.drain();
    expect(seen).toEqual([1, 1]);
  });

  it('leaves nothing behind of a once handler that has succeeded, for a type or a pattern', async () => {
    const runtime = quiet();
    const seen: string[] = [];
    for (const pattern of ['a', '*', 'a*', /^a$/]) runtime.once(pattern, () => void seen.push(String(pattern)));
    for (let n = 0; n < 3; n++) runtime.emit('a');
    await runtime.process();
    expect(seen).toEqual(['a', '*', 'a*', '/^a$/']);
    expect(runtime.getStats().processor.activeHandlers).toBe(0);
  });

  it('changes what runs for other types only with a pattern', async () => {
    const runtime = quiet({ maxConcurrent: 1 });
    const log: string[] = [];
    const note = (name: string) => (): void => void log.push(name);
    const run = async (): Promise<string[]> => {
      runtime.emit('a');
      runtime.emit('b');
      await runtime.process();
      return log.splice(0);
    };
    const offs = [runtime.on('a', note('a')), runtime.on('b', note('b'))];
    expect(await run()).toEqual(['a', 'b']);
    offs[0]!();
    expect(await run()).toEqual(['b']);
    offs.push(runtime.on('*', note('*')), runtime.on('a', note('A')));
    expect(await run()).toEqual(['A', '*', 'b', '*']);
    offs[2]!();
    expect(await run()).toEqual(['A', 'b']);
  });

  it('once waits for the next event if the run does not come to it, and goes after it, also for a pattern', async () => {
    const runtime = quiet();
    const seen: unknown[] = [];
    runtime.on('a', (event) => {
      if (event.data === 1) throw new Error('before the others');
    });
    runtime.once('a', (event) => void seen.push(event.data));
    runtime.once('*', (event) => void seen.push(event.data));
    for (let n = 1; n <= 3; n++) {
      runtime.emit('a', n);
      await runtime.process();
    }
    expect(seen).toEqual([2, 2]);
    expect(runtime.getStats().processor.activeHandlers).toBe(1);
  });

  it('refuses what is no handler and no type', () => {
    const runtime = quiet();
    expect(() => runtime.on('a', 5 as never)).toThrow('handler: got 5; allowed: a function');
    expect(() => runtime.on(5 as never, () => undefined)).toThrow(/type: got 5/);
    expect(() => runtime.on('a', () => undefined, { signal: 1 as never })).toThrow(/options.signal: got 1/);
  });
});

describe('several handlers of one event', () => {
  it('run one after another; the first that fails ends the event', async () => {
    const runtime = quiet();
    const log: number[] = [];
    runtime.on('a', async () => {
      await sleep(2);
      log.push(1);
    });
    runtime.on('a', () => {
      log.push(2);
      throw new Error('no');
    });
    runtime.on('a', () => void log.push(3));
    runtime.emit('a');
    expect(await runtime.process(true)).toMatchObject({ failed: 1 });
    expect(log).toEqual([1, 2]);
  });

  it('run in parallel groups when there are more than batchSize; a failure stops nobody and is not hidden', async () => {
    const runtime = quiet({ batchSize: 3 });
    let running = 0;
    let most = 0;
    let ended = 0;
    for (let n = 0; n < 7; n++) {
      runtime.on('a', async () => {
        most = Math.max(most, ++running);
        await sleep(1);
        running--;
        if (n === 4) throw new Error('handler 4');
        ended++;
      });
    }
    const { eventId } = runtime.emit('a');
    expect(await runtime.process(true)).toMatchObject({ processed: 0, failed: 1 });
    expect([most, ended]).toEqual([3, 6]);
    expect(runtime.deadLetters.get(eventId)!.errors[0]!.message).toBe('1/7 handlers failed: handler 4');
  });
});

describe('returned events', () => {
  it('run in place, before the next handler, with what they lack filled in', async () => {
    const runtime = quiet();
    const log: unknown[] = [];
    let child: { id: string; ts: number; threadId: string; metadata?: { correlationId?: string } } | undefined;
    let root: { threadId: string } | undefined;
    runtime.on('a', (event) => {
      root = event;
      return { type: 'b', data: 1 };
    });
    runtime.on('a', () => void log.push('second'));
    runtime.on('b', (event) => {
      child = event;
      log.push('b');
      return [{ type: 'c' }];
    });
    const { correlationId } = runtime.emit('a');
    expect(await runtime.process(true)).toMatchObject({ processed: 1 });
    expect(log).toEqual(['b', 'second']);
    expect(child).toMatchObject({ threadId: root!.threadId, metadata: { correlationId } });
    expect(child!.id).toMatch(/^call_/);
    expect(runtime.getRecentEvents()).toHaveLength(1);
  });

  it('fail the root event when they fail', async () => {
    const runtime = quiet();
    runtime.on('a', () => ({ type: 'b' }));
    runtime.on('b', () => Promise.reject(new Error('in b')));
    const { eventId } = runtime.emit('a');
    await runtime.process();
    expect(runtime.deadLetters.get(eventId)!.errors[0]!.message).toBe('in b');
  });

  it('may have a type field without being meant as an event', async () => {
    const runtime = quiet();
    runtime.on('a', async () => ({ type: 'result', ok: true }));
    runtime.emit('a');
    expect(await runtime.process(true)).toMatchObject({ processed: 1, failed: 0 });
  });

  it('are stopped when they loop, go too deep, or become too many', async () => {
    const runtime = quiet({ maxEventDepth: 5, maxEventChainLength: 8 });
    runtime.on('self', (event) => event);
    runtime.on('ping', () => ({ type: 'pong' }));
    runtime.on('pong', () => ({ type: 'ping' }));
    runtime.on(/^deep\d/, (event) => ({ type: `deep${Number(event.type.slice(4)) + 1}` }));
    for (let n = 0; n < 10; n++) runtime.on('wide', () => ({ type: `leaf${n}` }));
    for (const type of ['self', 'ping', 'deep1', 'wide']) runtime.emit(type);
    await runtime.process();
    const errors = runtime.deadLetters.list().items.map((item) => [item.event.type, item.errors[0]!.message]);
    expect(Object.fromEntries(errors)).toEqual({
      self: 'Event loop detected: self',
      ping: 'Event loop detected: ping',
      deep1: 'Max event depth exceeded: 5',
      wide: 'Max event chain length exceeded: 8',
    });
  });

  it('are limited for each chain, whatever else is in flight', async () => {
    const runtime = quiet({ maxEventDepth: 2 });
    runtime.on('a', async () => {
      await sleep(1);
      return { type: 'b' };
    });
    for (let n = 0; n < 20; n++) runtime.emit('a');
    expect(await runtime.process(true)).toMatchObject({ processed: 20, failed: 0 });
  });
});

describe('causes', () => {
  it('are not tracked by default: a handler may emit its own type any number of times', async () => {
    const runtime = quiet({ maxEventDepth: 3 });
    let runs = 0;
    let causation: unknown = 'none';
    runtime.on('a', (event) => {
      causation = event.metadata!.causationId;
      if (++runs < 50) runtime.emit('a');
    });
    runtime.emit('a');
    await runtime.process();
    expect([runs, causation]).toEqual([50, undefined]);
  });

  it('are known after an await, and limit an emit loop', async () => {
    const runtime = quiet({ trackCauses: true, maxEventDepth: 4 });
    const causes: unknown[] = [];
    let refused: unknown;
    runtime.on('a', async (event) => {
      causes.push([event.metadata!.causationId, event.metadata!.chainDepth]);
      await sleep(1);
      const result = runtime.emit('a');
      if (!result.success) refused = result.error;
    });
    const { eventId } = runtime.emit('a');
    await runtime.process();
    expect(causes).toHaveLength(4);
    expect(causes[1]).toEqual([eventId, 2]);
    expect(refused).toMatchObject({ code: 'EVENT_CHAIN_TOO_LONG', message: 'Max event depth exceeded: 4' });
    runtime.emit('a');
    await runtime.process();
    expect(causes).toHaveLength(8);
  });
});

describe('causes of emits that wait for their batch', () => {
  it('are those of the handler that emitted, whoever flushes the batch', async () => {
    const runtime = quiet({ trackCauses: true, maxEventDepth: 3 });
    const causes: unknown[] = [];
    runtime.on('child', (event) => void causes.push([event.data, event.metadata!.causationId]));
    runtime.on('parent', (event) => void runtime.emit('child', event.data, { batch: true, batchTimeout: 5 }));
    const parents = [1, 2].map((data) => runtime.emit('parent', data).eventId);
    runtime.on('other', () => void runtime.emit('child', 3, { flushBatch: true }));
    await runtime.process();
    const { eventId } = runtime.emit('other');
    await runtime.process();
    expect(causes).toEqual([
      [1, parents[0]],
      [2, parents[1]],
      [3, eventId],
    ]);
  });
});

describe('hostile handlers', () => {
  it('and an onError that rejects harm nobody: it is logged', async () => {
    const logged: string[] = [];
    const observability = { log: (_level: string, message: string) => void logged.push(message) };
    const runtime = createRuntime({}, observability, {
      onError: (): never => Promise.reject(new Error('no')) as never,
    });
    runtime.on('a', () => Promise.reject(new Error('no luck')));
    runtime.emit('a');
    await runtime.process();
    await sleep(1);
    expect(logged).toContain('onError has thrown');
    await runtime.cleanup();
  });

  it('harm nobody: right result, right counter, no lost slot', async () => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    const runtime = quiet({ maxConcurrent: 2 });
    const bad: Record<string, () => unknown> = {
      throwsNull: () => {
        throw null;
      },
      throwsUndefined: () => {
        throw undefined;
      },
      rejectsString: () => Promise.reject('text'),
      brokenThenable: () => ({
        then() {
          throw new Error('then');
        },
      }),
      thenGetter: () =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new Error('getter');
          },
        }),
      thenableRejects: () => ({ then: (_: unknown, no: (error: unknown) => void) => no('thenable') }),
    };
    const good: Record<string, () => unknown> = {
      number: () => 7,
      array: () => [1, 2],
      thenable: () => ({ then: (yes: (value: unknown) => void) => yes({ nothing: 1 }) }),
      symbol: () => Symbol('x'),
      frozenEvent: () => Object.freeze({ type: 'nobody' }),
    };
    for (const [type, handler] of Object.entries({ ...bad, ...good })) {
      runtime.on(type, handler);
      for (let n = 0; n < 5; n++) runtime.emit(type);
    }
    const tally = await runtime.process(true);
    expect(tally).toEqual({ processed: Object.keys(good).length * 5, acked: 0, failed: Object.keys(bad).length * 5 });
    expect(runtime.getStats().queue).toMatchObject({ running: 0, ready: 0, availablePermits: 2 });
    expect(addsUp(runtime)).toBe(true);
    await sleep(5);
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  it('may call process, clear and cleanup inside', async () => {
    const runtime = quiet();
    runtime.on('clear', async () => {
      await runtime.process();
      runtime.clear();
    });
    runtime.emit('clear');
    runtime.emit('other', 1, { delayMs: 1000 });
    expect(await runtime.process(true)).toMatchObject({ processed: 1 });
    expect(runtime.getStats().queue).toMatchObject({ size: 0, cancelled: 1, running: 0 });
    runtime.on('end', async () => {
      await runtime.cleanup();
    });
    runtime.emit('end');
    await runtime.process();
    expect(runtime.emit('late').error).toMatchObject({ code: 'RUNTIME_SHUTTING_DOWN' });
  });

  it('are timed out with operationTimeoutMs and with the timeout of the event', async () => {
    vi.useFakeTimers();
    const runtime = quiet({ operationTimeoutMs: 100, maxConcurrent: 1 });
    const reasons: unknown[] = [];
    runtime.on('hang', (_event, signal) => {
      signal.addEventListener('abort', () => reasons.push((signal.reason as { code: string }).code));
      return new Promise(() => undefined);
    });
    runtime.on('fast', () => 1);
    const first = runtime.emit('hang');
    const second = runtime.emit('hang', 1, { timeout: 10 });
    runtime.emit('fast');
    const processing = runtime.process(true);
    await vi.advanceTimersByTimeAsync(110);
    expect(await processing).toEqual({ processed: 1, acked: 0, failed: 2 });
    expect(reasons).toEqual(['RUNTIME_EVENT_PROCESSING_TIMEOUT', 'RUNTIME_EVENT_PROCESSING_TIMEOUT']);
    expect(runtime.deadLetters.get(first.eventId)!.errors[0]!.message).toContain('exceeded 100ms');
    expect(runtime.deadLetters.get(second.eventId)!.tags).toContain('error:timeouterror');
  });

  it.each([true, false])(
    'start when the one before them ends, also by fake timers (times recorded: %s)',
    async (recorded) => {
      vi.useFakeTimers();
      const runtime = quiet({ maxConcurrent: 1, enableObservability: recorded });
      const began: number[] = [];
      const start = Date.now();
      runtime.on('slow', async () => {
        began.push(Date.now() - start);
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
      for (let n = 0; n < 3; n++) runtime.emit('slow');
      const processing = runtime.process();
      await vi.advanceTimersByTimeAsync(300);
      await processing;
      expect(began).toEqual([0, 100, 200]);
    },
  );

  it('tell onError of each failed attempt, and survive it', async () => {
    const told: unknown[] = [];
    const runtime = quiet({
      retry: { maxAttempts: 2, initialDelayMs: 0 },
      onError: (error, event) => {
        told.push([(error as Error).message, event.type]);
        throw new Error('onError itself');
      },
    });
    runtime.on('a', () => Promise.reject(new Error('no')));
    runtime.emit('a');
    await runtime.drain();
    expect(told).toEqual([
      ['no', 'a'],
      ['no', 'a'],
    ]);
  });
});

describe('the signals of context and configuration', () => {
  it('abort what runs and let nothing more start', async () => {
    for (const where of ['context', 'config'] as const) {
      const controller = new AbortController();
      const { signal } = controller;
      const runtime =
        where === 'context' ? quiet({ maxConcurrent: 1 }, { signal }) : quiet({ maxConcurrent: 1, signal });
      const started = deferred();
      runtime.on('a', (_event, own) => {
        started.resolve();
        return new Promise((_, reject) => own.addEventListener('abort', () => reject(own.reason)));
      });
      runtime.emit('a');
      runtime.emit('a');
      const processing = runtime.process(true);
      await started.promise;
      controller.abort(new Error('stop'));
      expect(await processing).toEqual({ processed: 0, acked: 0, failed: 1 });
      expect(await runtime.process(true)).toEqual({ processed: 0, acked: 0, failed: 0 });
      expect(runtime.getStats().queue.ready).toBe(1);
    }
  });
});

describe('types', () => {
  it('follow the event map', () => {
    const typed = createRuntime<{ 'user.created': { id: number }; ping: undefined }>();
    typed.on('user.created', (event) => {
      const id: number = event.data.id;
      return void id;
    });
    // @ts-expect-error no such type
    typed.emit('user.deleted', 1);
    // @ts-expect-error wrong data
    typed.emit('user.created', { id: 'x' });
    const loose = createRuntime();
    loose.on('anything', (event) => void event.data.whatever);
    loose.emit('anything', 5);
    expect(typeof typed.emit).toBe('function');
  });
});

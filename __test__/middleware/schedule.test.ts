import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { schedule, withSchedule } from '../../lib/middleware/index';
import { native } from '../../lib/native/index';
import { eventOf } from './support';

describe('schedule', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }));
  afterEach(() => void vi.useRealTimers());

  it('sends events like the original one, freshly made', async () => {
    const original = { ...eventOf('tick', { n: 1 }), metadata: { tenantId: 't', correlationId: 'c' } };
    const send = vi.fn();
    const stop = schedule({ intervalMs: 100, generateData: (count, event) => ({ count, of: event.data.n }) })(
      original,
      send,
    );
    await vi.advanceTimersByTimeAsync(250);
    stop();
    stop();
    await vi.advanceTimersByTimeAsync(1000);
    expect(send).toHaveBeenCalledTimes(2);
    const [first, second] = send.mock.calls.map(([event]) => event);
    expect(first).toMatchObject({
      type: 'tick',
      threadId: original.threadId,
      metadata: original.metadata,
      data: { count: 0, of: 1 },
    });
    expect(first.metadata).not.toBe(original.metadata);
    expect(first.id).toMatch(/^call_/);
    expect(second.id).not.toBe(first.id);
    expect(second.data).toEqual({ count: 1, of: 1 });
    expect(second.ts - first.ts).toBe(100);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps its data by default and stops right after the last trigger', async () => {
    const event = eventOf('tick', { n: 1 });
    const send = vi.fn();
    schedule({ every: '1s', maxTriggers: 2, triggerImmediately: true })(event, send);
    expect(send).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(send).toHaveBeenCalledTimes(2);
    expect(send.mock.calls[1]![0].data).toBe(event.data);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does nothing with maxTriggers 0', async () => {
    const send = vi.fn();
    schedule({ intervalMs: 10, maxTriggers: 0, triggerImmediately: true })(eventOf(), send)();
    await vi.advanceTimersByTimeAsync(100);
    expect(send).not.toHaveBeenCalled();
  });

  it('survives a sendEvent or generateData that throws or rejects', async () => {
    const send = vi
      .fn()
      .mockRejectedValueOnce(new Error('a'))
      .mockImplementationOnce(() => {
        throw new Error('b');
      });
    const stop = schedule({ intervalMs: 10 })(eventOf(), send);
    let broken = 0;
    const other = schedule({
      intervalMs: 10,
      generateData: () => {
        broken++;
        throw new Error('c');
      },
    })(eventOf(), send);
    await vi.advanceTimersByTimeAsync(40);
    expect(send).toHaveBeenCalledTimes(4);
    expect(broken).toBe(4);
    stop();
    other();
  });

  it('leaves a time out while the run before has not ended, unless told otherwise', async () => {
    for (const [overlap, count] of [
      ['skip', 1],
      ['allow', 5],
    ] as const) {
      const send = vi.fn(() => new Promise(() => undefined));
      const stop = schedule({ intervalMs: 10, overlap })(eventOf(), send);
      await vi.advanceTimersByTimeAsync(50);
      expect(send).toHaveBeenCalledTimes(count);
      stop();
    }
  });

  it('makes up for a blocked process once, or not at all, and stays on the grid', async () => {
    for (const [missed, afterBlock] of [
      ['once', 2],
      ['skip', 1],
    ] as const) {
      const startedAt = Date.now();
      const times: number[] = [];
      const stop = schedule({ intervalMs: 100, missed })(eventOf(), () => void times.push(Date.now() - startedAt));
      await vi.advanceTimersByTimeAsync(100);
      // Blocked for three and a half intervals: the clock moves on, no timer fires.
      const realNow = performance.now.bind(performance);
      const blocked = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + 350);
      await vi.advanceTimersByTimeAsync(100);
      expect(times).toHaveLength(afterBlock);
      await vi.advanceTimersByTimeAsync(100);
      expect(times.length).toBeGreaterThan(afterBlock - 1);
      blocked.mockRestore();
      stop();
    }
  });

  it('runs at a date, once, and never at one that has passed', async () => {
    const send = vi.fn();
    schedule({ at: new Date(Date.now() + 3 * 86_400_000) })(eventOf(), send);
    schedule({ at: new Date(Date.now() - 1) })(eventOf(), send);
    await vi.advanceTimersByTimeAsync(3 * 86_400_000 - 1);
    expect(send).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(send).toHaveBeenCalledTimes(1);
  });

  it('follows a cron expression on the wall clock of its zone', async () => {
    const times: string[] = [];
    const send = (): void => void times.push(new Date().toISOString());
    const stop = schedule({ cron: '0 9 * * *', timezone: 'America/Sao_Paulo' })(eventOf(), send);
    await vi.advanceTimersByTimeAsync(2 * 86_400_000);
    stop();
    expect(times).toEqual(['2026-01-01T12:00:00.000Z', '2026-01-02T12:00:00.000Z']);
  });

  it('stops when its signal aborts', async () => {
    const send = vi.fn();
    const controller = new AbortController();
    schedule({ intervalMs: 10 })(eventOf(), send, controller.signal);
    await vi.advanceTimersByTimeAsync(10);
    controller.abort();
    await vi.advanceTimersByTimeAsync(100);
    expect(send).toHaveBeenCalledTimes(1);
  });

  it.each([
    {},
    { intervalMs: 0 },
    { intervalMs: 10, cron: '* * * * *' },
    { every: '5 parsecs' },
    { cron: '99 * * * *' },
    { cron: '0 0 30 2 *' },
    { cron: '* * * * *', timezone: 'Mars/Olympus' },
    { at: 'someday' },
    { intervalMs: 10, maxTriggers: -1 },
    { intervalMs: 10, missed: 'twice' },
    { intervalMs: 10, jitterMs: -1 },
  ])('refuses %j', (options) => {
    expect(() => schedule(options as never)).toThrow(/schedule.*: got .*; allowed: /);
  });
});

describe('withSchedule', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }));
  afterEach(() => void vi.useRealTimers());

  it('handles the first event of each type and then again on the schedule', async () => {
    const handler = vi.fn();
    const middleware = withSchedule({ schedule: '5s' });
    expect([middleware.kind, middleware.displayName]).toEqual(['handler', 'withSchedule']);
    const wrapped = middleware(handler);
    await wrapped(eventOf('a', 1));
    await wrapped(eventOf('a', 2));
    await wrapped(eventOf('b', 3));
    expect(handler).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(10_000);
    const scheduled = handler.mock.calls.slice(3).map(([event]) => [event.type, event.data]);
    expect(scheduled).toEqual([
      ['a', 1],
      ['b', 3],
      ['a', 1],
      ['b', 3],
    ]);
    middleware.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(handler).toHaveBeenCalledTimes(7);
  });

  it.each([
    ['*/5 * * * *', 300_000],
    ['5s', 5000],
    [5000, 5000],
    [new Date(Date.UTC(2026, 0, 1, 0, 0, 5)), 5000],
    [{ every: 5000 }, 5000],
    [{ schedule: { intervalMs: 5000 } }, 5000],
    [{ schedule: 5000, maxTriggers: 1 }, 5000],
  ])('understands %j', async (spec, ms) => {
    const send = vi.fn();
    const stop = withSchedule(spec as never)(eventOf(), send);
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(send).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(send).toHaveBeenCalledTimes(1);
    stop();
  });

  it('refuses what it cannot understand', () => {
    expect(() => withSchedule({ schedule: 'whenever' })).toThrow(/withSchedule.*got "whenever"; allowed: a duration/);
  });
});

describe('cron occurrences', () => {
  const FROM = Date.UTC(2020, 0, 1);
  const TO = Date.UTC(2030, 0, 1);
  const DAY_MS = 86_400_000;
  const ZONES = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe'];
  // 2:30 falls into the hour that daylight saving skips or doubles in two of the zones, 1:45 into that of the third.
  const PATTERNS = [
    '30 2 * * *',
    '45 1 * * 0',
    '0 12 * * 1-5',
    '15 3 1 */2 *',
    '0 0 29 2 *',
    '5 4 L * *',
    '0 9 * * 1#2',
  ];
  const cases = (patterns: string[]): [string, string][] =>
    ZONES.flatMap((zone) => patterns.map((pattern): [string, string] => [pattern, zone]));
  const iso = (ms: number): string => new Date(ms).toISOString();

  /** Follows the occurrences of both from `from` to `to`; answers how many there were. */
  function compare(
    pattern: string,
    zone: string,
    from: number,
    to: number,
    reference: (after: number) => number,
  ): number {
    let compared = 0;
    for (let at = from; at < to; compared++) {
      const next = native.cronNext(pattern, zone, at)!;
      const expected = reference(at);
      if (next !== expected) expect(`${iso(at)} -> ${iso(next)}`).toBe(`${iso(at)} -> ${iso(expected)}`);
      at = next;
    }
    return compared;
  }

  const croner = (pattern: string, timezone: string) => {
    const cron = new Cron(pattern, { timezone, paused: true });
    return (after: number): number => cron.nextRun(new Date(after))!.getTime();
  };

  it.each(cases(PATTERNS))('of %s in %s are those of croner over ten years', (pattern, zone) => {
    expect(compare(pattern, zone, FROM, TO, croner(pattern, zone))).toBeGreaterThan(2);
  });

  it.each(cases(['*/20 * * * *', '0 */2 * * *']))(
    'of %s in %s are those of croner on every day that the clocks change',
    (pattern, zone) => {
      let changes = 0;
      const offset = offsetIn(zone);
      for (let day = FROM; day < TO; day += DAY_MS) {
        if (offset(day) === offset(day + DAY_MS)) continue;
        changes++;
        compare(pattern, zone, day - DAY_MS / 2, day + 1.5 * DAY_MS, croner(pattern, zone));
      }
      expect(changes).toBe(20);
    },
  );

  it('are those of cron-parser, too, where no hour is skipped', () => {
    for (const [pattern, zone] of cases(['0 12 * * 1-5', '15 3 1 */2 *', '0 0 29 2 *'])) {
      const parsed = CronExpressionParser.parse(pattern, { tz: zone, currentDate: new Date(FROM) });
      expect(compare(pattern, zone, FROM, TO, () => parsed.next().getTime())).toBeGreaterThan(2);
    }
  });

  function offsetIn(timeZone: string): (at: number) => string {
    const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
    return (at) => format.formatToParts(at).find(({ type }) => type === 'timeZoneName')!.value;
  }
});

import parsePrometheus from 'parse-prometheus-text-format';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cleanUpAll, quiet, sleep } from './helpers';
import type { RuntimeStats } from '../lib/index';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpAll();
});

describe('metrics.prometheus', () => {
  it('is text that a parser of the format reads, with the figures of getStats', async () => {
    const runtime = quiet({ tenantId: 'we"ird\\ten\nant', queueSize: 3 });
    runtime.on('good', () => undefined);
    runtime.on('bad', () => {
      throw new Error('no luck');
    });
    for (const type of ['good', 'good', 'bad', 'refused']) runtime.emit(type, {}, { tenantId: 'other' });
    await runtime.process();
    const text = runtime.metrics.prometheus();
    const families = new Map(parsePrometheus(text).map((family) => [family.name, family]));
    const value = (name: string, labels: Record<string, string> = {}) =>
      families
        .get(name)!
        .metrics.find((m) => Object.entries(labels).every(([key, label]) => m['labels']?.[key] === label))?.['value'];
    expect(value('kodus_flow_events_accepted_total')).toBe('3');
    expect(value('kodus_flow_events_ended_total', { outcome: 'done' })).toBe('2');
    expect(value('kodus_flow_events_ended_total', { outcome: 'dead' })).toBe('1');
    expect(value('kodus_flow_events_refused_total', { reason: 'full' })).toBe('1');
    expect(families.get('kodus_flow_events_ended_total')!.type).toBe('COUNTER');
    const wait = families.get('kodus_flow_queue_wait_seconds')!;
    expect(wait.type).toBe('SUMMARY');
    // The parser lays summaries of one name over each other; what belongs to which labels is looked up in the text.
    expect(Object.keys(wait.metrics[0]!['quantiles']).sort()).toEqual(['0.5', '0.9', '0.99', '1']);
    expect(text).toMatch(/^kodus_flow_queue_wait_seconds_count\{.*type="good"\} 2$/m);
    expect(text).toMatch(/^kodus_flow_tenant_handler_time_seconds_count\{tenant="other"\} 3$/m);
    expect(value('kodus_flow_events_accepted_total', { tenant: 'we"ird\\ten\nant' })).toBe('3');
  });

  it('has one line for each set of labels, every line of the grammar, and one head for each name', () => {
    const runtime = quiet();
    runtime.emit('a');
    const lines = runtime.metrics.prometheus().trimEnd().split('\n');
    const grammar =
      /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\} (-?[\d.e+-]+|NaN|[+-]Inf))$/;
    expect(lines.filter((line) => !grammar.test(line))).toEqual([]);
    const samples = lines.filter((line) => !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(samples).size).toBe(samples.length);
    const heads = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    expect(new Set(heads).size).toBe(heads.length);
  });

  it('has counters that never fall, also after clear', async () => {
    const runtime = quiet();
    const count = () => /accepted_total\{[^}]*\} (\d+)/.exec(runtime.metrics.prometheus())![1];
    runtime.emit('a');
    runtime.clear();
    expect(count()).toBe('1');
  });
});

describe('stats', () => {
  it('gives a snapshot at once and in each interval, and ends with a last one when the runtime is cleaned up', async () => {
    vi.useFakeTimers();
    const runtime = quiet();
    runtime.on('a', () => undefined);
    const seen: RuntimeStats[] = [];
    const reading = (async () => {
      for await (const stats of runtime.stats({ intervalMs: 50 })) seen.push(stats);
    })();
    await vi.advanceTimersByTimeAsync(120);
    expect(seen.map(({ queue }) => queue.done)).toEqual([0, 0, 0]);
    runtime.emit('a');
    await runtime.process();
    await runtime.cleanup();
    await reading;
    expect(seen.at(-1)!.queue.done).toBe(1);
    expect(seen).toHaveLength(4);
  });

  it('ends when its signal aborts or its reader leaves', async () => {
    const runtime = quiet();
    const stop = new AbortController();
    let count = 0;
    for await (const _stats of runtime.stats({ intervalMs: 5, signal: stop.signal })) if (++count === 3) stop.abort();
    expect(count).toBe(3);
    for await (const _stats of runtime.stats()) break;
    expect(() => runtime.stats({ intervalMs: 0 })).toThrow(/intervalMs/);
    await sleep(1);
  });
});

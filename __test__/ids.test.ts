import { Worker } from 'node:worker_threads';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { IdGenerator } from '../lib/index';
import { nextCallId, nextCorrelationId } from '../lib/ids';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const SHAPES = [
  ['callId', /^call_[0-9A-Za-z]{6}_[0-9a-z]{6,}$/],
  ['executionId', /^exec_[0-9a-z]+_[0-9A-Za-z]{8}_[0-9a-z]{1,2}$/],
  ['correlationId', /^corr_[0-9A-Za-z]{12}_[0-9a-z]+$/],
  ['sessionId', /^sess_[0-9A-Za-z]{10}_[0-9a-z]+$/],
  ['tenantId', /^tenant_[0-9A-Za-z]{8}$/],
  ['eventId', /^evt_[0-9A-Za-z]{8}_[0-9a-z]+$/],
  ['traceId', /^trace_[0-9A-Za-z]{12}_[0-9a-z]+$/],
  ['spanId', /^span_[0-9A-Za-z]{8}$/],
  ['messageId', /^msg_[0-9a-z]+_[0-9A-Za-z]{9}$/],
  ['generateTraceId', /^trace_[0-9a-z]+_[0-9A-Za-z]{6}$/],
  ['generateSpanId', /^span_[0-9a-z]+_[0-9A-Za-z]+$/],
] as const;

describe('ids', () => {
  it.each(SHAPES)('%s has its shape, always', (method, shape) => {
    const ids = Array.from({ length: 5000 }, () => IdGenerator[method]());
    expect(ids.filter((id) => !shape.test(id))).toEqual([]);
  });

  it('of calls never repeat: a million', () => {
    const ids = new Set<string>();
    for (let n = 0; n < 1e6; n++) ids.add(nextCallId());
    expect(ids.size).toBe(1e6);
  });

  it('of correlations never repeat', () => {
    const ids = new Set(Array.from({ length: 100_000 }, nextCorrelationId));
    expect(ids.size).toBe(100_000);
    expect([...ids].filter((id) => !/^corr_\d+_\d+$/.test(id))).toEqual([]);
  });

  it.each(SHAPES)('%s does not repeat', (method) => {
    // Six random characters in a millisecond: by chance 1,000 ids meet once in 100,000 runs, 20,000 would once in 300.
    const ids = new Set(Array.from({ length: 1000 }, () => IdGenerator[method]()));
    expect(ids.size).toBe(1000);
  });

  it('stay apart while the clock stands still or runs backwards', () => {
    vi.useFakeTimers({ now: NOW });
    const ids = new Set<string>();
    for (let n = 0; n < 5000; n++) ids.add(nextCallId().slice('call_XXXXXX_'.length));
    vi.setSystemTime(NOW - 60_000);
    for (let n = 0; n < 5000; n++) ids.add(nextCallId().slice('call_XXXXXX_'.length));
    expect(ids.size).toBe(10_000);
  });

  it('do without the origin of the clock, which some fake clocks lack', () => {
    vi.stubGlobal('performance', { now: () => 5 });
    const ids = Array.from({ length: 3000 }, nextCallId);
    expect(ids.filter((id) => !IdGenerator.validateId(id, 'call'))).toEqual([]);
    vi.unstubAllGlobals();
  });

  it('draw each character of the random part equally often', () => {
    const counts = new Map<string, number>();
    const draws = 20_000;
    for (let n = 0; n < draws; n++) {
      for (const character of IdGenerator.tenantId().slice('tenant_'.length)) {
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
    }
    const expected = (draws * 8) / 62;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(counts.size).toBe(62);
    // 61 degrees of freedom: an unbiased source exceeds 150 about once in 10^9 runs, one with `% 62` of a byte always.
    expect(chiSquare).toBeLessThan(150);
  });

  it('of a worker thread and of another process differ from ours', async () => {
    const source = `
      const { buildSync } = require('esbuild');
      const out = buildSync({ entryPoints: ['lib/ids.ts'], bundle: true, platform: 'node', format: 'cjs', write: false });
      const module_ = { exports: {} };
      new Function('module', 'require', out.outputFiles[0].text)(module_, require);
      const ids = Array.from({ length: 5000 }, module_.exports.nextCallId);`;
    const worker = new Worker(`${source} require('node:worker_threads').parentPort.postMessage(ids);`, { eval: true });
    const fromWorker = new Promise<string[]>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const fromProcess = promisify(execFile)(process.execPath, ['-e', `${source} console.log(JSON.stringify(ids));`]);
    const all = [
      ...Array.from({ length: 5000 }, nextCallId),
      ...(await fromWorker),
      ...(JSON.parse((await fromProcess).stdout) as string[]),
    ];
    expect(new Set(all).size).toBe(15_000);
  });
});

describe('IdGenerator.validateId', () => {
  it.each([
    ['execution', () => IdGenerator.executionId()],
    ['correlation', () => IdGenerator.correlationId()],
    ['call', () => IdGenerator.callId()],
    ['session', () => IdGenerator.sessionId()],
    ['tenant', () => IdGenerator.tenantId()],
  ] as const)('accepts every %s id that is made', (kind, make) => {
    const ids = Array.from({ length: 5000 }, make);
    expect(ids.filter((id) => !IdGenerator.validateId(id, kind))).toEqual([]);
  });

  it('refuses other kinds, lengths and things', () => {
    expect(IdGenerator.validateId(IdGenerator.callId(), 'tenant')).toBe(false);
    expect(IdGenerator.validateId('call_abc_123456', 'call')).toBe(false);
    expect(IdGenerator.validateId('call_abcdef_12345', 'call')).toBe(false);
    expect(IdGenerator.validateId(`${IdGenerator.tenantId()}\n`, 'tenant')).toBe(false);
    expect(IdGenerator.validateId('', 'call')).toBe(false);
    expect(IdGenerator.validateId(undefined as never, 'call')).toBe(false);
    expect(IdGenerator.validateId('call_abcdef_123456', 'nothing' as never)).toBe(false);
    expect(IdGenerator.validateId('call_abcdef_123456', 'constructor' as never)).toBe(false);
  });
});

describe('IdGenerator.extractTimestamp', () => {
  it.each([
    'executionId',
    'correlationId',
    'sessionId',
    'eventId',
    'traceId',
    'messageId',
    'generateTraceId',
    'generateSpanId',
  ] as const)('reads the time of %s', (method) => {
    vi.useFakeTimers({ now: NOW });
    for (let n = 0; n < 300; n++) expect(IdGenerator.extractTimestamp(IdGenerator[method]())).toBe(NOW);
  });

  it('answers null where an id has no time', () => {
    for (const id of [IdGenerator.tenantId(), 'span_12345678', 'call_', 'exec_!_12345678_1', '', 'nothing']) {
      expect(IdGenerator.extractTimestamp(id)).toBeNull();
    }
    expect(IdGenerator.extractTimestamp(undefined as never)).toBeNull();
  });
});

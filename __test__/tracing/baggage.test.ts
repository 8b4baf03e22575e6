import { context, propagation } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEvent, createPersistor } from '../../lib/index';
import { cleanUpAll, quiet, sleep } from '../helpers';
import { inSpan, startTracing } from './sdk';
import type { Runtime } from '../../lib/index';

let sdk: ReturnType<typeof startTracing>;
beforeEach(() => void (sdk = startTracing()));
afterEach(async () => {
  await cleanUpAll();
  await sdk.stop();
});

/** Runs `fn` inside a span, with entries of baggage. */
async function withBaggage<T>(entries: Record<string, string>, fn: () => T | Promise<T>): Promise<T> {
  const values = Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, { value }]));
  const baggage = propagation.createBaggage(values);
  return inSpan(() => context.with(propagation.setBaggage(context.active(), baggage), fn));
}

/** What is in the active baggage. */
const active = (): Record<string, string> =>
  Object.fromEntries((propagation.getActiveBaggage()?.getAllEntries() ?? []).map(([key, { value }]) => [key, value]));

/** Notes the baggage in which the handlers of `type` run, after they have waited. */
function watch(runtime: Runtime, type = 'a'): Record<string, string>[] {
  const seen: Record<string, string>[] = [];
  runtime.on(type, async () => {
    await sleep(1);
    seen.push(active());
  });
  return seen;
}

describe('baggage', () => {
  it.each(['parent', 'link'] as const)('of an emit is that of the handlers, with spans as %s', async (spans) => {
    const runtime = quiet({ telemetry: { spans } });
    const seen = watch(runtime);
    await withBaggage({ customer: 'acme', note: 'ä,;=' }, () => runtime.emit('a'));
    await runtime.process();
    expect(seen).toEqual([{ customer: 'acme', note: 'ä,;=' }]);
    expect(active()).toEqual({});
  });

  it('goes on to what the handlers emit, and to emitAsync and emitEvent', async () => {
    const runtime = quiet();
    const seen = watch(runtime, 'last');
    runtime.on('first', async () => {
      await sleep(1);
      runtime.emit('last');
      await runtime.emitAsync('last');
      runtime.emitEvent(createEvent('last'));
    });
    await withBaggage({ customer: 'acme' }, () => runtime.emit('first'));
    await runtime.process();
    expect(seen).toEqual(Array.from({ length: 3 }, () => ({ customer: 'acme' })));
  });

  it('keeps through redeliveries, the journal and a restart, as the trace does', async () => {
    const path = mkdtempSync(join(tmpdir(), 'kodus-baggage-'));
    const retry = { maxAttempts: 2, initialDelayMs: 30 };
    const before = quiet({ journal: path, retry });
    before.on('a', () => {
      throw new Error('no luck');
    });
    await withBaggage({ customer: 'acme' }, () => before.emitAsync('a'));
    await before.process();
    await before.cleanup();
    const after = quiet({ journal: path, retry });
    const seen = watch(after);
    await after.drain();
    expect(seen).toEqual([{ customer: 'acme' }]);
    const [[send], attempts] = ['send a', 'process a'].map(sdk.named);
    expect(attempts!.map((span) => span.attributes['kodus_flow.attempt'])).toEqual([1, 2]);
    expect(attempts!.map((span) => span.parentSpanContext?.spanId)).toEqual(
      attempts!.map(() => send!.spanContext().spanId),
    );
    await after.cleanup();
    rmSync(path, { recursive: true });
  });

  it('keeps through a persistor and a restart', async () => {
    const config = {
      persistor: createPersistor('memory', {}),
      executionId: 'baggage',
      enablePersistence: true,
      persistAllEvents: true,
    };
    const before = quiet(config);
    await withBaggage({ customer: 'acme' }, () => before.emitAsync('a'));
    await before.cleanup();
    const after = quiet(config);
    const seen = watch(after);
    await after.process();
    expect(seen).toEqual([{ customer: 'acme' }]);
    const [[send], [process]] = ['send a', 'process a'].map(sdk.named);
    expect(process!.parentSpanContext?.spanId).toBe(send!.spanContext().spanId);
  });

  it('keeps through a dead letter that goes back into the queue', async () => {
    const runtime = quiet({ retry: { maxAttempts: 1 } });
    const seen: unknown[] = [];
    runtime.on('a', () => {
      seen.push(active());
      if (seen.length === 1) throw new Error('no luck');
    });
    const { eventId } = await withBaggage({ customer: 'acme' }, () => runtime.emit('a'));
    await runtime.process();
    await runtime.reprocessFromDLQ(eventId);
    await runtime.process();
    expect(seen).toEqual([{ customer: 'acme' }, { customer: 'acme' }]);
  });

  it('that an event brings along is read, and one that is too long or no text is left alone', async () => {
    const runtime = quiet();
    const seen = watch(runtime);
    for (const baggage of ['customer=acme', `a=${'x'.repeat(8192)}`, 7, '']) {
      runtime.emitEvent({ ...createEvent('a'), metadata: { baggage } });
    }
    await runtime.process();
    expect(seen.map((entries) => Object.keys(entries))).toEqual([['customer'], [], [], []]);
  });

  it('is carried by nobody who has no propagator for it, nor beyond its bound', async () => {
    const runtime = quiet();
    const metadata: unknown[] = [];
    runtime.on('a', (event) => void metadata.push(event.metadata?.['baggage']));
    const flood = Object.fromEntries(Array.from({ length: 170 }, (_, n) => [`key${n}`, 'x'.repeat(100)]));
    await withBaggage(flood, () => runtime.emit('a'));
    propagation.disable();
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    await withBaggage({ customer: 'acme' }, () => runtime.emit('a'));
    await runtime.process();
    expect(metadata[1]).toBeUndefined();
    expect(metadata[0]).toMatch(/^key0=x+,key1=/);
    expect(String(metadata[0]).length).toBeLessThanOrEqual(8192);
  });

  it('harms no event when the propagator is broken', async () => {
    const broken = (): never => {
      throw new Error('broken propagator');
    };
    propagation.disable();
    propagation.setGlobalPropagator({ inject: broken, extract: broken, fields: () => ['baggage'] });
    const runtime = quiet();
    const seen = watch(runtime);
    await withBaggage({ customer: 'acme' }, () => runtime.emit('a'));
    runtime.emitEvent({ ...createEvent('a'), metadata: { baggage: 'customer=acme' } });
    await runtime.process();
    expect(seen).toEqual([{}, {}]);
    expect(sdk.named('process a')[0]!.parentSpanContext?.spanId).toBe(sdk.named('send a')[0]!.spanContext().spanId);
  });
});

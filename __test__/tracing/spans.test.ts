import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEvent } from '../../lib/index';
import { cleanUpAll, quiet, sleep, unreadable } from '../helpers';
import { inSpan, startTracing } from './sdk';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

let sdk: ReturnType<typeof startTracing>;
beforeEach(() => void (sdk = startTracing()));
afterEach(async () => {
  await cleanUpAll();
  await sdk.stop();
});

describe('spans of an event', () => {
  it('has a producer span under the active one and a consumer span under that, with the attributes of messaging', async () => {
    const runtime = quiet({ tenantId: 'acme' });
    runtime.on('order.created', async () => sleep(1));
    const { eventId } = await inSpan(() => runtime.emit('order.created', {}, { correlationId: 'c1' }));
    await runtime.process();
    const [[app], [send], [process]] = ['app', 'send order.created', 'process order.created'].map(sdk.named);
    expect(send!.kind).toBe(SpanKind.PRODUCER);
    expect(send!.parentSpanContext?.spanId).toBe(app!.spanContext().spanId);
    expect(process!.kind).toBe(SpanKind.CONSUMER);
    expect(process!.parentSpanContext?.spanId).toBe(send!.spanContext().spanId);
    expect(process!.spanContext().traceId).toBe(app!.spanContext().traceId);
    expect(process!.attributes).toMatchObject({
      'messaging.system': 'kodus_flow',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'order.created',
      'messaging.message.id': eventId,
      'messaging.message.conversation_id': 'c1',
      'kodus_flow.attempt': 1,
      'kodus_flow.tenant.id': 'acme',
    });
    expect(send!.attributes).toEqual({
      'messaging.system': 'kodus_flow',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'order.created',
      'messaging.message.id': eventId,
      'messaging.message.conversation_id': 'c1',
    });
    expect(sdk.named('process batch')[0]!.attributes).toMatchObject({ 'messaging.batch.message_count': 1 });
    expect(sdk.spans()).toHaveLength(4);
  });

  it('ends its span, as failed, whatever the error is and whatever the span does', async () => {
    const runtime = quiet();
    runtime.on('unreadable', () => Promise.reject(unreadable()));
    runtime.on('broken', () => {
      trace.getActiveSpan()!.recordException = () => {
        throw new Error('the span fails');
      };
      throw new Error('no luck');
    });
    runtime.emit('unreadable');
    runtime.emit('broken');
    await runtime.process();
    const statuses = ['process unreadable', 'process broken'].map((name) => sdk.named(name)[0]?.status.code);
    expect(statuses).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
  });

  it('is refused in the result, and has no span, where it cannot even be looked at', async () => {
    const runtime = quiet();
    expect(runtime.emitEvent(unreadable() as never)).toMatchObject({
      queued: false,
      error: { code: 'INVALID_ARGUMENT' },
    });
    expect(runtime.emit('a', 1, unreadable() as never)).toMatchObject({ queued: false });
    expect(sdk.spans()).toEqual([]);
  });

  it('has a span for each batch that had something to process', async () => {
    const runtime = quiet();
    runtime.on('a', (event) => {
      if (event.data === 1) throw new Error('no');
    });
    await runtime.process();
    for (let n = 0; n < 3; n++) runtime.emit('a', n);
    await runtime.process();
    const batches = sdk.named('process batch');
    expect(batches).toHaveLength(1);
    expect(batches[0]!.attributes).toMatchObject({ 'messaging.batch.message_count': 3, 'kodus_flow.failed': 1 });
  });

  it('is linked instead of parented when the configuration says so', async () => {
    const runtime = quiet({ telemetry: { spans: 'link' } });
    runtime.on('a', () => undefined);
    await inSpan(() => runtime.emit('a'));
    await runtime.process();
    const [[send], [process]] = ['send a', 'process a'].map(sdk.named);
    expect(process!.parentSpanContext).toBeUndefined();
    expect(process!.links.map((link) => link.context.spanId)).toEqual([send!.spanContext().spanId]);
  });

  it('has no producer span where none is active, and a consumer span of its own', async () => {
    const runtime = quiet();
    runtime.on('a', () => undefined);
    runtime.emit('a');
    await runtime.process();
    expect(sdk.spans().map((span) => span.name)).toEqual(['process a', 'process batch']);
    expect(sdk.spans()[0]!.parentSpanContext).toBeUndefined();
  });

  it('does not belong to the span in which somebody happens to call process', async () => {
    const runtime = quiet();
    runtime.on('a', () => undefined);
    runtime.emit('a');
    await inSpan(() => runtime.process());
    expect(sdk.named('process a')[0]!.parentSpanContext).toBeUndefined();
  });

  it('is the active span in its handlers, also after they have waited, and events emitted there are its children', async () => {
    const runtime = quiet();
    const active: (string | undefined)[] = [];
    runtime.on('a', async () => {
      await sleep(1);
      active.push(trace.getActiveSpan()?.spanContext().spanId);
      runtime.emit('b');
    });
    runtime.on('b', () => undefined);
    runtime.emit('a');
    await runtime.process();
    const [[a], [send], [b]] = ['process a', 'send b', 'process b'].map(sdk.named);
    expect(active).toEqual([a!.spanContext().spanId]);
    expect(send!.parentSpanContext?.spanId).toBe(a!.spanContext().spanId);
    expect(b!.parentSpanContext?.spanId).toBe(send!.spanContext().spanId);
  });

  it('lasts until the event that its handler has returned is handled', async () => {
    const runtime = quiet();
    const active: (string | undefined)[] = [];
    runtime.on('a', () => createEvent('b'));
    runtime.on('b', () => void active.push(trace.getActiveSpan()?.spanContext().spanId));
    runtime.emit('a');
    await runtime.process();
    expect(active).toEqual([sdk.named('process a')[0]!.spanContext().spanId]);
    expect(runtime.getStats().queue.done).toBe(1);
  });

  it('records the error of each attempt; all attempts are children of the one emit', async () => {
    const runtime = quiet({ retry: { maxAttempts: 3, initialDelayMs: 1 } });
    runtime.on('a', async () => {
      throw Object.assign(new Error('no luck'), { code: 'E_LUCK' });
    });
    await inSpan(() => runtime.emit('a'));
    await runtime.drain();
    const attempts = sdk.named('process a');
    expect(attempts.map((span) => span.attributes['kodus_flow.attempt'])).toEqual([1, 2, 3]);
    expect(new Set(attempts.map((span) => span.parentSpanContext?.spanId)).size).toBe(1);
    for (const span of attempts) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no luck' });
      expect(span.attributes['error.type']).toBe('E_LUCK');
      expect(span.events.map((event) => event.name)).toEqual(['exception']);
    }
  });

  it('tells that an emit was refused', async () => {
    const runtime = quiet({ queueSize: 0 });
    await inSpan(() => runtime.emit('a'));
    const [send] = sdk.named('send a');
    expect(send!.status.code).toBe(SpanStatusCode.ERROR);
    expect(send!.attributes['error.type']).toBe('RUNTIME_EVENT_QUEUE_FULL');
  });

  it('goes on with a context that an event brings along, and leaves a context that is not valid alone', async () => {
    const runtime = quiet();
    runtime.on('*', () => undefined);
    const brings = (type: string, traceparent: string, tracestate?: string) =>
      runtime.emitEvent({ ...createEvent(type), metadata: { traceparent, ...(tracestate && { tracestate }) } });
    await inSpan(() => {
      brings('good', PARENT, 'vendor=1');
      brings('bad', 'nonsense');
      brings('zero', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`);
    });
    await runtime.process();
    const parentOf = (type: string) => sdk.named(`process ${type}`)[0]!.parentSpanContext;
    expect(parentOf('good')).toMatchObject({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isRemote: true });
    expect(parentOf('good')!.traceState?.serialize()).toBe('vendor=1');
    expect(parentOf('bad')).toBeUndefined();
    expect(parentOf('zero')).toBeUndefined();
  });

  it('keeps its trace through emitAsync, delays and batches', async () => {
    const runtime = quiet();
    runtime.on('*', () => undefined);
    await inSpan(async () => {
      await runtime.emitAsync('later', {}, { delayMs: 5 });
      runtime.emit('batched', {}, { batch: true });
    });
    await runtime.drain();
    const traceId = sdk.named('app')[0]!.spanContext().traceId;
    for (const name of ['process later', 'process batched'])
      expect(sdk.named(name)[0]!.spanContext().traceId).toBe(traceId);
  });

  it('keeps its trace through the journal and a restart', async () => {
    const path = mkdtempSync(join(tmpdir(), 'kodus-trace-'));
    const before = quiet({ journal: path });
    await inSpan(() => before.emitAsync('a'));
    await before.cleanup();
    const after = quiet({ journal: path });
    after.on('a', () => undefined);
    await after.process();
    const [[send], [process]] = ['send a', 'process a'].map(sdk.named);
    expect(process!.parentSpanContext?.spanId).toBe(send!.spanContext().spanId);
    await after.cleanup();
    rmSync(path, { recursive: true });
  });
});

describe('an SDK', () => {
  it('may be registered after the runtime was made', async () => {
    await sdk.stop();
    const runtime = quiet();
    runtime.on('a', () => undefined);
    runtime.emit('a');
    await runtime.process();
    sdk = startTracing();
    runtime.emit('a');
    await runtime.process();
    expect(sdk.named('process a')).toHaveLength(1);
  });

  it('hears nothing when telemetry or observability is off', async () => {
    for (const config of [
      { telemetry: false },
      { telemetry: { spans: 'off' } },
      { enableObservability: false },
    ] as const) {
      const runtime = quiet(config);
      runtime.on('a', () => undefined);
      await inSpan(() => runtime.emit('a'));
      await runtime.process();
    }
    expect(sdk.spans().map((span) => span.name)).toEqual(['app', 'app', 'app']);
  });

  it('that throws harms no event', async () => {
    const broken = {
      getTracer: () => ({
        startSpan: () => {
          throw new Error('broken tracer');
        },
      }),
    };
    trace.disable();
    trace.setGlobalTracerProvider(broken as never);
    const runtime = quiet();
    let handled = 0;
    runtime.on('a', () => void handled++);
    const active = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 1,
    });
    expect(context.with(active, () => runtime.emit('a')).success).toBe(true);
    await runtime.process();
    expect(handled).toBe(1);
  });

  it.each([
    [{ spans: 'both' }, /telemetry\.spans/],
    [{ metrics: 'yes' }, /telemetry\.metrics/],
    [{ sampling: 1 }, /telemetry\.sampling/],
    ['on', /telemetry/],
  ])('is refused the setting %j', (telemetry, message) => {
    expect(() => quiet({ telemetry: telemetry as never })).toThrow(message);
  });
});

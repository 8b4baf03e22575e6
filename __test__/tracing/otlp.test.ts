import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createServer } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { cleanUpAll, quiet } from '../helpers';
import { inSpan, startMetrics, startTracing } from './sdk';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

let server: Server | undefined;
afterEach(async () => {
  await cleanUpAll();
  await new Promise((done) => server?.close(done));
});

/** A stand-in for a collector: keeps the bodies by path. */
async function startCollector() {
  const bodies = new Map<string, any[]>();
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const known = bodies.get(request.url!) ?? [];
      bodies.set(request.url!, [...known, JSON.parse(Buffer.concat(chunks).toString('utf8'))]);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((ready) => server!.listen(0, '127.0.0.1', ready));
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it('spans and metrics reach a collector over OTLP', async () => {
  const { bodies, url } = await startCollector();
  const tracing = startTracing([new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))]);
  const meters = startMetrics(new OTLPMetricExporter({ url: `${url}/v1/metrics` }));
  const runtime = quiet({ tenantId: 'otlp' });
  runtime.on('good', async () => undefined);
  runtime.on('bad', async () => {
    throw new Error('no luck');
  });
  await inSpan(() => runtime.emit('good'));
  runtime.emit('bad');
  await runtime.process();
  await tracing.provider.forceFlush();
  await meters.provider.forceFlush();
  await tracing.stop();
  await meters.stop();

  const spans = bodies.get('/v1/traces')!.flatMap((body) => body.resourceSpans[0].scopeSpans[0].spans);
  expect(spans.map((span) => [span.name, span.kind, span.status.code]).sort()).toEqual([
    ['app', 1, 0],
    ['process bad', 5, 2],
    ['process batch', 1, 0],
    ['process good', 5, 0],
    ['send good', 4, 0],
  ]);
  const [app, send, process] = ['app', 'send good', 'process good'].map((name) => spans.find((s) => s.name === name));
  expect([send.parentSpanId, process.parentSpanId]).toEqual([app.spanId, send.spanId]);
  expect(new Set([app, send, process].map(({ traceId }) => traceId)).size).toBe(1);
  const scopes = bodies.get('/v1/metrics')!.flatMap((body) => body.resourceMetrics[0].scopeMetrics);
  expect(scopes[0].scope.name).toBe('@kodus-flow/runtime');
  const names = scopes.flatMap((scope) => scope.metrics.map((metric: { name: string }) => metric.name));
  expect(names).toEqual(expect.arrayContaining(['kodus_flow.events.ended', 'messaging.process.duration']));
});

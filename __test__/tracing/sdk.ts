/** A real OpenTelemetry SDK that keeps what it gets in memory. Register it before a test, `stop` it after. */
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';

export function startTracing(processors?: SpanProcessor[]) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: processors ?? [new SimpleSpanProcessor(exporter)] });
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  trace.setGlobalTracerProvider(provider);
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  return {
    provider,
    spans: () => exporter.getFinishedSpans(),
    named: (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name),
    stop: async (): Promise<void> => {
      trace.disable();
      context.disable();
      propagation.disable();
      manager.disable();
      await provider.shutdown();
    },
  };
}

/** Runs `fn` inside a span of the application's own. */
export async function inSpan<T>(fn: () => T | Promise<T>): Promise<T> {
  return trace.getTracer('app').startActiveSpan('app', async (span) => {
    try {
      return await fn();
    } finally {
      span.end();
    }
  });
}

export function startMetrics(
  exporter: PushMetricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
) {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  return {
    provider,
    /** Data points by metric name, as of now. */
    collect: async () => {
      const { resourceMetrics } = await reader.collect();
      return new Map(
        resourceMetrics.scopeMetrics.flatMap(({ metrics: list }) =>
          list.map((m) => [m.descriptor.name, m.dataPoints] as const),
        ),
      );
    },
    stop: async (): Promise<void> => {
      metrics.disable();
      await provider.shutdown();
    },
  };
}

/** The text format of Prometheus, version 0.0.4. */
import { CATALOGUE, TIMES } from './catalogue';
import type { RuntimeStats } from '../runtime-types';
import type { LatencySummary } from '../native/engine';
import type { Labels, Metric } from './catalogue';

const PREFIX = 'kodus_flow_';

const escapedLabel = (value: string): string =>
  value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n').replace(/\r/g, '');

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapedLabel(text)}"`);
  return `${name}{${pairs.join(',')}} ${Number.isFinite(value) ? value : value > 0 ? '+Inf' : 'NaN'}\n`;
}

const head = (name: string, type: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;

function nameOf({ name, kind, unit }: Metric): string {
  const plain = PREFIX + name.replaceAll('.', '_') + (unit === 'By' ? '_bytes' : '');
  return kind === 'counter' ? `${plain}_total` : plain;
}

function metric(metric: Metric, stats: RuntimeStats, tenant: Labels): string {
  const samples = metric.read(stats);
  if (samples.length === 0) return '';
  const name = nameOf(metric);
  const lines = samples.map(({ labels, value }) => line(name, { ...tenant, ...labels }, value));
  return head(name, metric.kind, metric.help) + lines.join('');
}

function summary(name: string, labels: Labels, { count, sumMs, p50Ms, p90Ms, p99Ms, maxMs }: LatencySummary): string {
  const quantiles = [
    ['0.5', p50Ms],
    ['0.9', p90Ms],
    ['0.99', p99Ms],
    ['1', maxMs],
  ] as const;
  const lines = quantiles.map(([quantile, ms]) =>
    // A summary of nothing has no quantiles.
    line(name, { ...labels, quantile }, count === 0 ? NaN : ms / 1000),
  );
  return lines.join('') + line(`${name}_sum`, labels, sumMs / 1000) + line(`${name}_count`, labels, count);
}

function times(stats: RuntimeStats, tenant: Labels): string {
  const { latency } = stats;
  if (latency === null) return '';
  return TIMES.map(({ key, name, help }) => {
    const full = `${PREFIX}${name}_seconds`;
    const types = Object.entries(latency.byType);
    const ofTypes = types.map(([type, timings]) => summary(full, { ...tenant, type }, timings[key]));
    const tenants = Object.entries(latency.byTenant);
    const name2 = `${PREFIX}tenant_${name}_seconds`;
    const ofTenants = tenants.map(([of, timings]) => summary(name2, { tenant: of }, timings[key]));
    return (
      (types.length === 0 ? '' : head(full, 'summary', `${help} By event type.`) + ofTypes.join('')) +
      (tenants.length === 0 ? '' : head(name2, 'summary', `${help} By tenant of the event.`) + ofTenants.join(''))
    );
  }).join('');
}

/** The statistics of a runtime in the text format. */
export function prometheusText(stats: RuntimeStats): string {
  const tenant = { tenant: stats.runtime.tenantId };
  return CATALOGUE.map((entry) => metric(entry, stats, tenant)).join('') + times(stats, tenant);
}

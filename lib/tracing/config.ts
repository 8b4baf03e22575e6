import { refuse, requireBoolean, requireInteger, requireObject, requireOneOf } from '../validate';

const SPANS = ['parent', 'link', 'off'] as const;
const STREAMS = ['child', 'all', 'off'] as const;
const KEYS = ['spans', 'streams', 'metrics', 'maxTypes'];

/**
 * OpenTelemetry: used if `@opentelemetry/api` is installed and an SDK is registered, whenever that happens.
 * `enableObservability: false` switches it off.
 */
export interface TelemetryConfig {
  /**
   * How the span of an attempt belongs to the span of its emit. `'parent'`: as its child, in the same trace; `'link'`: linked, each
   * attempt a trace of its own; `'off'`: no spans. Default `'parent'`.
   */
  spans?: (typeof SPANS)[number];
  /**
   * Which runs of streams have a span. `'child'`: those that begin while a span is active, as its children; `'all'`: every run, also
   * subscriptions that may last as long as the process; `'off'`: none. Default `'child'`; `spans: 'off'` means none.
   */
  streams?: (typeof STREAMS)[number];
  /** Counters, gauges and histograms through the API's meter. Default true. */
  metrics?: boolean;
  /** Event types, and tenants, told apart in metrics; the rest is `(other)`. Default 100. */
  maxTypes?: number;
}

/** The same without gaps. */
export type TelemetrySettings = Required<TelemetryConfig>;

export const TELEMETRY_OFF: TelemetrySettings = { spans: 'off', streams: 'off', metrics: false, maxTypes: 1 };

/** @throws RuntimeError INVALID_CONFIGURATION */
export function checkTelemetry(path: string, value: boolean | TelemetryConfig): TelemetrySettings {
  if (value === false) return TELEMETRY_OFF;
  const given = value === true ? {} : requireObject(path, value);
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key)) refuse(`${path}.${key}`, given[key as keyof TelemetryConfig], `only ${KEYS.join(', ')}`);
  }
  const { spans = 'parent', streams = 'child', metrics = true, maxTypes = 100 } = given;
  return {
    spans: requireOneOf(`${path}.spans`, spans, SPANS),
    streams: requireOneOf(`${path}.streams`, streams, STREAMS),
    metrics: requireBoolean(`${path}.metrics`, metrics),
    maxTypes: requireInteger(`${path}.maxTypes`, maxTypes, { min: 1, max: 10_000 }),
  };
}

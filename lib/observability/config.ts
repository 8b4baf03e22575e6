/** Configuration of the light observability object: defaults, checks, merging. */
import { requireBoolean, requireNumber, requireObject, requireOneOf, requireString } from '../validate';
import type { LogLevel, ObservabilityConfig } from './types';

/** Log levels, least important first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

const ENVIRONMENTS = ['development', 'production', 'test'] as const;

/** A configuration without gaps. */
export interface ResolvedConfig {
  enabled: boolean;
  environment: (typeof ENVIRONMENTS)[number];
  logging: { enabled: boolean; level: LogLevel };
  telemetry: {
    enabled: boolean;
    /** Whether the user has asked for spans, so that they are made before anybody receives them. */
    isRequested: boolean;
    sampling: { rate: number; strategy: string };
  };
}

/** What holds without a configuration. */
export function defaultConfig(): ResolvedConfig {
  const environment = ENVIRONMENTS.find((name) => name === process.env['NODE_ENV']) ?? 'development';
  return {
    enabled: true,
    environment,
    logging: { enabled: true, level: 'warn' },
    telemetry: { enabled: true, isRequested: false, sampling: { rate: 1, strategy: 'probabilistic' } },
  };
}

/**
 * Lays `config` over `base`; fields that are absent or undefined keep their value.
 *
 * @throws RuntimeError INVALID_CONFIGURATION naming the field, its value and what is allowed
 */
export function mergeConfig(base: ResolvedConfig, config: ObservabilityConfig): ResolvedConfig {
  requireObject('observability', config);
  const logging = requireObject('logging', config.logging ?? {});
  const telemetry = requireObject('telemetry', config.telemetry ?? {});
  const sampling = requireObject('telemetry.sampling', telemetry.sampling ?? {});
  const given = <T, R>(path: string, value: T | undefined, fallback: R, check: (path: string, value: T) => R): R =>
    value === undefined ? fallback : check(path, value);

  return {
    enabled: given('enabled', config.enabled, base.enabled, requireBoolean),
    environment: given('environment', config.environment, base.environment, (path, value) =>
      requireOneOf(path, value, ENVIRONMENTS),
    ),
    logging: {
      enabled: given('logging.enabled', logging.enabled, base.logging.enabled, requireBoolean),
      level: given('logging.level', logging.level, base.logging.level, (path, value) =>
        requireOneOf(path, value, LOG_LEVELS),
      ),
    },
    telemetry: {
      enabled: given('telemetry.enabled', telemetry.enabled, base.telemetry.enabled, requireBoolean),
      isRequested: telemetry.enabled ?? base.telemetry.isRequested,
      sampling: {
        rate: given('telemetry.sampling.rate', sampling.rate, base.telemetry.sampling.rate, (path, value) =>
          requireNumber(path, value, { min: 0, max: 1 }),
        ),
        strategy: given(
          'telemetry.sampling.strategy',
          sampling.strategy,
          base.telemetry.sampling.strategy,
          requireString,
        ),
      },
    },
  };
}

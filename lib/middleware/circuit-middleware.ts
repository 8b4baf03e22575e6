import { callBack } from '../observability/guard';
import { getObservability } from '../observability/index';
import type { AnyEvent } from '../events';
import { logFields } from '../observability/fields';
import { requireFunction, requireObject, requireString, warnOfUnknown } from '../validate';
import { readBreaker } from './circuit-breaker';
import type { CircuitBreakerConfig, CircuitResult } from './circuit-breaker';
import { CircuitBreakerManager } from './circuit-manager';
import { HAND_SCOPE, defineMiddleware, withDefaults } from './define';
import type { Middleware, MiddlewareScope } from './types';

/* eslint-disable @typescript-eslint/no-explicit-any */

/** Options of {@link circuitBreakerMiddleware}: those of a circuit, and which circuit an event belongs to. */
export interface CircuitBreakerMiddlewareConfig extends Omit<CircuitBreakerConfig, 'name'> {
  /** Not needed: the key names the circuit. */
  name?: string;
  /** One circuit for all events. */
  circuitKey?: string;
  /** The circuit of an event. Default: its type. */
  keyGenerator?: (event: any) => string;
  /** False: the handler runs without protection. */
  shouldProtect?: (event: any) => boolean;
  /** Told of each refused event. */
  onRejected?: (event: any, result: CircuitResult) => void;
}

const OPTION_NAMES: Record<keyof CircuitBreakerMiddlewareConfig, true> = {
  name: true,
  failureThreshold: true,
  failureRateThreshold: true,
  minimumCalls: true,
  slidingWindowSize: true,
  slidingWindowMs: true,
  recoveryTimeout: true,
  successThreshold: true,
  operationTimeout: true,
  enabled: true,
  onStateChange: true,
  onFailure: true,
  onSuccess: true,
  circuitKey: true,
  keyGenerator: true,
  shouldProtect: true,
  onRejected: true,
};

/** A middleware that shows its circuits. */
export type CircuitBreakerMiddleware = Middleware & {
  /** The circuits of the runtime that took it last; before that, those of its use by hand. */
  readonly manager: CircuitBreakerManager;
};

/**
 * Puts a circuit breaker around handlers. A refused event fails with `MiddlewareError` MIDDLEWARE_CIRCUIT_BREAKER_OPEN; the
 * handler's own errors pass as they are.
 *
 * @example
 * const breaker = circuitBreakerMiddleware({ failureThreshold: 5, recoveryTimeout: 30_000 });
 * breaker.manager.getAllMetrics();
 */
export const circuitBreakerMiddleware = withDefaults(
  (config: CircuitBreakerMiddlewareConfig = {}): CircuitBreakerMiddleware => {
    const path = 'circuitBreakerMiddleware';
    warnOfUnknown(path, requireObject(`${path} config`, config), OPTION_NAMES);
    const { circuitKey, keyGenerator, shouldProtect, onRejected, ...circuit } = config;
    readBreaker(path, { ...circuit, name: 'checked' });
    if (circuitKey !== undefined) requireString(`${path}.circuitKey`, circuitKey);
    for (const [name, callback] of Object.entries({ keyGenerator, shouldProtect, onRejected })) {
      if (callback !== undefined) requireFunction(`${path}.${name}`, callback);
    }
    const keyOf = (event: AnyEvent): string => circuitKey ?? (keyGenerator ?? keyByEventType)(event) ?? 'default';
    let manager = new CircuitBreakerManager(getObservability());
    const middleware = defineMiddleware({
      kind: 'pipeline',
      displayName: 'circuitBreaker',
      create: (scope) => {
        if (scope.inRuntime) manager = new CircuitBreakerManager(logOf(scope));
        const circuits = manager;
        return (run) => async (event, cancel) => {
          if (shouldProtect !== undefined && !shouldProtect(event)) return run(event, cancel);
          const breaker = circuits.getCircuit({ ...circuit, name: String(keyOf(event)) });
          const result = await breaker.guard((inner) => run(event, inner), cancel, event);
          if (result.rejected) tellRejected(scope, onRejected, event, result);
          if ('error' in result) throw result.error;
          return result.result;
        };
      },
    });
    return Object.defineProperty(middleware, 'manager', { get: () => manager }) as CircuitBreakerMiddleware;
  },
);

/** The other name of {@link circuitBreakerMiddleware}. */
export const withCircuitBreaker = circuitBreakerMiddleware;

const logOf = ({ port }: MiddlewareScope): object => ({ log: port.log.bind(port) });

function tellRejected(
  scope: MiddlewareScope,
  onRejected: CircuitBreakerMiddlewareConfig['onRejected'],
  event: AnyEvent,
  result: CircuitResult,
): void {
  const failed = (error: unknown): void => {
    const message = 'onRejected of a circuit breaker failed';
    scope.port.flood('circuit.onRejected', 'error', message, () => ({ ...logFields(event), error }));
  };
  callBack(() => onRejected?.(event, result), failed);
}

function keyByEventType(event: any): string {
  return event?.type === undefined ? 'default' : String(event.type);
}

/** Keys, filters and a log for {@link circuitBreakerMiddleware}. */
export const circuitBreakerUtils = {
  /** The event's type, or 'default'. */
  keyByEventType,
  /** Top-level fields of the event that are defined, joined by ':'; without any, 'default'. */
  keyByFields:
    (fields: readonly string[]) =>
    (event: any): string =>
      fields
        .map((field) => event?.[field] as unknown)
        .filter((value) => value !== undefined)
        .map(String)
        .join(':') || 'default',
  /** Whether the event's type is in the list. */
  protectByType:
    (types: readonly string[]) =>
    (event: any): boolean =>
      typeof event?.type === 'string' && types.includes(event.type),
  /** Whether the event's numeric `latency` is above the threshold. */
  protectByLatency:
    (threshold: number) =>
    (event: any): boolean =>
      typeof event?.latency === 'number' && event.latency > threshold,
  /** Writes a warning; at most one a second. */
  defaultOnRejected: (event: any, result: CircuitResult): void => {
    HAND_SCOPE.port.flood('circuit.rejected', 'warn', 'Event refused by a circuit breaker', () => ({
      ...(event != null && logFields(event)),
      error: result.error,
    }));
  },
} as const;

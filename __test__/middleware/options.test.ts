import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  circuitBreakerMiddleware,
  createRateLimitedHandler,
  schedule,
  withCache,
  withCircuitBreaker,
  withConcurrency,
  withFallback,
  withObservability,
  withRateLimit,
  withRetry,
  withSchedule,
  withTimeout,
  withValidate,
} from '../../lib/middleware/index';
import { catchWarnings } from '../helpers';

const fallback = (): undefined => undefined;
const schema = { type: 'object' };
let warnings: () => unknown[];

beforeEach(() => {
  warnings = catchWarnings();
});

afterEach(() => vi.restoreAllMocks());

describe('an option that a factory does not know', () => {
  const cases: [string, () => unknown, string][] = [
    ['withRetry', () => withRetry({ maxRetrys: 9 } as never), "'maxRetrys'; did you mean 'maxRetries'?"],
    ['withTimeout', () => withTimeout({ timeout: 5 } as never), "'timeout'; did you mean 'timeoutMs'?"],
    ['withConcurrency', () => withConcurrency({ concurrency: 3 } as never), "'concurrency'"],
    [
      'withRateLimit',
      () => withRateLimit({ limit: 1, interval: 9 } as never),
      "'interval'; did you mean 'intervalMs'?",
    ],
    [
      'circuitBreakerMiddleware',
      () => withCircuitBreaker({ failureTreshold: 3 } as never),
      "'failureTreshold'; did you mean 'failureThreshold'?",
    ],
    ['withCache', () => withCache({ ttlms: 3 } as never), "'ttlms'; did you mean 'ttlMs'?"],
    ['withFallback', () => withFallback({ fallback, onlyFor: 3 } as never), "'onlyFor'"],
    ['withObservability', () => withObservability({ prefix: 'a' } as never), "'prefix'"],
    [
      'withValidate',
      () => withValidate({ schema, transfrom: true } as never),
      "'transfrom'; did you mean 'transform'?",
    ],
    ['withSchedule', () => withSchedule({ every: '5s', tz: 'UTC' } as never), "'tz'"],
    ['schedule', () => schedule({ every: '5s', max: 3 } as never), "'max'"],
  ];

  it.each(cases)('of %s is a warning of the process with the name that was meant', (name, make, problem) => {
    make();
    expect(warnings()).toEqual([`${name}: unknown option ${problem}`]);
  });

  it('is told once, however often the factory is called', () => {
    for (let n = 0; n < 3; n++) withRetry({ maxRetry: 9 } as never);
    expect(warnings()).toHaveLength(1);
  });

  it('is none where all options are given', () => {
    withRetry({
      maxRetries: 1,
      initialDelayMs: 1,
      backoffMs: 1,
      backoffFactor: 1,
      maxDelayMs: 1,
      maxTotalMs: 1,
      jitter: 'none',
      retryableErrorCodes: [],
      retryableErrors: [],
      retryableStatusCodes: [],
      retryPredicate: () => false,
    });
    withValidate({ schema, throwOnError: true, errorCode: 'X', transform: false });
    withSchedule({ schedule: { cron: '@daily' }, timezone: 'UTC', maxTriggers: 0, generateData: fallback });
    expect(warnings()).toEqual([]);
  });
});

describe('an option that makes no sense', () => {
  it('is refused with its name, the value and what is allowed', () => {
    const aboveZero = 'allowed: a number above 0';
    const zone = 'allowed: the name of a time zone in the IANA database, such as "America/Sao_Paulo"';
    const cases: [() => unknown, string][] = [
      [() => withRateLimit({} as never), `withRateLimit.limit: got undefined; ${aboveZero}`],
      [() => withRateLimit({ limit: 1, intervalMs: 0 }), `withRateLimit.intervalMs: got 0; ${aboveZero}`],
      [() => withRateLimit({ limit: 1, getKey: 0 as never }), 'withRateLimit.getKey: got 0; allowed: a function'],
      [
        () => createRateLimitedHandler(fallback, { maxPerSecond: 0 }),
        `createRateLimitedHandler.maxPerSecond: got 0; ${aboveZero}`,
      ],
      [
        () => createRateLimitedHandler(fallback, { maxPerSecond: 1, burstSize: 0 }),
        'createRateLimitedHandler.burstSize: got 0; allowed: a whole number of at least 1',
      ],
      [() => withRetry({ retryPredicate: '' as never }), 'withRetry.retryPredicate: got ""; allowed: a function'],
      [() => withSchedule({ every: '5s', timezone: 'Mars/Base' }), `withSchedule.timezone: got "Mars/Base"; ${zone}`],
      [
        () => withSchedule({ cron: '@daily', timezone: 'Mars/Base' }),
        `withSchedule.timezone: got "Mars/Base"; ${zone}`,
      ],
      [() => circuitBreakerMiddleware('x' as never), 'circuitBreakerMiddleware config: got "x"; allowed: an object'],
      [() => circuitBreakerMiddleware(null as never), 'circuitBreakerMiddleware config: got null; allowed: an object'],
      [() => withValidate(schema, 'x' as never), 'withValidate options: got "x"; allowed: an object'],
    ];
    for (const [make, message] of cases) expect(make, message).toThrow(message);
  });

  it('is no rate so large that its burst has no exact number', () => {
    expect(() => withRateLimit({ limit: 2 ** 60 })).not.toThrow();
  });
});

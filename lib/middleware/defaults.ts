/** Limit of `withTimeout` in milliseconds unless told otherwise. */
export const DEFAULT_TIMEOUT_MS = 180_000;

/** Kept for callers that spread it into `withConcurrency`. */
export const DEFAULT_CONCURRENCY_OPTIONS = { maxConcurrent: 5, mode: 'drop' } as const;

/** Names of middleware that go together, as data. */
export const MIDDLEWARE_PRESETS = {
  standard: ['timeout', 'retry', 'concurrency', 'validation'],
  highPerformance: ['timeout', 'concurrency', 'retry'],
  ultraHighPerformance: ['timeout', 'concurrency'],
} as const;

/** Checks of what is passed to operators. */
import {
  refuse,
  requireBoolean,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireSignal,
  warnOfUnknown,
} from '../validate';
import { isSource } from './source';
import type { Range } from '../validate';
import type { RetryPlan } from './recover';
import type { SharePlan } from './share';
import type {
  DebounceOptions,
  DelayOptions,
  DistinctOptions,
  FlatMapOptions,
  MapAsyncOptions,
  ReadableOptions,
  RetryStreamOptions,
  ShareOptions,
  SignalOptions,
  SubscriptionOptions,
  ThrottleOptions,
} from './types';

type Names<T> = Record<keyof T, true>;

const SIGNAL: Names<SignalOptions> = { signal: true };

/** Options of operators that have more than a signal; kept complete by the compiler, but for the union of `window`. */
const OPTION_NAMES = new Map<string, object>([
  ['debounce', { ...SIGNAL, leading: true, maxWaitMs: true } satisfies Names<DebounceOptions>],
  ['throttle', { ...SIGNAL, leading: true, trailing: true } satisfies Names<ThrottleOptions>],
  ['delay', { ...SIGNAL, buffer: true } satisfies Names<DelayOptions>],
  ['window', { ...SIGNAL, kind: true, maxItems: true, sizeMs: true, everyMs: true, gapMs: true }],
  ['distinct', { ...SIGNAL, capacity: true } satisfies Names<DistinctOptions>],
  ['flatMap', { ...SIGNAL, concurrency: true } satisfies Names<FlatMapOptions>],
  ['mapAsync', { ...SIGNAL, concurrency: true, ordered: true } satisfies Names<MapAsyncOptions>],
  [
    'retry',
    {
      ...SIGNAL,
      maxAttempts: true,
      delayMs: true,
      factor: true,
      maxDelayMs: true,
      jitterRatio: true,
    } satisfies Names<RetryStreamOptions>,
  ],
  ['share', { ...SIGNAL, buffer: true, overflow: true } satisfies Names<ShareOptions>],
  [
    'createSubscription',
    { ...SIGNAL, buffer: true, overflow: true, onClose: true } satisfies Names<SubscriptionOptions>,
  ],
  ['toReadable', { ...SIGNAL, highWaterMark: true } satisfies Names<ReadableOptions>],
]);

/** Milliseconds, a finite number of at least 0. */
export function requireMs(path: string, value: unknown, range: Range = { min: 0 }): number {
  return requireNumber(path, value, range);
}

/** Milliseconds above 0, up to `max` if given. */
export function requirePositiveMs(path: string, value: unknown, max = Infinity): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0 && value <= max) return value;
  return refuse(path, value, max === Infinity ? 'a number above 0' : `a number above 0, at most ${max}`);
}

/** Milliseconds, or Infinity if not given. */
export function optionalMs(path: string, value: unknown): number {
  return value === undefined || value === Infinity ? Infinity : requireMs(path, value);
}

/** A number; a part of a whole is dropped and what is below 1 counts as 1, as it always has. */
export function requireSize(path: string, value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) return refuse(path, value, 'a number');
  return Math.max(1, Math.min(Math.floor(value), 2 ** 32 - 1));
}

export function optionalBoolean(path: string, value: unknown, byDefault: boolean): boolean {
  return value === undefined ? byDefault : requireBoolean(path, value);
}

/** The signal of an operator's options, if it has any; warns of those that it does not know. */
export function optionalSignal(
  path: string,
  options: { signal?: AbortSignal | undefined } | undefined,
): AbortSignal | undefined {
  if (options === undefined) return undefined;
  warnOfUnknown(path, requireObject(path, options), (OPTION_NAMES.get(path) ?? SIGNAL) as typeof SIGNAL);
  return options.signal === undefined ? undefined : requireSignal(`${path}.signal`, options.signal);
}

/** Parts the streams of a join from the options that may come last. */
export function splitOptions(args: readonly unknown[]): {
  streams: readonly unknown[];
  options: SignalOptions | undefined;
} {
  const last = args.at(-1);
  const isOptions = typeof last === 'object' && last !== null && !isSource(last);
  return isOptions ? { streams: args.slice(0, -1), options: last } : { streams: args, options: undefined };
}

/** Checks the options of `retry`. */
export function retryPlan(options: RetryStreamOptions): RetryPlan {
  requireObject('retry', options);
  return {
    maxAttempts: requireInteger('retry.maxAttempts', options.maxAttempts ?? 3, { min: 1, max: 2 ** 32 - 1 }),
    delayMs: requireMs('retry.delayMs', options.delayMs ?? 0),
    factor: requireNumber('retry.factor', options.factor ?? 2, { min: 1 }),
    maxDelayMs: requireMs('retry.maxDelayMs', options.maxDelayMs ?? 30_000),
    jitterRatio: requireNumber('retry.jitterRatio', options.jitterRatio ?? 0, { min: 0, max: 1 }),
  };
}

const SHARE_OVERFLOWS = ['wait', 'drop-oldest', 'error', 'fail'] as const;

/** Checks the options of `share`. */
export function sharePlan(options: ShareOptions): SharePlan {
  requireObject('share', options);
  return {
    buffer: requireInteger('share.buffer', options.buffer ?? 256, { min: 1, max: 2 ** 31 }),
    overflow: requireOneOf('share.overflow', options.overflow ?? 'wait', SHARE_OVERFLOWS),
  };
}

/** The timed operators: which state machine of the core decides, and how the items are kept. */
import { KernelError } from '../errors';
import { refuse, requireInteger, requireObject, requireOneOf } from '../validate';
import { BatchKeeper, LatestKeeper, QueueKeeper, SlidingKeeper } from './keepers';
import { optionalBoolean, optionalMs, requireMs, requirePositiveMs, requireSize } from './options';
import { TimedCursor, TimeoutCursor } from './timed';
import type { Cursor } from './cursor';
import type { Keeper } from './keepers';
import type { StreamScope } from './scope';
import type { StreamBatch } from './stream-batch';
import type { DebounceOptions, DelayOptions, ThrottleOptions, WindowOptions } from './types';

/** Makes the layer of a run. */
export type Layer<T, R> = (source: Cursor<T>) => Cursor<R>;

type Table = StreamScope['timers']['table'];

function timed<T, R>(
  scope: StreamScope,
  name: string,
  keeper: () => Keeper<T, R>,
  open: (table: Table) => number,
): Layer<T, R> {
  return (source) => new TimedCursor<T, R>(source, name, keeper(), open(scope.timers.table), scope);
}

export function debounceLayer<T>(scope: StreamScope, ms: number, options: DebounceOptions): Layer<T, T> {
  const waitMs = requireMs('debounce.ms', ms);
  const leading = Number(optionalBoolean('debounce.leading', options.leading, false));
  const maxWaitMs = optionalMs('debounce.maxWaitMs', options.maxWaitMs);
  return timed(
    scope,
    'debounce',
    () => new LatestKeeper<T>(),
    (table) => table.openDebounce(waitMs, leading, maxWaitMs),
  );
}

export function throttleLayer<T>(scope: StreamScope, ms: number, options: ThrottleOptions): Layer<T, T> {
  const intervalMs = requireMs('throttle.ms', ms);
  const leading = optionalBoolean('throttle.leading', options.leading, true);
  const trailing = optionalBoolean('throttle.trailing', options.trailing, false);
  if (!leading && !trailing) refuse('throttle.trailing', trailing, 'true when leading is false');
  const open = (table: Table): number => table.openThrottle(intervalMs, Number(leading), Number(trailing));
  return timed(scope, 'throttle', () => new LatestKeeper<T>(), open);
}

export function batchLayer<T>(scope: StreamScope, size: number, timeoutMs: number): Layer<T, StreamBatch<T>> {
  return timed(
    scope,
    'batch',
    () => new BatchKeeper<T>(scope.buffer('batch')),
    (table) => table.openBatch(size, timeoutMs),
  );
}

const DEFAULT_BUFFER = 1024;

export function delayLayer<T>(scope: StreamScope, ms: number, options: DelayOptions): Layer<T, T> {
  const delayMs = requireMs('delay.ms', ms);
  const capacity = requireInteger('delay.buffer', options.buffer ?? DEFAULT_BUFFER, { min: 1 });
  const keeper = (): Keeper<T, T> => new QueueKeeper<T>(capacity, scope.buffer('delay'));
  return timed(scope, 'delay', keeper, (table) => table.openDelay(delayMs));
}

export function timeoutLayer<T>(scope: StreamScope, ms: number): Layer<T, T> {
  const timeoutMs = requirePositiveMs('timeout.ms', ms);
  const error = (): Error =>
    new KernelError('TIMEOUT_EXCEEDED', `timeout: no item of the stream within ${timeoutMs} ms`, {
      context: { timeoutMs },
      retryable: true,
    });
  return (source) => new TimeoutCursor(source, scope.timers.table.openIdle(timeoutMs), error, scope);
}

const DEFAULT_WINDOW_ITEMS = 10_000;
const WINDOW_KINDS = ['tumbling', 'sliding', 'session'] as const;

export function windowLayer<T>(scope: StreamScope, options: WindowOptions): Layer<T, StreamBatch<T>> {
  requireObject('window', options);
  requireOneOf('window.kind', options.kind, WINDOW_KINDS);
  const maxItems = requireSize('window.maxItems', options.maxItems ?? DEFAULT_WINDOW_ITEMS);
  const together = (): Keeper<T, StreamBatch<T>> => new BatchKeeper<T>(scope.buffer('window'));
  switch (options.kind) {
    case 'tumbling': {
      const sizeMs = requirePositiveMs('window.sizeMs', options.sizeMs);
      return timed(scope, 'window', together, (table) => table.openTumbling(sizeMs, maxItems));
    }
    case 'session': {
      const gapMs = requirePositiveMs('window.gapMs', options.gapMs);
      return timed(scope, 'window', together, (table) => table.openSession(gapMs, maxItems));
    }
    case 'sliding': {
      const sizeMs = requirePositiveMs('window.sizeMs', options.sizeMs);
      const everyMs = requirePositiveMs('window.everyMs', options.everyMs, sizeMs);
      return slidingLayer(scope, (table) => table.openSliding(sizeMs, everyMs, maxItems));
    }
  }
}

function slidingLayer<T>(scope: StreamScope, open: (table: Table) => number): Layer<T, StreamBatch<T>> {
  return (source) => {
    const { table } = scope.timers;
    const id = open(table);
    const window = () => ({ taken: table.taken(id), outdated: table.outdated(id) });
    return new TimedCursor(source, 'window', new SlidingKeeper<T>(window, scope.buffer('window')), id, scope);
  };
}

import { BatchKeeper, LatestKeeper } from './keepers';
import { TimedCursor } from './timed';
import type { Cursor } from './cursor';
import type { StreamScope } from './scope';
import type { StreamBatch } from './stream-batch';

export function openDebounce<T>(
  source: Cursor<T>,
  scope: StreamScope,
  options: { waitMs: number; leading: boolean; maxWaitMs: number },
): Cursor<T> {
  const { waitMs, leading, maxWaitMs } = options;
  const open = ({ table }: StreamScope['timers']): number => table.openDebounce(waitMs, Number(leading), maxWaitMs);
  return new TimedCursor<T, T>(source, 'debounce', new LatestKeeper(), open, scope);
}

export function openThrottle<T>(
  source: Cursor<T>,
  scope: StreamScope,
  options: { intervalMs: number; leading: boolean; trailing: boolean },
): Cursor<T> {
  const { intervalMs, leading, trailing } = options;
  const open = ({ table }: StreamScope['timers']): number =>
    table.openThrottle(intervalMs, Number(leading), Number(trailing));
  return new TimedCursor<T, T>(source, 'throttle', new LatestKeeper(), open, scope);
}

export function openBatch<T>(
  source: Cursor<T>,
  scope: StreamScope,
  options: { size: number; timeoutMs: number },
): Cursor<StreamBatch<T>> {
  const { size, timeoutMs } = options;
  const open = ({ table }: StreamScope['timers']): number => table.openBatch(size, timeoutMs);
  return new TimedCursor<T, StreamBatch<T>>(source, 'batch', new BatchKeeper(), open, scope);
}

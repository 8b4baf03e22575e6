import { RuntimeError } from '../errors';
import { requireBoolean, requireInteger, requireNumber, requireObject, requireString } from '../validate';
import type { Snapshot, SnapshotOptions } from '../persistor-types';

/** Refuses what no persistor could find again. */
export function requireSnapshot(snapshot: Snapshot): void {
  requireObject('snapshot', snapshot);
  requireString('snapshot.xcId', snapshot.xcId);
  requireString('snapshot.hash', snapshot.hash);
}

/** Refuses wishes that nobody could fulfil. */
export function requireSnapshotOptions(options: SnapshotOptions): void {
  const { maxSize = Infinity, maxSnapshots } = requireObject('options', options);
  if (maxSize !== Infinity) requireNumber('options.maxSize', maxSize, { min: 0 });
  if (maxSnapshots !== undefined) requireInteger('options.maxSnapshots', maxSnapshots, { min: 1, max: 2 ** 32 - 1 });
  for (const name of ['compression', 'useDelta', 'isUnfinished'] as const) {
    if (options[name] !== undefined) requireBoolean(`options.${name}`, options[name]);
  }
}

/** A snapshot that there is no room for. */
export function tooLarge(bytes: number, limit: string): RuntimeError {
  return new RuntimeError('PERSISTOR_FULL', `the snapshot has ${bytes} bytes; allowed: ${limit}`, {
    context: { bytes },
  });
}

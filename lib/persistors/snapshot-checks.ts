import { RuntimeError } from '../errors';
import { requireObject, requireString } from '../validate';
import type { Snapshot } from '../persistor-types';

/** Refuses what no persistor could find again. */
export function requireSnapshot(snapshot: Snapshot): void {
  requireObject('snapshot', snapshot);
  requireString('snapshot.xcId', snapshot.xcId);
  requireString('snapshot.hash', snapshot.hash);
}

/** A snapshot that there is no room for. */
export function tooLarge(bytes: number, limit: string): RuntimeError {
  return new RuntimeError('PERSISTOR_FULL', `the snapshot has ${bytes} bytes; allowed: ${limit}`, {
    context: { bytes },
  });
}

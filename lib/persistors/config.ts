import { RuntimeError } from '../errors';
import { refuse, requireBoolean, requireInteger, requireNumber, requireObject, requireString } from '../validate';
import type { MemorySettings } from './memory-persistor';

/** Kinds of built-in persistors: in the memory of the process, or in files. */
export type PersistorType = 'memory' | 'journal';

/** A persistor in memory. */
export interface MemoryPersistorConfig {
  type: 'memory';
  /** Snapshots kept at most, 1 to 10,000,000; the oldest leave. Default 1000. */
  maxSnapshots?: number | undefined;
  /** Bytes kept at most, as stored, from 1 KiB. Default 100 MiB. */
  maxMemoryUsage?: number | undefined;
  /** Compress what becomes shorter. Default true. */
  enableCompression?: boolean | undefined;
  /** Store a snapshot as the difference to an earlier one of its `xcId` where that is much shorter. Default true. */
  enableDeltaCompression?: boolean | undefined;
  /** Milliseconds. No effect: nothing here has to be swept. */
  cleanupInterval?: number | undefined;
}

/** A persistor in files, without a server. Its folder belongs to it: a runtime's journal needs another one. */
export interface JournalPersistorConfig {
  type: 'journal';
  /** The folder; it is made if it is not there. */
  path: string;
  /** Bytes of the files, from 1 MiB; what is appended beyond them is refused. Default: no limit. */
  maxBytes?: number | undefined;
}

/** Configuration of a built-in persistor. `undefined` means "not given", and other keys are ignored. */
export type PersistorConfig = MemoryPersistorConfig | JournalPersistorConfig;

/** A persistor in files; all values are checked already. */
export interface JournalSettings {
  path: string;
  maxBytes: number;
}

const KIB = 1024;
const MIB = KIB * KIB;
const MAX_SNAPSHOTS = 10_000_000;
/** Kinds that had a driver once, or a name. */
const FOREIGN_TYPES = ['mongodb', 'redis', 'temporal'];

function optional<T>(check: (path: string, value: T) => T, path: string, value: T | undefined, otherwise: T): T {
  return value === undefined ? otherwise : check(path, value);
}

const snapshots = (path: string, value: number): number => requireInteger(path, value, { min: 1, max: MAX_SNAPSHOTS });
const bytes = (path: string, value: number): number => requireNumber(path, value, { min: KIB });
const fileBytes = (path: string, value: number): number =>
  value === Infinity ? value : requireNumber(path, value, { min: MIB });
const interval = (path: string, value: number): number => requireNumber(path, value, { min: 1 });

/** Checks a memory persistor's configuration. */
export function memorySettings(config: MemoryPersistorConfig): MemorySettings {
  const { maxSnapshots, maxMemoryUsage, enableCompression, enableDeltaCompression, cleanupInterval } = config;
  optional(interval, 'cleanupInterval', cleanupInterval, 1);
  return {
    maxSnapshots: optional(snapshots, 'maxSnapshots', maxSnapshots, 1000),
    maxMemoryUsage: optional(bytes, 'maxMemoryUsage', maxMemoryUsage, 100 * MIB),
    enableCompression: optional(requireBoolean, 'enableCompression', enableCompression, true),
    enableDeltaCompression: optional(requireBoolean, 'enableDeltaCompression', enableDeltaCompression, true),
  };
}

/** Checks a journal persistor's configuration. */
export function journalSettings({ path, maxBytes }: JournalPersistorConfig): JournalSettings {
  return { path: requireString('path', path), maxBytes: optional(fileBytes, 'maxBytes', maxBytes, Infinity) };
}

/** Refuses a configuration whose type is none. */
export function requirePersistorConfig(config: PersistorConfig): PersistorConfig {
  const { type } = requireObject('config', config);
  if (type === 'memory' || type === 'journal') return config;
  if (FOREIGN_TYPES.includes(type)) {
    refuse(
      'type',
      type,
      `"memory", "journal". For ${String(type)}, pass a persistor object of your own, with append, load and has`,
    );
  }
  throw new RuntimeError('INVALID_CONFIGURATION', `Unknown persistor type: ${String(type)}`, { context: { type } });
}

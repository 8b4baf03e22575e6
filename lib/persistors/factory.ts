import { refuse } from '../validate';
import { StoragePersistorAdapter } from './storage-adapter';
import type { Persistor } from '../persistor-types';
import type { JournalPersistorConfig, MemoryPersistorConfig, PersistorConfig, PersistorType } from './config';

/** Options of `createPersistor`: all keys of the type's configuration but the type. */
export type PersistorOptions = Partial<Omit<MemoryPersistorConfig, 'type'> & Omit<JournalPersistorConfig, 'type'>>;

let globalPersistor: Persistor | undefined;

/**
 * Makes a built-in persistor.
 *
 * @throws RuntimeError INVALID_CONFIGURATION for unknown types, and values that are not allowed
 * @example
 * const persistor = createPersistorFromConfig({ type: 'journal', path: './snapshots' });
 */
export function createPersistorFromConfig(config: PersistorConfig): StoragePersistorAdapter {
  return new StoragePersistorAdapter(config);
}

/** As `createPersistorFromConfig`; `createPersistor()` makes one in memory, for 1000 snapshots. */
export function createPersistor(
  type: PersistorType = 'memory',
  options: PersistorOptions = {},
): StoragePersistorAdapter {
  return new StoragePersistorAdapter({ ...options, type } as PersistorConfig);
}

/** The process's own persistor: the one that was set, else one in memory, made at the first call. */
export function getGlobalPersistor(): Persistor {
  return (globalPersistor ??= createPersistor());
}

/** Sets the process's own persistor. */
export function setGlobalPersistor(persistor: Persistor): void {
  globalPersistor = requirePersistor('persistor', persistor);
}

/** Forgets the process's own persistor; the next `getGlobalPersistor` makes one. */
export function resetGlobalPersistor(): void {
  globalPersistor = undefined;
}

/** Refuses what lacks one of the three methods that every persistor has. */
export function requirePersistor(path: string, persistor: Persistor): Persistor {
  const isPersistor = [persistor?.append, persistor?.load, persistor?.has].every(
    (method) => typeof method === 'function',
  );
  return isPersistor ? persistor : refuse(path, persistor, 'an object with the methods append, load and has');
}

import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { refuse, rejectUnknownKeys, requireInteger, requireNumber, requireOneOf, requireString } from '../validate';
import type { JournalCodec } from './codec';
import type { NativeJournalOptions } from '../native/journal';

const SYNCS = ['group', 'always', 'os', 'off'] as const;
const ON_CORRUPTION = ['fail', 'skip'] as const;
const DAY_MS = 86_400_000;
const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Characters of a file name that every system takes. */
const MAX_NAME = 200;

/** Where and how accepted events are kept, so that they survive the process. */
export interface JournalConfig {
  /** Directory of the journal; made, for its owner only, if it is not there. One runtime at a time has it open. */
  path: string;
  /**
   * When an event is durable. `'group'` (default): one sync to disk for all that came within `groupMs`. `'always'`: a sync
   * of its own for each turn's events, without waiting. `'os'`: written, left to the operating system to sync (survives
   * the process, not the machine). `'off'`: as `'os'`, in larger groups.
   */
  sync?: 'group' | 'always' | 'os' | 'off';
  /** Milliseconds that a group waits for company. Default 2. */
  groupMs?: number;
  /** Events that close a group early. Default 1000. */
  groupEvents?: number;
  /** With `enableEventStore`: how long handled events are kept, in milliseconds. Default 7 days. */
  retentionMs?: number;
  /** Bytes that the journal may use; above them events are refused with JOURNAL_FULL. Default 1 GiB; Infinity: no limit. */
  maxBytes?: number;
  /** Compress events of at least `largeEventThreshold` bytes, and the plain events of a burst together. Default true. */
  compression?: boolean;
  /** How events become bytes: `'json'` (default), or `'v8'` for dates, maps, typed arrays and the like. */
  codec?: JournalCodec;
  /** What a damaged record means at the start: refuse to open (default), or leave it out and say so. */
  onCorruption?: 'fail' | 'skip';
}

/** A journal's configuration with its defaults. */
export interface JournalSettings {
  native: NativeJournalOptions;
  codec: JournalCodec;
}

/** What of the runtime's configuration a journal's settings depend on. */
export interface JournalSurroundings {
  /** Bytes from which an event is compressed. */
  largeEventThreshold: number;
  maxKeys: number;
  keepsEvents: boolean;
  maxKeptEvents: number;
}

const KEYS: Record<keyof JournalConfig, true> = {
  path: true,
  sync: true,
  groupMs: true,
  groupEvents: true,
  retentionMs: true,
  maxBytes: true,
  compression: true,
  codec: true,
  onCorruption: true,
};

/** Checks `journal` of a runtime's configuration. Its path is made absolute: the working directory may change later. */
export function checkJournalConfig(path: string, given: unknown): JournalConfig {
  if (typeof given === 'string') return { path: resolve(requireString(path, given)) };
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return refuse(path, given, 'the path of a directory, or an object with it');
  }
  const config = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as JournalConfig;
  rejectUnknownKeys(config, Object.keys(KEYS), (key, closest) =>
    refuse(
      `${path}.${key}`,
      config[key as keyof JournalConfig],
      closest ? `nothing; did you mean '${closest}'?` : 'nothing; there is no such key',
    ),
  );
  requireString(`${path}.path`, config.path);
  if (config.sync !== undefined) requireOneOf(`${path}.sync`, config.sync, SYNCS);
  if (config.groupMs !== undefined) requireNumber(`${path}.groupMs`, config.groupMs, { min: 0, max: 10_000 });
  if (config.groupEvents !== undefined)
    requireInteger(`${path}.groupEvents`, config.groupEvents, { min: 1, max: 1_000_000 });
  if (config.retentionMs !== undefined && config.retentionMs !== Infinity) {
    requireNumber(`${path}.retentionMs`, config.retentionMs, { min: 1 });
  }
  if (config.maxBytes !== undefined && config.maxBytes !== Infinity) {
    requireNumber(`${path}.maxBytes`, config.maxBytes, { min: MIB });
  }
  if (config.compression !== undefined && typeof config.compression !== 'boolean') {
    refuse(`${path}.compression`, config.compression, 'true or false');
  }
  if (config.codec !== undefined) requireOneOf(`${path}.codec`, config.codec, ['json', 'v8'] as const);
  if (config.onCorruption !== undefined) requireOneOf(`${path}.onCorruption`, config.onCorruption, ON_CORRUPTION);
  return { ...config, path: resolve(config.path) };
}

/** Fills in the defaults. */
export function journalSettings(config: JournalConfig, around: JournalSurroundings): JournalSettings {
  const { maxBytes = GIB } = config;
  return {
    codec: config.codec ?? 'json',
    native: {
      path: config.path,
      sync: SYNCS.indexOf(config.sync ?? 'group') as 0 | 1 | 2 | 3,
      groupMs: config.groupMs ?? 2,
      groupEvents: config.groupEvents ?? 1000,
      maxBytes: maxBytes === Infinity ? 0 : maxBytes,
      keepEvents: around.keepsEvents,
      retentionMs: config.retentionMs ?? 7 * DAY_MS,
      retentionEvents: around.maxKeptEvents,
      maxKeys: around.maxKeys,
      compressAbove: (config.compression ?? true) ? around.largeEventThreshold : Infinity,
      onCorruption: ON_CORRUPTION.indexOf(config.onCorruption ?? 'fail') as 0 | 1,
    },
  };
}

/** The journal of a tenant's runtime: a directory of its own below that of the runtime which it comes from. */
export function tenantJournal(config: JournalConfig, tenantId: string): JournalConfig {
  return { ...config, path: join(config.path, 'tenants', directoryName(tenantId)) };
}

/** A name that is one directory on every system: small letters, digits, hyphens; anything else by its digest. */
function directoryName(tenantId: string): string {
  const isSafe = /^[a-z0-9][a-z0-9_-]*$/.test(tenantId) && tenantId.length <= MAX_NAME;
  return isSafe ? tenantId : createHash('sha256').update(tenantId).digest('hex');
}

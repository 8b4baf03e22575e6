/**
 * The native addon, typed. The declarations beside this file are written by hand: they say what each native
 * object is for and who owns it. Nothing else in `lib/` loads the addon.
 */
import binding from '../../native/binding.cjs';
import type { EngineNative } from './engine';
import type { DeadLettersNative } from './dead-letters';
import type { FloodNative } from './flood';
import type { JournalNative } from './journal';
import type { LogsNative } from './logs';
import type { MemoryNative } from './memory';
import type { PolicyNative } from './policy';
import type { SnapshotNative } from './snapshots';
import type { StreamNative } from './stream';

export interface NativeBinding
  extends
    EngineNative,
    DeadLettersNative,
    FloodNative,
    JournalNative,
    LogsNative,
    MemoryNative,
    PolicyNative,
    SnapshotNative,
    StreamNative {}

export const native = binding as NativeBinding;

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanUpAll, quiet } from '../helpers';
import type { JournalConfig, RuntimeConfig } from '../../lib/config';
import type { Runtime } from '../../lib/runtime-types';

const made: string[] = [];

/** A directory that `removeAll` removes. */
export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'kodus-journal-'));
  made.push(path);
  return path;
}

/** For `afterEach`: ends the runtimes, then removes their files. */
export async function removeAll(): Promise<void> {
  await cleanUpAll();
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
}

/** A runtime with a journal in `path`. */
export function durable(path: string, config: RuntimeConfig = {}, journal: Partial<JournalConfig> = {}): Runtime {
  return quiet({ ...config, journal: { path, groupMs: 0, ...journal } });
}

/** Types of the events that a runtime handles now, in order. */
export async function handled(runtime: Runtime, types: readonly string[]): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const type of types) runtime.on(type, (event: { data: unknown }) => void seen.push(event.data));
  await runtime.process();
  return seen;
}

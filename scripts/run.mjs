/** `node scripts/run.mjs <file.ts> [arguments]`: sets the clone up, then runs a TypeScript program of it. */
import { existsSync } from 'node:fs';
import { run } from './util/process.mjs';
import { setupOrExit } from './setup.mjs';

const [file, ...args] = process.argv.slice(2);
await setupOrExit();
if (file === undefined || !existsSync(file)) {
  console.error(`run: no such program: ${file}`);
  process.exit(1);
}
process.exitCode = await run(process.execPath, ['--import', 'tsx', file, ...args]);

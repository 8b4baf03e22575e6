/** Each example runs to its end by itself, and says what it should. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const LONG_MS = 120_000;

/** A line that the example prints; one without an entry must end well. */
const PRINTS: Record<string, RegExp> = {
  'fan-out-fan-in.ts': /^stopped; sources that still run: 0$/m,
  'iot-dashboard.ts': /^\d+ events, 0 sources left$/m,
  'kernel-integration.ts': /^the kernel knows: running$/m,
  'nestjs.ts': /^order 1 is on its way; order 2 is on its way\nruntime ended$/m,
  'simple-usage.ts': /^batch of 2: user-0, user-2$/m,
  'webhook-receiver.ts': /^everything worked off$/m,
};
const examples = readdirSync('examples').filter((name) => name.endsWith('.ts'));

beforeAll(() => run(process.execPath, ['scripts/setup.mjs', 'dist']), LONG_MS);

describe('the examples', () => {
  test('are there', () => {
    expect(examples).toEqual(expect.arrayContaining(Object.keys(PRINTS)));
  });

  test.concurrent.each(examples)(
    '%s runs to its end',
    async (name) => {
      const { stdout, stderr } = await run(process.execPath, ['--import', 'tsx', join('examples', name)]);
      expect(stdout).toMatch(PRINTS[name] ?? /\S/);
      expect(stderr).not.toMatch(/Error/);
    },
    LONG_MS,
  );
});

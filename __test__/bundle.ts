import { resolve } from 'node:path';
import { build } from 'esbuild';

const addon = resolve('native/binding.cjs');

/** Bundles the package (or what `entry` is) as it is now into one file, for tests that run programs of their own. */
export async function bundleRuntime(outfile: string, entry = 'lib/index.ts'): Promise<void> {
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    plugins: [
      {
        name: 'addon',
        setup: (context) => context.onResolve({ filter: /binding\.cjs$/ }, () => ({ path: addon, external: true })),
      },
    ],
    logLevel: 'error',
  });
}

/**
 * The entry points of the package. Each has its source in `lib/` and becomes `dist/<name>.cjs` and `dist/<name>.mjs`
 * with their declarations; the export map in package.json names the same files. `index` holds the whole code, the others
 * are views of it, so each of their names must be a name of `index` too.
 */
export const ROOT = 'index';

export const ENTRIES = {
  index: 'lib/index.ts',
  middleware: 'lib/middleware/index.ts',
  core: 'lib/core.ts',
};

/** The program `kodus-flow`: not an entry point to be imported. */
export const PROGRAM = { source: 'lib/cli/main.ts', file: 'cli.cjs', licenses: 'cli-licenses.txt' };

/** For esbuild: the loader of the addon stays a file of its own; seen from `dist/` it lies one folder up. */
export const nativeLoader = {
  name: 'native-loader',
  setup(build) {
    build.onResolve({ filter: /\/native\/binding\.cjs$/ }, () => ({ path: '../native/binding.cjs', external: true }));
  },
};

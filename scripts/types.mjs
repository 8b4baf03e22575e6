/**
 * Bundles the declarations of `lib/index.ts` into the top-level `index.d.ts`, which is committed: a change of the public
 * API shows in the diff. `--check` writes nothing and fails when the file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generateDtsBundle } from 'dts-bundle-generator';
import { ENTRIES, ROOT, nativeLoader } from './entries.mjs';
import { declaredValues, valueNames } from './util/names.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const OUTPUT = 'index.d.ts';
const HEADER = '// Generated from lib/ by `npm run build:types`. Change the sources, not this file.\n\n';

function bundleDeclarations() {
  const [declarations] = generateDtsBundle(
    [
      {
        filePath: ENTRIES[ROOT],
        output: { exportReferencedTypes: false, noBanner: true, sortNodes: true },
      },
    ],
    { preferredConfigPath: 'tsconfig.json' },
  );
  // On Windows the compiler ends its lines as that platform does.
  return HEADER + declarations.replaceAll('\r\n', '\n').replaceAll('\t', '  ');
}

function read(file) {
  try {
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

/** `export type * from` makes declarations of functions and classes that do not exist at run time. */
async function checkValues(declarations) {
  const values = (await valueNames({ [ROOT]: ENTRIES[ROOT] }, [nativeLoader]))[ROOT];
  const strangers = declaredValues(declarations).filter((name) => !values.includes(name));
  if (strangers.length > 0) {
    throw new Error(`${OUTPUT} would declare values that the package does not export: ${strangers.join(', ')}`);
  }
}

function firstDifference(before, after) {
  const lines = after.split('\n');
  const old = before.split('\n');
  const index = lines.findIndex((line, i) => line !== old[i]);
  return (index === -1 ? lines.length : index) + 1;
}

const fresh = bundleDeclarations();
await checkValues(fresh);
if (!process.argv.includes('--check')) {
  writeFileSync(OUTPUT, fresh);
} else if (read(OUTPUT) === fresh) {
  console.log(`${OUTPUT} is up to date`);
} else {
  const line = firstDifference(read(OUTPUT), fresh);
  console.error(
    `${OUTPUT} is stale (first difference: line ${line}). Run \`npm run build:types\` and commit the file.`,
  );
  process.exitCode = 1;
}

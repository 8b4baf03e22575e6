/** The names that each entry exports, values and types apart: a wrapper in JavaScript may only name values. */
import { resolve } from 'node:path';
import esbuild from 'esbuild';
import ts from 'typescript';

/** Names need no standard library and no @types: without them the compiler takes a tenth of the time. */
const NAMES_ONLY = {
  noLib: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};

/** Returns `{ entry: { values, types } }`, each sorted, for a table of entry names and source files. */
export async function exportedNames(entries, plugins) {
  const values = await valueNames(entries, plugins);
  const all = allNames(entries);
  return Object.fromEntries(
    Object.keys(entries).map((entry) => {
      const isValue = new Set(values[entry]);
      return [entry, { values: values[entry], types: all[entry].filter((name) => !isValue.has(name)) }];
    }),
  );
}

/** What exists at run time, as the bundler sees it: `export type *` leaves classes and functions out. */
export async function valueNames(entries, plugins) {
  const { metafile } = await esbuild.build({
    entryPoints: entries,
    outdir: '.',
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    plugins,
    logLevel: 'warning',
  });
  return Object.fromEntries(
    Object.keys(entries).map((entry) => [entry, metafile.outputs[`${entry}.js`].exports.toSorted()]),
  );
}

/** Everything that can be imported and used as a value or as a type. */
function allNames(entries) {
  const files = Object.values(entries).map((file) => resolve(file));
  const program = ts.createProgram(files, NAMES_ONLY);
  const checker = program.getTypeChecker();
  return Object.fromEntries(
    Object.entries(entries).map(([entry, file]) => {
      const module = checker.getSymbolAtLocation(program.getSourceFile(resolve(file)));
      const symbols = checker.getExportsOfModule(module).filter((symbol) => isType(checker, symbol));
      return [entry, symbols.map((symbol) => symbol.name).sort()];
    }),
  );
}

const isType = (checker, symbol) => (resolved(checker, symbol).flags & ts.SymbolFlags.Type) !== 0;
const isValue = (checker, symbol) => (resolved(checker, symbol).flags & ts.SymbolFlags.Value) !== 0;

function resolved(checker, symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The names that a declaration file, given as text, promises to exist at run time. */
export function declaredValues(text) {
  const file = resolve('declarations-under-check.d.ts');
  const host = ts.createCompilerHost(NAMES_ONLY);
  host.getSourceFile = (name, target) => (name === file ? ts.createSourceFile(name, text, target) : undefined);
  const program = ts.createProgram([file], NAMES_ONLY, host);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => isValue(checker, symbol))
    .map((symbol) => symbol.name)
    .sort();
}

/** Refuses a view with a name that the root lacks: such a name would be undefined at run time. */
export function checkViews(names, root) {
  const all = new Set([...names[root].values, ...names[root].types]);
  for (const [entry, { values, types }] of Object.entries(names)) {
    const strangers = [...values, ...types].filter((name) => !all.has(name));
    if (strangers.length > 0) {
      throw new Error(`lib: entry "${entry}" exports names that "${root}" does not: ${strangers.join(', ')}`);
    }
  }
}

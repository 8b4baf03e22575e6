/**
 * Writes `docs/api.md` from `index.d.ts`: every public name with its docstring and its declaration. The file is committed;
 * `--check` writes nothing and fails when it is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { ENTRIES, ROOT, nativeLoader } from './entries.mjs';
import { exportedNames } from './util/names.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const INPUT = 'index.d.ts';
const OUTPUT = 'docs/api.md';
const HEAD = `# API

Generated from [index.d.ts](../index.d.ts) by \`npm run build:api\`. Everything is exported by \`@kodus-flow/runtime\`; what a further
entry point exports, too, says so. The guides explain how it fits together: [events](events.md), [middleware](middleware.md),
[streams](streams.md), [durability](durability.md), [persistors](persistors.md).
`;

const SECTIONS = [
  ['Functions', ts.isFunctionDeclaration],
  ['Classes', ts.isClassDeclaration],
  ['Constants', (node) => ts.isVariableDeclaration(node) || ts.isEnumDeclaration(node)],
  ['Interfaces', ts.isInterfaceDeclaration],
  ['Types', ts.isTypeAliasDeclaration],
];

const text = readFileSync(INPUT, 'utf8').replaceAll('\r\n', '\n');
const source = ts.createSourceFile(INPUT, text, ts.ScriptTarget.ES2022, true);

/** Declarations with the statement that holds their modifiers and docstring. */
const declarations = source.statements.flatMap((statement) =>
  ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map((node) => ({ node, statement }))
    : [{ node: statement, statement }],
);

const isPublic = ({ node, statement }) =>
  node.name !== undefined && statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

/** Links between docstrings become the names alone: the headings of this page are their targets. */
const plain = (comment) => (ts.getTextOfJSDocComment(comment) ?? '').replace(/\{@link (\w+)\}/g, '[`$1`](#$1)').trim();

function tagText(tag) {
  const name = tag.tagName.text;
  const about = plain(tag.comment);
  if (name === 'example') return `\`\`\`ts\n${about}\n\`\`\``;
  const subject = ts.isJSDocParameterTag(tag) ? `\`${tag.name.getText()}\` ` : '';
  return `_${name}_ ${subject}${about}`;
}

function docstring(statement) {
  const docs = statement.jsDoc?.at(-1);
  if (docs === undefined) return '';
  return [plain(docs.comment), ...(docs.tags ?? []).map(tagText)].filter((part) => part !== '').join('\n\n');
}

const codeOf = (statement) => text.slice(statement.getStart(), statement.getEnd()).replace(/^export (declare )?/, '');

function entry(name, overloads, alsoFrom) {
  const docs = overloads.map(({ statement }) => docstring(statement)).filter((part) => part !== '');
  const code = overloads.map(({ statement }) => codeOf(statement)).join('\n');
  const from = alsoFrom.length === 0 ? '' : `\n\nAlso from ${alsoFrom.map((path) => `\`${path}\``).join(', ')}.`;
  return `### ${name}\n\n${docs.join('\n\n')}${from}\n\n\`\`\`ts\n${code}\n\`\`\`\n`;
}

function byName(list) {
  const groups = new Map();
  for (const item of list) {
    const name = item.node.name.getText();
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function generate() {
  const names = await exportedNames(ENTRIES, [nativeLoader]);
  const views = Object.entries(names).filter(([name]) => name !== ROOT);
  const alsoFrom = (name) =>
    views
      .filter(([, { values, types }]) => values.includes(name) || types.includes(name))
      .map(([view]) => `@kodus-flow/runtime/${view}`);
  const sections = SECTIONS.map(([title, isOfKind]) => {
    const groups = byName(declarations.filter((item) => isPublic(item) && isOfKind(item.node)));
    const index = groups.map(([name]) => `[${name}](#${name.toLowerCase()})`).join(' · ');
    return `## ${title}\n\n${index}\n\n${groups.map(([name, list]) => entry(name, list, alsoFrom(name))).join('\n')}`;
  });
  return [HEAD, ...sections].join('\n');
}

const fresh = (await generate()).replace(/\]\(#(\w+)\)/g, (_, name) => `](#${name.toLowerCase()})`);
const current = () => readFileSync(OUTPUT, 'utf8').replaceAll('\r\n', '\n');
if (!process.argv.includes('--check')) {
  writeFileSync(OUTPUT, fresh);
} else if (current() === fresh) {
  console.log(`${OUTPUT} is up to date`);
} else {
  console.error(`${OUTPUT} is stale. Run \`npm run build:api\` and commit the file.`);
  process.exitCode = 1;
}

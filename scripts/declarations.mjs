/**
 * Checks what users see in `index.d.ts`: no `any` but where an entry of ANY_ALLOWED says why, and a docstring on every
 * exported name and on every member of what a caller uses or implements.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const FILE = fileURLToPath(new URL('../index.d.ts', import.meta.url));

const DATA = 'event data is whatever users put in';
const CALLEE = "a function of the user's: any parameters, any result";
const OPAQUE = "a service of the framework's, handed through";
const SCHEMA = 'the schema libraries decide what they take and give';

/** Exported name, or name and member: why it may say `any`. */
const ANY_ALLOWED = {
  AgentThought: DATA,
  AnyEvent: DATA,
  AnyEventMetadata: DATA,
  DataIn: DATA,
  DataToEmit: DATA,
  PayloadOf: DATA,
  keyByEventType: DATA,
  circuitBreakerUtils: DATA,
  'createCachedHandler.keyFn': DATA,
  'CacheOptions.keyFn': DATA,
  'CircuitBreakerMiddlewareConfig.keyGenerator': DATA,
  'CircuitBreakerMiddlewareConfig.shouldProtect': DATA,
  'CircuitBreakerMiddlewareConfig.onRejected': DATA,
  'ConcurrencyOptions.getKey': DATA,
  'RateLimitOptions.getKey': DATA,
  'ScheduleOptions.generateData': DATA,
  'FallbackOptions.fallback': DATA,
  'ResilientHandlerOptions.fallback': DATA,
  'MiddlewareContext.data': DATA,
  EventHandler: CALLEE,
  RuntimeHandler: CALLEE,
  'Runtime.off': CALLEE,
  ExtractReturnType: CALLEE,
  MiddlewareHandler: CALLEE,
  MiddlewareFactory: CALLEE,
  MiddlewareFactoryType: CALLEE,
  StreamMiddleware: CALLEE,
  'SchemaLike.safeParse': SCHEMA,
  'SchemaLike.safeParseAsync': SCHEMA,
  'StandardSchemaLike.validate': SCHEMA,
  Service: OPAQUE,
};

/** Interfaces whose methods are those of the OpenTelemetry API or of any logger, by the same names. */
const WELL_KNOWN = ['Logger', 'Span', 'ObservabilitySystem'];

const source = ts.createSourceFile(FILE, readFileSync(FILE, 'utf8'), ts.ScriptTarget.ES2022, true);
const problems = [];
const used = new Set();

function tell(node, message) {
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  problems.push(`index.d.ts:${line + 1}: ${message}`);
}

const nameOf = (node) => node.name?.getText() ?? '';
const isPublic = (node) => ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Export;
const isDocumented = (node) => ts.getJSDocCommentsAndTags(node).length > 0;
const isPrivate = (member) =>
  (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0 || nameOf(member).startsWith('#');

function findAny(node, path) {
  if (node.kind === ts.SyntaxKind.AnyKeyword) {
    const allowed = [path.join('.'), path[0]].find((name) => name in ANY_ALLOWED);
    if (allowed === undefined) tell(node, `\`any\` in ${path.join('.')}, which ANY_ALLOWED does not list`);
    else used.add(allowed);
  }
  const inner = ts.isTypeElement(node) || ts.isClassElement(node) ? [path[0], nameOf(node)] : path;
  ts.forEachChild(node, (child) => findAny(child, inner));
}

/** Overloads share the docstring of the first. */
function undocumented(nodes) {
  const documented = new Set(nodes.filter(isDocumented).map(nameOf));
  return nodes.filter((node) => !documented.has(nameOf(node)));
}

const statements = source.statements.flatMap((statement) =>
  ts.isVariableStatement(statement) ? [...statement.declarationList.declarations] : [statement],
);
const named = statements.filter((node) => nameOf(node) !== '');
for (const node of named) findAny(node, [nameOf(node)]);
const publicOnes = named.filter((node) => isPublic(node));
for (const node of undocumented(publicOnes)) tell(node, `${nameOf(node)} has no docstring`);

/** Plain fields may say all by their names; methods never do. */
const isCallable = (member) =>
  ts.isMethodSignature(member) || ts.isMethodDeclaration(member) || ts.isGetAccessor(member);
for (const node of publicOnes.filter((node) => ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node))) {
  const members = node.members.filter((member) => isCallable(member) && !isPrivate(member));
  const inherited =
    node.heritageClauses !== undefined || nameOf(node) === 'LegacyRuntime' || WELL_KNOWN.includes(nameOf(node));
  if (inherited) continue;
  for (const member of undocumented(members)) tell(member, `${nameOf(node)}.${nameOf(member)} has no docstring`);
}
for (const name of Object.keys(ANY_ALLOWED)) {
  if (!used.has(name)) problems.push(`ANY_ALLOWED lists ${name}, which says no \`any\``);
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else {
  console.log(`index.d.ts: ${publicOnes.length} public declarations, all documented, no stray \`any\``);
}

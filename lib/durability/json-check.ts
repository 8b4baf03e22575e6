/** Deeper values are taken for circular ones. */
const MAX_DEPTH = 200;

/** Whether JSON gives back exactly this value: no functions, dates, maps, class instances, NaN, cycles ... */
export function isJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      if (value === null) return true;
      if (depth === MAX_DEPTH) return false;
      return Array.isArray(value) ? isJsonList(value, depth + 1) : isJsonObject(value, depth + 1);
    default:
      return false;
  }
}

function isJsonList(list: readonly unknown[], depth: number): boolean {
  for (let index = 0; index < list.length; index++) if (!isJson(list[index], depth)) return false;
  return true;
}

/** A property that is `undefined` is as good as none. */
function isJsonObject(object: object, depth: number): boolean {
  if (!isPlain(object)) return false;
  for (const key in object) {
    const value = (object as Record<string, unknown>)[key];
    if (value !== undefined && !isJson(value, depth)) return false;
  }
  return true;
}

/** An object without a class, also one of another realm. */
function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object) as object | null;
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What is wrong with a value that `isJson` refuses: the path to it, and what it is. */
export function whatIsNotJson(value: unknown, path: string, depth = 0): string | undefined {
  if (isJson(value, depth)) return undefined;
  if (typeof value !== 'object' || value === null) return `${path} is ${describe(value)}`;
  if (depth === MAX_DEPTH) return `${path} is circular, or nested deeper than ${MAX_DEPTH} levels`;
  if (Array.isArray(value)) {
    const index = value.findIndex((member) => !isJson(member, depth + 1));
    return whatIsNotJson(value[index], `${path}[${index}]`, depth + 1);
  }
  if (!isPlain(value)) return `${path} is ${describe(value)}`;
  const bad = Object.entries(value).find(([, member]) => member !== undefined && !isJson(member, depth + 1));
  return bad === undefined ? undefined : whatIsNotJson(bad[1], memberPath(path, bad[0]), depth + 1);
}

const memberPath = (path: string, key: string): string =>
  /^[\w$]+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

function describe(value: unknown): string {
  if (value === undefined) return 'undefined in a list';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'object') return `a ${value!.constructor?.name || 'class instance'}`;
  return `a ${typeof value}`;
}

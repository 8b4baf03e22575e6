/** Nesting after which a copy says so instead of going on. */
const MAX_DEPTH = 100;
/** Binary data up to this size is copied in the form that `JSON.stringify` gives a `Buffer`. */
const MAX_BINARY_BYTES = 65_536;

/**
 * A copy of anything that JSON can carry. What JSON cannot carry becomes something readable: BigInts and functions text,
 * errors their name, message and stack, maps and sets lists, cycles and large binary data a note. Never throws.
 */
export function readableCopy(value: unknown): unknown {
  return copyOf(value, []);
}

function copyOf(value: unknown, path: object[]): unknown {
  switch (typeof value) {
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return value.toString();
    case 'function':
      return functionText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      return value === null ? null : copyOfObject(value, path);
    default:
      return value;
  }
}

function functionText(value: object): string {
  try {
    const { name } = value as { name?: unknown };
    return typeof name === 'string' && name !== '' ? `[function ${name}]` : '[function anonymous]';
  } catch {
    // A proxy of the user's has thrown.
    return '[function]';
  }
}

function copyOfObject(value: object, path: object[]): unknown {
  if (path.includes(value)) return '[circular]';
  if (path.length === MAX_DEPTH) return '[too deep]';
  path.push(value);
  try {
    return copyOfMembers(value, path);
  } catch {
    // A getter, a proxy or a `toJSON` of the user's has thrown.
    return '[unreadable]';
  } finally {
    path.pop();
  }
}

function copyOfMembers(value: object, path: object[]): unknown {
  const copy = (member: unknown): unknown => copyOf(member, path);
  if (Array.isArray(value)) return Array.from(value, (member) => copy(member) ?? null);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return copyOfBinary(value);
  if (value instanceof Error) {
    const { name, message, stack } = value;
    return { name, message, stack, ...copyOfFields(value, copy) };
  }
  if (value instanceof Map) return Array.from(value, ([key, member]) => [copy(key), copy(member)]);
  if (value instanceof Set) return Array.from(value, copy);
  if (value instanceof RegExp) return String(value);
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? copy(toJSON.call(value)) : copyOfFields(value, copy);
}

function copyOfBinary(value: ArrayBufferView | ArrayBuffer): unknown {
  const { byteLength } = value;
  if (byteLength > MAX_BINARY_BYTES) return `[${byteLength} bytes]`;
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, byteLength)
    : Buffer.from(value);
  return bytes.toJSON();
}

function copyOfFields(value: object, copy: (member: unknown) => unknown): Record<string, unknown> {
  // From entries, because a field may be named `__proto__`.
  return Object.fromEntries(
    Object.keys(value)
      .map((key): [string, unknown] => [key, readField(value as Record<string, unknown>, key, copy)])
      .filter(([, member]) => member !== undefined),
  );
}

function readField(value: Record<string, unknown>, key: string, copy: (member: unknown) => unknown): unknown {
  try {
    return copy(value[key]);
  } catch {
    return '[unreadable]';
  }
}

import { messageOf } from './errors';

/** Errors looked at behind one: its causes, and the members of aggregates. */
const MAX_ERRORS = 16;

/** What can be told of something thrown. */
export interface ThrownDescription {
  message: string;
  /** Names of the error and of what caused it, outermost first. */
  names: string[];
  /** Codes of the same, where they have one. */
  codes: string[];
  stack: string | undefined;
}

/** Describes anything that may be thrown, also what is no error and what throws when it is looked at. */
export function describeThrown(thrown: unknown): ThrownDescription {
  const chain = chainOf(thrown);
  const texts = (key: string): string[] => chain.map((error) => text(error, key)).filter((value) => value !== '');
  return {
    message: text(thrown, 'message') || safeMessage(thrown),
    names: texts('name'),
    codes: texts('code'),
    stack: text(thrown, 'stack') || undefined,
  };
}

function chainOf(thrown: unknown): unknown[] {
  const found = new Set<unknown>([thrown]);
  // The set grows while it is walked.
  for (const error of found) {
    for (const next of [read(error, 'cause'), ...members(error)]) {
      if (next !== undefined && found.size < MAX_ERRORS) found.add(next);
    }
  }
  return [...found];
}

function members(aggregate: unknown): unknown[] {
  try {
    const errors = read(aggregate, 'errors');
    return Array.isArray(errors) ? errors.slice(0, MAX_ERRORS) : [];
  } catch {
    return [];
  }
}

function read(value: unknown, key: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown, key: string): string {
  const member = read(value, key);
  return typeof member === 'string' || typeof member === 'number' ? String(member) : '';
}

function safeMessage(thrown: unknown): string {
  try {
    return messageOf(thrown);
  } catch {
    // An object without `toString`, or with one that throws.
    return 'something that has no text was thrown';
  }
}

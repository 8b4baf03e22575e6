import { messageOf } from './errors';

/** What can be told of something thrown; texts that it has not are empty. */
export interface ThrownDescription {
  message: string;
  name: string;
  code: string;
  stack: string | undefined;
}

/** Describes anything that may be thrown, also what is no error and what throws when it is looked at. */
export function describeThrown(thrown: unknown): ThrownDescription {
  const read = (key: string): unknown => {
    try {
      return (thrown as Record<string, unknown> | null | undefined)?.[key];
    } catch {
      return undefined;
    }
  };
  const isObject = typeof thrown === 'object' && thrown !== null;
  const text = (key: string): string | undefined => {
    const value = isObject ? read(key) : undefined;
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  return {
    message: text('message') ?? messageOf(thrown),
    name: text('name') ?? '',
    code: text('code') ?? '',
    stack: text('stack'),
  };
}

/** Log messages on the console. */
import { inspect } from 'node:util';
import type { LogContext, LogLevel } from './types';

/** Writes one message: readable text, or one line of JSON. */
export function writeToConsole(level: LogLevel, message: string, context: LogContext, asJson: boolean): void {
  if (asJson) {
    console[level](toJson({ timestamp: new Date().toISOString(), level, message, ...context }));
  } else if (Object.keys(context).length > 0) {
    console[level](`[${level.toUpperCase()}] ${message}`, context);
  } else {
    console[level](`[${level.toUpperCase()}] ${message}`);
  }
}

function toJson(record: Record<string, unknown>): string {
  try {
    return JSON.stringify(record, (_key, value: unknown) => {
      if (typeof value === 'bigint') return value.toString();
      return value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
    });
  } catch {
    // Cycles and getters that throw: a readable rest is better than a lost message.
    const { timestamp, level, message } = record;
    return JSON.stringify({ timestamp, level, message, context: inspect(record, { depth: 2 }) });
  }
}

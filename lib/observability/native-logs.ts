/** Logs of the native code (`tracing` in Rust), handed on to the loggers of the runtimes that want them. */
import { native } from '../native';
import { createPort } from './port';
import { LOG_LEVELS } from './config';
import type { NativeLogs } from '../native/logs';
import type { ObservabilityPort } from './port';
import type { LogLevel } from './types';

/** From which level on the native code's logs are handed on. */
export type NativeLogLevel = LogLevel | 'off';

const NATIVE_LOG_LEVELS: readonly NativeLogLevel[] = ['off', ...LOG_LEVELS];

/** What `KODUS_FLOW_LOG` asks for, where the configuration says nothing; 'off' for what is no level. */
function levelOfEnvironment(): NativeLogLevel {
  const text = process.env['KODUS_FLOW_LOG']?.toLowerCase();
  return NATIVE_LOG_LEVELS.find((level) => level === text) ?? 'off';
}

interface Reader {
  port: ObservabilityPort;
  level: LogLevel;
  /** Runtimes that want it. */
  users: number;
}

/** By what the users passed: a logger that several runtimes share gets each record once. */
const readers = new Map<unknown, Reader>();
let subscription: { close(): void } | undefined;

function handOn({ records, dropped }: NativeLogs): void {
  for (const { port, level } of readers.values()) {
    const from = LOG_LEVELS.indexOf(level);
    for (const record of records) {
      if (record.level < from) continue;
      port.log(LOG_LEVELS[record.level], record.message, {
        ...Object.fromEntries(record.fields),
        component: 'native',
        target: record.target,
      });
    }
    if (dropped > 0)
      port.log('warn', `${dropped} logs of the native code were dropped`, { component: 'native', dropped });
  }
}

function resubscribe(): void {
  subscription?.close();
  subscription = undefined;
  const levels = [...readers.values()].map(({ level }) => LOG_LEVELS.indexOf(level));
  if (levels.length > 0) subscription = native.subscribeLogs(Math.min(...levels) as 0 | 1 | 2 | 3, handOn);
}

/**
 * Hands the native code's logs on to what the user passed as observability; answers how to end it. Undefined where nobody wants
 * them. They are those of the whole process, not of one runtime.
 */
export function followNativeLogs(observability: unknown, given: NativeLogLevel | undefined): (() => void) | undefined {
  const level = given ?? levelOfEnvironment();
  const port = createPort(observability, true);
  if (level === 'off' || !port.canLog) return undefined;
  const known = readers.get(observability);
  if (known === undefined) readers.set(observability, { port, level, users: 1 });
  else {
    known.users++;
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(known.level)) known.level = level;
  }
  resubscribe();
  return () => {
    const reader = readers.get(observability);
    if (reader === undefined || --reader.users > 0) return;
    readers.delete(observability);
    resubscribe();
  };
}

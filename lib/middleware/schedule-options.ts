import type { AnyEvent } from '../events';
import { messageOf } from '../errors';
import { wallNow } from '../clock';
import { native } from '../native/index';
import type { SchedulePolicyConfig } from '../native/policy';
import {
  refuse,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireString,
  warnOfUnknown,
} from '../validate';

/** When and how an event is made again. Exactly one of `intervalMs`, `every`, `cron` and `at` is given. */
export interface ScheduleOptions {
  /** Milliseconds from one trigger to the next. */
  intervalMs?: number;
  /** The same, or with a unit: '500ms', '5s', '10m', '2h', '1d'. */
  every?: number | string;
  /** A cron expression of five fields, or six with seconds first; also '@daily' and the like. */
  cron?: string;
  /** Once: a date, milliseconds since the epoch, or an ISO string. A date that has passed gives no trigger. */
  at?: Date | number | string;
  /** Time zone of `cron`, by its name in the IANA database. Default: the machine's. */
  timezone?: string;
  /** Triggers after which it stops; 0: none. Default: no limit. */
  maxTriggers?: number;
  /** First trigger at once, not only at the first planned time. Default false. */
  triggerImmediately?: boolean;
  /** Each trigger is up to so many milliseconds later than planned, by chance. Default 0. */
  jitterMs?: number;
  /** Planned times that passed because the process was blocked or the machine slept: made up by one trigger, or skipped. Default 'once'. */
  missed?: 'once' | 'skip';
  /** A planned time at which the trigger before has not ended: left out, or both run. Default 'skip'. */
  overlap?: 'skip' | 'allow';
  /** Makes the data of a triggered event; `triggerCount` starts at 0. Default: the data of the original event. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  generateData?: (triggerCount: number, originalEvent: any) => unknown;
}

const OPTION_NAMES: Record<keyof ScheduleOptions, true> = {
  intervalMs: true,
  every: true,
  cron: true,
  at: true,
  timezone: true,
  maxTriggers: true,
  triggerImmediately: true,
  jitterMs: true,
  missed: true,
  overlap: true,
  generateData: true,
};

/** What {@link withSchedule} takes: options, an interval, a duration or cron expression, a date; also as `{ schedule }`. */
export type ScheduleSpec =
  ScheduleOptions | string | number | Date | (ScheduleOptions & { schedule: ScheduleOptions | string | number | Date });

/** A schedule as it crosses into the core, without its seed. */
export interface ReadSchedule {
  policy: Omit<SchedulePolicyConfig, 'seed'>;
  generateData: (triggerCount: number, originalEvent: AnyEvent) => unknown;
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const WHAT = 'one of intervalMs, every ("5s"), cron ("*/5 * * * *") and at (a date)';

/**
 * Checks a schedule.
 *
 * @throws RuntimeError INVALID_CONFIGURATION if it cannot be understood
 */
export function readSchedule(path: string, spec: ScheduleSpec): ReadSchedule {
  const options = requireObject(path, optionsOf(path, spec));
  warnOfUnknown(path, options, OPTION_NAMES);
  const planned = (['intervalMs', 'every', 'cron', 'at'] as const).filter((name) => options[name] !== undefined);
  if (planned.length !== 1) refuse(path, planned.length === 0 ? spec : planned, WHAT);
  const timezone = readZone(`${path}.timezone`, options.timezone ?? localZone());
  const policy = {
    ...readPlan(path, options, timezone),
    timezone,
    ...(options.maxTriggers !== undefined && {
      maxTriggers: requireInteger(`${path}.maxTriggers`, options.maxTriggers, { min: 0, max: 2 ** 32 - 1 }),
    }),
    triggerImmediately: requireBoolean(`${path}.triggerImmediately`, options.triggerImmediately ?? false),
    jitterMs: requireNumber(`${path}.jitterMs`, options.jitterMs ?? 0, { min: 0 }),
    missed: requireOneOf(`${path}.missed`, options.missed ?? 'once', ['once', 'skip']),
    overlap: requireOneOf(`${path}.overlap`, options.overlap ?? 'skip', ['skip', 'allow']),
  };
  const generateData = options.generateData ?? ((_count: number, event: AnyEvent): unknown => event.data);
  return { policy, generateData: requireFunction(`${path}.generateData`, generateData) };
}

function optionsOf(path: string, spec: ScheduleSpec): ScheduleOptions {
  if (typeof spec === 'number') return { intervalMs: spec };
  if (typeof spec === 'string') return durationOf(spec) === undefined ? { cron: spec } : { every: spec };
  if (spec instanceof Date) return { at: spec };
  if (typeof spec !== 'object' || spec === null || !('schedule' in spec) || spec.schedule === undefined) return spec;
  const { schedule, ...others } = spec;
  return { ...optionsOf(`${path}.schedule`, schedule), ...withoutUndefined(others) };
}

const withoutUndefined = (options: ScheduleOptions): ScheduleOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function readPlan(
  path: string,
  options: ScheduleOptions,
  timezone: string,
): Pick<SchedulePolicyConfig, 'everyMs' | 'cron' | 'at'> {
  if (options.intervalMs !== undefined) {
    return { everyMs: requireNumber(`${path}.intervalMs`, options.intervalMs, { min: 1 }) };
  }
  if (options.every !== undefined) return { everyMs: readEvery(`${path}.every`, options.every) };
  if (options.cron !== undefined) return { cron: readCron(path, options.cron, timezone) };
  return { at: readDate(`${path}.at`, options.at!) };
}

function readEvery(path: string, every: number | string): number {
  const ms = typeof every === 'string' ? durationOf(every) : every;
  if (ms === undefined) return refuse(path, every, 'milliseconds, or a number with ms, s, m, h or d');
  return requireNumber(path, ms, { min: 1 });
}

function durationOf(text: string): number | undefined {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * UNIT_MS[unit!]!;
}

function readCron(path: string, cron: string, timezone: string): string {
  requireString(`${path}.cron`, cron);
  try {
    if (native.cronNext(cron, timezone, wallNow()) !== null) return cron;
  } catch (error) {
    return refuse(path, cron, `a duration such as "5s", or a cron expression (${messageOf(error)})`);
  }
  return refuse(`${path}.cron`, cron, 'a cron expression that has an occurrence to come');
}

/** The core is asked, also where there is no expression that follows the zone. */
function readZone(path: string, timezone: string): string {
  requireString(path, timezone);
  try {
    native.cronNext('@daily', timezone, wallNow());
    return timezone;
  } catch {
    return refuse(path, timezone, 'the name of a time zone in the IANA database, such as "America/Sao_Paulo"');
  }
}

function readDate(path: string, at: Date | number | string): number {
  const ms = typeof at === 'number' ? at : new Date(at).getTime();
  return Number.isFinite(ms) ? ms : refuse(path, at, 'a date, milliseconds since the epoch, or an ISO string');
}

function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

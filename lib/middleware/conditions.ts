import type { MiddlewareCondition, MiddlewareContext } from './conditional';

/** Ready-made conditions. All take a context and none throws. */
export interface ConditionUtils {
  /** The type is in the list. */
  forEventTypes(types: readonly string[]): MiddlewareCondition;
  /** `data.priority`, else `metadata.priority`, else 0, is within the bounds, both included. */
  forPriority(min: number, max?: number): MiddlewareCondition;
  /** The length of the event's JSON is within the bounds; an event without a JSON form has no size. */
  forEventSize(min: number, max?: number): MiddlewareCondition;
  /** `context.metadata[key]` is `value`. */
  forMetadata(key: string, value: unknown): MiddlewareCondition;
  /** What `predicate` says. */
  forContext(predicate: (context: MiddlewareContext) => boolean | Promise<boolean>): MiddlewareCondition;
  /** The local hour is from `start` to `end`, both included; 22 to 6 goes over midnight. */
  forTimeWindow(start: number, end: number): MiddlewareCondition;
  /** `data.origin`, else `metadata.origin`, is in the list. */
  forOrigin(origins: readonly string[]): MiddlewareCondition;
  /** `data.tenant`, else `metadata.tenant`, is in the list. */
  forTenant(tenants: readonly string[]): MiddlewareCondition;
  /** All hold; asked from left to right until one does not. */
  and(...conditions: MiddlewareCondition[]): MiddlewareCondition;
  /** One holds; asked from left to right until one does. */
  or(...conditions: MiddlewareCondition[]): MiddlewareCondition;
  /** It does not hold. */
  not(condition: MiddlewareCondition): MiddlewareCondition;
  /** By chance, with this probability from 0 to 1. */
  withProbability(probability: number): MiddlewareCondition;
  /** The priority is at least 8, or `metadata.critical` is true. */
  forCriticalEvents(): MiddlewareCondition;
  /** The type has 'debug' in it, or `metadata.debug` is true. */
  forDebugEvents(): MiddlewareCondition;
  /** `metadata.environment` is 'production'. */
  forProductionEvents(): MiddlewareCondition;
}

const CRITICAL_PRIORITY = 8;

/** Conditions for conditional middleware; {@link conditionUtils} is one. */
export class ConditionUtilsImpl implements ConditionUtils {
  readonly forEventTypes =
    (types: readonly string[]): MiddlewareCondition =>
    ({ event }) =>
      types.includes(event?.type);

  readonly forPriority =
    (min: number, max = Infinity): MiddlewareCondition =>
    (context) =>
      isWithin(priorityOf(context), min, max);

  readonly forEventSize =
    (min: number, max = Infinity): MiddlewareCondition =>
    ({ event }) => {
      const size = sizeOf(event);
      return size !== undefined && isWithin(size, min, max);
    };

  readonly forMetadata =
    (key: string, value: unknown): MiddlewareCondition =>
    ({ metadata }) =>
      metadata?.[key] === value;

  readonly forContext =
    (predicate: (context: MiddlewareContext) => boolean | Promise<boolean>): MiddlewareCondition =>
    (context) =>
      predicate(context);

  readonly forTimeWindow =
    (start: number, end: number): MiddlewareCondition =>
    () => {
      const hour = new Date(Date.now()).getHours();
      return start <= end ? isWithin(hour, start, end) : hour >= start || hour <= end;
    };

  readonly forOrigin =
    (origins: readonly string[]): MiddlewareCondition =>
    (context) =>
      origins.includes(field(context, 'origin') as string);

  readonly forTenant =
    (tenants: readonly string[]): MiddlewareCondition =>
    (context) =>
      tenants.includes(field(context, 'tenant') as string);

  readonly and =
    (...conditions: MiddlewareCondition[]): MiddlewareCondition =>
    async (context) => {
      for (const condition of conditions) if (!(await condition(context))) return false;
      return true;
    };

  readonly or =
    (...conditions: MiddlewareCondition[]): MiddlewareCondition =>
    async (context) => {
      for (const condition of conditions) if (await condition(context)) return true;
      return false;
    };

  readonly not =
    (condition: MiddlewareCondition): MiddlewareCondition =>
    async (context) =>
      !(await condition(context));

  readonly withProbability =
    (probability: number): MiddlewareCondition =>
    () =>
      Math.random() < probability;

  readonly forCriticalEvents = (): MiddlewareCondition => (context) =>
    priorityOf(context) >= CRITICAL_PRIORITY || context.metadata?.critical === true;

  readonly forDebugEvents =
    (): MiddlewareCondition =>
    ({ event, metadata }) =>
      String(event?.type).includes('debug') || metadata?.debug === true;

  readonly forProductionEvents =
    (): MiddlewareCondition =>
    ({ metadata }) =>
      (metadata?.environment ?? 'development') === 'production';
}

/** The conditions, ready to use. */
export const conditionUtils: ConditionUtils = new ConditionUtilsImpl();

const isWithin = (value: number, min: number, max: number): boolean => value >= min && value <= max;

/** A field of the event's data, else of the metadata. */
function field({ event, metadata }: MiddlewareContext, name: string): unknown {
  const { data } = Object(event) as { data?: unknown };
  return (Object(data) as Record<string, unknown>)[name] ?? metadata?.[name];
}

function priorityOf(context: MiddlewareContext): number {
  const priority = field(context, 'priority');
  return typeof priority === 'number' ? priority : 0;
}

function sizeOf(event: unknown): number | undefined {
  try {
    return JSON.stringify(event)?.length;
  } catch {
    return undefined;
  }
}

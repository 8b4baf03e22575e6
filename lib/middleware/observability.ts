import { messageOf } from '../errors';
import type { AnyEvent } from '../events';
import { isObject, readMember } from '../observability/guard';
import type { Span } from '../observability/types';
import { requireList, requireObject, requireString, warnOfUnknown } from '../validate';
import type { Cancel } from './cancel';
import { defineMiddleware, withDefaults } from './define';
import type { Run } from './run';
import type { Middleware, MiddlewareScope } from './types';

/** Options of {@link withObservability}. */
export interface ObservabilityOptions {
  /** Types that get a span. Default: all. */
  includeEventTypes?: readonly string[];
  /** Types that get none. Default: none. */
  excludeEventTypes?: readonly string[];
  /** The span is named `<namePrefix>.<type>`. Default: `workflow.step` for all. */
  namePrefix?: string;
  /** Accepted for old callers; the data of events is never recorded. */
  includeSensitiveData?: boolean;
}

const OPTION_NAMES: Record<keyof ObservabilityOptions, true> = {
  includeEventTypes: true,
  excludeEventTypes: true,
  namePrefix: true,
  includeSensitiveData: true,
};

/**
 * Puts a span around each handler run. In a runtime it uses the runtime's observability, by hand the process-wide one;
 * without a tracer the handler just runs.
 */
export const withObservability = withDefaults((options: ObservabilityOptions = {}): Middleware => {
  warnOfUnknown('withObservability', requireObject('withObservability options', options), OPTION_NAMES);
  const included = new Set(
    requireList('withObservability.includeEventTypes', options.includeEventTypes ?? [], 'string'),
  );
  const excluded = new Set(
    requireList('withObservability.excludeEventTypes', options.excludeEventTypes ?? [], 'string'),
  );
  const prefix = options.namePrefix && requireString('withObservability.namePrefix', options.namePrefix);
  const isTraced = (type: string): boolean => (included.size === 0 || included.has(type)) && !excluded.has(type);
  return defineMiddleware({
    kind: 'handler',
    displayName: 'withObservability',
    create: (scope) => (run) => (event, cancel) => {
      if (!scope.port.canSpan || !isTraced(event?.type)) return run(event, cancel);
      return runInSpan(scope, prefix ? `${prefix}.${event.type}` : 'workflow.step', run, event, cancel);
    },
  });
});

async function runInSpan(
  { port }: MiddlewareScope,
  name: string,
  run: Run,
  event: AnyEvent,
  cancel: Cancel | undefined,
): Promise<unknown> {
  const span = port.startSpan(name, { attributes: attributesOf(event) });
  try {
    const result = await port.withSpan(span, () => run(event, cancel));
    span?.setStatus({ code: 'ok' });
    return result;
  } catch (error) {
    if (span !== undefined) recordError(span, error);
    throw error;
  } finally {
    span?.end();
  }
}

function attributesOf(event: AnyEvent): Record<string, string | number> {
  const tenantId = event.metadata?.tenantId ?? 'unknown';
  const correlationId = event.metadata?.correlationId ?? 'unknown';
  return {
    'runtime.event.type': event.type,
    'event.ts': event.ts,
    'thread.id': event.threadId,
    tenantId,
    'tenant.id': tenantId,
    correlationId,
    'correlation.id': correlationId,
  };
}

/**
 * Code and subcode are read from whatever has them: errors of the framework come from another copy of the classes. What
 * cannot be read is left out: the handler's error, and no other, is what callers get.
 */
function recordError(span: Span, error: unknown): void {
  setText(span, 'error.code', memberOf(error, 'code'));
  setText(span, 'error.subcode', memberOf(memberOf(error, 'context'), 'subcode'));
  span.recordException(error);
  span.setStatus({ code: 'error', message: messageOf(error) });
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? readMember(value, name) : undefined;
}

function setText(span: Span, name: string, value: unknown): void {
  if (value === undefined) return;
  let text: string;
  try {
    text = String(value);
  } catch {
    // An object without `toString`, or with one that throws.
    return;
  }
  span.setAttribute(name, text);
}

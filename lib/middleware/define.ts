import { getObservability } from '../observability/index';
import { createPort } from '../observability/port';
import type { ObservabilityPort } from '../observability/port';
import { RuntimeError } from '../errors';
import { handlerOf, runOf } from './run';
import type { Run } from './run';
import { BIND, FACTORY_DEFAULTS } from './types';
import type { Middleware, MiddlewareKind, MiddlewareScope, UncalledFactory } from './types';

/** Puts a policy around the inside of a handler. */
export type WrapRun = (run: Run) => Run;

/** What a middleware is made of. */
export interface MiddlewareDefinition {
  kind: MiddlewareKind;
  displayName: string;
  /** Makes the state, once for each scope, and answers what wraps handlers with it. */
  create(scope: MiddlewareScope): WrapRun;
}

let handPort: ObservabilityPort | undefined;

/** The scope of middleware that is used by hand: logs and spans go to the process-wide observability. */
export const HAND_SCOPE: MiddlewareScope = {
  inRuntime: false,
  get port() {
    return (handPort ??= createPort(getObservability(), true));
  },
  park: (_event, wait) => wait,
  enqueueEvent: () => undefined,
  onMemory: () => undefined,
  onCleanup: () => undefined,
  onClear: () => undefined,
};

/** Makes a middleware: by hand its state belongs to this call, in a runtime's list to the runtime. */
export function defineMiddleware({ kind, displayName, create }: MiddlewareDefinition): Middleware {
  const instance = (scope: MiddlewareScope): Middleware => {
    let wrapRun: WrapRun | undefined;
    const middleware: Middleware = (handler) => {
      const run = runOf(handler);
      return handlerOf((wrapRun ??= create(scope))(run));
    };
    return Object.assign(middleware, { kind, displayName });
  };
  return Object.assign(instance(HAND_SCOPE), { [BIND]: instance });
}

/** Marks a factory that means its defaults when it stands in a list uncalled. */
export function withDefaults<F extends () => Middleware>(factory: F): F & UncalledFactory {
  return Object.assign(factory, { [FACTORY_DEFAULTS]: () => factory() });
}

/** Marks a factory that cannot stand in a list uncalled: it is told by its name. */
export function needsArguments<F>(name: string, factory: F): F {
  const fail = (): never => {
    throw new RuntimeError('INVALID_CONFIGURATION', `middleware: got ${name} uncalled; allowed: ${name}(options)`, {
      context: { middleware: name },
    });
  };
  return Object.assign(factory as object, { [FACTORY_DEFAULTS]: fail }) as F;
}

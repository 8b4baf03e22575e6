import type { ObservabilityPort } from '../observability/port';
import type { AnyEvent } from '../events';

/** A handler as middleware sees it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type MiddlewareHandler = (event: any, signal?: AbortSignal) => any;

/** pipeline: outside of every handler middleware. */
export type MiddlewareKind = 'pipeline' | 'handler';

/** A wrapper around handlers. Works in a runtime's list and by hand. */
export interface Middleware {
  (handler: MiddlewareHandler): MiddlewareHandler;
  /** Default 'handler'. */
  kind?: MiddlewareKind;
  displayName?: string;
}

/** What a runtime gives to the middleware in its list. */
export interface MiddlewareScope {
  readonly inRuntime: boolean;
  readonly port: ObservabilityPort;
  /** While `wait` lasts, the run of `event` holds none of the runtime's permits. By hand: just `wait`. */
  park<T>(event: AnyEvent, wait: Promise<T>): Promise<T>;
  /** Queues an event in the runtime. */
  enqueueEvent(event: AnyEvent): void;
  /** Calls `release` when the runtime is cleaned up. */
  onCleanup(release: () => void): void;
  /** Calls `reset` when the runtime is cleared. */
  onClear(reset: () => void): void;
}

/** A middleware with state has a method of this name: it makes an instance whose state belongs to the scope. */
export const BIND = Symbol.for('@kodus-flow/runtime/bind');
/** A factory that may stand in a list uncalled has a method of this name. */
export const FACTORY_DEFAULTS = Symbol.for('@kodus-flow/runtime/defaults');

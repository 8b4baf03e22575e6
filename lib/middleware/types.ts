import type { Limiters } from '../engine/limiters';
import type { AnyEvent } from '../events';
import type { ObservabilityPort } from '../observability/port';

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
  /** The name that logs and errors show. */
  displayName?: string;
}

/** A function that makes a middleware of its options. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type MiddlewareFactoryType<Options = any> = (options?: Options) => Middleware;

/**
 * Where a middleware's state lives: in a runtime, or (by hand) in one call of the factory. A runtime makes one scope and
 * binds each entry of its list to it once, see {@link BIND}; the bound instance wraps all handlers of that runtime.
 */
export interface MiddlewareScope {
  /** False: the middleware is used by hand. */
  readonly inRuntime: boolean;
  /** Where events wait in the runtime's queue for permits of a middleware; by hand and without a queue there is none. */
  readonly limiters?: Limiters;
  /** Whether nothing in the runtime is outside of the middleware that gets this scope. */
  readonly isOutermost?: boolean;
  /** Logs and spans. */
  readonly port: ObservabilityPort;
  /**
   * Awaits `wait` on behalf of the run of `event`: for a permit, a token, the delay before a retry. While it lasts the run
   * holds none of the runtime's `maxConcurrent` permits; before it goes on, it takes one again. By hand: just `wait`.
   * May reject although `wait` resolves (the event was cancelled): then what `wait` brought is given back.
   */
  park<T>(event: AnyEvent, wait: Promise<T>): Promise<T>;
  /**
   * Queues an event in the runtime and sees to it that it is processed. A promise resolves when its handlers have ended,
   * whatever came of it. By hand: never called.
   */
  enqueueEvent(event: AnyEvent): void | Promise<void>;
  /**
   * Small things that survive the process, where the runtime has a journal: calls back when they can be read and changed,
   * before the runtime runs anything. Never called by hand or without a journal.
   */
  onMemory(use: (memory: ScopeMemory) => void): void;
  /** Calls `release` when the runtime is cleaned up. */
  onCleanup(release: () => void): void;
  /** Calls `reset` when the runtime is cleared. */
  onClear(reset: () => void): void;
}

/** Small texts by name that survive the process. */
export interface ScopeMemory {
  get(name: string): string | undefined;
  /** `undefined` forgets the name. */
  set(name: string, value: string | undefined): void;
}

/** A middleware with state has a method of this name: it makes an instance whose state belongs to the scope. */
export const BIND = Symbol.for('@kodus-flow/runtime/bind');
/** A factory that may stand in a list uncalled has a method of this name: it makes the middleware with its defaults. */
export const FACTORY_DEFAULTS = Symbol.for('@kodus-flow/runtime/defaults');

/** A factory of middleware that needs no options: in a list it may stand uncalled, and means its defaults (`[withRetry]`). */
export interface UncalledFactory {
  readonly [FACTORY_DEFAULTS]: () => Middleware;
}

/** What a list of middleware takes. */
export type MiddlewareEntry = Middleware | UncalledFactory;
/** A handler made by our middleware has a method of this name, see `run.ts`. */
export const RUN = Symbol.for('@kodus-flow/runtime/run');

import { EVENT_TYPES } from './event-types';
import { callBack } from './observability/guard';
import { isThenable } from './tracing/thenable';
import { requireFunction, requireObject } from './validate';
import type { AnyEvent } from './events';
import type { EventPattern } from './handlers';
import type { Runtime } from './runtime-types';

/** A value of a kernel's state that has changed. */
export interface KernelStateChange {
  namespace: string;
  key: string;
  /** The new value; absent for a deletion. */
  value?: unknown;
  deleted?: boolean;
}

/** What a kernel may have to be connected. Each member is optional: what is missing is not connected. */
export interface KernelLike {
  /** Shown in `metadata.origin` of the kernel's events. Default `'kernel'`. */
  id?: string;
  /** The kernel's event sink: gets the events that the runtime processes, in the order in which they begin. */
  handleEvent?(event: AnyEvent): unknown;
  /** Calls `listener` with each event of the kernel; may answer a function that ends it. */
  onEvent?(listener: (event: { type: string; data?: unknown; id?: string }) => void): unknown;
  /** Sets a value of the kernel's state. */
  setState?(namespace: string, key: string, value: unknown): unknown;
  /** Deletes a value of the kernel's state. */
  deleteState?(namespace: string, key: string): unknown;
  /** Calls `listener` after each change of the kernel's state; may answer a function that ends it. */
  onStateChange?(listener: (change: KernelStateChange) => void): unknown;
}

/** Options of `createKernelIntegration`. */
export interface KernelIntegrationOptions {
  /** Types and patterns whose events the kernel gets. Default: all. */
  events?: readonly EventPattern[];
  /**
   * Told of what the kernel's functions throw or reject with, and of events that the runtime refuses. They never fail an
   * event. Default: they are only counted.
   */
  onError?: (error: unknown, event?: AnyEvent) => void;
}

/** Counters of a connection. */
export interface KernelIntegrationStats {
  /** Events of the runtime that the kernel got. */
  toKernel: number;
  /** Events of the kernel that the runtime took. */
  toRuntime: number;
  /** Changes of state, both ways. */
  stateChanges: number;
  /** Calls that failed, and events that the runtime refused. */
  failures: number;
}

/** A kernel and a runtime that are connected. */
export interface KernelIntegration {
  /** What has passed since the connection was made; a copy. */
  getStats(): KernelIntegrationStats;
  /** Ends the connection; kernel and runtime go on. May be called again. */
  disconnect(): void;
}

type ConnectedRuntime = Pick<Runtime, 'on' | 'createEvent' | 'emitEvent'>;

/**
 * Connects a kernel and a runtime both ways. Events that the runtime processes go to the kernel's sink; events of the kernel
 * are queued in the runtime. `state.updated` and `state.deleted` events of the runtime change the kernel's state; changes
 * of the kernel's state become such events. What came from one side never goes back to it.
 *
 * @throws RuntimeError INVALID_CONFIGURATION if `kernel` is no object
 * @example
 * const link = createKernelIntegration(kernel, runtime);
 * runtime.emit('state.updated', { namespace: 'review', key: 'status', value: 'done' });
 * await runtime.process(); // kernel.setState('review', 'status', 'done')
 * link.disconnect();
 */
export function createKernelIntegration(
  kernel: KernelLike,
  runtime: ConnectedRuntime,
  options: KernelIntegrationOptions = {},
): KernelIntegration {
  requireObject('kernel', kernel);
  requireObject('runtime', runtime);
  if (options.onError !== undefined) requireFunction('options.onError', options.onError);
  return new Link(kernel, runtime, options);
}

class Link implements KernelIntegration {
  readonly #kernel: KernelLike;
  readonly #runtime: ConnectedRuntime;
  readonly #onError: KernelIntegrationOptions['onError'];
  readonly #origin: string;
  readonly #stats: KernelIntegrationStats = { toKernel: 0, toRuntime: 0, stateChanges: 0, failures: 0 };
  #ends: (() => void)[] = [];
  /** Changes that the kernel makes for the runtime now: of these its hook tells what the runtime knows. */
  readonly #underway = new Set<KernelStateChange>();

  constructor(kernel: KernelLike, runtime: ConnectedRuntime, options: KernelIntegrationOptions) {
    this.#kernel = kernel;
    this.#runtime = runtime;
    this.#onError = options.onError;
    this.#origin = kernel.id ?? 'kernel';
    if (kernel.handleEvent) for (const pattern of options.events ?? ['*']) this.#forward(pattern);
    if (kernel.setState) this.#obey(EVENT_TYPES.STATE_UPDATED);
    if (kernel.deleteState) this.#obey(EVENT_TYPES.STATE_DELETED);
    this.#listen(() =>
      kernel.onEvent?.((event) => void this.#guard(() => this.#emit(event.type, event.data, event.id))),
    );
    this.#listen(() => kernel.onStateChange?.((change) => void this.#guard(() => this.#tellState(change))));
  }

  getStats(): KernelIntegrationStats {
    return { ...this.#stats };
  }

  disconnect(): void {
    const ends = this.#ends;
    this.#ends = [];
    for (const end of ends) void this.#guard(end);
  }

  /** Keeps what ends a subscription of the kernel, if it answers such a function. */
  #listen(subscribe: () => unknown): void {
    const end = subscribe();
    if (typeof end === 'function') this.#ends.push(end as () => void);
  }

  #isOwn(event: AnyEvent): boolean {
    return event.metadata?.origin === this.#origin;
  }

  #forward(pattern: EventPattern): void {
    const end = this.#runtime.on(pattern, (event) => {
      if (this.#isOwn(event)) return undefined;
      this.#stats.toKernel++;
      return this.#guard(() => this.#kernel.handleEvent?.(event), event);
    });
    this.#ends.push(end);
  }

  #obey(type: string): void {
    const end = this.#runtime.on(type, (event) => {
      if (this.#isOwn(event)) return undefined;
      const change = this.#changeOf(event, type === EVENT_TYPES.STATE_DELETED);
      if (change === undefined) return undefined;
      this.#stats.stateChanges++;
      this.#underway.add(change);
      const done = this.#guard(() => this.#change(change), event);
      if (done === undefined) this.#underway.delete(change);
      return done?.finally(() => this.#underway.delete(change));
    });
    this.#ends.push(end);
  }

  /** Undefined: the event says of nothing that it has changed. */
  #changeOf(event: AnyEvent, deleted: boolean): KernelStateChange | undefined {
    let change: KernelStateChange | undefined;
    void this.#guard(() => {
      const { namespace, key, value } = requireObject('event.data', event.data as KernelStateChange);
      change = deleted ? { namespace, key, deleted } : { namespace, key, value };
    }, event);
    return change;
  }

  #change({ namespace, key, value, deleted }: KernelStateChange): unknown {
    return deleted ? this.#kernel.deleteState?.(namespace, key) : this.#kernel.setState?.(namespace, key, value);
  }

  #isUnderway({ namespace, key, value, deleted = false }: KernelStateChange): boolean {
    return [...this.#underway].some(
      (change) =>
        change.namespace === namespace &&
        change.key === key &&
        (change.deleted ?? false) === deleted &&
        (deleted || Object.is(change.value, value)),
    );
  }

  #tellState(change: KernelStateChange): void {
    if (this.#isUnderway(change)) return;
    const { namespace, key, value, deleted } = change;
    this.#stats.stateChanges++;
    if (deleted) this.#emit(EVENT_TYPES.STATE_DELETED, { namespace, key });
    else this.#emit(EVENT_TYPES.STATE_UPDATED, { namespace, key, value });
  }

  #emit(type: string, data: unknown, id?: string): void {
    const made = this.#runtime.createEvent(type, data);
    const event: AnyEvent = { ...made, id: id || made.id, metadata: { ...made.metadata, origin: this.#origin } };
    const { queued, error } = this.#runtime.emitEvent(event);
    if (queued) this.#stats.toRuntime++;
    else this.#fail(error, event);
  }

  /** Runs a function of the kernel: what it throws or rejects with is told, and is the end of it. */
  #guard(call: () => unknown, event?: AnyEvent): Promise<void> | undefined {
    try {
      const answer = call();
      // Of any kind: a kernel may bring promises of its own, or live in a context of its own.
      if (isThenable(answer)) {
        return Promise.resolve(answer).then(
          () => undefined,
          (error: unknown) => this.#fail(error, event),
        );
      }
    } catch (error) {
      this.#fail(error, event);
    }
    return undefined;
  }

  #fail(error: unknown, event?: AnyEvent): void {
    this.#stats.failures++;
    // A callback that fails is the user's affair; it must not fail the event.
    callBack(
      () => this.#onError?.(error, event),
      () => undefined,
    );
  }
}

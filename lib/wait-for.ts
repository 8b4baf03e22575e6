import { RuntimeError } from './errors';
import { onAbort } from './middleware/cancel';
import { requireFunction, requireNumber, requireObject, requireSignal, warnOfUnknown } from './validate';
import type { Engine } from './engine/engine';
import type { AnyEvent } from './events';
import type { EventPattern, HandlerTable } from './handlers';

/** Options of `waitFor`. */
export interface WaitOptions<E extends AnyEvent = AnyEvent> {
  /** Rejects after so many milliseconds. Default: no limit. */
  timeoutMs?: number;
  /** Rejects when it aborts, with its reason. */
  signal?: AbortSignal;
  /** Events for which it answers false are not the one. */
  filter?: (event: E) => boolean;
}

/** Resolves with the next event of `type` that passes the filter; rejects at the timeout, on abort and at the end. */
export function waitForEvent(
  type: EventPattern,
  options: WaitOptions,
  handlers: HandlerTable,
  engine: Engine,
  onCleanup: (release: () => void) => () => void,
): Promise<AnyEvent> {
  warnOfUnknown('waitFor', requireObject('options', options), { timeoutMs: true, signal: true, filter: true });
  const { timeoutMs, signal, filter } = options;
  if (timeoutMs !== undefined) requireNumber('options.timeoutMs', timeoutMs, { min: 0 });
  if (signal !== undefined) requireSignal('options.signal', signal);
  if (filter !== undefined) requireFunction('options.filter', filter);
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const undo: (() => void)[] = [];
    const settle = (act: () => void): void => {
      for (const step of undo.splice(0)) step();
      act();
    };
    const fail = (error: unknown): void => settle(() => reject(error as Error));
    undo.push(
      handlers.observe(type, (event) => {
        try {
          if (filter === undefined || filter(event)) settle(() => resolve(event));
        } catch (error) {
          fail(error);
        }
      }),
    );
    if (timeoutMs !== undefined) {
      // Made now, because the stack of a timer would not show who waits.
      const late = new RuntimeError('WAIT_TIMEOUT', `no ${String(type)} event within ${timeoutMs}ms`);
      undo.push(engine.after(timeoutMs, () => fail(late)));
      engine.keepAlive.hold();
      undo.push(() => engine.keepAlive.release());
    }
    if (signal !== undefined) {
      undo.push(onAbort(signal, () => fail(signal.reason)));
    }
    undo.push(onCleanup(() => fail(new RuntimeError('RUNTIME_SHUTTING_DOWN', 'the runtime has been cleaned up'))));
  });
}

/**
 * Calls into what the user passed (loggers, tracers, spans, callbacks). Nothing that goes wrong there may break the
 * runtime's own state, so every such call goes through here.
 */

const ignore = (): void => {};

/** Keeps the rejection of an asynchronous callback from becoming an unhandled one. */
export function absorbRejection(result: unknown, onRejected: (error: unknown) => void = ignore): void {
  if (!isObject(result)) return;
  const then = readMember(result, 'then');
  if (typeof then !== 'function') return;
  try {
    then.call(result, undefined, onRejected);
  } catch (error) {
    onRejected(error);
  }
}

/** Calls back into the user's code: what it throws or rejects with is told, and is the end of it. */
export function callBack(callback: () => unknown, onFault: (error: unknown) => void): void {
  try {
    absorbRejection(callback(), onFault);
  } catch (error) {
    onFault(error);
  }
}

/** Calls `target[method](...args)` if there is such a method; what it throws or rejects with is dropped. */
export function invoke(target: object, method: string, ...args: unknown[]): unknown {
  try {
    const call = (target as Record<string, unknown>)[method];
    if (typeof call !== 'function') return undefined;
    const result: unknown = call.apply(target, args);
    absorbRejection(result);
    return result;
  } catch {
    return undefined;
  }
}

/** `target[name]`, or undefined if reading it throws. */
export function readMember(target: object, name: string): unknown {
  try {
    return (target as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

/** Whether `target[name]` can be called. */
export function hasMethod(target: object, name: string): boolean {
  return typeof readMember(target, name) === 'function';
}

/** Whether a value can have members. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/**
 * Runs `fn` inside a wrapper of the user (a tracer). Whatever the wrapper does, `fn` runs exactly once, and its result or
 * error is the answer: a wrapper that throws, that never calls `fn`, calls it twice or swallows its error changes nothing.
 * The answer waits for the wrapper, so that its work after `fn` is done, too.
 *
 * @param onFault told when the wrapper failed although `fn` did not
 */
export async function runInside<T>(
  wrapper: (inner: () => Promise<T>) => unknown,
  fn: () => T | Promise<T>,
  onFault: (error: unknown) => void,
): Promise<T> {
  let run: Promise<T> | undefined;
  const inner = (): Promise<T> => {
    if (run === undefined) {
      run = start(fn);
      run.catch(ignore);
    }
    return run;
  };
  try {
    await wrapper(inner);
  } catch (error) {
    const failed = await inner().then(
      () => false,
      () => true,
    );
    if (!failed) onFault(error);
  }
  return inner();
}

async function start<T>(fn: () => T | Promise<T>): Promise<T> {
  return fn();
}

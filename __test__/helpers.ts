import { vi } from 'vitest';
import { createRuntime } from '../lib/index';
import type { RuntimeConfig } from '../lib/config';
import type { Runtime } from '../lib/runtime-types';

const open: Runtime[] = [];

/** A runtime without logs that `cleanUpAll` cleans up. */
export function quiet(config: RuntimeConfig = {}, context: unknown = {}): Runtime {
  const runtime = createRuntime(context, undefined, config);
  open.push(runtime);
  return runtime;
}

/** For `afterEach`. */
export async function cleanUpAll(): Promise<void> {
  await Promise.all(open.splice(0).map((runtime) => runtime.cleanup({ timeoutMs: 0 })));
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An error that throws when it is looked at. */
export const unreadable = (): Error =>
  new Proxy(new Error('unreadable'), {
    get: () => {
      throw new Error('of the error itself');
    },
  });

/** A promise and its settlers. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** The sum that must hold at every moment. */
export function addsUp(runtime: Runtime): boolean {
  const { emitted, done, dead, expired, cancelled, givenUp, waiting, ready, running } = runtime.getStats().queue;
  return emitted === done + dead + expired + cancelled + givenUp + waiting + ready + running;
}

/** Catches the warnings of the process, until mocks are restored; answers those that came. */
export function catchWarnings(): () => unknown[] {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  return () => warn.mock.calls.map(([text]) => text as unknown);
}

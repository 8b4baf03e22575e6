/** `createRuntime<Events>()` infers, and wrong names and data do not compile. Compiled with everything else, never run. */
import { createKernelIntegration, createRuntime } from '@kodus-flow/runtime';
import type { AnyEvent, Runtime, TEvent } from '@kodus-flow/runtime';
import {
  composeMiddleware,
  when,
  withCache,
  withConcurrency,
  withFallback,
  withRateLimit,
  withRetry,
  withTimeout,
  withValidate,
} from '@kodus-flow/runtime/middleware';

interface Events {
  'user.created': { name: string };
  'order.placed': { id: number; total: number };
  ping: undefined;
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(): T => true as T;

export async function inference(): Promise<void> {
  const runtime = createRuntime<Events>({}, undefined, {
    middleware: [withRetry(), withFallback({ fallback: () => undefined })],
  });

  // on
  runtime.on('user.created', (event) => {
    isTrue<Equal<typeof event, TEvent<'user.created', { name: string }>>>();
    // @ts-expect-error: the data of another event
    void event.data.total;
  });
  runtime.on('order.placed', async (event, signal) => {
    isTrue<Equal<typeof event.data.total, number>>();
    isTrue<Equal<typeof signal, AbortSignal>>();
  });
  runtime.on('*', (event) => isTrue<Equal<typeof event, AnyEvent>>());
  runtime.once('ping', (event) => isTrue<Equal<typeof event.data, undefined>>());
  // @ts-expect-error: a handler of another event
  runtime.on('user.created', (event: TEvent<'order.placed', { id: number }>) => void event);

  // @ts-expect-error: no such event
  runtime.on('user.creatd', () => undefined);
  // @ts-expect-error: no such event
  runtime.off('user.creatd', () => undefined);
  // @ts-expect-error: no such event
  runtime.subscribe('user.creatd');

  // emit
  runtime.emit('user.created', { name: 'Ada' });
  runtime.emit('ping');
  // @ts-expect-error: no such event
  runtime.emit('user.creatd', { name: 'Ada' });
  // @ts-expect-error: the data of another event
  runtime.emit('user.created', { id: 1, total: 2 });
  // @ts-expect-error: a field is of another type
  runtime.emit('order.placed', { id: '1', total: 2 });
  // @ts-expect-error: a field is missing
  await runtime.emitAsync('order.placed', { id: 1 });
  // @ts-expect-error: the data is missing
  runtime.emit('order.placed');
  // @ts-expect-error: the data is missing
  await runtime.emitAsync('order.placed');
  // @ts-expect-error: no such option
  runtime.emit('ping', undefined, { prority: 1 });
  runtime.emitMany([{ type: 'order.placed', data: { id: 1, total: 2 } }]);
  runtime.emitMany([{ type: 'ping' }, { type: 'user.created', data: { name: 'Ada' }, options: { priority: 1 } }]);
  // @ts-expect-error: the data of another event
  runtime.emitMany([{ type: 'order.placed', data: { name: 'Ada' } }]);
  // @ts-expect-error: the data is missing
  runtime.emitMany([{ type: 'order.placed' }]);
  // @ts-expect-error: no such event
  runtime.emitMany([{ type: 'order.lost' }]);
  // @ts-expect-error: no such event
  runtime.createEvent('order.lost');
  isTrue<Equal<ReturnType<typeof runtime.createEvent<'order.placed'>>['data']['id'], number>>();

  // waitFor, subscribe
  const order = await runtime.waitFor('order.placed', { filter: (event) => event.data.total > 10 });
  isTrue<Equal<typeof order.data, { id: number; total: number }>>();
  // @ts-expect-error: no such event
  await runtime.waitFor('order.lost');
  isTrue<Equal<Awaited<ReturnType<typeof waitForPattern>>, AnyEvent>>();
  for await (const event of runtime.subscribe('user.created')) isTrue<Equal<typeof event.data.name, string>>();
  for await (const event of runtime.subscribe('order.*')) isTrue<Equal<typeof event, AnyEvent>>();

  // streams
  const totals = runtime
    .subscribe('order.placed')
    .filter((event) => event.data.total > 0)
    .map((event) => event.data.total);
  for await (const total of totals) isTrue<Equal<typeof total, number>>();
  for await (const batch of runtime.subscribe('user.created').batch(10, 100)) {
    for (const event of batch) isTrue<Equal<typeof event.data.name, string>>();
  }
  const numbers = runtime.createStream(async function* () {
    yield 1;
  });
  isTrue<Equal<number[], Awaited<ReturnType<typeof numbers.toArray>>>>();

  // a runtime with declared events is connected as one without
  createKernelIntegration({}, runtime);

  // tenants have the same events
  runtime.forTenant('t').on('user.created', (event) => isTrue<Equal<typeof event.data.name, string>>());
}

export function configuration(): void {
  // @ts-expect-error: no number
  createRuntime({}, undefined, { queueSize: '10' });
  // @ts-expect-error: no such policy
  createRuntime({}, undefined, { overflow: 'forget' });
  // @ts-expect-error: a middleware is a function
  createRuntime({}, undefined, { middleware: ['retry'] });
  // @ts-expect-error: no such option
  withRetry({ maxRetrys: 3 });
  withValidate({ schema: { parse: (value: unknown) => value as { name: string } } });
}

/** Without declared events everything goes. */
export async function loose(): Promise<void> {
  const runtime = createRuntime();
  runtime.on('whatever', (event) => {
    isTrue<Equal<typeof event.type, 'whatever'>>();
    console.log(event.data.deep.down);
  });
  runtime.emit('whatever', 1);
  // Events of a pattern are of many types.
  runtime.on('user.*', (event) => event.type === 'user.created');
  runtime.once('*', (event) => event.type === 'user.created');
  for await (const event of runtime.subscribe('user.*')) console.log(event.type === 'user.created');
  const event = await runtime.waitFor('user.*', { filter: (next) => next.type === 'user.created' });
  console.log(event.type === 'user.created', event.data.deep.down);
}

function waitForPattern(runtime: Runtime<Events>) {
  return Math.random() < 0.5
    ? runtime.waitFor('user.*', { filter: (event) => event.type === 'user.created' })
    : runtime.waitFor(/^user/);
}

/** A factory that needs no options may stand in a list uncalled; one that does may not. */
export const uncalled = [
  createRuntime({}, undefined, { middleware: [withRetry, withTimeout({ timeoutMs: 5000 }), withConcurrency] }),
  // What is written in place knows its parameters.
  createRuntime({}, undefined, { middleware: [(next) => (event, signal) => next(event, signal), withRetry] }),
  composeMiddleware(withRetry, (next) => (event) => next(event)),
  when(() => true, withCache),
  // @ts-expect-error: it needs a schema
  createRuntime({}, undefined, { middleware: [withValidate] }),
  // @ts-expect-error: it needs a limit
  composeMiddleware(withRateLimit),
];

/** Handlers of generic code. */
export function forward<K extends keyof Events>(runtime: Runtime<Events>, type: K, take: (data: Events[K]) => void) {
  runtime.on(type, (event) => take(event.data as Events[K]));
}

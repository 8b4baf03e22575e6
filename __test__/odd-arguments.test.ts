import { describe, expect, it } from 'vitest';
import {
  BaseSDKError,
  CircuitBreaker,
  CircuitBreakerManager,
  DeadLetterQueue,
  DurableEventQueue,
  EnhancedEventQueue,
  ErrorUtils,
  EventQueue,
  IdGenerator,
  MemoryMonitor,
  OptimizedEventProcessor,
  StreamManager,
  createConfigValidator,
  createEvent,
  createEventStore,
  createPersistor,
  createPriority,
  initObservability,
} from '../lib/index';

const hostile = (): never => {
  throw new Error('of the argument itself');
};

/** Fresh ones for each call: whoever takes one may keep it. */
function oddValues(): unknown[] {
  return [
    ...[undefined, null, NaN, Infinity, -Infinity, -1, 0, 1.5, 2 ** 31, 2 ** 53, '', 'x', '\ud800', true, 5n],
    ...[Symbol('s'), {}, Object.freeze({}), Object.create(null), [], [null], [undefined, 1], new Array(2), ['a']],
    ...[() => undefined, class {}, new Date(NaN), new Map(), /x/, { id: 1, type: 't' }, { type: 't' }, { id: 'i' }],
    ...[{ id: Symbol('i'), type: 't' }, { id: 'i', type: Symbol('t') }, Object.freeze(createEvent('t'))],
    Object.defineProperties({}, Object.fromEntries(['id', 'type', 'limit', 'name'].map((k) => [k, { get: hostile }]))),
    new Proxy({}, { get: hostile, has: hostile, ownKeys: hostile }),
  ];
}

/** Undefined: `call` does nothing that it must not do. */
async function faultOf(call: () => unknown): Promise<string | undefined> {
  try {
    const answer = call();
    if (isIterator(answer)) await answer.next();
    else await answer;
    return undefined;
  } catch (error) {
    const isAllowed = error instanceof BaseSDKError || (error as Error).message === 'of the argument itself';
    return isAllowed ? undefined : String((error as Error).stack);
  }
}

function isIterator(value: unknown): value is AsyncIterator<unknown> {
  try {
    return typeof (value as AsyncIterator<unknown>).next === 'function';
  } catch {
    return false;
  }
}

type Api = Record<string, (...args: unknown[]) => unknown>;

const APIS: Record<string, readonly [make: () => object, methods: readonly string[]]> = {
  EventQueue: [() => new EventQueue(), ['enqueue', 'processBatch', 'getQueueSnapshot', 'replayEvents']],
  EnhancedEventQueue: [
    () => new EnhancedEventQueue(),
    ['enqueue', 'processAll', 'reprocessFromDLQ', 'reprocessDLQByCriteria'],
  ],
  DurableEventQueue: [() => new DurableEventQueue(undefined, createPersistor('memory')), ['enqueue']],
  DeadLetterQueue: [() => new DeadLetterQueue(), ['sendToDLQ', 'reprocessFromDLQ', 'reprocessByCriteria']],
  EventStore: [
    () => createEventStore(undefined, { executionId: 'e' }),
    ['appendEvents', 'markEventsProcessed', 'recordAttempt', 'getEventMetadata', 'replayFromTimestamp', 'cleanup'],
  ],
  persistor: [() => createPersistor('memory'), ['append', 'load', 'has', 'getByHash', 'listHashes', 'delete']],
  StreamManager: [() => new StreamManager(), ['createStream', 'createSubscription', 'createMerge']],
  OptimizedEventProcessor: [
    () => new OptimizedEventProcessor(),
    ['registerHandler', 'registerWildcardHandler', 'removeHandler', 'processEvent', 'getRecentEvents'],
  ],
  MemoryMonitor: [() => new MemoryMonitor(), ['getRecentAlerts']],
  CircuitBreaker: [() => new CircuitBreaker(undefined, { name: 'n' }), ['execute']],
  CircuitBreakerManager: [() => new CircuitBreakerManager(), ['getCircuit']],
  functions: [
    () => ({
      ...ErrorUtils,
      createConfigValidator,
      createPriority,
      initObservability,
      extractTimestamp: IdGenerator.extractTimestamp.bind(IdGenerator),
      createMemoryMonitor: (config: never) => new MemoryMonitor(undefined, config),
    }),
    [
      'isRecoverable',
      'isRetryable',
      'createConfigValidator',
      'createPriority',
      'initObservability',
      'extractTimestamp',
      'createMemoryMonitor',
    ],
  ],
};

/** What comes before an odd second argument. */
const FIRST: readonly (() => unknown)[] = [
  () => 'x',
  () => 0,
  () => () => undefined,
  () => ({ ...createEvent('t'), xcId: 'x', hash: 'h', events: [], state: {} }),
];

describe.each(Object.entries(APIS))('%s', (_name, [make, methods]) => {
  it.each(methods)('%s takes an odd argument, or refuses it with an error of ours', async (method) => {
    const faults: string[] = [];
    const lists = [...oddValues().map((odd) => [odd]), ...FIRST.flatMap((f) => oddValues().map((odd) => [f(), odd]))];
    for (const args of lists) {
      const fault = await faultOf(() => (make() as Api)[method]!(...args));
      if (fault !== undefined) faults.push(fault);
    }
    expect(faults).toEqual([]);
  });
});

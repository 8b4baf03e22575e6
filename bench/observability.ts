/** What observability costs an event: logger, OpenTelemetry without and with an SDK, and beside it spans made by hand. */
import { SpanKind, context, trace, ROOT_CONTEXT } from '@opentelemetry/api';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createRuntime } from '@kodus-flow/runtime';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { AnyEvent, RuntimeConfig } from '@kodus-flow/runtime';
import { median, ns, printTable, timed, times } from './stats';

const EVENTS = 50_000;
/** Rounds of a process, of which the first ones only warm up; and processes. */
const ROUNDS = 15;
const WARM_UP = 4;
const TURNS = 7;

type Handler = (event: AnyEvent) => Promise<void>;

const noop: Handler = async () => {};

/** A logger of the level info, as a service would pass it. */
const observability = {
  log(): void {},
  isLevelEnabled: (level: string): boolean => level !== 'debug',
};

async function run(handler: Handler, config: RuntimeConfig, logger: object | undefined): Promise<number> {
  const runtime = createRuntime({}, logger, { queueSize: EVENTS, maxConcurrent: 64, ...config });
  runtime.on('bench', handler);
  const cost = await timed(EVENTS, async () => {
    for (let index = 0; index < EVENTS; index++) runtime.emit('bench', { index });
    await runtime.process();
  });
  if (runtime.getStats().queue.done !== EVENTS) throw new Error('events were lost');
  await runtime.cleanup();
  return cost;
}

/** Takes every span and forgets it. */
class Sink implements SpanExporter {
  export(_spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    done({ code: 0 });
  }
  async shutdown(): Promise<void> {}
}

function startSdk(): () => Promise<void> {
  const processor = new BatchSpanProcessor(new Sink(), { maxQueueSize: 1_000_000 });
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  trace.setGlobalTracerProvider(provider);
  return async () => {
    trace.disable();
    context.disable();
    manager.disable();
    await provider.shutdown();
  };
}

/** The consumer span of an attempt, as somebody would write it who has a runtime without tracing. */
function wrappedByHand(handler: Handler): Handler {
  const tracer = trace.getTracer('by hand');
  return (event) => {
    const attributes = {
      'messaging.system': 'kodus_flow',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': event.type,
      'messaging.message.id': event.id,
      'messaging.message.conversation_id': event.metadata?.correlationId ?? '',
      'kodus_flow.attempt': 1,
    };
    const span = tracer.startSpan(`process ${event.type}`, { kind: SpanKind.CONSUMER, attributes }, ROOT_CONTEXT);
    return context.with(trace.setSpan(ROOT_CONTEXT, span), async () => {
      try {
        await handler(event);
      } finally {
        span.end();
      }
    });
  };
}

const CONTENDERS = {
  off: {
    name: 'enableObservability: false',
    run: () => run(noop, { enableObservability: false }, observability),
  },
  plain: {
    name: 'an observability object, level info (OpenTelemetry off)',
    run: () => run(noop, { telemetry: false }, observability),
  },
  api: {
    name: 'the same, OpenTelemetry API present, no SDK',
    run: () => run(noop, {}, observability),
  },
  own: {
    name: 'traces on (SDK with a batch processor)',
    run: () => run(noop, { telemetry: { metrics: false } }, observability),
  },
  hand: {
    name: 'traces made by hand around the handler',
    run: () => run(wrappedByHand(noop), { telemetry: false }, observability),
  },
};

type Contender = keyof typeof CONTENDERS;
const NAMES = Object.keys(CONTENDERS) as Contender[];
const TRACED: readonly Contender[] = ['own', 'hand'];

/** The median of a process that does nothing else, as a service would: V8 compiles for one configuration. */
function inItsOwnProcess(contender: Contender): number {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), contender];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

async function measureOne(contender: Contender): Promise<number> {
  const stop = TRACED.includes(contender) ? startSdk() : async (): Promise<void> => {};
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) samples.push(await CONTENDERS[contender].run());
  await stop();
  return median(samples.slice(WARM_UP));
}

/** Prints the table, and the ratios that are promised. */
export function measureObservability(): void {
  const samples = new Map(NAMES.map((name): [Contender, number[]] => [name, []]));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const name of NAMES) samples.get(name)!.push(inItsOwnProcess(name));
  }
  const of = (name: Contender): number => median(samples.get(name)!);
  printTable(
    `What observability costs an event, from emit to the end of its handler (${TURNS} processes each, in turn)`,
    ['', 'median', 'off = 1'],
    NAMES.map((name) => [CONTENDERS[name].name, ns(of(name)), times(of(name) / of('off'))]),
  );
  console.log(
    `logger / off: ${times(of('plain') / of('off'))} (at most 1.1x); API without SDK / off: ${times(of('api') / of('off'))} (at most 1.15x); traces / by hand: ${times(of('own') / of('hand'))}`,
  );
}

const [, program, contender] = process.argv;
if (program === fileURLToPath(import.meta.url)) {
  void measureOne(contender as Contender).then((cost) => console.log(cost));
}

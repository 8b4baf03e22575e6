/**
 * A code review workflow on real GitHub webhooks: `npm run demo`, or `npm run demo -- --events 1000000`.
 *
 * Every payload is emitted as `github.<event>.<action>` with a priority; repositories are ordering keys; pull requests fan
 * out to three handlers, the last of which returns a follow-up event; some deliveries fail once and are retried, a few
 * fail for good and end as dead letters; a stream collects the reviews.
 */
import { parseArgs } from 'node:util';
import { createRuntime } from '@kodus-flow/runtime';
import { Latencies, Progress, report, reportDeadLetters } from './code-review/report';
import { deliveries, payloadCount } from './code-review/webhooks';
import { registerWorkflow } from './code-review/workflow';
import type { Review } from './code-review/workflow';

const REVIEWS_PER_BATCH = 50;

function readCount(): number {
  const { values } = parseArgs({ options: { events: { type: 'string' } } });
  const count = Number(values.events ?? payloadCount);
  if (Number.isInteger(count) && count > 0) return count;
  console.error(`--events: got ${values.events}; allowed: a whole number of at least 1`);
  process.exit(2);
}

async function main(): Promise<void> {
  const count = readCount();
  console.log(`${count} events from ${payloadCount} real GitHub webhook payloads`);
  const runtime = createRuntime({}, undefined, {
    queueSize: 5000,
    overflow: 'wait',
    maxConcurrent: 64,
    retry: { maxAttempts: 3, initialDelayMs: 1, jitter: 'full', retryable: { codes: ['NETWORK_ERROR'] } },
    deadLetter: { maxSize: 100_000 },
  });
  registerWorkflow(runtime);

  const latencies = new Latencies();
  const progress = new Progress(count);
  let ended = 0;
  runtime.on('github.*', ({ type, data }) => {
    latencies.record(type, performance.now() - data.emittedAt);
    if (++ended % 100 === 0) progress.update(ended);
  });

  const reviews = runtime.subscribe('review.completed', { buffer: 10_000 });
  const summary = summarise(reviews.map((event) => event.data as Review).batch(REVIEWS_PER_BATCH, 100));
  const began = performance.now();
  runtime.start();
  for (const { type, priority, repository, ...delivery } of deliveries(count)) {
    const data = { ...delivery, repository, emittedAt: performance.now() };
    // Waits for room when the queue is full, so a million events need no more memory than five thousand.
    await runtime.emitAsync(type, data, { priority, orderingKey: repository });
  }
  await runtime.stop();
  await runtime.drain();
  const seconds = (performance.now() - began) / 1000;
  progress.stop();

  const { queue } = runtime.getStats();
  report(seconds, count, queue, latencies);
  reportDeadLetters(queue.dead, runtime.deadLetters.list().items);
  await runtime.cleanup();
  const { total, batches, findings } = await summary;
  console.log(`The stream collected ${total} reviews in ${batches} batches, with ${findings} findings.`);
}

/** Sums up the reviews, fifty at a time or as many as came within a tenth of a second. */
async function summarise(
  reviews: AsyncIterable<{ data: { events: Review[] } }>,
): Promise<{ total: number; batches: number; findings: number }> {
  const sums = { total: 0, batches: 0, findings: 0 };
  for await (const { data } of reviews) {
    sums.batches++;
    sums.total += data.events.length;
    for (const { findings } of data.events) sums.findings += findings;
  }
  return sums;
}

void main();

/**
 * A webhook receiver with Fastify: signatures checked, deliveries accepted once, answered before the work is done, worked off
 * in order for each repository, and ended gracefully. Without arguments it calls itself a few times and ends;
 * `npx tsx examples/webhook-receiver.ts --serve` listens on port 3000 until SIGINT or SIGTERM.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import Fastify from 'fastify';
import { createRuntime } from '@kodus-flow/runtime';
import { withRetry, withTimeout, withValidate } from '@kodus-flow/runtime/middleware';
import { z } from 'zod';

const SECRET = process.env.WEBHOOK_SECRET ?? 'for this example only';

interface Events {
  'webhook.push': { repository: string; commits: number };
}

const runtime = createRuntime<Events>({}, undefined, {
  queueSize: 1000,
  maxEventSize: 256 * 1024,
  // With a journal, what was answered with 202 survives a crash: journal: './data'.
  retry: { maxAttempts: 5, initialDelayMs: 50 },
  middleware: [
    withTimeout({ timeoutMs: 5000 }),
    withRetry({ maxRetries: 2, backoffMs: 20 }),
    withValidate({ schema: z.object({ repository: z.string(), commits: z.number().int() }) }),
  ],
});

runtime.on('webhook.push', async (event) => {
  console.log(`reviewing ${event.data.commits} commits of ${event.data.repository}`);
});

const sign = (body: string): string => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;

function isSigned(body: string, signature: unknown): boolean {
  const wanted = Buffer.from(sign(body));
  const given = Buffer.from(String(signature));
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

const server = Fastify({ bodyLimit: 256 * 1024 });
// The signature is of the bytes, so the body is taken as it is.
server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));

server.post('/webhook', async (request, reply) => {
  const body = request.body as string;
  if (!isSigned(body, request.headers['x-signature'])) return reply.code(401).send({ error: 'wrong signature' });
  const data = JSON.parse(body) as Events['webhook.push'];
  const { queued, eventId, error } = await runtime.emitAsync('webhook.push', data, {
    idempotencyKey: String(request.headers['x-delivery']),
    deliveryGuarantee: 'exactly-once',
    orderingKey: data.repository,
  });
  if (queued) return reply.code(202).send({ eventId });
  const code = (error as { code?: string }).code;
  // The sender repeats what it gets no answer to; the first one counts.
  if (code === 'DUPLICATE') return reply.code(200).send({ status: 'known' });
  return reply.code(503).header('retry-after', '5').send({ error: code });
});

server.get('/health', () => {
  const { queue, dlq } = runtime.getStats();
  return { waiting: queue.size, processed: queue.processed, deadLetters: dlq };
});

/** No new requests; the open ones are answered; what is in the queue is worked off; then the end. */
async function shutdown(): Promise<void> {
  await server.close();
  const { remaining } = await runtime.drain({ timeoutMs: 10_000 });
  await runtime.cleanup();
  console.log(remaining === 0 ? 'everything worked off' : `${remaining} events left`);
}

async function post(url: string, delivery: string, data: unknown, signature?: string): Promise<number> {
  const body = JSON.stringify(data);
  const headers = {
    'content-type': 'application/json',
    'x-delivery': delivery,
    'x-signature': signature ?? sign(body),
  };
  return (await fetch(`${url}/webhook`, { method: 'POST', headers, body })).status;
}

async function callItself(url: string): Promise<void> {
  console.log('first delivery:', await post(url, 'd-1', { repository: 'kodus/flow', commits: 3 }));
  console.log('the same again:', await post(url, 'd-1', { repository: 'kodus/flow', commits: 3 }));
  console.log('wrong signature:', await post(url, 'd-2', { repository: 'kodus/flow', commits: 1 }, 'sha256=0'));
  console.log('another one:', await post(url, 'd-3', { repository: 'kodus/web', commits: 1 }));
}

async function main(): Promise<void> {
  const serves = process.argv.includes('--serve');
  runtime.start();
  const url = await server.listen({ host: '127.0.0.1', port: serves ? 3000 : 0 });
  if (serves) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void shutdown());
    console.log(`listening on ${url}`);
    return;
  }
  await callItself(url);
  await shutdown();
}

void main();

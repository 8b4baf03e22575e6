/** The first steps: handlers, emit, process, and a stream. `node scripts/run.mjs examples/simple-usage.ts` */
import { createRuntime } from '@kodus-flow/runtime';

async function main(): Promise<void> {
  const runtime = createRuntime({}, undefined);

  runtime.on('user.created', async (event) => {
    console.log('created:', event.data.userId);
  });
  runtime.emit('user.created', { userId: '123' });
  runtime.emit('user.created', { userId: '456' });
  await runtime.process();

  const users = runtime.createStream(async function* () {
    for (let i = 0; i < 10; i++)
      yield runtime.createEvent('user.created', { userId: `user-${i}`, active: i % 2 === 0 });
  });
  const batches = users.filter((event) => event.data.active).batch(2, 1000);
  for await (const batch of batches) {
    console.log(`batch of ${batch.length}:`, batch.map((event) => event.data.userId).join(', '));
  }

  await runtime.cleanup();
}

void main();

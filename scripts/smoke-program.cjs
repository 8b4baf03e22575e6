'use strict';
/** What a package must do on a platform that is called supported. Prints one line; runs in Node.js, Bun and Deno. */
const assert = require('node:assert');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { createRuntime, BaseSDKError } = require('@kodus-flow/runtime');
const { withRetry, withTimeout } = require('@kodus-flow/runtime/middleware');

async function inMemory() {
  const seen = [];
  const runtime = createRuntime(
    {},
    {},
    { middleware: [withTimeout({ timeoutMs: 1000 }), withRetry({ maxRetries: 2, backoffMs: 1 })] },
  );
  let failures = 0;
  runtime.on('order.placed', async (event, signal) => {
    assert(signal instanceof AbortSignal);
    if (failures++ === 0) throw Object.assign(new Error('busy'), { code: 'NETWORK_ERROR' });
    seen.push(event.data.id);
  });
  assert(runtime.emit('order.placed', { id: 1 }, { priority: 1 }).queued);
  assert(runtime.emit('order.placed', { id: 2 }, { priority: 9, delayMs: 300 }).queued);
  await runtime.drain();
  assert.deepEqual(seen, [1, 2]);
  const batches = await runtime
    .createStream([1, 2, 3].map((n) => runtime.createEvent('n', n)))
    .batch(2, 1000)
    .toArray();
  assert.deepEqual(
    batches.map((batch) => batch.data.size),
    [2, 1],
  );
  await runtime.cleanup();
}

async function durable() {
  const path = mkdtempSync(join(tmpdir(), 'kodus-flow-smoke-journal-'));
  try {
    const config = { journal: path };
    const first = createRuntime({}, {}, config);
    await first.emitAsync('job', { n: 1 });
    await first.cleanup();
    const second = createRuntime({}, {}, config);
    assert.equal(second.recovered, 1);
    const done = [];
    second.on('job', (event) => void done.push(event.data.n));
    await second.process();
    await second.cleanup();
    assert.deepEqual(done, [1]);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

async function main() {
  assert.throws(() => createRuntime({}, {}, { queueSize: -1 }), BaseSDKError);
  await inMemory();
  await durable();
  const { bun, deno, node } = process.versions;
  const name = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node.js ${node}`;
  console.log(`ok: ${name} on ${process.platform}-${process.arch}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

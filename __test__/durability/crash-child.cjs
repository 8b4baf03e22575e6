// A program that is killed. It tells, line by line, what it was promised and what it has done; see crash.test.ts.
const { writeSync } = require('node:fs');
const [, , runtimeFile, path, first, mode] = process.argv;
const { createRuntime } = require(runtimeFile);

const KEYS = 5;
/** Written at once, so that a kill takes nothing back that was told. */
const tell = (line) => writeSync(1, `${line}\n`);

const runtime = createRuntime({}, undefined, { queueSize: 100_000, maxConcurrent: 8, journal: { path } });
const finished = [];
runtime.on('work', async (event) => {
  tell(`run ${event.data.key} ${event.data.n}`);
  if (event.data.n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, event.data.n % 4));
  finished.push(event.data.n);
});
tell(`recovered ${runtime.recovered}`);

async function emitForever() {
  for (let n = Number(first); ; n += KEYS) {
    const burst = Array.from({ length: KEYS }, (_, key) =>
      runtime
        .emitAsync('work', { n: n + key, key, pad: 'x'.repeat((n * 7) % 300) }, { orderingKey: `key-${key}` })
        .then(({ success }) => success && tell(`accepted ${n + key}`)),
    );
    if (n % 4 === 0) await Promise.all(burst);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What had ended well before a flush began is never run again once the flush is over. */
async function flushForever() {
  for (;;) {
    const before = finished.splice(0);
    await new Promise((resolve) => setImmediate(resolve));
    await runtime.flush();
    if (before.length > 0) tell(`completed ${before.join(' ')}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

if (mode === 'finish') {
  runtime.drain().then(async () => {
    await runtime.cleanup();
    tell('finished');
  });
} else {
  runtime.start();
  emitForever();
  flushForever();
}

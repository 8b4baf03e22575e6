/**
 * A worker that is killed in the middle of its work, on purpose, and goes on where it was: `npx tsx examples/durable-worker.ts`.
 * The parent starts a worker, kills it without warning, starts another one, and compares what was promised with what was done.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime } from '@kodus-flow/runtime';

const INVOICES = 200;
const JOURNAL = process.env.WORKER_JOURNAL;

type Message =
  | { kind: 'recovered'; count: number }
  | { kind: 'accepted'; id: number }
  | { kind: 'sent'; id: number }
  | { kind: 'idle' };

/** The worker: accepts invoices as long as there are some, and sends them. */
async function worker(journal: string): Promise<void> {
  const tell = (message: Message): void => void process.send!(message);
  const runtime = createRuntime({}, undefined, { journal, queueSize: 10_000, maxConcurrent: 4 });
  tell({ kind: 'recovered', count: runtime.recovered });
  runtime.on('invoice.created', async (event) => {
    await sleep(2);
    tell({ kind: 'sent', id: event.data.id });
  });
  runtime.start();
  if (process.env.WORKER_EMITS !== undefined) {
    for (let id = 0; id < INVOICES; id++) {
      // Durable when this resolves: from here on it is a promise.
      const { success } = await runtime.emitAsync('invoice.created', { id });
      if (success) tell({ kind: 'accepted', id });
    }
  }
  await runtime.idle();
  await runtime.cleanup();
  tell({ kind: 'idle' });
  process.disconnect();
}

/** The parent: kills the first worker, lets the second one finish. */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'durable-worker-'));
  const accepted = new Set<number>();
  const sent = new Map<number, number>();
  const note = (message: Message): void => {
    if (message.kind === 'accepted') accepted.add(message.id);
    if (message.kind === 'sent') sent.set(message.id, (sent.get(message.id) ?? 0) + 1);
    if (message.kind === 'recovered') console.log(`worker: ${message.count} invoices of an earlier life`);
  };

  const first = start(folder, { WORKER_EMITS: '1' }, note);
  while (accepted.size < INVOICES / 2) await sleep(1);
  first.kill('SIGKILL');
  await ended(first);
  console.log(`killed: ${accepted.size} invoices were accepted, ${sent.size} were sent`);

  await ended(start(folder, {}, note));
  const lost = [...accepted].filter((id) => !sent.has(id));
  const twice = [...sent.values()].filter((times) => times > 1).length;
  console.log(`after the second life: ${sent.size} were sent, ${lost.length} were lost, ${twice} were sent twice`);
  console.log(
    'Sent twice are those whose completion had not reached the disk: give their id to whoever must not see them twice.',
  );
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = lost.length === 0 ? 0 : 1;
}

function start(folder: string, env: NodeJS.ProcessEnv, note: (message: Message) => void): ChildProcess {
  const child = fork(process.argv[1]!, { env: { ...process.env, ...env, WORKER_JOURNAL: join(folder, 'journal') } });
  return child.on('message', (message) => note(message as Message));
}

const ended = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.on('exit', resolve));

void (JOURNAL === undefined ? main() : worker(JOURNAL));

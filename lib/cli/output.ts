import { once } from 'node:events';
import { createWriteStream, fchmodSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** Readable and writable by their owner alone, as the journal itself: it holds the same data. */
const PRIVATE = 0o600;

/**
 * A reader that has seen enough (`| head`) is no error: the program ends, quietly. Anything else, a full disk for example, is
 * one, and there is nothing left to be written.
 */
export function endWith(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    if (stream !== process.stderr) process.stderr.write(`kodus-flow: ${error.message}\n`);
    process.exit(1);
  });
}

/** Where lines go, one after another, no faster than they are taken. */
export interface LineSink {
  write(line: string): Promise<void>;
  close(): Promise<void>;
}

function sinkOf(stream: Writable, close: () => Promise<void>): LineSink {
  return {
    async write(line) {
      if (!stream.write(`${line}\n`)) await once(stream, 'drain');
    },
    close,
  };
}

/** Lines to a new file, or to the standard output. */
export async function openSink(file: string | undefined): Promise<LineSink> {
  if (file === undefined) return sinkOf(process.stdout, async () => undefined);
  const stream = createWriteStream(file, { mode: PRIVATE });
  const [descriptor] = (await once(stream, 'open')) as [number];
  // A file that was there has kept its rights.
  fchmodSync(descriptor, PRIVATE);
  return sinkOf(stream, async () => {
    stream.end();
    await once(stream, 'close');
  });
}

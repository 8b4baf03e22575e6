import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import type { Run } from './run';

/** A Readable of a run; it reads no more than it has room for. */
export function toReadable(run: Run<unknown>, highWaterMark: number): Readable {
  // Loaded here: few streams become a Readable, and the module is slow to load.
  const stream = createRequire(__filename)('node:stream') as { Readable: typeof Readable };
  return new stream.Readable({
    objectMode: true,
    highWaterMark,
    read() {
      run.next().then(
        ({ value, done }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      Promise.resolve(run.return()).then(
        () => callback(error),
        (raised: Error) => callback(error ?? raised),
      );
    },
  });
}

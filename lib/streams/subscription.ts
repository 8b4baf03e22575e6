import { RuntimeError } from '../errors';
import { native } from '../native/index';
import { DROP, EVICT, OVERFLOW } from '../native/stream';
import { DONE, READY, WaitingCursor } from './cursor';
import { Fifo } from './fifo';
import type { RoomHandle } from '../native/stream';
import type { Pulled } from './cursor';
import type { BufferStats, OperatorStats, RunningRun, StreamScope } from './scope';

/** What gives way when a buffer is full: the item that has waited longest, the one that comes, or the stream, with an error. */
export type OverflowPolicy = 'drop-oldest' | 'drop-newest' | 'fail';

export const OVERFLOW_POLICIES = ['drop-oldest', 'drop-newest', 'fail'] as const;

/** The error of a stream whose reader was too slow for its buffer. */
export function bufferFull(name: string, capacity: number): RuntimeError {
  return new RuntimeError(
    'RUNTIME_STREAM_BUFFER_FULL',
    `${name}: the buffer of ${capacity} items is full; read faster, make it larger, or let it drop items with 'overflow'`,
    { context: { capacity } },
  );
}

/**
 * Items that are pushed by somebody who does not wait, for one reader. They are buffered from the beginning on, also before
 * the reader has come.
 */
export class PushCursor<T> extends WaitingCursor<T> implements RunningRun {
  readonly #scope: StreamScope;
  readonly #capacity: number;
  readonly #room: RoomHandle;
  readonly #items = new Fifo<T>();
  readonly #counter: OperatorStats;
  readonly #buffer: BufferStats;
  readonly #onClose: (() => void) | undefined;
  #isEnded = false;
  #failure: { error: unknown } | undefined;

  constructor(scope: StreamScope, capacity: number, overflow: OverflowPolicy, onClose: (() => void) | undefined) {
    super();
    this.#scope = scope;
    this.#capacity = capacity;
    this.#room = native.createRoom(capacity, OVERFLOW_POLICIES.indexOf(overflow) as 0 | 1 | 2);
    this.#counter = scope.operator('subscribe');
    this.#buffer = scope.buffer('subscribe');
    this.#onClose = onClose;
    scope.runs.add(this);
  }

  /** Answers whether the item was taken in. */
  push(item: T): boolean {
    if (this.#isEnded) return false;
    this.#counter.in++;
    const verdict = this.#room.offer();
    if (verdict === OVERFLOW) {
      this.#buffer.dropped++;
      this.end({ error: bufferFull('subscribe', this.#capacity) });
      return false;
    }
    if (verdict === DROP) {
      this.#buffer.dropped++;
      return false;
    }
    if (verdict === EVICT) {
      this.#items.shift();
      this.#buffer.dropped++;
    } else {
      this.#buffer.buffered++;
    }
    this.#items.push(item);
    this.wake();
    return true;
  }

  /** No more items: the reader gets what is buffered, then the end or the failure. */
  end(failure?: { error: unknown }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    this.#scope.runs.delete(this);
    this.wake();
    this.#onClose?.();
  }

  override pull(): Pulled {
    if (this.#items.length > 0) {
      this.#room.taken();
      this.#buffer.buffered--;
      this.#counter.out++;
      this.value = this.#items.shift();
      return READY;
    }
    if (!this.#isEnded) return this.wait();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return DONE;
  }

  override close(): undefined {
    this.#buffer.buffered -= this.#items.length;
    this.#items.clear();
    this.#failure = undefined;
    this.end();
  }

  interrupt(): undefined {
    this.close();
  }
}

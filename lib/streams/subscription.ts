import { RuntimeError } from '../errors';
import { native } from '../native/index';
import { DROP, EVICT, OVERFLOW, WAIT } from '../native/stream';
import { DONE, READY, WaitingCursor } from './cursor';
import { Fifo } from './fifo';
import type { RoomHandle } from '../native/stream';
import type { Pulled } from './cursor';
import type { BufferStats, OperatorStats, RunningRun, StreamScope } from './scope';
import type { OverflowPolicy, SubscriptionStats } from './types';

/** The error of a stream whose reader was too slow for its buffer. */
export function bufferFull(name: string, capacity: number): RuntimeError {
  return new RuntimeError(
    'RUNTIME_STREAM_BUFFER_FULL',
    `${name}: the buffer of ${capacity} items is full; read faster, make it larger, or let it drop items with 'overflow'`,
    { context: { capacity } },
  );
}

/** The codes of the policies in the core. */
export const OVERFLOW_CODES = { 'drop-oldest': 0, 'drop-newest': 1, error: 2, fail: 2, wait: 3 } as const;

/** A push that waits for room. */
interface Waiting<T> {
  item: T;
  answer(isAccepted: boolean): void;
}

/**
 * Items that are pushed by somebody else, for one reader. They are buffered from the beginning on, also before the reader
 * has come.
 */
export class PushCursor<T> extends WaitingCursor<T> implements RunningRun {
  readonly #scope: StreamScope;
  readonly #capacity: number;
  readonly #room: RoomHandle;
  readonly #items = new Fifo<T>();
  readonly #waiting = new Fifo<Waiting<T>>();
  readonly #counter: OperatorStats;
  readonly #buffer: BufferStats;
  readonly #onClose: (() => void) | undefined;
  readonly #own = { pushed: 0, delivered: 0, dropped: 0, highWater: 0 };
  #isEnded = false;
  #failure: { error: unknown } | undefined;

  constructor(scope: StreamScope, capacity: number, overflow: OverflowPolicy, onClose: (() => void) | undefined) {
    super();
    this.#scope = scope;
    this.#capacity = capacity;
    this.#room = native.createRoom(capacity, OVERFLOW_CODES[overflow]);
    this.#counter = scope.operator('subscribe');
    this.#buffer = scope.buffer('subscribe');
    this.#onClose = onClose;
    scope.runs.add(this);
  }

  /** Answers whether the item was taken in; while it waits for room, a promise of that. */
  push(item: T): boolean | Promise<boolean> {
    if (this.#isEnded) return false;
    this.#counter.in++;
    this.#own.pushed++;
    switch (this.#room.offer()) {
      case OVERFLOW:
        this.#drop();
        this.end({ error: bufferFull('subscribe', this.#capacity) });
        return false;
      case DROP:
        this.#drop();
        return false;
      case WAIT:
        return new Promise((answer) => this.#waiting.push({ item, answer }));
      case EVICT:
        this.#items.shift();
        this.#buffer.buffered--;
        this.#drop();
        break;
      default:
        // There is room.
        break;
    }
    this.#hold(item);
    this.wake();
    return true;
  }

  /** No more items: the reader gets what is here, then the end or the failure. */
  end(failure?: { error: unknown }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    this.#scope.runs.delete(this);
    // They are kept for the reader; who has pushed them need not stay for it.
    while (this.#waiting.length > 0) this.#admit(this.#waiting.shift());
    this.wake();
    this.#onClose?.();
  }

  stats(): SubscriptionStats {
    return { buffered: this.#items.length, waiting: this.#waiting.length, ...this.#own };
  }

  override pull(): Pulled {
    if (this.#items.length > 0) {
      this.#buffer.buffered--;
      this.#counter.out++;
      this.#own.delivered++;
      this.value = this.#items.shift();
      this.#room.taken();
      if (this.#waiting.length > 0) this.#offerWaiting();
      return READY;
    }
    if (!this.#isEnded) return this.wait();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return DONE;
  }

  override close(): undefined {
    while (this.#waiting.length > 0) this.#waiting.shift().answer(false);
    this.#buffer.buffered -= this.#items.length;
    this.#items.clear();
    this.#failure = undefined;
    this.end();
  }

  interrupt(): undefined {
    this.close();
  }

  #offerWaiting(): void {
    if (this.#room.offer() !== WAIT) this.#admit(this.#waiting.shift());
  }

  #admit({ item, answer }: Waiting<T>): void {
    this.#hold(item);
    answer(true);
  }

  #hold(item: T): void {
    this.#items.push(item);
    this.#buffer.buffered++;
    if (this.#items.length > this.#own.highWater) this.#own.highWater = this.#items.length;
  }

  #drop(): void {
    this.#buffer.dropped++;
    this.#own.dropped++;
  }
}

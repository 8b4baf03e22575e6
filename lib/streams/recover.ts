/** What goes on after an error: catchError, retry. */
import { native } from '../native/index';
import { Cursor, DONE, READY, isThenable } from './cursor';
import { openMade } from './nested';
import { afterFailure } from './source';
import type { StreamRetryHandle } from '../native/stream';
import type { Pulled } from './cursor';
import type { Opener } from './nested';
import type { OperatorStats, StreamScope } from './scope';

/** A stream whose source is replaced by another one when it fails. */
abstract class RecoveringCursor extends Cursor {
  protected current: Cursor;
  readonly #counter: OperatorStats;
  /** Whether the promise that is awaited is that of `recover`. */
  #isRecovering = false;
  #isClosed = false;

  constructor(source: Cursor, counter: OperatorStats) {
    super();
    this.current = source;
    this.#counter = counter;
  }

  /** Another cursor, a promise of it, or undefined to end; or throws what the consumer is to see. */
  protected abstract recover(error: unknown): Cursor | undefined | Promise<Cursor | undefined>;

  override pull(): Pulled {
    return this.#try(() => this.current.pull());
  }

  override settle(raw: unknown): Pulled {
    if (!this.#isRecovering) return this.#try(() => this.current.settle(raw));
    this.#isRecovering = false;
    return this.#replace(raw as Cursor | undefined);
  }

  override fail(error: unknown): Pulled {
    if (this.#isRecovering) throw error;
    return this.#try(() => this.current.fail(error));
  }

  override close(): Promise<unknown> | undefined {
    this.#isClosed = true;
    return this.current.close();
  }

  #try(attempt: () => Pulled): Pulled {
    let pulled: Pulled;
    try {
      pulled = attempt();
    } catch (error) {
      return this.#recover(error);
    }
    if (pulled === READY) {
      this.#counter.in++;
      this.#counter.out++;
      this.value = this.current.value;
    }
    return pulled;
  }

  #recover(error: unknown): Pulled {
    const closing = closeQuietly(this.current);
    const next = this.recover(error);
    if (closing === undefined && !isThenable(next)) return this.#replace(next);
    this.#isRecovering = true;
    return Promise.all([next, closing]).then(([cursor]) => cursor);
  }

  #replace(next: Cursor | undefined): Pulled {
    if (next === undefined) return DONE;
    this.current = next;
    if (!this.#isClosed) return this.pull();
    void closeQuietly(next);
    return DONE;
  }
}

/** The error that is being handled is the one that counts. */
function closeQuietly(cursor: Cursor): Promise<unknown> | undefined {
  try {
    return cursor.close()?.catch(() => undefined);
  } catch {
    return undefined;
  }
}

export class CatchErrorCursor extends RecoveringCursor {
  readonly #handle: (error: unknown) => unknown;
  readonly #open: Opener;

  constructor(source: Cursor, handle: (error: unknown) => unknown, open: Opener, scope: StreamScope) {
    super(source, scope.operator('catchError'));
    this.#handle = handle;
    this.#open = open;
  }

  /** An error of the replacement is the consumer's: only the first is handled. */
  #hasFailed = false;

  protected override recover(error: unknown): Cursor | undefined {
    if (this.#hasFailed) throw error;
    this.#hasFailed = true;
    const made = this.#handle(error);
    if (made === undefined || made === null) return undefined;
    return openMade(made, (settled) => this.#open(settled ?? []));
  }
}

/** What the core decides about attempts. */
export interface RetryPlan {
  maxAttempts: number;
  delayMs: number;
  maxDelayMs: number;
  factor: number;
  jitterRatio: number;
}

export class RetryCursor extends RecoveringCursor {
  readonly #reopen: () => Cursor;
  readonly #attempts: StreamRetryHandle;
  #pause: { cancel(): void } | undefined;
  readonly #scope: StreamScope;

  constructor(reopen: () => Cursor, plan: RetryPlan, scope: StreamScope) {
    super(reopen(), scope.operator('retry'));
    this.#reopen = reopen;
    this.#scope = scope;
    const { maxAttempts, delayMs, maxDelayMs, factor, jitterRatio } = plan;
    const seed = Math.floor(Math.random() * 2 ** 32);
    this.#attempts = native.createStreamRetry(maxAttempts, delayMs, maxDelayMs, factor, jitterRatio, seed);
  }

  protected override recover(error: unknown): Cursor | Promise<Cursor> {
    const delayMs = this.#attempts.next();
    if (delayMs < 0) throw error;
    if (delayMs === 0) return this.#runAgain(error);
    const pause = this.#scope.timers.pause(delayMs);
    this.#pause = pause;
    return pause.over.then(() => this.#runAgain(error));
  }

  /** A source that cannot start again must not hide why it should have. */
  #runAgain(failure: unknown): Cursor {
    try {
      return this.#reopen();
    } catch (error) {
      throw afterFailure(error, failure);
    }
  }

  override close(): Promise<unknown> | undefined {
    this.#pause?.cancel();
    return super.close();
  }
}

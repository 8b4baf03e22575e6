import { bindOnRead } from './bind';
import { EventStream, openerOf } from './event-stream';
import { runsOnce } from './source';
import type { AnyEvent } from '../events';
import type { StreamScope } from './scope';
import type { PushCursor } from './subscription';
import type { SubscriptionStats } from './types';

/** A stream that is pushed to, for one reader; use `share()` for several. */
export class SubscribedStream<T = AnyEvent> extends EventStream<T> {
  readonly #cursor: PushCursor<T>;

  /** @internal */
  constructor(scope: StreamScope, cursor: PushCursor<T>, signal?: AbortSignal) {
    super(scope, openerOf(onlyOnce(cursor), signal));
    this.#cursor = cursor;
  }

  /** What has come, and what became of it. */
  getStats(): SubscriptionStats {
    return this.#cursor.stats();
  }
}

bindOnRead(SubscribedStream.prototype);

/** Gives the cursor to its one reader. */
function onlyOnce<T>(cursor: PushCursor<T>): () => PushCursor<T> {
  let isTaken = false;
  return () => {
    if (isTaken) throw runsOnce('This subscription');
    isTaken = true;
    return cursor;
  };
}

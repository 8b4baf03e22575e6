import { RuntimeError } from '../errors';
import type { Submission } from '../delivery-queue';
import type { AnyEvent } from '../events';
import type { Departure, DurableLog, PersistenceStats, RecoveredEvent } from './durable-log';
import type { PersistorLog } from './persistor-log';

/** A user's persistor as the log of a queue. */
export class PersistorDurableLog implements DurableLog {
  readonly #log: PersistorLog;
  /** Of the event that was accepted last. */
  #storing: Promise<RuntimeError | undefined> | undefined;
  readonly behind = undefined;

  constructor(log: PersistorLog) {
    this.#log = log;
  }

  accept(event: AnyEvent, brings: Submission): RuntimeError | undefined {
    const refusal = this.#log.refusal(event);
    if (refusal !== undefined) return refusal;
    const { awaited = false } = brings;
    this.#storing = this.#log.accept(event, brings, awaited)?.then(
      () => undefined,
      (error: unknown) => (error instanceof RuntimeError ? error : undefined),
    );
    return undefined;
  }

  settled(): Promise<RuntimeError | undefined> | undefined {
    return this.#storing;
  }

  holds(event: AnyEvent): boolean {
    return this.#log.keeps(event.id);
  }

  done(event: AnyEvent): void {
    this.#log.done(event);
  }

  retried(event: AnyEvent, attempts: number, dueAt: number, error: unknown): void {
    this.#log.retry(event, attempts, dueAt, error);
  }

  gone(event: AnyEvent, _how: Departure): void {
    this.#log.gone(event);
  }

  release(event: AnyEvent): Promise<void> {
    this.#log.gone(event);
    return this.#log.flush();
  }

  recover(): Promise<RecoveredEvent[]> {
    return this.#log.recover();
  }

  stats(): PersistenceStats {
    return this.#log.stats();
  }

  flush(): Promise<void> {
    return this.#log.flush();
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

import { vi } from 'vitest';
import { createRuntime } from '../../lib/index';
import { TYPES } from './runtime-case';
import { microtasks, pass, watched } from './surroundings';
import type { Behaviour, EmitStep, RuntimeCase, RuntimeStep } from './runtime-case';
import type { AnyEvent } from '../../lib/events';
import type { EventExplanation } from '../../lib/explain';
import type { EmitResult, Runtime, RuntimeStats } from '../../lib/runtime-types';

/** What the model knows of one emit. */
interface Sent {
  step: EmitStep;
  /** The order of emission. */
  order: number;
  /** When `emit` was called. */
  at: number;
  id: string | undefined;
  /** Undefined: it waits for room, or in a batch. */
  accepted: boolean | undefined;
  wasPutBack: boolean;
  /** Put back from the dead letters so many times. */
  revivals: number;
  starts: number;
  /** Starts since it was put back. */
  attempts: number;
  isTakenOut: boolean;
  wasDone: boolean;
  controller: AbortController | undefined;
}

type End = 'done' | 'dead' | 'expired' | 'cancelled' | 'givenUp';
type Place = 'waiting' | 'ready' | 'running';

const PLACES: Record<Exclude<EventExplanation['state'], 'ended'>, Place | 'dead'> = {
  waiting: 'waiting',
  blocked: 'waiting',
  retrying: 'waiting',
  ready: 'ready',
  running: 'running',
  unacked: 'running',
  dead: 'dead',
};

/** Most of what a case waits for takes less: delays, limits, handlers. */
const LONG_MS = 600;
const STEPS = 5;
/** After so long the log has been told of all that it was spared. */
const FLOOD_MS = 4000;

/** Who looks at a runtime from outside while a case is played on it. */
export interface Watcher {
  /** Given to the runtime. */
  readonly observability?: unknown;
  /** Told of each run of the first handler of an event, when it has ended. */
  ended?(event: AnyEvent, failed: boolean): void;
  /** What is wrong, whenever the model looks at the runtime. */
  check(runtime: Runtime): Promise<string[]>;
}

/** A runtime that a case is played on, and what must be true of it. */
export class RuntimeWorld {
  readonly wrong: string[] = [];
  readonly #case: RuntimeCase;
  readonly #runtime: Runtime;
  readonly #sent: Sent[] = [];
  /** Runs of handlers that have not ended and have not been given up. */
  readonly #open = new Map<symbol, Sent>();
  readonly #unsettled = new Set<string>();
  #failures = 0;
  #nacks = 0;
  #isOver = false;
  #isClearing = false;
  readonly #watcher: Watcher | undefined;

  constructor(given: RuntimeCase, watcher?: Watcher) {
    this.#case = given;
    this.#watcher = watcher;
    const { config } = given.settings;
    const onError = (error: unknown, event: AnyEvent): void => this.#onError(error, event);
    this.#runtime = createRuntime({}, watcher?.observability, { ...config, onError });
    this.#addHandlers();
    // From now on everything that happens to an event is remembered.
    this.#runtime.explain('none');
  }

  play(): Promise<string[]> {
    return watched(this.wrong, async () => {
      for (const step of this.#case.steps) {
        await this.#do(step);
        if (this.#isOver || this.wrong.length > 0) break;
      }
      if (this.wrong.length === 0 && !this.#isOver) await this.#end();
      if (this.wrong.length > 0) await this.#giveUp();
    });
  }

  /** The next case must not find anything of this one. */
  async #giveUp(): Promise<void> {
    void this.#runtime.cleanup({ timeoutMs: 0 });
    await pass(LONG_MS, STEPS);
    vi.clearAllTimers();
  }

  // ── Steps ────────────────────────────────────────────────────────────────────────────────────────────

  async #do(step: RuntimeStep): Promise<void> {
    const runtime = this.#runtime;
    switch (step.step) {
      case 'emit':
      case 'emitAsync':
      case 'emitEvent':
        return this.#emit(step);
      case 'advance':
        return pass(step.ms, STEPS);
      case 'microtasks':
        return microtasks(step.count);
      case 'process':
        return this.#watch('process', runtime.process({ ...step, withStats: true } as never));
      case 'drain':
      case 'stop':
      case 'idle':
        return this.#watch(step.step, runtime[step.step]());
      case 'start':
        return this.#isClosing ? undefined : runtime.start();
      case 'clear':
        return this.#clear();
      case 'check':
        // Who waits for an `emitAsync` learns of its answer a few microtasks after it was taken in.
        await microtasks(100);
        return this.#check();
      case 'cleanup':
        this.#isOver = true;
        return this.#end();
      case 'halfOn':
        return void runtime.on('b', half);
      case 'halfOff':
        return runtime.off('b', half);
      case 'reprocess':
        return this.#reprocess(step.n);
      default:
        return this.#doTo(step.step, step.n);
    }
  }

  #lastOf(n: number): Sent | undefined {
    return this.#sent.findLast((one) => one.step.n === n);
  }

  #doTo(step: 'emitAgain' | 'abort' | 'cancel' | 'ack' | 'nack', n: number): void {
    const sent = this.#lastOf(n);
    if (sent?.id === undefined) return;
    const { id } = sent;
    switch (step) {
      case 'ack':
        // One that ends by that before its handlers begin is an event of which nobody remembers anything.
        if (sent.starts === 0) return;
        return this.#watch('ack', this.#runtime.ack(id));
      case 'nack':
        this.#nacks++;
        return this.#watch('nack', this.#runtime.nack(id));
      case 'cancel':
        return this.#takeOut(sent, () => this.#runtime.cancel(id));
      case 'abort':
        return this.#takeOut(sent, () => sent.controller?.abort());
      case 'emitAgain':
        return this.#emitAgain(sent, id);
    }
  }

  #clear(): void {
    // A cleared runtime has no handlers any more; to see whether what was cleared runs, it gets them back.
    this.#isClearing = true;
    const waiting = this.#sent.filter((sent) => WAITS.has(this.#stateOf(sent) ?? ''));
    for (const sent of this.#sent) {
      // The window in which it is remembered goes.
      if (sent.id !== undefined && this.#outcomeOf(sent.id) === 'done') sent.wasDone = true;
    }
    const collected = this.#sent.filter((sent) => this.#isBatched(sent) && this.#stateOf(sent) === undefined);
    this.#runtime.clear();
    for (const sent of waiting) sent.isTakenOut = true;
    for (const sent of collected) sent.accepted = false;
    this.#addHandlers();
    this.#isClearing = false;
  }

  #takeOut(sent: Sent, take: () => unknown): void {
    const waits = WAITS.has(this.#stateOf(sent) ?? '');
    const answer = take();
    if (waits && answer !== undefined && answer !== true)
      this.#fail(`cancel of a waiting event answered ${String(answer)}`);
    if (waits && (answer === true || sent.controller?.signal.aborted)) sent.isTakenOut = true;
  }

  async #reprocess(n: number): Promise<void> {
    const sent = this.#lastOf(n);
    if (sent?.id === undefined) return;
    if (this.#stateOf(sent) === 'dead') {
      sent.attempts = 0;
      sent.wasPutBack = true;
    }
    if (await this.#runtime.deadLetters.reprocess(sent.id)) sent.revivals++;
  }

  #emitAgain(sent: Sent, id: string): void {
    const state = this.#stateOf(sent);
    const isKnown = state !== undefined && state !== 'dead' && (state !== 'ended' || this.#outcomeOf(id) === 'done');
    // In a batch it would be looked at when the batch is flushed: by then the first one may have ended.
    if (!isKnown || this.#case.settings.config.batching?.enabled === true) return;
    const again = this.#runtime.emitEvent({ id, type: sent.step.type, data: 'again', ts: 0, threadId: 't' });
    if (again.queued) this.#fail(`an event that is known (${state}) was taken again`);
  }

  #stateOf(sent: Sent): string | undefined {
    return sent.id === undefined ? undefined : this.#runtime.explain(sent.id)?.state;
  }

  #outcomeOf(id: string): string | undefined {
    return this.#runtime.explain(id)?.outcome;
  }

  #watch(name: string, promise: Promise<unknown>): void {
    const label = `${name} #${this.#unsettled.size + Math.random()}`;
    this.#unsettled.add(label);
    const settled = (): void => void this.#unsettled.delete(label);
    promise.then(settled, (error: unknown) => {
      settled();
      this.#fail(`${name} rejected: ${String((error as Error)?.stack)}`);
    });
  }

  // ── Emits ────────────────────────────────────────────────────────────────────────────────────────────

  #emit(step: EmitStep): void {
    const controller = step.hasSignal ? new AbortController() : undefined;
    if (step.isAborted) controller?.abort();
    const sent: Sent = {
      step,
      order: this.#sent.length,
      at: Date.now(),
      id: undefined,
      accepted: undefined,
      wasPutBack: false,
      revivals: 0,
      starts: 0,
      attempts: 0,
      isTakenOut: false,
      wasDone: false,
      controller,
    };
    this.#sent.push(sent);
    const options = { ...step.options, ...(controller !== undefined && { signal: controller.signal }) };
    const data = { order: sent.order };
    if (step.step === 'emitAsync') {
      const answer = this.#runtime.emitAsync(step.type, data, options);
      return this.#watch(
        'emitAsync',
        answer.then((result) => this.#answered(sent, result)),
      );
    }
    if (step.step === 'emit') return this.#answered(sent, this.#runtime.emit(step.type, data, options));
    this.#answered(sent, this.#runtime.emitEvent(this.#runtime.createEvent(step.type, data), options));
  }

  #answered(sent: Sent, result: EmitResult): void {
    if (result.success !== result.queued) this.#fail('success and queued differ');
    if (!result.queued && result.error === undefined) this.#fail('a refusal without an error');
    if (result.eventId === '') this.#fail(`invalid: ${String(result.error)}`);
    sent.id = result.eventId;
    if (this.#isBatched(sent)) return;
    sent.accepted = result.queued;
    if (!result.queued && sent.starts > 0) this.#fail(`event ${sent.order} ran and was refused`);
    if (result.queued && sent.step.isAborted && sent.step.hasSignal) sent.isTakenOut = true;
    if (result.queued) this.#checkKey(sent);
  }

  #isBatched({ step }: Sent): boolean {
    const { batch, flushBatch } = step.options;
    return batch ?? (this.#case.settings.config.batching?.enabled === true || flushBatch === true);
  }

  /** An idempotency key stands for one event, unless that one has not been handled and never will be. */
  #checkKey(sent: Sent): void {
    const { idempotencyKey } = sent.step.options;
    if (idempotencyKey === undefined || this.#isClearing) return;
    for (const other of this.#sent) {
      if (other === sent || other.step.options.idempotencyKey !== idempotencyKey || other.accepted !== true) continue;
      const { state, outcome } = this.#runtime.explain(other.id!) ?? {};
      if (state === 'ended' && outcome !== 'done') continue;
      if (this.#wasCleared(other)) continue;
      this.#fail(`events ${other.order} and ${sent.order} were accepted with the key ${idempotencyKey}`);
    }
  }

  /** `clear()` forgets the keys as well. */
  #wasCleared(_other: Sent): boolean {
    return this.#case.steps.some(({ step }) => step === 'clear');
  }

  // ── Handlers ─────────────────────────────────────────────────────────────────────────────────────────

  #addHandlers(): void {
    for (const type of TYPES) {
      this.#runtime.on(type, (event: AnyEvent, signal: AbortSignal) => this.#handle(event, signal, true));
    }
    this.#runtime.on('a', (event: AnyEvent) => this.#handle(event, undefined, false));
    this.#runtime.on('returned', (event) => {
      if ((event.data as { fails: boolean }).fails) throw new Error('the returned event fails');
    });
  }

  async #handle(event: AnyEvent, signal: AbortSignal | undefined, isFirst: boolean): Promise<unknown> {
    if (event.data === 'again') return undefined;
    const sent = this.#sent[(event.data as { order: number }).order]!;
    sent.id = event.id;
    const run = Symbol('run');
    this.#begin(sent, run, isFirst);
    try {
      return isFirst ? await this.#watched(event, () => this.#behave(sent, signal)) : undefined;
    } finally {
      this.#open.delete(run);
    }
  }

  async #watched(event: AnyEvent, run: () => Promise<unknown>): Promise<unknown> {
    try {
      const returned = await run();
      const failed = (returned as AnyEvent | undefined)?.type === 'returned' && (returned as AnyEvent).data.fails;
      this.#watcher?.ended?.(event, failed === true);
      return returned;
    } catch (error) {
      this.#watcher?.ended?.(event, true);
      throw error;
    }
  }

  #begin(sent: Sent, run: symbol, isFirst: boolean): void {
    if (this.#isClosed) this.#fail(`a handler of event ${sent.order} began after cleanup`);
    if (sent.accepted === false) this.#fail(`event ${sent.order} was refused and ran`);
    if (sent.isTakenOut && !sent.wasPutBack) this.#fail(`event ${sent.order} was taken out and ran`);
    if (isFirst) {
      this.#checkOrder(sent);
      sent.starts++;
      sent.attempts++;
      this.#checkAttempt(sent);
    }
    this.#open.set(run, sent);
    this.#checkLimits();
  }

  #isClosing = false;
  #isClosed = false;

  #checkAttempt(sent: Sent): void {
    const { options } = sent.step;
    const most = this.#attemptsOf(sent);
    if (sent.attempts > most) this.#fail(`event ${sent.order} ran ${sent.attempts} times instead of ${most}`);
    if (sent.starts > 1) return;
    const waited = Date.now() - sent.at;
    const { delayMs = 0, ttlMs = Infinity } = options;
    if (waited < delayMs) this.#fail(`event ${sent.order} ran after ${waited} instead of ${delayMs} ms`);
    const isLater = this.#isBatched(sent) || this.#case.settings.config.overflow === 'wait' || this.#parks;
    if (waited > ttlMs && !isLater)
      this.#fail(`event ${sent.order} ran after ${waited} ms, its time to live is ${ttlMs}`);
  }

  #attemptsOf({ step: { options } }: Sent): number {
    if (options.deliveryGuarantee === 'at-most-once') return 1;
    if (options.retryPolicy !== undefined) return 1 + options.retryPolicy.maxRetries!;
    const { retry, enableAcks } = this.#case.settings.config;
    return retry?.maxAttempts ?? (enableAcks ? 2 : 1);
  }

  /** Whether events that have started may wait before their handlers. */
  get #parks(): boolean {
    return this.#case.settings.config.rateLimit?.onLimit === 'wait';
  }

  #checkLimits(): void {
    const {
      maxConcurrent = 25,
      maxConcurrentPerEventType = 25,
      maxConcurrentPerTenant = 25,
    } = this.#case.settings.config;
    const open = [...this.#open.values()];
    const most = (name: string, limit: number, nameOf: (sent: Sent) => string | undefined): void => {
      const counts = new Map<string, number>();
      for (const sent of open) {
        const key = nameOf(sent);
        if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      for (const [key, count] of counts) if (count > limit) this.#fail(`${count} run at once: ${name} ${key}`);
    };
    most('all', maxConcurrent, () => 'all');
    most('type', maxConcurrentPerEventType, ({ step }) => step.type);
    most('tenant', maxConcurrentPerTenant, ({ step }) => step.options.tenantId ?? 'none');
    most('ordering key', 1, (sent) => (sent.wasPutBack ? undefined : sent.step.options.orderingKey));
  }

  /** Nothing is overtaken that could have started just as well. */
  #checkOrder(sent: Sent): void {
    if (!this.#isPlain(sent)) return this.#checkKeyOrder(sent);
    for (const other of this.#sent) {
      if (other === sent || !this.#isPlain(other) || other.accepted !== true) continue;
      if (other.step.type !== sent.step.type || other.step.options.tenantId !== sent.step.options.tenantId) continue;
      const { priority = 0 } = sent.step.options;
      const { priority: otherPriority = 0 } = other.step.options;
      const isFirst = otherPriority > priority || (otherPriority === priority && other.order < sent.order);
      if (isFirst) this.#fail(`event ${sent.order} overtook event ${other.order}`);
    }
  }

  /** Whether it has never started and nothing but limits keeps it from that. */
  #isPlain(sent: Sent): boolean {
    const { orderingKey, delayMs = 0, ttlMs } = sent.step.options;
    if (sent.starts > 0 || sent.isTakenOut || this.#isBatched(sent) || this.#parks) return false;
    if (orderingKey !== undefined || delayMs > 0 || ttlMs !== undefined || sent.step.step === 'emitAsync') return false;
    return this.#case.settings.config.overflow !== 'drop-oldest';
  }

  #checkKeyOrder(sent: Sent): void {
    const { orderingKey } = sent.step.options;
    if (orderingKey === undefined || sent.wasPutBack || !this.#isKeyed(sent)) return;
    const later = this.#sent.find(
      (other) =>
        other.order > sent.order &&
        other.starts > 0 &&
        !other.wasPutBack &&
        this.#isKeyed(other) &&
        other.step.options.orderingKey === orderingKey,
    );
    if (later !== undefined) this.#fail(`event ${later.order} overtook event ${sent.order} of its key`);
  }

  /** Whether the order of emission is that of admission. */
  #isKeyed(sent: Sent): boolean {
    return !this.#isBatched(sent) && sent.step.step !== 'emitAsync';
  }

  async #behave(sent: Sent, signal: AbortSignal | undefined): Promise<unknown> {
    const { behaviours } = sent.step;
    const behaviour = behaviours[Math.min(sent.attempts, behaviours.length) - 1]!;
    switch (behaviour.does) {
      case 'succeed':
        return undefined;
      case 'throw':
        throw new Error('the handler fails');
      case 'throw for good':
        throw Object.assign(new Error('the handler fails for good'), { code: 'VALIDATION_ERROR' });
      case 'wait':
        return wait(behaviour, signal);
      case 'return':
        return { type: 'returned', data: { fails: behaviour.fails } };
      case 'emit':
        return this.#emit(behaviour.child);
      case 'process':
        // Not awaited: where no drain is going on any more, this one would wait for the handler that waits for it.
        return this.#watch('process', this.#runtime.process());
      case 'clean up':
        return this.#cleanUp();
      default:
        return this.#doTo(behaviour.does, sent.step.n);
    }
  }

  #onError(_error: unknown, event: AnyEvent): void {
    this.#failures++;
    if (event.data === 'again') return;
    const sent = this.#sent[(event.data as { order: number }).order];
    for (const [run, other] of this.#open) if (other === sent) this.#open.delete(run);
    if (this.#case.settings.cancelsOnError) this.#runtime.cancel(event.id);
  }

  // ── What must be true ────────────────────────────────────────────────────────────────────────────────

  #fail(message: string): void {
    this.wrong.push(message);
  }

  async #check(): Promise<void> {
    this.#checkCounts();
    for (const wrong of (await this.#watcher?.check(this.#runtime)) ?? []) this.#fail(wrong);
  }

  /** Every event is in one place, and the statistics count the same. */
  #checkCounts(): void {
    const stats = this.#runtime.getStats();
    const counted: Record<End | Place, number> = {
      done: 0,
      dead: 0,
      expired: 0,
      cancelled: 0,
      givenUp: 0,
      waiting: 0,
      ready: 0,
      running: 0,
    };
    let emitted = 0;
    for (const sent of this.#sent) {
      const place = this.#placeOf(sent);
      if (place === undefined) continue;
      counted[place]++;
      counted.dead += sent.revivals;
      emitted += 1 + sent.revivals;
    }
    this.#compare(stats, { ...counted, emitted });
    const { failed } = stats.queue;
    if (failed < this.#failures || failed > this.#failures + this.#nacks) {
      this.#fail(`failed: ${failed}, reported: ${this.#failures}, refused by their owner at most ${this.#nacks}`);
    }
    if (stats.dlq!.totalItems !== counted.dead - this.#sent.reduce((sum, { revivals }) => sum + revivals, 0)) {
      this.#fail(`dead letters: ${stats.dlq!.totalItems}`);
    }
  }

  #placeOf(sent: Sent): End | Place | undefined {
    if (sent.id === undefined || sent.accepted === false) return undefined;
    const { state, outcome } = this.#runtime.explain(sent.id) ?? {};
    if (state === undefined) {
      if (sent.accepted) this.#fail(`event ${sent.order} was accepted and is nowhere`);
      return undefined;
    }
    if (state !== 'ended') return PLACES[state];
    if (outcome === undefined && sent.wasDone) return 'done';
    if (outcome === undefined) this.#fail(`nobody knows how event ${sent.order} has ended`);
    if (outcome === 'kept') this.#fail(`event ${sent.order} is kept, and nothing is durable here`);
    return outcome === 'dropped' || outcome === 'kept' ? 'givenUp' : outcome;
  }

  #compare({ queue }: RuntimeStats, expected: Record<End | Place | 'emitted', number>): void {
    for (const [name, count] of Object.entries(expected)) {
      const shown = queue[name as End];
      if (shown !== count) this.#fail(`${name}: ${shown} instead of ${count}`);
    }
  }

  async #end(): Promise<void> {
    if (!this.#isOver) await this.#drainAll();
    await microtasks(100);
    await this.#check();
    this.#cleanUp();
    await pass(LONG_MS, STEPS);
    await this.#check();
    const { size } = this.#runtime.getStats().queue;
    if (size + this.#left > 0) this.#fail(`left after cleanup: ${this.#left}, size ${size}`);
    if (this.#runtime.emit('a', 'again').queued) this.#fail('an emit after cleanup was accepted');
    for (const name of this.#unsettled) this.#fail(`never settled: ${name}`);
    // Emits that came too late may have been a flood, of which the log is told in the end.
    if (this.#watcher?.observability !== undefined) await pass(FLOOD_MS, 1);
    if (vi.getTimerCount() !== 0) this.#fail(`timers left: ${vi.getTimerCount()}`);
  }

  #cleanUp(): void {
    this.#isClosing = true;
    const cleanup = this.#runtime.cleanup({ timeoutMs: this.#case.settings.cleanupTimeoutMs });
    this.#watch(
      'cleanup',
      cleanup.then(() => void (this.#isClosed = true)),
    );
  }

  /** Everything that can end does. */
  async #drainAll(): Promise<void> {
    this.#watch('stop', this.#runtime.stop());
    for (let round = 0; round < 20 && this.#left > 0; round++) {
      this.#watch('drain', this.#runtime.drain());
      await pass(LONG_MS, STEPS);
    }
    if (this.#left > 0) this.#fail(`left after drain: ${this.#left}`);
  }

  get #left(): number {
    const { waiting, ready, running } = this.#runtime.getStats().queue;
    return waiting + ready + running;
  }
}

const WAITS = new Set(['waiting', 'blocked', 'ready', 'retrying', 'unacked']);

const half = (): void => undefined;

function wait(behaviour: Extract<Behaviour, { does: 'wait' }>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => (behaviour.then === 'throw' ? reject(new Error('the handler fails late')) : resolve());
    const timer = setTimeout(end, behaviour.ms);
    if (behaviour.obeys) {
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      });
    }
  });
}

import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { createPersistor, createRuntime } from '../../lib/index';
import { native } from '../../lib/native/index';
import { CLONED, DATA, DURABLE_TYPES } from './durable-case';
import { differenceOf } from './durable-values';
import { pass, turn, watched } from './surroundings';
import type { DLQItem } from '../../lib/dead-letter-queue';
import type { RuntimeError } from '../../lib/errors';
import type { AnyEvent } from '../../lib/events';
import type { EventStore } from '../../lib/event-store';
import type { Persistor } from '../../lib/persistor-types';
import type { EmitResult, Runtime } from '../../lib/runtime-types';
import type { DurableBehaviour, DurableCase, DurableEmit, DurableStep } from './durable-case';

/** Where an event is, as far as the next start is concerned. `lost`: it ran, at most once, when the runtime ended. */
type Fate = 'live' | 'done' | 'dead' | 'purged' | 'evicted' | 'gone' | 'lost' | 'refused';

/** What the model knows of one emit. */
interface Sent {
  plan: DurableEmit;
  order: number;
  at: number;
  id: string;
  /** As it was when it was emitted. */
  original: AnyEvent | undefined;
  fate: Fate;
  /** Runs of its handler, and those since it was put back or first emitted. */
  starts: number;
  attempts: number;
  /** Whether it ran since the last start of the runtime. */
  ranHere: boolean;
  /** Whether its last run did. */
  hasSucceeded: boolean;
  wasPutBack: boolean;
  isMarked: boolean;
  isAcked: boolean;
  isForgotten: boolean;
  /** Before this time it must not run again. */
  notBefore: number;
  controller: AbortController | undefined;
}

/** Turns in which whatever is awaited ends. */
const ROUNDS = 400;
const STEPS = 5;

/** Plays a case on a runtime with a journal (or a persistor) that is ended and started again. */
export class DurableWorld {
  readonly wrong: string[] = [];
  readonly #case: DurableCase;
  readonly #path = mkdtempSync(join(tmpdir(), 'kodus-model-'));
  readonly #persistor: Persistor | undefined;
  readonly #sent: Sent[] = [];
  /** The last owner of each key. */
  readonly #owners = new Map<string, Sent>();
  readonly #answers: Promise<void>[] = [];
  /** Keys of events of which it is not known yet whether they are accepted. */
  readonly #openKeys: string[] = [];
  #runtime!: Runtime;
  #isClosing = false;

  constructor(given: DurableCase) {
    this.#case = given;
    if (given.settings.journal === undefined) this.#persistor = createPersistor('memory', { maxSnapshots: 100_000 });
  }

  async play(): Promise<string[]> {
    await watched(this.wrong, async () => {
      await this.#open();
      for (const step of this.#case.steps) {
        await this.#do(step);
        if (this.wrong.length > 0) return;
      }
      await this.#restart(true, 0);
      await this.#finish();
    });
    await watched(this.wrong, () => this.#give(() => this.#runtime.cleanup({ timeoutMs: 0 })));
    await this.#persistor?.close?.();
    if (vi.getTimerCount() > 0 && this.wrong.length === 0) this.#fail(`timers left: ${vi.getTimerCount()}`);
    vi.clearAllTimers();
    rmSync(this.#path, { recursive: true, force: true });
    return this.wrong;
  }

  #fail(message: string): void {
    this.wrong.push(message);
  }

  get #hasStore(): boolean {
    return this.#case.settings.config.enableEventStore === true;
  }

  get #isManual(): boolean {
    return this.#case.settings.config.autoAck === false;
  }

  get #isJournal(): boolean {
    return this.#persistor === undefined;
  }

  // ── Life and death ───────────────────────────────────────────────────────────────────────────────────

  async #open(): Promise<void> {
    const { config, journal } = this.#case.settings;
    const log = journal === undefined ? {} : { journal: { ...journal, path: this.#path } };
    const kept = this.#persistor === undefined ? {} : { persistor: this.#persistor, executionId: 'model' };
    const queueConfig = this.#isJournal ? {} : { persistAllEvents: true, maxPersistedEvents: 100_000 };
    this.#isClosing = false;
    this.#runtime = createRuntime({}, undefined, {
      ...config,
      ...log,
      ...kept,
      queueConfig,
      onError: (_error, event) => this.#sentOf(event) && this.#noteFailure(this.#sentOf(event)!),
    });
    // From now on everything that happens to an event is remembered.
    this.#runtime.explain('none');
    for (const type of DURABLE_TYPES) {
      this.#runtime.on(type, (event: AnyEvent, signal: AbortSignal) => this.#handle(event, signal));
    }
    await this.#runtime.ready();
  }

  /** Waits for something that needs the disk and time. */
  async #give<T>(ask: () => Promise<T>): Promise<T | undefined> {
    let isOver = false;
    const asked = ask().finally(() => (isOver = true));
    asked.catch(() => undefined);
    for (let round = 0; !isOver && round < ROUNDS; round++) {
      // What waits for the disk and not for time gets what it waits for first.
      await this.#runtime.flush();
      await turn();
      if (!isOver && round > 2) await pass(round < 50 ? 5 : 1000, 1);
    }
    if (isOver) return asked;
    this.#fail(`never ends: ${String(ask)}`);
    return undefined;
  }

  async #restart(settles: boolean, ms: number): Promise<void> {
    if (settles) {
      await this.#give(() => this.#runtime.process());
      await this.#runtime.flush();
      await this.#settle();
      this.#refresh();
      this.#checkFigures();
    }
    const stored = await this.#storedIds(this.#runtime);
    this.#isClosing = true;
    await this.#give(() => this.#runtime.cleanup());
    await this.#settle();
    this.#refresh();
    for (const sent of this.#sent) {
      if (sent.fate === 'live' && sent.ranHere && isOnce(sent)) sent.fate = 'lost';
      sent.ranHere = false;
      // Its signal has ended with the process.
      sent.controller = undefined;
    }
    for (const [key, owner] of this.#owners) if (!this.#remembers(owner)) this.#owners.delete(key);
    const before = this.#letters(this.#runtime);
    await this.#verify();
    await pass(ms, STEPS);
    await this.#open();
    this.#compareLetters(before, this.#letters(this.#runtime));
    if (settles) await this.#compareStored(stored);
    this.#checkRecovered();
  }

  async #verify(): Promise<void> {
    if (!this.#isJournal) return;
    const report = JSON.parse(await native.journalVerify(this.#path)) as { ok: boolean };
    if (!report.ok) this.#fail(`the journal is damaged: ${JSON.stringify(report)}`);
  }

  /** What is awaited is answered. */
  async #settle(): Promise<void> {
    await Promise.all(this.#answers.splice(0));
  }

  /** Everything that can end does. */
  async #finish(): Promise<void> {
    await this.#give(() => this.#runtime.drain({ timeoutMs: 5000 }));
    await this.#restart(true, 60_000);
    await this.#give(() => this.#runtime.drain({ timeoutMs: 5000 }));
    this.#refresh();
    const left = this.#sent.filter(({ fate }) => fate === 'live');
    if (left.length > 0 && !this.#isManual) this.#fail(`never ended: ${left.map(({ order }) => order).join()}`);
    for (const sent of this.#sent) {
      if (sent.fate === 'done' && sent.starts === 0 && !this.#isManual)
        this.#fail(`event ${sent.order} is done and never ran`);
    }
    await this.#restart(true, 0);
  }

  // ── What must be true after a start ──────────────────────────────────────────────────────────────────

  #checkRecovered(): void {
    const expected = this.#sent.filter(({ fate }) => fate === 'live');
    const ids = new Set(expected.map(({ id }) => id));
    const runtime = this.#runtime;
    for (const { order, id } of expected) {
      const { state } = runtime.explain(id) ?? {};
      if (state === undefined || state === 'ended' || state === 'dead') {
        this.#fail(`event ${order} was accepted and has not come back (${state})`);
      }
    }
    for (const { eventId } of runtime.getQueueSnapshot(10_000)) {
      if (!ids.has(eventId)) {
        const sent = this.#sent.find(({ id }) => id === eventId);
        this.#fail(`event ${sent?.order} has come back: ${sent?.fate}`);
      }
    }
    if (runtime.recovered !== expected.length) this.#fail(`recovered ${runtime.recovered} of ${expected.length}`);
    this.#checkFigures();
  }

  #checkFigures(): void {
    const { journal, persistence, queue, dlq } = this.#runtime.getStats();
    const live = queue.waiting + queue.ready + queue.running;
    // What is to run at most once has left before it ran.
    const running = this.#sent.filter((sent) => sent.fate === 'live' && sent.ranHere && isOnce(sent)).length;
    if (persistence.unfinishedEvents !== live - running) {
      this.#fail(`unfinished ${persistence.unfinishedEvents}, in the queue ${live}, of these at most once ${running}`);
    }
    if (persistence.errors + persistence.recoveryErrors > 0) this.#fail(`errors ${JSON.stringify(persistence)}`);
    if (journal === null) return;
    if (journal.pending !== live - running) this.#fail(`pending ${journal.pending}, in the queue ${live - running}`);
    if (journal.letters !== dlq!.totalItems) this.#fail(`letters ${journal.letters} of ${dlq!.totalItems}`);
    if (journal.failures + journal.skipped > 0) this.#fail(`failures ${journal.failures}, skipped ${journal.skipped}`);
  }

  #letters(runtime: Runtime): DLQItem[] {
    return runtime.deadLetters.list({ limit: 10_000 }).items.map(copied);
  }

  #compareLetters(before: DLQItem[], after: DLQItem[]): void {
    const ids = (items: DLQItem[]): string => items.map(({ id }) => id).join();
    if (ids(before) !== ids(after)) return this.#fail(`dead letters were ${ids(before)} and are ${ids(after)}`);
    for (const [index, item] of before.entries()) {
      const difference = differenceOf(item, after[index]);
      if (difference !== undefined) this.#fail(`a dead letter: ${difference}`);
    }
  }

  // ── Events that are kept for replay ──────────────────────────────────────────────────────────────────

  async #storedIds(runtime: Runtime): Promise<[string[], string[]]> {
    if (!this.#hasStore) return [[], []];
    const all = await idsOf(runtime.replayEvents(-Infinity, { onlyUnprocessed: false, toTimestamp: Infinity }));
    const open = await idsOf(runtime.replayEvents(-Infinity, { toTimestamp: Infinity }));
    return [all, open];
  }

  async #compareStored([all, open]: [string[], string[]]): Promise<void> {
    if (!this.#hasStore) return;
    const [allNow, openNow] = await this.#storedIds(this.#runtime);
    if (all.join() !== allNow.join()) this.#fail(`stored were ${all.join()} and are ${allNow.join()}`);
    // What is acknowledged when the runtime ends is processed as well.
    const closed = openNow.filter((id) => !open.includes(id));
    if (closed.length > 0) this.#fail(`events are unprocessed again: ${closed.join()}`);
    this.#checkStored(allNow, openNow);
  }

  #checkStored(all: string[], open: string[]): void {
    const accepted = this.#sent.filter(({ fate, isForgotten }) => fate !== 'refused' && !isForgotten);
    for (const { id, order, isMarked, fate } of accepted) {
      if (!all.includes(id)) this.#fail(`event ${order} is not kept for replay`);
      const isProcessed = isMarked || (fate === 'done' && this.#case.settings.config.enableAcks === true);
      if (isProcessed && open.includes(id)) this.#fail(`event ${order} has been processed and is replayed`);
      if (!isProcessed && fate !== 'lost' && !open.includes(id))
        this.#fail(`event ${order} (${fate}) counts as processed`);
    }
  }

  get #store(): EventStore | null {
    return this.#runtime.getEventStore();
  }

  async #forget(): Promise<void> {
    if (!this.#hasStore || !this.#isJournal) return;
    const [all] = await this.#storedIds(this.#runtime);
    await pass(1, 1);
    await this.#store!.cleanup(0);
    const [left] = await this.#storedIds(this.#runtime);
    this.#refresh();
    for (const sent of this.#sent) {
      if (all.includes(sent.id) && !left.includes(sent.id)) sent.isForgotten = true;
      if (sent.isForgotten && sent.fate === 'live' && !(isOnce(sent) && sent.ranHere))
        this.#fail(`event ${sent.order} waits and was forgotten`);
    }
  }

  // ── Steps ────────────────────────────────────────────────────────────────────────────────────────────

  async #do(step: DurableStep): Promise<void> {
    const runtime = this.#runtime;
    switch (step.step) {
      case 'emit':
        return this.#emit(step);
      case 'advance':
        return pass(step.ms, STEPS);
      case 'turn':
        return turn();
      case 'process':
        return void (await this.#give(() => runtime.process({ ...step, withStats: true } as never)));
      case 'flush':
        await runtime.flush();
        return this.#settle();
      case 'check':
        await runtime.flush();
        await this.#settle();
        this.#refresh();
        return this.#checkFigures();
      case 'compact':
        return void (await runtime.compactJournal());
      case 'restart':
        return this.#restart(step.settles, step.ms);
      case 'purge':
        this.#refresh();
        for (const sent of this.#sent) if (sent.fate === 'dead') sent.fate = 'purged';
        return void (await runtime.deadLetters.purge());
      case 'reprocessAll':
        return this.#reprocessAll();
      case 'forget':
        return this.#forget();
      default:
        return this.#doTo(step);
    }
  }

  async #doTo({ step, n }: Exclude<Extract<DurableStep, { n: number }>, DurableEmit>): Promise<void> {
    const sent = this.#sent.findLast((one) => one.plan.n === n);
    if (sent === undefined || sent.id === '') return;
    this.#refresh();
    const { id } = sent;
    const runtime = this.#runtime;
    switch (step) {
      case 'abort':
        return sent.controller?.abort();
      case 'cancel':
        return void runtime.cancel(id);
      case 'ack':
        sent.isAcked ||= this.#isHandled(id);
        return runtime.ack(id);
      case 'nack':
        sent.isAcked = false;
        return runtime.nack(id);
      case 'reprocess':
        return this.#reprocess(sent);
      case 'purgeOne': {
        await runtime.deadLetters.purge({ eventType: sent.plan.type });
        for (const one of this.#sent) if (one.fate === 'dead' && one.plan.type === sent.plan.type) one.fate = 'purged';
        return;
      }
      case 'mark':
        if (!this.#hasStore || sent.fate === 'refused' || !this.#isJournal) return;
        sent.isMarked = true;
        return void (await this.#store!.markEventsProcessed([id]));
      case 'emitAgain':
        return this.#emitAgain(sent);
    }
  }

  /** Whether there is something to acknowledge. */
  #isHandled(id: string): boolean {
    const { state } = this.#runtime.explain(id) ?? {};
    return state === 'running' || state === 'unacked';
  }

  async #reprocess(sent: Sent): Promise<void> {
    if (sent.fate !== 'dead') return;
    const isBack = await this.#runtime.deadLetters.reprocess(sent.id);
    if (isBack === true) this.#putBack(sent);
  }

  async #reprocessAll(): Promise<void> {
    this.#refresh();
    const events = await this.#runtime.deadLetters.reprocessWhere(() => true);
    for (const { id } of events) this.#putBack(this.#sent.find((one) => one.id === id && one.fate !== 'refused')!);
  }

  #putBack(sent: Sent): void {
    if (sent.fate !== 'dead') this.#fail(`event ${sent.order} was put back: ${sent.fate}`);
    const at = Date.now();
    Object.assign(sent, {
      fate: 'live',
      attempts: 0,
      ranHere: false,
      wasPutBack: true,
      isMarked: false,
      notBefore: 0,
      at,
    });
    this.#takeKey(sent);
  }

  /** It takes its key again, unless another one has it by now. */
  #takeKey(sent: Sent): void {
    const { idempotencyKey: key } = sent.plan.options;
    if (key === undefined) return;
    const fate = this.#owners.get(key)?.fate ?? 'gone';
    if (fate === 'gone' || fate === 'refused') this.#owners.set(key, sent);
  }

  #emitAgain(sent: Sent): void {
    if (sent.fate !== 'live' && !(sent.fate === 'done' && isExactlyOnce(sent))) return;
    const { queued, error } = this.#runtime.emitEvent({ id: sent.id, type: 'a', data: 'again', ts: 0, threadId: 't' });
    if (queued) return this.#fail(`event ${sent.order} is ${sent.fate} and was taken again`);
    this.#checkDuplicate(sent, error);
  }

  #checkDuplicate(first: Sent, error: Error | undefined): void {
    const { code, context } = error as RuntimeError;
    if (code !== 'DUPLICATE') return;
    const states: Record<Fate, string[]> = {
      live: ['waiting', 'running'],
      done: ['done'],
      lost: ['done'],
      dead: ['dead'],
      purged: ['dead', 'done'],
      evicted: ['dead', 'done'],
      gone: [],
      refused: [],
    };
    const state = String(context!.state);
    if (!states[first.fate].includes(state)) {
      this.#fail(`event ${first.order} is ${first.fate}, its duplicate is told ${state}`);
    }
  }

  // ── Emits ────────────────────────────────────────────────────────────────────────────────────────────

  #emit(plan: DurableEmit): void {
    if (this.#isClosing) return;
    if (plan.options.idempotencyKey !== undefined) this.#refresh();
    const controller = plan.hasSignal ? new AbortController() : undefined;
    const order = this.#sent.length;
    const sent: Sent = {
      plan,
      order,
      at: Date.now(),
      id: '',
      original: undefined,
      fate: 'live',
      starts: 0,
      attempts: 0,
      ranHere: false,
      hasSucceeded: false,
      wasPutBack: false,
      isMarked: false,
      isAcked: false,
      isForgotten: false,
      notBefore: Date.now() + (plan.options.delayMs ?? 0),
      controller,
    };
    const options = { ...plan.options, ...(controller !== undefined && { signal: controller.signal }) };
    this.#sent.push(sent);
    const data = { order, extra: this.#data(plan.data) };
    if (plan.how === 'emitAsync') {
      const answer = this.#runtime.emitAsync(plan.type, data, options);
      const { idempotencyKey = '' } = options;
      this.#openKeys.push(idempotencyKey);
      const answered = (result: EmitResult): void => {
        this.#openKeys.splice(this.#openKeys.indexOf(idempotencyKey), 1);
        this.#answered(sent, result, true);
      };
      this.#answers.push(answer.then(answered));
      return;
    }
    if (plan.how === 'emit') return this.#answered(sent, this.#runtime.emit(plan.type, data, options), false);
    const event = shaped(plan, order, data);
    this.#answered(sent, this.#runtime.emitEvent(event, options), false);
    // The runtime has added what it adds.
    if (sent.fate === 'live') sent.original = structuredClone({ ...event, metadata: withoutSize(event) }) as AnyEvent;
  }

  #data(index: number): unknown {
    const isCloned = this.#case.settings.journal?.codec === 'v8' || !this.#isJournal;
    const all = isCloned ? [...DATA, ...CLONED] : DATA;
    return structuredClone(all[index % all.length]);
  }

  #answered(sent: Sent, { eventId, queued, error }: EmitResult, isAsync: boolean): void {
    sent.id = eventId;
    const key = sent.plan.options.idempotencyKey;
    const isLate = isAsync || this.#openKeys.includes(key ?? '');
    const owner = key === undefined ? undefined : this.#owners.get(key);
    if (!queued) {
      sent.fate = 'refused';
      const { code } = error as RuntimeError;
      if (code === 'DUPLICATE' && owner !== undefined && !isLate) this.#checkDuplicate(owner, error);
      if (code === 'DUPLICATE' && owner === undefined && !isLate)
        this.#fail(`event ${sent.order}: a duplicate of nothing`);
      if (!['DUPLICATE', 'RUNTIME_EVENT_QUEUE_FULL', 'EVENT_CANCELLED'].includes(code))
        this.#fail(`refused: ${String(error)}`);
      return;
    }
    if (key === undefined) return;
    if (owner !== undefined && owner.fate !== 'gone' && owner.fate !== 'refused' && !isLate && this.#remembers(owner)) {
      this.#fail(`event ${sent.order} was accepted with the key of event ${owner.order}, which is ${owner.fate}`);
    }
    if (owner === undefined || owner.order < sent.order) this.#owners.set(key, sent);
  }

  /** A persistor remembers the keys of what is delivered exactly once, and those of what waits. */
  #remembers(owner: Sent): boolean {
    return this.#isJournal || owner.fate === 'live' || (owner.fate === 'done' && isExactlyOnce(owner));
  }

  // ── Handlers ─────────────────────────────────────────────────────────────────────────────────────────

  #sentOf({ data }: AnyEvent): Sent | undefined {
    return this.#sent[(data as { order?: number } | undefined)?.order ?? -1];
  }

  #noteFailure(sent: Sent): void {
    const { retryPolicy } = sent.plan.options;
    const { retry } = this.#case.settings.config;
    const delay = retryPolicy?.initialDelay ?? retry?.initialDelayMs ?? 0;
    sent.notBefore = Date.now() + delay;
  }

  async #handle(event: AnyEvent, signal: AbortSignal): Promise<void> {
    const sent = this.#sentOf(event);
    if (sent === undefined) return this.#fail(`an event nobody has emitted: ${JSON.stringify(event)}`);
    sent.id ||= event.id;
    this.#checkRun(sent, event);
    sent.starts++;
    sent.attempts++;
    sent.ranHere = true;
    sent.hasSucceeded = false;
    sent.isAcked = false;
    await this.#behave(sent, event, signal);
    sent.hasSucceeded = true;
  }

  #checkRun(sent: Sent, event: AnyEvent): void {
    const { plan, order } = sent;
    const { delayMs = 0, ttlMs = Infinity } = plan.options;
    if (sent.fate !== 'live') this.#fail(`event ${order} runs: ${sent.fate}`);
    if (isOnce(sent) && sent.attempts > 0) this.#fail(`event ${order} runs twice, at most once was asked for`);
    if (sent.attempts >= this.#attemptsOf(sent)) this.#fail(`event ${order} runs ${sent.attempts + 1} times`);
    const now = Date.now();
    if (now < sent.notBefore) this.#fail(`event ${order} runs ${sent.notBefore - now} ms too early (delay ${delayMs})`);
    // What is to run at most once has started in time, and then waited for the disk.
    if (sent.attempts === 0 && now > sent.at + ttlMs && !isOnce(sent))
      this.#fail(`event ${order} runs ${now - sent.at} ms after, ttl ${ttlMs}`);
    this.#checkOrder(sent);
    this.#checkSame(sent, event);
  }

  #attemptsOf({ plan: { options } }: Sent): number {
    if (options.deliveryGuarantee === 'at-most-once') return 1;
    // What is handled and not acknowledged is run again at the next start; that is no failed attempt.
    if (this.#isManual) return Infinity;
    if (options.retryPolicy !== undefined) return 1 + options.retryPolicy.maxRetries!;
    const { retry, enableAcks } = this.#case.settings.config;
    return retry?.maxAttempts ?? (enableAcks === true ? 2 : 1);
  }

  /** Nothing is overtaken that could have started just as well. */
  #checkOrder(sent: Sent): void {
    const { orderingKey, priority = 0 } = sent.plan.options;
    for (const other of this.#sent) {
      if (other === sent || other.fate !== 'live' || other.wasPutBack || sent.wasPutBack) continue;
      if (orderingKey !== undefined && other.plan.options.orderingKey === orderingKey) {
        if (other.order < sent.order && this.#lives(other))
          this.#fail(`event ${sent.order} overtook event ${other.order} of its key`);
      } else {
        // Asked last: an event that nobody has asked for is made when it starts, and most are to be such.
        const { priority: otherPriority = 0 } = other.plan.options;
        const isFirst = otherPriority > priority || (otherPriority === priority && other.order < sent.order);
        if (isFirst && sameTenant(sent, other) && this.#isPlain(sent) && this.#isPlain(other))
          this.#fail(`event ${sent.order} overtook event ${other.order}`);
      }
    }
  }

  /** Of one that is not answered yet, nobody knows. */
  #lives({ id }: Sent): boolean {
    if (id === '') return false;
    const { state } = this.#runtime.explain(id) ?? {};
    return state !== undefined && state !== 'ended' && state !== 'dead';
  }

  #isPlain(sent: Sent): boolean {
    const { orderingKey, delayMs = 0, ttlMs } = sent.plan.options;
    if (sent.starts > 0 || sent.id === '' || isOnce(sent) || !this.#lives(sent)) return false;
    return orderingKey === undefined && delayMs === 0 && ttlMs === undefined;
  }

  #checkSame(sent: Sent, event: AnyEvent): void {
    const { isRetry: _isRetry, retry, ...metadata } = withoutSize(event);
    const seen = { ...event, metadata };
    sent.original ??= structuredClone(seen) as AnyEvent;
    const difference = differenceOf(sent.original, seen);
    if (difference !== undefined) this.#fail(`event ${sent.order}: ${difference}`);
    const other = differenceOf(this.#data(sent.plan.data), (event.data as { extra: unknown }).extra);
    if (other !== undefined) this.#fail(`data of event ${sent.order}: ${other}`);
    if (event.type !== sent.plan.type) this.#fail(`event ${sent.order} has another type`);
    const failed = (retry as { retryCount?: number } | undefined)?.retryCount ?? 0;
    const { enableAcks } = this.#case.settings.config;
    if (failed !== sent.attempts && enableAcks !== true)
      this.#fail(`event ${sent.order} failed ${sent.attempts} times, told ${failed}`);
  }

  async #behave(sent: Sent, event: AnyEvent, signal: AbortSignal): Promise<void> {
    const { behaviours } = sent.plan;
    const behaviour: DurableBehaviour = behaviours[Math.min(sent.attempts, behaviours.length) - 1]!;
    switch (behaviour.does) {
      case 'succeed':
        return;
      case 'throw':
        throw new Error('the handler fails "\u001f\n');
      case 'throw for good':
        throw Object.assign(new Error('the handler fails for good'), { code: 'VALIDATION_ERROR' });
      case 'wait':
        return wait(behaviour.ms, behaviour.then === 'throw', signal);
      case 'change':
        // What a handler does to the event's metadata besides is its own.
        throw Object.assign(new Error('x'.repeat(300)), { status: 500 });
      case 'cancel':
        return void this.#runtime.cancel(event.id);
      case 'ack':
        sent.isAcked = true;
        return this.#runtime.ack(event.id);
      default:
        sent.isAcked = false;
        return this.#runtime.nack(event.id);
    }
  }

  /** Of an event that was in hand when the runtime ended, nobody else knows. */
  #hasEnded({ isAcked, hasSucceeded }: Sent): boolean {
    return this.#isManual ? isAcked : hasSucceeded;
  }

  /** What has become of the events. */
  #refresh(): void {
    for (const sent of this.#sent) {
      if (sent.id === '' || (sent.fate !== 'live' && sent.fate !== 'dead')) continue;
      const { state, outcome } = this.#runtime.explain(sent.id) ?? {};
      if (sent.fate === 'dead') {
        if (state !== 'dead' && !this.#isClosing) sent.fate = 'evicted';
        continue;
      }
      if (state === 'dead' || outcome === 'dead') sent.fate = state === 'dead' ? 'dead' : 'evicted';
      else if (outcome === 'done' && (!this.#isClosing || this.#hasEnded(sent))) sent.fate = 'done';
      else if (outcome === 'expired' || outcome === 'cancelled') sent.fate = 'gone';
      else if (outcome === 'dropped' && !this.#isClosing) sent.fate = 'gone';
      else if (state === 'ended' && sent.starts > 0 && !this.#isClosing) sent.fate = 'done';
    }
  }
}

const isOnce = ({ plan }: Sent): boolean => plan.options.deliveryGuarantee === 'at-most-once';
const isExactlyOnce = ({ plan }: Sent): boolean => plan.options.deliveryGuarantee === 'exactly-once';

const sameTenant = (one: Sent, other: Sent): boolean => one.plan.options.tenantId === other.plan.options.tenantId;

/** An event that the caller has made. */
function shaped({ type, shape }: DurableEmit, order: number, data: unknown): AnyEvent {
  const event = { id: `own-${order}`, type, data, ts: 1000 + order, threadId: `thread ${order}` };
  const shapes: object[] = [
    {},
    { metadata: { correlationId: 'own', extra: { list: [1, 'ü'] }, source: 'x' } },
    { id: `own "\u001f\n ${order}`, threadId: '' },
    { ts: 0.5, other: { member: true } },
    { metadata: { traceId: 't', correlationId: 'half \ud800' } },
  ];
  return { ...event, ...shapes[shape] } as AnyEvent;
}

/** What is noted of the size of a large event is noted anew when it is put back. */
function withoutSize({ metadata }: AnyEvent): Record<string, unknown> {
  const { compressed: _compressed, originalSize: _size, compressedAt: _at, ...rest } = { ...metadata };
  return rest;
}

async function idsOf(batches: AsyncGenerator<AnyEvent[]>): Promise<string[]> {
  const ids: string[] = [];
  for await (const batch of batches) ids.push(...batch.map(({ id }) => id));
  return ids;
}

/** A dead letter as it is now. */
const copied = (item: DLQItem): DLQItem => structuredClone(item);

function wait(ms: number, fails: boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => (fails ? reject(new Error('the handler fails late')) : resolve()), ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

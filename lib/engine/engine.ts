import { monotonicNow, wallNow } from '../clock';
import { callIdAt } from '../ids';
import { native } from '../native/index';
import type { EngineConfig, EngineHandle, EngineStats } from '../native/engine';
import {
  COMPLETED,
  COMPLETIONS,
  COMPLETION_WORDS,
  DEADLINE,
  DELIVERED,
  DEPTH,
  DISPATCHED,
  DISPATCHES,
  DONE,
  FAILED,
  FAILED_RETRYABLE,
  MORE,
  NONE,
  NOTICES,
  NOTICE_ACK_TIMEOUT,
  NOTICE_ALARM,
  NOTICE_CANCELLED,
  NOTICE_DEAD,
  NOTICE_DROPPED,
  NOTICE_EXPIRED,
  NOTICE_RETRY,
  NOTICE_RING,
  NOTICE_WORDS,
  NOW,
  READY,
  RESUME_BIT,
  RING_RECORDS,
  RUNNING,
  SUBMITTED,
  UNACKED,
  WAITED_FOR,
  WAITED_KEY,
  WAITING,
  WANTED,
} from './layout';
import { Alarms, CoreTimer } from './core-timer';
import { EventTable } from './event-table';
import { ExtrasTable } from './extras';
import { LatencyGroups } from './latency-groups';
import { Limiters } from './limiters';
import { Parkings, resume } from './parking';
import { KeepAlive } from './real-timers';
import { SubmissionRing } from './submission-ring';
import { Turns } from './turns';
import type { AnyEvent } from '../events';
import type { Draft } from '../drafts';
import type { MakeEvent } from './event-table';
import type { SlotExtras } from './extras';
import type { LatencyStats } from './latency-groups';

/** Tables of more slots than this are given back when nothing lives. */
const KEPT_SLOTS = 65_536;

/** How an error is to be taken: may the event be tried again, and does the error ask for a delay? */
export interface FailureClass {
  retryable: boolean;
  /** Milliseconds, or NaN. */
  askedMs: number;
}

/** What the engine asks of the queue or runtime that owns it. Nothing here decides about order, limits or retries. */
export interface EngineHost {
  /** Starts the handlers; a promise is awaited. */
  run(event: AnyEvent, slot: number): unknown;
  /** A handler's result that is an event: run it now, as part of this one. */
  follow(event: AnyEvent, returned: object, slot: number): Promise<void> | undefined;
  /** Off; given by success; or to be given by the owner. */
  readonly acks: 'off' | 'auto' | 'manual';
  classify(error: unknown, event: AnyEvent): FailureClass;
  onDone(event: AnyEvent): void;
  /** The event has ended well: handled, and acknowledged where that is asked for. */
  onSettled(event: AnyEvent): void;
  onFailure(event: AnyEvent, error: unknown, slot: number): void;
  onAckTimeout(event: AnyEvent, error: unknown, attempts: number, slot: number): void;
  onRetry(event: AnyEvent, error: unknown, attempts: number, delayMs: number, slot: number): void;
  onDead(event: AnyEvent, error: unknown, attempts: number, extras: SlotExtras | undefined, slot: number): void;
  /** The event left without an attempt of its own to blame. */
  onGone(event: AnyEvent, how: 'expired' | 'cancelled' | 'dropped'): void;
  /** The event has left, whatever its end: what it held is to be given back. */
  onReleased(slot: number, extras: SlotExtras | undefined): void;
  readonly make: MakeEvent;
  /** The error of a delivery whose acknowledgement did not come. */
  ackTimeoutError(event: AnyEvent): Error;
}

/** What a drain has done. */
export interface Tally {
  processed: number;
  acked: number;
  failed: number;
  retried: number;
  deadLettered: number;
}

interface Drain {
  /** Events it may still start. */
  budget: number;
  /** Whether it waits for delays and retries too. */
  untilEmpty: boolean;
  started: number;
  before: Tally;
  finish: () => void;
}

export interface DrainOptions {
  maxEvents?: number;
  untilEmpty?: boolean;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Let what is due by the clock become ready first, even if its timer has not been served yet. */
  catchUp?: boolean;
}

/**
 * The JavaScript half of the core: it owns the events, runs the handlers and keeps the one timer.
 *
 * A *worker* is an async function that runs one event after another; there are as many at work as the core has
 * permits out. So the cost of an event is that of one `await`, and a permit that comes free starts the next at once.
 */
export class Engine {
  readonly #host: EngineHost;
  readonly #core: EngineHandle;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #advance: () => void;
  /** Notices that are being acted on: slot, kind and delay of each. */
  readonly #notices: number[] = [];
  /** Of these numbers, the ones that have been acted on. */
  #taken = 0;
  #isReading = false;

  readonly #events: EventTable;
  /** For each slot the run that is going on; a run whose number has changed has been given up. */
  #runs: number[] = [];
  #runSeq = 0;
  readonly #extras = new ExtrasTable();
  /** Slots by event id; built when somebody first asks, kept up from then on. */
  #byId: Map<string, number> | undefined;

  /** Slots by event that has been started; built when somebody first asks, kept up from then on. */
  #started: WeakMap<AnyEvent, number> | undefined;

  #workers = 0;
  /** Of these, the ones that wait without a permit. */
  readonly #parkings: Parkings;
  #width: number;
  #current = -1;
  #drain: Drain | undefined;
  #continuous = false;
  #closed = false;
  /** Whether what waited at the end has been dropped: what comes back after that, from the handler that asked for the end, has to go, too. */
  #isOver = false;
  #halted = false;
  #pumpScheduled = false;
  #quietWaiters: (() => void)[] = [];
  #exitWaiters: (() => void)[] = [];

  readonly turns: Turns;
  readonly #isPrecise: boolean;
  /** Undefined: times are not recorded. */
  readonly latency: LatencyGroups | undefined;
  readonly #submissions: SubmissionRing;
  /** Whether the event that is submitted next has a time to live. */
  #hasTtl = false;

  readonly #timer: CoreTimer;
  readonly #alarms: Alarms;

  /** What middleware has to say before an event starts. */
  readonly limiters: Limiters;

  readonly keepAlive = new KeepAlive();
  /** Whether `start()` holds the process, because there is work. */
  #holding = false;
  readonly tally: Tally = { processed: 0, acked: 0, failed: 0, retried: 0, deadLettered: 0 };
  /** Results that came after their run had been given up. */
  lateResults = 0;
  /** Called when there may be room in the queue again. */
  onRoom: (() => void) | undefined;

  constructor(config: EngineConfig, host: EngineHost) {
    const buffer = new ArrayBuffer(native.ringBytes());
    this.#host = host;
    this.#events = new EventTable(host.make);
    this.#width = config.maxConcurrent;
    this.#words = new Uint32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#doubles[DEADLINE] = Infinity;
    this.#core = native.createEngine(buffer, config);
    this.#isPrecise = config.latency === 2;
    this.latency = config.latency === 0 ? undefined : new LatencyGroups(this.#core);
    this.#submissions = new SubmissionRing(this.#words, this.#doubles, this.latency, this.#isPrecise);
    this.#timer = new CoreTimer(this.#doubles, (now) => this.#tick(now));
    this.#alarms = new Alarms(this.#core, this.#timer);
    this.turns = new Turns(this.#isPrecise, {
      onNow: (now) => (this.#doubles[NOW] = now),
      onOpen: () => this.#schedulePump(),
    });
    this.#advance = this.#core.advance;
    this.#parkings = new Parkings(this.#core, {
      runOf: (slot) => this.runOf(slot),
      extrasOf: (slot) => this.extrasOf(slot),
      onChange: () => this.#schedulePump(),
    });
    this.limiters = new Limiters(this.#core, () => {
      if (this.isProcessing && this.#workers - this.#parkings.count < this.#width) this.#schedulePump();
    });
  }

  // ── Submission ───────────────────────────────────────────────────────────────────────────────────────

  /** Events that count against the depth limit. */
  get depth(): number {
    return this.#words[DEPTH]! + this.#words[SUBMITTED]!;
  }

  /** Takes an event in; it is in the queue when this returns. Answers its slot. */
  submit(event: AnyEvent, priority: number, tenant = 0, key = NONE, kind = 0, delayMs = 0): number {
    while (this.#submissions.isFull) this.#emptyRing();
    const slot = this.#events.add(event);
    const { latency } = this;
    const group = latency === undefined || tenant === 0 ? 0 : latency.tenantGroupOf(event.metadata?.tenantId);
    this.#submissions.put(slot, event.type, event.ts, priority, tenant, key, kind, delayMs, group);
    if (this.#byId !== undefined) this.#byId.set(event.id, slot);
    this.#entered(delayMs);
    return slot;
  }

  /** As `submit`, for an event that is made when it starts. See {@link EventTable.draft}. */
  submitDraft(draft: Draft, seq: number, tenant = 0, key = NONE, kind = 0, delayMs = 0): number {
    while (this.#submissions.isFull) this.#emptyRing();
    const slot = this.#events.draft(draft, seq);
    const { type, ts, priority } = draft;
    const { latency } = this;
    const group = latency === undefined || tenant === 0 ? 0 : latency.tenantGroupOf(draft.tenantId);
    this.#submissions.put(slot, type, ts, priority, tenant, key, kind, delayMs, group);
    if (this.#byId !== undefined) this.#byId.set(callIdAt(draft.callBlock, draft.callIndex), slot);
    this.#entered(delayMs);
    return slot;
  }

  #entered(delayMs: number): void {
    if (delayMs > 0 || this.#hasTtl) {
      // Both count from here, not from when the core would next be called.
      this.#hasTtl = false;
      this.#doubles[NOW] = monotonicNow();
      this.#cross(0);
    }
    if (!this.#pumpScheduled && this.isProcessing && this.#workers - this.#parkings.count < this.#width) {
      this.#schedulePump();
    }
  }

  #emptyRing(): void {
    this.#cross(0);
    this.turns.onLook?.(false);
  }

  /** See {@link SubmissionRing.readClock}. */
  readClock(): void {
    this.#submissions.readClock();
  }

  /** Keeps time to live, policy, size and earlier attempts of the event that is submitted next. */
  prepare(ttlMs: number, policy: number, bytes: number, attempts: number): void {
    // A crossing between here and there could free slots, and the event would get another one.
    while (this.#submissions.isFull) this.#emptyRing();
    this.#hasTtl = ttlMs !== Infinity;
    this.#core.prepare(this.#events.next, ttlMs, policy, bytes, attempts);
  }

  admitBytes(bytes: number): 0 | 1 | 2 | 3 {
    return this.#core.admitBytes(bytes);
  }

  returnBytes(bytes: number): void {
    this.#core.returnBytes(bytes);
  }

  internPolicy(...policy: Parameters<EngineHandle['internPolicy']>): number {
    return this.#core.internPolicy(...policy);
  }

  /** The extras of `slot`, made on first use. */
  extrasOf(slot: number): SlotExtras {
    return this.#extras.of(slot);
  }

  /** What aborts the present delivery of `slot`, made on first use. */
  controllerOf(slot: number): AbortController {
    return (this.extrasOf(slot).controller ??= new AbortController());
  }

  peekExtras(slot: number): SlotExtras | undefined {
    return this.#extras.peek(slot);
  }

  // ── Crossing ─────────────────────────────────────────────────────────────────────────────────────────

  /** One crossing: hands over what the rings hold. Answers the slot to start, or -1. */
  #cross(wanted: 0 | 1): number {
    const words = this.#words;
    words[WANTED] = wanted;
    this.#advance();
    let start = -1;
    const dispatched = words[DISPATCHED]!;
    for (let index = 0; index < dispatched; index++) {
      const entry = words[DISPATCHES + index]!;
      if (entry < RESUME_BIT) start = entry;
      else this.#resume(entry - RESUME_BIT);
    }
    if (words[NOTICES] !== 0) this.#readNotices();
    this.#timer.keepUp();
    return start;
  }

  /** After a command of the core: what follows from it. */
  #settle(): void {
    if (this.#words[NOTICES] !== 0) this.#readNotices();
    this.#timer.keepUp();
    this.onRoom?.();
    this.#schedulePump();
  }

  /**
   * Acts on what the core has decided, in that order. What this sets off may cross again: the notices of such a crossing wait
   * for those before them, or an event would be told of its end before it is told of its failure.
   */
  #readNotices(): void {
    if (this.#isReading) return this.#copyNotices();
    this.#isReading = true;
    const notices = this.#notices;
    try {
      do {
        this.#copyNotices();
        while (this.#taken < notices.length) {
          const at = this.#taken;
          this.#taken = at + 3;
          const kind = notices[at + 1]!;
          this.#act(kind & 15, notices[at]!, kind >>> 4, notices[at + 2]!);
        }
        notices.length = this.#taken = 0;
        if (this.#words[NOTICES] === 0 && this.#words[MORE] !== 0) this.#core.tick(this.#doubles[NOW]!);
      } while (this.#words[NOTICES] !== 0);
    } finally {
      this.#isReading = false;
    }
  }

  #copyNotices(): void {
    const words = this.#words;
    const count = words[NOTICES]!;
    words[NOTICES] = 0;
    for (let index = 0; index < count; index++) {
      const at = NOTICE_RING + index * NOTICE_WORDS;
      this.#notices.push(words[at]!, words[at + 1]!, this.#doubles[(at >> 1) + 1]!);
    }
  }

  #act(kind: number, slot: number, attempts: number, delayMs: number): void {
    if (kind === NOTICE_ALARM) return this.#alarms.ring(slot);
    const event = this.#events.at(slot)!;
    const extras = this.#extras.peek(slot);
    switch (kind) {
      case NOTICE_RETRY: {
        this.tally.retried++;
        const error = extras?.error;
        // Signal and words of the owner belonged to the delivery that has failed.
        extras?.forgetDelivery();
        return this.#host.onRetry(event, error, attempts, delayMs, slot);
      }
      case NOTICE_DEAD:
        this.tally.deadLettered++;
        this.#release(slot, event);
        return this.#host.onDead(event, extras?.error, attempts, extras, slot);
      case NOTICE_ACK_TIMEOUT:
        return this.#onAckTimeout(slot, event, attempts);
      default: {
        this.#release(slot, event);
        const how = {
          [NOTICE_EXPIRED]: 'expired',
          [NOTICE_CANCELLED]: 'cancelled',
          [NOTICE_DROPPED]: 'dropped',
        } as const;
        return this.#host.onGone(event, how[kind as keyof typeof how]);
      }
    }
  }

  #onAckTimeout(slot: number, event: AnyEvent, attempts: number): void {
    const extras = this.#noteError(slot, this.#host.ackTimeoutError(event));
    this.tally.failed++;
    this.#host.onAckTimeout(event, extras.error, attempts, slot);
    this.#giveUpRun(slot, extras.error);
  }

  /** The run of `slot` counts no more: abort what asked for a signal, and let another worker take its place. */
  #giveUpRun(slot: number, reason: unknown): void {
    if (!this.#runs[slot]) return;
    this.#runs[slot] = 0;
    this.#extras.peek(slot)?.controller?.abort(reason);
    this.#resume(slot);
    this.#workerExits();
    this.#schedulePump();
  }

  #workerExits(): void {
    this.#workers--;
    for (const waiter of this.#exitWaiters.splice(0)) waiter();
  }

  /** Frees a slot whose event has ended. */
  #release(slot: number, event: AnyEvent): void {
    this.#events.remove(slot);
    this.#runs[slot] = 0;
    if (this.#byId !== undefined && this.#byId.get(event.id) === slot) this.#byId.delete(event.id);
    this.#host.onReleased(slot, this.#extras.take(slot));
  }

  // ── Running ──────────────────────────────────────────────────────────────────────────────────────────

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  /** Starts workers as long as there are permits and events. */
  #pump(): void {
    // What starts now could end before the rest of the notices has been read.
    if (this.#isReading) return this.#schedulePump();
    if (this.turns.gate === undefined) this.turns.begin();
    if (this.turns.gate !== undefined) return;
    for (let slot = this.#take(); slot >= 0; slot = this.#take()) {
      void this.#work(slot);
      if (this.turns.gate !== undefined) return;
      if (this.#isPrecise) this.#doubles[NOW] = monotonicNow();
    }
    if (this.#workers > 0) this.turns.watchRest();
    this.#checkQuiet();
  }

  /** The next slot to run, or -1. Hands over completions and submissions on the way. */
  #take(): number {
    const drain = this.#drain;
    if (this.#halted || (drain === undefined && !this.#continuous)) return this.#cross(0);
    if (drain !== undefined && drain.budget === 0) return this.#cross(0);
    const slot = this.limiters.isOn ? this.#crossLimiters() : this.#cross(1);
    if (drain !== undefined && slot >= 0) drain.budget--;
    if (this.onRoom !== undefined) this.onRoom();
    return slot;
  }

  /** The next slot whose event finds the permits that it needs; the others go back into the core and wait there. */
  #crossLimiters(): number {
    const words = this.#words;
    for (let slot = this.#cross(1); slot >= 0; slot = this.#cross(1)) {
      if (this.limiters.start(this.#events.at(slot)!, slot, words[WAITED_FOR]!, words[WAITED_KEY]!)) return slot;
      if (--this.turns.untilCheck <= 0) this.turns.check();
      if (this.turns.gate !== undefined) return -1;
    }
    return -1;
  }

  async #work(first: number): Promise<void> {
    let slot = first;
    this.#workers++;
    do {
      const event = this.#events.at(slot)!;
      const run = ++this.#runSeq;
      this.#runs[slot] = run;
      if (this.#started !== undefined) this.#started.set(event, slot);
      let failed = false;
      let error: unknown;
      try {
        // eslint-disable-next-line @typescript-eslint/no-explicit-any
        let result: any = this.#begin(event, slot);
        if (result !== undefined && result !== null) {
          if (typeof result.then === 'function') result = await result;
          const isEvent = typeof result === 'object' && result !== null && typeof result.type === 'string';
          if (isEvent && this.#runs[slot] === run) {
            await this.#host.follow(event, result, slot);
          }
        }
      } catch (thrown) {
        failed = true;
        error = thrown;
      }
      if (this.#runs[slot] !== run) {
        this.lateResults++;
        return;
      }
      if (failed) this.#failed(slot, event, error);
      else this.#succeeded(slot, event);
      if (--this.turns.untilCheck <= 0) this.turns.check();
      while (this.turns.gate !== undefined) await this.turns.gate;
      slot = this.#take();
    } while (slot >= 0);
    if (this.#isOver) this.clear('dropped');
    this.#workerExits();
    this.#checkQuiet();
  }

  #begin(event: AnyEvent, slot: number): unknown {
    this.#current = slot;
    try {
      return this.#host.run(event, slot);
    } finally {
      this.#current = -1;
      if (this.limiters.isOn) this.limiters.settle();
    }
  }

  #succeeded(slot: number, event: AnyEvent): void {
    const extras = this.#extras.peek(slot);
    if (extras?.nacked) {
      // Refused by its owner while it ran: the core answers with a redelivery or a dead letter.
      this.tally.failed++;
      this.#runs[slot] = 0;
      return this.#complete(slot, DONE, NaN);
    }
    this.tally.processed++;
    const { acks } = this.#host;
    if (acks === 'manual' && !extras?.acked) {
      this.#runs[slot] = 0;
      this.#complete(slot, DELIVERED, NaN);
    } else {
      if (acks !== 'off') this.tally.acked++;
      this.#complete(slot, DONE, NaN);
      this.#release(slot, event);
      this.#host.onSettled(event);
    }
    this.#host.onDone(event);
  }

  #failed(slot: number, event: AnyEvent, error: unknown): void {
    const extras = this.#noteError(slot, error);
    this.tally.failed++;
    this.#runs[slot] = 0;
    const { retryable, askedMs } = this.#host.classify(error, event);
    this.#doubles[NOW] = extras.failedAt!;
    this.#complete(slot, retryable ? FAILED_RETRYABLE : FAILED, askedMs);
    if (extras.acked) {
      if (this.#host.acks !== 'off') this.tally.acked++;
      this.#release(slot, event);
      this.#host.onSettled(event);
      this.#host.onDone(event);
    }
    this.#host.onFailure(event, error, slot);
  }

  /** Keeps what a dead letter will have to say, while the core still knows the slot. */
  #noteError(slot: number, error: unknown): SlotExtras {
    const extras = this.extrasOf(slot);
    extras.error = error;
    extras.failedAt = monotonicNow();
    extras.priority ??= this.#core.priority(slot);
    return extras;
  }

  #complete(slot: number, outcome: number, askedMs: number): void {
    const words = this.#words;
    // What a timeout has cut short inside of this run may hold permits of a middleware: it must come to its end, too.
    this.#resume(slot);
    if (words[COMPLETED] === RING_RECORDS) this.#cross(0);
    const index = words[COMPLETED]!;
    words[COMPLETED] = index + 1;
    const at = COMPLETIONS + index * COMPLETION_WORDS;
    words[at] = slot;
    words[at + 1] = outcome;
    this.#doubles[(at >> 1) + 1] = askedMs;
  }

  // ── Drains ───────────────────────────────────────────────────────────────────────────────────────────

  /** Whether a drain or `start()` is going on. */
  get isProcessing(): boolean {
    return this.#drain !== undefined || this.#continuous;
  }

  /** Whether handlers run. */
  get isBusy(): boolean {
    return this.#workers > 0;
  }

  /** The slot whose handlers run synchronously right now, or -1. */
  get current(): number {
    return this.#current;
  }

  /** Runs what is ready; answers what was done. At once with zeros while another drain is going on. */
  drain(options: DrainOptions = {}): Promise<Tally> {
    if (this.isProcessing || this.#closed || this.#halted) return Promise.resolve(this.#since(this.tally));
    return this.#beginDrain(options);
  }

  async #beginDrain(options: DrainOptions): Promise<Tally> {
    const before = { ...this.tally };
    if (options.signal?.aborted || options.maxEvents === 0) return this.#since(before);
    if (options.catchUp) this.#tick(monotonicNow());
    const stop: (() => void)[] = [];
    this.keepAlive.hold();
    try {
      await new Promise<void>((resolve) => {
        const finish = (): void => {
          if (this.#drain !== drain) return;
          this.#drain = undefined;
          resolve();
        };
        const drain: Drain = {
          budget: options.maxEvents ?? Infinity,
          untilEmpty: options.untilEmpty ?? false,
          started: 0,
          before,
          finish,
        };
        this.#drain = drain;
        if (options.timeoutMs !== undefined) stop.push(this.after(options.timeoutMs, finish));
        if (options.signal !== undefined) {
          const { signal } = options;
          signal.addEventListener('abort', finish, { once: true });
          stop.push(() => signal.removeEventListener('abort', finish));
        }
        this.#pump();
      });
    } finally {
      for (const undo of stop) undo();
      this.keepAlive.release();
    }
    return this.#since(before);
  }

  #since(before: Tally): Tally {
    const now = this.tally;
    return {
      processed: now.processed - before.processed,
      acked: now.acked - before.acked,
      failed: now.failed - before.failed,
      retried: now.retried - before.retried,
      deadLettered: now.deadLettered - before.deadLettered,
    };
  }

  /** Processes continuously until `stop`. */
  start(): void {
    if (this.#closed) return;
    this.#continuous = true;
    this.#schedulePump();
  }

  /** Starts nothing more; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#continuous = false;
    await this.#workersAtMost(0);
    this.#hold(false);
  }

  #workersAtMost(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#workers <= count) resolve();
        else this.#exitWaiters.push(look);
      };
      look();
    });
  }

  /** Resolves when nothing is ready or running. */
  async idle(): Promise<void> {
    this.keepAlive.hold();
    try {
      for (this.#flush(); !this.#isQuiet(); this.#flush()) {
        await new Promise<void>((resolve) => this.#quietWaiters.push(resolve));
      }
    } finally {
      this.keepAlive.release();
    }
  }

  #flush(): void {
    this.#cross(0);
  }

  #isQuiet(): boolean {
    const words = this.#words;
    return words[READY] === 0 && words[RUNNING] === words[UNACKED] && words[SUBMITTED] === 0 && words[COMPLETED] === 0;
  }

  /** Ends the drain that has nothing left to do, and tells those who wait for it. */
  #checkQuiet(): void {
    const words = this.#words;
    const busy = words[SUBMITTED] !== 0 || words[COMPLETED] !== 0 || this.turns.gate !== undefined;
    if (busy || words[RUNNING] !== words[UNACKED]) {
      if (this.#continuous) this.#hold(true);
      return;
    }
    const drain = this.#drain;
    const over = drain?.budget === 0 || this.#halted;
    if (drain !== undefined && (words[READY] === 0 || over)) {
      const waits = drain.untilEmpty && !over && words[WAITING] !== 0;
      if (!waits) drain.finish();
    }
    if (this.#continuous) this.#hold(words[READY] !== 0);
    if (this.#events.slots > KEPT_SLOTS && this.#events.isEmpty) this.#shrink();
    if (this.#quietWaiters.length > 0 && (words[READY] === 0 || this.#workers === 0)) {
      for (const waiter of this.#quietWaiters.splice(0)) waiter();
    }
  }

  /** All events of a burst have ended: its tables go, here and in the core. */
  #shrink(): void {
    this.#events.shrink();
    this.#runs = [];
    this.#extras.shrink();
    this.#core.shrink();
  }

  #hold(hold: boolean): void {
    if (hold === this.#holding) return;
    this.#holding = hold;
    if (hold) this.keepAlive.hold();
    else this.keepAlive.release();
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────────────

  #tick(now: number): void {
    this.#timer.forget();
    this.#cross(0);
    this.#doubles[NOW] = Math.max(this.#doubles[NOW]!, now);
    this.#core.tick(now);
    this.#timer.served();
    this.#settle();
  }

  /** See {@link Alarms.after}. */
  after(delayMs: number, ring: () => void): () => void {
    return this.#alarms.after(delayMs, ring);
  }

  // ── Commands about one event ─────────────────────────────────────────────────────────────────────────

  /** The slot of a live event, or -1. The first call builds the index. */
  slotOf(eventId: string): number {
    if (this.#byId === undefined) {
      this.#byId = new Map();
      this.#events.forEachId((id, slot) => this.#byId!.set(id, slot));
    }
    return this.#byId.get(eventId) ?? -1;
  }

  /** The slot of an event that has been started. The first call builds the index: only middleware that waits needs it. */
  slotOfRun(event: AnyEvent): number | undefined {
    if (this.#started === undefined) {
      this.#started = new WeakMap();
      this.#runs.forEach((run, slot) => run && this.#started!.set(this.#events.at(slot)!, slot));
    }
    const slot = this.#started.get(event);
    return slot !== undefined && this.#events.at(slot) === event ? slot : undefined;
  }

  /** The number of the run that is going on in `slot`: another one, or 0, once that has been given up. */
  runOf(slot: number): number {
    return this.#runs[slot] ?? 0;
  }

  /** Whether the event of `slot` has been started and has not ended. */
  isRunning(slot: number): boolean {
    const state = this.#core.state(slot);
    return state === 5 || state === 6;
  }

  /** The core's number of the state that an event is in. */
  stateOf(slot: number): number {
    this.#flush();
    return this.#core.state(slot);
  }

  eventAt(slot: number): AnyEvent | undefined {
    return this.#events.at(slot);
  }

  /** Makes the events with these numbers in the log, those of them that have not been made. */
  makeDrafts(seqs: ReadonlySet<number>): void {
    this.#events.makeOf(seqs);
  }

  /** True if there was a delivery to acknowledge. */
  ack(slot: number): boolean {
    this.#flush();
    const event = this.#events.at(slot);
    const wasUnacked = this.#core.state(slot) === 6;
    const known = event !== undefined && this.#core.ack(monotonicNow(), slot);
    if (known && wasUnacked) {
      this.tally.acked++;
      this.#release(slot, event);
      this.#host.onSettled(event);
    } else if (known) {
      Object.assign(this.extrasOf(slot), { acked: true, nacked: false });
    }
    this.#settle();
    return known;
  }

  /** True if there was a delivery to refuse. */
  nack(slot: number, error: unknown): boolean {
    this.#flush();
    const event = this.#events.at(slot);
    if (event === undefined) return false;
    const state = this.#core.state(slot);
    if (state !== 5 && state !== 6) return false;
    const extras = this.#noteError(slot, error);
    if (state === 5) Object.assign(extras, { acked: false, nacked: true });
    else this.tally.failed++;
    this.#core.nack(monotonicNow(), slot);
    this.#settle();
    return true;
  }

  /** Takes an event out that does not run; of one that runs, aborts the signal. */
  cancel(slot: number, reason: unknown): boolean {
    this.#flush();
    if (this.#events.at(slot) === undefined) return false;
    if (this.#core.cancel(monotonicNow(), slot)) {
      this.#settle();
      return true;
    }
    const controller = this.#extras.peek(slot)?.controller;
    controller?.abort(reason);
    return controller !== undefined;
  }

  /** Gives up the oldest ready event of the lowest priority, for room. */
  dropOldest(): boolean {
    this.#flush();
    const dropped = this.#core.dropOldest(monotonicNow());
    this.#settle();
    return dropped;
  }

  /** Takes out everything that does not run. */
  clear(how: 'cancelled' | 'dropped'): void {
    this.#flush();
    this.#core.clear(monotonicNow(), how === 'dropped' ? 1 : 0);
    this.#settle();
  }

  /** See {@link Parkings.park}. */
  park<T>(slot: number, wait: Promise<T>): Promise<T> {
    return this.#parkings.park(slot, wait);
  }

  #resume(slot: number): void {
    resume(this.#extras.peek(slot)?.parking);
  }

  /** Sets how many may run at once. */
  setWidth(width: number): void {
    this.#width = width;
    this.#core.setWidth(width);
  }

  // ── Views ────────────────────────────────────────────────────────────────────────────────────────────

  stats(): EngineStats {
    this.#flush();
    return this.#core.stats();
  }

  latencyStats(): LatencyStats | null {
    if (this.latency === undefined) return null;
    this.#flush();
    return this.latency.stats();
  }

  /** Waiting events in the order in which they would start. */
  snapshot(limit: number): number[] {
    this.#flush();
    return Array.from(this.#core.snapshot(limit));
  }

  attempts(slot: number): number {
    return this.#core.attempts(slot);
  }

  priority(slot: number): number {
    return this.#core.priority(slot);
  }

  /** Milliseconds since the epoch when what waits for its delay or redelivery may start; undefined for what waits for neither. */
  dueAt(slot: number): number | undefined {
    this.#flush();
    const inMs = this.#core.dueAt(slot) - monotonicNow();
    return Number.isNaN(inMs) ? undefined : Math.round(wallNow() + inMs);
  }

  /** Milliseconds that the handlers of an attempt ran until it failed; undefined where no times are recorded. */
  runTimeOf(slot: number, extras = this.#extras.peek(slot)): number | undefined {
    const ms = extras?.failedAt === undefined ? NaN : this.#core.runTime(extras.failedAt, slot);
    return Number.isNaN(ms) ? undefined : Math.round(ms * 1000) / 1000;
  }

  // ── End ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Starts nothing more, waits up to `timeoutMs` for what runs (but for `except`, whose handler asks for this),
   * then aborts it. What still waits is dropped. Answers how many events were dropped.
   */
  async close(timeoutMs: number, reason: unknown, except: number): Promise<number> {
    if (this.#closed) return 0;
    this.#closed = true;
    this.#continuous = false;
    if (this.#drain !== undefined) this.#drain.budget = 0;
    const before = this.stats().dropped;
    const own = except >= 0 ? 1 : 0;
    if (this.#workers > own) await this.#waitForWorkers(own, timeoutMs);
    this.#abortRuns(reason, except);
    this.clear('dropped');
    this.#isOver = true;
    this.#drain?.finish();
    this.#timer.stop();
    this.#hold(false);
    for (const waiter of this.#quietWaiters.splice(0)) waiter();
    this.onRoom?.();
    return this.stats().dropped - before;
  }

  async #waitForWorkers(own: number, timeoutMs: number): Promise<void> {
    this.keepAlive.hold();
    let stop = (): void => undefined;
    const timeout = new Promise<void>((resolve) => (stop = this.after(timeoutMs, resolve)));
    await Promise.race([this.#workersAtMost(own), timeout]);
    stop();
    this.keepAlive.release();
  }

  #abortRuns(reason: unknown, except: number): void {
    this.#flush();
    for (let slot = 0; slot < this.#events.slots; slot++) {
      if (!this.#runs[slot] || slot === except) continue;
      this.#giveUpRun(slot, reason);
      this.#core.abandon(monotonicNow(), slot);
      this.#settle();
    }
  }

  /** Starts nothing more and aborts the signal of everything that runs; the runs go on to their own end. */
  halt(reason: unknown): void {
    this.#halted = true;
    this.#schedulePump();
    this.#extras.forEach((extras) => extras.controller?.abort(reason));
  }
}

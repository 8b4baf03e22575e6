import { RuntimeError } from '../errors';
import { FrameWriter } from './frame';
import { native } from '../native/index';
import { KeepAlive, onNextTurn } from '../engine/real-timers';
import type { RuntimeErrorCode } from '../errors';
import type { GroupReport, JournalHandle, NativeJournalOptions } from '../native/journal';

/** Bytes after which a frame is handed over before the turn ends, so that the journal's thread has work. */
const FRAME_BYTES = 65_536;
/** Bytes on their way to the disk above which handlers wait. */
const BEHIND_BYTES = 64 * 2 ** 20;

/** Journals that are open, for the end of the process: `process.exit()` gives native code no chance of its own. */
const open = new Set<Journal>();

function closeAll(): void {
  for (const journal of open) journal.closeNow();
}

function opened(journal: Journal): void {
  if (open.size === 0) process.on('exit', closeAll);
  open.add(journal);
}

function closed(journal: Journal): void {
  if (open.delete(journal) && open.size === 0) process.off('exit', closeAll);
}

/** Those who wait for one frame; they share a promise. */
interface FrameWait {
  frame: number;
  promise: Promise<RuntimeError | undefined>;
  resolve: (error: RuntimeError | undefined) => void;
}

/** A frame on its way. */
interface Sent {
  frame: number;
  bytes: number;
}

/** What a journal tells its owner. */
export interface JournalListener {
  /** The awaited events of these frames are given up. */
  onGivenUp(frames: readonly number[], error: RuntimeError): void;
  /** The journal has failed, or works again. */
  onHealth(failure: RuntimeError | undefined): void;
}

/**
 * The JavaScript half of a journal: gathers the operations of a turn into a frame, hands it to the journal's thread, and tells
 * those who wait when it is durable. What is written when, and what is tried again, is decided there.
 */
export class Journal {
  readonly path: string;
  readonly handle: JournalHandle;
  readonly #listener: JournalListener;
  readonly #keepAlive = new KeepAlive();
  readonly #frame = new FrameWriter();
  #isScheduled = false;
  /** Calls of `together` that go on. */
  #held = 0;
  /** Frames handed over, and the last of them that is durable. */
  #handedOver = 0;
  #durable = 0;
  #sent: Sent[] = [];
  #bytesSent = 0;
  #waits: FrameWait[] = [];
  #behind: { promise: Promise<void>; resolve: () => void } | undefined;
  readonly #flushes = new Set<(error: RuntimeError) => void>();
  #closing: Promise<void> | undefined;
  /** Whether something was written after the end. */
  #hasDiscarded = false;
  /** Why nothing can be accepted at present. */
  refusal: RuntimeError | undefined;
  failures = 0;

  /** @throws RuntimeError JOURNAL_LOCKED, JOURNAL_CORRUPT, JOURNAL_VERSION or JOURNAL_FAILED */
  constructor(options: NativeJournalOptions, listener: JournalListener) {
    this.path = options.path;
    this.#listener = listener;
    try {
      this.handle = native.openJournal(options, (report) => this.#onGroup(report));
    } catch (error) {
      throw journalError(error, options.path);
    }
    opened(this);
  }

  /** The number of the frame that the next line will be in. */
  get frame(): number {
    return this.#handedOver + 1;
  }

  /** The last frame that is durable. */
  get durable(): number {
    return this.#durable;
  }

  /** Adds an operation to the frame of this turn. */
  write(line: string): void {
    this.#frame.line(line);
    this.#written();
  }

  /** Adds operations that are to be stored together or not at all. */
  writeAll(lines: readonly string[]): void {
    this.#frame.lines(lines);
    this.#written();
  }

  /** Adds an event that the emitter has made. See {@link FrameWriter.event}. */
  writeEvent(...event: Parameters<FrameWriter['event']>): boolean {
    if (!this.#frame.event(...event)) return false;
    this.#written();
    return true;
  }

  writeDone(seq: number, isProcessed: boolean, at: number): void {
    this.#frame.done(seq, isProcessed, at);
    this.#written();
  }

  writeGone(seq: number, at: number): void {
    this.#frame.gone(seq, at);
    this.#written();
  }

  /** What `write` writes is in one frame, so that it is stored together or not at all. */
  together<T>(write: () => T): T {
    this.#held++;
    try {
      return write();
    } finally {
      this.#held--;
      if (!this.#frame.isEmpty) this.#written();
    }
  }

  #written(): void {
    if (this.#closing !== undefined) return this.#discard();
    if (this.#frame.size >= FRAME_BYTES && this.#held === 0) this.#handOver(false);
    else if (!this.#isScheduled) this.#schedule();
  }

  /** Nobody takes frames any more; those who ask are told. */
  #discard(): void {
    this.#frame.take();
    this.#hasDiscarded = true;
  }

  #schedule(): void {
    this.#isScheduled = true;
    onNextTurn(() => {
      this.#isScheduled = false;
      this.#handOver(true);
    });
  }

  #handOver(isTurnOver: boolean): void {
    if (this.#frame.isEmpty || this.#closing !== undefined) return;
    const { size } = this.#frame;
    const { text, numbers } = this.#frame.take();
    this.#sent.push({ frame: ++this.#handedOver, bytes: size });
    this.#bytesSent += size;
    this.handle.write(text, numbers, isTurnOver);
  }

  /** Resolves when everything written so far is durable; with an error if the events of its frame were given up. */
  settled(): Promise<RuntimeError | undefined> | undefined {
    if (this.#closing !== undefined) return this.#settledAtEnd(this.#closing);
    const frame = this.#frame.isEmpty ? this.#handedOver : this.#handedOver + 1;
    if (frame <= this.#durable) return undefined;
    const last = this.#waits.at(-1);
    if (last?.frame === frame) return last.promise;
    const { promise, resolve } = deferred<RuntimeError | undefined>();
    this.#waits.push({ frame, promise, resolve });
    this.#keepAlive.hold();
    return promise;
  }

  async #settledAtEnd(closing: Promise<void>): Promise<RuntimeError | undefined> {
    try {
      await closing;
    } catch (error) {
      return error as RuntimeError;
    }
    return this.#hasDiscarded ? this.closedError : undefined;
  }

  /** Why nothing can be written or read any more. */
  get closedError(): RuntimeError {
    const { path } = this;
    return new RuntimeError('JOURNAL_FAILED', `journal ${path}: it has been closed`, { context: { path } });
  }

  /** Resolves when less is on its way; undefined: it is little enough. */
  get behind(): Promise<void> | undefined {
    if (this.#bytesSent < BEHIND_BYTES) return undefined;
    return (this.#behind ??= deferred<void>()).promise;
  }

  #onGroup(report: GroupReport): void {
    this.#durable = Math.max(this.#durable, report.durable);
    this.#noteHealth(report);
    if (report.failed.length > 0) this.#giveUp(report);
    while (this.#sent.length > 0 && this.#sent[0]!.frame <= this.#durable) this.#bytesSent -= this.#sent.shift()!.bytes;
    if (this.#behind !== undefined && this.#bytesSent < BEHIND_BYTES) {
      this.#behind.resolve();
      this.#behind = undefined;
    }
    while (this.#waits.length > 0 && this.#waits[0]!.frame <= this.#durable)
      this.#release(this.#waits.shift()!, undefined);
  }

  #giveUp(report: GroupReport): void {
    const error = this.#errorOf(report);
    this.#listener.onGivenUp(report.failed, error);
    const failed = new Set(report.failed);
    const given = this.#waits.filter(({ frame }) => failed.has(frame));
    this.#waits = this.#waits.filter(({ frame }) => !failed.has(frame));
    for (const wait of given) this.#release(wait, error);
  }

  #release(wait: FrameWait, error: RuntimeError | undefined): void {
    this.#keepAlive.release();
    wait.resolve(error);
  }

  #noteHealth(report: GroupReport): void {
    const before = this.refusal;
    const isWell = report.healthy && !report.full;
    if (isWell && before === undefined) return;
    this.refusal = isWell ? undefined : this.#errorOf(report);
    if (this.refusal?.code === before?.code) return;
    if (!isWell) this.failures++;
    if (this.refusal?.code === 'JOURNAL_FAILED') for (const fail of this.#flushes) fail(this.refusal);
    this.#listener.onHealth(this.refusal);
  }

  #errorOf(report: GroupReport): RuntimeError {
    const isFull = report.full || report.code === 'JOURNAL_FULL';
    const code = isFull && report.healthy ? 'JOURNAL_FULL' : 'JOURNAL_FAILED';
    const advice = isFull
      ? 'it has reached journal.maxBytes; let events be handled, raise maxBytes, or keep less'
      : `the last commit has failed (${report.message}); it is tried again by itself`;
    return new RuntimeError(code, `journal ${this.path}: ${advice}`, {
      context: { path: this.path, reason: report.message, ran: false },
    });
  }

  /** Makes everything so far durable. @throws RuntimeError JOURNAL_FAILED */
  async flush(): Promise<void> {
    this.#handOver(true);
    const settled = this.settled();
    if (settled === undefined) return;
    if (this.#closing !== undefined) return throwIfAny(await settled);
    if (this.refusal?.code === 'JOURNAL_FAILED') throw this.refusal;
    this.handle.commit();
    const failed = deferred<RuntimeError>();
    this.#flushes.add(failed.resolve);
    const error = await Promise.race([settled, failed.promise]);
    this.#flushes.delete(failed.resolve);
    throwIfAny(error);
  }

  /** Whether it is closed, or about to be. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Commits what is there and lets go of the files. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#handOver(true);
    this.#keepAlive.hold();
    this.#closing = this.handle.close().then(
      () => this.#closed(undefined),
      (error: unknown) => {
        const failure = journalError(error, this.path);
        this.#closed(failure);
        throw failure;
      },
    );
    return this.#closing;
  }

  /** Commits what is there, and waits for it: the process is ending. */
  closeNow(): void {
    this.#handOver(true);
    try {
      this.handle.closeNow();
    } catch {
      // The journal has told of what went wrong; nobody is there to hear more.
    }
  }

  #closed(error: RuntimeError | undefined): void {
    closed(this);
    this.#keepAlive.release();
    for (const wait of this.#waits.splice(0)) this.#release(wait, error);
    this.#behind?.resolve();
  }
}

function throwIfAny(error: RuntimeError | undefined): void {
  if (error !== undefined) throw error;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

const CODES: readonly RuntimeErrorCode[] = [
  'JOURNAL_LOCKED',
  'JOURNAL_CORRUPT',
  'JOURNAL_VERSION',
  'JOURNAL_FULL',
  'JOURNAL_FAILED',
];

/** An error of the addon as one of the family. */
export function journalError(error: unknown, path: string): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = CODES.find((one) => text.startsWith(`${one}: `));
  const message = code === undefined ? text : text.slice(code.length + 2);
  return new RuntimeError(code ?? 'JOURNAL_FAILED', message, { cause: error, context: { path } });
}

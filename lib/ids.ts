import { randomBytes } from 'node:crypto';
import { wallNow } from './clock';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz';
/** All pairs of base36 digits: the last two characters of the ids of one block. */
const PAIRS = Array.from(BASE36).flatMap((high) => Array.from(BASE36, (low) => high + low));
/** Three decimal digits: the end of the numbers of one block of correlation ids. */
const TRIPLES = Array.from({ length: 1000 }, (_, index) => String(index).padStart(3, '0'));

/** Random bytes are drawn by the thousand: a draw costs more than the bytes. */
let pool = Buffer.alloc(0);
let poolIndex = 0;

function randomByte(): number {
  if (poolIndex === pool.length) {
    pool = randomBytes(1024);
    poolIndex = 0;
  }
  return pool[poolIndex++]!;
}

/** Base62 characters, uniformly: bytes from 248 on would favour the first eight and are drawn again. */
function random62(length: number): string {
  let text = '';
  while (text.length < length) {
    const byte = randomByte();
    if (byte < 248) text += BASE62[byte % 62]!;
  }
  return text;
}

let lastMicros = 0;

/** Microseconds since the epoch, never the same twice in a process. */
function uniqueMicros(): number {
  // A test's fake clock may lack the origin; milliseconds do then.
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000) || wallNow() * 1000;
  lastMicros = Math.max(lastMicros + 1, micros);
  return lastMicros;
}

/** A whole number of 48 random bits. */
function randomDigits(): number {
  let number = 0;
  for (let byte = 0; byte < 6; byte++) number = number * 256 + randomByte();
  return number;
}

/** Where the ids that were made last stand: each is a block that many share, and its place in it. */
export interface MintedIds {
  callBlock: string;
  /** Place of the first of the two call ids that an event has; the other one follows it. */
  callIndex: number;
  correlationBlock: string;
  /** -1: its correlation id was given. */
  correlationIndex: number;
}

let callBlock = '';
let callIndex = PAIRS.length;

/**
 * A fresh call id. The random part and the time are drawn for each block of 1,296 ids, which differ in their last two
 * characters: so an id costs one concatenation. 36 random bits and a clock of microseconds keep processes and restarts apart.
 */
export function nextCallId(): string {
  if (callIndex === PAIRS.length) newCallBlock();
  return callBlock + PAIRS[callIndex++]!;
}

function newCallBlock(): void {
  callIndex = 0;
  callBlock = `call_${random62(6)}_${uniqueMicros().toString(36)}`;
}

/** The call id at a place of a block. */
export const callIdAt = (block: string, index: number): string => block + PAIRS[index]!;

/** Sees to it that the next two call ids are of one block. */
export function reserveTwoCallIds(): void {
  if (callIndex > PAIRS.length - 2) newCallBlock();
}

let correlationBlock = '';
let correlationIndex = TRIPLES.length;
let lastCorrelation = '';

/** A fresh `corr_<ms>_<random number>`, the id of an event that came without one. Made in blocks of 1,000. */
export function nextCorrelationId(): string {
  if (correlationIndex === TRIPLES.length) newCorrelationBlock();
  return (lastCorrelation = correlationBlock + TRIPLES[correlationIndex++]!);
}

function newCorrelationBlock(): void {
  correlationIndex = 0;
  correlationBlock = `corr_${wallNow()}_${randomDigits()}`;
}

/** The correlation id at a place of a block. */
export const correlationIdAt = (block: string, index: number): string => block + TRIPLES[index]!;

/** Draws the two call ids and the correlation id of an event, without making them: writes where they stand into `minted`. */
export function mint(minted: MintedIds): void {
  reserveTwoCallIds();
  if (correlationIndex === TRIPLES.length) newCorrelationBlock();
  minted.callBlock = callBlock;
  minted.callIndex = callIndex;
  minted.correlationBlock = correlationBlock;
  minted.correlationIndex = correlationIndex++;
  callIndex += 2;
}

/** Where the last two call ids stand, and the correlation id of their event, if it is the last one that was made. */
export function mintedNow(correlationId: string | undefined): MintedIds {
  const isOwn = correlationId === lastCorrelation;
  return {
    callBlock,
    callIndex: callIndex - 2,
    correlationBlock,
    correlationIndex: isOwn ? correlationIndex - 1 : -1,
  };
}

/** Kinds of ids that `IdGenerator.validateId` knows. */
export type IdKind = 'execution' | 'correlation' | 'call' | 'session' | 'tenant';

const SHAPES: Record<IdKind, RegExp> = {
  execution: /^exec_[a-z0-9]+_[A-Za-z0-9]{8}_[a-z0-9]+$/,
  correlation: /^corr_[A-Za-z0-9]{12}_[a-z0-9]+$/,
  call: /^call_[A-Za-z0-9]{6}_[a-z0-9]{6,}$/,
  session: /^sess_[A-Za-z0-9]{10}_[a-z0-9]+$/,
  tenant: /^tenant_[A-Za-z0-9]{8}$/,
};

/** Shapes that carry a time in base36 milliseconds, and where. */
const TIMES = [
  /^exec_([a-z0-9]+)_[A-Za-z0-9]{8}_[a-z0-9]+$/,
  /^corr_[A-Za-z0-9]{12}_([a-z0-9]+)$/,
  /^sess_[A-Za-z0-9]{10}_([a-z0-9]+)$/,
  /^evt_[A-Za-z0-9]{8}_([a-z0-9]+)$/,
  /^trace_[A-Za-z0-9]{12}_([a-z0-9]+)$/,
  /^msg_([a-z0-9]+)_[A-Za-z0-9]{9}$/,
  /^trace_([a-z0-9]+)_[A-Za-z0-9]{6}$/,
  /^span_([a-z0-9]+)_[A-Za-z0-9]{6}$/,
];

const time36 = (): string => wallNow().toString(36);

let executionCount = 0;

/** Ids of the framework's shapes: a prefix, then parts divided by underscores. */
export class IdGenerator {
  /** `call_<6 random base62>_<base36>`: event ids, thread ids. */
  static callId(): string {
    return nextCallId();
  }

  /** `exec_<base36 ms>_<8 base62>_<base36 counter mod 1000>` */
  static executionId(): string {
    executionCount = (executionCount + 1) % 1000;
    return `exec_${time36()}_${random62(8)}_${executionCount.toString(36)}`;
  }

  /** `corr_<12 base62>_<base36 ms>` */
  static correlationId(): string {
    return `corr_${random62(12)}_${time36()}`;
  }

  /** `sess_<10 base62>_<base36 ms>` */
  static sessionId(): string {
    return `sess_${random62(10)}_${time36()}`;
  }

  /** `tenant_<8 base62>` */
  static tenantId(): string {
    return `tenant_${random62(8)}`;
  }

  /** `evt_<8 base62>_<base36 ms>` */
  static eventId(): string {
    return `evt_${random62(8)}_${time36()}`;
  }

  /** `trace_<12 base62>_<base36 ms>` */
  static traceId(): string {
    return `trace_${random62(12)}_${time36()}`;
  }

  /** `span_<8 base62>` */
  static spanId(): string {
    return `span_${random62(8)}`;
  }

  /** `msg_<base36 ms>_<9 base62>` */
  static messageId(): string {
    return `msg_${time36()}_${random62(9)}`;
  }

  /** `trace_<base36 ms>_<6 base62>` */
  static generateTraceId(): string {
    return `trace_${time36()}_${random62(6)}`;
  }

  /** `span_<base36 ms>_<6 base62>` */
  static generateSpanId(): string {
    return `span_${time36()}_${random62(6)}`;
  }

  /** Whether `id` has the shape of `kind`. */
  static validateId(id: string, kind: IdKind): boolean {
    return typeof id === 'string' && Object.hasOwn(SHAPES, kind) && SHAPES[kind].test(id);
  }

  /** The time in an id in milliseconds since the epoch, or null where its shape has none (call, tenant and span ids). */
  static extractTimestamp(id: string): number | null {
    if (typeof id !== 'string') return null;
    for (const shape of TIMES) {
      const time = shape.exec(id)?.[1];
      if (time !== undefined) return Number.parseInt(time, 36);
    }
    return null;
  }
}

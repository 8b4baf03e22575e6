/** The memory shared with the core; the same table as `src/node/rings.rs`. */

/** Header words (indexes into the Uint32Array). */
export const SUBMITTED = 0;
export const COMPLETED = 1;
export const WANTED = 2;
export const DISPATCHED = 3;
export const NOTICES = 4;
export const MORE = 5;
export const READY = 6;
export const WAITING = 7;
export const RUNNING = 8;
export const UNACKED = 9;
export const DEPTH = 10;
export const WAITED_FOR = 11;
export const WAITED_KEY = 12;

/** Header doubles (indexes into the Float64Array). */
export const NOW = 8;
export const DEADLINE = 9;

const HEADER_BYTES = 128;
/** Records in the submission, completion and notice rings. */
export const RING_RECORDS = 1024;

const SUBMISSION_BYTES = 48;
const COMPLETION_BYTES = 16;
const NOTICE_BYTES = 16;

/** First word of each ring, and words of a record. */
export const SUBMISSIONS = HEADER_BYTES / 4;
export const SUBMISSION_WORDS = SUBMISSION_BYTES / 4;
export const COMPLETIONS = SUBMISSIONS + (RING_RECORDS * SUBMISSION_BYTES) / 4;
export const COMPLETION_WORDS = COMPLETION_BYTES / 4;
export const NOTICE_RING = COMPLETIONS + (RING_RECORDS * COMPLETION_BYTES) / 4;
export const NOTICE_WORDS = NOTICE_BYTES / 4;
export const DISPATCHES = NOTICE_RING + (RING_RECORDS * NOTICE_BYTES) / 4;

/** In a dispatch: the event is not new, its parked run may go on. */
export const RESUME_BIT = 0x8000_0000;
/** No slot, no ordering key. */
export const NONE = 0xffff_ffff;

/** Outcomes of a completion record. */
export const DONE = 0;
export const DELIVERED = 1;
export const FAILED = 2;
export const FAILED_RETRYABLE = 3;

/** Kinds of a notice record; the attempts that have failed stand above bit 4. */
export const NOTICE_RETRY = 1;
export const NOTICE_DEAD = 2;
export const NOTICE_ACK_TIMEOUT = 3;
export const NOTICE_EXPIRED = 4;
export const NOTICE_CANCELLED = 5;
export const NOTICE_DROPPED = 6;
/** Not an event: an alarm of the facade rings; the slot is its token. */
export const NOTICE_ALARM = 7;

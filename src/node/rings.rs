//! The memory that JavaScript and the core share: a header and four rings, after io_uring.
//!
//! JavaScript allocates one `ArrayBuffer`, writes submissions and completions into it and calls `advance()`; the
//! core reads them, decides, and writes what to start and what has been decided. Both sides run on the same
//! thread, and never at the same time, so plain loads and stores are enough.

use std::ptr;

use napi::bindgen_prelude::*;
use napi::{check_status, sys};

/// Indexes of the header's 32-bit words. The facade has the same table (`lib/engine/layout.ts`).
pub mod word {
    /// In: submissions written since the last call.
    pub const SUBMITTED: usize = 0;
    /// In: completions written since the last call.
    pub const COMPLETED: usize = 1;
    /// In: how many starts are wanted at most.
    pub const WANTED: usize = 2;
    /// Out: starts written.
    pub const DISPATCHED: usize = 3;
    /// Out: notices written.
    pub const NOTICES: usize = 4;
    /// Out: 1 if more notices wait than the ring takes.
    pub const MORE: usize = 5;
    /// Out: events that are ready.
    pub const READY: usize = 6;
    /// Out: events that wait for a time or a turn.
    pub const WAITING: usize = 7;
    /// Out: events delivered and not ended.
    pub const RUNNING: usize = 8;
    /// Out: of these, events whose acknowledgement is outstanding.
    pub const UNACKED: usize = 9;
    /// Out: events that count against `maxQueueDepth`.
    pub const DEPTH: usize = 10;
    /// Out: the limiter, plus one, that the event to start has waited for in the queue; 0: for none.
    pub const WAITED_FOR: usize = 11;
    /// Out: the key of that limiter.
    pub const WAITED_KEY: usize = 12;
}

/// Indexes of the header's doubles (in units of 8 bytes from the start).
pub mod double {
    /// In: the time, in milliseconds.
    pub const NOW: usize = 8;
    /// Out: when `tick` is to be called; infinity: never.
    pub const DEADLINE: usize = 9;
}

/// Bytes before the first ring.
pub const HEADER_BYTES: usize = 128;
/// Records in the submission, completion and notice rings.
pub const RING_RECORDS: usize = 1024;
/// Records in the dispatch ring.
pub const DISPATCH_RECORDS: usize = 256;

/// One event that wants to run: 48 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SubmissionRecord {
    /// Its slot.
    pub slot: u32,
    /// Interned type.
    pub kind: u32,
    /// Interned tenant.
    pub tenant: u32,
    /// Interned ordering key; all ones: none.
    pub key: u32,
    /// Higher runs first.
    pub priority: f64,
    /// Milliseconds before which it must not start.
    pub delay_ms: f64,
    /// When it was accepted, in milliseconds.
    pub at: f64,
    /// Latency group of its type.
    pub type_group: u32,
    /// One more than the latency group of its tenant; 0: it has none.
    pub tenant_group: u32,
}

/// One run that has ended: 16 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CompletionRecord {
    /// Its slot.
    pub slot: u32,
    /// 0 done, 1 delivered, 2 failed for good, 3 failed and retryable.
    pub outcome: u32,
    /// A delay that the error asks for, in milliseconds; NaN: none.
    pub asked_ms: f64,
}

/// One decision: 16 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NoticeRecord {
    /// Which event.
    pub slot: u32,
    /// What (see `notice_kind` in `engine.rs`), and above bit 4 the attempts that have failed.
    pub kind: u32,
    /// Milliseconds, where the kind has a delay.
    pub delay_ms: f64,
}

const SUBMISSIONS: usize = HEADER_BYTES;
const COMPLETIONS: usize = SUBMISSIONS + RING_RECORDS * size_of::<SubmissionRecord>();
const NOTICES: usize = COMPLETIONS + RING_RECORDS * size_of::<CompletionRecord>();
const DISPATCHES: usize = NOTICES + RING_RECORDS * size_of::<NoticeRecord>();

/// Bytes of the whole.
pub const RING_BYTES: usize = DISPATCHES + DISPATCH_RECORDS * size_of::<u32>();

/// The shared memory, kept alive by a reference of our own.
pub struct Rings {
    base: *mut u8,
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Rings {
    /// Takes `buffer` for the rings; it must have [`RING_BYTES`] bytes and must never be transferred.
    pub fn new(env: &Env, buffer: &ArrayBuffer) -> Result<Self> {
        if buffer.len() != RING_BYTES {
            let message = format!("rings: got {} bytes; allowed: {RING_BYTES}", buffer.len());
            return Err(Error::new(Status::InvalidArg, message));
        }
        let mut reference = ptr::null_mut();
        // SAFETY: `env` is the running environment and `buffer` one of its values; the count of 1 keeps it alive.
        check_status!(unsafe {
            sys::napi_create_reference(env.raw(), buffer.value().value, 1, &mut reference)
        })?;
        Ok(Self {
            base: buffer.as_ptr().cast_mut(),
            env: env.raw(),
            reference,
        })
    }

    /// A header word.
    #[inline]
    pub fn word(&self, index: usize) -> u32 {
        // SAFETY: every index of `word` is below 16, and the header has 128 bytes, aligned to 8.
        unsafe { *self.base.cast::<u32>().add(index) }
    }

    /// Sets a header word.
    #[inline]
    pub fn set_word(&mut self, index: usize, value: u32) {
        // SAFETY: as in `word`.
        unsafe { *self.base.cast::<u32>().add(index) = value }
    }

    /// A header double.
    #[inline]
    pub fn double(&self, index: usize) -> f64 {
        // SAFETY: every index of `double` is below 16, and the header has 16 doubles.
        unsafe { *self.base.cast::<f64>().add(index) }
    }

    /// Sets a header double.
    #[inline]
    pub fn set_double(&mut self, index: usize, value: f64) {
        // SAFETY: as in `double`.
        unsafe { *self.base.cast::<f64>().add(index) = value }
    }

    /// Submission `index`.
    #[inline]
    pub fn submission(&self, index: usize) -> SubmissionRecord {
        self.read(SUBMISSIONS, index % RING_RECORDS)
    }

    /// Completion `index`.
    #[inline]
    pub fn completion(&self, index: usize) -> CompletionRecord {
        self.read(COMPLETIONS, index % RING_RECORDS)
    }

    /// Writes notice `index`.
    #[inline]
    pub fn set_notice(&mut self, index: usize, record: NoticeRecord) {
        self.write(NOTICES, index % RING_RECORDS, record);
    }

    /// Writes start `index`.
    #[inline]
    pub fn set_dispatch(&mut self, index: usize, slot: u32) {
        self.write(DISPATCHES, index % DISPATCH_RECORDS, slot);
    }

    #[inline]
    fn read<T: Copy>(&self, offset: usize, index: usize) -> T {
        // SAFETY: offset and index stay within `RING_BYTES` (callers wrap the index), offsets are multiples of 8,
        // and every bit pattern is a valid record of integers and doubles. The buffer is alive (our reference) and
        // the facade never lets it out of its hands, so it cannot be detached.
        unsafe { *self.base.add(offset).cast::<T>().add(index) }
    }

    #[inline]
    fn write<T: Copy>(&mut self, offset: usize, index: usize, record: T) {
        // SAFETY: as in `read`.
        unsafe { *self.base.add(offset).cast::<T>().add(index) = record }
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        // SAFETY: created in `new`, deleted once; finalizers may delete references, also at the environment's end.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}

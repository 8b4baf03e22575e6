//! Decisions, as pure state machines: no I/O, no threads, no clock, no Node. Every call takes `now`
//! (milliseconds on a monotonic clock that never runs backwards), every answer is data.
//!
//! # The contract of [`runtime::Runtime`]
//!
//! - In: [`Submission`](runtime::Submission)s (an event wants to run), [`Outcome`](runtime::Outcome)s (a run
//!   has ended), commands (`cancel`, `ack`, `park` ...) and `tick(now)` when the armed deadline has passed.
//! - Out: what to start ([`next`](runtime::Runtime::next)), what has been decided about an event
//!   ([`Notice`](runtime::Notice)), and when to be woken ([`next_deadline`](runtime::Runtime::next_deadline)).
//! - **After each call that takes something in, drain the notices.** A slot that a notice ends (dead, expired,
//!   cancelled, evicted) is free for the caller to use again once it has read that notice, no earlier.
//!
//! An event is known here by its *slot*, a small integer that the caller chooses and owns.

pub mod chain;
pub mod collector;
pub mod dead_letters;
pub mod dedupe;
pub mod delivery;
pub mod flood;
pub mod latency;
pub mod limits;
pub mod memory;
pub mod ordering;
pub mod policy;
pub mod pressure;
pub mod ready;
pub mod rng;
pub mod runtime;
pub mod sizes;
pub mod slots;
pub mod snapshots;
pub mod stats;
pub mod stream;
pub mod timers;

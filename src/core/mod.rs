//! Decisions, as pure state machines: no I/O, no threads, no clock, no Node. Every call takes `now`
//! (milliseconds on a monotonic clock), every answer is data.

pub mod policy;
pub mod stream;

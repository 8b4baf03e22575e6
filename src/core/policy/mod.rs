//! Policies of the middleware: one state machine a file, time passed in, answers as data.
//!
//! All have the same shape: a configuration checked by the caller, a state, and calls that take `now` and answer
//! what to do. Keys and waiters are small integers that the policy gives out and takes back; what they stand for
//! (a map key, a promise) is the caller's.

pub mod breaker;
pub mod cache;
pub mod concurrency;
pub mod cron;
pub mod deadlines;
pub mod rate;
pub mod retry;
pub mod schedule;
pub mod waiters;

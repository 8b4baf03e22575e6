//! The policies of the middleware as handles: raw functions for what runs once for each event, wide calls for the rest.
//! Where a call has several answers they cross as one number; `lib/native/policy.ts` says which is which.

mod breaker;
mod cache;
pub(super) mod concurrency;
mod deadlines;
mod rate;
mod retry;
mod schedule;

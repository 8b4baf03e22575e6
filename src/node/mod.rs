//! The Node-API binding: ring memory, handles, conversions. It holds no policy; reading it should be dull.

mod chains;
mod collector;
mod dead_letters;
mod dedupe;
mod engine;
mod flood;
mod journal;
mod latency;
mod logs;
mod memory;
mod policies;
mod pressure;
mod raw;
mod rings;
mod snapshots;
mod streams;

//! The Node-API binding: ring memory, handles, conversions. It holds no policy; reading it should be dull.

mod chains;
mod collector;
mod dedupe;
mod engine;
mod raw;
mod rings;

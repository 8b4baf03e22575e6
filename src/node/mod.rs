//! The Node-API binding: ring memory, handles, conversions. It holds no policy; reading it should be dull.

mod engine;
mod raw;
mod rings;

//! The native half of `@kodus-flow/runtime`: events and workflows inside a Node.js process.
//!
//! These layers live here, and data flows one way, from the last to the first:
//!
//! - [`core`] decides. It is pure: no I/O, no threads, no clock, no Node. Every call takes the time,
//!   every answer is data. It compiles and is tested with `--no-default-features`.
//! - `compression` makes the stored forms that the core asks for (feature `compression`).
//! - `node` is the binding (feature `node`, on by default): ring memory shared with JavaScript, handles,
//!   error codes. It holds no policy.
//!
//! The TypeScript facade in `lib/` owns the events and runs the handlers.

#[cfg(feature = "compression")]
pub mod compression;
pub mod core;
#[cfg(feature = "journal")]
pub mod journal;
// The attribute macros register nothing in a test build, so everything would look unused there.
#[cfg(feature = "node")]
#[cfg_attr(test, allow(dead_code))]
mod node;

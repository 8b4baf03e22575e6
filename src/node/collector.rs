//! The collector of batched emits as a handle of raw functions.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::raw::{raw, shared};
use crate::core::collector::Collector;

/// Makes a collector with nothing in it.
#[napi(ts_return_type = "object")]
pub fn create_collector(env: &Env) -> Result<Object<'_>> {
    let collector = shared(Collector::default());
    let mut handle = Object::new(env)?;
    handle.set(
        "add",
        raw(
            env,
            "add",
            &collector,
            |collector, [now, size, timeout_ms, flush]: [f64; 4]| {
                collector.add(now, size as u32, timeout_ms, flush != 0.0)
            },
        )?,
    )?;
    handle.set(
        "deadline",
        raw(env, "deadline", &collector, |collector, []: [f64; 0]| {
            collector.deadline().unwrap_or(f64::INFINITY)
        })?,
    )?;
    handle.set(
        "reset",
        raw(env, "reset", &collector, |collector, []: [f64; 0]| {
            collector.reset()
        })?,
    )?;
    Ok(handle)
}

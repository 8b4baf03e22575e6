//! Binding of [`Permits`].

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::policy::concurrency::{Entry, Exit, Permits, WhenFull};
use crate::node::raw::{raw, shared};

/// Makes permits, `max_concurrent` a key; `waits` says whether there is a line for them.
#[napi(ts_return_type = "object")]
pub fn create_permits(env: &Env, max_concurrent: u32, waits: bool) -> Result<Object<'_>> {
    let when_full = if waits {
        WhenFull::Wait
    } else {
        WhenFull::Drop
    };
    let permits = shared(Permits::new(max_concurrent, when_full));
    let mut handle = Object::new(env)?;
    handle.set(
        "open",
        raw(env, "open", &permits, |permits, []: [f64; 0]| {
            permits.open()
        })?,
    )?;
    handle.set(
        "enter",
        raw(
            env,
            "enter",
            &permits,
            |permits, [key]: [f64; 1]| match permits.enter(key as u32) {
                Entry::Granted => -1.0,
                Entry::Refused => -2.0,
                Entry::Waiting(waiter) => f64::from(waiter),
            },
        )?,
    )?;
    handle.set(
        "leave",
        raw(
            env,
            "leave",
            &permits,
            |permits, [key]: [f64; 1]| match permits.leave(key as u32) {
                Exit::Freed => -1.0,
                Exit::Idle => -2.0,
                Exit::HandedTo(waiter) => f64::from(waiter),
            },
        )?,
    )?;
    handle.set(
        "abandon",
        raw(env, "abandon", &permits, |permits, [waiter]: [f64; 1]| {
            permits.abandon(waiter as u32)
        })?,
    )?;
    handle.set(
        "inUse",
        raw(env, "inUse", &permits, |permits, []: [f64; 0]| {
            permits.in_use() as f64
        })?,
    )?;
    handle.set(
        "waiting",
        raw(env, "waiting", &permits, |permits, []: [f64; 0]| {
            permits.waiting() as f64
        })?,
    )?;
    Ok(handle)
}

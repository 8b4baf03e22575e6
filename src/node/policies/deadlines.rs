//! Binding of [`Deadlines`].

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::policy::deadlines::Deadlines;
use crate::node::raw::{raw, shared};

/// Makes a table without deadlines.
#[napi(ts_return_type = "object")]
pub fn create_deadlines(env: &Env) -> Result<Object<'_>> {
    let table = shared(Deadlines::default());
    let mut handle = Object::new(env)?;
    handle.set(
        "arm",
        raw(env, "arm", &table, |table, [now, delay_ms]: [f64; 2]| {
            table.arm(now, delay_ms)
        })?,
    )?;
    handle.set(
        "cancel",
        raw(env, "cancel", &table, |table, [id]: [f64; 1]| {
            table.cancel(id as u32)
        })?,
    )?;
    handle.set(
        "expire",
        raw(env, "expire", &table, |table, [now]: [f64; 1]| {
            table.expire(now).map_or(-1.0, f64::from)
        })?,
    )?;
    handle.set(
        "nextDeadline",
        raw(env, "nextDeadline", &table, |table, []: [f64; 0]| {
            table.next_deadline().unwrap_or(f64::INFINITY)
        })?,
    )?;
    Ok(handle)
}

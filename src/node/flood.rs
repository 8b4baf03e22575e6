//! Binding of [`FloodGate`]: raw functions, because a flood calls them for each of its messages.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::raw::{raw, shared};
use crate::core::flood::FloodGate;

/// Makes a flood gate: `{ add, pass, overdue, take }`.
#[napi]
pub fn create_flood_gate(env: &Env) -> Result<Object<'_>> {
    let gate = shared(FloodGate::new());
    let mut object = Object::new(env)?;
    object.set(
        "add",
        raw(env, "add", &gate, |gate: &mut FloodGate, _: [f64; 0]| {
            gate.add()
        })?,
    )?;
    object.set(
        "pass",
        raw(
            env,
            "pass",
            &gate,
            |gate: &mut FloodGate, [key, now]: [f64; 2]| {
                gate.pass(key as u32, now).map_or(-1.0, f64::from)
            },
        )?,
    )?;
    object.set(
        "overdue",
        raw(
            env,
            "overdue",
            &gate,
            |gate: &mut FloodGate, [key, now]: [f64; 2]| gate.overdue(key as u32, now).unwrap_or(0),
        )?,
    )?;
    object.set(
        "take",
        raw(
            env,
            "take",
            &gate,
            |gate: &mut FloodGate, [key]: [f64; 1]| gate.take(key as u32),
        )?,
    )?;
    Ok(object)
}

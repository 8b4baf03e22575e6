//! Chains of returned events as a handle of raw functions.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::raw::{raw, shared};
use crate::core::chain::{ChainLimits, ChainRefusal, Chains};

/// Makes a table of chains with its own limits.
#[napi(ts_return_type = "object")]
pub fn create_chains(env: &Env, max_depth: u32, max_length: u32) -> Result<Object<'_>> {
    let chains = shared(Chains::new(ChainLimits {
        max_depth,
        max_length,
    }));
    let mut handle = Object::new(env)?;
    handle.set(
        "open",
        raw(env, "open", &chains, |chains, [kind]: [f64; 1]| {
            chains.open(kind as u32)
        })?,
    )?;
    handle.set(
        "enter",
        raw(
            env,
            "enter",
            &chains,
            |chains, [parent, kind, returned]: [f64; 3]| {
                let (parent, kind) = (parent as u32, kind as u32);
                let entered = if returned != 0.0 {
                    chains.enter_returned(parent, kind)
                } else {
                    chains.enter(parent, kind)
                };
                match entered {
                    Ok(node) => f64::from(node),
                    Err(ChainRefusal::Loop) => -1.0,
                    Err(ChainRefusal::Depth) => -2.0,
                    Err(ChainRefusal::Length) => -3.0,
                }
            },
        )?,
    )?;
    handle.set(
        "leave",
        raw(env, "leave", &chains, |chains, [node]: [f64; 1]| {
            chains.leave(node as u32);
        })?,
    )?;
    handle.set(
        "depth",
        raw(env, "depth", &chains, |chains, [node]: [f64; 1]| {
            chains.depth(node as u32)
        })?,
    )?;
    Ok(handle)
}

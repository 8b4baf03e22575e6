//! Binding of [`RateLimiter`].

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::policy::rate::{RateConfig, RateLimiter, Taken, WhenEmpty};
use crate::node::raw::{raw, shared};

/// Makes a limiter without keys.
#[napi(ts_return_type = "object")]
pub fn create_rate_limiter(
    env: &Env,
    limit: f64,
    interval_ms: f64,
    burst: f64,
    waits: bool,
) -> Result<Object<'_>> {
    let limiter = shared(RateLimiter::new(RateConfig {
        limit,
        interval_ms,
        burst,
        when_empty: if waits {
            WhenEmpty::Wait
        } else {
            WhenEmpty::Reject
        },
    }));
    let mut handle = Object::new(env)?;
    handle.set(
        "open",
        raw(env, "open", &limiter, |limiter, [now]: [f64; 1]| {
            limiter.open(now)
        })?,
    )?;
    handle.set(
        "take",
        raw(
            env,
            "take",
            &limiter,
            |limiter, [key, now]: [f64; 2]| match limiter.take(key as u32, now) {
                Taken::Granted => -1.0,
                Taken::Waiting(waiter) => f64::from(waiter),
                Taken::Refused { retry_after_ms } => -2.0 - retry_after_ms,
            },
        )?,
    )?;
    handle.set(
        "grant",
        raw(env, "grant", &limiter, |limiter, [key, now]: [f64; 2]| {
            limiter.grant(key as u32, now).map_or(-1.0, f64::from)
        })?,
    )?;
    handle.set(
        "nextGrant",
        raw(env, "nextGrant", &limiter, |limiter, [key]: [f64; 1]| {
            limiter.next_grant(key as u32).unwrap_or(f64::INFINITY)
        })?,
    )?;
    handle.set(
        "abandon",
        raw(env, "abandon", &limiter, |limiter, [waiter]: [f64; 1]| {
            limiter.abandon(waiter as u32)
        })?,
    )?;
    handle.set(
        "closeIdle",
        raw(env, "closeIdle", &limiter, |limiter, [now]: [f64; 1]| {
            limiter.close_idle(now).map_or(-1.0, f64::from)
        })?,
    )?;
    Ok(handle)
}

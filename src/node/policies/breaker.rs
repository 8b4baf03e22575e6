//! Binding of [`Breaker`].

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::policy::breaker::{Breaker, BreakerConfig, FailureRate, Span, State};
use crate::node::raw::{raw, shared};

/// Checked values of `CircuitBreakerConfig`; zero switches a threshold or a window off.
#[napi(object)]
pub struct BreakerPolicyConfig {
    pub failure_threshold: u32,
    pub recovery_ms: f64,
    pub success_threshold: u32,
    pub failure_rate: f64,
    pub minimum_calls: u32,
    pub window_calls: u32,
    pub window_ms: f64,
}

/// Makes a closed breaker.
#[napi(ts_return_type = "object")]
pub fn create_breaker(env: &Env, config: BreakerPolicyConfig, now: f64) -> Result<Object<'_>> {
    let breaker = shared(Breaker::new(config.into(), now));
    let mut handle = Object::new(env)?;
    handle.set(
        "admit",
        raw(env, "admit", &breaker, |breaker, [now]: [f64; 1]| {
            breaker.admit(now).map_or(-1.0, f64::from)
        })?,
    )?;
    handle.set(
        "succeed",
        raw(
            env,
            "succeed",
            &breaker,
            |breaker, [ticket, now]: [f64; 2]| breaker.succeed(ticket as u32, now),
        )?,
    )?;
    handle.set(
        "fail",
        raw(env, "fail", &breaker, |breaker, [ticket, now]: [f64; 2]| {
            breaker.fail(ticket as u32, now)
        })?,
    )?;
    handle.set(
        "state",
        raw(
            env,
            "state",
            &breaker,
            |breaker, []: [f64; 0]| match breaker.state() {
                State::Closed { .. } => 0_u32,
                State::Open { .. } => 1,
                State::HalfOpen { .. } => 2,
            },
        )?,
    )?;
    handle.set(
        "openUntil",
        raw(
            env,
            "openUntil",
            &breaker,
            |breaker, []: [f64; 0]| match breaker.state() {
                State::Open { until } => until,
                State::Closed { .. } | State::HalfOpen { .. } => f64::NAN,
            },
        )?,
    )?;
    handle.set(
        "since",
        raw(env, "since", &breaker, |breaker, []: [f64; 0]| {
            breaker.since()
        })?,
    )?;
    handle.set(
        "calls",
        raw(env, "calls", &breaker, |breaker, []: [f64; 0]| {
            breaker.counts().calls as f64
        })?,
    )?;
    handle.set(
        "succeeded",
        raw(env, "succeeded", &breaker, |breaker, []: [f64; 0]| {
            breaker.counts().succeeded as f64
        })?,
    )?;
    handle.set(
        "failed",
        raw(env, "failed", &breaker, |breaker, []: [f64; 0]| {
            breaker.counts().failed as f64
        })?,
    )?;
    handle.set(
        "rejected",
        raw(env, "rejected", &breaker, |breaker, []: [f64; 0]| {
            breaker.counts().rejected as f64
        })?,
    )?;
    handle.set(
        "forceOpen",
        raw(env, "forceOpen", &breaker, |breaker, [now]: [f64; 1]| {
            breaker.force_open(now)
        })?,
    )?;
    handle.set(
        "forceClose",
        raw(env, "forceClose", &breaker, |breaker, [now]: [f64; 1]| {
            breaker.force_close(now)
        })?,
    )?;
    handle.set(
        "reset",
        raw(env, "reset", &breaker, |breaker, [now]: [f64; 1]| {
            breaker.reset(now)
        })?,
    )?;
    Ok(handle)
}

impl From<BreakerPolicyConfig> for BreakerConfig {
    fn from(config: BreakerPolicyConfig) -> Self {
        let span = if config.window_ms > 0.0 {
            Span::Millis(config.window_ms)
        } else {
            Span::Calls(config.window_calls)
        };
        Self {
            failure_threshold: (config.failure_threshold > 0).then_some(config.failure_threshold),
            failure_rate: (config.failure_rate > 0.0).then_some(FailureRate {
                threshold: config.failure_rate,
                minimum_calls: config.minimum_calls,
                span,
            }),
            recovery_ms: config.recovery_ms,
            success_threshold: config.success_threshold,
        }
    }
}

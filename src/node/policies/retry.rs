//! Binding of [`Retry`].

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::delivery::{Growth, Jitter, Redelivery};
use crate::core::policy::retry::{Retry, RetryConfig};
use crate::node::raw::{raw, shared};

/// Checked values of `RetryOptions`.
#[napi(object)]
pub struct RetryPolicyConfig {
    pub max_attempts: u32,
    pub initial_delay_ms: f64,
    pub backoff_factor: f64,
    pub max_delay_ms: f64,
    pub max_total_ms: f64,
    pub jitter: String,
    pub seed: f64,
}

/// Makes a retry policy.
#[napi(ts_return_type = "object")]
pub fn create_retry_policy(env: &Env, config: RetryPolicyConfig) -> Result<Object<'_>> {
    let seed = config.seed as u64;
    let retry = shared(Retry::new(config.into(), seed));
    let mut handle = Object::new(env)?;
    handle.set(
        "nextDelay",
        raw(
            env,
            "nextDelay",
            &retry,
            |retry, [failed, elapsed_ms, asked_ms]: [f64; 3]| {
                let asked_ms = (!asked_ms.is_nan()).then_some(asked_ms);
                retry
                    .next_delay(failed as u32, elapsed_ms, asked_ms)
                    .unwrap_or(-1.0)
            },
        )?,
    )?;
    Ok(handle)
}

impl From<RetryPolicyConfig> for RetryConfig {
    fn from(config: RetryPolicyConfig) -> Self {
        Self {
            attempts: Redelivery {
                max_attempts: config.max_attempts,
                initial_delay_ms: config.initial_delay_ms,
                max_delay_ms: config.max_delay_ms,
                growth: Growth::Exponential {
                    factor: config.backoff_factor,
                },
                jitter: match config.jitter.as_str() {
                    "full" => Jitter::Full,
                    "equal" => Jitter::Equal,
                    _ => Jitter::None,
                },
            },
            max_total_ms: config.max_total_ms,
        }
    }
}

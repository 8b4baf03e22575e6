//! The engine's record of times, as its handle shows it.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::engine::Engine;
use super::raw::{Shared, raw};
use crate::core::latency::{OTHER, Summary, Timings};

/// Figures of one histogram; see `Summary` in the core.
#[napi(object, object_from_js = false)]
pub struct LatencySummary {
    pub count: f64,
    pub sum_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// The three times of a group; see `Timings` in the core.
#[napi(object, object_from_js = false)]
pub struct LatencyTimings {
    pub queue_wait: LatencySummary,
    pub handler: LatencySummary,
    pub end_to_end: LatencySummary,
}

/// All times; the lists are in the order of the groups.
#[napi(object, object_from_js = false)]
pub struct LatencyReport {
    pub total: LatencyTimings,
    pub by_type: Vec<LatencyTimings>,
    pub by_tenant: Vec<LatencyTimings>,
}

impl From<Summary> for LatencySummary {
    fn from(summary: Summary) -> Self {
        Self {
            count: summary.count,
            sum_ms: summary.sum_ms,
            p50_ms: summary.p50_ms,
            p90_ms: summary.p90_ms,
            p99_ms: summary.p99_ms,
            max_ms: summary.max_ms,
        }
    }
}

impl From<Timings<Summary>> for LatencyTimings {
    fn from(timings: Timings<Summary>) -> Self {
        Self {
            queue_wait: timings.queue_wait.into(),
            handler: timings.handler.into(),
            end_to_end: timings.end_to_end.into(),
        }
    }
}

fn list(timings: Vec<Timings<Summary>>) -> Vec<LatencyTimings> {
    timings.into_iter().map(LatencyTimings::from).collect()
}

pub fn add_latency(env: &Env, handle: &mut Object, engine: &Shared<Engine>) -> Result<()> {
    handle.set(
        "addTypeGroup",
        raw(env, "addTypeGroup", engine, |engine, []: [f64; 0]| {
            let group = engine
                .core
                .latency()
                .map_or(OTHER, |latency| latency.add_type());
            u32::from(group)
        })?,
    )?;
    handle.set(
        "addTenantGroup",
        raw(env, "addTenantGroup", engine, |engine, []: [f64; 0]| {
            let group = engine
                .core
                .latency()
                .map_or(OTHER, |latency| latency.add_tenant());
            u32::from(group)
        })?,
    )?;
    handle.set(
        "runTime",
        raw(env, "runTime", engine, |engine, [at, slot]: [f64; 2]| {
            engine
                .core
                .latency()
                .and_then(|latency| latency.run_time(at, slot as u32))
                .unwrap_or(f64::NAN)
        })?,
    )?;
    let view = Shared::clone(engine);
    handle.set(
        "latency",
        env.create_function_from_closure::<(), Option<LatencyReport>, _>("latency", move |_| {
            let mut engine = view.borrow_mut();
            Ok(engine.core.latency().map(|latency| LatencyReport {
                total: latency.total().into(),
                by_type: list(latency.by_type()),
                by_tenant: list(latency.by_tenant()),
            }))
        })?,
    )
}

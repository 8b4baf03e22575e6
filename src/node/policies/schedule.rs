//! Binding of [`Schedule`], called a few times for each run.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::policy::cron::{Cron, CronError};
use crate::core::policy::schedule::{self, Missed, Next, Overlap, Plan, ScheduleConfig};

/// Checked values of `ScheduleOptions`. Exactly one of the first three is given.
#[napi(object)]
pub struct SchedulePolicyConfig {
    pub every_ms: Option<f64>,
    pub cron: Option<String>,
    pub at: Option<f64>,
    pub timezone: String,
    pub max_triggers: Option<u32>,
    pub trigger_immediately: bool,
    pub jitter_ms: f64,
    pub missed: String,
    pub overlap: String,
    pub seed: f64,
    /// Of a schedule that goes on from an earlier process: runs begun there, and how long ago its last one was.
    pub resumed: Option<ResumedSchedule>,
}

/// How far a schedule had come in an earlier process.
#[napi(object)]
pub struct ResumedSchedule {
    pub triggered: u32,
    pub since_last_ms: f64,
}

/// One running schedule.
#[napi]
pub struct Schedule(schedule::Schedule);

#[napi]
impl Schedule {
    /// Starts at `monotonic` or at `wall`, whichever clock its plan reads.
    #[napi(constructor)]
    pub fn new(config: SchedulePolicyConfig, monotonic: f64, wall: f64) -> Result<Self> {
        let resumed = config
            .resumed
            .as_ref()
            .map(|past| (past.triggered, past.since_last_ms));
        let config = ScheduleConfig::try_from(config).map_err(invalid)?;
        let now = if config.plan.reads_wall_clock() {
            wall
        } else {
            monotonic
        };
        Ok(Self(match resumed {
            None => schedule::Schedule::new(config, now),
            Some((triggered, since_last)) => {
                schedule::Schedule::resume(config, now, triggered, since_last)
            }
        }))
    }

    /// -1: run now and poll again; -2: ended; else poll again in so many milliseconds.
    #[napi]
    pub fn poll(&mut self, now: f64) -> f64 {
        match self.0.poll(now) {
            Next::Run => -1.0,
            Next::Ended => -2.0,
            Next::Sleep(ms) => ms,
        }
    }

    /// A run has ended.
    #[napi]
    pub fn run_ended(&mut self) {
        self.0.run_ended();
    }

    /// No more runs.
    #[napi]
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// Runs begun.
    #[napi]
    pub fn triggered(&self) -> u32 {
        self.0.triggered()
    }

    /// Planned times without a run.
    #[napi]
    pub fn left_out(&self) -> u32 {
        self.0.left_out()
    }
}

/// The first occurrence of a cron expression after `wall`; null if there is none.
#[napi]
pub fn cron_next(expression: String, timezone: String, wall: f64) -> Result<Option<f64>> {
    let cron = Cron::parse(&expression, &timezone).map_err(invalid)?;
    Ok(cron.next_after(wall))
}

fn invalid(error: CronError) -> Error {
    Error::new(Status::InvalidArg, error.to_string())
}

impl TryFrom<SchedulePolicyConfig> for ScheduleConfig {
    type Error = CronError;

    fn try_from(config: SchedulePolicyConfig) -> std::result::Result<Self, CronError> {
        let plan = match (config.every_ms, config.cron, config.at) {
            (Some(every), ..) => Plan::Every(every),
            (_, Some(expression), _) => {
                Plan::Cron(Box::new(Cron::parse(&expression, &config.timezone)?))
            }
            (_, _, at) => Plan::At(at.unwrap_or(f64::NEG_INFINITY)),
        };
        Ok(Self {
            plan,
            max_triggers: config.max_triggers,
            immediately: config.trigger_immediately,
            jitter_ms: config.jitter_ms,
            missed: match config.missed.as_str() {
                "skip" => Missed::Skip,
                _ => Missed::Once,
            },
            overlap: match config.overlap.as_str() {
                "allow" => Overlap::Allow,
                _ => Overlap::Skip,
            },
            seed: config.seed as u64,
        })
    }
}

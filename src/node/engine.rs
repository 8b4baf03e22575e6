//! The engine's handle: rings, and the core's commands as functions. Conversions only.

mod permits;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::latency::add_latency;
use super::raw::{Shared, raw, shared};
use super::rings::{DISPATCH_RECORDS, NoticeRecord, RING_BYTES, RING_RECORDS, Rings, double, word};
use crate::core::delivery::{Growth, Jitter, Redelivery};
use crate::core::latency::Groups;
use crate::core::runtime::{Config, Extras, Notice, Outcome, Runtime, Submission};
use crate::core::sizes::{SizeLimits, SizeVerdict};
use crate::core::slots::State;
use crate::core::timers::{TimerId, Timers};

/// Marks a start in the dispatch ring as the resumption of a parked event.
const RESUME: u32 = 1 << 31;

mod notice_kind {
    pub const RETRY: u32 = 1;
    pub const DEAD: u32 = 2;
    pub const ACK_TIMEOUT: u32 = 3;
    pub const EXPIRED: u32 = 4;
    pub const CANCELLED: u32 = 5;
    pub const DROPPED: u32 = 6;
    pub const ALARM: u32 = 7;
}

/// A redelivery policy as it crosses; see `Redelivery` in the core.
#[napi(object)]
pub struct RedeliveryConfig {
    pub max_attempts: u32,
    pub initial_delay_ms: f64,
    pub max_delay_ms: f64,
    /// Multiplier of exponential growth; 0: linear.
    pub factor: f64,
    /// 0 none, 1 full, 2 equal, 3 ratio.
    pub jitter: u32,
    pub jitter_ratio: f64,
}

impl From<&RedeliveryConfig> for Redelivery {
    fn from(config: &RedeliveryConfig) -> Self {
        Redelivery {
            max_attempts: config.max_attempts,
            initial_delay_ms: config.initial_delay_ms,
            max_delay_ms: config.max_delay_ms,
            growth: growth(config.factor),
            jitter: jitter(config.jitter, config.jitter_ratio),
        }
    }
}

fn growth(factor: f64) -> Growth {
    if factor == 0.0 {
        Growth::Linear
    } else {
        Growth::Exponential { factor }
    }
}

fn jitter(kind: u32, ratio: f64) -> Jitter {
    match kind {
        1 => Jitter::Full,
        2 => Jitter::Equal,
        3 => Jitter::Ratio(ratio),
        _ => Jitter::None,
    }
}

/// What an engine is made of; values are checked by the facade. Infinity and 0 stand for "no limit" as noted.
#[napi(object)]
pub struct EngineConfig {
    pub max_concurrent: u32,
    /// 0: no limit.
    pub max_concurrent_per_tenant: u32,
    /// 0: no limit.
    pub max_concurrent_per_kind: u32,
    /// 0: deliveries need no acknowledgement in time.
    pub ack_timeout_ms: f64,
    pub redelivery: RedeliveryConfig,
    pub large_event_bytes: f64,
    pub huge_event_bytes: f64,
    pub max_event_bytes: f64,
    pub drop_huge_events: bool,
    pub max_queue_bytes: f64,
    /// 0: times are not recorded.
    pub latency: u32,
    pub seed: f64,
}

fn some_positive(value: u32) -> Option<u32> {
    (value > 0).then_some(value)
}

pub struct Engine {
    pub core: Runtime,
    rings: Rings,
    /// Deadlines of the facade's own, each with a token that it knows.
    alarms: Timers<u32>,
    /// When `tick` was last called: alarms ring there, and nowhere else.
    ticked: f64,
}

impl Engine {
    fn new(config: &EngineConfig, rings: Rings) -> Self {
        Self {
            core: Runtime::new(Config {
                max_concurrent: config.max_concurrent,
                max_concurrent_per_tenant: some_positive(config.max_concurrent_per_tenant),
                max_concurrent_per_kind: some_positive(config.max_concurrent_per_kind),
                ack_timeout_ms: Some(config.ack_timeout_ms).filter(|&timeout| timeout > 0.0),
                redelivery: (&config.redelivery).into(),
                sizes: SizeLimits {
                    large: config.large_event_bytes,
                    huge: config.huge_event_bytes,
                    max_event: config.max_event_bytes,
                    drop_huge: config.drop_huge_events,
                    max_queue: config.max_queue_bytes,
                },
                records_latency: config.latency != 0,
                seed: config.seed as u64,
            }),
            rings,
            alarms: Timers::default(),
            ticked: 0.0,
        }
    }

    /// Takes in completions, then submissions (a slot may end and be used again between two calls); then writes
    /// what to start, and what has been decided.
    #[inline]
    fn advance(&mut self) {
        let now = self.rings.double(double::NOW);
        for index in 0..self.rings.word(word::COMPLETED) as usize {
            let record = self.rings.completion(index);
            let outcome = match record.outcome {
                0 => Outcome::Done,
                1 => Outcome::Delivered,
                failed => Outcome::Failed {
                    retryable: failed == 3,
                    asked_ms: Some(record.asked_ms).filter(|ms| !ms.is_nan()),
                },
            };
            self.core.complete(now, record.slot, outcome);
        }
        self.rings.set_word(word::COMPLETED, 0);
        for index in 0..self.rings.word(word::SUBMITTED) as usize {
            let record = self.rings.submission(index);
            let event = Submission {
                slot: record.slot,
                kind: record.kind,
                tenant: record.tenant,
                key: record.key,
                priority: record.priority,
                delay_ms: record.delay_ms,
                at: record.at,
                groups: Groups {
                    kind: record.type_group as u16,
                    tenant: record.tenant_group.checked_sub(1).map(|group| group as u16),
                },
            };
            self.core.submit(now, event);
        }
        self.rings.set_word(word::SUBMITTED, 0);
        self.dispatch(now);
        self.publish();
    }

    #[inline]
    fn dispatch(&mut self, now: f64) {
        let mut written = 0;
        let mut wanted = self.rings.word(word::WANTED);
        while written < DISPATCH_RECORDS {
            let start = if let Some(slot) = self.core.next_resumed() {
                slot | RESUME
            } else if wanted > 0
                && let Some(slot) = self.core.next(now)
            {
                wanted -= 1;
                self.tell_wait(slot);
                slot
            } else {
                break;
            };
            self.rings.set_dispatch(written, start);
            written += 1;
        }
        self.rings.set_word(word::DISPATCHED, written as u32);
    }

    #[inline]
    fn tell_wait(&mut self, slot: u32) {
        let wait = self.core.wait_of(slot);
        self.rings
            .set_word(word::WAITED_FOR, wait.map_or(0, |wait| wait.limiter + 1));
        if let Some(wait) = wait {
            self.rings.set_word(word::WAITED_KEY, wait.key);
        }
    }

    /// Writes notices, gauges and the next deadline where JavaScript sees them. Notices that it has not taken yet stay.
    #[inline]
    fn publish(&mut self) {
        let mut written = self.rings.word(word::NOTICES) as usize;
        while self.core.notices() > 0 && written < RING_RECORDS {
            if let Some(notice) = self.core.pop_notice() {
                self.rings.set_notice(written, record_of(notice));
                written += 1;
            }
        }
        self.rings.set_word(word::NOTICES, written as u32);
        let gauges = *self.core.gauges();
        let depth = self.core.depth();
        let deadline = self.core.next_deadline().unwrap_or(f64::INFINITY);
        let alarm = self.alarms.next_deadline().unwrap_or(f64::INFINITY);
        let rings = &mut self.rings;
        let more = self.core.notices() > 0 || alarm <= self.ticked;
        rings.set_word(word::MORE, u32::from(more));
        rings.set_word(word::READY, gauges.ready);
        rings.set_word(word::WAITING, gauges.waiting);
        rings.set_word(word::RUNNING, gauges.running);
        rings.set_word(word::UNACKED, gauges.unacked);
        rings.set_word(word::DEPTH, depth);
        rings.set_double(double::DEADLINE, deadline.min(alarm));
    }

    /// Lets happen what is due, alarms after events: nowhere else does an alarm ring, so that whoever arms one is never
    /// told of it before its token is known.
    fn tick(&mut self, now: f64) {
        self.ticked = self.ticked.max(now);
        self.core.tick(now);
        self.publish();
        let mut written = self.rings.word(word::NOTICES) as usize;
        while written < RING_RECORDS
            && let Some(token) = self.alarms.pop_due(self.ticked)
        {
            let record = NoticeRecord {
                slot: token,
                kind: notice_kind::ALARM,
                delay_ms: 0.0,
            };
            self.rings.set_notice(written, record);
            written += 1;
        }
        self.rings.set_word(word::NOTICES, written as u32);
        self.publish();
    }

    /// Runs a command, then publishes what follows from it.
    fn command<R>(&mut self, command: impl FnOnce(&mut Runtime) -> R) -> R {
        let answer = command(&mut self.core);
        self.publish();
        answer
    }
}

fn record_of(notice: Notice) -> NoticeRecord {
    let (kind, slot, attempts, delay_ms) = match notice {
        Notice::Retry {
            slot,
            attempts,
            delay_ms,
        } => (notice_kind::RETRY, slot, attempts, delay_ms),
        Notice::Dead { slot, attempts } => (notice_kind::DEAD, slot, attempts, 0.0),
        Notice::AckTimeout { slot, attempts } => (notice_kind::ACK_TIMEOUT, slot, attempts, 0.0),
        Notice::Expired { slot } => (notice_kind::EXPIRED, slot, 0, 0.0),
        Notice::Cancelled { slot } => (notice_kind::CANCELLED, slot, 0, 0.0),
        Notice::Dropped { slot } => (notice_kind::DROPPED, slot, 0, 0.0),
    };
    NoticeRecord {
        slot,
        kind: kind | (attempts << 4),
        delay_ms,
    }
}

fn state_code(state: State) -> u32 {
    match state {
        State::Free => 0,
        State::Delayed => 1,
        State::Retrying => 2,
        State::Blocked => 3,
        State::Ready | State::Held | State::Gated | State::Offered => 4,
        State::Running | State::Parked | State::Resuming => 5,
        State::Unacked => 6,
    }
}

/// Bytes of the buffer that `createEngine` takes.
#[napi]
pub fn ring_bytes() -> u32 {
    RING_BYTES as u32
}

/// Makes an engine that works on `buffer`. The functions of the handle keep it alive.
#[napi(ts_return_type = "object")]
pub fn create_engine<'env>(
    env: &'env Env,
    buffer: ArrayBuffer,
    config: EngineConfig,
) -> Result<Object<'env>> {
    let engine = shared(Engine::new(&config, Rings::new(env, &buffer)?));
    tracing::debug!(max_concurrent = config.max_concurrent, "engine made");
    let mut handle = Object::new(env)?;
    add_ring_functions(env, &mut handle, &engine)?;
    add_commands(env, &mut handle, &engine)?;
    add_alarms(env, &mut handle, &engine)?;
    add_views(env, &mut handle, &engine)?;
    add_latency(env, &mut handle, &engine)?;
    permits::add(env, &mut handle, &engine)?;
    Ok(handle)
}

fn add_ring_functions(env: &Env, handle: &mut Object, engine: &Shared<Engine>) -> Result<()> {
    handle.set(
        "advance",
        raw(env, "advance", engine, |engine, []: [f64; 0]| {
            engine.advance()
        })?,
    )?;
    handle.set(
        "tick",
        raw(env, "tick", engine, |engine, [now]: [f64; 1]| {
            engine.tick(now);
        })?,
    )?;
    handle.set(
        "prepare",
        raw(
            env,
            "prepare",
            engine,
            |engine, [slot, ttl_ms, policy, bytes, attempts]: [f64; 5]| {
                let extras = Extras {
                    ttl_ms,
                    policy: policy as u16,
                    bytes,
                    attempts: attempts as u32,
                };
                engine.core.prepare(slot as u32, extras);
            },
        )?,
    )?;
    handle.set(
        "admitBytes",
        raw(
            env,
            "admitBytes",
            engine,
            |engine, [bytes]: [f64; 1]| match engine.core.admit_bytes(bytes) {
                SizeVerdict::Normal => 0u32,
                SizeVerdict::Large => 1,
                SizeVerdict::TooLarge => 2,
                SizeVerdict::QueueFull => 3,
            },
        )?,
    )?;
    handle.set(
        "returnBytes",
        raw(env, "returnBytes", engine, |engine, [bytes]: [f64; 1]| {
            engine.core.return_bytes(bytes);
        })?,
    )
}

fn add_commands(env: &Env, handle: &mut Object, engine: &Shared<Engine>) -> Result<()> {
    handle.set(
        "cancel",
        raw(env, "cancel", engine, |engine, [now, slot]: [f64; 2]| {
            engine.command(|core| core.cancel(now, slot as u32))
        })?,
    )?;
    handle.set(
        "ack",
        raw(env, "ack", engine, |engine, [now, slot]: [f64; 2]| {
            engine.command(|core| core.ack(now, slot as u32))
        })?,
    )?;
    handle.set(
        "nack",
        raw(env, "nack", engine, |engine, [now, slot]: [f64; 2]| {
            engine.command(|core| core.nack(now, slot as u32))
        })?,
    )?;
    handle.set(
        "park",
        raw(env, "park", engine, |engine, [slot]: [f64; 1]| {
            engine.command(|core| core.park(slot as u32))
        })?,
    )?;
    handle.set(
        "unpark",
        raw(env, "unpark", engine, |engine, [slot]: [f64; 1]| {
            engine.command(|core| core.unpark(slot as u32))
        })?,
    )?;
    handle.set(
        "abandon",
        raw(env, "abandon", engine, |engine, [now, slot]: [f64; 2]| {
            engine.command(|core| core.abandon(now, slot as u32));
        })?,
    )?;
    handle.set(
        "dropOldest",
        raw(env, "dropOldest", engine, |engine, [now]: [f64; 1]| {
            engine.command(|core| core.drop_oldest(now))
        })?,
    )?;
    handle.set(
        "clear",
        raw(env, "clear", engine, |engine, [now, dropped]: [f64; 2]| {
            engine.command(|core| core.clear(now, dropped != 0.0));
        })?,
    )?;
    handle.set(
        "shrink",
        raw(env, "shrink", engine, |engine, []: [f64; 0]| {
            engine.core.shrink();
        })?,
    )?;
    handle.set(
        "setWidth",
        raw(env, "setWidth", engine, |engine, [width]: [f64; 1]| {
            engine.core.set_width(width as u32);
        })?,
    )?;
    handle.set(
        "internPolicy",
        raw(
            env,
            "internPolicy",
            engine,
            |engine, [attempts, initial, max, factor, kind, ratio]: [f64; 6]| {
                let policy = Redelivery {
                    max_attempts: attempts as u32,
                    initial_delay_ms: initial,
                    max_delay_ms: max,
                    growth: growth(factor),
                    jitter: jitter(kind as u32, ratio),
                };
                engine.core.intern_policy(policy).map_or(-1.0, f64::from)
            },
        )?,
    )
}

fn add_alarms(env: &Env, handle: &mut Object, engine: &Shared<Engine>) -> Result<()> {
    handle.set(
        "alarm",
        raw(
            env,
            "alarm",
            engine,
            |engine, [now, delay_ms, token]: [f64; 3]| {
                let alarm = engine.alarms.arm(now + delay_ms, token as u32);
                engine.publish();
                alarm.to_raw()
            },
        )?,
    )?;
    handle.set(
        "cancelAlarm",
        raw(
            env,
            "cancelAlarm",
            engine,
            |engine, [alarm, token]: [f64; 2]| {
                // It may have rung, without JavaScript having got to it, and its place may be another's by now.
                let alarm = TimerId::from_raw(alarm as u32);
                if engine.alarms.armed(alarm) == Some(token as u32) {
                    engine.alarms.cancel(alarm);
                }
            },
        )?,
    )
}

fn add_views(env: &Env, handle: &mut Object, engine: &Shared<Engine>) -> Result<()> {
    handle.set(
        "state",
        raw(env, "state", engine, |engine, [slot]: [f64; 1]| {
            state_code(engine.core.state(slot as u32))
        })?,
    )?;
    handle.set(
        "attempts",
        raw(env, "attempts", engine, |engine, [slot]: [f64; 1]| {
            engine
                .core
                .slot(slot as u32)
                .map_or(0, |slot| slot.attempts)
        })?,
    )?;
    handle.set(
        "priority",
        raw(env, "priority", engine, |engine, [slot]: [f64; 1]| {
            engine
                .core
                .slot(slot as u32)
                .map_or(0.0, |slot| slot.priority)
        })?,
    )?;
    handle.set(
        "dueAt",
        raw(env, "dueAt", engine, |engine, [slot]: [f64; 1]| {
            engine.core.due_at(slot as u32).unwrap_or(f64::NAN)
        })?,
    )?;
    let view = Shared::clone(engine);
    handle.set(
        "snapshot",
        env.create_function_from_closure::<(), Uint32Array, _>("snapshot", move |call| {
            let limit: f64 = call.get(0)?;
            Ok(view.borrow().core.snapshot(limit as usize).into())
        })?,
    )?;
    let view = Shared::clone(engine);
    handle.set(
        "stats",
        env.create_function_from_closure::<(), EngineStats, _>("stats", move |_| {
            Ok(EngineStats::of(&view.borrow().core))
        })?,
    )
}

/// Counters and gauges of an engine; see `stats.rs` in the core for each.
#[napi(object)]
pub struct EngineStats {
    pub emitted: f64,
    pub done: f64,
    pub failed: f64,
    pub retried: f64,
    pub recovered: f64,
    pub dead: f64,
    pub expired: f64,
    pub cancelled: f64,
    pub dropped: f64,
    pub ack_timeouts: f64,
    pub retry_delay_ms: f64,
    pub waiting: u32,
    pub retrying: u32,
    pub ready: u32,
    pub running: u32,
    pub executing: u32,
    pub parked: u32,
    pub unacked: u32,
    pub width: u32,
    pub total_bytes: f64,
    pub average_bytes: f64,
    pub large_events: u32,
    pub huge_events: u32,
}

impl EngineStats {
    fn of(core: &Runtime) -> Self {
        let (counters, gauges, sizes) = (core.counters(), core.gauges(), core.sizes());
        Self {
            emitted: counters.emitted as f64,
            done: counters.done as f64,
            failed: counters.failed as f64,
            retried: counters.retried as f64,
            recovered: counters.recovered as f64,
            dead: counters.dead as f64,
            expired: counters.expired as f64,
            cancelled: counters.cancelled as f64,
            dropped: counters.dropped as f64,
            ack_timeouts: counters.ack_timeouts as f64,
            retry_delay_ms: counters.retry_delay_ms as f64,
            waiting: gauges.waiting,
            retrying: gauges.retrying,
            ready: gauges.ready,
            running: gauges.running,
            executing: gauges.executing,
            parked: gauges.parked,
            unacked: gauges.unacked,
            width: core.width(),
            total_bytes: sizes.total(),
            average_bytes: sizes.average(),
            large_events: sizes.large_events,
            huge_events: sizes.huge_events,
        }
    }
}

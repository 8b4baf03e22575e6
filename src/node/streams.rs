//! The operators of streams as handles of raw functions. Kinds and verdicts cross as the codes below.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::raw::{Shared, raw, shared};
use crate::core::delivery::{Growth, Jitter, Redelivery};
use crate::core::stream::Verdict;
use crate::core::stream::batch::Batch;
use crate::core::stream::debounce::Debounce;
use crate::core::stream::delay::Delay;
use crate::core::stream::idle::Idle;
use crate::core::stream::retry::Retry;
use crate::core::stream::room::{Overflow, Room};
use crate::core::stream::sliding::Sliding;
use crate::core::stream::table::{Kind, Table};
use crate::core::stream::throttle::Throttle;
use crate::core::stream::turns::Turns;
use crate::core::stream::window::{Span, Window};

fn verdict_code(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Nothing => 0,
        Verdict::Pass => 1,
        Verdict::Drop => 2,
        Verdict::Hold => 3,
        Verdict::Release => 4,
        Verdict::HoldAndRelease => 5,
        Verdict::Evict => 6,
        Verdict::Overflow => 7,
        Verdict::Expired => 8,
        Verdict::Late => 9,
        Verdict::Wait => 10,
    }
}

/// Makes the table of a stream manager's timed operators.
#[napi(ts_return_type = "object")]
pub fn create_stream_table(env: &Env) -> Result<Object<'_>> {
    let table = shared(Table::default());
    let mut handle = Object::new(env)?;
    add_makers(env, &mut handle, &table)?;
    add_inputs(env, &mut handle, &table)?;
    add_deadlines(env, &mut handle, &table)?;
    Ok(handle)
}

fn add_makers(env: &Env, handle: &mut Object, table: &Shared<Table>) -> Result<()> {
    handle.set(
        "openDebounce",
        raw(
            env,
            "openDebounce",
            table,
            |table, [wait_ms, leading, max_wait_ms]: [f64; 3]| {
                let operator = Debounce::new(wait_ms, leading != 0.0, max_wait_ms);
                table.open(Kind::Debounce(operator))
            },
        )?,
    )?;
    handle.set(
        "openThrottle",
        raw(
            env,
            "openThrottle",
            table,
            |table, [interval_ms, leading, trailing]: [f64; 3]| {
                let operator = Throttle::new(interval_ms, leading != 0.0, trailing != 0.0);
                table.open(Kind::Throttle(operator))
            },
        )?,
    )?;
    handle.set(
        "openBatch",
        raw(
            env,
            "openBatch",
            table,
            |table, [size, timeout_ms]: [f64; 2]| {
                table.open(Kind::Batch(Batch::new(size as u32, timeout_ms)))
            },
        )?,
    )?;
    handle.set(
        "openTumbling",
        raw(
            env,
            "openTumbling",
            table,
            |table, [size_ms, max_items]: [f64; 2]| {
                let window = Window::new(Span::Tumbling { size_ms }, max_items as u32);
                table.open(Kind::Window(window))
            },
        )?,
    )?;
    handle.set(
        "openSession",
        raw(
            env,
            "openSession",
            table,
            |table, [gap_ms, max_items]: [f64; 2]| {
                let window = Window::new(Span::Session { gap_ms }, max_items as u32);
                table.open(Kind::Window(window))
            },
        )?,
    )?;
    handle.set(
        "openSliding",
        raw(
            env,
            "openSliding",
            table,
            |table, [size_ms, every_ms, max_items]: [f64; 3]| {
                table.open(Kind::Sliding(Sliding::new(
                    size_ms,
                    every_ms,
                    max_items as u32,
                )))
            },
        )?,
    )?;
    handle.set(
        "openDelay",
        raw(env, "openDelay", table, |table, [delay_ms]: [f64; 1]| {
            table.open(Kind::Delay(Delay::new(delay_ms)))
        })?,
    )?;
    handle.set(
        "openIdle",
        raw(env, "openIdle", table, |table, [timeout_ms]: [f64; 1]| {
            table.open(Kind::Idle(Idle::new(timeout_ms)))
        })?,
    )
}

fn add_inputs(env: &Env, handle: &mut Object, table: &Shared<Table>) -> Result<()> {
    handle.set(
        "item",
        raw(env, "item", table, |table, [id, now]: [f64; 2]| {
            verdict_code(table.item(id as u32, now))
        })?,
    )?;
    handle.set(
        "overdue",
        raw(env, "overdue", table, |table, [id, now]: [f64; 2]| {
            verdict_code(table.overdue(id as u32, now))
        })?,
    )?;
    handle.set(
        "end",
        raw(env, "end", table, |table, [id]: [f64; 1]| {
            verdict_code(table.end(id as u32))
        })?,
    )?;
    handle.set(
        "begin",
        raw(env, "begin", table, |table, [id, now]: [f64; 2]| {
            table.begin(id as u32, now);
        })?,
    )?;
    handle.set(
        "close",
        raw(env, "close", table, |table, [id]: [f64; 1]| {
            table.close(id as u32);
        })?,
    )
}

fn add_deadlines(env: &Env, handle: &mut Object, table: &Shared<Table>) -> Result<()> {
    handle.set(
        "nextDue",
        raw(env, "nextDue", table, |table, [now]: [f64; 1]| {
            table.next_due(now).map_or(-1.0, f64::from)
        })?,
    )?;
    handle.set(
        "nextDeadline",
        raw(env, "nextDeadline", table, |table, []: [f64; 0]| {
            table.next_deadline()
        })?,
    )?;
    handle.set(
        "taken",
        raw(env, "taken", table, |table, [id]: [f64; 1]| {
            table.sliding(id as u32).map_or(0, |window| window.taken())
        })?,
    )?;
    handle.set(
        "outdated",
        raw(env, "outdated", table, |table, [id]: [f64; 1]| {
            table
                .sliding(id as u32)
                .map_or(0, |window| window.outdated())
        })?,
    )?;
    handle.set(
        "size",
        raw(env, "size", table, |table, []: [f64; 0]| table.len() as u32)?,
    )
}

/// Makes the room of a bounded buffer. `overflow`: 0 drops the oldest item, 1 the newest, 2 fails, 3 lets the
/// one who brings an item wait.
#[napi(ts_return_type = "object")]
pub fn create_room(env: &Env, capacity: u32, overflow: u32) -> Result<Object<'_>> {
    let overflow = match overflow {
        0 => Overflow::DropOldest,
        1 => Overflow::DropNewest,
        2 => Overflow::Fail,
        _ => Overflow::Wait,
    };
    let room = shared(Room::new(capacity, overflow));
    let mut handle = Object::new(env)?;
    handle.set(
        "offer",
        raw(env, "offer", &room, |room, []: [f64; 0]| {
            verdict_code(room.offer())
        })?,
    )?;
    handle.set(
        "taken",
        raw(env, "taken", &room, |room, []: [f64; 0]| room.taken())?,
    )?;
    Ok(handle)
}

/// Makes the line of joined sources.
#[napi(ts_return_type = "object")]
pub fn create_turns(env: &Env) -> Result<Object<'_>> {
    let turns = shared(Turns::default());
    let mut handle = Object::new(env)?;
    handle.set(
        "arrive",
        raw(env, "arrive", &turns, |turns, [source]: [f64; 1]| {
            turns.arrive(source as u32);
        })?,
    )?;
    handle.set(
        "next",
        raw(env, "next", &turns, |turns, []: [f64; 0]| {
            turns.take().map_or(-1.0, f64::from)
        })?,
    )?;
    Ok(handle)
}

/// Makes the attempts of one run: `next()` gives the delay before the next attempt, or -1 when they are used up.
#[napi(ts_return_type = "object")]
pub fn create_stream_retry(
    env: &Env,
    max_attempts: u32,
    initial_delay_ms: f64,
    max_delay_ms: f64,
    factor: f64,
    jitter_ratio: f64,
    seed: f64,
) -> Result<Object<'_>> {
    let policy = Redelivery {
        max_attempts,
        initial_delay_ms,
        max_delay_ms,
        growth: Growth::Exponential { factor },
        jitter: Jitter::Ratio(jitter_ratio),
    };
    let retry = shared(Retry::new(policy, seed as u64));
    let mut handle = Object::new(env)?;
    handle.set(
        "next",
        raw(env, "next", &retry, |retry, []: [f64; 0]| {
            retry.next_delay().unwrap_or(-1.0)
        })?,
    )?;
    Ok(handle)
}

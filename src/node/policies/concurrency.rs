//! Binding of [`Permits`].

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::core::policy::concurrency::{Entry, Exit, Permits, WhenFull};
use crate::node::raw::{Shared, raw, shared};

/// Somebody who has [`Permits`]: a wrapper used by hand, or a runtime.
pub trait PermitsOwner {
    /// Does something with them.
    fn with<R>(&mut self, act: impl FnOnce(&mut Permits) -> R) -> R;
    /// Gives one back. True: an event of the queue may start now.
    fn leave(&mut self, key: u32) -> (Exit, bool);
}

impl PermitsOwner for Permits {
    #[inline]
    fn with<R>(&mut self, act: impl FnOnce(&mut Permits) -> R) -> R {
        act(self)
    }

    #[inline]
    fn leave(&mut self, key: u32) -> (Exit, bool) {
        (self.leave(key), false)
    }
}

/// Makes permits, `max_concurrent` a key; `waits` says whether there is a line for them.
#[napi(ts_return_type = "object")]
pub fn create_permits(env: &Env, max_concurrent: u32, waits: bool) -> Result<Object<'_>> {
    let when_full = if waits {
        WhenFull::Wait
    } else {
        WhenFull::Drop
    };
    let permits = shared(Permits::new(max_concurrent, when_full));
    let mut handle = Object::new(env)?;
    add_functions(env, &mut handle, &permits)?;
    Ok(handle)
}

/// What both kinds of handles have.
pub fn add_functions<T: PermitsOwner + 'static>(
    env: &Env,
    handle: &mut Object,
    permits: &Shared<T>,
) -> Result<()> {
    handle.set(
        "open",
        raw(env, "open", permits, |owner, []: [f64; 0]| {
            owner.with(Permits::open)
        })?,
    )?;
    handle.set(
        "closeIdle",
        raw(env, "closeIdle", permits, |owner, []: [f64; 0]| {
            owner.with(Permits::close_idle).map_or(-1.0, f64::from)
        })?,
    )?;
    handle.set(
        "enter",
        raw(env, "enter", permits, |owner, [key]: [f64; 1]| match owner
            .with(|permits| permits.enter(key as u32))
        {
            Entry::Granted => -1.0,
            Entry::Refused => -2.0,
            Entry::Waiting(waiter) => f64::from(waiter),
        })?,
    )?;
    handle.set(
        "leave",
        raw(
            env,
            "leave",
            permits,
            |owner, [key]: [f64; 1]| match owner.leave(key as u32) {
                (_, true) => -3.0,
                (Exit::Freed, _) => -1.0,
                (Exit::Idle, _) => -2.0,
                (Exit::HandedTo(waiter), _) => f64::from(waiter),
            },
        )?,
    )?;
    handle.set(
        "abandon",
        raw(env, "abandon", permits, |owner, [waiter]: [f64; 1]| {
            owner.with(|permits| permits.abandon(waiter as u32));
        })?,
    )?;
    handle.set(
        "inUse",
        raw(env, "inUse", permits, |owner, []: [f64; 0]| {
            owner.with(|permits| permits.in_use()) as f64
        })?,
    )?;
    handle.set(
        "waiting",
        raw(env, "waiting", permits, |owner, []: [f64; 0]| {
            owner.with(|permits| permits.waiting()) as f64
        })?,
    )
}

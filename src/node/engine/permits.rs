//! The permits of middleware in a runtime: they belong to its core, which holds events that find none.

use napi::bindgen_prelude::*;

use super::Engine;
use crate::core::policy::concurrency::{Exit, Permits};
use crate::core::runtime::Admission;
use crate::node::policies::concurrency::{PermitsOwner, add_functions};
use crate::node::raw::{Shared, raw, shared};
use crate::node::rings::double;

struct Limiter {
    engine: Shared<Engine>,
    number: u32,
}

impl PermitsOwner for Limiter {
    #[inline]
    fn with<R>(&mut self, act: impl FnOnce(&mut Permits) -> R) -> R {
        act(self.engine.borrow_mut().core.permits(self.number))
    }

    #[inline]
    fn leave(&mut self, key: u32) -> (Exit, bool) {
        self.engine.borrow_mut().core.leave(self.number, key)
    }
}

/// Adds `createPermits` and `begin` to the handle.
pub fn add(env: &Env, handle: &mut Object, engine: &Shared<Engine>) -> Result<()> {
    handle.set(
        "begin",
        raw(env, "begin", engine, |engine, [slot]: [f64; 1]| {
            let now = engine.rings.double(double::NOW);
            engine.core.begin(now, slot as u32)
        })?,
    )?;
    let engine = Shared::clone(engine);
    handle.set(
        "createPermits",
        env.create_function_from_closure::<u32, Object, _>("createPermits", move |call| {
            let max_concurrent: u32 = call.first_arg()?;
            let number = engine.borrow_mut().core.add_limiter(max_concurrent);
            let limiter = shared(Limiter {
                engine: Shared::clone(&engine),
                number,
            });
            let mut handle = Object::new(call.env)?;
            handle.set("number", number)?;
            add_functions(call.env, &mut handle, &limiter)?;
            add_admission(call.env, &mut handle, &limiter)?;
            Ok(handle)
        })?,
    )
}

fn add_admission(env: &Env, handle: &mut Object, limiter: &Shared<Limiter>) -> Result<()> {
    handle.set(
        "admit",
        raw(
            env,
            "admit",
            limiter,
            |limiter, [slot, key, limit_ms]: [f64; 3]| {
                let mut engine = limiter.engine.borrow_mut();
                let now = engine.rings.double(double::NOW);
                let (slot, key) = (slot as u32, key as u32);
                let core = &mut engine.core;
                match core.admit(now, slot, limiter.number, key, limit_ms) {
                    Admission::Gone => 0u32,
                    Admission::Started => 1,
                    Admission::Held => 2,
                    Admission::Overdue => 3,
                }
            },
        )?,
    )?;
    handle.set(
        "look",
        raw(env, "look", limiter, |limiter, [slot, key]: [f64; 2]| {
            let core = &mut limiter.engine.borrow_mut().core;
            core.look(slot as u32, limiter.number, key as u32)
        })?,
    )?;
    handle.set(
        "isCrowded",
        raw(env, "isCrowded", limiter, |limiter, []: [f64; 0]| {
            limiter.with(|permits| permits.is_crowded())
        })?,
    )
}

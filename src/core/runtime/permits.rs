//! Permits before the start: events wait in the queue for a permit of their key, and others pass.
//!
//! The facade knows the key of an event only when it asks the user. So an event whose turn has come is *offered*; the
//! facade answers with [`admit`](Runtime::admit), [`look`](Runtime::look) and [`begin`](Runtime::begin), each of which may
//! find that the event has gone meanwhile: the user's function may have cancelled it.

use rustc_hash::FxHashMap;

use super::Runtime;
use crate::core::policy::concurrency::{Exit, Permits, WhenFull};
use crate::core::ready::{Place, place};
use crate::core::slots::State;
use crate::core::timers::{TimerId, TimerKind};

/// Where an event of the queue waits, or has waited, for a permit. Its key is asked for once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Whose permit.
    pub limiter: u32,
    /// Of which key.
    pub key: u32,
    /// It has waited too long.
    is_overdue: bool,
}

/// What becomes of an event that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is not here any more.
    Gone,
    /// It runs, with a permit.
    Started,
    /// It waits in the queue; take the next.
    Held,
    /// It has waited too long: it runs without a permit, in order to fail.
    Overdue,
}

/// The limiters of a runtime, and what waits for them in its queue.
#[derive(Debug, Default)]
pub(super) struct Gates {
    limiters: Vec<Permits>,
    waits: FxHashMap<u32, Wait>,
}

impl Gates {
    /// Whether there is no limiter, so that the hot path can pass by.
    #[inline]
    pub fn is_off(&self) -> bool {
        self.limiters.is_empty()
    }
}

impl Runtime {
    /// Adds a limiter of `max_concurrent` permits a key and answers its number. From now on events are offered.
    pub fn add_limiter(&mut self, max_concurrent: u32) -> u32 {
        let limiter = Permits::new(max_concurrent, WhenFull::Wait);
        self.gates.limiters.push(limiter);
        self.gates.limiters.len() as u32 - 1
    }

    /// The permits of a limiter, for runs that have started. They come back through [`leave`](Self::leave).
    pub fn permits(&mut self, limiter: u32) -> &mut Permits {
        &mut self.gates.limiters[limiter as usize]
    }

    /// Gives back a permit. True: an event of the queue may start now.
    pub fn leave(&mut self, limiter: u32, key: u32) -> (Exit, bool) {
        let exit = self.permits(limiter).leave(key);
        (exit, exit == Exit::Freed && self.rouse(limiter, key))
    }

    /// Where `slot` waits or has waited for a permit.
    #[inline]
    pub fn wait_of(&self, slot: u32) -> Option<Wait> {
        self.gates.waits.get(&slot).copied()
    }

    /// Starts an offered event with a permit of `key`, or holds it, no longer than `limit_ms` in all.
    pub fn admit(
        &mut self,
        now: f64,
        slot: u32,
        limiter: u32,
        key: u32,
        limit_ms: f64,
    ) -> Admission {
        if self.state(slot) != State::Offered {
            return Admission::Gone;
        }
        if self.is_overdue(slot) {
            self.begin(now, slot);
            return Admission::Overdue;
        }
        let place = self.place_of(slot);
        if self.permits(limiter).admit(key, place) {
            self.begin(now, slot);
            return Admission::Started;
        }
        self.hold(slot, limiter, key);
        let record = &mut self.slots[slot as usize];
        if limit_ms.is_finite() && record.timer == TimerId::NONE {
            record.timer = self.timers.arm(now + limit_ms, (slot, TimerKind::Permit));
        }
        Admission::Held
    }

    /// Whether an offered event may go on to a limiter that it reaches only inside its run; else it is held: so many runs
    /// wait there already, and its key has no permit free.
    pub fn look(&mut self, slot: u32, limiter: u32, key: u32) -> bool {
        let passes = self.state(slot) != State::Offered
            || self.is_overdue(slot)
            || !self.permits(limiter).is_crowded()
            || self.permits(limiter).has_room(key);
        if !passes {
            self.hold(slot, limiter, key);
        }
        passes
    }

    fn place_of(&self, slot: u32) -> Place {
        place(slot, &self.slots[slot as usize])
    }

    fn is_overdue(&self, slot: u32) -> bool {
        self.wait_of(slot).is_some_and(|wait| wait.is_overdue)
    }

    /// Starts an offered event. Answers whether it was still there.
    pub fn begin(&mut self, now: f64, slot: u32) -> bool {
        let offered = self.state(slot) == State::Offered;
        if offered {
            self.disarm(slot);
            self.start(now, slot);
            self.leave_wait(slot);
        }
        offered
    }

    /// An offered event goes back into the queue and waits for a permit.
    fn hold(&mut self, slot: u32, limiter: u32, key: u32) {
        self.decline(slot);
        let wait = Wait {
            limiter,
            key,
            is_overdue: false,
        };
        let place = self.place_of(slot);
        if self.wait_of(slot) == Some(wait) {
            self.permits(limiter).hold(key, place);
            self.permits(limiter).stand_down(key, place);
        } else {
            self.leave_wait(slot);
            self.permits(limiter).hold(key, place);
            self.gates.waits.insert(slot, wait);
        }
        self.slots[slot as usize].state = State::Gated;
    }

    /// Takes back what was taken for an offered event.
    pub(super) fn decline(&mut self, slot: u32) {
        self.gauges.executing -= 1;
        if !self.limits.is_off() {
            self.limits.leave(&self.slots[slot as usize]);
            self.wake_held(slot);
        }
    }

    /// An event that was roused starts, ends or waits elsewhere: somebody else may have the permit it stood for.
    pub(super) fn leave_wait(&mut self, slot: u32) {
        if self.gates.waits.is_empty() {
            return;
        }
        if let Some(wait) = self.gates.waits.remove(&slot) {
            self.stand_down(slot, wait);
        }
    }

    /// As [`leave_wait`](Self::leave_wait), but an event that has waited too long stays so.
    pub(super) fn leave_wait_unless_overdue(&mut self, slot: u32) {
        if !self.is_overdue(slot) {
            self.leave_wait(slot);
        }
    }

    fn stand_down(
        &mut self,
        slot: u32,
        Wait {
            limiter,
            key,
            is_overdue,
        }: Wait,
    ) {
        if !is_overdue {
            let place = self.place_of(slot);
            self.permits(limiter).stand_down(key, place);
            self.rouse(limiter, key);
        }
    }

    /// A held event leaves the queue.
    pub(super) fn forget_wait(&mut self, slot: u32) {
        if let Some(Wait { limiter, key, .. }) = self.gates.waits.remove(&slot) {
            let place = self.place_of(slot);
            self.permits(limiter).forget(key, place);
        }
    }

    fn rouse(&mut self, limiter: u32, key: u32) -> bool {
        let roused = self.permits(limiter).rouse(key);
        if let Some(slot) = roused {
            self.slots[slot as usize].state = State::Ready;
            self.ready.restore(&mut self.slots, slot);
        }
        roused.is_some()
    }

    /// The time to wait for a permit is over: the limiter need not think of the event any more.
    pub(super) fn permit_timeout(&mut self, slot: u32) {
        self.slots[slot as usize].timer = TimerId::NONE;
        let Some(wait) = self.wait_of(slot) else {
            return;
        };
        if self.state(slot) == State::Gated {
            self.forget_wait(slot);
            self.slots[slot as usize].state = State::Ready;
            self.ready.restore(&mut self.slots, slot);
        } else {
            self.leave_wait(slot);
        }
        let overdue = Wait {
            is_overdue: true,
            ..wait
        };
        self.gates.waits.insert(slot, overdue);
    }
}

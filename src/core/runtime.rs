//! The life of events: admission, order, dispatch, delivery. See the contract in [the module above](super).

mod permits;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use tracing::debug;

use super::delivery::{PolicyKey, Redelivery};
use super::latency::{Groups, Latency};
use super::limits::GroupLimits;
use super::ordering::OrderingKeys;
use super::ready::ReadyQueue;
use super::rng::Rng;
use super::sizes::{SizeLimits, SizeVerdict, Sizes};
use super::slots::{List, NONE, Slot, State};
use super::stats::{Counters, Gauges};
use super::timers::{TimerId, TimerKind, Timers};
use permits::Gates;

pub use permits::{Admission, Wait};

/// How a runtime behaves. Values are checked by the facade, which knows the names that users gave them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Events whose handlers may run at once; at least 1.
    pub max_concurrent: u32,
    /// The same for each tenant.
    pub max_concurrent_per_tenant: Option<u32>,
    /// The same for each event type.
    pub max_concurrent_per_kind: Option<u32>,
    /// Milliseconds from delivery until a missing acknowledgement counts as a failure.
    pub ack_timeout_ms: Option<f64>,
    /// The policy of events that bring none of their own (index 0).
    pub redelivery: Redelivery,
    /// Thresholds for events whose size is known.
    pub sizes: SizeLimits,
    /// Whether times are recorded.
    pub records_latency: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

/// An event that wants to run.
#[derive(Debug, Clone, Copy)]
pub struct Submission {
    /// A slot that is free.
    pub slot: u32,
    /// Interned event type.
    pub kind: u32,
    /// Interned tenant.
    pub tenant: u32,
    /// Interned ordering key, or [`NONE`].
    pub key: u32,
    /// Higher runs first; finite.
    pub priority: f64,
    /// Milliseconds before which it must not start.
    pub delay_ms: f64,
    /// When it was accepted, for the record of times.
    pub at: f64,
    /// Whose times its own are.
    pub groups: Groups,
}

/// What only few events bring.
#[derive(Debug, Clone, Copy)]
pub struct Extras {
    /// Milliseconds after which it must not start any more; infinity: never.
    pub ttl_ms: f64,
    /// Index of its redelivery policy.
    pub policy: u16,
    /// Its size, already admitted; 0 when sizes are off.
    pub bytes: f64,
    /// Attempts that it has failed before, in an earlier life of the process.
    pub attempts: u32,
}

/// How a run has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Handled; nothing more to come.
    Done,
    /// Handled; the acknowledgement is still to come.
    Delivered,
    /// Failed.
    Failed {
        /// Whether the error is of a kind that may be tried again.
        retryable: bool,
        /// A delay that the error asks for, in milliseconds.
        asked_ms: Option<f64>,
    },
}

/// What has been decided about an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Notice {
    /// It will be delivered again.
    Retry {
        /// The event.
        slot: u32,
        /// Attempts that have failed.
        attempts: u32,
        /// Milliseconds until it is ready again.
        delay_ms: f64,
    },
    /// It is given up. Its slot is free.
    Dead {
        /// The event.
        slot: u32,
        /// Attempts that have failed.
        attempts: u32,
    },
    /// Its acknowledgement did not come: what still runs of it is to be aborted. A `Retry` or `Dead` follows.
    AckTimeout {
        /// The event.
        slot: u32,
        /// Attempts that have failed, with this one.
        attempts: u32,
    },
    /// Its time to live has passed before it started. Its slot is free.
    Expired {
        /// The event.
        slot: u32,
    },
    /// It was taken out. Its slot is free.
    Cancelled {
        /// The event.
        slot: u32,
    },
    /// It was given up for room or at the end. Its slot is free.
    Dropped {
        /// The event.
        slot: u32,
    },
}

/// How an event leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Dead,
    Expired,
    Cancelled,
    Dropped,
}

/// The policy of an event that was cancelled while it ran; no list of policies is that long.
const NEVER_AGAIN: u16 = u16::MAX;

/// What an owner's word about a running event makes of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Acked,
    Nacked,
}

/// The core of one runtime or queue.
#[derive(Debug)]
pub struct Runtime {
    slots: Vec<Slot>,
    ready: ReadyQueue,
    resuming: List,
    keys: OrderingKeys,
    limits: GroupLimits,
    gates: Gates,
    timers: Timers<(u32, TimerKind)>,
    policies: Vec<Redelivery>,
    policy_ids: FxHashMap<PolicyKey, u16>,
    extras: FxHashMap<u32, Extras>,
    words: FxHashMap<u32, Word>,
    sizes: Sizes,
    notices: VecDeque<Notice>,
    counters: Counters,
    gauges: Gauges,
    latency: Option<Box<Latency>>,
    width: u32,
    ack_timeout_ms: Option<f64>,
    rng: Rng,
}

impl Runtime {
    /// A runtime with no event.
    pub fn new(config: Config) -> Self {
        Self {
            slots: Vec::new(),
            ready: ReadyQueue::default(),
            resuming: List::default(),
            keys: OrderingKeys::default(),
            limits: GroupLimits::new(
                config.max_concurrent_per_tenant,
                config.max_concurrent_per_kind,
            ),
            gates: Gates::default(),
            timers: Timers::default(),
            policies: vec![config.redelivery],
            policy_ids: FxHashMap::from_iter([(config.redelivery.key(), 0)]),
            extras: FxHashMap::default(),
            words: FxHashMap::default(),
            sizes: Sizes::new(config.sizes),
            notices: VecDeque::new(),
            counters: Counters::default(),
            gauges: Gauges::default(),
            latency: config.records_latency.then(Box::default),
            width: config.max_concurrent,
            ack_timeout_ms: config.ack_timeout_ms,
            rng: Rng::new(config.seed),
        }
    }

    // ── Admission ──────────────────────────────────────────────────────────────────────────────────────

    /// Decides about an event of `bytes`; an admitted one keeps its bytes until it ends.
    pub fn admit_bytes(&mut self, bytes: f64) -> SizeVerdict {
        self.sizes.enter(bytes)
    }

    /// Gives back the bytes of an admitted event that was not submitted after all.
    pub fn return_bytes(&mut self, bytes: f64) {
        self.sizes.leave(bytes);
    }

    /// The index of `policy`, the same for equal ones; `None` when 65,535 different ones are in use.
    pub fn intern_policy(&mut self, policy: Redelivery) -> Option<u16> {
        let key = policy.key();
        if let Some(known) = self.policy_ids.get(&key) {
            return Some(*known);
        }
        let next = u16::try_from(self.policies.len()).ok();
        let index = next.filter(|&index| index < u16::MAX)?;
        self.policies.push(policy);
        self.policy_ids.insert(key, index);
        Some(index)
    }

    /// Keeps what the next submission of `slot` brings besides.
    pub fn prepare(&mut self, slot: u32, extras: Extras) {
        self.extras.insert(slot, extras);
    }

    /// Takes an event in. A slot that is in use already is left alone.
    pub fn submit(&mut self, now: f64, event: Submission) {
        let index = event.slot as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, Slot::default);
        }
        if self.slots[index].state != State::Free {
            return;
        }
        self.counters.emitted += 1;
        self.slots[index] = Slot {
            kind: event.kind,
            tenant: event.tenant,
            key: event.key,
            priority: event.priority,
            due: if event.delay_ms > 0.0 {
                now + event.delay_ms
            } else {
                0.0
            },
            ..Slot::default()
        };
        if let Some(latency) = &mut self.latency {
            latency.submitted(event.at, event.slot, event.groups);
        }
        if !self.extras.is_empty()
            && let Some(extras) = self.extras.remove(&event.slot)
        {
            self.apply_extras(now, event.slot, extras);
        }
        if event.key == NONE || self.keys.enter(&mut self.slots, event.slot) {
            self.wait_or_ready(now, event.slot);
        } else {
            self.gauges.waiting += 1;
        }
    }

    fn apply_extras(&mut self, now: f64, slot: u32, extras: Extras) {
        let record = &mut self.slots[slot as usize];
        record.policy = extras.policy;
        record.bytes = extras.bytes;
        record.attempts = extras.attempts;
        if extras.ttl_ms.is_finite() {
            record.ttl_timer = self
                .timers
                .arm(now + extras.ttl_ms, (slot, TimerKind::Expiry));
        }
    }

    /// The turn of an event has come as far as its ordering key goes.
    fn wait_or_ready(&mut self, now: f64, slot: u32) {
        let due = self.slots[slot as usize].due;
        if due > now {
            self.wait_until(slot, State::Delayed, due);
        } else {
            self.make_ready(slot);
        }
    }

    fn wait_until(&mut self, slot: u32, state: State, due: f64) {
        let timer = self.timers.arm(due, (slot, TimerKind::Due));
        let record = &mut self.slots[slot as usize];
        record.state = state;
        record.due = due;
        record.timer = timer;
        self.gauges.waiting += 1;
    }

    fn make_ready(&mut self, slot: u32) {
        self.slots[slot as usize].state = State::Ready;
        self.ready.push(&mut self.slots, slot);
        self.gauges.ready += 1;
    }

    // ── Dispatch ───────────────────────────────────────────────────────────────────────────────────────

    /// The parked event that is to go on next, if a permit is free; the permit is taken. Ask before [`next`](Self::next).
    #[inline]
    pub fn next_resumed(&mut self) -> Option<u32> {
        if self.resuming.is_empty() || self.gauges.executing >= self.width {
            return None;
        }
        let slot = self.resuming.pop_front(&mut self.slots);
        self.slots[slot as usize].state = State::Running;
        self.gauges.parked -= 1;
        self.gauges.executing += 1;
        Some(slot)
    }

    /// The event whose turn it is, if a permit is free; the permit is taken. It is started, unless there are limiters:
    /// then it is offered (see [`permits`]).
    #[inline]
    pub fn next(&mut self, now: f64) -> Option<u32> {
        if self.gauges.executing >= self.width {
            return None;
        }
        loop {
            let slot = self.ready.pop(&mut self.slots);
            if slot == NONE {
                return None;
            }
            if self.slots[slot as usize].ttl_timer != TimerId::NONE && self.is_stale(now, slot) {
                continue;
            }
            if self.limits.is_off() || self.take_group_permits(slot) {
                self.gauges.executing += 1;
                if self.gates.is_off() {
                    self.start(now, slot);
                } else {
                    self.slots[slot as usize].state = State::Offered;
                }
                return Some(slot);
            }
        }
    }

    /// Expires an event whose turn comes too late, even when the timer that should have said so has not been served yet.
    #[cold]
    fn is_stale(&mut self, now: f64, slot: u32) -> bool {
        let timer = self.slots[slot as usize].ttl_timer;
        let stale = self.timers.deadline(timer) <= now;
        if stale {
            self.gauges.ready -= 1;
            if !self.limits.is_off() {
                self.wake_held(slot);
            }
            self.leave_wait(slot);
            self.end(now, slot, End::Expired);
            self.notices.push_back(Notice::Expired { slot });
        }
        stale
    }

    fn take_group_permits(&mut self, slot: u32) -> bool {
        let entered = self.limits.enter(slot, &self.slots[slot as usize]);
        if !entered {
            self.slots[slot as usize].state = State::Held;
            // Held at one limit, it no longer stands for those that wait at its other ones.
            self.wake_held(slot);
            self.leave_wait_unless_overdue(slot);
        }
        entered
    }

    fn wake_held(&mut self, slot: u32) {
        let wakes = self.limits.wakes(&self.slots[slot as usize]);
        for wake in wakes.into_iter().flatten() {
            self.slots[wake as usize].state = State::Ready;
            self.ready.restore(&mut self.slots, wake);
        }
    }

    #[inline]
    fn start(&mut self, now: f64, slot: u32) {
        let record = &mut self.slots[slot as usize];
        record.state = State::Running;
        record.attempts += 1;
        if let Some(latency) = &mut self.latency {
            latency.started(now, slot, record.due);
        }
        self.gauges.ready -= 1;
        self.gauges.running += 1;
        // A time to live ends where the event starts.
        if record.ttl_timer != TimerId::NONE {
            self.timers.cancel(record.ttl_timer);
            record.ttl_timer = TimerId::NONE;
        }
        if let Some(timeout) = self.ack_timeout_ms {
            record.timer = self
                .timers
                .arm(now + timeout, (slot, TimerKind::AckTimeout));
        }
    }

    /// A running event waits inside a middleware: its permit is free meanwhile. One that waits for a permit again leaves
    /// that line. Answers whether it was not parked before.
    pub fn park(&mut self, slot: u32) -> bool {
        match self.state(slot) {
            State::Running => {
                self.gauges.executing -= 1;
                self.gauges.parked += 1;
            }
            State::Resuming => self.resuming.remove(&mut self.slots, slot),
            _ => return false,
        }
        self.slots[slot as usize].state = State::Parked;
        true
    }

    /// The wait of a parked event is over: it goes on when a permit is free (before anything new starts).
    pub fn unpark(&mut self, slot: u32) -> bool {
        let parked = self.state(slot) == State::Parked;
        if parked {
            self.slots[slot as usize].state = State::Resuming;
            self.resuming.push_back(&mut self.slots, slot);
        }
        parked
    }

    /// Sets how many may run at once from now on; at least 1. What runs beyond it goes on.
    pub fn set_width(&mut self, width: u32) {
        if self.width != width.max(1) {
            debug!(from = self.width, to = width, "width changed");
        }
        self.width = width.max(1);
    }

    // ── Delivery ───────────────────────────────────────────────────────────────────────────────────────

    /// A run has ended. Ignored when the slot is not running any more (its acknowledgement timed out).
    #[inline]
    pub fn complete(&mut self, now: f64, slot: u32, outcome: Outcome) {
        if !self.leave_execution(slot) {
            return;
        }
        if let Some(latency) = &mut self.latency {
            latency.ran(now, slot);
        }
        let word = match self.words.is_empty() {
            true => None,
            false => self.words.remove(&slot),
        };
        match (outcome, word) {
            (Outcome::Failed { .. }, Some(Word::Acked)) => {
                self.counters.failed += 1;
                self.end(now, slot, End::Done);
            }
            (
                Outcome::Failed {
                    retryable,
                    asked_ms,
                },
                _,
            ) => {
                self.fail(now, slot, retryable, asked_ms);
            }
            (_, Some(Word::Nacked)) => self.fail(now, slot, true, None),
            (Outcome::Done, _) | (_, Some(Word::Acked)) => self.end(now, slot, End::Done),
            (Outcome::Delivered, None) => {
                self.slots[slot as usize].state = State::Unacked;
                self.gauges.unacked += 1;
            }
        }
    }

    /// Gives up the permit (or the place in the line for one) of a started event.
    #[inline]
    fn leave_execution(&mut self, slot: u32) -> bool {
        match self.state(slot) {
            State::Running => self.gauges.executing -= 1,
            State::Parked => self.gauges.parked -= 1,
            State::Resuming => {
                self.gauges.parked -= 1;
                self.resuming.remove(&mut self.slots, slot);
            }
            _ => return false,
        }
        if !self.limits.is_off() {
            self.limits.leave(&self.slots[slot as usize]);
            self.wake_held(slot);
        }
        true
    }

    /// An attempt has failed, and its permit is given up.
    fn fail(&mut self, now: f64, slot: u32, retryable: bool, asked_ms: Option<f64>) {
        self.counters.failed += 1;
        self.disarm(slot);
        let Slot {
            policy, attempts, ..
        } = self.slots[slot as usize];
        let known = self.policies.get(usize::from(policy)).copied();
        let policy = known.unwrap_or(Redelivery::NEVER);
        let delay = retryable
            .then(|| policy.next_delay(attempts, asked_ms, &mut self.rng))
            .flatten();
        let Some(delay_ms) = delay else {
            debug!(slot, attempts, "given up");
            self.end(now, slot, End::Dead);
            self.notices.push_back(Notice::Dead { slot, attempts });
            return;
        };
        debug!(slot, attempts, delay_ms, "redelivery scheduled");
        self.counters.retried += 1;
        self.counters.retry_delay_ms += delay_ms as u64;
        self.gauges.running -= 1;
        self.gauges.retrying += 1;
        self.wait_until(slot, State::Retrying, now + delay_ms);
        self.notices.push_back(Notice::Retry {
            slot,
            attempts,
            delay_ms,
        });
    }

    /// The owner acknowledges a delivery. Answers whether there was one to acknowledge.
    pub fn ack(&mut self, now: f64, slot: u32) -> bool {
        match self.state(slot) {
            State::Unacked => {
                self.gauges.unacked -= 1;
                self.end(now, slot, End::Done);
                true
            }
            state => self.say(slot, state, Word::Acked),
        }
    }

    /// The owner refuses a delivery: it counts as failed. Answers whether there was one to refuse.
    pub fn nack(&mut self, now: f64, slot: u32) -> bool {
        match self.state(slot) {
            State::Unacked => {
                self.gauges.unacked -= 1;
                self.fail(now, slot, true, None);
                true
            }
            state => self.say(slot, state, Word::Nacked),
        }
    }

    /// Remembers a word about an event that still runs, for its end.
    fn say(&mut self, slot: u32, state: State, word: Word) -> bool {
        let running = matches!(state, State::Running | State::Parked | State::Resuming);
        if running {
            self.words.insert(slot, word);
        }
        running
    }

    // ── Time ───────────────────────────────────────────────────────────────────────────────────────────

    /// When [`tick`](Self::tick) is to be called next.
    #[inline]
    pub fn next_deadline(&self) -> Option<f64> {
        self.timers.next_deadline()
    }

    /// Lets happen what is due at `now`.
    pub fn tick(&mut self, now: f64) {
        while let Some((slot, kind)) = self.timers.pop_due(now) {
            match kind {
                TimerKind::Due => self.due(slot),
                TimerKind::Expiry => self.expire(now, slot),
                TimerKind::Permit => self.permit_timeout(slot),
                TimerKind::AckTimeout => self.ack_timeout(now, slot),
            }
        }
    }

    fn due(&mut self, slot: u32) {
        let record = &mut self.slots[slot as usize];
        record.timer = TimerId::NONE;
        self.gauges.waiting -= 1;
        if record.state == State::Retrying {
            self.gauges.retrying -= 1;
        }
        self.make_ready(slot);
    }

    fn expire(&mut self, now: f64, slot: u32) {
        self.slots[slot as usize].ttl_timer = TimerId::NONE;
        if self.withdraw(slot) {
            debug!(slot, "expired");
            self.end(now, slot, End::Expired);
            self.notices.push_back(Notice::Expired { slot });
        }
    }

    fn ack_timeout(&mut self, now: f64, slot: u32) {
        self.slots[slot as usize].timer = TimerId::NONE;
        debug!(slot, "no acknowledgement in time");
        self.counters.ack_timeouts += 1;
        self.words.remove(&slot);
        if self.state(slot) == State::Unacked {
            self.gauges.unacked -= 1;
        } else {
            self.leave_execution(slot);
        }
        let attempts = self.slots[slot as usize].attempts;
        self.notices
            .push_back(Notice::AckTimeout { slot, attempts });
        self.fail(now, slot, true, None);
    }

    // ── Ends ───────────────────────────────────────────────────────────────────────────────────────────

    /// Takes an event out that has not started, or whose acknowledgement is outstanding; a running one stays, but is not
    /// delivered again. Answers whether it was taken out.
    pub fn cancel(&mut self, now: f64, slot: u32) -> bool {
        let taken = self.take_out(now, slot, End::Cancelled);
        if !taken && self.state(slot) != State::Free {
            self.slots[slot as usize].policy = NEVER_AGAIN;
        }
        taken
    }

    /// Gives up the oldest event of the lowest priority that is ready. Answers whether there was one.
    pub fn drop_oldest(&mut self, now: f64) -> bool {
        let slot = self.ready.least(&self.slots);
        slot != NONE && self.take_out(now, slot, End::Dropped)
    }

    /// Takes out every event that is not running; `dropped` says how they are counted.
    pub fn clear(&mut self, now: f64, dropped: bool) {
        let end = if dropped {
            End::Dropped
        } else {
            End::Cancelled
        };
        for slot in 0..self.slots.len() as u32 {
            self.take_out(now, slot, end);
        }
    }

    /// Gives back the memory of a burst. Does nothing while any event lives.
    pub fn shrink(&mut self) {
        let Gauges {
            waiting,
            ready,
            running,
            ..
        } = self.gauges;
        if waiting + ready + running == 0 {
            self.slots = Vec::new();
            if let Some(latency) = &mut self.latency {
                latency.shrink();
            }
        }
    }

    /// Gives up an event that is still running, at the end of the runtime.
    pub fn abandon(&mut self, now: f64, slot: u32) {
        if self.leave_execution(slot) {
            self.words.remove(&slot);
            self.end(now, slot, End::Dropped);
            self.notices.push_back(Notice::Dropped { slot });
        }
    }

    fn take_out(&mut self, now: f64, slot: u32, end: End) -> bool {
        if !self.withdraw(slot) {
            return false;
        }
        self.end(now, slot, end);
        self.notices.push_back(match end {
            End::Dropped => Notice::Dropped { slot },
            _ => Notice::Cancelled { slot },
        });
        true
    }

    /// Takes an event out of whatever it waits in. False when it runs or is not here.
    fn withdraw(&mut self, slot: u32) -> bool {
        match self.state(slot) {
            State::Delayed => self.gauges.waiting -= 1,
            // Unlinked when it leaves its key.
            State::Blocked => self.gauges.waiting -= 1,
            State::Retrying => {
                self.gauges.waiting -= 1;
                self.gauges.retrying -= 1;
            }
            State::Ready => {
                self.gauges.ready -= 1;
                self.ready.remove(&mut self.slots, slot);
                if !self.limits.is_off() {
                    self.wake_held(slot);
                }
                self.leave_wait(slot);
            }
            State::Offered => {
                self.gauges.ready -= 1;
                self.decline(slot);
                self.leave_wait(slot);
            }
            State::Gated => {
                self.gauges.ready -= 1;
                self.forget_wait(slot);
            }
            State::Held => {
                self.gauges.ready -= 1;
                self.limits.forget(slot, &self.slots[slot as usize]);
                self.leave_wait(slot);
            }
            State::Unacked => self.gauges.unacked -= 1,
            State::Free | State::Running | State::Parked | State::Resuming => return false,
        }
        true
    }

    /// The event is in no queue and holds no permit: count its end, pass on its ordering key, free the slot.
    #[inline]
    fn end(&mut self, now: f64, slot: u32, end: End) {
        self.disarm(slot);
        let record = &mut self.slots[slot as usize];
        let (key, bytes, attempts, ttl) =
            (record.key, record.bytes, record.attempts, record.ttl_timer);
        if matches!(
            record.state,
            State::Running | State::Parked | State::Resuming | State::Unacked
        ) {
            self.gauges.running -= 1;
        }
        record.state = State::Free;
        match end {
            End::Done => {
                self.counters.done += 1;
                if let Some(latency) = &mut self.latency {
                    latency.done(now, slot);
                }
                self.counters.recovered += u64::from(attempts > 1);
            }
            End::Dead => self.counters.dead += 1,
            End::Expired => self.counters.expired += 1,
            End::Cancelled => self.counters.cancelled += 1,
            End::Dropped => self.counters.dropped += 1,
        }
        if ttl != TimerId::NONE {
            self.timers.cancel(ttl);
            self.slots[slot as usize].ttl_timer = TimerId::NONE;
        }
        if bytes > 0.0 {
            self.sizes.leave(bytes);
        }
        if key != NONE {
            let next = self.keys.leave(&mut self.slots, slot);
            if next != NONE {
                self.gauges.waiting -= 1;
                self.wait_or_ready(now, next);
            }
        }
    }

    #[inline]
    fn disarm(&mut self, slot: u32) {
        let record = &mut self.slots[slot as usize];
        if record.timer != TimerId::NONE {
            self.timers.cancel(record.timer);
            record.timer = TimerId::NONE;
        }
    }

    // ── Views ──────────────────────────────────────────────────────────────────────────────────────────

    /// Takes the oldest notice.
    #[inline]
    pub fn pop_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Notices not yet taken.
    #[inline]
    pub fn notices(&self) -> usize {
        self.notices.len()
    }

    /// Where `slot` is.
    #[inline]
    pub fn state(&self, slot: u32) -> State {
        self.slots
            .get(slot as usize)
            .map_or(State::Free, |record| record.state)
    }

    /// The record of `slot`, if it is in use.
    pub fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots
            .get(slot as usize)
            .filter(|record| record.state != State::Free)
    }

    /// Events that wait in the queue's sense of `maxQueueDepth`: everything accepted that does not execute.
    #[inline]
    pub fn depth(&self) -> u32 {
        self.gauges.waiting + self.gauges.ready + self.gauges.unacked + self.gauges.parked
    }

    /// Transitions so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Events by state.
    #[inline]
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Sizes of what lives.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The record of times, where one is kept.
    pub fn latency(&mut self) -> Option<&mut Latency> {
        self.latency.as_deref_mut()
    }

    /// When an event that waits for its delay or redelivery may start, by the clock of `now`; `None` if it waits for neither.
    pub fn due_at(&self, slot: u32) -> Option<f64> {
        let record = self.slot(slot)?;
        let waits = matches!(
            record.state,
            State::Delayed | State::Retrying | State::Blocked
        );
        (waits && record.due > 0.0).then_some(record.due)
    }

    /// How many may run at once now.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Waiting events in the order in which they would start: ready ones first, then by the time they are due.
    pub fn snapshot(&self, limit: usize) -> Vec<u32> {
        let mut order = self.ready.snapshot(&self.slots, limit);
        let room = limit - order.len();
        if room == 0 {
            return order;
        }
        if self.waits_for_time_alone() {
            let timers = self.timers.in_order();
            let due = timers.filter_map(|(slot, kind)| (kind == TimerKind::Due).then_some(slot));
            order.extend(due.take(room));
        } else {
            order.extend(self.search_waiting(room));
        }
        order
    }

    /// Whether what waits has a timer each: nothing waits for a permit or for another event.
    fn waits_for_time_alone(&self) -> bool {
        self.keys.blocked() == 0 && self.gauges.ready == self.ready.len()
    }

    /// Looks at every event. Only those that are asked for are put in order.
    fn search_waiting(&self, limit: usize) -> Vec<u32> {
        let mut waiting: Vec<u32> = (0..self.slots.len() as u32)
            .filter(|&slot| {
                matches!(
                    self.state(slot),
                    State::Held | State::Gated | State::Delayed | State::Retrying | State::Blocked
                )
            })
            .collect();
        let earlier = |a: &u32, b: &u32| {
            let of = |slot: &u32| &self.slots[*slot as usize];
            let by_time = of(a).due.total_cmp(&of(b).due);
            by_time.then(of(a).seq.cmp(&of(b).seq)).then(a.cmp(b))
        };
        if waiting.len() > limit {
            waiting.select_nth_unstable_by(limit, earlier);
            waiting.truncate(limit);
        }
        waiting.sort_unstable_by(earlier);
        waiting
    }
}

//! The core against a naive model of it: random commands, simulated time, everything checked after every step.
//!
//! A failing case prints its seed; `SEED=… cargo test --test core_model one_seed` replays it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use kodus_flow_runtime::core::delivery::{Growth, Jitter, Redelivery};
use kodus_flow_runtime::core::latency::Groups;
use kodus_flow_runtime::core::policy::concurrency::{Entry, Exit, MAX_WAITING_RUNS};
use kodus_flow_runtime::core::rng::Rng;
use kodus_flow_runtime::core::runtime::{
    Admission, Config, Extras, Notice, Outcome, Runtime, Submission,
};
use kodus_flow_runtime::core::sizes::SizeLimits;
use kodus_flow_runtime::core::slots::NONE;
use proptest::prelude::*;

const SLOTS: u32 = 48;
const STEPS: u32 = 2_000;
const ACK_TIMEOUT_MS: f64 = 40.0;
/// How long events wait for a permit of a limiter.
const PERMIT_LIMIT_MS: f64 = 30.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    Delayed,
    Retrying,
    Blocked,
    Ready,
    Running { acked: bool, nacked: bool },
    Parked { acked: bool, nacked: bool },
    Resuming { acked: bool, nacked: bool },
    Unacked,
}

#[derive(Debug, Clone)]
struct Event {
    at: At,
    priority: i32,
    tenant: u32,
    kind: u32,
    key: u32,
    due: f64,
    expires: f64,
    ack_by: f64,
    attempts: u32,
    max_attempts: u32,
    /// The key whose permit it takes before it starts.
    permit: u32,
    /// When it was first refused a permit and has been in the queue since.
    refused_at: Option<f64>,
}

/// A limiter outside of all handlers: it takes its permits before events start.
struct Limiter {
    max: usize,
    /// Names of the open keys.
    ids: HashMap<u32, u32>,
    /// Keys of the permits in use; who holds them is not the core's business.
    taken: Vec<u32>,
    /// Runs that wait in line, by key.
    lines: HashMap<u32, VecDeque<u32>>,
}

impl Limiter {
    fn has_room(&self, key: u32) -> bool {
        self.taken.iter().filter(|&&one| one == key).count() < self.max
    }
}

/// What the core should be doing, written for the reader and not for speed.
struct Model {
    now: f64,
    width: usize,
    per_tenant: Option<usize>,
    per_kind: Option<usize>,
    limiter: Option<Limiter>,
    events: BTreeMap<u32, Event>,
    /// Ready slots in the order in which they became ready.
    arrival: Vec<u32>,
    /// For each priority the tenants that have ready events, in turn.
    turns: HashMap<i32, VecDeque<u32>>,
    /// For each ordering key its events in the order of admission; the first has the turn.
    keys: HashMap<u32, VecDeque<u32>>,
    resuming: VecDeque<u32>,
    emitted: u64,
    done: u64,
    dead: u64,
    expired: u64,
    cancelled: u64,
    dropped: u64,
    failed: u64,
    retried: u64,
}

impl Model {
    fn new(width: usize, limits: bool, limiter: Option<Limiter>) -> Self {
        Self {
            now: 0.0,
            width,
            per_tenant: limits.then_some(2),
            per_kind: limits.then_some(3),
            limiter,
            events: BTreeMap::new(),
            arrival: Vec::new(),
            turns: HashMap::new(),
            keys: HashMap::new(),
            resuming: VecDeque::new(),
            emitted: 0,
            done: 0,
            dead: 0,
            expired: 0,
            cancelled: 0,
            dropped: 0,
            failed: 0,
            retried: 0,
        }
    }

    fn make_ready(&mut self, slot: u32) {
        let event = self.events.get_mut(&slot).unwrap();
        event.at = At::Ready;
        self.arrival.push(slot);
        let turn = self.turns.entry(event.priority).or_default();
        if !turn.contains(&event.tenant) {
            turn.push_back(event.tenant);
        }
    }

    fn unready(&mut self, slot: u32) {
        self.arrival.retain(|&other| other != slot);
        let (priority, tenant) = (self.events[&slot].priority, self.events[&slot].tenant);
        if self.first_of(priority, tenant).is_none() {
            self.turns
                .get_mut(&priority)
                .unwrap()
                .retain(|&t| t != tenant);
        }
    }

    fn first_of(&self, priority: i32, tenant: u32) -> Option<u32> {
        self.arrival.iter().copied().find(|slot| {
            let event = &self.events[slot];
            event.priority == priority && event.tenant == tenant
        })
    }

    fn executing(&self) -> usize {
        self.count(|at| matches!(at, At::Running { .. }))
    }

    fn count(&self, which: impl Fn(At) -> bool) -> usize {
        self.events.values().filter(|event| which(event.at)).count()
    }

    /// Which events have started and not given their group permits back.
    fn holding(&self, which: impl Fn(&Event) -> bool) -> usize {
        self.events
            .values()
            .filter(|event| {
                matches!(
                    event.at,
                    At::Running { .. } | At::Parked { .. } | At::Resuming { .. }
                ) && which(event)
            })
            .count()
    }

    fn is_allowed(&self, slot: u32) -> bool {
        let event = &self.events[&slot];
        let tenant = self.holding(|other| other.tenant == event.tenant);
        let kind = self.holding(|other| other.kind == event.kind);
        self.per_tenant.is_none_or(|max| tenant < max) && self.per_kind.is_none_or(|max| kind < max)
    }

    /// Whether the core may let events pass each other.
    fn is_limited(&self) -> bool {
        self.per_tenant.is_some() || self.limiter.is_some()
    }

    /// Whether an event that is ready could start if nothing else were in its way.
    fn could_start(&self, slot: u32) -> bool {
        let permit = self.events[&slot].permit;
        let has_permit = self
            .limiter
            .as_ref()
            .is_none_or(|limiter| limiter.has_room(permit));
        has_permit && self.is_allowed(slot)
    }

    /// The slot that is to start next, where no group limit is in force.
    fn next(&self) -> Option<u32> {
        let priority = self
            .arrival
            .iter()
            .map(|slot| self.events[slot].priority)
            .max()?;
        self.first_of(priority, *self.turns[&priority].front()?)
    }

    /// Takes a slot whose turn it is out of the ready ones; its tenant goes to the end of the line.
    fn take(&mut self, slot: u32) {
        let (priority, tenant) = (self.events[&slot].priority, self.events[&slot].tenant);
        self.arrival.retain(|&other| other != slot);
        let more = self.first_of(priority, tenant).is_some();
        let turn = self.turns.get_mut(&priority).unwrap();
        turn.retain(|&t| t != tenant);
        if more {
            turn.push_back(tenant);
        }
    }

    fn start(&mut self, slot: u32) {
        self.take(slot);
        let event = self.events.get_mut(&slot).unwrap();
        event.at = At::Running {
            acked: false,
            nacked: false,
        };
        event.attempts += 1;
        event.expires = f64::INFINITY;
        event.ack_by = self.now + ACK_TIMEOUT_MS;
        event.refused_at = None;
    }

    fn end(&mut self, slot: u32) {
        if self.events[&slot].at == At::Ready {
            self.unready(slot);
        }
        self.resuming.retain(|&other| other != slot);
        let event = self.events.remove(&slot).unwrap();
        if event.key == NONE {
            return;
        }
        let line = self.keys.get_mut(&event.key).unwrap();
        let had_turn = line.front() == Some(&slot);
        line.retain(|&other| other != slot);
        if let (true, Some(&next)) = (had_turn, line.front()) {
            self.wait_or_ready(next);
        }
    }

    fn wait_or_ready(&mut self, slot: u32) {
        if self.events[&slot].due > self.now {
            self.events.get_mut(&slot).unwrap().at = At::Delayed;
        } else {
            self.make_ready(slot);
        }
    }
}

struct Simulation {
    core: Runtime,
    model: Model,
    rng: Rng,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let limits = rng.unit() < 0.4;
        let width = 1 + (rng.unit() * 6.0) as usize;
        let limiter = (rng.unit() < 0.5).then(|| Limiter {
            max: 1 + (rng.unit() * 2.0) as usize,
            ids: HashMap::new(),
            taken: Vec::new(),
            lines: HashMap::new(),
        });
        let model = Model::new(width, limits, limiter);
        let mut core = Runtime::new(Config {
            max_concurrent: width as u32,
            max_concurrent_per_tenant: model.per_tenant.map(|max| max as u32),
            max_concurrent_per_kind: model.per_kind.map(|max| max as u32),
            ack_timeout_ms: Some(ACK_TIMEOUT_MS),
            redelivery: Redelivery::NEVER,
            sizes: SizeLimits::OFF,
            records_latency: true,
            seed,
        });
        if let Some(limiter) = &model.limiter {
            assert_eq!(core.add_limiter(limiter.max as u32), 0);
        }
        Self { core, model, rng }
    }

    fn below(&mut self, bound: u32) -> u32 {
        (self.rng.unit() * f64::from(bound)) as u32
    }

    fn chance(&mut self, p: f64) -> bool {
        self.rng.unit() < p
    }

    fn any_slot(&mut self, which: impl Fn(At) -> bool) -> Option<u32> {
        let slots: Vec<u32> = self
            .model
            .events
            .iter()
            .filter(|(_, event)| which(event.at))
            .map(|(slot, _)| *slot)
            .collect();
        (!slots.is_empty()).then(|| slots[self.below(slots.len() as u32) as usize])
    }

    fn step(&mut self) {
        match self.below(100) {
            0..30 => self.submit(),
            30..51 => self.next(),
            51..55 => self.enter(),
            55..68 => self.complete(),
            68..75 => self.leave(),
            75..83 => self.advance_time(),
            83..86 => self.cancel(),
            86..90 => self.acknowledge(),
            90..93 => self.park(),
            93..96 => self.unpark(),
            96 => self.drop_oldest(),
            97 => self.set_width(),
            98 => self.abandon(),
            _ => {
                if self.chance(0.05) {
                    self.clear();
                }
            }
        }
        self.read_notices();
        self.check();
    }

    fn submit(&mut self) {
        let Some(slot) = (0..SLOTS).find(|slot| !self.model.events.contains_key(slot)) else {
            return;
        };
        let delay_ms = if self.chance(0.2) {
            f64::from(self.below(30))
        } else {
            0.0
        };
        let ttl_ms = if self.chance(0.1) {
            f64::from(self.below(40))
        } else {
            f64::INFINITY
        };
        let max_attempts = 1 + self.below(3);
        // One in ten comes back from an earlier life, with attempts that it has failed there.
        let attempts = if self.chance(0.1) {
            self.below(max_attempts)
        } else {
            0
        };
        let key = if self.chance(0.3) {
            self.below(4)
        } else {
            NONE
        };
        let event = Event {
            at: At::Blocked,
            priority: self.below(4) as i32 - 1,
            tenant: self.below(3),
            kind: self.below(3),
            key,
            due: if delay_ms > 0.0 {
                self.model.now + delay_ms
            } else {
                0.0
            },
            expires: self.model.now + ttl_ms,
            ack_by: f64::INFINITY,
            attempts,
            max_attempts,
            permit: self.below(4),
            refused_at: None,
        };
        let policy = self.core.intern_policy(Redelivery {
            max_attempts,
            initial_delay_ms: 5.0,
            max_delay_ms: 20.0,
            growth: Growth::Exponential { factor: 2.0 },
            jitter: Jitter::Full,
        });
        let extras = Extras {
            ttl_ms,
            policy: policy.unwrap(),
            bytes: 0.0,
            attempts,
        };
        self.core.prepare(slot, extras);
        let submission = Submission {
            slot,
            kind: event.kind,
            tenant: event.tenant,
            key,
            priority: f64::from(event.priority),
            delay_ms,
            at: 0.0,
            groups: Groups::default(),
        };
        self.core.submit(self.model.now, submission);
        self.model.emitted += 1;
        self.model.events.insert(slot, event);
        if key == NONE {
            self.model.wait_or_ready(slot);
        } else {
            let line = self.model.keys.entry(key).or_default();
            line.push_back(slot);
            if line.len() == 1 {
                self.model.wait_or_ready(slot);
            }
        }
    }

    fn next(&mut self) {
        let free = self.model.executing() < self.model.width;
        let resumed = self.core.next_resumed();
        let expected = if free {
            self.model.resuming.pop_front()
        } else {
            None
        };
        assert_eq!(resumed, expected, "what resumes");
        if let Some(slot) = resumed {
            let event = self.model.events.get_mut(&slot).unwrap();
            let At::Resuming { acked, nacked } = event.at else {
                panic!("{slot} was not resuming")
            };
            event.at = At::Running { acked, nacked };
            return;
        }
        let started = self.start_next();
        if !self.model.is_limited() {
            let expected = if free { self.model.next() } else { None };
            assert_eq!(started, expected, "what starts");
        } else if started.is_none() && free {
            let ready = self.model.arrival.clone();
            assert!(
                !ready.iter().any(|&slot| self.model.could_start(slot)),
                "an event could start and did not"
            );
        }
        if let Some(slot) = started {
            assert!(free && self.model.events[&slot].at == At::Ready);
            assert!(
                self.model.is_allowed(slot),
                "a group limit holds {slot} back"
            );
            self.model.start(slot);
        }
    }

    /// Starts an event. With a limiter, one after another is offered until one finds its permit.
    fn start_next(&mut self) -> Option<u32> {
        loop {
            let offered = self.core.next(self.model.now);
            self.read_expiries();
            let slot = offered?;
            if self.model.limiter.is_none() {
                return Some(slot);
            }
            if self.chance(0.05) {
                // What asks for the key of an event may take it out.
                assert!(self.core.cancel(self.model.now, slot));
                assert_eq!(self.core.pop_notice(), Some(Notice::Cancelled { slot }));
                assert!(!self.core.begin(self.model.now, slot));
                self.model.cancelled += 1;
                self.model.end(slot);
            } else if self.chance(0.05) {
                // Its key is unknown: it runs without a permit.
                assert!(self.core.begin(self.model.now, slot));
                return Some(slot);
            } else if self.admit(slot) {
                return Some(slot);
            }
        }
    }

    /// Asks for the permit of an offered event. Answers whether it runs.
    fn admit(&mut self, slot: u32) -> bool {
        let now = self.model.now;
        let key = self.model.events[&slot].permit;
        let limiter = self.model.limiter.as_mut().unwrap();
        let wait = self.core.wait_of(slot);
        let known = limiter.ids.get(&key).copied();
        let Some(id) = wait.map(|wait| wait.key).or(known) else {
            self.open(key);
            assert!(self.core.begin(now, slot));
            return true;
        };
        let admission = self.core.admit(now, slot, 0, id, PERMIT_LIMIT_MS);
        // The key of an event that has waited too long may have been forgotten.
        assert!(known == Some(id) || admission == Admission::Overdue);
        let has_room = limiter.has_room(key);
        let event = self.model.events.get_mut(&slot).unwrap();
        match admission {
            Admission::Started => {
                assert!(has_room, "permits are not made up");
                limiter.taken.push(key);
                assert!(!self.is_overtaking(slot), "{slot} overtakes");
            }
            Admission::Held => {
                event.refused_at.get_or_insert(now);
                assert!(
                    !has_room || self.is_preceded(slot),
                    "a free permit is taken"
                );
            }
            Admission::Overdue => {
                let refused_at = event.refused_at.expect("it was refused a permit");
                assert!(refused_at + PERMIT_LIMIT_MS <= now, "it has waited enough");
            }
            Admission::Gone => panic!("{slot} is here"),
        }
        admission != Admission::Held
    }

    /// Whether somebody more urgent waits for the same permit, whom nothing else holds back.
    fn is_overtaking(&self, slot: u32) -> bool {
        let event = &self.model.events[&slot];
        let seq = |slot: u32| self.core.slot(slot).unwrap().seq;
        self.model.per_tenant.is_none()
            && self.model.arrival.iter().any(|&other| {
                let one = &self.model.events[&other];
                one.permit == event.permit
                    && (one.priority > event.priority
                        || (one.priority == event.priority
                            && one.tenant == event.tenant
                            && seq(other) < seq(slot)))
            })
    }

    /// Whether somebody of the same key is before it in the order of priority and arrival.
    fn is_preceded(&self, slot: u32) -> bool {
        let event = &self.model.events[&slot];
        let seq = |slot: u32| self.core.slot(slot).unwrap().seq;
        self.model.arrival.iter().any(|&other| {
            let one = &self.model.events[&other];
            one.permit == event.permit && (one.priority, seq(slot)) > (event.priority, seq(other))
        })
    }

    /// Names a key, which takes one of its permits; idle ones are forgotten on the way.
    fn open(&mut self, key: u32) {
        let permits = self.core.permits(0);
        let limiter = self.model.limiter.as_mut().unwrap();
        while let Some(idle) = permits.close_idle() {
            limiter.ids.retain(|_, id| *id != idle);
        }
        limiter.ids.insert(key, permits.open());
        limiter.taken.push(key);
    }

    /// A run that has started asks for a permit (a second handler of its event, an event that a handler has returned).
    fn enter(&mut self) {
        let key = self.below(4);
        let Some(limiter) = &mut self.model.limiter else {
            return;
        };
        let Some(&id) = limiter.ids.get(&key) else {
            return self.open(key);
        };
        match self.core.permits(0).enter(id) {
            Entry::Granted => {
                assert!(limiter.has_room(key));
                limiter.taken.push(key);
            }
            Entry::Waiting(waiter) => {
                assert!(!limiter.has_room(key));
                limiter.lines.entry(key).or_default().push_back(waiter);
            }
            Entry::Refused => panic!("nobody asked for that"),
        }
    }

    /// A permit comes back: a run that waits gets it, else an event that waits in the queue may try again.
    fn leave(&mut self) {
        let Some(limiter) = &mut self.model.limiter else {
            return;
        };
        if limiter.taken.is_empty() {
            return;
        }
        let at = (self.rng.unit() * limiter.taken.len() as f64) as usize;
        let key = limiter.taken.swap_remove(at);
        let first = limiter.lines.get_mut(&key).and_then(VecDeque::pop_front);
        match self.core.leave(0, limiter.ids[&key]).0 {
            Exit::HandedTo(waiter) => {
                assert_eq!(Some(waiter), first, "first come, first served");
                limiter.taken.push(key);
            }
            Exit::Freed => assert_eq!(first, None),
            Exit::Idle => {
                assert!(first.is_none() && !limiter.taken.contains(&key));
                limiter.ids.remove(&key);
            }
        }
    }

    /// Starting may find events whose time to live has passed: they had their turn.
    fn read_expiries(&mut self) {
        while let Some(notice) = self.core.pop_notice() {
            let Notice::Expired { slot } = notice else {
                panic!("{notice:?} while starting")
            };
            assert!(self.model.events[&slot].expires <= self.model.now);
            self.model.expired += 1;
            self.model.take(slot);
            self.model.events.get_mut(&slot).unwrap().at = At::Delayed;
            self.model.end(slot);
        }
    }

    fn complete(&mut self) {
        let started = |at| {
            matches!(
                at,
                At::Running { .. } | At::Parked { .. } | At::Resuming { .. }
            )
        };
        let Some(slot) = self.any_slot(started) else {
            return;
        };
        let outcome = match self.below(4) {
            0 => Outcome::Failed {
                retryable: true,
                asked_ms: None,
            },
            1 => Outcome::Failed {
                retryable: false,
                asked_ms: None,
            },
            2 => Outcome::Delivered,
            _ => Outcome::Done,
        };
        self.core.complete(self.model.now, slot, outcome);
        let (acked, nacked) = match self.model.events[&slot].at {
            At::Running { acked, nacked }
            | At::Parked { acked, nacked }
            | At::Resuming { acked, nacked } => (acked, nacked),
            at => panic!("{at:?}"),
        };
        match outcome {
            Outcome::Failed { .. } if acked => {
                self.model.failed += 1;
                self.finish(slot);
            }
            Outcome::Failed { retryable, .. } => self.fail(slot, retryable),
            _ if nacked => self.fail(slot, true),
            Outcome::Delivered if !acked => {
                self.model.resuming.retain(|&other| other != slot);
                self.model.events.get_mut(&slot).unwrap().at = At::Unacked;
            }
            _ => self.finish(slot),
        }
    }

    fn finish(&mut self, slot: u32) {
        self.model.done += 1;
        self.model.end(slot);
    }

    /// The attempt has failed: the notice must say what the policy says.
    fn fail(&mut self, slot: u32, retryable: bool) {
        self.model.failed += 1;
        let event = self.model.events[&slot].clone();
        let again = retryable && event.attempts < event.max_attempts;
        match self.core.pop_notice() {
            Some(Notice::Retry {
                slot: told,
                attempts,
                delay_ms,
            }) => {
                assert!(again && told == slot && attempts == event.attempts);
                let cap = 20f64.min(5.0 * 2f64.powi(event.attempts as i32 - 1));
                assert!((0.0..=cap).contains(&delay_ms), "{delay_ms} > {cap}");
                self.model.retried += 1;
                self.model.resuming.retain(|&other| other != slot);
                let event = self.model.events.get_mut(&slot).unwrap();
                event.at = At::Retrying;
                event.due = self.model.now + delay_ms;
                event.ack_by = f64::INFINITY;
            }
            Some(Notice::Dead {
                slot: told,
                attempts,
            }) => {
                assert!(!again && told == slot && attempts == event.attempts);
                self.model.dead += 1;
                self.model.end(slot);
            }
            notice => panic!("{notice:?} after a failure"),
        }
    }

    fn advance_time(&mut self) {
        self.model.now += f64::from(self.below(25));
        let now = self.model.now;
        self.core.tick(now);
        while let Some(notice) = self.core.pop_notice() {
            match notice {
                Notice::Expired { slot } => {
                    assert!(self.model.events[&slot].expires <= now);
                    self.model.expired += 1;
                    self.model.end(slot);
                }
                Notice::AckTimeout { slot, attempts } => {
                    assert!(self.model.events[&slot].ack_by <= now);
                    assert_eq!(attempts, self.model.events[&slot].attempts);
                    self.fail(slot, true);
                }
                other => panic!("{other:?} in a tick"),
            }
        }
        self.adopt_ready_order();
        let stale = self.model.events.values().any(|event| {
            matches!(
                event.at,
                At::Delayed | At::Retrying | At::Blocked | At::Ready
            ) && event.expires <= now
        });
        assert!(!stale, "an event that waits has outlived its time");
    }

    /// After a tick: what is due must be ready, and nothing else; the order among them is the core's to choose by deadline.
    fn adopt_ready_order(&mut self) {
        let now = self.model.now;
        let mut newly: Vec<u32> = self
            .model
            .events
            .iter()
            .filter(|(_, event)| matches!(event.at, At::Delayed | At::Retrying) && event.due <= now)
            .map(|(slot, _)| *slot)
            .collect();
        newly.sort_by_key(|&slot| self.core.slot(slot).unwrap().seq);
        for slot in newly {
            self.model.make_ready(slot);
        }
        // Events that got the turn of their key inside the tick were made ready between others: use the core's order.
        let core = &self.core;
        self.model
            .arrival
            .sort_by_key(|&slot| core.slot(slot).unwrap().seq);
        self.model.turns.clear();
        for slot in self.core.snapshot(usize::MAX) {
            if self.model.events[&slot].at == At::Ready {
                let event = &self.model.events[&slot];
                let turn = self.model.turns.entry(event.priority).or_default();
                if !turn.contains(&event.tenant) {
                    turn.push_back(event.tenant);
                }
            }
        }
    }

    fn cancel(&mut self) {
        let slot = self.below(SLOTS);
        let cancellable = self.model.events.get(&slot).is_some_and(|event| {
            matches!(
                event.at,
                At::Delayed | At::Retrying | At::Blocked | At::Ready | At::Unacked
            )
        });
        assert_eq!(self.core.cancel(self.model.now, slot), cancellable);
        if cancellable {
            assert_eq!(self.core.pop_notice(), Some(Notice::Cancelled { slot }));
            self.model.cancelled += 1;
            self.model.end(slot);
        } else if let Some(event) = self.model.events.get_mut(&slot) {
            // It runs, and is not delivered again.
            event.max_attempts = 0;
        }
    }

    fn acknowledge(&mut self) {
        let Some(slot) = self.any_slot(|_| true) else {
            return;
        };
        let ack = self.chance(0.5);
        let now = self.model.now;
        let known = if ack {
            self.core.ack(now, slot)
        } else {
            self.core.nack(now, slot)
        };
        let event = self.model.events.get_mut(&slot).unwrap();
        match &mut event.at {
            At::Unacked => {
                assert!(known);
                if ack {
                    self.finish(slot);
                } else {
                    self.fail(slot, true);
                }
            }
            At::Running { acked, nacked }
            | At::Parked { acked, nacked }
            | At::Resuming { acked, nacked } => {
                assert!(known);
                (*acked, *nacked) = (ack, !ack);
            }
            _ => assert!(!known),
        }
    }

    fn park(&mut self) {
        let Some(slot) = self.any_slot(|_| true) else {
            return;
        };
        let event = self.model.events.get_mut(&slot).unwrap();
        if let At::Running { acked, nacked } | At::Resuming { acked, nacked } = event.at {
            event.at = At::Parked { acked, nacked };
            self.model.resuming.retain(|&other| other != slot);
            assert!(self.core.park(slot));
        } else {
            assert!(!self.core.park(slot));
        }
    }

    fn unpark(&mut self) {
        let Some(slot) = self.any_slot(|_| true) else {
            return;
        };
        let event = self.model.events.get_mut(&slot).unwrap();
        if let At::Parked { acked, nacked } = event.at {
            event.at = At::Resuming { acked, nacked };
            self.model.resuming.push_back(slot);
            assert!(self.core.unpark(slot));
        } else {
            assert!(!self.core.unpark(slot));
        }
    }

    fn drop_oldest(&mut self) {
        if self.model.is_limited() {
            return;
        }
        let lowest = self
            .model
            .arrival
            .iter()
            .map(|slot| self.model.events[slot].priority)
            .min();
        let expected = self
            .model
            .arrival
            .iter()
            .copied()
            .find(|slot| Some(self.model.events[slot].priority) == lowest);
        assert_eq!(self.core.drop_oldest(self.model.now), expected.is_some());
        if let Some(slot) = expected {
            assert_eq!(self.core.pop_notice(), Some(Notice::Dropped { slot }));
            self.model.dropped += 1;
            self.model.end(slot);
        }
    }

    fn set_width(&mut self) {
        self.model.width = 1 + self.below(6) as usize;
        self.core.set_width(self.model.width as u32);
    }

    fn abandon(&mut self) {
        let started = |at| {
            matches!(
                at,
                At::Running { .. } | At::Parked { .. } | At::Resuming { .. }
            )
        };
        if let Some(slot) = self.any_slot(started) {
            self.core.abandon(self.model.now, slot);
            assert_eq!(self.core.pop_notice(), Some(Notice::Dropped { slot }));
            self.model.dropped += 1;
            self.model.end(slot);
        }
    }

    fn clear(&mut self) {
        self.core.clear(self.model.now, false);
        let mut gone = BTreeSet::new();
        while let Some(notice) = self.core.pop_notice() {
            let Notice::Cancelled { slot } = notice else {
                panic!("{notice:?} in clear")
            };
            assert!(gone.insert(slot), "{slot} left twice");
        }
        self.model.events.retain(|slot, event| {
            let stays = matches!(
                event.at,
                At::Running { .. } | At::Parked { .. } | At::Resuming { .. }
            );
            assert_eq!(!stays, gone.contains(slot));
            stays
        });
        self.model.cancelled += gone.len() as u64;
        self.model.arrival.clear();
        self.model.turns.clear();
        for line in self.model.keys.values_mut() {
            line.retain(|slot| self.model.events.contains_key(slot));
        }
    }

    fn read_notices(&mut self) {
        assert_eq!(
            self.core.pop_notice(),
            None,
            "a notice that nothing accounts for"
        );
    }

    fn check_latency(&mut self) {
        let handled = self
            .core
            .latency()
            .map(|latency| latency.total().end_to_end.count);
        assert_eq!(
            handled,
            Some(self.model.done as f64),
            "each handled event has its time"
        );
    }

    fn check(&self) {
        let (model, gauges, counters) = (&self.model, self.core.gauges(), self.core.counters());
        let running = |at| {
            matches!(
                at,
                At::Running { .. } | At::Parked { .. } | At::Resuming { .. } | At::Unacked
            )
        };
        let waiting = |at| matches!(at, At::Delayed | At::Retrying | At::Blocked);
        assert_eq!(gauges.waiting as usize, model.count(waiting), "waiting");
        assert_eq!(
            gauges.retrying as usize,
            model.count(|at| at == At::Retrying),
            "retrying"
        );
        assert_eq!(
            gauges.ready as usize,
            model.count(|at| at == At::Ready),
            "ready"
        );
        assert_eq!(gauges.running as usize, model.count(running), "running");
        assert_eq!(gauges.executing as usize, model.executing(), "executing");
        assert_eq!(
            gauges.unacked as usize,
            model.count(|at| at == At::Unacked),
            "unacked"
        );
        let ended = counters.done
            + counters.dead
            + counters.expired
            + counters.cancelled
            + counters.dropped;
        let living = u64::from(gauges.waiting + gauges.ready + gauges.running);
        assert_eq!(counters.emitted, ended + living, "the counters add up");
        assert_eq!(
            (
                counters.emitted,
                counters.done,
                counters.dead,
                counters.expired
            ),
            (model.emitted, model.done, model.dead, model.expired)
        );
        assert_eq!(
            (
                counters.cancelled,
                counters.dropped,
                counters.failed,
                counters.retried
            ),
            (model.cancelled, model.dropped, model.failed, model.retried)
        );
        for line in model.keys.values() {
            let started = line
                .iter()
                .skip(1)
                .filter(|slot| model.events[slot].at != At::Blocked);
            assert_eq!(started.count(), 0, "an event overtook another of its key");
        }
    }

    /// Everything that is left ends, and nothing is left.
    fn run_dry(&mut self) {
        for _ in 0..10_000 {
            if self.model.events.is_empty() {
                return self.check_permits();
            }
            self.leave();
            self.next();
            let started = |at| {
                matches!(
                    at,
                    At::Running { .. } | At::Parked { .. } | At::Resuming { .. }
                )
            };
            if let Some(slot) = self.any_slot(started) {
                self.core.complete(self.model.now, slot, Outcome::Done);
                let nacked = match self.model.events[&slot].at {
                    At::Running { nacked, .. }
                    | At::Parked { nacked, .. }
                    | At::Resuming { nacked, .. } => nacked,
                    at => panic!("{at:?}"),
                };
                if nacked {
                    self.fail(slot, true);
                } else {
                    self.finish(slot);
                }
            } else {
                self.advance_time();
            }
            self.check();
        }
        panic!("events are left: {:?}", self.model.events);
    }
}

impl Simulation {
    /// Nothing holds a permit, nothing waits for one, and no key is kept.
    fn check_permits(&mut self) {
        while self
            .model
            .limiter
            .as_ref()
            .is_some_and(|limiter| !limiter.taken.is_empty())
        {
            self.leave();
        }
        if self.model.limiter.is_some() {
            let permits = self.core.permits(0);
            while permits.close_idle().is_some() {}
            assert_eq!(
                (permits.in_use(), permits.waiting(), permits.held()),
                (0, 0, 0)
            );
            assert_eq!(permits.open_keys(), 0, "idle keys are forgotten");
        }
    }
}

fn simulate(seed: u64) {
    let mut simulation = Simulation::new(seed);
    for _ in 0..STEPS {
        simulation.step();
    }
    simulation.run_dry();
    simulation.check_latency();
}

proptest! {
    // 600 runs of 2,000 steps: 1.2 million.
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_core_does_what_the_model_does(seed in any::<u64>()) {
        simulate(seed);
    }
}

#[test]
fn one_seed() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    println!("seed {seed}");
    simulate(seed);
}

#[test]
fn a_crowd_of_waiting_runs_holds_events_of_full_keys_and_lets_others_pass() {
    let mut core = Simulation::new(1).core;
    let limiter = core.add_limiter(1);
    let (full, other) = (core.permits(limiter).open(), core.permits(limiter).open());
    core.leave(limiter, other);
    let other = core.permits(limiter).open();
    core.permits(limiter).enter(full);
    let event = |slot| Submission {
        slot,
        kind: 0,
        tenant: 0,
        key: NONE,
        priority: 0.0,
        delay_ms: 0.0,
        at: 0.0,
        groups: Groups::default(),
    };
    for slot in 0..3 {
        core.submit(0.0, event(slot));
    }
    assert_eq!(core.next(0.0), Some(0));
    assert!(core.look(0, limiter, full), "a line that is short");
    core.begin(0.0, 0);
    while core.permits(limiter).waiting() < MAX_WAITING_RUNS {
        core.permits(limiter).enter(full);
    }
    core.set_width(9);
    assert_eq!(core.next(0.0), Some(1));
    assert!(!core.look(1, limiter, full), "it is held");
    core.leave(limiter, other);
    let other = core.permits(limiter).open();
    core.leave(limiter, other);
    let other = core.permits(limiter).open();
    assert_eq!(core.next(0.0), Some(2));
    assert!(!core.look(2, limiter, other), "this key is full too");
    core.leave(limiter, other);
    assert_eq!(core.next(0.0), Some(2));
    assert!(core.look(2, limiter, other), "its permit is free");
    assert!(core.begin(0.0, 2));
    for _ in 0..MAX_WAITING_RUNS {
        core.leave(limiter, full);
    }
    assert_eq!(
        core.next(0.0),
        None,
        "the last run of the line has the permit"
    );
    assert!(core.leave(limiter, full).1);
    assert_eq!(core.next(0.0), Some(1));
}

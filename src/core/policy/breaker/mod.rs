//! A circuit breaker: closed, open, half-open. It opens on failures in a row or on a failure rate, refuses for a while,
//! then lets a few probes in and closes when enough of them succeed.
//!
//! A call keeps the ticket that [`Breaker::admit`] gave it. The state changes only by outcomes of calls admitted since
//! the last change; older calls that end later are counted, but say nothing about the present.

mod window;

pub use window::{Span, Window};

/// When the failure rate opens the breaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailureRate {
    /// Failures per call, above 0 to 1; reaching it opens.
    pub threshold: f64,
    /// Calls in the window before the rate means anything.
    pub minimum_calls: u32,
    /// Which outcomes are looked at.
    pub span: Span,
}

/// Limits of a breaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerConfig {
    /// Failures in a row that open it; `None`: they never do.
    pub failure_threshold: Option<u32>,
    /// The failure rate that opens it.
    pub failure_rate: Option<FailureRate>,
    /// How long it stays open, in milliseconds.
    pub recovery_ms: f64,
    /// Successful probes that close it, and the most probes at a time.
    pub success_threshold: u32,
}

/// What the breaker is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// Every call runs.
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    /// No call runs until then.
    Open {
        /// When the next call may be a probe.
        until: f64,
    },
    /// A few calls run as probes.
    HalfOpen {
        /// Probes running.
        probing: u32,
        /// Probes that have succeeded.
        succeeded: u32,
    },
}

impl State {
    fn same_kind(&self, other: &State) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Says when a call was admitted; it comes back with the call's outcome.
pub type Ticket = u32;

/// Counts since creation or reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls, refused ones included.
    pub calls: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that were refused.
    pub rejected: u64,
}

/// One circuit.
#[derive(Debug, Clone)]
pub struct Breaker {
    config: BreakerConfig,
    state: State,
    since: f64,
    ticket: Ticket,
    window: Option<Window>,
    counts: Counts,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig, now: f64) -> Self {
        Self {
            config,
            state: State::Closed { failures: 0 },
            since: now,
            ticket: 0,
            window: config.failure_rate.map(|rate| Window::new(rate.span)),
            counts: Counts::default(),
        }
    }

    /// Asks to run a call; `None` is a refusal. The first call after the recovery time makes an open breaker half-open.
    pub fn admit(&mut self, now: f64) -> Option<Ticket> {
        self.counts.calls += 1;
        if let State::Open { until } = self.state
            && now >= until
        {
            self.enter(
                State::HalfOpen {
                    probing: 0,
                    succeeded: 0,
                },
                now,
            );
        }
        match &mut self.state {
            State::Closed { .. } => Some(self.ticket),
            State::HalfOpen { probing, .. } if *probing < self.config.success_threshold => {
                *probing += 1;
                Some(self.ticket)
            }
            State::HalfOpen { .. } | State::Open { .. } => {
                self.counts.rejected += 1;
                None
            }
        }
    }

    /// A call has succeeded.
    pub fn succeed(&mut self, ticket: Ticket, now: f64) {
        self.counts.succeeded += 1;
        if ticket != self.ticket {
            return;
        }
        match &mut self.state {
            State::Closed { failures } => {
                *failures = 0;
                self.observe(now, false);
            }
            State::HalfOpen { probing, succeeded } => {
                *probing -= 1;
                *succeeded += 1;
                if *succeeded >= self.config.success_threshold {
                    self.enter(State::Closed { failures: 0 }, now);
                }
            }
            State::Open { .. } => {}
        }
    }

    /// A call has failed.
    pub fn fail(&mut self, ticket: Ticket, now: f64) {
        self.counts.failed += 1;
        if ticket != self.ticket {
            return;
        }
        match &mut self.state {
            State::Closed { failures } => {
                *failures += 1;
                let in_a_row = *failures;
                let too_many = self
                    .config
                    .failure_threshold
                    .is_some_and(|limit| in_a_row >= limit);
                if self.observe(now, true) || too_many {
                    self.open(now);
                }
            }
            State::HalfOpen { .. } => self.open(now),
            State::Open { .. } => {}
        }
    }

    /// Opens by hand; nothing if it is open.
    pub fn force_open(&mut self, now: f64) {
        if !matches!(self.state, State::Open { .. }) {
            self.open(now);
        }
    }

    /// Closes by hand; nothing if it is closed.
    pub fn force_close(&mut self, now: f64) {
        if !matches!(self.state, State::Closed { .. }) {
            self.enter(State::Closed { failures: 0 }, now);
        }
    }

    /// Closes and forgets all counts. Calls that run count for nothing.
    pub fn reset(&mut self, now: f64) {
        self.enter(State::Closed { failures: 0 }, now);
        self.counts = Counts::default();
    }

    /// What the breaker is doing.
    pub fn state(&self) -> State {
        self.state
    }

    /// When it came into this state.
    pub fn since(&self) -> f64 {
        self.since
    }

    /// Counts since creation or reset.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn open(&mut self, now: f64) {
        let until = now + self.config.recovery_ms;
        self.enter(State::Open { until }, now);
    }

    fn enter(&mut self, state: State, now: f64) {
        if !self.state.same_kind(&state) {
            tracing::debug!(from = ?self.state, to = ?state, "breaker changed");
            self.since = now;
        }
        self.state = state;
        self.ticket = self.ticket.wrapping_add(1);
        if let Some(window) = &mut self.window {
            window.clear();
        }
    }

    /// Takes an outcome into the window; true if the failure rate opens the breaker.
    fn observe(&mut self, now: f64, failed: bool) -> bool {
        let (Some(window), Some(rate)) = (&mut self.window, self.config.failure_rate) else {
            return false;
        };
        window.record(now, failed);
        window.calls() >= rate.minimum_calls && window.failure_rate() >= rate.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: BreakerConfig = BreakerConfig {
        failure_threshold: Some(3),
        failure_rate: None,
        recovery_ms: 1_000.0,
        success_threshold: 2,
    };

    fn fail_times(breaker: &mut Breaker, times: u32, now: f64) {
        for _ in 0..times {
            let ticket = breaker.admit(now).expect("closed");
            breaker.fail(ticket, now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_starts_over() {
        let mut breaker = Breaker::new(CONFIG, 0.0);
        fail_times(&mut breaker, 2, 0.0);
        let ticket = breaker.admit(0.0).unwrap();
        breaker.succeed(ticket, 0.0);
        fail_times(&mut breaker, 2, 0.0);
        assert_eq!(breaker.state(), State::Closed { failures: 2 });
        fail_times(&mut breaker, 1, 5.0);
        assert_eq!(breaker.state(), State::Open { until: 1_005.0 });
        assert_eq!(breaker.admit(1_004.9), None);
    }

    #[test]
    fn half_open_lets_only_the_probes_in_and_closes_after_them() {
        let mut breaker = Breaker::new(CONFIG, 0.0);
        fail_times(&mut breaker, 3, 0.0);
        let first = breaker.admit(1_000.0).unwrap();
        let second = breaker.admit(1_000.0).unwrap();
        assert_eq!(breaker.admit(1_000.0), None);
        breaker.succeed(first, 1_001.0);
        assert_eq!(
            breaker.state(),
            State::HalfOpen {
                probing: 1,
                succeeded: 1
            }
        );
        breaker.succeed(second, 1_002.0);
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
        assert_eq!(breaker.since(), 1_002.0);
    }

    #[test]
    fn a_failed_probe_opens_it_again_and_its_siblings_say_nothing() {
        let mut breaker = Breaker::new(CONFIG, 0.0);
        fail_times(&mut breaker, 3, 0.0);
        let first = breaker.admit(1_000.0).unwrap();
        let second = breaker.admit(1_000.0).unwrap();
        breaker.fail(first, 1_100.0);
        breaker.succeed(second, 1_200.0);
        assert_eq!(breaker.state(), State::Open { until: 2_100.0 });
    }

    #[test]
    fn a_call_from_before_the_last_change_does_not_change_the_state() {
        let mut breaker = Breaker::new(CONFIG, 0.0);
        let slow = breaker.admit(0.0).unwrap();
        fail_times(&mut breaker, 3, 0.0);
        let probe = breaker.admit(1_000.0).unwrap();
        breaker.fail(slow, 1_001.0);
        assert!(matches!(breaker.state(), State::HalfOpen { .. }));
        breaker.succeed(probe, 1_002.0);
        assert_eq!(breaker.counts().failed, 4);
    }

    #[test]
    fn a_failure_rate_opens_it_once_there_are_enough_calls() {
        let mut breaker = Breaker::new(
            BreakerConfig {
                failure_threshold: None,
                failure_rate: Some(FailureRate {
                    threshold: 0.5,
                    minimum_calls: 4,
                    span: Span::Calls(10),
                }),
                ..CONFIG
            },
            0.0,
        );
        fail_times(&mut breaker, 2, 0.0);
        for _ in 0..3 {
            let ticket = breaker.admit(0.0).unwrap();
            breaker.succeed(ticket, 0.0);
        }
        assert!(matches!(breaker.state(), State::Closed { .. }));
        fail_times(&mut breaker, 1, 0.0);
        assert!(matches!(breaker.state(), State::Open { .. }));
    }

    #[test]
    fn the_hand_may_open_close_and_reset_it() {
        let mut breaker = Breaker::new(CONFIG, 0.0);
        breaker.force_open(10.0);
        breaker.force_open(500.0);
        assert_eq!(breaker.state(), State::Open { until: 1_010.0 });
        assert_eq!(breaker.admit(600.0), None);
        breaker.force_close(700.0);
        assert!(breaker.admit(700.0).is_some());
        breaker.reset(800.0);
        assert_eq!(breaker.counts(), Counts::default());
        assert_eq!(breaker.since(), 700.0);
    }
}

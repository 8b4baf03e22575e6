//! Circuit breakers under random outcomes, orders and times: only the documented transitions, never too many probes.

use kodus_flow_runtime::core::policy::breaker::{
    Breaker, BreakerConfig, FailureRate, Span, State, Ticket, Window,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Admit,
    End { at: usize, failed: bool },
    Pass(f64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Admit),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(at, failed)| Step::End { at, failed }),
        1 => (0.0..800.0f64).prop_map(Step::Pass),
    ]
}

fn kind(state: State) -> &'static str {
    match state {
        State::Closed { .. } => "closed",
        State::Open { .. } => "open",
        State::HalfOpen { .. } => "half-open",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn transitions_are_the_documented_ones(
        steps in prop::collection::vec(step(), 1..300),
        failure_threshold in prop::option::of(1..5u32),
        by_rate in any::<bool>(),
        success_threshold in 1..4u32,
    ) {
        let config = BreakerConfig {
            failure_threshold,
            failure_rate: by_rate.then_some(FailureRate { threshold: 0.5, minimum_calls: 4, span: Span::Calls(8) }),
            recovery_ms: 1_000.0,
            success_threshold,
        };
        let mut breaker = Breaker::new(config, 0.0);
        let mut running: Vec<Ticket> = Vec::new();
        let (mut now, mut admitted, mut ended) = (0.0, 0u64, 0u64);
        for step in steps {
            let before = breaker.state();
            match step {
                Step::Pass(ms) => now += ms,
                Step::Admit => match breaker.admit(now) {
                    Some(ticket) => {
                        admitted += 1;
                        running.push(ticket);
                        if let State::Open { until } = before {
                            prop_assert!(now >= until);
                            prop_assert_eq!(kind(breaker.state()), "half-open");
                        }
                    }
                    None => prop_assert_ne!(kind(before), "closed"),
                },
                Step::End { .. } if running.is_empty() => {}
                Step::End { at, failed } => {
                    ended += 1;
                    let ticket = running.swap_remove(at % running.len());
                    if failed { breaker.fail(ticket, now) } else { breaker.succeed(ticket, now) }
                    let change = (kind(before), kind(breaker.state()));
                    let allowed = match (failed, change) {
                        (_, (a, b)) if a == b => true,
                        (true, ("closed" | "half-open", "open")) | (false, ("half-open", "closed")) => true,
                        _ => false,
                    };
                    prop_assert!(allowed, "{change:?} after {failed}");
                }
            }
            if let State::HalfOpen { probing, succeeded } = breaker.state() {
                prop_assert!(probing <= success_threshold && succeeded < success_threshold);
            }
            let counts = breaker.counts();
            prop_assert_eq!(counts.calls, admitted + counts.rejected);
            prop_assert_eq!(counts.succeeded + counts.failed, ended);
        }
    }

    #[test]
    fn a_breaker_that_is_never_fed_failures_never_opens(calls in 1..200usize) {
        let mut breaker = Breaker::new(BreakerConfig {
            failure_threshold: Some(1),
            failure_rate: None,
            recovery_ms: 1.0,
            success_threshold: 1,
        }, 0.0);
        for n in 0..calls {
            let ticket = breaker.admit(n as f64).expect("closed");
            breaker.succeed(ticket, n as f64);
        }
        prop_assert_eq!(kind(breaker.state()), "closed");
    }

    #[test]
    fn a_window_of_calls_is_the_tail_of_the_outcomes(
        outcomes in prop::collection::vec(any::<bool>(), 1..200),
        size in 1..20u32,
    ) {
        let mut window = Window::new(Span::Calls(size));
        for (n, &failed) in outcomes.iter().enumerate() {
            window.record(n as f64, failed);
            let tail = &outcomes[(n + 1).saturating_sub(size as usize)..=n];
            let failures = tail.iter().filter(|&&failed| failed).count();
            prop_assert_eq!(window.calls() as usize, tail.len());
            prop_assert!((window.failure_rate() - failures as f64 / tail.len() as f64).abs() < 1e-12);
        }
    }

    #[test]
    fn a_window_of_time_counts_what_is_inside_to_a_tenth(
        gaps in prop::collection::vec((0.0..500.0f64, any::<bool>()), 1..200),
    ) {
        let length = 1_000.0;
        let mut window = Window::new(Span::Millis(length));
        let (mut now, mut times) = (0.0, Vec::new());
        for (gap, failed) in gaps {
            now += gap;
            times.push(now);
            window.record(now, failed);
            let within = |ms: f64| times.iter().filter(|&&at| now - at < ms).count();
            let calls = window.calls() as usize;
            prop_assert!(within(length * 0.9) <= calls && calls <= within(length + 1e-6), "{calls}");
        }
    }
}

//! Bounds of retries: delays, attempts and time; and deadlines against a sorted list.

use kodus_flow_runtime::core::delivery::{Growth, Jitter, Redelivery};
use kodus_flow_runtime::core::policy::deadlines::Deadlines;
use kodus_flow_runtime::core::policy::retry::{Retry, RetryConfig};
use proptest::prelude::*;

proptest! {
    #[test]
    fn delays_attempts_and_time_stay_in_their_bounds(
        seed in any::<u64>(),
        max_attempts in 1..20u32,
        initial in 0.0..1_000.0f64,
        max_delay in 0.0..5_000.0f64,
        factor in 1.0..4.0f64,
        max_total in 0.0..30_000.0f64,
        jitter in prop_oneof![Just(Jitter::None), Just(Jitter::Full), Just(Jitter::Equal)],
        work in prop::collection::vec(0.0..500.0f64, 20),
        asked in prop::option::of(0.0..10_000.0f64),
    ) {
        let mut retry = Retry::new(RetryConfig {
            attempts: Redelivery {
                max_attempts,
                initial_delay_ms: initial,
                max_delay_ms: max_delay,
                growth: Growth::Exponential { factor },
                jitter,
            },
            max_total_ms: max_total,
        }, seed);
        let mut elapsed = 0.0;
        let mut failed = 0;
        loop {
            elapsed += work[failed as usize % work.len()];
            failed += 1;
            let Some(delay) = retry.next_delay(failed, elapsed, asked) else { break };
            let cap = (initial * factor.powi(failed as i32 - 1)).min(max_delay);
            match (asked, jitter) {
                (Some(asked), _) => prop_assert_eq!(delay, asked.min(max_delay)),
                (None, Jitter::None) => prop_assert!((delay - cap).abs() <= 1e-9 * cap.max(1.0)),
                (None, Jitter::Equal) => prop_assert!(delay >= cap * 0.499_999 && delay <= cap * 1.000_001),
                (None, _) => prop_assert!(delay >= 0.0 && delay <= cap * 1.000_001),
            }
            elapsed += delay;
            prop_assert!(elapsed <= max_total);
            prop_assert!(failed < max_attempts);
        }
        prop_assert!(failed <= max_attempts);
    }

    #[test]
    fn deadlines_expire_as_a_sorted_list_does(
        steps in prop::collection::vec((0.0..50.0f64, prop_oneof![
            3 => (0.0..300.0f64).prop_map(|delay| (true, delay)),
            1 => (0.0..1.0f64).prop_map(|at| (false, at)),
        ]), 1..300),
    ) {
        let mut deadlines = Deadlines::default();
        let mut model: Vec<(f64, usize, u32)> = Vec::new();
        let mut now = 0.0;
        for (order, (gap, (arms, value))) in steps.into_iter().enumerate() {
            now += gap;
            model.sort_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).unwrap());
            while let Some(id) = deadlines.expire(now) {
                prop_assert!(model[0].0 <= now);
                prop_assert_eq!(model.remove(0).2, id);
            }
            prop_assert!(model.first().is_none_or(|first| first.0 > now));
            if arms {
                model.push((now + value, order, deadlines.arm(now, value)));
            } else if !model.is_empty() {
                let at = (value * model.len() as f64) as usize;
                deadlines.cancel(model.remove(at).2);
            }
            let next = model.iter().map(|one| one.0).reduce(f64::min);
            prop_assert_eq!(deadlines.next_deadline(), next);
        }
    }
}

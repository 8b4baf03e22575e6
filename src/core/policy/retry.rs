//! Whether a failed operation is tried again at once, later or not at all.

use crate::core::delivery::Redelivery;
use crate::core::rng::Rng;

/// Limits and delays of one retrying wrapper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryConfig {
    /// Attempts, growth of the delay and its jitter.
    pub attempts: Redelivery,
    /// No attempt begins later than this after the first one began, in milliseconds.
    pub max_total_ms: f64,
}

/// The policy with its source of chance. The state of an operation (attempts, time spent) is the caller's.
#[derive(Debug, Clone)]
pub struct Retry {
    config: RetryConfig,
    rng: Rng,
}

impl Retry {
    /// A policy whose jitter repeats for a seed.
    pub fn new(config: RetryConfig, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
        }
    }

    /// The wait before the next attempt when `failed` attempts have failed, `elapsed_ms` after the first began, or
    /// `None` to give up: attempts are used up, or the wait would pass the total. An error may ask for a delay itself
    /// (`asked_ms`, from an HTTP Retry-After); it is honoured up to the longest delay.
    pub fn next_delay(
        &mut self,
        failed: u32,
        elapsed_ms: f64,
        asked_ms: Option<f64>,
    ) -> Option<f64> {
        let delay = self
            .config
            .attempts
            .next_delay(failed, asked_ms, &mut self.rng)?;
        (elapsed_ms + delay <= self.config.max_total_ms).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::delivery::{Growth, Jitter};

    fn retry(max_total_ms: f64) -> Retry {
        let attempts = Redelivery {
            max_attempts: 4,
            initial_delay_ms: 100.0,
            max_delay_ms: 300.0,
            growth: Growth::Exponential { factor: 2.0 },
            jitter: Jitter::None,
        };
        Retry::new(
            RetryConfig {
                attempts,
                max_total_ms,
            },
            1,
        )
    }

    #[test]
    fn the_first_delay_is_the_initial_one_and_attempts_end() {
        let mut retry = retry(60_000.0);
        let delays: Vec<_> = (1..=4).map(|n| retry.next_delay(n, 0.0, None)).collect();
        assert_eq!(delays, [Some(100.0), Some(200.0), Some(300.0), None]);
    }

    #[test]
    fn a_wait_that_would_pass_the_total_is_not_begun() {
        let mut retry = retry(1_000.0);
        assert_eq!(retry.next_delay(1, 900.0, None), Some(100.0));
        assert_eq!(retry.next_delay(1, 900.1, None), None);
        assert_eq!(retry.next_delay(1, 800.0, Some(201.0)), None);
    }

    #[test]
    fn an_error_may_ask_for_a_delay_up_to_the_longest() {
        let mut retry = retry(60_000.0);
        assert_eq!(retry.next_delay(1, 0.0, Some(7.0)), Some(7.0));
        assert_eq!(retry.next_delay(1, 0.0, Some(9e9)), Some(300.0));
    }
}

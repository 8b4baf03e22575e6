//! Retry: whether a stream that has failed starts again, and after what delay.

use crate::core::delivery::Redelivery;
use crate::core::rng::Rng;

/// The attempts of one run.
#[derive(Debug, Clone)]
pub struct Retry {
    policy: Redelivery,
    rng: Rng,
    failed: u32,
}

impl Retry {
    /// No attempt has failed yet. `seed` is that of the jitter.
    pub fn new(policy: Redelivery, seed: u64) -> Self {
        Self {
            policy,
            rng: Rng::new(seed),
            failed: 0,
        }
    }

    /// An attempt has failed: the delay before the next in milliseconds, or `None` if there is to be none.
    pub fn next_delay(&mut self) -> Option<f64> {
        self.failed += 1;
        self.policy.next_delay(self.failed, None, &mut self.rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::delivery::{Growth, Jitter};

    #[test]
    fn delays_grow_until_the_attempts_are_used_up() {
        let policy = Redelivery {
            max_attempts: 4,
            initial_delay_ms: 10.0,
            max_delay_ms: 25.0,
            growth: Growth::Exponential { factor: 2.0 },
            jitter: Jitter::None,
        };
        let mut retry = Retry::new(policy, 1);
        let delays: Vec<Option<f64>> = (0..4).map(|_| retry.next_delay()).collect();
        assert_eq!(delays, [Some(10.0), Some(20.0), Some(25.0), None]);
    }
}

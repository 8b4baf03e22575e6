//! Whether and when a failed event is delivered again.

use super::rng::Rng;

/// How the delay grows from one redelivery to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Growth {
    /// `initial × n`
    Linear,
    /// `initial × factor^(n-1)`
    Exponential {
        /// Multiplier from one delay to the next.
        factor: f64,
    },
}

/// How much chance goes into a delay, so that many failures do not come back at once. The names of full and equal
/// jitter are those of Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// The delay as computed.
    None,
    /// Anything between zero and the delay.
    Full,
    /// Between half the delay and the delay.
    Equal,
    /// The delay, more or less up to this share of it.
    Ratio(f64),
}

impl Jitter {
    fn apply(self, delay: f64, rng: &mut Rng) -> f64 {
        match self {
            Jitter::None => delay,
            Jitter::Full => delay * rng.unit(),
            Jitter::Equal => delay * (0.5 + rng.unit() / 2.0),
            Jitter::Ratio(ratio) => (delay * (1.0 + ratio * (2.0 * rng.unit() - 1.0))).max(0.0),
        }
    }
}

/// The redelivery policy of a runtime or of one event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Redelivery {
    /// Attempts in all, the first included; 1 is "never again".
    pub max_attempts: u32,
    /// Delay before the first redelivery, in milliseconds.
    pub initial_delay_ms: f64,
    /// No delay is longer than this, before jitter.
    pub max_delay_ms: f64,
    /// How the delay grows.
    pub growth: Growth,
    /// How it is spread.
    pub jitter: Jitter,
}

/// What equal policies share and others do not, for tables of them.
pub type PolicyKey = (u32, [u64; 4], u8);

impl Redelivery {
    /// See [`PolicyKey`].
    pub fn key(&self) -> PolicyKey {
        let factor = match self.growth {
            Growth::Linear => f64::NAN,
            Growth::Exponential { factor } => factor,
        };
        let (kind, ratio) = match self.jitter {
            Jitter::None => (0, 0.0),
            Jitter::Full => (1, 0.0),
            Jitter::Equal => (2, 0.0),
            Jitter::Ratio(ratio) => (3, ratio),
        };
        let numbers = [self.initial_delay_ms, self.max_delay_ms, factor, ratio];
        (self.max_attempts, numbers.map(f64::to_bits), kind)
    }

    /// No second attempt.
    pub const NEVER: Redelivery = Redelivery {
        max_attempts: 1,
        initial_delay_ms: 0.0,
        max_delay_ms: 0.0,
        growth: Growth::Linear,
        jitter: Jitter::None,
    };

    /// The delay before the next attempt when `attempts` have failed, or `None` when they are used up.
    /// An error may ask for a delay itself (`asked_ms`); it is honoured up to `max_delay_ms`, without jitter.
    pub fn next_delay(&self, attempts: u32, asked_ms: Option<f64>, rng: &mut Rng) -> Option<f64> {
        if attempts >= self.max_attempts {
            return None;
        }
        if let Some(asked) = asked_ms {
            return Some(asked.clamp(0.0, self.max_delay_ms));
        }
        let n = f64::from(attempts);
        let delay = match self.growth {
            Growth::Linear => self.initial_delay_ms * n,
            Growth::Exponential { factor } => self.initial_delay_ms * factor.powf(n - 1.0),
        };
        Some(self.jitter.apply(delay.min(self.max_delay_ms), rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Redelivery = Redelivery {
        max_attempts: 5,
        initial_delay_ms: 1_000.0,
        max_delay_ms: 3_000.0,
        growth: Growth::Exponential { factor: 2.0 },
        jitter: Jitter::None,
    };

    fn delays(policy: Redelivery) -> Vec<Option<f64>> {
        let mut rng = Rng::new(3);
        (1..=5)
            .map(|n| policy.next_delay(n, None, &mut rng))
            .collect()
    }

    #[test]
    fn delays_grow_up_to_the_cap_and_end_with_the_attempts() {
        let exponential = [1_000.0, 2_000.0, 3_000.0, 3_000.0].map(Some);
        assert_eq!(delays(BASE)[..4], exponential);
        assert_eq!(delays(BASE)[4], None);
        let linear = Redelivery {
            growth: Growth::Linear,
            max_delay_ms: 1e9,
            ..BASE
        };
        assert_eq!(delays(linear)[..3], [1_000.0, 2_000.0, 3_000.0].map(Some));
        assert_eq!(delays(Redelivery::NEVER)[0], None);
    }

    #[test]
    fn jitter_stays_in_its_bounds() {
        let mut rng = Rng::new(11);
        for _ in 0..10_000 {
            for (jitter, low, high) in [
                (Jitter::Full, 0.0, 100.0),
                (Jitter::Equal, 50.0, 100.0),
                (Jitter::Ratio(0.1), 90.0, 110.0),
                (Jitter::Ratio(3.0), 0.0, 400.0),
            ] {
                let delay = jitter.apply(100.0, &mut rng);
                assert!((low..=high).contains(&delay), "{jitter:?}: {delay}");
            }
        }
    }

    #[test]
    fn an_asked_delay_is_honoured_up_to_the_cap() {
        let mut rng = Rng::new(1);
        assert_eq!(BASE.next_delay(1, Some(10.0), &mut rng), Some(10.0));
        assert_eq!(BASE.next_delay(1, Some(1e9), &mut rng), Some(3_000.0));
        assert_eq!(BASE.next_delay(5, Some(10.0), &mut rng), None);
    }
}

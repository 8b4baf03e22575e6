//! A time that may run out while an item is awaited.

use super::{Operator, Verdict};

/// A wait of at most so many milliseconds; also used alone, as a pause.
#[derive(Debug, Clone)]
pub struct Idle {
    timeout_ms: f64,
    expires_at: f64,
}

impl Idle {
    /// Nobody waits yet.
    pub fn new(timeout_ms: f64) -> Self {
        Self {
            timeout_ms,
            expires_at: f64::INFINITY,
        }
    }

    /// The wait begins; one that has begun goes on.
    pub fn begin(&mut self, now: f64) {
        if self.expires_at == f64::INFINITY {
            self.expires_at = now + self.timeout_ms;
        }
    }
}

impl Operator for Idle {
    fn item(&mut self, _now: f64) -> Verdict {
        self.expires_at = f64::INFINITY;
        Verdict::Pass
    }

    fn deadline(&self) -> f64 {
        self.expires_at
    }

    fn due(&mut self, _now: f64) -> Verdict {
        self.expires_at = f64::INFINITY;
        Verdict::Expired
    }

    fn end(&mut self) -> Verdict {
        self.expires_at = f64::INFINITY;
        Verdict::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_counts_from_the_wait_and_an_item_ends_it() {
        let mut idle = Idle::new(50.0);
        assert_eq!(idle.deadline(), f64::INFINITY);
        idle.begin(10.0);
        idle.begin(30.0);
        assert_eq!(idle.deadline(), 60.0);
        assert_eq!(idle.item(40.0), Verdict::Pass);
        assert_eq!(idle.deadline(), f64::INFINITY);
        idle.begin(100.0);
        assert_eq!(idle.due(150.0), Verdict::Expired);
    }
}

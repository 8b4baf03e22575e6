//! Delay: each item goes a fixed time after it came.

use std::collections::VecDeque;

use super::{Operator, Verdict};

/// Items that wait, oldest first. The caller bounds their number by not asking its source for more.
#[derive(Debug, Clone)]
pub struct Delay {
    delay_ms: f64,
    due: VecDeque<f64>,
}

impl Delay {
    /// Nothing waits yet.
    pub fn new(delay_ms: f64) -> Self {
        Self {
            delay_ms,
            due: VecDeque::new(),
        }
    }
}

impl Operator for Delay {
    fn item(&mut self, now: f64) -> Verdict {
        self.due.push_back(now + self.delay_ms);
        Verdict::Hold
    }

    fn deadline(&self) -> f64 {
        self.due.front().copied().unwrap_or(f64::INFINITY)
    }

    fn due(&mut self, _now: f64) -> Verdict {
        self.due.pop_front();
        Verdict::Release
    }

    fn end(&mut self) -> Verdict {
        if self.due.is_empty() {
            Verdict::Nothing
        } else {
            Verdict::Hold
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::stream::table::simulate;

    #[test]
    fn every_item_goes_in_order_after_the_delay_even_when_the_source_has_ended() {
        let out = simulate(Delay::new(100.0), &[0.0, 10.0, 10.0, 90.0], 95.0);
        let times: Vec<f64> = out.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [100.0, 110.0, 110.0, 190.0]);
        let items: Vec<u32> = out.into_iter().flat_map(|(_, items)| items).collect();
        assert_eq!(items, [0, 1, 2, 3]);
    }
}

//! Throttle: at most one item in each interval.

use super::{Operator, Verdict};

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Open,
    Closed { until: f64, holding: bool },
}

/// Throttle with an interval in milliseconds; at least one of the two edges is on.
#[derive(Debug, Clone)]
pub struct Throttle {
    interval_ms: f64,
    leading: bool,
    trailing: bool,
    state: State,
}

impl Throttle {
    /// `leading`: the first item of an interval goes at once; `trailing`: the last one goes when the interval is over.
    pub fn new(interval_ms: f64, leading: bool, trailing: bool) -> Self {
        Self {
            interval_ms,
            leading,
            trailing,
            state: State::Open,
        }
    }

    fn close(&mut self, now: f64, holding: bool) {
        let until = now + self.interval_ms;
        self.state = State::Closed { until, holding };
    }
}

impl Operator for Throttle {
    fn item(&mut self, now: f64) -> Verdict {
        match self.state {
            State::Closed { until, .. } if now < until => {
                if !self.trailing {
                    return Verdict::Drop;
                }
                self.state = State::Closed {
                    until,
                    holding: true,
                };
                Verdict::Hold
            }
            _ => {
                self.close(now, !self.leading);
                if self.leading {
                    Verdict::Pass
                } else {
                    Verdict::Hold
                }
            }
        }
    }

    fn deadline(&self) -> f64 {
        match self.state {
            State::Closed {
                until,
                holding: true,
            } => until,
            _ => f64::INFINITY,
        }
    }

    /// The trailing item begins an interval of its own, so that two items are never closer than that.
    fn due(&mut self, now: f64) -> Verdict {
        self.close(now, false);
        Verdict::Release
    }

    fn end(&mut self) -> Verdict {
        match std::mem::replace(&mut self.state, State::Open) {
            State::Closed { holding: true, .. } => Verdict::Release,
            _ => Verdict::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::stream::table::simulate;

    const EVERY_20_MS: [f64; 6] = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0];

    #[test]
    fn the_first_item_of_each_interval_goes() {
        let out = simulate(Throttle::new(50.0, true, false), &EVERY_20_MS, 200.0);
        assert_eq!(out, [(0.0, vec![0]), (60.0, vec![3])]);
    }

    #[test]
    fn with_both_edges_the_last_item_goes_when_the_interval_is_over() {
        let out = simulate(Throttle::new(50.0, true, true), &EVERY_20_MS, 200.0);
        assert_eq!(
            out,
            [
                (0.0, vec![0]),
                (50.0, vec![2]),
                (100.0, vec![4]),
                (150.0, vec![5])
            ]
        );
    }

    #[test]
    fn with_the_trailing_edge_alone_the_first_item_waits_too() {
        let out = simulate(Throttle::new(50.0, false, true), &EVERY_20_MS, 120.0);
        assert_eq!(out, [(50.0, vec![2]), (100.0, vec![4]), (120.0, vec![5])]);
    }
}

//! Debounce: of items that follow each other closely only the last, once it has been quiet.

use super::{Operator, Verdict};

/// When the item that is held is handed on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Quiet,
    /// Items follow each other; nothing is held, for the leading one has been handed on.
    Passed {
        quiet_at: f64,
    },
    /// The last item is held until it is quiet, or until the first of them has waited too long.
    Holding {
        quiet_at: f64,
        forced_at: f64,
    },
}

/// Debounce with a wait in milliseconds.
#[derive(Debug, Clone)]
pub struct Debounce {
    wait_ms: f64,
    max_wait_ms: f64,
    leading: bool,
    state: State,
}

impl Debounce {
    /// `leading`: the first item after a quiet time goes at once. `max_wait_ms`: an item is held no longer than this,
    /// however busy it stays; may be infinite.
    pub fn new(wait_ms: f64, leading: bool, max_wait_ms: f64) -> Self {
        Self {
            wait_ms,
            max_wait_ms,
            leading,
            state: State::Quiet,
        }
    }

    fn hold(&mut self, now: f64, forced_at: f64) -> Verdict {
        let quiet_at = now + self.wait_ms;
        self.state = State::Holding {
            quiet_at,
            forced_at,
        };
        Verdict::Hold
    }
}

impl Operator for Debounce {
    fn item(&mut self, now: f64) -> Verdict {
        match self.state {
            State::Holding { forced_at, .. } => self.hold(now, forced_at),
            State::Passed { quiet_at } if now < quiet_at => self.hold(now, now + self.max_wait_ms),
            _ if self.leading => {
                let quiet_at = now + self.wait_ms;
                self.state = State::Passed { quiet_at };
                Verdict::Pass
            }
            _ => self.hold(now, now + self.max_wait_ms),
        }
    }

    fn deadline(&self) -> f64 {
        match self.state {
            State::Holding {
                quiet_at,
                forced_at,
            } => quiet_at.min(forced_at),
            _ => f64::INFINITY,
        }
    }

    fn due(&mut self, now: f64) -> Verdict {
        self.state = match self.state {
            State::Holding { quiet_at, .. } if now < quiet_at => State::Passed { quiet_at },
            _ => State::Quiet,
        };
        Verdict::Release
    }

    fn end(&mut self) -> Verdict {
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Holding { .. } => Verdict::Release,
            _ => Verdict::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::stream::table::simulate;

    #[test]
    fn of_a_burst_only_the_last_item_goes_once_it_is_quiet() {
        let out = simulate(
            Debounce::new(50.0, false, f64::INFINITY),
            &[0.0, 10.0, 20.0, 100.0],
            200.0,
        );
        assert_eq!(out, [(70.0, vec![2]), (150.0, vec![3])]);
    }

    #[test]
    fn the_end_of_the_source_releases_what_is_held_at_once_and_nothing_twice() {
        let out = simulate(
            Debounce::new(50.0, false, f64::INFINITY),
            &[0.0, 10.0],
            30.0,
        );
        assert_eq!(out, [(30.0, vec![1])]);
        assert!(simulate(Debounce::new(50.0, false, f64::INFINITY), &[], 30.0).is_empty());
    }

    #[test]
    fn the_leading_item_goes_at_once_and_is_not_repeated() {
        let out = simulate(
            Debounce::new(50.0, true, f64::INFINITY),
            &[0.0, 100.0, 110.0],
            200.0,
        );
        assert_eq!(out, [(0.0, vec![0]), (100.0, vec![1]), (160.0, vec![2])]);
    }

    #[test]
    fn a_busy_source_is_heard_after_the_longest_wait() {
        let busy: Vec<f64> = (0..20).map(|n| f64::from(n) * 10.0).collect();
        let out = simulate(Debounce::new(50.0, false, 100.0), &busy, 400.0);
        assert_eq!(out[0], (100.0, vec![9]));
        assert_eq!(out[1], (200.0, vec![19]));
        assert_eq!(out.len(), 2);
    }
}

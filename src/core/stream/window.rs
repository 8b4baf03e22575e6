//! Windows that do not overlap: tumbling ones follow each other, session ones close after a quiet time.

use super::{Operator, Verdict};

/// What closes a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// Windows of this many milliseconds, one after the other from the first item on. Empty ones are left out.
    Tumbling {
        /// Length of a window.
        size_ms: f64,
    },
    /// A window ends when no item has come for this many milliseconds.
    Session {
        /// Quiet time that ends a session.
        gap_ms: f64,
    },
}

/// One window at a time, of at most `max_items`: a full one closes at once.
#[derive(Debug, Clone)]
pub struct Window {
    span: Span,
    max_items: u32,
    count: u32,
    /// Start of the first tumbling window.
    origin: Option<f64>,
    closes_at: f64,
}

impl Window {
    /// No item has come yet.
    pub fn new(span: Span, max_items: u32) -> Self {
        Self {
            span,
            max_items,
            count: 0,
            origin: None,
            closes_at: f64::INFINITY,
        }
    }

    fn close(&mut self) {
        self.count = 0;
        self.closes_at = f64::INFINITY;
    }

    fn closing_time(&mut self, now: f64) -> f64 {
        match self.span {
            Span::Session { gap_ms } => now + gap_ms,
            Span::Tumbling { size_ms } => {
                let origin = *self.origin.get_or_insert(now);
                origin + (((now - origin) / size_ms).floor() + 1.0) * size_ms
            }
        }
    }
}

impl Operator for Window {
    fn item(&mut self, now: f64) -> Verdict {
        self.closes_at = self.closing_time(now);
        self.count += 1;
        if self.count < self.max_items {
            return Verdict::Hold;
        }
        self.close();
        Verdict::HoldAndRelease
    }

    fn deadline(&self) -> f64 {
        self.closes_at
    }

    fn due(&mut self, _now: f64) -> Verdict {
        self.close();
        Verdict::Release
    }

    fn end(&mut self) -> Verdict {
        if self.count == 0 {
            return Verdict::Nothing;
        }
        self.close();
        Verdict::Release
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::stream::table::simulate;

    #[test]
    fn tumbling_windows_follow_each_other_and_empty_ones_are_left_out() {
        let window = Window::new(Span::Tumbling { size_ms: 100.0 }, 1_000);
        let out = simulate(window, &[10.0, 50.0, 115.0, 350.0], 360.0);
        assert_eq!(
            out,
            [(110.0, vec![0, 1]), (210.0, vec![2]), (360.0, vec![3])]
        );
    }

    #[test]
    fn a_session_ends_after_a_quiet_time() {
        let window = Window::new(Span::Session { gap_ms: 30.0 }, 1_000);
        let out = simulate(window, &[0.0, 20.0, 45.0, 100.0], 500.0);
        assert_eq!(out, [(75.0, vec![0, 1, 2]), (130.0, vec![3])]);
    }

    #[test]
    fn a_full_window_closes_at_once() {
        let window = Window::new(Span::Session { gap_ms: 30.0 }, 2);
        let out = simulate(window, &[0.0, 1.0, 2.0], 500.0);
        assert_eq!(out, [(1.0, vec![0, 1]), (32.0, vec![2])]);
    }
}

//! The outcomes that a failure rate is taken of: the last so many calls, or those of the last so many milliseconds.

/// How far back outcomes count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// The last so many calls.
    Calls(u32),
    /// The calls that ended in the last so many milliseconds, to a tenth of it.
    Millis(f64),
}

const SLICES: usize = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    calls: u32,
    failures: u32,
}

impl Tally {
    fn add(&mut self, failed: bool) {
        self.calls += 1;
        self.failures += u32::from(failed);
    }
}

#[derive(Debug, Clone)]
enum Kept {
    /// A ring of outcomes (true: failed) and the place of the next.
    Calls {
        ring: Vec<bool>,
        size: usize,
        next: usize,
    },
    /// A ring of slices; `newest` is the number of the slice (time / its length) that was written last.
    Slices {
        ring: [Tally; SLICES],
        slice_ms: f64,
        newest: i64,
    },
}

/// A sliding window of outcomes.
#[derive(Debug, Clone)]
pub struct Window {
    span: Span,
    kept: Kept,
    total: Tally,
}

impl Window {
    /// An empty window.
    pub fn new(span: Span) -> Self {
        let kept = match span {
            Span::Calls(size) => Kept::Calls {
                ring: Vec::new(),
                size: size.max(1) as usize,
                next: 0,
            },
            Span::Millis(length) => Kept::Slices {
                ring: [Tally::default(); SLICES],
                slice_ms: length / SLICES as f64,
                newest: i64::MIN,
            },
        };
        Self {
            span,
            kept,
            total: Tally::default(),
        }
    }

    /// Forgets all outcomes.
    pub fn clear(&mut self) {
        *self = Self::new(self.span);
    }

    /// Takes in an outcome.
    pub fn record(&mut self, now: f64, failed: bool) {
        match &mut self.kept {
            Kept::Calls { ring, size, next } => {
                if ring.len() < *size {
                    ring.push(failed);
                } else {
                    let gone = std::mem::replace(&mut ring[*next], failed);
                    self.total.calls -= 1;
                    self.total.failures -= u32::from(gone);
                }
                *next = (*next + 1) % *size;
            }
            Kept::Slices {
                ring,
                slice_ms,
                newest,
            } => {
                let slice = (now / *slice_ms).floor() as i64;
                let first = (*newest).saturating_add(1).max(slice - SLICES as i64 + 1);
                for stale in first..=slice {
                    let gone = std::mem::take(&mut ring[stale.rem_euclid(SLICES as i64) as usize]);
                    self.total.calls -= gone.calls;
                    self.total.failures -= gone.failures;
                }
                *newest = slice.max(*newest);
                ring[newest.rem_euclid(SLICES as i64) as usize].add(failed);
            }
        }
        self.total.add(failed);
    }

    /// Outcomes in the window as of the last one recorded.
    pub fn calls(&self) -> u32 {
        self.total.calls
    }

    /// Failures per call in the window, 0 to 1.
    pub fn failure_rate(&self) -> f64 {
        match self.total.calls {
            0 => 0.0,
            calls => f64::from(self.total.failures) / f64::from(calls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_calls_count() {
        let mut window = Window::new(Span::Calls(4));
        for failed in [true, true, false, false, false, true] {
            window.record(0.0, failed);
        }
        assert_eq!((window.calls(), window.failure_rate()), (4, 0.25));
        window.clear();
        assert_eq!((window.calls(), window.failure_rate()), (0, 0.0));
    }

    #[test]
    fn outcomes_leave_a_window_of_time() {
        let mut window = Window::new(Span::Millis(1_000.0));
        window.record(0.0, true);
        window.record(450.0, true);
        window.record(999.0, false);
        assert_eq!(window.calls(), 3);
        window.record(1_050.0, false);
        assert_eq!((window.calls(), window.failure_rate()), (3, 1.0 / 3.0));
        window.record(1_449.0, false);
        assert_eq!(window.calls(), 3);
        window.record(9_000.0, true);
        assert_eq!((window.calls(), window.failure_rate()), (1, 1.0));
    }
}

//! Batches: items together, closed by their number or when the first of them has waited long enough.

use super::{Operator, Verdict};

/// Batches of at most `size` items.
#[derive(Debug, Clone)]
pub struct Batch {
    size: u32,
    timeout_ms: f64,
    count: u32,
    closes_at: f64,
}

impl Batch {
    /// `timeout_ms` counts from the first item of a batch; may be infinite.
    pub fn new(size: u32, timeout_ms: f64) -> Self {
        Self {
            size,
            timeout_ms,
            count: 0,
            closes_at: f64::INFINITY,
        }
    }

    fn close(&mut self) {
        self.count = 0;
        self.closes_at = f64::INFINITY;
    }
}

impl Operator for Batch {
    fn item(&mut self, now: f64) -> Verdict {
        if self.count == 0 {
            self.closes_at = now + self.timeout_ms;
        }
        self.count += 1;
        if self.count < self.size {
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
    fn a_batch_closes_by_size_and_the_rest_at_the_end() {
        let out = simulate(Batch::new(3, f64::INFINITY), &[0.0; 10], 5.0);
        let sizes: Vec<usize> = out.iter().map(|(_, items)| items.len()).collect();
        assert_eq!(sizes, [3, 3, 3, 1]);
    }

    #[test]
    fn a_batch_closes_when_its_first_item_has_waited_with_no_further_item() {
        let out = simulate(Batch::new(10, 50.0), &[100.0, 120.0, 300.0], 1_000.0);
        assert_eq!(out, [(150.0, vec![0, 1]), (350.0, vec![2])]);
    }
}

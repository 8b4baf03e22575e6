//! Deadlines of one timer service: however many are armed, the caller needs one timer, for the earliest.

use crate::core::timers::{TimerId, Timers};

/// Armed deadlines. An id is used again once its deadline has expired or was cancelled: the owner forgets it then.
#[derive(Debug, Clone, Default)]
pub struct Deadlines {
    timers: Timers<()>,
}

impl Deadlines {
    /// Arms a deadline `delay_ms` from now and names it; `O(log n)`, constant when it is the latest so far.
    pub fn arm(&mut self, now: f64, delay_ms: f64) -> u32 {
        self.timers.arm(now + delay_ms.max(0.0), ()).to_raw()
    }

    /// Disarms `id`, which must be armed.
    pub fn cancel(&mut self, id: u32) {
        self.timers.cancel(TimerId::from_raw(id));
    }

    /// Takes one deadline that is not after `now`: the earliest, equal ones in the order of arming.
    pub fn expire(&mut self, now: f64) -> Option<u32> {
        let id = self.timers.first_due(now)?;
        self.timers.cancel(id);
        Some(id.to_raw())
    }

    /// When to look again.
    pub fn next_deadline(&self) -> Option<f64> {
        self.timers.next_deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deadline_expires_once_in_its_order_and_cancelled_ones_never() {
        let mut deadlines = Deadlines::default();
        let late = deadlines.arm(0.0, 30.0);
        let cancelled = deadlines.arm(0.0, 10.0);
        let early = deadlines.arm(0.0, 20.0);
        deadlines.cancel(cancelled);
        assert_eq!(deadlines.next_deadline(), Some(20.0));
        assert_eq!(deadlines.expire(19.9), None);
        assert_eq!(deadlines.expire(30.0), Some(early));
        assert_eq!(deadlines.expire(30.0), Some(late));
        assert_eq!(deadlines.expire(1e9), None);
        assert_eq!(deadlines.next_deadline(), None);
    }

    #[test]
    fn a_negative_delay_is_due_at_once() {
        let mut deadlines = Deadlines::default();
        let id = deadlines.arm(100.0, -5.0);
        assert_eq!(deadlines.expire(100.0), Some(id));
    }
}

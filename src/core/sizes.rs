//! What the sizes of events decide: refusals, marks, and the bytes that wait.

/// Thresholds in bytes; infinity switches one off.
#[derive(Debug, Clone, Copy)]
pub struct SizeLimits {
    /// From here on an event counts as large.
    pub large: f64,
    /// From here on an event counts as huge.
    pub huge: f64,
    /// Larger events are refused.
    pub max_event: f64,
    /// Refuse huge events too.
    pub drop_huge: bool,
    /// Bytes that may wait in all.
    pub max_queue: f64,
}

impl SizeLimits {
    /// No limit and no mark.
    pub const OFF: SizeLimits = SizeLimits {
        large: f64::INFINITY,
        huge: f64::INFINITY,
        max_event: f64::INFINITY,
        drop_huge: false,
        max_queue: f64::INFINITY,
    };
}

/// What becomes of an event of a given size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeVerdict {
    /// Accepted.
    Normal,
    /// Accepted and counted as large: its stored form is compressed.
    Large,
    /// Refused: larger than `max_event`, or huge while huge ones are dropped.
    TooLarge,
    /// Refused for now: `max_queue` bytes wait already.
    QueueFull,
}

/// Sizes of the events that wait, and totals of those that came.
#[derive(Debug)]
pub struct Sizes {
    limits: SizeLimits,
    waiting_bytes: f64,
    waiting: u32,
    /// Large events accepted so far, huge ones included.
    pub large_events: u32,
    /// Huge events seen so far, refused ones included.
    pub huge_events: u32,
}

impl Sizes {
    /// Nothing waits yet.
    pub fn new(limits: SizeLimits) -> Self {
        Self {
            limits,
            waiting_bytes: 0.0,
            waiting: 0,
            large_events: 0,
            huge_events: 0,
        }
    }

    /// Decides about an event of `bytes`; an accepted one waits from now on, until [`leave`](Self::leave).
    pub fn enter(&mut self, bytes: f64) -> SizeVerdict {
        let SizeLimits {
            large,
            huge,
            max_event,
            drop_huge,
            max_queue,
        } = self.limits;
        if bytes >= huge {
            self.huge_events += 1;
        }
        if bytes > max_event || (drop_huge && bytes >= huge) {
            return SizeVerdict::TooLarge;
        }
        if self.waiting_bytes + bytes > max_queue {
            return SizeVerdict::QueueFull;
        }
        self.waiting_bytes += bytes;
        self.waiting += 1;
        if bytes >= large {
            self.large_events += 1;
            return SizeVerdict::Large;
        }
        SizeVerdict::Normal
    }

    /// An event that had entered has ended or started for good.
    pub fn leave(&mut self, bytes: f64) {
        if bytes > 0.0 {
            self.waiting_bytes -= bytes;
            self.waiting -= 1;
        }
    }

    /// Bytes of the events that live.
    pub fn total(&self) -> f64 {
        self.waiting_bytes
    }

    /// Their mean, 0 when there is none.
    pub fn average(&self) -> f64 {
        if self.waiting == 0 {
            0.0
        } else {
            self.waiting_bytes / f64::from(self.waiting)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_decide_and_add_up() {
        let mut sizes = Sizes::new(SizeLimits {
            large: 100.0,
            huge: 1_000.0,
            max_event: 5_000.0,
            drop_huge: false,
            max_queue: 6_000.0,
        });
        assert_eq!(sizes.enter(99.0), SizeVerdict::Normal);
        assert_eq!(sizes.enter(100.0), SizeVerdict::Large);
        assert_eq!(sizes.enter(5_001.0), SizeVerdict::TooLarge);
        assert_eq!(sizes.enter(5_000.0), SizeVerdict::Large);
        assert_eq!(sizes.enter(1_000.0), SizeVerdict::QueueFull);
        assert_eq!(sizes.total(), 5_199.0);
        sizes.leave(5_000.0);
        assert_eq!(sizes.average(), 99.5);
        assert_eq!((sizes.large_events, sizes.huge_events), (2, 3));
    }

    #[test]
    fn huge_events_can_be_refused() {
        let mut sizes = Sizes::new(SizeLimits {
            large: 1.0,
            huge: 10.0,
            max_event: f64::INFINITY,
            drop_huge: true,
            max_queue: f64::INFINITY,
        });
        assert_eq!(sizes.enter(10.0), SizeVerdict::TooLarge);
    }
}

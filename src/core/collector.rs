//! Batched emits: when the events collected so far go into the queue together.

/// Collects until a count is reached, or a time after the first event has passed.
#[derive(Debug, Default)]
pub struct Collector {
    count: u32,
    deadline: Option<f64>,
}

impl Collector {
    /// One more event, whose own batch size and timeout apply. Answers whether the batch is to be flushed now.
    /// The timeout counts from the first event of the batch; a later event's does not restart it.
    pub fn add(&mut self, now: f64, size: u32, timeout_ms: f64, flush: bool) -> bool {
        self.count += 1;
        self.deadline.get_or_insert(now + timeout_ms);
        flush || self.count >= size
    }

    /// When the batch is to be flushed at the latest.
    pub fn deadline(&self) -> Option<f64> {
        self.deadline
    }

    /// The batch has been flushed or dropped.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::Collector;

    #[test]
    fn a_batch_closes_by_count_flag_or_time_from_its_first_event() {
        let mut batch = Collector::default();
        assert!(!batch.add(0.0, 3, 100.0, false));
        assert!(!batch.add(60.0, 3, 500.0, false));
        assert_eq!(batch.deadline(), Some(100.0));
        assert!(batch.add(61.0, 3, 100.0, false));
        batch.reset();
        assert!(batch.deadline().is_none());
        assert!(batch.add(70.0, 3, 100.0, true));
    }
}

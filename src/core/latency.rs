//! How long events wait, run and take in all, in HDR histograms (Gil Tene's): two significant digits from a microsecond to
//! an hour, at a few nanoseconds a value. Times are those that the caller passes; it may share one reading of its clock among
//! the events of a batch.

use hdrhistogram::Histogram;

/// Types, and tenants, that are told apart; the rest shares a group.
pub const MAX_GROUPS: usize = 100;
/// The group of all types, or tenants, beyond [`MAX_GROUPS`].
pub const OTHER: u16 = 0;
/// Times are counted as no longer than this.
const MAX_US: f64 = 3_600_000_000.0;
const SIGNIFICANT_DIGITS: u8 = 2;

/// Whose times these are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Groups {
    /// Answered by [`Latency::add_type`].
    pub kind: u16,
    /// Answered by [`Latency::add_tenant`]; `None`: the runtime's own, which is not told apart.
    pub tenant: Option<u16>,
}

/// What is known of a live event.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    groups: Groups,
    submitted: f64,
    started: f64,
}

/// Figures of one histogram, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    /// Values recorded.
    pub count: f64,
    /// Their sum, as exact as the histogram.
    pub sum_ms: f64,
    /// Half of the values are no greater.
    pub p50_ms: f64,
    /// Nine tenths of the values are no greater.
    pub p90_ms: f64,
    /// 99 of 100 values are no greater.
    pub p99_ms: f64,
    /// The greatest value.
    pub max_ms: f64,
}

/// The three times of a group of events.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timings<T> {
    /// From the moment when it could have started (accepted; delay or redelivery due) to its start, for each attempt.
    pub queue_wait: T,
    /// From the start of its handlers to their end, for each attempt.
    pub handler: T,
    /// From acceptance to its successful end, delays and redeliveries included, once for each event.
    pub end_to_end: T,
}

impl Timings<Histogram<u32>> {
    fn new() -> Self {
        Self {
            queue_wait: histogram(),
            handler: histogram(),
            end_to_end: histogram(),
        }
    }

    fn summary(&self) -> Timings<Summary> {
        Timings {
            queue_wait: summary(&self.queue_wait),
            handler: summary(&self.handler),
            end_to_end: summary(&self.end_to_end),
        }
    }
}

fn histogram() -> Histogram<u32> {
    // The number of digits is a constant that the crate takes.
    Histogram::new(SIGNIFICANT_DIGITS).unwrap_or_else(|_| unreachable!("two digits are allowed"))
}

#[inline]
fn record(histogram: &mut Histogram<u32>, ms: f64) {
    let us = (ms * 1000.0).clamp(0.0, MAX_US);
    // It resizes itself, so no value is out of its range.
    let _ = histogram.record(us as u64);
}

fn summary(histogram: &Histogram<u32>) -> Summary {
    if histogram.is_empty() {
        return Summary::default();
    }
    let max_us = histogram.max() as f64;
    // A quantile is the end of its bucket, which may lie beyond the greatest value.
    let quantile = |q: f64| (histogram.value_at_quantile(q) as f64).min(max_us) / 1000.0;
    let count = histogram.len() as f64;
    Summary {
        count,
        sum_ms: histogram.mean() * count / 1000.0,
        p50_ms: quantile(0.5),
        p90_ms: quantile(0.9),
        p99_ms: quantile(0.99),
        max_ms: max_us / 1000.0,
    }
}

/// The times of a runtime's events, by type and by tenant.
#[derive(Debug)]
pub struct Latency {
    marks: Vec<Mark>,
    kinds: Vec<Timings<Histogram<u32>>>,
    tenants: Vec<Timings<Histogram<u32>>>,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            marks: Vec::new(),
            kinds: vec![Timings::new()],
            tenants: vec![Timings::new()],
        }
    }
}

impl Latency {
    /// A group for a type that has none yet, or [`OTHER`].
    pub fn add_type(&mut self) -> u16 {
        add(&mut self.kinds)
    }

    /// A group for a tenant that has none yet, or [`OTHER`].
    pub fn add_tenant(&mut self) -> u16 {
        add(&mut self.tenants)
    }

    /// An event has been accepted.
    #[inline]
    pub fn submitted(&mut self, at: f64, slot: u32, groups: Groups) {
        let index = slot as usize;
        if index >= self.marks.len() {
            self.marks.resize_with(index + 1, Mark::default);
        }
        self.marks[index] = Mark {
            groups,
            submitted: at,
            started: at,
        };
    }

    /// An attempt starts; it could not have before `due`.
    #[inline]
    pub fn started(&mut self, now: f64, slot: u32, due: f64) {
        let mark = &mut self.marks[slot as usize];
        mark.started = now;
        let wait = now - mark.submitted.max(due);
        self.each(slot, |timings| record(&mut timings.queue_wait, wait));
    }

    /// The handlers of an attempt have ended.
    #[inline]
    pub fn ran(&mut self, now: f64, slot: u32) {
        let time = now - self.marks[slot as usize].started;
        self.each(slot, |timings| record(&mut timings.handler, time));
    }

    /// The event has ended well.
    #[inline]
    pub fn done(&mut self, now: f64, slot: u32) {
        let time = now - self.marks[slot as usize].submitted;
        self.each(slot, |timings| record(&mut timings.end_to_end, time));
    }

    /// How long the handlers of the last attempt had run at `at`; `None` for an event that is not known any more.
    pub fn run_time(&self, at: f64, slot: u32) -> Option<f64> {
        let mark = self.marks.get(slot as usize)?;
        Some((at - mark.started).max(0.0))
    }

    #[inline]
    fn each(&mut self, slot: u32, record: impl Fn(&mut Timings<Histogram<u32>>)) {
        let Groups { kind, tenant } = self.marks[slot as usize].groups;
        record(&mut self.kinds[usize::from(kind)]);
        if let Some(tenant) = tenant {
            record(&mut self.tenants[usize::from(tenant)]);
        }
    }

    /// Gives back the memory of a burst, when no event lives.
    pub fn shrink(&mut self) {
        self.marks = Vec::new();
    }

    /// All events together.
    pub fn total(&self) -> Timings<Summary> {
        let mut sum = Timings::new();
        for timings in &self.kinds {
            // Equal digits, and it resizes itself: they can always be added.
            let _ = sum.queue_wait.add(&timings.queue_wait);
            let _ = sum.handler.add(&timings.handler);
            let _ = sum.end_to_end.add(&timings.end_to_end);
        }
        sum.summary()
    }

    /// Each type's, by its group; those of [`OTHER`] first.
    pub fn by_type(&self) -> Vec<Timings<Summary>> {
        self.kinds.iter().map(Timings::summary).collect()
    }

    /// Each tenant's, by its group; those of [`OTHER`] first.
    pub fn by_tenant(&self) -> Vec<Timings<Summary>> {
        self.tenants.iter().map(Timings::summary).collect()
    }
}

fn add(groups: &mut Vec<Timings<Histogram<u32>>>) -> u16 {
    if groups.len() > MAX_GROUPS {
        return OTHER;
    }
    groups.push(Timings::new());
    (groups.len() - 1) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64) -> bool {
        (actual - expected).abs() <= expected * 0.01
    }

    #[test]
    fn quantiles_are_right_to_two_digits() {
        let mut latency = Latency::default();
        let kind = latency.add_type();
        for i in 1..=1000 {
            let groups = Groups { kind, tenant: None };
            latency.submitted(0.0, 0, groups);
            latency.started(f64::from(i), 0, 0.0);
            latency.ran(f64::from(i) + 5.0, 0);
            latency.done(f64::from(i) + 5.0, 0);
        }
        let Timings {
            queue_wait,
            handler,
            end_to_end,
        } = latency.total();
        assert_eq!(queue_wait.count, 1000.0);
        for (actual, expected) in [
            (queue_wait.p50_ms, 500.0),
            (queue_wait.p90_ms, 900.0),
            (queue_wait.p99_ms, 990.0),
            (queue_wait.max_ms, 1000.0),
            (queue_wait.sum_ms, 500_500.0),
            (handler.p50_ms, 5.0),
            (handler.max_ms, 5.0),
            (end_to_end.p50_ms, 505.0),
        ] {
            assert!(near(actual, expected), "{actual}, not {expected}");
        }
        assert_eq!(latency.by_type()[usize::from(kind)], latency.total());
        assert_eq!(latency.by_type()[0], Timings::default());
    }

    #[test]
    fn an_attempt_waits_from_when_it_is_due() {
        let mut latency = Latency::default();
        latency.submitted(0.0, 3, Groups::default());
        latency.started(107.0, 3, 100.0);
        assert!(near(latency.total().queue_wait.max_ms, 7.0));
    }

    #[test]
    fn the_time_of_the_last_attempt_is_known_until_the_memory_is_given_back() {
        let mut latency = Latency::default();
        latency.submitted(0.0, 3, Groups::default());
        latency.started(10.0, 3, 0.0);
        latency.started(107.0, 3, 100.0);
        assert_eq!(latency.run_time(112.5, 3), Some(5.5));
        assert_eq!(latency.run_time(100.0, 3), Some(0.0));
        assert_eq!(latency.run_time(112.5, 4), None);
        latency.shrink();
        assert_eq!(latency.run_time(112.5, 3), None);
    }

    #[test]
    fn tenants_are_counted_besides_the_types_and_groups_are_bounded() {
        let mut latency = Latency::default();
        let tenants: Vec<u16> = (0..300).map(|_| latency.add_tenant()).collect();
        assert_eq!(tenants[0], 1);
        assert_eq!(tenants[MAX_GROUPS - 1] as usize, MAX_GROUPS);
        assert!(tenants[MAX_GROUPS..].iter().all(|&group| group == OTHER));
        for tenant in [tenants[0], tenants[299], tenants[298]] {
            let groups = Groups {
                kind: OTHER,
                tenant: Some(tenant),
            };
            latency.submitted(0.0, 0, groups);
            latency.ran(1.0, 0);
        }
        let by_tenant = latency.by_tenant();
        assert_eq!(by_tenant[0].handler.count, 2.0);
        assert_eq!(by_tenant[1].handler.count, 1.0);
        assert_eq!(latency.total().handler.count, 3.0);
    }

    #[test]
    fn a_clock_that_stands_still_or_runs_for_ever_is_no_error() {
        let mut latency = Latency::default();
        for now in [-5.0, 0.0, 1e18, f64::NAN] {
            latency.submitted(0.0, 0, Groups::default());
            latency.done(now, 0);
        }
        let Summary { count, max_ms, .. } = latency.total().end_to_end;
        assert_eq!(count, 4.0);
        assert!(near(max_ms, 3_600_000.0));
    }
}

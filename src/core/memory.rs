//! Watches the memory of the process: what to measure next, which measurement deserves an alert, what to remember.

use std::collections::VecDeque;

const MIB: f64 = 1024.0 * 1024.0;
const MAX_MEASUREMENTS: usize = 100;
const MAX_ALERTS: usize = 50;
const AVERAGE_WINDOW_MS: f64 = 10.0 * 60_000.0;
/// A rule that stays broken speaks once in this time.
const REPEAT_AFTER_MS: f64 = 30_000.0;
/// A threshold exceeded by this factor is critical.
const CRITICAL_FACTOR: f64 = 1.5;
const HIGH_USAGE_PERCENT: f64 = 80.0;
const CRITICAL_USAGE_PERCENT: f64 = 90.0;
const LEAK_PERCENT: f64 = 10.0;
const CRITICAL_LEAK_PERCENT: f64 = 50.0;

/// Limits in bytes; 0 switches a check off.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// Bytes of live and dead objects on the V8 heap.
    pub heap_used: f64,
    /// Bytes of the process in physical memory.
    pub rss: f64,
    /// Bytes held by objects outside the heap (buffers).
    pub external: f64,
    /// Bytes that V8 has reserved for its heap.
    pub heap_total: f64,
}

/// When growth of the used heap counts as a leak.
#[derive(Debug, Clone, Copy)]
pub struct LeakDetection {
    /// Number of last measurements looked at, 2 to 100.
    pub samples: usize,
    /// Growth in MiB, from the first to the last of them, that is still no leak.
    pub min_growth_mb: f64,
    /// Time between checks.
    pub sample_interval_ms: f64,
}

/// What a [`MemoryWatch`] needs to know.
#[derive(Debug, Clone, Copy)]
pub struct MemoryConfig {
    /// Time between measurements.
    pub interval_ms: f64,
    /// Limits of the threshold rules.
    pub thresholds: Thresholds,
    /// `None` switches leak detection off.
    pub leak_detection: Option<LeakDetection>,
}

/// One measurement, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Wall-clock time in milliseconds, for people; the rules use `now`.
    pub timestamp: f64,
    /// Bytes used on the V8 heap.
    pub heap_used: f64,
    /// Bytes reserved for the V8 heap.
    pub heap_total: f64,
    /// Bytes to which V8 lets its heap grow.
    pub heap_limit: f64,
    /// Bytes of the process in physical memory.
    pub rss: f64,
    /// Bytes held outside the heap.
    pub external: f64,
    /// The part of `external` that belongs to array buffers.
    pub array_buffers: f64,
}

impl Metrics {
    /// Used share of the reserved heap, rounded. High in any healthy process.
    pub fn heap_usage_percent(&self) -> f64 {
        percent(self.heap_used, self.heap_total)
    }

    /// Used share of all the heap that V8 may have, rounded. At 100 the process dies.
    pub fn heap_limit_percent(&self) -> f64 {
        percent(self.heap_used, self.heap_limit)
    }
}

/// Rounds bytes to MiB.
pub fn to_mb(bytes: f64) -> f64 {
    (bytes / MIB).round()
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole * 100.0).round()
    } else {
        0.0
    }
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// A limit was passed.
    Error,
    /// Passed by far.
    Critical,
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AlertKind {
    /// A measured size is above its threshold (bytes).
    ThresholdExceeded {
        /// The threshold in bytes.
        threshold: f64,
    },
    /// The used heap comes near the heap's limit.
    HighUsage {
        /// The limit of the rule, in percent.
        threshold: f64,
    },
    /// The used heap grew over the last measurements.
    MemoryLeakDetected(Growth),
}

/// Growth of the used heap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// Measurements looked at.
    pub samples: usize,
    /// Growth in MiB, rounded.
    pub growth_mb: f64,
    /// Growth in percent of the first measurement, rounded.
    pub growth_percent: f64,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Which rule, with its figures.
    pub kind: AlertKind,
    /// How bad.
    pub severity: Severity,
    /// One sentence for people.
    pub message: String,
    /// The measurement that broke the rule.
    pub metrics: Metrics,
}

/// The largest values seen; zeros before the first measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Peak {
    /// Largest used heap, bytes.
    pub heap_used: f64,
    /// Largest RSS, bytes.
    pub rss: f64,
    /// Largest external memory, bytes.
    pub external: f64,
    /// Wall-clock time of the largest used heap.
    pub timestamp: f64,
}

/// Means over the last 10 minutes, in bytes; zeros without measurements.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Average {
    /// Mean used heap.
    pub heap_used: f64,
    /// Mean RSS.
    pub rss: f64,
    /// Mean external memory.
    pub external: f64,
}

/// What a [`MemoryWatch`] knows at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryStats {
    /// Measurements kept (at most 100).
    pub total_measurements: usize,
    /// Alerts kept (at most 50).
    pub total_alerts: usize,
    /// The last measurement kept.
    pub last_measurement: Option<Metrics>,
    /// Since creation or [`MemoryWatch::clear_history`].
    pub peak: Peak,
    /// Of the last 10 minutes.
    pub average: Average,
    /// Leak alerts among those kept.
    pub leaks_detected: usize,
    /// Whether measurements are being taken.
    pub is_running: bool,
    /// Time to the next measurement; 0 when stopped.
    pub next_measurement_in_ms: f64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Stopped,
    Running { next_at: f64 },
}

/// The rules, in the order in which their alerts are given.
#[derive(Debug, Clone, Copy)]
enum Rule {
    HeapUsed,
    Rss,
    External,
    HeapTotal,
    HighUsage,
    Leak,
}

const RULES: [Rule; 6] = [
    Rule::HeapUsed,
    Rule::Rss,
    Rule::External,
    Rule::HeapTotal,
    Rule::HighUsage,
    Rule::Leak,
];

/// Decides when memory is measured and which measurements are alarming.
///
/// The caller measures when [`start`](Self::start) says so and whenever `next_measurement_in_ms` is over, and hands
/// each measurement to [`observe`](Self::observe).
#[derive(Debug)]
pub struct MemoryWatch {
    config: MemoryConfig,
    state: State,
    measurements: VecDeque<(f64, Metrics)>,
    alerts: VecDeque<Alert>,
    peak: Peak,
    last_alert_at: [Option<f64>; RULES.len()],
    next_leak_check_at: f64,
}

impl MemoryWatch {
    /// A stopped watch without history.
    pub fn new(config: MemoryConfig) -> Self {
        Self {
            config,
            state: State::Stopped,
            measurements: VecDeque::with_capacity(MAX_MEASUREMENTS),
            alerts: VecDeque::new(),
            peak: Peak::default(),
            last_alert_at: [None; RULES.len()],
            next_leak_check_at: f64::INFINITY,
        }
    }

    /// Starts; true if the first measurement is now due, false if it runs already.
    pub fn start(&mut self, now: f64) -> bool {
        if matches!(self.state, State::Running { .. }) {
            return false;
        }
        self.state = State::Running { next_at: now };
        if let Some(leak) = self.config.leak_detection {
            self.next_leak_check_at = now + leak.sample_interval_ms;
        }
        true
    }

    /// Stops; the history stays.
    pub fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// The measurement that was due could not be taken: the next is due an interval later.
    pub fn skip(&mut self, now: f64) {
        if matches!(self.state, State::Running { .. }) {
            self.state = State::Running {
                next_at: now + self.config.interval_ms,
            };
        }
    }

    /// Takes in a measurement that was due and says which rules it breaks.
    pub fn observe(&mut self, now: f64, metrics: Metrics) -> Vec<Alert> {
        let State::Running { next_at } = self.state else {
            return Vec::new();
        };
        // A timer may fire a fraction of a millisecond early. That counts as on time, or else a rule that may speak
        // every 30 s would skip every other of the measurements taken every 30 s.
        let now = now.max(next_at);
        self.state = State::Running {
            next_at: now + self.config.interval_ms,
        };
        self.remember(now, metrics);
        let alerts: Vec<Alert> = RULES
            .into_iter()
            .filter_map(|rule| self.check(rule, now, metrics))
            .collect();
        for alert in &alerts {
            push_bounded(&mut self.alerts, alert.clone(), MAX_ALERTS);
        }
        alerts
    }

    /// The last `limit` alerts, oldest first.
    pub fn recent_alerts(&self, limit: usize) -> impl Iterator<Item = &Alert> {
        let skip = self.alerts.len().saturating_sub(limit);
        self.alerts.iter().skip(skip)
    }

    /// Forgets measurements, alerts and peak. Rules that were broken a moment ago stay quiet for their time.
    pub fn clear_history(&mut self) {
        self.measurements.clear();
        self.alerts.clear();
        self.peak = Peak::default();
    }

    /// What is known at `now`.
    pub fn stats(&self, now: f64) -> MemoryStats {
        let (is_running, next_measurement_in_ms) = match self.state {
            State::Stopped => (false, 0.0),
            State::Running { next_at } => (true, (next_at - now).max(0.0)),
        };
        MemoryStats {
            total_measurements: self.measurements.len(),
            total_alerts: self.alerts.len(),
            last_measurement: self.measurements.back().map(|(_, metrics)| *metrics),
            peak: self.peak,
            average: self.average(now),
            leaks_detected: self
                .alerts
                .iter()
                .filter(|alert| matches!(alert.kind, AlertKind::MemoryLeakDetected(_)))
                .count(),
            is_running,
            next_measurement_in_ms,
        }
    }

    fn remember(&mut self, now: f64, metrics: Metrics) {
        push_bounded(&mut self.measurements, (now, metrics), MAX_MEASUREMENTS);
        if metrics.heap_used > self.peak.heap_used {
            self.peak.heap_used = metrics.heap_used;
            self.peak.timestamp = metrics.timestamp;
        }
        self.peak.rss = self.peak.rss.max(metrics.rss);
        self.peak.external = self.peak.external.max(metrics.external);
    }

    fn average(&self, now: f64) -> Average {
        let mut sum = Average::default();
        let mut count = 0.0;
        for (at, metrics) in self.measurements.iter().rev() {
            if now - at > AVERAGE_WINDOW_MS {
                break;
            }
            sum.heap_used += metrics.heap_used;
            sum.rss += metrics.rss;
            sum.external += metrics.external;
            count += 1.0;
        }
        if count == 0.0 {
            return Average::default();
        }
        Average {
            heap_used: (sum.heap_used / count).round(),
            rss: (sum.rss / count).round(),
            external: (sum.external / count).round(),
        }
    }

    fn check(&mut self, rule: Rule, now: f64, metrics: Metrics) -> Option<Alert> {
        let limits = self.config.thresholds;
        let (kind, severity, message) = match rule {
            Rule::HeapUsed => {
                let severity = graded(metrics.heap_used, limits.heap_used);
                exceeds("Heap usage", metrics.heap_used, limits.heap_used, severity)?
            }
            Rule::Rss => exceeds(
                "RSS",
                metrics.rss,
                limits.rss,
                graded(metrics.rss, limits.rss),
            )?,
            Rule::External => exceeds(
                "External memory",
                metrics.external,
                limits.external,
                Severity::Warning,
            )?,
            Rule::HeapTotal => exceeds(
                "Total heap",
                metrics.heap_total,
                limits.heap_total,
                Severity::Warning,
            )?,
            Rule::HighUsage => high_usage(metrics.heap_limit_percent())?,
            Rule::Leak => self.leak(now)?,
        };
        self.may_speak(rule, now).then_some(Alert {
            kind,
            severity,
            message,
            metrics,
        })
    }

    fn may_speak(&mut self, rule: Rule, now: f64) -> bool {
        let last = &mut self.last_alert_at[rule as usize];
        let due = last.is_none_or(|at| now - at >= REPEAT_AFTER_MS);
        if due {
            *last = Some(now);
        }
        due
    }

    fn leak(&mut self, now: f64) -> Option<Finding> {
        let config = self.config.leak_detection?;
        if now < self.next_leak_check_at {
            return None;
        }
        self.next_leak_check_at = now + config.sample_interval_ms;
        let first = self.measurements.len().checked_sub(config.samples)?;
        let from = self.measurements.get(first)?.1.heap_used;
        let growth = self.measurements.back()?.1.heap_used - from;
        let growth_percent = if from > 0.0 {
            growth / from * 100.0
        } else {
            0.0
        };
        if growth <= config.min_growth_mb * MIB || growth_percent <= LEAK_PERCENT {
            return None;
        }
        let severity = if growth_percent > CRITICAL_LEAK_PERCENT {
            Severity::Critical
        } else {
            Severity::Error
        };
        let growth = Growth {
            samples: config.samples,
            growth_mb: to_mb(growth),
            growth_percent: growth_percent.round(),
        };
        let message = format!(
            "Memory leak detected: {}MB growth ({}%) over {} samples",
            growth.growth_mb, growth.growth_percent, growth.samples
        );
        Some((AlertKind::MemoryLeakDetected(growth), severity, message))
    }
}

type Finding = (AlertKind, Severity, String);

fn exceeds(subject: &str, value: f64, threshold: f64, severity: Severity) -> Option<Finding> {
    (threshold > 0.0 && value > threshold).then(|| {
        let message = format!(
            "{subject} exceeded threshold: {}MB > {}MB",
            to_mb(value),
            to_mb(threshold)
        );
        (
            AlertKind::ThresholdExceeded { threshold },
            severity,
            message,
        )
    })
}

fn graded(value: f64, threshold: f64) -> Severity {
    if value > threshold * CRITICAL_FACTOR {
        Severity::Critical
    } else {
        Severity::Error
    }
}

fn high_usage(percent_of_limit: f64) -> Option<Finding> {
    (percent_of_limit > HIGH_USAGE_PERCENT).then(|| {
        let severity = if percent_of_limit > CRITICAL_USAGE_PERCENT {
            Severity::Critical
        } else {
            Severity::Warning
        };
        let kind = AlertKind::HighUsage {
            threshold: HIGH_USAGE_PERCENT,
        };
        (
            kind,
            severity,
            format!("High heap usage: {percent_of_limit}%"),
        )
    })
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, bound: usize) {
    if queue.len() == bound {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> MemoryConfig {
        MemoryConfig {
            interval_ms: 1_000.0,
            thresholds: Thresholds {
                heap_used: 0.0,
                rss: 0.0,
                external: 0.0,
                heap_total: 0.0,
            },
            leak_detection: None,
        }
    }

    fn metrics(heap_used_mb: f64) -> Metrics {
        Metrics {
            timestamp: 0.0,
            heap_used: heap_used_mb * MIB,
            heap_total: 1_000.0 * MIB,
            heap_limit: 100_000.0 * MIB,
            rss: heap_used_mb * MIB,
            external: heap_used_mb * MIB,
            array_buffers: 0.0,
        }
    }

    fn started(config: MemoryConfig) -> MemoryWatch {
        let mut watch = MemoryWatch::new(config);
        assert!(watch.start(0.0));
        watch
    }

    fn with_thresholds(mb: f64) -> MemoryConfig {
        let threshold = mb * MIB;
        MemoryConfig {
            thresholds: Thresholds {
                heap_used: threshold,
                rss: threshold,
                external: threshold,
                heap_total: threshold,
            },
            ..config()
        }
    }

    #[test]
    fn starts_once_and_says_when_the_next_measurement_is_due() {
        let mut watch = started(config());
        assert!(!watch.start(10.0));
        watch.observe(0.0, metrics(1.0));
        assert_eq!(watch.stats(400.0).next_measurement_in_ms, 600.0);
        assert_eq!(watch.stats(5_000.0).next_measurement_in_ms, 0.0);
        watch.stop();
        let stats = watch.stats(400.0);
        assert!(!stats.is_running);
        assert_eq!(stats.next_measurement_in_ms, 0.0);
    }

    #[test]
    fn a_measurement_that_cannot_be_taken_is_tried_again_an_interval_later() {
        let mut watch = started(config());
        watch.skip(0.0);
        let stats = watch.stats(400.0);
        assert_eq!(stats.next_measurement_in_ms, 600.0);
        assert_eq!(stats.total_measurements, 0);
        watch.stop();
        watch.skip(1_000.0);
        assert!(!watch.stats(1_000.0).is_running);
    }

    #[test]
    fn a_stopped_watch_ignores_measurements() {
        let mut watch = MemoryWatch::new(with_thresholds(1.0));
        assert!(watch.observe(0.0, metrics(2.0)).is_empty());
        assert_eq!(watch.stats(0.0).total_measurements, 0);
    }

    #[test]
    fn thresholds_grade_heap_and_rss_and_only_warn_of_the_rest() {
        let mut watch = started(with_thresholds(100.0));
        let mut reading = metrics(120.0);
        reading.rss = 151.0 * MIB;
        reading.heap_total = 900.0 * MIB;
        let alerts = watch.observe(0.0, reading);
        let summary: Vec<_> = alerts
            .iter()
            .map(|alert| (alert.severity, alert.message.as_str()))
            .collect();
        assert_eq!(
            summary,
            [
                (
                    Severity::Error,
                    "Heap usage exceeded threshold: 120MB > 100MB"
                ),
                (Severity::Critical, "RSS exceeded threshold: 151MB > 100MB"),
                (
                    Severity::Warning,
                    "External memory exceeded threshold: 120MB > 100MB"
                ),
                (
                    Severity::Warning,
                    "Total heap exceeded threshold: 900MB > 100MB"
                ),
            ]
        );
    }

    #[test]
    fn a_value_at_its_threshold_is_fine_and_a_threshold_of_zero_is_off() {
        let mut reading = metrics(100.0);
        reading.heap_total = 100.0 * MIB;
        assert!(
            started(with_thresholds(100.0))
                .observe(0.0, reading)
                .is_empty()
        );
        assert!(started(config()).observe(0.0, metrics(900.0)).is_empty());
    }

    #[test]
    fn a_rule_that_stays_broken_speaks_every_30_seconds() {
        let mut config = config();
        config.thresholds.rss = MIB;
        let mut watch = started(config);
        let spoke: Vec<f64> = (0..=61)
            .map(|second| f64::from(second) * 1_000.0)
            .filter(|now| !watch.observe(*now, metrics(2.0)).is_empty())
            .collect();
        assert_eq!(spoke, [0.0, 30_000.0, 60_000.0]);
    }

    #[test]
    fn each_rule_has_its_own_silence() {
        let mut watch = started(with_thresholds(100.0));
        let mut reading = metrics(10.0);
        reading.heap_total = 10.0 * MIB;
        reading.rss = 200.0 * MIB;
        assert_eq!(watch.observe(0.0, reading).len(), 1);
        reading.external = 200.0 * MIB;
        let alerts = watch.observe(1_000.0, reading);
        assert_eq!(alerts.len(), 1);
        assert!(alerts[0].message.starts_with("External memory"));
    }

    #[test]
    fn a_timer_that_fires_early_does_not_cost_an_alert() {
        let mut config = config();
        config.interval_ms = 30_000.0;
        config.thresholds.rss = MIB;
        let mut watch = started(config);
        assert_eq!(watch.observe(0.0, metrics(2.0)).len(), 1);
        assert_eq!(watch.observe(29_999.4, metrics(2.0)).len(), 1);
        assert_eq!(watch.observe(59_999.2, metrics(2.0)).len(), 1);
    }

    #[test]
    fn high_usage_looks_at_the_heap_limit_not_at_the_reserved_heap() {
        let mut watch = started(config());
        let mut reading = metrics(950.0);
        assert_eq!(reading.heap_usage_percent(), 95.0);
        assert!(watch.observe(0.0, reading).is_empty());

        reading.heap_limit = 950.0 / 0.85 * MIB;
        let alerts = watch.observe(1_000.0, reading);
        assert_eq!(alerts[0].message, "High heap usage: 85%");
        assert_eq!(alerts[0].severity, Severity::Warning);
        assert_eq!(alerts[0].kind, AlertKind::HighUsage { threshold: 80.0 });

        reading.heap_limit = 1_000.0 * MIB;
        assert!(watch.observe(2_000.0, reading).is_empty(), "once per 30 s");
        let alerts = watch.observe(40_000.0, reading);
        assert_eq!(alerts[0].message, "High heap usage: 95%");
        assert_eq!(alerts[0].severity, Severity::Critical);
    }

    fn leak_config(samples: usize, sample_interval_ms: f64) -> MemoryConfig {
        MemoryConfig {
            leak_detection: Some(LeakDetection {
                samples,
                min_growth_mb: 10.0,
                sample_interval_ms,
            }),
            ..config()
        }
    }

    fn feed(watch: &mut MemoryWatch, heaps_mb: &[f64]) -> Vec<Alert> {
        heaps_mb
            .iter()
            .enumerate()
            .flat_map(|(second, mb)| watch.observe(second as f64 * 1_000.0, metrics(*mb)))
            .collect()
    }

    #[test]
    fn growth_over_the_last_samples_is_a_leak() {
        let mut watch = started(leak_config(3, 1_000.0));
        let alerts = feed(&mut watch, &[100.0, 110.0, 120.0]);
        assert_eq!(alerts.len(), 1);
        assert_eq!(
            alerts[0].message,
            "Memory leak detected: 20MB growth (20%) over 3 samples"
        );
        assert_eq!(alerts[0].severity, Severity::Error);
        assert_eq!(
            alerts[0].kind,
            AlertKind::MemoryLeakDetected(Growth {
                samples: 3,
                growth_mb: 20.0,
                growth_percent: 20.0
            })
        );
        assert_eq!(watch.stats(2_000.0).leaks_detected, 1);
    }

    #[test]
    fn growth_above_half_is_critical() {
        let alerts = feed(&mut started(leak_config(2, 1_000.0)), &[100.0, 151.0]);
        assert_eq!(alerts[0].severity, Severity::Critical);
    }

    #[test]
    fn growth_must_pass_both_the_size_and_the_share() {
        let mut watch = started(leak_config(2, 1_000.0));
        assert!(feed(&mut watch, &[20.0, 30.0]).is_empty(), "10 MB only");
        let mut watch = started(leak_config(2, 1_000.0));
        assert!(feed(&mut watch, &[400.0, 440.0]).is_empty(), "10 % only");
    }

    #[test]
    fn only_the_last_samples_count_for_a_leak() {
        let mut watch = started(leak_config(2, 3_000.0));
        assert!(feed(&mut watch, &[100.0, 200.0, 200.0, 200.0]).is_empty());
    }

    #[test]
    fn leaks_are_checked_at_their_own_interval() {
        let mut watch = started(leak_config(2, 5_000.0));
        let heaps: Vec<f64> = (0..6).map(|n| 100.0 * 1.2_f64.powi(n)).collect();
        let alerts = feed(&mut watch, &heaps);
        assert_eq!(alerts.len(), 1);
        assert_eq!(
            alerts[0].metrics.heap_used,
            heaps[5] * MIB,
            "at 5 s, not before"
        );
    }

    #[test]
    fn history_is_bounded() {
        let mut config = config();
        config.interval_ms = 30_000.0;
        config.thresholds.rss = MIB;
        let mut watch = started(config);
        for n in 0..150 {
            let mut reading = metrics(2.0);
            reading.timestamp = f64::from(n);
            watch.observe(f64::from(n) * 30_000.0, reading);
        }
        let stats = watch.stats(150.0 * 30_000.0);
        assert_eq!(stats.total_measurements, 100);
        assert_eq!(stats.total_alerts, 50);
        let recent: Vec<f64> = watch
            .recent_alerts(3)
            .map(|alert| alert.metrics.timestamp)
            .collect();
        assert_eq!(recent, [147.0, 148.0, 149.0]);
        assert_eq!(watch.recent_alerts(1_000).count(), 50);
    }

    #[test]
    fn averages_cover_ten_minutes_and_the_peak_everything() {
        let mut watch = started(config());
        let mut reading = metrics(500.0);
        reading.timestamp = 7.0;
        watch.observe(0.0, reading);
        watch.observe(300_000.0, metrics(100.0));
        watch.observe(700_000.0, metrics(200.0));
        let stats = watch.stats(700_000.0);
        assert_eq!(stats.average.heap_used, 150.0 * MIB);
        assert_eq!(stats.peak.heap_used, 500.0 * MIB);
        assert_eq!(stats.peak.timestamp, 7.0);
        assert_eq!(watch.stats(2_000_000.0).average, Average::default());
    }

    #[test]
    fn clearing_forgets_the_history_but_not_the_silence() {
        let mut config = config();
        config.thresholds.rss = MIB;
        let mut watch = started(config);
        watch.observe(0.0, metrics(2.0));
        watch.clear_history();
        let stats = watch.stats(0.0);
        assert_eq!((stats.total_measurements, stats.total_alerts), (0, 0));
        assert_eq!(stats.last_measurement, None);
        assert_eq!(stats.peak, Peak::default());
        assert!(watch.observe(1_000.0, metrics(2.0)).is_empty());
    }
}

//! Binding of [`memory::MemoryWatch`], called once per measurement. The objects have the shapes of the public API.

use napi_derive::napi;

use crate::core::memory::{self, AlertKind, Severity};

/// Plain values of `MemoryMonitorConfig`, all given.
#[napi(object)]
pub struct MemoryWatchConfig {
    pub interval_ms: f64,
    pub heap_used_threshold: f64,
    pub rss_threshold: f64,
    pub external_threshold: f64,
    pub heap_total_threshold: f64,
    pub leak_detection_enabled: bool,
    pub leak_samples: u32,
    pub leak_min_growth_mb: f64,
    pub leak_sample_interval_ms: f64,
}

/// What was measured, in bytes.
#[napi(object)]
pub struct MemoryReading {
    pub timestamp: f64,
    pub heap_used: f64,
    pub heap_total: f64,
    pub heap_limit: f64,
    pub rss: f64,
    pub external: f64,
    pub array_buffers: f64,
}

#[napi(object, object_from_js = false)]
pub struct MemoryMetrics {
    pub timestamp: f64,
    pub heap_used: f64,
    pub heap_total: f64,
    pub heap_free: f64,
    pub rss: f64,
    pub external: f64,
    pub array_buffers: f64,
    pub heap_used_mb: f64,
    pub heap_total_mb: f64,
    pub rss_mb: f64,
    pub external_mb: f64,
    pub heap_usage_percent: f64,
}

#[napi(object, object_from_js = false)]
pub struct MemoryGrowth {
    pub samples: u32,
    pub growth_mb: f64,
    pub growth_percent: f64,
}

#[napi(object, object_from_js = false)]
pub struct MemoryAlert {
    #[napi(js_name = "type")]
    pub kind: &'static str,
    pub severity: &'static str,
    pub message: String,
    pub metrics: MemoryMetrics,
    pub threshold: Option<f64>,
    pub growth: Option<MemoryGrowth>,
    pub timestamp: f64,
}

#[napi(object, object_from_js = false)]
pub struct MemoryPeak {
    pub heap_used: f64,
    pub rss: f64,
    pub external: f64,
    pub timestamp: f64,
}

#[napi(object, object_from_js = false)]
pub struct MemoryAverage {
    pub heap_used: f64,
    pub rss: f64,
    pub external: f64,
}

#[napi(object, object_from_js = false)]
pub struct MemoryStats {
    pub total_measurements: u32,
    pub total_alerts: u32,
    pub last_measurement: Option<MemoryMetrics>,
    pub peak_usage: MemoryPeak,
    pub average_usage: MemoryAverage,
    pub leaks_detected: u32,
    pub is_running: bool,
    pub next_measurement_in: f64,
}

/// Decides when memory is measured and which measurements are alarming.
#[napi]
pub struct MemoryWatch(memory::MemoryWatch);

#[napi]
impl MemoryWatch {
    /// A stopped watch.
    #[napi(constructor)]
    pub fn new(config: MemoryWatchConfig) -> Self {
        Self(memory::MemoryWatch::new(config.into()))
    }

    /// Starts; true if the first measurement is now due.
    #[napi]
    pub fn start(&mut self, now: f64) -> bool {
        self.0.start(now)
    }

    /// Stops; the history stays.
    #[napi]
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// The measurement that was due could not be taken.
    #[napi]
    pub fn skip(&mut self, now: f64) {
        self.0.skip(now);
    }

    /// Takes in a measurement and gives the alerts that it raises.
    #[napi]
    pub fn observe(&mut self, now: f64, reading: MemoryReading) -> Vec<MemoryAlert> {
        let alerts = self.0.observe(now, reading.into());
        alerts.iter().map(MemoryAlert::from).collect()
    }

    /// The last `limit` alerts, oldest first.
    #[napi]
    pub fn recent_alerts(&self, limit: u32) -> Vec<MemoryAlert> {
        self.0
            .recent_alerts(limit as usize)
            .map(MemoryAlert::from)
            .collect()
    }

    /// Forgets measurements, alerts and peak.
    #[napi]
    pub fn clear_history(&mut self) {
        self.0.clear_history();
    }

    /// What is known at `now`.
    #[napi]
    pub fn stats(&self, now: f64) -> MemoryStats {
        self.0.stats(now).into()
    }
}

impl From<MemoryWatchConfig> for memory::MemoryConfig {
    fn from(config: MemoryWatchConfig) -> Self {
        Self {
            interval_ms: config.interval_ms,
            thresholds: memory::Thresholds {
                heap_used: config.heap_used_threshold,
                rss: config.rss_threshold,
                external: config.external_threshold,
                heap_total: config.heap_total_threshold,
            },
            leak_detection: config
                .leak_detection_enabled
                .then_some(memory::LeakDetection {
                    samples: config.leak_samples as usize,
                    min_growth_mb: config.leak_min_growth_mb,
                    sample_interval_ms: config.leak_sample_interval_ms,
                }),
        }
    }
}

impl From<MemoryReading> for memory::Metrics {
    fn from(reading: MemoryReading) -> Self {
        Self {
            timestamp: reading.timestamp,
            heap_used: reading.heap_used,
            heap_total: reading.heap_total,
            heap_limit: reading.heap_limit,
            rss: reading.rss,
            external: reading.external,
            array_buffers: reading.array_buffers,
        }
    }
}

impl From<memory::Metrics> for MemoryMetrics {
    fn from(metrics: memory::Metrics) -> Self {
        Self {
            timestamp: metrics.timestamp,
            heap_used: metrics.heap_used,
            heap_total: metrics.heap_total,
            heap_free: metrics.heap_total - metrics.heap_used,
            rss: metrics.rss,
            external: metrics.external,
            array_buffers: metrics.array_buffers,
            heap_used_mb: memory::to_mb(metrics.heap_used),
            heap_total_mb: memory::to_mb(metrics.heap_total),
            rss_mb: memory::to_mb(metrics.rss),
            external_mb: memory::to_mb(metrics.external),
            heap_usage_percent: metrics.heap_usage_percent(),
        }
    }
}

impl From<&memory::Alert> for MemoryAlert {
    fn from(alert: &memory::Alert) -> Self {
        let (kind, threshold, growth) = match alert.kind {
            AlertKind::ThresholdExceeded { threshold } => {
                ("THRESHOLD_EXCEEDED", Some(threshold), None)
            }
            AlertKind::HighUsage { threshold } => ("HIGH_USAGE", Some(threshold), None),
            AlertKind::MemoryLeakDetected(growth) => ("MEMORY_LEAK_DETECTED", None, Some(growth)),
        };
        Self {
            kind,
            severity: match alert.severity {
                Severity::Warning => "WARNING",
                Severity::Error => "ERROR",
                Severity::Critical => "CRITICAL",
            },
            message: alert.message.clone(),
            metrics: alert.metrics.into(),
            threshold,
            growth: growth.map(MemoryGrowth::from),
            timestamp: alert.metrics.timestamp,
        }
    }
}

impl From<memory::Growth> for MemoryGrowth {
    fn from(growth: memory::Growth) -> Self {
        Self {
            samples: growth.samples as u32,
            growth_mb: growth.growth_mb,
            growth_percent: growth.growth_percent,
        }
    }
}

impl From<memory::MemoryStats> for MemoryStats {
    fn from(stats: memory::MemoryStats) -> Self {
        Self {
            total_measurements: stats.total_measurements as u32,
            total_alerts: stats.total_alerts as u32,
            last_measurement: stats.last_measurement.map(MemoryMetrics::from),
            peak_usage: MemoryPeak {
                heap_used: stats.peak.heap_used,
                rss: stats.peak.rss,
                external: stats.peak.external,
                timestamp: stats.peak.timestamp,
            },
            average_usage: MemoryAverage {
                heap_used: stats.average.heap_used,
                rss: stats.average.rss,
                external: stats.average.external,
            },
            leaks_detected: stats.leaks_detected as u32,
            is_running: stats.is_running,
            next_measurement_in: stats.next_measurement_in_ms,
        }
    }
}

//! Binding of [`PressureGauge`], called some ten times a second at most.

use napi_derive::napi;

use crate::core::pressure::{self, PressureLimits, Reading};

/// Decides how many handlers may run side by side while the machine is short of memory or CPU.
#[napi]
pub struct PressureGauge(pressure::PressureGauge);

#[napi]
impl PressureGauge {
    /// Limits as fractions of the machine.
    #[napi(constructor)]
    pub fn new(memory_fraction: f64, cpu_fraction: f64) -> Self {
        Self(pressure::PressureGauge::new(PressureLimits {
            memory_fraction,
            cpu_fraction,
        }))
    }

    /// Takes in a reading and gives the time of the next.
    #[napi]
    pub fn sample(
        &mut self,
        now: f64,
        memory_fraction: f64,
        cpu_busy_ms: f64,
        cpu_total_ms: f64,
        cost_ms: f64,
        computes: bool,
    ) -> f64 {
        self.0.sample(
            now,
            Reading {
                memory_fraction,
                cpu_busy_ms,
                cpu_total_ms,
                cost_ms,
                computes,
            },
        );
        self.0.next_sample_at()
    }

    /// The machine could not be read; gives the time of the next sample.
    #[napi]
    pub fn skip(&mut self, now: f64) -> f64 {
        self.0.skip(now);
        self.0.next_sample_at()
    }

    /// Whether memory or CPU is short.
    #[napi]
    pub fn is_active(&self) -> bool {
        self.0.is_active()
    }

    /// Whether so little memory is left that nothing more should be taken in.
    #[napi]
    pub fn is_exhausted(&self) -> bool {
        self.0.is_exhausted()
    }

    /// The share of the CPU time that was used between the last two readings.
    #[napi]
    pub fn cpu_fraction(&self) -> f64 {
        self.0.cpu_fraction()
    }

    /// How many of `full` may run side by side.
    #[napi]
    pub fn width(&self, full: u32) -> u32 {
        self.0.width(full)
    }
}

//! Backpressure from the machine: how many handlers may run side by side while memory or CPU is short.
//!
//! Width is given up one step at a time while a reading is above its limit, and taken back one step at a time once
//! both are clearly below. Above a hard bound of memory nothing more is to be taken in. Even a machine that stays busy with other things leaves a width of 1.

/// Steps between full width and a width of 1.
const STEPS: u32 = 8;
/// Least time between two steps.
const STEP_MS: f64 = 250.0;
/// Least time between two samples.
const SAMPLE_MS: f64 = 100.0;
/// Sampling may take this share of the time at most: on machines of many cores reading their counters is slow.
const SAMPLING_SHARE: f64 = 0.01;
/// A limit counts as respected again below this share of it, so that a reading near the limit does not flutter.
const RELEASE_SHARE: f64 = 0.9;
/// Memory is used up this part of the way from its limit to all that there is.
const EXHAUSTED_SHARE: f64 = 0.75;
/// What the CPU is taken to be doing before there are two readings to compare.
const FIRST_CPU_FRACTION: f64 = 0.5;

/// Limits, as fractions of the machine.
#[derive(Debug, Clone, Copy)]
pub struct PressureLimits {
    /// Share of the machine's (or the container's) memory that this process may fill.
    pub memory_fraction: f64,
    /// Share of the machine's CPU time, all processes together.
    pub cpu_fraction: f64,
}

/// One reading of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Memory of this process as a share of the machine's.
    pub memory_fraction: f64,
    /// Time that all cores together have worked since the machine started.
    pub cpu_busy_ms: f64,
    /// Time that all cores together have had.
    pub cpu_total_ms: f64,
    /// How long taking this reading took.
    pub cost_ms: f64,
    /// Whether the runtime itself computes. While it only waits for I/O, fewer events at once would not spare the CPU.
    pub computes: bool,
}

/// Turns cumulative CPU times into the share used since the reading before.
#[derive(Debug)]
struct CpuMeter {
    last: Option<(f64, f64)>,
    fraction: f64,
}

impl CpuMeter {
    fn read(&mut self, busy_ms: f64, total_ms: f64) -> f64 {
        if let Some((last_busy, last_total)) = self.last
            && total_ms > last_total
        {
            self.fraction = ((busy_ms - last_busy) / (total_ms - last_total)).clamp(0.0, 1.0);
        }
        self.last = Some((busy_ms, total_ms));
        self.fraction
    }
}

/// A limit with hysteresis.
#[derive(Debug)]
struct Gate {
    limit: f64,
    exceeded: bool,
}

impl Gate {
    fn new(limit: f64) -> Self {
        Self {
            limit,
            exceeded: false,
        }
    }

    fn read(&mut self, value: f64) -> bool {
        self.exceeded = if self.exceeded {
            value >= self.limit * RELEASE_SHARE
        } else {
            value > self.limit
        };
        self.exceeded
    }
}

/// Which way the width may move with the next step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trend {
    Narrowing,
    Widening,
}

/// Decides the width from readings of the machine.
#[derive(Debug)]
pub struct PressureGauge {
    memory: Gate,
    /// The hard bound, above that of `memory`.
    exhaustion: Gate,
    cpu: Gate,
    meter: CpuMeter,
    /// Steps given up, 0 to [`STEPS`].
    level: u32,
    last_step: Option<(f64, Trend)>,
    next_sample_at: f64,
}

impl PressureGauge {
    /// A gauge at full width.
    pub fn new(limits: PressureLimits) -> Self {
        Self {
            memory: Gate::new(limits.memory_fraction),
            exhaustion: Gate::new(hard_limit(limits.memory_fraction)),
            cpu: Gate::new(limits.cpu_fraction),
            meter: CpuMeter {
                last: None,
                fraction: FIRST_CPU_FRACTION,
            },
            level: 0,
            last_step: None,
            next_sample_at: f64::NEG_INFINITY,
        }
    }

    /// Takes in a reading.
    pub fn sample(&mut self, now: f64, reading: Reading) {
        self.next_sample_at = now + SAMPLE_MS.max(reading.cost_ms / SAMPLING_SHARE);
        let cpu_fraction = self.meter.read(reading.cpu_busy_ms, reading.cpu_total_ms);
        let memory_short = self.memory.read(reading.memory_fraction);
        let cpu_short = self.cpu.read(cpu_fraction);
        self.exhaustion.read(reading.memory_fraction);
        if memory_short || (cpu_short && reading.computes) {
            self.narrow(now);
        } else if !cpu_short {
            self.widen(now);
        }
    }

    /// The machine could not be read: nothing changes until the next sample.
    pub fn skip(&mut self, now: f64) {
        self.next_sample_at = now + SAMPLE_MS;
    }

    /// Whether memory or CPU is above its limit (or was, and is not yet clearly below).
    pub fn is_active(&self) -> bool {
        self.memory.exceeded || self.cpu.exceeded
    }

    /// Whether so little memory is left that nothing more should be taken in (or was, and it is not yet clearly more).
    pub fn is_exhausted(&self) -> bool {
        self.exhaustion.exceeded
    }

    /// The share of the CPU time that was used between the last two readings.
    pub fn cpu_fraction(&self) -> f64 {
        self.meter.fraction
    }

    /// When the next sample is worth its cost.
    pub fn next_sample_at(&self) -> f64 {
        self.next_sample_at
    }

    /// How many of `full` may run side by side: at least 1 (0 only if `full` is 0).
    pub fn width(&self, full: u32) -> u32 {
        let share = u64::from(full) * u64::from(STEPS - self.level) / u64::from(STEPS);
        (share as u32).max(full.min(1))
    }

    fn narrow(&mut self, now: f64) {
        let waited = self
            .last_step
            .is_none_or(|(at, trend)| trend == Trend::Widening || now - at >= STEP_MS);
        if waited {
            self.level = (self.level + 1).min(STEPS);
            self.last_step = Some((now, Trend::Narrowing));
        }
    }

    /// A calm reading after a long silence speaks for all of the time since.
    fn widen(&mut self, now: f64) {
        let Some((at, _)) = self.last_step else {
            return;
        };
        let steps = ((now - at) / STEP_MS) as u32;
        if steps > 0 && self.level > 0 {
            self.level = self.level.saturating_sub(steps);
            self.last_step = Some((now, Trend::Widening));
        }
    }
}

fn hard_limit(soft: f64) -> f64 {
    soft + (1.0 - soft) * EXHAUSTED_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PressureLimits = PressureLimits {
        memory_fraction: 0.8,
        cpu_fraction: 0.85,
    };

    /// A machine whose CPU counters advance with simulated time.
    struct Machine {
        gauge: PressureGauge,
        now: f64,
        busy: f64,
        computes: bool,
    }

    impl Machine {
        fn new() -> Self {
            Self {
                gauge: PressureGauge::new(LIMITS),
                now: 0.0,
                busy: 0.0,
                computes: true,
            }
        }

        fn after(&mut self, elapsed: f64, memory_fraction: f64, cpu_fraction: f64) -> u32 {
            self.now += elapsed;
            self.busy += elapsed * cpu_fraction;
            self.gauge.sample(
                self.now,
                Reading {
                    memory_fraction,
                    cpu_busy_ms: self.busy,
                    cpu_total_ms: self.now,
                    cost_ms: 0.0,
                    computes: self.computes,
                },
            );
            self.gauge.width(24)
        }
    }

    #[test]
    fn a_calm_machine_keeps_full_width() {
        let mut machine = Machine::new();
        for _ in 0..20 {
            assert_eq!(machine.after(100.0, 0.5, 0.5), 24);
        }
        assert!(!machine.gauge.is_active());
    }

    #[test]
    fn memory_pressure_narrows_step_by_step_down_to_one() {
        let mut machine = Machine::new();
        let widths: Vec<u32> = (0..10).map(|_| machine.after(250.0, 0.9, 0.1)).collect();
        assert_eq!(widths, [21, 18, 15, 12, 9, 6, 3, 1, 1, 1]);
        assert!(machine.gauge.is_active());
    }

    #[test]
    fn steps_keep_their_distance_however_often_it_samples() {
        let mut machine = Machine::new();
        let widths: Vec<u32> = (0..6).map(|_| machine.after(100.0, 0.9, 0.1)).collect();
        assert_eq!(widths, [21, 21, 21, 18, 18, 18]);
    }

    #[test]
    fn the_first_cpu_reading_counts_as_half() {
        let mut machine = Machine::new();
        machine.busy = 1_000_000.0;
        assert_eq!(machine.after(100.0, 0.1, 1.0), 24);
        assert_eq!(machine.after(100.0, 0.1, 1.0), 21, "the second is real");

        let mut gauge = PressureGauge::new(PressureLimits {
            cpu_fraction: 0.4,
            ..LIMITS
        });
        let reading = Reading {
            memory_fraction: 0.1,
            cpu_busy_ms: 0.0,
            cpu_total_ms: 0.0,
            cost_ms: 0.0,
            computes: true,
        };
        gauge.sample(0.0, reading);
        assert!(gauge.is_active());
    }

    #[test]
    fn counters_that_did_not_move_repeat_the_last_share() {
        let mut meter = CpuMeter {
            last: None,
            fraction: FIRST_CPU_FRACTION,
        };
        meter.read(0.0, 0.0);
        assert_eq!(meter.read(90.0, 100.0), 0.9);
        assert_eq!(meter.read(90.0, 100.0), 0.9);
    }

    #[test]
    fn it_stays_narrow_until_the_reading_is_clearly_below_the_limit() {
        let mut machine = Machine::new();
        machine.after(250.0, 0.81, 0.1);
        assert_eq!(machine.after(250.0, 0.79, 0.1), 18, "still pressed");
        assert!(machine.gauge.is_active());
        assert_eq!(machine.after(250.0, 0.71, 0.1), 21);
        assert!(!machine.gauge.is_active());
        assert_eq!(machine.after(250.0, 0.79, 0.1), 24, "below the limit again");
        assert_eq!(machine.after(250.0, 0.81, 0.1), 21);
    }

    #[test]
    fn a_cpu_that_others_keep_busy_narrows_nothing_that_only_waits() {
        let mut machine = Machine::new();
        machine.computes = false;
        for _ in 0..10 {
            assert_eq!(machine.after(250.0, 0.1, 1.0), 24);
        }
        assert!(machine.gauge.is_active(), "it is told all the same");
        machine.computes = true;
        assert_eq!(machine.after(250.0, 0.1, 1.0), 21);
        machine.computes = false;
        assert_eq!(machine.after(250.0, 0.1, 1.0), 21, "no wider, either");
        assert_eq!(machine.after(250.0, 0.1, 0.1), 24);
        assert_eq!(machine.after(250.0, 0.9, 0.1), 21, "memory counts always");
    }

    #[test]
    fn memory_is_exhausted_above_the_hard_bound_until_it_is_clearly_below() {
        let mut machine = Machine::new();
        let mut exhausted_at = |memory| {
            machine.after(250.0, memory, 0.1);
            machine.gauge.is_exhausted()
        };
        assert!(!exhausted_at(0.94));
        assert!(exhausted_at(0.96));
        assert!(exhausted_at(0.87), "not clearly below");
        assert!(!exhausted_at(0.85));
        assert!(!exhausted_at(0.94));
    }

    #[test]
    fn it_widens_step_by_step_after_the_pressure() {
        let mut machine = Machine::new();
        for _ in 0..8 {
            machine.after(250.0, 0.9, 0.1);
        }
        let widths: Vec<u32> = (0..8).map(|_| machine.after(250.0, 0.1, 0.1)).collect();
        assert_eq!(widths, [3, 6, 9, 12, 15, 18, 21, 24]);
    }

    #[test]
    fn a_long_pressure_is_not_mistaken_for_a_long_calm() {
        let mut machine = Machine::new();
        for _ in 0..100 {
            machine.after(250.0, 0.9, 0.1);
        }
        assert_eq!(machine.after(250.0, 0.1, 0.1), 3);
    }

    #[test]
    fn a_long_calm_gives_back_all_steps_at_once() {
        let mut machine = Machine::new();
        for _ in 0..8 {
            machine.after(250.0, 0.9, 0.1);
        }
        assert_eq!(machine.after(10_000.0, 0.1, 0.1), 24);
    }

    #[test]
    fn the_width_never_falls_below_one() {
        let mut gauge = PressureGauge::new(LIMITS);
        for n in 0..100 {
            gauge.sample(
                f64::from(n) * 1_000.0,
                Reading {
                    memory_fraction: 1.0,
                    cpu_busy_ms: 0.0,
                    cpu_total_ms: 0.0,
                    cost_ms: 0.0,
                    computes: false,
                },
            );
        }
        for full in 1..100 {
            assert_eq!(gauge.width(full), 1);
        }
        assert_eq!(gauge.width(0), 0);
        assert_eq!(gauge.width(u32::MAX), 1);
        assert_eq!(PressureGauge::new(LIMITS).width(u32::MAX), u32::MAX);
    }

    #[test]
    fn a_machine_that_cannot_be_read_changes_nothing() {
        let mut machine = Machine::new();
        machine.after(250.0, 0.9, 0.1);
        machine.gauge.skip(500.0);
        assert_eq!(machine.gauge.next_sample_at(), 600.0);
        assert_eq!(machine.gauge.width(24), 21);
        assert!(machine.gauge.is_active());
    }

    #[test]
    fn readings_that_are_slow_to_take_are_taken_less_often() {
        let mut gauge = PressureGauge::new(LIMITS);
        let reading = Reading {
            memory_fraction: 0.1,
            cpu_busy_ms: 0.0,
            cpu_total_ms: 0.0,
            cost_ms: 0.2,
            computes: true,
        };
        gauge.sample(1_000.0, reading);
        assert_eq!(gauge.next_sample_at(), 1_100.0);
        gauge.sample(
            2_000.0,
            Reading {
                cost_ms: 5.0,
                ..reading
            },
        );
        assert_eq!(gauge.next_sample_at(), 2_500.0);
    }
}

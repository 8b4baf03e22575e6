//! When a recurring job runs. The planned times lie on a grid (multiples of an interval, occurrences of a cron
//! expression, one date) that nothing shifts: neither jitter nor a late timer nor a long run.

use super::cron::Cron;
use crate::core::rng::Rng;

/// Longest sleep towards a time of the wall clock: clocks are set and machines sleep, so it must be looked at again.
const LOOK_AGAIN_MS: f64 = 60_000.0;

/// The grid of planned times.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Every so many milliseconds (above zero) of the monotonic clock, from the start.
    Every(f64),
    /// Occurrences on the wall clock.
    Cron(Box<Cron>),
    /// Once, on the wall clock.
    At(f64),
}

impl Plan {
    /// Whether `now` is wall-clock time (milliseconds since 1970 UTC) for this plan; else it is monotonic.
    pub fn reads_wall_clock(&self) -> bool {
        !matches!(self, Plan::Every(_))
    }

    fn next_after(&self, time: f64, anchor: f64) -> Option<f64> {
        match self {
            // Multiples of the interval, not sums: a million ticks later the grid is still exact.
            Plan::Every(interval) => {
                let passed = ((time - anchor) / interval).floor();
                let next = anchor + (passed + 1.0) * interval;
                let after = anchor + (passed + 2.0) * interval;
                Some(if next > time { next } else { after })
            }
            Plan::Cron(cron) => cron.next_after(time),
            Plan::At(at) => (*at > time).then_some(*at),
        }
    }
}

/// What happens when planned times have passed unused, because the process was blocked or the machine slept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// One run makes up for all of them.
    Once,
    /// None is made up: the next planned time is waited for.
    Skip,
}

/// What happens at a planned time when the run before has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// This time is left out.
    Skip,
    /// Both run.
    Allow,
}

/// A schedule's rules.
#[derive(Debug, Clone)]
pub struct ScheduleConfig {
    /// The planned times.
    pub plan: Plan,
    /// Runs after which it ends; `None`: never.
    pub max_triggers: Option<u32>,
    /// Whether the first run is at the start.
    pub immediately: bool,
    /// Each run is up to so many milliseconds later than planned, by chance.
    pub jitter_ms: f64,
    /// What happens to planned times that have passed unused.
    pub missed: Missed,
    /// What happens when the run before has not ended.
    pub overlap: Overlap,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Answer of [`Schedule::poll`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Run now; poll again at once.
    Run,
    /// Poll again in so many milliseconds, or later.
    Sleep(f64),
    /// No more runs.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Waiting { planned: f64, due: f64 },
    Ended,
}

/// One running schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    config: ScheduleConfig,
    anchor: f64,
    state: State,
    triggered: u32,
    running: u32,
    left_out: u32,
    rng: Rng,
}

impl Schedule {
    /// Starts at `now`, on the clock that the plan reads.
    pub fn new(config: ScheduleConfig, now: f64) -> Self {
        let mut schedule = Self {
            rng: Rng::new(config.seed),
            anchor: now,
            state: State::Ended,
            triggered: 0,
            running: 0,
            left_out: 0,
            config,
        };
        if schedule.config.max_triggers == Some(0) {
            return schedule;
        }
        if schedule.config.immediately {
            schedule.state = State::Waiting {
                planned: now,
                due: now,
            };
        } else {
            schedule.plan_after(now);
        }
        schedule
    }

    /// Goes on with a schedule of an earlier process: it has begun `triggered` runs, and its last one (or its start, if
    /// there was none) is `since_last` milliseconds ago. Planned times that have passed meanwhile are missed ones.
    pub fn resume(config: ScheduleConfig, now: f64, triggered: u32, since_last: f64) -> Self {
        let last = now - since_last.max(0.0);
        let mut schedule = Self::new(
            ScheduleConfig {
                immediately: false,
                ..config
            },
            last,
        );
        schedule.triggered = triggered;
        if schedule
            .config
            .max_triggers
            .is_some_and(|max| triggered >= max)
        {
            schedule.state = State::Ended;
        }
        schedule
    }

    /// What to do now.
    pub fn poll(&mut self, now: f64) -> Next {
        loop {
            let State::Waiting { planned, due } = self.state else {
                return Next::Ended;
            };
            if now < due {
                return Next::Sleep(self.sleep_towards(due - now));
            }
            if self.take(planned, due, now) {
                return Next::Run;
            }
        }
    }

    /// A run has ended.
    pub fn run_ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Ends it: no more runs.
    pub fn stop(&mut self) {
        self.state = State::Ended;
    }

    /// Runs begun.
    pub fn triggered(&self) -> u32 {
        self.triggered
    }

    /// Planned times without a run: missed, or left out because the run before had not ended.
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Uses up the planned time that is due; true if it means a run.
    fn take(&mut self, planned: f64, due: f64, now: f64) -> bool {
        let on_the_grid = planned + (now - due);
        let following = self.config.plan.next_after(planned, self.anchor);
        let late = following.is_some_and(|following| following <= on_the_grid);
        self.plan_after(on_the_grid);
        let missed = late && self.config.missed == Missed::Skip;
        let overlaps = self.running > 0 && self.config.overlap == Overlap::Skip;
        if missed || overlaps {
            self.left_out += 1;
            return false;
        }
        self.triggered += 1;
        self.running += 1;
        if Some(self.triggered) == self.config.max_triggers {
            self.state = State::Ended;
        }
        true
    }

    fn plan_after(&mut self, time: f64) {
        self.state = match self.config.plan.next_after(time, self.anchor) {
            None => State::Ended,
            Some(planned) => State::Waiting {
                planned,
                due: planned + self.rng.unit() * self.config.jitter_ms,
            },
        };
    }

    fn sleep_towards(&self, ms: f64) -> f64 {
        if self.config.plan.reads_wall_clock() {
            ms.min(LOOK_AGAIN_MS)
        } else {
            ms
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(interval: f64) -> ScheduleConfig {
        ScheduleConfig {
            plan: Plan::Every(interval),
            max_triggers: None,
            immediately: false,
            jitter_ms: 0.0,
            missed: Missed::Once,
            overlap: Overlap::Skip,
            seed: 1,
        }
    }

    /// Times of the runs until `end`, each run over at once, each timer late by what `lateness` says.
    fn runs(config: ScheduleConfig, end: f64, mut lateness: impl FnMut() -> f64) -> Vec<f64> {
        let mut schedule = Schedule::new(config, 0.0);
        let (mut now, mut times) = (0.0, Vec::new());
        while now < end {
            match schedule.poll(now) {
                Next::Run => {
                    times.push(now);
                    schedule.run_ended();
                }
                Next::Sleep(ms) => now += ms + lateness(),
                Next::Ended => break,
            }
        }
        times
    }

    #[test]
    fn late_timers_do_not_shift_the_interval() {
        let times = runs(every(100.0), 1_000_050.0, || 7.0);
        assert_eq!(times.len(), 10_000);
        assert_eq!(times[9_999], 1_000_007.0);
    }

    #[test]
    fn an_interval_that_is_no_binary_fraction_does_not_drift() {
        let times = runs(every(0.1), 10_000.0, || 0.0);
        assert!((99_998..=100_000).contains(&times.len()), "{}", times.len());
    }

    #[test]
    fn missed_times_are_made_up_once_or_not_at_all() {
        let mut waits = [0.0, 350.0].into_iter().chain(std::iter::repeat(0.0));
        let once = runs(every(100.0), 801.0, || waits.next().unwrap());
        assert_eq!(once, [100.0, 550.0, 600.0, 700.0, 800.0]);
        let mut waits = [0.0, 350.0].into_iter().chain(std::iter::repeat(0.0));
        let skip = ScheduleConfig {
            missed: Missed::Skip,
            ..every(100.0)
        };
        let skipped = runs(skip, 801.0, || waits.next().unwrap());
        assert_eq!(skipped, [100.0, 600.0, 700.0, 800.0]);
    }

    #[test]
    fn a_run_that_has_not_ended_leaves_the_next_time_out() {
        let mut schedule = Schedule::new(every(100.0), 0.0);
        assert_eq!(schedule.poll(100.0), Next::Run);
        assert_eq!(schedule.poll(200.0), Next::Sleep(100.0));
        schedule.run_ended();
        assert_eq!(schedule.poll(300.0), Next::Run);
        assert_eq!((schedule.triggered(), schedule.left_out()), (2, 1));
    }

    #[test]
    fn it_ends_with_its_last_run() {
        let limited = |max_triggers, immediately| ScheduleConfig {
            max_triggers: Some(max_triggers),
            immediately,
            ..every(100.0)
        };
        assert_eq!(runs(limited(2, false), 1e6, || 0.0), [100.0, 200.0]);
        assert_eq!(runs(limited(2, true), 1e6, || 0.0), [0.0, 100.0]);
        assert_eq!(runs(limited(0, true), 1e6, || 0.0), Vec::<f64>::new());
        let mut schedule = Schedule::new(limited(1, true), 0.0);
        assert_eq!(schedule.poll(0.0), Next::Run);
        assert_eq!(schedule.poll(0.0), Next::Ended);
    }

    #[test]
    fn jitter_delays_but_does_not_shift() {
        let config = ScheduleConfig {
            jitter_ms: 30.0,
            ..every(100.0)
        };
        let times = runs(config, 100_000.0, || 0.0);
        assert!(times.len() >= 998);
        for (n, time) in times.iter().enumerate() {
            let planned = (n as f64 + 1.0) * 100.0;
            assert!((planned..planned + 30.001).contains(time), "{n}: {time}");
        }
    }

    #[test]
    fn a_date_comes_once_and_a_past_one_never() {
        let at = |at| ScheduleConfig {
            plan: Plan::At(at),
            ..every(1.0)
        };
        assert_eq!(runs(at(90_000.0), 1e9, || 0.0), [90_000.0]);
        assert_eq!(runs(at(-1.0), 1e9, || 0.0), Vec::<f64>::new());
    }

    #[test]
    fn the_wall_clock_is_looked_at_every_minute() {
        let config = ScheduleConfig {
            plan: Plan::Cron(Box::new(Cron::parse("0 0 * * *", "UTC").unwrap())),
            ..every(1.0)
        };
        let mut schedule = Schedule::new(config, 0.0);
        assert_eq!(schedule.poll(1_000.0), Next::Sleep(60_000.0));
        // The machine slept over midnight.
        assert_eq!(schedule.poll(86_400_001.0), Next::Run);
    }

    #[test]
    fn a_resumed_schedule_goes_on_with_its_count_and_makes_up_once_for_what_it_missed() {
        let config = ScheduleConfig {
            max_triggers: Some(4),
            ..every(100.0)
        };
        // The last run was 350 ms ago: three planned times have passed, the next one is in 50 ms.
        let mut schedule = Schedule::resume(config.clone(), 1_000.0, 2, 350.0);
        assert_eq!(schedule.poll(1_000.0), Next::Run);
        schedule.run_ended();
        assert_eq!(schedule.poll(1_000.0), Next::Sleep(50.0));
        assert_eq!(schedule.poll(1_050.0), Next::Run);
        assert_eq!(schedule.poll(1_050.0), Next::Ended);
        assert_eq!(
            Schedule::resume(config, 0.0, 4, 350.0).poll(0.0),
            Next::Ended
        );
    }

    #[test]
    fn a_resumed_schedule_that_skips_waits_for_the_next_planned_time() {
        let config = ScheduleConfig {
            missed: Missed::Skip,
            ..every(100.0)
        };
        let mut schedule = Schedule::resume(config, 1_000.0, 2, 350.0);
        assert_eq!(schedule.poll(1_000.0), Next::Sleep(50.0));
        assert_eq!(schedule.left_out(), 1);
    }

    #[test]
    fn a_date_that_passed_while_nothing_ran_is_made_up() {
        let config = ScheduleConfig {
            plan: Plan::At(900.0),
            ..every(1.0)
        };
        let mut schedule = Schedule::resume(config.clone(), 1_000.0, 0, 300.0);
        assert_eq!(schedule.poll(1_000.0), Next::Run);
        let mut done = Schedule::resume(config, 1_000.0, 1, 50.0);
        assert_eq!(done.poll(1_000.0), Next::Ended);
    }
}

//! Schedules with late timers, long runs and clock jumps; cron occurrences against a search of every minute.

use chrono::{DateTime, Datelike, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use kodus_flow_runtime::core::policy::cache::{Cache, CacheConfig, Freshness};
use kodus_flow_runtime::core::policy::cron::Cron;
use kodus_flow_runtime::core::policy::schedule::{
    Missed, Next, Overlap, Plan, Schedule, ScheduleConfig,
};
use proptest::prelude::*;

const MINUTE_MS: i64 = 60_000;

fn millis(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp_millis()
}

/// Occurrences by looking at each minute of the wall clock: right wherever a recurring pattern has no fixed time.
fn by_search(zone: Tz, from: i64, to: i64, matches: impl Fn(&DateTime<Tz>) -> bool) -> Vec<i64> {
    (from / MINUTE_MS + 1..=to / MINUTE_MS)
        .map(|minute| minute * MINUTE_MS)
        .filter(|&at| matches(&zone.timestamp_millis_opt(at).unwrap()))
        .collect()
}

fn by_cron(expression: &str, zone: Tz, from: i64, to: i64) -> Vec<i64> {
    let cron = Cron::parse(expression, zone.name()).unwrap();
    let next = |at: &i64| cron.next_after(*at as f64).map(|next| next as i64);
    std::iter::successors(next(&from), next)
        .take_while(|&at| at <= to)
        .collect()
}

#[test]
fn recurring_patterns_match_a_search_of_every_minute_over_ten_years() {
    let (from, to) = (
        millis("2020-01-01T00:00:00Z"),
        millis("2030-01-01T00:00:00Z"),
    );
    for zone in [
        Tz::America__New_York,
        Tz::Europe__Berlin,
        Tz::Australia__Lord_Howe,
    ] {
        let every_twenty = by_search(zone, from, to, |t| t.minute() % 20 == 0);
        assert_eq!(
            by_cron("*/20 * * * *", zone, from, to),
            every_twenty,
            "{zone}"
        );
        let evenings = by_search(zone, from, to, |t| {
            t.minute() == 30 && t.hour() == 18 && t.weekday().number_from_monday() <= 5
        });
        assert_eq!(by_cron("30 18 * * 1-5", zone, from, to), evenings, "{zone}");
    }
}

#[test]
fn a_daily_job_runs_exactly_once_a_day_over_ten_years_also_when_clocks_change() {
    let (from, to) = (
        millis("2020-01-01T00:00:00Z"),
        millis("2030-01-01T00:00:00Z"),
    );
    for zone in [
        Tz::America__New_York,
        Tz::Europe__Berlin,
        Tz::Australia__Lord_Howe,
    ] {
        for expression in ["30 2 * * *", "15 1 * * *", "0 3 * * *", "45 23 * * *"] {
            let days: Vec<i32> = by_cron(expression, zone, from, to)
                .iter()
                .map(|&at| zone.timestamp_millis_opt(at).unwrap().num_days_from_ce())
                .collect();
            assert!(
                days.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "{expression} {zone}"
            );
        }
    }
}

fn config(interval: f64, jitter_ms: f64, missed: Missed, overlap: Overlap) -> ScheduleConfig {
    ScheduleConfig {
        plan: Plan::Every(interval),
        max_triggers: None,
        immediately: false,
        jitter_ms,
        missed,
        overlap,
        seed: 5,
    }
}

proptest! {
    #[test]
    fn an_interval_never_drifts_bursts_or_overlaps(
        interval in 1.0..1_000.0f64,
        jitter_share in 0.0..0.9f64,
        skip in any::<bool>(),
        waits in prop::collection::vec((0.0..3_000.0f64, prop::option::of(0.0..2_000.0f64)), 1..300),
    ) {
        let missed = if skip { Missed::Skip } else { Missed::Once };
        let mut schedule = Schedule::new(config(interval, jitter_share * interval, missed, Overlap::Skip), 0.0);
        let (mut now, mut busy_until, mut runs) = (0.0, None::<f64>, Vec::new());
        for (late, takes) in waits {
            if busy_until.is_some_and(|until| until <= now) {
                schedule.run_ended();
                busy_until = None;
            }
            match schedule.poll(now) {
                Next::Run => {
                    prop_assert!(busy_until.is_none(), "overlap at {now}");
                    runs.push(now);
                    match takes {
                        Some(ms) => busy_until = Some(now + ms),
                        None => schedule.run_ended(),
                    }
                }
                Next::Sleep(ms) => {
                    prop_assert!(ms > 0.0 && ms <= interval * 2.0 + 1e-6);
                    now += ms + late;
                }
                Next::Ended => prop_assert!(false, "it has no end"),
            }
        }
        // No more runs than planned times, in any stretch.
        for (count, at) in runs.iter().enumerate() {
            prop_assert!((count + 1) as f64 <= at / interval + 1e-6);
        }
        for pair in runs.windows(2) {
            prop_assert!((pair[1] / interval + 1e-9).floor() > (pair[0] / interval - jitter_share - 1e-9).floor());
        }
    }

    #[test]
    fn a_cache_never_answers_with_what_is_too_old_nor_keeps_too_much(
        steps in prop::collection::vec((0.0..40.0f64, 0..4u8, any::<usize>()), 1..300),
        max_size in 1..6u32,
    ) {
        let ttl_ms = 100.0;
        let mut cache = Cache::new(CacheConfig { ttl_ms, max_size });
        let mut now = 0.0;
        // Ids in flight, and ids stored with their times.
        let (mut flying, mut stored): (Vec<u32>, Vec<(u32, f64)>) = (Vec::new(), Vec::new());
        for (gap, action, at) in steps {
            now += gap;
            match action {
                0 => flying.push(cache.open()),
                1 if !flying.is_empty() => {
                    let id = flying.swap_remove(at % flying.len());
                    cache.store(id, now);
                    stored.push((id, now));
                    while let Some(gone) = cache.evict(now) {
                        let (id, since) = stored.remove(0);
                        prop_assert_eq!(gone, id, "the oldest goes first");
                        prop_assert!(now - since >= ttl_ms || stored.len() as u32 >= max_size);
                    }
                }
                2 if !stored.is_empty() => {
                    let place = at % stored.len();
                    let (id, since) = stored[place];
                    let fresh = now - since < ttl_ms;
                    let expected = if fresh { Freshness::Fresh } else { Freshness::Expired };
                    prop_assert_eq!(cache.look(id, now), expected);
                    if !fresh {
                        stored.remove(place);
                    }
                }
                3 if !flying.is_empty() => {
                    let id = flying.swap_remove(at % flying.len());
                    prop_assert_eq!(cache.look(id, now), Freshness::InFlight);
                    cache.close(id);
                }
                _ => {}
            }
            prop_assert_eq!(cache.len() as usize, stored.len());
            prop_assert!(cache.len() <= max_size);
        }
    }
}

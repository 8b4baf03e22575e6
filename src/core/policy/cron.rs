//! Cron expressions in a time zone. Parsing and searching are croner's (Open Cron Pattern Specification, with optional
//! seconds and years); the zones are those of the IANA database. See docs/adr/0003-cron.md.
//!
//! In the hour that daylight saving skips, a job at a fixed time runs at the first moment after it and a recurring one
//! has no occurrence; in the hour that comes twice, a job at a fixed time runs once and a recurring one both times.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};

/// A pattern and the zone whose clock it reads.
#[derive(Debug, Clone)]
pub struct Cron {
    pattern: croner::Cron,
    zone: Tz,
}

/// Why there is no such schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not a cron expression; becomes `RuntimeError` INVALID_CONFIGURATION in JavaScript.
    #[error("not a cron expression: {0}")]
    Pattern(String),
    /// No zone of the IANA database; becomes `RuntimeError` INVALID_CONFIGURATION in JavaScript.
    #[error("not a time zone of the IANA database: {0}")]
    Zone(String),
    /// No occurrence ever; becomes `RuntimeError` INVALID_CONFIGURATION in JavaScript.
    #[error("this time never comes: {0}")]
    Never(String),
}

impl Cron {
    /// Parses an expression of five fields (six with seconds, seven with years too) or a nickname such as `@daily`.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, CronError> {
        let zone: Tz = zone.parse().map_err(|_| CronError::Zone(zone.to_owned()))?;
        let pattern = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Optional)
            .build()
            .parse(expression)
            .map_err(|error| CronError::Pattern(error.to_string()))?;
        Ok(Self { pattern, zone })
    }

    /// The first occurrence after `wall` (milliseconds since 1970 UTC), if there is one.
    pub fn next_after(&self, wall: f64) -> Option<f64> {
        let from = DateTime::<Utc>::from_timestamp_millis(wall.floor() as i64)?;
        let next = self
            .pattern
            .find_next_occurrence(&from.with_timezone(&self.zone), false)
            .ok()?;
        Some(next.timestamp_millis() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: &str, from: &str) -> String {
        let from: DateTime<Utc> = from.parse().unwrap();
        let cron = Cron::parse(expression, zone).unwrap();
        let next = cron.next_after(from.timestamp_millis() as f64).unwrap();
        DateTime::<Utc>::from_timestamp_millis(next as i64)
            .unwrap()
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    #[test]
    fn the_zone_decides() {
        let midnight = "2026-07-01T00:00:00Z";
        assert_eq!(next("0 9 * * *", "UTC", midnight), "2026-07-01T09:00:00Z");
        assert_eq!(
            next("0 9 * * *", "America/Sao_Paulo", midnight),
            "2026-07-01T12:00:00Z"
        );
        assert_eq!(
            next("*/30 * * * * *", "UTC", midnight),
            "2026-07-01T00:00:30Z"
        );
    }

    #[test]
    fn an_occurrence_is_strictly_later() {
        assert_eq!(
            next("0 9 * * *", "UTC", "2026-07-01T09:00:00Z"),
            "2026-07-02T09:00:00Z"
        );
        assert_eq!(
            next("0 9 * * *", "UTC", "2026-07-01T08:59:59.999Z"),
            "2026-07-01T09:00:00Z"
        );
    }

    #[test]
    fn a_skipped_hour_moves_the_job_and_a_doubled_one_does_not_run_it_twice() {
        let (zone, job) = ("Europe/Berlin", "30 2 * * *");
        assert_eq!(
            next(job, zone, "2026-03-28T12:00:00Z"),
            "2026-03-29T01:00:00Z"
        );
        assert_eq!(
            next(job, zone, "2026-10-24T12:00:00Z"),
            "2026-10-25T00:30:00Z"
        );
        assert_eq!(
            next(job, zone, "2026-10-25T00:30:00Z"),
            "2026-10-26T01:30:00Z"
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        assert!(matches!(
            Cron::parse("61 * * * *", "UTC"),
            Err(CronError::Pattern(_))
        ));
        assert!(matches!(
            Cron::parse("* * * * *", "Mars/Olympus"),
            Err(CronError::Zone(_))
        ));
    }
}

//! What tools ask of a journal, also while its owner has it open. Answers are JSON text.

use super::error::JournalError;
use super::lock::{self, Lock};
use super::options::{Options, SyncMode};
use super::sqlite::{FORMAT, SqliteStore, each_in_segments, examine, file_in, open_to_read};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Types that are counted one by one.
const TYPES: usize = 20;

/// What is known of the events in rows, and is added up for those in segments.
#[derive(Default)]
struct Tally {
    pending: i64,
    /// Oldest and newest.
    times: Option<(f64, f64)>,
    /// All and pending events of each type.
    types: BTreeMap<String, (i64, i64)>,
}

impl Tally {
    fn of(connection: &Connection) -> Result<Self, JournalError> {
        let mut tally = Self::default();
        let sql = "SELECT type, count(*), sum(state IN (0, 3)), min(ts), max(ts) FROM events GROUP BY type";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let counts = (row.get(1)?, row.get(2)?);
            tally.add(row.get(0)?, counts, (row.get(3)?, row.get(4)?));
        }
        each_in_segments(connection, |kind, ts| {
            tally.add(kind.into(), (1, 1), (ts, ts))
        })?;
        Ok(tally)
    }

    fn add(&mut self, kind: String, (all, pending): (i64, i64), (oldest, newest): (f64, f64)) {
        self.pending += pending;
        let (from, to) = self.times.unwrap_or((oldest, newest));
        self.times = Some((from.min(oldest), to.max(newest)));
        let of_type = self.types.entry(kind).or_default();
        *of_type = (of_type.0 + all, of_type.1 + pending);
    }

    /// The most frequent ones.
    fn types(&self) -> Vec<Value> {
        let mut types: Vec<_> = self.types.iter().collect();
        types.sort_by_key(|(_, (all, _))| std::cmp::Reverse(*all));
        let named = |(kind, (all, pending)): (&String, &(i64, i64))| json!({ "type": kind, "events": all, "pending": pending });
        types.into_iter().take(TYPES).map(named).collect()
    }
}

/// What is in a journal.
pub fn inspect(directory: &Path) -> Result<Value, JournalError> {
    let connection = open_to_read(directory)?;
    let one = |sql: &str| -> Result<i64, JournalError> {
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    };
    let size = |ending: &str| {
        let file = file_in(directory).with_extension(ending);
        std::fs::metadata(file).map_or(0, |file| file.len())
    };
    let tally = Tally::of(&connection)?;
    Ok(json!({
        "path": directory,
        "format": FORMAT,
        "openIn": open_in(directory),
        "pending": tally.pending,
        "retrying": one("SELECT count(*) FROM events WHERE state IN (0, 3) AND attempts > 0")?,
        "finished": one("SELECT count(*) FROM events WHERE state = 1")?,
        "processed": one("SELECT count(*) FROM events WHERE state = 2")?,
        "deadLetters": one("SELECT count(*) FROM letters")?,
        "idempotencyKeys": one("SELECT count(*) FROM keys")?,
        "snapshots": one("SELECT count(*) FROM snapshots")?,
        "oldestEventTimestamp": tally.times.map(|(oldest, _)| oldest),
        "newestEventTimestamp": tally.times.map(|(_, newest)| newest),
        "fileBytes": size("db"),
        "walBytes": size("db-wal"),
        "types": tally.types(),
    }))
}

/// The process that has a journal open, if there is one.
fn open_in(directory: &Path) -> Option<u32> {
    match Lock::is_held(directory) {
        true => lock::owner_of(directory),
        false => None,
    }
}

/// Looks at every record.
pub fn verify(directory: &Path) -> Result<Value, JournalError> {
    let connection = open_to_read(directory)?;
    let (records, problems) = examine(&connection)?;
    Ok(json!({ "ok": problems.is_empty(), "records": records, "problems": problems }))
}

/// Records after a cursor ('' at the start): events, then dead letters, then snapshots. `next` is '' after the last page.
pub fn export(directory: &Path, cursor: &str, limit: u32) -> Result<Value, JournalError> {
    let connection = open_to_read(directory)?;
    super::sqlite::export_page(&connection, cursor, limit)
}

/// Writes a journal anew, without what is free in it. Nobody may have it open.
pub fn compact(directory: &Path) -> Result<Value, JournalError> {
    let file = file_in(directory);
    let size = || std::fs::metadata(&file).map_or(0, |file| file.len());
    // A path without a journal is told so; nothing is made there.
    drop(open_to_read(directory)?);
    let _lock = Lock::take(directory)?;
    let before = size();
    let store = SqliteStore::open(&Options {
        sync: SyncMode::Group,
        ..Options::new(directory)
    })?;
    store.connection().execute_batch("VACUUM")?;
    store.checkpoint();
    Ok(json!({ "bytesBefore": before, "bytesAfter": size() }))
}

//! What tools ask of a journal, also while its owner has it open. Answers are JSON text.

use super::error::JournalError;
use super::lock::{self, Lock};
use super::options::{Options, SyncMode};
use super::sqlite::{FORMAT, SqliteStore, examine, file_in, open_to_read};
use serde_json::{Value, json};
use std::path::Path;

/// Types that are counted one by one.
const TYPES: i64 = 20;

/// What is in a journal.
pub fn inspect(directory: &Path) -> Result<Value, JournalError> {
    let connection = open_to_read(directory)?;
    let one = |sql: &str| -> Result<i64, JournalError> {
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    };
    let time = |sql: &str| -> Result<Option<f64>, JournalError> {
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    };
    let mut statement = connection.prepare(
        "SELECT type, count(*), sum(state = 0) FROM events GROUP BY type ORDER BY count(*) DESC, type LIMIT ?1",
    )?;
    let types = statement
        .query_map([TYPES], |row| {
            Ok(json!({ "type": row.get::<_, String>(0)?, "events": row.get::<_, i64>(1)?, "pending": row.get::<_, i64>(2)? }))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let size = |ending: &str| {
        let file = file_in(directory).with_extension(ending);
        std::fs::metadata(file).map_or(0, |file| file.len())
    };
    Ok(json!({
        "path": directory,
        "format": FORMAT,
        "openIn": open_in(directory),
        "pending": one("SELECT count(*) FROM events WHERE state = 0")?,
        "retrying": one("SELECT count(*) FROM events WHERE state = 0 AND attempts > 0")?,
        "finished": one("SELECT count(*) FROM events WHERE state = 1")?,
        "processed": one("SELECT count(*) FROM events WHERE state = 2")?,
        "deadLetters": one("SELECT count(*) FROM letters")?,
        "idempotencyKeys": one("SELECT count(*) FROM keys")?,
        "snapshots": one("SELECT count(*) FROM snapshots")?,
        "oldestEventTimestamp": time("SELECT min(ts) FROM events")?,
        "newestEventTimestamp": time("SELECT max(ts) FROM events")?,
        "fileBytes": size("db"),
        "walBytes": size("db-wal"),
        "types": types,
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

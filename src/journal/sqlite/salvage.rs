//! What can still be read of a damaged database goes into a new one; the damaged one is kept aside.

use super::schema::{self, SUMMED};
use crate::journal::error::JournalError;
use crate::journal::options::SyncMode;
use rusqlite::{Connection, OpenFlags, types::Value};
use std::path::{Path, PathBuf};

/// Tables, the column that numbers their rows, and how many columns they have.
const TABLES: [(&str, &str); 7] = [
    ("events", "seq"),
    ("segments", "first"),
    ("segment_ends", "first"),
    ("letters", "n"),
    ("keys", "n"),
    ("snapshots", "position"),
    ("state", "name"),
];

/// Replaces the database in `directory`. Answers what was lost, a line each.
pub fn salvage(directory: &Path) -> Result<Vec<String>, JournalError> {
    let damaged = set_aside(directory)?;
    let target = schema::open(directory, SyncMode::Group, false)?;
    let mut lines = Vec::new();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match Connection::open_with_flags(&damaged, flags) {
        Err(error) => lines.push(format!(
            "{}: nothing of it can be read ({error})",
            damaged.display()
        )),
        Ok(source) => {
            for (table, order) in TABLES {
                if let Some(line) = copy_table(&source, &target, table, order)? {
                    lines.push(format!(
                        "{line}; the damaged file is kept as {}",
                        damaged.display()
                    ));
                }
            }
        }
    }
    if lines.is_empty() {
        lines.push(format!(
            "the database was damaged; all records that were found in it could be read; it is kept as {}",
            damaged.display()
        ));
    }
    Ok(lines)
}

/// Renames the database and its log to a name that is free.
fn set_aside(directory: &Path) -> Result<PathBuf, JournalError> {
    let file = schema::file_in(directory);
    let aside = (1..)
        .map(|n| directory.join(format!("journal.db.corrupt-{n}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| directory.join("journal.db.corrupt"));
    for ending in ["", "-wal", "-shm"] {
        let from = with_ending(&file, ending);
        if from.exists() {
            let to = with_ending(&aside, ending);
            std::fs::rename(&from, &to)
                .map_err(|error| JournalError::io(&from, "rename", &error))?;
        }
    }
    Ok(aside)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Copies rows from both ends towards the damage. Answers a line if something was lost.
fn copy_table(
    source: &Connection,
    target: &Connection,
    table: &str,
    order: &str,
) -> Result<Option<String>, JournalError> {
    target.execute_batch("BEGIN")?;
    let forwards = copy_rows(source, target, table, &format!("{order} ASC"));
    let complete = matches!(forwards, Ok((_, true)));
    let mut copied = forwards.map_or(0, |(rows, _)| rows);
    if !complete && let Ok((rows, _)) = copy_rows(source, target, table, &format!("{order} DESC")) {
        copied += rows;
    }
    target.execute_batch("COMMIT")?;
    Ok(
        (!complete)
            .then(|| format!("{table}: {copied} records could be read, the others are lost")),
    )
}

/// A row goes in as it is, by the places of its columns: their names may be damaged. One of a version that had no checksum
/// for it gets one.
fn insert_into(table: &str, columns: usize) -> String {
    let places = vec!["?"; columns].join(",");
    let is_older = |names: &str| names.split(", ").count() == columns;
    match SUMMED.iter().find(|summed| summed.name == table) {
        Some(summed) if is_older(summed.columns) => {
            let (names, sum, of) = (summed.columns, summed.sum, summed.of);
            format!(
                "WITH older ({names}) AS (VALUES ({places})) \
                 INSERT OR IGNORE INTO {table} ({names}, {sum}) SELECT {names}, checksum({of}) FROM older"
            )
        }
        _ => format!("INSERT OR IGNORE INTO {table} VALUES ({places})"),
    }
}

/// Copies until the end (true) or until a row cannot be read.
fn copy_rows(
    source: &Connection,
    target: &Connection,
    table: &str,
    order: &str,
) -> rusqlite::Result<(u64, bool)> {
    let mut statement = source.prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))?;
    let columns = statement.column_count();
    let mut insert = target.prepare(&insert_into(table, columns))?;
    let mut rows = statement.query([])?;
    let mut copied = 0;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok((copied, true)),
            Err(_) => return Ok((copied, false)),
        };
        let values: rusqlite::Result<Vec<Value>> =
            (0..columns).map(|column| row.get(column)).collect();
        let Ok(values) = values else {
            return Ok((copied, false));
        };
        // A row whose values do not fit is damage; its neighbours may be whole.
        copied += insert
            .execute(rusqlite::params_from_iter(values))
            .unwrap_or(0) as u64;
    }
}

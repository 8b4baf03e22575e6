//! Tables, and how a database is opened. Described in `docs/journal-format.md`.

use crate::journal::error::{Code, JournalError};
use crate::journal::lock::private;
use crate::journal::options::SyncMode;
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The version that this library writes, in SQLite's `user_version`.
pub const FORMAT: i64 = 2;
/// "KFJ1", in SQLite's `application_id`.
const APPLICATION: i64 = 0x4b46_4a31;
const FILE: &str = "journal.db";

const TABLES: &str = "
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due REAL NOT NULL,
  ts REAL NOT NULL,
  ended REAL NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  key TEXT NOT NULL,
  header TEXT NOT NULL,
  retry TEXT NOT NULL,
  envelope TEXT NOT NULL,
  body BLOB NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
CREATE TABLE letters (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at REAL NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
CREATE TABLE keys (
  n INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  at REAL NOT NULL
) STRICT;
CREATE TABLE snapshots (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  xc_id TEXT NOT NULL,
  hash TEXT NOT NULL,
  ts REAL NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL,
  UNIQUE (hash, xc_id)
) STRICT;
CREATE INDEX snapshots_of ON snapshots (xc_id, position);
CREATE TABLE state (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// New in version 2.
const SEGMENTS: &str = "
CREATE TABLE segments (
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  offsets BLOB NOT NULL,
  sums BLOB NOT NULL,
  size INTEGER NOT NULL,
  body BLOB NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
CREATE TABLE segment_ends (
  first INTEGER PRIMARY KEY,
  bits BLOB NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
";

/// The database of the journal in `directory`.
pub fn file_in(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// Opens the database for writing; makes it if it is not there.
pub fn open(
    directory: &Path,
    sync: SyncMode,
    keeps_events: bool,
) -> Result<Connection, JournalError> {
    let path = file_in(directory);
    // SQLite gives its other files the rights of this one.
    private(
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true),
    )
    .open(&path)
    .map_err(|error| JournalError::io(&path, "open", &error))?;
    let connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")?;
    let synchronous = match sync {
        SyncMode::Group | SyncMode::Always => "FULL",
        // Syncs when the log goes into the database: a power cut costs the latest commits, nothing else.
        SyncMode::Os => "NORMAL",
        SyncMode::Off => "OFF",
    };
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA journal_size_limit = 8388608; PRAGMA wal_autocheckpoint = 2000;
         PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF;"
    ))?;
    connection.set_prepared_statement_cache_capacity(32);
    migrate(&connection, &path)?;
    if keeps_events {
        connection.execute_batch("CREATE INDEX IF NOT EXISTS events_id ON events (id);")?;
    }
    Ok(connection)
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let tables = match version_of(connection)? {
        0 if has_tables(connection)? => return Err(no_journal(path)),
        0 => TABLES,
        1 => "",
        FORMAT => return Ok(()),
        other => return Err(newer(path, other)),
    };
    Ok(connection.execute_batch(&format!(
        "BEGIN; {tables} {SEGMENTS} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT;"
    ))?)
}

/// Opens the database for reading, also while its owner writes.
pub fn open_to_read(directory: &Path) -> Result<Connection, JournalError> {
    let path = file_in(directory);
    std::fs::metadata(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => no_journal_in(directory),
        _ => JournalError::io(&path, "open", &error),
    })?;
    let connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    match version_of(&connection)? {
        FORMAT => Ok(connection),
        version @ 1..FORMAT => Err(older(&path, version)),
        0 => Err(no_journal(&path)),
        other => Err(newer(&path, other)),
    }
}

fn has_tables(connection: &Connection) -> Result<bool, JournalError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

fn no_journal_in(directory: &Path) -> JournalError {
    let message = format!(
        "there is no journal in {}: give the directory that the runtime was given, {FILE} is in it",
        directory.display()
    );
    JournalError::new(Code::Failed, message)
}

fn no_journal(path: &Path) -> JournalError {
    JournalError::new(Code::Corrupt, format!("{} is no journal", path.display()))
}

fn version_of(connection: &Connection) -> Result<i64, JournalError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn older(path: &Path, version: i64) -> JournalError {
    let message = format!(
        "{} has format {version}; open it once with this version of @kodus-flow/runtime (format {FORMAT}), which brings it up to date",
        path.display()
    );
    JournalError::new(Code::Version, message)
}

fn newer(path: &Path, version: i64) -> JournalError {
    let message = format!(
        "{} has format {version}, this version of @kodus-flow/runtime knows {FORMAT}; update the package",
        path.display()
    );
    JournalError::new(Code::Version, message)
}

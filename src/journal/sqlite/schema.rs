//! Tables, and how a database is opened. Described in `docs/journal-format.md`.

use super::checksum;
use crate::journal::error::{Code, JournalError};
use crate::journal::lock::private;
use crate::journal::options::SyncMode;
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The version that this library writes, in SQLite's `user_version`.
pub const FORMAT: i64 = 3;
/// "KFJ1", in SQLite's `application_id`.
const APPLICATION: i64 = 0x4b46_4a31;
const FILE: &str = "journal.db";
/// The structure of larger files is not looked at when they are opened.
const MAX_CHECKED_BYTES: u64 = 256 << 20;

const EVENTS: &str = "
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due REAL NOT NULL,
  ts REAL NOT NULL,
  ended REAL NOT NULL,
  state_crc INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  key TEXT NOT NULL,
  header TEXT NOT NULL,
  retry TEXT NOT NULL,
  envelope TEXT NOT NULL,
  body BLOB NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
";

const KEYS: &str = "
CREATE TABLE keys (
  n INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  at REAL NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
";

const STATE: &str = "
CREATE TABLE state (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  crc INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The same in all versions.
const OTHERS: &str = "
CREATE TABLE letters (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at REAL NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
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

/// A table that has got a checksum with version 3.
pub(super) struct Summed {
    pub name: &'static str,
    table: &'static str,
    /// Its columns before that, in their order.
    pub columns: &'static str,
    /// The column of the checksum, and what it is of.
    pub sum: &'static str,
    pub of: &'static str,
}

pub(super) const SUMMED: [Summed; 3] = [
    Summed {
        name: "events",
        table: EVENTS,
        columns: "seq, state, flags, attempts, due, ts, ended, id, type, key, header, retry, envelope, body, crc",
        sum: "state_crc",
        of: "seq, state, attempts, due, ended, retry",
    },
    Summed {
        name: "keys",
        table: KEYS,
        columns: "n, name, state, at",
        sum: "crc",
        of: "n, name, state, at",
    },
    Summed {
        name: "state",
        table: STATE,
        columns: "name, value",
        sum: "crc",
        of: "name, value",
    },
];

impl Summed {
    /// The rows go into a new table: a column that is added would stand behind the body, which then had to be read with it.
    fn rebuild(&self) -> String {
        let Self {
            name,
            table,
            columns,
            sum,
            of,
        } = self;
        format!(
            "ALTER TABLE {name} RENAME TO older_{name}; {table} \
             INSERT INTO {name} ({columns}, {sum}) SELECT {columns}, checksum({of}) FROM older_{name}; \
             DROP TABLE older_{name};"
        )
    }
}

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
    checksum::register(&connection)?;
    check_structure(&connection, &path)?;
    migrate(&connection, &path)?;
    if keeps_events {
        connection.execute_batch("CREATE INDEX IF NOT EXISTS events_id ON events (id);")?;
    }
    Ok(connection)
}

/// A record that a damaged page no longer leads to has no checksum that could tell. Before anything is brought up to date:
/// the copy would be whole. Of a large file it would take seconds; whoever wants to know verifies it.
fn check_structure(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if bytes > MAX_CHECKED_BYTES {
        return Ok(());
    }
    let sql = "PRAGMA quick_check(1)";
    let told: String = connection.query_row(sql, [], |row| row.get(0))?;
    if told == "ok" {
        return Ok(());
    }
    let message = format!(
        "{} is damaged ({}); restore it from a backup, or open it with onCorruption: 'skip' to go on with what can be read",
        path.display(),
        told.trim().replace('\n', ", ")
    );
    Err(JournalError::new(Code::Corrupt, message))
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let rebuilt = || SUMMED.iter().map(Summed::rebuild).collect::<String>();
    let change = match version_of(connection)? {
        0 if has_tables(connection)? => return Err(no_journal(path)),
        0 => [EVENTS, OTHERS, KEYS, STATE, SEGMENTS].concat(),
        version @ (1 | 2) if has_checksums(connection)? => return Err(mislabelled(path, version)),
        1 => SEGMENTS.to_string() + &rebuilt(),
        2 => rebuilt(),
        FORMAT => return Ok(()),
        other => return Err(newer(path, other)),
    };
    let change = format!(
        "BEGIN; {change} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT;"
    );
    connection.execute_batch(&change).map_err(unfit)
}

/// Rows that the tables do not take are none that we have written.
fn unfit(error: rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            JournalError::new(Code::Corrupt, error.to_string())
        }
        _ => error.into(),
    }
}

/// Whether it has what is new in version 3: then an older number is a flipped bit.
fn has_checksums(connection: &Connection) -> Result<bool, JournalError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('events') WHERE name = 'state_crc')";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
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
    checksum::register(&connection)?;
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

fn mislabelled(path: &Path, version: i64) -> JournalError {
    let message = format!(
        "{} says that it has format {version}, but has the tables of {FORMAT}",
        path.display()
    );
    JournalError::new(Code::Corrupt, message)
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

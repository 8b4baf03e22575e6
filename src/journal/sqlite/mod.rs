//! The store in SQLite: write-ahead log, one transaction a group.

mod apply;
mod checksum;
mod examine;
mod read;
mod salvage;
mod schema;
mod segments;
mod tidy;

pub use examine::{examine, export_page};
pub use read::{Page, Query, kept_event, kept_figures, replay, snapshot, snapshots};
pub use schema::{FORMAT, file_in, open_to_read};
pub use segments::each_in_segments;

use super::codec::SegmentPacker;
use super::error::JournalError;
use super::group::Frame;
use super::options::{OnCorruption, Options};
use super::segments::Segments;
use super::store::{Recovered, Store, StoreStats};
use rusqlite::Connection;
use rustc_hash::FxHashMap;

/// States of an event's row.
pub mod state {
    /// It has not ended.
    pub const PENDING: i64 = 0;
    /// It has ended, and is kept for replay.
    pub const FINISHED: i64 = 1;
    /// The same, and it was acknowledged.
    pub const PROCESSED: i64 = 2;
    /// It has not ended, and somebody has marked it as processed.
    pub const MARKED: i64 = 3;
}

/// Lines about damaged records that are kept.
const MAX_DETAILS: usize = 20;

/// An open database.
pub struct SqliteStore {
    connection: Connection,
    options: Options,
    stats: StoreStats,
    recovered: Recovered,
    /// Flags, ids and keys of the pending events whose end has to be remembered.
    remembered: FxHashMap<i64, (String, String)>,
    /// The latest time that an operation has brought.
    latest: f64,
    keys_since_trim: u64,
    /// Events that stand in segments.
    segments: Segments,
    packer: SegmentPacker,
    /// The body of the segment that was read last, by its name.
    body: Option<(i64, Vec<u8>)>,
    /// What the open transaction changes.
    draft: Option<apply::Draft>,
}

impl SqliteStore {
    /// Opens the database in the journal's directory; makes it if it is not there. The caller has the lock.
    pub fn open(options: &Options) -> Result<Self, JournalError> {
        match Self::open_whole(options) {
            Err(error) if error.is_corruption() && options.on_corruption == OnCorruption::Skip => {
                let mut details = vec![error.message];
                details.extend(salvage::salvage(&options.path)?);
                let mut store = Self::open_whole(options)?;
                store.skip(details);
                Ok(store)
            }
            other => other,
        }
    }

    fn open_whole(options: &Options) -> Result<Self, JournalError> {
        let connection = schema::open(&options.path, options.sync, options.keep_events)?;
        let mut store = Self {
            connection,
            options: options.clone(),
            stats: StoreStats::default(),
            recovered: Recovered::default(),
            remembered: FxHashMap::default(),
            latest: 0.0,
            keys_since_trim: 0,
            segments: Segments::default(),
            packer: SegmentPacker::new(options.compress_above.is_finite()),
            body: None,
            draft: None,
        };
        store.check_rows()?;
        store.load_segments()?;
        if options.keep_events {
            store.dissolve_segments()?;
        }
        store.count()?;
        Ok(store)
    }

    fn skip(&mut self, details: Vec<String>) {
        self.stats.skipped += details.len() as u64;
        self.recovered.skipped += details.len() as u64;
        let room = MAX_DETAILS.saturating_sub(self.recovered.details.len());
        self.recovered
            .details
            .extend(details.into_iter().take(room));
    }

    /// What was there when it was opened.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// The connection, for reading.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    fn wal_bytes(&self) -> u64 {
        let wal = schema::file_in(&self.options.path).with_extension("db-wal");
        std::fs::metadata(wal).map_or(0, |file| file.len())
    }

    /// Writes everything into the database file itself and ends the log.
    pub fn checkpoint(&self) {
        // A reader may be in the way; the log is then read at the next start.
        let _ = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// Bytes in use.
    fn bytes(&self) -> u64 {
        let pages = self.pragma("page_count");
        pages.saturating_sub(self.pragma("freelist_count")) * self.pragma("page_size")
    }

    fn pragma(&self, name: &str) -> u64 {
        self.connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_or(0, |value| value.unsigned_abs())
    }
}

impl Store for SqliteStore {
    fn stage(&mut self, frames: &[Frame]) -> Result<(), JournalError> {
        self.apply(frames)
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        self.commit_draft()
    }

    fn stats(&mut self) -> StoreStats {
        StoreStats {
            bytes: self.bytes(),
            wal_bytes: self.wal_bytes(),
            ..self.stats.clone()
        }
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        // A crash may leave it there, so it is whole like any other.
        apply::put_text(&self.connection, "probe", &"0".repeat(8192))?;
        self.connection
            .execute("DELETE FROM state WHERE name = 'probe'", [])?;
        Ok(())
    }

    fn tidy(&mut self) -> Result<bool, JournalError> {
        self.tidy_up()
    }
}

//! Small pieces of tidying up between groups, so that none of them waits for long.

use super::SqliteStore;
use super::apply::{DROPPED, note_count};
use crate::journal::error::JournalError;
use rusqlite::params;

/// Rows that one piece removes.
const ROWS: i64 = 500;
/// Free pages that are kept for reuse, and how many one piece gives back.
const KEPT_FREE_PAGES: u64 = 1024;
const PAGES: u64 = 256;
/// Share of the bound of the size above which kept events give way.
const KEPT_SHARE: f64 = 0.75;

impl SqliteStore {
    pub(super) fn tidy_up(&mut self) -> Result<bool, JournalError> {
        if self.stats.kept > 0 && self.retire()? {
            return Ok(true);
        }
        if self.tidy_segments()? {
            return Ok(true);
        }
        let free = self.free_pages();
        if free <= KEPT_FREE_PAGES {
            return Ok(false);
        }
        self.give_back(PAGES)?;
        Ok(free > KEPT_FREE_PAGES + PAGES)
    }

    /// Pages that hold nothing.
    pub(crate) fn free_pages(&self) -> u64 {
        self.pragma("freelist_count")
    }

    /// Gives some free pages back. True: there are more.
    pub(crate) fn compact_slice(&self, pages: u64) -> Result<bool, JournalError> {
        self.give_back(pages)?;
        Ok(self.free_pages() > 0)
    }

    /// Gives free pages back to the file system.
    pub(crate) fn give_back(&self, pages: u64) -> Result<(), JournalError> {
        let mut statement = self
            .connection
            .prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Removes kept events that are too old, too many, or in the way, the oldest first. True: there may be more of them.
    fn retire(&mut self) -> Result<bool, JournalError> {
        let before = self.latest - self.options.retention_ms;
        let transaction = self.connection.unchecked_transaction()?;
        let mut gone = 0;
        if before.is_finite() {
            let sql = "DELETE FROM events WHERE seq IN \
                       (SELECT seq FROM events WHERE state IN (1, 2) AND ended < ?1 ORDER BY seq LIMIT ?2)";
            gone += transaction
                .prepare_cached(sql)?
                .execute(params![before, ROWS])?;
        }
        let surplus = (self.stats.kept as f64 - gone as f64 - self.options.retention_events)
            .max(self.in_the_way());
        if surplus > 0.0 {
            let sql = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE state IN (1, 2) ORDER BY seq LIMIT ?1)";
            let most = (surplus as i64).min(ROWS);
            gone += transaction.prepare_cached(sql)?.execute(params![most])?;
        }
        if gone == 0 {
            return Ok(false);
        }
        let dropped = self.stats.dropped + gone as u64;
        note_count(&transaction, DROPPED, dropped)?;
        transaction.commit()?;
        self.stats.dropped = dropped;
        self.stats.kept = self.stats.kept.saturating_sub(gone as u64);
        Ok(gone as i64 >= ROWS || self.in_the_way() > 0.0)
    }

    /// How many kept events must go before the bound of the size is reached: events that wait come first.
    fn in_the_way(&self) -> f64 {
        let (bytes, limit) = (self.bytes() as f64, self.options.max_bytes as f64);
        let share = limit * KEPT_SHARE;
        let events = self.stats.kept + self.stats.pending;
        if limit == 0.0 || bytes <= share || self.stats.kept == 0 {
            return 0.0;
        }
        ((bytes - share) / (bytes / events as f64)).ceil()
    }
}

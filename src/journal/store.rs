//! What a journal's thread asks of a store. The SQLite one is in [`super::sqlite`]; tests have one that fails on demand.

use super::error::JournalError;
use super::group::Frame;

/// What was there when the journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Events that have not ended.
    pub pending: u64,
    /// Dead letters.
    pub letters: u64,
    /// Idempotency keys and ids that are remembered.
    pub keys: u64,
    /// Damaged records that were left out.
    pub skipped: u64,
    /// The number of the next event.
    pub next_seq: i64,
    /// What was left out; the first few.
    pub details: Vec<String>,
}

/// Figures of a store. Counters begin when it is opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreStats {
    /// Events that have not ended.
    pub pending: u64,
    /// Finished events that are kept.
    pub kept: u64,
    /// Kept events that had to go: too old, too many, or in the way. Since the journal was made.
    pub dropped: u64,
    /// Kept events that somebody has asked to be forgotten. Since the journal was made.
    pub forgotten: u64,
    /// Dead letters.
    pub letters: u64,
    /// Idempotency keys and ids that are remembered.
    pub keys: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Their bytes.
    pub snapshot_bytes: u64,
    /// Bytes in use.
    pub bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Operations committed.
    pub ops: u64,
    /// Events that were accepted and ended within one group, and never written.
    pub coalesced: u64,
    /// Events whose body was compressed.
    pub compressed_events: u64,
    /// Bytes of the bodies before and after compression, of these.
    pub original_bytes: u64,
    /// Bytes as stored, of these.
    pub stored_bytes: u64,
    /// Damaged records that were left out.
    pub skipped: u64,
}

/// Where frames go.
pub trait Store: Send {
    /// Carries frames out within the open transaction, or a new one. After an error nothing of the transaction is left.
    fn stage(&mut self, frames: &[Frame]) -> Result<(), JournalError>;
    /// Commits what is staged, all or nothing of it.
    fn commit(&mut self) -> Result<(), JournalError>;
    /// Figures, of what is committed.
    fn stats(&mut self) -> StoreStats;
    /// A write that says whether writing works.
    fn probe(&mut self) -> Result<(), JournalError>;
    /// A small piece of tidying up (retention, giving back free pages). True: there is more to do.
    fn tidy(&mut self) -> Result<bool, JournalError>;
}

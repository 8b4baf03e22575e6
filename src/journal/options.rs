//! How a journal is kept.

use std::path::PathBuf;

/// When a commit counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// One sync for a group of frames.
    Group,
    /// One sync for each frame, without waiting for others.
    Always,
    /// Written; the operating system syncs when it likes.
    Os,
    /// As [`SyncMode::Os`], in groups that may wait long.
    Off,
}

/// What a damaged record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCorruption {
    /// The journal is not opened.
    Fail,
    /// It is left out and told.
    Skip,
}

/// How a journal is kept; checked by its owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The directory.
    pub path: PathBuf,
    /// When a commit counts as durable.
    pub sync: SyncMode,
    /// Milliseconds that a group waits for company.
    pub group_ms: f64,
    /// Operations that close a group.
    pub group_events: usize,
    /// Bytes in use above which nothing further is accepted; 0: no limit.
    pub max_bytes: u64,
    /// Whether finished events stay, for replay.
    pub keep_events: bool,
    /// Milliseconds after its end when a finished event goes; infinity: never.
    pub retention_ms: f64,
    /// Finished events that stay; infinity: all.
    pub retention_events: f64,
    /// Idempotency keys that are remembered.
    pub max_keys: u64,
    /// Bytes of a body from which it is compressed; infinity: never.
    pub compress_above: f64,
    /// What a damaged record means.
    pub on_corruption: OnCorruption,
}

impl Options {
    /// Usual options for a directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            sync: SyncMode::Group,
            group_ms: 2.0,
            group_events: 1000,
            max_bytes: 0,
            keep_events: false,
            retention_ms: f64::INFINITY,
            retention_events: f64::INFINITY,
            max_keys: 10_000,
            compress_above: f64::INFINITY,
            on_corruption: OnCorruption::Fail,
        }
    }
}

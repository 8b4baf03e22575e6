//! Binding of [`journal`]. Frames go in as text, groups come back in one threadsafe-function call each; what may read for long
//! runs on tokio's blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use futures::channel::oneshot;
use napi::bindgen_prelude::{Env, Error, Function, Result, Status};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::journal::{
    self, JournalError, OnCorruption, Options, Query, RawContent, Report, SyncMode,
};

#[napi(object, object_to_js = false)]
pub struct NativeJournalOptions {
    pub path: String,
    pub sync: u32,
    pub group_ms: f64,
    pub group_events: f64,
    pub max_bytes: f64,
    pub keep_events: bool,
    pub retention_ms: f64,
    pub retention_events: f64,
    pub max_keys: f64,
    pub compress_above: f64,
    pub on_corruption: u32,
}

#[napi(object, object_from_js = false)]
pub struct GroupReport {
    pub durable: f64,
    pub failed: Vec<f64>,
    pub code: &'static str,
    pub message: String,
    pub healthy: bool,
    pub bytes: f64,
    pub full: bool,
}

#[napi(object, object_from_js = false)]
pub struct NativeRecovered {
    pub pending: f64,
    pub letters: f64,
    pub keys: f64,
    pub skipped: f64,
    pub next_seq: f64,
    pub details: Vec<String>,
}

#[napi(object, object_to_js = false)]
pub struct NativeReplayQuery {
    pub from_ts: f64,
    pub to_ts: f64,
    pub only_unprocessed: bool,
    pub types: Option<Vec<String>>,
    pub after_seq: f64,
    pub up_to_seq: f64,
    pub limit: u32,
    pub skip_damaged: bool,
}

#[napi(object, object_from_js = false)]
pub struct NativeJournalStats {
    pub pending: f64,
    pub kept: f64,
    pub letters: f64,
    pub keys: f64,
    pub snapshots: f64,
    pub snapshot_bytes: f64,
    pub bytes: f64,
    pub wal_bytes: f64,
    pub groups: f64,
    pub frames: f64,
    pub ops: f64,
    pub coalesced: f64,
    pub failures: f64,
    pub compressed_events: f64,
    pub original_bytes: f64,
    pub stored_bytes: f64,
    pub skipped: f64,
    pub last_commit_ms: f64,
    pub max_commit_ms: f64,
}

#[napi(object, object_from_js = false)]
pub struct CompactReport {
    pub bytes_before: f64,
    pub bytes_after: f64,
}

impl From<NativeJournalOptions> for Options {
    fn from(given: NativeJournalOptions) -> Self {
        Self {
            path: PathBuf::from(given.path),
            sync: match given.sync {
                0 => SyncMode::Group,
                1 => SyncMode::Always,
                2 => SyncMode::Os,
                _ => SyncMode::Off,
            },
            group_ms: given.group_ms,
            group_events: given.group_events as usize,
            max_bytes: given.max_bytes as u64,
            keep_events: given.keep_events,
            retention_ms: given.retention_ms,
            retention_events: given.retention_events,
            max_keys: given.max_keys as u64,
            compress_above: given.compress_above,
            on_corruption: match given.on_corruption {
                0 => OnCorruption::Fail,
                _ => OnCorruption::Skip,
            },
        }
    }
}

impl From<Report> for GroupReport {
    fn from(report: Report) -> Self {
        let (code, message) = match report.error {
            None => ("", String::new()),
            Some(error) => (error.code.as_str(), error.message),
        };
        Self {
            durable: report.durable as f64,
            failed: report
                .failed
                .into_iter()
                .map(|frame| frame as f64)
                .collect(),
            code,
            message,
            healthy: report.healthy,
            bytes: report.bytes as f64,
            full: report.full,
        }
    }
}

/// Asynchronous functions can only give a message, so the code is in it; the facade takes it out again.
fn thrown(error: JournalError) -> Error {
    Error::new(
        Status::GenericFailure,
        format!("{}: {}", error.code.as_str(), error.message),
    )
}

/// Runs something that may take long off the JavaScript thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, JournalError> + Send + 'static,
) -> Result<T> {
    let (reply, answer) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        // Whoever asked may have gone.
        let _ = reply.send(work());
    });
    match answer.await {
        Ok(result) => result.map_err(thrown),
        Err(_) => Err(Error::from_reason("JOURNAL_FAILED: the process is ending")),
    }
}

/// An open journal.
#[napi]
pub struct JournalHandle {
    journal: Arc<Mutex<journal::Journal>>,
}

/// Opens a journal. `on_group` is called once for each group, and never keeps the process alive.
#[napi]
pub fn open_journal(
    env: Env,
    options: NativeJournalOptions,
    on_group: Function<'_, GroupReport, ()>,
) -> Result<JournalHandle> {
    let told = on_group
        .build_threadsafe_function()
        .weak::<true>()
        .build()?;
    let report = move |report: Report| {
        told.call(report.into(), ThreadsafeFunctionCallMode::NonBlocking);
    };
    let journal = journal::Journal::open(&options.into(), report).map_err(thrown)?;
    let journal = Arc::new(Mutex::new(journal));
    // What was handed over is committed even if nobody closes the journal: at the end of the process, or of a worker.
    let held: Weak<Mutex<journal::Journal>> = Arc::downgrade(&journal);
    env.add_env_cleanup_hook(held, |held| {
        if let Some(closer) = held
            .upgrade()
            .and_then(|journal| journal.lock().ok()?.closer())
        {
            let _ = closer.close();
        }
    })?;
    Ok(JournalHandle { journal })
}

impl JournalHandle {
    fn lock(&self) -> Result<MutexGuard<'_, journal::Journal>> {
        self.journal
            .lock()
            .map_err(|_| Error::from_reason("JOURNAL_FAILED: the journal has failed inside"))
    }
}

#[napi]
impl JournalHandle {
    /// What was there when it was opened.
    #[napi]
    pub fn recovered(&self) -> Result<NativeRecovered> {
        let journal = self.lock()?;
        let found = journal.recovered();
        Ok(NativeRecovered {
            pending: found.pending as f64,
            letters: found.letters as f64,
            keys: found.keys as f64,
            skipped: found.skipped as f64,
            next_seq: found.next_seq as f64,
            details: found.details.clone(),
        })
    }

    /// The next page of pending events, '' after the last one.
    #[napi]
    pub fn next_page(&self) -> Result<String> {
        self.lock()?.next_page().map_err(thrown)
    }

    /// The dead letters.
    #[napi]
    pub fn letters(&self) -> Result<String> {
        self.lock()?.ask(|store| store.letters()).map_err(thrown)
    }

    /// Names that must not come again.
    #[napi]
    pub fn keys(&self) -> Result<String> {
        self.lock()?.ask(|store| store.keys()).map_err(thrown)
    }

    /// A small text by name.
    #[napi]
    pub fn get_state(&self, key: String) -> Result<Option<String>> {
        self.lock()?
            .ask(move |store| store.state(&key))
            .map_err(thrown)
    }

    /// Hands a frame over.
    #[napi]
    pub fn write(&self, text: &[u8], numbers: &[f64], turn_over: bool) -> Result<()> {
        let frame = RawContent {
            text: text.to_vec(),
            numbers: numbers.to_vec(),
        };
        self.lock()?.write(frame, turn_over);
        Ok(())
    }

    /// Lets the present group wait no longer.
    #[napi]
    pub fn commit(&self) -> Result<()> {
        self.lock()?.commit();
        Ok(())
    }

    /// Kept events.
    #[napi]
    pub async fn replay(&self, query: NativeReplayQuery) -> Result<String> {
        let reader = self.lock()?.reader();
        let query = Query {
            from_ts: query.from_ts,
            to_ts: query.to_ts,
            only_unprocessed: query.only_unprocessed,
            types: query.types.unwrap_or_default(),
            after_seq: query.after_seq as i64,
            up_to_seq: query.up_to_seq as i64,
            limit: query.limit,
            skip_damaged: query.skip_damaged,
        };
        blocking(move || reader.replay(&query)).await
    }

    /// Figures of all kept events.
    #[napi]
    pub async fn kept_figures(&self) -> Result<String> {
        let reader = self.lock()?.reader();
        blocking(move || reader.kept_figures()).await
    }

    /// A kept event by its id.
    #[napi]
    pub async fn kept_event(&self, id: String) -> Result<Option<String>> {
        let reader = self.lock()?.reader();
        blocking(move || reader.kept_event(&id)).await
    }

    /// Snapshots of an owner.
    #[napi]
    pub async fn snapshots(
        &self,
        xc_id: String,
        after_position: f64,
        limit: u32,
    ) -> Result<String> {
        let reader = self.lock()?.reader();
        blocking(move || reader.snapshots(&xc_id, after_position as i64, limit)).await
    }

    /// A snapshot by its name.
    #[napi]
    pub async fn snapshot(&self, hash: String, xc_id: Option<String>) -> Result<Option<String>> {
        let reader = self.lock()?.reader();
        blocking(move || reader.snapshot(&hash, xc_id.as_deref())).await
    }

    /// Gives free space back to the file system.
    #[napi]
    pub async fn compact(&self) -> Result<CompactReport> {
        let compactor = self.lock()?.compactor();
        let (before, after) = blocking(move || compactor.compact()).await?;
        Ok(CompactReport {
            bytes_before: before as f64,
            bytes_after: after as f64,
        })
    }

    /// Figures.
    #[napi]
    pub fn stats(&self) -> Result<NativeJournalStats> {
        let writer = self.lock()?.stats();
        let store = &writer.store;
        Ok(NativeJournalStats {
            pending: store.pending as f64,
            kept: store.kept as f64,
            letters: store.letters as f64,
            keys: store.keys as f64,
            snapshots: store.snapshots as f64,
            snapshot_bytes: store.snapshot_bytes as f64,
            bytes: store.bytes as f64,
            wal_bytes: store.wal_bytes as f64,
            groups: writer.groups as f64,
            frames: writer.frames as f64,
            ops: store.ops as f64,
            coalesced: store.coalesced as f64,
            failures: writer.failures as f64,
            compressed_events: store.compressed_events as f64,
            original_bytes: store.original_bytes as f64,
            stored_bytes: store.stored_bytes as f64,
            skipped: store.skipped as f64,
            last_commit_ms: writer.last_commit_ms,
            max_commit_ms: writer.max_commit_ms,
        })
    }

    /// As `close`, here and now: for the end of the process.
    #[napi]
    pub fn close_now(&self) -> Result<()> {
        let closer = self.lock()?.closer();
        closer
            .map_or(Ok(()), journal::Closer::close)
            .map_err(thrown)
    }

    /// Commits everything and lets go of the files.
    #[napi]
    pub async fn close(&self) -> Result<()> {
        let closer = self.lock()?.closer();
        blocking(move || closer.map_or(Ok(()), journal::Closer::close)).await
    }
}

async fn tool(
    path: String,
    look: impl FnOnce(&Path) -> std::result::Result<serde_json::Value, JournalError> + Send + 'static,
) -> Result<String> {
    blocking(move || look(Path::new(&path)).map(|answer| answer.to_string())).await
}

/// What is in a journal.
#[napi]
pub async fn journal_inspect(path: String) -> Result<String> {
    tool(path, journal::inspect).await
}

/// Looks at every record of a journal.
#[napi]
pub async fn journal_verify(path: String) -> Result<String> {
    tool(path, journal::verify).await
}

/// A page of a journal's records.
#[napi]
pub async fn journal_export(path: String, cursor: String, limit: u32) -> Result<String> {
    tool(path, move |path| journal::export(path, &cursor, limit)).await
}

/// Writes a journal anew, without what is free in it.
#[napi]
pub async fn journal_compact(path: String) -> Result<String> {
    tool(path, journal::compact).await
}

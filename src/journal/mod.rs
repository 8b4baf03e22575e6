//! The journal: what happens to events, on disk, so that it survives the process. An adapter: it has a thread of its own,
//! takes frames over a channel and tells in one call what has become of a group. It knows nothing of Node-API.

mod codec;
mod compact;
mod compactor;
mod error;
mod frame;
mod group;
mod lock;
mod options;
mod readers;
mod segments;
mod sqlite;
mod store;
mod writer;

pub use compact::{Content, Own, Packet, RawContent, ops};
pub use compactor::Compactor;
pub use error::{Code, JournalError};
pub use frame::Op;
pub use group::{Frame, Group};
pub use options::{OnCorruption, Options, SyncMode};
pub use readers::{compact, export, inspect, verify};
pub use sqlite::{FORMAT, Page, Query, SqliteStore};
pub use store::{Recovered, Store, StoreStats};
pub use writer::{Command, Report, Writer, WriterStats};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lock::{Lock, private};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// An open journal.
pub struct Journal {
    path: PathBuf,
    commands: Sender<Command<SqliteStore>>,
    stats: Arc<Mutex<WriterStats>>,
    recovered: Recovered,
    frames: u64,
    /// The page that is being read ahead.
    ahead: Option<Receiver<Result<Page, JournalError>>>,
    thread: Option<JoinHandle<()>>,
    lock: Option<Lock>,
    reader: Arc<Mutex<Option<Connection>>>,
}

impl Journal {
    /// Opens the journal in a directory, which is made if it is not there. `report` is called on the journal's thread.
    pub fn open(
        options: &Options,
        report: impl FnMut(Report) + Send + 'static,
    ) -> Result<Self, JournalError> {
        make_directory(&options.path)?;
        let lock = Lock::take(&options.path)?;
        let store = SqliteStore::open(options)?;
        let recovered = store.recovered().clone();
        let stats = Arc::new(Mutex::new(WriterStats::default()));
        let writer = Writer::new(store, options, Arc::clone(&stats), report);
        let (commands, inbox) = unbounded();
        let thread = std::thread::Builder::new()
            .name("kodus-journal".into())
            .spawn(move || writer.run(&inbox))
            .map_err(|error| JournalError::io(&options.path, "start the thread of", &error))?;
        Ok(Self {
            path: options.path.clone(),
            commands,
            stats,
            recovered,
            frames: 0,
            ahead: None,
            thread: Some(thread),
            lock: Some(lock),
            reader: Arc::default(),
        })
    }

    /// What was there when it was opened.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// The next page of pending events; an empty one at the end. The one after it is read ahead meanwhile.
    pub fn next_page(&mut self) -> Result<String, JournalError> {
        let waiting = match self.ahead.take() {
            Some(waiting) => waiting,
            None => self.request_page(0),
        };
        let page = waiting.recv().map_err(|_| gone(&self.path))??;
        if !page.json.is_empty() {
            self.ahead = Some(self.request_page(page.last));
        }
        Ok(page.json)
    }

    fn request_page(&self, after: i64) -> Receiver<Result<Page, JournalError>> {
        self.later(move |store| store.page(after))
    }

    /// Asks the journal's thread; the answer comes over a channel.
    fn later<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut SqliteStore) -> T + Send + 'static,
    ) -> Receiver<T> {
        let (reply, answer) = bounded(1);
        let ask = Box::new(move |store: &mut SqliteStore| {
            // Whoever asked may have gone.
            let _ = reply.send(ask(store));
        });
        let _ = self.commands.send(Command::Ask(ask));
        answer
    }

    /// Asks the journal's thread and waits for the answer.
    pub fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut SqliteStore) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        self.later(ask).recv().map_err(|_| gone(&self.path))?
    }

    /// Hands a frame over. Answers its number. `turn_over`: nothing more comes for the moment.
    pub fn write(&mut self, frame: impl Into<Packet>, turn_over: bool) -> u64 {
        self.frames += 1;
        // A journal that is closed has told so already.
        let _ = self
            .commands
            .send(Command::Frame(self.frames, frame.into(), turn_over));
        self.frames
    }

    /// Lets the present group wait no longer.
    pub fn commit(&self) {
        let _ = self.commands.send(Command::Commit);
    }

    /// Figures, as of the last commit. Waits for nothing; also when the journal is closed.
    pub fn stats(&self) -> WriterStats {
        self.stats
            .lock()
            .map(|stats| stats.clone())
            .unwrap_or_default()
    }

    /// Reads on a connection of its own, on the calling thread: what is committed, while the writer goes on.
    pub fn reader(&self) -> Reader {
        Reader {
            path: self.path.clone(),
            connection: Arc::clone(&self.reader),
        }
    }

    /// Gives free space back to the file system, in slices between groups. Answers the bytes of the file before and after.
    pub fn compactor(&self) -> Compactor {
        Compactor::new(self.path.clone(), self.commands.clone())
    }

    /// What is needed to close it on any thread.
    pub fn closer(&mut self) -> Option<Closer> {
        Some(Closer {
            path: self.path.clone(),
            commands: self.commands.clone(),
            thread: self.thread.take()?,
            lock: self.lock.take(),
            reader: Arc::clone(&self.reader),
        })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some(closer) = self.closer() {
            // Its thread has told what went wrong.
            let _ = closer.close();
        }
    }
}

/// Closes a journal.
pub struct Closer {
    path: PathBuf,
    commands: Sender<Command<SqliteStore>>,
    thread: JoinHandle<()>,
    lock: Option<Lock>,
    reader: Arc<Mutex<Option<Connection>>>,
}

impl Closer {
    /// Commits everything, ends the thread and lets go of the files.
    pub fn close(self) -> Result<(), JournalError> {
        if let Ok(mut reader) = self.reader.lock() {
            reader.take();
        }
        let (reply, answer) = bounded(1);
        let _ = self.commands.send(Command::Close(reply));
        let result = answer.recv().unwrap_or_else(|_| Err(gone(&self.path)));
        let _ = self.thread.join();
        let store = result?;
        store.checkpoint();
        drop(store);
        drop(self.lock);
        Ok(())
    }
}

/// Reads a journal that is open.
pub struct Reader {
    path: PathBuf,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl Reader {
    /// Calls `read` with a connection that is opened when it is first needed.
    pub fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let mut slot = self.connection.lock().map_err(|_| gone(&self.path))?;
        if slot.is_none() {
            *slot = Some(sqlite::open_to_read(&self.path)?);
        }
        match slot.as_ref() {
            Some(connection) => read(connection),
            None => Err(gone(&self.path)),
        }
    }

    /// See [`sqlite::replay`].
    pub fn replay(&self, query: &Query) -> Result<String, JournalError> {
        self.read(|connection| sqlite::replay(connection, query))
    }

    /// See [`sqlite::kept_figures`].
    pub fn kept_figures(&self) -> Result<String, JournalError> {
        self.read(sqlite::kept_figures)
    }

    /// See [`sqlite::kept_event`].
    pub fn kept_event(&self, id: &str) -> Result<Option<String>, JournalError> {
        self.read(|connection| sqlite::kept_event(connection, id))
    }

    /// See [`sqlite::snapshots`].
    pub fn snapshots(&self, xc_id: &str, after: i64, limit: u32) -> Result<String, JournalError> {
        self.read(|connection| sqlite::snapshots(connection, xc_id, after, limit))
    }

    /// See [`sqlite::snapshot`].
    pub fn snapshot(
        &self,
        hash: &str,
        xc_id: Option<&str>,
    ) -> Result<Option<String>, JournalError> {
        self.read(|connection| sqlite::snapshot(connection, hash, xc_id))
    }
}

fn gone(path: &Path) -> JournalError {
    JournalError::new(
        Code::Failed,
        format!("the journal {} is closed", path.display()),
    )
}

/// A directory that was just made (`made` of them, the last one `path`) is gone after a power cut if nobody has synced the one it is in. Where that cannot be done
/// (some file systems, Windows) it need not be.
fn sync_names_above(path: &Path, made: usize) {
    for above in path.ancestors().skip(1).take(made) {
        let above = if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        };
        let _ = std::fs::File::open(above).and_then(|directory| directory.sync_all());
    }
}

/// Makes the directory, for its owner only.
fn make_directory(path: &Path) -> Result<(), JournalError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = path.ancestors().take_while(|above| !above.exists()).count();
    builder
        .create(path)
        .map_err(|error| JournalError::io(path, "make the directory", &error))?;
    sync_names_above(path, made);
    // Says at once, and with the reason, if nothing can be written there.
    let probe = path.join("journal.lock");
    private(
        std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true),
    )
    .open(&probe)
    .map(|_| ())
    .map_err(|error| JournalError::io(&probe, "write", &error))
}

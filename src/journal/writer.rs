//! The journal's thread: it takes frames, commits them in groups, tells what has become of them, and tidies up while it
//! has nothing else to do. When and what is decided in [`super::group`].

use super::compact::Packet;
use super::error::{Code, JournalError};
use super::group::Group;
use super::options::{Options, SyncMode};
use super::store::{Store, StoreStats};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use tracing::{debug, error, info};

/// The store looks for something to tidy up after so many milliseconds without a frame, or so many groups.
const TIDY_AFTER_MS: f64 = 20.0;
const TIDY_EVERY_GROUPS: u64 = 16;

/// What the thread is asked.
pub enum Command<S> {
    /// A frame, by its number, and whether the turn that has brought it is over.
    Frame(u64, Packet, bool),
    /// Let the present group wait no longer.
    Commit,
    /// Call this with the store.
    Ask(Box<dyn FnOnce(&mut S) + Send>),
    /// Commit everything and end.
    Close(Sender<Result<S, JournalError>>),
}

/// What a commit, or its failure, comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Frames up to this one are committed.
    pub durable: u64,
    /// Frames whose awaited events were given up.
    pub failed: Vec<u64>,
    /// Why.
    pub error: Option<JournalError>,
    /// False from a failed commit to the next one that succeeds.
    pub healthy: bool,
    /// Bytes in use.
    pub bytes: u64,
    /// Whether nothing further is to be accepted.
    pub full: bool,
}

/// Figures of the thread and of its store, for anybody to read without waiting.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriterStats {
    /// The store's, as of the last commit.
    pub store: StoreStats,
    /// Groups committed.
    pub groups: u64,
    /// Frames committed.
    pub frames: u64,
    /// Commits that have failed.
    pub failures: u64,
    /// Milliseconds of the last commit.
    pub last_commit_ms: f64,
    /// Of the longest one.
    pub max_commit_ms: f64,
}

/// The state of the thread.
pub struct Writer<S, F> {
    store: S,
    report: F,
    group: Group,
    /// Frames of the group that are carried out, and whether that is done before its commit.
    staged: usize,
    stages_early: bool,
    max_bytes: u64,
    durable: u64,
    full: bool,
    bytes: u64,
    /// Shared with those who ask.
    stats: std::sync::Arc<std::sync::Mutex<WriterStats>>,
    started: Instant,
    groups_since_tidy: u64,
    untidy: bool,
}

impl<S: Store, F: FnMut(Report)> Writer<S, F> {
    /// A writer over a store; `report` is told of each commit.
    pub fn new(
        mut store: S,
        options: &Options,
        stats: std::sync::Arc<std::sync::Mutex<WriterStats>>,
        report: F,
    ) -> Self {
        let figures = store.stats();
        let bytes = figures.bytes;
        if let Ok(mut shared) = stats.lock() {
            shared.store = figures;
        }
        Self {
            full: options.max_bytes > 0 && bytes > options.max_bytes,
            store,
            report,
            group: Group::new(options.sync, options.group_ms, options.group_events),
            staged: 0,
            stages_early: options.sync != SyncMode::Always,
            max_bytes: options.max_bytes,
            durable: 0,
            bytes,
            stats,
            started: Instant::now(),
            groups_since_tidy: 0,
            untidy: true,
        }
    }

    fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    /// Serves commands until the journal is closed or its owner is gone.
    pub fn run(mut self, commands: &Receiver<Command<S>>) {
        self.make_room();
        if self.full {
            self.tell(Vec::new(), None, true);
        }
        loop {
            let command = match self.next(commands) {
                Ok(command) => command,
                Err(RecvTimeoutError::Timeout) => {
                    self.on_time();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.commit_all();
                    return;
                }
            };
            match command {
                Command::Frame(number, content, turn_over) => {
                    let now = self.now();
                    self.group.push(number, content, now);
                    if turn_over {
                        self.group.turn_over(now);
                    }
                    self.stage_early();
                }
                Command::Commit => {
                    let now = self.now();
                    self.group.hurry(now);
                }
                Command::Ask(ask) => ask(&mut self.store),
                Command::Close(reply) => {
                    let result = self.commit_all();
                    let _ = reply.send(result.map(|()| self.store));
                    return;
                }
            }
        }
    }

    /// The next command, or a timeout when something else is due.
    fn next(&self, commands: &Receiver<Command<S>>) -> Result<Command<S>, RecvTimeoutError> {
        if self.is_late() {
            return Err(RecvTimeoutError::Timeout);
        }
        let wake = if self.untidy {
            self.now() + TIDY_AFTER_MS
        } else {
            f64::INFINITY
        };
        let due = self.group.due().min(wake);
        if due == f64::INFINITY {
            return commands.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        let wait = (due - self.now()).max(0.0);
        commands.recv_timeout(Duration::from_secs_f64(wait / 1000.0))
    }

    fn is_late(&self) -> bool {
        self.group.due() <= self.now()
    }

    fn on_time(&mut self) {
        if self.is_late() {
            let _ = self.commit();
        } else if self.untidy {
            self.tidy();
        }
    }

    /// While a burst goes on that somebody waits for, its frames are carried out as they come: the commit at its end is short.
    fn stage_early(&mut self) {
        if !self.stages_early || self.group.is_failing() || !self.group.is_awaited() {
            return;
        }
        if let Err(problem) = self.stage() {
            self.fail(problem);
        }
    }

    /// Carries out the frames that have not been.
    fn stage(&mut self) -> Result<(), JournalError> {
        if self.full && !self.group.is_failing() {
            self.refuse_accepts();
        }
        let frames = self.group.next();
        let fresh = &frames[self.staged..];
        if !fresh.is_empty() {
            let staged = self.store.stage(fresh);
            self.staged = if staged.is_ok() { frames.len() } else { 0 };
            return staged;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        let began = self.now();
        let was_failing = self.group.is_failing();
        let frames = self.group.next().len() as u64;
        let result = match frames {
            0 => self.store.probe(),
            _ => self.stage().and_then(|()| self.store.commit()),
        };
        self.staged = 0;
        let now = self.now();
        match result {
            Ok(()) => {
                let last = self.group.committed(now);
                self.durable = self.durable.max(last);
                self.note(now - began, frames);
                self.measure();
                self.make_room();
                if was_failing {
                    info!("the journal works again");
                }
                self.tell(Vec::new(), None, true);
                Ok(())
            }
            Err(problem) => {
                self.fail(problem.clone());
                Err(problem)
            }
        }
    }

    fn fail(&mut self, problem: JournalError) {
        error!(
            code = problem.code.as_str(),
            "a commit has failed: {problem}"
        );
        self.staged = 0;
        self.lock_stats(|stats| stats.failures += 1);
        let now = self.now();
        let failed = self.group.failed(now);
        self.tell(failed, Some(problem), false);
    }

    /// If the bound is reached, what the store can do without goes at once.
    fn make_room(&mut self) {
        while self.full && self.staged == 0 {
            self.tidy();
            if !self.untidy {
                return;
            }
        }
    }

    /// The bound is reached: what somebody waits for is refused, the rest goes on and makes room.
    fn refuse_accepts(&mut self) {
        let failed = self.group.give_up(self.staged);
        if failed.is_empty() {
            return;
        }
        let message = format!(
            "{} bytes are in use, {} are allowed",
            self.bytes, self.max_bytes
        );
        self.tell(failed, Some(JournalError::new(Code::Full, message)), true);
    }

    fn note(&mut self, took_ms: f64, frames: u64) {
        debug!(frames, took_ms, "committed a group");
        self.lock_stats(|stats| {
            stats.groups += 1;
            stats.frames += frames;
            stats.last_commit_ms = took_ms;
            stats.max_commit_ms = stats.max_commit_ms.max(took_ms);
        });
        self.untidy = true;
        self.groups_since_tidy += 1;
        if self.groups_since_tidy >= TIDY_EVERY_GROUPS {
            self.tidy();
        }
    }

    fn lock_stats(&self, change: impl FnOnce(&mut WriterStats)) {
        if let Ok(mut stats) = self.stats.lock() {
            change(&mut stats);
        }
    }

    fn tidy(&mut self) {
        // Not in the middle of a transaction.
        if self.staged > 0 {
            return;
        }
        self.groups_since_tidy = 0;
        match self.store.tidy() {
            Ok(more) => self.untidy = more,
            Err(problem) => {
                debug!("tidying up has failed: {problem}");
                self.untidy = false;
            }
        }
        let was_full = self.full;
        self.measure();
        if was_full && !self.full {
            self.tell(Vec::new(), None, true);
        }
    }

    fn measure(&mut self) {
        let figures = self.store.stats();
        self.bytes = figures.bytes;
        self.lock_stats(|stats| stats.store = figures);
        self.full = self.max_bytes > 0 && self.bytes > self.max_bytes;
    }

    fn tell(&mut self, failed: Vec<u64>, error: Option<JournalError>, healthy: bool) {
        (self.report)(Report {
            durable: self.durable,
            failed,
            error,
            healthy,
            bytes: self.bytes,
            full: self.full,
        });
    }

    fn commit_all(&mut self) -> Result<(), JournalError> {
        while !self.group.next().is_empty() {
            self.commit()?;
        }
        Ok(())
    }
}

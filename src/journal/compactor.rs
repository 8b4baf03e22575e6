//! Compaction of a journal that is open: in slices, each a command of its own, so that frames are committed between them.

use super::error::JournalError;
use super::sqlite::{SqliteStore, file_in};
use super::writer::Command;
use crossbeam_channel::{Sender, bounded};
use std::path::PathBuf;

/// Pages that one slice gives back.
const PAGES: u64 = 256;

/// Compacts a journal while it is open.
pub struct Compactor {
    path: PathBuf,
    commands: Sender<Command<SqliteStore>>,
}

impl Compactor {
    pub(super) fn new(path: PathBuf, commands: Sender<Command<SqliteStore>>) -> Self {
        Self { path, commands }
    }

    /// Slice by slice, so that no commit waits for long. Answers the bytes of the database file before and after.
    pub fn compact(self) -> Result<(u64, u64), JournalError> {
        let file = file_in(&self.path);
        let size = || std::fs::metadata(&file).map_or(0, |file| file.len());
        let before = size();
        while self.ask(|store| store.compact_slice(PAGES))? {}
        // The file becomes shorter when what is in the log goes into it.
        self.ask(|store| {
            store.checkpoint();
            Ok(())
        })?;
        Ok((before, size()))
    }

    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut SqliteStore) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (reply, answer) = bounded(1);
        let ask = Box::new(move |store: &mut SqliteStore| {
            // Whoever asked may have gone.
            let _ = reply.send(ask(store));
        });
        let _ = self.commands.send(Command::Ask(ask));
        answer.recv().map_err(|_| super::gone(&self.path))?
    }
}

/// The journal's thread is held at gates, so that what stands in its queue, and in which order, is known.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, Options, Report, Store};
    use crossbeam_channel::{Receiver, unbounded};

    fn open(options: &Options) -> (Journal, Receiver<Report>) {
        let (told, reports) = unbounded();
        let journal = Journal::open(options, move |report| {
            let _ = told.send(report);
        });
        (journal.unwrap(), reports)
    }

    /// The journal's thread, once it is there, looks at the store and waits until it is let go.
    struct Gate<T> {
        seen: Receiver<T>,
        go: Sender<()>,
    }

    impl<T: Send + 'static> Gate<T> {
        fn new(
            journal: &Journal,
            look: impl FnOnce(&mut SqliteStore) -> T + Send + 'static,
        ) -> Self {
            let (show, seen) = bounded(1);
            let (go, wait) = bounded::<()>(1);
            journal.later(move |store| {
                let _ = show.send(look(store));
                let _ = wait.recv();
            });
            Self { seen, go }
        }

        fn reached(&self) -> T {
            self.seen.recv().unwrap()
        }

        fn release(self) {
            self.go.send(()).unwrap();
        }
    }

    fn accept(seq: u64, flags: u8, bytes: usize) -> String {
        let body = "x".repeat(bytes);
        format!(
            "A\u{1f}{seq}\u{1f}{flags}\u{1f}1\u{1f}0\u{1f}id-{seq}\u{1f}t\u{1f}\u{1f}\u{1f}\"{body}\"\n"
        )
    }

    fn done(seq: u64) -> String {
        format!("D\u{1f}{seq}\u{1f}0\u{1f}1\n")
    }

    fn durable(reports: &Receiver<Report>) -> u64 {
        reports
            .try_iter()
            .map(|report| report.durable)
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn events_become_durable_between_the_slices_of_a_compaction() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, reports) = open(&Options {
            group_ms: 0.0,
            ..Options::new(directory.path())
        });
        let many: String = (1..=1000).map(|seq| accept(seq, 0, 5000)).collect();
        journal.write(many, true);
        journal.commit();
        journal.write((1..=1000).map(done).collect::<String>(), true);
        journal.commit();
        let free = |store: &mut SqliteStore| store.free_pages();
        let mut gate = Gate::new(&journal, free);
        assert!(gate.reached() >= 3 * PAGES);

        let compactor = journal.compactor();
        let compaction = std::thread::spawn(move || compactor.compact());
        for round in 0..2 {
            while journal.commands.is_empty() {
                std::thread::yield_now();
            }
            // Behind a slice, before the next one: an event that nobody waits for, and one that somebody does.
            let seq = 2001 + 2 * round;
            journal.write(accept(seq, 0, 10), true);
            let last = journal.write(accept(seq + 1, 1, 10), true);
            let next = Gate::new(&journal, free);
            gate.release();
            let left = next.reached();
            assert_eq!(durable(&reports), last, "round {round}");
            assert!(left > 0, "round {round}: the compaction is over");
            gate = next;
        }
        gate.release();
        compaction.join().unwrap().unwrap();
        assert_eq!(journal.ask(move |store| Ok(free(store))).unwrap(), 0);
    }

    #[test]
    fn events_become_durable_between_the_pieces_of_retention() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, reports) = open(&Options {
            keep_events: true,
            retention_events: 0.0,
            ..Options::new(directory.path())
        });
        let kept = |store: &mut SqliteStore| (store.stats().kept, store.stats().dropped);
        let gate = Gate::new(&journal, kept);
        assert_eq!(gate.reached(), (0, 0));
        let many: String = (1..=3000).map(|seq| accept(seq, 0, 10)).collect();
        let mut last = journal.write(many + &(1..=3000).map(done).collect::<String>(), true);
        journal.commit();
        // While there is always something to commit, it is tidied up every few groups.
        for seq in 3001..=3020 {
            last = journal.write(accept(seq, 1, 10), true);
            journal.commit();
        }
        let next = Gate::new(&journal, kept);
        gate.release();
        assert_eq!(next.reached(), (2500, 500));
        assert_eq!(durable(&reports), last);
        next.release();
    }
}

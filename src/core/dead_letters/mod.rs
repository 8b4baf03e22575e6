//! The book of dead letters: what is kept, what leaves, what matches.
//!
//! Times are milliseconds since the epoch: they are shown to users and outlive the process. That clock may be set back,
//! so age (by entry time) and order (of filing) are kept apart.

mod letter;
mod query;
mod tally;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

pub use letter::{ERROR_KINDS, ErrorEntry, Failure, Letter, MAX_ERRORS, Standing, StoredLetter};
pub use query::{Criteria, Page, Stats};
use tally::Tally;

/// Place of a letter in the book; grows with each one that is filed.
pub type Seq = u64;

/// Places below are for restored letters, so that they stand before what was filed while they were read.
const FIRST_FILED: Seq = 1 << 32;

/// What [`DeadLetters::file`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Whether the event is here for the first time.
    pub is_new: bool,
    /// Index of the error entry that left to make room, if one did.
    pub dropped_error: Option<usize>,
    /// Ids of letters that left to make room.
    pub evicted: Vec<String>,
}

/// What has happened since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Letters filed for the first time.
    pub filed: u64,
    /// Letters brought back from where they had been kept.
    pub restored: u64,
    /// Letters that left to make room.
    pub evicted: u64,
    /// Letters that left because of their age.
    pub expired: u64,
    /// Letters that were taken out.
    pub removed: u64,
}

/// Dead letters in the order in which they were filed, bounded in number and age.
///
/// Nothing is forgotten: `filed + restored = evicted + expired + removed + len`.
#[derive(Debug)]
pub struct DeadLetters {
    max_size: usize,
    retention_ms: f64,
    letters: BTreeMap<Seq, Letter>,
    by_id: FxHashMap<String, Seq>,
    by_age: BTreeSet<(Age, Seq)>,
    last_filed: Seq,
    last_restored: Seq,
    counters: Counters,
    tally: Tally,
}

impl DeadLetters {
    /// An empty book for at most `max_size` letters (at least one), each kept for `retention_ms`.
    pub fn new(max_size: u32, retention_ms: f64) -> Self {
        Self {
            max_size: max_size.max(1) as usize,
            retention_ms,
            letters: BTreeMap::new(),
            by_id: FxHashMap::default(),
            by_age: BTreeSet::new(),
            last_filed: FIRST_FILED,
            last_restored: 0,
            counters: Counters::default(),
            tally: Tally::default(),
        }
    }

    /// Letters in the book.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// What has happened since the beginning.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The letter of an event.
    pub fn get(&self, id: &str) -> Option<&Letter> {
        self.letters.get(self.by_id.get(id)?)
    }

    /// Files a failure. A letter that is here already keeps its place, its entry time and its standing, and gets a
    /// further error entry. For a new one the oldest letter leaves a full book.
    pub fn file(&mut self, now: f64, id: &str, failure: &Failure) -> Filed {
        if let Some(dropped_error) = self.change(id, |letter| letter.fail_again(failure)) {
            return Filed {
                is_new: false,
                dropped_error,
                evicted: Vec::new(),
            };
        }
        // Before it is put in: should the clock have been set back, it must not be the oldest itself.
        let evicted = self.evict_down_to(self.max_size - 1);
        self.last_filed += 1;
        self.put(self.last_filed, Letter::new(now, id, failure));
        self.counters.filed += 1;
        Filed {
            is_new: true,
            dropped_error: None,
            evicted,
        }
    }

    /// Puts a letter back that has been kept elsewhere. One that is in the book is newer and stays.
    /// Answers the ids of letters that left to make room; if it is the oldest, that is its own.
    pub fn restore(&mut self, stored: StoredLetter) -> Vec<String> {
        if self.by_id.contains_key(&stored.id) {
            return Vec::new();
        }
        self.last_restored += 1;
        self.put(self.last_restored, Letter::restored(stored));
        self.counters.restored += 1;
        self.evict_down_to(self.max_size)
    }

    /// Takes a letter out if it may go back into the queue.
    pub fn take(&mut self, id: &str) -> bool {
        self.is_reprocessable(id) && self.remove(id)
    }

    /// Whether a letter is here and may go back into the queue.
    pub fn is_reprocessable(&self, id: &str) -> bool {
        let letter = self.get(id);
        letter.is_some_and(|letter| letter.standing == Standing::Reprocessable)
    }

    /// Takes a letter out, whatever its standing.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(seq) = self.by_id.get(id).copied() else {
            return false;
        };
        self.pull(seq);
        self.counters.removed += 1;
        true
    }

    /// Bars a letter from going back. Answers the index of the error entry that left to make room, if one did; nothing at
    /// all if there is no such letter.
    pub fn poison(&mut self, id: &str, message: String) -> Option<Option<usize>> {
        self.change(id, |letter| letter.poison(message))
    }

    /// Takes out what has been kept for its time; answers the ids, oldest first.
    pub fn expire(&mut self, now: f64) -> Vec<String> {
        let mut expired = Vec::new();
        while self.next_deadline().is_some_and(|deadline| deadline <= now) {
            expired.extend(self.pull_oldest());
        }
        self.counters.expired += expired.len() as u64;
        expired
    }

    /// When the next letter has been kept for its time.
    pub fn next_deadline(&self) -> Option<f64> {
        let (_, seq) = self.by_age.first()?;
        Some(self.letters[seq].entered_at + self.retention_ms)
    }

    /// Milliseconds until the next sweep that finds something, in whole multiples of `interval_ms`; none if the book is
    /// empty.
    pub fn sweep_delay(&self, now: f64, interval_ms: f64) -> Option<f64> {
        let wait_ms = self.next_deadline()? - now;
        Some((wait_ms / interval_ms).ceil().max(1.0) * interval_ms)
    }

    /// Takes everything out; answers how many there were.
    pub fn clear(&mut self) -> usize {
        let count = self.len();
        self.letters.clear();
        self.by_id.clear();
        self.by_age.clear();
        self.tally = Tally::default();
        self.counters.removed += count as u64;
        count
    }

    fn change<R>(&mut self, id: &str, change: impl FnOnce(&mut Letter) -> R) -> Option<R> {
        let seq = *self.by_id.get(id)?;
        let letter = self.letters.get_mut(&seq)?;
        self.tally.subtract(seq, letter);
        let answer = change(letter);
        self.tally.add(seq, letter);
        Some(answer)
    }

    fn put(&mut self, seq: Seq, letter: Letter) {
        self.by_id.insert(letter.id.clone(), seq);
        self.by_age.insert((Age::of(&letter), seq));
        self.tally.add(seq, &letter);
        self.letters.insert(seq, letter);
    }

    fn pull(&mut self, seq: Seq) -> Option<String> {
        let letter = self.letters.remove(&seq)?;
        self.by_id.remove(&letter.id);
        self.by_age.remove(&(Age::of(&letter), seq));
        self.tally.subtract(seq, &letter);
        Some(letter.id)
    }

    fn pull_oldest(&mut self) -> Option<String> {
        let (_, seq) = self.by_age.first().copied()?;
        self.pull(seq)
    }

    fn evict_down_to(&mut self, size: usize) -> Vec<String> {
        let excess = self.len().saturating_sub(size);
        let evicted: Vec<String> = (0..excess).filter_map(|_| self.pull_oldest()).collect();
        self.counters.evicted += evicted.len() as u64;
        evicted
    }
}

/// Entry times in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Age(f64);

impl Age {
    fn of(letter: &Letter) -> Self {
        Self(letter.entered_at)
    }
}

impl Eq for Age {}

impl Ord for Age {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Age {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;

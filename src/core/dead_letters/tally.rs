//! What is known over all letters of the book, kept as they come, change and go: whoever asks for statistics, or for those of one
//! type, need not wait for a look at each of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Seq;
use super::letter::Letter;

/// What the letters in the book come to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Places of the letters of each event type.
    pub by_event_type: BTreeMap<String, BTreeSet<Seq>>,
    /// Error entries of each kind.
    pub by_error_kind: BTreeMap<&'static str, u32>,
    /// Attempts of all letters.
    pub attempts: u64,
}

impl Tally {
    /// A letter is in the book.
    pub fn add(&mut self, seq: Seq, letter: &Letter) {
        self.attempts += u64::from(letter.attempts);
        match self.by_event_type.get_mut(&letter.event_type) {
            Some(seqs) => {
                seqs.insert(seq);
            }
            None => {
                let seqs = BTreeSet::from([seq]);
                self.by_event_type.insert(letter.event_type.clone(), seqs);
            }
        }
        for error in &letter.errors {
            *self.by_error_kind.entry(error.kind).or_default() += 1;
        }
    }

    /// A letter leaves the book, or changes; it must be as it was when it was added.
    pub fn subtract(&mut self, seq: Seq, letter: &Letter) {
        self.attempts -= u64::from(letter.attempts);
        if let Some(seqs) = self.by_event_type.get_mut(&letter.event_type) {
            seqs.remove(&seq);
            if seqs.is_empty() {
                self.by_event_type.remove(&letter.event_type);
            }
        }
        for error in &letter.errors {
            if let Some(count) = self.by_error_kind.get_mut(error.kind) {
                *count -= 1;
                if *count == 0 {
                    self.by_error_kind.remove(error.kind);
                }
            }
        }
    }
}

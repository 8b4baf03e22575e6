//! Permits for each key. A permit that is given back goes to the longest waiter of that key, so that nobody who comes
//! later overtakes; a key that nobody uses is forgotten.
//!
//! In a runtime two kinds wait: runs that have started, in line, and events of the queue that have not, *held* here in the
//! order of the queue. Runs go first. A held event is not handed a permit: it is *roused* and tries again when its turn
//! comes. Until then only events that are before it in the queue's order take the permit that it was roused for.
//!
//! Invariant: where events are held, no permit is free, or one that was held there is roused and will try again.

use std::collections::BTreeSet;

use super::waiters::{Line, Waiters};
use crate::core::ready::Place;

/// So many runs may wait in the lines of one limiter before events of full keys are held in the queue instead.
pub const MAX_WAITING_RUNS: usize = 1024;

/// What happens to who finds no permit free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused.
    Drop,
    /// It waits in line. How long is between the caller and its timer; see [`Permits::abandon`].
    Wait,
}

/// Answer of [`Permits::enter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A permit was free and is taken.
    Granted,
    /// None is free, and this policy does not wait.
    Refused,
    /// In line under this id, until [`Exit::HandedTo`] names it or it is abandoned.
    Waiting(u32),
}

/// Answer of [`Permits::leave`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The permit now belongs to this waiter.
    HandedTo(u32),
    /// The permit is free; others of the key are in use.
    Freed,
    /// Nobody holds or awaits a permit of the key: its id is closed and may be given out anew.
    Idle,
}

#[derive(Debug, Clone, Default)]
struct Key {
    is_open: bool,
    /// Permits in use. Whenever somebody waits in line, all are in use.
    in_use: u32,
    line: Line,
    held: BTreeSet<Place>,
    /// Events that were held here and are to try again.
    roused: BTreeSet<Place>,
}

impl Key {
    fn is_idle(&self) -> bool {
        self.in_use == 0 && self.roused.is_empty() && self.held.is_empty()
    }
}

/// Permits of one limited wrapper.
#[derive(Debug, Clone)]
pub struct Permits {
    max_concurrent: u32,
    when_full: WhenFull,
    keys: Vec<Key>,
    free: Vec<u32>,
    /// Keys that may be idle although nobody was told.
    idle: Vec<u32>,
    waiters: Waiters,
}

impl Permits {
    /// `max_concurrent` permits a key, at least 1.
    pub fn new(max_concurrent: u32, when_full: WhenFull) -> Self {
        Self {
            max_concurrent: max_concurrent.max(1),
            when_full,
            keys: Vec::new(),
            free: Vec::new(),
            idle: Vec::new(),
            waiters: Waiters::default(),
        }
    }

    /// Names a key that nobody uses yet and takes one of its permits.
    pub fn open(&mut self) -> u32 {
        let key = self.free.pop().unwrap_or_else(|| {
            self.keys.push(Key::default());
            self.keys.len() as u32 - 1
        });
        let state = &mut self.keys[key as usize];
        state.is_open = true;
        state.in_use = 1;
        key
    }

    /// Asks for a permit of an open key.
    pub fn enter(&mut self, key: u32) -> Entry {
        if self.try_enter(key) {
            return Entry::Granted;
        }
        let state = &mut self.keys[key as usize];
        match self.when_full {
            WhenFull::Drop => Entry::Refused,
            WhenFull::Wait => Entry::Waiting(self.waiters.push(&mut state.line, key)),
        }
    }

    /// Takes a permit of an open key if one is free.
    pub fn try_enter(&mut self, key: u32) -> bool {
        let free = self.has_room(key);
        self.keys[key as usize].in_use += u32::from(free);
        free
    }

    /// Whether a permit of an open key is free.
    pub fn has_room(&self, key: u32) -> bool {
        self.keys[key as usize].in_use < self.max_concurrent
    }

    /// Gives back one permit of `key`. In a runtime, [`rouse`](Self::rouse) next.
    pub fn leave(&mut self, key: u32) -> Exit {
        let state = &mut self.keys[key as usize];
        if let Some(waiter) = self.waiters.pop(&mut state.line) {
            return Exit::HandedTo(waiter);
        }
        state.in_use -= 1;
        if !state.is_idle() {
            return Exit::Freed;
        }
        self.close(key);
        Exit::Idle
    }

    fn close(&mut self, key: u32) {
        self.keys[key as usize].is_open = false;
        self.free.push(key);
    }

    /// A waiter does not want to wait any longer (its time is over, it was cancelled).
    pub fn abandon(&mut self, waiter: u32) {
        let key = self.waiters.key_of(waiter);
        self.waiters
            .remove(&mut self.keys[key as usize].line, waiter);
    }

    /// Whether so many runs wait in line that no more should be started without need.
    pub fn is_crowded(&self) -> bool {
        self.waiters.len() >= MAX_WAITING_RUNS
    }

    // ── Events of the queue ────────────────────────────────────────────────────────────────────────────

    /// Takes a permit for an event of the queue, unless none is free or those that are belong to events before it.
    pub(crate) fn admit(&mut self, key: u32, place: Place) -> bool {
        let state = &self.keys[key as usize];
        let free = self.max_concurrent.saturating_sub(state.in_use) as usize;
        let before = |places: &BTreeSet<Place>, most: usize| {
            if places.is_empty() {
                return 0;
            }
            places.range(..place).take(most).count()
        };
        let roused = before(&state.roused, free);
        let admits = roused + before(&state.held, free - roused) < free;
        self.keys[key as usize].in_use += u32::from(admits);
        admits
    }

    /// An event waits in the queue until a permit of `key` is free; none is.
    pub(crate) fn hold(&mut self, key: u32, place: Place) {
        self.keys[key as usize].held.insert(place);
    }

    /// A held event waits no longer.
    pub(crate) fn forget(&mut self, key: u32, place: Place) {
        self.keys[key as usize].held.remove(&place);
        self.note_idle(key);
    }

    /// The held event that is to try again because a permit is free.
    pub(crate) fn rouse(&mut self, key: u32) -> Option<u32> {
        let max_concurrent = self.max_concurrent;
        let state = &mut self.keys[key as usize];
        if state.in_use >= max_concurrent {
            return None;
        }
        let place = state.held.pop_first()?;
        state.roused.insert(place);
        Some(place.2)
    }

    /// A roused event has tried, or will not. [`rouse`](Self::rouse) next, unless it is held here again.
    pub(crate) fn stand_down(&mut self, key: u32, place: Place) {
        self.keys[key as usize].roused.remove(&place);
        self.note_idle(key);
    }

    fn note_idle(&mut self, key: u32) {
        if self.keys[key as usize].is_idle() {
            self.idle.push(key);
        }
    }

    /// Closes and names a key that has become idle without a permit given back.
    pub fn close_idle(&mut self) -> Option<u32> {
        while let Some(key) = self.idle.pop() {
            let state = &self.keys[key as usize];
            if state.is_open && state.is_idle() {
                self.close(key);
                return Some(key);
            }
        }
        None
    }

    // ── Views ──────────────────────────────────────────────────────────────────────────────────────────

    /// Permits in use, of all keys.
    pub fn in_use(&self) -> usize {
        self.keys.iter().map(|key| key.in_use as usize).sum()
    }

    /// Waiters in line, of all keys.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Events held or roused, of all keys.
    pub fn held(&self) -> usize {
        self.keys
            .iter()
            .map(|key| key.held.len() + key.roused.len())
            .sum()
    }

    /// Keys in use.
    pub fn open_keys(&self) -> usize {
        self.keys.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_permit_goes_to_the_longest_waiter() {
        let mut permits = Permits::new(1, WhenFull::Wait);
        let key = permits.open();
        let Entry::Waiting(first) = permits.enter(key) else {
            panic!("should wait")
        };
        let Entry::Waiting(second) = permits.enter(key) else {
            panic!("should wait")
        };
        assert_eq!(permits.leave(key), Exit::HandedTo(first));
        permits.abandon(second);
        assert_eq!(permits.leave(key), Exit::Idle);
        assert_eq!(permits.open_keys(), 0);
    }

    #[test]
    fn a_full_key_refuses_when_told_not_to_wait_and_others_are_untouched() {
        let mut permits = Permits::new(2, WhenFull::Drop);
        let key = permits.open();
        assert_eq!(permits.enter(key), Entry::Granted);
        assert_eq!(permits.enter(key), Entry::Refused);
        let other = permits.open();
        assert_eq!(permits.enter(other), Entry::Granted);
        assert_eq!(permits.leave(key), Exit::Freed);
        assert_eq!(permits.enter(key), Entry::Granted);
    }

    #[test]
    fn ids_of_idle_keys_are_used_again() {
        let mut permits = Permits::new(1, WhenFull::Drop);
        for _ in 0..1_000_000 {
            let key = permits.open();
            assert_eq!(key, 0);
            assert_eq!(permits.leave(key), Exit::Idle);
        }
        assert_eq!(permits.keys.len(), 1);
    }
}

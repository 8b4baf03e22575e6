//! Permits for each key. A permit that is given back goes to the longest waiter of that key, so that nobody who comes
//! later overtakes; a key that nobody uses is forgotten.

use super::waiters::{Line, Waiters};

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
    /// Permits in use. Whenever somebody waits, all are in use.
    in_use: u32,
    line: Line,
}

/// Permits of one limited wrapper.
#[derive(Debug, Clone)]
pub struct Permits {
    max_concurrent: u32,
    when_full: WhenFull,
    keys: Vec<Key>,
    free: Vec<u32>,
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
            waiters: Waiters::default(),
        }
    }

    /// Names a key that nobody uses yet and takes one of its permits.
    pub fn open(&mut self) -> u32 {
        let key = self.free.pop().unwrap_or_else(|| {
            self.keys.push(Key::default());
            self.keys.len() as u32 - 1
        });
        self.keys[key as usize].in_use = 1;
        key
    }

    /// Asks for a permit of an open key.
    pub fn enter(&mut self, key: u32) -> Entry {
        let state = &mut self.keys[key as usize];
        if state.in_use < self.max_concurrent {
            state.in_use += 1;
            return Entry::Granted;
        }
        match self.when_full {
            WhenFull::Drop => Entry::Refused,
            WhenFull::Wait => Entry::Waiting(self.waiters.push(&mut state.line, key)),
        }
    }

    /// Gives back one permit of `key`.
    pub fn leave(&mut self, key: u32) -> Exit {
        let state = &mut self.keys[key as usize];
        if let Some(waiter) = self.waiters.pop(&mut state.line) {
            return Exit::HandedTo(waiter);
        }
        state.in_use -= 1;
        if state.in_use > 0 {
            return Exit::Freed;
        }
        self.free.push(key);
        Exit::Idle
    }

    /// A waiter does not want to wait any longer (its time is over, it was cancelled).
    pub fn abandon(&mut self, waiter: u32) {
        let key = self.waiters.key_of(waiter);
        self.waiters
            .remove(&mut self.keys[key as usize].line, waiter);
    }

    /// Permits in use, of all keys.
    pub fn in_use(&self) -> usize {
        self.keys.iter().map(|key| key.in_use as usize).sum()
    }

    /// Waiters in line, of all keys.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
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

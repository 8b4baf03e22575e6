//! Room in a bounded buffer, and what happens when there is none.

use super::Verdict;

/// What gives way when a buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The item that has waited longest.
    DropOldest,
    /// The item that comes.
    DropNewest,
    /// Nothing: the stream fails.
    Fail,
    /// Nothing: whoever brings the item waits.
    Wait,
}

/// Counts the items of a buffer that the caller keeps.
#[derive(Debug, Clone)]
pub struct Room {
    capacity: u32,
    overflow: Overflow,
    used: u32,
}

impl Room {
    /// An empty buffer for `capacity` items.
    pub fn new(capacity: u32, overflow: Overflow) -> Self {
        Self {
            capacity,
            overflow,
            used: 0,
        }
    }

    /// An item has come.
    pub fn offer(&mut self) -> Verdict {
        if self.used < self.capacity {
            self.used += 1;
            return Verdict::Hold;
        }
        match self.overflow {
            Overflow::DropOldest => Verdict::Evict,
            Overflow::DropNewest => Verdict::Drop,
            Overflow::Fail => Verdict::Overflow,
            Overflow::Wait => Verdict::Wait,
        }
    }

    /// An item has left.
    pub fn taken(&mut self) {
        self.used = self.used.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_buffer_does_what_its_policy_says_until_an_item_leaves() {
        for (overflow, verdict) in [
            (Overflow::DropOldest, Verdict::Evict),
            (Overflow::DropNewest, Verdict::Drop),
            (Overflow::Fail, Verdict::Overflow),
            (Overflow::Wait, Verdict::Wait),
        ] {
            let mut room = Room::new(2, overflow);
            assert_eq!(room.offer(), Verdict::Hold);
            assert_eq!(room.offer(), Verdict::Hold);
            assert_eq!(room.offer(), verdict);
            room.taken();
            assert_eq!(room.offer(), Verdict::Hold);
        }
    }
}

//! Ordering keys: events of one key never run at the same time and never overtake each other.

use super::slots::{List, NONE, Slot, State};

#[derive(Debug, Clone, Copy)]
struct Key {
    /// The event whose turn it is, from admission to its end, redeliveries included.
    holder: u32,
    /// The ones behind it, in the order of their admission.
    waiting: List,
}

/// The turn of each ordering key. Keys are small integers that the caller interns and may use again once idle.
#[derive(Debug, Default)]
pub struct OrderingKeys {
    keys: Vec<Key>,
    blocked: u32,
}

impl OrderingKeys {
    /// Gives `slot` the turn of its key, or lets it wait (state `Blocked`). Answers whether it has the turn.
    pub fn enter(&mut self, slots: &mut [Slot], slot: u32) -> bool {
        let index = slots[slot as usize].key as usize;
        if index >= self.keys.len() {
            let idle = Key {
                holder: NONE,
                waiting: List::default(),
            };
            self.keys.resize(index + 1, idle);
        }
        let key = &mut self.keys[index];
        if key.holder == NONE {
            key.holder = slot;
            return true;
        }
        slots[slot as usize].state = State::Blocked;
        key.waiting.push_back(slots, slot);
        self.blocked += 1;
        false
    }

    /// `slot` has ended. Answers the slot whose turn it is now, or [`NONE`].
    pub fn leave(&mut self, slots: &mut [Slot], slot: u32) -> u32 {
        let key = &mut self.keys[slots[slot as usize].key as usize];
        if key.holder != slot {
            key.waiting.remove(slots, slot);
            self.blocked -= 1;
            return NONE;
        }
        key.holder = key.waiting.pop_front(slots);
        self.blocked -= u32::from(key.holder != NONE);
        key.holder
    }

    /// How many wait behind another of their key.
    pub fn blocked(&self) -> u32 {
        self.blocked
    }
}

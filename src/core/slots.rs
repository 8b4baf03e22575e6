//! The table of live events: one fixed-size record for each slot.

use super::timers::TimerId;

/// "No slot", "no key", end of a list.
pub const NONE: u32 = u32::MAX;

/// Where an event is. Every live event is in exactly one of these; an ended one leaves the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// The slot is not in use.
    #[default]
    Free,
    /// Waiting until its delay is over.
    Delayed,
    /// Waiting until its redelivery is due.
    Retrying,
    /// Waiting behind an older event of the same ordering key.
    Blocked,
    /// In the ready queue.
    Ready,
    /// Ready, but its tenant or its type has no permit free.
    Held,
    /// Ready, but its key has no permit free at a limiter of the middleware's.
    Gated,
    /// Its turn has come, and the facade is asked which permit it needs.
    Offered,
    /// Its handlers run.
    Running,
    /// Its handlers have started and wait for something that must not hold a permit (a middleware's wait).
    Parked,
    /// As parked, but the wait is over: it goes on as soon as a permit is free.
    Resuming,
    /// Its handlers have succeeded; the acknowledgement is still to come.
    Unacked,
}

/// One event's record. The links serve whichever list the state says the event is in.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Where the event is.
    pub state: State,
    /// Index of its redelivery policy.
    pub policy: u16,
    /// Attempts begun.
    pub attempts: u32,
    /// Interned tenant; equal-priority tenants share fairly.
    pub tenant: u32,
    /// Interned ordering key, or [`NONE`].
    pub key: u32,
    /// Interned event type.
    pub kind: u32,
    /// Next event of the same list.
    pub next: u32,
    /// Previous event of the same list.
    pub prev: u32,
    /// Higher runs first.
    pub priority: f64,
    /// Order of entry into the ready queue.
    pub seq: u64,
    /// Absolute time before which it must not start (0: at once).
    pub due: f64,
    /// Estimated size in bytes, 0 when sizes are off.
    pub bytes: f64,
    /// The deadline of its present state: delay, redelivery, or acknowledgement.
    pub timer: TimerId,
    /// The deadline of its time to live.
    pub ttl_timer: TimerId,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            state: State::Free,
            policy: 0,
            attempts: 0,
            tenant: 0,
            key: NONE,
            kind: 0,
            next: NONE,
            prev: NONE,
            priority: 0.0,
            seq: 0,
            due: 0.0,
            bytes: 0.0,
            timer: TimerId::NONE,
            ttl_timer: TimerId::NONE,
        }
    }
}

/// A doubly linked list through [`Slot::next`] and [`Slot::prev`]: constant-time push, pop and removal.
#[derive(Debug, Clone, Copy)]
pub struct List {
    head: u32,
    tail: u32,
}

impl Default for List {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
        }
    }
}

impl List {
    /// The first slot, or [`NONE`].
    #[inline]
    pub fn head(&self) -> u32 {
        self.head
    }

    /// Whether the list has no slot.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// Appends `slot`.
    #[inline]
    pub fn push_back(&mut self, slots: &mut [Slot], slot: u32) {
        slots[slot as usize].next = NONE;
        slots[slot as usize].prev = self.tail;
        match self.tail {
            NONE => self.head = slot,
            tail => slots[tail as usize].next = slot,
        }
        self.tail = slot;
    }

    /// Takes the first slot, or [`NONE`].
    #[inline]
    pub fn pop_front(&mut self, slots: &mut [Slot]) -> u32 {
        let slot = self.head;
        if slot != NONE {
            self.head = slots[slot as usize].next;
            match self.head {
                NONE => self.tail = NONE,
                head => slots[head as usize].prev = NONE,
            }
        }
        slot
    }

    /// Unlinks `slot`, which must be in this list.
    pub fn remove(&mut self, slots: &mut [Slot], slot: u32) {
        let Slot { next, prev, .. } = slots[slot as usize];
        match prev {
            NONE => self.head = next,
            prev => slots[prev as usize].next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => slots[next as usize].prev = prev,
        }
    }

    /// Puts `slot` back among slots that are ordered by [`Slot::seq`]; cheap when it belongs near one of the ends.
    pub fn insert_by_seq(&mut self, slots: &mut [Slot], slot: u32) {
        let (before, after) = self.place_by_seq(slots, slots[slot as usize].seq);
        slots[slot as usize].next = after;
        slots[slot as usize].prev = before;
        match after {
            NONE => self.tail = slot,
            after => slots[after as usize].prev = slot,
        }
        match before {
            NONE => self.head = slot,
            before => slots[before as usize].next = slot,
        }
    }

    /// The neighbours of a slot with this `seq`, looked for from both ends at once.
    fn place_by_seq(&self, slots: &[Slot], seq: u64) -> (u32, u32) {
        let (mut front, mut back) = (self.head, self.tail);
        while front != NONE {
            if slots[front as usize].seq > seq {
                return (slots[front as usize].prev, front);
            }
            if slots[back as usize].seq < seq {
                return (back, slots[back as usize].next);
            }
            front = slots[front as usize].next;
            back = slots[back as usize].prev;
        }
        (NONE, NONE)
    }

    /// The slots from first to last.
    pub fn iter<'a>(&self, slots: &'a [Slot]) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let slot = at;
            (slot != NONE).then(|| {
                at = slots[slot as usize].next;
                slot
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_order_through_pushes_pops_removals_and_sorted_inserts() {
        let mut slots = vec![Slot::default(); 6];
        let mut list = List::default();
        for i in [0, 1, 3, 4] {
            slots[i as usize].seq = u64::from(i);
            list.push_back(&mut slots, i);
        }
        slots[2].seq = 2;
        list.insert_by_seq(&mut slots, 2);
        assert_eq!(list.iter(&slots).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        list.remove(&mut slots, 2);
        list.remove(&mut slots, 4);
        assert_eq!(list.pop_front(&mut slots), 0);
        slots[5].seq = 9;
        slots[2].seq = 8;
        list.insert_by_seq(&mut slots, 5);
        list.insert_by_seq(&mut slots, 0);
        list.insert_by_seq(&mut slots, 2);
        assert_eq!(list.iter(&slots).collect::<Vec<_>>(), [0, 1, 3, 2, 5]);
        list.remove(&mut slots, 5);
        list.push_back(&mut slots, 5);
        assert_eq!(list.iter(&slots).collect::<Vec<_>>(), [0, 1, 3, 2, 5]);
        while list.pop_front(&mut slots) != NONE {}
        assert!(list.is_empty());
    }
}

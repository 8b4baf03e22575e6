//! Deadlines: a heap from which any entry can be removed, so that nothing stale piles up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ready::rank;

/// Names one armed deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerId(u32);

impl TimerId {
    /// No deadline.
    pub const NONE: TimerId = TimerId(u32::MAX);

    /// The id as a number, for a caller that keeps it.
    pub fn to_raw(self) -> u32 {
        self.0
    }

    /// The id that [`to_raw`](Self::to_raw) gave.
    pub fn from_raw(raw: u32) -> Self {
        Self(raw)
    }
}

/// What a deadline of an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerKind {
    /// A delay or a redelivery wait is over: the event becomes ready.
    Due,
    /// The time to live of an event that has not started is over.
    Expiry,
    /// An event that is ready has waited too long for a permit of a limiter.
    Permit,
    /// The acknowledgement of a delivery has not come.
    AckTimeout,
}

#[derive(Debug, Clone, Copy)]
struct Entry<T> {
    deadline: f64,
    /// Equal deadlines fire in the order in which they were armed.
    seq: u64,
    /// Position in `heap`, or the next free entry.
    at: u32,
    item: T,
}

/// Armed deadlines, each with an item; earliest first, ties in the order of arming.
#[derive(Debug, Clone)]
pub struct Timers<T> {
    entries: Vec<Entry<T>>,
    heap: Vec<u32>,
    free: u32,
    seq: u64,
}

impl<T: Copy> Default for Timers<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            heap: Vec::new(),
            free: u32::MAX,
            seq: 0,
        }
    }
}

impl<T: Copy> Timers<T> {
    /// Arms a deadline; `O(log n)`, constant when it is the latest so far.
    pub fn arm(&mut self, deadline: f64, item: T) -> TimerId {
        self.seq += 1;
        let at = self.heap.len() as u32;
        let entry = Entry {
            deadline,
            seq: self.seq,
            at,
            item,
        };
        let id = match self.free {
            u32::MAX => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
            id => {
                self.free = self.entries[id as usize].at;
                self.entries[id as usize] = entry;
                id
            }
        };
        self.heap.push(id);
        self.sift_up(at as usize);
        TimerId(id)
    }

    /// Disarms `id`, which must be armed or [`TimerId::NONE`].
    pub fn cancel(&mut self, id: TimerId) {
        if id != TimerId::NONE {
            self.remove_at(self.entries[id.0 as usize].at as usize);
        }
    }

    /// The item of `id`, if that is armed.
    pub fn armed(&self, id: TimerId) -> Option<T> {
        let entry = self.entries.get(id.0 as usize)?;
        (self.heap.get(entry.at as usize) == Some(&id.0)).then_some(entry.item)
    }

    /// Takes the earliest deadline that is not after `now`.
    pub fn pop_due(&mut self, now: f64) -> Option<T> {
        let first = *self.heap.first()?;
        let Entry { deadline, item, .. } = self.entries[first as usize];
        (deadline <= now).then(|| {
            self.remove_at(0);
            item
        })
    }

    /// The earliest deadline that is not after `now`; it stays armed.
    pub fn first_due(&self, now: f64) -> Option<TimerId> {
        let first = *self.heap.first()?;
        (self.entries[first as usize].deadline <= now).then_some(TimerId(first))
    }

    /// The deadline of `id`, which must be armed.
    pub fn deadline(&self, id: TimerId) -> f64 {
        self.entries[id.0 as usize].deadline
    }

    /// The earliest deadline.
    #[inline]
    pub fn next_deadline(&self) -> Option<f64> {
        self.heap
            .first()
            .map(|&id| self.entries[id as usize].deadline)
    }

    /// How many are armed.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is armed.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// What is armed, the earliest first. It costs as much as is taken of it.
    pub fn in_order(&self) -> impl Iterator<Item = T> + '_ {
        let place = |at: usize| {
            let entry = &self.entries[*self.heap.get(at)? as usize];
            Some(Reverse((rank(entry.deadline), entry.seq, at)))
        };
        let mut next: BinaryHeap<_> = place(0).into_iter().collect();
        std::iter::from_fn(move || {
            let Reverse((_, _, at)) = next.pop()?;
            next.extend([2 * at + 1, 2 * at + 2].into_iter().filter_map(place));
            Some(self.entries[self.heap[at] as usize].item)
        })
    }

    fn remove_at(&mut self, at: usize) {
        let id = self.heap.swap_remove(at);
        self.entries[id as usize].at = self.free;
        self.free = id;
        if at < self.heap.len() {
            self.entries[self.heap[at] as usize].at = at as u32;
            self.sift_down(at);
            self.sift_up(at);
        }
    }

    fn before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (
            &self.entries[self.heap[a] as usize],
            &self.entries[self.heap[b] as usize],
        );
        (a.deadline, a.seq) < (b.deadline, b.seq)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.entries[self.heap[a] as usize].at = a as u32;
        self.entries[self.heap[b] as usize].at = b as u32;
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 && self.before(at, (at - 1) / 2) {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let left = 2 * at + 1;
            let mut least = at;
            for child in [left, left + 1] {
                if child < self.heap.len() && self.before(child, least) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.swap(at, least);
            at = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rng::Rng;

    #[test]
    fn deadlines_fire_in_order_and_cancelled_ones_never() {
        let mut rng = Rng::new(1);
        let mut timers = Timers::default();
        let mut model: Vec<(f64, u32, TimerId)> = Vec::new();
        for step in 0..20_000u32 {
            match (rng.unit() * 3.0) as u32 {
                0 | 1 => {
                    let deadline = (rng.unit() * 1_000.0).floor();
                    model.push((deadline, step, timers.arm(deadline, step)));
                }
                _ if !model.is_empty() && rng.unit() < 0.5 => {
                    let (_, _, id) = model.swap_remove((rng.unit() * model.len() as f64) as usize);
                    timers.cancel(id);
                }
                _ => {
                    let now = rng.unit() * 1_000.0;
                    let earliest = model
                        .iter()
                        .copied()
                        .filter(|entry| entry.0 <= now)
                        .min_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).unwrap());
                    assert_eq!(timers.pop_due(now), earliest.map(|entry| entry.1));
                    model.retain(|entry| Some(entry.1) != earliest.map(|e| e.1));
                }
            }
            assert_eq!(timers.len(), model.len());
        }
        model.sort_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).unwrap());
        let order: Vec<u32> = model.iter().map(|entry| entry.1).collect();
        assert_eq!(timers.in_order().collect::<Vec<_>>(), order);
        assert_eq!(timers.in_order().take(3).collect::<Vec<_>>(), order[..3]);
    }
}

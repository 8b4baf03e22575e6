//! The ready queue: by priority, then fair among tenants, then by arrival.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use super::slots::{List, NONE, Slot};

/// A priority, or another number, as an integer of the same order.
pub(crate) type Rank = i64;

pub(super) fn rank(number: f64) -> Rank {
    // Adding zero makes -0.0 equal to 0.0.
    let bits = (number + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// An event's place among others that are to start, first to last: priority, arrival, slot.
pub(crate) type Place = (Reverse<Rank>, u64, u32);

pub(crate) fn place(id: u32, slot: &Slot) -> Place {
    (Reverse(rank(slot.priority)), slot.seq, id)
}

/// So many turns of tenants that have run out of events may lie about, and as many again as there are tenants.
const SPARE_TURNS: usize = 64;

/// The events of one tenant, and the number of its turn.
#[derive(Debug)]
struct Tenant {
    turn: u64,
    list: List,
}

/// The events of one priority that belong to several tenants.
#[derive(Debug, Default)]
struct Tenants {
    /// Each tenant that has events, once. A turn whose number is not its tenant's any more is nobody's: that tenant ran out of
    /// events before its turn came.
    turns: VecDeque<(u32, u64)>,
    by_id: FxHashMap<u32, Tenant>,
    last_turn: u64,
    /// The first event of each tenant, by arrival. Kept once somebody has asked for the oldest of all.
    heads: Option<BTreeSet<(u64, u32)>>,
}

impl Tenants {
    /// Begins with the events of one, of which there must be some.
    fn of(tenant: u32, list: List) -> Self {
        let mut tenants = Self::default();
        tenants.open(tenant).list = list;
        tenants
    }

    fn open(&mut self, tenant: u32) -> &mut Tenant {
        self.by_id.entry(tenant).or_insert_with(|| {
            self.last_turn += 1;
            self.turns.push_back((tenant, self.last_turn));
            Tenant {
                turn: self.last_turn,
                list: List::default(),
            }
        })
    }

    /// Changes the list of a tenant; one that is empty then loses its turn.
    fn change<R>(
        &mut self,
        slots: &mut [Slot],
        tenant: u32,
        change: impl FnOnce(&mut List, &mut [Slot]) -> R,
    ) -> R {
        let list = &mut self.open(tenant).list;
        let before = list.head();
        let answer = change(list, slots);
        let after = list.head();
        if after == NONE {
            self.by_id.remove(&tenant);
        }
        if let Some(heads) = &mut self.heads
            && before != after
        {
            if before != NONE {
                heads.remove(&(slots[before as usize].seq, before));
            }
            if after != NONE {
                heads.insert((slots[after as usize].seq, after));
            }
        }
        answer
    }

    fn has_turn(&self, tenant: u32, turn: u64) -> bool {
        self.by_id
            .get(&tenant)
            .is_some_and(|known| known.turn == turn)
    }

    fn pop(&mut self, slots: &mut [Slot]) -> u32 {
        while let Some((tenant, turn)) = self.turns.pop_front() {
            if !self.has_turn(tenant, turn) {
                continue;
            }
            let slot = self.change(slots, tenant, |list, slots| list.pop_front(slots));
            if self.has_turn(tenant, turn) {
                self.turns.push_back((tenant, turn));
            }
            return slot;
        }
        NONE
    }

    fn remove(&mut self, slots: &mut [Slot], slot: u32) {
        let tenant = slots[slot as usize].tenant;
        self.change(slots, tenant, |list, slots| list.remove(slots, slot));
        if self.turns.len() > 2 * self.by_id.len() + SPARE_TURNS {
            let by_id = &self.by_id;
            self.turns
                .retain(|(tenant, turn)| by_id.get(tenant).is_some_and(|t| t.turn == *turn));
        }
    }

    fn oldest(&mut self, slots: &[Slot]) -> u32 {
        let by_id = &self.by_id;
        let heads = self.heads.get_or_insert_with(|| {
            let heads = by_id.values().map(|tenant| tenant.list.head());
            heads.map(|slot| (slots[slot as usize].seq, slot)).collect()
        });
        heads.first().map_or(NONE, |(_, slot)| *slot)
    }

    /// As [`Lane::collect`].
    fn collect(&self, slots: &[Slot], limit: usize, into: &mut Vec<u32>) {
        let turns = self.turns.iter();
        let mut cursors: VecDeque<_> = turns
            .filter(|(tenant, turn)| self.has_turn(*tenant, *turn))
            .take(limit - into.len())
            .map(|(tenant, _)| self.by_id[tenant].list.iter(slots))
            .collect();
        while into.len() < limit {
            let Some(mut cursor) = cursors.pop_front() else {
                return;
            };
            if let Some(slot) = cursor.next() {
                into.push(slot);
                cursors.push_back(cursor);
            }
        }
    }
}

/// The events of one priority. Tenants take turns by deficit round robin in which every event costs one.
#[derive(Debug)]
enum Lane {
    /// Events of one tenant only: the usual case, no turns to keep.
    Solo { tenant: u32, list: List },
    /// Several tenants.
    Shared(Tenants),
}

impl Lane {
    fn change<R>(
        &mut self,
        slots: &mut [Slot],
        tenant: u32,
        change: impl FnOnce(&mut List, &mut [Slot]) -> R,
    ) -> R {
        if let Lane::Solo {
            tenant: owner,
            list,
        } = self
            && *owner != tenant
        {
            *self = Lane::Shared(Tenants::of(*owner, *list));
        }
        match self {
            Lane::Solo { list, .. } => change(list, slots),
            Lane::Shared(tenants) => tenants.change(slots, tenant, change),
        }
    }

    fn pop(&mut self, slots: &mut [Slot]) -> u32 {
        match self {
            Lane::Solo { list, .. } => list.pop_front(slots),
            Lane::Shared(tenants) => tenants.pop(slots),
        }
    }

    fn remove(&mut self, slots: &mut [Slot], slot: u32) {
        match self {
            Lane::Solo { list, .. } => list.remove(slots, slot),
            Lane::Shared(tenants) => tenants.remove(slots, slot),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Lane::Solo { list, .. } => list.is_empty(),
            Lane::Shared(tenants) => tenants.by_id.is_empty(),
        }
    }

    fn oldest(&mut self, slots: &[Slot]) -> u32 {
        match self {
            Lane::Solo { list, .. } => list.head(),
            Lane::Shared(tenants) => tenants.oldest(slots),
        }
    }

    /// The slots in the order in which they would leave if nothing else came.
    fn collect(&self, slots: &[Slot], limit: usize, into: &mut Vec<u32>) {
        match self {
            Lane::Solo { list, .. } => into.extend(list.iter(slots).take(limit - into.len())),
            Lane::Shared(tenants) => tenants.collect(slots, limit, into),
        }
    }
}

/// Constant time for the priorities in use, `O(log p)` when one appears or runs out (p: distinct priorities).
#[derive(Debug, Default)]
pub struct ReadyQueue {
    lanes: BTreeMap<Rank, Lane>,
    len: u32,
    seq: u64,
}

impl ReadyQueue {
    /// Events in the queue.
    #[inline]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether none is ready.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends `slot` behind the events of its priority and tenant.
    pub fn push(&mut self, slots: &mut [Slot], slot: u32) {
        self.seq += 1;
        slots[slot as usize].seq = self.seq;
        self.insert(slots, slot, List::push_back);
    }

    /// Puts back a slot that had been taken, at the place that it had.
    pub fn restore(&mut self, slots: &mut [Slot], slot: u32) {
        self.insert(slots, slot, List::insert_by_seq);
    }

    fn insert(&mut self, slots: &mut [Slot], slot: u32, put: fn(&mut List, &mut [Slot], u32)) {
        let Slot {
            priority, tenant, ..
        } = slots[slot as usize];
        let lane = self.lanes.entry(rank(priority));
        let lane = lane.or_insert_with(|| Lane::Solo {
            tenant,
            list: List::default(),
        });
        lane.change(slots, tenant, |list, slots| put(list, slots, slot));
        self.len += 1;
    }

    /// Takes the next slot, or [`NONE`].
    #[inline]
    pub fn pop(&mut self, slots: &mut [Slot]) -> u32 {
        let Some(mut lane) = self.lanes.last_entry() else {
            return NONE;
        };
        let slot = lane.get_mut().pop(slots);
        if lane.get().is_empty() {
            lane.remove();
        }
        self.len -= 1;
        slot
    }

    /// Takes `slot`, which must be in the queue, out of its place.
    pub fn remove(&mut self, slots: &mut [Slot], slot: u32) {
        let rank = rank(slots[slot as usize].priority);
        let lane = self.lanes.get_mut(&rank).expect("a ready slot has a lane");
        lane.remove(slots, slot);
        if lane.is_empty() {
            self.lanes.remove(&rank);
        }
        self.len -= 1;
    }

    /// The oldest event of the lowest priority: what `overflow: 'drop-oldest'` gives up.
    pub fn least(&mut self, slots: &[Slot]) -> u32 {
        let lane = self.lanes.first_entry();
        lane.map_or(NONE, |mut lane| lane.get_mut().oldest(slots))
    }

    /// Up to `limit` slots in the order in which they would start if nothing else came.
    pub fn snapshot(&self, slots: &[Slot], limit: usize) -> Vec<u32> {
        let mut slots_in_order = Vec::new();
        for lane in self.lanes.values().rev() {
            if slots_in_order.len() >= limit {
                break;
            }
            lane.collect(slots, limit, &mut slots_in_order);
        }
        slots_in_order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rng::Rng;

    fn queue(events: &[(f64, u32)]) -> (ReadyQueue, Vec<Slot>) {
        let mut slots: Vec<Slot> = events
            .iter()
            .map(|&(priority, tenant)| Slot {
                priority,
                tenant,
                ..Slot::default()
            })
            .collect();
        let mut queue = ReadyQueue::default();
        for slot in 0..slots.len() as u32 {
            queue.push(&mut slots, slot);
        }
        (queue, slots)
    }

    fn drain(queue: &mut ReadyQueue, slots: &mut [Slot]) -> Vec<u32> {
        std::iter::from_fn(|| Some(queue.pop(slots)).filter(|&slot| slot != NONE)).collect()
    }

    #[test]
    fn ranks_order_as_the_priorities_do() {
        let sorted = [
            f64::MIN,
            -2.5,
            -1.0,
            -1e-300,
            0.0,
            1e-300,
            0.5,
            1.0,
            1e9,
            f64::MAX,
        ];
        assert!(sorted.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
        assert_eq!(rank(-0.0), rank(0.0));
    }

    #[test]
    fn higher_priority_first_then_arrival() {
        let (mut queue, mut slots) = queue(&[(0.0, 0), (5.0, 0), (-1.0, 0), (5.0, 0), (0.5, 0)]);
        assert_eq!(queue.snapshot(&slots, 9), [1, 3, 4, 0, 2]);
        assert_eq!(queue.least(&slots), 2);
        assert_eq!(drain(&mut queue, &mut slots), [1, 3, 4, 0, 2]);
    }

    #[test]
    fn tenants_of_one_priority_take_turns() {
        let (mut queue, mut slots) =
            queue(&[(0.0, 1), (0.0, 1), (0.0, 1), (0.0, 2), (0.0, 3), (0.0, 2)]);
        let order = [0, 3, 4, 1, 5, 2];
        assert_eq!(queue.snapshot(&slots, 9), order);
        assert_eq!(queue.snapshot(&slots, 2), order[..2]);
        assert_eq!(drain(&mut queue, &mut slots), order);
    }

    #[test]
    fn a_flood_of_one_tenant_delays_another_by_one_event_at_most() {
        let mut events = vec![(0.0, 1); 1_000];
        events.push((0.0, 2));
        let (mut queue, mut slots) = queue(&events);
        assert_eq!(drain(&mut queue, &mut slots)[1], 1_000);
    }

    #[test]
    fn a_tenant_that_runs_out_of_events_loses_its_turn() {
        let (mut queue, mut slots) = queue(&[(0.0, 1), (0.0, 2), (0.0, 3), (0.0, 1)]);
        queue.remove(&mut slots, 1);
        queue.push(&mut slots, 1);
        assert_eq!(queue.snapshot(&slots, 9), [0, 2, 1, 3]);
        assert_eq!(drain(&mut queue, &mut slots), [0, 2, 1, 3]);
    }

    #[test]
    fn tenants_that_come_and_go_leave_no_turns_behind() {
        let events: Vec<(f64, u32)> = (0..10_000).map(|tenant| (0.0, tenant)).collect();
        let (mut queue, mut slots) = queue(&events);
        for slot in 3..10_000 {
            queue.remove(&mut slots, slot);
        }
        let Some(Lane::Shared(tenants)) = queue.lanes.values().next() else {
            panic!("several tenants share a lane")
        };
        assert!(tenants.turns.len() <= 2 * 3 + SPARE_TURNS);
        assert_eq!(queue.snapshot(&slots, 9), [0, 1, 2]);
        assert_eq!(drain(&mut queue, &mut slots), [0, 1, 2]);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_oldest_is_known_however_tenants_come_and_go() {
        let mut rng = Rng::new(5);
        let (mut queue, mut slots) = queue(&[]);
        let mut waiting: Vec<u32> = Vec::new();
        for _ in 0..5_000 {
            match (rng.unit() * 4.0) as u32 {
                0 if !waiting.is_empty() => {
                    let at = (rng.unit() * waiting.len() as f64) as usize;
                    queue.remove(&mut slots, waiting.swap_remove(at));
                }
                1 if !waiting.is_empty() => {
                    let slot = queue.pop(&mut slots);
                    if rng.unit() < 0.5 {
                        queue.restore(&mut slots, slot);
                    } else {
                        waiting.retain(|&other| other != slot);
                    }
                }
                _ => {
                    slots.push(Slot {
                        tenant: (rng.unit() * 20.0) as u32,
                        ..Slot::default()
                    });
                    let slot = slots.len() as u32 - 1;
                    queue.push(&mut slots, slot);
                    waiting.push(slot);
                }
            }
            let oldest = waiting.iter().min_by_key(|&&slot| slots[slot as usize].seq);
            assert_eq!(queue.least(&slots), oldest.copied().unwrap_or(NONE));
            assert_eq!(queue.len() as usize, waiting.len());
        }
    }

    #[test]
    fn a_restored_slot_has_its_old_place() {
        let (mut queue, mut slots) = queue(&[(0.0, 0), (0.0, 0), (0.0, 0)]);
        let (a, b) = (queue.pop(&mut slots), queue.pop(&mut slots));
        queue.restore(&mut slots, b);
        queue.restore(&mut slots, a);
        assert_eq!(drain(&mut queue, &mut slots), [0, 1, 2]);
        assert!(queue.is_empty());
    }
}

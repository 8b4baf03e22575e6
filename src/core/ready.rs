//! The ready queue: by priority, then fair among tenants, then by arrival.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use super::slots::{List, NONE, Slot};

/// A priority as an integer of the same order.
pub(crate) type Rank = i64;

pub(super) fn rank(priority: f64) -> Rank {
    // Adding zero makes -0.0 equal to 0.0.
    let bits = (priority + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// An event's place among others that are to start, first to last: priority, arrival, slot.
pub(crate) type Place = (Reverse<Rank>, u64, u32);

pub(crate) fn place(id: u32, slot: &Slot) -> Place {
    (Reverse(rank(slot.priority)), slot.seq, id)
}

/// The events of one priority. Tenants take turns by deficit round robin in which every event costs one.
#[derive(Debug)]
enum Lane {
    /// Events of one tenant only: the usual case, no turns to keep.
    Solo { tenant: u32, list: List },
    /// Several tenants; `turn` holds each that has events, once.
    Shared {
        turn: VecDeque<u32>,
        lists: FxHashMap<u32, List>,
    },
}

impl Lane {
    fn list_mut(&mut self, tenant: u32) -> &mut List {
        if let Lane::Solo {
            tenant: owner,
            list,
        } = self
            && *owner != tenant
        {
            let (owner, list) = (*owner, *list);
            *self = Lane::Shared {
                turn: VecDeque::from([owner]),
                lists: FxHashMap::from_iter([(owner, list)]),
            };
        }
        match self {
            Lane::Solo { list, .. } => list,
            Lane::Shared { turn, lists } => lists.entry(tenant).or_insert_with(|| {
                turn.push_back(tenant);
                List::default()
            }),
        }
    }

    fn pop(&mut self, slots: &mut [Slot]) -> u32 {
        match self {
            Lane::Solo { list, .. } => list.pop_front(slots),
            Lane::Shared { turn, lists } => {
                let Some(tenant) = turn.pop_front() else {
                    return NONE;
                };
                let list = lists.get_mut(&tenant).expect("a turn has a list");
                let slot = list.pop_front(slots);
                if list.is_empty() {
                    lists.remove(&tenant);
                } else {
                    turn.push_back(tenant);
                }
                slot
            }
        }
    }

    fn remove(&mut self, slots: &mut [Slot], slot: u32) {
        match self {
            Lane::Solo { list, .. } => list.remove(slots, slot),
            Lane::Shared { turn, lists } => {
                let tenant = slots[slot as usize].tenant;
                let list = lists
                    .get_mut(&tenant)
                    .expect("the slot's tenant has a list");
                list.remove(slots, slot);
                if list.is_empty() {
                    lists.remove(&tenant);
                    turn.retain(|&other| other != tenant);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Lane::Solo { list, .. } => list.is_empty(),
            Lane::Shared { turn, .. } => turn.is_empty(),
        }
    }

    /// The slots in the order in which they would leave if nothing else came.
    fn collect(&self, slots: &[Slot], limit: usize, into: &mut Vec<u32>) {
        match self {
            Lane::Solo { list, .. } => into.extend(list.iter(slots).take(limit - into.len())),
            Lane::Shared { turn, lists } => {
                let mut cursors: VecDeque<_> = turn
                    .iter()
                    .map(|tenant| lists[tenant].iter(slots))
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
        self.lane_list(slots, slot).push_back(slots, slot);
        self.len += 1;
    }

    /// Puts back a slot that had been taken, at the place that it had.
    pub fn restore(&mut self, slots: &mut [Slot], slot: u32) {
        self.lane_list(slots, slot).insert_by_seq(slots, slot);
        self.len += 1;
    }

    fn lane_list(&mut self, slots: &[Slot], slot: u32) -> &mut List {
        let Slot {
            priority, tenant, ..
        } = slots[slot as usize];
        self.lanes
            .entry(rank(priority))
            .or_insert_with(|| Lane::Solo {
                tenant,
                list: List::default(),
            })
            .list_mut(tenant)
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
    pub fn least(&self, slots: &[Slot]) -> u32 {
        match self.lanes.values().next() {
            None => NONE,
            Some(Lane::Solo { list, .. }) => list.head(),
            Some(Lane::Shared { lists, .. }) => lists
                .values()
                .map(List::head)
                .min_by_key(|&slot| slots[slot as usize].seq)
                .unwrap_or(NONE),
        }
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
    fn a_restored_slot_has_its_old_place() {
        let (mut queue, mut slots) = queue(&[(0.0, 0), (0.0, 0), (0.0, 0)]);
        let (a, b) = (queue.pop(&mut slots), queue.pop(&mut slots));
        queue.restore(&mut slots, b);
        queue.restore(&mut slots, a);
        assert_eq!(drain(&mut queue, &mut slots), [0, 1, 2]);
        assert!(queue.is_empty());
    }
}

//! How many events of one tenant and of one event type may run at once.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::ready::{Place, place};
use super::slots::Slot;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Limit {
    Tenant(u32),
    Kind(u32),
}

#[derive(Debug, Default)]
struct Usage {
    running: u32,
    /// Events that wait for a permit here, in the order in which they were to start.
    held: BTreeSet<Place>,
}

/// Limits per tenant and per event type; entries exist only while something runs or waits.
///
/// Invariant: where an event is held, no permit is free, or another event that was held there is ready and will
/// try again. So whoever takes such an event out of the ready queue asks for [`wakes`](Self::wakes).
#[derive(Debug, Default)]
pub struct GroupLimits {
    per_tenant: Option<u32>,
    per_kind: Option<u32>,
    usage: FxHashMap<Limit, Usage>,
}

impl GroupLimits {
    /// Limits of that many at once for each tenant and each type; `None` is no limit.
    pub fn new(per_tenant: Option<u32>, per_kind: Option<u32>) -> Self {
        Self {
            per_tenant,
            per_kind,
            usage: FxHashMap::default(),
        }
    }

    /// Whether there is no limit at all, so that the hot path can pass by.
    #[inline]
    pub fn is_off(&self) -> bool {
        self.per_tenant.is_none() && self.per_kind.is_none()
    }

    fn of(&self, slot: &Slot) -> impl Iterator<Item = (Limit, u32)> + use<> {
        let tenant = self.per_tenant.map(|max| (Limit::Tenant(slot.tenant), max));
        let kind = self.per_kind.map(|max| (Limit::Kind(slot.kind), max));
        tenant.into_iter().chain(kind)
    }

    /// Takes the permits of `slot`, or holds it back at the first limit that is used up.
    pub fn enter(&mut self, id: u32, slot: &Slot) -> bool {
        for (limit, max) in self.of(slot) {
            let usage = self.usage.entry(limit).or_default();
            if usage.running >= max {
                usage.held.insert(place(id, slot));
                return false;
            }
        }
        for (limit, _) in self.of(slot) {
            self.usage.entry(limit).or_default().running += 1;
        }
        true
    }

    /// Gives the permits of `slot` back; ask for [`wakes`](Self::wakes) next.
    pub fn leave(&mut self, slot: &Slot) {
        for (limit, _) in self.of(slot) {
            if let Some(usage) = self.usage.get_mut(&limit) {
                usage.running -= 1;
            }
        }
    }

    /// `slot` no longer waits for a permit.
    pub fn forget(&mut self, id: u32, slot: &Slot) {
        for (limit, _) in self.of(slot) {
            if let Some(usage) = self.usage.get_mut(&limit) {
                usage.held.remove(&place(id, slot));
            }
        }
    }

    /// Events held at the limits of `slot` that may be tried again, because a permit is free there.
    pub fn wakes(&mut self, slot: &Slot) -> [Option<u32>; 2] {
        let mut wakes = [None, None];
        for ((limit, max), wake) in self.of(slot).zip(&mut wakes) {
            let Some(usage) = self.usage.get_mut(&limit) else {
                continue;
            };
            if usage.running < max {
                *wake = usage.held.pop_first().map(|(_, _, id)| id);
            }
            if usage.running == 0 && usage.held.is_empty() {
                self.usage.remove(&limit);
            }
        }
        wakes
    }
}

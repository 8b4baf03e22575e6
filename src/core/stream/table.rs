//! The operators of one stream manager and their deadlines.

use super::batch::Batch;
use super::debounce::Debounce;
use super::delay::Delay;
use super::idle::Idle;
use super::sliding::Sliding;
use super::throttle::Throttle;
use super::window::Window;
use super::{Operator, Verdict};
use crate::core::timers::{TimerId, Timers};

/// An operator of any kind.
#[derive(Debug, Clone)]
pub enum Kind {
    /// See [`Debounce`].
    Debounce(Debounce),
    /// See [`Throttle`].
    Throttle(Throttle),
    /// See [`Batch`].
    Batch(Batch),
    /// See [`Window`].
    Window(Window),
    /// See [`Sliding`].
    Sliding(Sliding),
    /// See [`Delay`].
    Delay(Delay),
    /// See [`Idle`].
    Idle(Idle),
}

impl Kind {
    fn as_operator(&mut self) -> &mut dyn Operator {
        match self {
            Kind::Debounce(operator) => operator,
            Kind::Throttle(operator) => operator,
            Kind::Batch(operator) => operator,
            Kind::Window(operator) => operator,
            Kind::Sliding(operator) => operator,
            Kind::Delay(operator) => operator,
            Kind::Idle(operator) => operator,
        }
    }
}

macro_rules! kind_of {
    ($($operator:ident),*) => {
        $(impl From<$operator> for Kind {
            fn from(operator: $operator) -> Self {
                Kind::$operator(operator)
            }
        })*
    };
}
kind_of!(Debounce, Throttle, Batch, Window, Sliding, Delay, Idle);

#[derive(Debug, Clone)]
struct Entry {
    kind: Kind,
    timer: TimerId,
    /// What `timer` is armed for; infinite if it is not.
    armed_at: f64,
}

/// Operators by id. An id is free for another operator after `close`.
#[derive(Debug, Clone, Default)]
pub struct Table {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    timers: Timers<u32>,
}

impl Table {
    /// Takes in an operator and names it.
    pub fn open(&mut self, kind: Kind) -> u32 {
        let entry = Some(Entry {
            kind,
            timer: TimerId::NONE,
            armed_at: f64::INFINITY,
        });
        match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        }
    }

    /// Forgets an operator and its deadline.
    pub fn close(&mut self, id: u32) {
        if let Some(entry) = self.entries.get_mut(id as usize).and_then(Option::take) {
            self.timers.cancel(entry.timer);
            self.free.push(id);
        }
    }

    /// An item has come for the operator.
    pub fn item(&mut self, id: u32, now: f64) -> Verdict {
        self.change(id, |operator| {
            if operator.deadline() <= now {
                Verdict::Late
            } else {
                operator.item(now)
            }
        })
    }

    /// Serves the operator's deadline if it is over.
    pub fn overdue(&mut self, id: u32, now: f64) -> Verdict {
        self.change(id, |operator| {
            if operator.deadline() <= now {
                operator.due(now)
            } else {
                Verdict::Nothing
            }
        })
    }

    /// The operator's source has ended. To be called again after each `Release`.
    pub fn end(&mut self, id: u32) -> Verdict {
        self.change(id, |operator| operator.end())
    }

    /// An [`Idle`] wait begins.
    pub fn begin(&mut self, id: u32, now: f64) {
        if let Some(Entry {
            kind: Kind::Idle(idle),
            ..
        }) = self.entry_mut(id)
        {
            idle.begin(now);
        }
        self.rearm(id);
    }

    /// Takes an operator whose deadline is over. It is to be asked with [`overdue`](Self::overdue).
    pub fn next_due(&mut self, now: f64) -> Option<u32> {
        let id = self.timers.pop_due(now)?;
        if let Some(entry) = self.entry_mut(id) {
            entry.timer = TimerId::NONE;
            entry.armed_at = f64::INFINITY;
        }
        Some(id)
    }

    /// The earliest deadline; infinite without any.
    pub fn next_deadline(&self) -> f64 {
        self.timers.next_deadline().unwrap_or(f64::INFINITY)
    }

    /// The sliding window of this id.
    pub fn sliding(&self, id: u32) -> Option<&Sliding> {
        match self.entries.get(id as usize)? {
            Some(Entry {
                kind: Kind::Sliding(sliding),
                ..
            }) => Some(sliding),
            _ => None,
        }
    }

    /// How many operators are open.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn entry_mut(&mut self, id: u32) -> Option<&mut Entry> {
        self.entries.get_mut(id as usize)?.as_mut()
    }

    fn change(&mut self, id: u32, change: impl FnOnce(&mut dyn Operator) -> Verdict) -> Verdict {
        let Some(entry) = self.entry_mut(id) else {
            return Verdict::Nothing;
        };
        let verdict = change(entry.kind.as_operator());
        self.rearm(id);
        verdict
    }

    fn rearm(&mut self, id: u32) {
        let Some(Some(entry)) = self.entries.get_mut(id as usize) else {
            return;
        };
        let deadline = entry.kind.as_operator().deadline();
        if deadline == entry.armed_at {
            return;
        }
        self.timers.cancel(entry.timer);
        entry.armed_at = deadline;
        entry.timer = if deadline.is_finite() {
            self.timers.arm(deadline, id)
        } else {
            TimerId::NONE
        };
    }
}

/// Runs one operator over items (named by their index) that come at `times`; the source ends at `end`. Answers when
/// which items went. A release hands on the last held item for debounce and throttle, the oldest for delay, else all.
#[cfg(test)]
pub(super) fn simulate(operator: impl Into<Kind>, times: &[f64], end: f64) -> Vec<(f64, Vec<u32>)> {
    let mut table = Table::default();
    let kind = operator.into();
    let replaces = matches!(kind, Kind::Debounce(_) | Kind::Throttle(_));
    let one_by_one = matches!(kind, Kind::Delay(_));
    let id = table.open(kind);
    let mut held: Vec<u32> = Vec::new();
    let mut out = Vec::new();
    let mut apply = |verdict: Verdict, at: f64, item: u32| {
        if matches!(verdict, Verdict::Hold | Verdict::HoldAndRelease) {
            if replaces {
                held.clear();
            }
            held.push(item);
        }
        match verdict {
            Verdict::Pass => out.push((at, vec![item])),
            Verdict::Release | Verdict::HoldAndRelease if one_by_one => {
                out.push((at, vec![held.remove(0)]));
            }
            Verdict::Release | Verdict::HoldAndRelease => {
                out.push((at, std::mem::take(&mut held)));
            }
            _ => {}
        }
    };
    let run_until = |table: &mut Table, time: f64, apply: &mut dyn FnMut(Verdict, f64, u32)| {
        while table.next_deadline() <= time {
            let at = table.next_deadline();
            let due = table.next_due(at).expect("a deadline that is over");
            let verdict = table.overdue(due, at);
            apply(verdict, at, 0);
        }
    };
    for (index, &now) in times.iter().enumerate() {
        // What is due just when an item comes is left to the operator's own `Late`.
        run_until(&mut table, now - 0.001, &mut apply);
        let mut verdict = table.item(id, now);
        while verdict == Verdict::Late {
            let overdue = table.overdue(id, now);
            apply(overdue, now, 0);
            verdict = table.item(id, now);
        }
        apply(verdict, now, index as u32);
    }
    run_until(&mut table, end, &mut apply);
    loop {
        match table.end(id) {
            Verdict::Release => apply(Verdict::Release, end, 0),
            Verdict::Hold => run_until(&mut table, f64::MAX, &mut apply),
            _ => break,
        }
    }
    table.close(id);
    assert!(table.is_empty() && table.next_deadline() == f64::INFINITY);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_of_many_operators_come_in_order_and_closed_ones_never() {
        let mut table = Table::default();
        let ids: Vec<u32> = (0..10)
            .map(|n| table.open(Kind::Batch(Batch::new(10, 100.0 - f64::from(n)))))
            .collect();
        for &id in &ids {
            assert_eq!(table.item(id, 0.0), Verdict::Hold);
        }
        table.close(ids[9]);
        assert_eq!(table.next_deadline(), 92.0);
        let mut served = Vec::new();
        while let Some(id) = table.next_due(99.5) {
            assert_eq!(table.overdue(id, 99.5), Verdict::Release);
            served.push(id);
        }
        assert_eq!(served, [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(table.next_deadline(), 100.0);
    }

    #[test]
    fn an_item_after_an_unserved_deadline_is_late() {
        let mut table = Table::default();
        let id = table.open(Kind::Batch(Batch::new(10, 50.0)));
        assert_eq!(table.item(id, 0.0), Verdict::Hold);
        assert_eq!(table.item(id, 60.0), Verdict::Late);
        assert_eq!(table.overdue(id, 60.0), Verdict::Release);
        assert_eq!(table.item(id, 60.0), Verdict::Hold);
        assert_eq!(table.next_deadline(), 110.0);
    }

    #[test]
    fn an_id_that_is_closed_answers_nothing_and_is_used_again() {
        let mut table = Table::default();
        let id = table.open(Kind::Idle(Idle::new(10.0)));
        table.begin(id, 0.0);
        table.close(id);
        table.close(id);
        assert_eq!(table.item(id, 1.0), Verdict::Nothing);
        assert_eq!(table.next_due(100.0), None);
        assert_eq!(table.open(Kind::Delay(Delay::new(1.0))), id);
        assert_eq!(table.len(), 1);
    }
}

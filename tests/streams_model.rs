//! Streams against naive models of them: batches lose nothing and keep the order, joined sources take fair turns.

use std::collections::VecDeque;

use kodus_flow_runtime::core::stream::Verdict;
use kodus_flow_runtime::core::stream::batch::Batch;
use kodus_flow_runtime::core::stream::debounce::Debounce;
use kodus_flow_runtime::core::stream::table::{Kind, Table};
use kodus_flow_runtime::core::stream::throttle::Throttle;
use kodus_flow_runtime::core::stream::turns::Turns;
use proptest::prelude::*;

/// Serves all deadlines up to `until`, in order; `serve` is told of each.
fn run_until(table: &mut Table, until: f64, mut serve: impl FnMut(f64, Verdict)) {
    while table.next_deadline() <= until {
        let at = table.next_deadline();
        let id = table.next_due(at).expect("a deadline that is over");
        let verdict = table.overdue(id, at);
        serve(at, verdict);
    }
}

/// An item, offered until the operator takes it in.
fn offer(table: &mut Table, id: u32, now: f64, mut apply: impl FnMut(Verdict)) {
    loop {
        match table.item(id, now) {
            Verdict::Late => {
                let overdue = table.overdue(id, now);
                apply(overdue);
            }
            verdict => return apply(verdict),
        }
    }
}

/// Times at which items come: gaps of some milliseconds, often none.
fn arrivals() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![2 => Just(0u32), 3 => 1..80u32], 0..200).prop_map(|gaps| {
        let mut now = 0.0;
        gaps.iter()
            .map(|gap| {
                now += f64::from(*gap);
                now
            })
            .collect()
    })
}

proptest! {
    /// Batches together are the input; none is empty, too large or late. The timer may be slow to be served.
    #[test]
    fn batches_lose_nothing(
        times in arrivals(),
        size in 1..20u32,
        timeout in prop_oneof![Just(f64::INFINITY), (1..200u32).prop_map(f64::from)],
        is_timer_slow in any::<bool>(),
    ) {
        let mut table = Table::default();
        let id = table.open(Kind::Batch(Batch::new(size, timeout)));
        let mut held: Vec<(usize, f64)> = Vec::new();
        let mut batches: Vec<Vec<(usize, f64)>> = Vec::new();
        for (index, &now) in times.iter().enumerate() {
            if !is_timer_slow {
                run_until(&mut table, now, |at, verdict| {
                    assert_eq!(verdict, Verdict::Release);
                    assert_eq!(held[0].1 + timeout, at);
                    batches.push(std::mem::take(&mut held));
                });
            }
            offer(&mut table, id, now, |verdict| {
                if matches!(verdict, Verdict::Hold | Verdict::HoldAndRelease) {
                    held.push((index, now));
                }
                if matches!(verdict, Verdict::Release | Verdict::HoldAndRelease) {
                    batches.push(std::mem::take(&mut held));
                }
            });
            prop_assert!(held.iter().all(|(_, came)| came + timeout > now));
        }
        if table.end(id) == Verdict::Release {
            batches.push(std::mem::take(&mut held));
        }
        prop_assert_eq!(table.end(id), Verdict::Nothing);
        prop_assert_eq!(table.next_deadline(), f64::INFINITY);
        prop_assert!(batches.iter().all(|batch| !batch.is_empty() && batch.len() <= size as usize));
        for batch in &batches {
            let (first, last) = (batch[0].1, batch[batch.len() - 1].1);
            prop_assert!(last - first < timeout);
        }
        let indexes: Vec<usize> = batches.iter().flatten().map(|(index, _)| *index).collect();
        prop_assert_eq!(indexes, (0..times.len()).collect::<Vec<_>>());
    }

    /// Joined sources: no item is lost or doubled, each source keeps its order, and between two items of one source every
    /// source that was ready all the time has had its turn.
    #[test]
    fn joined_sources_take_fair_turns(
        lengths in prop::collection::vec(0..40u32, 1..8),
        wakes in prop::collection::vec(any::<prop::sample::Index>(), 0..600),
    ) {
        let mut left: Vec<u32> = lengths.clone();
        let mut is_ready = vec![false; lengths.len()];
        let mut waited = vec![0usize; lengths.len()];
        let mut taken: Vec<Vec<u32>> = vec![Vec::new(); lengths.len()];
        let mut turns = Turns::default();
        let mut wakes: VecDeque<usize> = wakes.iter().map(|index| index.index(lengths.len())).collect();
        while left.iter().any(|&count| count > 0) || is_ready.contains(&true) {
            match wakes.pop_front() {
                Some(source) => arrive(source, &mut left, &mut is_ready, &mut turns),
                None => (0..lengths.len()).for_each(|source| arrive(source, &mut left, &mut is_ready, &mut turns)),
            }
            if wakes.len().is_multiple_of(3) && let Some(source) = turns.take() {
                let source = source as usize;
                prop_assert!(is_ready[source], "a turn without an item");
                is_ready[source] = false;
                prop_assert!(waited[source] < lengths.len(), "source {} starved", source);
                waited[source] = 0;
                for other in 0..lengths.len() {
                    if is_ready[other] {
                        waited[other] += 1;
                    }
                }
                let number = lengths[source] - left[source] - 1;
                taken[source].push(number);
            }
        }
        prop_assert_eq!(turns.take(), None);
        for (source, numbers) in taken.iter().enumerate() {
            prop_assert_eq!(numbers, &(0..lengths[source]).collect::<Vec<_>>());
        }
    }

    /// Debounce and throttle hand on each item once at most, in order, and never two closer than their time, the end of
    /// the source apart; debounce never loses the last.
    #[test]
    fn debounce_and_throttle_space_items(times in arrivals(), wait in 1..60u32, leading in any::<bool>()) {
        let wait = f64::from(wait);
        for kind in [
            Kind::Debounce(Debounce::new(wait, leading, f64::INFINITY)),
            Kind::Throttle(Throttle::new(wait, leading, !leading)),
            Kind::Throttle(Throttle::new(wait, true, true)),
        ] {
            let is_debounce = matches!(kind, Kind::Debounce(_));
            let keeps_last = is_debounce || matches!(&kind, Kind::Throttle(_)) && !leading;
            let mut table = Table::default();
            let id = table.open(kind);
            let mut held: Option<usize> = None;
            let mut out: Vec<(f64, usize)> = Vec::new();
            for (index, &now) in times.iter().enumerate() {
                run_until(&mut table, now, |at, verdict| {
                    assert_eq!(verdict, Verdict::Release);
                    out.push((at, held.take().expect("something held")));
                });
                offer(&mut table, id, now, |verdict| match verdict {
                    Verdict::Pass => out.push((now, index)),
                    Verdict::Hold => held = Some(index),
                    Verdict::Drop => {}
                    other => panic!("{other:?}"),
                });
            }
            prop_assert!(out.windows(2).all(|pair| pair[0].1 < pair[1].1), "an item twice or out of order");
            // A leading item and the last of its burst may be closer for debounce; throttle never.
            if !is_debounce || !leading {
                prop_assert!(out.windows(2).all(|pair| pair[1].0 - pair[0].0 >= wait), "too close");
            }
            if table.end(id) == Verdict::Release {
                out.push((f64::MAX, held.take().expect("something held")));
            }
            prop_assert_eq!(held, None);
            if keeps_last && !times.is_empty() {
                prop_assert_eq!(out.last().map(|last| last.1), Some(times.len() - 1));
            }
        }
    }
}

/// `source` has its next item ready, unless it has one already or has ended.
fn arrive(source: usize, left: &mut [u32], is_ready: &mut [bool], turns: &mut Turns) {
    if !is_ready[source] && left[source] > 0 {
        left[source] -= 1;
        is_ready[source] = true;
        turns.arrive(source as u32);
    }
}

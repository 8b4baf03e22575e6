//! Permits under random schedules: none is lost or made up, nobody overtakes, idle keys are forgotten.

use std::collections::{HashMap, VecDeque};

use kodus_flow_runtime::core::policy::concurrency::{Entry, Exit, Permits, WhenFull};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Enter(u8),
    /// Ends the run at this place of the list of runs.
    Leave(usize),
    /// The waiter at this place gives up.
    Abandon(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5u8).prop_map(Step::Enter),
        3 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Abandon),
    ]
}

#[derive(Default)]
struct Model {
    /// Ids of the keys in use.
    ids: HashMap<u8, u32>,
    running: Vec<u8>,
    lines: HashMap<u8, VecDeque<u32>>,
}

impl Model {
    fn in_use(&self, key: u8) -> u32 {
        self.running.iter().filter(|&&one| one == key).count() as u32
    }

    fn waiting(&self) -> usize {
        self.lines.values().map(VecDeque::len).sum()
    }
}

fn enter(permits: &mut Permits, model: &mut Model, key: u8, max: u32, when_full: WhenFull) {
    let Some(&id) = model.ids.get(&key) else {
        model.ids.insert(key, permits.open());
        model.running.push(key);
        return;
    };
    match permits.enter(id) {
        Entry::Granted => {
            assert!(model.in_use(key) < max);
            model.running.push(key);
        }
        Entry::Refused => {
            assert_eq!((model.in_use(key), when_full), (max, WhenFull::Drop));
        }
        Entry::Waiting(waiter) => {
            assert_eq!((model.in_use(key), when_full), (max, WhenFull::Wait));
            model.lines.entry(key).or_default().push_back(waiter);
        }
    }
}

fn leave(permits: &mut Permits, model: &mut Model, at: usize) {
    if model.running.is_empty() {
        return;
    }
    let key = model.running.swap_remove(at % model.running.len());
    let first = model.lines.get_mut(&key).and_then(VecDeque::pop_front);
    match permits.leave(model.ids[&key]) {
        Exit::HandedTo(waiter) => {
            assert_eq!(Some(waiter), first, "first come, first served");
            model.running.push(key);
        }
        Exit::Freed => assert!(first.is_none() && model.in_use(key) > 0),
        Exit::Idle => {
            assert!(first.is_none() && model.in_use(key) == 0);
            model.ids.remove(&key);
        }
    }
}

fn abandon(permits: &mut Permits, model: &mut Model, at: usize) {
    let waiting = model.waiting();
    if waiting == 0 {
        return;
    }
    let mut at = at % waiting;
    for line in model.lines.values_mut() {
        if at < line.len() {
            permits.abandon(line.remove(at).unwrap());
            return;
        }
        at -= line.len();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn permits_are_conserved(
        steps in prop::collection::vec(step(), 1..400),
        max in 1..4u32,
        waits in any::<bool>(),
    ) {
        let when_full = if waits { WhenFull::Wait } else { WhenFull::Drop };
        let mut permits = Permits::new(max, when_full);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Enter(key) => enter(&mut permits, &mut model, key, max, when_full),
                Step::Leave(at) => leave(&mut permits, &mut model, at),
                Step::Abandon(at) => abandon(&mut permits, &mut model, at),
            }
            prop_assert_eq!(permits.in_use(), model.running.len());
            prop_assert_eq!(permits.waiting(), model.waiting());
            prop_assert_eq!(permits.open_keys(), model.ids.len());
        }
        while !model.running.is_empty() {
            leave(&mut permits, &mut model, 0);
        }
        prop_assert_eq!((permits.in_use(), permits.waiting(), permits.open_keys()), (0, 0, 0));
    }
}

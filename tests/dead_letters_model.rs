//! The book of dead letters against a naive model: a list that is searched from its beginning.

use std::collections::BTreeMap;

use kodus_flow_runtime::core::dead_letters::{
    Counters, Criteria, DeadLetters, Failure, MAX_ERRORS, Standing, StoredLetter,
};
use proptest::prelude::*;

const RETENTION_MS: f64 = 400.0;
const TYPES: [&str; 3] = ["order.paid", "order.sent", "agent.step"];
const MESSAGES: [&str; 4] = [
    "TimeoutError: late",
    "a networkError",
    "plain",
    "ParseError, then more",
];
const KINDS: [&str; 4] = ["timeouterror", "networkerror", "unknown", "parseerror"];

#[derive(Debug, Clone)]
enum Op {
    File {
        id: u8,
        event_type: usize,
        message: usize,
        attempts: u32,
    },
    Restore {
        id: u8,
        event_type: usize,
        message: usize,
        age_ms: f64,
        is_poisoned: bool,
    },
    Take(u8),
    Remove(u8),
    Poison(u8),
    Expire,
    Clear,
    Select {
        event_type: Option<usize>,
        message: Option<usize>,
        min_age_ms: Option<f64>,
        limit: u32,
        poisoned: bool,
    },
    Page {
        limit: u32,
        event_type: Option<usize>,
    },
    /// Negative: the wall clock is set back.
    Pass(f64),
}

fn op() -> impl Strategy<Value = Op> {
    let id = || 0..24_u8;
    let any_type = || proptest::option::of(0..TYPES.len());
    prop_oneof![
        10 => (id(), 0..TYPES.len(), 0..MESSAGES.len(), 1..9_u32).prop_map(
            |(id, event_type, message, attempts)| Op::File { id, event_type, message, attempts }
        ),
        2 => (id(), 0..TYPES.len(), 0..MESSAGES.len(), 0..500_u32, any::<bool>()).prop_map(
            |(id, event_type, message, age, is_poisoned)| Op::Restore {
                id, event_type, message, age_ms: f64::from(age), is_poisoned,
            }
        ),
        2 => id().prop_map(Op::Take),
        1 => id().prop_map(Op::Remove),
        1 => id().prop_map(Op::Poison),
        2 => Just(Op::Expire),
        1 => prop_oneof![9 => Just(Op::Expire), 1 => Just(Op::Clear)],
        3 => (
            any_type(),
            proptest::option::of(0..MESSAGES.len()),
            proptest::option::of(0..300_u32),
            0..5_u32,
            any::<bool>(),
        ).prop_map(|(event_type, message, age, limit, poisoned)| Op::Select {
            event_type, message, min_age_ms: age.map(f64::from), limit, poisoned,
        }),
        2 => (1..6_u32, any_type()).prop_map(|(limit, event_type)| Op::Page { limit, event_type }),
        4 => (-20..60_i32).prop_map(|ms| Op::Pass(f64::from(ms))),
    ]
}

#[derive(Debug, Clone)]
struct Entry {
    id: String,
    event_type: &'static str,
    errors: Vec<(String, &'static str)>,
    error_tag: String,
    entered_at: f64,
    attempts: u32,
    is_poisoned: bool,
}

/// Restored ones first, then filed ones, each in their order.
#[derive(Debug, Default)]
struct Model {
    max_size: usize,
    entries: Vec<Entry>,
    restored: usize,
    counters: Counters,
}

impl Model {
    fn position(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id)
    }

    fn pull(&mut self, index: usize) -> Entry {
        if index < self.restored {
            self.restored -= 1;
        }
        self.entries.remove(index)
    }

    fn pull_oldest(&mut self) -> String {
        let ages = self.entries.iter().map(|entry| entry.entered_at);
        let oldest = ages.fold(f64::INFINITY, f64::min);
        let index = self.entries.iter().position(|e| e.entered_at == oldest);
        self.pull(index.unwrap()).id
    }

    fn evict_down_to(&mut self, size: usize) -> Vec<String> {
        let mut evicted = Vec::new();
        while self.entries.len() > size {
            evicted.push(self.pull_oldest());
        }
        self.counters.evicted += evicted.len() as u64;
        evicted
    }

    fn push_error(entry: &mut Entry, message: &str, kind: &'static str) -> Option<usize> {
        entry.errors.push((message.to_owned(), kind));
        if entry.errors.len() <= MAX_ERRORS {
            return None;
        }
        entry.errors.remove(1);
        Some(1)
    }

    fn file(
        &mut self,
        now: f64,
        id: &str,
        event_type: usize,
        message: usize,
        attempts: u32,
    ) -> (bool, Option<usize>, Vec<String>) {
        if let Some(index) = self.position(id) {
            let entry = &mut self.entries[index];
            entry.attempts = attempts;
            entry.event_type = TYPES[event_type];
            let dropped = Self::push_error(entry, MESSAGES[message], KINDS[message]);
            return (false, dropped, Vec::new());
        }
        let evicted = self.evict_down_to(self.max_size - 1);
        let entry = entry_of(id, event_type, message, now, attempts, false);
        self.entries.push(entry);
        self.counters.filed += 1;
        (true, None, evicted)
    }

    fn restore(&mut self, entry: Entry) -> Vec<String> {
        if self.position(&entry.id).is_some() {
            return Vec::new();
        }
        self.entries.insert(self.restored, entry);
        self.restored += 1;
        self.counters.restored += 1;
        self.evict_down_to(self.max_size)
    }

    fn remove_if(&mut self, id: &str, test: impl Fn(&Entry) -> bool) -> bool {
        match self.position(id) {
            Some(index) if test(&self.entries[index]) => {
                self.pull(index);
                self.counters.removed += 1;
                true
            }
            _ => false,
        }
    }

    fn expire(&mut self, now: f64) -> Vec<String> {
        let mut expired = Vec::new();
        while self
            .entries
            .iter()
            .any(|e| e.entered_at + RETENTION_MS <= now)
        {
            expired.push(self.pull_oldest());
        }
        self.counters.expired += expired.len() as u64;
        expired
    }

    fn ids_where(&self, test: impl Fn(&Entry) -> bool) -> Vec<String> {
        let matching = self.entries.iter().filter(|entry| test(entry));
        matching.map(|entry| entry.id.clone()).collect()
    }
}

fn entry_of(
    id: &str,
    event_type: usize,
    message: usize,
    entered_at: f64,
    attempts: u32,
    is_poisoned: bool,
) -> Entry {
    Entry {
        id: id.to_owned(),
        event_type: TYPES[event_type],
        errors: vec![(MESSAGES[message].to_owned(), KINDS[message])],
        error_tag: format!("error:{}", KINDS[message]),
        entered_at,
        attempts,
        is_poisoned,
    }
}

struct Pair {
    book: DeadLetters,
    model: Model,
    now: f64,
}

impl Pair {
    fn step(&mut self, op: &Op) {
        match op.clone() {
            Op::Pass(ms) => self.now += ms,
            Op::File {
                id,
                event_type,
                message,
                attempts,
            } => self.file(&id_of(id), event_type, message, attempts),
            Op::Restore {
                id,
                event_type,
                message,
                age_ms,
                is_poisoned,
            } => {
                let at = self.now - age_ms;
                let entry = entry_of(&id_of(id), event_type, message, at, 1, is_poisoned);
                let evicted = self.book.restore(stored(&entry));
                assert_eq!(evicted, self.model.restore(entry));
            }
            Op::Take(id) => {
                let expected = self.model.remove_if(&id_of(id), |entry| !entry.is_poisoned);
                assert_eq!(self.book.take(&id_of(id)), expected);
            }
            Op::Remove(id) => {
                let expected = self.model.remove_if(&id_of(id), |_| true);
                assert_eq!(self.book.remove(&id_of(id)), expected);
            }
            Op::Poison(id) => self.poison(&id_of(id)),
            Op::Expire => assert_eq!(self.book.expire(self.now), self.model.expire(self.now)),
            Op::Clear => {
                let count = self.model.entries.len();
                self.model.counters.removed += count as u64;
                self.model.entries.clear();
                self.model.restored = 0;
                assert_eq!(self.book.clear(), count);
            }
            Op::Select {
                event_type,
                message,
                min_age_ms,
                limit,
                poisoned,
            } => self.select(event_type, message, min_age_ms, limit, poisoned),
            Op::Page { limit, event_type } => self.pages(limit, event_type.map(|t| TYPES[t])),
        }
    }

    fn file(&mut self, id: &str, event_type: usize, message: usize, attempts: u32) {
        let failure = Failure {
            event_type: TYPES[event_type].into(),
            message: MESSAGES[message].into(),
            attempts,
            ..Failure::default()
        };
        let filed = self.book.file(self.now, id, &failure);
        assert_eq!(
            (filed.is_new, filed.dropped_error, filed.evicted),
            self.model.file(self.now, id, event_type, message, attempts)
        );
    }

    fn poison(&mut self, id: &str) {
        let expected = self.model.position(id).map(|index| {
            let entry = &mut self.model.entries[index];
            entry.is_poisoned = true;
            Model::push_error(entry, "Marked as poison: x", "unknown")
        });
        assert_eq!(self.book.poison(id, "Marked as poison: x".into()), expected);
    }

    fn select(
        &self,
        event_type: Option<usize>,
        message: Option<usize>,
        min_age_ms: Option<f64>,
        limit: u32,
        poisoned: bool,
    ) {
        // A part of a message, and by turns the tag of its kind.
        let error_type = message.map(|index| MESSAGES[index][..5].to_owned());
        let tag = message
            .filter(|_| limit.is_multiple_of(2))
            .map(|index| format!("error:{}", KINDS[index]));
        let mut expected = self.model.ids_where(|entry| {
            (poisoned || !entry.is_poisoned)
                && event_type.is_none_or(|wanted| TYPES[wanted] == entry.event_type)
                && error_type
                    .as_ref()
                    .is_none_or(|part| entry.errors.iter().any(|(m, _)| m.contains(part)))
                && tag.as_ref().is_none_or(|tag| *tag == entry.error_tag)
                && min_age_ms.is_none_or(|age| self.now - entry.entered_at >= age)
        });
        if limit > 0 {
            expected.truncate(limit as usize);
        }
        let criteria = Criteria {
            event_type: event_type.map(|index| TYPES[index].into()),
            error_type,
            tag,
            min_age_ms,
            limit,
            poisoned,
        };
        assert_eq!(self.book.select(self.now, &criteria), expected);
    }

    /// All pages together are the list; all but the last are full.
    fn pages(&self, limit: u32, event_type: Option<&str>) {
        let mut ids = Vec::new();
        let mut after = Some(0);
        while let Some(place) = after {
            let page = self.book.page(limit, place, event_type);
            assert!(page.next.is_none() || page.ids.len() == limit as usize);
            ids.extend(page.ids);
            after = page.next;
        }
        let expected = self
            .model
            .ids_where(|entry| event_type.is_none_or(|wanted| wanted == entry.event_type));
        assert_eq!(ids, expected);
    }

    fn check(&self) {
        let (book, model) = (&self.book, &self.model);
        assert_eq!(book.len(), model.entries.len());
        assert!(book.len() <= model.max_size);
        let deadlines = model.entries.iter().map(|e| e.entered_at + RETENTION_MS);
        assert_eq!(book.next_deadline(), deadlines.reduce(f64::min));
        let counters = book.counters();
        assert_eq!(counters, model.counters);
        assert_eq!(
            counters.filed + counters.restored,
            counters.evicted + counters.expired + counters.removed + book.len() as u64
        );
        for entry in &model.entries {
            let letter = book.get(&entry.id).expect("it is in the model");
            let errors = letter.errors.iter().map(|e| (e.message.clone(), e.kind));
            assert!(errors.eq(entry.errors.iter().cloned()));
            assert_eq!(letter.entered_at, entry.entered_at);
            assert_eq!(
                letter.tags.contains(&"poison".to_owned()),
                entry.is_poisoned
            );
        }
        self.check_stats();
    }

    fn check_stats(&self) {
        let entries = &self.model.entries;
        let stats = self.book.stats();
        let mut by_type: BTreeMap<String, u32> = BTreeMap::new();
        let mut by_kind: BTreeMap<&str, u32> = BTreeMap::new();
        for entry in entries {
            *by_type.entry(entry.event_type.into()).or_default() += 1;
            for (_, kind) in &entry.errors {
                *by_kind.entry(kind).or_default() += 1;
            }
        }
        assert_eq!(stats.by_event_type, by_type);
        assert_eq!(stats.by_error_kind, by_kind);
        let attempts: u32 = entries.iter().map(|entry| entry.attempts).sum();
        let mean = f64::from(attempts) / entries.len().max(1) as f64;
        assert_eq!(stats.average_attempts, mean);
        // A stable sort: among equal ages the order of the list.
        let mut by_age: Vec<&Entry> = entries.iter().collect();
        by_age.sort_by(|a, b| a.entered_at.total_cmp(&b.entered_at));
        assert_eq!(stats.oldest, by_age.first().map(|entry| entry.id.clone()));
        let newest = by_age.iter().rev().take(10).map(|entry| entry.id.clone());
        assert!(stats.recent.iter().cloned().eq(newest));
    }
}

fn id_of(id: u8) -> String {
    format!("event-{id}")
}

fn stored(entry: &Entry) -> StoredLetter {
    let mut tags = vec!["type:any".to_owned(), entry.error_tag.clone()];
    if entry.is_poisoned {
        tags.push("poison".into());
    }
    StoredLetter {
        id: entry.id.clone(),
        event_type: entry.event_type.into(),
        messages: entry.errors.iter().map(|(m, _)| m.clone()).collect(),
        tags,
        entered_at: entry.entered_at,
        attempts: entry.attempts,
        standing: match entry.is_poisoned {
            true => Standing::Poisoned,
            false => Standing::Reprocessable,
        },
    }
}

proptest! {
    // 400 walks of 500 steps.
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_book_does_what_the_model_does(
        max_size in 1..16_u32,
        ops in proptest::collection::vec(op(), 500),
    ) {
        let model = Model { max_size: max_size as usize, ..Model::default() };
        let book = DeadLetters::new(max_size, RETENTION_MS);
        let mut pair = Pair { book, model, now: 1_000.0 };
        for op in &ops {
            pair.step(op);
            pair.check();
        }
    }
}

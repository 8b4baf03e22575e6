use super::*;
use proptest::prelude::*;

/// Keeps of each byte whether it differs from the base: as long as the text, without what is equal at its beginning.
#[derive(Debug)]
struct PrefixCodec;

impl Codec for PrefixCodec {
    fn pack(&self, bytes: &[u8], base: Option<&[u8]>) -> Option<Vec<u8>> {
        let Some(base) = base else {
            return Some(run_lengths(bytes));
        };
        let common = bytes.iter().zip(base).take_while(|(a, b)| a == b).count();
        let mut packed = (common as u32).to_le_bytes().to_vec();
        packed.extend_from_slice(&bytes[common..]);
        Some(packed)
    }

    fn unpack(&self, packed: &[u8], len: usize, base: Option<&[u8]>) -> Option<Vec<u8>> {
        let Some(base) = base else {
            return Some(
                packed
                    .chunks(2)
                    .flat_map(|run| vec![run[1]; usize::from(run[0])])
                    .collect(),
            );
        };
        let (common, rest) = packed.split_at_checked(4)?;
        let common = u32::from_le_bytes(common.try_into().ok()?) as usize;
        let mut bytes = base.get(..common)?.to_vec();
        bytes.extend_from_slice(rest);
        (bytes.len() == len).then_some(bytes)
    }
}

fn run_lengths(bytes: &[u8]) -> Vec<u8> {
    let mut packed: Vec<u8> = Vec::new();
    for &byte in bytes {
        match packed.as_mut_slice() {
            [.., count, last] if *last == byte && *count < 255 => *count += 1,
            _ => packed.extend([1, byte]),
        }
    }
    packed
}

const PLAIN: Wishes = Wishes {
    compress: false,
    delta: false,
    unfinished: false,
    of_owner: 0,
};
const DELTA: Wishes = Wishes {
    delta: true,
    ..PLAIN
};
const OPEN: Wishes = Wishes {
    unfinished: true,
    ..PLAIN
};

fn store(snapshots: usize, bytes: usize) -> Snapshots<PrefixCodec> {
    Snapshots::new(PrefixCodec, Limits { snapshots, bytes })
}

fn roomy() -> Snapshots<PrefixCodec> {
    store(1000, 1 << 30)
}

fn all(store: &mut Snapshots<PrefixCodec>, owner: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut after = 0;
    while let Some((seq, bytes)) = store.next(owner, after) {
        found.push(bytes);
        after = seq;
    }
    found
}

fn text(digit: char, tail: &str) -> Vec<u8> {
    let head: String = ('a'..='z').cycle().take(400).collect();
    format!("{digit}{head}{tail}").into_bytes()
}

#[test]
fn the_same_hash_of_one_owner_is_stored_once() {
    let mut store = roomy();
    assert_eq!(store.insert("a", "h", b"1", PLAIN), Stored::New);
    assert_eq!(store.insert("a", "h", b"2", PLAIN), Stored::Known);
    assert_eq!(store.insert("b", "h", b"3", PLAIN), Stored::New);
    assert_eq!(all(&mut store, "a"), [b"1"]);
    assert_eq!(all(&mut store, "b"), [b"3"]);
    assert!(store.remove("a", "h") && !store.remove("a", "h"));
    assert_eq!(store.get("h"), Some(b"3".to_vec()));
}

#[test]
fn a_difference_is_stored_where_it_is_much_shorter() {
    let mut store = roomy();
    for (index, tail) in ["one", "two", "three"].iter().enumerate() {
        store.insert("a", &index.to_string(), &text('1', tail), DELTA);
    }
    store.insert("a", "other", &text('2', "four"), DELTA);
    store.insert("b", "of another", &text('1', "five"), DELTA);
    let stats = store.stats();
    assert_eq!((stats.count, stats.deltas), (5, 2));
    assert_eq!(stats.delta_original_bytes, 404 + 406);
    assert_eq!(stats.delta_stored_bytes, 4 + 3 + 4 + 5);
    assert_eq!(
        all(&mut store, "a"),
        [
            text('1', "one"),
            text('1', "two"),
            text('1', "three"),
            text('2', "four")
        ]
    );
}

#[test]
fn a_base_that_has_left_stays_for_its_differences() {
    let mut store = roomy();
    for (hash, tail) in [("0", "zero"), ("1", "one")] {
        store.insert("a", hash, &text('1', tail), DELTA);
    }
    store.remove("a", "0");
    assert_eq!(all(&mut store, "a"), [text('1', "one")]);
    assert!(store.stats().stored_bytes > 400);
    store.insert("a", "2", &text('1', "two"), DELTA);
    assert_eq!(
        store.stats().deltas,
        1,
        "a base that is there for others only gets no further differences"
    );
    store.remove("a", "1");
    assert_eq!(store.stats().stored_bytes, 404);
    store.remove("a", "2");
    assert_eq!(store.stats(), Stats::default());
}

#[test]
fn the_oldest_finished_one_leaves_first_and_is_counted() {
    let mut store = store(3, 1 << 20);
    for (hash, wishes) in [
        ("1", OPEN),
        ("2", PLAIN),
        ("3", OPEN),
        ("4", PLAIN),
        ("5", OPEN),
    ] {
        store.insert("a", hash, hash.as_bytes(), wishes);
    }
    assert_eq!(store.hashes("a"), ["1", "3", "5"]);
    store.insert("a", "6", b"6", PLAIN);
    assert_eq!(
        store.hashes("a"),
        ["1", "3", "5"],
        "a finished one never drives out an unfinished one"
    );
    store.insert("a", "7", b"7", OPEN);
    assert_eq!(store.hashes("a"), ["3", "5", "7"]);
    let Stats {
        evicted,
        evicted_unfinished,
        unfinished,
        ..
    } = store.stats();
    assert_eq!((evicted, evicted_unfinished, unfinished), (4, 1, 3));
}

#[test]
fn memory_is_bounded() {
    let mut store = store(1000, 10_000);
    assert_eq!(
        store.insert("a", "huge", &[7; 10_000], PLAIN),
        Stored::TooLarge
    );
    for index in 0..100 {
        store.insert("a", &index.to_string(), &[index; 1000], PLAIN);
    }
    assert_eq!(
        store.hashes("a"),
        ["93", "94", "95", "96", "97", "98", "99"]
    );
    assert_eq!(store.stats().stored_bytes, 7000);
}

#[test]
fn an_owner_can_be_limited_on_its_own() {
    let mut store = roomy();
    store.insert("b", "0", b"0", PLAIN);
    for (hash, unfinished) in [("1", true), ("2", false), ("3", false)] {
        store.insert(
            "a",
            hash,
            b"x",
            Wishes {
                unfinished,
                of_owner: 2,
                ..PLAIN
            },
        );
    }
    assert_eq!(store.hashes("a"), ["1", "3"]);
    assert_eq!(store.hashes("b"), ["0"]);
}

#[test]
fn an_owner_that_has_too_many_costs_nobody_else_a_snapshot() {
    let mut store = store(2, usize::MAX);
    store.insert("b", "0", b"0", PLAIN);
    store.insert("a", "1", b"x", PLAIN);
    let wishes = Wishes {
        of_owner: 1,
        ..PLAIN
    };
    store.insert("a", "2", b"x", wishes);
    assert_eq!(store.hashes("a"), ["2"]);
    assert_eq!(store.hashes("b"), ["0"]);
}

#[derive(Debug, Clone)]
enum Step {
    Insert {
        owner: u8,
        hash: u8,
        body: u8,
        tail: u8,
        wishes: Wishes,
    },
    Remove {
        owner: u8,
        hash: u8,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wishes = (any::<bool>(), any::<bool>(), any::<bool>(), 0usize..4).prop_map(
        |(compress, delta, unfinished, of_owner)| Wishes {
            compress,
            delta,
            unfinished,
            of_owner: of_owner * 3,
        },
    );
    let insert = (0u8..3, 0u8..20, 0u8..3, any::<u8>(), wishes).prop_map(
        |(owner, hash, body, tail, wishes)| Step::Insert {
            owner,
            hash,
            body,
            tail,
            wishes,
        },
    );
    let remove = (0u8..3, 0u8..20).prop_map(|(owner, hash)| Step::Remove { owner, hash });
    prop::collection::vec(prop_oneof![3 => insert, 1 => remove], 1..120)
}

proptest! {
    #[test]
    fn what_is_there_reads_as_it_was_stored_and_the_figures_add_up(steps in steps(), max in 1usize..12) {
        let mut store = store(max, 6000);
        let mut model: Vec<(String, String, Vec<u8>)> = Vec::new();
        let mut removed = 0;
        let mut added = 0;
        for step in steps {
            match step {
                Step::Insert { owner, hash, body, tail, wishes } => {
                    let (owner, hash) = (owner.to_string(), hash.to_string());
                    let bytes = text(char::from(b'0' + body), &"!".repeat(usize::from(tail)));
                    let known = store.find(&owner, &hash).is_some();
                    let stored = store.insert(&owner, &hash, &bytes, wishes);
                    prop_assert_eq!(stored, if known { Stored::Known } else { Stored::New });
                    if !known {
                        added += 1;
                        model.retain(|(o, h, _)| (o, h) != (&owner, &hash));
                        model.push((owner, hash, bytes));
                    }
                }
                Step::Remove { owner, hash } => removed += usize::from(store.remove(&owner.to_string(), &hash.to_string())),
            }
            let stats = store.stats();
            prop_assert!(stats.count <= max && store.occupied() <= 6000);
            prop_assert_eq!(added, stats.count + removed + stats.evicted as usize);
            prop_assert_eq!(stats.unfinished, store.unfinished.len());
            prop_assert_eq!(stats.count, store.finished.len() + store.unfinished.len());
            let bases: usize = store.bases.values().map(|base| base.bytes.len()).sum();
            prop_assert_eq!(stats.stored_bytes, bases + stats.delta_stored_bytes);
        }
        for owner in ["0", "1", "2"] {
            let hashes = store.hashes(owner);
            let expected: Vec<Vec<u8>> = model
                .iter()
                .filter(|(o, h, _)| o == owner && hashes.contains(h))
                .map(|(_, _, bytes)| bytes.clone())
                .collect();
            prop_assert_eq!(all(&mut store, owner), expected);
        }
        for (owner, hash, _) in &model {
            store.remove(owner, hash);
        }
        let Stats { evicted, evicted_unfinished, .. } = store.stats();
        prop_assert_eq!(store.stats(), Stats { evicted, evicted_unfinished, ..Stats::default() });
        prop_assert!(store.owners.is_empty() && store.by_hash.is_empty());
    }
}

#[test]
fn something_short_is_not_stored_as_the_difference_to_something_very_long() {
    let mut store = roomy();
    store.insert("a", "long", &[7; 10_000], DELTA);
    store.insert("a", "less", &[7; 10_000 / MAX_BASE_FACTOR], DELTA);
    assert_eq!(store.stats().deltas, 1);
    store.insert("a", "short", &[7; 100], DELTA);
    assert_eq!(store.stats().deltas, 1);
    // It is the next base.
    store.insert("a", "next", &[7; 101], DELTA);
    assert_eq!(store.stats().deltas, 2);
    assert_eq!(all(&mut store, "a")[2], [7; 100]);
}

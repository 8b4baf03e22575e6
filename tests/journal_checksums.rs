//! What changes in a journal has checksums as well: a flipped bit in it is found, and costs as little as it can.
#![cfg(feature = "journal")]

use kodus_flow_runtime::journal::{
    Code, FORMAT, Frame, Group, Journal, JournalError, OnCorruption, Options, Query, SqliteStore,
    Store, SyncMode, inspect, verify,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;

/// The tables of version 2, filled from those of now.
const AS_VERSION_2: &str = "
BEGIN;
CREATE TABLE events_2 (seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, flags INTEGER NOT NULL, attempts INTEGER NOT NULL,
  due REAL NOT NULL, ts REAL NOT NULL, ended REAL NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL,
  header TEXT NOT NULL, retry TEXT NOT NULL, envelope TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
INSERT INTO events_2 SELECT seq, state, flags, attempts, due, ts, ended, id, type, key, header, retry, envelope, body, crc
  FROM events;
DROP TABLE events;
ALTER TABLE events_2 RENAME TO events;
CREATE TABLE keys_2 (n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, at REAL NOT NULL) STRICT;
INSERT INTO keys_2 SELECT n, name, state, at FROM keys;
DROP TABLE keys;
ALTER TABLE keys_2 RENAME TO keys;
CREATE TABLE state_2 (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO state_2 SELECT name, value FROM state;
DROP TABLE state;
ALTER TABLE state_2 RENAME TO state;
CREATE INDEX events_id ON events (id);
PRAGMA user_version = 2;
COMMIT;";

const AS_VERSION_1: &str = "DROP TABLE segments; DROP TABLE segment_ends; PRAGMA user_version = 1;";

/// Lines of operations; fields are divided by a bar here.
fn commit(store: &mut SqliteStore, lines: &[&str]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut group = Group::new(SyncMode::Group, 1.0, 1000);
    group.push(1, text.replace('|', "\u{1f}"), 0.0);
    let frames: Vec<Frame> = group.next().to_vec();
    store.stage(&frames).unwrap();
    store.commit().unwrap();
}

fn accept(seq: usize, flags: u32, metadata: &str) -> String {
    format!("E|{seq}|{flags}|{seq}000|0|id-{seq}|test|key-{seq}||th|{metadata}|{{\"n\":{seq}}}")
}

/// Five events, of which the second has been tried and the third is remembered; two keys, two texts, a dead letter.
fn fill(store: &mut SqliteStore) {
    for (seq, flags) in [(1, 0), (2, 0), (3, 4), (4, 0), (5, 4), (6, 4)] {
        commit(store, &[&accept(seq, flags, "co")]);
    }
    commit(store, &["R|2|3|7000000|{\"retryCount\":3}"]);
    commit(store, &["D|5|0|9000", "V|cron|{\"at\":1}", "V|mark|7"]);
    commit(store, &["L|id-6|6|9500|key-6|{\"id\":\"id-6\"}"]);
}

fn pending() -> Value {
    json!([[1, 0, 0], [2, 3, 7_000_000], [3, 0, 0], [4, 0, 0]])
}

const KEYS: &str =
    r#"[["id:id-5","done"],["key:key-5","done"],["id:id-6","dead"],["key:key-6","dead"]]"#;

fn options(path: &Path, on_corruption: OnCorruption, keep_events: bool) -> Options {
    Options {
        on_corruption,
        keep_events,
        ..Options::new(path)
    }
}

fn refused(path: &Path) -> JournalError {
    match SqliteStore::open(&Options::new(path)) {
        Ok(_) => panic!("the journal was opened"),
        Err(error) => error,
    }
}

fn skipping(path: &Path) -> SqliteStore {
    SqliteStore::open(&options(path, OnCorruption::Skip, false)).unwrap()
}

/// `[seq, attempts, due]` of what waits.
fn waiting(store: &mut SqliteStore) -> Value {
    let (mut list, mut after) = (Vec::new(), 0);
    loop {
        let page = store.page(after).unwrap();
        if page.json.is_empty() {
            return list.into();
        }
        after = page.last;
        let rows: Vec<Vec<Value>> = serde_json::from_str(&page.json).unwrap();
        list.extend(rows.into_iter().map(|row| Value::from(row[..3].to_vec())));
    }
}

/// A journal with some of everything, changed behind its back.
fn damaged(change: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(&Options::new(directory.path())).unwrap();
    fill(&mut store);
    drop(store);
    assert_eq!(verify(directory.path()).unwrap()["ok"], true);
    alter(directory.path(), change);
    directory
}

fn alter(path: &Path, change: &str) {
    let database = Connection::open(path.join("journal.db")).unwrap();
    database.execute_batch(change).unwrap();
    assert!(database.total_changes() > 0, "{change}");
}

fn one<T: rusqlite::types::FromSql>(path: &Path, sql: &str) -> T {
    let database = Connection::open(path.join("journal.db")).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn an_event_of_which_what_changes_is_damaged_waits_again_and_is_told() {
    for change in [
        "state = 1",
        "state = 2",
        "state = 3",
        "state = 7",
        "attempts = attempts + 1",
        "attempts = -1",
        "due = 7000001",
        "due = 9e999",
        "ended = ended + 1",
        "retry = '{\"retryCount\":2}'",
        "retry = ''",
        "retry = '{'",
        "state_crc = state_crc + 1",
        // A row of another event.
        "(state, attempts, due, ended, retry, state_crc) = \
         (SELECT state, attempts, due, ended, retry, state_crc FROM events WHERE seq = 1)",
    ] {
        let directory = damaged(&format!("UPDATE events SET {change} WHERE seq = 2"));
        let path = directory.path();
        let error = refused(path);
        assert_eq!(error.code, Code::Corrupt, "{change}: {error}");
        assert!(error.message.contains("event 2"), "{change}: {error}");
        let report = verify(path).unwrap();
        let problem = "event 2: the checksum of its state does not match";
        assert_eq!(report["problems"], json!([problem]), "{change}");
        let mut store = skipping(path);
        let expected = json!([[1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0]]);
        assert_eq!(waiting(&mut store), expected, "{change}");
        let told = format!("{problem}; it waits again, as if it had just come");
        assert_eq!(store.recovered().details, [told], "{change}");
        assert_eq!(store.recovered().skipped, 1, "{change}");
        assert_eq!(store.recovered().pending, 4, "{change}");
        drop(store);
        assert_eq!(verify(path).unwrap()["ok"], true, "{change}");
        drop(SqliteStore::open(&Options::new(path)).unwrap());
    }
}

#[test]
fn an_event_that_is_damaged_altogether_is_left_out() {
    let directory = damaged("UPDATE events SET attempts = 1, type = 'tesu' WHERE seq = 2");
    let mut store = skipping(directory.path());
    let expected = json!([[1, 0, 0], [3, 0, 0], [4, 0, 0]]);
    assert_eq!(waiting(&mut store), expected);
    let told = "event 2: its checksum does not match";
    assert_eq!(store.recovered().details, [told]);
}

#[test]
fn an_event_that_comes_back_is_remembered_at_its_end() {
    let directory = damaged("UPDATE events SET attempts = 1 WHERE seq = 3");
    let mut store = skipping(directory.path());
    commit(&mut store, &["D|3|0|9000"]);
    assert!(store.keys().unwrap().contains("key:key-3"));
}

#[test]
fn an_event_that_is_known_to_have_ended_does_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let keeping = |policy| SqliteStore::open(&options(path, policy, true)).unwrap();
    let mut store = keeping(OnCorruption::Fail);
    let once = r#"{"correlationId":"co","deliveryGuarantee":"at-most-once"}"#;
    for (seq, flags, metadata) in [
        (1, 0, "co"),
        (2, 4, "co"),
        (3, 0, "co"),
        (4, 8, "co"),
        (5, 0, once),
        (6, 4, "co"),
    ] {
        commit(&mut store, &[&accept(seq, flags, metadata)]);
    }
    commit(&mut store, &["D|1|1|9000", "D|2|0|9000", "D|5|0|9000"]);
    commit(
        &mut store,
        &["L|id-3|3|9500||{\"id\":\"id-3\"}", "L|id-6|6|9500||{}"],
    );
    // Put back.
    commit(
        &mut store,
        &["U|id-6", &accept(7, 4, "co").replace("id-7", "id-6")],
    );
    drop(store);
    alter(path, "UPDATE events SET attempts = attempts + 4");
    let mut store = keeping(OnCorruption::Skip);
    assert_eq!(waiting(&mut store), json!([[1, 0, 0], [7, 0, 0]]));
    let details = &store.recovered().details;
    let ended = |detail: &&String| detail.ends_with("; it counts as ended");
    assert_eq!(
        (details.len(), details.iter().filter(ended).count()),
        (6, 4)
    );
    assert_eq!(store.stats().kept, 4);
    let due: f64 = one(path, "SELECT due FROM events WHERE seq = 4");
    assert!(
        due > 1.7e12,
        "when it was appended is not known: now, so that it stays for a while"
    );
    assert_eq!(verify(path).unwrap()["ok"], true);
}

#[test]
fn a_damaged_key_is_left_out_and_told() {
    for change in [
        "UPDATE keys SET name = 'id:id-x' WHERE n = 2",
        "UPDATE keys SET state = 'dead' WHERE n = 2",
        "UPDATE keys SET at = at + 1 WHERE n = 2",
        "UPDATE keys SET n = 9 WHERE n = 2",
        "UPDATE keys SET crc = crc + 1 WHERE n = 2",
    ] {
        let directory = damaged(change);
        let path = directory.path();
        let n = if change.contains("n = 9") { 9 } else { 2 };
        let name = format!("remembered key {n}: it is not what was written");
        let error = refused(path);
        assert_eq!(error.code, Code::Corrupt, "{change}: {error}");
        assert!(error.message.contains(&name), "{change}: {error}");
        let problem = format!("remembered key {n}: its checksum does not match");
        assert_eq!(
            verify(path).unwrap()["problems"],
            json!([problem]),
            "{change}"
        );
        let mut store = skipping(path);
        assert_eq!(store.recovered().details, [name], "{change}");
        let left = KEYS
            .replace(r#","key:key-5","done"]"#, "")
            .replace(r#"["key:key-5","done"],"#, "");
        assert_eq!(store.keys().unwrap(), left, "{change}");
        assert_eq!(waiting(&mut store), pending(), "{change}");
        drop(store);
        assert_eq!(verify(path).unwrap()["ok"], true, "{change}");
    }
}

#[test]
fn a_damaged_text_is_left_out_and_told() {
    for change in [
        "UPDATE state SET value = '{\"at\":3}' WHERE name = 'cron'",
        "UPDATE state SET name = 'crom' WHERE name = 'cron'",
        "UPDATE state SET crc = crc + 1 WHERE name = 'cron'",
        "UPDATE state SET name = CAST(x'63ff' AS TEXT) WHERE name = 'cron'",
    ] {
        let directory = damaged(change);
        let path = directory.path();
        let error = refused(path);
        assert_eq!(error.code, Code::Corrupt, "{change}: {error}");
        assert!(error.message.contains("text \"c"), "{change}: {error}");
        assert_eq!(verify(path).unwrap()["ok"], false, "{change}");
        let mut store = skipping(path);
        assert_eq!(store.recovered().skipped, 1, "{change}");
        assert_eq!(store.state("cron").unwrap(), None, "{change}");
        assert_eq!(store.state("mark").unwrap().unwrap(), "7", "{change}");
        assert_eq!(waiting(&mut store), pending(), "{change}");
        drop(store);
        assert_eq!(verify(path).unwrap()["ok"], true, "{change}");
    }
}

#[test]
fn damage_that_comes_while_it_is_open_is_found_when_it_is_read() {
    let change = "UPDATE keys SET name = 'id:id-x' WHERE n = 1; UPDATE state SET value = '8' WHERE name = 'mark'";
    for policy in [OnCorruption::Fail, OnCorruption::Skip] {
        let directory = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&options(directory.path(), policy, false)).unwrap();
        fill(&mut store);
        alter(directory.path(), change);
        let (keys, text) = (store.keys(), store.state("mark"));
        if policy == OnCorruption::Fail {
            for error in [keys.unwrap_err(), text.unwrap_err()] {
                assert_eq!(error.code, Code::Corrupt, "{error}");
            }
        } else {
            assert!(!keys.unwrap().contains("id-x"));
            assert_eq!(text.unwrap(), None);
            assert_eq!(store.stats().skipped, 2);
        }
    }
}

#[test]
fn whatever_changes_something_takes_its_checksum_along() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for keep_events in [false, true] {
        let mut store = SqliteStore::open(&options(path, OnCorruption::Fail, keep_events)).unwrap();
        let first = if keep_events { 100 } else { 1 };
        for (place, ending) in ["D|#|1|1", "D|#|0|1", "G|#|1", "L|id-#|#|1|key-#|{}"]
            .iter()
            .enumerate()
        {
            let seq = first + place;
            for line in [
                accept(seq, 4, "co"),
                "R|#|2|7000|{\"retryCount\":2}".into(),
                "M|id-#|5".into(),
                ending.to_string(),
                "M|id-#|6".into(),
                "N|id-#".into(),
                "V|text-#|a".into(),
                "V|text-#|b".into(),
            ] {
                commit(&mut store, &[&line.replace('#', &seq.to_string())]);
                let report = verify(path).unwrap();
                assert_eq!(report["problems"], json!([]), "{line}");
            }
        }
        commit(&mut store, &["D|50|0|1", "L|id-1|0|1|key-1|{}", "F|1"]);
        store.probe().unwrap();
        assert_eq!(verify(path).unwrap()["problems"], json!([]));
    }
}

#[test]
fn a_probe_that_a_crash_has_cut_short_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(&Options::new(directory.path())).unwrap();
    let stop = "CREATE TRIGGER stop BEFORE DELETE ON state BEGIN SELECT RAISE(FAIL, 'the power is off'); END";
    store.connection().execute_batch(stop).unwrap();
    assert!(store.probe().is_err());
    drop(store);
    assert_eq!(
        one::<u32>(directory.path(), "SELECT count(*) FROM state"),
        1
    );
    drop(SqliteStore::open(&Options::new(directory.path())).unwrap());
}

#[test]
fn a_replay_meets_an_event_whose_state_is_damaged_whatever_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let keeping = options(path, OnCorruption::Fail, true);
    fill(&mut SqliteStore::open(&keeping).unwrap());
    let journal = Journal::open(&keeping, |_| ()).unwrap();
    alter(path, "UPDATE events SET state = 2 WHERE seq = 4");
    let replay = |skip_damaged| {
        journal.reader().replay(&Query {
            from_ts: 0.0,
            to_ts: 9e9,
            only_unprocessed: true,
            types: Vec::new(),
            after_seq: 0,
            up_to_seq: 100,
            limit: 100,
            skip_damaged,
        })
    };
    assert_eq!(replay(false).unwrap_err().code, Code::Corrupt);
    let found: Value = serde_json::from_str(&replay(true).unwrap()).unwrap();
    assert_eq!(found["rows"].as_array().unwrap().len(), 5);
    let lost = "event 4: the checksum of its state does not match";
    assert_eq!(found["lost"], json!([lost]));
    assert!(journal.reader().kept_event("id-1").unwrap().is_some());
    let error = journal.reader().kept_event("id-4").unwrap_err();
    assert_eq!(error.code, Code::Corrupt);
}

#[test]
fn older_formats_are_brought_up_to_date_with_everything_in_them() {
    for older in [
        AS_VERSION_2.to_string(),
        AS_VERSION_2.to_string() + AS_VERSION_1,
    ] {
        let directory = damaged(&older);
        let path = directory.path();
        let error = inspect(path).unwrap_err();
        assert_eq!(error.code, Code::Version);
        assert!(error.message.contains("open it once"), "{error}");
        let mut store = SqliteStore::open(&options(path, OnCorruption::Fail, true)).unwrap();
        assert_eq!(waiting(&mut store), pending());
        assert_eq!(store.keys().unwrap(), KEYS);
        assert_eq!(store.state("cron").unwrap().unwrap(), "{\"at\":1}");
        commit(&mut store, &[&accept(8, 4, "co"), "D|4|0|1", "V|mark|8"]);
        drop(store);
        assert_eq!(inspect(path).unwrap()["format"], FORMAT);
        assert_eq!(verify(path).unwrap()["problems"], json!([]));
        let named = "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' \
                     ORDER BY name)";
        let names: String = one(path, named);
        let expected =
            "events events_id keys letters segment_ends segments snapshots snapshots_of state";
        assert_eq!(names, expected);
    }
}

#[test]
fn what_an_older_version_has_written_must_make_sense() {
    for change in ["attempts = -1", "state = 9", "retry = '{'", "due = 9e999"] {
        let older = format!("{AS_VERSION_2} UPDATE events SET {change} WHERE seq = 2");
        let directory = damaged(&older);
        let error = refused(directory.path());
        assert_eq!(error.code, Code::Corrupt, "{change}: {error}");
        let mut store = skipping(directory.path());
        assert_eq!(store.recovered().skipped, 1, "{change}");
        assert_eq!(waiting(&mut store)[1], json!([2, 0, 0]), "{change}");
    }
}

/// Version 2 with a value of the wrong type in it, which a flipped bit makes in spite of STRICT.
fn unfit() -> tempfile::TempDir {
    let directory = damaged(AS_VERSION_2);
    let change = "
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'events';";
    alter(directory.path(), change);
    alter(
        directory.path(),
        "UPDATE events SET attempts = 'x' WHERE seq = 2",
    );
    directory
}

#[test]
fn an_older_file_that_cannot_be_brought_up_to_date_stays_as_it_is_or_is_salvaged() {
    let directory = unfit();
    let path = directory.path();
    assert_eq!(refused(path).code, Code::Corrupt);
    assert_eq!(one::<i64>(path, "PRAGMA user_version"), 2);
    assert_eq!(one::<i64>(path, "SELECT count(*) FROM events"), 4);
    let mut store = skipping(path);
    assert!(store.recovered().skipped > 0);
    let expected = json!([[1, 0, 0], [3, 0, 0], [4, 0, 0]]);
    assert_eq!(waiting(&mut store), expected);
    assert_eq!(store.keys().unwrap(), KEYS);
    assert_eq!(store.state("mark").unwrap().unwrap(), "7");
    drop(store);
    assert_eq!(verify(path).unwrap()["ok"], true);
    assert!(path.join("journal.db.corrupt-1").exists());
}

#[test]
fn a_file_that_says_it_is_older_than_it_is_is_salvaged() {
    for version in [1, 2] {
        let directory = damaged("UPDATE state SET value = value");
        let path = directory.path();
        let database = Connection::open(path.join("journal.db")).unwrap();
        database
            .pragma_update(None, "user_version", version)
            .unwrap();
        drop(database);
        assert_eq!(refused(path).code, Code::Corrupt);
        let mut store = skipping(path);
        assert_eq!(waiting(&mut store), pending());
        assert_eq!(store.keys().unwrap(), KEYS);
        assert_eq!(store.state("mark").unwrap().unwrap(), "7");
    }
}

#[test]
fn a_salvaged_row_whose_state_is_damaged_comes_back() {
    let directory = damaged("UPDATE events SET state = 1 WHERE seq = 2");
    let path = directory.path();
    let database = Connection::open(path.join("journal.db")).unwrap();
    database.pragma_update(None, "user_version", 2).unwrap();
    drop(database);
    let mut store = skipping(path);
    assert_eq!(waiting(&mut store)[1], json!([2, 0, 0]));
    let details = store.recovered().details.join("\n");
    assert!(details.contains("event 2: "), "{details}");
}

/// All that a start reads.
fn all(store: &mut SqliteStore) -> Result<String, JournalError> {
    let (mut text, mut after) = (String::new(), 0);
    loop {
        let page = store.page(after)?;
        text += &page.json;
        if page.json.is_empty() {
            break;
        }
        after = page.last;
    }
    let (keys, letters) = (store.keys()?, store.letters()?);
    let texts = (store.state("cron")?, store.state("mark")?);
    Ok(format!("{text} {keys} {letters} {texts:?}"))
}

/// Some of everything: several pages of rows, a segment of which two events have ended, keys, a dead letter, texts.
fn large(options: &Options) -> Vec<u8> {
    let mut store = SqliteStore::open(options).unwrap();
    for seq in 7..37 {
        let data = format!("{{\"pad\":\"{}\"", "x".repeat(100 + seq * 30));
        let line = accept(seq, if seq % 2 == 0 { 4 } else { 0 }, "co");
        commit(
            &mut store,
            &[&line.replace("{\"n\"", &format!("{data},\"n\""))],
        );
    }
    let burst: Vec<String> = (37..67).map(|seq| accept(seq, 0, "co")).collect();
    let lines: Vec<&str> = burst.iter().map(String::as_str).collect();
    commit(&mut store, &lines);
    commit(
        &mut store,
        &["D|39|0|1", "D|40|0|1", "D|8|0|9000", "D|10|0|9000"],
    );
    fill(&mut store);
    store.checkpoint();
    drop(store);
    std::fs::read(options.path.join("journal.db")).unwrap()
}

#[test]
fn whatever_bit_is_flipped_a_start_reads_the_same_or_is_refused() {
    let step = std::env::var("KODUS_FLOW_FLIP_STEP").map_or(101, |step| step.parse().unwrap());
    for keep_events in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path(), OnCorruption::Fail, keep_events);
        let bytes = large(&options);
        let expected = all(&mut SqliteStore::open(&options).unwrap()).unwrap();
        let mut refused = 0;
        for (turn, at) in (0..bytes.len()).step_by(step).enumerate() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (turn % 8);
            for name in ["journal.db-wal", "journal.db-shm"] {
                let _ = std::fs::remove_file(directory.path().join(name));
            }
            std::fs::write(directory.path().join("journal.db"), &changed).unwrap();
            let flip = format!(
                "byte {at}, bit {}, with an event store: {keep_events}",
                turn % 8
            );
            match SqliteStore::open(&options).and_then(|mut store| all(&mut store)) {
                Ok(found) => assert!(found == expected, "{flip}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 50, "{refused}");
    }
}

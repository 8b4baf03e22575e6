//! What goes wrong with disks and files: nothing that was reported durable is lost, and everybody is told the truth.
#![cfg(feature = "journal")]

use kodus_flow_runtime::journal::{
    Code, FORMAT, Frame, Journal, JournalError, OnCorruption, Options, RawContent, Report, Store,
    StoreStats, SyncMode, Writer, WriterStats, export, inspect, verify,
};
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(20);

fn accept(seq: usize, awaited: bool) -> String {
    let flags = u8::from(awaited);
    let data = format!("{{\"n\":{seq},\"pad\":\"{}\"}}", "x".repeat(200));
    format!(
        "E\u{1f}{seq}\u{1f}{flags}\u{1f}1000\u{1f}0\u{1f}id-{seq}\u{1f}test\u{1f}\u{1f}\u{1f}th\u{1f}co\u{1f}{data}\n"
    )
}

fn open(options: &Options) -> (Journal, Receiver<Report>) {
    let (told, reports) = channel();
    let journal = Journal::open(options, move |report| {
        let _ = told.send(report);
    })
    .unwrap();
    (journal, reports)
}

/// Writes events one frame each, and waits until they are durable.
fn fill(path: &Path, count: usize) {
    let (mut journal, reports) = open(&Options::new(path));
    for seq in 1..=count {
        journal.write(accept(seq, true), seq == count);
    }
    while reports.recv_timeout(WAIT).unwrap().durable < count as u64 {}
}

fn seqs(journal: &mut Journal) -> Vec<usize> {
    let mut seqs = Vec::new();
    loop {
        let page = journal.next_page().unwrap();
        if page.is_empty() {
            return seqs;
        }
        let rows: Vec<serde_json::Value> = serde_json::from_str(&page).unwrap();
        seqs.extend(rows.iter().map(|row| row[0].as_u64().unwrap() as usize));
    }
}

fn refused(options: &Options) -> JournalError {
    match Journal::open(options, |_| ()) {
        Ok(_) => panic!("the journal was opened"),
        Err(error) => error,
    }
}

/// Changes a body behind the journal's back, as a flipped bit on the disk would.
fn damage(path: &Path, seq: usize) {
    let database = Connection::open(path.join("journal.db")).unwrap();
    let changed = database
        .execute(
            "UPDATE events SET body = CAST(replace(CAST(body AS TEXT), 'x', 'y') AS BLOB) WHERE seq = ?1",
            [seq as i64],
        )
        .unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn a_damaged_record_is_found_and_refused_or_left_out() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 10);
    damage(directory.path(), 4);
    let error = refused(&Options::new(directory.path()));
    assert_eq!(error.code, Code::Corrupt);
    assert!(error.message.contains("event 4"), "{error}");
    let report = verify(directory.path()).unwrap();
    assert_eq!(report["ok"], false);
    let skip = Options {
        on_corruption: OnCorruption::Skip,
        ..Options::new(directory.path())
    };
    let (mut journal, _reports) = open(&skip);
    assert_eq!(journal.recovered().skipped, 1);
    assert!(journal.recovered().details[0].contains("event 4"));
    assert_eq!(seqs(&mut journal), [1, 2, 3, 5, 6, 7, 8, 9, 10]);
    drop(journal);
    assert_eq!(verify(directory.path()).unwrap()["ok"], true);
}

#[test]
fn what_nobody_has_written_like_that_is_found() {
    for change in [
        "UPDATE events SET retry = '{\"retryCount\":1' WHERE seq = 4",
        "UPDATE events SET due = 9e999 WHERE seq = 4",
        "UPDATE events SET attempts = -1 WHERE seq = 4",
        "UPDATE events SET type = CAST(x'ff' AS TEXT) WHERE seq = 4",
        "UPDATE events SET seq = 1 << 60 WHERE seq = 4",
        "INSERT INTO keys (name, state, at, crc) VALUES (CAST(x'ff' AS TEXT), 'done', 1, 1)",
        "INSERT INTO keys (name, state, at, crc) VALUES ('jd:x', 'done', 1, 1)",
        "INSERT INTO letters (id, at, body, crc) VALUES (CAST(x'ff' AS TEXT), 1, '{}', 1)",
    ] {
        let directory = tempfile::tempdir().unwrap();
        fill(directory.path(), 10);
        let database = Connection::open(directory.path().join("journal.db")).unwrap();
        database.execute_batch(change).unwrap();
        drop(database);
        let error = refused(&Options::new(directory.path()));
        assert_eq!(error.code, Code::Corrupt, "{change}: {error}");
        let (mut journal, _reports) = open(&Options {
            on_corruption: OnCorruption::Skip,
            ..Options::new(directory.path())
        });
        assert_eq!(journal.recovered().skipped, 1, "{change}");
        assert_eq!(journal.recovered().next_seq, 11, "{change}");
        let left = seqs(&mut journal);
        assert!(left.len() >= 9 && left.contains(&10), "{change}: {left:?}");
        for text in [
            journal.ask(|store| store.keys()).unwrap(),
            journal.ask(|store| store.letters()).unwrap(),
        ] {
            assert_eq!(text, "[]", "{change}");
        }
        drop(journal);
        open(&Options::new(directory.path()));
    }
}

#[test]
fn a_damaged_dead_letter_or_snapshot_is_exported_as_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _reports) = open(&Options::new(directory.path()));
    let lines = "L\u{1f}a\u{1f}0\u{1f}1\u{1f}\u{1f}{}\nL\u{1f}b\u{1f}0\u{1f}1\u{1f}\u{1f}{}\nP\u{1f}x\u{1f}h\u{1f}1\u{1f}{}\n";
    journal.write(lines.to_string(), true);
    drop(journal);
    let database = Connection::open(directory.path().join("journal.db")).unwrap();
    let change = "UPDATE letters SET body = '[]' WHERE id = 'a'; UPDATE snapshots SET body = '[]'";
    database.execute_batch(change).unwrap();
    drop(database);
    let kinds = |cursor: &str| -> Vec<String> {
        let page = export(directory.path(), cursor, 10).unwrap();
        let rows = page["rows"].as_array().unwrap().iter();
        rows.map(|row| row["kind"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(kinds("letters:0"), ["damaged", "dead-letter"]);
    assert_eq!(kinds("snapshots:0"), ["damaged"]);
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let database = Connection::open(directory.path().join("journal.db")).unwrap();
    database.execute_batch("CREATE TABLE theirs (n)").unwrap();
    drop(database);
    let error = refused(&Options::new(directory.path()));
    assert_eq!(error.code, Code::Corrupt);
    assert!(error.message.contains("is no journal"), "{error}");
}

#[test]
fn a_damaged_database_is_refused_or_salvaged_and_kept_aside() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 2_000);
    let file = directory.path().join("journal.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(refused(&Options::new(directory.path())).code, Code::Corrupt);
    let skip = Options {
        on_corruption: OnCorruption::Skip,
        ..Options::new(directory.path())
    };
    let (mut journal, _reports) = open(&skip);
    let found = seqs(&mut journal);
    assert!(journal.recovered().skipped > 0);
    assert!(
        found.len() > 1_900 && found.len() < 2_000,
        "{} of 2,000 could be read",
        found.len()
    );
    assert!(directory.path().join("journal.db.corrupt-1").exists());
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 1);
    let database = Connection::open(directory.path().join("journal.db")).unwrap();
    database
        .pragma_update(None, "user_version", FORMAT + 1)
        .unwrap();
    drop(database);
    let error = refused(&Options::new(directory.path()));
    assert_eq!(error.code, Code::Version);
    assert!(error.message.contains("update the package"), "{error}");
    assert_eq!(inspect(directory.path()).unwrap_err().code, Code::Version);
}

#[test]
fn damage_to_what_says_where_the_events_of_a_segment_are_costs_none_that_is_whole() {
    for damage in [
        "UPDATE segments SET crc = crc + 1",
        "UPDATE segments SET offsets = zeroblob(length(offsets))",
        "UPDATE segment_ends SET crc = crc + 1",
        "UPDATE segments SET last = 0",
        "UPDATE segments SET last = 1 << 60",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, reports) = open(&Options::new(directory.path()));
        let mut numbers = vec![4.0, 5.0, 6.0];
        for seq in 1..=20 {
            numbers.extend([1.0, f64::from(seq), 1.0, 1000.0, f64::from(seq), 7.0, 0.0]);
        }
        let text = format!("call_\ncorr_\ntest{}", "\n{}".repeat(20));
        let text = text.into_bytes();
        journal.write(RawContent { text, numbers }, true);
        journal.write("D\u{1f}20\u{1f}0\u{1f}1\n".to_string(), true);
        while reports.recv_timeout(WAIT).unwrap().durable < 2 {
            journal.commit();
        }
        drop(journal);
        let database = Connection::open(directory.path().join("journal.db")).unwrap();
        assert_eq!(database.execute(damage, []).unwrap(), 1, "{damage}");
        drop(database);
        assert_eq!(refused(&Options::new(directory.path())).code, Code::Corrupt);
        let skip = Options {
            on_corruption: OnCorruption::Skip,
            ..Options::new(directory.path())
        };
        let (mut journal, _reports) = open(&skip);
        assert!(journal.recovered().skipped > 0);
        let found = seqs(&mut journal);
        assert_eq!(found[..19], (1..20).collect::<Vec<_>>(), "{damage}");
        drop(journal);
        assert_eq!(verify(directory.path()).unwrap()["ok"], true, "{damage}");
    }
}

#[test]
fn a_torn_last_write_costs_nothing_that_was_durable() {
    for cut in [1, 17, 512, 4096, 5000] {
        let directory = tempfile::tempdir().unwrap();
        let copy = tempfile::tempdir().unwrap();
        let (mut journal, reports) = open(&Options::new(directory.path()));
        journal.write(accept(1, true), true);
        while reports.recv_timeout(WAIT).unwrap().durable < 1 {}
        let wal = |path: &Path| path.join("journal.db-wal");
        let durable = std::fs::metadata(wal(directory.path())).unwrap().len();
        let text: String = (2..40).map(|seq| accept(seq, true)).collect();
        journal.write(text, true);
        while reports.recv_timeout(WAIT).unwrap().durable < 2 {}
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
        }
        let log = std::fs::OpenOptions::new()
            .write(true)
            .open(wal(copy.path()))
            .unwrap();
        log.set_len(log.metadata().unwrap().len().max(durable + cut) - cut)
            .unwrap();
        drop(log);
        let (mut torn, _) = open(&Options::new(copy.path()));
        assert_eq!(
            seqs(&mut torn),
            [1],
            "the second group is not whole, so it is not there"
        );
    }
}

#[test]
fn a_path_that_cannot_be_a_directory_is_named_with_what_the_system_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(&Options::new(&file));
    assert_eq!(error.code, Code::Failed);
    assert!(error.message.contains("file"), "{error}");
    assert!(inspect(&directory.path().join("none")).is_err());
}

#[test]
fn a_lock_that_a_dead_process_has_left_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("journal.lock"), "").unwrap();
    std::fs::write(directory.path().join("journal.pid"), "999999").unwrap();
    let (journal, _reports) = open(&Options::new(directory.path()));
    assert_eq!(
        inspect(directory.path()).unwrap()["openIn"],
        std::process::id()
    );
    drop(journal);
    assert!(inspect(directory.path()).unwrap()["openIn"].is_null());
}

#[test]
fn a_full_disk_is_told_and_what_nobody_waits_for_is_written_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, reports) = open(&Options::new(directory.path()));
    journal.write(accept(1, true), true);
    while reports.recv_timeout(WAIT).unwrap().durable < 1 {}
    let limit = |pages: u32| {
        journal
            .ask(move |store| {
                let sql = format!("PRAGMA max_page_count = {pages}");
                Ok(store.connection().query_row(&sql, [], |_| Ok(()))?)
            })
            .unwrap();
    };
    limit(1);
    let journal_writes = |seq: std::ops::Range<usize>, awaited: bool| {
        seq.map(|seq| accept(seq, awaited)).collect::<String>()
    };
    let awaited = journal_writes(2..200, true);
    let plain = journal_writes(200..300, false);
    let failed = {
        let first = journal.write(awaited, true);
        journal.write(plain, true);
        loop {
            let report = reports.recv_timeout(WAIT).unwrap();
            if !report.healthy {
                assert_eq!(report.error.as_ref().unwrap().code, Code::Failed);
                assert!(report.error.unwrap().message.contains("room"));
                break (first, report.failed);
            }
        }
    };
    assert_eq!(failed.1, [failed.0]);
    journal
        .ask(|store| {
            let sql = "PRAGMA max_page_count = 1000000";
            Ok(store.connection().query_row(sql, [], |_| Ok(()))?)
        })
        .unwrap();
    while !reports.recv_timeout(WAIT).unwrap().healthy {}
    drop(journal);
    let (mut again, _reports) = open(&Options::new(directory.path()));
    let expected: Vec<usize> = std::iter::once(1).chain(200..300).collect();
    assert_eq!(seqs(&mut again), expected);
}

/// A store whose commits fail as often as it is told.
struct Failing {
    failures: Arc<Mutex<u32>>,
    committed: Arc<Mutex<Vec<(u64, bool)>>>,
    staged: Vec<(u64, bool)>,
}

impl Store for Failing {
    fn stage(&mut self, frames: &[Frame]) -> Result<(), JournalError> {
        self.staged
            .extend(frames.iter().map(|frame| (frame.number, frame.given_up)));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        let staged = std::mem::take(&mut self.staged);
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(JournalError::new(Code::Failed, "the disk is full"));
        }
        self.committed.lock().unwrap().extend(staged);
        Ok(())
    }

    fn stats(&mut self) -> StoreStats {
        StoreStats::default()
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.commit()
    }

    fn tidy(&mut self) -> Result<bool, JournalError> {
        Ok(false)
    }
}

#[test]
fn frames_are_committed_in_their_order_through_failures_and_only_awaited_events_are_given_up() {
    let failures = Arc::new(Mutex::new(2));
    let committed = Arc::new(Mutex::new(Vec::new()));
    let store = Failing {
        failures: Arc::clone(&failures),
        committed: Arc::clone(&committed),
        staged: Vec::new(),
    };
    let (told, reports) = channel();
    let options = Options {
        sync: SyncMode::Group,
        group_ms: 1.0,
        ..Options::new("unused")
    };
    let stats = Arc::new(Mutex::new(WriterStats::default()));
    let writer = Writer::new(
        store,
        &options,
        Arc::clone(&stats),
        move |report: Report| {
            let _ = told.send(report);
        },
    );
    let (commands, inbox) = crossbeam_channel::unbounded();
    let thread = std::thread::spawn(move || writer.run(&inbox));
    use kodus_flow_runtime::journal::Command;
    commands
        .send(Command::Frame(
            1,
            "D\u{1f}1\u{1f}0\u{1f}0\n".to_string().into(),
            true,
        ))
        .unwrap();
    commands
        .send(Command::Frame(2, accept(5, true).into(), true))
        .unwrap();
    let mut lost = Vec::new();
    loop {
        let report = reports.recv_timeout(WAIT).unwrap();
        lost.extend(report.failed);
        if report.durable == 2 && report.healthy {
            break;
        }
    }
    commands
        .send(Command::Frame(3, accept(6, true).into(), true))
        .unwrap();
    while reports.recv_timeout(WAIT).unwrap().durable < 3 {}
    drop(commands);
    thread.join().unwrap();
    assert_eq!(lost, [2]);
    assert_eq!(
        *committed.lock().unwrap(),
        [(1, false), (2, true), (3, false)]
    );
    assert_eq!(stats.lock().unwrap().failures, 2);
}

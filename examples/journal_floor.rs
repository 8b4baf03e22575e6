//! What the disk and SQLite can do, for comparison: groups of 1,000 events of 250 bytes, one durable sync a group.
//! `cargo run --release --no-default-features --features journal --example journal_floor -- <directory>`; prints JSON lines.

use kodus_flow_runtime::journal::{Content, Frame, Group, Options, SqliteStore, Store, SyncMode};
use rusqlite::{Connection, params};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

const GROUP: usize = 1000;
const GROUPS: usize = 200;
const EVENT_BYTES: usize = 250;
/// About 64 KiB, the size at which the facade hands a frame over.
const EVENTS_A_FRAME: usize = 350;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args()
        .nth(1)
        .ok_or("usage: journal_floor <directory>")?;
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    let event = "x".repeat(EVENT_BYTES);
    report("plain append + fdatasync", append(directory, &event)?);
    report(
        "bare rusqlite, WAL, synchronous FULL",
        sqlite(directory, &event)?,
    );
    report("the journal's store alone", store(directory)?);
    Ok(())
}

fn report(name: &str, events_per_second: f64) {
    println!("{{\"name\":\"{name}\",\"eventsPerSecond\":{events_per_second:.0}}}");
}

fn append(directory: &Path, event: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let mut file = File::create(directory.join("append.log"))?;
    let mut buffer = Vec::with_capacity(GROUP * (EVENT_BYTES + 8));
    measure(|| {
        buffer.clear();
        for _ in 0..GROUP {
            buffer.extend_from_slice(&(event.len() as u64).to_le_bytes());
            buffer.extend_from_slice(event.as_bytes());
        }
        file.write_all(&buffer)?;
        file.sync_data()?;
        Ok(())
    })
}

fn sqlite(directory: &Path, event: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let connection = Connection::open(directory.join("floor.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    )?;
    let mut seq = 0_i64;
    measure(|| {
        connection.execute_batch("BEGIN")?;
        let mut insert =
            connection.prepare_cached("INSERT INTO events (seq, body) VALUES (?1, ?2)")?;
        for _ in 0..GROUP {
            seq += 1;
            insert.execute(params![seq, event.as_bytes()])?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(())
    })
}

/// What of the journal is not JavaScript: the frames of a group, as the facade hands them over, carried out and committed.
fn store(directory: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    std::fs::create_dir_all(directory.join("journal"))?;
    let mut store = SqliteStore::open(&Options {
        compress_above: 16384.0,
        ..Options::new(directory.join("journal"))
    })?;
    let mut seq = 0;
    measure(|| {
        let mut left = GROUP;
        while left > 0 {
            let count = left.min(EVENTS_A_FRAME);
            left -= count;
            store.stage(&frame(&mut seq, count))?;
        }
        Ok(store.commit()?)
    })
}

fn frame(seq: &mut usize, count: usize) -> Vec<Frame> {
    let mut content = Content {
        text: "call_abcdef_1234567890\ncorr_1234567890123_123456789\nbench".into(),
        numbers: vec![4.0, 5.0, 6.0],
    };
    let pad = "x".repeat(150);
    for _ in 0..count {
        *seq += 1;
        content
            .text
            .push_str(&format!("\n{{\"n\":{seq},\"pad\":\"{pad}\"}}"));
        let numbers = [
            1.0,
            *seq as f64,
            1.0,
            1.7e12,
            (*seq % 1000) as f64,
            7.0,
            0.0,
        ];
        content.numbers.extend(numbers);
    }
    let mut group = Group::new(SyncMode::Group, 1.0, GROUP);
    group.push(1, content, 0.0);
    group.next().to_vec()
}

fn measure(
    mut group: impl FnMut() -> Result<(), Box<dyn std::error::Error>>,
) -> Result<f64, Box<dyn std::error::Error>> {
    group()?;
    let began = Instant::now();
    for _ in 0..GROUPS {
        group()?;
    }
    Ok((GROUP * GROUPS) as f64 / began.elapsed().as_secs_f64())
}

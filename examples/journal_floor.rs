//! What the disk and SQLite can do, for comparison: groups of 1,000 events of 250 bytes, one durable sync a group.
//! `cargo run --release --no-default-features --features journal --example journal_floor -- <directory>`; prints JSON lines.

use rusqlite::{Connection, params};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

const GROUP: usize = 1000;
const GROUPS: usize = 60;
const EVENT_BYTES: usize = 250;

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

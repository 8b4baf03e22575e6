//! Looking at every record, for tools.

use super::checksum::is_whole;
use super::read::{
    EVENT_COLUMNS, EventRow, Merged, event_row, letter_checksum, require_order, snapshot_checksum,
};
use super::segments::{SegmentEvents, examine_segments, segments_after};
use crate::journal::error::{Code, JournalError};
use rusqlite::{Connection, params};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Problems that are told one by one.
const MAX_PROBLEMS: usize = 1000;

/// How many records there are, and what is wrong with them.
pub fn examine(connection: &Connection) -> Result<(u64, Vec<String>), JournalError> {
    let mut problems = Vec::new();
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    for line in statement.query_map([], |row| row.get::<_, String>(0))? {
        match line {
            Ok(text) if text == "ok" => {}
            Ok(text) => problems.push(text),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let mut records = 0;
    let events = format!("SELECT {EVENT_COLUMNS} FROM events ORDER BY seq");
    each(connection, &events, &mut records, &mut problems, |row| {
        Ok(event_row(row)?.err())
    });
    match examine_segments(connection, |problem| problems.push(problem)) {
        Ok(events) => records += events,
        Err(error) => problems.push(error.to_string()),
    }
    each(
        connection,
        "SELECT id, body, crc FROM letters ORDER BY n",
        &mut records,
        &mut problems,
        |row| {
            let (id, body): (String, String) = (row.get(0)?, row.get(1)?);
            let whole = letter_checksum(&id, &body) == row.get::<_, i64>(2)?;
            Ok((!whole).then(|| format!("dead letter {id}: its checksum does not match")))
        },
    );
    let snapshots = "SELECT xc_id, hash, body, crc FROM snapshots ORDER BY position";
    each(connection, snapshots, &mut records, &mut problems, |row| {
        let (xc_id, hash, body): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let whole = snapshot_checksum(&xc_id, &hash, &body) == row.get::<_, i64>(3)?;
        Ok((!whole).then(|| format!("snapshot {hash} of {xc_id}: its checksum does not match")))
    });
    let keys = concat!("SELECT n, ", is_whole!(keys), " FROM keys ORDER BY n");
    each(connection, keys, &mut records, &mut problems, |row| {
        let (n, whole): (i64, bool) = (row.get(0)?, row.get(1)?);
        Ok((!whole).then(|| format!("remembered key {n}: its checksum does not match")))
    });
    let texts = concat!(
        "SELECT CAST(name AS BLOB), ",
        is_whole!(state),
        " FROM state ORDER BY name"
    );
    each(connection, texts, &mut records, &mut problems, |row| {
        let (name, whole): (Vec<u8>, bool) = (row.get(0)?, row.get(1)?);
        let name = String::from_utf8_lossy(&name);
        Ok((!whole).then(|| format!("text {name:?}: its checksum does not match")))
    });
    problems.truncate(MAX_PROBLEMS);
    Ok((records, problems))
}

fn each(
    connection: &Connection,
    sql: &str,
    records: &mut u64,
    problems: &mut Vec<String>,
    mut look: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<Option<String>>,
) {
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            *records += 1;
            if let Some(problem) = look(row).unwrap_or_else(|error| Some(error.to_string())) {
                problems.push(problem);
            }
        }
        Ok(())
    };
    if let Err(error) = read() {
        problems.push(error.to_string());
    }
}

/// See [`crate::journal::export`]. The cursor says the table and the last number.
pub fn export_page(
    connection: &Connection,
    cursor: &str,
    limit: u32,
) -> Result<Value, JournalError> {
    let (table, after) = cursor.split_once(':').unwrap_or(("events", "0"));
    let after: i64 = after.parse().map_err(|_| {
        JournalError::new(Code::Failed, format!("not a cursor of an export: {cursor}"))
    })?;
    let (rows, last) = match table {
        "events" => export_events(connection, after, limit)?,
        "letters" => export_letters(connection, after, limit)?,
        _ => export_snapshots(connection, after, limit)?,
    };
    let next = match (table, rows.len() as u32 == limit) {
        (_, true) => format!("{table}:{last}"),
        ("events", false) => "letters:0".into(),
        ("letters", false) => "snapshots:0".into(),
        _ => String::new(),
    };
    Ok(json!({ "rows": rows, "next": next }))
}

fn raw(json: String) -> Value {
    RawValue::from_string(json)
        .ok()
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or(Value::Null)
}

fn export_events(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<(Vec<Value>, i64), JournalError> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    let mut statement = connection.prepare(&sql)?;
    let mut of_segments = segments_after(connection)?;
    let segments = SegmentEvents::new(of_segments.query(params![after])?, after);
    let mut events = Merged::new(statement.query(params![after, limit])?, segments)?;
    let (mut list, mut last) = (Vec::new(), after);
    while list.len() < limit as usize
        && let Some((seq, event)) = events.next()?
    {
        require_order("event", last, seq)?;
        last = seq;
        list.push(match event {
            Err(problem) => json!({ "kind": "damaged", "seq": last, "problem": problem }),
            Ok(event) => exported(event),
        });
    }
    Ok((list, last))
}

fn exported(event: EventRow) -> Value {
    let EventRow {
        seq,
        state,
        flags,
        attempts,
        due,
        ts,
        id,
        kind,
        header,
        body,
        ..
    } = event;
    let state = ["pending", "finished", "processed", "pending, processed"]
        .get(state as usize)
        .copied()
        .unwrap_or("unknown");
    let codec = if flags & crate::journal::frame::flags::BINARY != 0 {
        "v8"
    } else {
        "json"
    };
    json!({
        "kind": "event", "seq": seq, "state": state, "attempts": attempts, "dueAt": due, "ts": ts, "id": id,
        "type": kind, "delivery": raw(if header.is_empty() { "null".into() } else { header }), "codec": codec, "event": raw(body),
    })
}

/// A record that is no event.
fn damaged(record: &str) -> Value {
    json!({ "kind": "damaged", "problem": format!("{record}: its checksum does not match") })
}

fn export_letters(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<(Vec<Value>, i64), JournalError> {
    let mut statement = connection
        .prepare("SELECT n, id, at, body, crc FROM letters WHERE n > ?1 ORDER BY n LIMIT ?2")?;
    let mut rows = statement.query(params![after, limit])?;
    let (mut list, mut last) = (Vec::new(), after);
    while let Some(row) = rows.next()? {
        let (id, at, body): (String, f64, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let n = row.get(0)?;
        require_order("dead letter", last, n)?;
        last = n;
        list.push(if letter_checksum(&id, &body) == row.get::<_, i64>(4)? {
            json!({ "kind": "dead-letter", "id": id, "at": at, "letter": raw(body) })
        } else {
            damaged(&format!("dead letter {id}"))
        });
    }
    Ok((list, last))
}

fn export_snapshots(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<(Vec<Value>, i64), JournalError> {
    let sql = "SELECT position, xc_id, hash, ts, body, crc FROM snapshots WHERE position > ?1 ORDER BY position LIMIT ?2";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![after, limit])?;
    let (mut list, mut last) = (Vec::new(), after);
    while let Some(row) = rows.next()? {
        let (xc_id, hash, ts): (String, String, f64) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let body: String = row.get(4)?;
        let n = row.get(0)?;
        require_order("snapshot", last, n)?;
        last = n;
        list.push(if snapshot_checksum(&xc_id, &hash, &body) == row.get::<_, i64>(5)? {
            json!({ "kind": "snapshot", "xcId": xc_id, "hash": hash, "ts": ts, "snapshot": raw(body) })
        } else {
            damaged(&format!("snapshot {hash} of {xc_id}"))
        });
    }
    Ok((list, last))
}

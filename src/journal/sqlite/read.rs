//! Reading: what was pending, kept events for replay, letters, keys, snapshots. Rows go out as JSON text, their bodies
//! as they are.

use super::apply::{DROPPED, FORGOTTEN, count, event_checksum, put_text};
use super::checksum::{change_events, is_whole};
use super::segments::{SegmentEvents, segments_after};
use super::state::{FINISHED, MARKED, PENDING};
use super::{MAX_DETAILS, SqliteStore};
use crate::journal::codec::{Checksum, unpack};
use crate::journal::error::{Code, JournalError};
use crate::journal::frame::Accept;
use crate::journal::frame::flags::{BINARY, REMEMBERED, REPLAY_ONLY};
use crate::journal::options::OnCorruption;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Rows, params};
use std::fmt::Write;

/// No event has a greater number: JavaScript must be able to count on from it.
const MAX_SEQ: i64 = 1 << 52;
/// Bytes after which a page is full.
const PAGE_BYTES: usize = 256 * 1024;

/// A page of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// JSON, or nothing after the last row.
    pub json: String,
    /// Number of its last row.
    pub last: i64,
}

/// Which kept events to read.
#[derive(Debug, Clone)]
pub struct Query {
    /// From this time on, milliseconds since the epoch.
    pub from_ts: f64,
    /// Up to this time.
    pub to_ts: f64,
    /// Only those that were not acknowledged.
    pub only_unprocessed: bool,
    /// Only these types; none: all.
    pub types: Vec<String>,
    /// After this number.
    pub after_seq: i64,
    /// Up to this number.
    pub up_to_seq: i64,
    /// Rows of a page.
    pub limit: u32,
    /// Whether damaged records are left out and told; else the first one is an error.
    pub skip_damaged: bool,
}

pub(super) fn letter_checksum(id: &str, body: &str) -> i64 {
    Checksum::default()
        .field(id.as_bytes())
        .field(body.as_bytes())
        .finish()
}

pub(super) fn snapshot_checksum(xc_id: &str, hash: &str, body: &str) -> i64 {
    Checksum::default()
        .field(xc_id.as_bytes())
        .field(hash.as_bytes())
        .field(body.as_bytes())
        .finish()
}

/// An event's row, checked.
pub(super) struct EventRow {
    pub seq: i64,
    pub state: i64,
    pub flags: u32,
    pub attempts: i64,
    pub due: f64,
    pub ts: f64,
    pub id: String,
    pub kind: String,
    pub key: String,
    pub header: String,
    pub retry: String,
    pub body: String,
}

impl EventRow {
    fn is_pending(&self) -> bool {
        matches!(self.state, PENDING | MARKED)
    }
}

pub(super) const EVENT_COLUMNS: &str = concat!(
    "seq, state, flags, attempts, due, ts, id, type, key, header, retry, body, crc, envelope, ",
    is_whole!(events)
);

/// What is wrong with an event's row.
pub(super) struct Flaw {
    pub detail: String,
    /// What never changes of it is whole.
    pub is_known: bool,
}

/// Reads a row of [`EVENT_COLUMNS`]. The inner error says which record is damaged.
pub(super) fn event_row(row: &Row<'_>) -> rusqlite::Result<Result<EventRow, String>> {
    Ok(checked_row(row, true)?.map_err(|flaw| flaw.detail))
}

/// As [`event_row`]; without its body, where only the check is wanted.
fn checked_row(row: &Row<'_>, with_body: bool) -> rusqlite::Result<Result<EventRow, Flaw>> {
    let seq: i64 = row.get(0)?;
    // A value of the wrong type is damage as well.
    let Some(mut event) = lasting_part(row, with_body).unwrap_or(None) else {
        return Ok(Err(Flaw {
            detail: format!("event {seq}: its checksum does not match"),
            is_known: false,
        }));
    };
    Ok(match read_changes(row, &mut event) {
        Ok(true) => Ok(event),
        Ok(false) | Err(_) => Err(Flaw {
            detail: format!("event {seq}: the checksum of its state does not match"),
            is_known: true,
        }),
    })
}

/// What never changes of an event: it is as it came. Nothing: it is damaged.
fn lasting_part(row: &Row<'_>, with_body: bool) -> rusqlite::Result<Option<EventRow>> {
    let (seq, flags, ts): (i64, u32, f64) = (row.get(0)?, row.get(2)?, row.get(5)?);
    let (id, kind, key, header): (String, String, String, String) =
        (row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?);
    let bytes = row
        .get_ref(11)?
        .as_blob()
        .map_err(|_| rusqlite::Error::InvalidQuery)?;
    let envelope: String = row.get(13)?;
    let texts = [&*id, &*kind, &*key, &*header, &*envelope];
    if event_checksum(seq, flags, ts, texts, bytes) != row.get::<_, i64>(12)? {
        return Ok(None);
    }
    let body = match with_body {
        true => unpack(bytes, flags),
        false => Some(String::new()),
    };
    Ok(body.map(|body| EventRow {
        seq,
        state: PENDING,
        flags,
        attempts: 0,
        due: 0.0,
        ts,
        body: if envelope.is_empty() || !with_body {
            body
        } else {
            whole_event(&id, &kind, ts, &envelope, &body)
        },
        id,
        kind,
        key,
        header,
        retry: String::new(),
    }))
}

/// What has become of it. False: it is damaged.
fn read_changes(row: &Row<'_>, event: &mut EventRow) -> rusqlite::Result<bool> {
    event.state = row.get(1)?;
    event.attempts = row.get(3)?;
    event.due = row.get(4)?;
    event.retry = row.get(10)?;
    // What an earlier version has written without a checksum must make sense as well.
    let is_sensible = (PENDING..=MARKED).contains(&event.state)
        && event.attempts >= 0
        && event.due.is_finite()
        && is_json_or_nothing(&event.retry);
    Ok(is_sensible && row.get(14)?)
}

/// An event of which the data alone is stored as the body. Its members stand in the usual order.
fn whole_event(id: &str, kind: &str, ts: f64, envelope: &str, data: &str) -> String {
    let data = if data.is_empty() {
        String::new()
    } else {
        format!("\"data\":{data},")
    };
    let (id, kind) = (quoted(id), quoted(kind));
    format!("{{\"id\":{id},\"type\":{kind},{data}\"ts\":{ts},{envelope}}}")
}

fn is_json_or_nothing(text: &str) -> bool {
    text.is_empty() || serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

fn or_null(json: &str) -> &str {
    if json.is_empty() { "null" } else { json }
}

impl SqliteStore {
    /// Pending events after a number, in order: `[seq, attempts, due, ts, flags, header, body, retry]` each.
    pub fn page(&mut self, after: i64) -> Result<Page, JournalError> {
        page_of(&self.connection, after)
    }

    /// Looks at every record that the start needs; what never changes of kept events is checked when they are
    /// replayed. A damaged one is refused, or removed or brought back, and told.
    pub(super) fn check_rows(&mut self) -> Result<(), JournalError> {
        let damaged = [
            self.check_events()?,
            damaged_in(
                &self.connection,
                concat!("SELECT n, ", is_whole!(keys), ", name, state FROM keys"),
                |n| format!("remembered key {n}"),
                Remedy::Key,
                |row| {
                    let (name, state): (String, String) = (row.get(2)?, row.get(3)?);
                    let is_named = name.starts_with("id:") || name.starts_with("key:");
                    Ok(row.get(1)? && is_named && (state == "done" || state == "dead"))
                },
            )?,
            damaged_in(
                &self.connection,
                "SELECT n, id, body, crc FROM letters",
                |n| format!("dead letter {n}"),
                Remedy::Letter,
                |row| {
                    let (id, body): (String, String) = (row.get(1)?, row.get(2)?);
                    Ok(letter_checksum(&id, &body) == row.get::<_, i64>(3)?)
                },
            )?,
            self.check_texts()?,
        ]
        .concat();
        if damaged.is_empty() {
            return Ok(());
        }
        if self.options.on_corruption == OnCorruption::Fail {
            let problems: Vec<String> = damaged.into_iter().map(|damage| damage.detail).collect();
            return Err(self.corrupt(&problems));
        }
        self.repair(damaged)
    }

    /// Events that have not ended, and those of which that cannot be told.
    fn check_events(&mut self) -> Result<Vec<Damage>, JournalError> {
        // Numbers that no journal reaches as well: others go on from the greatest.
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE state NOT IN (1, 2) OR seq > {MAX_SEQ} \
             OR NOT ({})",
            is_whole!(events)
        );
        let mut damaged = Vec::new();
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match checked_row(row, false)? {
                Err(Flaw { detail, is_known }) => {
                    let seq = row.get(0)?;
                    let remedy = match is_known {
                        true => Remedy::BringBack(seq),
                        false => Remedy::Event(seq),
                    };
                    damaged.push(Damage { detail, remedy });
                }
                Ok(event) if event.is_pending() && event.flags & REMEMBERED != 0 => {
                    self.remembered.insert(event.seq, (event.id, event.key));
                }
                Ok(_) => {}
            }
        }
        Ok(damaged)
    }

    fn check_texts(&self) -> Result<Vec<Damage>, JournalError> {
        let sql = concat!(
            "SELECT CAST(name AS BLOB) FROM state WHERE NOT (",
            is_whole!(state),
            ")"
        );
        let mut statement = self.connection.prepare(sql)?;
        let names = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        names
            .map(|name| {
                let name = String::from_utf8_lossy(&name?).into_owned();
                Ok(Damage {
                    detail: format!("text {name:?}: its checksum does not match"),
                    remedy: Remedy::Texts,
                })
            })
            .collect()
    }

    /// Removes what is damaged; an event that is known comes back.
    fn repair(&mut self, damaged: Vec<Damage>) -> Result<(), JournalError> {
        let transaction = self.connection.unchecked_transaction()?;
        // Keys and letters say whether an event has ended, so the damaged ones of these go first.
        let (back, gone): (Vec<Damage>, Vec<Damage>) = damaged
            .into_iter()
            .partition(|damage| matches!(damage.remedy, Remedy::BringBack(_)));
        let mut told = Vec::new();
        for Damage { detail, remedy } in gone {
            remedy.remove(&transaction)?;
            told.push(detail);
        }
        for Damage { detail, remedy } in back {
            let Remedy::BringBack(seq) = remedy else {
                continue;
            };
            let event = bring_back(&transaction, seq, self.options.keep_events)?;
            let outcome = match event.is_pending() {
                true => "it waits again, as if it had just come",
                false => "it counts as ended",
            };
            told.push(format!("{detail}; {outcome}"));
            if event.is_pending() && event.flags & REMEMBERED != 0 {
                self.remembered.insert(event.seq, (event.id, event.key));
            }
        }
        transaction.commit()?;
        self.skip(told);
        Ok(())
    }

    /// `problems`: at least one.
    pub(super) fn corrupt(&self, problems: &[String]) -> JournalError {
        let message = format!(
            "the journal {} has {} damaged records ({}); restore it from a backup, or open it with \
             onCorruption: 'skip' to go on without them",
            self.options.path.display(),
            problems.len(),
            problems[0]
        );
        JournalError::new(Code::Corrupt, message)
    }

    /// Counts what is there.
    pub(super) fn count(&mut self) -> Result<(), JournalError> {
        let connection = &self.connection;
        let alone = count(
            connection,
            "SELECT count(*) FROM events WHERE state IN (0, 3)",
        )?;
        self.stats.pending = alone + self.segments.live();
        self.stats.kept = count(
            connection,
            "SELECT count(*) FROM events WHERE state IN (1, 2)",
        )?;
        self.stats.letters = count(connection, "SELECT count(*) FROM letters")?;
        self.stats.keys = count(connection, "SELECT count(*) FROM keys")?;
        self.stats.snapshots = count(connection, "SELECT count(*) FROM snapshots")?;
        let bytes = "SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM snapshots";
        self.stats.snapshot_bytes = count(connection, bytes)?;
        // Of a pending event, `ended` is its own time, which says nothing about ours.
        let latest = "SELECT coalesce(max(ended), 0) FROM events WHERE state IN (1, 2)";
        let latest: f64 = connection.query_row(latest, [], |row| row.get(0))?;
        // A clock that went wrong once, or damage, must not make everything old.
        self.latest = latest.min(now_ms());
        self.stats.dropped = noted_count(connection, DROPPED)?;
        self.stats.forgotten = noted_count(connection, FORGOTTEN)?;
        self.recovered.pending = self.stats.pending;
        self.recovered.letters = self.stats.letters;
        self.recovered.keys = self.stats.keys;
        let newest = "SELECT coalesce(max((SELECT coalesce(max(seq), 0) FROM events), \
                      (SELECT coalesce(max(last), 0) FROM segments)), 0)";
        self.recovered.next_seq =
            1 + connection.query_row(newest, [], |row| row.get::<_, i64>(0))?;
        self.recovered.details.truncate(MAX_DETAILS);
        Ok(())
    }

    /// Bodies of the dead letters, a JSON list.
    pub fn letters(&self) -> Result<String, JournalError> {
        let mut statement = self
            .connection
            .prepare("SELECT body FROM letters ORDER BY n")?;
        let bodies = statement.query_map([], |row| row.get::<_, String>(0))?;
        let list: Vec<String> = bodies.collect::<Result<_, _>>()?;
        Ok(format!("[{}]", list.join(",")))
    }

    /// Names that must not come again, oldest first: `[name, state]` each.
    pub fn keys(&mut self) -> Result<String, JournalError> {
        let mut damaged = Vec::new();
        let mut json = String::from("[");
        {
            let sql = concat!(
                "SELECT n, ",
                is_whole!(keys),
                ", name, state FROM keys ORDER BY n"
            );
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if !row.get::<_, bool>(1)? {
                    let n: i64 = row.get(0)?;
                    damaged.push(format!("remembered key {n}: it is not what was written"));
                    continue;
                }
                let (name, state): (String, String) = (row.get(2)?, row.get(3)?);
                separate(&mut json, "[");
                let _ = write!(json, "[{},{}]", quoted(&name), quoted(&state));
            }
        }
        json.push(']');
        self.leave_out(damaged)?;
        Ok(json)
    }

    /// A small text by name.
    pub fn state(&mut self, name: &str) -> Result<Option<String>, JournalError> {
        let sql = concat!(
            "SELECT ",
            is_whole!(state),
            ", value FROM state WHERE name = ?1"
        );
        let found: Option<(bool, Value)> = self
            .connection
            .query_row(sql, params![name], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match found {
            Some((true, Value::Text(value))) => Ok(Some(value)),
            Some(_) => {
                let detail = format!("text {name:?}: its checksum does not match");
                self.leave_out(vec![detail]).map(|()| None)
            }
            None => Ok(None),
        }
    }

    /// Damage that has come after the start.
    fn leave_out(&mut self, problems: Vec<String>) -> Result<(), JournalError> {
        match self.options.on_corruption {
            _ if problems.is_empty() => Ok(()),
            OnCorruption::Fail => Err(self.corrupt(&problems)),
            OnCorruption::Skip => {
                self.skip(problems);
                Ok(())
            }
        }
    }
}

/// An event that has just been accepted, as a row would have it.
pub(super) fn pending_row(accept: &Accept<'_>) -> EventRow {
    let (id, kind) = (accept.id.to_string(), accept.kind.to_string());
    let body = match accept.envelope.as_ref() {
        "" => accept.body.to_string(),
        envelope => whole_event(&id, &kind, accept.ts, envelope, accept.body),
    };
    EventRow {
        seq: accept.seq,
        state: PENDING,
        flags: accept.flags,
        attempts: 0,
        due: accept.due,
        ts: accept.ts,
        id,
        kind,
        key: accept.key.to_string(),
        header: accept.header.to_string(),
        retry: String::new(),
        body,
    }
}

/// A record by its number: an event, or what is wrong with it.
type Record = (i64, Result<EventRow, String>);

/// Rows of events and events of segments as one sequence in the order of their numbers.
pub(super) struct Merged<'statement> {
    rows: Rows<'statement>,
    segments: SegmentEvents<'statement>,
    next_row: Option<Record>,
    next_of_segments: Option<Record>,
}

impl<'statement> Merged<'statement> {
    /// `rows`: of [`EVENT_COLUMNS`]; both after the same number and in order.
    pub(super) fn new(
        rows: Rows<'statement>,
        segments: SegmentEvents<'statement>,
    ) -> rusqlite::Result<Self> {
        let mut merged = Self {
            rows,
            segments,
            next_row: None,
            next_of_segments: None,
        };
        merged.next_row = merged.read_row()?;
        merged.next_of_segments = merged.segments.next()?;
        Ok(merged)
    }

    fn read_row(&mut self) -> rusqlite::Result<Option<Record>> {
        match self.rows.next()? {
            Some(row) => Ok(Some((row.get(0)?, event_row(row)?))),
            None => Ok(None),
        }
    }

    pub(super) fn next(&mut self) -> rusqlite::Result<Option<Record>> {
        let row_comes_first = match (&self.next_row, &self.next_of_segments) {
            (Some((row, _)), Some((other, _))) => row < other,
            (row, _) => row.is_some(),
        };
        if row_comes_first {
            let following = self.read_row()?;
            return Ok(std::mem::replace(&mut self.next_row, following));
        }
        let following = self.segments.next()?;
        Ok(std::mem::replace(&mut self.next_of_segments, following))
    }
}

/// A damaged record: what to say about it, and what is done with it.
#[derive(Clone)]
struct Damage {
    detail: String,
    remedy: Remedy,
}

#[derive(Clone)]
enum Remedy {
    BringBack(i64),
    Event(i64),
    Letter(i64),
    Key(i64),
    /// All small texts that are damaged.
    Texts,
}

impl Remedy {
    fn remove(&self, connection: &Connection) -> Result<(), JournalError> {
        let (sql, n) = match self {
            Remedy::BringBack(_) => return Ok(()),
            Remedy::Event(seq) => ("DELETE FROM events WHERE seq = ?1", seq),
            Remedy::Letter(n) => ("DELETE FROM letters WHERE n = ?1", n),
            Remedy::Key(n) => ("DELETE FROM keys WHERE n = ?1", n),
            Remedy::Texts => return remove_damaged_texts(connection),
        };
        connection.execute(sql, params![n])?;
        Ok(())
    }
}

/// A name that is damaged stands where it is not found, so all of them are written anew.
fn remove_damaged_texts(connection: &Connection) -> Result<(), JournalError> {
    let sql = concat!("SELECT name, value FROM state WHERE ", is_whole!(state));
    let mut statement = connection.prepare(sql)?;
    let whole: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    connection.execute("DELETE FROM state", [])?;
    for (name, value) in whole {
        put_text(connection, &name, &value)?;
    }
    Ok(())
}

/// What has become of an event is damaged: it waits again, unless it is known to have ended, or must not run twice.
fn bring_back(
    connection: &Connection,
    seq: i64,
    keeps_ended: bool,
) -> Result<EventRow, JournalError> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE seq = ?1");
    let found = connection.query_row(&sql, params![seq], |row| lasting_part(row, true))?;
    let Some(mut event) = found else {
        let detail = format!("event {seq}: its body cannot be read");
        return Err(JournalError::new(Code::Corrupt, detail));
    };
    let is_kept_only = event.flags & REPLAY_ONLY != 0;
    // Without an event store a row goes before its event runs, if that is to be once.
    let may_not_run = is_kept_only || keeps_ended && runs_at_most_once(&event);
    let now = now_ms();
    let mut ended = event.ts;
    if may_not_run || has_ended(connection, &event.id)? {
        (event.state, ended) = (FINISHED, now);
    }
    if is_kept_only {
        event.due = now;
    }
    let sql = change_events!("?2", "0", "?3", "?4", "''", "seq = ?1");
    connection.execute(sql, params![seq, event.state, event.due, ended])?;
    Ok(event)
}

/// A dead letter that is put back is an event again, while its key still says that it was dead.
fn has_ended(connection: &Connection, id: &str) -> Result<bool, JournalError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM keys WHERE name = 'id:' || ?1 AND state = 'done') \
               OR EXISTS (SELECT 1 FROM letters WHERE id = ?1)";
    Ok(connection.query_row(sql, params![id], |row| row.get(0))?)
}

/// What its metadata says: written without blanks. A structured clone has texts as they are.
fn runs_at_most_once(event: &EventRow) -> bool {
    let has = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    if event.flags & BINARY == 0 {
        let member = b"\"deliveryGuarantee\":\"at-most-once\"";
        return has(event.body.as_bytes(), member);
    }
    let clone = STANDARD.decode(event.body.trim_matches('"'));
    clone.is_ok_and(|bytes| has(&bytes, b"at-most-once"))
}

/// Records that are not whole, or cannot be read at all.
fn damaged_in(
    connection: &Connection,
    sql: &str,
    name: impl Fn(i64) -> String,
    remedy: fn(i64) -> Remedy,
    mut is_whole: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> Result<Vec<Damage>, JournalError> {
    let mut damaged = Vec::new();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let n = row.get(0)?;
        if !is_whole(row).unwrap_or(false) {
            damaged.push(Damage {
                detail: format!("{}: it is not what was written", name(n)),
                remedy: remedy(n),
            });
        }
    }
    Ok(damaged)
}

/// A damaged tree may lead back to where a reader was already, who would go round for ever.
pub(super) fn require_order(what: &str, before: i64, n: i64) -> Result<(), JournalError> {
    if n > before {
        return Ok(());
    }
    let detail = format!("{what} {n}: it does not stand where its number belongs");
    Err(JournalError::new(Code::Corrupt, detail))
}

/// See [`SqliteStore::page`].
fn page_of(connection: &Connection, after: i64) -> Result<Page, JournalError> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events WHERE seq > ?1 AND state IN (0, 3) ORDER BY seq"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut of_segments = segments_after(connection)?;
    let segments = SegmentEvents::new(of_segments.query(params![after])?, after);
    let mut events = Merged::new(statement.query(params![after])?, segments)?;
    let mut page = Page {
        json: String::with_capacity(PAGE_BYTES + 4096),
        last: after,
    };
    while page.json.len() < PAGE_BYTES
        && let Some((seq, event)) = events.next()?
    {
        let event = event.map_err(|detail| JournalError::new(Code::Corrupt, detail))?;
        require_order("event", page.last, seq)?;
        page.json.push(if page.json.is_empty() { '[' } else { ',' });
        let EventRow {
            seq,
            attempts,
            due,
            ts,
            flags,
            header,
            body,
            retry,
            ..
        } = &event;
        let (header, retry) = (or_null(header), or_null(retry));
        let _ = write!(
            page.json,
            "[{seq},{attempts},{due},{ts},{flags},{header},{body},{retry}]"
        );
        page.last = *seq;
    }
    if !page.json.is_empty() {
        page.json.push(']');
    }
    Ok(page)
}

fn now_ms() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}

fn noted_count(connection: &Connection, name: &str) -> Result<u64, JournalError> {
    let value: Option<String> = connection
        .query_row(
            "SELECT value FROM state WHERE name = ?1",
            params![name],
            |row| row.get(0),
        )
        .optional()?;
    Ok(value.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Figures of all events that are there, those that wait included: JSON.
pub fn kept_figures(connection: &Connection) -> Result<String, JournalError> {
    let sql = "SELECT count(*), coalesce(sum(state < 2), 0), min(ts), max(ts) FROM events";
    let (stored, unprocessed, oldest, newest): (i64, i64, Option<f64>, Option<f64>) = connection
        .query_row(sql, [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let dropped = noted_count(connection, DROPPED)?;
    let forgotten = noted_count(connection, FORGOTTEN)?;
    Ok(serde_json::json!({
        "stored": stored, "unprocessed": unprocessed, "oldest": oldest, "newest": newest,
        "dropped": dropped, "forgotten": forgotten,
    })
    .to_string())
}

/// The event with an id; of several, one that has not been processed: JSON, or nothing.
pub fn kept_event(connection: &Connection, id: &str) -> Result<Option<String>, JournalError> {
    let sql = concat!(
        "SELECT type, ts, state, attempts, ended, ",
        is_whole!(events),
        ", seq FROM events WHERE id = ?1 ORDER BY state, seq LIMIT 1"
    );
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    if !row.get::<_, bool>(5)? {
        let seq: i64 = row.get(6)?;
        let detail = format!("event {seq}: the checksum of its state does not match");
        return Err(JournalError::new(Code::Corrupt, detail));
    }
    let found = serde_json::json!({
        "type": row.get::<_, String>(0)?, "ts": row.get::<_, f64>(1)?, "state": row.get::<_, i64>(2)?,
        "attempts": row.get::<_, i64>(3)?, "ended": row.get::<_, f64>(4)?,
    });
    Ok(Some(found.to_string()))
}

/// Kept events as JSON: `rows`, each `[seq, state, flags, ts, body]`; `last`, the number of the last record that was looked
/// at (0: there are no more); `lost`, what is wrong with those that are damaged.
pub fn replay(connection: &Connection, query: &Query) -> Result<String, JournalError> {
    let types = match query.types.len() {
        0 => String::new(),
        count => format!("AND type IN ({})", vec!["?"; count].join(",")),
    };
    // One whose state is damaged is looked at, whatever it says.
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events WHERE seq > ? AND seq <= ? AND ts >= ? AND ts <= ? AND (state <= ? \
         OR NOT ({})) {types} ORDER BY seq LIMIT ?",
        is_whole!(events)
    );
    let most = if query.only_unprocessed {
        FINISHED
    } else {
        MARKED
    };
    let bounds: [Value; 5] = [
        query.after_seq.into(),
        query.up_to_seq.into(),
        query.from_ts.into(),
        query.to_ts.into(),
        most.into(),
    ];
    let names = query.types.iter().cloned().map(Value::from);
    let limit = Value::from(i64::from(query.limit));
    let values = bounds.into_iter().chain(names).chain([limit]);
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    let mut json = String::from("{\"rows\":[");
    let empty = json.clone();
    let (mut last, mut lost) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let before = last.max(query.after_seq);
        last = row.get(0)?;
        require_order("event", before, last)?;
        let event = match event_row(row)? {
            Ok(event) => event,
            Err(detail) if query.skip_damaged => {
                lost.push(detail);
                continue;
            }
            Err(detail) => return Err(JournalError::new(Code::Corrupt, detail)),
        };
        separate(&mut json, &empty);
        let EventRow {
            seq,
            state,
            flags,
            ts,
            body,
            ..
        } = &event;
        let _ = write!(json, "[{seq},{state},{flags},{ts},{body}]");
    }
    let _ = write!(
        json,
        "],\"last\":{last},\"lost\":{}}}",
        serde_json::Value::from(lost)
    );
    Ok(json)
}

/// Snapshots of an owner after a position: `[position, hash, ts, body]` each.
pub fn snapshots(
    connection: &Connection,
    xc_id: &str,
    after: i64,
    limit: u32,
) -> Result<String, JournalError> {
    let sql = "SELECT position, hash, ts, body, crc FROM snapshots WHERE xc_id = ?1 AND position > ?2 \
               ORDER BY position LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![xc_id, after, limit])?;
    let mut json = String::from("[");
    while let Some(row) = rows.next()? {
        let (position, hash, ts, body): (i64, String, f64, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        if snapshot_checksum(xc_id, &hash, &body) != row.get::<_, i64>(4)? {
            let message = format!("snapshot {hash} of {xc_id}: its checksum does not match");
            return Err(JournalError::new(Code::Corrupt, message));
        }
        separate(&mut json, "[");
        let _ = write!(json, "[{position},{},{ts},{body}]", quoted(&hash));
    }
    json.push(']');
    Ok(json)
}

/// The body of a snapshot by its name.
pub fn snapshot(
    connection: &Connection,
    hash: &str,
    xc_id: Option<&str>,
) -> Result<Option<String>, JournalError> {
    let sql = "SELECT body FROM snapshots WHERE hash = ?1 AND (?2 IS NULL OR xc_id = ?2) ORDER BY position LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement
        .query_row(params![hash, xc_id], |row| row.get(0))
        .optional()?)
}

fn separate(json: &mut String, empty: &str) {
    if json != empty {
        json.push(',');
    }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

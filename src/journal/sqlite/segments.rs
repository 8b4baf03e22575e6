//! Segments as rows: the plain events of a frame as lines of one body, each with its checksum. What is true of one event alone
//! (a redelivery, say) takes it out, into a row of its own.

use super::apply::Draft;
use super::read::EventRow;
use super::{SqliteStore, read};
use crate::journal::codec::{Checksum, unpack_segment};
use crate::journal::compact::Own;
use crate::journal::error::{Code, JournalError};
use crate::journal::frame::flags::REMEMBERED;
use crate::journal::frame::{Accept, FIELD, Op, parse};
use crate::journal::options::OnCorruption;
use crate::journal::segments::{Place, Segment};
use rusqlite::{Connection, Row, Rows, params};
use std::collections::VecDeque;

/// Fewer events than this have rows of their own.
const FEW: usize = 8;
/// Bytes of a body after which a segment is full.
const FULL: usize = 64 * 1024;
/// Bytes of segments that may belong to events that have ended, and which part of `max_bytes` at most.
const WASTED: u64 = 4 << 20;
const WASTED_PART: u64 = 8;

/// An event that goes into a segment.
pub(super) enum Gathered<'a> {
    Own(&'a Own<'a>),
    /// It stands in a line.
    Accept(&'a Accept<'a>),
}

impl Gathered<'_> {
    fn seq(&self) -> i64 {
        match self {
            Gathered::Own(own) => own.seq,
            Gathered::Accept(accept) => accept.seq,
        }
    }

    fn write_line(&self, out: &mut String) {
        match self {
            Gathered::Own(own) => own.write_line(out),
            Gathered::Accept(accept) => {
                out.push_str(accept.line);
                out.push('\n');
            }
        }
    }

    /// Id and key, of one whose end is to be remembered.
    fn remembered(&self) -> Option<(String, String)> {
        let flags = match self {
            Gathered::Own(own) => own.flags,
            Gathered::Accept(accept) => accept.flags,
        };
        if flags & REMEMBERED == 0 {
            return None;
        }
        Some(match self {
            Gathered::Own(own) => names_of(&own.accept()),
            Gathered::Accept(accept) => names_of(accept),
        })
    }
}

fn names_of(accept: &Accept<'_>) -> (String, String) {
    (accept.id.to_string(), accept.key.to_string())
}

/// The segment that is being filled.
#[derive(Default)]
pub(super) struct Builder {
    first: i64,
    offsets: Vec<u32>,
    sums: Vec<u8>,
    body: String,
}

impl Builder {
    /// Adds an event; numbers must rise. False: it does not fit, as its number is too far from the first one's.
    fn push(&mut self, event: &Gathered<'_>) -> bool {
        if self.offsets.is_empty() {
            self.first = event.seq();
        }
        let Ok(offset) = u32::try_from(event.seq() - self.first) else {
            return false;
        };
        let from = self.body.len();
        event.write_line(&mut self.body);
        self.offsets.push(offset);
        let line = &self.body.as_bytes()[from..self.body.len() - 1];
        self.sums.extend(crc32fast::hash(line).to_le_bytes());
        true
    }

    /// Whether an operation on this event must find it stored.
    pub(super) fn may_hold(&self, seq: i64) -> bool {
        !self.offsets.is_empty() && seq >= self.first
    }
}

/// The checksum of all but the lines, which have their own.
fn segment_checksum(first: i64, size: i64, offsets: &[u8], sums: &[u8]) -> i64 {
    Checksum::default()
        .integer(first)
        .integer(size)
        .field(offsets)
        .field(sums)
        .finish()
}

fn ends_checksum(first: i64, bits: &[u8]) -> i64 {
    Checksum::default().integer(first).field(bits).finish()
}

/// An event of a segment that has not ended: its number, and its line or what is wrong with it.
type Live = (i64, Result<String, String>);

const COLUMNS: &str = "SELECT s.first, s.offsets, s.sums, s.body, s.crc, e.bits, e.crc, s.size, s.last \
                       FROM segments s LEFT JOIN segment_ends e ON e.first = s.first";

/// A row of [`COLUMNS`].
struct Stored {
    first: i64,
    offsets: Vec<u32>,
    sums: Vec<u32>,
    body: Vec<u8>,
    /// Bytes of the body as it is stored.
    bytes: u64,
    ended: Vec<u8>,
    /// What is wrong with it as a whole.
    problems: Vec<String>,
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word))
        .collect()
}

fn read_stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let first: i64 = row.get(0)?;
    let (offsets, sums): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
    let (body, size): (Vec<u8>, i64) = (row.get(3)?, row.get(7)?);
    let bytes = body.len() as u64;
    // What cannot be unpacked has no lines, so that every event of it is missed.
    let body = unpack_segment(body, size.max(0) as usize).unwrap_or_default();
    let ends: Option<(Vec<u8>, i64)> = match row.get(5)? {
        Some(bits) => Some((bits, row.get(6)?)),
        None => None,
    };
    let mut problems = Vec::new();
    if segment_checksum(first, size, &offsets, &sums) != row.get::<_, i64>(4)? {
        problems.push(format!(
            "events from {first} on: the checksum of their segment does not match"
        ));
    }
    let offsets = words(&offsets);
    // Readers find the segment by it.
    let last = first.wrapping_add(offsets.last().copied().unwrap_or(0).into());
    if last != row.get::<_, i64>(8)? {
        problems.push(format!(
            "events from {first} on: their segment ends at a wrong number"
        ));
    }
    let ended = match ends {
        Some((bits, crc)) if ends_checksum(first, &bits) != crc => {
            problems.push(format!(
                "events from {first} on: it cannot be told which of them have ended"
            ));
            Vec::new()
        }
        Some((bits, _)) => bits,
        None => Vec::new(),
    };
    Ok(Stored {
        first,
        offsets,
        sums: words(&sums),
        body,
        bytes,
        ended,
        problems,
    })
}

impl Stored {
    fn segment(&self) -> Segment {
        Segment::new(self.offsets.clone(), self.ended.clone(), self.bytes)
    }

    fn live(&self) -> Vec<Live> {
        let lines: Vec<&[u8]> = self.body.split(|byte| *byte == b'\n').collect();
        let segment = self.segment();
        let places = (0..self.offsets.len()).filter(|place| segment.is_live(*place));
        places
            .map(|place| {
                // A damaged number may be any.
                let seq = self.first.wrapping_add(i64::from(self.offsets[place]));
                let line = lines.get(place).copied().unwrap_or_default();
                let sum = self.sums.get(place).copied();
                let whole = sum == Some(crc32fast::hash(line));
                let text = whole
                    .then(|| String::from_utf8(line.to_vec()).ok())
                    .flatten();
                (
                    seq,
                    text.ok_or_else(|| format!("event {seq}: its checksum does not match")),
                )
            })
            .collect()
    }
}

fn accept_of(line: &str) -> Option<Accept<'_>> {
    match parse(line) {
        Some(Op::Accept(accept)) => Some(accept),
        _ => None,
    }
}

/// Id and key of a line's event, if its end is to be remembered. Most are not, which its flags tell without the rest.
fn remembered_in(line: &str) -> Option<(String, String)> {
    let flags: u32 = line.split(FIELD).nth(2)?.parse().ok()?;
    (flags & REMEMBERED != 0).then(|| accept_of(line).as_ref().map(names_of))?
}

/// Events of segments that have not ended, after a number, in order.
pub(super) struct SegmentEvents<'statement> {
    rows: Rows<'statement>,
    after: i64,
    live: VecDeque<Live>,
}

/// The statement of [`SegmentEvents`].
pub(super) fn segments_after(
    connection: &Connection,
) -> rusqlite::Result<rusqlite::CachedStatement<'_>> {
    connection.prepare_cached(&format!("{COLUMNS} WHERE s.last > ?1 ORDER BY s.first"))
}

impl<'statement> SegmentEvents<'statement> {
    pub(super) fn new(rows: Rows<'statement>, after: i64) -> Self {
        Self {
            rows,
            after,
            live: VecDeque::new(),
        }
    }

    /// The number of the next event, and the event, or what is wrong with it.
    pub(super) fn next(&mut self) -> rusqlite::Result<Option<(i64, Result<EventRow, String>)>> {
        loop {
            if let Some((seq, line)) = self.live.pop_front() {
                if seq <= self.after {
                    continue;
                }
                let event = line.and_then(|line| {
                    accept_of(&line)
                        .map(|accept| read::pending_row(&accept))
                        .ok_or_else(|| format!("event {seq}: its line makes no sense"))
                });
                return Ok(Some((seq, event)));
            }
            match self.rows.next()? {
                Some(row) => self.live.extend(read_stored(row)?.live()),
                None => return Ok(None),
            }
        }
    }
}

/// Calls `seen` with type and time of each event in a segment that has not ended.
pub fn each_in_segments(
    connection: &Connection,
    mut seen: impl FnMut(&str, f64),
) -> rusqlite::Result<()> {
    let mut statement = segments_after(connection)?;
    let mut events = SegmentEvents::new(statement.query(params![-1])?, -1);
    while let Some((_, event)) = events.next()? {
        if let Ok(EventRow { kind, ts, .. }) = event {
            seen(&kind, ts);
        }
    }
    Ok(())
}

/// Calls `told` with everything that is wrong with segments. Answers how many events they hold.
pub(super) fn examine_segments(
    connection: &Connection,
    mut told: impl FnMut(String),
) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare(&format!("{COLUMNS} ORDER BY s.first"))?;
    let mut rows = statement.query([])?;
    let mut events = 0;
    while let Some(row) = rows.next()? {
        let stored = read_stored(row)?;
        events += stored.offsets.len() as u64;
        stored.problems.iter().cloned().for_each(&mut told);
        for (_, line) in stored.live() {
            if let Err(problem) = line {
                told(problem);
            }
        }
    }
    Ok(events)
}

impl SqliteStore {
    /// Adds an event to the segment that is being filled.
    pub(super) fn gather(
        &mut self,
        event: &Gathered<'_>,
        builder: &mut Builder,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        if builder.body.len() >= FULL {
            self.store_segment(builder, draft)?;
        }
        if !builder.push(event) {
            self.store_segment(builder, draft)?;
            builder.push(event);
        }
        if let Some(names) = event.remembered() {
            draft.remembered.insert(event.seq(), Some(names));
        }
        Ok(())
    }

    /// Stores what was gathered.
    pub(super) fn store_segment(
        &mut self,
        builder: &mut Builder,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        let Builder {
            first,
            offsets,
            sums,
            body,
        } = std::mem::take(builder);
        if offsets.len() < FEW {
            for line in body.lines() {
                let accept = accept_of(line).ok_or_else(|| nonsense(line))?;
                self.accept(&accept, draft)?;
            }
            return Ok(());
        }
        let last = first + i64::from(offsets.last().copied().unwrap_or(0));
        let packed: Vec<u8> = offsets
            .iter()
            .flat_map(|offset| offset.to_le_bytes())
            .collect();
        let size = body.len() as i64;
        let crc = segment_checksum(first, size, &packed, &sums);
        let compressed = self.packer.pack(body.as_bytes());
        let stored = compressed.as_deref().unwrap_or(body.as_bytes());
        self.run(
            "INSERT INTO segments (first, last, offsets, sums, size, body, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![first, last, packed, sums, size, stored, crc],
        )?;
        let bytes = stored.len() as u64;
        draft.stats.pending += offsets.len() as u64;
        self.segments
            .insert(first, Segment::new(offsets, Vec::new(), bytes));
        Ok(())
    }

    /// Writes down what has ended in segments; those of which nothing is left go.
    pub(super) fn store_ends(&mut self) -> Result<(), JournalError> {
        for first in self.segments.take_touched() {
            match self
                .segments
                .get(first)
                .filter(|segment| segment.live() > 0)
            {
                Some(segment) => {
                    let bits = segment.ended();
                    let crc = ends_checksum(first, bits);
                    self.run(
                        "INSERT OR REPLACE INTO segment_ends (first, bits, crc) VALUES (?1, ?2, ?3)",
                        params![first, bits, crc],
                    )?;
                }
                None => self.remove_segment(first)?,
            }
        }
        Ok(())
    }

    fn remove_segment(&mut self, first: i64) -> Result<(), JournalError> {
        self.run("DELETE FROM segments WHERE first = ?1", params![first])?;
        self.run("DELETE FROM segment_ends WHERE first = ?1", params![first])?;
        self.segments.remove(first);
        Ok(())
    }

    /// Gives an event of a segment a row of its own.
    pub(super) fn take_out(&mut self, place: Place, draft: &mut Draft) -> Result<(), JournalError> {
        let line = self.line_at(place)?;
        let accept = accept_of(&line).ok_or_else(|| nonsense(&line))?;
        self.segments.end(place);
        draft.stats.pending = draft.stats.pending.saturating_sub(1);
        self.accept(&accept, draft)
    }

    /// The body that was read last is kept: events of one burst tend to fail together.
    fn line_at(&mut self, Place { first, place }: Place) -> Result<String, JournalError> {
        if self.body.as_ref().is_none_or(|(of, _)| *of != first) {
            let body: Vec<u8> = self
                .connection
                .prepare_cached("SELECT body, size FROM segments WHERE first = ?1")?
                .query_row(params![first], |row| {
                    Ok(unpack_segment(row.get(0)?, row.get::<_, i64>(1)? as usize))
                })?
                .unwrap_or_default();
            self.body = Some((first, body));
        }
        let body = self.body.as_ref().map_or(&[][..], |(_, body)| body);
        let line = body
            .split(|byte| *byte == b'\n')
            .nth(place)
            .unwrap_or_default();
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    /// Reads what there is of segments. Damage is refused, or left out and told; what is whole beside it gets rows.
    pub(super) fn load_segments(&mut self) -> Result<(), JournalError> {
        let mut problems = Vec::new();
        let mut damaged = Vec::new();
        let mut found = Vec::new();
        let mut names = Vec::new();
        {
            let sql = format!("{COLUMNS} ORDER BY s.first");
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let stored = read_stored(row)?;
                found.push((stored.first, stored.segment()));
                let before = problems.len();
                for (seq, line) in stored.live() {
                    match line {
                        Ok(line) => names.extend(remembered_in(&line).map(|names| (seq, names))),
                        Err(problem) => problems.push(problem),
                    }
                }
                problems.extend(stored.problems);
                if problems.len() > before {
                    damaged.push(stored.first);
                }
            }
        }
        for (first, segment) in found {
            self.segments.insert(first, segment);
        }
        self.segments.commit();
        self.remembered.extend(names);
        if damaged.is_empty() {
            return Ok(());
        }
        if self.options.on_corruption == OnCorruption::Fail {
            return Err(self.corrupt(&problems));
        }
        for first in damaged {
            self.dissolve(first, OnCorruption::Skip)?;
        }
        self.skip(problems);
        Ok(())
    }

    /// What an event store keeps has rows: what an earlier run has left in segments gets them.
    pub(super) fn dissolve_segments(&mut self) -> Result<(), JournalError> {
        for first in self.segments.firsts() {
            self.dissolve(first, OnCorruption::Fail)?;
        }
        Ok(())
    }

    /// A small piece of tidying up. True: there may be more.
    pub(super) fn tidy_segments(&mut self) -> Result<bool, JournalError> {
        let allowed = match self.options.max_bytes {
            0 => WASTED,
            bytes => WASTED.min(bytes / WASTED_PART),
        };
        match self.segments.sparsest(allowed) {
            Some(first) => self.dissolve(first, OnCorruption::Fail).map(|()| true),
            None => Ok(false),
        }
    }

    /// Gives all events of a segment rows of their own, but for damaged ones where these are to be left out.
    fn dissolve(&mut self, first: i64, on_damage: OnCorruption) -> Result<(), JournalError> {
        let mut statement = self
            .connection
            .prepare(&format!("{COLUMNS} WHERE s.first = ?1"))?;
        let live = statement.query_row(params![first], |row| Ok(read_stored(row)?.live()))?;
        drop(statement);
        self.in_transaction(|store| {
            let mut draft = store.draft_of_now();
            for (_, line) in &live {
                let line = match line {
                    Ok(line) => line,
                    Err(_) if on_damage == OnCorruption::Skip => continue,
                    Err(problem) => return Err(store.corrupt(std::slice::from_ref(problem))),
                };
                let accept = accept_of(line).ok_or_else(|| nonsense(line))?;
                store.accept(&accept, &mut draft)?;
            }
            store.remove_segment(first)
        })
    }

    /// The transaction of something that changes no figures.
    fn in_transaction(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.run("BEGIN IMMEDIATE", [])?;
        let result = change(self).and_then(|()| self.run("COMMIT", []).map(|_| ()));
        match result {
            Ok(()) => self.segments.commit(),
            Err(_) => self.roll_back(),
        }
        result
    }
}

fn nonsense(line: &str) -> JournalError {
    let start: String = line.chars().take(80).collect();
    JournalError::new(Code::Corrupt, format!("not an event of a journal: {start}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_segment_of_any_bytes_is_read_or_told(
            first in prop_oneof![Just(i64::MAX), Just(i64::MIN), 0..100_i64],
            (offsets, sums) in (prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..40)),
            (body, bits) in (prop::collection::vec(any::<u8>(), 0..80), prop::collection::vec(any::<u8>(), 0..4)),
            size in -2..200_i64,
        ) {
            let connection = Connection::open_in_memory().unwrap();
            let sql = "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
            let crc = segment_checksum(first, size, &offsets, &sums);
            let last = first.wrapping_add(words(&offsets).last().copied().unwrap_or(0).into());
            let values = params![first, offsets, sums, body, crc, bits, ends_checksum(first, &bits), size, last];
            let stored = connection.query_row(sql, values, read_stored).unwrap();
            prop_assert!(stored.problems.is_empty());
            prop_assert!(stored.live().len() <= offsets.len() / 4);
            for (_, line) in stored.live() {
                let _ = line.map(|line| remembered_in(&line));
            }
        }
    }
}

//! The operations of a group as one transaction.

use super::checksum::change_events;
use super::segments::{Builder, Gathered};
use super::state::{FINISHED, PENDING, PROCESSED};
use super::{SqliteStore, read};
use crate::journal::codec::{Checksum, pack};
use crate::journal::compact::ops;
use crate::journal::error::{Code, JournalError};
use crate::journal::frame::flags::{BINARY, COMPRESSED, REMEMBERED, REPLAY_ONLY};
use crate::journal::frame::{Accept, Op};
use crate::journal::group::Frame;
use crate::journal::store::StoreStats;
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::{FxHashMap, FxHashSet};

/// Keys that are added between two looks at how many there are.
const KEYS_PER_TRIM: u64 = 256;
/// Small texts that count kept events which are gone.
pub(super) const DROPPED: &str = "events.dropped";
pub(super) const FORGOTTEN: &str = "events.forgotten";

/// Changes that count only when the transaction has been committed.
pub(super) struct Draft {
    pub(super) stats: StoreStats,
    latest: f64,
    /// `None`: forgotten.
    pub(super) remembered: FxHashMap<i64, Option<(String, String)>>,
    keys_added: u64,
}

impl SqliteStore {
    /// Carries frames out in the open transaction, or a new one; rolls back if one of them cannot be.
    pub(super) fn apply(&mut self, frames: &[Frame]) -> Result<(), JournalError> {
        let mut draft = match self.draft.take() {
            Some(draft) => draft,
            None => self.begin()?,
        };
        let result = self
            .ended_within(frames)
            .and_then(|ended| self.apply_all(frames, &ended, &mut draft));
        match result {
            Ok(()) => self.draft = Some(draft),
            Err(_) => self.roll_back(),
        }
        result
    }

    fn begin(&self) -> Result<Draft, JournalError> {
        self.run("BEGIN IMMEDIATE", [])?;
        Ok(self.draft_of_now())
    }

    pub(super) fn draft_of_now(&self) -> Draft {
        Draft {
            stats: self.stats.clone(),
            latest: self.latest,
            remembered: FxHashMap::default(),
            keys_added: 0,
        }
    }

    pub(super) fn roll_back(&mut self) {
        // It may have been rolled back already.
        let _ = self.connection.execute_batch("ROLLBACK");
        self.segments.roll_back();
        self.body = None;
    }

    pub(super) fn commit_draft(&mut self) -> Result<(), JournalError> {
        let Some(draft) = self.draft.take() else {
            return Ok(());
        };
        let committed = self.store_ends().and_then(|()| self.run("COMMIT", []));
        if let Err(error) = committed {
            self.roll_back();
            return Err(error);
        }
        self.segments.commit();
        self.stats = draft.stats;
        self.latest = draft.latest;
        for (seq, names) in draft.remembered {
            match names {
                Some(names) => self.remembered.insert(seq, names),
                None => self.remembered.remove(&seq),
            };
        }
        self.keys_since_trim += draft.keys_added;
        if self.keys_since_trim >= KEYS_PER_TRIM {
            // It is tried again with the next keys.
            let _ = self.trim_keys();
        }
        Ok(())
    }

    /// Events that these frames accept and end: nobody will ever look for them, so they need not be written.
    fn ended_within(&self, frames: &[Frame]) -> Result<FxHashSet<i64>, JournalError> {
        let mut accepted = FxHashSet::default();
        let mut ended = FxHashSet::default();
        if self.options.keep_events || !frames.iter().any(Frame::has_ends) {
            return Ok(ended);
        }
        for op in frames.iter().flat_map(|frame| ops(&frame.content)) {
            match op.map_err(nonsense)? {
                Op::Accept(accept) if accept.flags & (REMEMBERED | REPLAY_ONLY) == 0 => {
                    accepted.insert(accept.seq);
                }
                Op::Own(own) if own.flags & REMEMBERED == 0 => {
                    accepted.insert(own.seq);
                }
                Op::Done { seq, .. } | Op::Gone { seq, .. } if accepted.contains(&seq) => {
                    ended.insert(seq);
                }
                _ => {}
            }
        }
        Ok(ended)
    }

    fn apply_all(
        &mut self,
        frames: &[Frame],
        ended: &FxHashSet<i64>,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        let mut builder = Builder::default();
        for frame in frames {
            for op in ops(&frame.content) {
                draft.stats.ops += 1;
                let op = op.map_err(nonsense)?;
                let is_letter = matches!(op, Op::Letter { .. });
                if !is_letter && op.seq().is_some_and(|seq| ended.contains(&seq)) {
                    draft.stats.coalesced += u64::from(op.accepts());
                    continue;
                }
                if frame.given_up && op.is_awaited() {
                    continue;
                }
                match op {
                    Op::Own(own) if self.belongs_in_a_segment(own.flags, own.data) => {
                        self.gather(&Gathered::Own(&own), &mut builder, draft)?;
                    }
                    Op::Accept(accept) if self.belongs_in_a_segment(accept.flags, accept.body) => {
                        self.gather(&Gathered::Accept(&accept), &mut builder, draft)?;
                    }
                    other => {
                        let is_about = |seq| !other.accepts() && builder.may_hold(seq);
                        if other.seq().is_some_and(is_about) {
                            self.store_segment(&mut builder, draft)?;
                        }
                        self.apply_op(other, draft)?;
                    }
                }
            }
        }
        self.store_segment(&mut builder, draft)
    }

    /// Large events are compressed one by one, structured clones are bytes, and an event store looks for single events.
    fn belongs_in_a_segment(&self, flags: u32, body: &str) -> bool {
        !self.options.keep_events
            && flags & (BINARY | REPLAY_ONLY) == 0
            && (body.len() as f64) < self.options.compress_above
    }

    fn apply_op(&mut self, op: Op<'_>, draft: &mut Draft) -> Result<(), JournalError> {
        match op {
            Op::Accept(accept) if self.options.keep_events => self.accept_again(&accept, draft),
            Op::Accept(accept) => self.accept(&accept, draft),
            // Its id is a new one.
            Op::Own(own) => self.accept(&own.accept(), draft),
            Op::Done { seq, processed, at } => {
                draft.latest = draft.latest.max(at);
                self.remember(seq, "done", at, draft)?;
                self.end(seq, if processed { PROCESSED } else { FINISHED }, 1, draft)
            }
            Op::Gone { seq, at } => {
                draft.latest = draft.latest.max(at);
                self.free(seq, draft)?;
                self.end(seq, FINISHED, 0, draft)
            }
            Op::Retry {
                seq,
                attempts,
                due,
                error,
            } => self.retry(seq, attempts, due, error, draft),
            Op::Letter {
                id,
                seq,
                at,
                key,
                body,
            } => {
                draft.latest = draft.latest.max(at);
                if seq > 0 {
                    self.remember(seq, "dead", at, draft)?;
                    self.end(seq, FINISHED, 1, draft)?;
                } else {
                    self.note_dead(&id, &key)?;
                }
                self.letter(&id, at, body, draft)
            }
            Op::LetterGone { id } => {
                let gone = self.run("DELETE FROM letters WHERE id = ?1", params![id])?;
                draft.stats.letters = draft.stats.letters.saturating_sub(gone);
                Ok(())
            }
            Op::Processed { id, at } => {
                draft.latest = draft.latest.max(at);
                // One that waits is still to be handled, and is marked then.
                let sql = change_events!(
                    "iif(state = 0, 3, 2)",
                    "attempts",
                    "due",
                    "?2",
                    "retry",
                    "id = ?1 AND state IN (0, 1)"
                );
                self.run(sql, params![id, at])?;
                Ok(())
            }
            Op::Attempt { id } => {
                // Those of an event that waits decide whether it is tried again.
                let sql = change_events!(
                    "state",
                    "attempts + 1",
                    "due",
                    "ended",
                    "retry",
                    "id = ?1 AND state IN (1, 2)"
                );
                self.run(sql, params![id])?;
                Ok(())
            }
            Op::Forget { at } => {
                let gone = self.run(
                    "DELETE FROM events WHERE state = 2 AND ts < ?1",
                    params![at],
                )?;
                draft.stats.kept = draft.stats.kept.saturating_sub(gone);
                draft.stats.forgotten += gone;
                note_count(&self.connection, FORGOTTEN, draft.stats.forgotten)
            }
            Op::Snapshot {
                xc_id,
                hash,
                ts,
                body,
            } => self.snapshot(&xc_id, &hash, ts, body, draft),
            Op::SnapshotGone { xc_id, hash } => self.snapshot_gone(&xc_id, &hash, draft),
            Op::State { key, value } if value.is_empty() => {
                self.run("DELETE FROM state WHERE name = ?1", params![key])?;
                Ok(())
            }
            Op::State { key, value } => put_text(&self.connection, &key, &value),
        }
    }

    pub(super) fn run(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<u64, JournalError> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)? as u64)
    }

    /// An event may be kept already, put back from the dead letters for one: an event store has each id once, as it is now.
    fn accept_again(&self, accept: &Accept<'_>, draft: &mut Draft) -> Result<(), JournalError> {
        let sql = "DELETE FROM events WHERE id = ?1 AND state IN (1, 2)";
        let replaced = self.run(sql, params![accept.id])?;
        draft.stats.kept = draft.stats.kept.saturating_sub(replaced);
        self.accept(accept, draft)
    }

    pub(super) fn accept(
        &self,
        accept: &Accept<'_>,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        let Accept {
            seq,
            flags,
            ts,
            due,
            id,
            kind,
            key,
            header,
            envelope,
            body,
            line: _,
        } = accept;
        let packed = pack(body, *flags, self.options.compress_above)
            .ok_or_else(|| nonsense(id.to_string()))?;
        if packed.flags & COMPRESSED != 0 {
            draft.stats.compressed_events += 1;
            draft.stats.original_bytes += packed.original as u64;
            draft.stats.stored_bytes += packed.bytes.len() as u64;
        }
        // An event that is kept only has ended when it came, whatever its own time is.
        let (state, ended) = match flags & REPLAY_ONLY {
            0 => (PENDING, *ts),
            _ => (FINISHED, *due),
        };
        if state == FINISHED {
            draft.latest = draft.latest.max(ended);
        }
        let crc = event_checksum(
            *seq,
            packed.flags,
            *ts,
            [id, kind, key, header, envelope],
            &packed.bytes,
        );
        let sql = "INSERT OR REPLACE INTO events \
                   (seq, state, flags, attempts, due, ts, ended, state_crc, id, type, key, header, retry, envelope, body, crc) \
                   VALUES (?1, ?2, ?3, 0, ?4, ?5, ?13, checksum(?1, ?2, 0, ?4, ?13, ''), \
                   ?6, ?7, ?8, ?9, '', ?10, ?11, ?12)";
        let row = params![
            seq,
            state,
            packed.flags,
            due,
            ts,
            id,
            kind,
            key,
            header,
            envelope,
            packed.bytes,
            crc,
            ended
        ];
        self.connection.prepare_cached(sql)?.execute(row)?;
        if state == PENDING {
            draft.stats.pending += 1;
        } else {
            draft.stats.kept += 1;
        }
        if flags & REMEMBERED != 0 {
            let names = (id.to_string(), key.to_string());
            draft.remembered.insert(*seq, Some(names));
        }
        Ok(())
    }

    /// A pending event has ended, in the last of its `deliveries` if there was one.
    fn end(
        &mut self,
        seq: i64,
        state: i64,
        deliveries: i64,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        if let Some(place) = self.segments.find(seq) {
            self.segments.end(place);
            draft.stats.pending = draft.stats.pending.saturating_sub(1);
            return Ok(());
        }
        if !self.options.keep_events {
            let gone = self.run(
                "DELETE FROM events WHERE seq = ?1 AND state IN (0, 3)",
                params![seq],
            )?;
            draft.stats.pending = draft.stats.pending.saturating_sub(gone);
            return Ok(());
        }
        let sql = change_events!(
            "iif(state = 3, 2, ?2)",
            "attempts + ?4",
            "due",
            "?3",
            "retry",
            "seq = ?1 AND state IN (0, 3)"
        );
        let ended = self.run(sql, params![seq, state, draft.latest, deliveries])?;
        draft.stats.pending = draft.stats.pending.saturating_sub(ended);
        draft.stats.kept += ended;
        Ok(())
    }

    fn retry(
        &mut self,
        seq: i64,
        attempts: i64,
        due: f64,
        error: &str,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        if let Some(place) = self.segments.find(seq) {
            self.take_out(place, draft)?;
        }
        let sql = change_events!(
            "state",
            "?2",
            "?3",
            "ended",
            "?4",
            "seq = ?1 AND state IN (0, 3)"
        );
        self.run(sql, params![seq, attempts, due, error])?;
        Ok(())
    }

    /// The id and key of an event that has ended must not come again.
    fn remember(
        &self,
        seq: i64,
        how: &str,
        at: f64,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        let Some((id, key)) = self.names_of(seq, draft) else {
            return Ok(());
        };
        self.add_key(&format!("id:{id}"), how, at, draft)?;
        if !key.is_empty() {
            self.add_key(&format!("key:{key}"), how, at, draft)?;
        }
        self.forget(seq, draft);
        Ok(())
    }

    /// An event that was to run at most once was remembered as done before it ran; now it is dead.
    fn note_dead(&self, id: &str, key: &str) -> Result<(), JournalError> {
        let sql = "UPDATE keys SET state = 'dead', crc = checksum(n, name, 'dead', at) WHERE name IN (?1, ?2)";
        self.run(sql, params![format!("id:{id}"), format!("key:{key}")])?;
        Ok(())
    }

    fn forget(&self, seq: i64, draft: &mut Draft) {
        draft.remembered.insert(seq, None);
    }

    /// Id and key of a pending event whose end is to be remembered.
    fn names_of(&self, seq: i64, draft: &Draft) -> Option<(String, String)> {
        match draft.remembered.get(&seq) {
            Some(drafted) => drafted.clone(),
            None => self.remembered.get(&seq).cloned(),
        }
    }

    /// An event that has left without having been handled leaves its id and key to the next one, also if it was a dead
    /// letter before.
    fn free(&self, seq: i64, draft: &mut Draft) -> Result<(), JournalError> {
        let Some((id, key)) = self.names_of(seq, draft) else {
            return Ok(());
        };
        let sql = "DELETE FROM keys WHERE name IN (?1, ?2)";
        self.run(sql, params![format!("id:{id}"), format!("key:{key}")])?;
        self.forget(seq, draft);
        Ok(())
    }

    fn add_key(
        &self,
        name: &str,
        how: &str,
        at: f64,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        // One that has been there is the newest again.
        let sql = "INSERT OR REPLACE INTO keys (n, name, state, at, crc) \
                   SELECT n, ?1, ?2, ?3, checksum(n, ?1, ?2, ?3) FROM (SELECT coalesce(max(n), 0) + 1 AS n FROM keys)";
        self.run(sql, params![name, how, at])?;
        draft.keys_added += 1;
        Ok(())
    }

    fn trim_keys(&mut self) -> Result<(), JournalError> {
        self.keys_since_trim = 0;
        let sql =
            "DELETE FROM keys WHERE n <= (SELECT n FROM keys ORDER BY n DESC LIMIT 1 OFFSET ?1)";
        self.run(
            sql,
            params![self.options.max_keys.min(i64::MAX as u64) as i64],
        )?;
        self.stats.keys = count(&self.connection, "SELECT count(*) FROM keys")?;
        Ok(())
    }

    fn letter(&self, id: &str, at: f64, body: &str, draft: &mut Draft) -> Result<(), JournalError> {
        let known = self
            .connection
            .prepare_cached("SELECT n FROM letters WHERE id = ?1")?
            .query_row(params![id], |row| row.get::<_, i64>(0))
            .optional()?;
        let crc = read::letter_checksum(id, body);
        let sql =
            "INSERT OR REPLACE INTO letters (n, id, at, body, crc) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run(sql, params![known, id, at, body, crc])?;
        draft.stats.letters += u64::from(known.is_none());
        Ok(())
    }

    fn snapshot(
        &self,
        xc_id: &str,
        hash: &str,
        ts: f64,
        body: &str,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        let crc = read::snapshot_checksum(xc_id, hash, body);
        let sql = "INSERT OR IGNORE INTO snapshots (xc_id, hash, ts, body, crc) VALUES (?1, ?2, ?3, ?4, ?5)";
        let added = self.run(sql, params![xc_id, hash, ts, body, crc])?;
        draft.stats.snapshots += added;
        draft.stats.snapshot_bytes += added * body.len() as u64;
        Ok(())
    }

    fn snapshot_gone(
        &self,
        xc_id: &str,
        hash: &str,
        draft: &mut Draft,
    ) -> Result<(), JournalError> {
        let sql = "SELECT count(*), coalesce(sum(length(CAST(body AS BLOB))), 0) FROM snapshots \
                   WHERE xc_id = ?1 AND (?2 = '' OR hash = ?2)";
        let (gone, bytes): (i64, i64) = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![xc_id, hash], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.run(
            "DELETE FROM snapshots WHERE xc_id = ?1 AND (?2 = '' OR hash = ?2)",
            params![xc_id, hash],
        )?;
        draft.stats.snapshots = draft.stats.snapshots.saturating_sub(gone.unsigned_abs());
        draft.stats.snapshot_bytes = draft
            .stats
            .snapshot_bytes
            .saturating_sub(bytes.unsigned_abs());
        Ok(())
    }
}

/// The checksum of what never changes of an event.
pub(super) fn event_checksum(seq: i64, flags: u32, ts: f64, texts: [&str; 5], body: &[u8]) -> i64 {
    let checksum = Checksum::default()
        .integer(seq)
        .integer(i64::from(flags))
        .number(ts);
    texts
        .iter()
        .fold(checksum, |sum, text| sum.field(text.as_bytes()))
        .field(body)
        .finish()
}

/// A count that survives restarts.
pub(super) fn note_count(
    connection: &Connection,
    name: &str,
    value: u64,
) -> Result<(), JournalError> {
    put_text(connection, name, &value.to_string())
}

/// A small text by name.
pub(super) fn put_text(
    connection: &Connection,
    name: &str,
    value: &str,
) -> Result<(), JournalError> {
    let sql = "INSERT OR REPLACE INTO state (name, value, crc) VALUES (?1, ?2, checksum(?1, ?2))";
    connection
        .prepare_cached(sql)?
        .execute(params![name, value])?;
    Ok(())
}

pub(super) fn count(connection: &Connection, sql: &str) -> Result<u64, JournalError> {
    Ok(connection
        .query_row(sql, [], |row| row.get::<_, i64>(0))?
        .unsigned_abs())
}

fn nonsense(line: String) -> JournalError {
    JournalError::new(
        Code::Failed,
        format!("not an operation of a journal: {line}"),
    )
}

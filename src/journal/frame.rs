//! Frames: what the facade has written in one turn, a line for each operation. The grammar is in `docs/journal-format.md`.

use super::compact::{Content, Own, ops};
use std::borrow::Cow;

/// Divides fields.
pub const FIELD: char = '\u{1f}';

/// Flags of an accepted event.
pub mod flags {
    /// Somebody waits for it to be durable.
    pub const AWAITED: u32 = 1;
    /// The body is base64 in a frame, and bytes in the store.
    pub const BINARY: u32 = 2;
    /// Its id and key are remembered when it is done or dead.
    pub const REMEMBERED: u32 = 4;
    /// It is kept for replay only, and never pending.
    pub const REPLAY_ONLY: u32 = 8;
    /// The body is compressed in the store.
    pub const COMPRESSED: u32 = 16;
}

/// An accepted event.
#[derive(Debug, Clone, PartialEq)]
pub struct Accept<'a> {
    /// Its number; they rise.
    pub seq: i64,
    /// See [`flags`].
    pub flags: u32,
    /// Its own time, milliseconds since the epoch.
    pub ts: f64,
    /// When it is due; 0: at once.
    pub due: f64,
    /// Its id.
    pub id: Cow<'a, str>,
    /// Its type.
    pub kind: Cow<'a, str>,
    /// Its idempotency key, or nothing.
    pub key: Cow<'a, str>,
    /// JSON of what it brings along, or nothing.
    pub header: &'a str,
    /// Of an event whose body is its data alone: the JSON members for thread and metadata. Else nothing.
    pub envelope: Cow<'a, str>,
    /// JSON or base64 of the event, or JSON of its data.
    pub body: &'a str,
    /// The line that it stands in; nothing: it has come as numbers.
    pub line: &'a str,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Op<'a> {
    /// An event is accepted.
    Accept(Accept<'a>),
    /// An event that the emitter has made is accepted.
    Own(Own<'a>),
    /// An event is done.
    Done {
        /// Its number.
        seq: i64,
        /// Whether it was acknowledged.
        processed: bool,
        /// Milliseconds since the epoch.
        at: f64,
    },
    /// An event has left without completion.
    Gone {
        /// Its number.
        seq: i64,
        /// Milliseconds since the epoch.
        at: f64,
    },
    /// A redelivery is due.
    Retry {
        /// Its number.
        seq: i64,
        /// Attempts that have failed.
        attempts: i64,
        /// When it is due, milliseconds since the epoch.
        due: f64,
        /// JSON of what failed, or nothing.
        error: &'a str,
    },
    /// A dead letter is filed, or replaced.
    Letter {
        /// The event's id.
        id: Cow<'a, str>,
        /// Number of the event that waits no more; 0: none.
        seq: i64,
        /// Milliseconds since the epoch.
        at: f64,
        /// The idempotency key of its event, or nothing.
        key: Cow<'a, str>,
        /// JSON.
        body: &'a str,
    },
    /// A dead letter is gone.
    LetterGone {
        /// The event's id.
        id: Cow<'a, str>,
    },
    /// An event has been processed, whether it has ended or not.
    Processed {
        /// Its id.
        id: Cow<'a, str>,
        /// Milliseconds since the epoch.
        at: f64,
    },
    /// A kept event has been delivered once more, by somebody else.
    Attempt {
        /// Its id.
        id: Cow<'a, str>,
    },
    /// Kept events that are older than this and have been processed are forgotten.
    Forget {
        /// Milliseconds since the epoch.
        at: f64,
    },
    /// A snapshot is put, once for each owner and hash.
    Snapshot {
        /// Whose it is.
        xc_id: Cow<'a, str>,
        /// Its name.
        hash: Cow<'a, str>,
        /// Milliseconds since the epoch.
        ts: f64,
        /// JSON.
        body: &'a str,
    },
    /// A snapshot is removed; without a hash, all of an owner.
    SnapshotGone {
        /// Whose it is.
        xc_id: Cow<'a, str>,
        /// Its name, or nothing.
        hash: Cow<'a, str>,
    },
    /// A small text by name; an empty one is removed.
    State {
        /// Its name.
        key: Cow<'a, str>,
        /// The text.
        value: Cow<'a, str>,
    },
}

/// What is to be known of a frame before it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survey {
    /// Operations.
    pub count: usize,
    /// Whether somebody waits for one of its events.
    pub has_awaited: bool,
    /// Whether it ends events.
    pub has_ends: bool,
}

impl Survey {
    /// Looks at all operations.
    pub fn of(content: &Content) -> Self {
        let mut survey = Self::default();
        for op in ops(content).flatten() {
            survey.count += 1;
            survey.has_awaited |= op.is_awaited();
            survey.has_ends |= matches!(op, Op::Done { .. } | Op::Gone { .. });
        }
        survey
    }
}

impl Op<'_> {
    /// Whether somebody waits for this to be durable.
    pub fn is_awaited(&self) -> bool {
        let flags = match self {
            Op::Accept(accept) => accept.flags,
            Op::Own(own) => own.flags,
            _ => 0,
        };
        flags & flags::AWAITED != 0
    }

    /// Whether it accepts an event.
    pub fn accepts(&self) -> bool {
        matches!(self, Op::Accept(_) | Op::Own(_))
    }

    /// The number of the event that it is about.
    pub fn seq(&self) -> Option<i64> {
        match self {
            Op::Accept(accept) => Some(accept.seq),
            Op::Own(own) => Some(own.seq),
            Op::Done { seq, .. } | Op::Gone { seq, .. } | Op::Retry { seq, .. } => Some(*seq),
            Op::Letter { seq, .. } => Some(*seq),
            _ => None,
        }
    }
}

/// An operation that stands in a line.
pub fn parse(line: &str) -> Option<Op<'_>> {
    let mut fields = line.split(FIELD);
    let op = match fields.next()? {
        "A" => Op::Accept(Accept {
            seq: integer(fields.next()?)?,
            flags: fields.next()?.parse().ok()?,
            ts: number(fields.next()?)?,
            due: number(fields.next()?)?,
            id: text(fields.next()?),
            kind: text(fields.next()?),
            key: text(fields.next()?),
            header: fields.next()?,
            envelope: Cow::Borrowed(""),
            body: fields.next()?,
            line,
        }),
        "E" => Op::Accept(Accept {
            seq: integer(fields.next()?)?,
            flags: fields.next()?.parse().ok()?,
            ts: number(fields.next()?)?,
            due: number(fields.next()?)?,
            id: text(fields.next()?),
            kind: text(fields.next()?),
            key: text(fields.next()?),
            header: fields.next()?,
            envelope: Cow::Owned(envelope(fields.next()?, fields.next()?)),
            body: fields.next()?,
            line,
        }),
        "D" => Op::Done {
            seq: integer(fields.next()?)?,
            processed: fields.next()? == "1",
            at: number(fields.next()?)?,
        },
        "G" => Op::Gone {
            seq: integer(fields.next()?)?,
            at: number(fields.next()?)?,
        },
        "R" => Op::Retry {
            seq: integer(fields.next()?)?,
            attempts: integer(fields.next()?)?,
            due: number(fields.next()?)?,
            error: fields.next()?,
        },
        "L" => Op::Letter {
            id: text(fields.next()?),
            seq: integer(fields.next()?)?,
            at: number(fields.next()?)?,
            key: text(fields.next()?),
            body: fields.next()?,
        },
        "U" => Op::LetterGone {
            id: text(fields.next()?),
        },
        "M" => Op::Processed {
            id: text(fields.next()?),
            at: number(fields.next()?)?,
        },
        "N" => Op::Attempt {
            id: text(fields.next()?),
        },
        "F" => Op::Forget {
            at: number(fields.next()?)?,
        },
        "P" => Op::Snapshot {
            xc_id: text(fields.next()?),
            hash: text(fields.next()?),
            ts: number(fields.next()?)?,
            body: fields.next()?,
        },
        "Q" => Op::SnapshotGone {
            xc_id: text(fields.next()?),
            hash: text(fields.next()?),
        },
        "V" => Op::State {
            key: text(fields.next()?),
            value: text(fields.next()?),
        },
        _ => return None,
    };
    fields.next().is_none().then_some(op)
}

/// The members that stand beside an event's data. A correlation id alone stands for the metadata that has nothing else.
pub fn envelope(thread_id: &str, metadata: &str) -> String {
    if metadata.starts_with('{') {
        return format!("\"threadId\":\"{thread_id}\",\"metadata\":{metadata}");
    }
    format!("\"threadId\":\"{thread_id}\",\"metadata\":{{\"correlationId\":\"{metadata}\"}}")
}

fn integer(field: &str) -> Option<i64> {
    field.parse().ok()
}

fn number(field: &str) -> Option<f64> {
    field.parse().ok()
}

/// A string field: as it is, or escaped as in JSON if a backslash is in it. What JSON cannot mean stays escaped.
pub fn text(field: &str) -> Cow<'_, str> {
    if !field.contains('\\') {
        return Cow::Borrowed(field);
    }
    serde_json::from_str(&format!("\"{field}\"")).map_or(Cow::Borrowed(field), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_operations() {
        let frame = "A\u{1f}7\u{1f}5\u{1f}1000.5\u{1f}0\u{1f}id\u{1f}a\\nb\u{1f}\u{1f}\u{1f}{\"x\":1}\nD\u{1f}7\u{1f}1\u{1f}2000\nV\u{1f}k\u{1f}\n";
        let content = Content::from(frame);
        let parsed: Vec<_> = ops(&content).map(Result::unwrap).collect();
        let Op::Accept(accept) = &parsed[0] else {
            panic!("{parsed:?}")
        };
        assert_eq!((accept.seq, accept.flags, accept.ts), (7, 5, 1000.5));
        assert_eq!((accept.kind.as_ref(), accept.body), ("a\nb", "{\"x\":1}"));
        assert_eq!(
            parsed[1],
            Op::Done {
                seq: 7,
                processed: true,
                at: 2000.0
            }
        );
        let expected = Survey {
            count: 3,
            has_awaited: true,
            has_ends: true,
        };
        assert_eq!(Survey::of(&content), expected);
        let plain = Content::from("D\u{1f}1\u{1f}1\u{1f}1\n");
        let expected = Survey {
            count: 1,
            has_awaited: false,
            has_ends: true,
        };
        assert_eq!(Survey::of(&plain), expected);
    }

    #[test]
    fn an_event_of_the_emitter_brings_its_parts() {
        let line =
            "E\u{1f}1\u{1f}1\u{1f}5\u{1f}0\u{1f}id\u{1f}t\u{1f}\u{1f}\u{1f}th\u{1f}corr\u{1f}[1]\n";
        let content = Content::from(line);
        let Op::Accept(accept) = ops(&content).next().unwrap().unwrap() else {
            panic!()
        };
        let expected = r#""threadId":"th","metadata":{"correlationId":"corr"}"#;
        assert_eq!((accept.envelope.as_ref(), accept.body), (expected, "[1]"));
        assert!(Survey::of(&content).has_awaited);
    }

    #[test]
    fn rubbish_is_named_and_half_a_character_stays_escaped() {
        for line in [
            "X\u{1f}1\n",
            "D\u{1f}1\n",
            "D\u{1f}1\u{1f}1\u{1f}1\u{1f}1\n",
        ] {
            assert!(ops(&line.into()).next().unwrap().is_err());
        }
        let content = Content::from("U\u{1f}\\ud800\n");
        let Op::LetterGone { id } = ops(&content).next().unwrap().unwrap() else {
            panic!()
        };
        assert_eq!(id, "\\ud800");
    }
}

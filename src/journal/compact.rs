//! The operations that every event brings, as numbers: a frame is numbers and lines of text, and what has neither a name nor
//! a payload of its own costs no text. The layout is in `docs/journal-format.md`.

use super::frame::{Accept, FIELD, Op, envelope, flags, parse, text};
use flags::{AWAITED, REMEMBERED};
use std::borrow::Cow;
use std::fmt::Write;
use std::str::Split;

/// What the next numbers mean.
mod code {
    /// The next line of text is an operation.
    pub const LINE: i64 = 0;
    /// An event that the emitter has made. `seq flags ts call correlation type`; the next line is the JSON of its data.
    pub const OWN: i64 = 1;
    /// `seq processed at`
    pub const DONE: i64 = 2;
    /// `seq at`
    pub const GONE: i64 = 3;
    /// The next line is what the call ids that follow begin with.
    pub const CALLS: i64 = 4;
    /// The same of correlation ids.
    pub const CORRELATIONS: i64 = 5;
    /// The next line is a type; they are numbered 0, 1, 2 ... in each frame.
    pub const TYPE: i64 = 6;
    /// The next line is what events bring along, as JSON; they are numbered 1, 2, 3 ... in each frame.
    pub const HEADER: i64 = 7;
    /// The next line is metadata, numbered in the same way: members beside the correlation id, or all of it.
    pub const METADATA: i64 = 8;
    /// As `OWN`, for an event that brings more. `seq flags ts due call correlation type header metadata`; the next line is the
    /// JSON of its data; if it is remembered, the one after it is its idempotency key.
    pub const EVENT: i64 = 9;
}

/// What JavaScript hands over at a time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    /// Lines.
    pub text: String,
    /// Operations, see `docs/journal-format.md`. None at all: every line is one.
    pub numbers: Vec<f64>,
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self {
            text,
            numbers: Vec::new(),
        }
    }
}

/// Content as it comes from JavaScript, whose bytes are checked on the journal's thread.
pub struct RawContent {
    /// See [`Content::text`]: UTF-8.
    pub text: Vec<u8>,
    /// See [`Content::numbers`].
    pub numbers: Vec<f64>,
}

impl From<RawContent> for Content {
    fn from(given: RawContent) -> Self {
        let text = String::from_utf8(given.text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Self {
            text,
            numbers: given.numbers,
        }
    }
}

/// A frame on its way to the journal's thread.
pub enum Packet {
    /// Ready to be read.
    Content(Content),
    /// To be checked.
    Raw(RawContent),
}

impl From<String> for Packet {
    fn from(text: String) -> Self {
        Self::Content(text.into())
    }
}

impl From<RawContent> for Packet {
    fn from(given: RawContent) -> Self {
        Self::Raw(given)
    }
}

impl From<Packet> for Content {
    fn from(packet: Packet) -> Self {
        match packet {
            Packet::Content(content) => content,
            Packet::Raw(given) => given.into(),
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        text.to_string().into()
    }
}

/// An event that the emitter has made, so that its ids are places in blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Own<'a> {
    /// Its number; they rise.
    pub seq: i64,
    /// See [`super::frame::flags`].
    pub flags: u32,
    /// Its own time, whole milliseconds since the epoch.
    pub ts: i64,
    /// When it is due; 0: at once.
    pub due: f64,
    /// What its ids begin with. Its thread's id is the one after its own.
    calls: &'a str,
    call: usize,
    correlations: &'a str,
    /// `None`: `metadata` is all of it.
    correlation: Option<usize>,
    /// JSON members beside the correlation id, nothing, or all metadata as a field of a line.
    metadata: &'a str,
    /// Its type, as a field.
    kind: &'a str,
    /// Its idempotency key as a field, or nothing.
    key: &'a str,
    /// JSON of what it brings along, or nothing.
    header: &'a str,
    /// JSON of its data, or nothing.
    pub data: &'a str,
}

impl<'a> Own<'a> {
    /// The same, in parts that a row has.
    pub fn accept(&self) -> Accept<'a> {
        let (mut id, mut thread, mut metadata) = Default::default();
        push_call(&mut id, self.calls, self.call);
        push_call(&mut thread, self.calls, self.call.wrapping_add(1));
        self.push_metadata(&mut metadata);
        Accept {
            seq: self.seq,
            flags: self.flags,
            ts: self.ts as f64,
            due: self.due,
            id: Cow::Owned(id),
            kind: text(self.kind),
            key: text(self.key),
            header: self.header,
            envelope: Cow::Owned(envelope(&thread, &metadata)),
            body: self.data,
            line: "",
        }
    }

    /// Its metadata as a field of a line: a correlation id that is all there is stands for the rest.
    fn push_metadata(&self, out: &mut String) {
        let Some(correlation) = self.correlation else {
            return out.push_str(self.metadata);
        };
        if self.metadata.is_empty() {
            return push_correlation(out, self.correlations, correlation);
        }
        out.push_str("{\"correlationId\":\"");
        push_correlation(out, self.correlations, correlation);
        out.push_str("\",");
        out.push_str(self.metadata);
        out.push('}');
    }

    /// The same as a line, as it stands in a segment.
    pub fn write_line(&self, out: &mut String) {
        let flags = self.flags & !AWAITED;
        let _ = write!(
            out,
            "E{FIELD}{}{FIELD}{flags}{FIELD}{}{FIELD}{}{FIELD}",
            self.seq, self.ts, self.due
        );
        push_call(out, self.calls, self.call);
        for field in [self.kind, self.key, self.header] {
            out.push(FIELD);
            out.push_str(field);
        }
        out.push(FIELD);
        push_call(out, self.calls, self.call.wrapping_add(1));
        out.push(FIELD);
        self.push_metadata(out);
        out.push(FIELD);
        out.push_str(self.data);
        out.push('\n');
    }
}

/// Two digits of base 36 end a call id.
fn push_call(out: &mut String, block: &str, index: usize) {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    out.push_str(block);
    out.push(char::from(DIGITS[index / 36 % 36]));
    out.push(char::from(DIGITS[index % 36]));
}

/// Three decimal digits end a correlation id.
fn push_correlation(out: &mut String, block: &str, index: usize) {
    out.push_str(block);
    for unit in [100, 10, 1] {
        out.push(char::from(b'0' + (index / unit % 10) as u8));
    }
}

/// The operations of a frame in order, or what is wrong with one that makes no sense.
pub struct Ops<'a> {
    lines: Split<'a, char>,
    numbers: std::slice::Iter<'a, f64>,
    is_text: bool,
    calls: &'a str,
    correlations: &'a str,
    types: Vec<&'a str>,
    /// The first of each is nothing.
    headers: Vec<&'a str>,
    metadata: Vec<&'a str>,
}

/// See [`Ops`].
pub fn ops(content: &Content) -> Ops<'_> {
    Ops {
        lines: content.text.split('\n'),
        numbers: content.numbers.iter(),
        is_text: content.numbers.is_empty(),
        calls: "",
        correlations: "",
        types: Vec::new(),
        headers: vec![""],
        metadata: vec![""],
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Result<Op<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_text {
            let line = self.lines.find(|line| !line.is_empty())?;
            return Some(operation(line));
        }
        loop {
            let code = self.integer()?;
            match code {
                code::LINE => return Some(self.line().and_then(operation)),
                code::OWN => return Some(self.own().map(Op::Own)),
                code::EVENT => return Some(self.event().map(Op::Own)),
                code::DONE => return Some(self.done()),
                code::GONE => return Some(self.gone()),
                code::CALLS..=code::METADATA => {
                    if let Err(problem) = self.define(code) {
                        return Some(Err(problem));
                    }
                }
                _ => {
                    self.numbers = [].iter();
                    return Some(Err(format!("code {code}")));
                }
            }
        }
    }
}

impl<'a> Ops<'a> {
    fn number(&mut self) -> Option<f64> {
        self.numbers.next().copied()
    }

    fn integer(&mut self) -> Option<i64> {
        self.number().map(|number| number as i64)
    }

    fn line(&mut self) -> Result<&'a str, String> {
        self.lines.next().ok_or_else(|| "a line is missing".into())
    }

    fn define(&mut self, code: i64) -> Result<(), String> {
        let line = self.line()?;
        match code {
            code::CALLS => self.calls = line,
            code::CORRELATIONS => self.correlations = line,
            code::TYPE => self.types.push(line),
            code::HEADER => self.headers.push(line),
            _ => self.metadata.push(line),
        }
        Ok(())
    }

    fn own(&mut self) -> Result<Own<'a>, String> {
        let data = self.line()?;
        let mut read = || {
            let (seq, flags, ts) = (self.integer()?, self.integer()?, self.integer()?);
            let (call, correlation, kind) = (self.integer()?, self.integer()?, self.integer()?);
            Some(Own {
                seq,
                flags: flags as u32,
                ts,
                due: 0.0,
                calls: self.calls,
                call: call as usize,
                correlations: self.correlations,
                correlation: Some(correlation as usize),
                metadata: "",
                kind: self.types.get(kind as usize)?,
                key: "",
                header: "",
                data,
            })
        };
        read().ok_or_else(|| CUT_SHORT.into())
    }

    fn event(&mut self) -> Result<Own<'a>, String> {
        let mut own = self.event_but_lines().ok_or(CUT_SHORT)?;
        own.data = self.line()?;
        if own.flags & REMEMBERED != 0 {
            own.key = self.line()?;
        }
        Ok(own)
    }

    fn event_but_lines(&mut self) -> Option<Own<'a>> {
        Some(Own {
            seq: self.integer()?,
            flags: self.integer()? as u32,
            ts: self.integer()?,
            due: self.number()?,
            calls: self.calls,
            call: self.integer()? as usize,
            correlations: self.correlations,
            correlation: usize::try_from(self.integer()?).ok(),
            kind: named(&self.types, self.numbers.next())?,
            header: named(&self.headers, self.numbers.next())?,
            metadata: named(&self.metadata, self.numbers.next())?,
            key: "",
            data: "",
        })
    }

    fn done(&mut self) -> Result<Op<'a>, String> {
        let mut read = || {
            Some(Op::Done {
                seq: self.integer()?,
                processed: self.integer()? != 0,
                at: self.number()?,
            })
        };
        read().ok_or_else(|| "a completion is cut short".into())
    }

    fn gone(&mut self) -> Result<Op<'a>, String> {
        let mut read = || {
            Some(Op::Gone {
                seq: self.integer()?,
                at: self.number()?,
            })
        };
        read().ok_or_else(|| "a departure is cut short".into())
    }
}

const CUT_SHORT: &str = "an event is cut short";

fn named<'a>(lines: &[&'a str], number: Option<&f64>) -> Option<&'a str> {
    lines.get(*number? as usize).copied()
}

fn operation(line: &str) -> Result<Op<'_>, String> {
    parse(line).ok_or_else(|| line.chars().take(80).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content() -> Content {
        Content {
            text: "call_a_\ncorr_1_\nuser.created\n{\"n\":1}\nV\u{1f}k\u{1f}v\n\n".into(),
            numbers: vec![
                4.0, 5.0, 6.0, 1.0, 7.0, 1.0, 1000.0, 37.0, 42.0, 0.0, 0.0, 1.0, 8.0, 0.0, 1001.0,
                1295.0, 999.0, 0.0, 2.0, 7.0, 1.0, 1002.0, 3.0, 8.0, 1003.0,
            ],
        }
    }

    #[test]
    fn numbers_and_lines_become_operations() {
        let content = content();
        let all: Vec<_> = ops(&content).map(Result::unwrap).collect();
        assert_eq!(all.len(), 5);
        let Op::Own(own) = &all[0] else {
            panic!("{all:?}")
        };
        let accept = own.accept();
        assert_eq!((accept.seq, accept.flags, accept.ts), (7, 1, 1000.0));
        assert_eq!(
            (accept.id.as_ref(), accept.kind.as_ref()),
            ("call_a_11", "user.created")
        );
        assert_eq!(accept.body, "{\"n\":1}");
        let expected = r#""threadId":"call_a_12","metadata":{"correlationId":"corr_1_042"}"#;
        assert_eq!(accept.envelope, expected);
        assert!(matches!(&all[1], Op::State { key, value } if key == "k" && value == "v"));
        let Op::Own(bare) = &all[2] else {
            panic!("{all:?}")
        };
        assert_eq!((bare.accept().id.as_ref(), bare.data), ("call_a_zz", ""));
        assert!(matches!(
            all[3],
            Op::Done {
                seq: 7,
                processed: true,
                at: 1002.0
            }
        ));
        assert!(matches!(all[4], Op::Gone { seq: 8, at: 1003.0 }));
    }

    #[test]
    fn a_line_of_a_segment_says_the_same() {
        let content = content();
        let Some(Ok(Op::Own(own))) = ops(&content).next() else {
            panic!()
        };
        assert_says_the_same(&own);
    }

    #[test]
    fn an_event_that_brings_more_says_it() {
        let content = Content {
            text: "call_a_\ncorr_1_\nt\n{\"priority\":1}\n\"tenantId\":\"a\"\n[1]\n{\"correlationId\":\"c\"}\n\nkey\n".into(),
            numbers: vec![
                4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 7.0, 1.0, 1000.0, 2000.5, 37.0, 42.0, 0.0, 1.0, 1.0,
                8.0, 9.0, 8.0, 4.0, 1001.0, 0.0, 38.0, -1.0, 0.0, 0.0, 2.0,
            ],
        };
        let all: Vec<_> = ops(&content).map(Result::unwrap).collect();
        let [Op::Own(own), Op::Own(keyed)] = &all[..] else {
            panic!("{all:?}")
        };
        let accept = own.accept();
        assert_eq!((accept.due, accept.header), (2000.5, "{\"priority\":1}"));
        let expected =
            r#""threadId":"call_a_12","metadata":{"correlationId":"corr_1_042","tenantId":"a"}"#;
        assert_eq!((accept.envelope.as_ref(), accept.body), (expected, "[1]"));
        let accept = keyed.accept();
        assert_eq!((accept.key.as_ref(), accept.body), ("key", ""));
        let expected = r#""threadId":"call_a_13","metadata":{"correlationId":"c"}"#;
        assert_eq!((accept.envelope.as_ref(), accept.header), (expected, ""));
        for own in [own, keyed] {
            assert_says_the_same(own);
        }
    }

    /// As a line of a segment.
    fn assert_says_the_same(own: &Own<'_>) {
        let mut line = String::new();
        own.write_line(&mut line);
        let Some(Op::Accept(accept)) = parse(line.trim_end_matches('\n')) else {
            panic!("{line}")
        };
        let expected = Accept {
            flags: own.flags & !AWAITED,
            line: accept.line,
            ..own.accept()
        };
        assert_eq!(accept, expected);
    }

    #[test]
    fn bytes_of_javascript_are_text_whatever_they_are() {
        let text_of = |bytes: &[u8]| {
            let raw = RawContent {
                text: bytes.to_vec(),
                numbers: Vec::new(),
            };
            Content::from(raw).text
        };
        for text in ["", "plain\n", "caf\u{e9} \u{1f600}"] {
            assert_eq!(text_of(text.as_bytes()), text);
        }
        assert_eq!(text_of(&[0x61, 0xff]), "a\u{fffd}");
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_named() {
        for numbers in [
            vec![10.0],
            vec![9.0, 1.0],
            vec![7.0, 7.0],
            vec![2.0, 1.0],
            vec![3.0],
            vec![1.0, 1.0],
            vec![0.0],
        ] {
            let content = Content {
                text: String::new(),
                numbers,
            };
            assert!(ops(&content).next().unwrap().is_err(), "{content:?}");
        }
        assert!(ops(&Content::default()).next().is_none());
    }

    fn any_number() -> impl Strategy<Value = f64> {
        prop_oneof![
            6 => (-2_i32..12).prop_map(f64::from),
            1 => any::<f64>(),
            1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, -1e300, 1e300, 0.5, 4_294_967_296.0]),
        ]
    }

    proptest! {
        #[test]
        fn numbers_and_lines_of_any_kind_are_operations_or_told(
            numbers in prop::collection::vec(any_number(), 0..60),
            lines in prop::collection::vec("[ADEGLMNFPQRUV]?(\u{1f}|[0-9a\"\\\\{}-]|\\PC){0,40}", 0..20),
        ) {
            let content = Content { text: lines.join("\n"), numbers };
            for op in ops(&content).take(200).flatten() {
                let _ = (op.seq(), op.accepts(), op.is_awaited());
                if let Op::Own(own) = op {
                    let mut line = String::new();
                    own.write_line(&mut line);
                    let _ = (own.accept(), parse(line.trim_end_matches('\n')));
                }
            }
        }
    }
}

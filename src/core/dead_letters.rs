//! The book of dead letters: what is kept, what leaves, what matches.
//!
//! Times are milliseconds since the epoch: they are shown to users and outlive the process.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

/// Error entries kept of one letter: the first, and the newest of the rest.
const MAX_ERRORS: usize = 10;

/// A failure as it is filed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Type of the event.
    pub event_type: String,
    /// Message of the error.
    pub message: String,
    /// Name of the error, or nothing.
    pub error_name: String,
    /// Code of the error, or nothing.
    pub error_code: String,
    /// Attempts made.
    pub attempts: u32,
    /// Further tags, after type and error.
    pub tags: Vec<String>,
}

/// Whether a letter may go back into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Reprocessable,
    /// It may not: its owner has seen that it will never succeed.
    Poisoned,
}

/// One dead letter, as far as decisions need it.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Id of the event.
    pub id: String,
    /// Type of the event.
    pub event_type: String,
    /// Messages of its errors, oldest first.
    pub messages: Vec<String>,
    /// Kind, agent, workflow ...
    pub tags: Vec<String>,
    /// When it was filed first.
    pub entered_at: f64,
    /// Attempts made.
    pub attempts: u32,
    /// Whether it may go back.
    pub standing: Standing,
}

/// What [`DeadLetters::file`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Whether the event is here for the first time.
    pub is_new: bool,
    /// Index of the error entry that left to make room, if one did.
    pub dropped_error: Option<usize>,
    /// Ids of letters that left to make room.
    pub evicted: Vec<String>,
}

/// Which letters are meant. What is not given matches all.
#[derive(Debug, Clone, Default)]
pub struct Criteria {
    /// Exactly this event type.
    pub event_type: Option<String>,
    /// Part of any error message.
    pub error_type: Option<String>,
    /// One of the tags.
    pub tag: Option<String>,
    /// Filed at least so many milliseconds ago.
    pub min_age_ms: Option<f64>,
    /// No more than this; 0 is no limit.
    pub limit: u32,
    /// Poisoned ones too.
    pub poisoned: bool,
}

/// Kinds of errors that are recognised, by what their name, code or message contains.
const ERROR_KINDS: [&str; 7] = [
    "timeouterror",
    "validationerror",
    "networkerror",
    "authenticationerror",
    "authorizationerror",
    "parseerror",
    "configurationerror",
];

fn error_kind(failure: &Failure) -> &'static str {
    let message = failure.message.to_lowercase();
    let name = failure.error_name.to_lowercase();
    // TIMEOUT_ERROR, TIMEOUT_EXCEEDED and ETIMEDOUT are the same kind as TimeoutError.
    let code = failure.error_code.to_lowercase().replace('_', "");
    let contained = |text: &str| ERROR_KINDS.into_iter().find(|kind| text.contains(kind));
    contained(&message)
        .or_else(|| contained(&name))
        .or_else(|| contained(&code))
        .or_else(|| {
            (code.contains("timeout") || code.contains("timedout")).then_some("timeouterror")
        })
        .unwrap_or("unknown")
}

fn tags_of(failure: &Failure) -> Vec<String> {
    let family = failure.event_type.split('.').next().unwrap_or_default();
    let mut tags = vec![
        format!("type:{family}"),
        format!("error:{}", error_kind(failure)),
    ];
    tags.extend(failure.tags.iter().cloned());
    tags
}

/// Dead letters in the order in which they were filed, bounded in number and age.
#[derive(Debug)]
pub struct DeadLetters {
    max_size: usize,
    retention_ms: f64,
    letters: BTreeMap<u64, Letter>,
    by_id: FxHashMap<String, u64>,
    seq: u64,
    /// Letters that left to make room, or because of their age.
    pub evicted: u64,
}

impl DeadLetters {
    /// An empty book for at most `max_size` letters, each kept for `retention_ms`.
    pub fn new(max_size: u32, retention_ms: f64) -> Self {
        Self {
            max_size: max_size as usize,
            retention_ms,
            letters: BTreeMap::new(),
            by_id: FxHashMap::default(),
            seq: 0,
            evicted: 0,
        }
    }

    /// Letters in the book.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// The letter of an event.
    pub fn get(&self, id: &str) -> Option<&Letter> {
        self.letters.get(self.by_id.get(id)?)
    }

    /// Files a failure. A letter that is here already keeps its place and gets a further error entry.
    pub fn file(&mut self, now: f64, id: &str, failure: &Failure) -> Filed {
        if let Some(seq) = self.by_id.get(id) {
            let letter = self.letters.get_mut(seq).expect("the index is right");
            letter.attempts = failure.attempts;
            letter.messages.push(failure.message.clone());
            let dropped_error = (letter.messages.len() > MAX_ERRORS).then_some(1);
            if let Some(index) = dropped_error {
                letter.messages.remove(index);
            }
            return Filed {
                is_new: false,
                dropped_error,
                evicted: Vec::new(),
            };
        }
        self.insert(Letter {
            id: id.to_owned(),
            event_type: failure.event_type.clone(),
            messages: vec![failure.message.clone()],
            tags: tags_of(failure),
            entered_at: now,
            attempts: failure.attempts,
            standing: Standing::Reprocessable,
        })
    }

    /// Puts a letter in that has been kept elsewhere.
    pub fn insert(&mut self, letter: Letter) -> Filed {
        self.seq += 1;
        self.by_id.insert(letter.id.clone(), self.seq);
        self.letters.insert(self.seq, letter);
        let mut evicted = Vec::new();
        while self.letters.len() > self.max_size {
            let oldest = self.oldest().expect("it is not empty");
            evicted.extend(self.remove_seq(oldest).map(|letter| letter.id));
        }
        self.evicted += evicted.len() as u64;
        Filed {
            is_new: true,
            dropped_error: None,
            evicted,
        }
    }

    /// By entry time; among equal ones the first filed.
    fn oldest(&self) -> Option<u64> {
        let oldest = self
            .letters
            .iter()
            .min_by(|a, b| a.1.entered_at.total_cmp(&b.1.entered_at).then(a.0.cmp(b.0)));
        oldest.map(|(seq, _)| *seq)
    }

    fn remove_seq(&mut self, seq: u64) -> Option<Letter> {
        let letter = self.letters.remove(&seq)?;
        self.by_id.remove(&letter.id);
        Some(letter)
    }

    /// Takes a letter out, whatever its standing.
    pub fn remove(&mut self, id: &str) -> bool {
        let seq = self.by_id.get(id).copied();
        seq.and_then(|seq| self.remove_seq(seq)).is_some()
    }

    /// Bars a letter from going back.
    pub fn poison(&mut self, id: &str, message: String) -> bool {
        let Some(letter) = self.by_id.get(id).and_then(|seq| self.letters.get_mut(seq)) else {
            return false;
        };
        letter.standing = Standing::Poisoned;
        if !letter.tags.iter().any(|tag| tag == "poison") {
            letter.tags.push("poison".to_owned());
        }
        letter.messages.push(message);
        true
    }

    /// Ids of the letters that match, in the order in which they were filed.
    pub fn select(&self, now: f64, criteria: &Criteria) -> Vec<String> {
        let limit = match criteria.limit {
            0 => usize::MAX,
            limit => limit as usize,
        };
        let matching = self.letters.values().filter(|letter| {
            let Criteria {
                event_type,
                error_type,
                tag,
                min_age_ms,
                poisoned,
                ..
            } = criteria;
            (*poisoned || letter.standing == Standing::Reprocessable)
                && event_type.as_ref().is_none_or(|t| *t == letter.event_type)
                && error_type
                    .as_ref()
                    .is_none_or(|part| letter.messages.iter().any(|m| m.contains(part.as_str())))
                && tag.as_ref().is_none_or(|tag| letter.tags.contains(tag))
                && min_age_ms.is_none_or(|age| now - letter.entered_at >= age)
        });
        matching
            .take(limit)
            .map(|letter| letter.id.clone())
            .collect()
    }

    /// A page of ids, optionally of one type, and where the next page begins (if there may be one).
    pub fn page(
        &self,
        limit: u32,
        after: u64,
        event_type: Option<&str>,
    ) -> (Vec<String>, Option<u64>) {
        let mut matching = self
            .letters
            .range(after + 1..)
            .filter(|(_, letter)| event_type.is_none_or(|wanted| wanted == letter.event_type));
        let mut ids = Vec::new();
        let mut last = after;
        for (seq, letter) in matching.by_ref().take(limit as usize) {
            ids.push(letter.id.clone());
            last = *seq;
        }
        let more = matching.next().is_some();
        (ids, more.then_some(last))
    }

    /// Takes out what has been kept for its time; answers the ids.
    pub fn expire(&mut self, now: f64) -> Vec<String> {
        let old: Vec<u64> = self
            .letters
            .iter()
            .filter(|(_, letter)| now - letter.entered_at >= self.retention_ms)
            .map(|(seq, _)| *seq)
            .collect();
        self.evicted += old.len() as u64;
        old.into_iter()
            .filter_map(|seq| self.remove_seq(seq).map(|letter| letter.id))
            .collect()
    }

    /// All letters in the order in which they were filed.
    pub fn iter(&self) -> impl Iterator<Item = &Letter> {
        self.letters.values()
    }

    /// Takes everything out; answers how many there were.
    pub fn clear(&mut self) -> usize {
        let count = self.len();
        self.letters.clear();
        self.by_id.clear();
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(event_type: &str, message: &str) -> Failure {
        Failure {
            event_type: event_type.into(),
            message: message.into(),
            error_name: "Error".into(),
            error_code: String::new(),
            attempts: 2,
            tags: Vec::new(),
        }
    }

    fn book() -> DeadLetters {
        DeadLetters::new(3, 1_000.0)
    }

    #[test]
    fn the_oldest_letter_leaves_a_full_book() {
        let mut book = book();
        for (at, id) in ["a", "b", "c"].into_iter().enumerate() {
            book.file(at as f64, id, &failure("x.y", "m"));
        }
        let filed = book.file(9.0, "d", &failure("x.y", "m"));
        assert_eq!(filed.evicted, ["a"]);
        assert_eq!((book.len(), book.evicted), (3, 1));
    }

    #[test]
    fn a_letter_that_fails_again_keeps_its_place_and_gathers_errors() {
        let mut book = book();
        for n in 0..12 {
            let filed = book.file(f64::from(n), "a", &failure("x", &format!("m{n}")));
            assert_eq!(filed.is_new, n == 0);
            assert_eq!(filed.dropped_error, (n >= 10).then_some(1));
        }
        let letter = book.get("a").unwrap();
        assert_eq!(letter.entered_at, 0.0);
        assert_eq!(letter.messages.len(), MAX_ERRORS);
        assert_eq!((&*letter.messages[0], &*letter.messages[9]), ("m0", "m11"));
    }

    #[test]
    fn criteria_must_all_match_and_poisoned_letters_are_left_out() {
        let mut book = book();
        book.file(0.0, "a", &failure("x.one", "NetworkError: no"));
        book.file(500.0, "b", &failure("x.two", "other"));
        book.file(600.0, "c", &failure("x.one", "networkerror"));
        let select = |book: &DeadLetters, criteria: Criteria| book.select(1_000.0, &criteria);
        let of_type = Criteria {
            event_type: Some("x.one".into()),
            ..Criteria::default()
        };
        assert_eq!(select(&book, of_type.clone()), ["a", "c"]);
        let old = Criteria {
            min_age_ms: Some(500.0),
            ..Criteria::default()
        };
        assert_eq!(select(&book, old), ["a", "b"]);
        let tagged = Criteria {
            tag: Some("error:networkerror".into()),
            limit: 1,
            ..Criteria::default()
        };
        assert_eq!(select(&book, tagged), ["a"]);
        assert!(book.poison("a", "Marked as poison: bad".into()));
        assert_eq!(select(&book, of_type.clone()), ["c"]);
        let all = Criteria {
            poisoned: true,
            ..of_type
        };
        assert_eq!(select(&book, all), ["a", "c"]);
    }

    #[test]
    fn kinds_are_recognised_in_message_name_and_code() {
        let kind = |message: &str, name: &str, code: &str| {
            error_kind(&Failure {
                error_name: name.into(),
                error_code: code.into(),
                ..failure("x", message)
            })
        };
        assert_eq!(
            kind("a ValidationError b", "TimeoutError", ""),
            "validationerror"
        );
        assert_eq!(kind("late", "TimeoutError", ""), "timeouterror");
        assert_eq!(
            kind("late", "KernelError", "TIMEOUT_EXCEEDED"),
            "timeouterror"
        );
        assert_eq!(kind("no", "Error", "NETWORK_ERROR"), "networkerror");
        assert_eq!(kind("no", "Error", ""), "unknown");
    }

    #[test]
    fn pages_follow_each_other_and_old_letters_expire() {
        let mut book = book();
        for (at, id) in ["a", "b", "c"].into_iter().enumerate() {
            book.file(at as f64 * 600.0, id, &failure("x", "m"));
        }
        let (first, cursor) = book.page(2, 0, None);
        assert_eq!(first, ["a", "b"]);
        let (second, end) = book.page(2, cursor.unwrap(), None);
        assert_eq!((second, end), (vec!["c".to_owned()], None));
        assert_eq!(book.expire(1_000.0), ["a"]);
        assert_eq!(book.expire(1_600.0), ["b"]);
        assert!(book.remove("c") && !book.remove("c") && book.is_empty());
    }
}

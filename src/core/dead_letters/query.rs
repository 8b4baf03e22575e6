//! Questions to the book: what matches, what comes next, what there is.

use std::collections::BTreeMap;

use super::letter::{Letter, Standing};
use super::{DeadLetters, Seq};

/// Letters that [`Stats::recent`] names.
const RECENT: usize = 10;

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

impl Criteria {
    fn matches(&self, now: f64, letter: &Letter) -> bool {
        let is = |wanted: &Option<String>, test: &dyn Fn(&String) -> bool| {
            wanted.as_ref().is_none_or(test)
        };
        (self.poisoned || letter.standing == Standing::Reprocessable)
            && is(&self.event_type, &|wanted| *wanted == letter.event_type)
            && is(&self.error_type, &|part| {
                let mut errors = letter.errors.iter();
                errors.any(|error| error.message.contains(part.as_str()))
            })
            && is(&self.tag, &|tag| letter.tags.contains(tag))
            && self
                .min_age_ms
                .is_none_or(|age| now - letter.entered_at >= age)
    }
}

/// Some letters, and where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Ids in the order in which they were filed.
    pub ids: Vec<String>,
    /// What to give as `after` for the next page; `None`: there is nothing more.
    pub next: Option<Seq>,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// Letters of each event type.
    pub by_event_type: BTreeMap<String, u32>,
    /// Error entries of each kind.
    pub by_error_kind: BTreeMap<&'static str, u32>,
    /// Mean of the letters' attempts; 0 if there is none.
    pub average_attempts: f64,
    /// Id of the letter that was filed first.
    pub oldest: Option<String>,
    /// Ids of the letters that were filed last, newest first.
    pub recent: Vec<String>,
}

impl DeadLetters {
    /// Ids of the letters that match, in the order in which they were filed.
    pub fn select(&self, now: f64, criteria: &Criteria) -> Vec<String> {
        let limit = match criteria.limit {
            0 => usize::MAX,
            limit => limit as usize,
        };
        let matching = self.letters.values().filter(|l| criteria.matches(now, l));
        matching.take(limit).map(|l| l.id.clone()).collect()
    }

    /// At most `limit` letters, optionally of one type, that were filed after `after` (0: from the beginning). Pages stay
    /// right while letters come and go: `after` is a place in the book, not a count.
    pub fn page(&self, limit: u32, after: Seq, event_type: Option<&str>) -> Page {
        let from = after.saturating_add(1);
        match event_type {
            None => self.page_of(
                self.letters.range(from..).map(|(seq, _)| *seq),
                limit,
                after,
            ),
            Some(wanted) => {
                let seqs = self.tally.by_event_type.get(wanted).into_iter();
                self.page_of(
                    seqs.flat_map(|seqs| seqs.range(from..).copied()),
                    limit,
                    after,
                )
            }
        }
    }

    fn page_of(&self, mut seqs: impl Iterator<Item = Seq>, limit: u32, after: Seq) -> Page {
        let page: Vec<Seq> = seqs.by_ref().take(limit as usize).collect();
        let last = page.last().copied().unwrap_or(after);
        Page {
            next: seqs.next().map(|_| last),
            ids: page
                .iter()
                .map(|seq| self.letters[seq].id.clone())
                .collect(),
        }
    }

    /// What there is now.
    pub fn stats(&self) -> Stats {
        let id_of = |(_, seq): &(_, Seq)| self.letters[seq].id.clone();
        Stats {
            by_event_type: (self.tally.by_event_type.iter())
                .map(|(event_type, seqs)| (event_type.clone(), seqs.len() as u32))
                .collect(),
            by_error_kind: self.tally.by_error_kind.clone(),
            average_attempts: match self.len() {
                0 => 0.0,
                len => self.tally.attempts as f64 / len as f64,
            },
            oldest: self.by_age.first().map(id_of),
            recent: self.by_age.iter().rev().take(RECENT).map(id_of).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{book, failure};
    use super::*;

    #[test]
    fn criteria_must_all_match_and_poisoned_letters_are_left_out() {
        let mut book = book();
        book.file(0.0, "a", &failure("x.one", "NetworkError: no"));
        book.file(500.0, "b", &failure("x.two", "other"));
        book.file(600.0, "c", &failure("x.one", "networkerror"));
        let select = |book: &DeadLetters, criteria: &Criteria| book.select(1_000.0, criteria);
        let of_type = Criteria {
            event_type: Some("x.one".into()),
            ..Criteria::default()
        };
        assert_eq!(select(&book, &of_type), ["a", "c"]);
        let old = Criteria {
            min_age_ms: Some(500.0),
            ..Criteria::default()
        };
        assert_eq!(select(&book, &old), ["a", "b"]);
        let saying = Criteria {
            error_type: Some("rror".into()),
            min_age_ms: Some(401.0),
            ..Criteria::default()
        };
        assert_eq!(select(&book, &saying), ["a"]);
        let tagged = Criteria {
            tag: Some("error:networkerror".into()),
            limit: 1,
            ..Criteria::default()
        };
        assert_eq!(select(&book, &tagged), ["a"]);
        book.poison("a", "Marked as poison: bad".into());
        assert_eq!(select(&book, &of_type), ["c"]);
        let all = Criteria {
            poisoned: true,
            ..of_type
        };
        assert_eq!(select(&book, &all), ["a", "c"]);
    }

    #[test]
    fn pages_follow_each_other_while_letters_leave() {
        let mut book = DeadLetters::new(9, 1_000.0);
        for id in ["a", "b", "c", "d", "e"] {
            book.file(0.0, id, &failure(if id == "c" { "y" } else { "x" }, "m"));
        }
        let first = book.page(2, 0, Some("x"));
        assert_eq!(first.ids, ["a", "b"]);
        book.remove("b");
        let second = book.page(1, first.next.unwrap(), Some("x"));
        assert_eq!(second.ids, ["d"]);
        let third = book.page(1, second.next.unwrap(), Some("x"));
        assert_eq!((third.ids, third.next), (vec!["e".to_owned()], None));
        assert_eq!(book.page(2, u64::MAX, None).ids.len(), 0);
        assert_eq!(book.page(2, 0, Some("none")).ids.len(), 0);
        book.file(0.0, "a", &failure("y", "m"));
        assert_eq!(book.page(9, 0, Some("y")).ids, ["a", "c"]);
        assert_eq!(book.page(9, 0, Some("x")).ids, ["d", "e"]);
    }

    #[test]
    fn statistics_count_letters_by_type_and_errors_by_kind() {
        assert_eq!(book().stats(), Stats::default());
        let mut book = book();
        book.file(5.0, "a", &failure("x", "ParseError"));
        book.file(3.0, "b", &failure("y", "no"));
        let again = super::super::Failure {
            attempts: 5,
            ..failure("x", "TimeoutError")
        };
        book.file(9.0, "a", &again);
        let stats = book.stats();
        assert_eq!(
            stats.by_event_type.into_iter().collect::<Vec<_>>(),
            [("x".to_owned(), 1), ("y".to_owned(), 1)]
        );
        assert_eq!(
            stats.by_error_kind.into_iter().collect::<Vec<_>>(),
            [("parseerror", 1), ("timeouterror", 1), ("unknown", 1)]
        );
        assert_eq!(stats.average_attempts, 3.5);
        assert_eq!(stats.oldest.as_deref(), Some("b"));
        assert_eq!(stats.recent, ["a", "b"]);
        book.poison("a", "Marked as poison: NetworkError".into());
        assert_eq!(book.stats().by_error_kind["networkerror"], 1);
        book.remove("a");
        let left = book.stats();
        assert_eq!(left.by_event_type.into_keys().collect::<Vec<_>>(), ["y"]);
        assert_eq!(
            left.by_error_kind.into_keys().collect::<Vec<_>>(),
            ["unknown"]
        );
        book.clear();
        assert_eq!(book.stats(), Stats::default());
    }
}

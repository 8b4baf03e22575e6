//! The book of dead letters as a class: dead letters are rare, so clear code first.

use napi_derive::napi;

use crate::core::dead_letters::{Criteria, DeadLetters, Failure, Letter, Standing};

#[napi(object)]
pub struct LetterFailure {
    pub event_type: String,
    pub message: String,
    pub error_name: String,
    pub error_code: String,
    pub attempts: u32,
    pub tags: Vec<String>,
}

#[napi(object)]
pub struct LetterFiled {
    pub is_new: bool,
    /// Index of the error entry that left, or -1.
    pub dropped_error: i32,
    pub evicted: Vec<String>,
}

#[napi(object)]
pub struct LetterCriteria {
    pub event_type: Option<String>,
    pub error_type: Option<String>,
    pub tag: Option<String>,
    pub min_age_ms: Option<f64>,
    pub limit: Option<u32>,
    pub poisoned: bool,
}

#[napi(object)]
pub struct StoredLetter {
    pub id: String,
    pub event_type: String,
    pub messages: Vec<String>,
    pub tags: Vec<String>,
    pub entered_at: f64,
    pub attempts: u32,
    pub poisoned: bool,
}

#[napi(object)]
pub struct LetterPage {
    pub ids: Vec<String>,
    /// Where the next page begins, or -1.
    pub next: f64,
}

/// See `DeadLetters` in the core.
#[napi(js_name = "DeadLetterBook")]
pub struct NodeDeadLetters(DeadLetters);

#[napi]
impl NodeDeadLetters {
    #[napi(constructor)]
    pub fn new(max_size: u32, retention_ms: f64) -> Self {
        Self(DeadLetters::new(max_size, retention_ms))
    }

    #[napi]
    pub fn file(&mut self, now: f64, id: String, failure: LetterFailure) -> LetterFiled {
        let failure = Failure {
            event_type: failure.event_type,
            message: failure.message,
            error_name: failure.error_name,
            error_code: failure.error_code,
            attempts: failure.attempts,
            tags: failure.tags,
        };
        let filed = self.0.file(now, &id, &failure);
        LetterFiled {
            is_new: filed.is_new,
            dropped_error: filed.dropped_error.map_or(-1, |index| index as i32),
            evicted: filed.evicted,
        }
    }

    /// Ids of letters that left to make room.
    #[napi]
    pub fn restore(&mut self, letter: StoredLetter) -> Vec<String> {
        let standing = if letter.poisoned {
            Standing::Poisoned
        } else {
            Standing::Reprocessable
        };
        self.0
            .insert(Letter {
                id: letter.id,
                event_type: letter.event_type,
                messages: letter.messages,
                tags: letter.tags,
                entered_at: letter.entered_at,
                attempts: letter.attempts,
                standing,
            })
            .evicted
    }

    #[napi]
    pub fn tags(&self, id: String) -> Vec<String> {
        self.0
            .get(&id)
            .map(|letter| letter.tags.clone())
            .unwrap_or_default()
    }

    #[napi]
    pub fn remove(&mut self, id: String) -> bool {
        self.0.remove(&id)
    }

    #[napi]
    pub fn poison(&mut self, id: String, message: String) -> bool {
        self.0.poison(&id, message)
    }

    #[napi]
    pub fn select(&self, now: f64, criteria: LetterCriteria) -> Vec<String> {
        let criteria = Criteria {
            event_type: criteria.event_type,
            error_type: criteria.error_type,
            tag: criteria.tag,
            min_age_ms: criteria.min_age_ms,
            limit: criteria.limit.unwrap_or(0),
            poisoned: criteria.poisoned,
        };
        self.0.select(now, &criteria)
    }

    #[napi]
    pub fn page(&self, limit: u32, after: f64, event_type: Option<String>) -> LetterPage {
        let (ids, next) = self.0.page(limit, after as u64, event_type.as_deref());
        LetterPage {
            ids,
            next: next.map_or(-1.0, |seq| seq as f64),
        }
    }

    #[napi]
    pub fn expire(&mut self, now: f64) -> Vec<String> {
        self.0.expire(now)
    }

    #[napi]
    pub fn size(&self) -> u32 {
        self.0.len() as u32
    }

    /// Letters that left to make room, or because of their age.
    #[napi]
    pub fn evicted(&self) -> f64 {
        self.0.evicted as f64
    }

    #[napi]
    pub fn clear(&mut self) -> u32 {
        self.0.clear() as u32
    }
}

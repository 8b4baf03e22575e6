//! The book of dead letters as a class: dead letters are rare, so clear code first. Absent values cross as `null`, in both
//! directions, so that a misspelt field is an error.

use napi_derive::napi;

use crate::core::dead_letters::{self as core, Criteria, DeadLetters, Failure, Standing};

#[napi(object, use_nullable = true)]
pub struct LetterFailure {
    pub event_type: String,
    pub message: String,
    pub error_names: Vec<String>,
    pub error_codes: Vec<String>,
    pub attempts: u32,
    pub agent_id: Option<String>,
    pub workflow_id: Option<String>,
}

#[napi(object, use_nullable = true)]
pub struct LetterFiled {
    pub is_new: bool,
    pub tags: Vec<String>,
    pub dropped_error: Option<u32>,
    pub evicted: Vec<String>,
}

#[napi(object, use_nullable = true)]
pub struct LetterPoisoned {
    pub tags: Vec<String>,
    pub dropped_error: Option<u32>,
}

#[napi(object, use_nullable = true)]
pub struct LetterCriteria {
    pub event_type: Option<String>,
    pub error_type: Option<String>,
    pub tag: Option<String>,
    pub min_age_ms: Option<f64>,
    pub limit: u32,
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

#[napi(object, use_nullable = true)]
pub struct LetterPage {
    pub ids: Vec<String>,
    pub next: Option<f64>,
}

#[napi(object)]
pub struct LetterCount {
    pub name: String,
    pub count: u32,
}

#[napi(object, use_nullable = true)]
pub struct LetterStats {
    pub by_event_type: Vec<LetterCount>,
    pub by_error_kind: Vec<LetterCount>,
    pub average_attempts: f64,
    pub oldest: Option<String>,
    pub recent: Vec<String>,
}

#[napi(object)]
pub struct LetterCounters {
    pub filed: f64,
    pub restored: f64,
    pub evicted: f64,
    pub expired: f64,
    pub removed: f64,
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
            error_names: failure.error_names,
            error_codes: failure.error_codes,
            attempts: failure.attempts,
            agent_id: failure.agent_id,
            workflow_id: failure.workflow_id,
        };
        let filed = self.0.file(now, &id, &failure);
        LetterFiled {
            is_new: filed.is_new,
            tags: self.tags(&id),
            dropped_error: filed.dropped_error.map(|index| index as u32),
            evicted: filed.evicted,
        }
    }

    #[napi]
    pub fn restore(&mut self, letter: StoredLetter) -> Vec<String> {
        self.0.restore(core::StoredLetter {
            id: letter.id,
            event_type: letter.event_type,
            messages: letter.messages,
            tags: letter.tags,
            entered_at: letter.entered_at,
            attempts: letter.attempts,
            standing: match letter.poisoned {
                true => Standing::Poisoned,
                false => Standing::Reprocessable,
            },
        })
    }

    #[napi]
    pub fn take(&mut self, id: String) -> bool {
        self.0.take(&id)
    }

    #[napi]
    pub fn is_reprocessable(&self, id: String) -> bool {
        self.0.is_reprocessable(&id)
    }

    #[napi]
    pub fn remove(&mut self, id: String) -> bool {
        self.0.remove(&id)
    }

    #[napi]
    pub fn poison(&mut self, id: String, message: String) -> Option<LetterPoisoned> {
        let dropped_error = self.0.poison(&id, message)?;
        Some(LetterPoisoned {
            tags: self.tags(&id),
            dropped_error: dropped_error.map(|index| index as u32),
        })
    }

    #[napi]
    pub fn select(&self, now: f64, criteria: LetterCriteria) -> Vec<String> {
        let criteria = Criteria {
            event_type: criteria.event_type,
            error_type: criteria.error_type,
            tag: criteria.tag,
            min_age_ms: criteria.min_age_ms,
            limit: criteria.limit,
            poisoned: criteria.poisoned,
        };
        self.0.select(now, &criteria)
    }

    #[napi]
    pub fn page(&self, limit: u32, after: f64, event_type: Option<String>) -> LetterPage {
        let page = self.0.page(limit, after as u64, event_type.as_deref());
        LetterPage {
            ids: page.ids,
            next: page.next.map(|seq| seq as f64),
        }
    }

    #[napi]
    pub fn expire(&mut self, now: f64) -> Vec<String> {
        self.0.expire(now)
    }

    #[napi]
    pub fn sweep_delay(&self, now: f64, interval_ms: f64) -> Option<f64> {
        self.0.sweep_delay(now, interval_ms)
    }

    #[napi]
    pub fn stats(&self) -> LetterStats {
        let stats = self.0.stats();
        LetterStats {
            by_event_type: counts(stats.by_event_type),
            by_error_kind: counts(stats.by_error_kind),
            average_attempts: stats.average_attempts,
            oldest: stats.oldest,
            recent: stats.recent,
        }
    }

    #[napi]
    pub fn counters(&self) -> LetterCounters {
        let counters = self.0.counters();
        LetterCounters {
            filed: counters.filed as f64,
            restored: counters.restored as f64,
            evicted: counters.evicted as f64,
            expired: counters.expired as f64,
            removed: counters.removed as f64,
        }
    }

    #[napi]
    pub fn clear(&mut self) -> u32 {
        self.0.clear() as u32
    }

    fn tags(&self, id: &str) -> Vec<String> {
        let letter = self.0.get(id);
        letter.map(|letter| letter.tags.clone()).unwrap_or_default()
    }
}

fn counts(counted: impl IntoIterator<Item = (impl Into<String>, u32)>) -> Vec<LetterCount> {
    let count = |(name, count): (_, u32)| LetterCount {
        name: Into::into(name),
        count,
    };
    counted.into_iter().map(count).collect()
}

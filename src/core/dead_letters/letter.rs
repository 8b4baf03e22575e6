//! One dead letter: its errors, its tags, whether it may go back.

/// Error entries kept of one letter: the first, and the newest of the rest.
pub const MAX_ERRORS: usize = 10;

/// The tag of a letter that may not go back.
const POISON_TAG: &str = "poison";

/// A failure as it is filed.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// Type of the event.
    pub event_type: String,
    /// Message of the error.
    pub message: String,
    /// Names of the error and of what caused it, outermost first.
    pub error_names: Vec<String>,
    /// Codes of the same, where they have one.
    pub error_codes: Vec<String>,
    /// Attempts made.
    pub attempts: u32,
    /// The agent that the event belongs to.
    pub agent_id: Option<String>,
    /// The workflow that the event belongs to.
    pub workflow_id: Option<String>,
}

/// Whether a letter may go back into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Reprocessable,
    /// It may not: its owner has seen that it will never succeed.
    Poisoned,
}

/// One error of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorEntry {
    /// What it said.
    pub message: String,
    /// One of [`ERROR_KINDS`], or `unknown`.
    pub kind: &'static str,
}

/// One dead letter, as far as decisions need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Id of the event.
    pub id: String,
    /// Type of the event.
    pub event_type: String,
    /// Its errors, oldest first; those filed here are at most [`MAX_ERRORS`].
    pub errors: Vec<ErrorEntry>,
    /// Type, kind of error, agent, workflow, poison.
    pub tags: Vec<String>,
    /// When it was filed first.
    pub entered_at: f64,
    /// Attempts made.
    pub attempts: u32,
    /// Whether it may go back.
    pub standing: Standing,
}

/// A letter that has been kept elsewhere.
#[derive(Debug, Clone)]
pub struct StoredLetter {
    /// Id of the event.
    pub id: String,
    /// Type of the event.
    pub event_type: String,
    /// Messages of its errors, oldest first.
    pub messages: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was filed first.
    pub entered_at: f64,
    /// Attempts made.
    pub attempts: u32,
    /// Whether it may go back.
    pub standing: Standing,
}

impl Letter {
    pub(super) fn new(now: f64, id: &str, failure: &Failure) -> Self {
        let entry = failure.entry();
        Self {
            id: id.to_owned(),
            event_type: failure.event_type.clone(),
            tags: tags_of(failure, entry.kind),
            errors: vec![entry],
            entered_at: now,
            attempts: failure.attempts,
            standing: Standing::Reprocessable,
        }
    }

    pub(super) fn restored(stored: StoredLetter) -> Self {
        // The first error's kind was recognised when its name and code were still known.
        let filed_kind = stored.tags.iter().find_map(|tag| {
            let name = tag.strip_prefix("error:")?;
            ERROR_KINDS.into_iter().find(|kind| *kind == name)
        });
        let entries = stored.messages.into_iter().enumerate();
        let errors = entries.map(|(index, message)| ErrorEntry {
            kind: match filed_kind {
                Some(kind) if index == 0 => kind,
                _ => kind_of(&message, &[], &[]),
            },
            message,
        });
        Self {
            errors: errors.collect(),
            id: stored.id,
            event_type: stored.event_type,
            tags: stored.tags,
            entered_at: stored.entered_at,
            attempts: stored.attempts,
            standing: stored.standing,
        }
    }

    /// A further failure. Answers the index of the error entry that left to make room, if one did.
    pub(super) fn fail_again(&mut self, failure: &Failure) -> Option<usize> {
        self.event_type.clone_from(&failure.event_type);
        self.attempts = failure.attempts;
        self.push_error(failure.entry())
    }

    /// Bars it from going back. Answers as [`Letter::fail_again`] does.
    pub(super) fn poison(&mut self, message: String) -> Option<usize> {
        self.standing = Standing::Poisoned;
        if !self.tags.iter().any(|tag| tag == POISON_TAG) {
            self.tags.push(POISON_TAG.to_owned());
        }
        let kind = kind_of(&message, &[], &[]);
        self.push_error(ErrorEntry { message, kind })
    }

    fn push_error(&mut self, entry: ErrorEntry) -> Option<usize> {
        self.errors.push(entry);
        // The first error says how it began, so the second leaves.
        (self.errors.len() > MAX_ERRORS).then(|| {
            self.errors.remove(1);
            1
        })
    }
}

impl Failure {
    fn entry(&self) -> ErrorEntry {
        ErrorEntry {
            message: self.message.clone(),
            kind: kind_of(&self.message, &self.error_names, &self.error_codes),
        }
    }
}

fn tags_of(failure: &Failure, kind: &str) -> Vec<String> {
    let family = failure.event_type.split('.').next().unwrap_or_default();
    let mut tags = vec![format!("type:{family}"), format!("error:{kind}")];
    let tagged = |name: &str, id: &Option<String>| id.as_ref().map(|id| format!("{name}:{id}"));
    tags.extend(tagged("agent", &failure.agent_id));
    tags.extend(tagged("workflow", &failure.workflow_id));
    tags
}

/// Kinds of errors that are recognised, in the order in which they are looked for.
pub const ERROR_KINDS: [&str; 7] = [
    "timeouterror",
    "validationerror",
    "networkerror",
    "authenticationerror",
    "authorizationerror",
    "parseerror",
    "configurationerror",
];

/// System errors of a broken connection: their codes do not say "network".
const CONNECTION_CODES: [&str; 7] = [
    "econnreset",
    "econnrefused",
    "econnaborted",
    "ehostunreach",
    "enetunreach",
    "enotfound",
    "epipe",
];

/// The message first, as users search for what it says; then names, then codes.
fn kind_of(message: &str, names: &[String], codes: &[String]) -> &'static str {
    let in_names = || {
        let mut names = names.iter();
        names.find_map(|name| named_kind(&name.to_lowercase()))
    };
    let in_codes = || {
        let mut codes = codes.iter();
        codes.find_map(|code| kind_of_code(&code.to_lowercase()))
    };
    named_kind(&message.to_lowercase())
        .or_else(in_names)
        .or_else(in_codes)
        .unwrap_or("unknown")
}

fn named_kind(text: &str) -> Option<&'static str> {
    ERROR_KINDS.into_iter().find(|kind| text.contains(kind))
}

/// Codes say it in many ways: TIMEOUT_EXCEEDED, MIDDLEWARE_VALIDATION_FAILED, ETIMEDOUT.
fn kind_of_code(code: &str) -> Option<&'static str> {
    if code.contains("timedout") {
        return Some("timeouterror");
    }
    if CONNECTION_CODES.contains(&code) {
        return Some("networkerror");
    }
    let stem = |kind: &'static str| kind.strip_suffix("error").unwrap_or(kind);
    ERROR_KINDS
        .into_iter()
        .find(|kind| code.contains(stem(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_recognised_in_message_name_and_code() {
        let cases = [
            ("a ValidationError b", "TimeoutError", "", "validationerror"),
            ("NETWORKERROR", "Error", "", "networkerror"),
            ("late", "TimeoutError", "", "timeouterror"),
            ("late", "KernelError", "TIMEOUT_EXCEEDED", "timeouterror"),
            ("late", "Error", "ETIMEDOUT", "timeouterror"),
            ("no", "Error", "NETWORK_ERROR", "networkerror"),
            ("no", "Error", "ECONNRESET", "networkerror"),
            (
                "no",
                "MiddlewareError",
                "MIDDLEWARE_VALIDATION_FAILED",
                "validationerror",
            ),
            ("no", "Error", "", "unknown"),
            ("a timeout", "Error", "23", "unknown"),
            (
                "gave up",
                "KernelError TimeoutError",
                "RETRY_EXCEEDED",
                "timeouterror",
            ),
            (
                "gave up",
                "KernelError Error",
                "RETRY_EXCEEDED EPIPE",
                "networkerror",
            ),
        ];
        let words = |text: &str| -> Vec<String> { text.split(' ').map(Into::into).collect() };
        for (message, names, codes, kind) in cases {
            assert_eq!(
                kind_of(message, &words(names), &words(codes)),
                kind,
                "{message} {names} {codes}"
            );
        }
    }

    #[test]
    fn tags_come_in_the_order_type_error_agent_workflow() {
        let failure = Failure {
            event_type: "agent.step.failed".into(),
            agent_id: Some("a1".into()),
            workflow_id: Some("w1".into()),
            ..Failure::default()
        };
        let letter = Letter::new(0.0, "e", &failure);
        assert_eq!(
            letter.tags,
            ["type:agent", "error:unknown", "agent:a1", "workflow:w1"]
        );
    }

    #[test]
    fn errors_are_bounded_and_the_first_one_stays() {
        let failure = |n: u32| Failure {
            message: format!("m{n}"),
            attempts: n,
            ..Failure::default()
        };
        let mut letter = Letter::new(0.0, "e", &failure(0));
        for n in 1..9 {
            assert_eq!(letter.fail_again(&failure(n)), None);
        }
        assert_eq!(letter.poison("Marked as poison: x".into()), None);
        assert_eq!(letter.fail_again(&failure(9)), Some(1));
        assert_eq!(letter.poison("Marked as poison: y".into()), Some(1));
        assert_eq!(letter.errors.len(), MAX_ERRORS);
        assert_eq!((&*letter.errors[0].message, letter.attempts), ("m0", 9));
        assert_eq!(letter.errors[9].message, "Marked as poison: y");
        let poison_tags = letter.tags.iter().filter(|tag| *tag == "poison").count();
        assert_eq!(poison_tags, 1);
    }

    #[test]
    fn a_restored_letter_keeps_the_kind_it_was_filed_with() {
        let letter = Letter::restored(StoredLetter {
            id: "e".into(),
            event_type: "x".into(),
            messages: vec!["late".into(), "a ParseError".into(), "late".into()],
            tags: vec!["type:x".into(), "error:timeouterror".into()],
            entered_at: 0.0,
            attempts: 1,
            standing: Standing::Reprocessable,
        });
        let kinds: Vec<&str> = letter.errors.iter().map(|error| error.kind).collect();
        assert_eq!(kinds, ["timeouterror", "parseerror", "unknown"]);
    }
}

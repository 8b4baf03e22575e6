//! What can go wrong with a journal.

use std::path::Path;
use thiserror::Error;

/// An error with the code that users see.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct JournalError {
    /// The stable code.
    pub code: Code,
    /// What has happened, and what to do.
    pub message: String,
}

/// Codes of the errors of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Reading or writing has failed.
    Failed,
    /// The bound of the journal's size is reached.
    Full,
    /// Somebody else has it open.
    Locked,
    /// What is stored is damaged.
    Corrupt,
    /// Written by a newer version of this library.
    Version,
}

impl Code {
    /// The code as users see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Failed => "JOURNAL_FAILED",
            Code::Full => "JOURNAL_FULL",
            Code::Locked => "JOURNAL_LOCKED",
            Code::Corrupt => "JOURNAL_CORRUPT",
            Code::Version => "JOURNAL_VERSION",
        }
    }
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl JournalError {
    /// An error with a code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The operating system has refused something.
    pub fn io(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        let advice = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "; give this user the right to write there",
            std::io::ErrorKind::StorageFull => "; make room on the disk",
            std::io::ErrorKind::ReadOnlyFilesystem => "; choose a directory that can be written",
            _ => "",
        };
        let message = format!("cannot {doing} {}: {error}{advice}", path.display());
        Self::new(Code::Failed, message)
    }

    /// Whether what is stored is damaged.
    pub fn is_corruption(&self) -> bool {
        self.code == Code::Corrupt
    }
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        let code = match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Code::Corrupt,
            _ if is_unreadable(&error) => Code::Corrupt,
            _ => Code::Failed,
        };
        let advice = match error.sqlite_error_code() {
            Some(DiskFull) => " (no room on the disk: make some)",
            _ => "",
        };
        Self::new(code, format!("{error}{advice}"))
    }
}

/// A value that nobody has written like that, or tables that nobody has made like that: our statements are right.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, SqlInputError,
        SqliteFailure, Utf8Error,
    };
    match error {
        SqliteFailure(failure, _) => failure.extended_code == rusqlite::ffi::SQLITE_ERROR,
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | SqlInputError { .. }
        | Utf8Error(..) => true,
        _ => false,
    }
}

//! One writer at a time. The operating system holds the lock, so it ends with the process that has it.

use super::error::{Code, JournalError};
use fs4::fs_std::FileExt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOCK_FILE: &str = "journal.lock";
/// Where the owner says who it is. Not in the locked file: some systems let nobody read that.
const OWNER_FILE: &str = "journal.pid";

const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(2);

/// The lock of a journal; released when it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    owner_file: PathBuf,
}

impl Lock {
    /// Takes the lock of the journal in `directory`, which must be there.
    pub fn take(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(LOCK_FILE);
        let file = private(OpenOptions::new().create(true).truncate(false).write(true))
            .open(&path)
            .map_err(|error| JournalError::io(&path, "open", &error))?;
        if !lock_soon(&file).map_err(|error| JournalError::io(&path, "lock", &error))? {
            return Err(held_by(directory));
        }
        let owner_file = directory.join(OWNER_FILE);
        private(OpenOptions::new().create(true).truncate(true).write(true))
            .open(&owner_file)
            .and_then(|mut file| write!(file, "{}", std::process::id()))
            .map_err(|error| JournalError::io(&owner_file, "write", &error))?;
        Ok(Self { file, owner_file })
    }
}

impl Lock {
    /// Whether somebody has the journal in `directory` open.
    pub fn is_held(directory: &Path) -> bool {
        let Ok(file) = File::open(directory.join(LOCK_FILE)) else {
            return false;
        };
        match FileExt::try_lock_shared(&file) {
            Ok(true) => {
                let _ = FileExt::unlock(&file);
                false
            }
            _ => true,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A file that stays behind locks nobody out.
        let _ = std::fs::remove_file(&self.owner_file);
        let _ = FileExt::unlock(&self.file);
    }
}

/// Tools that look whether it is held have it themselves for an instant.
fn lock_soon(file: &File) -> std::io::Result<bool> {
    for _ in 0..TRIES {
        if file.try_lock_exclusive()? {
            return Ok(true);
        }
        std::thread::sleep(PAUSE);
    }
    file.try_lock_exclusive()
}

/// The process that says it has the journal in `directory` open.
pub fn owner_of(directory: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(directory.join(OWNER_FILE)).ok()?;
    text.trim().parse().ok()
}

fn held_by(directory: &Path) -> JournalError {
    let owner = match owner_of(directory) {
        Some(pid) if pid == std::process::id() => format!("this process (pid {pid})"),
        Some(pid) => format!("the process with pid {pid}"),
        None => "another process".into(),
    };
    let advice = "close it there first (runtime.cleanup()), or use another path";
    let message = format!(
        "the journal {} is open in {owner}; {advice}",
        directory.display()
    );
    JournalError::new(Code::Locked, message)
}

/// For its owner only.
#[cfg(unix)]
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

/// For its owner only, as the directory is there.
#[cfg(not(unix))]
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_the_first_one_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path()).unwrap();
        let error = Lock::take(directory.path()).unwrap_err();
        assert_eq!(error.code, Code::Locked);
        assert!(
            error.message.contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        Lock::take(directory.path()).unwrap();
    }

    #[test]
    fn tools_that_look_lock_nobody_out() {
        let directory = tempfile::tempdir().unwrap();
        drop(Lock::take(directory.path()).unwrap());
        let path = directory.path().to_path_buf();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let looker = std::thread::spawn(move || {
            while stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                Lock::is_held(&path);
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        for _ in 0..200 {
            drop(Lock::take(directory.path()).unwrap());
        }
        drop(stop);
        looker.join().unwrap();
    }
}

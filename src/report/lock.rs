//! Locks on folders of results, which a process that is killed gives back.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// By one process.
    Alone,
    /// By several at once, none of which holds it alone.
    Shared,
}

/// A lock on a file that stands for what is protected; released when it is dropped or the process ends.
///
/// A file system without locks gives every lock to everyone: what is mixed there is found by the checksums
/// of the parts.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    hold: Hold,
}

impl Lock {
    /// Takes the lock, or says who has it.
    ///
    /// # Errors
    /// A file that cannot be made, or that another process holds.
    pub fn take(path: &Path, hold: Hold, what: &str) -> Result<Self> {
        match Self::attempt(path, hold, false)? {
            Some(lock) => Ok(lock),
            None => Err(Error::input(
                path.parent().unwrap_or(path).display().to_string(),
                format!("another process{} {what}", holder(path)),
                "wait until it is done, or give another folder with --out; the lock of a process that was killed is free",
            )),
        }
    }

    /// Waits for the lock and holds it alone.
    ///
    /// # Errors
    /// A file that cannot be made.
    pub fn wait(path: &Path) -> Result<Self> {
        loop {
            if let Some(lock) = Self::attempt(path, Hold::Alone, true)? {
                return Ok(lock);
            }
        }
    }

    fn attempt(path: &Path, hold: Hold, patient: bool) -> Result<Option<Self>> {
        loop {
            let file = open(path).map_err(|error| Error::output(path, error))?;
            let taken = match (hold, patient) {
                (Hold::Alone, true) => file.lock().map_err(TryLockError::Error),
                (Hold::Alone, false) => file.try_lock(),
                (Hold::Shared, _) => file.try_lock_shared(),
            };
            if matches!(taken, Err(TryLockError::WouldBlock)) {
                return Ok(None);
            }
            // The holder before may have removed the file, and a third may have made it anew.
            if is_at(&file, path) {
                let mut lock = Self {
                    file,
                    path: path.to_owned(),
                    hold,
                };
                lock.sign();
                return Ok(Some(lock));
            }
        }
    }

    /// Leaves the number of the process for the message to others; a lock works without.
    fn sign(&mut self) {
        let _ = self.file.set_len(0);
        if self.hold == Hold::Alone {
            let _ = write!(self.file, "{}", std::process::id());
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Others may share the file; who holds it alone takes it away.
        if self.hold == Hold::Alone && is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let whole = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path);
    whole.or_else(|error| File::open(path).map_err(|_| error))
}

fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(20).read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(process)) => format!(" ({process})"),
        _ => String::new(),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_or_shared_and_free_when_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below/lock");
        let first = Lock::take(&path, Hold::Alone, "is at work").expect("free");
        for hold in [Hold::Alone, Hold::Shared] {
            let error = Lock::take(&path, hold, "is at work").expect_err("held");
            let process = format!("({}) is at work", std::process::id());
            assert!(error.to_string().contains(&process), "{error}");
        }
        drop(first);
        assert!(!path.exists());
        let one = Lock::take(&path, Hold::Shared, "is at work").expect("free");
        let two = Lock::take(&path, Hold::Shared, "is at work").expect("shared");
        let error = Lock::take(&path, Hold::Alone, "is at work").expect_err("shared");
        assert!(error.to_string().contains("another process is"), "{error}");
        drop((one, two));
        Lock::take(&path, Hold::Alone, "is at work").expect("free");
    }
}

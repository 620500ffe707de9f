//! What a fit has finished on disk, so that one that was stopped goes on after it.

use super::output::{sha256, write_atomically};
use crate::error::{Error, Result};
use crate::study::calibrate::Start;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Largest file of starts that is read, bytes.
const LARGEST: u64 = 1 << 26;

/// Starts or other finished parts, with what they hold for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Starts<T = Start> {
    /// Everything that decides them, as text.
    pub what: String,
    /// Those that are done.
    pub starts: Vec<T>,
    /// SHA-256 of both, in JSON.
    sha256: String,
}

impl<T: Serialize + DeserializeOwned> Starts<T> {
    /// No start yet.
    pub fn new(what: String) -> Self {
        Self {
            what,
            starts: Vec::new(),
            sha256: String::new(),
        }
    }

    fn checksum(&self) -> serde_json::Result<String> {
        let content = serde_json::to_vec(&(&self.what, &self.starts))?;
        Ok(sha256(&content))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self, path: &Path) -> Result<()> {
        let failed = |error: serde_json::Error| Error::output(path, error);
        self.sha256 = self.checksum().map_err(failed)?;
        let text = serde_json::to_vec(self).map_err(failed)?;
        write_atomically(path, &text)?;
        Ok(())
    }

    /// Reads a file, `None` where there is none.
    ///
    /// # Errors
    /// A file that is not as it was written.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let bad = |problem: String| {
            Error::input(
                path.display().to_string(),
                format!("the finished starts cannot be used: {problem}"),
                "leave --resume out to fit all of them again",
            )
        };
        let metadata = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(|error| bad(error.to_string()))?,
        };
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(bad("this is no file of starts".to_owned()));
        }
        let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        let found: Self = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        match found.checksum() {
            Ok(checksum) if checksum == found.sha256 => Ok(Some(found)),
            _ => Err(bad(
                "the file is not what was written, as the checksum in it says".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_come_back_to_the_bit_and_a_changed_digit_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("starts.json");
        assert_eq!(Starts::<Start>::read(&path).expect("nothing"), None);
        let mut starts = Starts::new("what".to_owned());
        starts.starts.push(Start {
            index: 3,
            at: vec![0.1 + 0.2, 1.0 / 3.0, 5e-324],
            before: 12.345_678_901_234_567,
            objective: 1e-17 / 3.0,
            evaluations: 7,
            converged: true,
        });
        starts.write(&path).expect("written");
        assert_eq!(Starts::read(&path).expect("whole"), Some(starts));
        let text = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, text.replace("\"index\":3", "\"index\":4")).expect("written");
        let error = Starts::<Start>::read(&path)
            .expect_err("changed")
            .to_string();
        assert!(error.contains("checksum"), "{error}");
    }
}

//! Files are written to a temporary name beside the target and renamed: a reader sees the old file
//! or the new one, never half of one.

use crate::error::{Error, Result};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes one file whole.
///
/// # Errors
/// A folder that cannot be made or a file that cannot be written; nothing is left behind.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    stage(path, |out| written(path, out.write_all(content)))?
        .persist(path)
        .map_err(|error| Error::output(path, error.error))?;
    Ok(())
}

/// Writes several files: all are complete on disk before the first takes its place.
///
/// # Errors
/// As [`write_atomically`]; an error before the renaming leaves every target as it was.
pub fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<()> {
    let mut staged = Staged::default();
    for (path, content) in files {
        staged.add_whole(path, content)?;
    }
    staged.persist()
}

/// Files that are complete on disk under other names; dropped, nothing is left of them.
#[derive(Debug, Default)]
pub struct Staged {
    files: Vec<(PathBuf, tempfile::NamedTempFile)>,
}

impl Staged {
    /// Adds a file whose content `write` gives.
    ///
    /// # Errors
    /// As [`write_atomically`]; the error of `write`.
    pub fn add(
        &mut self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        self.files.push((path.to_owned(), stage(path, write)?));
        Ok(())
    }

    /// Adds a file of a content.
    ///
    /// # Errors
    /// As [`write_atomically`].
    pub fn add_whole(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.add(path, |out| written(path, out.write_all(content)))
    }

    /// How many files there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Gives every file its name.
    ///
    /// # Errors
    /// A target that cannot be replaced.
    pub fn persist(self) -> Result<()> {
        for (path, file) in self.files {
            let done = file.persist(&path);
            done.map_err(|error| Error::output(&path, error.error))?;
        }
        Ok(())
    }
}

fn written(path: &Path, result: std::io::Result<()>) -> Result<()> {
    result.map_err(|error| Error::output(path, error))
}

fn stage(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<tempfile::NamedTempFile> {
    let failed = |error: std::io::Error| Error::output(path, error);
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hif-switch-");
    #[cfg(unix)]
    {
        // Temporary files are private by default; results should obey the usual mask.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut out = BufWriter::new(builder.tempfile_in(folder).map_err(failed)?);
    write(&mut out)?;
    out.into_inner().map_err(|error| failed(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let blocked = folder.path().join("file");
        write_atomically(&blocked, b"old").expect("writable");
        let files = [
            (folder.path().join("new"), b"new".to_vec()),
            (blocked.join("below-a-file"), b"x".to_vec()),
        ];
        assert!(write_all(&files).is_err());
        assert!(!folder.path().join("new").exists());
        assert_eq!(std::fs::read(&blocked).expect("kept"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 1);
    }
}

//! Files are written to a temporary name beside the target and renamed: a reader sees the old file
//! or the new one, never half of one.

use crate::error::{Error, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes one file whole.
///
/// # Errors
/// A folder that cannot be made or a file that cannot be written; nothing is left behind.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    stage(path, content)?
        .persist(path)
        .map_err(|error| Error::output(path, error.error))?;
    Ok(())
}

/// Writes several files: all are complete on disk before the first takes its place.
///
/// # Errors
/// As [`write_atomically`]; an error before the renaming leaves every target as it was.
pub fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<()> {
    let staged = files
        .iter()
        .map(|(path, content)| Ok((path, stage(path, content)?)))
        .collect::<Result<Vec<_>>>()?;
    for (path, file) in staged {
        file.persist(path)
            .map_err(|error| Error::output(path, error.error))?;
    }
    Ok(())
}

fn stage(path: &Path, content: &[u8]) -> Result<tempfile::NamedTempFile> {
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
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.flush().map_err(failed)?;
    Ok(file)
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

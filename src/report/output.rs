//! Files are written to a temporary name beside the target and renamed: a reader sees the old file
//! or the new one, never half of one.
//!
//! A symbolic link is followed and stays. What is no ordinary file (device, named pipe, open descriptor)
//! is written through, once the content is whole. Temporary files are locked by their process; what a
//! killed one left is removed by the next that writes to the folder.

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Start of the names of temporary files.
const PREFIX: &str = ".hif-switch-";

/// Symbolic links that are followed, as on Linux.
const LINKS: usize = 40;

/// How long a named pipe may be without a reader.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes one file whole.
///
/// # Errors
/// A folder that cannot be made or a file that cannot be written; nothing is left behind.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<Written> {
    let mut staged = Staged::default();
    staged.add_whole(path, content)?;
    staged.persist()
}

/// Writes several files: all are complete on disk before the first takes its place.
///
/// # Errors
/// As [`write_atomically`]; an error before the renaming leaves every target as it was.
pub fn write_all(files: &[(PathBuf, Vec<u8>)]) -> Result<Written> {
    let mut staged = Staged::default();
    for (path, content) in files {
        staged.add_whole(path, content)?;
    }
    staged.persist()
}

/// What was written, and what it took the place of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Files, as they were named.
    pub files: Vec<PathBuf>,
    /// Whether one of them is no ordinary file, and may be what is printed to.
    pub streamed: bool,
    /// What a user should hear: files of another content that were replaced, and by whom they were made.
    pub notes: Vec<String>,
}

/// Files that are named one by one; of more, their folders are.
const NAMED: usize = 4;

impl Written {
    /// Where the files are: a few by name, many by their folders.
    pub fn places(&self) -> String {
        let names = |paths: &[PathBuf]| {
            let names: Vec<String> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            names.join(", ")
        };
        if self.files.len() <= NAMED {
            return names(&self.files);
        }
        let mut folders: BTreeMap<&Path, usize> = BTreeMap::new();
        for path in &self.files {
            *folders.entry(path.parent().unwrap_or(path)).or_default() += 1;
        }
        let folders = folders
            .into_iter()
            .map(|(folder, count)| format!("{count} files to {}", folder.display()));
        folders.collect::<Vec<_>>().join(", ")
    }
}

/// Files that are complete on disk under other names; dropped, nothing is left of them.
#[derive(Debug, Default)]
pub struct Staged {
    drafts: Vec<Draft>,
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
        let mut draft = Draft::new(path)?;
        write(&mut draft)?;
        self.push(draft)
    }

    /// Adds a file of a content.
    ///
    /// # Errors
    /// As [`write_atomically`].
    pub fn add_whole(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.add(path, |out| {
            let written = out.write_all(content);
            written.map_err(|error| Error::output(path, error))
        })
    }

    /// Adds a file that was written elsewhere.
    ///
    /// # Errors
    /// A disk that is full; a second result for one file.
    pub fn push(&mut self, mut draft: Draft) -> Result<()> {
        let flushed = draft.out.flush();
        flushed.map_err(|error| Error::output(&draft.path, error))?;
        let place = draft.target.file();
        if place.is_some() && self.drafts.iter().any(|other| other.target.file() == place) {
            return Err(Error::input(
                draft.path.display().to_string(),
                "two results would be written to this file",
                "give each a file of its own",
            ));
        }
        self.drafts.push(draft);
        Ok(())
    }

    /// The files that are to be written.
    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// Gives every file its name, in the order in which they were added; streams are written before.
    ///
    /// # Errors
    /// A target that cannot be replaced or written.
    pub fn persist(self) -> Result<Written> {
        let mut written = Written::default();
        let mut folders = Vec::new();
        for draft in &self.drafts {
            written.files.push(draft.path.clone());
            written.streamed |= draft.target.file().is_none();
            if draft.replaces() {
                let note = format!("replaced: {}", draft.path.display());
                written.notes.push(note);
            }
            if let Some(folder) = draft.target.file().and_then(Path::parent) {
                folders.push(folder.to_owned());
            }
        }
        let (files, streams): (Vec<_>, Vec<_>) = self
            .drafts
            .into_iter()
            .partition(|draft| draft.target.file().is_some());
        for draft in streams.into_iter().chain(files) {
            draft.persist()?;
        }
        folders.sort();
        folders.dedup();
        folders.iter().for_each(|folder| sweep(folder));
        Ok(written)
    }
}

/// A file that grows under another name until it is whole.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    target: Target,
    out: BufWriter<Body>,
    hash: Sha256,
}

#[derive(Debug)]
enum Body {
    /// Beside the target, to be renamed.
    Beside(tempfile::NamedTempFile),
    /// Nameless, to be copied.
    Apart(File),
}

impl Body {
    fn file(&self) -> &File {
        match self {
            Self::Beside(file) => file.as_file(),
            Self::Apart(file) => file,
        }
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Draft {
    /// An empty file for a target.
    ///
    /// # Errors
    /// A target that is a folder or write-protected; a folder that cannot be made or written.
    pub fn new(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| Error::output(path, error);
        let target = Target::of(path).map_err(failed)?;
        let body = match &target {
            Target::Stream(_) => Body::Apart(tempfile::tempfile().map_err(failed)?),
            Target::File(place) => {
                let folder = place.parent().unwrap_or(Path::new("."));
                std::fs::create_dir_all(folder).map_err(failed)?;
                Body::Beside(temporary(folder).map_err(failed)?)
            }
        };
        Ok(Self {
            path: path.to_owned(),
            target,
            out: BufWriter::new(body),
            hash: Sha256::new(),
        })
    }

    /// The target, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of what was written so far.
    pub fn sha256(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    /// Whether a file of another content is at the target.
    pub fn replaces(&self) -> bool {
        let same = |place| sha256_of(place).is_ok_and(|before| before == self.sha256());
        let place = self.target.file().filter(|place| place.exists());
        place.is_some_and(|place| !same(place))
    }

    fn persist(self) -> Result<()> {
        let path = &self.path;
        let failed = |error: io::Error| Error::output(path, error);
        let body = self
            .out
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        match (body, &self.target) {
            (Body::Beside(file), Target::File(place)) => {
                if let Ok(before) = std::fs::metadata(place) {
                    let kept = file.as_file().set_permissions(before.permissions());
                    kept.map_err(failed)?;
                }
                file.persist(place).map_err(|error| failed(error.error))?;
                Ok(())
            }
            (body, target) => match through(body.file(), target.place()) {
                // A reader that has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                done => done.map_err(failed),
            },
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Where a path leads.
#[derive(Debug)]
enum Target {
    /// An ordinary file, or none yet; symbolic links are followed.
    File(PathBuf),
    /// A device, a pipe or an open descriptor.
    Stream(PathBuf),
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let mut place = path.to_owned();
        for _ in 0..LINKS {
            let before = match std::fs::symlink_metadata(&place) {
                Ok(before) => before,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if place.file_name().is_none() {
                        return Err(error);
                    }
                    return Ok(Self::file_at(place));
                }
                Err(error) => return Err(error),
            };
            if before.is_symlink() {
                if is_descriptor(&place) {
                    return Ok(Self::Stream(place));
                }
                let next = std::fs::read_link(&place)?;
                place = place.parent().unwrap_or(Path::new(".")).join(next);
            } else if before.is_dir() {
                return Err(io::Error::other("it is a folder"));
            } else if !before.is_file() {
                return Ok(Self::Stream(place));
            } else if before.permissions().readonly() {
                return Err(io::Error::other("the file is write-protected"));
            } else {
                return Ok(Self::file_at(place));
            }
        }
        Err(io::Error::other(
            "symbolic links lead to each other in a circle",
        ))
    }

    /// A file by its one name: the folder that is really there, and its name in it.
    fn file_at(place: PathBuf) -> Self {
        let folder = match place.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let place = match (std::fs::canonicalize(folder), place.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => place,
        };
        Self::File(place)
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(place) => Some(place),
            Self::Stream(_) => None,
        }
    }

    fn place(&self) -> &Path {
        match self {
            Self::File(place) | Self::Stream(place) => place,
        }
    }
}

/// Whether a path is no ordinary file: a device, a pipe or an open descriptor.
pub fn is_stream(path: &Path) -> bool {
    matches!(Target::of(path), Ok(Target::Stream(_)))
}

/// Whether two paths lead to one ordinary file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    match (Target::of(one), Target::of(other)) {
        (Ok(one), Ok(other)) => one.file().is_some() && one.file() == other.file(),
        _ => false,
    }
}

/// Number of a descriptor that a link of `/proc/PROCESS/fd` stands for.
fn descriptor(place: &Path) -> Option<u32> {
    let number = place.file_name()?.to_str()?.parse().ok()?;
    let folder = std::fs::canonicalize(place.parent()?).ok()?;
    (folder.starts_with("/proc") && folder.ends_with("fd")).then_some(number)
}

fn is_descriptor(place: &Path) -> bool {
    descriptor(place).is_some()
}

/// Copies a whole file into a stream.
fn through(mut body: &File, place: &Path) -> io::Result<()> {
    body.rewind()?;
    let mut stream = open_stream(place)?;
    io::copy(&mut body, &mut stream)?;
    stream.flush()
}

#[cfg(unix)]
fn open_stream(place: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    // Opened anew, a file behind a descriptor would be written from its start.
    let own = std::fs::canonicalize("/proc/self/fd").ok();
    let is_own = own.is_some_and(|own| {
        let folder = place.parent().map(std::fs::canonicalize);
        folder.and_then(io::Result::ok) == Some(own)
    });
    let handle = match descriptor(place).filter(|_| is_own) {
        Some(1) => Some(io::stdout().as_fd().try_clone_to_owned()?),
        Some(2) => Some(io::stderr().as_fd().try_clone_to_owned()?),
        _ => None,
    };
    if let Some(handle) = handle {
        return Ok(File::from(handle));
    }
    let is_pipe = std::fs::metadata(place)?.file_type().is_fifo();
    if !is_pipe {
        return OpenOptions::new().append(true).open(place);
    }
    // A pipe that nobody reads would be waited for without end.
    let start = std::time::Instant::now();
    loop {
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(place);
        match opened {
            Ok(pipe) => {
                rustix::fs::fcntl_setfl(&pipe, OFlags::empty())?;
                return Ok(pipe);
            }
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                if start.elapsed() > PATIENCE {
                    let seconds = PATIENCE.as_secs();
                    let cause = format!("nobody reads the pipe (waited for {seconds} s)");
                    return Err(io::Error::other(cause));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(not(unix))]
fn open_stream(place: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(place)
}

/// A temporary file that is locked as long as its process lives.
pub(super) fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        // Temporary files are private by default; results should obey the usual mask.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    loop {
        let file = builder.tempfile_in(folder)?;
        let swept = matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock));
        // Another process may have taken it for a leftover before it was locked.
        if !swept && file.path().exists() {
            return Ok(file);
        }
    }
}

/// A name in a folder for a folder that is to be removed, and that [`sweep`] removes if that is cut short.
pub(super) fn name_to_sweep(folder: &Path) -> PathBuf {
    folder.join(format!("{PREFIX}{}", std::process::id()))
}

/// Removes the temporary files in a folder whose process is gone, and folders that were to be removed.
pub(super) fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                let _ = std::fs::remove_dir_all(entry.path());
            }
            Ok(kind) if kind.is_file() => {
                if let Ok(file) = OpenOptions::new().write(true).open(entry.path())
                    && file.try_lock().is_ok()
                {
                    let _ = std::fs::remove_file(entry.path());
                }
            }
            _ => {}
        }
    }
}

/// SHA-256 of a file.
pub(super) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    sha256_of_reader(&mut file)
}

/// SHA-256 of what a reader gives.
pub(super) fn sha256_of_reader(reader: &mut impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// SHA-256 of some bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

    #[test]
    fn what_is_replaced_is_named_and_what_is_the_same_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let notes = |content: &[u8]| write_atomically(&path, content).expect("written").notes;
        assert!(notes(b"one").is_empty());
        assert!(notes(b"one").is_empty());
        assert!(notes(b"two")[0].contains("replaced: "));
        let twice = [(path.clone(), Vec::new()), (path.clone(), Vec::new())];
        let error = write_all(&twice).expect_err("one file for two").to_string();
        assert!(error.contains("two results"), "{error}");
        assert_eq!(std::fs::read(&path).expect("kept"), b"two");
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_in_the_making_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let left = folder.path().join(".hif-switch-left");
        std::fs::write(&left, "half").expect("written");
        let draft = Draft::new(&folder.path().join("slow")).expect("begun");
        write_atomically(&folder.path().join("quick"), b"x").expect("written");
        assert!(!left.exists());
        let mut staged = Staged::default();
        staged.push(draft).expect("whole");
        staged.persist().expect("still there");
        assert!(folder.path().join("slow").exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_circles_are_named() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("inner")).expect("made");
        symlink("inner/file", at("link")).expect("linked");
        symlink("link", at("link-to-link")).expect("linked");
        write_atomically(&at("link-to-link"), b"through").expect("written");
        assert!(at("link").is_symlink() && at("link-to-link").is_symlink());
        assert_eq!(std::fs::read(at("inner/file")).expect("there"), b"through");
        assert!(is_same_file(&at("link"), &at("inner/file")));
        symlink("round", at("circle")).expect("linked");
        symlink("circle", at("round")).expect("linked");
        let error = write_atomically(&at("circle"), b"x").expect_err("endless");
        assert!(error.to_string().contains("circle"), "{error}");
        let error = write_atomically(&at("inner"), b"x").expect_err("a folder");
        assert!(error.to_string().contains("it is a folder"), "{error}");
    }
}

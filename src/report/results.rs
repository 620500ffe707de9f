//! The files of one command in `plots/` and `results/`, with the one manifest that names them.
//!
//! Whoever writes next replaces no file in silence: it is said which file, and of which command it was,
//! and the manifest of that command names it no longer.

use super::lock::Lock;
use super::manifest::{Manifest, ResultFile};
use super::output::{Draft, Staged, Written};
use crate::error::Result;
use crate::table::Sheet;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Largest manifest that is read, bytes; it has a line or two per file.
const LARGEST: u64 = 1 << 24;

/// The files of a result in the making.
#[derive(Debug)]
pub struct Results {
    out: PathBuf,
    name: String,
    manifest: Manifest,
    staged: Staged,
}

impl Results {
    /// No files yet, for the folder `out` with the manifest `results/NAME-manifest.json` (`manifest.json`
    /// for an empty name).
    pub fn new(out: &Path, name: &str, manifest: Manifest) -> Self {
        Self {
            out: out.to_owned(),
            name: name.to_owned(),
            manifest,
            staged: Staged::default(),
        }
    }

    /// Adds the table `results/NAME.csv`.
    ///
    /// # Errors
    /// Rows that cannot be made; a file that cannot be written.
    pub fn table(&mut self, name: &str, table: &Sheet<'_>) -> Result<()> {
        self.add(name, |out| table.write_csv(out))
    }

    /// Adds `results/NAME.csv` as `write` gives it.
    ///
    /// # Errors
    /// The error of `write`; a file that cannot be written.
    pub fn add(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        let path = self.out.join("results").join(format!("{name}.csv"));
        self.staged.add(&path, write)
    }

    /// Adds files of a content, with their whole paths.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn files<'a, C: AsRef<[u8]> + 'a>(
        &mut self,
        files: impl IntoIterator<Item = (PathBuf, C)>,
    ) -> Result<()> {
        for (path, content) in files {
            self.staged.add_whole(&path, content.as_ref())?;
        }
        Ok(())
    }

    /// Adds a file that was written elsewhere.
    ///
    /// # Errors
    /// As [`Staged::push`].
    pub fn push(&mut self, draft: Draft) -> Result<()> {
        self.staged.push(draft)
    }

    /// Gives all files their names, the manifest last.
    ///
    /// # Errors
    /// A file that cannot be written; nothing was replaced if it is one of this result.
    pub fn publish(mut self) -> Result<Written> {
        let folder = self.out.join("results");
        let _lock = Lock::wait(&folder.join(".hif-switch.lock"))?;
        let own = match self.name.as_str() {
            "" => "manifest.json".to_owned(),
            name => format!("{name}-manifest.json"),
        };
        let mut files: Vec<ResultFile> = self
            .staged
            .drafts()
            .iter()
            .map(|draft| ResultFile {
                file: self.named(draft.path()),
                sha256: draft.sha256(),
            })
            .collect();
        files.sort_by(|a, b| a.file.cmp(&b.file));
        let mut others = others(&folder);
        let mut notes = self.replaced(&others);
        let before = others.remove(&own);
        notes.extend(self.left(before.as_ref(), &files));
        let mut gone = Vec::new();
        for (name, mut other) in others {
            let count = other.files.len();
            other.files.retain(|theirs| {
                let ours = files.iter().find(|ours| ours.file == theirs.file);
                ours.is_none_or(|ours| ours.sha256 == theirs.sha256)
            });
            let path = folder.join(name);
            if other.files.is_empty() {
                notes.push(format!(
                    "removed: {}, as all files of `{}` were replaced",
                    path.display(),
                    other.command
                ));
                gone.push(path);
            } else if other.files.len() < count {
                self.staged.add_whole(&path, &other.to_json()?)?;
            }
        }
        let changed = self.staged.drafts().len() - files.len();
        self.manifest.files = files;
        let json = self.manifest.to_json()?;
        self.staged.add_whole(&folder.join(own), &json)?;
        let mut written = self.staged.persist()?;
        for path in gone {
            // A manifest of nothing does no harm.
            let _ = std::fs::remove_file(path);
        }
        let last = written.files.len() - 1;
        written.files.drain(last - changed..last);
        written.notes = notes;
        Ok(written)
    }

    /// A path in the folder of the results, as manifests name it.
    fn named(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.out).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    }

    /// Lines on files of another content that are replaced, by the command that made them.
    fn replaced(&self, manifests: &BTreeMap<String, Other>) -> Vec<String> {
        let mut by_command: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for draft in self.staged.drafts().iter().filter(|draft| draft.replaces()) {
            let name = self.named(draft.path());
            let owner = manifests
                .values()
                .find(|other| other.files.iter().any(|theirs| theirs.file == name));
            let command = owner.map_or_else(
                || "which no manifest names".to_owned(),
                |owner| format!("of `{}`", owner.command),
            );
            let path = draft.path().display().to_string();
            by_command.entry(command).or_default().push(path);
        }
        by_command
            .into_iter()
            .map(|(command, files)| format!("replaced: {}, {command}", files.join(", ")))
            .collect()
    }

    /// A line on the files that the manifest of the same name listed before and does not list now.
    fn left(&self, before: Option<&Other>, files: &[ResultFile]) -> Option<String> {
        let before = before?;
        let left: Vec<String> = before
            .files
            .iter()
            .filter(|old| files.iter().all(|new| new.file != old.file))
            .map(|old| self.out.join(&old.file))
            .filter(|path| path.exists())
            .map(|path| path.display().to_string())
            .collect();
        (!left.is_empty()).then(|| {
            format!(
                "left of `{}`, without a manifest from now on: {}",
                before.command,
                left.join(", ")
            )
        })
    }
}

/// The manifest of another result, as it lies on disk.
#[derive(Debug)]
struct Other {
    json: serde_json::Map<String, serde_json::Value>,
    command: String,
    files: Vec<ResultFile>,
}

impl Other {
    fn read(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return None;
        }
        let text = std::fs::read(path).ok()?;
        let json: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&text).ok()?;
        let files: Vec<ResultFile> = serde_json::from_value(json.get("files")?.clone()).ok()?;
        let words = json.get("command")?.as_array()?;
        let words = words.iter().filter_map(serde_json::Value::as_str);
        let command = std::iter::once("hif-switch").chain(words);
        Some(Self {
            command: command.collect::<Vec<_>>().join(" "),
            files,
            json,
        })
    }

    fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = self.json.clone();
        let failed = |error| crate::Error::output("manifest.json", error);
        let files = serde_json::to_value(&self.files).map_err(failed)?;
        json.insert("files".to_owned(), files);
        let mut text = serde_json::to_vec_pretty(&json).map_err(failed)?;
        text.push(b'\n');
        Ok(text)
    }
}

/// The manifests in a folder, by name; what cannot be read as one is none.
fn others(folder: &Path) -> BTreeMap<String, Other> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.to_owned();
            let is_manifest = name == "manifest.json" || name.ends_with("-manifest.json");
            let other = is_manifest.then(|| Other::read(&entry.path()))??;
            Some((name, other))
        })
        .collect()
}

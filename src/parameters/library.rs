//! The parameter files: the shipped set inside the binary, and a user's folder laid over it.

use super::table::ParameterTable;
use crate::error::{Error, Result};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, RwLock};

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/params");

/// A parameter file by name and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Name for messages: `params/biology.toml`, or the user's path.
    pub origin: String,
    /// Content.
    pub text: String,
}

/// A literature reference that parameters point to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Authors, year, journal.
    pub citation: String,
    /// Digital object identifier, where known.
    pub doi: Option<String>,
    /// Number in the reference list of Zeng et al. 2021.
    pub review_number: Option<u32>,
}

/// Path of a file relative to `params/`.
fn path_of(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        format!("{name}.toml")
    } else {
        format!("{folder}/{name}.toml")
    }
}

/// All parameter files, by path relative to `params/`; later documents of a path win.
#[derive(Debug, Clone)]
pub struct Library {
    documents: BTreeMap<String, Vec<Document>>,
    /// Tables that were read once, by path; shared by copies.
    tables: Arc<RwLock<BTreeMap<String, ParameterTable>>>,
}

impl Library {
    /// The set that the program ships with.
    pub fn shipped() -> Self {
        static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
            let mut library = Library {
                documents: BTreeMap::new(),
                tables: Arc::default(),
            };
            library.add_embedded(&SHIPPED);
            library
        });
        LIBRARY.clone()
    }

    fn add_embedded(&mut self, folder: &Dir<'_>) {
        for file in folder.files() {
            let path = file.path().to_string_lossy().replace('\\', "/");
            if let (true, Some(text)) = (path.ends_with(".toml"), file.contents_utf8()) {
                let document = Document {
                    origin: format!("params/{path}"),
                    text: text.to_owned(),
                };
                self.documents.entry(path).or_default().push(document);
            }
        }
        for inner in folder.dirs() {
            self.add_embedded(inner);
        }
    }

    /// The shipped set with the files of `folder` laid over it: numbers key by key, other files
    /// whole; new files add partners, regimens and so on.
    ///
    /// # Errors
    /// A folder that cannot be read, or a file in a place that means nothing.
    pub fn with_overlay(folder: &Path) -> Result<Self> {
        let mut library = Self::shipped();
        library.add_folder(folder, folder)?;
        library.forget_overlaid();
        Ok(library)
    }

    /// Goes on without the tables of other copies that were read before files were laid over theirs.
    fn forget_overlaid(&mut self) {
        let mut tables = self.tables.read().map(|t| t.clone()).unwrap_or_default();
        tables.retain(|path, _| self.documents.get(path).is_some_and(|d| d.len() == 1));
        self.tables = Arc::new(RwLock::new(tables));
    }

    fn add_folder(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let unreadable = |path: &Path, error: std::io::Error| {
            Error::input(
                format!("--params {}", path.display()),
                error.to_string(),
                "give a folder of parameter files as written by `hif-switch params export DIR`",
            )
        };
        let mut entries = std::fs::read_dir(folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(|error| unreadable(folder, error))?;
        entries.sort_by_key(std::fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            if path.is_dir() {
                self.add_folder(root, &path)?;
            } else if path.extension().is_some_and(|e| e == "toml") {
                let text =
                    std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
                let relative = path.strip_prefix(root).unwrap_or(&path);
                let relative = relative.to_string_lossy().replace('\\', "/");
                self.check_place(&relative, &path)?;
                let document = Document {
                    origin: path.display().to_string(),
                    text,
                };
                self.documents.entry(relative).or_default().push(document);
            }
        }
        Ok(())
    }

    /// A file must replace a shipped one or lie in a folder that the program reads.
    fn check_place(&self, relative: &str, path: &Path) -> Result<()> {
        let folder = relative.rsplit_once('/').map_or("", |(folder, _)| folder);
        let known_folders: std::collections::BTreeSet<&str> = self
            .documents
            .keys()
            .filter_map(|known| known.rsplit_once('/').map(|(folder, _)| folder))
            .collect();
        if self.documents.contains_key(relative) || known_folders.contains(folder) {
            return Ok(());
        }
        let top_level = self.documents.keys().filter(|known| !known.contains('/'));
        Err(Error::unknown_name(
            path.display().to_string(),
            "parameter file",
            relative,
            known_folders
                .into_iter()
                .chain(top_level.map(String::as_str)),
        ))
    }

    /// Names of the files in a folder of `params/`, without `.toml`, in alphabetical order.
    pub fn names(&self, folder: &str) -> Vec<&str> {
        self.documents
            .keys()
            .filter_map(|path| {
                path.strip_prefix(folder)?
                    .strip_prefix('/')?
                    .strip_suffix(".toml")
            })
            .collect()
    }

    /// The document that counts at `folder/name.toml`: the user's if there is one.
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn document(&self, folder: &str, name: &str, place: &str) -> Result<&Document> {
        self.layers(folder, name, place)
            .map(|layers| &layers[layers.len() - 1])
    }

    fn layers(&self, folder: &str, name: &str, place: &str) -> Result<&[Document]> {
        self.documents
            .get(&path_of(folder, name))
            .map(Vec::as_slice)
            .ok_or_else(|| {
                let singular = folder.strip_suffix('s').unwrap_or(folder);
                Error::unknown_name(place, singular, name, self.names(folder))
            })
    }

    /// The parameter table of `folder/name.toml`, the user's numbers laid over the shipped ones.
    ///
    /// # Errors
    /// Unknown name, or a file that [`ParameterTable::parse`] refuses.
    pub fn table(&self, folder: &str, name: &str, place: &str) -> Result<ParameterTable> {
        let path = path_of(folder, name);
        if let Some(known) = self.tables.read().ok().and_then(|t| t.get(&path).cloned()) {
            return Ok(known);
        }
        let mut table = ParameterTable::default();
        for document in self.layers(folder, name, place)? {
            table.overlay(&ParameterTable::parse(&document.origin, &document.text)?);
        }
        if let Ok(mut tables) = self.tables.write() {
            tables.insert(path, table.clone());
        }
        Ok(table)
    }

    /// All references by key.
    ///
    /// # Errors
    /// A references file that is not valid.
    pub fn references(&self) -> Result<BTreeMap<String, Reference>> {
        let mut references = BTreeMap::new();
        for (path, documents) in &self.documents {
            if !path.starts_with("references/") {
                continue;
            }
            for document in documents {
                let read: BTreeMap<String, Reference> = toml::from_str(&document.text)
                    .map_err(|error| toml_error(&document.origin, &document.text, &error))?;
                references.extend(read);
            }
        }
        Ok(references)
    }

    /// Every file as shipped, as (relative path, content), for export.
    pub fn shipped_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.documents.iter().filter_map(|(path, layers)| {
            let document = layers.first()?;
            Some((path.as_str(), document.text.as_str()))
        })
    }

    /// Every layer of every file, as (relative path, content), in a fixed order.
    pub fn layers_of_all_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.documents.iter().flat_map(|(path, layers)| {
            layers
                .iter()
                .map(|document| (path.as_str(), document.text.as_str()))
        })
    }
}

/// A TOML or schema error of a whole file as an input error with file and line.
pub(crate) fn toml_error(origin: &str, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| {
        text[..span.start.min(text.len())].matches('\n').count() + 1
    });
    Error::input(
        format!("{origin}:{line}"),
        error.message().to_owned(),
        "mend the line; `hif-switch params export DIR` writes the shipped files as examples",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_laid_over_counts_though_the_shipped_one_was_read_before() {
        let loss = |library: &Library| {
            let table = library.table("", "biology", "test").expect("readable");
            table.number("hif.haf_loss").and_then(|entry| entry.value)
        };
        let before = loss(&Library::shipped());
        let folder = tempfile::tempdir().expect("a folder");
        let entry = "hif.haf_loss = { value = 1.25, unit = \"1/h\", grade = \"user\" }";
        std::fs::write(folder.path().join("biology.toml"), entry).expect("writable");
        let own = Library::with_overlay(folder.path()).expect("valid");
        assert_eq!(loss(&own), Some(1.25));
        assert_eq!(loss(&Library::shipped()), before);
        assert_ne!(before, Some(1.25));
    }
}

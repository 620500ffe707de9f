//! The parameter files: the shipped set inside the binary, and a user's folder laid over it.

use super::aliases::Aliases;
use super::bounds::{FILES, PARAMETER_FILE};
use super::files::read_text;
use super::name::{check_key, check_name, check_partner};
use super::table::ParameterTable;
use crate::error::{Error, Result};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, RwLock};

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/params");

/// Texts and lists of the files of a folder, or of a file; `*` stands for any part of a key. What is not here is a slip.
const TEXTS: [(&str, &[&str]); 9] = [
    ("biology.toml", &["title", "note"]),
    ("aliases.toml", &["vehicle", "sorafenib"]),
    (
        "studies.toml",
        &["sensitivity.parameters", "sensitivity.without"],
    ),
    (
        "settings",
        &[
            "title",
            "note",
            "aliases",
            "default_regimen",
            "environment",
            "burden_unit",
            "plausible_dose",
            "exposure.form",
        ],
    ),
    (
        "phenotypes",
        &[
            "title",
            "note",
            "description",
            "pretreatment.setting",
            "pretreatment.regimen",
        ],
    ),
    ("variants", &["title", "note", "description"]),
    (
        "partners",
        &[
            "name",
            "title",
            "note",
            "aliases",
            "class",
            "review_reference",
            "mechanism",
            "limits",
            "kinetics.*.form",
        ],
    ),
    (
        "trials",
        &["title", "note", "population", "design", "arms", "mode"],
    ),
    (
        "calibrations",
        &["title", "note", "setting", "targets", "parameters"],
    ),
];

/// Folders of files of graded numbers.
const OF_NUMBERS: [&str; 6] = [
    "settings",
    "phenotypes",
    "variants",
    "partners",
    "populations",
    "trials",
];

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
    /// What lies in the user's folder and is not read, for the user to know.
    unread: Vec<String>,
    /// Tables that were read once, by path; shared by copies.
    tables: Arc<RwLock<BTreeMap<String, ParameterTable>>>,
}

impl Library {
    /// The set that the program ships with.
    pub fn shipped() -> Self {
        static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
            let mut library = Library {
                documents: BTreeMap::new(),
                unread: Vec::new(),
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
    /// A folder that cannot be read; a file in a place that means nothing, of a name that differs from a known one in case
    /// only, too large, or no ordinary file.
    pub fn with_overlay(folder: &Path) -> Result<Self> {
        let mut library = Self::shipped();
        let folders = library.folders();
        let mut count = 0;
        for path in entries(folder)? {
            let name = file_name(&path)?;
            if path.is_dir() {
                if !library.is_known_folder(&name, &path, &folders)? {
                    continue;
                }
                for inner in entries(&path)? {
                    let relative = format!("{name}/{}", file_name(&inner)?);
                    library.add_file(&relative, &inner, &mut count)?;
                }
            } else {
                library.add_file(&name, &path, &mut count)?;
            }
        }
        library.forget_overlaid();
        Ok(library)
    }

    /// Goes on without the tables of other copies that were read before files were laid over theirs.
    fn forget_overlaid(&mut self) {
        let mut tables = self.tables.read().map(|t| t.clone()).unwrap_or_default();
        tables.retain(|path, _| self.documents.get(path).is_some_and(|d| d.len() == 1));
        self.tables = Arc::new(RwLock::new(tables));
    }

    /// Folders of parameter files.
    fn folders(&self) -> BTreeSet<String> {
        let paths = self.documents.keys();
        paths
            .filter_map(|path| Some(path.split_once('/')?.0.to_owned()))
            .collect()
    }

    /// Whether a folder of the user's is read; one whose name is nearly a known one is a slip.
    fn is_known_folder(
        &mut self,
        name: &str,
        path: &Path,
        known: &BTreeSet<String>,
    ) -> Result<bool> {
        if known.contains(name) {
            return Ok(true);
        }
        let place = path.display().to_string();
        let folders = known.iter().map(String::as_str);
        if name.to_lowercase().ends_with(".toml") {
            return Err(Error::input(
                place,
                "this is a folder, and its name is that of a parameter file",
                "give a file of this name, or another name to the folder",
            ));
        }
        if let Some(meant) = nearly(name, folders) {
            // The first of what would not be read.
            let inner = entries(path)?
                .first()
                .map(|inner| inner.display().to_string());
            return Err(differs(
                inner.unwrap_or(place),
                "folder of parameter files",
                name,
                meant,
            ));
        }
        self.leave(name, path);
        Ok(false)
    }

    /// Reads a file of the user's, at a path relative to the folder.
    fn add_file(&mut self, relative: &str, path: &Path, count: &mut usize) -> Result<()> {
        let place = path.display().to_string();
        if path.is_dir() {
            return Err(Error::input(
                place,
                "this is a folder within a folder of parameter files, or a link to one",
                "put the files one level up: only those are read",
            ));
        }
        let lower = relative.to_lowercase();
        if !lower.ends_with(".toml") {
            self.leave(relative, path);
            return Ok(());
        }
        if !relative.ends_with(".toml") {
            return Err(differs(place, "parameter file", relative, &lower));
        }
        let known = self.documents.keys().map(String::as_str);
        if let Some(meant) = known
            .clone()
            .find(|known| *known != relative && known.to_lowercase() == lower)
        {
            return Err(differs(place, "parameter file", relative, meant));
        }
        self.check_place(relative, path)?;
        *count += 1;
        FILES.count(*count, "--params")?;
        let remedy = "give a file as written by `hif-switch params export DIR`";
        let text = read_text(path, &PARAMETER_FILE, &place, remedy)?;
        check_names(relative, &place, &text)?;
        let document = Document {
            text,
            origin: place,
        };
        let layers = self.documents.entry(relative.to_owned()).or_default();
        layers.push(document);
        Ok(())
    }

    /// Remembers what is not read; hidden files, of editors and of version control, are nobody's slip.
    fn leave(&mut self, relative: &str, path: &Path) {
        let name = relative.rsplit('/').next().unwrap_or(relative);
        if !name.starts_with('.') {
            self.unread.push(path.display().to_string());
        }
    }

    /// What lies in the user's folder and is not read.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    /// What is to be said of numbers of the user's files that lie outside the range of the number they replace and state
    /// none of their own.
    ///
    /// # Errors
    /// A file that [`ParameterTable::parse`] refuses.
    pub fn implausible(&self) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for (path, layers) in &self.documents {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let shipped = usize::from(SHIPPED.get_file(path).is_some());
            if !OF_NUMBERS.contains(&folder) && path != "biology.toml" {
                continue;
            }
            for document in &layers[shipped..] {
                let over = ParameterTable::parse(&document.origin, &document.text)?;
                let mut stated = self.stated(folder)?;
                for first in &layers[..shipped] {
                    stated.overlay(&ParameterTable::parse(&first.origin, &first.text)?);
                }
                notes.extend(stated.beyond_all(&over));
            }
        }
        Ok(notes)
    }

    /// The numbers that those of the files of a folder stand in place of, beside those of the same file.
    fn stated(&self, folder: &str) -> Result<ParameterTable> {
        let mut stated = ParameterTable::default();
        if ["settings", "phenotypes", "variants"].contains(&folder) {
            stated = self.table("", "biology", "params")?;
        }
        if ["phenotypes", "variants"].contains(&folder) {
            for setting in self.names("settings") {
                stated.overlay(&self.table("settings", setting, "params")?);
            }
        }
        Ok(stated)
    }

    /// A file must replace a shipped one or lie in a folder that the program reads.
    fn check_place(&self, relative: &str, path: &Path) -> Result<()> {
        if relative.contains('/') || self.documents.contains_key(relative) {
            return Ok(());
        }
        let folders = self.folders();
        let top_level = self.documents.keys().filter(|known| !known.contains('/'));
        Err(Error::unknown_name(
            path.display().to_string(),
            "parameter file",
            relative,
            folders
                .iter()
                .map(String::as_str)
                .chain(top_level.map(String::as_str)),
        ))
    }

    /// The setting that a name or one of its usual spellings means.
    ///
    /// # Errors
    /// As [`Aliases::resolve`].
    pub fn setting(&self, text: &str, place: &str) -> Result<String> {
        let settings = Aliases::read(self, "settings", "setting", &[])?;
        Ok(settings.resolve(text, place)?.to_owned())
    }

    /// The partner that a name or one of its usual spellings means.
    ///
    /// # Errors
    /// As [`Aliases::resolve`].
    pub fn partner(&self, text: &str, place: &str) -> Result<String> {
        let partners = Aliases::read(self, "partners", "partner", &[])?;
        Ok(partners.resolve(text, place)?.to_owned())
    }

    /// Folder and name of every file of graded numbers.
    pub fn files_of_numbers(&self) -> Vec<(&'static str, &str)> {
        let mut files = vec![("", "biology")];
        for folder in OF_NUMBERS {
            files.extend(self.names(folder).into_iter().map(|name| (folder, name)));
        }
        files
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
        if let Some((_, known)) = TEXTS.iter().find(|(of, _)| *of == folder || *of == path) {
            table.check_texts(known)?;
        }
        if let Ok(mut tables) = self.tables.write() {
            tables.insert(path, table.clone());
        }
        Ok(table)
    }

    /// The library with other values of some numbers, in the units of their files: paths and values by file, as
    /// in `settings/xenograft`.
    ///
    /// # Errors
    /// As [`table`](Self::table).
    pub fn with_values(&self, values: &BTreeMap<&str, Vec<(&str, f64)>>) -> Result<Self> {
        let mut tables = self.tables.read().map(|t| t.clone()).unwrap_or_default();
        for (file, numbers) in values {
            let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
            let mut table = self.table(folder, name, "params")?;
            for (path, value) in numbers {
                table.replace_value(path, *value);
            }
            tables.insert(path_of(folder, name), table);
        }
        Ok(Self {
            tables: Arc::new(RwLock::new(tables)),
            ..self.clone()
        })
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

/// What lies in a folder of the user's, in alphabetical order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(|entries| {
            let paths = entries.map(|entry| Ok(entry?.path()));
            paths.collect::<std::io::Result<Vec<_>>>()
        })
        .map_err(|error| {
            Error::input(
                format!("--params {}", folder.display()),
                error.to_string(),
                "give a folder of parameter files as written by `hif-switch params export DIR`",
            )
        })?;
    entries.sort();
    Ok(entries)
}

fn file_name(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| {
        Error::input(
            path.display().to_string(),
            "the name is not in UTF-8",
            "rename the file: names of files are names of partners, regimens and so on",
        )
    })
}

/// The known name that is meant by one that differs in case, or by a letter.
fn nearly<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .filter(|known| strsim::damerau_levenshtein(known, &lower) <= 1)
        .min_by_key(|known| strsim::damerau_levenshtein(known, &lower))
}

/// A name that differs from the one that is read.
fn differs(place: String, what: &str, name: &str, meant: &str) -> Error {
    let only_case = name.to_lowercase() == meant.to_lowercase();
    let how = if only_case { " in case only" } else { "" };
    Error::input(
        place,
        format!("`{name}` is no {what}: it differs from `{meant}`{how}, and would not be read"),
        format!("rename it to `{meant}`"),
    )
}

/// Checks the name of a file, its keys, and what its entries are called.
fn check_names(relative: &str, origin: &str, text: &str) -> Result<()> {
    let (folder, file) = relative.rsplit_once('/').unwrap_or(("", relative));
    let name = file.strip_suffix(".toml").unwrap_or(file);
    match folder {
        "partners" => check_partner(name, origin)?,
        folder => {
            let singular = folder.strip_suffix('s').unwrap_or("file");
            check_name(name, singular, origin)?;
        }
    }
    // A file that is no TOML is refused with its line by whoever reads it.
    match text.parse::<toml::Table>() {
        Ok(table) => check_entries(&table, origin),
        Err(_) => Ok(()),
    }
}

fn check_entries(table: &toml::Table, origin: &str) -> Result<()> {
    for (key, value) in table {
        let place = format!("{origin}, key `{}`", key.escape_debug());
        check_key(key, &place)?;
        match value {
            toml::Value::String(name) if key == "id" || key == "name" => {
                check_name(name, "entry", &place)?;
            }
            value => check_below(value, origin)?,
        }
    }
    Ok(())
}

fn check_below(value: &toml::Value, origin: &str) -> Result<()> {
    match value {
        toml::Value::Table(table) => check_entries(table, origin),
        toml::Value::Array(values) => values
            .iter()
            .try_for_each(|value| check_below(value, origin)),
        _ => Ok(()),
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
    fn the_shipped_names_pass_the_check_of_names() {
        let library = Library::shipped();
        let mut count = 0;
        for (path, text) in library.shipped_files() {
            check_names(path, path, text).expect(path);
            count += 1;
        }
        assert!(count > 50, "{count} files");
    }

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

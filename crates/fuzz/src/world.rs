//! What the shipped files hold, for generators that change it.

use hif_switch::parameters::{Entry, Library};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// A graded number of a shipped file.
#[derive(Debug, Clone)]
pub struct Number {
    /// Path in its file.
    pub path: String,
    /// What is known of it.
    pub entry: Entry,
}

/// The shipped files.
pub struct World {
    /// The shipped library.
    pub library: Library,
    numbers: BTreeMap<(String, String), Vec<Number>>,
    documents: BTreeMap<(String, String), Table>,
}

/// Settings, and a length that is cheap in each, d.
pub const SETTINGS: [&str; 3] = ["culture", "xenograft", "patient"];

impl World {
    /// Reads the shipped files.
    ///
    /// # Errors
    /// A shipped file that cannot be read.
    pub fn new() -> Result<Self, String> {
        let library = Library::shipped();
        let mut world = Self {
            numbers: BTreeMap::new(),
            documents: BTreeMap::new(),
            library,
        };
        for (path, text) in world.library.shipped_files() {
            let name = path.trim_end_matches(".toml");
            let (folder, name) = name.rsplit_once('/').unwrap_or(("", name));
            let key = (folder.to_owned(), name.to_owned());
            if let Ok(table) = world.library.table(folder, name, "fuzz") {
                let numbers = table.numbers().map(|(path, entry)| Number {
                    path: path.to_owned(),
                    entry: entry.clone(),
                });
                world.numbers.insert(key.clone(), numbers.collect());
            }
            let document = text.parse().map_err(|error| format!("{path}: {error}"))?;
            world.documents.insert(key, document);
        }
        Ok(world)
    }

    /// Names of the files of a folder.
    pub fn names(&self, folder: &str) -> Vec<&str> {
        self.library.names(folder)
    }

    /// The numbers of a file.
    pub fn numbers(&self, folder: &str, name: &str) -> &[Number] {
        let key = (folder.to_owned(), name.to_owned());
        self.numbers.get(&key).map_or(&[], Vec::as_slice)
    }

    /// A file as a table.
    pub fn document(&self, folder: &str, name: &str) -> Table {
        let key = (folder.to_owned(), name.to_owned());
        self.documents.get(&key).cloned().unwrap_or_default()
    }

    /// The tables of a list of a file, such as its claims.
    pub fn items(&self, folder: &str, name: &str, list: &str) -> Vec<Table> {
        match self.document(folder, name).remove(list) {
            Some(Value::Array(items)) => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::Table(table) => Some(table),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

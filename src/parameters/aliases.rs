//! Names as people write them.

use super::library::Library;
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// The names of the files of a folder of `params/`, and what else each of them answers to.
///
/// Case, spaces, hyphens and underscores do not count: `PT-2385` and `pt 2385` are `pt2385`. Further spellings stand in the
/// list `aliases` of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aliases {
    what: &'static str,
    names: Vec<String>,
    /// Names by the spelling that is left without what does not count.
    spellings: BTreeMap<String, Vec<String>>,
}

/// A spelling without what does not count.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_' | '‐' | '‑' | '–'))
        .flat_map(char::to_lowercase)
        .collect()
}

impl Aliases {
    /// The names of `params/FOLDER` (`what` in messages), beside some that are no files, each with its aliases.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(
        library: &Library,
        folder: &str,
        what: &'static str,
        others: &[(&str, &[String])],
    ) -> Result<Self> {
        let mut aliases = Self {
            what,
            names: Vec::new(),
            spellings: BTreeMap::new(),
        };
        for (name, own) in others {
            aliases.add(name, own);
        }
        for name in library.names(folder) {
            let table = library.table(folder, name, "params")?;
            aliases.add(name, table.list("aliases").unwrap_or_default());
        }
        Ok(aliases)
    }

    fn add(&mut self, name: &str, own: &[String]) {
        self.names.push(name.to_owned());
        for spelling in std::iter::once(name).chain(own.iter().map(String::as_str)) {
            let names = self.spellings.entry(bare(spelling)).or_default();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }

    /// The name that a spelling means.
    ///
    /// # Errors
    /// No such name (with the nearest), or more than one.
    pub fn resolve(&self, text: &str, place: &str) -> Result<&str> {
        if let Some(exact) = self.names.iter().find(|name| *name == text) {
            return Ok(exact);
        }
        match self.spellings.get(&bare(text)).map(Vec::as_slice) {
            Some([name]) => Ok(name),
            Some(several) if several.len() > 1 => Err(Error::input(
                place,
                format!("the {} `{text}` is ambiguous", self.what),
                format!("name one of: {}", several.join(", ")),
            )),
            _ => Err(Error::unknown_name(
                place,
                self.what,
                text,
                self.names.iter().map(String::as_str),
            )),
        }
    }
}

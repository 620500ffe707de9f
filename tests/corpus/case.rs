//! An input with what is expected of it, as a small TOML file.
//!
//! The tests of the program read these files too, and run them with the program itself.

use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is to become of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// Done or refused: the program decides, and must not fail to answer.
    #[default]
    Any,
    /// Exit code 0.
    Done,
    /// Another exit code.
    Refused,
}

/// A file, folder, link or pipe that is there before the command runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it is.
    pub path: String,
    /// Content that is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Content that is none, as hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// To where a symbolic link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether it is a folder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folder: bool,
    /// Whether it is a pipe that nothing is ever written to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pipe: bool,
}

impl File {
    /// A file of a content.
    pub fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        let path = path.into();
        match String::from_utf8(content.into()) {
            Ok(text) => Self {
                path,
                text: Some(text),
                ..Self::default()
            },
            Err(error) => Self {
                path,
                hex: Some(
                    error
                        .as_bytes()
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect(),
                ),
                ..Self::default()
            },
        }
    }

    /// Its bytes; `None` for what is no file.
    pub fn content(&self) -> Option<Vec<u8>> {
        let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        match (&self.text, &self.hex) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(hex)) => hex.as_bytes().chunks(2).map(byte).collect(),
            (None, None) => None,
        }
    }

    /// Puts it into a folder.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn put(&self, root: &Path) -> std::io::Result<()> {
        let path = root.join(&self.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if let Some(content) = self.content() {
            return std::fs::File::create(&path)?.write_all(&content);
        }
        if self.folder {
            return std::fs::create_dir_all(&path);
        }
        #[cfg(unix)]
        if let Some(target) = &self.link {
            return std::os::unix::fs::symlink(target, &path);
        }
        if self.pipe {
            let made = std::process::Command::new("mkfifo").arg(&path).status()?;
            return match made.success() {
                true => Ok(()),
                false => Err(std::io::Error::other("mkfifo failed")),
            };
        }
        Err(std::io::Error::other(format!(
            "`{}` is no file, folder, link or pipe",
            self.path
        )))
    }
}

/// A change of a file that a command before has written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file.
    pub path: String,
    /// A text in it, and what stands in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<(String, String)>,
    /// How many bytes are lost at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<usize>,
    /// What stands in place of the last cell of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_cell: Option<String>,
    /// Two columns of a table that change places, header and all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<(usize, usize)>,
}

impl Edit {
    /// Changes the file.
    ///
    /// # Errors
    /// A file that cannot be read or written, or in which there is nothing to change.
    pub fn make(&self, root: &Path) -> std::io::Result<()> {
        let path = root.join(&self.path);
        let before = std::fs::read_to_string(&path)?;
        let mut text = before.clone();
        if let Some((from, to)) = &self.replace {
            text = text.replacen(from, to, 1);
        }
        if let Some(cut) = self.cut {
            text.truncate(text.len().saturating_sub(cut));
        }
        if let Some(cell) = &self.last_cell {
            let start = text.rfind(',').map_or(0, |at| at + 1);
            text = format!("{}{cell}\n", &text[..start]);
        }
        if let Some((one, other)) = self.swap {
            let swapped = |line: &str| {
                let mut cells: Vec<&str> = line.split(',').collect();
                if one.max(other) < cells.len() {
                    cells.swap(one, other);
                }
                cells.join(",") + "\n"
            };
            text = text.lines().map(swapped).collect();
        }
        if text == before {
            return Err(std::io::Error::other(format!(
                "nothing changes in {}",
                self.path
            )));
        }
        std::fs::write(path, text)
    }
}

/// A run that is made in lanes and alone, if it is accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Setting.
    pub setting: String,
    /// Arm.
    pub arm: String,
    /// Regimen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regimen: Option<String>,
    /// Phenotype.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phenotype: Option<String>,
    /// Variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Length, d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<String>,
    /// Amount of every dose of sorafenib.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dose: Option<String>,
    /// Parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// Folder of parameter files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<String>,
}

impl Run {
    /// The command that makes it alone.
    pub fn command(&self) -> Vec<String> {
        let mut command = vec!["simulate".to_owned()];
        let mut add = |option: &str, value: Option<&String>| {
            if let Some(value) = value {
                command.extend([option.to_owned(), value.clone()]);
            }
        };
        add("--setting", Some(&self.setting));
        add("--arm", Some(&self.arm));
        add("--regimen", self.regimen.as_ref());
        add("--phenotype", self.phenotype.as_ref());
        add("--variant", self.variant.as_ref());
        add("--mode", self.mode.as_ref());
        add("--days", self.days.as_ref());
        add("--dose", self.dose.as_ref());
        add("--params", self.params.as_ref());
        for set in &self.set {
            add("--set", Some(set));
        }
        command
    }
}

/// An input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is, in a line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// What is to become of it.
    #[serde(default)]
    pub expect: Expect,
    /// What its error has to contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
    /// What it has to print to standard output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prints: Vec<String>,
    /// What it must not print to standard output or standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<String>,
    /// Files that it has to leave, with something in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaves: Vec<String>,
    /// Variables of its environment.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub environment: std::collections::BTreeMap<String, String>,
    /// Where its standard output goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Commands before it, which prepare it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Vec<String>>,
    /// The command, without the program's name.
    pub command: Vec<String>,
    /// What is there before.
    #[serde(default, rename = "file", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// What is changed between.
    #[serde(default, rename = "edit", skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// What is in the files afterwards, if the command is done.
    #[serde(default, rename = "result", skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<File>,
    /// The run whose endpoints do not depend on the way in which it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agree: Option<Run>,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The command for the program itself: what the fuzzer reads alone is part of `params check`.
    pub fn for_program(&self) -> Vec<String> {
        match self.command.as_slice() {
            [read, _, _, folder] if read == "read" => ["params", "check", "--params", folder]
                .map(str::to_owned)
                .into(),
            command => command.to_vec(),
        }
    }

    /// The case as the text of a file.
    ///
    /// # Errors
    /// What TOML cannot hold.
    pub fn write(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|error| error.to_string())
    }
}

/// Whether an error has a place, a problem and a remedy; else what it lacks.
pub fn lacking(message: &str) -> Option<&'static str> {
    let Some((first, remedy)) = message.split_once("\n  remedy: ") else {
        return Some("no remedy");
    };
    if remedy.trim().len() < 4 {
        return Some("an empty remedy");
    }
    // Places of input end in a colon; runs and outputs are named in a sentence.
    let sentence = first.starts_with("the run `") || first.starts_with("cannot write `");
    let (place, problem) = first.split_once(": ").unwrap_or(("", first));
    if !sentence && place.trim().is_empty() {
        return Some("no place");
    }
    if problem.trim().is_empty() {
        return Some("no problem");
    }
    None
}

/// Everything below a folder by its path: the content of files, `None` for links and pipes.
///
/// # Errors
/// What the operating system says.
pub fn listing(
    root: &Path,
) -> std::io::Result<std::collections::BTreeMap<PathBuf, Option<Vec<u8>>>> {
    let mut found = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let content = match kind.is_file() {
                true => Some(std::fs::read(&path)?),
                false => None,
            };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
            found.insert(relative, content);
        }
    }
    Ok(found)
}

/// What is wrong with a file that a command has left, by the ending of its name: a file is whole or not there.
pub fn not_whole(path: &Path, content: &[u8]) -> Option<&'static str> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with(".hif-switch-") || name.starts_with(".tmp") {
        return Some("a temporary file is left");
    }
    let text = || String::from_utf8_lossy(content);
    let ends = |end: &str| text().trim_end().ends_with(end);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv" | "tsv") => {
            let text = text();
            let width = |line: &str| line.matches(',').count();
            let first = text.lines().next().map_or(0, width);
            let quoted = text.contains('"');
            // The last line of a part is its checksum.
            let part = name.starts_with("part-");
            let even = quoted || part || text.lines().all(|line| width(line) == first);
            (!even || !text.ends_with('\n')).then_some("a table with a row that is cut off")
        }
        Some("json") => serde_json::from_slice::<serde_json::Value>(content)
            .is_err()
            .then_some("JSON that cannot be read"),
        Some("svg") => (!ends("</svg>")).then_some("a figure that is cut off"),
        Some("html") => (!ends("</html>")).then_some("a page that is cut off"),
        Some("xml") => (!ends(">")).then_some("XML that is cut off"),
        Some("png") => {
            let whole = content.starts_with(b"\x89PNG")
                && content.len() > 12
                && content[content.len() - 8..].starts_with(b"IEND");
            (!whole).then_some("a picture that is cut off")
        }
        Some("parquet") => {
            let whole = content.starts_with(b"PAR1") && content.ends_with(b"PAR1");
            (!whole).then_some("Parquet that is cut off")
        }
        _ => None,
    }
}

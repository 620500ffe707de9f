//! Rows of a study on disk, part by part, so that a study can be shared out, stopped and continued.
//!
//! A folder of parts holds `plan.json`, which says what study the parts belong to, and a CSV file per
//! part. Every file is written under another name and renamed: a part is whole or not there, whatever
//! happens to the process. Numbers are written so that they are read back to the last bit. Both carry
//! checksums, and each part the hash of its study: what was cut, changed, renamed or mixed is refused.
//! Shards of one study may share a folder: each part is written by one of them. A second process for the
//! same parts is refused by a lock, which a process that is killed gives back.

use super::joined::Joined;
use super::lock::{Hold, Lock};
use super::manifest::Manifest;
use super::output::{self, Draft, sha256, write_atomically};
use super::part::{Part, csv_rows};
use crate::error::{Error, Result};
use crate::study::plan::{Field, Plan, Row};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A part of a study's parts: number `index` (from 1) of `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Number, from 1.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

impl Shard {
    /// Reads `2/8`.
    ///
    /// # Errors
    /// Another form, or a number that is not from 1 to the count.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some((index.trim().parse().ok()?, count.trim().parse().ok()?))
        });
        match numbers {
            Some((index, count)) if index >= 1 && index <= count => Ok(Self { index, count }),
            _ => Err(Error::input(
                format!("{place} {text}"),
                "this is no part of a whole",
                "write --shard 1/8 to --shard 8/8",
            )),
        }
    }
}

/// What study the parts of a folder belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Name and version of the program.
    pub program: String,
    /// SHA-256 over all parameter files.
    pub parameters_sha256: String,
    /// Method and tolerances.
    pub accuracy: String,
    /// Seed.
    pub seed: u64,
    /// SHA-256 of everything else that decides the rows.
    pub study_sha256: String,
    /// Rows of the study.
    pub rows: usize,
    /// Rows per part.
    pub part_rows: usize,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Units of the columns.
    pub units: Vec<String>,
    /// Command line after the program's name, without what only says where and how much of it to run.
    pub command: Vec<String>,
    /// SHA-256 of all of this.
    pub sha256: String,
}

impl Header {
    /// The header of a plan.
    ///
    /// # Errors
    /// More parts than a folder can hold.
    pub fn new(manifest: &Manifest, seed: u64, plan: &dyn Plan, part_rows: usize) -> Result<Self> {
        let fields = plan.fields();
        let mut header = Self {
            program: manifest.program.clone(),
            parameters_sha256: manifest.parameters_sha256.clone(),
            accuracy: format!("{:?}", manifest.accuracy),
            seed,
            study_sha256: sha256(plan.identity().as_bytes()),
            rows: plan.rows(),
            part_rows,
            columns: fields.iter().map(|field| field.name.clone()).collect(),
            units: fields.iter().map(|field| field.unit.clone()).collect(),
            command: manifest.command.clone(),
            sha256: String::new(),
        };
        header.sha256 = header.checksum();
        header.check_sizes("--part-rows")?;
        Ok(header)
    }

    /// SHA-256 that names the study in each of its parts: of all that decides their rows. The command is
    /// not among it, as one study can be asked for in several ways.
    pub fn study(&self) -> String {
        let deciding = Self {
            command: Vec::new(),
            ..self.clone()
        };
        deciding.checksum()
    }

    /// SHA-256 of everything but itself.
    fn checksum(&self) -> String {
        let mut plain = self.clone();
        plain.sha256.clear();
        // Text and whole numbers can always be written.
        sha256(&serde_json::to_vec(&plain).unwrap_or_default())
    }

    /// Refuses numbers of rows that no study has.
    fn check_sizes(&self, place: &str) -> Result<()> {
        let problem = if self.part_rows == 0 {
            "`part_rows` is 0: there would be parts without rows".to_owned()
        } else if self.parts() > MOST_PARTS {
            format!(
                "{} rows in parts of {} (`part_rows`) make {} parts",
                self.rows,
                self.part_rows,
                self.parts()
            )
        } else if self.columns.len() != self.units.len() {
            let (columns, units) = (self.columns.len(), self.units.len());
            format!("there are {columns} `columns` and {units} `units`")
        } else {
            return Ok(());
        };
        Err(Error::input(
            place,
            problem,
            format!("a folder has at most {MOST_PARTS} parts; give more rows per part"),
        ))
    }

    /// Number of parts.
    pub fn parts(&self) -> usize {
        self.rows.div_ceil(self.part_rows)
    }

    /// Rows of a part.
    pub fn range(&self, part: usize) -> Range<usize> {
        let start = part * self.part_rows;
        start..(start + self.part_rows).min(self.rows)
    }

    /// Refuses a header of another version, parameters, seed, accuracy or study.
    ///
    /// # Errors
    /// Names what differs.
    pub fn check(&self, other: &Self, place: &Path) -> Result<()> {
        let seeds = (self.seed.to_string(), other.seed.to_string());
        let commands = (self.command.join(" "), other.command.join(" "));
        let same_study = self.study_sha256 == other.study_sha256
            && self.rows == other.rows
            && self.part_rows == other.part_rows
            && self.columns == other.columns
            && self.units == other.units;
        let same_parameters = self.parameters_sha256 == other.parameters_sha256;
        let differs = [
            (
                "version",
                self.program == other.program,
                &self.program,
                &other.program,
            ),
            (
                "set of parameter files",
                same_parameters,
                &self.parameters_sha256,
                &other.parameters_sha256,
            ),
            ("seed", self.seed == other.seed, &seeds.0, &seeds.1),
            (
                "accuracy",
                self.accuracy == other.accuracy,
                &self.accuracy,
                &other.accuracy,
            ),
            ("study", same_study, &commands.0, &commands.1),
        ]
        .into_iter()
        .find(|(_, same, _, _)| !same);
        match differs {
            None => Ok(()),
            Some((what, _, wanted, found)) => Err(Error::input(
                place.display().to_string(),
                format!("the parts are of another {what}: {found} instead of {wanted}"),
                "join parts of one study only; remove the folder to start anew",
            )),
        }
    }
}

const HEADER: &str = "plan.json";

/// The lock of a folder of parts: held alone by whoever runs or joins the whole study, shared by shards.
const LOCK: &str = "lock";

/// Most parts of a study, each of them a file.
const MOST_PARTS: usize = 1_000_000;

/// Largest `plan.json` that is read, bytes.
const LARGEST_HEADER: u64 = 1 << 24;

/// What is done with the parts of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The whole study is run, without what is there.
    Anew,
    /// The whole study is run; finished parts are kept.
    Resume,
    /// A shard is run beside others; finished parts are kept.
    Shard(Shard),
}

/// A folder of parts, which is locked as long as it is open.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// What the parts belong to.
    pub header: Header,
    /// Parts that were thrown away, and of which command they were.
    pub discarded: Option<(usize, String)>,
    study: String,
    /// Held, and given back when the store is dropped.
    _locks: Vec<Lock>,
}

impl Store {
    /// Opens or makes the folder of a study.
    ///
    /// # Errors
    /// Another process at the same work; parts of another study; a folder that cannot be read or written.
    pub fn open(folder: PathBuf, header: Header, access: Access) -> Result<Self> {
        let hold = match access {
            Access::Anew | Access::Resume => Hold::Alone,
            Access::Shard(_) => Hold::Shared,
        };
        let mut locks = vec![Lock::take(&folder.join(LOCK), hold, AT_WORK)?];
        if let Access::Shard(Shard { index, count }) = access {
            let file = folder.join(format!("shard-{index}-of-{count}.lock"));
            let what = format!("runs shard {index}/{count} in this folder");
            locks.push(Lock::take(&file, Hold::Alone, &what)?);
        }
        output::sweep(&folder);
        let mut store = Self {
            study: header.study(),
            folder,
            header,
            discarded: None,
            _locks: locks,
        };
        if access == Access::Anew {
            store.discard()?;
        }
        if !store.folder.join(HEADER).exists() {
            store.write_header()?;
        }
        store
            .header
            .check(&read_header(&store.folder)?, &store.folder)?;
        Ok(store)
    }

    /// An existing folder of parts, whole or not.
    ///
    /// # Errors
    /// A folder without a readable `plan.json`, or in which a process is at work.
    pub fn existing(folder: PathBuf) -> Result<Self> {
        let header = read_header(&folder)?;
        let lock = match Lock::take(&folder.join(LOCK), Hold::Alone, AT_WORK) {
            // Parts can be joined from where nothing can be written.
            Err(Error::Output { .. }) => None,
            taken => Some(taken?),
        };
        Ok(Self {
            study: header.study(),
            folder,
            header,
            discarded: None,
            _locks: lock.into_iter().collect(),
        })
    }

    /// Where the parts are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a part.
    pub fn part(&self, part: usize) -> PathBuf {
        self.folder.join(format!("part-{part:08}.csv"))
    }

    /// Parts of a shard (or all) that are not there; those that are there are checked.
    ///
    /// # Errors
    /// A part that is not as it was written, or of no or another study.
    pub fn missing(&self, shard: Option<Shard>) -> Result<Vec<usize>> {
        let mine = |part: &usize| shard.is_none_or(|s| part % s.count + 1 == s.index);
        let there = self.there()?;
        for number in there.iter().copied().filter(mine) {
            let path = self.part(number);
            self.sealed(number, &path).check()?;
        }
        let absent = (0..self.header.parts()).filter(|part| !there.contains(part));
        Ok(absent.filter(mine).collect())
    }

    /// The parts that are there.
    fn there(&self) -> Result<BTreeSet<usize>> {
        let mut there = BTreeSet::new();
        for path in entries_of(&self.folder) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some(number) = name
                .strip_prefix("part-")
                .and_then(|name| name.strip_suffix(".csv"))
            else {
                continue;
            };
            let known = number
                .parse()
                .ok()
                .filter(|number| *number < self.header.parts() && self.part(*number) == path);
            let number = known.ok_or_else(|| {
                Error::input(
                    path.display().to_string(),
                    "the study has no part of this name",
                    format!(
                        "remove the file; parts go from part-00000000.csv to {}",
                        self.part(self.header.parts().saturating_sub(1)).display()
                    ),
                )
            })?;
            there.insert(number);
        }
        Ok(there)
    }

    fn sealed<'a>(&'a self, number: usize, path: &'a Path) -> Part<'a> {
        Part {
            path,
            study: &self.study,
            number,
        }
    }

    /// Writes the rows of a part.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, part: usize, rows: &[Row]) -> Result<()> {
        let path = self.part(part);
        let content = csv_rows(&self.header.columns, rows).map_err(|e| Error::output(&path, e))?;
        write_atomically(&path, &self.sealed(part, &path).seal(content))?;
        Ok(())
    }

    /// Copies a part of the same study from another folder.
    ///
    /// # Errors
    /// A part that is not as it was written; a file that cannot be written.
    pub fn copy(&self, from: &Self, part: usize) -> Result<()> {
        let (source, path) = (from.part(part), self.part(part));
        from.sealed(part, &source).check()?;
        let content = std::fs::read(&source).map_err(|error| Error::output(&path, error))?;
        write_atomically(&path, &content)?;
        Ok(())
    }

    /// Reads the rows of a part.
    ///
    /// # Errors
    /// A file that is missing or not as it was written.
    pub fn read(&self, part: usize) -> Result<Vec<Row>> {
        let path = self.part(part);
        let part_file = self.sealed(part, &path);
        part_file.read(&self.header.columns, self.header.range(part))
    }

    /// Writes all rows as CSV and Parquet, a part at a time, and gives them back as they lie on disk; both
    /// files get their names with the other results.
    ///
    /// # Errors
    /// A part that is missing or broken; a file that cannot be written.
    pub fn join(&self, csv: &Path, parquet: &Path) -> Result<(Joined, [Draft; 2])> {
        let mut rows_csv = Draft::new(csv)?;
        let mut rows_parquet = Draft::new(parquet)?;
        let mut joined = Joined::new(csv, self.header.columns.len())?;
        let failed = |error: &dyn std::fmt::Display| Error::output(parquet, error);
        let schema = Arc::new(self.schema());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(self.header.program.clone())
            .set_max_row_group_row_count(Some(1 << 16))
            .build();
        let mut writer = ArrowWriter::try_new(&mut rows_parquet, schema.clone(), Some(properties))
            .map_err(|error| failed(&error))?;
        for part in 0..self.header.parts() {
            let rows = self.read(part)?;
            let text = csv_rows(&self.header.columns, &rows).map_err(|e| Error::output(csv, e))?;
            let from = match part {
                0 => 0,
                // The header stands once.
                _ => text
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(0, |at| at + 1),
            };
            rows_csv
                .write_all(&text[from..])
                .map_err(|e| Error::output(csv, e))?;
            let batch =
                RecordBatch::try_new(schema.clone(), columns(&rows, self.header.columns.len()))
                    .map_err(|error| failed(&error))?;
            writer.write(&batch).map_err(|error| failed(&error))?;
            joined.push(&rows)?;
        }
        writer.close().map_err(|error| failed(&error))?;
        Ok((joined.finish()?, [rows_csv, rows_parquet]))
    }

    fn schema(&self) -> Schema {
        let field = |name: &str, kind: DataType, unit: &str| {
            let metadata = HashMap::from([("unit".to_owned(), unit.to_owned())]);
            arrow_schema::Field::new(name, kind, true).with_metadata(metadata)
        };
        let head = [
            field("row", DataType::Float64, ""),
            field("failure", DataType::Utf8, ""),
        ];
        let numbers = self.header.columns.iter().zip(&self.header.units);
        let numbers = numbers.map(|(name, unit)| field(name, DataType::Float64, unit));
        Schema::new(head.into_iter().chain(numbers).collect::<Vec<_>>())
    }

    /// Removes the folder of a study that is done; what is not of the study stays.
    ///
    /// The folder goes under another name first: after a kill there are all parts or none.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn remove(mut self) -> Result<()> {
        let is_foreign = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            !self.is_own(path) && name != HEADER && name != LOCK
        };
        if entries_of(&self.folder).iter().any(is_foreign) {
            return self.discard();
        }
        let failed = |error: std::io::Error| Error::output(&self.folder, error);
        let beside = self.folder.parent().unwrap_or(Path::new("."));
        let gone = output::name_to_sweep(beside);
        match std::fs::rename(&self.folder, &gone) {
            Ok(()) => std::fs::remove_dir_all(&gone).map_err(failed),
            // Where a folder with open files cannot be renamed.
            Err(_) => self.discard(),
        }
    }

    /// Removes the parts and then the plan, so that a kill in between leaves parts that their plan names.
    fn discard(&mut self) -> Result<()> {
        let path = self.folder.join(HEADER);
        let command = read_header(&self.folder)
            .map(|header| format!("`hif-switch {}`", header.command.join(" ")));
        let mut count = 0;
        let mut files = entries_of(&self.folder);
        files.retain(|file| self.is_own(file) && !file.is_dir());
        for file in files {
            count += usize::from(file.extension().is_some_and(|ending| ending == "csv"));
            std::fs::remove_file(&file).map_err(|error| Error::output(&file, error))?;
        }
        if path.exists() {
            std::fs::remove_file(&path).map_err(|error| Error::output(&path, error))?;
        }
        if count > 0 {
            let command =
                command.unwrap_or_else(|_| "a study whose plan.json is damaged".to_owned());
            self.discarded = Some((count, command));
        }
        Ok(())
    }

    /// Whether a file is a part or the lock of a shard, by its name.
    fn is_own(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (name.starts_with("part-") && name.ends_with(".csv"))
            || (name.starts_with("shard-") && name.ends_with(".lock"))
    }

    /// Writes `plan.json`; another shard may have been first.
    fn write_header(&self) -> Result<()> {
        let path = self.folder.join(HEADER);
        let failed = |error: std::io::Error| Error::output(&path, error);
        let json =
            serde_json::to_vec_pretty(&self.header).map_err(|error| Error::output(&path, error))?;
        let mut file = output::temporary(&self.folder).map_err(failed)?;
        file.write_all(&json).map_err(failed)?;
        match file.persist_noclobber(&path) {
            Err(refused) if !path.exists() => Err(failed(refused.error)),
            _ => Ok(()),
        }
    }
}

const AT_WORK: &str = "is at work in this folder of parts";

/// Everything in a folder, in order.
fn entries_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

/// Fields of a header.
impl From<&Header> for Vec<Field> {
    fn from(header: &Header) -> Self {
        let pairs = header.columns.iter().zip(&header.units);
        pairs
            .map(|(name, unit)| Field::new(name.as_str(), unit.as_str()))
            .collect()
    }
}

fn read_header(folder: &Path) -> Result<Header> {
    let path = folder.join(HEADER);
    let place = path.display().to_string();
    let unreadable = |cause: String| {
        Error::input(
            place.clone(),
            cause,
            "name a folder of parts, NAME.parts, as written by a study with --shard",
        )
    };
    let metadata = std::fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > LARGEST_HEADER {
        return Err(unreadable("this is no plan of a study".to_owned()));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    let header: Header =
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    header.check_sizes(&place)?;
    if header.sha256 == header.checksum() {
        Ok(header)
    } else {
        Err(Error::input(
            place,
            "it is not what was written, as the checksum (`sha256`) in it says",
            "remove the file: the command of the study with --resume writes it anew and checks every part",
        ))
    }
}

fn columns(rows: &[Row], width: usize) -> Vec<ArrayRef> {
    let index: Float64Array = rows.iter().map(|row| Some(row.index as f64)).collect();
    let failure: StringArray = rows.iter().map(|row| row.failure.as_deref()).collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(index), Arc::new(failure)];
    for column in 0..width {
        let numbers = rows
            .iter()
            .map(|row| Some(row.values[column]).filter(|v| !v.is_nan()));
        columns.push(Arc::new(numbers.collect::<Float64Array>()));
    }
    columns
}

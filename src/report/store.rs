//! Rows of a study on disk, part by part, so that a study can be shared out, stopped and continued.
//!
//! A folder of parts holds `plan.json`, which says what study the parts belong to, and a CSV file per
//! part. Every file is written under another name and renamed: a part is whole or not there, whatever
//! happens to the process. Numbers are written so that they are read back to the last bit. Shards of one
//! study may share a folder: each part is written by one of them.

use super::joined::Joined;
use super::manifest::Manifest;
use super::output::write_atomically;
use crate::error::{Error, Result};
use crate::study::plan::{Field, Plan, Row};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
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
}

impl Header {
    /// The header of a plan.
    pub fn new(manifest: &Manifest, seed: u64, plan: &dyn Plan, part_rows: usize) -> Self {
        let hash = Sha256::digest(plan.identity());
        let fields = plan.fields();
        Self {
            program: manifest.program.clone(),
            parameters_sha256: manifest.parameters_sha256.clone(),
            accuracy: format!("{:?}", manifest.accuracy),
            seed,
            study_sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            rows: plan.rows(),
            part_rows,
            columns: fields.iter().map(|field| field.name.clone()).collect(),
            units: fields.iter().map(|field| field.unit.clone()).collect(),
            command: manifest.command.clone(),
        }
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
            && self.part_rows == other.part_rows;
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

/// A folder of parts.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    /// What the parts belong to.
    pub header: Header,
}

impl Store {
    /// Opens or makes the folder of a study; `anew` throws away parts that are there.
    ///
    /// # Errors
    /// Parts of another study; a folder that cannot be read or written.
    pub fn open(folder: PathBuf, header: Header, anew: bool) -> Result<Self> {
        let path = folder.join(HEADER);
        if anew && folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|error| Error::output(&folder, error))?;
        }
        if path.exists() {
            header.check(&read_header(&folder)?, &folder)?;
        } else {
            let json =
                serde_json::to_vec_pretty(&header).map_err(|error| Error::output(&path, error))?;
            write_atomically(&path, &json)?;
        }
        Ok(Self { folder, header })
    }

    /// An existing folder of parts.
    ///
    /// # Errors
    /// A folder without a readable `plan.json`.
    pub fn existing(folder: PathBuf) -> Result<Self> {
        let header = read_header(&folder)?;
        Ok(Self { folder, header })
    }

    /// Where the parts are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a part.
    pub fn part(&self, part: usize) -> PathBuf {
        self.folder.join(format!("part-{part:08}.csv"))
    }

    /// Parts of a shard (or all) that are not there.
    pub fn missing(&self, shard: Option<Shard>) -> Vec<usize> {
        let mine = |part: &usize| shard.is_none_or(|s| part % s.count + 1 == s.index);
        (0..self.header.parts())
            .filter(mine)
            .filter(|part| !self.part(*part).exists())
            .collect()
    }

    /// Writes the rows of a part.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, part: usize, rows: &[Row]) -> Result<()> {
        let path = self.part(part);
        let content = csv_rows(&self.header.columns, rows).map_err(|e| Error::output(&path, e))?;
        write_atomically(&path, &content)
    }

    /// Reads the rows of a part.
    ///
    /// # Errors
    /// A file that is missing or not as it was written.
    pub fn read(&self, part: usize) -> Result<Vec<Row>> {
        let path = self.part(part);
        let broken = |cause: String| {
            Error::input(
                path.display().to_string(),
                format!("the part cannot be read: {cause}"),
                "remove the file and run its part again with --resume",
            )
        };
        let mut reader =
            csv::Reader::from_path(&path).map_err(|error| broken(error.to_string()))?;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| broken(error.to_string()))?;
            let field = |index: usize| record.get(index).unwrap_or_default();
            let number = |text: &str| match text {
                "" => Ok(f64::NAN),
                text => text
                    .parse()
                    .map_err(|_| broken(format!("`{text}` is no number"))),
            };
            let values = (2..record.len()).map(|i| number(field(i)));
            rows.push(Row {
                index: field(0)
                    .parse()
                    .map_err(|_| broken(format!("`{}` is no row", field(0))))?,
                values: values.collect::<Result<_>>()?,
                failure: Some(field(1))
                    .filter(|cause| !cause.is_empty())
                    .map(str::to_owned),
            });
        }
        let wanted = self.header.range(part);
        let whole = rows.len() == wanted.len()
            && rows
                .iter()
                .zip(wanted)
                .all(|(row, index)| row.index == index);
        if whole {
            Ok(rows)
        } else {
            Err(broken(format!("it has {} rows, not its own", rows.len())))
        }
    }

    /// Writes all rows as CSV and Parquet, a part at a time, and gives them back as they lie on disk.
    ///
    /// # Errors
    /// A part that is missing or broken; a file that cannot be written.
    pub fn join(&self, csv: &Path, parquet: &Path) -> Result<Joined> {
        let mut joined = Joined::new(csv, self.header.columns.len())?;
        let mut rows_csv = Growing::new(csv)?;
        let rows_parquet = Growing::new(parquet)?;
        let failed = |error: &dyn std::fmt::Display| Error::output(parquet, error);
        let schema = Arc::new(self.schema());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(self.header.program.clone())
            .set_max_row_group_row_count(Some(1 << 16))
            .build();
        let handle = rows_parquet
            .file
            .as_file()
            .try_clone()
            .map_err(|e| failed(&e))?;
        let mut writer = ArrowWriter::try_new(handle, schema.clone(), Some(properties))
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
                .file
                .write_all(&text[from..])
                .map_err(|e| Error::output(csv, e))?;
            let batch =
                RecordBatch::try_new(schema.clone(), columns(&rows, self.header.columns.len()))
                    .map_err(|error| failed(&error))?;
            writer.write(&batch).map_err(|error| failed(&error))?;
            joined.push(&rows)?;
        }
        writer.close().map_err(|error| failed(&error))?;
        rows_csv.finish(csv)?;
        rows_parquet.finish(parquet)?;
        joined.finish()
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

    /// Removes the folder of a study that is done.
    ///
    /// # Errors
    /// A folder that cannot be removed.
    pub fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.folder).map_err(|error| Error::output(&self.folder, error))
    }
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

/// A file that grows under another name until it is whole.
struct Growing {
    file: tempfile::NamedTempFile,
}

impl Growing {
    fn new(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::output(path, error);
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hif-switch-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        Ok(Self {
            file: builder.tempfile_in(folder).map_err(failed)?,
        })
    }

    fn finish(self, path: &Path) -> Result<()> {
        self.file
            .persist(path)
            .map_err(|error| Error::output(path, error.error))?;
        Ok(())
    }
}

fn read_header(folder: &Path) -> Result<Header> {
    let path = folder.join(HEADER);
    let unreadable = |cause: String| {
        Error::input(
            path.display().to_string(),
            cause,
            "name a folder of parts, NAME.parts, as written by a study with --shard",
        )
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
}

fn csv_rows(columns: &[String], rows: &[Row]) -> std::result::Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["row", "failure"]
        .into_iter()
        .chain(columns.iter().map(String::as_str));
    writer
        .write_record(head)
        .map_err(|error| error.to_string())?;
    for row in rows {
        let numbers = row.values.iter().map(|value| match value {
            value if value.is_nan() => String::new(),
            value => value.to_string(),
        });
        let head = [
            row.index.to_string(),
            row.failure.clone().unwrap_or_default(),
        ];
        writer
            .write_record(head.into_iter().chain(numbers))
            .map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
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

//! The file of a part: its rows as CSV, and a last line that says which part of which study they are, with
//! a checksum over all that stands before.

use super::output::{sha256, sha256_of_reader};
use crate::error::{Error, Result};
use crate::study::plan::Row;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Longest last line, bytes: a number and two checksums.
const LONGEST: u64 = 256;

/// A part of a study.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// File.
    pub path: &'a Path,
    /// SHA-256 that names the study.
    pub study: &'a str,
    /// Number, from 0.
    pub number: usize,
}

impl Part<'_> {
    /// The content of the file: rows in CSV and the last line.
    pub fn seal(&self, mut rows: Vec<u8>) -> Vec<u8> {
        rows.extend(seal(self.number, self.study).into_bytes());
        let checksum = sha256(&rows);
        rows.extend(checksum.into_bytes());
        rows.push(b'\n');
        rows
    }

    /// An error that says what is wrong with the file.
    fn broken(&self, cause: impl std::fmt::Display) -> Error {
        Error::input(
            self.path.display().to_string(),
            format!("the part cannot be used: {cause}"),
            "remove the file, run its study again with --resume (or its shard), which makes this part anew",
        )
    }

    /// Checks that the file is the part as it was written, and gives its length without the last line.
    ///
    /// # Errors
    /// A file that cannot be read, was cut, changed or renamed, or is of another study.
    pub fn check(&self) -> Result<u64> {
        let failed = |error: std::io::Error| self.broken(error);
        let metadata = std::fs::symlink_metadata(self.path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(self.broken("it is no ordinary file"));
        }
        let mut file = File::open(self.path).map_err(failed)?;
        let length = metadata.len();
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))
            .and_then(|_| file.read_to_end(&mut end))
            .map_err(failed)?;
        let cut = || {
            self.broken(
                "its last line, with study and checksum, is missing; it was cut short or is no part of this version",
            )
        };
        let text = end.strip_suffix(b"\n").ok_or_else(cut)?;
        let start = text.iter().rposition(|byte| *byte == b'\n');
        let line = std::str::from_utf8(&text[start.map_or(0, |at| at + 1)..]);
        let (head, checksum) = line
            .ok()
            .and_then(|line| line.rsplit_once(' '))
            .filter(|(head, checksum)| head.starts_with(MARK) && checksum.len() == 64)
            .ok_or_else(cut)?;
        let rows = length - (head.len() + checksum.len()) as u64 - 2;
        file.rewind().map_err(failed)?;
        let sealed = length - checksum.len() as u64 - 1;
        let found = sha256_of_reader(&mut (&file).take(sealed)).map_err(failed)?;
        if found != checksum {
            return Err(self.broken(
                "its content is not what was written, as the checksum in its last line says",
            ));
        }
        let expected = seal(self.number, self.study);
        if head == expected.trim_end() {
            return Ok(rows);
        }
        let own = format!(" {} ", self.study);
        Err(self.broken(if head.contains(own.trim_end()) {
            format!("it is `{head}` under the name of another part")
        } else {
            "it belongs to another study, by the hash in its last line".to_owned()
        }))
    }

    /// The rows, which are those of a range in order.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn read(&self, columns: &[String], wanted: std::ops::Range<usize>) -> Result<Vec<Row>> {
        let length = self.check()?;
        let file = File::open(self.path).map_err(|error| self.broken(error))?;
        let mut reader = csv::Reader::from_reader(file.take(length));
        let head = reader.headers().map_err(|error| self.broken(error))?;
        if !head.iter().eq(head_of(columns)) {
            return Err(self.broken("its columns are not those of plan.json"));
        }
        let mut rows: Vec<Row> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| self.broken(error))?;
            let number = |text: &str| match text {
                "" => Ok(f64::NAN),
                text => text
                    .parse::<f64>()
                    .ok()
                    .filter(|number| !number.is_nan())
                    .ok_or_else(|| self.broken(format!("`{text}` is no number"))),
            };
            let place = record[0].parse().ok();
            let expected = wanted.start + rows.len();
            if place != Some(expected) || expected >= wanted.end {
                return Err(self.broken(format!(
                    "row `{}` stands where row {expected} belongs",
                    &record[0]
                )));
            }
            let values = record.iter().skip(2).map(number);
            rows.push(Row {
                index: expected,
                values: values.collect::<Result<_>>()?,
                failure: Some(&record[1])
                    .filter(|cause| !cause.is_empty())
                    .map(str::to_owned),
            });
        }
        if rows.len() == wanted.len() {
            Ok(rows)
        } else {
            let (found, wanted) = (rows.len(), wanted.len());
            Err(self.broken(format!("it has {found} rows instead of {wanted}")))
        }
    }
}

const MARK: &str = "# part ";

/// The last line up to its checksum.
fn seal(number: usize, study: &str) -> String {
    format!("{MARK}{number} of the study {study} with sha256 ")
}

fn head_of(columns: &[String]) -> impl Iterator<Item = &str> {
    let columns = columns.iter().map(String::as_str);
    ["row", "failure"].into_iter().chain(columns)
}

/// Rows as CSV; a number that is none is an empty cell.
pub(super) fn csv_rows(columns: &[String], rows: &[Row]) -> std::result::Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(head_of(columns))
        .map_err(|error| error.to_string())?;
    for row in rows {
        let numbers = row.values.iter().map(|value| match value {
            value if value.is_nan() => String::new(),
            value => value.to_string(),
        });
        let cause = row.failure.as_deref().unwrap_or_default();
        let head = [
            row.index.to_string(),
            crate::table::plain(cause).into_owned(),
        ];
        writer
            .write_record(head.into_iter().chain(numbers))
            .map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(path: &Path) -> (Part<'_>, Vec<String>) {
        let part = Part {
            path,
            study: "5e",
            number: 1,
        };
        let columns = vec!["a".to_owned(), "b".to_owned()];
        let row = |index: usize| Row {
            index,
            values: vec![0.1 + index as f64, f64::NAN],
            failure: None,
        };
        let rows = csv_rows(&columns, &[row(3), row(4)]).expect("text");
        std::fs::write(path, part.seal(rows)).expect("written");
        (part, columns)
    }

    #[test]
    fn a_part_comes_back_to_the_bit_and_no_byte_of_it_can_be_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part");
        let (part, columns) = sealed(&path);
        let rows = part.read(&columns, 3..5).expect("whole");
        assert_eq!(rows[1].values[0].to_bits(), 4.1_f64.to_bits());
        let whole = std::fs::read(&path).expect("there");
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            std::fs::write(&path, &changed).expect("written");
            assert!(part.check().is_err(), "byte {place} was changed");
            std::fs::write(&path, &whole[..place]).expect("written");
            assert!(part.check().is_err(), "cut after {place} bytes");
        }
        let mut longer = whole.clone();
        longer.extend(b"5,,1,2\n");
        std::fs::write(&path, &longer).expect("written");
        assert!(part.check().is_err());
        std::fs::write(&path, &whole).expect("written");
        for (study, number, word) in [("5f", 1, "another study"), ("5e", 2, "another part")] {
            let other = Part {
                study,
                number,
                ..part
            };
            let error = other.check().expect_err("another").to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(part.read(&columns, 3..6).is_err());
        assert!(part.read(&columns[..1], 3..5).is_err());
    }
}

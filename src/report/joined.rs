//! The joined rows of a study on disk, for its analysis.
//!
//! A nameless file beside the results holds the rows of each part as little-endian numbers, column after
//! column, the last of them 1 for a row that failed and 0 for any other; it is gone with the process. A
//! column is read in stretches of a part, a few rows in stretches of their number.

use crate::error::{Error, Result};
use crate::simulate::Accuracy;
use crate::study::plan::{Block, Failures, Plan, Row, Rows};
use crate::study::silent;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

const NUMBER: usize = size_of::<f64>();

/// Rows that [`Joined::run`] holds at once.
const STRETCH: usize = 2048;

/// Rows on disk.
#[derive(Debug)]
pub struct Joined {
    /// What the file stands beside, for errors.
    beside: PathBuf,
    out: BufWriter<File>,
    /// Columns of a row, without that of failures.
    width: usize,
    /// First row of each part, and the number of rows.
    starts: Vec<usize>,
    failures: Failures,
}

impl Joined {
    /// The rows of a plan, run here and now and kept beside a file for this process alone.
    ///
    /// # Errors
    /// As [`Plan::run`]; a file that cannot be written.
    pub fn run(beside: &Path, plan: &dyn Plan, accuracy: &Accuracy) -> Result<Self> {
        let mut joined = Self::new(beside, plan.fields().len())?;
        for start in (0..plan.rows()).step_by(STRETCH) {
            let mut rows = Vec::with_capacity(STRETCH);
            let range = start..(start + STRETCH).min(plan.rows());
            plan.run(range, accuracy, &silent, &mut |row| {
                rows.push(row);
                Ok(())
            })?;
            joined.push(&rows)?;
        }
        joined.finish()
    }

    /// No rows yet; the file lies in the folder of `beside`.
    pub(super) fn new(beside: &Path, width: usize) -> Result<Self> {
        let folder = beside.parent().unwrap_or(Path::new("."));
        let file = tempfile::tempfile_in(folder).map_err(|error| Error::output(folder, error))?;
        Ok(Self {
            beside: beside.to_owned(),
            out: BufWriter::new(file),
            width,
            starts: vec![0],
            failures: Failures::default(),
        })
    }

    /// Adds the rows of a part.
    pub(super) fn push(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            self.failures.note(row);
        }
        for column in 0..=self.width {
            for row in rows {
                let failed = f64::from(u8::from(row.failure.is_some()));
                let number = row.values.get(column).copied().unwrap_or(failed);
                let written = self.out.write_all(&number.to_le_bytes());
                written.map_err(|error| Error::output(&self.beside, error))?;
            }
        }
        self.starts.push(self.count() + rows.len());
        Ok(())
    }

    /// All rows are there.
    pub(super) fn finish(mut self) -> Result<Self> {
        let flushed = self.out.flush();
        flushed.map_err(|error| Error::output(&self.beside, error))?;
        Ok(self)
    }

    /// Adds the numbers of a column at some rows of a part to `numbers`.
    fn read(&self, column: usize, rows: Range<usize>, numbers: &mut Vec<f64>) -> Result<()> {
        let part = self.starts.partition_point(|start| *start <= rows.start) - 1;
        let (start, end) = (self.starts[part], self.starts[part + 1]);
        let before = start * (self.width + 1) + column * (end - start) + (rows.start - start);
        let mut bytes = vec![0; rows.len() * NUMBER];
        let mut file = self.out.get_ref();
        file.seek(SeekFrom::Start((before * NUMBER) as u64))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| self.broken(&error))?;
        let (whole, _) = bytes.as_chunks::<NUMBER>();
        numbers.extend(whole.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        Ok(())
    }

    /// The rows of a range, part by part.
    fn stretches(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let first = self.starts.partition_point(|start| *start <= rows.start);
        let ends = &self.starts[first.min(self.starts.len())..];
        let mut from = rows.start;
        ends.iter().map_while(move |end| {
            let stretch = from..rows.end.min(*end);
            from = stretch.end;
            (!stretch.is_empty()).then_some(stretch)
        })
    }

    fn broken(&self, error: &std::io::Error) -> Error {
        Error::input(
            self.beside.display().to_string(),
            format!("the rows of the study cannot be read again: {error}"),
            "look after the disk and join the parts again with --resume",
        )
    }
}

impl Rows for Joined {
    fn count(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    fn failures(&self) -> Failures {
        self.failures.clone()
    }

    fn column(&self, column: usize) -> Result<Vec<f64>> {
        let mut numbers = Vec::with_capacity(self.count());
        for stretch in self.stretches(0..self.count()) {
            self.read(column, stretch, &mut numbers)?;
        }
        Ok(numbers)
    }

    fn block(&self, rows: Range<usize>) -> Result<Block> {
        let count = rows.len();
        let mut columns = Vec::with_capacity(count * (self.width + 1));
        for column in 0..=self.width {
            for stretch in self.stretches(rows.clone()) {
                self.read(column, stretch, &mut columns)?;
            }
        }
        let failed = columns.split_off(count * self.width);
        let by_row = (0..count).flat_map(|row| {
            let columns = &columns;
            (0..self.width).map(move |column| columns[column * count + row])
        });
        let values = by_row.collect();
        Ok(Block::new(
            self.width,
            failed.iter().map(|mark| *mark > 0.0).collect(),
            values,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(index: usize) -> Row {
        let failed = index % 5 == 3;
        let number = |column: usize| match failed {
            true => f64::NAN,
            false => (index * 10 + column) as f64,
        };
        Row {
            index,
            values: (0..3).map(number).collect(),
            failure: failed.then(|| format!("row {index} failed")),
        }
    }

    /// Rows in parts of uneven length say the same from disk as from memory.
    #[test]
    fn disk_and_memory_say_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows: Vec<Row> = (0..23).map(row).collect();
        let mut joined = Joined::new(&folder.path().join("rows.csv"), 3).expect("a file");
        for part in [&rows[..7], &rows[7..8], &rows[8..20], &rows[20..]] {
            joined.push(part).expect("written");
        }
        let joined = joined.finish().expect("written");
        let bits = |numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(joined.count(), rows.count());
        assert_eq!(joined.failures(), rows.failures());
        for column in 0..3 {
            assert_eq!(
                bits(joined.column(column).expect("read")),
                bits(rows.column(column).expect("read"))
            );
        }
        for range in [0..23, 3..3, 6..9, 7..8, 19..23, 0..1, 22..23] {
            let disk = joined.block(range.clone()).expect("read");
            let memory = rows.block(range.clone()).expect("read");
            let same = disk.rows().eq(memory.rows());
            assert!(same, "{range:?}: {disk:?} {memory:?}");
        }
        assert!(joined.block(3..4).expect("read").whole().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
    }
}

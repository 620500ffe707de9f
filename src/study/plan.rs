//! A study as rows: each row one or a few runs, reduced to numbers.
//!
//! Rows are independent and have a fixed order, so that they can be computed anywhere, in any parts, and
//! joined. What a study concludes is computed from the rows alone.

use super::Progress;
use super::runs::{Failure, Probe, Probed, Tally, stream};
use crate::error::Result;
use crate::simulate::{Accuracy, Problem};
use std::ops::Range;

/// Name and unit of a number of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Unit.
    pub unit: String,
}

impl Field {
    /// A field of a name and unit.
    pub fn new(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
        }
    }
}

/// The result of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Place in the study.
    pub index: usize,
    /// Numbers in the order of the fields; not a number where there is none.
    pub values: Vec<f64>,
    /// What went wrong, for a row without numbers.
    pub failure: Option<String>,
}

/// A study whose rows can be run.
pub trait Plan: Sync {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Runs of each row.
    fn runs_per_row(&self) -> usize {
        1
    }

    /// Names and units of the numbers of a row.
    fn fields(&self) -> Vec<Field>;

    /// What is wanted of every run.
    fn probe(&self) -> Probe;

    /// A run of a row.
    ///
    /// # Errors
    /// Numbers that cannot be used, a baseline that does not exist: the row fails.
    fn problem(&self, row: usize, run: usize) -> Result<Problem>;

    /// The numbers of a row from its runs.
    ///
    /// # Errors
    /// A number that cannot be told: the row fails.
    fn reduce(&self, row: usize, runs: Vec<Probed>) -> Result<Vec<f64>>;

    /// Name and parameters of a row, for the list of failures.
    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>);

    /// Everything that decides what the rows are, beside program, parameter files, seed and accuracy:
    /// parts of studies with different texts are not joined.
    fn identity(&self) -> String;
}

/// Runs the rows of a range and hands them to `sink` in order.
///
/// # Errors
/// The first error of `sink`. A failed run makes a failed row, which is handed over too.
pub fn execute(
    plan: &dyn Plan,
    rows: Range<usize>,
    accuracy: &Accuracy,
    progress: Progress<'_>,
    mut sink: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let width = plan.fields().len();
    let per_row = plan.runs_per_row().max(1);
    let mut runs = Vec::with_capacity(per_row);
    let mut failure: Option<String> = None;
    stream(
        rows.start * per_row..rows.end * per_row,
        |run| plan.problem(run / per_row, run % per_row),
        &plan.probe(),
        accuracy,
        |run, result| {
            match result {
                Ok(probed) => runs.push(probed),
                Err(error) => {
                    failure.get_or_insert_with(|| error.to_string());
                }
            }
            progress();
            if run % per_row + 1 < per_row {
                return Ok(());
            }
            let index = run / per_row;
            let done = std::mem::take(&mut runs);
            let reduced = match failure.take() {
                Some(cause) => Err(cause),
                None => plan.reduce(index, done).map_err(|error| error.to_string()),
            };
            sink(match reduced {
                Ok(values) => Row {
                    index,
                    values,
                    failure: None,
                },
                Err(cause) => Row {
                    index,
                    values: vec![f64::NAN; width],
                    failure: Some(cause),
                },
            })
        },
    )
}

/// All rows of a study in memory.
///
/// # Errors
/// None of its own; failed runs are rows.
pub fn collect(plan: &dyn Plan, accuracy: &Accuracy, progress: Progress<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(plan.rows());
    execute(plan, 0..plan.rows(), accuracy, progress, |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// The rows of a finished study, in their order, wherever they are kept.
///
/// An analysis asks for what it needs at a time, a column or a few rows, so that memory does not hold
/// what a disk does.
pub trait Rows {
    /// Number of rows.
    fn count(&self) -> usize;

    /// The rows without numbers.
    fn failures(&self) -> Failures;

    /// One number of every row; not a number where there is none.
    ///
    /// # Errors
    /// Rows that cannot be read.
    fn column(&self, column: usize) -> Result<Vec<f64>>;

    /// All numbers of the rows of a range.
    ///
    /// # Errors
    /// Rows that cannot be read.
    fn block(&self, rows: Range<usize>) -> Result<Block>;
}

/// Rows that failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many.
    pub count: usize,
    /// Place and cause of the first, at most [`Tally::NAMED`].
    pub named: Vec<(usize, String)>,
}

impl Failures {
    /// Counts a row, if it failed.
    pub fn note(&mut self, row: &Row) {
        let Some(cause) = &row.failure else {
            return;
        };
        self.count += 1;
        if self.named.len() < Tally::NAMED {
            self.named.push((row.index, cause.clone()));
        }
    }
}

/// All numbers of a few rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    width: usize,
    failed: Vec<bool>,
    values: Vec<f64>,
}

impl Block {
    /// Rows of `width` numbers, one after the other in `values`, and which of them failed.
    pub fn new(width: usize, failed: Vec<bool>, values: Vec<f64>) -> Self {
        debug_assert_eq!(values.len(), width * failed.len());
        Self {
            width,
            failed,
            values,
        }
    }

    /// The numbers of every row; `None` for one that failed.
    pub fn rows(&self) -> impl Iterator<Item = Option<&[f64]>> {
        let numbers = |(row, failed): (usize, &bool)| {
            (!failed).then(|| &self.values[row * self.width..][..self.width])
        };
        self.failed.iter().enumerate().map(numbers)
    }

    /// The numbers of all rows; `None` if one failed.
    pub fn whole(&self) -> Option<Vec<&[f64]>> {
        self.rows().collect()
    }
}

impl Rows for Vec<Row> {
    fn count(&self) -> usize {
        self.len()
    }

    fn failures(&self) -> Failures {
        let mut failures = Failures::default();
        for row in self {
            failures.note(row);
        }
        failures
    }

    fn column(&self, column: usize) -> Result<Vec<f64>> {
        Ok(self.iter().map(|row| row.values[column]).collect())
    }

    fn block(&self, rows: Range<usize>) -> Result<Block> {
        let rows = &self[rows];
        Ok(Block::new(
            rows.first().map_or(0, |row| row.values.len()),
            rows.iter().map(|row| row.failure.is_some()).collect(),
            rows.iter().flat_map(|row| row.values.clone()).collect(),
        ))
    }
}

/// Rows of a block that [`visit`] asks for.
const BLOCK: usize = 1024;

/// Hands place and numbers of every row that did not fail to `each`, in order.
///
/// # Errors
/// Rows that cannot be read; the first error of `each`.
pub fn visit(rows: &dyn Rows, mut each: impl FnMut(usize, &[f64]) -> Result<()>) -> Result<()> {
    let count = rows.count();
    for start in (0..count).step_by(BLOCK) {
        let block = rows.block(start..(start + BLOCK).min(count))?;
        for (place, numbers) in block.rows().enumerate() {
            if let Some(numbers) = numbers {
                each(start + place, numbers)?;
            }
        }
    }
    Ok(())
}

/// Requested, ok, failed over rows.
pub fn tally(plan: &dyn Plan, rows: &dyn Rows) -> Tally {
    let failures = rows.failures();
    let name = |(run, cause)| {
        let (label, numbers) = plan.describe(run);
        Failure {
            run,
            label,
            numbers,
            cause,
        }
    };
    Tally {
        requested: rows.count(),
        ok: rows.count() - failures.count,
        failed: failures.count,
        failures: failures.named.into_iter().map(name).collect(),
    }
}

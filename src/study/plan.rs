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

/// Requested, ok, failed over rows.
pub fn tally(plan: &dyn Plan, rows: &[Row]) -> Tally {
    let mut tally = Tally::default();
    for row in rows {
        match &row.failure {
            None => tally.success(),
            Some(cause) => {
                let (label, numbers) = plan.describe(row.index);
                tally.failure(Failure {
                    run: row.index,
                    label,
                    numbers,
                    cause: cause.clone(),
                });
            }
        }
    }
    tally
}

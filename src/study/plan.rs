//! A study as rows: each row one or a few runs, reduced to numbers.
//!
//! Rows are independent and have a fixed order, so that they can be computed anywhere, in any parts, and
//! joined. What a study concludes is computed from the rows alone.

use super::Progress;
use super::runs::{Failure, Probe, Probed, Tally, stream};
use crate::error::Result;
use crate::parameters::bounds::Work;
use crate::simulate::{Accuracy, Problem};
use rayon::prelude::*;
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

/// The rows of a study.
pub trait Outline: Sync {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Runs of each row.
    fn runs_per_row(&self) -> usize {
        1
    }

    /// Length of a run, h; 0 where a row is no run.
    fn hours(&self) -> f64;

    /// The numbers that multiply the rows, in words.
    fn sizes(&self) -> String;

    /// Names and units of the numbers of a row.
    fn fields(&self) -> Vec<Field>;

    /// Name and parameters of a row, for the list of failures.
    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>);

    /// Everything that decides what the rows are, beside program, parameter files, seed and accuracy:
    /// parts of studies with different texts are not joined.
    fn identity(&self) -> String;
}

/// A study whose rows can be run.
pub trait Plan: Outline {
    /// Rows that follow from each other, for a study of such pieces: a piece is run and kept whole, and
    /// pieces are run beside each other. `None` where every row stands alone.
    fn piece(&self) -> Option<usize> {
        None
    }

    /// Does what the rows of some ranges need in common, before any of them is run.
    ///
    /// # Errors
    /// Work that cannot be done.
    fn prepare(
        &self,
        _ranges: &[Range<usize>],
        _accuracy: &Accuracy,
        _progress: Progress<'_>,
    ) -> Result<()> {
        Ok(())
    }

    /// Runs the rows of a range and hands them to `sink` in order.
    ///
    /// # Errors
    /// The first error of `sink`; what makes it senseless to go on. A failed run makes a failed row, which
    /// is handed over too.
    fn run(
        &self,
        rows: Range<usize>,
        accuracy: &Accuracy,
        progress: Progress<'_>,
        sink: Sink<'_>,
    ) -> Result<()>;
}

/// Takes rows in their order.
pub type Sink<'a> = &'a mut dyn FnMut(Row) -> Result<()>;

/// A study each of whose rows is reduced from runs of its own.
pub trait Simulated: Outline {
    /// What is wanted of every run.
    fn probe(&self) -> Probe;

    /// A run of a row.
    ///
    /// # Errors
    /// Numbers that cannot be used, a baseline that does not exist: the row fails.
    fn problem(&self, row: usize, run: usize) -> Result<Problem>;

    /// The problems of some runs, numbered row after row; a study of subjects draws each of them once.
    ///
    /// # Errors
    /// What makes it senseless to go on; a problem that cannot be prepared is an error of its own.
    fn problems(&self, runs: Range<usize>) -> Result<Vec<Result<Problem>>> {
        let per_row = self.runs_per_row().max(1);
        let problem = |run: usize| self.problem(run / per_row, run % per_row);
        Ok(runs.into_par_iter().map(problem).collect())
    }

    /// The numbers of a row from its runs.
    ///
    /// # Errors
    /// A number that cannot be told: the row fails.
    fn reduce(&self, row: usize, runs: Vec<Probed>) -> Result<Vec<f64>>;
}

impl<S: Simulated> Plan for S {
    fn run(
        &self,
        rows: Range<usize>,
        accuracy: &Accuracy,
        progress: Progress<'_>,
        sink: Sink<'_>,
    ) -> Result<()> {
        let width = self.fields().len();
        let per_row = self.runs_per_row().max(1);
        let mut runs = Vec::with_capacity(per_row);
        let mut failure: Option<String> = None;
        stream(
            rows.start * per_row..rows.end * per_row,
            |runs| self.problems(runs),
            &self.probe(),
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
                    None => self.reduce(index, done).map_err(|error| error.to_string()),
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
}

/// Refuses a study that would take more rows or time than one may, before anything is run.
///
/// # Errors
/// Which numbers multiply to how much, and what is allowed.
pub fn affordable(plan: &dyn Outline) -> Result<()> {
    let work = Work {
        words: plan.sizes(),
        rows: plan.rows() as f64,
        runs: plan.runs_per_row() as f64,
        hours: plan.hours(),
        numbers: plan.fields().len() as f64,
    };
    work.check()
}

/// All rows of a study in memory.
///
/// # Errors
/// More than a study may take; as [`Plan::run`]; failed runs are rows.
pub fn collect(plan: &dyn Plan, accuracy: &Accuracy, progress: Progress<'_>) -> Result<Vec<Row>> {
    affordable(plan)?;
    let all = 0..plan.rows();
    plan.prepare(std::slice::from_ref(&all), accuracy, progress)?;
    let length = plan.piece().unwrap_or(all.len()).max(1);
    let pieces: Vec<Range<usize>> = (0..all.len())
        .step_by(length)
        .map(|start| start..(start + length).min(all.len()))
        .collect();
    let run = |piece: Range<usize>| {
        let mut rows = Vec::with_capacity(piece.len());
        plan.run(piece, accuracy, progress, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    };
    let done: Result<Vec<Vec<Row>>> = pieces.into_par_iter().map(run).collect();
    Ok(done?.into_iter().flatten().collect())
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

/// Rows of a block that [`scan`] asks for.
const BLOCK: usize = 1024;

/// Hands place and numbers of every row of a range to `each`, in order; `None` for one that failed.
///
/// # Errors
/// Rows that cannot be read; the first error of `each`.
pub fn scan(
    rows: &dyn Rows,
    range: Range<usize>,
    mut each: impl FnMut(usize, Option<&[f64]>) -> Result<()>,
) -> Result<()> {
    for start in range.clone().step_by(BLOCK) {
        let block = rows.block(start..(start + BLOCK).min(range.end))?;
        for (place, numbers) in block.rows().enumerate() {
            each(start + place, numbers)?;
        }
    }
    Ok(())
}

/// Hands place and numbers of every row that did not fail to `each`, in order.
///
/// # Errors
/// As [`scan`].
pub fn visit(rows: &dyn Rows, mut each: impl FnMut(usize, &[f64]) -> Result<()>) -> Result<()> {
    scan(rows, 0..rows.count(), |place, numbers| {
        numbers.map_or(Ok(()), |numbers| each(place, numbers))
    })
}

/// Requested, ok, failed over rows.
pub fn tally(plan: &dyn Outline, rows: &dyn Rows) -> Tally {
    tally_of(plan, rows, rows.count())
}

/// [`tally`] of a study in which some rows may stand for nothing: `requested` is the number of the others.
pub fn tally_of(plan: &dyn Outline, rows: &dyn Rows, requested: usize) -> Tally {
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
        requested,
        ok: requested - failures.count,
        failed: failures.count,
        failures: failures.named.into_iter().map(name).collect(),
    }
}

//! What is checked: the program, by what it does.

use crate::endpoints::{Collector, Endpoints};
use crate::error::{Error, Result};
use crate::interchange::{AnswerColumn, Background, DataSet, Equations, jumps, petab, sbml};
use crate::model::State;
use crate::parameters::Library;
use crate::report::{Store, to_parquet, write_atomically};
use crate::simulate::{
    Accuracy, Classical, Probe, Problem, Recorder, Scenario, Solver, Work, run_many,
    run_many_observed,
};
use crate::study::calibrate::Calibration;
use crate::study::plan::Row;
use crate::table::Table;
use std::path::Path;

/// Name and text of the files of an export.
pub type Files = Vec<(String, String)>;

/// What the program does, one method per thing that is checked; every method is the program's own unless a test
/// spoils it.
pub trait Program: Sync {
    /// States of a single run at increasing times, h.
    ///
    /// # Errors
    /// A run that fails.
    fn single(
        &self,
        problem: &Problem,
        accuracy: &Accuracy,
        times: &[f64],
    ) -> Result<Vec<State<f64>>> {
        let mut recorder = Recorder::new(problem, times.to_vec());
        problem.run(accuracy, &mut [&mut recorder])?;
        Ok(recorder.finish().states)
    }

    /// States of many runs at increasing times, h.
    ///
    /// # Errors
    /// The first run that fails.
    fn many(
        &self,
        problems: &[Problem],
        accuracy: &Accuracy,
        times: &[f64],
    ) -> Result<Vec<Vec<State<f64>>>> {
        let probe = Probe {
            times: times.to_vec(),
        };
        let results = run_many(problems, &probe, accuracy).into_iter();
        results
            .map(|result| result.map(|probed| probed.trajectory.states))
            .collect()
    }

    /// Endpoints of many runs.
    ///
    /// # Errors
    /// The first run that fails.
    fn endpoints(&self, problems: &[Problem], accuracy: &Accuracy) -> Result<Vec<Endpoints>> {
        let results = run_many_observed(problems, accuracy, |_, problem| Collector::new(problem));
        let pairs = results.into_iter().zip(problems);
        pairs
            .map(|(result, problem)| {
                let (collector, outcome) = result?;
                Ok(collector.finish(problem, &outcome))
            })
            .collect()
    }

    /// The end of a classical problem with its work.
    ///
    /// # Errors
    /// A method that gives up.
    fn classical(&self, problem: Classical, solver: Solver, rtol: f64) -> Result<(Vec<f64>, Work)> {
        let failed = |cause| failure(problem.name(), cause);
        problem.solve(solver, rtol).map_err(failed)
    }

    /// The end of a classical problem by a method of single runs in so many equal steps.
    ///
    /// # Errors
    /// A method that gives up.
    fn in_steps(&self, problem: Classical, eighth_order: bool, steps: u32) -> Result<Vec<f64>> {
        let failed = |cause| failure(problem.name(), cause);
        problem.solve_in(eighth_order, steps).map_err(failed)
    }

    /// The answer to a data set.
    ///
    /// # Errors
    /// A data set that cannot be read or run.
    fn answer(
        &self,
        library: &Library,
        scenario: &Scenario,
        accuracy: &Accuracy,
        text: &str,
        outputs: &[AnswerColumn],
    ) -> Result<Table> {
        let parameters = scenario.parameters(library)?;
        let set = DataSet::parse("the data set", text, &parameters)?;
        let table = set.answer(library, scenario, accuracy, outputs)?;
        Ok(set.with_numbers(&table))
    }

    /// The SBML of a scenario.
    ///
    /// # Errors
    /// A scenario that cannot be prepared.
    fn sbml(&self, library: &Library, scenario: &Scenario) -> Result<String> {
        let problem = scenario.prepare(library)?;
        let background = Background::of(scenario, library)?;
        let equations = Equations::of(&problem, &background.burden_unit)?;
        let jumps = jumps(&problem.timeline, &scenario.arm.partners, &equations);
        sbml(&equations, &jumps, &background)
    }

    /// The files of a calibration as a PEtab problem.
    ///
    /// # Errors
    /// A calibration that cannot be exported.
    fn petab(&self, library: &Library, calibration: &Calibration) -> Result<Files> {
        let nominal = calibration.values(&calibration.present());
        petab(library, calibration, &nominal)
    }

    /// A table as CSV.
    ///
    /// # Errors
    /// A writer that fails.
    fn csv(&self, table: &Table) -> Result<Vec<u8>> {
        table.to_csv()
    }

    /// A table as Parquet.
    ///
    /// # Errors
    /// A writer that fails.
    fn parquet(&self, table: &Table) -> Result<Vec<u8>> {
        to_parquet(table, &[])
    }

    /// Writes a file.
    ///
    /// # Errors
    /// A file that cannot be written.
    fn write(&self, path: &Path, content: &[u8]) -> Result<()> {
        write_atomically(path, content).map(drop)
    }

    /// Opens or makes the folder of a study without runs.
    ///
    /// # Errors
    /// Parts of another study there.
    fn open(&self, folder: &Path, library: &Library, seed: u64) -> Result<Store> {
        super::files::open(folder, library, seed)
    }

    /// Writes the rows of a part of a study.
    ///
    /// # Errors
    /// A part that cannot be written.
    fn write_part(&self, store: &Store, part: usize, rows: &[Row]) -> Result<()> {
        store.write(part, rows)
    }

    /// Reads the rows of a part of a study.
    ///
    /// # Errors
    /// A part that is missing or not as it was written.
    fn read_part(&self, store: &Store, part: usize) -> Result<Vec<Row>> {
        store.read(part)
    }

    /// The parts of a study that are to be run.
    ///
    /// # Errors
    /// A part that is not as it was written.
    fn missing(&self, store: &Store) -> Result<Vec<usize>> {
        store.missing(None)
    }
}

/// The program itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Own;

impl Program for Own {}

/// Something that could not be checked.
pub(super) fn failure(what: &str, cause: impl Into<String>) -> Error {
    Error::Check {
        what: what.to_owned(),
        cause: cause.into(),
        remedy: "attach the manifest of `hif-switch selftest --out DIR` to a report".to_owned(),
    }
}

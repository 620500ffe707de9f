//! The answers to the records as a table.

use super::DataSet;
use super::records::Subject;
use crate::error::{Error, Result};
use crate::model::{Field, Signals, State};
use crate::parameters::Library;
use crate::regimen::{Compartment, Drug};
use crate::simulate::{Accuracy, Answer, Problem, Scenario, answer_records};
use crate::table::{Cell, Table};
use rayon::prelude::*;

/// A column beside the states: name, unit, value.
pub type AnswerColumn = (
    &'static str,
    &'static str,
    fn(&State<f64>, &Signals<f64>) -> f64,
);

/// What is predicted, and what is compared with it.
const PREDICTION: &str = "PRED";
const RESIDUALS: [&str; 2] = ["IRES", "LIRES"];

/// What stands before a column of the input that is called like one of the answer.
const ECHO: &str = "data_";

impl DataSet {
    /// Answers every record: the columns as read, `PRED` (the amount in a depot in mg, or the total
    /// concentration of CMT), where there is a DV its residuals `IRES` = DV - PRED and `LIRES` = ln DV - ln PRED,
    /// and the columns of a time course, in the order of the rows.
    ///
    /// # Errors
    /// A dose that the model cannot take, or a run that fails.
    pub fn answer(
        &self,
        library: &Library,
        scenario: &Scenario,
        accuracy: &Accuracy,
        outputs: &[AnswerColumn],
    ) -> Result<Table> {
        self.answer_observed(library, scenario, accuracy, outputs, &|| ())
    }

    /// As [`answer`](Self::answer); `done` is called for each part of the [`work`](Self::work).
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn answer_observed(
        &self,
        library: &Library,
        scenario: &Scenario,
        accuracy: &Accuracy,
        outputs: &[AnswerColumn],
        done: &(dyn Fn() + Sync),
    ) -> Result<Table> {
        // Subjects run side by side; an error is that of the first in the file.
        let answered = self
            .subjects
            .par_iter()
            .map(|subject| subject.answer(library, scenario, accuracy, done))
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        let mut table = self.head(library, scenario, outputs)?;
        for (subject, (problem, answers)) in self.subjects.iter().zip(&answered) {
            for (i, (row, answer)) in subject.rows.clone().zip(answers).enumerate() {
                let echoed = self.rows[row].iter();
                let mut cells: Vec<Cell> = echoed.map(|text| Cell::from(text.as_str())).collect();
                let predicted = prediction(problem, answer, subject.compartments[i]);
                cells.push(predicted.into());
                if self.observed {
                    let pair = subject.observed[i].zip(predicted);
                    let positive = pair.filter(|(dv, pred)| *dv > 0.0 && *pred > 0.0);
                    cells.push(pair.map(|(dv, pred)| dv - pred).into());
                    cells.push(positive.map(|(dv, pred)| dv.ln() - pred.ln()).into());
                }
                cells.extend(answer.state.to_array().map(Cell::from));
                cells.extend(
                    outputs
                        .iter()
                        .map(|(_, _, f)| Cell::from(f(&answer.state, &answer.signals))),
                );
                table.push(cells);
            }
        }
        Ok(table)
    }

    /// The columns of the answer, without rows.
    ///
    /// # Errors
    /// A scenario whose parameters cannot be read.
    pub fn head(
        &self,
        library: &Library,
        scenario: &Scenario,
        outputs: &[AnswerColumn],
    ) -> Result<Table> {
        let burden = scenario.parameters(library)?;
        let burden = burden.text("burden_unit").unwrap_or("1").to_owned();
        let mut columns: Vec<(String, String)> = self
            .echoed(outputs)
            .into_iter()
            .map(|name| (name, String::new()))
            .collect();
        columns.push((PREDICTION.to_owned(), String::new()));
        if self.observed {
            columns.push((RESIDUALS[0].to_owned(), String::new()));
            columns.push((RESIDUALS[1].to_owned(), "1".to_owned()));
        }
        let unit = |unit: &str| unit.replace("burden", &burden);
        let fields = State::fields().iter();
        columns.extend(fields.map(|field: &Field| (field.name.to_owned(), unit(field.unit))));
        columns.extend(
            outputs
                .iter()
                .map(|(name, u, _)| ((*name).to_owned(), unit(u))),
        );
        Ok(Table::new(columns))
    }

    /// Names of the input's columns in the answer: those that are called like a column of the answer, in any
    /// case, are set apart.
    pub fn echoed(&self, outputs: &[AnswerColumn]) -> Vec<String> {
        let mut taken: Vec<String> = [PREDICTION]
            .into_iter()
            .chain(RESIDUALS)
            .chain(State::fields().iter().map(|field| field.name))
            .chain(outputs.iter().map(|(name, ..)| *name))
            .chain(self.header.iter().map(String::as_str))
            .map(str::to_ascii_lowercase)
            .collect();
        let own = taken.len() - self.header.len();
        self.header
            .iter()
            .map(|name| {
                let mut echoed = name.clone();
                if taken[..own].contains(&name.to_ascii_lowercase()) {
                    while taken.contains(&echoed.to_ascii_lowercase()) {
                        echoed = format!("{ECHO}{echoed}");
                    }
                    taken.push(echoed.to_ascii_lowercase());
                }
                echoed
            })
            .collect()
    }
}

/// What CMT asks for: the amount in a depot, mg; the total concentration in a central compartment,
/// mg/L of sorafenib, nM of a partner.
fn prediction(problem: &Problem, answer: &Answer, compartment: usize) -> Option<f64> {
    let Compartment { drug, central } = Compartment::of(compartment)?;
    match drug {
        Drug::Sorafenib if central => Some(answer.signals.sorafenib_total),
        Drug::Sorafenib => Some(answer.state.sorafenib.depot),
        Drug::Partner(slot) => {
            let amounts = &answer.state.partners[slot];
            let partner = problem.model.partners[slot].as_ref()?;
            if central {
                Some(partner.concentration(amounts, &answer.inputs.partners[slot]))
            } else {
                Some(amounts.depot)
            }
        }
    }
}

impl Subject {
    fn answer(
        &self,
        library: &Library,
        scenario: &Scenario,
        accuracy: &Accuracy,
        done: &(dyn Fn() + Sync),
    ) -> Result<(Problem, Vec<Answer>)> {
        let mut own = scenario.clone();
        // The records decide when the run ends.
        let end = self.records.iter().map(|r| r.time).fold(1.0, f64::max);
        own.duration = Some(end);
        for covariate in &self.covariates {
            let change = (covariate.path.clone(), covariate.value.clone());
            own.overrides.push(change);
        }
        let problem = own
            .prepare(library)
            .map_err(|error| self.at_covariate(error))?;
        let answers = answer_records(&problem, &self.records, accuracy, done)?;
        Ok((problem, answers))
    }

    /// An error of `--set` belongs to the cell of the covariate.
    fn at_covariate(&self, error: Error) -> Error {
        let Error::Input {
            place,
            problem,
            remedy,
        } = error
        else {
            return error;
        };
        let covariate = self.covariates.iter().find(|covariate| {
            place.starts_with(&format!("--set {}={}", covariate.path, covariate.value))
        });
        Error::Input {
            place: covariate.map_or(place, |covariate| covariate.place.clone()),
            problem,
            remedy,
        }
    }
}

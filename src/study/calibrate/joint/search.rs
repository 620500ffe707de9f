//! The steps of the fit, one after the other.

use super::problem::{Joint, Score};
use super::step::propose;
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::Accuracy;
use crate::study::Progress;
use crate::study::claims::TestResult;
use serde::{Deserialize, Serialize};

/// Steps after which the derivatives are computed anew.
const AGE: usize = 3;

/// Trust region, in parts of the ranges, below which the fit has come to rest.
const REST: f64 = 2e-3;

/// Largest trust region, in parts of the ranges.
const WIDE: f64 = 0.25;

/// Cost and score after a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// Number of the step; 0 is the start.
    pub step: usize,
    /// Cost of the rows.
    pub rows: f64,
    /// Cost of the ranges.
    pub ranges: f64,
    /// Trust region.
    pub trust: f64,
    /// Whether the step was accepted.
    pub accepted: bool,
    /// What passes there.
    pub score: Score,
}

/// Where a fit stands: all that its next step depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Places of the parameters in their ranges.
    pub at: Vec<f64>,
    /// Steps so far, the start first.
    pub visits: Vec<Visit>,
    /// Whether it has come to rest.
    pub done: bool,
    trust: f64,
    /// Derivatives of the rows, one column per parameter.
    jacobian: Vec<Vec<f64>>,
    /// Steps since the derivatives were computed.
    age: usize,
}

impl Search {
    /// A fit from places.
    ///
    /// # Errors
    /// A model that cannot be run there.
    pub fn start(
        joint: &Joint,
        library: &Library,
        at: Vec<f64>,
        accuracy: &Accuracy,
    ) -> Result<Self> {
        let results = joint.results(library, &at, accuracy)?;
        let (rows, ranges) = joint.cost(&at, &results);
        let visit = Visit {
            step: 0,
            rows,
            ranges,
            trust: joint.trust,
            accepted: true,
            score: joint.score(&results),
        };
        Ok(Self {
            at,
            visits: vec![visit],
            done: false,
            trust: joint.trust,
            jacobian: Vec::new(),
            age: 0,
        })
    }

    /// Derivatives at the present places, if they were computed.
    pub(super) fn jacobian(&self) -> Option<&[Vec<f64>]> {
        (!self.jacobian.is_empty()).then_some(&self.jacobian)
    }

    /// Computes the derivatives at the present places.
    ///
    /// # Errors
    /// A model beside it that cannot be run.
    pub fn differentiate(
        &mut self,
        joint: &Joint,
        library: &Library,
        accuracy: &Accuracy,
        progress: Progress<'_>,
    ) -> Result<Vec<TestResult>> {
        let results = joint.results(library, &self.at, accuracy)?;
        if self.jacobian.is_empty() {
            self.jacobian = joint.jacobian(library, &self.at, &results, accuracy, progress)?;
            self.age = 0;
        }
        Ok(results)
    }

    /// One step.
    ///
    /// # Errors
    /// A quadratic program that cannot be solved; derivatives that cannot be computed.
    pub fn step(
        &mut self,
        joint: &Joint,
        library: &Library,
        accuracy: &Accuracy,
        progress: Progress<'_>,
    ) -> Result<()> {
        if self.age >= AGE {
            self.jacobian.clear();
        }
        let results = self.differentiate(joint, library, accuracy, progress)?;
        let change = propose(joint, &self.at, &results, &self.jacobian, self.trust, 1.0)?;
        let moved: Vec<f64> = self.at.iter().zip(&change).map(|(a, d)| a + d).collect();
        let before = total(joint.cost(&self.at, &results));
        let expected = before - self.expected(joint, &moved, &change, &results);
        let used = self.trust;
        // A place where the model cannot be run is rejected like one that costs more.
        let tried = joint.results(library, &moved, accuracy).ok();
        let gained = tried.as_ref().map_or(f64::NEG_INFINITY, |found| {
            before - total(joint.cost(&moved, found))
        });
        let accepted = gained > 0.0;
        if let Some(found) = &tried {
            self.correct(joint, &change, &results, found);
        }
        let largest = change.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
        let ratio = gained / expected.max(1e-12);
        if ratio < 0.25 {
            self.trust *= 0.5;
        } else if ratio > 0.7 && largest > 0.9 * self.trust {
            self.trust = (1.6 * self.trust).min(WIDE);
        }
        let fresh = self.age == 0;
        self.age += 1;
        if !accepted && !fresh {
            self.age = AGE;
        }
        let step = self.visits.len();
        let shown = match (&tried, accepted) {
            (Some(found), true) => {
                self.at = moved;
                found
            }
            _ => &results,
        };
        let (rows, ranges) = joint.cost(&self.at, shown);
        self.visits.push(Visit {
            step,
            rows,
            ranges,
            trust: used,
            accepted,
            score: joint.score(shown),
        });
        self.done = self.trust < REST || expected < 1e-3;
        Ok(())
    }

    /// Cost at moved places by the linearised rows.
    fn expected(
        &self,
        joint: &Joint,
        moved: &[f64],
        change: &[f64],
        results: &[TestResult],
    ) -> f64 {
        let rows = joint.rows.iter().enumerate().filter_map(|(index, row)| {
            let coordinate = row.coordinate(&results[index])?;
            let columns = self.jacobian.iter().zip(change);
            let moves: f64 = columns.map(|(column, d)| column[index] * d).sum();
            Some(row.weight * libm::log1p(row.gap_at(coordinate + moves)))
        });
        let undefined = joint.rows.iter().zip(results);
        let undefined = undefined
            .filter(|(row, result)| row.coordinate(result).is_none())
            .map(|(row, result)| row.weight * libm::log1p(row.gap(result)));
        let (_, ranges) = joint.cost(moved, results);
        rows.sum::<f64>() + undefined.sum::<f64>() + ranges
    }

    /// Broyden's correction of the derivatives by what a step has shown.
    fn correct(
        &mut self,
        joint: &Joint,
        change: &[f64],
        before: &[TestResult],
        after: &[TestResult],
    ) {
        let square: f64 = change.iter().map(|d| d * d).sum();
        if square < 1e-12 {
            return;
        }
        for (index, row) in joint.rows.iter().enumerate() {
            let ends = (
                row.coordinate(&before[index]),
                row.coordinate(&after[index]),
            );
            let (true, (Some(from), Some(to))) = (row.weight > 0.0, ends) else {
                continue;
            };
            let columns = self.jacobian.iter().zip(change);
            let foreseen: f64 = columns.map(|(column, d)| column[index] * d).sum();
            let missed = (to - from - foreseen) / square;
            for (column, d) in self.jacobian.iter_mut().zip(change) {
                column[index] += missed * d;
            }
        }
    }
}

fn total((rows, ranges): (f64, f64)) -> f64 {
    rows + ranges
}

/// Trust region of the trade-off, in parts of the ranges: near enough for the derivatives of the fit.
const NEAR: f64 = 0.03;

/// What a small step from a finished fit gives where targets weigh more or less: (weight, score) of each emphasis.
///
/// # Errors
/// As [`Search::step`].
pub fn trade_off(
    joint: &Joint,
    search: &mut Search,
    library: &Library,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Vec<(f64, Score)>> {
    let results = search.differentiate(joint, library, accuracy, progress)?;
    let Some(jacobian) = search.jacobian() else {
        return Ok(Vec::new());
    };
    let mut points = Vec::new();
    for emphasis in &joint.emphases {
        let change = propose(joint, &search.at, &results, jacobian, NEAR, *emphasis)?;
        let moved: Vec<f64> = search.at.iter().zip(&change).map(|(a, d)| a + d).collect();
        let found = joint.results(library, &moved, accuracy)?;
        points.push((*emphasis, joint.score(&found)));
        progress();
    }
    Ok(points)
}

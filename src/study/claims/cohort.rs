//! Claims about many patients: the part that benefits, and what goes with a bad course.

use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Scenario};
use crate::study::population::READOUTS;
use crate::study::silent;
use crate::study::survival::rank_correlation;
use crate::study::trial::{TrialDesign, TrialResult, trial};

/// Seed of the virtual patients of the ledger.
const SEED: u64 = 1;

const HOURS_PER_DAY: f64 = 24.0;
const CONFIDENCE: f64 = 0.95;

/// The virtual patients of a trial, each treated in every arm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cohort {
    /// Name of the trial.
    pub trial: String,
    /// Number of patients.
    pub patients: u64,
}

/// What is told of a cohort.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CohortValue {
    /// The part of the patients that progress later than untreated by a delay (bits of h).
    Benefiting(u64),
    /// Rank correlation of a readout before treatment with the time to progression.
    Prognosis(String),
}

impl CohortValue {
    /// The value for a readout before treatment.
    ///
    /// # Errors
    /// An unknown readout, with the nearest.
    pub fn prognosis(readout: &str, place: &str) -> Result<Self> {
        let names = READOUTS.iter().map(|readout| readout.name);
        if names.clone().any(|name| name == readout) {
            return Ok(Self::Prognosis(readout.to_owned()));
        }
        Err(Error::unknown_name(place, "readout", readout, names))
    }
}

/// Runs the trial with the arm of `scenario` beside vehicle and tells the value.
///
/// # Errors
/// A trial or population that cannot be used; an arm in which every run fails.
pub fn cohort_value(
    library: &Library,
    cohort: &Cohort,
    value: &CohortValue,
    scenario: &Scenario,
    accuracy: &Accuracy,
) -> Result<f64> {
    let mut design = TrialDesign::read(library, &cohort.trial, "claims")?;
    design.patients = cohort.patients;
    design.arms = vec![Arm::vehicle()];
    if scenario.arm != Arm::vehicle() {
        design.arms.push(scenario.arm.clone());
    }
    if let Some(duration) = scenario.duration {
        design.duration = duration;
    }
    let result = trial(library, &design, scenario, SEED, accuracy, &silent)?;
    Ok(match value {
        CohortValue::Benefiting(delay) => {
            benefiting(&result, f64::from_bits(*delay) / HOURS_PER_DAY)
        }
        CohortValue::Prognosis(readout) => prognosis(&result, readout),
    })
}

/// Part of the patients whose last arm delays progression by `delay` (d) over the first; who does not
/// progress untreated has nothing to gain.
fn benefiting(result: &TrialResult, delay: f64) -> f64 {
    let (Some(control), Some(treated)) = (result.arms.first(), result.arms.last()) else {
        return f64::NAN;
    };
    let gained = treated.courses.iter().filter(|course| {
        let untreated = control.courses.iter().find(|c| c.subject == course.subject);
        untreated.is_some_and(|untreated| {
            let untreated = untreated.observation;
            untreated.event && course.observation.time - untreated.time >= delay - 1e-9
        })
    });
    gained.count() as f64 / treated.courses.len() as f64
}

fn prognosis(result: &TrialResult, readout: &str) -> f64 {
    let Some(arm) = result.arms.last() else {
        return f64::NAN;
    };
    let (mut before, mut times) = (Vec::new(), Vec::new());
    for course in &arm.courses {
        let subject = &result.subjects[course.subject];
        before.push(subject.readouts.get(readout).unwrap_or(f64::NAN));
        times.push(course.observation.time);
    }
    rank_correlation(&before, &times, CONFIDENCE).map_or(f64::NAN, |(rho, ..)| rho)
}

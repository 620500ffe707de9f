//! Claims about many patients: the part that benefits, and what goes with a bad course.

use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Scenario};
use crate::study::plan::{Rows, collect};
use crate::study::population::READOUTS;
use crate::study::random::{Draws, Purpose};
use crate::study::silent;
use crate::study::survival::{KaplanMeier, Times, hazard_ratio, rank_correlation};
use crate::study::trial::{Course, Response, TrialDesign, TrialPlan};
use std::collections::BTreeMap;

/// Seed of the virtual patients of the ledger.
const SEED: u64 = 1;

/// Relative tolerance of the runs of virtual patients.
const COARSE: f64 = 1e-4;

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
    /// Median time to progression of the arm, d.
    Median,
    /// Hazard ratio of progression against vehicle.
    HazardRatio,
    /// Part of the patients with a partial response.
    Response,
    /// Part of the subjects whose tumour is smaller at the end than at the start.
    Shrinking,
    /// Part of the patients without progression at a time (bits of h), by Kaplan and Meier.
    ProgressionFree(u64),
}

impl CohortValue {
    /// Unit of the value.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Median => "d",
            _ => "1",
        }
    }

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

/// Resamples of the patients behind an interval.
const RESAMPLES: u64 = 200;

/// Runs the trial with the arm of `scenario` beside vehicle and tells the values.
///
/// # Errors
/// A trial or population that cannot be used; an arm in which every run fails.
pub fn cohort_values(
    library: &Library,
    cohort: &Cohort,
    values: &[&CohortValue],
    scenario: &Scenario,
    accuracy: &Accuracy,
) -> Result<Vec<f64>> {
    let result = run(library, cohort, scenario, accuracy)?;
    let all = everyone(&result);
    Ok(values
        .iter()
        .map(|value| tell(&result, value, &all))
        .collect())
}

/// Values of a cohort with the 2.5 and 97.5 % quantiles over resampled patients.
///
/// # Errors
/// As [`cohort_values`].
pub fn estimates(
    library: &Library,
    cohort: &Cohort,
    values: &[&CohortValue],
    scenario: &Scenario,
    accuracy: &Accuracy,
) -> Result<Vec<[f64; 3]>> {
    let result = run(library, cohort, scenario, accuracy)?;
    let all = everyone(&result);
    let draws = Draws::new(SEED, Purpose::Bootstrap);
    let resamples: Vec<Vec<usize>> = (0..RESAMPLES)
        .map(|resample| {
            let uniforms = draws.uniforms(resample, 0);
            let places = uniforms.map(|u| ((u * all.len() as f64) as usize).min(all.len() - 1));
            places.take(all.len()).map(|place| all[place]).collect()
        })
        .collect();
    Ok(values
        .iter()
        .map(|value| {
            let told = resamples.iter().map(|who| tell(&result, value, who));
            let mut told: Vec<f64> = told.filter(|v| !v.is_nan()).collect();
            told.sort_by(f64::total_cmp);
            let quantile = |part: f64| {
                let last = told.len().saturating_sub(1);
                let place = (part * last as f64).round() as usize;
                told.get(place).copied().unwrap_or(f64::NAN)
            };
            [tell(&result, value, &all), quantile(0.025), quantile(0.975)]
        })
        .collect())
}

/// The patients of a finished trial.
struct Seen {
    /// Courses of each arm by subject; those of failed runs are missing.
    arms: Vec<BTreeMap<usize, Course>>,
    /// Readouts before treatment, in the order of [`READOUTS`], each of every subject.
    readouts: Vec<Vec<f64>>,
}

fn run(
    library: &Library,
    cohort: &Cohort,
    scenario: &Scenario,
    accuracy: &Accuracy,
) -> Result<Seen> {
    let mut design = TrialDesign::read(library, &cohort.trial, "claims")?;
    design.patients = cohort.patients;
    design.arms = vec![Arm::vehicle()];
    if scenario.arm != Arm::vehicle() {
        design.arms.push(scenario.arm.clone());
    }
    if let Some(duration) = scenario.duration {
        design.duration = duration;
    }
    // Scans are weeks apart: the time of a progression is not finer.
    let coarse = Accuracy {
        rtol: accuracy.rtol.max(COARSE),
        ..Accuracy::ensemble()
    };
    let plan = TrialPlan::new(library, &design, scenario, SEED)?;
    let subjects = plan.subjects();
    let drawn = collect(&subjects, &coarse, &silent)?;
    let rows = collect(&plan, &coarse, &silent)?;
    // An arm in which every run fails is an error there.
    plan.analyse(&rows, &drawn)?;
    let mut arms = vec![BTreeMap::new(); design.arms.len()];
    plan.courses(&rows, |arm, course, _| {
        arms[arm].insert(course.subject, course);
        Ok(())
    })?;
    let readouts = subjects.readouts().map(|column| drawn.column(column));
    Ok(Seen {
        arms,
        readouts: readouts.collect::<Result<_>>()?,
    })
}

/// Subjects with a course in every arm.
fn everyone(result: &Seen) -> Vec<usize> {
    let first = result.arms.iter().take(1).flat_map(BTreeMap::keys);
    let everywhere = |subject: &usize| result.arms.iter().all(|arm| arm.contains_key(subject));
    first.copied().filter(everywhere).collect()
}

/// The value over some subjects, each as often as named.
fn tell(result: &Seen, value: &CohortValue, who: &[usize]) -> f64 {
    let (Some(control), Some(treated)) = (result.arms.first(), result.arms.last()) else {
        return f64::NAN;
    };
    let courses = |arm: &BTreeMap<usize, Course>| -> Vec<Course> {
        let found = who.iter().filter_map(|subject| arm.get(subject));
        found.cloned().collect()
    };
    let (control, treated) = (courses(control), courses(treated));
    let seen = |courses: &[Course]| -> Times {
        let mut times = Times::default();
        for course in courses {
            times.add(course.observation);
        }
        times
    };
    let part = |count: usize| count as f64 / treated.len() as f64;
    match value {
        CohortValue::Benefiting(delay) => {
            let delay = f64::from_bits(*delay) / HOURS_PER_DAY;
            let pairs = control.iter().zip(&treated);
            let gained = pairs.filter(|(untreated, course)| {
                let untreated = untreated.observation;
                untreated.event && course.observation.time - untreated.time >= delay - 1e-9
            });
            part(gained.count())
        }
        CohortValue::Prognosis(readout) => {
            let Some(place) = READOUTS.iter().position(|r| r.name == readout) else {
                return f64::NAN;
            };
            let readouts = &result.readouts[place];
            let before: Vec<f64> = treated.iter().map(|c| readouts[c.subject]).collect();
            let times: Vec<f64> = treated.iter().map(|c| c.observation.time).collect();
            rank_correlation(&before, &times, CONFIDENCE).map_or(f64::NAN, |(rho, ..)| rho)
        }
        CohortValue::Median => KaplanMeier::of(&seen(&treated), CONFIDENCE)
            .median()
            .estimate
            .unwrap_or(f64::INFINITY),
        CohortValue::HazardRatio => hazard_ratio(&seen(&control), &seen(&treated), CONFIDENCE)
            .map_or(f64::NAN, |ratio| ratio.estimate),
        CohortValue::Response => part(
            treated
                .iter()
                .filter(|c| c.response == Response::Partial)
                .count(),
        ),
        CohortValue::Shrinking => {
            let smaller = |c: &&Course| c.diameter_end < 1.0;
            part(treated.iter().filter(smaller).count())
        }
        CohortValue::ProgressionFree(at) => KaplanMeier::of(&seen(&treated), CONFIDENCE)
            .survival(f64::from_bits(*at) / HOURS_PER_DAY),
    }
}

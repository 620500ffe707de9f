//! Running a trial.

use super::design::{Allocation, TrialDesign};
use super::outcome::{ArmOutcome, Contrast, Course, TrialResult, biomarkers};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Scenario, Template};
use crate::study::Progress;
use crate::study::population::{Population, Sampler, Subject};
use crate::study::random::{Draws, Purpose};
use crate::study::runs::{Failure, Probe, Tally, stream};

/// Runs a trial; `scenario` gives phenotype, variant, mode and overrides, its arm, setting and length
/// are the trial's.
///
/// # Errors
/// Names or numbers that cannot be used; a population that cannot be drawn; an arm without any run that
/// succeeded.
pub fn trial(
    library: &Library,
    design: &TrialDesign,
    scenario: &Scenario,
    seed: u64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<TrialResult> {
    design.check("trial")?;
    let population = Population::read(library, &design.population, "trial")?;
    let scenario = Scenario {
        setting: population.setting.clone(),
        duration: Some(design.duration),
        ..scenario.clone()
    };
    let sampler = Sampler::new(library, &population, &scenario, seed)?;
    let templates = design
        .arms
        .iter()
        .map(|arm| Template::read(library, &scenario.with_arm(arm.clone())))
        .collect::<Result<Vec<_>>>()?;
    let arms = design.arms.len();
    let subjects = sampler.subjects(0..count(design))?;
    let allocation = Draws::new(seed, Purpose::Allocation);
    let who = |run: usize| match design.allocation {
        Allocation::Matched => (run / arms, run % arms),
        Allocation::Randomised => {
            let block = allocation.permutation((run / arms) as u64, arms);
            (run, block[run % arms])
        }
    };
    let losses = Draws::new(seed, Purpose::Dropout);
    let leaves = |subject: &Subject| -libm::log(losses.uniform(subject.id, 0)) / design.dropout;
    let scans = design.scans();
    let mut probe = Probe {
        times: scans.clone(),
        endpoints: false,
    };
    if design.duration - scans[scans.len() - 1] > 1e-6 {
        probe.times.push(design.duration);
    }
    let mut courses: Vec<Vec<Course>> = vec![Vec::new(); arms];
    let mut tally = Tally::default();
    stream(
        0..design.runs(),
        |run| {
            let (subject, arm) = who(run);
            sampler.problem(&templates[arm], &subjects[subject])
        },
        &probe,
        accuracy,
        |run, result| {
            let (subject, arm) = who(run);
            match result {
                Ok(probed) => {
                    let burdens = probed.trajectory.series(|_, signals| signals.burden);
                    courses[arm].push(Course {
                        burden_end: burdens[burdens.len() - 1],
                        ..Course::new(
                            design,
                            subject,
                            &scans,
                            &burdens[..scans.len()],
                            leaves(&subjects[subject]),
                        )
                    });
                    tally.success();
                }
                Err(error) => tally.failure(Failure {
                    run,
                    label: format!("{} subject {subject}", design.arms[arm]),
                    numbers: named(&sampler, &subjects[subject]),
                    cause: error.to_string(),
                }),
            }
            progress();
            Ok(())
        },
    )?;
    if let Some(empty) = courses.iter().position(Vec::is_empty) {
        return Err(Error::Run {
            run: format!("trial {}, arm {}", design.name, design.arms[empty]),
            state: "every patient".to_owned(),
            time_h: 0.0,
            cause: tally.words(),
            remedy: "narrow the population or tighten --rtol".to_owned(),
        });
    }
    let outcomes: Vec<ArmOutcome> = design
        .arms
        .iter()
        .cloned()
        .zip(courses)
        .map(|(arm, courses)| Ok(ArmOutcome::new(arm.clone(), class(library, &arm)?, courses)))
        .collect::<Result<_>>()?;
    let matched = design.allocation == Allocation::Matched;
    let factors: Vec<String> = population.factors.iter().map(|f| f.name.clone()).collect();
    let mut contrasts = Vec::new();
    let mut markers = Vec::new();
    for (arm, against) in comparisons(&design.arms) {
        let (arm, against) = (&outcomes[arm], &outcomes[against]);
        contrasts.push(Contrast::new(arm, against, matched));
        if matched {
            markers.extend(biomarkers(arm, against, &subjects, &factors));
        }
    }
    Ok(TrialResult {
        burden_unit: templates[0]
            .table()
            .text("burden_unit")
            .unwrap_or("1")
            .to_owned(),
        design: design.clone(),
        seed,
        factors,
        weights: sampler.weights.clone(),
        subjects,
        scans,
        arms: outcomes,
        contrasts,
        biomarkers: markers,
        tally,
    })
}

/// Patients that are drawn.
fn count(design: &TrialDesign) -> u64 {
    match design.allocation {
        Allocation::Matched => design.patients,
        Allocation::Randomised => design.patients * design.arms.len() as u64,
    }
}

/// Class of the first partner of an arm.
fn class(library: &Library, arm: &Arm) -> Result<Option<String>> {
    let Some(name) = arm.partners.first() else {
        return Ok(None);
    };
    let table = library.table("partners", name, "trial")?;
    Ok(table.text("class").map(str::to_owned))
}

fn named(sampler: &Sampler, subject: &Subject) -> Vec<(String, f64)> {
    let numbers = sampler.numbers(subject);
    numbers
        .into_iter()
        .map(|(path, value)| (path.to_owned(), value))
        .collect()
}

/// Every arm against the first, then combinations with sorafenib against sorafenib.
fn comparisons(arms: &[Arm]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = (1..arms.len()).map(|arm| (arm, 0)).collect();
    let alone = arms.iter().position(|arm| *arm == Arm::sorafenib());
    if let Some(alone) = alone.filter(|alone| *alone > 0) {
        let combined = |arm: &Arm| arm.sorafenib && !arm.partners.is_empty();
        let with = (1..arms.len()).filter(|i| combined(&arms[*i]));
        pairs.extend(with.map(|arm| (arm, alone)));
    }
    pairs
}

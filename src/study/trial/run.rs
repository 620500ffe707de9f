//! A trial as a study: a row per patient and arm.

use super::design::{Allocation, TrialDesign};
use super::outcome::{ArmOutcome, Contrast, Course, TRACED, TrialResult, biomarkers};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Problem, Scenario, Template};
use crate::study::Progress;
use crate::study::plan::{Field, Plan, Rows, collect, tally, visit};
use crate::study::population::{Population, Sampler, Subject};
use crate::study::random::{Draws, Purpose};
use crate::study::runs::{Probe, Probed};
use std::sync::Arc;

/// A trial, ready to run.
#[derive(Debug)]
pub struct TrialPlan {
    /// What is done.
    pub design: TrialDesign,
    /// Seed of patients, allocation and losses.
    pub seed: u64,
    scenario: Scenario,
    sampler: Sampler,
    templates: Vec<Template>,
    classes: Vec<Option<String>>,
    subjects: Arc<[Subject]>,
    scans: Vec<f64>,
    allocation: Draws,
}

/// Runs a trial; `scenario` gives phenotype, variant, mode and overrides, its arm, setting and length
/// are the trial's.
///
/// # Errors
/// As [`TrialPlan::new`] and [`TrialPlan::analyse`].
pub fn trial(
    library: &Library,
    design: &TrialDesign,
    scenario: &Scenario,
    seed: u64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<TrialResult> {
    let plan = TrialPlan::new(library, design, scenario, seed)?;
    plan.analyse(&collect(&plan, accuracy, progress)?)
}

impl TrialPlan {
    /// Draws the patients of a trial and reads its arms.
    ///
    /// # Errors
    /// Names or numbers that cannot be used; a population that cannot be drawn.
    pub fn new(
        library: &Library,
        design: &TrialDesign,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<Self> {
        design.check("trial")?;
        let population = Population::read(library, &design.population, "trial")?;
        let scenario = Scenario {
            setting: population.setting.clone(),
            duration: Some(design.duration),
            ..scenario.clone()
        };
        let sampler = Sampler::new(library, &population, &scenario, seed)?;
        let read = |arm: &Arm| Template::read(library, &scenario.with_arm(arm.clone()));
        let classes = design.arms.iter().map(|arm| class(library, arm));
        Ok(Self {
            templates: design.arms.iter().map(read).collect::<Result<_>>()?,
            classes: classes.collect::<Result<_>>()?,
            subjects: sampler.subjects(0..count(design))?.into(),
            scans: design.scans(),
            allocation: Draws::new(seed, Purpose::Allocation),
            design: design.clone(),
            seed,
            scenario,
            sampler,
        })
    }

    /// Patient and arm of a row.
    fn who(&self, row: usize) -> (usize, usize) {
        let arms = self.design.arms.len();
        match self.design.allocation {
            Allocation::Matched => (row / arms, row % arms),
            Allocation::Randomised => {
                let block = self.allocation.permutation((row / arms) as u64, arms);
                (row, block[row % arms])
            }
        }
    }

    /// When a patient leaves, h.
    fn leaves(&self, subject: &Subject) -> f64 {
        let losses = Draws::new(self.seed, Purpose::Dropout);
        -libm::log(losses.uniform(subject.id, 0)) / self.design.dropout
    }

    /// Hands every course with its arm and with the diameters over the start at all scans to `each`, in
    /// the order of the rows; failed runs have none.
    ///
    /// # Errors
    /// Rows that cannot be read; the first error of `each`.
    pub fn courses(
        &self,
        rows: &dyn Rows,
        mut each: impl FnMut(usize, Course, Vec<f64>) -> Result<()>,
    ) -> Result<()> {
        visit(rows, |row, numbers| {
            let (subject, arm) = self.who(row);
            let leaves = self.leaves(&self.subjects[subject]);
            let (burdens, end) = (&numbers[..self.scans.len()], numbers[numbers.len() - 1]);
            let diameters: Vec<f64> = burdens.iter().map(|v| libm::cbrt(v / burdens[0])).collect();
            let course = Course::new(&self.design, subject, &self.scans, &diameters, leaves, end);
            each(arm, course, diameters)
        })
    }

    /// What the rows say.
    ///
    /// # Errors
    /// An arm without any run that succeeded; rows that cannot be read.
    pub fn analyse(&self, rows: &dyn Rows) -> Result<TrialResult> {
        let design = &self.design;
        let mut courses: Vec<Vec<Course>> = vec![Vec::new(); design.arms.len()];
        let mut traces: Vec<Vec<Vec<f64>>> = vec![Vec::new(); design.arms.len()];
        self.courses(rows, |arm, course, diameters| {
            courses[arm].push(course);
            if traces[arm].len() < TRACED {
                traces[arm].push(diameters);
            }
            Ok(())
        })?;
        let tally = tally(self, rows);
        if let Some(empty) = courses.iter().position(Vec::is_empty) {
            return Err(Error::Run {
                run: format!("trial {}, arm {}", design.name, design.arms[empty]),
                state: "every patient".to_owned(),
                time_h: 0.0,
                cause: tally.words(),
                remedy: "narrow the population or tighten --rtol".to_owned(),
            });
        }
        let seen = courses.into_iter().zip(traces);
        let outcomes: Vec<ArmOutcome> = design
            .arms
            .iter()
            .zip(&self.classes)
            .zip(seen)
            .map(|((arm, class), seen)| ArmOutcome::new(arm.clone(), class.clone(), seen))
            .collect();
        let matched = design.allocation == Allocation::Matched;
        let factors = self.sampler.population.factors.iter();
        let factors: Vec<String> = factors.map(|factor| factor.name.clone()).collect();
        let mut contrasts = Vec::new();
        let mut markers = Vec::new();
        for (arm, against) in comparisons(&design.arms) {
            let (arm, against) = (&outcomes[arm], &outcomes[against]);
            contrasts.push(Contrast::new(arm, against, matched));
            if matched {
                markers.extend(biomarkers(arm, against, &self.subjects, &factors));
            }
        }
        let table = self.templates[0].table();
        Ok(TrialResult {
            burden_unit: table.text("burden_unit").unwrap_or("1").to_owned(),
            design: design.clone(),
            seed: self.seed,
            factors,
            weights: self.sampler.weights.clone(),
            subjects: self.subjects.clone(),
            scans: self.scans.clone(),
            arms: outcomes,
            contrasts,
            biomarkers: markers,
            tally,
        })
    }
}

impl Plan for TrialPlan {
    fn rows(&self) -> usize {
        self.design.runs()
    }

    fn fields(&self) -> Vec<Field> {
        let unit = self.templates[0].table().text("burden_unit").unwrap_or("1");
        let scans = self.scans.iter();
        scans
            .map(|time| Field::new(format!("burden_week_{}", time / 168.0), unit))
            .chain([Field::new("burden_end", unit)])
            .collect()
    }

    fn probe(&self) -> Probe {
        let mut times = self.scans.clone();
        if self.design.duration - times[times.len() - 1] > 1e-6 {
            times.push(self.design.duration);
        }
        Probe {
            times,
            endpoints: false,
        }
    }

    fn problem(&self, row: usize, _run: usize) -> Result<Problem> {
        let (subject, arm) = self.who(row);
        self.sampler
            .problem(&self.templates[arm], &self.subjects[subject])
    }

    fn reduce(&self, _row: usize, runs: Vec<Probed>) -> Result<Vec<f64>> {
        let mut burdens = runs[0].trajectory.series(|_, signals| signals.burden);
        if burdens.len() == self.scans.len() {
            burdens.push(burdens[burdens.len() - 1]);
        }
        Ok(burdens)
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        let (subject, arm) = self.who(row);
        let subject = &self.subjects[subject];
        let numbers = self.sampler.numbers(subject).into_iter();
        (
            format!("{} subject {}", self.design.arms[arm], subject.id),
            numbers
                .map(|(path, value)| (path.to_owned(), value))
                .collect(),
        )
    }

    fn identity(&self) -> String {
        format!("{:?} {:?}", self.design, self.scenario)
    }
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
